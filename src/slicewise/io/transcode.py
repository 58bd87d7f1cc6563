"""Instances in another transfer syntax: the same values and attributes, coded otherwise; with loss if asked for."""

from __future__ import annotations

from pathlib import Path

import attrs

from slicewise.dicom.encoders import Syntax, coded_photometric, encapsulated, encode_frame, native, syntax_of
from slicewise.dicom.encoding import SeriesTemplate, text
from slicewise.dicom.functional_groups import number_of_frames
from slicewise.dicom.given_pixels import value_element
from slicewise.dicom.header_parser import assemble
from slicewise.dicom.lossy import Lossy
from slicewise.dicom.parsing import EXPLICIT_LITTLE, Entry
from slicewise.dicom.pixels import PixelFormat, pixel_formats
from slicewise.dicom.stored_attributes import unsigned
from slicewise.dicom.values import text_of, unsigned_short
from slicewise.errors import NotDicomError, ReadError, SlicewiseError, TruncatedError
from slicewise.image import Headers
from slicewise.image.elements import tag_of
from slicewise.image.headers import Column
from slicewise.io.frames import Frame
from slicewise.io.header_files import HeaderFile, HeaderScanner
from slicewise.io.instances import native_value
from slicewise.io.listing import PathLike
from slicewise.io.lossy_instances import LossyInstances, check_loss, without_signs
from slicewise.io.pixel_files import read_stored
from slicewise.io.rewriting import Rewritten, check_behind, rewrite, write_instance
from slicewise.io.stored_files import StoredFile
from slicewise.pipeline.progress import Show

__all__ = ["transcode"]

_PIXELS = 0x7FE00010
_VRS = {0x7FE00008: b"OF", 0x7FE00009: b"OD"}
_JPEG_LOSSY = frozenset(["1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51"])


def transcode(
    source: PathLike,
    destination: PathLike,
    transfer_syntax: str | Lossy,
    *,
    workers: int | None = None,
    progress: Show | bool | None = None,
) -> Rewritten:
    """Write instances in another transfer syntax, without loss unless a ``Lossy`` asks for it.

    Attributes and stored values stay, and so do the instance UIDs: the instances are the same (PS3.5, 8). What follows
    from the coding changes: where frames are compressed all allocated bits are stored bits; colour is RGB by pixel.
    Every compressed frame is decoded again and compared. Retired group lengths are left out.

    What is compressed with loss is a derived image: instances and their series have new identifiers, and say from which
    instance, how, and how much they were compressed (PS3.3, C.7.6.1.1.2 and C.7.6.1.1.5). Negative values are moved up
    and the intercept down where the codec knows of no signs. Padding values are dropped: pixels no longer have them.
    Files without pixels stay the instances they are.

    Parameters
    ----------
    source : path
        A file, a folder with its subfolders, or an archive. Files that are not DICOM are an error.
    destination : path
        A folder that is not there yet, or empty; it is complete or absent.
    transfer_syntax : str or Lossy
        Name or UID: ``"explicit"``, ``"implicit"``, ``"deflated"``, ``"rle"``, ``"jpeg-lossless"``, ``"jpeg-ls"``,
        ``"jpeg-2000"`` or ``"htj2k"``; or, with loss, ``Lossy("jpeg-ls-near", error=2)``.
    workers : int, optional
        Threads; as many as cores if not given.
    progress : bool or callable, optional
        Whether to show a bar; by default where a person looks. A callable gets a ``Progress`` of files.

    Raises
    ------
    ParameterError
        If the transfer syntax is none of those, or loses values without saying how much.
    DestinationError
        If the destination holds something.
    ReadError
        If a file cannot be read or decoded, or has pixels that no codec keeps; the message names it.
    WriteError
        If the destination cannot be written.

    Examples
    --------
    >>> done = transcode("study/ct", "small", "jpeg-ls")  # doctest: +SKIP
    >>> done.bytes_after / done.bytes_before  # doctest: +SKIP
    0.42
    """
    syntax = syntax_of(transfer_syntax)
    derived = None if syntax.lossy is None else LossyInstances(syntax.lossy)
    done = rewrite(
        source,
        destination,
        lambda file, target: _write(file, target, syntax, derived),
        title="Transcoding",
        workers=workers,
        progress=progress,
    )
    return done if derived is None else attrs.evolve(done, loss=derived.loss)


def _write(source: StoredFile, target: Path, syntax: Syntax, derived: LossyInstances | None) -> None:
    file = HeaderScanner().read(source)
    try:
        headers, pixels = _dataset(file, syntax, derived)
        head = SeriesTemplate(headers, implicit=syntax.is_implicit).encode(0, {})
    except NotDicomError:
        raise
    except SlicewiseError as error:
        told = str(error)
        raise error if told.startswith(str(file.path)) else type(error)(f"{file.path}: {told}") from error
    # What has no pixels is not compressed by a codec of pixels.
    uid = EXPLICIT_LITTLE if syntax.is_encapsulated and not file.has_pixels else syntax.uid
    write_instance(file, target, uid, [head, *pixels], text_of(headers.element(tag_of("SOPInstanceUID"), 0)))


