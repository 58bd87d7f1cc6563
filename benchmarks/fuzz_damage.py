"""Files for fuzz.py, and what is done to them."""

from __future__ import annotations

import io
import random
import re
import shutil
import sqlite3
import tarfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pydicom.data
from pydicom.fileset import FileSet

import slicewise as sw
from fuzz_claims import TEXTS, with_claims
from slicewise.io.phantom import ct_series

LARGEST = 2_000_000
VOLUMES = (".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd", ".vtk", ".hdr")
MARKS = (b"\xff\xff\xff\xff", b"\0\0\0\0", b"\xff\xff\xff\x7f", b"\x01\0\0\0", b"\xfe\xff\xff\xff", b"\xfe\xff\xdd\xe0")


class Sources(NamedTuple):
    """What is damaged: files by the folder they lie in, volumes of other formats, a medium, an index of it."""

    folders: list[list[Path]]
    volumes: list[Path]
    medium: Path
    listing: Path


class Target(NamedTuple):
    """What is to be read, and what it is: ``dicom``, ``archive``, ``medium``, ``index`` or ``volume``."""

    path: Path
    kind: str


Maker = Callable[[Sources, Path, random.Random], Target]


def sources(data: Path | None, made: Path) -> Sources:
    """Return what is to be damaged; phantoms are made in a folder of their own."""
    ct_series(made / "ct", slices=4, size=(24, 16))
    _write_volumes(made / "ct", made / "volumes")
    medium = FileSet()
    for path in sorted((made / "ct").iterdir()):
        medium.add(path)
    medium.write(made / "medium")
    time.sleep(2.5)  # an index keeps nothing of files that changed a moment ago
    sw.discover(made / "medium", index=made / "index", progress=False)
    files = [*(made / "ct").iterdir(), *(made / "volumes").iterdir(), *_files_of_pydicom()]
    files += [path for path in data.rglob("*") if path.is_file()] if data is not None else []
    files = sorted(path for path in set(files) if 0 < path.stat().st_size < LARGEST)
    volumes = [path for path in files if path.name.endswith(VOLUMES)]
    folders: dict[Path, list[Path]] = {}
    for path in files:
        if path not in volumes:
            folders.setdefault(path.parent, []).append(path)
    return Sources(list(folders.values()), volumes, made / "medium", made / "index")


def _write_volumes(ct: Path, folder: Path) -> None:
    folder.mkdir()
    for suffix in (".nii", ".nii.gz", ".nrrd", ".mha", ".vtk"):
        (sw.SeriesReader(ct) >> sw.VolumeWriter(folder / f"ct{suffix}")).update(progress=False)


def _files_of_pydicom() -> list[Path]:
    names = (*pydicom.data.get_testdata_files(), *pydicom.data.get_charset_files())
    return [Path(name) for name in names if Path(name).is_file()]


def damaged(found: Sources, folder: Path, chance: random.Random) -> Target:
    """Put a damaged file, or a folder with one, into a new folder, and return what is to be read."""
    folder.mkdir(parents=True)
    makers: list[Maker] = [_file, _series, _archive, _medium, _index, _volume]
    (maker,) = chance.choices(makers, [10, 5, 4, 1, 1, 4])
    return maker(found, folder, chance)


def _file(found: Sources, folder: Path, chance: random.Random) -> Target:
    target = folder / "damaged.dcm"
    target.write_bytes(_damaged_dicom(chance.choice(chance.choice(found.folders)), chance))
    return Target(target, "dicom")


def _series(found: Sources, folder: Path, chance: random.Random) -> Target:
    """Make a folder of some files of one folder, one or two of them damaged."""
    there = chance.choice(found.folders)
    start = chance.randrange(len(there))
    for number, path in enumerate(there[start : start + chance.randint(2, 6)]):
        data = _damaged_dicom(path, chance) if number < chance.choice([1, 2]) else path.read_bytes()
        (folder / f"{number}.dcm").write_bytes(data)
    return Target(folder, "dicom")


def _archive(found: Sources, folder: Path, chance: random.Random) -> Target:
    """Pack files, and damage the archive, a member, or both."""
    paths = chance.sample(there := chance.choice(found.folders), min(len(there), 3))
    members = {f"a/{number}.dcm": path.read_bytes() for number, path in enumerate(paths)}
    if chance.random() < 0.2:
        members = {str(path.relative_to(found.medium)): path.read_bytes() for path in _files(found.medium)}
    kind = chance.choice(["zip", "tar", "tar.gz", "tar.bz2", "tar.xz"])
    data = _zip(members, chance) if kind == "zip" else _tar(members, kind)
    target = folder / f"damaged.{kind}"
    # Heads of members of a tar, and the directory of a ZIP at its end, are few among the bytes of pixels.
    places = (0, len(data) - 200) if kind == "zip" else tuple(range(0, len(data), 512))
    target.write_bytes(_mutated(data, chance, places))
    return Target(target, "archive")


