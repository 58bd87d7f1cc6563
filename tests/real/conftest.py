"""Each real series is read, changed and written once; the tests look at what came of it."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from cases import BY_NAME, CASES, WAYS, Case, Result, Way

import slicewise as sw
from witnesses import datasets, dicom_files, position

_WAYS = {way.name: way for way in WAYS}


def _pairs() -> list[str]:
    return [
        f"{case.name}-{way.name}"
        for case in CASES
        for way in WAYS
        if case.even or way.name != "resample"  # slices at uneven distances are no box to interpolate in
    ]


@pytest.fixture(scope="session")
def source_of(data: Callable[[str], Path]) -> Callable[[Case], tuple[Path, ...]]:
    """Give the files of a case in slice order, found and ordered by pydicom alone."""
    known: dict[str, tuple[Path, ...]] = {}

    def files(case: Case) -> tuple[Path, ...]:
        if case.name not in known:
            paths = dicom_files(data(case.folder))
            known[case.name] = tuple(Path(ds.filename) for ds in datasets(paths, pixels=False))
        return known[case.name]

    return files


@pytest.fixture(scope="session")
def make(
    source_of: Callable[[Case], tuple[Path, ...]], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[Case, Way], Result]:
    """Give what came of a case and a way; it is made when first asked for."""
    known: dict[tuple[str, str], Result] = {}

    def result(case: Case, way: Way) -> Result:
        key = (case.name, way.name)
        if key not in known:
            source = source_of(case)
            files = sorted(source, key=lambda path: zlib.crc32(path.name.encode()))  # in no order
            node = way.node(sw.SeriesReader(files, **case.reader))
            folder = tmp_path_factory.mktemp("written") / "derived"
            written = (node >> sw.SeriesWriter(folder)).update(progress=False)
            known[key] = Result(case, way, source, node, written)
        return known[key]

    return result


@pytest.fixture(params=_pairs(), scope="session")
def result(request: pytest.FixtureRequest, make: Callable[[Case, Way], Result]) -> Result:
    """Give each case in each way."""
    name, _, way = request.param.rpartition("-")
    return make(BY_NAME[name], _WAYS[way])


@pytest.fixture(params=[case.name for case in CASES], scope="session")
def case(request: pytest.FixtureRequest) -> Case:
    """Give each case."""
    return BY_NAME[request.param]


@pytest.fixture(scope="session")
def positions_of() -> Callable[[Path], object]:
    """Give where a file says its first voxel is."""
    return lambda path: position(datasets([path], pixels=False)[0])
