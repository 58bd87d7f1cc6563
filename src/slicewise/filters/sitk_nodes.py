"""Filters of SimpleITK as nodes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import attrs
import numpy as np

from slicewise.dicom.uids import reproducible_uids
from slicewise.dicom.values import text_of
from slicewise.errors import ComputeError, GraphError
from slicewise.filters.simpleitk import image_of, limit_threads, simpleitk, watched_filter
from slicewise.filters.sitk_calls import FRAME_OF_REFERENCE, SitkCall
from slicewise.filters.sitk_grids import Regridding, geometry_of, regridding
from slicewise.filters.sitk_measurements import Measurements, measured
from slicewise.filters.sitk_quicker import computed_here
from slicewise.filters.sitk_reflection import REFERENCE
from slicewise.filters.sitk_settings import TransformValue, reason_of
from slicewise.filters.sitk_table import (
    BY_LINES,
    SERIAL,
    Grid,
    derivation_of,
    grid_of,
    halo_of,
    keeps_units,
    reach_of,
)
from slicewise.image import Geometry, ImageInfo, Operation, SliceMap
from slicewise.image.bridges import pixels_of
from slicewise.pipeline.block import grown
from slicewise.pipeline.effect import Effect
from slicewise.pipeline.keys import content_key
from slicewise.pipeline.node import Array, Block, Node, Outline, Slab, node
from slicewise.pipeline.run import Runner, Sink

if TYPE_CHECKING:
    import threading

    from slicewise.pipeline.cache import ResultCache
    from slicewise.pipeline.progress import Show

__all__ = ["SitkFilter", "SitkMeasurement"]

_TRIAL_SHAPE = (5, 6, 8)
"""Shape of the image a filter is tried on, at most: axes differ, so that an exchange of axes shows, and can be halved
or divided by 3 or 5, as Fourier transforms demand."""


@node
class SitkFilter(SitkCall):
    """A filter of SimpleITK that makes an image.

    Raises
    ------
    ParameterError
        If there is no such parameter, or its value cannot be.
    GraphError
        If the filter does not take the type of the images, or makes something else than a volume.
    SpaceMismatchError
        If images are not on the same grid that SimpleITK wants there.
    IrregularGeometryError
        If the filter takes the whole image, or its spacing, and the image is no box.
    ComputeError
        When computed, if SimpleITK fails.
    """

    computes_margins: ClassVar[bool] = True

    @property
    def effect(self) -> Effect:
        """What the table says of the filter."""
        units, images = keeps_units(self.filter_name), len(self.inputs)
        derivation = derivation_of(self.filter_name, images)
        if not self.is_connected:
            return Effect(Operation.PIXEL, keeps_units=units, derivation=derivation)
        result = self._result
        lent = sum(self._lends_grid(role) for role in self.roles)
        several = {Operation.MULTI} if images - lent > 1 else set()
        operations = result.operations - {Operation.PIXEL} if several else result.operations
        # What was moved in the patient is no longer in the frame of reference of the source.
        attributes = {"FrameOfReferenceUID": self._frame_of_reference()} if self._moves_points else {}
        return Effect(
            operations | several,
            keeps_units=units,
            derivation=(*derivation, *result.derivation),
            attributes=attributes,
        )

    def _frame_of_reference(self) -> str | None:
        """Return the frame of reference of what was moved: that of the grid it was moved onto, or one of its own."""
        infos = self._named_infos
        own = text_of(infos[self.first_role].headers.element(FRAME_OF_REFERENCE, 0))
        if self._reference(infos) is not None and REFERENCE in infos:
            return text_of(infos[REFERENCE].headers.element(FRAME_OF_REFERENCE, 0)) or None
        return next(reproducible_uids(None, [own, self.filter_name, content_key(self.settings)])) if own else None

    @property
    def _moves_points(self) -> bool:
        transform = dict(self.settings).get("transform")
        mirrors = self.filter_name == "Flip" and bool(dict(self.settings).get("flip_about_origin"))
        moved = isinstance(transform, TransformValue) and not transform.is_identity
        return mirrors or moved or self.filter_name == "Warp"

    @property
    def whole(self) -> bool:
        """Whether the filter needs the whole image."""
        return not self.is_connected or self._halo(self._named_infos[self.first_role]) is None

    def halo(self, info: ImageInfo) -> int:
        """Return how many slices the filter looks to each side."""
        known = self._halo(info)
        return info.geometry.slices if known is None else known

    def _halo(self, info: ImageInfo) -> int | None:
        reach = reach_of(self.filter_name)
        if reach is not None and reach.physical:
            # Spacing and direction are those of a box, or there are none.
            _ = info.geometry.direction
        return halo_of(self.filter_name, self._filter(), info)

    def request(self, slab: Slab, *inputs: ImageInfo) -> tuple[Slab, ...]:
        """Return the slices around the slab; where the filter is not streamed, all; none where only the grid counts."""
        roles = list(self._named_infos)
        if self.whole:
            return tuple(
                range(0) if self._lends_grid(role) else range(info.slices)
                for role, info in zip(roles, inputs, strict=True)
            )
        return super().request(slab, *inputs)

    def outline(self, *inputs: ImageInfo) -> Outline:
        """Return the grid and the type of the result, as trials on images without content give them."""
        result = self._result
        identity = result.slices
        infos = list(self._named_infos.items())
        maps = [identity]
        for role, info in infos[1:]:
            if self._lends_grid(role):
                break
            free = self._has_own_grid(role)
            count = len(identity.match)
            maps.append(SliceMap((None,) * count, (range(info.slices),) * count) if free else identity)
        return Outline(result.geometry, result.dtype, result.components, tuple(maps))

    def compute(self, slab: Slab, *blocks: Block) -> Array:
        """Return the filtered slab."""
        first = blocks[0]
        try:
            if self.whole:
                image_filter = self._filter(self._reference(self._named_infos))
                limit_threads(image_filter, 1 if self.filter_name in SERIAL else None)
                with watched_filter(image_filter):
                    result = self._execute(image_filter, self._whole_images(blocks))
                return self._pixels(result)
            image_filter = self._filter()
            quicker = computed_here(self.filter_name, image_filter, first, slab)
            if quicker is not None:
                return quicker
            limit_threads(image_filter)
            # Other nodes may have asked for more of an input than is needed here.
            needed = grown(slab, self.halo(first.info), first.info.slices)
            result = self._execute(image_filter, self._slab_images(needed, blocks))
        except RuntimeError as error:
            raise ComputeError(f"{self!r}: {reason_of(error)}") from error
        start = slab.start - needed.start
        return self._pixels(result)[start : start + len(slab)]

    def scratch_bytes(self, slab: Slab, *taken: Slab) -> int:
        """Return what SimpleITK's own images of the inputs take, and of the result with the slices around it."""
        inputs = sum(len(t) * n.info.slice_bytes for t, n in zip(taken, self.inputs.values(), strict=False))
        return inputs + max(map(len, (slab, *taken))) * self.info.slice_bytes

    def measurements(
        self,
        *,
        memory: int | str | None = None,
        workers: int | None = None,
        progress: bool | Show | None = None,
        cancel: threading.Event | None = None,
        cache: ResultCache | None = None,
    ) -> Measurements:
        """Run the filter on the whole image and return what it found beside its image, such as a threshold.

        The options are those of ``update``.

        Raises
        ------
        GraphError
            If the filter measures nothing.
        """
        if not self.spec.measurements:
            raise GraphError(f"{self.name} measures nothing: its result is its image")
        sink = SitkMeasurement(self.filter_name, self.settings, self.others, self.roles, self.role, input=self.input)
        found: Measurements = sink.update(memory=memory, workers=workers, progress=progress, cancel=cancel, cache=cache)
        return found

    # --- what is known without pixels -----------------------------------------------------------

    @cached_property
    def _result(self) -> _Result:
        infos = self._named_infos
        self._check_grids(infos)
        info = infos[self.first_role]
        self._check_lines(info)
        if self.whole:
            # A whole image goes to SimpleITK as a box, or not at all.
            for other in infos.values():
                _ = other.geometry.direction
        kind = self._grid_kind()
        small = self._tried(infos, small=True)
        if isinstance(small, RuntimeError) or _sizes_count(kind):
            return self._tried_in_full(infos, kind, small)
        image, tried = small
        if _on_grid_of(image, tried) and kind is None:
            identity = SliceMap.identity(info.slices)
            same = Regridding(info.geometry, identity, frozenset([Operation.PIXEL]))
            return self._checked(image, same)
        if kind is Grid.MOVES and _on_grid_of(image, tried):
            return self._checked(image, regridding(kind, info.geometry, info.geometry))
        return self._tried_in_full(infos, kind, small)

    def _check_lines(self, info: ImageInfo) -> None:
        image_filter = self._filter()
        if self.filter_name not in BY_LINES or image_filter.GetKernelType() != simpleitk().sitkBox:
            return
        radius = image_filter.GetKernelRadius()
        if all(r > 0 for r in radius) and all(n >= 2 * r + 1 for n, r in zip(info.geometry.size, radius, strict=False)):
            return
        raise GraphError(
            f"{self.name} with a box of radius {tuple(radius)} makes SimpleITK read beyond the image of "
            f"{info.geometry.size} voxels: every radius must be 1 or more, and the box must fit into the image; "
            "kernel_type='ball' has no such limit"
        )

    def _grid_kind(self) -> Grid | None:
        kind = grid_of(self.filter_name)
        if self._moves_points:
            return Grid.MOVES
        return kind

    def _tried_in_full(self, infos: Mapping[str, ImageInfo], kind: Grid | None, small: Any) -> _Result:
        info = infos[self.first_role]
        after = self._stated_grid(infos)
        full: Any = None
        if after is None:
            full = self._tried(infos, small=False, plain=_sizes_count(kind))
            if isinstance(full, RuntimeError):
                error = small if isinstance(small, RuntimeError) else full
                raise self._unworkable(error, info) from error
            _check_volume(self.name, full[0])
            after = geometry_of(full[0], info.geometry)
        if isinstance(small, RuntimeError):
            small = self._tried(infos, small=False)
        if isinstance(small, RuntimeError):
            raise self._unworkable(small, info) from small
        if kind is None and full is not None and _on_grid_of(*full):
            identity = SliceMap.identity(info.slices)
            return self._checked(small[0], Regridding(info.geometry, identity, frozenset([Operation.PIXEL])))
        return self._checked(small[0], regridding(kind, info.geometry, after))

    def _stated_grid(self, infos: Mapping[str, ImageInfo]) -> Geometry | None:
        """Return the grid that the parameters state; None where it follows from the image."""
        info = infos[self.first_role]
        if self.filter_name not in ("Resample", "Warp"):
            return None
        image_filter = self._filter(self._reference(infos))
        warps = self.filter_name == "Warp"
        size = image_filter.GetOutputSize() if warps else image_filter.GetSize()
        if not all(size):
            if not warps:
                return info.geometry
            size = infos["displacement_field"].geometry.size
        direction = image_filter.GetOutputDirection() or None
        box = Geometry.from_box(size, image_filter.GetOutputSpacing(), image_filter.GetOutputOrigin(), direction)
        return attrs.evolve(box, coordinates=info.geometry.coordinates)

    def _tried(self, infos: Mapping[str, ImageInfo], *, small: bool, plain: bool = False) -> Any:
        """Return what the filter makes of images of these types, spacings and orientations, or the error it raises."""
        reach = reach_of(self.filter_name)
        boxed = self.whole or (reach is not None and reach.physical)
        grid = infos[self.first_role].geometry
        images = {}
        for role, info in infos.items():
            own = info.geometry if self._has_own_grid(role) else grid
            images[role] = _trial(attrs.evolve(info, geometry=own), small=small, plain=plain, boxed=boxed)
        image_filter = self._filter(self._reference(infos))
        if self.filter_name in BY_LINES and image_filter.GetKernelType() == simpleitk().sitkBox:
            # The image of the trial may be smaller than a box.
            image_filter.SetKernelType(simpleitk().sitkBall)
        if small and self.filter_name == "Resample" and all(image_filter.GetSize()):
            image_filter.SetSize(
                [min(n, most) for n, most in zip(image_filter.GetSize(), _TRIAL_SHAPE[::-1], strict=True)]
            )
        try:
            return self._execute(image_filter, images), images[self.first_role]
        except RuntimeError as error:
            return error

    def _unworkable(self, error: RuntimeError, info: ImageInfo) -> GraphError:
        hopeful = "not supported" in str(error) and info.dtype.kind != "f" and info.components == 1
        hint = "; try Cast('float32') before it" if hopeful else ""
        return GraphError(f"{self!r} does not work on images like this one: {reason_of(error)}{hint}")

    def _checked(self, image: Any, grid: Regridding) -> _Result:
        _check_volume(self.name, image)
        pixels = self._pixels(image)
        if pixels.dtype.kind not in "iuf":
            raise GraphError(f"{self.name} gives pixels of type {pixels.dtype}, which are not supported")
        return _Result(
            grid.geometry,
            grid.slices,
            grid.operations,
            grid.derivation,
            dtype=pixels.dtype,
            components=math.prod(pixels.shape[3:]),
        )

    def _slab_images(self, needed: Slab, blocks: Sequence[Block]) -> dict[str, Any]:
        reach = reach_of(self.filter_name)
        geometry = blocks[0].info.geometry
        images = {}
        for role, block in zip(self._named_infos, blocks, strict=True):
            image = image_of(block.inner(needed))
            if reach is not None and reach.physical:
                # Those of the whole image: of a slab they could differ in the last bit.
                image.SetSpacing(geometry.spacing)
                image.SetDirection(geometry.direction.ravel().tolist())
                image.SetOrigin(geometry.positions[needed.start].tolist())
            images[role] = image
        return images

    def _pixels(self, result: Any) -> Array:
        if "label" in result.GetPixelIDTypeAsString():
            result = _labels(result)
        return pixels_of(result)


