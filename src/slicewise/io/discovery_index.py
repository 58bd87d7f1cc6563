"""An index on disk of what the headers of files say, so that only new and changed files are read again."""

from __future__ import annotations

import os
import sqlite3
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from slicewise.errors import DestinationError, ReadError, SlicewiseWarning, WriteError
from slicewise.io.file_facts import FileFacts
from slicewise.io.index_records import (
    DamagedRecordError,
    Elements,
    Record,
    Stamp,
    checksum_of,
    elements_of,
    format_number,
    frames_of_text,
    stamp_of,
    text_of_elements,
    text_of_frames,
    text_of_values,
    values_of,
)
from slicewise.io.listing import PathLike

__all__ = ["DiscoveryIndex"]

_APPLICATION = 0x736C6978
"""What marks a database of SQLite as an index of slicewise."""
_MAGIC = b"SQLite format 3\0"
_PATIENCE = 60.0
"""Seconds to wait for another process that is writing."""
_MANY = 500
"""Parameters of one query; every SQLite takes 999."""
_SETTLED_NS = 2_000_000_000
"""A file changed later than this before it was looked at may change again without its times telling."""

_FILES = """CREATE TABLE files (
    path BLOB PRIMARY KEY, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, ctime_ns INTEGER NOT NULL,
    reason TEXT, shared INTEGER, own TEXT, has_pixels INTEGER, frames INTEGER, per_frame TEXT, checksum INTEGER NOT NULL
) WITHOUT ROWID"""
# A number that was taken once is never given again: another process may still know what it meant.
_SHARED = """CREATE TABLE shared (
    id INTEGER PRIMARY KEY AUTOINCREMENT, elements TEXT NOT NULL UNIQUE, checksum INTEGER NOT NULL
)"""
_TABLES = (_SHARED, _FILES)
_COLUMNS = "path, size, mtime_ns, ctime_ns, reason, shared, own, has_pixels, frames, per_frame, checksum"


