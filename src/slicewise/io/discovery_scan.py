"""Reading what is to be known of many files, from an index where they are as they were."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from slicewise.errors import NotDicomError, ReadError, SlicewiseError
from slicewise.io.discovery import OddFile
from slicewise.io.discovery_groups import FoundFile
from slicewise.io.discovery_index import DiscoveryIndex
from slicewise.io.file_facts import FactScanner
from slicewise.io.index_records import Record, Stamp, stamp_of
from slicewise.io.stored_files import StoredFile
from slicewise.pipeline.progress import Tell

__all__ = ["Scan", "scan"]

_BATCH = 1000
"""Files that are kept in the index at once, and lost if the run is interrupted."""
_TOLD = 200
"""Files between two words of progress."""


class Scan(NamedTuple):
    """Files by what they are."""

    found: list[FoundFile]
    broken: list[OddFile]
    foreign: list[Path]

    def add(self, path: Path, record: Record) -> None:
        """Add a file."""
        if record.facts is not None:
            self.found.append(FoundFile(path, record.facts))
        elif record.reason is not None:
            self.broken.append(OddFile(path, record.reason))
        else:
            self.foreign.append(path)


def scan(files: Sequence[StoredFile], index: DiscoveryIndex | None, tell: Tell) -> Scan:
    """Return what files are, in their order.

    Parameters
    ----------
    files : sequence of StoredFile
        The files.
    index : DiscoveryIndex, optional
        Where to look first, and to keep what is read. What was read before an interruption is kept.
    tell : callable
        Told how many of how many files are done.
    """
    result = Scan([], [], [])
    scanner = FactScanner()
    if index is None:
        for done, file in enumerate(files):
            if done % _TOLD == 0:
                tell(done, len(files))
            result.add(file.path, _read(file, scanner)[0])
    else:
        for start in range(0, len(files), _BATCH):
            tell(start, len(files))
            _scan_indexed(files[start : start + _BATCH], index, scanner, result)
    tell(len(files), len(files))
    return result


def _scan_indexed(files: Sequence[StoredFile], index: DiscoveryIndex, scanner: FactScanner, result: Scan) -> None:
    paths = [file.path for file in files]
    stamps = dict(zip(paths, map(stamp_of, paths), strict=True))
    known = index.known(stamps)
    fresh: dict[Path, tuple[Stamp | None, Record]] = {}
    try:
        for file in [file for file in files if file.path not in known]:
            known[file.path], is_lasting = _read(file, scanner)
            if is_lasting:
                fresh[file.path] = stamps[file.path], known[file.path]
    finally:
        index.add(fresh)
    for path in paths:
        result.add(path, known[path])


def _read(file: StoredFile, scanner: FactScanner) -> tuple[Record, bool]:
    """Return what a file is, and whether it stays so as long as its bytes do."""
    try:
        return Record(scanner.read(file)), True
    except NotDicomError:
        return Record(), True
    except SlicewiseError as error:
        # A file that cannot be opened today may be opened tomorrow.
        return Record(reason=str(error).removeprefix(f"{file.path}: ")), type(error) is not ReadError
