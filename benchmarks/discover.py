"""How long it takes to find out which series are in a folder of many small files.

    python benchmarks/discover.py [--files N] [--rounds N] [--like FOLDER] [--json FILE]

Each measurement is a process of its own; the contenders take turns, several rounds long, and the medians
count. See README.md beside this file.
"""

from __future__ import annotations

import argparse
import gc
import io
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pydicom

SERIES = ((40, 3, "Topogram"), (60, 4, "Thorax 5.0 Br40"), (100, 5, "Lung 2.0 Br60"))
"""Slices, number and description of the series that are copied."""
PLAIN = [
    "SpecificCharacterSet",
    "ImageType",
    "SOPClassUID",
    "SOPInstanceUID",
    "StudyDate",
    "SeriesDate",
    "AcquisitionDate",
    "ContentDate",
    "StudyTime",
    "SeriesTime",
    "AcquisitionTime",
    "ContentTime",
    "AccessionNumber",
    "Modality",
    "Manufacturer",
    "ReferringPhysicianName",
    "StudyDescription",
    "SeriesDescription",
    "ManufacturerModelName",
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "SliceThickness",
    "KVP",
    "ConvolutionKernel",
    "PatientPosition",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "StudyID",
    "SeriesNumber",
    "AcquisitionNumber",
    "InstanceNumber",
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "FrameOfReferenceUID",
    "PositionReferenceIndicator",
    "SliceLocation",
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "Rows",
    "Columns",
    "PixelSpacing",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
    "WindowCenter",
    "WindowWidth",
    "RescaleIntercept",
    "RescaleSlope",
    "PixelData",
]
"""Attributes of the smaller headers."""
GROUPING = ["PatientID", "StudyInstanceUID", "SeriesInstanceUID", "Modality", "SeriesNumber", "SeriesDescription"]


def templates(folder: Path, *, is_full: bool) -> list[list[bytes]]:
    """Return the files of the series that are copied."""
    from slicewise.io import phantom

    made = []
    for slices, number, description in SERIES:
        paths = phantom.ct_series(
            folder / description, slices=slices, size=(64, 64), series_number=number, series_description=description
        )
        made.append([shrunk(path, is_full=is_full) for path in paths])
    return made


def templates_like(folder: Path) -> list[list[bytes]]:
    """Return the files of the series in a folder, in the order of their names."""
    series: dict[str, list[bytes]] = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        try:
            uid = str(pydicom.dcmread(path, specific_tags=["SeriesInstanceUID"]).SeriesInstanceUID)
        except pydicom.errors.InvalidDicomError:
            continue
        series.setdefault(uid, []).append(path.read_bytes())
    return list(series.values())


def shrunk(path: Path, *, is_full: bool) -> bytes:
    """Return a file, with all its attributes or those of ``PLAIN``."""
    dataset = pydicom.dcmread(path)
    if not is_full:
        for element in list(dataset):
            if element.keyword not in PLAIN:
                del dataset[element.tag]
    written = io.BytesIO()
    dataset.save_as(written, enforce_file_format=True)
    return written.getvalue()


def new_uid(numbers: random.Random, length: int) -> bytes:
    """Return a UID of a length."""
    digits = length - len("2.25.")
    return f"2.25.{numbers.randrange(10 ** (digits - 1), 10**digits)}".encode("ascii")


def make(folder: Path, flat: Path, files: int, *, is_full: bool, like: Path | None = None) -> int:
    """Write copies of the series with new UIDs, by patient and series; in ``flat`` all of them as links."""
    numbers = random.Random(1)  # noqa: S311 - no secrets
    with tempfile.TemporaryDirectory() as place:
        sources = templates_like(like) if like else templates(Path(place), is_full=is_full)
    flat.mkdir(parents=True)
    written = series = 0
    while written < files:
        slices = sources[series % len(sources)]
        uids: dict[bytes, bytes] = {}
        target = folder / f"patient{series // 9:04d}" / f"series{series:05d}"
        target.mkdir(parents=True)
        for k, data in enumerate(slices[: files - written]):
            path = target / f"{k:04d}.dcm"
            path.write_bytes(renamed(data, uids, numbers, series))
            os.link(path, flat / f"{series:05d}-{k:04d}.dcm")
            written += 1
        series += 1
    return series