class DiscoveryIndex:
    """An index that is open.

    It is a cache and nothing else: a file whose size or times of change are not those of its record has none.

    Parameters
    ----------
    path : Path
        The file of the index.
    database : sqlite3.Connection
        The same, open.
    """

    def __init__(self, path: Path, database: sqlite3.Connection) -> None:
        self.path = path
        self._database = database
        self._is_written = True
        self._shared: dict[int, Elements] = {}
        self._numbers: dict[int, tuple[Elements, int]] = {}
        self._prepare()
        self._is_known = self._version() == format_number()

    @classmethod
    @contextmanager
    def opened(cls, path: PathLike | None) -> Iterator[Self | None]:
        """Open an index for as long as the context lasts, made if it is not there; None for None.

        Raises
        ------
        DestinationError
            If there is something else at the path. It is left as it is.
        ReadError
            If the index is damaged.
        WriteError
            If it cannot be made.
        """
        if path is None:
            yield None
            return
        place = Path(path).expanduser()
        _make_or_check(place)
        try:
            database = sqlite3.connect(place, timeout=_PATIENCE, isolation_level=None)
            try:
                yield cls(place, database)
            finally:
                database.close()
        except (sqlite3.Error, UnicodeDecodeError, DamagedRecordError) as error:
            raise ReadError(
                f"{place}: the index cannot be read ({error}). If it is damaged, remove it and run again: it holds "
                "nothing that is not in the files"
            ) from error

    def known(self, stamps: Mapping[Path, Stamp | None]) -> dict[Path, Record]:
        """Return the records of those files that are as they were when they were read."""
        if not self._is_known:
            return {}
        found: dict[Path, Record] = {}
        keys = {_key(path): path for path in stamps}
        for some in _portions(tuple(keys)):
            query = f"SELECT {_COLUMNS} FROM files WHERE path IN ({','.join('?' * len(some))})"  # noqa: S608 - no text of users
            for *row, checksum in self._database.execute(query, some):
                # SQLite keeps no checksums of its own.
                if checksum != checksum_of(row) or row[0] not in keys:
                    raise DamagedRecordError(f"the record of {row[0]!r} is damaged")
                key, *stamp = row[:4]
                path = keys[key]
                if stamps[path] == tuple(stamp):
                    found[path] = self._record(*row[4:])
        return found

    def _record(self, reason: str | None, shared: int | None, own: str | None, *more: Any) -> Record:
        if own is None or shared is None:
            return Record(reason=reason)
        has_pixels, frames, per_frame = more
        facts = FileFacts(self._shared_by(shared), values_of(own), bool(has_pixels), frames, frames_of_text(per_frame))
        return Record(facts)

    def _shared_by(self, number: int) -> Elements:
        if number not in self._shared:
            query = "SELECT elements, checksum FROM shared WHERE id = ?"
            elements, checksum = self._database.execute(query, (number,)).fetchone() or (None, None)
            if elements is None or checksum != checksum_of([elements]):
                raise DamagedRecordError("a record refers to another that is damaged, or not there")
            self._shared[number] = elements_of(elements)
        return self._shared[number]

    def add(self, records: Mapping[Path, tuple[Stamp | None, Record]]) -> None:
        """Keep what was read of files, all or nothing.

        Files that changed a moment ago are left out: they may change again without their times telling.
        """
        latest = time.time_ns() - _SETTLED_NS
        settled = [
            (path, stamp, record)
            for path, (stamp, record) in records.items()
            if stamp is not None and max(stamp.mtime_ns, stamp.ctime_ns) < latest
        ]
        if settled:
            self._write(lambda: self._insert(settled))

    def _insert(self, settled: Sequence[tuple[Path, Stamp, Record]]) -> None:
        # Another process may have dropped since what had a number.
        self._numbers.clear()
        told = [(_key(path), *stamp, record.reason, *self._row(record.facts)) for path, stamp, record in settled]
        rows = [(*row, checksum_of(row)) for row in told]
        marks = ",".join("?" * len(rows[0]))
        self._database.executemany(f"INSERT OR REPLACE INTO files VALUES ({marks})", rows)  # noqa: S608 - as above

    def _row(self, facts: FileFacts | None) -> tuple[Any, ...]:
        if facts is None:
            return (None,) * 5
        number = self._number_of(facts.shared)
        return number, text_of_values(facts.own), int(facts.has_pixels), facts.frames, text_of_frames(facts.per_frame)

    def _number_of(self, shared: Elements) -> int:
        known = self._numbers.get(id(shared))
        if known is not None:
            return known[1]
        text = text_of_elements(shared)
        values = text, checksum_of([text])
        self._database.execute("INSERT OR IGNORE INTO shared (elements, checksum) VALUES (?, ?)", values)
        (number,) = self._database.execute("SELECT id FROM shared WHERE elements = ?", (text,)).fetchone()
        # With the elements themselves: their id means them only as long as they are there.
        self._numbers[id(shared)] = shared, int(number)
        return int(number)

    def forget(self, folder: Path, listed: Sequence[Path]) -> None:
        """Drop the records of files below a folder that were not listed and are gone or changed."""
        if not self._is_known:
            return
        start = _key(folder).rstrip(b"/")
        query = "SELECT path, size, mtime_ns, ctime_ns FROM files WHERE path > ? AND path < ?"
        keys = {_key(path) for path in listed}
        gone = [
            (key,)
            for key, *stamp in self._database.execute(query, (start + b"/", start + b"0"))
            if key not in keys and stamp_of(Path(os.fsdecode(key))) != tuple(stamp)
        ]
        if gone:
            self._write(lambda: self._delete(gone))

    def _delete(self, keys: Sequence[tuple[bytes]]) -> None:
        self._database.executemany("DELETE FROM files WHERE path = ?", keys)
        self._database.execute("DELETE FROM shared WHERE id NOT IN (SELECT shared FROM files WHERE shared NOT NULL)")
        self._numbers.clear()

    def _prepare(self) -> None:
        if self._version() != format_number():
            self._write(self._make_anew)

    def _make_anew(self) -> None:
        if self._version() == format_number():
            return  # another process was faster
        query = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite~_%' ESCAPE '~'"
        tables = self._database.execute(query).fetchall()
        for (table,) in tables:
            self._database.execute(f'DROP TABLE "{table}"')
        for statement in _TABLES:
            self._database.execute(statement)
        self._database.execute(f"PRAGMA application_id = {_APPLICATION}")
        self._database.execute(f"PRAGMA user_version = {format_number()}")

    def _version(self) -> int:
        (version,) = self._database.execute("PRAGMA user_version").fetchone()
        return int(version)

    def _write(self, work: Callable[[], None]) -> None:
        """Do some writing, all or nothing; where it cannot be done, say so once and go on without."""
        if not self._is_written:
            return
        try:
            self._database.execute("BEGIN IMMEDIATE")
            try:
                work()
                self._database.execute("COMMIT")
            finally:
                if self._database.in_transaction:
                    self._database.execute("ROLLBACK")
        except sqlite3.OperationalError as error:
            self._is_written = False
            warnings.warn(
                f"{self.path}: the index cannot be written ({error}); what is read now is not kept",
                SlicewiseWarning,
                stacklevel=2,
            )


def _portions(keys: tuple[bytes, ...]) -> Iterator[tuple[bytes, ...]]:
    return (keys[start : start + _MANY] for start in range(0, len(keys), _MANY))


def _key(path: Path) -> bytes:
    """Return the absolute path as the system has it: names of files need not be text."""
    text = os.fspath(path)
    return os.fsencode(text if text.startswith("/") else os.path.join(os.getcwd(), text))  # noqa: PTH109, PTH118


def _make_or_check(place: Path) -> None:
    try:
        # Nobody else may read it from the beginning: it holds names of patients.
        os.close(os.open(place, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        _check(place)
    except OSError as error:
        raise WriteError(
            f"{place}: the index cannot be made ({error.strerror}); name a file where you may write"
        ) from error


def _check(place: Path) -> None:
    if not place.is_file():
        raise DestinationError(f"{place}: this is no file, and no index can be made there; name another one")
    try:
        with place.open("rb") as file:
            head = file.read(100)
    except OSError as error:
        raise ReadError(f"{place}: the index cannot be read ({error.strerror})") from error
    application = int.from_bytes(head[68:72], "big")
    # An empty file is one whose making was interrupted.
    if head and (not head.startswith(_MAGIC) or application != _APPLICATION):
        raise DestinationError(
            f"{place}: this file is no index of slicewise; it is left as it is. Name another file for the index"
        )
