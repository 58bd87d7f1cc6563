"""Filters written on the command line: ``median:radius=1``, or as in Python, ``Median(radius=1)``."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Sequence
from typing import Any

import typer

import slicewise
from slicewise.io.series_reader import SeriesReader
from slicewise.pipeline.node import Node

__all__ = ["chain", "filter_names", "parse_filter"]

_SHORT = re.compile(r"\s*([A-Za-z_][\w.]*)\s*(?::(.*))?", re.DOTALL)
_NEXT_KEYWORD = re.compile(r",\s*(?=[A-Za-z_]\w*\s*=)")
_WORDS = {"true": True, "false": False, "none": None}


def chain(source: Node, texts: Sequence[str] | None) -> Node:
    """Return a source with filters behind it."""
    for text in texts or ():
        source = source >> parse_filter(text)
    return source


def parse_filter(text: str) -> Node:
    """Return the filter that a text describes.

    Values are numbers, tuples, words, true, false and none, and nothing is evaluated beyond that. What
    comes before the first name is the value of the first parameter. A value ``@folder`` is the series in that folder.

    Raises
    ------
    BadParameter
        If there is no such filter or parameter, or a value cannot be understood.
    ParameterError
        If a parameter has a value that cannot work.
    """
    name, positional, keywords = _parse_call(text) if text.rstrip().endswith(")") else _parse_short(text)
    make = _find(name)
    if name.partition(".")[0] != "sitk":
        _check_arguments(make, name, positional, keywords)
    node: Node = make(*positional, **keywords)
    return node


_NOT_WRITTEN = frozenset(["Function", "Blend", "Concatenate", "Join", "Mask", "WithPixelsFrom"])
"""A function cannot be written on a command line, nor another image that a filter cannot do without."""


def filter_names() -> dict[str, type[Node]]:
    """Return the filters that can be written on a command line, by name."""
    public = {name: getattr(slicewise, name) for name in slicewise.__all__}
    return {
        name: value
        for name, value in public.items()
        if isinstance(value, type) and value.__module__.startswith("slicewise.filters.") and name not in _NOT_WRITTEN
    }


def _find(name: str) -> Any:
    module, dot, attribute = name.partition(".")
    if dot and module in ("sitk", "itk") and module in slicewise.__all__:
        room = getattr(slicewise, module)
        camel = attribute if attribute[:1].isupper() else attribute.title().replace("_", "")
        try:
            return getattr(room, camel)
        except AttributeError as error:
            raise typer.BadParameter(str(error), param_hint="--filter") from None
    known = filter_names()
    found = {_folded(k): v for k, v in known.items()}.get(_folded(name))
    if found is None:
        raise typer.BadParameter(
            f"there is no filter {name!r}; there are {', '.join(sorted(known))}, and SimpleITK's as sitk.<name>",
            param_hint="--filter",
        )
    return found


def _folded(name: str) -> str:
    return name.replace("_", "").lower()


def _check_arguments(make: Any, name: str, positional: Sequence[Any], keywords: dict[str, Any]) -> None:
    signature = inspect.signature(make)
    try:
        signature.bind(*positional, **keywords)
    except TypeError as error:
        takes = ", ".join(p for p in signature.parameters if p != "input") or "no parameters"
        raise typer.BadParameter(f"{name}: {error}; it takes {takes}", param_hint="--filter") from None


def _parse_short(text: str) -> tuple[str, list[Any], dict[str, Any]]:
    match = _SHORT.fullmatch(text)
    if match is None:
        raise _not_understood(text)
    name, rest = match[1], (match[2] or "").strip()
    keywords: dict[str, Any] = {}
    positional: list[Any] = []
    for part in _NEXT_KEYWORD.split(rest) if rest else ():
        key, equals, value = part.partition("=")
        if equals:
            keywords[key.strip()] = _value(value.strip())
        else:
            positional.append(_value(part.strip()))
    return name, positional, keywords


def _value(text: str) -> Any:
    if text.startswith("@"):
        return SeriesReader(text[1:])
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        pass
    parts = text.split(",")
    return tuple(_value(part.strip()) for part in parts) if len(parts) > 1 else text


def _parse_call(text: str) -> tuple[str, list[Any], dict[str, Any]]:
    try:
        call = ast.parse(text.strip(), mode="eval").body
    except SyntaxError:
        raise _not_understood(text) from None
    if not isinstance(call, ast.Call) or any(keyword.arg is None for keyword in call.keywords):
        raise _not_understood(text)
    try:
        positional = [ast.literal_eval(argument) for argument in call.args]
        keywords = {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in call.keywords}
    except ValueError:
        raise _not_understood(text) from None
    return ast.unparse(call.func).removeprefix("sw."), positional, keywords


def _not_understood(text: str) -> typer.BadParameter:
    return typer.BadParameter(
        f"must be like median:radius=1 or 'Median(radius=1)', with numbers, tuples and words as values (got {text!r})",
        param_hint="--filter",
    )
