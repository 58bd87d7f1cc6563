"""A dataset as statements, one for each element, as a person would write them."""

from __future__ import annotations

import ast
import keyword as python
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import attrs
from pydicom.datadict import dictionary_VR
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag

from slicewise.image.elements import name_of
from slicewise.io.codify_elements import Choice, Value, character_set_of, elements_of, title_of
from slicewise.io.codify_values import Coded

__all__ = ["Statements"]

_TAKEN = frozenset(
    ["DataElement", "Dataset", "FileMetaDataset", "Path", "SIDE", "Sequence", "Stored", "beside", "hashlib", "sys"]
)
_Blocks = dict[tuple[int, int], str]


@attrs.define
class Statements:
    """Writes datasets as statements; no name is given twice.

    Parameters
    ----------
    choice : Choice
        What is left out, and what is put aside.
    """

    choice: Choice
    _names: set[str] = attrs.field(factory=lambda: set(_TAKEN), init=False)

    def new_name(self, wanted: str) -> str:
        """Return a name for a variable that is valid, not yet in use, and like the one wanted."""
        base = re.sub(r"\W+", "_", wanted, flags=re.ASCII).strip("_").lower() or "block"
        base = f"block_{base}" if base[0].isdigit() else base
        base = f"{base}_" if python.iskeyword(base) or python.issoftkeyword(base) else base
        name, count = base, 1
        while name in self._names:
            count += 1
            name = f"{base}_{count}"
        self._names.add(name)
        return name

    def dataset(self, dataset: Dataset, name: str, character_set: Any, only: frozenset[int] | None = None) -> list[str]:
        """Return the statements that fill a dataset, which is there already and empty.

        Parameters
        ----------
        dataset : Dataset
            The dataset.
        name : str
            The variable that it is in.
        character_set : str or sequence of str
            That of what the dataset stands in.
        only : set of int, optional
            Tags of the elements to take; all if not given.
        """
        character_set = character_set_of(dataset, character_set)
        blocks: _Blocks = {}
        lines: list[str] = []
        for value in elements_of(dataset, self.choice, character_set):
            if only is None or value.tag in only:
                lines += self._element(value, name, character_set, blocks)
                lines += self._block(dataset, value, name, blocks)
        # Sequences stand apart, by one line.
        return [line for before, line in pairwise(["", *lines]) if line or before]

    def _element(self, value: Value, name: str, character_set: Any, blocks: _Blocks) -> Iterator[str]:
        if value.omission:
            yield f"# {title_of(value.tag)}: {value.omission}"
        elif value.items is not None:
            yield from self._sequence(value, value.items, name, character_set, blocks)
        elif value.code is not None:
            yield _assigned(value.tag, value.code, self.choice, name, blocks, is_undefined=value.is_undefined)

    def _sequence(
        self, value: Value, items: list[Dataset], name: str, character_set: Any, blocks: _Blocks
    ) -> Iterator[str]:
        base = self.new_name(_variable(value.tag))
        yield ""
        yield f"# {title_of(value.tag)}"
        yield f"{base} = Sequence()"
        yield _added(value.tag, "SQ", base, name, blocks)
        if value.is_undefined:
            yield f"{name}[0x{value.tag:08X}].is_undefined_length = True"
        for number, item in enumerate(items, 1):
            own = self.new_name(f"{base.removesuffix('_sequence')}_{number}")
            yield f"{own} = Dataset()"
            yield f"{base}.append({own})"
            if getattr(item, "is_undefined_length_sequence_item", False):
                yield f"{own}.is_undefined_length_sequence_item = True"
            yield from self.dataset(item, own, character_set)
        yield ""

    def _block(self, dataset: Dataset, value: Value, name: str, blocks: _Blocks) -> Iterator[str]:
        """Reserve the private block whose creator this is, if the block has elements and pydicom finds it by name."""
        tag = value.tag
        if not tag.is_private_creator or value.code is None or value.code.text is None:
            return
        creator = ast.literal_eval(value.code.text)
        used = any(t.group == tag.group and t.element >> 8 == tag.element for t in dataset.keys())  # noqa: SIM118 - elements else
        # Two blocks of one creator: the first is found.
        first = next(t for t in sorted(dataset.keys()) if t.group == tag.group and _is_creator(dataset, t, creator))
        if used and isinstance(creator, str) and creator and first == tag:
            block = self.new_name(f"{creator}_{tag.group:04x}")
            blocks[tag.group, tag.element] = block
            yield f"{block} = {name}.private_block(0x{tag.group:04X}, {value.code.text})"


def _is_creator(dataset: Dataset, tag: BaseTag, name: Any) -> bool:
    return tag.is_private_creator and str(dataset[tag].value).rstrip() == name.rstrip()


def _assigned(tag: BaseTag, code: Coded, choice: Choice, name: str, blocks: _Blocks, *, is_undefined: bool) -> str:
    if code.text is not None:
        return _added(tag, code.vr, code.text, name, blocks)
    value = choice.bytes_text(code.value)
    if code.is_bytes and (not is_undefined or tag == 0x7FE00010):
        return _added(tag, code.vr, value, name, blocks)
    place = _place(tag, blocks)
    undefined = ", is_undefined=True" if is_undefined else ""
    return f"{name}.add(Stored({place}, {code.vr!r}, {value}{undefined})){_comment(tag)}"


def _added(tag: BaseTag, vr: str, value: str, name: str, blocks: _Blocks) -> str:
    block = blocks.get((tag.group, tag.element >> 8))
    if block is not None:
        return f"{block}.add_new(0x{tag.element & 0xFF:02X}, {vr!r}, {value})"
    keyword = name_of(tag)
    if not keyword.startswith("(") and dictionary_VR(tag) == vr:
        return f"{name}.{keyword} = {value}"
    return f"{name}.add_new(0x{tag:08X}, {vr!r}, {value}){_comment(tag)}"


def _comment(tag: BaseTag) -> str:
    name = name_of(tag)
    return "" if name.startswith("(") else f"  # {name}"


def _place(tag: BaseTag, blocks: _Blocks) -> str:
    block = blocks.get((tag.group, tag.element >> 8))
    return f"0x{tag:08X}" if block is None else f"{block}.get_tag(0x{tag.element & 0xFF:02X})"


def _variable(tag: BaseTag) -> str:
    keyword = name_of(tag)
    if keyword.startswith("("):
        return f"private_{tag.group:04x}_{tag.element:04x}" if tag.is_private else f"seq_{tag:08x}"
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", keyword).lower()
