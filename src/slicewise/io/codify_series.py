"""All instances of a series as one script: what they share once, and a table of what differs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import attrs
from pydicom.charset import default_encoding
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.tag import BaseTag

from slicewise.errors import SeveralSeriesError
from slicewise.image.elements import tag_of
from slicewise.io.codify_elements import Choice
from slicewise.io.codify_instance import encoding_arguments, preamble_text, script_of
from slicewise.io.codify_statements import Statements
from slicewise.io.codify_tables import ABSENT, Key, Literals, literals, shown_key
from slicewise.io.codify_values import quiet

__all__ = ["series_script"]

_HELPERS = '''\
ABSENT = object()


def put(ds, elements):
    """Put elements into a dataset: values by keyword, or by tag and VR."""
    for key, value in elements.items():
        if isinstance(value, DataElement):
            ds.add(value)
        elif isinstance(value, Open):
            put(ds, {key: value.items})
            ds[key if isinstance(key, str) else key[0]].is_undefined_length = True
        elif isinstance(key, str):
            setattr(ds, key, value)
        else:
            ds.add_new(*key, value)


class Open(list):
    """The items of a sequence whose end is marked."""

    @property
    def items(self):
        return Sequence(self)


def items(*datasets, is_undefined=False):
    """Return a sequence; is_undefined says that its end is marked, and its length not stated."""
    return Open(datasets) if is_undefined else Sequence(datasets)


def item(elements, is_undefined=False):
    """Return an item of a sequence."""
    ds = Dataset()
    put(ds, elements)
    if is_undefined:
        ds.is_undefined_length_sequence_item = True
    return ds
'''

_LOOP = '''\
def make(number):
    """Return the instance of this number, counted from 0."""
    ds = shared()
    put(ds, {key: values[number] for key, values in VARYING.items() if values[number] is not ABSENT})
    ds.file_meta = shared_meta()
    put(ds.file_meta, {key: values[number] for key, values in META.items() if values[number] is not ABSENT})
    ds.preamble = FILES[number][1]
    return ds


if __name__ == "__main__":'''


class _Instance(NamedTuple):
    name: str
    preamble: str
    arguments: str
    meta: Literals
    elements: Literals


@attrs.frozen
class _Columns:
    """What all instances share, by key, and what differs, key by key with a text for each instance."""

    shared: frozenset[Key]
    varying: dict[Key, list[str]]

    @classmethod
    def of(cls, found: Sequence[Literals]) -> _Columns:
        keys = list(dict.fromkeys(key for one in found for key in one))
        columns = {key: [one.get(key, ABSENT) for one in found] for key in keys}
        shared = frozenset(key for key, column in columns.items() if len(set(column)) == 1)
        varying = {key: columns[key] for key in sorted(columns, key=_tag) if key not in shared}
        return cls(shared, varying)


def series_script(
    instances: Sequence[tuple[str, Callable[[], Dataset]]], choice: Choice, name: str, side_name: str, save_as: str
) -> str:
    """Return the script that makes all instances of a series.

    Parameters
    ----------
    instances : sequence of name and function
        The instances: the names of their files, and what reads each. One at a time is read.
    choice : Choice
        What is left out, and what is put aside.
    name : str
        The folder it comes from, for the title.
    side_name : str
        The file beside the script.
    save_as : str
        The folder that the script writes to.

    Raises
    ------
    SeveralSeriesError
        If there are several series.
    """
    found: list[_Instance] = []
    series = ""
    for file_name, read in instances:
        dataset = read()
        own = str(dataset.get("SeriesInstanceUID", ""))
        series = series if found else own
        if own != series:
            raise SeveralSeriesError(
                f"{file_name} is of series {own}, and {found[0].name} of {series}: a script is for one series. Put "
                "its files into a folder of their own"
            )
        found.append(_instance(file_name, dataset, choice))
    # Read anew: what was looked at is no longer as it was in the file.
    first = instances[0][1]()
    lines = [*_HELPERS.splitlines(), "", *_shared_and_varying(first, found, choice), "", *_files(found), "", ""]
    lines += [*_LOOP.splitlines(), *_writing(save_as)]
    return script_of(
        f"Make the {len(found)} instances of {name} again.",
        "its argument is the folder to write to.",
        lines,
        choice,
        side_name,
    )


def _instance(name: str, dataset: Dataset, choice: Choice) -> _Instance:
    arguments = ", ".join(f"{key!r}: {value}" for key, value in encoding_arguments(dataset).items())
    with quiet():
        meta = literals(dataset.file_meta, _for_meta(choice), default_encoding)
        elements = literals(dataset, choice, default_encoding)
    preamble = getattr(dataset, "preamble", None)
    return _Instance(name, preamble_text(preamble) if preamble else "None", f"{{{arguments}}}", meta, elements)


def _for_meta(choice: Choice) -> Choice:
    return attrs.evolve(choice, exclude_size=None, private=True)


def _tag(key: Key) -> int:
    return tag_of(key) if isinstance(key, str) else key[0]


def _shared_and_varying(first: Dataset, found: Sequence[_Instance], choice: Choice) -> list[str]:
    meta = _Columns.of([one.meta for one in found])
    header = _Columns.of([one.elements for one in found])
    file_meta = getattr(first, "file_meta", FileMetaDataset())
    return [
        *_function("shared_meta", "FileMetaDataset", file_meta, meta, _for_meta(choice)),
        *_table("META", meta),
        *_function("shared", "Dataset", first, header, choice),
        *_table("VARYING", header),
    ]


def _function(name: str, kind: str, dataset: Dataset, columns: _Columns, choice: Choice) -> list[str]:
    only = frozenset(BaseTag(_tag(key)) for key in columns.shared)
    statements = Statements(choice)
    own = statements.new_name("ds")
    with quiet():
        lines = statements.dataset(dataset, own, default_encoding, only)
    return [
        f"def {name}():",
        '    """Return what all instances have in common."""',
        f"    {own} = {kind}()",
        *(f"    {line}" if line else "" for line in lines),
        f"    return {own}",
        "",
        "",
    ]


def _table(name: str, columns: _Columns) -> list[str]:
    lines = [f"{name} = {{"]
    for key, texts in columns.varying.items():
        lines += [f"    {shown_key(key)}: [", *(f"        {text}," for text in texts), "    ],"]
    return [*lines, "}", "", ""]


def _files(found: Sequence[_Instance]) -> list[str]:
    names = [one.name for one in found]
    if len(set(names)) < len(names):
        # Of several folders.
        names = [f"{number:05d}.dcm" for number in range(1, len(found) + 1)]
    rows = (f"    ({name!r}, {one.preamble}, {one.arguments})," for name, one in zip(names, found, strict=True))
    return [
        "# Name of the file, preamble, and what pydicom has to be told to write it as it was",
        "FILES = [",
        *rows,
        "]",
    ]


def _writing(save_as: str) -> list[str]:
    return [
        f"    folder = Path(sys.argv[1] if len(sys.argv) > 1 else {save_as!r})",
        "    folder.mkdir(parents=True, exist_ok=True)",
        "    for number, (name, _, options) in enumerate(FILES):",
        "        make(number).save_as(folder / name, **options)",
    ]
