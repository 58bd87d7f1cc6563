"""Where the pixels lie in files of NRRD, MetaImage and legacy VTK, as they are or compressed by gzip or zlib.

SimpleITK reads the headers; but it reads all of an NRRD file for a slab of it, all of what is compressed, and says
nothing when a VTK file ends too early. What is not found here, SimpleITK reads as a whole.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from slicewise.errors import ReadError

__all__ = ["Layout", "check_metaimage", "find_layout", "vtk_third_axis"]

_HEADER_LIMIT = 1 << 20
_VTK_SCALARS = re.compile(
    rb"^(SCALARS[ \t]+\S+[ \t]+\w+[^\n]*\n(?:[ \t]*LOOKUP_TABLE[^\n]*\n)?|VECTORS[^\n]*\n|COLOR_SCALARS[^\n]*\n)",
    re.MULTILINE | re.IGNORECASE,
)


class Layout(NamedTuple):
    """Where the pixels are.

    Parameters
    ----------
    files : tuple of Path
        The files that hold them.
    offset : int, optional
        Where they begin in the only file; None if they are compressed in another way, text, or in several files.
    packed : bool
        Whether they are compressed by gzip or zlib, and what begins there is the stream.
    big_endian : bool
        Their byte order.
    axes : tuple of int
        Lengths of the axes, the fastest first; empty where they are the header's.
    inside : bool
        Whether the first axis is a list (of times, of gradients) and not the components of a colour.
    """

    files: tuple[Path, ...]
    offset: int | None
    packed: bool = False
    big_endian: bool = False
    axes: tuple[int, ...] = ()
    inside: bool = False


def find_layout(path: Path, pixel_bytes: int) -> Layout:
    """Return where the pixels of a volume file are.

    Parameters
    ----------
    path : Path
        A file whose header SimpleITK has read.
    pixel_bytes : int
        Bytes of all its pixels.

    Raises
    ------
    ReadError
        If the header is broken, or a file with pixels that it names is not there.
    """
    with path.open("rb") as file:
        start = file.read(_HEADER_LIMIT)
    try:
        return _layout(path, start, pixel_bytes)
    except (ValueError, TypeError) as error:
        raise ReadError(f"{path}: the header is broken ({error})") from error


def _layout(path: Path, start: bytes, pixel_bytes: int) -> Layout:
    suffix = path.suffix.lower()
    if suffix in (".nrrd", ".nhdr"):
        return _nrrd(path, start, pixel_bytes)
    if suffix in (".mha", ".mhd"):
        return _metaimage(path, start, pixel_bytes)
    if suffix == ".vtk":
        return _vtk(path, start)
    return Layout((path,), None)


# --- NRRD ----------------------------------------------------------------------------------------


def _nrrd(path: Path, start: bytes, pixel_bytes: int) -> Layout:
    text, end = _header_text(start)
    fields: dict[str, str] = {}
    listed: list[str] = []
    for line in text.splitlines()[1:]:
        if line.startswith("#") or ":=" in line:
            continue
        name, colon, value = line.partition(": ")
        if colon:
            fields[name.strip().lower()] = value.strip()
        elif "data file" in fields or "datafile" in fields:
            listed.append(line.strip())
    named = fields.get("data file", fields.get("datafile"))
    files = _nrrd_files(path, named, listed)
    skipped = fields.get("line skip", fields.get("lineskip", "0"))
    encoding = fields.get("encoding", "").lower()
    packed = encoding in ("gzip", "gz")
    skip = int(fields.get("byte skip", fields.get("byteskip", "0")))
    # What is skipped of compressed pixels is counted once they are inflated.
    if (encoding != "raw" and not packed) or len(files) != 1 or skipped != "0" or (packed and skip):
        return Layout(files, None)
    begin = 0 if named else end
    kinds = fields.get("kinds", "").split()
    return Layout(
        files,
        offset=files[0].stat().st_size - pixel_bytes if skip == -1 else begin + skip,
        packed=packed,
        big_endian=fields.get("endian", "little").lower() == "big",
        axes=tuple(int(n) for n in fields.get("sizes", "").split()),
        inside=bool(kinds) and kinds[0].lower() in ("list", "time"),
    )


def _header_text(start: bytes) -> tuple[str, int]:
    ends = [m.end() for m in [re.search(rb"\r?\n\r?\n", start)] if m]
    end = ends[0] if ends else len(start)
    return start[:end].decode("utf-8", "replace"), end


def _nrrd_files(path: Path, named: str | None, listed: list[str]) -> tuple[Path, ...]:
    if named is None:
        return (path,)
    if named.upper().startswith("LIST"):
        names = listed
    elif (pattern := re.fullmatch(r"(.*%0?\d*d.*?) +(-?\d+) +(-?\d+) +(-?\d+)(?: +\d+)?", named)) is not None:
        first, last, step = (int(pattern[k]) for k in (2, 3, 4))
        names = [pattern[1] % n for n in range(first, last + (1 if step > 0 else -1), step or 1)]
    else:
        names = [named]
    return _existing(path, names)


# --- MetaImage -----------------------------------------------------------------------------------


_METAIMAGE_LISTS = {
    "DimSize": 1, "ElementSpacing": 1, "ElementSize": 1, "Offset": 1, "Position": 1, "Origin": 1,
    "CenterOfRotation": 1, "TransformMatrix": 2, "Rotation": 2, "Orientation": 2,
}  # fmt: skip
"""Fields with as many numbers as there are axes, or as many squared."""


def check_metaimage(path: Path) -> None:
    """Raise where a MetaImage header is broken in a way that would end the program in SimpleITK.

    Raises
    ------
    ReadError
        If the number of axes, or of numbers for the axes, cannot be.
    """
    with path.open("rb") as file:
        fields = _metaimage_fields(file.read(_HEADER_LIMIT))[0]
    axes = fields.get("NDims", "")
    if axes not in {str(n) for n in range(1, 11)}:
        raise ReadError(f"{path}: the header is broken: NDims is {axes!r}")
    for name, power in _METAIMAGE_LISTS.items():
        count = len(fields[name].split()) if name in fields else None
        if count not in (None, int(axes) ** power):
            raise ReadError(f"{path}: the header is broken: {name} is {fields[name]!r}, with {axes} axes")
    sizes = fields.get("DimSize", "").split()
    if not sizes or not all(n.isdigit() and int(n) > 0 for n in sizes):
        raise ReadError(f"{path}: the header is broken: DimSize is {fields.get('DimSize')!r}")


def _metaimage_fields(start: bytes) -> tuple[dict[str, str], list[str], int]:
    """Return the fields, the lines after them, and where the fields end."""
    fields: dict[str, str] = {}
    listed: list[str] = []
    position = 0
    for line in start.splitlines(keepends=True):
        position += len(line)
        name, equals, value = line.decode("utf-8", "replace").partition("=")
        if "ElementDataFile" in fields:
            listed.append(line.decode("utf-8", "replace").strip())
        elif equals:
            fields[name.strip()] = value.strip()
        if not fields.get("ElementDataFile", "LIST").upper().startswith("LIST"):
            break
    return fields, listed, position


def _metaimage(path: Path, start: bytes, pixel_bytes: int) -> Layout:
    fields, listed, position = _metaimage_fields(start)
    named = fields.get("ElementDataFile", "")
    files = (path,) if named.upper() == "LOCAL" else _metaimage_files(path, named, listed)
    packed = _is_true(fields.get("CompressedData", "False"))
    skip = int(fields.get("HeaderSize", "0"))
    if not _is_true(fields.get("BinaryData", "False")) or len(files) != 1 or (packed and skip):
        return Layout(files, None)
    begin = position if files[0] == path else 0
    return Layout(
        files,
        offset=files[0].stat().st_size - pixel_bytes if skip == -1 else begin + skip,
        packed=packed,
        big_endian=_is_true(fields.get("BinaryDataByteOrderMSB", fields.get("ElementByteOrderMSB", "False"))),
    )


def _metaimage_files(path: Path, named: str, listed: list[str]) -> tuple[Path, ...]:
    if named.upper().startswith("LIST"):
        return _existing(path, [name for name in listed if name])
    if "%" in named:
        pattern, *numbers = named.split()
        first, last, step = ([int(n) for n in numbers] + [1, 1, 1])[:3]
        return _existing(path, [pattern % n for n in range(first, last + 1, step)])
    return _existing(path, [named])


def _is_true(text: str) -> bool:
    return text[:1].upper() in ("T", "Y", "1")


# --- legacy VTK ----------------------------------------------------------------------------------


def _vtk(path: Path, start: bytes) -> Layout:
    lines = start.split(b"\n", 4)
    # What follows POINT_DATA is text for some lines, then pixels.
    begin = start.find(b"POINT_DATA")
    found = _VTK_SCALARS.search(start, begin, begin + 1000) if begin >= 0 else None
    if len(lines) < 4 or lines[2].strip().upper() != b"BINARY" or found is None:
        return Layout((path,), None)
    return Layout((path,), offset=found.end(), big_endian=True)


def vtk_third_axis(path: Path) -> tuple[float, float]:
    """Return spacing and origin of the third axis of a legacy VTK file, which SimpleITK leaves out of a single slice.

    Raises
    ------
    ReadError
        If the header is broken.
    """
    with path.open("rb") as file:
        start = file.read(_HEADER_LIMIT).partition(b"POINT_DATA")[0]
    found = []
    for names, default in ((rb"SPACING|ASPECT_RATIO", 1.0), (rb"ORIGIN", 0.0)):
        line = re.search(rb"^(?:" + names + rb")[ \t]+\S+[ \t]+\S+[ \t]+(\S+)", start, re.MULTILINE | re.IGNORECASE)
        try:
            found.append(default if line is None else float(line[1]))
        except ValueError as error:
            raise ReadError(f"{path}: the header is broken ({error})") from error
    return found[0], found[1]


def _existing(path: Path, names: list[str]) -> tuple[Path, ...]:
    files = tuple(path.parent / name for name in names)
    for file in files:
        if not file.is_file():
            raise ReadError(f"{path}: the file with its pixels, {file.name!r}, is not there")
    return files
