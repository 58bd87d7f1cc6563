"""What an image says of lossy compression: each time, behind the earlier ones (PS3.3, C.7.6.1.1.5)."""

from __future__ import annotations

from slicewise.dicom import codes
from slicewise.dicom.derivation import Software, described, with_code
from slicewise.dicom.encoding import text
from slicewise.dicom.lossy import Lossy
from slicewise.dicom.values import decimal_string, text_of
from slicewise.image import Headers, RawElement
from slicewise.image.elements import tag_of
from slicewise.image.headers import Column

__all__ = ["NOT_KEPT", "RATIO", "lossy_columns", "ratio_element"]

RATIO = tag_of("LossyImageCompressionRatio")
"""Known only when the frames are compressed."""

_METHOD = tag_of("LossyImageCompressionMethod")
_STATED = tag_of("LossyImageCompression")

NOT_KEPT = tuple(
    tag_of(keyword)
    for keyword in (
        "PixelPaddingValue",
        "PixelPaddingRangeLimit",
        "SmallestPixelValueInSeries",
        "LargestPixelValueInSeries",
    )
)
"""Stored values that pixels no longer have: a mask of an exact value would take some pixels and leave others."""


def lossy_columns(headers: Headers, lossy: Lossy, software: Software) -> dict[int, Column | None]:
    """Return the marks of a lossy compression but for its ratio, and what is dropped for it.

    Parameters
    ----------
    headers : Headers
        Headers of the images, with what they say of earlier compressions.
    lossy : Lossy
        What is done.
    software : Software
        What does it.
    """
    step = f"lossy compression ({lossy})"
    columns: dict[int, Column | None] = {
        _STATED: text("LossyImageCompression", "01", "CS"),
        _METHOD: tuple(_method(headers, k, lossy) for k in range(len(headers))),
    }
    columns |= described(headers, f"{software.model} {software.version}: {step}")
    columns |= with_code(headers, codes.LOSSY_COMPRESSION)
    return columns | {tag: None for tag in NOT_KEPT if headers.column(tag) is not None}


def ratio_element(headers: Headers, index: int, ratio: float) -> RawElement:
    """Return Lossy Image Compression Ratio of a slice, behind the earlier ones.

    Parameters
    ----------
    headers : Headers
        Headers with the columns of ``lossy_columns``, and the earlier ratios.
    index : int
        The slice.
    ratio : float
        Bytes before to bytes after.
    """
    earlier = _earlier(headers, RATIO, index)
    # Of each method there is one, the newest included.
    missing = len(_earlier(headers, _METHOD, index)) - 1 - len(earlier)
    return RawElement(RATIO, "DS", _joined(earlier + [""] * missing, decimal_string(round(ratio, 4))))


def _method(headers: Headers, index: int, lossy: Lossy) -> RawElement:
    methods, ratios = _earlier(headers, _METHOD, index), _earlier(headers, RATIO, index)
    # Methods and ratios belong together one by one: what is not known of an earlier time is empty.
    methods = methods + [""] * (len(ratios) - len(methods))
    return RawElement(_METHOD, "CS", _joined(methods, lossy.method))


def _earlier(headers: Headers, tag: int, index: int) -> list[str]:
    stated = text_of(headers.element(tag, index))
    return [part.strip() for part in stated.split("\\")] if stated else []


def _joined(earlier: list[str], newest: str) -> bytes:
    return "\\".join([*earlier, newest]).encode("ascii", "replace")
