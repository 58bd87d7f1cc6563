"""Two series compared: attribute by attribute on matched slices, and value by value."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import attrs
import numpy as np

from slicewise.errors import SlicewiseError
from slicewise.image import Image, ImageStack
from slicewise.io.attribute_differences import Difference, DifferenceFinder
from slicewise.io.comparands import Comparand, comparand
from slicewise.io.listing import PathLike
from slicewise.io.slice_matching import Matching, match_slices
from slicewise.pipeline.node import Node

_SHOWN = 60
"""Characters of a value to show in a line."""

__all__ = ["AttributeDifference", "Comparison", "PixelDifference", "compare"]


@attrs.frozen
class AttributeDifference:
    """An attribute that is not the same in both.

    Parameters
    ----------
    attribute : str
        Keyword, or ``(gggg,eeee) [creator]`` for a private one; dotted where it is in a sequence.
    a, b : str or None
        Its value in A and in B on the first slice on which they differ; None where it is absent.
    slices : int
        On how many of the matched slices they differ.
    varies : bool
        Whether other slices have other values.
    """

    attribute: str
    a: str | None
    b: str | None
    slices: int
    varies: bool


@attrs.frozen
class PixelDifference:
    """How the values of matched slices differ.

    Parameters
    ----------
    compared : int
        How many pairs of slices were compared.
    voxels : int
        How many values were compared.
    different : int
        How many of them differ.
    largest : float
        Largest absolute difference, in modality values; NaN if a value is NaN in one only.
    place : tuple of int, optional
        Slice, row and column in A of the largest difference.
    problem : str
        Why slices were not compared; empty if all were.
    """

    compared: int = 0
    voxels: int = 0
    different: int = 0
    largest: float = 0.0
    place: tuple[int, int, int] | None = None
    problem: str = ""

    def __str__(self) -> str:
        if self.compared == 0:
            return f"not compared{': ' + self.problem if self.problem else ''}"
        text = f"equal on {self.compared} slices"
        if self.different:
            share = 100 * self.different / self.voxels
            text = (
                f"{self.different} of {self.voxels} values differ ({share:.3g} %), by up to {self.largest:.6g} "
                f"(slice {self.place[0]}, row {self.place[1]}, column {self.place[2]} of A)"
                if self.place
                else f"{self.different} of {self.voxels} values differ"
            )
        return f"{text}; {self.problem}" if self.problem else text


@attrs.frozen(repr=False)
class Comparison:
    """What differs between two series, A and B.

    Iterating gives the attributes that differ, ``len`` their number; printing gives a table.

    Parameters
    ----------
    names : tuple of str
        What A and B are.
    rows : tuple of AttributeDifference
        In tag order; empty if all attributes are the same.
    pixels : PixelDifference or None
        How values differ; None if they were not looked at.
    matched : int
        How many slices of A have a counterpart in B.
    matched_by : str
        ``position``, ``order`` or ``instance number``.
    only_a, only_b : tuple of str
        Slices without a counterpart.
    """

    names: tuple[str, str]
    rows: tuple[AttributeDifference, ...]
    pixels: PixelDifference | None
    matched: int
    matched_by: str
    only_a: tuple[str, ...] = ()
    only_b: tuple[str, ...] = ()

    @property
    def is_same(self) -> bool:
        """Whether nothing differs: every slice matched, every attribute and every value the same."""
        same_pixels = self.pixels is None or not (self.pixels.different or self.pixels.problem)
        return not (self.rows or self.only_a or self.only_b) and same_pixels

    def __iter__(self) -> Iterator[AttributeDifference]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def summary(self) -> str:
        """Slices, attributes and pixels in a few lines."""
        a, b = self.names
        lines = [f"A: {a}", f"B: {b}", f"slices: {self.matched} matched by {self.matched_by}"]
        for side, alone in (("A", self.only_a), ("B", self.only_b)):
            if alone:
                shown = ", ".join(alone[:3]) + (", ..." if len(alone) > 3 else "")
                lines.append(f"  {len(alone)} only in {side}: {shown}")
        if not self.matched:
            lines.append("attributes: not compared, since no slice of A lies where one of B does")
            return "\n".join(lines)
        lines.append(f"attributes: {len(self.rows)} differ" if self.rows else "attributes: all the same")
        if self.pixels is not None:
            lines.append(f"pixels: {self.pixels}")
        return "\n".join(lines)

    def __str__(self) -> str:
        return "\n".join([self.summary, *(_line(row, self.matched) for row in self.rows)])

    __repr__ = __str__


def _line(row: AttributeDifference, matched: int) -> str:
    where = "" if row.slices == matched and not row.varies else f"  ({row.slices} of {matched} slices)"
    return f"  {row.attribute}: {_side(row.a)} -> {_side(row.b)}{where}"


def _side(value: str | None) -> str:
    if value is None:
        return "absent"
    return f"'{value}'" if len(value) <= _SHOWN else f"'{value[: _SHOWN - 3]}...'"


def compare(
    a: PathLike | Sequence[PathLike] | Node | Image | ImageStack,
    b: PathLike | Sequence[PathLike] | Node | Image | ImageStack,
    *,
    pixels: bool = True,
    ignore: Iterable[str] = (),
    series: tuple[str | int | None, str | int | None] = (None, None),
) -> Comparison:
    """Compare two series, or two files.

    Slices are matched by their position in the patient where both sides have one, else by instance
    number or order. Sequences and private elements are compared item by item. Values are compared, not
    their encoding: ``1.0`` and ``1`` are the same decimal string, and a byte order is no difference. Pixels
    are compared as modality values.

    Parameters
    ----------
    a, b : path, sequence of paths, Node, Image or ImageStack
        The two sides. A node is updated if pixels are compared.
    pixels : bool
        Whether pixels are compared as well.
    ignore : iterable of str
        Keywords of attributes to leave out, wherever they stand.
    series : tuple of two
        SeriesInstanceUID or SeriesNumber for each side, where a folder holds several.

    Raises
    ------
    ReadError
        If a side cannot be read.
    """
    sides = (comparand(a, series[0]), comparand(b, series[1]))
    matching = match_slices(sides[0].headers, sides[1].headers)
    return Comparison(
        names=(sides[0].name, sides[1].name),
        rows=_attribute_rows(sides, matching, frozenset(ignore)),
        pixels=_compare_pixels(sides, matching) if pixels else None,
        matched=len(matching.pairs),
        matched_by=matching.by,
        only_a=tuple(sides[0].labels[i] for i in matching.only_a),
        only_b=tuple(sides[1].labels[j] for j in matching.only_b),
    )


def _attribute_rows(
    sides: tuple[Comparand, Comparand], matching: Matching, ignored: frozenset[str]
) -> tuple[AttributeDifference, ...]:
    finder = DifferenceFinder(sides[0].headers, sides[1].headers, ignored)
    found: dict[tuple[Any, ...], list[Difference]] = {}
    for i, j in matching.pairs:
        for difference in finder.differences(i, j):
            found.setdefault(difference.place, []).append(difference)
    return tuple(_row(same_place) for _, same_place in sorted(found.items()))


def _row(differences: Sequence[Difference]) -> AttributeDifference:
    first = differences[0]
    varies = any((d.a, d.b) != (first.a, first.b) for d in differences)
    return AttributeDifference(first.attribute, first.a, first.b, len(differences), varies)


def _compare_pixels(sides: tuple[Comparand, Comparand], matching: Matching) -> PixelDifference:
    total = PixelDifference()
    for i, j in matching.pairs:
        try:
            a, b = sides[0].values(i), sides[1].values(j)
        except SlicewiseError as error:
            return attrs.evolve(total, problem=str(error))
        if a is None and b is None:
            continue
        if a is None or b is None:
            return attrs.evolve(total, problem=f"slice {i} has pixels in {'B' if a is None else 'A'} only")
        if a.shape != b.shape:
            sizes = " and ".join(" x ".join(map(str, s)) for s in (a.shape, b.shape))
            return attrs.evolve(total, problem=f"slice {i} has {sizes} values (rows x columns)")
        total = _add(total, i, a, b)
    return total


def _add(total: PixelDifference, index: int, a: np.ndarray[Any, Any], b: np.ndarray[Any, Any]) -> PixelDifference:
    counted = attrs.evolve(total, compared=total.compared + 1, voxels=total.voxels + a.size)
    differ = (a != b) & ~((a != a) & (b != b))  # noqa: PLR0124 - only NaN differs from itself
    different = int(np.count_nonzero(differ))
    if not different:
        return counted
    counted = attrs.evolve(counted, different=total.different + different)
    apart = np.where(differ, np.abs(a.astype(np.float64) - b.astype(np.float64)), 0)
    worst = int(np.argmax(apart))
    largest = float(apart.flat[worst])
    if total.place is not None and not largest > total.largest:
        return counted
    row, column = np.unravel_index(worst, apart.shape)[:2]
    return attrs.evolve(counted, largest=largest, place=(index, int(row), int(column)))
