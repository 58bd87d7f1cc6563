"""Palettes: indexes to colour (PS3.3, C.7.6.3.1.5 and C.7.9)."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
from pydicom.pixels.processing import apply_color_lut

from slicewise.dicom.pixels import PixelFormat
from slicewise.errors import HeaderError
from slicewise.image import Headers, RawElement
from slicewise.image.elements import name_of, tag_of
from slicewise.image.encoding import CODING_ERRORS
from slicewise.image.headers import Column
from slicewise.image.read_only import dataset_of

__all__ = ["Palette", "expanded_columns", "has_palette", "palettes"]

Array = npt.NDArray[Any]

_COLOURS = ("Red", "Green", "Blue")
_DESCRIPTORS = tuple(tag_of(f"{colour}PaletteColorLookupTableDescriptor") for colour in _COLOURS)
_TABLES = tuple(
    tag_of(f"{kind}{colour}PaletteColorLookupTableData") for kind in ("", "Segmented") for colour in _COLOURS
)
_ALPHA = tuple(tag_of(f"AlphaPaletteColorLookupTable{part}") for part in ("Descriptor", "Data"))
_UID = tag_of("PaletteColorLookupTableUID")
_PHOTOMETRIC = tag_of("PhotometricInterpretation")


@attrs.frozen(eq=False)
class Palette:
    """From indexes to red, green and blue: a value mapping (see ``dicom.value_mapping``).

    Parameters
    ----------
    first : int
        The index of the first entry; those below take it, too.
    entries : array of shape (entries, 3)
        The colours. Indexes beyond take the last.
    """

    first: int
    entries: Array

    is_identity = False
    is_integral = True

    def ends(self, low: float, high: float) -> tuple[float, float]:
        """Return the darkest and the lightest value that a colour can have."""
        return 0, float(np.iinfo(self.entries.dtype).max)

    def apply(self, stored: Array, out: Array) -> None:
        """Write the colours of indexes; ``out`` has an axis more than they."""
        places = np.clip(stored.astype(np.int64) - self.first, 0, len(self.entries) - 1)
        np.copyto(out, self.entries[places], casting="safe")


def has_palette(form: PixelFormat) -> bool:
    """Whether the pixels of an image are indexes of a palette."""
    return form.photometric == "PALETTE COLOR"


def palettes(headers: Headers, formats: Sequence[PixelFormat]) -> list[Palette]:
    """Return the palette of each slice.

    Raises
    ------
    HeaderError
        If a slice has no palette, or it cannot be used; the message names the slice.
    """
    known: dict[tuple[object, ...], Palette] = {}
    found = []
    for k, form in enumerate(formats):
        elements = [e for tag in (*_DESCRIPTORS, *_TABLES) if (e := headers.element(tag, k)) is not None]
        key = (*((e.tag, e.value) for e in elements), form.signed)
        if key not in known:
            try:
                known[key] = _palette(elements, form)
            except HeaderError as error:
                raise HeaderError(f"slice {k}: its palette cannot be used: {error}") from None
        found.append(known[key])
    return found


def _palette(elements: Sequence[RawElement], form: PixelFormat) -> Palette:
    by_tag = {element.tag: element for element in elements}
    descriptors = [by_tag.get(tag) for tag in _DESCRIPTORS]
    present = [d for d in descriptors if d is not None and len(d.value) >= 6]
    if len(present) < 3:
        raise HeaderError("the descriptors of red, green and blue must be there")
    counts = {_descriptor(element, signed=form.signed) for element in present}
    if len(counts) != 1:
        raise HeaderError(f"the descriptors of red, green and blue must agree (got {sorted(counts)})")
    count, first, bits = counts.pop()
    if bits not in (8, 16):
        raise HeaderError(f"entries must have 8 or 16 bits (got {bits})")
    plain = [_little(by_tag[tag]) for tag in _TABLES[:3] if tag in by_tag]
    if len(plain) == 3:
        colours = np.stack([_entries(element, count, bits) for element in plain], axis=-1)
    else:
        colours = _expanded([_little(element) for element in elements], count, first, bits)
    return Palette(first, _narrowed(colours))


def _little(element: RawElement) -> RawElement:
    if element.little_endian:
        return element
    words = np.frombuffer(element.value[: len(element.value) // 2 * 2], np.uint16)
    return element._replace(value=words.byteswap().tobytes(), little_endian=True)


def _entries(element: RawElement, count: int, bits: int) -> Array:
    """Return the entries of a table; those of 8 bits stand two to a word, or each in one."""
    if len(element.value) >= 2 * count:
        words = np.frombuffer(element.value, "<u2", count).astype(np.uint16)
        return words.astype(np.uint8) if bits == 8 and words.max() < 256 else words
    if len(element.value) >= count:
        return np.frombuffer(element.value, np.uint8, count)
    raise HeaderError(f"{name_of(element.tag)} has {len(element.value)} bytes for {count} entries of {bits} bits")


def _expanded(elements: Sequence[RawElement], count: int, first: int, bits: int) -> Array:
    """Return the entries of segmented tables (PS3.3, C.7.9.2)."""
    if bits == 8 and count > 256:
        raise HeaderError(f"segmented tables of 8 bits must have 256 entries at most (got {count})")
    try:
        return np.asarray(apply_color_lut(np.arange(count, dtype=np.int64) + first, dataset_of(elements)))
    except (*CODING_ERRORS, IndexError) as error:
        raise HeaderError(f"{error}") from None


def _descriptor(element: RawElement, *, signed: bool) -> tuple[int, int, int]:
    order = "<" if element.little_endian else ">"
    count, first, bits = struct.unpack(order + ("HhH" if signed else "HHH"), element.value[:6])
    return count or 65536, first, bits  # 16 bits do not hold 65536


def _narrowed(colours: Array) -> Array:
    """Return 8-bit colours where 16-bit ones say no more: the upper byte alone, or twice."""
    if colours.dtype == np.uint8:
        return colours
    wide = colours.astype(np.uint16)
    low, high = wide & 0xFF, wide >> 8
    return high.astype(np.uint8) if not low.any() or np.array_equal(low, high) else wide


def expanded_columns(bits: int) -> dict[int, Column | None]:
    """Return what headers say of an image whose indexes became colour; None for what no longer holds.

    Parameters
    ----------
    bits : int
        Bits of a colour.
    """
    dropped: dict[int, Column | None] = dict.fromkeys((*_DESCRIPTORS, *_TABLES, *_ALPHA, _UID))
    dropped |= {tag_of(keyword): None for keyword in ("SmallestImagePixelValue", "LargestImagePixelValue")}
    numbers = {
        "SamplesPerPixel": 3,
        "PlanarConfiguration": 0,
        "BitsAllocated": bits,
        "BitsStored": bits,
        "HighBit": bits - 1,
        "PixelRepresentation": 0,
    }
    columns: dict[int, Column | None] = {
        tag_of(keyword): RawElement(tag_of(keyword), "US", struct.pack("<H", value))
        for keyword, value in numbers.items()
    }
    columns[_PHOTOMETRIC] = RawElement(_PHOTOMETRIC, "CS", b"RGB ")
    return dropped | columns
