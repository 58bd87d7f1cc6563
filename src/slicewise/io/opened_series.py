"""The frames and headers of a series on disk, before they are put in order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import attrs

from slicewise.errors import ParameterError, SeriesError
from slicewise.image import Headers
from slicewise.io.concatenations import check_concatenations
from slicewise.io.frames import Frame, frames_of
from slicewise.io.header_files import read_headers
from slicewise.io.listing import PathLike, list_files
from slicewise.io.partition import Part, partition
from slicewise.io.selection import choose_series, choose_where

__all__ = ["OpenedSeries", "check_not_tiled", "open_series"]


@attrs.frozen(eq=False, slots=False)
class OpenedSeries:
    """The frames of a series, in the order of the files, each with its header.

    Parameters
    ----------
    where : str
        Where they are, for messages.
    frames : tuple of Frame
        The frames.
    headers : Headers
        One for each.
    """

    where: str
    frames: tuple[Frame, ...]
    headers: Headers

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """The volumes that they make."""
        return partition(self.headers)

    def take(self, indices: Sequence[int]) -> OpenedSeries:
        """Return some of the frames."""
        if len(indices) == len(self.frames):
            return self
        return OpenedSeries(self.where, tuple(self.frames[k] for k in indices), self.headers.take(indices))

    def volume(self, chosen: int | str) -> OpenedSeries:
        """Return the frames of one volume.

        Raises
        ------
        ParameterError
            If there is no volume of that number or name; the message lists those there are.
        """
        names = [part.name for part in self.parts]
        if isinstance(chosen, str) and names.count(chosen) == 1:
            return self.take(self.parts[names.index(chosen)].indices)
        if isinstance(chosen, int) and -len(names) <= chosen < len(names):
            return self.take(self.parts[chosen].indices)
        raise ParameterError(
            f"'volume' must be a number from 0 to {len(names) - 1} or a name (got {chosen!r}): {self.where} holds\n"
            f"{listing(self.parts)}"
        )


def check_not_tiled(opened: OpenedSeries) -> None:
    """Raise if frames are tiles of a plane, as of whole-slide images (PS3.3, C.8.12.4).

    Raises
    ------
    SeriesError
        With the size of the plane.
    """
    sizes = [opened.headers[keyword] for keyword in ("TotalPixelMatrixColumns", "TotalPixelMatrixRows")]
    tiled = [k for k in range(len(opened.frames)) if sizes[0][k] is not None]
    if tiled:
        raise SeriesError(
            f"{opened.frames[tiled[0]].file.path}: the frames are tiles of one plane of {sizes[0][tiled[0]]} x "
            f"{sizes[1][tiled[0]]} pixels, as of a whole slide, and no slices of a volume; such images are not read"
        )


def listing(parts: Sequence[Part]) -> str:
    """Return the volumes as lines of text: number, name, slices."""
    counts = [f"{len(part.indices)} slice{'s' if len(part.indices) > 1 else ''}" for part in parts]
    lines = [
        f"  {k}: {part.name or 'all'} ({count})" for k, (part, count) in enumerate(zip(parts, counts, strict=True))
    ]
    return "\n".join(lines if len(lines) <= 12 else [*lines[:11], f"  ... {len(lines) - 11} more"])


def open_series(
    path: PathLike | Sequence[PathLike],
    series: str | int | None,
    where: Mapping[str, Any] | None,
    *,
    keeps_gaps: bool = False,
) -> OpenedSeries:
    """Read the headers of the files and return the frames of one series.

    Parameters
    ----------
    path, series, where
        As for ``SeriesReader``.
    keeps_gaps : bool
        Whether parts of a concatenation may be missing.

    Raises
    ------
    ReadError
        If a file is missing or broken.
    SeriesError
        If there is no series, or there are several and none is chosen.
    """
    is_list = not isinstance(path, str)
    files = list_files(path)
    found = read_headers(files, strict=True)
    name = f"{len(files)} files" if is_list else str(path)
    chosen = choose_series(found, series, name)
    check_concatenations(chosen, may_lack_parts=keeps_gaps)
    frames, headers = frames_of(chosen)
    return OpenedSeries(name, tuple(frames), headers).take(choose_where(headers, where or {}))
