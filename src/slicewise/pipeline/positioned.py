"""Bytes at their place in a file, written and read by any number of threads."""

from __future__ import annotations

import errno
import os
from typing import Any

__all__ = ["read_at", "reserve", "write_at"]

_NOT_DONE_THERE = (errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS)


def write_at(descriptor: int, data: Any, place: int) -> None:
    """Write all of some bytes to a place in a file.

    Parameters
    ----------
    descriptor : int
        The open file.
    data : contiguous buffer
        What is written.
    place : int
        Where it begins in the file.

    Raises
    ------
    OSError
        If the disk is full or broken.
    """
    rest = memoryview(data).cast("B")
    while rest:
        written = os.pwrite(descriptor, rest, place)
        rest, place = rest[written:], place + written


def read_at(descriptor: int, memory: Any, place: int) -> int:
    """Fill memory from a place in a file on, and return how many bytes there were: fewer where the file ends before.

    Parameters
    ----------
    descriptor : int
        The open file.
    memory : contiguous, writable buffer
        Takes the bytes.
    place : int
        Where they begin in the file.

    Raises
    ------
    OSError
        If they cannot be read.
    """
    view = memoryview(memory).cast("B")
    done = 0
    while done < len(view) and (count := os.preadv(descriptor, [view[done:]], place + done)):
        done += count
    return done


def reserve(descriptor: int, size: int) -> None:
    """Make a file as long as it will be, so that a full disk is told at once.

    Raises
    ------
    OSError
        If there is no room for it.
    """
    if size and hasattr(os, "posix_fallocate"):
        try:
            os.posix_fallocate(descriptor, 0, size)
        except OSError as error:
            if error.errno not in _NOT_DONE_THERE:
                raise
    os.ftruncate(descriptor, size)
