"""A filter of SimpleITK with its inputs and parameters: what its nodes share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from slicewise.dicom.values import text_of
from slicewise.errors import ParameterError, SpaceMismatchError
from slicewise.filters.named_inputs import NamedInputs
from slicewise.filters.simpleitk import image_of, simpleitk
from slicewise.filters.sitk_reflection import REFERENCE, FilterSpec, spec_of
from slicewise.filters.sitk_settings import Settings, TransformValue, configured
from slicewise.filters.sitk_table import (
    FREE_GRIDS,
    takes_label_map,
)
from slicewise.image import Geometry, ImageInfo, check_same_space
from slicewise.image.elements import tag_of
from slicewise.pipeline.node import Block, Node, input_nodes, node
from slicewise.pipeline.stack import Stack, volume_by_volume

__all__ = ["FRAME_OF_REFERENCE", "SitkCall"]

FRAME_OF_REFERENCE = tag_of("FrameOfReferenceUID")
_GRID_PARAMETERS = ("size", "output_spacing", "output_origin", "output_direction")


@node
class SitkCall(NamedInputs):
    """A filter of SimpleITK with its inputs.

    Parameters
    ----------
    filter_name : str
        Its name without ``ImageFilter``.
    settings : tuple of (str, value)
        Its parameters.
    others : tuple of Node
        The inputs after the first.
    roles : tuple of str
        The names of these inputs.
    role : str
        The name of the first input, where it is not the first of the filter.
    """

    filter_name: str
    settings: Settings = ()
    others: tuple[Node, ...] = input_nodes(default=())
    roles: tuple[str, ...] = ()
    role: str = ""

    def __attrs_post_init__(self) -> None:
        self._filter()
        given = {self.first_role, *self.roles}
        for k, argument in enumerate(self.spec.arguments):
            is_number = self._constant is not None and k < 2 and self.spec.constant
            if not argument.required or argument.name in given or is_number or argument.name in dict(self.settings):
                continue
            what = f" (or 'constant', {self._number_kind})" if self.spec.constant else ""
            raise ParameterError(f"{argument.name!r} of {self.name} must be given{what}: it takes {self._taken}")

    @property
    def _number_kind(self) -> str:
        return "a number" if self.spec.constant in ("double", "float") else "an integer"

    @property
    def _taken(self) -> str:
        names = [a.name for a in self.spec.arguments]
        first = f"{self.first_role} (the image before >>)"
        return ", ".join(first if name == self.first_role else name for name in names)

    @property
    def spec(self) -> FilterSpec:
        """What SimpleITK says of the filter."""
        return spec_of(self.filter_name)

    @property
    def name(self) -> str:
        """Name of the node as users write it."""
        return f"sitk.{self.filter_name}"

    @property
    def first_role(self) -> str:
        """The name of the first input, as SimpleITK calls it."""
        return self.role or next((a.name for a in self.spec.images), "image")

    def _connected(self, name: str, source: Node) -> Node:
        stack = next((n for n in self.others if isinstance(n, Stack)), None)
        if stack is None:
            return super()._connected(name, source)

        def of_two(first: Node, second: Node) -> Node:
            others = tuple(second if n is stack else n for n in self.others)
            changed: SitkCall = attrs.evolve(self, others=others)  # type: ignore[misc]
            return changed._with(name, first)

        return volume_by_volume(of_two, source, stack)

    # --- SimpleITK ------------------------------------------------------------------------------

    @property
    def _constant(self) -> Any:
        return dict(self.settings).get("constant")

    def _filter(self, reference: Geometry | None = None) -> Any:
        """Return the filter of SimpleITK with its parameters set."""
        executed = {a.name for a in self.spec.arguments if a.kind != "Image"}
        if self.spec.constant:
            executed.add("constant")
        image_filter = configured(self.spec, self.name, tuple(s for s in self.settings if s[0] not in executed))
        if reference is not None:
            image_filter.SetReferenceImage(_empty(reference))
        return image_filter

    def _execute(self, image_filter: Any, images: Mapping[str, Any]) -> Any:
        """Return what the filter makes of images of SimpleITK."""
        given = dict(self.settings)
        ready = {role: self._as_asked(role, image) for role, image in images.items() if not self._lends_grid(role)}
        if self.spec.several:
            return image_filter.Execute(list(ready.values()))
        arguments = []
        for argument in self.spec.arguments:
            value = ready.get(argument.name, given.get(argument.name))
            if value is None and self._constant is not None:
                value = self._constant
            if value is None:
                break
            arguments.append(value.transform if isinstance(value, TransformValue) else value)
        return image_filter.Execute(*arguments)

    def _as_asked(self, role: str, image: Any) -> Any:
        if not takes_label_map(self.filter_name, role):
            return image
        return simpleitk().LabelImageToLabelMap(image)

    def _lends_grid(self, role: str) -> bool:
        return role == REFERENCE and self.spec.takes_reference

    def _has_own_grid(self, role: str) -> bool:
        return self._lends_grid(role) or role in FREE_GRIDS.get(self.filter_name, ())

    @property
    def _named_infos(self) -> dict[str, ImageInfo]:
        return {self.first_role if role == "input" else role: n.info for role, n in self.inputs.items()}

    def _reference(self, infos: Mapping[str, ImageInfo]) -> Geometry | None:
        """Return the grid that the filter is to take from an image, if it is."""
        if not self.spec.takes_reference:
            return None
        if REFERENCE in infos:
            return infos[REFERENCE].geometry
        # As SimpleITK's function does it: where no grid is stated, the image keeps its own.
        stated = any(name in dict(self.settings) for name in _GRID_PARAMETERS)
        return None if stated or self.filter_name != "Resample" else infos[self.first_role].geometry

    def _check_grids(self, infos: Mapping[str, ImageInfo]) -> None:
        (first, info), *rest = infos.items()
        for role, other in rest:
            if not self._has_own_grid(role):
                check_same_space(info.geometry, other.geometry, (first, f"{role} of {self.name}"))
            elif self._lends_grid(role) and "transform" not in dict(self.settings):
                frames = [text_of(i.headers.element(FRAME_OF_REFERENCE, 0)) for i in (info, other)]
                if all(frames) and frames[0] != frames[1]:
                    raise SpaceMismatchError(
                        f"{first} and {role} of {self.name} are in different frames of reference (FrameOfReferenceUID "
                        f"{frames[0]} and {frames[1]}): without a transform nothing says how they lie to each other"
                    )

    def _whole_images(self, blocks: Sequence[Block]) -> dict[str, Any]:
        grid = blocks[0].info.geometry
        return {
            role: image_of(block.array, block.info.geometry if self._has_own_grid(role) else grid)
            for (role, _), block in zip(self._named_infos.items(), blocks, strict=True)
            if not self._lends_grid(role)
        }


def _empty(geometry: Geometry) -> Any:
    """Return an image of nothing on a grid."""
    image = simpleitk().Image(list(geometry.size), simpleitk().sitkUInt8)
    image.SetSpacing(geometry.spacing)
    image.SetOrigin(geometry.origin)
    image.SetDirection(geometry.direction.ravel().tolist())
    return image
