"""Compressed frames to stored values: with codecs that release Python's lock, else with those of pydicom."""

from __future__ import annotations

import struct
import zlib
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
from pydicom.pixels.processing import convert_color_space
from pydicom.uid import UID

from slicewise.dicom.codecs import codec
from slicewise.dicom.codestreams import codestream_size, is_cut
from slicewise.dicom.pixels import NATIVE_SYNTAXES, PixelFormat, cleaned, native_values
from slicewise.dicom.unraised import unraised_errors
from slicewise.errors import MissingCodecError, ReadError, TruncatedError

__all__ = ["LOSSY_SYNTAXES", "YOUNGER_SYNTAXES", "decode_frame"]

Array = npt.NDArray[Any]

LOSSY_SYNTAXES = frozenset(["1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51"])
"""Transfer syntaxes in which pixels are never what they were: JPEG baseline and extended."""

_UNCOMPRESSED = "1.2.840.10008.1.2.1.98"
_DEFLATED_FRAMES = "1.2.840.10008.1.2.8.1"
_RUN_LENGTHS = "1.2.840.10008.1.2.5"

_CODECS = {
    _RUN_LENGTHS: "dicomrle",
    "1.2.840.10008.1.2.4.50": "jpeg8",
    "1.2.840.10008.1.2.4.51": "jpeg8",
    "1.2.840.10008.1.2.4.57": "jpeg8",
    "1.2.840.10008.1.2.4.70": "jpeg8",
    "1.2.840.10008.1.2.4.80": "jpegls",
    "1.2.840.10008.1.2.4.81": "jpegls",
    "1.2.840.10008.1.2.4.90": "jpeg2k",
    "1.2.840.10008.1.2.4.91": "jpeg2k",
    "1.2.840.10008.1.2.4.110": "jpegxl",
    "1.2.840.10008.1.2.4.111": "jpegxl",
    "1.2.840.10008.1.2.4.112": "jpegxl",
    "1.2.840.10008.1.2.4.201": "htj2k",
    "1.2.840.10008.1.2.4.202": "htj2k",
    "1.2.840.10008.1.2.4.203": "htj2k",
}
"""Codecs of imagecodecs, which decode without holding Python's lock, so that threads help."""

YOUNGER_SYNTAXES = {_DEFLATED_FRAMES: "Deflated Image Frame Compression"} | {
    f"1.2.840.10008.1.2.4.{number}": name
    for number, name in ((110, "JPEG XL Lossless"), (111, "JPEG XL JPEG Recompression"), (112, "JPEG XL"))
}
"""Names of encapsulated transfer syntaxes that are younger than pydicom's dictionary."""

_JPEG = frozenset(["jpeg8"])
_LOSSLESS_JPEG = frozenset(["1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70"])
"""Where components are coded as they are, and come out so."""
_OWN_COLOUR = frozenset(uid for uid, name in _CODECS.items() if name in ("jpeg8", "jpegxl")) - _LOSSLESS_JPEG
"""Where the codestream says how colour is coded, and the codec undoes it."""
_COMPONENT_TRANSFORMS = frozenset(["YBR_RCT", "YBR_ICT"])
"""Colour that JPEG 2000 codes, and undoes, by itself."""
_TRANSFORMING = frozenset(["jpeg2k", "htj2k"])
_VIDEO = "1.2.840.10008.1.2.4.10"


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
    if form.samples > 1:
        _check_colour(syntax_uid, form)
    if syntax_uid == _UNCOMPRESSED:
        return _with_rgb(native_values(data, form), form)
    if syntax_uid == _DEFLATED_FRAMES:
        return _with_rgb(native_values(_inflated(data, form), form), form)
    _check_codestream(data, syntax_uid, form)
    decode = None if _is_left_to_pydicom(form) else _codec(syntax_uid, form, data)
    if decode is None:
        return _decode_with_pydicom(data, syntax_uid, form)
    decoded = _decoded(decode, data, syntax_uid)
    if form.samples == 1:
        # Run lengths keep whole cells; other codecs keep values, in the lowest bits.
        is_whole = syntax_uid == _RUN_LENGTHS
        return _one_sample(decoded, form if is_whole else attrs.evolve(form, high_bit=form.bits_stored - 1))
    colour = _colour(decoded, syntax_uid, form)
    return colour if syntax_uid in _OWN_COLOUR else _with_rgb(colour, form)


