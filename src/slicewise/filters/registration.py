"""DICOM Spatial Registration objects: matrices between frames of reference (PS3.3, C.20.2)."""

from __future__ import annotations

import attrs
import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset

from slicewise.dicom.values import text_of
from slicewise.errors import HeaderError, SpaceMismatchError
from slicewise.image import ImageInfo
from slicewise.image.elements import tag_of

__all__ = ["Registration", "frame_of"]

FloatArray = npt.NDArray[np.float64]


def frame_of(info: ImageInfo) -> str:
    """Return the Frame of Reference UID of an image; empty where it has none."""
    return text_of(info.headers.element(tag_of("FrameOfReferenceUID"), 0))


@attrs.frozen(eq=False)
class Registered:
    """What one item of a registration says: of which frame or images, and the matrix to the registered frame."""

    frame: str
    instances: frozenset[str]
    matrix: FloatArray


@attrs.frozen(eq=False, repr=False)
class Registration:
    """A spatial registration: from several frames of reference, or images, to one that it establishes.

    Parameters
    ----------
    uid : str
        SOP Instance UID of the object.
    frame : str
        The registered frame of reference.
    items : tuple of Registered
        What is registered to it.
    """

    uid: str
    frame: str
    items: tuple[Registered, ...]

    @classmethod
    def of_dataset(cls, dataset: Dataset) -> Registration:
        """Return what a Spatial Registration object says.

        Raises
        ------
        HeaderError
            If it is none, a deformable one, or its matrices are none.
        """
        if "DeformableRegistrationSequence" in dataset:
            raise HeaderError(
                "a Deformable Spatial Registration cannot be applied: convert its grid to an ITK displacement field, "
                "and give that as 'transform'"
            )
        if "RegistrationSequence" not in dataset:
            raise HeaderError(
                "the DICOM object is no Spatial Registration: it has no Registration Sequence (SOP Class "
                f"{dataset.get('SOPClassUID', 'none')})"
            )
        items = tuple(_item(item, k) for k, item in enumerate(dataset.RegistrationSequence))
        return cls(str(dataset.get("SOPInstanceUID", "")), str(dataset.get("FrameOfReferenceUID", "")), items)

    def between(self, target: ImageInfo | None, source: ImageInfo) -> FloatArray:
        """Return the matrix from points of a target to points of a source; without one, from the registered frame.

        Raises
        ------
        SpaceMismatchError
            If the registration does not say how they lie to each other.
        """
        moving = self._matrix(source, "the image")
        fixed = np.eye(4) if target is None else self._matrix(target, "the reference")
        return np.asarray(np.linalg.inv(moving) @ fixed)

    def _matrix(self, info: ImageInfo, name: str) -> FloatArray:
        instances = {s.sop_instance_uid for sources in info.sources for s in sources}
        frame = frame_of(info)
        by_image = [item for item in self.items if item.instances & instances]
        # An item that names images is of these alone, where it could be of others of the same frame.
        by_frame = [item for item in self.items if frame and item.frame == frame]
        for found in (by_image, [i for i in by_frame if not i.instances], by_frame):
            if found:
                if any(not np.allclose(item.matrix, found[0].matrix, atol=1e-9) for item in found):
                    raise SpaceMismatchError(
                        f"the registration has {len(found)} different matrices for {name}: give the one that is meant"
                    )
                return found[0].matrix
        if frame and frame == self.frame:
            return np.eye(4)
        raise SpaceMismatchError(
            f"the registration says nothing of {name}: neither its instances nor its frame of reference "
            f"({frame or 'it has none'}) are among {', '.join(i.frame or 'images' for i in self.items)}, {self.frame}"
        )

    def __repr__(self) -> str:
        return f"<Spatial Registration {self.uid}>"


def _item(item: Dataset, number: int) -> Registered:
    matrices = [
        np.array(m.FrameOfReferenceTransformationMatrix, dtype=np.float64)
        for registration in item.get("MatrixRegistrationSequence", [])
        for m in registration.get("MatrixSequence", [])
        if "FrameOfReferenceTransformationMatrix" in m
    ]
    product = np.eye(4)
    for matrix in matrices:
        if matrix.shape != (16,) or not np.isfinite(matrix).all() or not np.allclose(matrix[12:], [0, 0, 0, 1]):
            raise HeaderError(f"item {number} of the registration has a matrix that is not affine: {matrix.tolist()}")
        # The order of the items is that of the multiplication (PS3.3, C.20.2.1.1).
        product = product @ matrix.reshape(4, 4)
    if not matrices or abs(np.linalg.det(product)) < 1e-12:
        raise HeaderError(f"item {number} of the registration has no matrix that can be inverted")
    images = frozenset(str(image.ReferencedSOPInstanceUID) for image in item.get("ReferencedImageSequence", []))
    return Registered(str(item.get("FrameOfReferenceUID", "") or ""), images, product)
