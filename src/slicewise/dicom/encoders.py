"""Frames compressed without loss, and how they stand in a file (PS3.5, 8.2, A.4, A.5)."""

from __future__ import annotations

import importlib
import struct
import zlib
from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate
from types import MappingProxyType
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
from pydicom.pixels.encoders.base import get_encoder
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    JPEG2000Lossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from slicewise.dicom.decoding import decode_frame
from slicewise.dicom.pixels import PixelFormat
from slicewise.errors import MissingCodecError, ParameterError, WriteError

__all__ = ["SYNTAXES", "Syntax", "deflated", "encapsulated", "encode_frame", "native", "syntax_of"]

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
    """

    name: str
    uid: str
    encode: Callable[[Array], bytes] | None = None

    @property
    def is_encapsulated(self) -> bool:
        """Whether frames are compressed, each for itself."""
        return self.encode is not None


def _codec(name: str, values: Array, **options: Any) -> bytes:
    try:
        codecs = importlib.import_module("imagecodecs")
    except ImportError as error:
        raise MissingCodecError("compressed pixels are written with imagecodecs: pip install imagecodecs") from error
    encoded: bytes = getattr(codecs, f"{name}_encode")(np.ascontiguousarray(values), **options)
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
            Syntax("deflated", str(DeflatedExplicitVRLittleEndian)),
            Syntax("rle", str(RLELossless), _run_lengths),
            Syntax("jpeg-lossless", str(JPEGLosslessSV1), _jpeg),
            Syntax("jpeg-ls", str(JPEGLSLossless), _jpeg_ls),
            Syntax("jpeg-2000", str(JPEG2000Lossless), _jpeg_2000),
            Syntax("htj2k", str(HTJ2KLossless), _htj2k),
        )
    }
)
"""What is written, by name; all without loss."""


def syntax_of(name_or_uid: str) -> Syntax:
    """Return a transfer syntax by its name or UID.

    Raises
    ------
    ParameterError
        If it is none of those that are written.
    """
    by_uid = {syntax.uid: syntax for syntax in SYNTAXES.values()}
    found = SYNTAXES.get(name_or_uid) or by_uid.get(name_or_uid)
    if found is None:
        known = ", ".join(f"{syntax.name!r} ({syntax.uid})" for syntax in SYNTAXES.values())
        raise ParameterError(f"'transfer_syntax' must be one of {known} (got {name_or_uid!r})")
    return found


def encode_frame(values: Array, syntax: Syntax, form: PixelFormat, place: str) -> bytes:
    """Return the codestream of a frame, decoded again and found equal.

    Parameters
    ----------
    values : array of shape (rows, columns[, samples])
        Stored values, of the type of the format.
    syntax : Syntax
        An encapsulated one.
    form : PixelFormat
        How values are stored; all allocated bits count.
    place : str
        What frame it is, for the message.

    Raises
    ------
    MissingCodecError
        If no codec is installed.
    WriteError
        If the codec did not keep every value.
    """
    if syntax.encode is None:
        raise ParameterError(f"frames are not compressed in {syntax.name!r}")
    try:
        encoded = syntax.encode(values)
    except (RuntimeError, ValueError) as error:
        raise WriteError(f"{place}: {values.dtype} values cannot be coded in {syntax.name!r} ({error})") from error
    if not np.array_equal(decode_frame(encoded, syntax.uid, form), values):
        raise WriteError(
            f"{place}: {syntax.name!r} did not keep every value, which it must; write with another transfer syntax"
        )
    return encoded


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


def native(frames: Sequence[Array]) -> list[bytes | memoryview]:
    """Return the element of the pixels with frames as they are, in little endian, of even length."""
    pixels = [memoryview(np.ascontiguousarray(f, f.dtype.newbyteorder("<")).reshape(-1).data).cast("B") for f in frames]
    vr = b"OB" if frames[0].dtype.itemsize == 1 else b"OW"
    length = sum(part.nbytes for part in pixels)
    padding = length % 2
    return [struct.pack("<HH2sHL", 0x7FE0, 0x0010, vr, 0, length + padding), *pixels, b"\0" * padding]


def deflated(dataset: Sequence[bytes | memoryview]) -> bytes:
    """Return a dataset as the deflated transfer syntax has it: the bare stream, of even length (PS3.5, A.5)."""
    squeezer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    stream = b"".join([*(squeezer.compress(part) for part in dataset), squeezer.flush()])
    return stream + b"\0" * (len(stream) % 2)
