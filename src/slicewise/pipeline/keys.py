"""Content keys: equal keys mean equal results."""

from __future__ import annotations

import dis
import enum
import hashlib
import types
from collections.abc import Callable, Iterator, Mapping
from pathlib import PurePath
from typing import Any

import attrs
import numpy as np
from pydicom.dataset import Dataset

from slicewise.errors import GraphError
from slicewise.pipeline.installed import is_installed

__all__ = ["class_identity", "content_key", "fleeting", "function_identity", "is_fleeting"]

_FLEETING = "@here"
"""What ends the key of something that means the same in this process only; it passes on to all keys made of it."""


def content_key(*parts: Any) -> str:
    """Return a hexadecimal digest of the parts: the same in every process for the same content.

    Of parts that mean the same in this process only, the key is marked as fleeting.

    Raises
    ------
    GraphError
        If a part is of a kind whose content cannot be told.
    """
    digest = hashlib.blake2b(digest_size=20)
    mark = ""
    for part in parts:
        told = _canonical(part)
        mark = _FLEETING if _FLEETING.encode() in told else mark
        digest.update(told)
        digest.update(b"\x1f")
    return digest.hexdigest() + mark


def fleeting(identity: str) -> str:
    """Return an identity as one that means the same in this process only."""
    return f"{identity}{_FLEETING}"


def is_fleeting(key: str) -> bool:
    """Whether a key means the same in this process only."""
    return key.endswith(_FLEETING)


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

    With it goes what the code refers to: closures, defaults, global names, and the functions among them in the same
    way. What cannot be told makes the function equal to itself only; what can be told within this process only
    (modules and classes that belong to no installed package, and may be edited) makes the identity fleeting.
    """
    return _function_identity(function, set())


def class_identity(cls: type) -> str:
    """Return what identifies a class that belongs to no installed package: the code of what is written in it.

    For others it is empty: their name and version tell enough.
    """
    own = [c for c in cls.__mro__ if not is_installed(c.__module__)]
    seen: set[Any] = set(own)
    return "|".join(f"{c.__qualname__}.{name}={_member(value, seen)}" for c in own for name, value in _members(c))


def _members(cls: type) -> list[tuple[str, Any]]:
    # Those with two underscores are made by attrs of the fields, whose values are told by the node.
    return [(k, v) for k, v in sorted(vars(cls).items()) if not k.startswith("__") or k == "__attrs_post_init__"]


def _member(value: Any, seen: set[Any]) -> str:
    for attribute in ("__func__", "fget", "func"):
        value = getattr(value, attribute, value)
    if isinstance(value, types.FunctionType):
        return _function_identity(value, seen)
    try:
        return content_key(value)
    except GraphError:
        return fleeting(type(value).__name__)


def _function_identity(function: Callable[..., Any], seen: set[Any]) -> str:
    seen.add(function)
    module = str(getattr(function, "__module__", None) or "builtins")
    name = f"{module}.{getattr(function, '__qualname__', repr(function))}"
    code = getattr(function, "__code__", None)
    if code is None:
        return name if is_installed(module) else f"{name}{_FLEETING}"
    cells = getattr(function, "__closure__", None) or ()
    try:
        inside = [_referred(cell.cell_contents, seen) for cell in cells]
        named = [] if is_installed(module) else [*_globals_of(function, code, seen), *_imported_by(code)]
        bound = content_key(inside, function.__defaults__, function.__kwdefaults__, named)
    except (GraphError, ValueError):
        bound = fleeting(f"object {id(function)}")
    return f"{name}#{_code_digest(code)}#{bound}"


def _globals_of(function: Callable[..., Any], code: types.CodeType, seen: set[Any]) -> list[tuple[str, Any]]:
    known = getattr(function, "__globals__", {})
    names = sorted(name for name in _names(code) if name in known)
    return [(name, _referred(known[name], seen)) for name in names]


def _names(code: types.CodeType) -> set[str]:
    return {name for c in _codes(code) for name in c.co_names}


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _codes(constant)


def _imported_by(code: types.CodeType) -> list[str]:
    """Return the modules that a function imports while it runs."""
    steps = (step for c in _codes(code) for step in dis.get_instructions(c))
    return sorted({_module(str(step.argval)) for step in steps if step.opname == "IMPORT_NAME"})


def _referred(value: Any, seen: set[Any]) -> Any:
    if isinstance(value, types.ModuleType):
        return _module(value.__name__)
    if isinstance(value, type):
        known = value in seen or is_installed(value.__module__)
        return f"{value.__module__}.{value.__qualname__}{'' if known else _FLEETING}"
    if isinstance(value, types.FunctionType):
        # Functions that call each other would go round in circles: each is told once.
        name = f"{value.__module__}.{value.__qualname__}"
        return f"{name}#{_code_digest(value.__code__)}" if value in seen else _function_identity(value, seen)
    return value


def _module(name: str) -> str:
    return name if is_installed(name) else f"{name}{_FLEETING}"


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
