"""The kinds of segmentation, and how their pixels are stored (PS3.3, C.8.20.2)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import attrs
from pydicom.uid import SegmentationStorage

__all__ = ["KINDS", "SegmentationKind"]

_LOSSLESS = ("explicit", "deflated", "rle", "jpeg-lossless", "jpeg-ls", "jpeg-2000", "htj2k")

_OF_BITS = ("explicit", "deflated", "jpeg-2000")
"""JPEG 2000 is the only codec for single bits (PS3.5, 8.2)."""


@attrs.frozen
class SegmentationKind:
    """A kind of segmentation.

    Parameters
    ----------
    name : str
        What users call it.
    sop_class : str
        UID of the storage class.
    by_segment : bool
        Whether each frame is of one segment; else pixels are the numbers of segments.
    syntaxes : tuple of str
        Names of the transfer syntaxes it is written in.
    """

    name: str
    sop_class: str
    by_segment: bool
    syntaxes: tuple[str, ...]

    @property
    def type(self) -> str:
        """Segmentation Type."""
        return self.name.upper()


KINDS: Mapping[str, SegmentationKind] = MappingProxyType(
    {
        kind.name: kind
        for kind in (
            SegmentationKind("binary", str(SegmentationStorage), by_segment=True, syntaxes=_OF_BITS),
            SegmentationKind("fractional", str(SegmentationStorage), by_segment=True, syntaxes=_LOSSLESS),
            SegmentationKind("labelmap", "1.2.840.10008.5.1.4.1.1.66.7", by_segment=False, syntaxes=_LOSSLESS),
        )
    }
)
"""The kinds by name; the class of label maps is of Supplement 243, and has no name in pydicom yet."""
