"""Instances made of given headers and given pixels, each as it is."""

from __future__ import annotations

import os
import re
from collections import deque
from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from pathlib import Path

import attrs
import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import UID, ImplicitVRLittleEndian

from slicewise.dicom.decoding import YOUNGER_SYNTAXES
from slicewise.dicom.encoders import SYNTAXES, deflated
from slicewise.dicom.encoding import SeriesTemplate, meta_bytes
from slicewise.dicom.functional_groups import number_of_frames
from slicewise.dicom.given_pixels import GivenFrames, compressed_element, native_element
from slicewise.dicom.parsing import DEFLATED, EXPLICIT_LITTLE
from slicewise.dicom.pixels import FLOAT_PIXELS, pixel_formats
from slicewise.dicom.uid_references import with_uids
from slicewise.dicom.uids import fresh_uids
from slicewise.dicom.values import text_of, unsigned_short
from slicewise.errors import HeaderError, ParameterError, PixelsError, SlicewiseError
from slicewise.image import Headers
from slicewise.image.elements import tag_of
from slicewise.io.file_names import file_name
from slicewise.io.instance_files import IMPLEMENTATION, write_file
from slicewise.io.packing import check_archive, is_archive_name, staged_archive
from slicewise.io.staging import check_destination, staged_folder
from slicewise.pipeline.progress import Show, Tell, show_progress
from slicewise.pipeline.threads import waiting_pool

__all__ = ["Compiled", "compile_instances"]

_IMPLICIT = str(ImplicitVRLittleEndian)
_NATIVE = (EXPLICIT_LITTLE, _IMPLICIT, DEFLATED)
_LOSSY = ("1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51")
_PIXEL_GROUP, _PIXELS = 0x7FE00000, 0x7FE00010
"""What stands before the pixels in their group tells where frames were in another file."""
_AHEAD = 16
"""Instances whose pixels wait to be written."""

_DIGITS = re.compile(r"[0-9.]{1,64}")


@attrs.frozen
class Compiled:
    """What was written.

    Parameters
    ----------
    folder : Path
        Where to.
    paths : tuple of Path
        The files, in the order of the headers.
    instance_uids : tuple of str
        Their SOPInstanceUIDs.
    """

    folder: Path
    paths: tuple[Path, ...]
    instance_uids: tuple[str, ...]


