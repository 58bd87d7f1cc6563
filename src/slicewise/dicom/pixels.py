"""Stored pixel values: their format, and how they are taken from the bytes of a frame (PS3.5, 8)."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import partial
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.pixels.decoders.base import get_decoder
from pydicom.uid import UID

from slicewise.dicom.values import text_of
from slicewise.errors import MissingCodecError, ReadError, TruncatedError
from slicewise.image import Headers
from slicewise.image.elements import tag_of

__all__ = [
    "LOSSY_SYNTAXES",
    "NATIVE_SYNTAXES",
    "PixelFormat",
    "check_fragments",
    "decode_frame",
    "native_values",
    "pixel_formats",
]

Array = npt.NDArray[Any]

NATIVE_SYNTAXES = frozenset(
    ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"]
)
"""Transfer syntaxes in which pixels stand as they are."""

LOSSY_SYNTAXES = frozenset(["1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51"])
"""Transfer syntaxes in which pixels are never what they were: JPEG baseline and extended."""

_IMAGECODECS = {
    "1.2.840.10008.1.2.5": "dicomrle",
    "1.2.840.10008.1.2.4.50": "jpeg8",
    "1.2.840.10008.1.2.4.57": "ljpeg",
    "1.2.840.10008.1.2.4.70": "ljpeg",
    "1.2.840.10008.1.2.4.80": "jpegls",
    "1.2.840.10008.1.2.4.81": "jpegls",
    "1.2.840.10008.1.2.4.90": "jpeg2k",
    "1.2.840.10008.1.2.4.91": "jpeg2k",
    "1.2.840.10008.1.2.4.201": "htj2k",
    "1.2.840.10008.1.2.4.202": "htj2k",
    "1.2.840.10008.1.2.4.203": "htj2k",
}
"""Codecs that decode without holding Python's lock, so that threads help."""


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

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the stored values in memory."""
        return np.dtype(f"{'i' if self.signed else 'u'}{max(self.bits_allocated // 8, 1)}")

    @property
    def limits(self) -> tuple[int, int]:
        """Smallest and largest value that can be stored."""
        if self.signed:
            return -(1 << (self.bits_stored - 1)), (1 << (self.bits_stored - 1)) - 1
        return 0, (1 << self.bits_stored) - 1

    @property
    def frame_bytes(self) -> int:
        """Size of an uncompressed frame in bytes."""
        return self.rows * self.columns * self.samples * max(self.bits_allocated // 8, 1)

    @property
    def is_plain(self) -> bool:
        """Whether the bytes of a frame are its values: nothing to mask, shift or convert."""
        return self.samples == 1 and self.bits_stored == self.bits_allocated and self.bits_allocated in (8, 16, 32)


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


def pixel_formats(headers: Headers) -> list[PixelFormat]:
    """Return how the pixels of each slice are stored.

    Raises
    ------
    ReadError
        If an attribute that is needed is missing or makes no sense; the message names the slice.
    """
    known: dict[tuple[Any, ...], PixelFormat] = {}
    tags = [(name, tag_of(keyword), keyword, default) for name, (keyword, default) in _FIELDS.items()]
    photometric_tag = tag_of("PhotometricInterpretation")
    formats = []
    for k in range(len(headers)):
        raw = tuple(headers.element(tag, k) for _, tag, _, _ in tags)
        photometric = text_of(headers.element(photometric_tag, k)) or "MONOCHROME2"
        key = (*(e and (e.value, e.little_endian) for e in raw), photometric)
        if key not in known:
            known[key] = _format(raw, tags, photometric, k)
        formats.append(known[key])
    return formats


def _format(raw: tuple[Any, ...], tags: list[Any], photometric: str, k: int) -> PixelFormat:
    values: dict[str, Any] = {}
    for element, (name, _, keyword, default) in zip(raw, tags, strict=True):
        if element is not None and len(element.value) >= 2:
            values[name] = int.from_bytes(element.value[:2], "little" if element.little_endian else "big")
        elif default is not None:
            values[name] = default
        elif name not in ("bits_stored", "high_bit"):
            raise ReadError(f"slice {k} has no {keyword}, without which its pixels cannot be read")
    values.setdefault("bits_stored", values["bits_allocated"])
    values.setdefault("high_bit", values["bits_stored"] - 1)
    values["signed"] = bool(values["signed"])
    found = PixelFormat(photometric=photometric, **values)
    if not 0 < found.bits_stored <= found.bits_allocated or found.bits_allocated not in (1, 8, 16, 32, 64):
        raise ReadError(
            f"slice {k} claims {found.bits_stored} bits stored in {found.bits_allocated}: bits stored must be "
            "positive and fit the bits allocated, which must be 1, 8, 16, 32 or 64"
        )
    if not found.bits_stored - 1 <= found.high_bit < found.bits_allocated:
        raise ReadError(
            f"slice {k} claims high bit {found.high_bit} for {found.bits_stored} bits stored in "
            f"{found.bits_allocated}: there is no room for them"
        )
    if not photometric.isascii() or not photometric.isprintable():
        raise ReadError(f"slice {k} has the photometric interpretation {photometric!r}: the header is broken")
    if found.samples not in (1, 3):
        raise ReadError(f"slice {k} claims {found.samples} samples per pixel: 1 or 3 are read")
    return found


def native_values(data: npt.NDArray[np.uint8] | bytes, form: PixelFormat, *, little_endian: bool = True) -> Array:
    """Return the stored values of an uncompressed frame, of shape (rows, columns[, samples]).

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
    if unused == 0:
        return values.view(form.dtype) if values.dtype != form.dtype else values
    low = form.high_bit + 1 - form.bits_stored
    # In two's complement, moving the value to the top and back down restores the sign.
    moved = np.left_shift(values.view(form.dtype), unused - low)
    cleared: Array = np.right_shift(moved, unused, out=moved)
    return cleared


