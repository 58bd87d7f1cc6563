"""One instance as a script."""

from __future__ import annotations

from typing import Any

import attrs
from pydicom.charset import default_encoding
from pydicom.dataset import Dataset
from pydicom.uid import UID

from slicewise.io.codify_elements import Choice
from slicewise.io.codify_statements import Statements
from slicewise.io.codify_text import SCRIPT_HEAD, STORED, side_lines
from slicewise.io.codify_values import quiet

__all__ = ["encoding_arguments", "instance_script", "preamble_text", "script_of"]


def instance_script(dataset: Dataset, choice: Choice, name: str, side_name: str, save_as: str) -> str:
    """Return the script that makes an instance.

    Parameters
    ----------
    dataset : Dataset
        The instance, as pydicom read it.
    choice : Choice
        What is left out, and what is put aside.
    name : str
        The file it comes from, for the title.
    side_name : str
        The file beside the script.
    save_as : str
        The file that the script writes.
    """
    statements = Statements(choice)
    lines: list[str] = []
    meta = getattr(dataset, "file_meta", None)
    with quiet():
        own_name, meta_name = statements.new_name("ds"), statements.new_name("file_meta")
        if meta:
            lines += ["# File meta information", f"{meta_name} = FileMetaDataset()"]
            lines += Statements(attrs.evolve(choice, exclude_size=None, private=True)).dataset(
                meta, meta_name, default_encoding
            )
            lines += [""]
        lines += ["# Data set", f"{own_name} = Dataset()"]
        lines += statements.dataset(dataset, own_name, default_encoding)
    lines += [""]
    if meta:
        lines.append(f"{own_name}.file_meta = {meta_name}")
    preamble = getattr(dataset, "preamble", None)
    if preamble:
        lines.append(f"{own_name}.preamble = {preamble_text(preamble)}")
    arguments = "".join(f", {key}={value}" for key, value in encoding_arguments(dataset).items())
    lines += [
        "",
        'if __name__ == "__main__":',
        f"    {own_name}.save_as(sys.argv[1] if len(sys.argv) > 1 else {save_as!r}{arguments})",
    ]
    return script_of(f"Make {name} again.", "its argument is the file to write.", lines, choice, side_name)


def script_of(title: str, arguments: str, lines: list[str], choice: Choice, side_name: str) -> str:
    """Return a script: its head, what it needs of helpers, and its lines."""
    body = "\n".join(lines) + "\n"
    safe = title.encode("ascii", "backslashreplace").decode("ascii").replace("\\", "\\\\").replace('"', "'")
    head = SCRIPT_HEAD.format(title=safe, arguments=arguments)
    if choice.side.size:
        head = head.replace("import sys\n", "import hashlib\nimport sys\n") + side_lines(side_name, choice.side.digest)
    if "Stored(" in body:
        head += STORED
    return f"{head}\n\n{body}"


def preamble_text(preamble: bytes) -> str:
    """Return the expression of a preamble."""
    return "bytes(128)" if preamble == bytes(128) else repr(bytes(preamble))


def encoding_arguments(dataset: Dataset) -> dict[str, Any]:
    """Return what has to be said to pydicom beside the transfer syntax, for it to write as the file was."""
    implicit, little = dataset.original_encoding
    syntax = getattr(dataset, "file_meta", Dataset()).get("TransferSyntaxUID")
    if isinstance(syntax, UID) and syntax.is_transfer_syntax and not syntax.is_private:
        if (syntax.is_implicit_VR, syntax.is_little_endian) == (implicit, little):
            return {}
        return {"implicit_vr": implicit, "little_endian": little, "force_encoding": True}
    return {"implicit_vr": implicit, "little_endian": little, **({"force_encoding": True} if syntax else {})}
