"""Of an encapsulated file the bytes of a frame are found by its tables and markers, and nothing else is read."""

from __future__ import annotations

import struct

import pytest
from pydicom.encaps import encapsulate, encapsulate_extended, generate_frames

from slicewise.dicom.fragments import frame_index
from slicewise.errors import ReadError, TruncatedError

JPEG = "1.2.840.10008.1.2.4.50"
RUN_LENGTHS = "1.2.840.10008.1.2.5"
PREFIX = b"what stands before the pixels"
FRAMES = [bytes([65 + k]) * (20 + 2 * k) + b"\xff\xd9" for k in range(4)]


class File:
    """Bytes that say what was read of them."""

    def __init__(self, value):
        self.data = PREFIX + value
        self.reads = []

    def read(self, length, offset):
        self.reads.append((length, offset))
        return self.data[offset : offset + length]


def item(value, tag=b"\xfe\xff\x00\xe0"):
    return tag + struct.pack("<L", len(value)) + value


def value_of(fragments, table=b""):
    return item(table) + b"".join(item(f) for f in fragments) + item(b"", b"\xfe\xff\xdd\xe0")


def with_delimiter(value):
    return value + item(b"", b"\xfe\xff\xdd\xe0")


def frames_in(value, count, *, syntax=JPEG, extended=b""):
    file = File(value)
    index = frame_index(file.read, len(PREFIX), count, syntax_uid=syntax, extended=extended)
    return [index.frame(file.read, k) for k in range(count)]


@pytest.mark.parametrize("per_frame", [1, 2, 5])
@pytest.mark.parametrize("has_table", [True, False])
def test_frames_are_those_pydicom_put_in_and_finds(per_frame, has_table):
    value = with_delimiter(encapsulate(FRAMES, fragments_per_frame=per_frame, has_bot=has_table))
    assert frames_in(value, 4) == FRAMES
    assert list(generate_frames(value, number_of_frames=4)) == FRAMES


def test_extended_offset_table_tells_frames():
    value, table, _ = encapsulate_extended(FRAMES)
    assert frames_in(with_delimiter(value), 4, extended=table) == FRAMES
    halves = [half for f in FRAMES for half in (f[:10], f[10:])]
    offsets, at = [], 0
    for k, half in enumerate(halves):
        offsets += [] if k % 2 else [at]
        at += 8 + len(half)
    table = struct.pack("<4Q", *offsets)
    assert frames_in(value_of(halves), 4, extended=table, syntax=RUN_LENGTHS) == FRAMES


def test_all_fragments_of_a_single_frame_are_its():
    assert frames_in(value_of([b"ab", b"", b"cdef"]), 1, syntax=RUN_LENGTHS) == [b"abcdef"]


def test_a_frame_is_read_without_the_others():
    frames = [bytes([k]) * 100_000 for k in range(50)]
    file = File(with_delimiter(encapsulate(frames)))
    index = frame_index(file.read, len(PREFIX), 50, syntax_uid=RUN_LENGTHS)
    heads = sum(length for length, _ in file.reads)
    assert heads <= 53 * 4096
    file.reads.clear()
    assert index.frame(file.read, 37) == frames[37]
    assert [length for length, _ in file.reads] == [100_008]


@pytest.mark.parametrize("cut", [1, 7, 8, 9, 20])
def test_a_cut_end_is_an_error_whichever_frame_is_asked_for(cut):
    value = with_delimiter(encapsulate(FRAMES))
    with pytest.raises(TruncatedError, match="end too early"):
        frames_in(value[:-cut], 4)


def test_what_is_no_fragment_is_an_error_that_says_where():
    value = bytearray(with_delimiter(encapsulate(FRAMES)))
    at = value.index(FRAMES[2]) - 8
    value[at : at + 2] = b"xx"
    with pytest.raises(TruncatedError, match=f"no fragment begins at byte {at}"):
        frames_in(bytes(value), 4)


def test_too_few_fragments_are_an_error_with_both_numbers():
    with pytest.raises(TruncatedError, match="4 fragments for 5 frames"):
        frames_in(with_delimiter(encapsulate(FRAMES)), 5)
    with pytest.raises(TruncatedError, match="there is no fragment"):
        frames_in(value_of([]), 1)


def test_fragments_that_nothing_assigns_are_an_error():
    halves = [half for f in FRAMES for half in (f[:10], f[10:])]
    with pytest.raises(ReadError, match=r"8 compressed fragments for 4 frames and no offset table"):
        frames_in(value_of(halves), 4, syntax=RUN_LENGTHS)
    with pytest.raises(ReadError, match=r"3 of them end with an end-of-image marker"):
        frames_in(value_of([*halves[:-1], b"without"]), 4)


@pytest.mark.parametrize(
    "table",
    [
        struct.pack("<3L", 0, 36, 74),  # one too few
        struct.pack("<4L", 0, 18, 36, 37),  # into the middle of a fragment
        struct.pack("<4L", 0, 36, 18, 54),  # falling
        struct.pack("<4L", 18, 36, 54, 74),  # not from the first
    ],
)
def test_a_wrong_offset_table_is_an_error(table):
    halves = [half for f in FRAMES for half in (f[:10], f[10:])]
    with pytest.raises(ReadError, match="basic offset table is wrong"):
        frames_in(value_of(halves, table), 4)


def test_an_offset_table_is_not_needed_where_each_fragment_is_a_frame():
    # Offsets of 32 bits overflow in files of more than 4 GiB.
    assert frames_in(value_of(FRAMES, struct.pack("<4L", 0, 5, 3, 99)), 4) == FRAMES