def decode_frame(data: bytes, syntax_uid: str, form: PixelFormat) -> Array:
    """Return the stored values of a compressed or colour frame, of shape (rows, columns[, samples]).

    Colour comes as RGB.

    Raises
    ------
    MissingCodecError
        If no installed codec decodes the transfer syntax.
    ReadError
        If the frame cannot be decoded.
    """
    decode = _fast_decoder(syntax_uid, form) if form.samples == 1 else None
    if decode is None:
        return _decode_with_pydicom(data, syntax_uid, form)
    try:
        decoded = decode(data)
    except (RuntimeError, ValueError) as error:
        raise ReadError(f"the pixels cannot be decoded ({UID(syntax_uid).name}): {error}") from error
    values = np.frombuffer(decoded, form.dtype) if isinstance(decoded, bytes) else np.asarray(decoded)
    if values.size != form.rows * form.columns:
        raise ReadError(
            f"the compressed frame holds {values.shape} values where the header says {form.rows} rows and "
            f"{form.columns} columns"
        )
    values = values.reshape(form.rows, form.columns)
    if values.dtype.itemsize < form.dtype.itemsize:
        values = values.astype(form.dtype)
    return cleaned(np.ascontiguousarray(values), attrs.evolve(form, high_bit=form.bits_stored - 1))


def check_fragments(data: bytes) -> None:
    """Raise unless encapsulated pixels are whole: fragments and the delimiter after them (PS3.5, A.4).

    Codecs fill up with what they like where a fragment ends too early.

    Raises
    ------
    TruncatedError
        If a fragment, or the delimiter, is missing or cut.
    """
    position = 0
    while position + 8 <= len(data):
        tag, length = data[position : position + 4], int.from_bytes(data[position + 4 : position + 8], "little")
        position += 8
        if tag == b"\xfe\xff\xdd\xe0":
            return
        if tag != b"\xfe\xff\x00\xe0":
            raise TruncatedError(f"the compressed pixels are broken: no fragment begins at byte {position - 8} of them")
        position += length
    raise TruncatedError("the compressed pixels end too early: the last fragment is cut, or no delimiter follows it")


def _fast_decoder(syntax_uid: str, form: PixelFormat) -> Callable[[bytes], Any] | None:
    name = _IMAGECODECS.get(syntax_uid)
    if name is None:
        return None
    try:
        codecs = importlib.import_module("imagecodecs")
    except ImportError:
        return None
    # imagecodecs fills in stubs for what its build lacks.
    if not getattr(getattr(codecs, name.upper(), None), "available", False):
        return None
    decode: Callable[..., Any] = getattr(codecs, f"{name}_decode")
    # Run-length coding does not say what it holds.
    return partial(decode, dtype=form.dtype.newbyteorder("<")) if name == "dicomrle" else decode


def _decode_with_pydicom(data: bytes, syntax_uid: str, form: PixelFormat) -> Array:
    dataset = Dataset()
    dataset.Rows, dataset.Columns = form.rows, form.columns
    dataset.SamplesPerPixel = form.samples
    dataset.PhotometricInterpretation = form.photometric
    if form.samples > 1:
        dataset.PlanarConfiguration = form.planar
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = form.bits_allocated, form.bits_stored, form.high_bit
    dataset.PixelRepresentation = int(form.signed)
    if syntax_uid in NATIVE_SYNTAXES:
        dataset.PixelData = data
        dataset["PixelData"].VR = "OB" if form.bits_allocated == 8 else "OW"
    else:
        dataset.PixelData = encapsulate([data])
        dataset["PixelData"].is_undefined_length = True
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = UID(syntax_uid)
    try:
        decoder = get_decoder(UID(syntax_uid))
    except NotImplementedError:
        raise _no_codec(syntax_uid) from None
    if not decoder.is_available:
        raise _no_codec(syntax_uid)
    try:
        values, _ = decoder.as_array(dataset, raw=False)
    except (RuntimeError, ValueError, AttributeError) as error:
        raise ReadError(f"the pixels cannot be decoded ({UID(syntax_uid).name}): {error}") from error
    return values


def _no_codec(syntax_uid: str) -> MissingCodecError:
    return MissingCodecError(
        f"no installed codec decodes {UID(syntax_uid).name} ({syntax_uid}): install imagecodecs, or one of pydicom's "
        "plugins for it (pip install 'slicewise[codecs]')"
    )
