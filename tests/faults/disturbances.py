"""What goes wrong at a moment of choice, on the way of an image to every kind of file."""

from __future__ import annotations

import os
import random
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np
from small_nodes import Calling

import slicewise as sw


class Moments:
    """Counts what happens, from any thread, and does something at one moment."""

    def __init__(self, at: int | None = None, act: Callable[[], object] | None = None) -> None:
        self.number = 0
        self.has_acted = False
        self._at = at
        self._act = act
        self._lock = threading.Lock()

    def __call__(self, *_: object) -> None:
        with self._lock:
            self.number += 1
            is_now = self.number - 1 == self._at
            self.has_acted |= is_now
        if is_now and self._act is not None:
            self._act()


def some_of(moments: int, number: int, seed: int) -> list[int]:
    """Return some moments, the first and the last always; the seed is printed where a test fails."""
    print(f"seed {seed}")  # noqa: T201
    return sorted({0, moments - 1, *random.Random(seed).sample(range(moments), min(moments, number))})  # noqa: S311


def long_way(source: Path, tell: Callable[..., object]) -> Any:
    """Return a graph that reads, holds two results whole, and makes values that have to be measured."""
    before = sw.SeriesReader(source) >> Calling(tell) >> sw.Median(radius=1)
    return (
        before
        >> sw.Function(turned, whole=True)
        >> sw.Median(radius=1)
        >> Calling(tell)
        >> sw.Function(scaled, dtype="float32")
    )


def turned(array: np.ndarray) -> np.ndarray:
    """Return the slices in the order of the other end."""
    return array[::-1]


def scaled(array: np.ndarray) -> np.ndarray:
    """Return values that fit no storage of the source."""
    return array * np.float32(1.7)


@attrs.frozen
class Way:
    """A way of writing: what is run, and what is there then.

    Parameters
    ----------
    names : tuple of str
        What is written into the folder.
    writers : callable
        Makes the writers, given the folder.
    """

    names: tuple[str, ...]
    writers: Callable[[Path], Sequence[Any]]

    def run(self, source: Path, folder: Path, tell: Callable[..., object] = lambda *_: None, **options: Any) -> None:
        """Write into a folder."""
        node = long_way(source, tell)
        nodes = [node >> writer for writer in self.writers(folder)]
        if len(nodes) == 1:
            nodes[0].update(**options)
        else:
            sw.update_all(*nodes, **options)


WAYS = {
    "series": Way(("a",), lambda folder: [sw.SeriesWriter(folder / "a", overwrite=True)]),
    "zip": Way(("a.zip",), lambda folder: [sw.SeriesWriter(folder / "a.zip", overwrite=True)]),
    "tar.gz": Way(("a.tar.gz",), lambda folder: [sw.SeriesWriter(folder / "a.tar.gz", overwrite=True)]),
    "multi-frame": Way(("a.dcm",), lambda folder: [sw.MultiFrameWriter(folder / "a.dcm")]),
    "nii.gz": Way(("a.nii.gz",), lambda folder: [sw.VolumeWriter(folder / "a.nii.gz", on_headers="drop")]),
    "nrrd": Way(("a.nrrd",), lambda folder: [sw.VolumeWriter(folder / "a.nrrd", on_headers="drop")]),
    "mha": Way(("a.mha",), lambda folder: [sw.VolumeWriter(folder / "a.mha", compress=False, on_headers="drop")]),
    "two": Way(
        ("a", "b.nrrd"),
        lambda folder: [sw.SeriesWriter(folder / "a"), sw.VolumeWriter(folder / "b.nrrd", on_headers="drop")],
    ),
}


def values_of(path: Path) -> np.ndarray:
    """Return what is in something that was written."""
    reader = sw.SeriesReader if path.is_dir() or path.name.endswith((".zip", ".tar.gz", ".dcm")) else sw.VolumeReader
    return reader(path).update(progress=False, workers=1).array


def open_files() -> int:
    """Return how many files the process has open."""
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - of this very moment
