"""Stored pixel values: their format, and how they are taken from the bytes of a frame (PS3.5, 8)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from slicewise.dicom.values import text_of, unsigned_short
from slicewise.errors import HeaderError, ReadError, TruncatedError
from slicewise.image import Headers, RawElement
from slicewise.image.elements import tag_of

__all__ = ["FLOAT_PIXELS", "NATIVE_SYNTAXES", "PixelFormat", "cleaned", "native_values", "pixel_formats"]

Array = npt.NDArray[Any]

NATIVE_SYNTAXES = frozenset(
    ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"]
)
"""Transfer syntaxes in which pixels stand as they are."""

FLOAT_PIXELS = {0x7FE00008: 32, 0x7FE00009: 64}
"""Elements of floating-point pixel data, and the bits of a value (PS3.3, C.7.6.24 and C.7.6.25)."""


@attrs.frozen
class PixelFormat:
    """How the pixels of an image are stored (PS3.3, C.7.6.3).

    Parameters
    ----------
    rows, columns : int
        Size of a frame.
    samples : int
        Samples per pixel.
    bits_allocated, bits_stored, high_bit : int
        Size of a pixel in bits, how many of them are the value, and the highest of these.
    signed : bool
        Whether values are in two's complement.
    photometric : str
        Photometric Interpretation.
    planar : int
        Planar Configuration.
    floating : bool
        Whether values are floating-point numbers.
    """

    rows: int
    columns: int
    samples: int = 1
    bits_allocated: int = 16
    bits_stored: int = 16
    high_bit: int = 15
    signed: bool = False
    photometric: str = "MONOCHROME2"
    planar: int = 0
    floating: bool = False

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the stored values in memory; single bits take a byte."""
        if self.floating:
            return np.dtype(f"f{self.bits_allocated // 8}")
        return np.dtype(f"{'i' if self.signed else 'u'}{max(self.bits_allocated // 8, 1)}")

    @property
    def limits(self) -> tuple[float, float]:
        """Smallest and largest value that can be stored."""
        if self.floating:
            return -math.inf, math.inf
        if self.signed:
            return -(1 << (self.bits_stored - 1)), (1 << (self.bits_stored - 1)) - 1
        return 0, (1 << self.bits_stored) - 1

    @property
    def frame_bytes(self) -> int:
        """Size of an uncompressed frame in bytes; of single bits, begun bytes count."""
        return (self.rows * self.columns * self.samples * self.bits_allocated + 7) // 8

    @property
    def is_plain(self) -> bool:
        """Whether the bytes of a frame are its values: nothing to mask, shift or convert."""
        whole = self.bits_stored == self.bits_allocated and self.bits_allocated in (8, 16, 32, 64)
        return self.samples == 1 and whole


_FIELDS = {
    "rows": ("Rows", None),
    "columns": ("Columns", None),
    "samples": ("SamplesPerPixel", 1),
    "bits_allocated": ("BitsAllocated", None),
    "bits_stored": ("BitsStored", None),
    "high_bit": ("HighBit", None),
    "signed": ("PixelRepresentation", 0),
    "planar": ("PlanarConfiguration", 0),
}


def pixel_formats(headers: Headers, elements: Sequence[int] = ()) -> list[PixelFormat]:
    """Return how the pixels of each slice are stored.

    Parameters
    ----------
    headers : Headers
        One header per slice.
    elements : sequence of int, optional
        The tag of the pixel data of each slice; integers (7FE0,0010) if not given.

    Raises
    ------
    HeaderError, ReadError
        If an attribute that is needed is missing or makes no sense; the message names the slice.
    """
    known: dict[tuple[Any, ...], PixelFormat] = {}
    tags = [(name, tag_of(keyword), keyword, default) for name, (keyword, default) in _FIELDS.items()]
    photometric_tag = tag_of("PhotometricInterpretation")
    formats = []
    for k in range(len(headers)):
        raw = tuple(headers.element(tag, k) for _, tag, _, _ in tags)
        photometric = text_of(headers.element(photometric_tag, k)) or "MONOCHROME2"
        floating = FLOAT_PIXELS.get(elements[k], 0) if elements else 0
        key = (*(e and (e.value, e.little_endian) for e in raw), photometric, floating)
        if key not in known:
            known[key] = _format(raw, tags, photometric, k, floating)
        formats.append(known[key])
    return formats