def renamed(data: bytes, uids: dict[bytes, bytes], numbers: random.Random, series: int) -> bytes:
    """Return a file with new UIDs, and with a patient for every ninth series."""
    header = pydicom.dcmread(io.BytesIO(data), specific_tags=["SOPInstanceUID", "SeriesInstanceUID", "PatientID"])
    old = [str(header.SOPInstanceUID).encode("ascii"), str(header.SeriesInstanceUID).encode("ascii")]
    for uid in old:
        new = uids.setdefault(uid, new_uid(numbers, len(uid)))
        data = data.replace(uid, new)
    name = str(header.PatientID).encode("ascii")
    return data.replace(name, f"P{series // 9:0{len(name) - 1}d}".encode("ascii"))


# --- the contenders: each returns how many series there are --------------------------------------


def floor(place: Path) -> Callable[[], int]:
    """List the folder and read the first 16 kB of each file."""

    def run() -> int:
        for name in names(place / "tree"):
            descriptor = os.open(name, os.O_RDONLY)
            os.pread(descriptor, 16384, 0)
            os.close(descriptor)
        return 0

    return run


def slicewise(place: Path) -> Callable[[], int]:
    """Discover without an index."""
    from slicewise.io.discover import discover

    return lambda: len(discover(place / "tree", progress=False))


def slicewise_volumes(place: Path) -> Callable[[], int]:
    """Discover, and look at the volumes of every series."""
    from slicewise.io.discover import discover

    def run() -> int:
        found = discover(place / "tree", progress=False)
        return len(found) if found.volumes else 0

    return run


def slicewise_flat(place: Path) -> Callable[[], int]:
    """Discover without an index, all files in one folder."""
    from slicewise.io.discover import discover

    return lambda: len(discover(place / "flat", progress=False))


def slicewise_first(place: Path) -> Callable[[], int]:
    """Discover and write an index."""
    from slicewise.io.discover import discover

    (place / "index").unlink(missing_ok=True)
    return lambda: len(discover(place / "tree", progress=False, index=place / "index"))


def slicewise_again(place: Path) -> Callable[[], int]:
    """Discover with the index of the run before."""
    from slicewise.io.discover import discover

    return lambda: len(discover(place / "tree", progress=False, index=place / "index"))


def simpleitk(place: Path) -> Callable[[], int]:
    """Ask GDCM for the series of each folder: it does not look into subfolders."""
    import SimpleITK as sitk

    def run() -> int:
        folders = (folder for folder, _, files in os.walk(place / "tree") if files)
        return sum(len(sitk.ImageSeriesReader.GetGDCMSeriesIDs(folder)) for folder in folders)

    return run


def simpleitk_flat(place: Path) -> Callable[[], int]:
    """Ask GDCM for the series of one folder with all files."""
    import SimpleITK as sitk

    return lambda: len(sitk.ImageSeriesReader.GetGDCMSeriesIDs(str(place / "flat")))


def pydicom_loop(place: Path) -> Callable[[], int]:
    """Read all headers, and group by what they say."""
    return lambda: grouped(place / "tree")


def pydicom_tags(place: Path) -> Callable[[], int]:
    """Read the attributes to group by alone."""
    return lambda: grouped(place / "tree", specific_tags=GROUPING)


def grouped(folder: Path, **options: Any) -> int:
    """Return the number of series."""
    series: dict[tuple[Any, ...], list[str]] = {}
    for name in names(folder):
        dataset = pydicom.dcmread(name, stop_before_pixels=True, **options)
        series.setdefault(tuple(dataset.get(keyword) for keyword in GROUPING), []).append(name)
    return len(series)


def names(folder: Path) -> Iterator[str]:
    """Return all files below a folder."""
    for place, _, files in os.walk(folder):
        for name in files:
            yield os.path.join(place, name)  # noqa: PTH118 - the least there is to do


