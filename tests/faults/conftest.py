"""Phantoms to be broken, and a watch on sources: whatever goes wrong, they stay as they were."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pydicom
import pytest

import slicewise as sw
from slicewise.io import phantom


def digests(folder: Path) -> dict[str, str]:
    """Return a digest of every file below a folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="session")
def sound_series(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ...]:
    """Give the files of a phantom, from the feet to the head; not to be touched."""
    folder = tmp_path_factory.mktemp("sound") / "ct"
    return phantom.ct_series(folder, slices=8, size=(40, 32))


@pytest.fixture
def files(sound_series: tuple[Path, ...], tmp_path: Path) -> tuple[Path, ...]:
    """Give the files of a copy that a test may break."""
    folder = tmp_path / "broken"
    shutil.copytree(sound_series[0].parent, folder)
    return tuple(folder / path.name for path in sound_series)


@pytest.fixture
def source(sound_series: tuple[Path, ...], tmp_path: Path) -> Iterator[Path]:
    """Give a folder with a series that must be the same at the end of the test."""
    folder = tmp_path / "source"
    shutil.copytree(sound_series[0].parent, folder)
    before = digests(folder)
    yield folder
    assert digests(folder) == before


@pytest.fixture
def reader(source: Path) -> sw.SeriesReader:
    """Give a reader of that folder."""
    return sw.SeriesReader(source)


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """Give a place to write to, in a folder with nothing else."""
    place = tmp_path / "results"
    place.mkdir()
    return place / "derived"


@pytest.fixture
def write(reader: sw.SeriesReader, target: Path) -> Callable[..., object]:
    """Give a function that writes the series as it is, with options for the writer."""
    return lambda **options: (reader >> sw.SeriesWriter(target, **options)).update(progress=False)


@pytest.fixture
def is_whole() -> Callable[[Path], bool]:
    """Give a function that says whether a folder holds a whole series of 8 slices, each of them sound."""

    def check(folder: Path) -> bool:
        found = [pydicom.dcmread(path) for path in folder.iterdir()]
        series = {ds.SeriesInstanceUID for ds in found}
        return len(found) == 8 and len(series) == 1 and all(ds.pixel_array.shape == (32, 40) for ds in found)

    return check


def leftovers(target: Path) -> list[str]:
    """Return what lies beside a target and is not the target."""
    return sorted(path.name for path in target.parent.iterdir() if path != target)


@pytest.fixture
def nothing_left(target: Path) -> Callable[[], bool]:
    """Give a function that says whether there is neither a result nor anything left of it."""
    return lambda: not target.exists() and leftovers(target) == []


@pytest.fixture
def beside(target: Path) -> Callable[[], list[str]]:
    """Give a function that returns what lies beside the target."""
    return lambda: leftovers(target)