def _decoded(decode: Callable[[bytes], Any], data: bytes, syntax_uid: str) -> Any:
    try:
        with unraised_errors("imagecodecs") as errors:
            decoded = decode(data)
    except (RuntimeError, ValueError) as error:
        raise ReadError(f"the pixels cannot be decoded ({_name(syntax_uid)}): {error}") from error
    if errors:
        # The rows from there on would be zeros.
        raise ReadError(f"the pixels cannot be decoded ({_name(syntax_uid)}): {errors[0]}") from errors[0]
    return decoded


def _check_codestream(data: bytes, syntax_uid: str, form: PixelFormat) -> None:
    # Codecs take what memory a codestream asks for, be it twelve bytes long.
    if syntax_uid in NATIVE_SYNTAXES:
        return
    if syntax_uid == _RUN_LENGTHS:
        _check_segments(data, form)
        return
    found = codestream_size(data)
    if found is not None and found != (form.rows, form.columns):
        raise ReadError(
            f"the compressed frame has {found[0]} rows and {found[1]} columns where the header says {form.rows} and "
            f"{form.columns} ({_name(syntax_uid)})"
        )
    if is_cut(data):
        raise TruncatedError(f"the compressed frame ends too early ({_name(syntax_uid)}, {len(data)} bytes)")


def _check_segments(data: bytes, form: PixelFormat) -> None:
    """Raise unless the segments of run lengths are where their header says (PS3.5, G.5): the codec trusts it."""
    wanted = form.samples * form.bits_allocated // 8
    if len(data) < 64:
        raise TruncatedError(f"the header of run-length coded pixels has 64 bytes (got {len(data)})")
    count, *starts = struct.unpack_from("<16L", data)
    used = starts[: min(count, 15)]
    if count != wanted or not used or used[0] < 64 or used != sorted(set(used)) or used[-1] >= len(data):
        raise ReadError(
            f"run-length coded pixels of {form.samples} samples of {form.bits_allocated} bits must have {wanted} "
            f"segments after the header, one behind the other (found {count} at {used} of {len(data)} bytes)"
        )


def _is_left_to_pydicom(form: PixelFormat) -> bool:
    return form.samples > 1 and ("422" in form.photometric or "420" in form.photometric) and form.bits_allocated != 8


def _from_bytes(decoded: bytes, form: PixelFormat) -> Array:
    if len(decoded) % form.dtype.itemsize:
        raise ReadError(
            f"the compressed frame holds {len(decoded)} bytes, which are no values of {form.bits_allocated} bits"
        )
    return np.frombuffer(decoded, form.dtype)


def _one_sample(decoded: Any, form: PixelFormat) -> Array:
    values = _from_bytes(decoded, form) if isinstance(decoded, bytes) else np.asarray(decoded)
    if values.size != form.rows * form.columns:
        raise ReadError(
            f"the compressed frame holds {values.shape} values where the header says {form.rows} rows and "
            f"{form.columns} columns"
        )
    values = values.reshape(form.rows, form.columns)
    if values.dtype.itemsize < form.dtype.itemsize:
        values = values.astype(form.dtype)
    return cleaned(np.ascontiguousarray(values), form)


def _colour(decoded: Any, syntax_uid: str, form: PixelFormat) -> Array:
    shape = (form.rows, form.columns, form.samples)
    if isinstance(decoded, bytes):
        # Run lengths code one plane after the other (PS3.5, G.2), whatever Planar Configuration says.
        values = _from_bytes(decoded, form)
        if values.size == form.samples * form.rows * form.columns:
            values = np.moveaxis(values.reshape(form.samples, form.rows, form.columns), 0, -1)
    else:
        values = np.asarray(decoded)
    if values.shape != shape or values.dtype.itemsize > form.dtype.itemsize:
        raise ReadError(
            f"the compressed frame holds {values.shape} values of {values.dtype} where the header says {shape} of "
            f"{form.dtype} ({_name(syntax_uid)})"
        )
    return values.astype(form.dtype, copy=False)