CONTENDERS = {
    "floor": floor,
    "slicewise": slicewise,
    "slicewise, volumes": slicewise_volumes,
    "slicewise, flat": slicewise_flat,
    "slicewise, making an index": slicewise_first,
    "slicewise, with the index": slicewise_again,
    "SimpleITK, by folder": simpleitk,
    "SimpleITK, flat": simpleitk_flat,
    "pydicom": pydicom_loop,
    "pydicom, specific_tags": pydicom_tags,
}


def contend(name: str, place: str) -> None:
    """Do one task in this process and print what it took."""
    run = CONTENDERS[name](Path(place))
    gc.collect()
    start, busy = time.perf_counter(), time.process_time()
    series = run()
    seconds, cpu = time.perf_counter() - start, time.process_time() - busy
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "cpu": cpu, "series": series, "peak": peak}))


def measure(name: str, place: Path) -> dict[str, Any]:
    """Let a contender run in a process of its own and return what it reports."""
    command = [sys.executable, __file__, "--contend", name, str(place)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def compare(files: int, rounds: int, *, is_full: bool, like: Path | None) -> dict[str, list[dict[str, Any]]]:
    """Return every measurement by contender, in the order of the rounds."""
    with tempfile.TemporaryDirectory(prefix="slicewise-benchmark-") as scratch:
        place = Path(scratch)
        series = make(place / "tree", place / "flat", files, is_full=is_full, like=like)
        time.sleep(3)  # files of a moment ago are not kept in an index
        runs: dict[str, list[dict[str, Any]]] = {}
        measure("floor", place)  # warms the cache of the files
        for number in range(rounds):
            print(f"round {number + 1} of {rounds}", file=sys.stderr)
            for name in CONTENDERS:
                report = measure(name, place)
                if name != "floor" and report["series"] != series:
                    raise SystemExit(f"{name} found {report['series']} series of {series}")
                runs.setdefault(name, []).append(report)
        first = next(path for path in (place / "tree").rglob("*.dcm"))
        elements = len(pydicom.dcmread(first))
        print(
            f"\n{files} files of {first.stat().st_size} bytes in {series} series, {elements} elements each, cache warm"
        )
    return runs


def show(runs: dict[str, list[dict[str, Any]]], files: int) -> None:
    """Print the medians."""

    def median(name: str, what: str) -> float:
        return float(statistics.median(one[what] for one in runs[name]))

    others = [name for name in runs if name.startswith(("SimpleITK", "pydicom"))]
    best = {what: min(median(name, what) for name in others) for what in ("seconds", "cpu")}
    print(
        f"  {'':28}{'seconds':>9}{'(range)':>18}{'faster':>9}{'CPU s':>9}{'faster':>9}{'µs a file':>11}{'peak MB':>9}"
    )
    for name, reports in runs.items():
        times = [one["seconds"] for one in reports]
        seconds, cpu = median(name, "seconds"), median(name, "cpu")
        line = f"  {name:28}{seconds:9.3f}{f'({min(times):.3f}-{max(times):.3f})':>18}{best['seconds'] / seconds:8.2f}×"
        print(f"{line}{cpu:9.3f}{best['cpu'] / cpu:8.2f}×{cpu / files * 1e6:11.1f}{median(name, 'peak'):9.0f}")
    print("  faster: than the fastest of SimpleITK and pydicom; µs of CPU")


def main() -> None:
    """Measure and tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--like", type=Path, help="copy the series of this folder instead of a phantom's")
    parser.add_argument("--json", type=Path, help="also write every measurement to this file")
    parser.add_argument("--contend", nargs=2, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.contend:
        contend(*asked.contend)
        return
    measured = {}
    for is_full in (True,) if asked.like else (False, True):
        runs = compare(asked.files, asked.rounds, is_full=is_full, like=asked.like)
        show(runs, asked.files)
        measured["full" if is_full else "plain"] = runs
    if asked.json:
        asked.json.write_text(json.dumps(measured, indent=1))


if __name__ == "__main__":
    main()
