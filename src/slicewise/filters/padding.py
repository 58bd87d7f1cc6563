"""The value that an image uses for pixels outside what was imaged."""

from __future__ import annotations

from slicewise.dicom.values import column_decimals
from slicewise.filters.parameters import Number
from slicewise.filters.pixels import limits
from slicewise.image import ImageInfo, RawElement
from slicewise.image.elements import tag_of

__all__ = ["padding_value"]

_PADDING = tag_of("PixelPaddingValue")
_SIGNED = tag_of("PixelRepresentation")
_SLOPE = tag_of("RescaleSlope")
_INTERCEPT = tag_of("RescaleIntercept")


def padding_value(info: ImageInfo) -> Number:
    """Return the padding value of the headers in the units of the image; 0 where there is none.

    There is none, either, where slices differ in it or in their rescaling, where the values of the image are
    no longer in the units of its source, or where its type does not hold the value.
    """
    headers = info.headers
    padding = headers.column(_PADDING)
    slopes, intercepts = (
        {v or (d,) for v in column_decimals(headers, t)} for t, d in ((_SLOPE, 1.0), (_INTERCEPT, 0.0))
    )
    if not isinstance(padding, RawElement) or len(slopes) != 1 or len(intercepts) != 1:
        return 0
    if not all(step.keeps_units for step in info.history):
        return 0
    value = _stored(padding, headers.element(_SIGNED, 0)) * slopes.pop()[0] + intercepts.pop()[0]
    low, high = limits(info.dtype)
    return (int(value) if value == int(value) else value) if low <= value <= high else 0


def _stored(padding: RawElement, representation: RawElement | None) -> int:
    # The element is of type "US or SS": it is read as the pixels are.
    if representation is not None:
        signed = representation.value[:1] == b"\x01" or representation.value[1:2] == b"\x01"
    else:
        signed = padding.vr == "SS"
    return int.from_bytes(padding.value[:2], "little" if padding.little_endian else "big", signed=signed)
