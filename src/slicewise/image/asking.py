"""Values of headers by any key: top-level, private, nested, at any depth."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.tag import BaseTag

from slicewise.errors import HeaderError
from slicewise.image.attribute_keys import Key, Path, PrivateTag, Step, path_of, private_tags
from slicewise.image.diffusion import DIFFUSION, Source, in_patient
from slicewise.image.elements import RawElement, name_of

if TYPE_CHECKING:
    from slicewise.image.headers import Headers

__all__ = ["Found", "find", "has", "tags_on_slices", "values"]

Tags = Sequence[int | None]


class Found(NamedTuple):
    """A value, and where it stands: a path that headers can be asked by."""

    path: str
    value: Any


def values(headers: Headers, key: Key) -> list[Any]:
    """Return the values of an attribute, one for each slice; None where a slice has it not."""
    if isinstance(key, str) and key in DIFFUSION:
        return _first_stated(headers, DIFFUSION[key])
    path = path_of(key)
    if len(path) == 1 and path[0].item is None and isinstance(path[0].tag, int):
        return _by_tag(headers, path[0].tag, _value_of)
    return _by_path(headers, path, lambda step, element: _below(element, step, path[1:]))


def has(headers: Headers, key: Key) -> bool:
    """Whether at least one slice has an attribute."""
    if isinstance(key, str) and key in DIFFUSION:
        return any(value is not None for value in values(headers, key))
    path = path_of(key)
    if len(path) == 1 and path[0].item is None:
        return any(
            tag is not None and headers.element(tag, k) for k, tag in enumerate(tags_on_slices(headers, path[0]))
        )
    return any(_by_path(headers, path, lambda step, element: _is_there(element, step, path[1:])))


def find(headers: Headers, key: Key) -> list[list[Found]]:
    """Return, for each slice, all values of an attribute at any depth, the top level first."""
    path = path_of(key)
    if len(path) > 1 or path[0].item is not None:
        raise HeaderError(f"{key!r}: find looks for one attribute, wherever it is; a path is asked for by headers[...]")
    (step,) = path
    found: list[list[Found]] = [[] for _ in range(len(headers))]
    top = zip(found, tags_on_slices(headers, step), values(headers, key), strict=True)
    for index, (here, tag, value) in enumerate(top):
        if tag is not None and headers.element(tag, index) is not None:
            here.append(Found(str(step), value))
    for tag, column in headers.columns().items():
        if _may_hold(column, step):
            nested = _by_tag(headers, tag, lambda element: list(_nested(element, step, "")))
            for here, more in zip(found, nested, strict=True):
                here.extend(more or ())
    return found


def _first_stated(headers: Headers, sources: Sequence[Source]) -> list[Any]:
    """Return for each slice what the first source that it has states."""
    stated: list[Any] = [None] * len(headers)
    for source in sources:
        if all(value is not None for value in stated):
            break
        if has(headers, source.key):
            own = [source.decoded(value) for value in values(headers, source.key)]
            if source.in_image:
                own = _in_patient(headers, own)
            stated = [known if known is not None else value for known, value in zip(stated, own, strict=True)]
    return stated


def _in_patient(headers: Headers, vectors: Sequence[Any]) -> list[Any]:
    orientations = values(headers, "ImageOrientationPatient")
    pairs = zip(vectors, orientations, strict=True)
    return [None if vector is None else in_patient(vector, orientation) for vector, orientation in pairs]


def _by_tag(headers: Headers, tag: int, read: Callable[[DataElement], Any]) -> list[Any]:
    elements = headers.decoded(tag)
    if elements and all(element is elements[0] for element in elements):
        return [None if elements[0] is None else read(elements[0])] * len(elements)
    return [None if element is None else read(element) for element in elements]


def _by_path(headers: Headers, path: Path, read: Callable[[Step, DataElement], Any]) -> list[Any]:
    tags = tags_on_slices(headers, path[0])
    found: list[Any] = [None] * len(headers)
    for tag in dict.fromkeys(tags):
        if isinstance(tag, int):
            column = _by_tag(headers, tag, lambda element: read(path[0], element))
            found = [new if own == tag else old for own, new, old in zip(tags, column, found, strict=True)]
    return found


def tags_on_slices(headers: Headers, step: Step) -> Tags:
    """Return the tag that a step has on each slice; None where it is private, and not there."""
    if isinstance(step.tag, int):
        return [step.tag] * len(headers)
    blocks = [tag for tag in headers.columns() if _is_creator(tag, step.tag)]
    found: list[int | None] = []
    for k in range(len(headers)):
        reserved = {tag: headers.element(tag, k) for tag in blocks}
        creators = {tag: e.value.decode("latin-1") for tag, e in reserved.items() if e is not None}
        tags = private_tags(creators, step.tag)
        found.append(next((tag for tag in tags if headers.element(tag, k) is not None), None))
    return found


def _below(element: DataElement, step: Step, rest: Path) -> Any:
    """Return the value that a path leads to from one of its steps."""
    if not rest and step.item is None:
        return _value_of(element)
    if element.VR != "SQ":
        return None
    items = element.value
    if step.item is not None:
        return _in_item(items[step.item], rest) if step.item < len(items) else None
    if len(items) < 2:
        return _in_item(items[0], rest) if items else None
    return [_in_item(item, rest) for item in items]


def _in_item(item: Dataset, rest: Path) -> Any:
    if not rest:
        return item
    element = _element(item, rest[0])
    return None if element is None else _below(element, rest[0], rest[1:])


def _is_there(element: DataElement, step: Step, rest: Path) -> bool:
    if not rest and step.item is None:
        return True
    items = element.value if element.VR == "SQ" else ()
    chosen = items if step.item is None else items[step.item : step.item + 1]
    if not rest:
        return bool(chosen)
    inner = (_element(item, rest[0]) for item in chosen)
    return any(found is not None and _is_there(found, rest[0], rest[1:]) for found in inner)


def _element(dataset: Dataset, step: Step) -> DataElement | None:
    if isinstance(step.tag, int):
        return dataset.get(BaseTag(step.tag))
    creators = {int(t): str(dataset[t].value) for t in dataset.keys() if _is_creator(int(t), step.tag)}  # noqa: SIM118
    tags = private_tags(creators, step.tag)
    return next((dataset[BaseTag(tag)] for tag in tags if BaseTag(tag) in dataset), None)


def _is_creator(tag: int, wanted: PrivateTag) -> bool:
    return tag >> 16 == wanted.group and 0x10 <= tag & 0xFFFF <= 0xFF


def _nested(element: DataElement, step: Step, prefix: str) -> Iterator[Found]:
    if element.VR != "SQ":
        return
    for number, item in enumerate(element.value):
        path = f"{prefix}{name_of(int(element.tag))}[{number}]."
        found = _element(item, step)
        if found is not None:
            yield Found(f"{path}{Step(step.tag)}", _value_of(found))
        for inner in item:
            yield from _nested(inner, step, path)


def _may_hold(column: RawElement | tuple[RawElement | None, ...], step: Step) -> bool:
    """Whether an element can be a sequence that has an attribute in it, by its bytes."""
    group, number = (step.tag >> 16, step.tag & 0xFFFF) if isinstance(step.tag, int) else (step.tag.group, None)
    for element in (column,) if isinstance(column, RawElement) else column:
        if element is not None and element.vr in ("SQ", "UN", None):
            order: Literal["little", "big"] = "little" if element.little_endian else "big"
            wanted = group.to_bytes(2, order) + (b"" if number is None else number.to_bytes(2, order))
            if wanted in element.value:
                return True
    return False


def _value_of(element: DataElement) -> Any:
    """Return a value; empty ones among several numbers are None."""
    value = element.value
    if element.VR in ("DS", "IS") and isinstance(value, MultiValue) and any(isinstance(v, str) for v in value):
        return [None if isinstance(one, str) else one for one in value]
    return value
