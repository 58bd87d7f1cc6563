"""How long a segmentation takes to write, beside highdicom and the floor, and how much memory.

    python benchmarks/segmentation.py [--rounds N] [--slices N] [--size N] [--data FOLDER]

A label map of ten ellipsoids is written as a segmentation of a CT series whose headers are read already. Each
measurement is a process of its own; the contenders take turns, and medians count. Memory is the highest resident size
of the process, seen from outside, less that of one that stops before it writes.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

SEGMENTS = 10
WANTED = {"seconds": 0.6, "megabytes": 100.0}
CONTENDERS = ("floor", "slicewise", "highdicom")
TASKS = ("binary", "cropped", "labelmap")


def ellipsoids(slices: int, size: int) -> np.ndarray:
    """Return a label map of ellipsoids in the middle of the plane, two fifths to three fifths of it wide."""
    z, y, x = (np.linspace(-1, 1, n, dtype=np.float32) for n in (slices, size, size))
    labels = np.zeros((slices, size, size), np.uint8)
    for k in range(SEGMENTS):
        angle = 2 * np.pi * k / SEGMENTS
        centre = (0.6 * np.sin(3 * angle), 0.32 * np.sin(angle), 0.45 * np.cos(angle))
        squares = [((axis - c) / r) ** 2 for axis, c, r in zip((z, y, x), centre, (0.29, 0.15, 0.16), strict=True)]
        labels[squares[0][:, None, None] + squares[1][:, None] + squares[2] < 1] = k + 1
    return labels


def floor(task: str, labels: np.ndarray, _: Path, target: Path) -> Callable[[], object]:
    """Presence, bits and one write: nothing that a file could do without, and no header."""
    rows, columns = (np.flatnonzero(labels.any(axis=axes)) for axes in ((0, 2), (0, 1)))
    crop = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)

    def write() -> None:
        with target.open("wb") as file:
            for plane in labels if task != "cropped" else labels[:, *crop]:
                if task == "labelmap":
                    file.write(np.ascontiguousarray(plane).data)
                    continue
                counts = np.bincount(plane.ravel(), minlength=SEGMENTS + 1)
                for label in np.flatnonzero(counts[1:]) + 1:
                    file.write(np.packbits(plane == label, bitorder="little").data)

    return write


def slicewise(task: str, labels: np.ndarray, series: Path, target: Path) -> Callable[[], object]:
    """Write with a SegmentationWriter."""
    import slicewise as sw

    ct = sw.SeriesReader(series)
    _ = ct.info
    code = ("85756007", "SCT", "Tissue")
    segments = {k: sw.Segment(f"Segment {k}", code, code) for k in range(1, SEGMENTS + 1)}
    template = sw.SegmentTemplate(segments, algorithm_type="MANUAL")
    kind = "labelmap" if task == "labelmap" else "binary"
    writer = sw.SegmentationWriter(target, template, kind=kind, inplane_cropping=task == "cropped")
    pixels: Any = labels
    return lambda: (sw.WithPixelsFrom(ct, pixels) >> writer).update(progress=False)


def highdicom(task: str, labels: np.ndarray, series: Path, target: Path) -> Callable[[], object]:
    """Write as the documentation of highdicom has it."""
    import highdicom as hd
    import pydicom
    from pydicom.sr.codedict import codes

    sources = [pydicom.dcmread(path, stop_before_pixels=True) for path in sorted(series.iterdir())]
    sources.sort(key=lambda ds: float(ds.ImagePositionPatient[2]))
    described = [
        hd.seg.SegmentDescription(k, f"Segment {k}", codes.SCT.Tissue, codes.SCT.Tissue, "MANUAL")
        for k in range(1, SEGMENTS + 1)
    ]
    first = sources[0]
    measures = hd.PixelMeasuresSequence(first.PixelSpacing, first.SliceThickness, first.SliceThickness)

    def write() -> None:
        pixels = labels
        placed: dict[str, Any] = {}
        if task == "cropped":
            rows, columns = (np.flatnonzero(labels.any(axis=axes)) for axes in ((0, 2), (0, 1)))
            pixels = labels[:, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
            x, y = float(columns[0] * first.PixelSpacing[1]), float(rows[0] * first.PixelSpacing[0])
            corners = [
                [s.ImagePositionPatient[0] + x, s.ImagePositionPatient[1] + y, s.ImagePositionPatient[2]]
                for s in sources
            ]
            positions = [hd.PlanePositionSequence("PATIENT", image_position=corner) for corner in corners]
            placed = {"plane_positions": positions, "pixel_measures": measures}
        written = hd.seg.Segmentation(
            sources,
            pixels,
            "LABELMAP" if task == "labelmap" else "BINARY",
            described,
            series_instance_uid=hd.UID(),
            series_number=300,
            sop_instance_uid=hd.UID(),
            instance_number=1,
            manufacturer="m",
            manufacturer_model_name="m",
            software_versions="1",
            device_serial_number="1",
            **placed,
        )
        written.save_as(target)

    return write


def prepare(slices: int, size: int, labels: Path, series: Path) -> None:
    """Make the label map, and the series if it is not there."""
    np.save(labels, ellipsoids(slices, size))
    if not series.exists():
        from slicewise.io import phantom

        phantom.ct_series(series, slices=slices, size=(size, size), spacing=(0.8, 0.8, 1.0))


def measure(contender: str, task: str, labels: Path, series: Path) -> None:
    """Run one contender, and print how long it took; with an empty task, stop before it writes."""
    array = np.load(labels)
    with tempfile.TemporaryDirectory(dir=labels.parent) as folder:
        target = Path(folder, "out.dcm")
        write = globals()[contender](task or "binary", array, series, target)
        start = time.perf_counter()
        if task:
            write()
        seconds = time.perf_counter() - start
        print(json.dumps({"seconds": seconds, "size": target.stat().st_size if task else 0}))


def run(contender: str, task: str, labels: Path, series: Path) -> dict[str, Any]:
    """Run one contender in a process of its own; return its figures, with its highest resident size in MB."""
    arguments = [sys.executable, __file__, "--measure", contender, task, str(labels), str(series)]
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE)
    assert process.stdout is not None  # noqa: S101 - it is a pipe
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.stdout.close()
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{contender} failed at {task}")
    return {**json.loads(output), "peak": usage.ru_maxrss / 1024}


def main() -> None:
    """Measure all, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--slices", type=int, default=400)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--contenders", nargs="+", default=CONTENDERS)
    parser.add_argument("--tasks", nargs="+", default=TASKS)
    parser.add_argument("--data", type=Path, help="folder for the series, which is made if it is not there")
    parser.add_argument("--measure", nargs=4, help=argparse.SUPPRESS)
    parser.add_argument("--prepare", nargs=2, type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.prepare:
        prepare(options.slices, options.size, *options.prepare)
        return
    if options.measure:
        contender, task, labels, series = options.measure
        measure(contender, task, Path(labels), Path(series))
        return
    with tempfile.TemporaryDirectory(prefix="slicewise-") as folder:
        place = options.data or Path(folder, "ct")
        labels = Path(folder, "labels.npy")
        # Not in this process: those that it starts would count its memory as theirs.
        size = ["--slices", str(options.slices), "--size", str(options.size)]
        subprocess.run([sys.executable, __file__, *size, "--prepare", str(labels), str(place)], check=True)
        compare(options, labels, place)


def compare(options: argparse.Namespace, labels: Path, series: Path) -> None:
    """Let the contenders take turns, and print what came of it."""
    found: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for _ in range(options.rounds):
        for contender in options.contenders:
            for task in ("", *options.tasks):
                found.setdefault((contender, task), []).append(run(contender, task, labels, series))
    print(f"{'task':<10}{'contender':<12}{'seconds':>9}{'fastest':>9}{'slowest':>9}{'MB over':>9}{'file MB':>9}")
    for task in options.tasks:
        for contender in options.contenders:
            runs = found[contender, task]
            seconds = [r["seconds"] for r in runs]
            before = statistics.median(r["peak"] for r in found[contender, ""])
            over = statistics.median(r["peak"] for r in runs) - before
            figures = (statistics.median(seconds), min(seconds), max(seconds))
            text = "".join(f"{figure:9.2f}" for figure in figures)
            print(f"{task:<10}{contender:<12}{text}{over:9.0f}{runs[0]['size'] / 1e6:9.1f}")
    print(f"wanted of slicewise: at most {WANTED['seconds']} s and {WANTED['megabytes']:.0f} MB over the label map")


if __name__ == "__main__":
    main()
