"""Frames as they are coded, and how they stand in a file (PS3.5, 8.2, A.4, A.5)."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate
from types import MappingProxyType
from typing import Any, NamedTuple

import attrs
import numpy as np
import numpy.typing as npt
from pydicom.pixels.encoders.base import get_encoder
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from slicewise.dicom.codecs import codec
from slicewise.dicom.decoding import decode_frame
from slicewise.dicom.lossy import LOSSY, Lossy
from slicewise.dicom.pixels import PixelFormat
from slicewise.errors import MissingCodecError, ParameterError, WriteError

__all__ = [
    "SYNTAXES",
    "Coded",
    "Syntax",
    "coded_photometric",
    "deflated",
    "encapsulated",
    "encode_frame",
    "native",
    "syntax_of",
]

Array = npt.NDArray[Any]


@attrs.frozen
class Syntax:
    """A transfer syntax that is written.

    Parameters
    ----------
    name : str
        What users call it.
    uid : str
        Its UID.
    encode : callable, optional
        Makes a codestream of the values of a frame; None where frames stand as they are.
    lossy : Lossy, optional
        How much is lost; None where nothing is.
    """

    name: str
    uid: str
    encode: Callable[[Array], bytes] | None = None
    lossy: Lossy | None = None

    @property
    def is_implicit(self) -> bool:
        """Whether the dataset is in implicit VR."""
        return self.uid == ImplicitVRLittleEndian

    @property
    def keeps_signs(self) -> bool:
        """Whether negative values may be coded: where bits are lost, -1 must not be 65535."""
        return self.lossy is None or self.lossy.keeps_signs

    @property
    def is_encapsulated(self) -> bool:
        """Whether frames are compressed, each for itself."""
        return self.encode is not None


def _codec(name: str, values: Array, **options: Any) -> bytes:
    encode = codec(name, "encode")
    if encode is None:
        raise MissingCodecError("compressed pixels are written with imagecodecs: pip install imagecodecs")
    encoded: bytes = encode(np.ascontiguousarray(values), **options)
    return encoded


def _unsigned(values: Array) -> Array:
    # These code bits: what is negative is known by the header alone.
    return values.view(f"u{values.dtype.itemsize}")


def _jpeg_ls(values: Array) -> bytes:
    return _codec("jpegls", _unsigned(values))


def _jpeg(values: Array) -> bytes:
    colour = {"colorspace": "RGB", "outcolorspace": "RGB"} if values.ndim > 2 else {}
    bits = 8 * values.dtype.itemsize
    return _codec("jpeg8", _unsigned(values), lossless=True, predictor=1, bitspersample=bits, **colour)


def _jpeg_2000(values: Array) -> bytes:
    # Colour stays RGB: with a component transform the header would have to say another thing.
    return _codec("jpeg2k", values, codecformat="j2k", reversible=True, mct=False, numthreads=1)


def _htj2k(values: Array) -> bytes:
    return _codec("htj2k", values, reversible=True, **({"rgb": False, "planar": False} if values.ndim > 2 else {}))


def _jpeg_ls_near(values: Array, amount: float) -> bytes:
    return _codec("jpegls", values, level=int(amount))


def _jpeg_2000_lossy(values: Array, amount: float) -> bytes:
    colour = values.ndim > 2
    return _codec("jpeg2k", values, level=amount, codecformat="j2k", reversible=False, mct=colour, numthreads=1)


def _jpeg_baseline(values: Array, amount: float) -> bytes:
    # Every other column of the colour differences is kept, which is what YBR_FULL_422 says (PS3.3, C.7.6.3.1.2).
    colour = {"colorspace": "RGB", "outcolorspace": "YCBCR", "subsampling": "422"} if values.ndim > 2 else {}
    return _codec("jpeg8", values, level=int(amount), **colour)


_WITH_LOSS: Mapping[str, Callable[[Array, float], bytes]] = MappingProxyType(
    {"jpeg-ls-near": _jpeg_ls_near, "jpeg-2000-lossy": _jpeg_2000_lossy, "jpeg-baseline": _jpeg_baseline}
)
_COLOUR = MappingProxyType({"jpeg-2000-lossy": "YBR_ICT", "jpeg-baseline": "YBR_FULL_422"})
"""How colour stands in the codestream, where it is not RGB."""


def _run_lengths(values: Array) -> bytes:
    bits = 8 * values.dtype.itemsize
    colour = {"planar_configuration": 0} if values.ndim > 2 else {}
    described: dict[str, Any] = {
        "rows": values.shape[0],
        "columns": values.shape[1],
        "samples_per_pixel": values.shape[2] if values.ndim > 2 else 1,
        "bits_allocated": bits,
        "bits_stored": bits,
        "photometric_interpretation": "RGB" if values.ndim > 2 else "MONOCHROME2",
        "pixel_representation": int(values.dtype.kind == "i"),
        "number_of_frames": 1,
        **colour,
    }
    encoded: bytes = get_encoder(RLELossless).encode(np.ascontiguousarray(values).tobytes(), **described)
    return encoded


SYNTAXES: Mapping[str, Syntax] = MappingProxyType(
    {
        syntax.name: syntax
        for syntax in (
            Syntax("explicit", str(ExplicitVRLittleEndian)),
            Syntax("implicit", str(ImplicitVRLittleEndian)),
            Syntax("deflated", str(DeflatedExplicitVRLittleEndian)),
            Syntax("rle", str(RLELossless), _run_lengths),
            Syntax("jpeg-lossless", str(JPEGLosslessSV1), _jpeg),
            Syntax("jpeg-ls", str(JPEGLSLossless), _jpeg_ls),
            Syntax("jpeg-2000", str(JPEG2000Lossless), _jpeg_2000),
            Syntax("htj2k", str(HTJ2KLossless), _htj2k),
        )
    }
)
"""What is written without loss, by name."""


def syntax_of(wanted: str | Lossy) -> Syntax:
    """Return a transfer syntax by its name or UID, or one with loss by what a caller asks for.

    Raises
    ------
    ParameterError
        If it is none of those that are written, or one with loss that does not say how much.
    """
    if isinstance(wanted, Lossy):
        encode = _WITH_LOSS[wanted.name]
        return Syntax(wanted.name, wanted.uid, lambda values: encode(values, wanted.amount), wanted)
    for name, kind in LOSSY.items():
        if wanted in (name, kind.uid):
            raise ParameterError(
                f"'transfer_syntax' {name!r} loses values, and how much must be said: "
                f"Lossy({name!r}, {kind.parameter}={kind.example})"
            )
    by_uid = {syntax.uid: syntax for syntax in SYNTAXES.values()}
    found = SYNTAXES.get(wanted) or by_uid.get(wanted)
    if found is None:
        known = ", ".join(f"{syntax.name!r} ({syntax.uid})" for syntax in SYNTAXES.values())
        raise ParameterError(
            f"'transfer_syntax' must be one of {known}, or with loss one of {', '.join(LOSSY)} as "
            f"Lossy('jpeg-ls-near', error=2) (got {wanted!r})"
        )
    return found


class Coded(NamedTuple):
    """A codestream, what it decodes to, and by how much stored values differ from what they were at most."""

    data: bytes
    decoded: Array
    difference: int


def coded_photometric(form: PixelFormat, syntax: Syntax) -> str:
    """Return Photometric Interpretation of a compressed frame."""
    return _COLOUR.get(syntax.name, "RGB") if form.samples > 1 else form.photometric


def encode_frame(values: Array, syntax: Syntax, form: PixelFormat, place: str) -> Coded:
    """Return the codestream of a frame, decoded again and found equal, or as near as was asked for.

    Parameters
    ----------
    values : array of shape (rows, columns[, samples])
        Stored values, of the type of the format.
    syntax : Syntax
        An encapsulated one.
    form : PixelFormat
        How values are stored; all allocated bits count, and the photometric interpretation is the coded one.
    place : str
        What frame it is, for the message.

    Raises
    ------
    MissingCodecError
        If no codec is installed.
    WriteError
        If the codec did not keep every value, or with loss not within the error.
    """
    _check_lossy(values, syntax, place)
    if syntax.encode is None:
        raise ParameterError(f"frames are not compressed in {syntax.name!r}")
    try:
        encoded = syntax.encode(values)
    except (RuntimeError, ValueError) as error:
        raise WriteError(f"{place}: {values.dtype} values cannot be coded in {syntax.name!r} ({error})") from error
    decoded = decode_frame(encoded, syntax.uid, form)
    if syntax.lossy is not None:
        return Coded(encoded, decoded, _difference(decoded, values, syntax.lossy, place))
    if not np.array_equal(decoded, values):
        raise WriteError(
            f"{place}: {syntax.name!r} did not keep every value, which it must; write with another transfer syntax"
        )
    return Coded(encoded, decoded, 0)


def _check_lossy(values: Array, syntax: Syntax, place: str) -> None:
    if syntax.lossy is None:
        return
    if syntax.name == "jpeg-baseline" and values.dtype.itemsize > 1:
        raise WriteError(
            f"{place}: JPEG baseline codes 8 bits, and values are stored in {8 * values.dtype.itemsize}: take "
            "'jpeg-ls-near' or 'jpeg-2000-lossy'"
        )
    if values.dtype.kind == "i" and not syntax.keeps_signs:
        raise WriteError(f"{place}: {syntax.name!r} codes bits, and with loss -1 would become a large number")
    if syntax.lossy.error is not None and values.dtype.itemsize == 1 and syntax.lossy.error > 127:
        raise ParameterError(f"'error' can be 127 at most where values have 8 bits (got {syntax.lossy.error})")


def _difference(decoded: Array, values: Array, lossy: Lossy, place: str) -> int:
    found = int(np.abs(decoded.astype(np.int32) - values).max(initial=0))
    if lossy.error is not None and found > lossy.error:
        raise WriteError(f"{place}: a stored value came back wrong by {found} ({lossy} was asked for)")
    return found


def encapsulated(frames: Sequence[bytes]) -> list[bytes]:
    """Return the element of the pixels with compressed frames, a fragment each (PS3.5, A.4).

    The offset table is empty for one frame.
    """
    padded = [frame + b"\0" * (len(frame) % 2) for frame in frames]
    starts = list(accumulate((8 + len(frame) for frame in padded[:-1]), initial=0)) if len(frames) > 1 else []
    parts = [
        struct.pack("<HH2sHL", 0x7FE0, 0x0010, b"OB", 0, 0xFFFFFFFF),
        struct.pack(f"<HHL{len(starts)}L", 0xFFFE, 0xE000, 4 * len(starts), *starts),
    ]
    for frame in padded:
        parts += [struct.pack("<HHL", 0xFFFE, 0xE000, len(frame)), frame]
    return [*parts, struct.pack("<HHL", 0xFFFE, 0xE0DD, 0)]


def native(frames: Sequence[Array], *, implicit: bool = False) -> list[bytes | memoryview]:
    """Return the element of the pixels with frames as they are, in little endian, of even length."""
    pixels = [memoryview(np.ascontiguousarray(f, f.dtype.newbyteorder("<")).reshape(-1).data).cast("B") for f in frames]
    vr = b"OB" if frames[0].dtype.itemsize == 1 else b"OW"
    length = sum(part.nbytes for part in pixels)
    padding = length % 2
    head = struct.pack("<HH", 0x7FE0, 0x0010) + (b"" if implicit else struct.pack("<2sH", vr, 0))
    return [head + struct.pack("<L", length + padding), *pixels, b"\0" * padding]


def deflated(dataset: Sequence[bytes | memoryview]) -> bytes:
    """Return a dataset as the deflated transfer syntax has it: the bare stream, of even length (PS3.5, A.5)."""
    squeezer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    stream = b"".join([*(squeezer.compress(part) for part in dataset), squeezer.flush()])
    return stream + b"\0" * (len(stream) % 2)