def _labels(label_map: Any) -> Any:
    painter = simpleitk().LabelMapToLabelImageFilter()
    # Merged objects may overlap: of several threads, the last to paint would win.
    limit_threads(painter, 1)
    return painter.Execute(label_map)


@attrs.frozen(eq=False)
class _Result(Regridding):
    """What is known of a result without its pixels."""

    dtype: np.dtype[Any] = attrs.field(kw_only=True)
    components: int = attrs.field(kw_only=True)


@node
class SitkMeasurement(SitkCall, Sink):
    """A filter of SimpleITK run for what it measures; ``update()`` returns ``Measurements``.

    Of filters that return something else than an image, such as a transform or a text, it returns that.
    """

    @property
    def effect(self) -> Effect:
        """Nothing is done to the image."""
        return Effect(())

    @property
    def whole(self) -> bool:
        """The whole image is measured."""
        return True

    @cached_property
    def info(self) -> ImageInfo:
        """What is known of the input."""
        first = self.input_infos()[0]
        self._check_grids(self._named_infos)
        return first

    def _connected(self, name: str, source: Node) -> Node:
        return self._with(name, source)

    def execute(self, runner: Runner) -> Any:
        """Run the filter on the whole images and return what it found."""
        nodes = list(self.inputs.values())
        blocks = []
        for k, source in enumerate(nodes, 1):
            image: Any = runner.image(source, len(nodes) - k + 1)
            blocks.append(Block(image.array, range(image.info.slices), image.info))
        image_filter = self._filter(self._reference(self._named_infos))
        images = self._whole_images(blocks)
        limit_threads(image_filter, runner.options.limits.threads)
        try:
            with (
                runner.phases.in_one(self, self.name) as computing,
                computing.noted(self, range(self.info.slices), 0),
                watched_filter(image_filter),
            ):
                result = self._execute(image_filter, images)
            if self.spec.result not in ("", "Image"):
                return result
            return measured(self.spec, image_filter, list(images.values()))
        except RuntimeError as error:
            raise ComputeError(f"{self!r}: {reason_of(error)}") from error


