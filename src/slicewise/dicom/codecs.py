"""The codecs of imagecodecs, ready for use from several threads at once."""

from __future__ import annotations

import functools
import importlib
import threading
from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["checksum", "codec"]

_FIRST_USE = threading.Lock()


def codec(name: str, action: str) -> Callable[..., Any] | None:
    """Return a function of imagecodecs; None if it is not installed, or its build lacks the codec.

    Parameters
    ----------
    name : str
        Name of the codec, such as ``"htj2k"``.
    action : "encode" or "decode"
        What it does.
    """
    try:
        codecs = importlib.import_module("imagecodecs")
    except ImportError:
        return None
    # imagecodecs fills in stubs for what its build lacks.
    if not getattr(getattr(codecs, name.upper(), None), "available", False):
        return None
    with _FIRST_USE:
        _prepare(name)
    function: Callable[..., Any] = getattr(codecs, f"{name}_{action}")
    return function


@functools.cache
def checksum(name: str) -> Callable[[memoryview], int] | None:
    """Return a checksum of imagecodecs, such as ``"deflate_crc32"``; None if it is not there."""
    try:
        codecs = importlib.import_module("imagecodecs")
    except ImportError:
        return None
    if not getattr(getattr(codecs, name.partition("_")[0].upper(), None), "available", False):
        return None
    function: Callable[[memoryview], int] | None = getattr(codecs, name, None)
    return function


@functools.cache
def _prepare(name: str) -> None:
    """Let a codec set itself up in one thread.

    OpenJPH chooses its functions when it is first used, without a lock: a second thread that comes meanwhile gets an
    error, or wrong values.
    """
    if name == "htj2k":
        codecs = importlib.import_module("imagecodecs")
        small = np.arange(256, dtype=np.uint16).reshape(16, 16)
        for reversible in (True, False):
            codecs.htj2k_decode(codecs.htj2k_encode(small, reversible=reversible))
