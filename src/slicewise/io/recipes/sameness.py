"""Whether two values are one and the same: type for type, bit for bit."""

from __future__ import annotations

import functools
import struct
from collections.abc import Mapping
from typing import Any

import attrs
import numpy as np
from pydicom.dataset import Dataset

from slicewise.filters.motion import Motion

__all__ = ["same"]


def same(a: Any, b: Any) -> bool:
    """Tell whether values are the same, so that one may stand for the other wherever it goes.

    Unlike ``==``, NaN is itself, -0.0 is not 0.0, True is not 1, and a tuple is no list.
    """
    if a is b or type(a) is not type(b):
        return a is b
    if isinstance(a, float):
        return struct.pack("<d", a) == struct.pack("<d", b)
    if isinstance(a, np.ndarray | np.generic):
        return bool(a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes())
    if isinstance(a, Mapping):
        return [*a] == [*b] and all(same(a[k], b[k]) and type(k) is type(k2) for k, k2 in zip(a, b, strict=True))
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    return _same_object(a, b)


def _same_object(a: Any, b: Any) -> bool:
    if isinstance(a, Dataset):
        return bool(a.to_json() == b.to_json())
    if isinstance(a, Motion):
        return bool(a.digest == b.digest)
    if isinstance(a, functools.partial):
        return a.func is b.func and same(a.args, b.args) and same(a.keywords, b.keywords)
    if attrs.has(type(a)):
        return all(same(getattr(a, f.name), getattr(b, f.name)) for f in attrs.fields(type(a)))
    return bool(a == b)
