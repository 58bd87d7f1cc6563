"""All volumes of a series: echoes, times, b-values, orientations, each a node."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, overload

import attrs

from slicewise.errors import ParameterError
from slicewise.image.geometry import REGULAR_TOLERANCE
from slicewise.io.listing import PathLike
from slicewise.io.partition import Part
from slicewise.io.series_reader import SeriesReader
from slicewise.io.volume_coordinates import stack_coordinates
from slicewise.pipeline.stack import Stack

__all__ = ["Volumes", "read_volumes"]


@attrs.frozen(eq=False, repr=False)
class Volumes(Sequence[SeriesReader]):
    """The volumes of a series, each a reader: ``volumes[2]``, ``volumes["EchoTime 4.92"]``.

    Parameters
    ----------
    readers : tuple of SeriesReader
        One for each volume.
    parts : tuple of Part
        What separates them.
    """

    readers: tuple[SeriesReader, ...]
    parts: tuple[Part, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """What tells each volume from the others, e.g. ``EchoTime 4.92``; empty if there is only one."""
        return tuple(part.name for part in self.parts)

    @property
    def labels(self) -> tuple[Mapping[str, Any], ...]:
        """For each volume the attributes that separate it, with their values."""
        return tuple(part.labels for part in self.parts)

    @property
    def axis(self) -> tuple[str, ...]:
        """The dimensions along which the volumes differ, e.g. ``("b-value", "direction")``."""
        return tuple(dict.fromkeys(axis for part in self.parts for axis in part.axis))

    @property
    def stacked(self) -> Stack:
        """All volumes as one image with a fourth axis, where they are on one grid.

        The axis is the attribute that separates them, with its values as coordinates; volumes that only the time
        tells apart are stacked along ``time``, in seconds from the first where the clock says so.

        Raises
        ------
        SpaceMismatchError
            If the volumes are not on one grid, such as several orientations.
        """
        axis, coordinates, unit = stack_coordinates(self.readers[0].opened.headers, self.parts)
        return Stack(self.readers, axis=axis, coordinates=coordinates, unit=unit)

    def __len__(self) -> int:
        return len(self.readers)

    @overload
    def __getitem__(self, key: int | str) -> SeriesReader: ...
    @overload
    def __getitem__(self, key: slice) -> Volumes: ...
    def __getitem__(self, key: int | str | slice) -> SeriesReader | Volumes:
        """Return a volume by number or name, or some of them.

        Raises
        ------
        ParameterError
            If there is no volume of that name; the message lists those there are.
        """
        if isinstance(key, slice):
            return Volumes(self.readers[key], self.parts[key])
        if not isinstance(key, str):
            return self.readers[key]
        if self.names.count(key) != 1:
            raise ParameterError(f"there is no volume {key!r}; there are {', '.join(map(repr, self.names))}")
        return self.readers[self.names.index(key)]

    @property
    def rows(self) -> tuple[tuple[int, str, int, str], ...]:
        """Number, name, slices and columns x rows of each volume."""
        return tuple(
            (k, part.name or "the only volume", len(part.indices), self._size(k)) for k, part in enumerate(self.parts)
        )

    def __repr__(self) -> str:
        lines = [f"{k}: {name}, {_count(slices, 'slice')} of {size}" for k, name, slices, size in self.rows]
        return "\n".join([f"{_count(len(self), 'volume')} of a series", *lines])

    def _size(self, k: int) -> str:
        headers, first = self.readers[k].opened.headers, self.parts[k].indices[0]
        return " x ".join(str(headers[first].get(keyword, "?")) for keyword in ("Columns", "Rows"))


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def read_volumes(
    path: PathLike | Sequence[PathLike],
    *,
    series: str | int | None = None,
    where: Mapping[str, Any] | None = None,
    on_gap: str = "error",
    on_duplicate: str = "error",
    tolerance: float = REGULAR_TOLERANCE,
    on_no_plane: str = "error",
    values: str = "modality",
    mapping: str | None = None,
) -> Volumes:
    """Return all volumes of a DICOM series: echoes, phases, times, b-values, image types, orientations.

    They are found from what varies between images at the same place, see ``Volumes.labels``; a series
    without such is one volume. Headers are read once, pixels when a volume is updated.

    Parameters
    ----------
    path, series, where, on_gap, on_duplicate, tolerance, on_no_plane, values, mapping
        As for ``SeriesReader``.

    Raises
    ------
    ReadError
        If a file is missing or broken.
    SeriesError
        If there are several series and none is chosen.

    Examples
    --------
    >>> volumes = read_volumes("study/fmri")  # doctest: +SKIP
    >>> len(volumes), volumes.axis  # doctest: +SKIP
    (10, ('time',))
    """
    first = SeriesReader(
        path,
        series=series,
        where=where,
        on_gap=on_gap,
        on_duplicate=on_duplicate,
        tolerance=tolerance,
        on_no_plane=on_no_plane,
        values=values,
        mapping=mapping,
    )
    opened = first.opened
    if len(opened.parts) == 1:
        return Volumes((first,), opened.parts)
    readers = tuple(first.of_volume(k) for k in range(len(opened.parts)))
    return Volumes(readers, opened.parts)