def _format(raw: tuple[Any, ...], tags: list[Any], photometric: str, k: int, floating: int) -> PixelFormat:
    values: dict[str, Any] = {}
    if floating:
        # The kind of the pixel data decides; bits stored and high bit are not stated (PS3.3, C.7.6.24).
        values = {"bits_allocated": floating, "bits_stored": floating, "high_bit": floating - 1}
    for element, (name, _, keyword, default) in zip(raw, tags, strict=True):
        if name in values:
            continue
        number = _number(element, k)
        if number is not None:
            values[name] = number
        elif default is not None:
            values[name] = default
        elif name not in ("bits_stored", "high_bit"):
            raise ReadError(f"slice {k} has no {keyword}, without which its pixels cannot be read")
    values.setdefault("bits_stored", values["bits_allocated"])
    values.setdefault("high_bit", values["bits_stored"] - 1)
    values["signed"] = bool(values["signed"])
    return _checked(PixelFormat(photometric=photometric, floating=bool(floating), **values), k)


def _number(element: RawElement | None, k: int) -> int | None:
    try:
        return unsigned_short(element)
    except HeaderError as error:
        raise HeaderError(f"slice {k}: {error}") from None


def _checked(found: PixelFormat, k: int) -> PixelFormat:
    is_known = found.floating or found.bits_allocated in (1, 8, 16, 32)
    if not is_known or not 0 < found.bits_stored <= found.bits_allocated:
        raise ReadError(
            f"slice {k} claims {found.bits_stored} bits stored in {found.bits_allocated}: bits stored must be "
            "positive and fit the bits allocated, which must be 1, 8, 16 or 32"
        )
    if not found.bits_stored - 1 <= found.high_bit < found.bits_allocated:
        raise ReadError(
            f"slice {k} claims high bit {found.high_bit} for {found.bits_stored} bits stored in "
            f"{found.bits_allocated}: there is no room for them"
        )
    if not found.photometric.isascii() or not found.photometric.isprintable():
        raise ReadError(f"slice {k} has the photometric interpretation {found.photometric!r}: the header is broken")
    if found.samples not in (1, 3):
        raise ReadError(f"slice {k} claims {found.samples} samples per pixel: 1 or 3 are read")
    if found.bits_allocated == 1 and found.samples != 1:
        raise ReadError(f"slice {k} claims {found.samples} samples of a single bit: such pixels are not read")
    return found


def native_values(
    data: npt.NDArray[np.uint8] | bytes, form: PixelFormat, *, little_endian: bool = True, first_bit: int = 0
) -> Array:
    """Return the stored values of an uncompressed frame, of shape (rows, columns[, samples]).

    Single bits stand from the lowest of a byte to the highest, and a frame may begin within a byte,
    ``first_bit`` after its lowest (PS3.5, 8.1.1).

    Bits beyond Bits Stored are cleared or take the sign: old archives keep overlays and rubbish there.

    Raises
    ------
    TruncatedError
        If there are too few bytes.
    """
    if len(data) < form.frame_bytes:
        raise TruncatedError(
            f"the pixels end too early: {form.columns} x {form.rows} pixels of {form.bits_allocated} bits are "
            f"{form.frame_bytes} bytes and there are {len(data)}"
        )
    if form.bits_allocated == 1:
        bits = np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little")[first_bit:]
        if len(bits) < form.rows * form.columns:
            raise TruncatedError(f"the pixels end too early: {form.rows * form.columns} bits are wanted")
        return bits[: form.rows * form.columns].reshape(form.rows, form.columns)
    dtype = form.dtype.newbyteorder("<" if little_endian else ">")
    stored = np.frombuffer(data, dtype, form.frame_bytes // form.dtype.itemsize)
    values = stored.astype(form.dtype, copy=False)
    if form.samples == 1:
        return cleaned(values.reshape(form.rows, form.columns), form)
    if form.planar == 1:
        return np.moveaxis(values.reshape(form.samples, form.rows, form.columns), 0, -1)
    return values.reshape(form.rows, form.columns, form.samples)


def cleaned(values: Array, form: PixelFormat) -> Array:
    """Return values with the bits beyond Bits Stored cleared, or filled with the sign."""
    unused = form.bits_allocated - form.bits_stored
    if unused == 0 or form.floating:
        return values.view(form.dtype) if values.dtype != form.dtype else values
    low = form.high_bit + 1 - form.bits_stored
    # In two's complement, moving the value to the top and back down restores the sign.
    moved = np.left_shift(values.view(form.dtype), unused - low)
    cleared: Array = np.right_shift(moved, unused, out=moved)
    return cleared