def compile_instances(
    headers: Headers | Sequence[Dataset],
    frames: Iterable[GivenFrames | None],
    destination: str | os.PathLike[str],
    *,
    transfer_syntax: str = "explicit",
    uids: str = "given",
    uid_prefix: str | None = None,
    file_pattern: str = "{:04d}.dcm",
    overwrite: bool = False,
    workers: int | None = None,
    progress: Show | bool | None = None,
) -> Compiled:
    """Write instances with the headers and the pixels that are given, verbatim.

    Nothing is derived, added or marked: that is what ``SeriesWriter`` is for. Headers are encoded in little endian,
    values byte for byte; retired group lengths are left out. Pixels are checked against their header, and stand
    in the file as they were given.

    Parameters
    ----------
    headers : Headers or sequence of Dataset
        One per instance. Pixel data in a Dataset is left out.
    frames : iterable
        For each instance its pixels, which may be made as they are asked for: ``bytes``, the value of the pixel data or
        the codestream of the only frame; an array of stored values of shape (rows, columns[, samples]), or with the
        frames before; a sequence of either, one per frame; None for an instance without pixels. Arrays of
        floating-point numbers become Float or Double Float Pixel Data.
    destination : path
        A folder, or an archive by its name (``.zip``, ``.tar``, ``.tar.gz``); it is complete or absent.
    transfer_syntax : str
        That of the frames: ``"explicit"``, ``"implicit"`` or ``"deflated"`` for native pixels, the name or UID of an
        encapsulated one for codestreams, which are ``bytes``.
    uids : "given" or "new"
        Whether identifiers of instances and series stay, or are new ones, consistently over all that is written, also
        where the instances refer to each other. Study and frame of reference stay.
    uid_prefix : str, optional
        Root of new identifiers.
    file_pattern : str
        Names of the files; the braces take the place of the instance, from 1.
    overwrite : bool
        Whether DICOM files that are in the destination are replaced.
    workers : int, optional
        Threads; as many as cores if not given.
    progress : bool or callable, optional
        As for ``discover``.

    Raises
    ------
    HeaderError
        If an identifier is missing, malformed or that of two instances, or lossy compression is not stated.
    PixelsError
        If pixels are not what their header says: number, size, type, range, kind of codestream. The message names the
        instance.
    ParameterError
        If a parameter makes no sense, or frames are fewer or more than headers.
    DestinationError, WriteError
        If the destination holds something, or cannot be written.

    Examples
    --------
    >>> from slicewise import read_instance
    >>> one = read_instance("study/ct/0001.dcm")  # doctest: +SKIP
    >>> compile_instances(one.headers, [one.frames], "again", uids="new")  # doctest: +SKIP
    """
    syntax_uid = _syntax_uid(transfer_syntax)
    if uids not in ("given", "new"):
        raise ParameterError(f"'uids' must be 'given' or 'new' (got {uids!r})")
    given = headers if isinstance(headers, Headers) else Headers.from_datasets(headers)
    _check_identifiers(given)
    names = [file_name(file_pattern, number) for number in range(1, len(given) + 1)]
    if uids == "new":
        given = with_uids(given, _new_uids(given, uid_prefix))
    folder = Path(destination).expanduser()
    is_archive = is_archive_name(folder)
    (check_archive if is_archive else check_destination)(folder, overwrite=overwrite)
    with (
        (staged_archive if is_archive else staged_folder)(folder, overwrite=overwrite) as stage,
        show_progress(progress, "Compiling", unit="file") as tell,
    ):
        writer = _Instances(given, syntax_uid, [stage / name for name in names])
        writer.write_all(frames, workers, tell)
    return Compiled(folder, tuple(folder / name for name in names), tuple(_texts(given, "SOPInstanceUID")))


def _syntax_uid(name_or_uid: str) -> str:
    known = SYNTAXES.get(name_or_uid)
    if known is not None:
        return known.uid
    uid = UID(name_or_uid if _DIGITS.fullmatch(name_or_uid) else "")
    if uid in (*_NATIVE, *YOUNGER_SYNTAXES) or (uid.is_valid and uid.is_transfer_syntax and uid.is_encapsulated):
        return str(uid)
    raise ParameterError(
        "'transfer_syntax' must be 'explicit', 'implicit', 'deflated', or the name or UID of an encapsulated one (got "
        f"{name_or_uid!r})"
    )


def _texts(headers: Headers, keyword: str) -> list[str]:
    return [text_of(headers.element(tag_of(keyword), k)) for k in range(len(headers))]


def _check_identifiers(headers: Headers) -> None:
    for keyword in ("SOPClassUID", "SOPInstanceUID"):
        for k, uid in enumerate(_texts(headers, keyword)):
            # Old archives have identifiers that break the rules in another way, and by which they are known.
            if not _DIGITS.fullmatch(uid):
                raise HeaderError(f"instance {k + 1}: {keyword} must be an identifier (got {uid!r})")
    instances = _texts(headers, "SOPInstanceUID")
    if len(set(instances)) < len(instances):
        twice = next(uid for uid in instances if instances.count(uid) > 1)
        raise HeaderError(f"SOPInstanceUID {twice} is that of several instances: each needs its own")


def _new_uids(headers: Headers, prefix: str | None) -> dict[str, str]:
    fresh = fresh_uids(prefix)
    old = dict.fromkeys([*_texts(headers, "SOPInstanceUID"), *_texts(headers, "SeriesInstanceUID")])
    return {uid: next(fresh) for uid in old if uid}