def _check_colour(syntax_uid: str, form: PixelFormat) -> None:
    """Raise unless it is known how RGB is made of colour."""
    is_transformed = form.photometric in _COMPONENT_TRANSFORMS and _CODECS.get(syntax_uid) in _TRANSFORMING
    is_luminance = form.photometric in ("YBR_FULL", "YBR_FULL_422") and form.bits_allocated == 8
    if form.photometric != "RGB" and not is_transformed and not is_luminance:
        raise ReadError(
            f"pixels of the photometric interpretation {form.photometric!r} with {form.bits_allocated} bits are not "
            f"read in {_name(syntax_uid)}: RGB, and with 8 bits YBR_FULL and YBR_FULL_422 are, and in JPEG 2000 "
            "YBR_RCT and YBR_ICT"
        )


def _with_rgb(values: Array, form: PixelFormat) -> Array:
    """Return colour as RGB, where the codec left it as it was coded."""
    if form.samples == 1 or form.photometric == "RGB" or form.photometric in _COMPONENT_TRANSFORMS:
        return values
    return convert_color_space(values, "YBR_FULL", "RGB")


def _codec(syntax_uid: str, form: PixelFormat, data: bytes) -> Callable[[bytes], Any] | None:
    name = _CODECS.get(syntax_uid)
    if name is None:
        return None
    decode = codec(name, "decode")
    if decode is None:
        return None
    return partial(decode, **_options(syntax_uid, data, form))


def _options(syntax_uid: str, data: bytes, form: PixelFormat) -> dict[str, Any]:
    name = _CODECS[syntax_uid]
    if name == "dicomrle":
        # Run-length coding does not say what it holds.
        return {"dtype": form.dtype.newbyteorder("<")}
    if name == "htj2k":
        # Otherwise components that are coded without a transform come one plane after the other.
        return {"planar": False}
    if name in _JPEG and form.samples > 1:
        coded = "RGB" if syntax_uid in _LOSSLESS_JPEG else _jpeg_colour(data, form)
        return {"colorspace": coded, "outcolorspace": "RGB"}
    return {}


def _jpeg_colour(data: bytes, form: PixelFormat) -> str:
    """Return how a JPEG codestream codes colour: as its Adobe marker says, else as the header does.

    Many files say RGB in the header and have components of luminance and colour, and the other way round.
    """
    marker = data.find(b"\xff\xee\x00\x0eAdobe", 0, 4096)
    transform = data[marker + 15] if marker >= 0 and marker + 15 < len(data) else None
    if transform == 1:
        return "YCBCR"
    return "RGB" if transform == 0 or form.photometric == "RGB" else "YCBCR"


def _inflated(data: bytes, form: PixelFormat) -> bytes:
    """Return a frame without its compression; never more than a frame can have, whatever the data say."""
    decompressor = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        frame = decompressor.decompress(data, form.frame_bytes + 1)
    except zlib.error as error:
        raise ReadError(f"the deflated frame cannot be inflated ({error})") from error
    if len(frame) < form.frame_bytes:
        raise TruncatedError(f"the deflated frame ends too early: {form.frame_bytes} bytes wanted, got {len(frame)}")
    return frame


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
        raise ReadError(f"the pixels cannot be decoded ({_name(syntax_uid)}): {error}") from error
    return values


def _name(syntax_uid: str) -> str:
    return YOUNGER_SYNTAXES.get(syntax_uid) or UID(syntax_uid).name


def _no_codec(syntax_uid: str) -> MissingCodecError:
    if syntax_uid.startswith(_VIDEO):
        return MissingCodecError(
            f"{_name(syntax_uid)} ({syntax_uid}) is a video stream, which is not read: convert it to frames first, "
            "e.g. with ffmpeg"
        )
    return MissingCodecError(
        f"no installed codec decodes {_name(syntax_uid)} ({syntax_uid}): install imagecodecs, or pydicom's plugins "
        "with pip install 'slicewise[codecs]'"
    )