def _dataset(
    file: HeaderFile, syntax: Syntax, derived: LossyInstances | None
) -> tuple[Headers, list[bytes | memoryview]]:
    headers = assemble([file.header])
    headers = headers.with_columns({tag: None for tag in headers.columns() if not tag & 0xFFFF})
    if file.header.pixels is None:
        return headers, []
    check_behind(file)
    if not file.is_encapsulated and not syntax.is_encapsulated:
        return headers, _as_they_are(file, file.header.pixels, headers, syntax)
    if file.header.pixels.tag != _PIXELS:
        raise ReadError("floating-point pixels are not compressed: no lossless codec takes them")
    (form,) = pixel_formats(headers)
    _check_form(file, headers, form, syntax)
    count = number_of_frames(headers.element(tag_of("NumberOfFrames"), 0))
    frames = [read_stored(Frame(file, k if count > 1 else None, count), form) for k in range(count)]
    columns: dict[int, Column | None] = _coded_columns(file, form, syntax)
    if not syntax.is_encapsulated:
        return headers.with_columns(columns), native(frames, implicit=syntax.is_implicit)
    if derived is not None:
        check_loss(headers, form)
        frames, form, moved = without_signs(frames, form, headers, syntax)
        columns |= moved
    whole = attrs.evolve(
        form,
        bits_stored=form.bits_allocated,
        high_bit=form.bits_allocated - 1,
        photometric=coded_photometric(form, syntax),
    )
    coded = [encode_frame(f, syntax, whole, f"frame {k + 1}") for k, f in enumerate(frames)]
    if derived is not None:
        columns |= derived.columns(headers, coded, whole, file.syntax_uid)
    return headers.with_columns(columns), [*encapsulated([frame.data for frame in coded])]


def _as_they_are(file: HeaderFile, pixels: Entry, headers: Headers, syntax: Syntax) -> list[bytes | memoryview]:
    with file.source.open() as opened:
        value = native_value(file, pixels, opened)
    missing = pixels.value_stop - pixels.value_start - len(value)
    if missing > 0:
        raise TruncatedError(f"the pixels end too early: {missing} bytes are missing")
    vr = _VRS.get(pixels.tag) or (
        b"OB" if (unsigned_short(headers.element(tag_of("BitsAllocated"), 0)) or 0) <= 8 else b"OW"
    )
    return value_element(pixels.tag & 0xFFFF, vr, value, implicit=syntax.is_implicit)


def _coded_columns(file: HeaderFile, form: PixelFormat, syntax: Syntax) -> dict[int, Column | None]:
    columns: dict[int, Column | None] = {}
    if syntax.is_encapsulated and form.bits_stored < form.bits_allocated:
        columns[tag_of("BitsStored")] = unsigned("BitsStored", form.bits_allocated)
        columns[tag_of("HighBit")] = unsigned("HighBit", form.bits_allocated - 1)
    if form.samples > 1:
        columns[tag_of("PhotometricInterpretation")] = text(
            "PhotometricInterpretation", coded_photometric(form, syntax), "CS"
        )
        columns[tag_of("PlanarConfiguration")] = unsigned("PlanarConfiguration", 0)
    if file.syntax_uid in _JPEG_LOSSY:
        # What was lost once stays lost, whatever the file is coded in now (PS3.3, C.7.6.1.1.5).
        columns[tag_of("LossyImageCompression")] = text("LossyImageCompression", "01", "CS")
    return columns


def _check_form(file: HeaderFile, headers: Headers, form: PixelFormat, syntax: Syntax) -> None:
    if form.bits_allocated not in ((8, 16) if syntax.is_encapsulated else (8, 16, 32)):
        raise ReadError(f"pixels of {form.bits_allocated} bits are not coded otherwise: those of 8 and 16 bits are")
    if form.samples > 1 and form.photometric != "RGB" and not file.is_encapsulated:
        raise ReadError(
            f"colour that is stored as {form.photometric} would have to become RGB, which rounds: it is left as it is"
        )
    for tag in headers.columns():
        is_position = tag >> 24 == 0x60 and tag & 0xFFFF == 0x0102
        if is_position and _is_in_pixels(headers, tag):
            raise ReadError("an overlay is stored in unused bits of the pixels, which codecs do not keep")


def _is_in_pixels(headers: Headers, tag: int) -> bool:
    element = headers.element(tag, 0)
    return element is not None and element.value not in (b"\0\0", b"")
