"""Data elements as they stand in a file: tag, VR and undecoded value; and their names."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from pydicom.datadict import keyword_dict, keyword_for_tag, tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.tag import BaseTag, Tag

from slicewise.errors import UnknownAttributeError

__all__ = ["LONG_HEADER_VRS", "RawElement", "name_of", "tag_of"]

LONG_HEADER_VRS = frozenset(["OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"])
"""VRs whose length field has 32 bits in explicit VR (PS3.5, 7.1.2)."""


class RawElement(NamedTuple):
    """A data element with its value as encoded in the file it comes from.

    The value of a sequence is its items, without a delimiter. ``vr`` is None where the
    transfer syntax is implicit and the file does not tell.
    """

    tag: int
    vr: str | None
    value: bytes
    implicit: bool = False
    little_endian: bool = True

    def to_pydicom(self) -> RawDataElement:
        """Return pydicom's undecoded element, which it decodes on first access."""
        return RawDataElement(
            BaseTag(self.tag), self.vr, len(self.value), self.value, 0, self.implicit, self.little_endian
        )


def tag_of(key: str | int | tuple[int, int]) -> int:
    """Return the tag of a keyword, a tag number, a (group, element) pair, or a text such as "(0029,1010)".

    Raises
    ------
    UnknownAttributeError
        If no attribute of the dictionary has the keyword.
    """
    return _tag_of_text(key) if isinstance(key, str) else int(Tag(key))


@lru_cache(maxsize=1024)
def _tag_of_text(key: str) -> int:
    written = re.fullmatch(r"\(([0-9A-Fa-f]{4}),\s*([0-9A-Fa-f]{4})\)", key)
    tag = int(written[1] + written[2], 16) if written else tag_for_keyword(key)
    if tag is None:
        raise UnknownAttributeError(
            f"{key!r} is no keyword of a DICOM attribute{_likely(key)}. Private ones are asked for by group, "
            "creator and element, as (0x0019, 'SIEMENS MR HEADER', 0x0C), or by tag; those in sequences by their path, "
            "as 'DerivationCodeSequence[0].CodeValue', or with headers.find('CodeValue')"
        )
    return int(tag)


def _likely(key: str) -> str:
    """Return a hint at keywords that are spelt almost alike."""
    from difflib import get_close_matches

    keywords = {keyword.lower(): keyword for keyword in keyword_dict}
    near = [keywords[name] for name in get_close_matches(key.lower().replace(" ", ""), keywords, n=3, cutoff=0.75)]
    meant = f"; did you mean {' or '.join(map(repr, near))}?" if near else ", e.g. 'SliceLocation'"
    return f" (keywords are spelt as in the standard{meant})"


def name_of(tag: int) -> str:
    """Return the keyword of a tag, or ``(gggg,eeee)`` where it has none of its own, as those of repeating groups."""
    keyword = keyword_for_tag(tag)
    return keyword if keyword and tag_for_keyword(keyword) == tag else f"({tag >> 16:04X},{tag & 0xFFFF:04X})"