def _zip(members: dict[str, bytes], chance: random.Random) -> bytes:
    packed = io.BytesIO()
    methods = [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
    with zipfile.ZipFile(packed, "w", chance.choice(methods)) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return packed.getvalue()


def _tar(members: dict[str, bytes], kind: str) -> bytes:
    packed = io.BytesIO()
    mode = kind.removeprefix("tar").replace(".", ":")
    with tarfile.open(fileobj=packed, mode=f"w{mode}", format=tarfile.PAX_FORMAT) as archive:  # type: ignore[call-overload]
        for name, data in members.items():
            info = tarfile.TarInfo(name if len(members) < 3 else f"{'long' * 40}/{name}")
            info.size, info.mtime = len(data), 0
            archive.addfile(info, io.BytesIO(data))
    return packed.getvalue()


def _medium(found: Sources, folder: Path, chance: random.Random) -> Target:
    shutil.copytree(found.medium, folder, dirs_exist_ok=True)
    directory = folder / "DICOMDIR"
    data = directory.read_bytes()
    directory.write_bytes(_mutated(data, chance, tuple(range(0, len(data), 64))))
    return Target(chance.choice([folder, directory]), "medium")


def _index(found: Sources, folder: Path, chance: random.Random) -> Target:
    """Damage an index of a medium: its bytes, or the text of its records."""
    target = folder / "index"
    data = found.listing.read_bytes()
    if chance.random() < 0.5:
        target.write_bytes(_mutated(data, chance, (0, len(data) // 2)))
    else:
        target.write_bytes(data)
        with sqlite3.connect(target) as database:
            _damage_records(database, chance)
        database.close()
    (folder / "of").write_text(str(found.medium))
    return Target(target, "index")


def _damage_records(database: sqlite3.Connection, chance: random.Random) -> None:
    table, column = chance.choice([("shared", "elements"), ("files", "own"), ("files", "frames"), ("files", "reason")])
    (value,) = database.execute(f"SELECT {column} FROM {table}").fetchone()  # noqa: S608 - names from above
    text = "" if value is None else str(value)
    other = chance.choice([_mutated(text.encode(), chance).decode("latin-1"), None, 1 << 40, b"\0", "[[1,2]]", "{}"])
    if column == "elements" and other is None:
        other = ""
    database.execute(f"UPDATE OR REPLACE {table} SET {column} = ?", (other,))  # noqa: S608


def _volume(found: Sources, folder: Path, chance: random.Random) -> Target:
    source = chance.choice(found.volumes)
    for path in source.parent.glob(f"{source.name.split('.')[0]}.*"):
        if path.is_file() and path.stat().st_size < LARGEST:
            shutil.copy(path, folder)  # pixels may lie in a file of their own
    data = source.read_bytes()
    suffix = max((s for s in VOLUMES if source.name.endswith(s)), key=len)
    places = (0, 40, 70, 100, 250) if suffix.startswith(".nii") else (0, 50, 150, 300)
    (folder / source.name).chmod(0o644)
    (folder / source.name).write_bytes(_mutated(data, chance, places))
    return Target(folder / source.name, "volume")


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _damaged_dicom(source: Path, chance: random.Random) -> bytes:
    data = source.read_bytes()
    if chance.random() < 0.4:
        data = with_claims(data, chance)
        if chance.random() < 0.7:
            return data
    # Soon after these stand the numbers that matter: in the header, in that of Siemens, and before compressed frames.
    places = (0, 1000, data.find(b"SV10"), data.rfind(b"\xe0\x7f\x10\0"))
    return _mutated(data, chance, tuple(place for place in places if 0 <= place < len(data)))


def _mutated(data: bytes, chance: random.Random, places: tuple[int, ...] = (0,)) -> bytes:
    """Change, take out, put in and cut off bytes, mostly soon after one of some places."""
    changed = bytearray(data)
    for _ in range(chance.choice([0, 1, 1, 2, 4, 16])):
        if not changed:
            break
        near = chance.choice(places) + int(chance.expovariate(1 / chance.choice([50, 1000, 20000])))
        at = chance.randrange(len(changed)) if chance.random() < 0.2 else near % len(changed)
        kind = chance.random()
        if kind < 0.5:
            changed[at] = chance.choice([chance.randrange(256), changed[at] ^ 1 << chance.randrange(8)])
        elif kind < 0.65:
            del changed[at : at + chance.choice([1, 2, 8, 100])]
        elif kind < 0.8:
            changed[at:at] = chance.choice([chance.randbytes(chance.choice([1, 2, 8])), changed[at : at + 200]])
        elif kind < 0.82:
            del changed[at:]
        elif kind < 0.9:
            _renumber(changed, at, chance)
        else:
            changed[at : at + 4] = chance.choice(MARKS)
    return bytes(changed)


def _renumber(changed: bytearray, at: int, chance: random.Random) -> None:
    """Put another number in place of the next that is text."""
    found = re.compile(rb"\d+").search(changed, at, at + 500)
    if found is not None:
        changed[found.start() : found.end()] = chance.choice(TEXTS).encode()
