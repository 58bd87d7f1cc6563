"""What a compressed codestream says of itself: its size, before a codec takes memory for it, and where it ends."""

from __future__ import annotations

__all__ = ["codestream_size", "is_cut", "syntaxes_of"]

_FRAME_MARKERS = frozenset([*range(0xC0, 0xD0), 0xF7]) - {0xC4, 0xC8, 0xCC}
"""Markers of the frame header of JPEG (ITU-T T.81, B.1.1.3) and JPEG-LS (T.87, C.1.1)."""

_JPEG_SYNTAXES = {
    0xC0: ("50", "51"),
    0xC1: ("51",),
    0xC3: ("57", "70"),
    0xF7: ("80", "81"),
}
_JPEG_2000_SYNTAXES = ("90", "91", "92", "93")
_HTJ2K_SYNTAXES = ("201", "202", "203")
"""Transfer syntaxes that a process of coding stands in, under 1.2.840.10008.1.2.4 (PS3.5, A.4)."""
_HIGH_THROUGHPUT = 1 << 14
"""In the capabilities that a codestream needs (ITU-T T.814, A.2)."""

_START, _END = b"\xff\xd8", b"\xff\xd9"
"""Of an image in JPEG and JPEG-LS, the second also of JPEG 2000 (ITU-T T.81, B.1.1.3; T.800, A.4)."""
_J2K_SIZE = b"\xff\x4f\xff\x51"
_TILE_PART = b"\xff\x90"
"""Markers of JPEG 2000 (ITU-T T.800, A.4)."""

_JXL_SIGNATURE = b"\0\0\0\x0cJXL "
_JXL_BITS = (9, 13, 18, 30)
_JXL_RATIOS = ((1, 1), (6, 5), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))
"""Width to height (ISO/IEC 18181-1, SizeHeader)."""


def codestream_size(data: bytes) -> tuple[int, int] | None:
    """Return rows and columns of a frame in JPEG, JPEG-LS, JPEG 2000 or JPEG XL; None if they are not found."""
    if data.startswith(_START):
        return _jpeg(data)
    if data[:2] == b"\xff\x0a":
        return _jpeg_xl(data[2:])
    if data[:8] == _JXL_SIGNATURE:
        return _jpeg_xl_box(data)
    at = data.find(_J2K_SIZE, 0, 65536)
    return None if at < 0 else _jpeg_2000(data[at : at + 24])


def syntaxes_of(data: bytes) -> frozenset[str]:
    """Return the UIDs of the transfer syntaxes that a JPEG, JPEG-LS, JPEG 2000 or HTJ2K frame can stand in.

    Empty for what is none of these.
    """
    if data.startswith(_START):
        at = _frame_header(data)
        endings = () if at is None else _JPEG_SYNTAXES.get(data[at + 1], ())
    else:
        at = data.find(_J2K_SIZE, 0, 65536)
        capabilities = 0 if at < 0 else int.from_bytes(data[at + 6 : at + 8], "big")
        endings = () if at < 0 else _HTJ2K_SYNTAXES if capabilities & _HIGH_THROUGHPUT else _JPEG_2000_SYNTAXES
    return frozenset(f"1.2.840.10008.1.2.4.{ending}" for ending in endings)


def is_cut(data: bytes) -> bool:
    """Whether a JPEG codestream has no end, or a JPEG 2000 one ends before the last of its tile-parts.

    Codecs fill up what is missing. What is no such codestream is not cut.
    """
    if data.startswith(_START):
        return not data.rstrip(b"\0\xff").endswith(_END)
    start = data.find(_J2K_SIZE, 0, 65536)
    if start < 0:
        return False
    at = start + 2
    while at + 4 <= len(data):
        marker = data[at : at + 2]
        if marker == _END:
            return False
        if marker == _TILE_PART:
            length = int.from_bytes(data[at + 6 : at + 10], "big")
            if length == 0:  # up to the end of the codestream
                return not data.rstrip(b"\0").endswith(_END)
            at += max(length, 12)
        elif marker[0] == 0xFF:
            at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        else:
            break
    return at > len(data)


def _jpeg(data: bytes) -> tuple[int, int] | None:
    at = _frame_header(data)
    if at is None:
        return None
    rows, columns = (int.from_bytes(data[k : k + 2], "big") for k in (at + 5, at + 7))
    # Rows that are not known yet follow the first scan.
    return (rows, columns) if rows and columns else None


def _frame_header(data: bytes) -> int | None:
    at = 2
    while at + 9 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker in _FRAME_MARKERS:
            return at
        # Bytes of value FF may fill up before a marker.
        at += 1 if marker == 0xFF else 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return None


def _jpeg_2000(head: bytes) -> tuple[int, int] | None:
    if len(head) < 24:
        return None
    right, bottom, left, top = (int.from_bytes(head[k : k + 4], "big") for k in (8, 12, 16, 20))
    return bottom - top, right - left


def _jpeg_xl_box(data: bytes) -> tuple[int, int] | None:
    at = 0
    while at + 8 <= len(data):
        length, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        start = at + (16 if length == 1 else 8)
        if kind in (b"jxlc", b"jxlp"):
            head = data[start : start + 32]
            begin = head.find(b"\xff\x0a", 0, 6)
            return None if begin < 0 else _jpeg_xl(head[begin + 2 :])
        length = int.from_bytes(data[at + 8 : at + 16], "big") if length == 1 else length
        if length < 8:
            return None
        at += length
    return None


def _jpeg_xl(head: bytes) -> tuple[int, int] | None:
    if len(head) < 10:
        return None
    bits = int.from_bytes(head[:10], "little")
    is_small = bits & 1
    bits >>= 1
    rows, bits = _jpeg_xl_length(bits, is_small=bool(is_small))
    ratio, bits = bits & 7, bits >> 3
    if ratio:
        width, height = _JXL_RATIOS[ratio - 1]
        return rows, rows * width // height
    columns, _ = _jpeg_xl_length(bits, is_small=bool(is_small))
    return rows, columns


def _jpeg_xl_length(bits: int, *, is_small: bool) -> tuple[int, int]:
    if is_small:
        return ((bits & 31) + 1) * 8, bits >> 5
    width, bits = _JXL_BITS[bits & 3], bits >> 2
    return (bits & (1 << width) - 1) + 1, bits >> width