def _element_of(frames: GivenFrames) -> int:
    first = frames if isinstance(frames, np.ndarray) or len(frames) == 0 else frames[0]
    if not isinstance(first, np.ndarray) or first.dtype.kind != "f":
        return _PIXELS
    return next((tag for tag, bits in FLOAT_PIXELS.items() if bits == 8 * first.dtype.itemsize), _PIXELS)


class _Instances:
    """The instances, encoded but for their pixels."""

    def __init__(self, headers: Headers, syntax_uid: str, paths: Sequence[Path]) -> None:
        self._headers = headers
        self._syntax_uid = syntax_uid
        self._paths = paths
        columns = headers.columns()
        implicit = syntax_uid == _IMPLICIT
        self._before = SeriesTemplate(
            headers.with_columns({tag: None for tag in columns if tag >= _PIXEL_GROUP}), implicit=implicit
        )
        self._behind = SeriesTemplate(
            headers.with_columns({tag: None for tag in columns if tag <= _PIXELS}), implicit=implicit
        )
        self._classes, self._uids = _texts(headers, "SOPClassUID"), _texts(headers, "SOPInstanceUID")

    def write_all(self, frames: Iterable[GivenFrames | None], workers: int | None, tell: Tell) -> None:
        """Write all instances, in threads; pixels are asked for a few ahead."""
        count = 0
        waiting: deque[Future[None]] = deque()
        with waiting_pool(workers) as pool:
            try:
                for pixels in frames:
                    if count == len(self._paths):
                        raise ParameterError(f"there are pixels for more than the {count} headers that are given")
                    waiting.append(pool.submit(self._write, count, pixels))
                    count += 1
                    if len(waiting) > _AHEAD:
                        waiting.popleft().result()
                        tell(count - len(waiting), len(self._paths))
                while waiting:
                    waiting.popleft().result()
            finally:
                pool.shutdown(cancel_futures=True)
        if count < len(self._paths):
            raise ParameterError(f"there are pixels for {count} instances, and {len(self._paths)} headers")
        tell(count, count)

    def _write(self, index: int, frames: GivenFrames | None) -> None:
        try:
            pixels = [] if frames is None else self._pixels(index, frames)
        except SlicewiseError as error:
            raise type(error)(f"instance {index + 1}: {error}") from error
        dataset = [self._before.encode(index, {}), *pixels, self._behind.encode(index, {})]
        # What has no pixels is not compressed by a codec of pixels.
        uid = EXPLICIT_LITTLE if frames is None and self._syntax_uid not in _NATIVE else self._syntax_uid
        meta = meta_bytes(self._classes[index], self._uids[index], uid, IMPLEMENTATION)
        write_file(self._paths[index], [meta, deflated(dataset)] if uid == DEFLATED else [meta, *dataset])

    def _pixels(self, index: int, frames: GivenFrames) -> list[bytes | memoryview]:
        headers = self._headers.take([index])
        (form,) = pixel_formats(headers, [_element_of(frames)])
        if form.floating and unsigned_short(headers.element(tag_of("BitsAllocated"), 0)) != form.bits_allocated:
            raise PixelsError(
                f"floating-point values of {form.bits_allocated} bits are given, which BitsAllocated must say; values "
                "are not converted"
            )
        count = number_of_frames(headers.element(tag_of("NumberOfFrames"), 0))
        if self._syntax_uid in _NATIVE:
            return native_element(frames, form, count, implicit=self._syntax_uid == _IMPLICIT)
        if self._syntax_uid in _LOSSY and text_of(headers.element(tag_of("LossyImageCompression"), 0)) != "01":
            raise PixelsError(
                "frames of a lossy transfer syntax must be marked: LossyImageCompression 01 in the header (PS3.3, "
                "C.7.6.1.1.5)"
            )
        return compressed_element(frames, self._syntax_uid, form, count)
