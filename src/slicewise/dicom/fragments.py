"""Where compressed frames stand: fragments, and which of them belong to which frame (PS3.5, A.4)."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from itertools import pairwise

import attrs

from slicewise.errors import ReadError, TruncatedError

__all__ = ["FrameIndex", "frame_index"]

Read = Callable[[int, int], bytes]
"""Gives bytes of a file: how many, and from where; fewer only at its end."""

_HEAD = 8
_WINDOW = 4096
_ITEM = b"\xfe\xff\x00\xe0"
_DELIMITER = b"\xfe\xff\xdd\xe0"

_END_OF_IMAGE = b"\xff\xd9"
_LONGEST_END = 10
"""The marker, and what pads a fragment to an even length or a writer to its blocks."""
_JPEG = "1.2.840.10008.1.2.4."
_JPEG_XL = "1.2.840.10008.1.2.4.11"


@attrs.frozen(eq=False)
class FrameIndex:
    """Where the compressed frames of a file stand.

    Parameters
    ----------
    heads : sequence of int
        Where the head of each fragment begins in the file, and at the end that of the delimiter: eight bytes a
        fragment, which takes as many in the file at least.
    firsts : sequence of int
        For each frame its first fragment, and at the end the number of fragments.
    """

    heads: Sequence[int]
    firsts: Sequence[int]

    def frame(self, read: Read, index: int) -> bytes:
        """Read the compressed bytes of a frame; no others are read.

        Raises
        ------
        TruncatedError
            If the file ends before the frame does.
        """
        first, last = self.firsts[index], self.firsts[index + 1]
        start, stop = self.heads[first], self.heads[last]
        data = read(stop - start, start)
        if len(data) < stop - start:
            raise TruncatedError(f"the compressed pixels end too early: {stop - start} bytes wanted, got {len(data)}")
        if last == first + 1:
            return data[_HEAD:]
        heads = self.heads[first : last + 1]
        return b"".join([data[a - start + _HEAD : b - start] for a, b in pairwise(heads)])


def frame_index(read: Read, start: int, frames: int, *, syntax_uid: str, extended: bytes = b"") -> FrameIndex:
    """Find the compressed frames of a file by the heads of its fragments; no pixels are read.

    Where there are as many fragments as frames, each is one; else the extended offset table tells, or the basic
    one, or the end-of-image markers of JPEG.

    Parameters
    ----------
    read : callable
        Gives bytes of the file.
    start : int
        Where the value of the pixel data begins.
    frames : int
        How many frames there are.
    syntax_uid : str
        Transfer syntax.
    extended : bytes
        Value of Extended Offset Table (7FE0,0001).

    Raises
    ------
    TruncatedError
        If a fragment is cut, frames are missing, or the delimiter is.
    ReadError
        If nothing tells which fragments are which frame, or what tells it is wrong.
    """
    table, *heads = _heads(read, start)
    fragments = len(heads) - 1
    if fragments < frames:
        raise TruncatedError(f"the compressed pixels are not whole: {fragments} fragments for {frames} frames")
    if frames in (1, fragments):
        return FrameIndex(array("Q", heads), (0, fragments) if frames == 1 else range(fragments + 1))
    basic = read(heads[0] - table - _HEAD, table + _HEAD)
    if extended:
        firsts = _by_table(extended, 8, "ExtendedOffsetTable", heads, frames)
    elif basic:
        firsts = _by_table(basic, 4, "the basic offset table", heads, frames)
    elif syntax_uid.startswith(_JPEG) and not syntax_uid.startswith(_JPEG_XL):
        firsts = _by_markers(read, heads, frames)
    else:
        raise ReadError(
            f"there are {fragments} compressed fragments for {frames} frames and no offset table: nothing tells "
            "which belong to which"
        )
    return FrameIndex(array("Q", heads), array("Q", (*firsts, fragments)))


def _heads(read: Read, start: int) -> Sequence[int]:
    """Return where the heads of all items begin, and the delimiter."""
    heads = array("Q")
    position, at, window = start, start, b""
    while True:
        if position + _HEAD > at + len(window):
            at, window = position, read(_WINDOW, position)
        head = window[position - at : position - at + _HEAD]
        if len(head) < _HEAD:
            raise TruncatedError(
                "the compressed pixels end too early: the last fragment is cut, or no delimiter follows it"
            )
        if head[:4] not in (_ITEM, _DELIMITER):
            raise TruncatedError(
                f"the compressed pixels are broken: no fragment begins at byte {position - start} of them"
            )
        heads.append(position)
        if head[:4] == _DELIMITER:
            break
        position += _HEAD + int.from_bytes(head[4:], "little")
    if len(heads) < 3:
        raise TruncatedError("the compressed pixels are not whole: there is no fragment")
    return heads


def _by_table(table: bytes, size: int, name: str, heads: Sequence[int], frames: int) -> Sequence[int]:
    offsets = [int.from_bytes(table[k : k + size], "little") for k in range(0, len(table) // size * size, size)]
    places = {head - heads[0]: k for k, head in enumerate(heads[:-1])}
    firsts = [places.get(offset, -1) for offset in offsets]
    is_rising = all(a < b for a, b in pairwise(firsts))
    if len(firsts) != frames or firsts[0] != 0 or not is_rising:
        raise ReadError(
            f"{name} is wrong: it must have {frames} offsets, rising from 0, each of which is that of a fragment "
            f"(got {len(offsets)}: {', '.join(map(str, offsets[:4]))}{', ...' if len(offsets) > 4 else ''})"
        )
    return firsts


def _by_markers(read: Read, heads: Sequence[int], frames: int) -> Sequence[int]:
    firsts = [0]
    for k, (head, stop) in enumerate(pairwise(heads)):
        length = min(_LONGEST_END, stop - head - _HEAD)
        if _END_OF_IMAGE in read(length, stop - length):
            firsts.append(k + 1)
    if len(firsts) != frames + 1 or firsts[-1] != len(heads) - 1:
        raise ReadError(
            f"there are {len(heads) - 1} compressed fragments for {frames} frames, no offset table, and "
            f"{len(firsts) - 1} of them end with an end-of-image marker: nothing tells which belong to which frame"
        )
    return firsts[:-1]
