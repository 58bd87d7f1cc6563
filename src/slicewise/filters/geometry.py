"""Resampling: the image on another grid, and by a transform."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs

from slicewise.dicom import codes
from slicewise.dicom.uids import reproducible_uids
from slicewise.dicom.values import text_of
from slicewise.errors import ParameterError, SpaceMismatchError
from slicewise.filters.grids import TargetGrid, grid_like, regrid
from slicewise.filters.motion import Motion, as_transform
from slicewise.filters.parameters import integers, lengths
from slicewise.filters.registration import Registration, frame_of
from slicewise.filters.regridding import Regrid
from slicewise.image import Geometry, ImageInfo, Operation, space_differences
from slicewise.image.elements import tag_of
from slicewise.pipeline.effect import Effect
from slicewise.pipeline.node import Node, Outline, input_node, node

__all__ = ["Resample"]

_optional = attrs.converters.optional


@node
class Resample(Regrid):
    """The image on another grid, by interpolation.

    With ``spacing`` or ``size`` the new grid has the orientation and the centre of the old one and covers
    the same field of view, to half a voxel; no sample lies outside the image. An axis whose spacing does not
    change keeps its exact positions, so that in-plane resampling keeps every slice where it was, gantry tilt
    included. With ``like`` the new grid is that of another image, in the same frame of reference unless a transform
    leads to it.

    Slices are interpolated between their true positions, also where these are uneven. Up to half a voxel beyond
    the outermost voxel centres a sample takes the value at the edge, as in ITK; farther out it is ``fill``. Type and
    units stay: integers are rounded to the nearest and kept in range (ITK cuts decimals off).

    The image is streamed where the axes of both grids are parallel; oblique grids, transforms that turn, and
    interpolators other than ``linear``, ``nearest`` and ``lanczos`` take the whole image and SimpleITK.

    Parameters
    ----------
    spacing : float or (x, y, z) of float, optional
        New spacing in mm; None leaves an axis as it is.
    size : int or (x, y, z) of int, optional
        New size in voxels; None leaves an axis as it is.
    like : Node or Image, optional
        The image whose grid is wanted. Only its geometry and its frame of reference count.
    transform : SimpleITK.Transform, 4x4 matrix, path or Dataset, optional
        From points of the result to points of the image, in mm, LPS, as in ITK: what registers the image (moving) to
        the grid (fixed), as SimpleITK's ImageRegistrationMethod returns it. A path is that of an ITK transform file
        (.tfm, .txt, .h5, .xfm) or of a DICOM Spatial Registration, which says itself what leads where. Without
        ``like``, ``spacing`` or ``size`` the grid stays; the frame of reference is that of ``like``, or a new one (of
        a Spatial Registration: the registered one).
    interpolator, fill, mark, fuse
        See ``Regrid``: ``linear`` if not given.

    Raises
    ------
    ParameterError
        If more than one of spacing, size and like is given, or nothing at all; or the type of the image does not hold
        ``fill``.
    SpaceMismatchError
        If the reference is in another frame of reference and no transform leads to it, or one of both has no place in
        the patient.
    IrregularGeometryError
        If slices are to be interpolated that are sheared, as under gantry tilt, or a grid that is no box is to be
        interpolated as a whole.

    Examples
    --------
    >>> import numpy as np
    >>> from slicewise import Geometry, Image, Resample
    >>> image = Image.from_array(np.zeros((10, 64, 64)), geometry=Geometry.from_box((64, 64, 10), (0.5, 0.5, 5)))
    >>> (image >> Resample(spacing=(1, 1, None))).geometry
    Geometry(32 x 32 x 10, 1 x 1 x 5 mm, origin (0.25, 0.25, 0))
    """

    spacing: float | Sequence[float | None] | None = attrs.field(
        default=None, converter=_optional(lengths("spacing", axes_optional=True))
    )
    size: int | Sequence[int | None] | None = attrs.field(
        default=None, converter=_optional(integers("size", 1, axes_optional=True))
    )
    like: Node | None = input_node(default=None, kw_only=True, optional=True)
    transform: Any = attrs.field(default=None, converter=_optional(as_transform), kw_only=True)

    def __attrs_post_init__(self) -> None:
        given = [name for name in ("spacing", "size", "like") if getattr(self, name) is not None]
        if len(given) > 1 or (not given and self.transform is None):
            raise ParameterError(
                f"exactly one of 'spacing', 'size' and 'like' must be given (got {', '.join(given) or 'none'})"
            )

    @property
    def identity(self) -> Any:
        """The parameters, and the content of the transform."""
        known: Motion | Registration | None = self.transform
        told = known.digest if isinstance(known, Motion) else known
        return {**self.parameters, "transform": told}

    @property
    def effect(self) -> Effect:
        """A new grid by interpolation; by a transform in another frame of reference."""
        attributes: dict[str, Any] = {}
        if self.transform is not None and self.is_connected:
            attributes = self._frame_attributes(*(n.info for n in self.inputs.values()))
        return Effect(Operation.GEOMETRY, derivation=(codes.RESAMPLING,), attributes=attributes)

    def outline(self, *inputs: ImageInfo) -> Outline:
        """Return the new grid, and which source slices lie in and around each new slice."""
        if len(inputs) == 2:
            _check_places(*(info.geometry for info in inputs))
            if self.transform is None:
                _check_frames(*inputs)
        if self.transform is not None and not inputs[0].geometry.is_in_patient:
            raise SpaceMismatchError("'transform' moves points in the patient, and the image has no place in it")
        return super().outline(*inputs)

    def target(self, *inputs: ImageInfo) -> Geometry:
        """Return the grid wanted."""
        if len(inputs) == 2:
            return inputs[1].geometry
        return self._regrid(inputs[0].geometry).geometry

    def motion(self, *inputs: ImageInfo) -> Motion | None:
        """Return the transform from points of the result to points of the image, if there is one."""
        known: Motion | Registration | None = self.transform
        if isinstance(known, Registration):
            return Motion.of_matrix(known.between(inputs[1] if len(inputs) == 2 else None, inputs[0]))
        return known

    def grid(self, *inputs: ImageInfo) -> TargetGrid | None:
        """Return the grid wanted with its places on that of the image; None where they are oblique to each other."""
        if self.transform is not None:
            return super().grid(*inputs)
        if len(inputs) == 2:
            return grid_like(inputs[0].geometry, inputs[1].geometry)
        return self._regrid(inputs[0].geometry)

    def _regrid(self, source: Geometry) -> TargetGrid:
        nothing: Any = (None, None, None)
        return regrid(source, self.spacing or nothing, self.size or nothing)  # type: ignore[arg-type]

    def _frame_attributes(self, *inputs: ImageInfo) -> dict[str, Any]:
        known: Motion | Registration = self.transform
        source = inputs[0]
        if len(inputs) == 2 and frame_of(inputs[1]):
            indicator = text_of(inputs[1].headers.element(tag_of("PositionReferenceIndicator"), 0))
            return {"FrameOfReferenceUID": frame_of(inputs[1]), "PositionReferenceIndicator": indicator}
        if len(inputs) == 1 and isinstance(known, Registration) and known.frame:
            return {"FrameOfReferenceUID": known.frame, "PositionReferenceIndicator": ""}
        if not frame_of(source):
            return {}
        # Voxels were moved in the patient, to where no frame of reference is known: a new one, always the same.
        moved = known.digest if isinstance(known, Motion) else known.uid
        uid = next(reproducible_uids(None, ["frame of reference", frame_of(source), moved]))
        return {"FrameOfReferenceUID": uid, "PositionReferenceIndicator": ""}


def _check_frames(source: ImageInfo, reference: ImageInfo) -> None:
    frames = [frame_of(info) for info in (source, reference)]
    if all(frames) and frames[0] != frames[1]:
        raise SpaceMismatchError(
            f"the image and its reference must be in one frame of reference (FrameOfReferenceUID {frames[0]} and "
            f"{frames[1]}): coordinates of one mean nothing in the other. Register them first, and give the transform"
        )


def _check_places(source: Geometry, reference: Geometry) -> None:
    placed = [geometry.is_in_patient for geometry in (source, reference)]
    if all(placed) or (not any(placed) and not space_differences(source, reference)):
        return
    which = ("the image has no", "the reference has no")[placed[0]] if any(placed) else "neither of both has a"
    raise SpaceMismatchError(
        f"like= takes a grid in the patient, and {which} place in the patient: nothing says how the image and its "
        "reference lie to each other. Resample with spacing= or size="
    )
