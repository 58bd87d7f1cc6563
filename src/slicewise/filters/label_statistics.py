"""What lies in the segments of a label map: volumes, and the values of an image there."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, overload

import attrs
import numpy as np

from slicewise.errors import ParameterError, SpaceMismatchError
from slicewise.filters.label_measures import LabelMeasures
from slicewise.image import ImageInfo, Operation, check_same_space
from slicewise.image.extras import optional_module
from slicewise.pipeline.effect import Effect
from slicewise.pipeline.node import Array, Block, Node, Outline, Slab, as_node, input_node, node
from slicewise.pipeline.run import Runner, RunOptions, Sink

if TYPE_CHECKING:
    import pandas as pd

    from slicewise.image import Image
    from slicewise.pipeline.progress import Show

__all__ = ["LabelTable", "label_statistics"]

Row = Mapping[str, Any]


@attrs.frozen(eq=False, repr=False)
class LabelTable(Sequence[Row]):
    """What was measured: a mapping for each label, in ascending order.

    Each has ``label``, ``name``, ``voxels``, ``volume`` in millilitres, and of the values of the image ``unit``,
    ``mean``, ``std``, ``min``, ``max`` and the percentiles, such as ``p50``.

    Parameters
    ----------
    rows : tuple of mapping
        The rows.
    """

    rows: tuple[Row, ...]

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Row]: ...
    def __getitem__(self, index: int | slice) -> Row | Sequence[Row]:
        return self.rows[index]

    def __len__(self) -> int:
        return len(self.rows)

    def of(self, key: int | str) -> Row:
        """Return the row of a label, by its number or name.

        Raises
        ------
        ParameterError
            If there is none, or there are several.
        """
        found = [row for row in self.rows if key == row["name" if isinstance(key, str) else "label"]]
        if len(found) != 1:
            there = ", ".join(f"{row['label']}: {row['name']!r}" for row in self.rows)
            raise ParameterError(f"there {'is no label' if not found else 'are several labels'} {key!r}: {there}")
        return found[0]

    def table(self) -> pd.DataFrame:
        """Return a pandas table, a row for each label.

        Raises
        ------
        MissingExtraError
            If pandas is not installed.
        """
        pandas = optional_module("pandas", "jupyter", "statistics.table()")
        return pandas.DataFrame([dict(row) for row in self.rows]).set_index("label")

    @property
    def texts(self) -> Iterator[tuple[str, ...]]:
        """The titles, and then each row, as they are shown."""
        if self.rows:
            yield tuple(self.rows[0])
        for row in self.rows:
            yield tuple(_shown(value) for value in row.values())

    def __repr__(self) -> str:
        lines = list(self.texts)
        widths = [max(len(line[c]) for line in lines) for c in range(len(lines[0]))] if lines else []
        shown = ["  ".join(text.rjust(width) for text, width in zip(line, widths, strict=True)) for line in lines]
        return "\n".join(shown or ["no labels"])


def _shown(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.5g}" if isinstance(value, float) else str(value)


def label_statistics(
    image: Node | Image,
    labels: Node | Image,
    names: Any = None,
    *,
    percentiles: Sequence[float] = (5, 50, 95),
    memory: int | str | None = None,
    workers: int | None = None,
    progress: bool | Show | None = None,
) -> LabelTable:
    """Measure the values of an image in each segment of a label map.

    Both are read slab by slab in one pass, and neither is held. Percentiles are exact (linear between values); for
    them, counts of values are held for images of at most 16 bits, and of others the values in segments.

    Parameters
    ----------
    image : Node or Image
        The image, of one value per pixel: in HU, SUV or whatever its values are.
    labels : Node or Image
        Labels on the same grid, 0 where there is none. A mask is label 1; masks as components, such as overlapping
        segments, are labels counted from 1, or those of their segments.
    names : optional
        Names of the labels: a mapping, segments (such as ``reader.segments``), or a ``SegmentTemplate``. Those of
        a ``SegmentationReader`` or ``ContourReader`` if not given.
    percentiles : sequence of float
        From 0 to 100; none for none.
    memory, workers, progress
        See ``Node.update``.

    Returns
    -------
    LabelTable
        A row for each label that is there, and for each that has a name. The standard deviation is that of a sample
        (by n - 1), 0 for one voxel. Volumes are voxels times their size; None where that is not known.

    Raises
    ------
    SpaceMismatchError
        If grids or frames of reference differ.
    PatientMismatchError
        If patients differ.
    IrregularGeometryError
        If slices are not evenly spaced, so that voxels have no one size.
    ParameterError
        If labels are no integers, or the image has several values per pixel.

    Examples
    --------
    >>> import numpy as np
    >>> from slicewise import Image, label_statistics
    >>> image = Image.from_array(np.array([[[1, 2, 3, 9]]], np.int16))
    >>> labels = Image.from_array(np.array([[[0, 1, 1, 2]]], np.uint8))
    >>> label_statistics(image, labels, {1: "A", 2: "B"}, percentiles=[50], progress=False)
    label  name  voxels  volume  unit  mean      std  min  max  p50
        1     A       2   0.002         2.5  0.70711    2    3  2.5
        2     B       1   0.001           9        0    9    9    9
    """
    asked = tuple(float(p) for p in percentiles)
    if not all(0 <= p <= 100 for p in asked):
        raise ParameterError(f"'percentiles' must be from 0 to 100 (got {list(percentiles)})")
    source = as_node(labels)
    pair = _Pair(image=as_node(image), labels=source)
    pair.check()
    known = _names(names if names is not None else source)
    runner = Runner(RunOptions(memory=memory, workers=workers, progress=progress))
    measures: LabelMeasures = _Measuring(input=pair, keeps_values=bool(asked)).execute(runner)
    voxel = _voxel_millilitres(pair.info)
    unit = _unit_of(pair.inputs["image"].info)
    numbers = _component_labels(source) or {}
    rows = []
    found = {numbers.get(label, label): label for label in measures.labels}
    for label in sorted({*found, *known}):
        measured = measures.of(found.get(label, -1), asked)
        volume = None if voxel is None else measured["voxels"] * voxel
        row = {"label": label, "name": known.get(label, ""), "voxels": measured.pop("voxels"), "volume": volume}
        rows.append(MappingProxyType({**row, "unit": unit, **measured}))
    return LabelTable(tuple(rows))


@node
class _Pair(Node):
    """Values of an image and labels side by side."""

    image: Node | None = input_node(default=None, kw_only=True)
    labels: Node | None = input_node(default=None, kw_only=True)

    @property
    def effect(self) -> Effect:
        """Several inputs made one."""
        return Effect(Operation.MULTI, keeps_units=False)

    def outline(self, *inputs: ImageInfo) -> Outline:
        """Return the grid that both share."""
        image, labels = inputs
        check_same_space(image.geometry, labels.geometry, ("the image", "the labels"))
        frames = [{str(uid) for uid in info.headers["FrameOfReferenceUID"] if uid} for info in inputs]
        if all(frames) and not frames[0] & frames[1]:
            raise SpaceMismatchError(
                f"image and labels are in different frames of reference (FrameOfReferenceUID {min(frames[0])} and "
                f"{min(frames[1])}): nothing says how they lie to each other"
            )
        if image.components != 1:
            raise ParameterError(f"the image must have one value per pixel (got {image.components})")
        wanted = "b" if labels.components > 1 else "bui"
        if labels.dtype.kind not in wanted:
            several = f" as {labels.components} components" if labels.components > 1 else ""
            raise ParameterError(f"labels must be integers, or masks (got {labels.dtype}{several})")
        parts = [("value", image.dtype), ("label", labels.dtype, labels.slice_shape[2:])]
        return attrs.evolve(Outline.like(*inputs), dtype=np.dtype(parts), components=1)

    def compute(self, slab: Slab, *blocks: Block) -> Array:
        """Return both."""
        image, labels = (block.inner(slab) for block in blocks)
        both = np.empty(image.shape, self.info.dtype)
        both["value"], both["label"] = image, labels
        return both


@node
class _Measuring(Sink):
    """What is measured of a pair."""

    keeps_values: bool = attrs.field(default=True, kw_only=True)

    @property
    def effect(self) -> Effect:
        """Nothing is made."""
        return Effect(())

    def execute(self, runner: Runner) -> LabelMeasures:
        """Look at all slabs."""
        measures = LabelMeasures(keeps_values=self.keeps_values)
        lock = threading.Lock()

        def look(slab: Slab, both: Array) -> None:
            for k, plane in zip(slab, both, strict=True):
                found = list(_present(plane["value"].reshape(-1), plane["label"]))
                with lock:
                    for label, values in found:
                        measures.add(k, label, values)

        runner.stream(self.inputs["input"], look, "labels")
        return measures


def _present(values: Array, labels: Array) -> Iterator[tuple[int, Array]]:
    """Iterate over the labels of a slice, each with the values there."""
    if labels.ndim > 2:
        for c in range(labels.shape[-1]):
            inside = values[labels[..., c].reshape(-1)]
            if inside.size:
                yield c + 1, inside
        return
    flat = labels.reshape(-1)
    at = np.flatnonzero(flat)
    if not at.size:
        return
    order = np.argsort(flat[at], kind="stable")
    at = at[order]
    there, starts = np.unique(flat[at], return_index=True)
    for label, inside in zip(there.tolist(), np.split(values[at], starts[1:]), strict=True):
        yield int(label), inside


def _voxel_millilitres(info: ImageInfo) -> float | None:
    if not info.geometry.is_in_patient:
        return None
    return math.prod(info.geometry.spacing) / 1000


def _unit_of(info: ImageInfo) -> str:
    """Return the unit of the values as headers state it; empty if they do not."""
    units, suv, rescale = (str(info.headers[k][0] or "") for k in ("Units", "SUVType", "RescaleType"))
    if units:
        return f"SUV{suv.lower()}" if units == "GML" and suv else units
    keeps_units = all(step.keeps_units for step in info.history)
    return rescale or ("HU" if info.headers["Modality"][0] == "CT" and keeps_units else "")


def _names(value: Any) -> dict[int, str]:
    """Return names of labels, of whatever knows them."""
    if isinstance(value, Mapping):
        return {int(label): name if isinstance(name, str) else str(name.label) for label, name in value.items()}
    if hasattr(value, "merged"):
        return {label: segment.label for label, segment in value.merged.items()}
    if hasattr(value, "segments"):
        return _names(value.segments)
    if hasattr(value, "regions"):
        return {region.label: region.name for region in value.regions if region.contours}
    if isinstance(value, Sequence):
        return {_label_of(segment): segment.label for segment in value}
    return {}


def _label_of(segment: Any) -> int:
    return int(segment.number if segment.value is None else segment.value)


def _component_labels(labels: Node) -> dict[int, int] | None:
    """Return which label a component stands for, counted from 1."""
    if labels.info.components == 1 and labels.info.dtype.kind != "b":
        return None
    if hasattr(labels, "shown_labels"):
        return {c + 1: label for c, label in enumerate(labels.shown_labels)}
    return None
