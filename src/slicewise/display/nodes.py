"""A node as HTML: its graph, its parameters, and what is known of its result without computing it."""

from __future__ import annotations

from collections.abc import Iterator

from slicewise.display.geometry import geometry_rows
from slicewise.display.graph import graph_svg
from slicewise.display.graph_parts import told_parameters
from slicewise.display.headers import headers_parts
from slicewise.display.markup import details, escape, pairs, wrapped
from slicewise.image import ImageInfo
from slicewise.pipeline.node import Node

__all__ = ["node_html"]


def node_html(node: Node) -> str:
    """Return a node as HTML. Nothing is computed or read for it: neither pixels nor headers."""
    info = _known(node)
    parts = [
        f"<b>{escape(node.name)}</b> <span class='faint'>lazy: nothing is computed before update()</span>",
        f"<div>{graph_svg(node)}</div>",
        pairs((name, repr(value)) for name, value in told_parameters(node).items()),
    ]
    if info is None:
        parts.append(f"<div class='faint'>{_why_unknown(node)}</div>")
    else:
        parts += [pairs(_result(info)), details("headers of the result", headers_parts(info.headers))]
    return wrapped(*parts)


def _known(node: Node) -> ImageInfo | None:
    """Return what is known already, and do not find out."""
    found = vars(node).get("info")
    return found if isinstance(found, ImageInfo) else None


def _why_unknown(node: Node) -> str:
    if not node.is_connected:
        return "not connected to a reader or an image yet"
    return "no header was read yet; ask for .geometry or .headers"


def _result(info: ImageInfo) -> Iterator[tuple[str, str]]:
    yield "result", f"{' × '.join(map(str, info.shape))} {info.dtype}"
    if info.axis is not None:
        yield "axis", info.axis.text
    yield from geometry_rows(info.geometry)
