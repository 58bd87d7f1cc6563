"""A picture of a graph."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import attrs

from slicewise.display.graph import graph_svg
from slicewise.display.mermaid import graph_mermaid
from slicewise.errors import ParameterError, WriteError
from slicewise.pipeline.node import Node, as_node

__all__ = ["Drawing", "draw"]


@attrs.frozen
class Drawing:
    """A picture of a graph, which shows itself in notebooks.

    Parameters
    ----------
    svg : str
        The picture as SVG, in the colour of the text around it.
    mermaid : str
        The same graph as Mermaid text.
    """

    svg: str
    mermaid: str

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the picture to a file, by the end of its name SVG or Mermaid text (.svg, .mmd); return its path.

        Raises
        ------
        ParameterError
            If the name ends otherwise.
        WriteError
            If it cannot be written.
        """
        target = Path(path).expanduser()
        texts = {".svg": self.svg, ".mmd": self.mermaid}
        if target.suffix.lower() not in texts:
            raise ParameterError(f"'path' must end in .svg or .mmd (got {target.name!r})")
        try:
            target.write_text(texts[target.suffix.lower()], encoding="utf-8")
        except OSError as error:
            raise WriteError(f"{target}: the picture cannot be written ({error.strerror})") from error
        return target

    def _repr_svg_(self) -> str:
        return self.svg


def draw(node: Any) -> Drawing:
    """Return a picture of the graph of a node: readers at the top, what is shared once, sizes and types of results.

    Nodes that need the whole volume at once have a broken edge. Headers are read, pixels are not.

    Parameters
    ----------
    node : Node or Image
        The end of the graph.

    Raises
    ------
    SlicewiseError
        Whatever can be known to go wrong, with the node named.

    Examples
    --------
    >>> import numpy as np
    >>> import slicewise as sw
    >>> image = sw.Image.from_array(np.zeros((3, 4, 5), np.int16))
    >>> print(sw.draw(image >> sw.Median(1)).mermaid)
    flowchart TD
        n0(["InMemory<br>3 × 4 × 5  int16"])
        n1["Median<br>1<br>3 × 4 × 5  int16"]
        n0 --> n1
    <BLANKLINE>
    """
    target: Node = as_node(node)
    for n in target.walk():
        if n.is_connected:
            _ = n.info
    return Drawing(graph_svg(target), graph_mermaid(target))
