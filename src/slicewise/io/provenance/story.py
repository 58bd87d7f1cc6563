"""What the instances of a series share of their provenance: sources, steps, and what became of each attribute."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import attrs

from slicewise.dicom.report import ReportRow
from slicewise.errors import HeaderError
from slicewise.image import Action, Operation, Step

__all__ = ["Given", "SourceSeries", "Story", "ToldRow", "ToldStep", "given_of", "packed", "unpacked"]

_MOST = 1 << 28
"""A text larger than this is none that was written here."""


class Given(NamedTuple):
    """An instance, or a frame of one, that was read.

    Attributes
    ----------
    uid : str
        Its SOPInstanceUID.
    frame : int or None
        The frame, from 1; None for a single image.
    mark : str
        The digest of its stored values that it stated itself; empty if it stated none.
    """

    uid: str
    frame: int | None = None
    mark: str = ""


@attrs.frozen
class SourceSeries:
    """What a reader read, or an image in memory came from.

    Parameters
    ----------
    name : str
        Name of the node in the recipe.
    kind : str
        Name of the node's class.
    series : tuple of str
        SeriesInstanceUIDs, mostly one; none if it is not known.
    slices : int
        How many slices it had.
    digest : str
        Digest of the instances in the order of the slices.
    runs : tuple of str
        The runs that made these series, if they were derived and said so.
    computed : str
        Of an image in memory the steps that were done to it before, in words; empty if there were none.
    is_renamed : bool
        Whether identifiers are others than in the files, since a step took identification out.
    """

    name: str
    kind: str
    series: tuple[str, ...]
    slices: int
    digest: str
    runs: tuple[str, ...] = ()
    computed: str = ""
    is_renamed: bool = False


class ToldStep(NamedTuple):
    """A step of the history: its name with parameters, and what classes of operation it is of."""

    text: str
    operations: frozenset[Operation]
    is_note: bool = False


class ToldRow(NamedTuple):
    """What became of some attributes: of all that are listed the same, for the same reason."""

    action: Action
    step: int | None
    reason: str
    is_partial: bool
    tags: tuple[int, ...]


@attrs.frozen(kw_only=True)
class Story:
    """Sources, steps, and what became of each attribute.

    Parameters
    ----------
    sources : tuple of SourceSeries
        What was read.
    steps : tuple of ToldStep
        What was done to it, in order.
    rows : tuple of ToldRow
        What was regenerated or dropped; all else was kept.
    writer : str
        What wrote it.
    has_recipe : bool
        Whether a recipe was written; none is where nothing was done but reading.
    loss : tuple of str
        Compression with loss: method and amount; empty if nothing was lost.
    """

    sources: tuple[SourceSeries, ...]
    steps: tuple[ToldStep, ...]
    rows: tuple[ToldRow, ...]
    writer: str
    has_recipe: bool = False
    loss: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        sources: Sequence[SourceSeries],
        history: Sequence[Step],
        rows: Sequence[ReportRow],
        *,
        writer: str,
        has_recipe: bool,
        loss: Sequence[str] = (),
    ) -> Story:
        """Return the story of a series that is being written."""
        told: dict[tuple[Action, int | None, str, bool], list[int]] = {}
        for row in rows:
            if row.action is not Action.KEPT:
                told.setdefault((row.action, row.step, row.reason, row.slices is not None), []).append(row.tag)
        return cls(
            sources=tuple(sources),
            steps=tuple(ToldStep(step.description, step.operations, step.is_note) for step in history),
            rows=tuple(ToldRow(*key, tuple(tags)) for key, tags in told.items()),
            writer=writer,
            has_recipe=has_recipe,
            loss=tuple(loss),
        )

    def pack(self) -> bytes:
        """Return it as compressed JSON; the same for the same story."""
        return packed(
            {
                "sources": [attrs.asdict(source) for source in self.sources],
                "steps": [[s.text, sorted(o.name for o in s.operations), s.is_note] for s in self.steps],
                "rows": [
                    [r.action.value, r.step, r.reason, r.is_partial, [f"{tag:08X}" for tag in r.tags]]
                    for r in self.rows
                ],
                "writer": self.writer,
                "has_recipe": self.has_recipe,
                "loss": self.loss,
            }
        )

    @classmethod
    def unpack(cls, data: bytes) -> Story:
        """Return what was packed.

        Raises
        ------
        HeaderError
            If it is something else.
        """
        told = unpacked(data)
        try:
            return cls(
                sources=tuple(
                    SourceSeries(**{**s, "series": tuple(s["series"]), "runs": tuple(s["runs"])})
                    for s in told["sources"]
                ),
                steps=tuple(
                    ToldStep(text, frozenset(Operation[name] for name in names), bool(is_note))
                    for text, names, is_note in told["steps"]
                ),
                rows=tuple(
                    ToldRow(Action(action), step, reason, partial, tuple(int(tag, 16) for tag in tags))
                    for action, step, reason, partial, tags in told["rows"]
                ),
                writer=told["writer"],
                has_recipe=bool(told["has_recipe"]),
                loss=tuple(told["loss"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise HeaderError(f"the provenance cannot be read: {error!r} in the story of the series") from None


def given_of(data: bytes) -> dict[str, tuple[Given, ...]]:
    """Return the instances that were read, by the name of what read them.

    Raises
    ------
    HeaderError
        If it is something else.
    """
    try:
        return {name: tuple(Given(*one) for one in given) for name, given in unpacked(data).items()}
    except TypeError as error:
        raise HeaderError(f"the provenance cannot be read: {error} in the list of instances") from None


def packed(content: Any) -> bytes:
    """Return plain data as compressed JSON."""
    text = json.dumps(content, separators=(",", ":"), ensure_ascii=True)
    return zlib.compress(text.encode("ascii"), 9)


def unpacked(data: bytes) -> Mapping[str, Any]:
    """Return plain data from compressed JSON.

    Raises
    ------
    HeaderError
        If it is broken.
    """
    try:
        # Bytes behind the end pad the value to an even length.
        opened = zlib.decompressobj()
        found = json.loads(opened.decompress(data, _MOST))
    except (zlib.error, ValueError) as error:
        raise HeaderError(f"the provenance cannot be read: {error}") from None
    if not isinstance(found, dict):
        raise HeaderError("the provenance cannot be read: a list of names is wanted")
    return found
