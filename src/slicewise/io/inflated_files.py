"""Compressed files read at any place, without room for what they unpack to."""

from __future__ import annotations

import contextlib
import threading
import weakref
import zlib
from collections import OrderedDict
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO, Any, NamedTuple

__all__ = ["InflatedFile", "inflated_file"]

_INPUT = 1 << 14
"""Compressed bytes that are read at a time; what is left of them is kept with every mark."""
_OUTPUT = 1 << 20
_STEP = 1 << 20
_MOST_MARKS = 128
"""Marks take some 50 kB each."""
_RECENT = 16
_ANY_HEADER = 32 + zlib.MAX_WBITS

Key = tuple[Path, int, int, int]

_KNOWN: weakref.WeakValueDictionary[Key, InflatedFile] = weakref.WeakValueDictionary()
"""Readers of several volumes of one file share its marks; no result depends on them."""


def inflated_file(path: Path, size: int, mtime_ns: int, begin: int) -> InflatedFile:
    """Return a file that is read inflated; the same one for as long as it is in use and has not changed.

    Parameters
    ----------
    path : Path
        The file.
    size, mtime_ns : int
        Its size and time of change.
    begin : int
        Where the compressed data begin.
    """
    key = (path.resolve(), size, mtime_ns, begin)
    found = _KNOWN.get(key)
    return _KNOWN.setdefault(key, InflatedFile(path, begin)) if found is None else found


class _Mark(NamedTuple):
    """A place from which inflating can go on."""

    place: int
    read: int
    waiting: bytes
    inflater: Any


class _Cursor:
    """Inflates a file from a mark on; gzip members that follow each other are one stream."""

    def __init__(self, file: IO[bytes], mark: _Mark) -> None:
        self.place = mark.place
        self._file = file
        self._read = mark.read
        self._waiting = mark.waiting
        self._inflater = mark.inflater.copy()
        file.seek(mark.read)

    @property
    def mark(self) -> _Mark:
        return _Mark(self.place, self._read, self._waiting, self._inflater.copy())

    @property
    def is_between_members(self) -> bool:
        return bool(self._inflater.eof)

    def take(self, most: int) -> bytes:
        """Return some bytes; none at the end of the file."""
        while True:
            if self._inflater.eof and not self._begin_member():
                return b""
            data = self._waiting or self._more()
            piece: bytes = self._inflater.decompress(data, min(most, _OUTPUT))
            self._waiting = self._inflater.unused_data if self._inflater.eof else self._inflater.unconsumed_tail
            self.place += len(piece)
            if piece:
                return piece
            if not data and not self._inflater.eof:
                raise EOFError("the compressed data end too early")

    def finish(self) -> None:
        """Go on to the end of the member, where its checksum is."""
        left = _OUTPUT
        while left > 0 and not self._inflater.eof:
            left -= len(self.take(left))

    def _more(self) -> bytes:
        data = self._file.read(_INPUT)
        self._read += len(data)
        return data

    def _begin_member(self) -> bool:
        # Zeros may fill up the last block.
        while not (waiting := self._waiting.lstrip(b"\0")):
            self._waiting = self._more()
            if not self._waiting:
                return False
        self._waiting = waiting
        self._inflater = zlib.decompressobj(_ANY_HEADER)
        return True


class InflatedFile:
    """A file of gzip or zlib, read at any place of what it unpacks to, by any number of threads.

    While it is inflated for the first time the state of the inflater is kept now and then, and whenever
    a piece was read: from the nearest of these it goes on. So a file read from its begin to its end, in
    pieces, is inflated about once, and the memory is that of the marks.

    Parameters
    ----------
    path : Path
        The file.
    begin : int
        Where the compressed data begin.
    """

    def __init__(self, path: Path, begin: int) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._turn = threading.Lock()
        self._marks = [_Mark(0, begin, b"", zlib.decompressobj(_ANY_HEADER))]
        self._recent: OrderedDict[int, _Mark] = OrderedDict()
        self._step = _STEP
        self._reached = 0

    def readinto(self, place: int, memory: memoryview, *, is_last: bool) -> int:
        """Read bytes from a place on and return how many there were.

        Parameters
        ----------
        place : int
            Where in what the file unpacks to.
        memory : memoryview
            Takes the bytes.
        is_last : bool
            Whether nothing after them is wanted: then the checksum is looked at, where the stream ends there.

        Raises
        ------
        EOFError
            If the compressed data end too early.
        zlib.error
            If they are damaged.
        OSError
            If the file cannot be read.
        """
        done = 0
        with self._in_turn(place + len(memory)), self._path.open("rb", buffering=0) as file:
            cursor = _Cursor(file, self._nearest(place))
            while cursor.place < place:
                if not cursor.take(place - cursor.place):
                    return 0
                self._note(cursor)
            while done < len(memory) and (piece := cursor.take(len(memory) - done)):
                memory[done : done + len(piece)] = piece
                done += len(piece)
                self._note(cursor)
            if is_last:
                cursor.finish()
            else:
                self._keep(cursor)
        return done

    def _in_turn(self, end: int) -> AbstractContextManager[Any]:
        # Where nobody has been yet one thread goes: the others would inflate the same.
        return self._turn if end > self._reached else contextlib.nullcontext()

    def _nearest(self, place: int) -> _Mark:
        with self._lock:
            before = [mark for mark in (*self._marks, *self._recent.values()) if mark.place <= place]
            return max(before, key=lambda mark: mark.place)

    def _note(self, cursor: _Cursor) -> None:
        with self._lock:
            self._reached = max(self._reached, cursor.place)
            if cursor.is_between_members or cursor.place < self._marks[-1].place + self._step:
                return
            self._marks.append(cursor.mark)
            if len(self._marks) > _MOST_MARKS:
                self._marks = self._marks[::2]
                self._step *= 2

    def _keep(self, cursor: _Cursor) -> None:
        if cursor.is_between_members:
            return
        with self._lock:
            self._recent[cursor.place] = cursor.mark
            self._recent.move_to_end(cursor.place)
            if len(self._recent) > _RECENT:
                self._recent.popitem(last=False)