def _sizes_count(kind: Grid | None) -> bool:
    """Tell whether parameters speak of the size of the image, so that a small one is no trial."""
    return kind in (Grid.SAMPLES, Grid.PADS, Grid.INTERPOLATES)


def _check_volume(name: str, image: Any) -> None:
    if image.GetDimension() != 3:
        raise GraphError(
            f"{name} gives an image of {image.GetDimension()} dimensions, and not a volume: a slice is a volume of one "
            "slice here, and several volumes are a Stack"
        )
    if not all(image.GetSize()):
        raise GraphError(f"{name} gives an image of size {image.GetSize()}: state the grid, or give {REFERENCE}")


def _on_grid_of(result: Any, image: Any) -> bool:
    return all(
        getattr(result, f"Get{what}")() == getattr(image, f"Get{what}")()
        for what in ("Size", "Spacing", "Origin", "Direction")
    )


def _trial(info: ImageInfo, *, small: bool, plain: bool, boxed: bool) -> Any:
    """Return an image to try a filter on, of the type of an image and on its grid, or on the beginning of it."""
    geometry = info.geometry
    shape = (
        tuple(min(n, most) for n, most in zip(geometry.shape, _TRIAL_SHAPE, strict=True)) if small else geometry.shape
    )
    grid = geometry.take(range(shape[0])).crop_plane(range(shape[1]), range(shape[2])) if small else geometry
    if plain:
        return image_of(np.zeros(shape, np.uint8), grid if boxed else None)
    values = np.resize(
        (np.arange(97) % 97).astype(info.dtype), (*shape, *([info.components] if info.components > 1 else []))
    )
    return image_of(values, grid if boxed else None)
