"""Content keys: equal keys mean equal results."""

from __future__ import annotations

import enum
import hashlib
import types
from collections.abc import Callable, Mapping
from pathlib import PurePath
from typing import Any

import attrs
import numpy as np
from pydicom.dataset import Dataset

from slicewise.errors import GraphError

__all__ = ["content_key", "function_identity"]


def content_key(*parts: Any) -> str:
    """Return a hexadecimal digest of the parts: the same in every process for the same content.

    Raises
    ------
    GraphError
        If a part is of a kind whose content cannot be told.
    """
    digest = hashlib.blake2b(digest_size=20)
    for part in parts:
        digest.update(_canonical(part))
        digest.update(b"\x1f")
    return digest.hexdigest()


def _canonical(value: Any) -> bytes:
    if isinstance(value, np.ndarray):
        head = f"{value.dtype.str}{value.shape}".encode()
        return head + hashlib.blake2b(np.ascontiguousarray(value).tobytes()).digest()
    if isinstance(value, Dataset):
        return value.to_json().encode()
    if isinstance(value, Mapping):
        inner = b",".join(_canonical(k) + b":" + _canonical(v) for k, v in sorted(value.items()))
        return b"{" + inner + b"}"
    if isinstance(value, list | tuple | range):
        return b"[" + b",".join(_canonical(v) for v in value) + b"]"
    if isinstance(value, set | frozenset):
        return b"<" + b",".join(sorted(_canonical(v) for v in value)) + b">"
    return _canonical_scalar(value)


def _canonical_scalar(value: Any) -> bytes:
    if value is None or isinstance(value, str | bytes | bool | int | float | complex | PurePath):
        return f"{type(value).__name__}={value!r}".encode()
    if isinstance(value, np.generic | np.dtype):
        return f"{value!r}".encode()
    if isinstance(value, enum.Enum):
        return f"{type(value).__qualname__}.{value.name}".encode()
    if isinstance(value, types.FunctionType | types.BuiltinFunctionType | type | np.ufunc):
        return function_identity(value).encode()
    if attrs.has(type(value)):
        fields = [(f.name, getattr(value, f.name)) for f in attrs.fields(type(value))]
        return type(value).__qualname__.encode() + _canonical(fields)
    raise GraphError(
        f"cannot tell the content of a parameter of type {type(value).__name__} ({value!r:.80}): pass numbers, text, "
        "arrays, attrs values or functions"
    )


def function_identity(function: Callable[..., Any]) -> str:
    """Return what identifies a function: its name and, for one written in Python, its code.

    With it goes what the code refers to: closures, defaults, and global names. What cannot be told makes
    the function equal to itself only.
    """
    name = f"{getattr(function, '__module__', '')}.{getattr(function, '__qualname__', repr(function))}"
    code = getattr(function, "__code__", None)
    if code is None:
        return name
    cells = [cell.cell_contents for cell in getattr(function, "__closure__", None) or ()]
    try:
        bound = content_key(cells, function.__defaults__, function.__kwdefaults__, _globals_of(function, code))
    except (GraphError, ValueError):
        bound = f"object {id(function)}"
    return f"{name}#{_code_digest(code)}#{bound}"


def _globals_of(function: Callable[..., Any], code: types.CodeType) -> list[tuple[str, Any]]:
    known = getattr(function, "__globals__", {})
    names = sorted(name for name in _names(code) if name in known)
    return [(name, _referred(known[name])) for name in names]


def _names(code: types.CodeType) -> set[str]:
    inner = [_names(c) for c in code.co_consts if isinstance(c, types.CodeType)]
    return set(code.co_names).union(*inner)


def _referred(value: Any) -> Any:
    if isinstance(value, types.ModuleType | type):
        return value.__name__
    # Functions that call each other would go round in circles: their code is told, not what they refer to.
    if isinstance(value, types.FunctionType):
        return f"{value.__module__}.{value.__qualname__}#{_code_digest(value.__code__)}"
    return value


def _code_digest(code: types.CodeType) -> str:
    constants = [_constant(c) for c in code.co_consts]
    text = f"{code.co_code.hex()}|{code.co_names}|{code.co_varnames}|{constants}"
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _constant(value: Any) -> str:
    if isinstance(value, types.CodeType):
        return _code_digest(value)
    if isinstance(value, frozenset):
        # The order in which a set is printed differs from process to process.
        return f"{{{','.join(sorted(_constant(v) for v in value))}}}"
    if isinstance(value, tuple):
        return f"({','.join(_constant(v) for v in value)})"
    return repr(value)
