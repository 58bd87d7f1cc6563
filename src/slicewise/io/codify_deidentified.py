"""Datasets without identification, as scripts that go to others need them."""

from __future__ import annotations

from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.tag import BaseTag
from pydicom.uid import UID, ExplicitVRLittleEndian

from slicewise.dicom.values import text_of
from slicewise.errors import ParameterError
from slicewise.filters.deidentify import Deidentify, warn_of_pixels
from slicewise.image import Headers
from slicewise.image.elements import tag_of
from slicewise.image.encoding import raw_elements

__all__ = ["without_identification"]

_PIXELS = (0x7FE00001, 0x7FE00002, 0x7FE00003, 0x7FE00008, 0x7FE00009, 0x7FE00010)


def without_identification(dataset: Dataset, node: Deidentify) -> Dataset:
    """Return an instance with the headers that a node makes of its own, in explicit VR little endian.

    Pixels stay as they are. Of the file meta information there stays what says of which class the instance is and how
    it is encoded; the preamble, where other formats keep what they like, is empty.

    Parameters
    ----------
    dataset : Dataset
        The instance, as pydicom read it.
    node : Deidentify
        What takes identification out.

    Raises
    ------
    ParameterError
        If it is in big endian.
    """
    if dataset.original_encoding[1] is False:
        raise ParameterError("an instance in big endian cannot be de-identified as a script: convert it before")
    pixels = {tag: dataset[tag].VR for tag in _PIXELS if tag in dataset}
    headers = Headers(1, dict(raw_elements(dataset)))
    warn_of_pixels(headers)
    cleaned = node.of_headers(headers)
    elements: dict[BaseTag, RawDataElement] = {
        BaseTag(tag): element.to_pydicom() for tag in cleaned.columns() if (element := cleaned.element(tag, 0))
    }
    result = Dataset(elements)  # type: ignore[arg-type]
    for tag, vr in pixels.items():
        result.add_new(tag, vr, dataset[tag].value)
    result.set_original_encoding(is_implicit_vr=False, is_little_endian=True)
    result.file_meta = _meta(dataset, text_of(cleaned.element(tag_of("SOPInstanceUID"), 0)))
    result.preamble = bytes(128)
    return result


def _meta(dataset: Dataset, uid: str) -> FileMetaDataset:
    before = getattr(dataset, "file_meta", FileMetaDataset())
    syntax = before.get("TransferSyntaxUID")
    meta = FileMetaDataset()
    meta.FileMetaInformationGroupLength = 0
    meta.FileMetaInformationVersion = b"\x00\x01"
    meta.MediaStorageSOPClassUID = dataset.get("SOPClassUID", "")
    meta.MediaStorageSOPInstanceUID = UID(uid)
    meta.TransferSyntaxUID = ExplicitVRLittleEndian if syntax is None or syntax.is_implicit_VR else syntax
    return meta
