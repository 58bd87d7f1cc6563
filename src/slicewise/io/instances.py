"""One instance as it stands in its file: header and pixels, nothing decoded."""

from __future__ import annotations

import attrs
import numpy as np

from slicewise.dicom.functional_groups import number_of_frames
from slicewise.dicom.given_pixels import GivenFrames
from slicewise.dicom.header_parser import assemble
from slicewise.dicom.parsing import DEFLATED, EXPLICIT_LITTLE, Entry, Syntax
from slicewise.dicom.pixels import FLOAT_PIXELS
from slicewise.errors import ReadError
from slicewise.image import Headers
from slicewise.image.elements import tag_of
from slicewise.io.header_files import HeaderFile, HeaderScanner, inflated
from slicewise.io.listing import PathLike, list_files
from slicewise.io.rewriting import check_behind
from slicewise.io.stored_files import OpenedFile

__all__ = ["Instance", "native_value", "read_instance"]


@attrs.frozen(eq=False)
class Instance:
    """An instance, its pixels as they are stored.

    Parameters
    ----------
    headers : Headers
        Its header, of length 1; of a multi-frame image with its functional groups.
    frames : bytes, list of bytes, array or None
        Native pixels: the value of the pixel data, in little endian, or of floating-point ones an array of shape
        (frames, rows x columns). Compressed: the codestream of each frame. None without pixels.
    transfer_syntax : str
        UID of the transfer syntax that the frames can be written in.
    """

    headers: Headers
    frames: GivenFrames | None
    transfer_syntax: str


def read_instance(path: PathLike) -> Instance:
    """Read one instance without decoding anything, such as to write it again with ``compile_instances``.

    Parameters
    ----------
    path : path
        A DICOM file.

    Raises
    ------
    ReadError
        If it cannot be read, or elements follow its pixels; the message names it.
    """
    (source,) = list_files(path, hidden=True)
    file = HeaderScanner().read(source)
    headers = assemble([file.header])
    if file.header.pixels is None:
        return Instance(headers, None, EXPLICIT_LITTLE)
    try:
        check_behind(file)
        with file.source.open() as opened:
            if file.is_encapsulated:
                return Instance(headers, _codestreams(file, headers, opened), file.syntax_uid)
            value = native_value(file, file.header.pixels, opened)
    except ReadError as error:
        raise type(error)(f"{file.path}: {error}") from error
    syntax = DEFLATED if file.syntax_uid == DEFLATED else EXPLICIT_LITTLE
    bits = FLOAT_PIXELS.get(file.header.pixels.tag)
    if bits is None:
        return Instance(headers, value, syntax)
    rows, columns = int(headers[0].Rows), int(headers[0].Columns)
    return Instance(headers, np.frombuffer(value, f"<f{bits // 8}").reshape(-1, rows, columns), syntax)


def _codestreams(file: HeaderFile, headers: Headers, opened: OpenedFile) -> list[bytes]:
    count = number_of_frames(headers.element(tag_of("NumberOfFrames"), 0))
    index = file.frame_index(opened, count)
    return [index.frame(opened.read_at, k) for k in range(count)]


def native_value(file: HeaderFile, pixels: Entry, opened: OpenedFile) -> bytes:
    """Return the value of uncompressed pixels as it stands in a file of little endian.

    Parameters
    ----------
    file : HeaderFile
        The file.
    pixels : Entry
        Where its pixels stand.
    opened : OpenedFile
        The same file.
    """
    if file.syntax_uid == DEFLATED:
        whole, _ = inflated(opened.read_at(file.size, 0), opened, complete=True)
        return bytes(whole[pixels.value_start : pixels.value_stop])
    value = opened.read_at(pixels.value_stop - pixels.value_start, pixels.value_start)
    if Syntax.of(file.syntax_uid).little_endian or pixels.vr == "OB":
        return value
    bits = FLOAT_PIXELS.get(pixels.tag, 0) or int(assemble([file.header])[0].BitsAllocated)
    # Bytes and single bits stand in words of 16, the other way round (PS3.5, 8.1.1).
    size = max(bits // 8, 2)
    return np.frombuffer(value, f">u{size}").astype(f"<u{size}").tobytes()
