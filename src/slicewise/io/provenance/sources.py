"""What a graph read: the series and instances at its ends, under the names that they have in the result."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence

from slicewise.dicom.provenance_block import block_of, block_tags
from slicewise.errors import HeaderError
from slicewise.filters.deidentify import Deidentify
from slicewise.image import Headers
from slicewise.io.provenance.story import Given, SourceSeries
from slicewise.pipeline.memory import InMemory
from slicewise.pipeline.node import Node

__all__ = ["given_digest", "sources_of"]


def sources_of(target: Node, names: Mapping[Node, str]) -> list[tuple[SourceSeries, tuple[Given, ...]]]:
    """Return what stands at the ends of a graph, with the instances that were read, in the order of slices.

    Where a step takes identification out, on any way from there to the result, identifiers are those that it gives.

    Parameters
    ----------
    target : Node
        The end of the graph.
    names : mapping of Node to str
        What the ends are called.
    """
    hiding = dict(_hiding(target))
    return [_source(n, names[n], hiding.get(n, ())) for n in target.walk() if n in names]


def _hiding(target: Node) -> Iterator[tuple[Node, tuple[Deidentify, ...]]]:
    """Iterate over nodes and the steps that stand between them and the result and replace identifiers."""
    found: dict[Node, tuple[Deidentify, ...]] = {}
    for n in reversed(list(target.walk())):
        way = found.get(n, ())
        if isinstance(n, Deidentify) and not n.retain_uids:
            way = (n, *way)
        for source in n.inputs.values():
            # Of several ways the one that hides counts.
            found[source] = way or found.get(source, ())
    yield from found.items()


def _source(n: Node, name: str, hiding: Sequence[Deidentify]) -> tuple[SourceSeries, tuple[Given, ...]]:
    info = n.info
    read = [source for sources in info.sources for source in sources]
    given = [Given(source.sop_instance_uid, source.frame) for source in read]
    series = dict.fromkeys(source.series_uid for source in read if source.series_uid)
    runs: list[str] = []
    if hiding:
        given = [one._replace(uid=_hidden(one.uid, hiding)) for one in given]
        series = dict.fromkeys(_hidden(uid, hiding) for uid in series)
    elif len(given) == info.slices:
        runs, marks = _own_provenance(info.headers, given)
        given = [one._replace(mark=mark) for one, mark in zip(given, marks, strict=True)]
    source = SourceSeries(
        name=name,
        kind=n.name,
        series=tuple(series),
        slices=info.slices,
        digest=given_digest(given) if given else "",
        runs=tuple(runs),
        computed="; ".join(step.description for step in info.history) if isinstance(n, InMemory) else "",
        is_renamed=bool(hiding),
    )
    return source, tuple(given)


def _hidden(uid: str, hiding: Sequence[Deidentify]) -> str:
    for step in hiding:
        uid = step.pseudonyms.uid(uid)
    return uid


def _own_provenance(headers: Headers, given: Sequence[Given]) -> tuple[list[str], list[str]]:
    """Return which runs made the sources, and the digests they state of themselves."""
    if not block_tags(headers):
        return [], [""] * len(given)
    runs: dict[str, None] = {}
    marks = []
    for k, one in enumerate(given):
        try:
            block = block_of(headers, k)
        except HeaderError:
            block = None
        frame = (one.frame or 1) - 1
        marks.append(block.marks[frame].digest if block is not None and frame < len(block.marks) else "")
        if block is not None:
            runs[block.run] = None
    return list(runs), marks


def given_digest(given: Sequence[Given]) -> str:
    """Return a digest of instances in their order, by identifier and frame."""
    lines = [one.uid if one.frame is None else f"{one.uid} {one.frame}" for one in given]
    return hashlib.sha256("\n".join(lines).encode("ascii", "replace")).hexdigest()[:32]
