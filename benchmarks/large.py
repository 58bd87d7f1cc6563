"""Jobs larger than the memory they may take: peak memory, time, and how both grow with the number of slices.

    python benchmarks/large.py job [--slices 1600] [--memory 300MB] [--whole] [--contender slicewise SimpleITK]
    python benchmarks/large.py growth [--slices 100 200 400 800 1600 3200] [--plot docs/growth.svg]
    python benchmarks/large.py overhead [--slices 400] [--rounds 7]
    python benchmarks/large.py threads [--slices 200] [--rounds 5]

Each measurement is a fresh process; its peak of resident memory is what the system says of it when it has ended.

``job`` takes a CT series of 512 x 512 through a Gaussian, a median, a resampling to half the spacing and a window, and
writes the result as a series. ``--whole`` puts the labels of connected components between, which need the whole volume.
``--compare`` computes the result as a whole, too, and compares all files bit by bit (it takes that much memory).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

SIZE = 512


def main() -> None:
    """Parse the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", choices=["job", "growth", "overhead", "threads", "child"])
    parser.add_argument("--slices", type=int, nargs="+")
    parser.add_argument("--memory", default="300MB")
    parser.add_argument("--workers", type=int)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--whole", action="store_true")
    parser.add_argument("--compare", action="store_true")
    parser.add_argument("--contender", nargs="+", default=["slicewise", "SimpleITK"])
    parser.add_argument("--folder", type=Path, help="where to work; a temporary folder if not given")
    parser.add_argument("--plot", type=Path)
    parser.add_argument("--spec", help="of a child process")
    options = parser.parse_args()
    if options.task == "child":
        print(json.dumps(child(**json.loads(options.spec))))
        return
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        {"job": job, "growth": growth, "overhead": overhead, "threads": threads}[options.task](options, Path(folder))


# --- tasks ------------------------------------------------------------------------------------------------


def job(options: argparse.Namespace, folder: Path) -> None:
    """Measure the job with each contender."""
    slices = (options.slices or [1600])[0]
    source = series(folder, slices)
    for contender in options.contender:
        target = folder / "out"
        found = measured(
            what=contender, source=str(source), target=str(target), memory=options.memory, workers=options.workers,
            whole=options.whole,
        )  # fmt: skip
        print(f"{contender:12} {slices} slices: {found['seconds']:7.1f} s, peak {found['peak'] / 1e6:7.0f} MB")
        if options.compare and contender == "slicewise":
            digests = digests_of(target)
            shutil.rmtree(target)
            spec = {"source": str(source), "target": str(target), "memory": None, "workers": 1, "whole": options.whole}
            at_once = measured(what="at once", **spec)
            same = digests_of(target) == digests
            print(
                f"{'':12} {len(digests)} images; at once, peak {at_once['peak'] / 1e6:.0f} MB: equal bit by bit: {same}"
            )
        shutil.rmtree(target, ignore_errors=True)


def growth(options: argparse.Namespace, folder: Path) -> None:
    """Measure time and peak memory for several numbers of slices; draw them."""
    rows = []
    for slices in options.slices or [100, 200, 400, 800, 1600, 3200]:
        source = series(folder, slices)
        rounds = [
            measured(what="growing", source=str(source), target=str(folder / "out"), memory=options.memory, workers=2)
            for _ in range(options.rounds)
        ]
        row = (slices, statistics.median(r["seconds"] for r in rounds), max(r["peak"] for r in rounds))
        rows.append(row)
        print(
            f"{row[0]:5} slices: {row[1]:7.2f} s, {1000 * row[1] / row[0]:6.2f} ms a slice, peak {row[2] / 1e6:6.0f} MB"
        )
        shutil.rmtree(source)
        shutil.rmtree(folder / "out")
    if options.plot is not None:
        options.plot.write_text(drawn(rows, options.memory), encoding="utf-8")


def overhead(options: argparse.Namespace, folder: Path) -> None:
    """Measure what eight nodes cost that do nothing: where slices are read and no more, and where they are written."""
    source = series(folder, (options.slices or [400])[0])
    for what, target in (("reading", ""), ("reading and writing", str(folder / "out"))):
        spec = {"what": "nothing", "source": str(source), "memory": None, "workers": options.workers, "target": target}
        pairs = [[measured(**spec, count=count)["seconds"] for count in (0, 8)] for _ in range(options.rounds)]
        without, with_eight = (statistics.median(times) for times in zip(*pairs, strict=True))
        print(f"{what}: none {without:.4f} s, eight {with_eight:.4f} s: {100 * (with_eight / without - 1):+.1f} %")


def threads(options: argparse.Namespace, folder: Path) -> None:
    """Measure how much two threads gain over one."""
    source = series(folder, (options.slices or [200])[0])
    for chain in ("own", "sitk"):
        spec = {"what": chain, "source": str(source), "target": "", "memory": options.memory}
        pairs = [[measured(**spec, workers=workers)["seconds"] for workers in (1, 2)] for _ in range(options.rounds)]
        one, two = (statistics.median(times) for times in zip(*pairs, strict=True))
        print(f"{chain}: one thread {one:.2f} s, two {two:.2f} s: {one / two:.2f} times")


# --- what is measured ----------------------------------------------------------------------------------


def child(
    what: str, source: str, target: str, memory: str | None, workers: int | None, **more: Any
) -> dict[str, float]:
    """Do one thing, in a process of its own."""
    work = {"SimpleITK": sitk_job, "slicewise": slicewise_job, "at once": job_at_once}.get(what)
    if work is not None:
        begin = time.perf_counter()
        work(source, target, memory, workers, **more)
        return {"seconds": time.perf_counter() - begin}
    import slicewise as sw
    import slicewise.io.recipes  # what a writer loads with the first filter

    ct = sw.SeriesReader(source)
    _ = ct.headers
    if what == "growing":
        node = ct >> sw.Gaussian(sigma=1.0) >> sw.Median(radius=1) >> sw.SeriesWriter(Path(target), overwrite=True)
    elif what == "own":
        node = total(ct >> sw.Median(radius=1) >> sw.Gaussian(sigma=1.5))
    elif what == "sitk":
        node = total(ct >> sw.sitk.Mean(radius=(2, 2, 1)) >> sw.sitk.CurvatureFlow(number_of_iterations=2))
    else:
        node = ct
        for _ in range(more["count"]):
            node = node >> sw.Function(unchanged, keeps_units=True)
        node = node >> sw.SeriesWriter(Path(target), overwrite=True) if target else total(node)
    begin = time.perf_counter()
    node.update(memory=memory, workers=workers, progress=False)
    return {"seconds": time.perf_counter() - begin}


def slicewise_job(source: str, target: str, memory: str | None, workers: int | None, *, whole: bool) -> None:
    """Do the job slab by slab."""
    import slicewise as sw

    (chain(source, whole=whole) >> sw.SeriesWriter(Path(target))).update(memory=memory, workers=workers, progress=False)


def job_at_once(source: str, target: str, memory: str | None, workers: int | None, *, whole: bool) -> None:
    """Do the job with each node on the whole volume, past everything that cuts it into slabs."""
    import slicewise as sw
    from slicewise.pipeline.block import Block

    node = chain(source, whole=whole)
    arrays: dict[Any, Any] = {}
    for n in node.walk():
        inputs = list(n.inputs.values())
        blocks = [Block(arrays[i], range(i.info.slices), i.info) for i in inputs]
        arrays[n] = n.compute(range(n.info.slices), *blocks)
        for used in inputs:
            arrays.pop(used, None)
    # As many values again are not to be had: the writer cuts what is there.
    image = sw.Image(arrays[node], node.info)
    (sw.as_node(image) >> sw.SeriesWriter(Path(target))).update(workers=workers, progress=False)


def chain(source: str, *, whole: bool) -> Any:
    """Return the filters of the job."""
    import slicewise as sw

    ct = sw.SeriesReader(source)
    half = tuple(s / 2 for s in ct.geometry.spacing)
    node = ct >> sw.Gaussian(sigma=1.0) >> sw.Median(radius=1)
    if whole:
        node = sw.sitk.ConnectedComponent().with_input(node > 100) >> sw.Cast("float32")
    return node >> sw.Resample(spacing=half) >> sw.Window(40, 400)


def sitk_job(source: str, target: str, memory: str | None, workers: int | None, *, whole: bool) -> None:
    """Do the job with whole volumes, of the least types that hold the values."""
    import SimpleITK as sitk

    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(sitk.ImageSeriesReader.GetGDCMSeriesFileNames(source))
    image = reader.Execute()
    image = sitk.DiscreteGaussian(image, [1.0, 1.0, 1.0], useImageSpacing=True)
    image = sitk.Median(image, (1, 1, 1))
    if whole:
        image = sitk.Cast(sitk.ConnectedComponent(image > 100), sitk.sitkFloat32)
    half = [s / 2 for s in image.GetSpacing()]
    size = [2 * n for n in image.GetSize()]
    image = sitk.Resample(
        image,
        size,
        sitk.Transform(),
        sitk.sitkLinear,
        image.GetOrigin(),
        half,
        image.GetDirection(),
        -1024,
        sitk.sitkInt16,
    )
    image = sitk.Cast(sitk.IntensityWindowing(image, -160, 240, 0, 255), sitk.sitkUInt8)
    Path(target).mkdir()
    writer = sitk.ImageFileWriter()
    for k in range(image.GetDepth()):
        writer.SetFileName(str(Path(target, f"{k:04d}.dcm")))
        writer.Execute(image[:, :, k])


def unchanged(array: Any) -> Any:
    """Return an array as it is."""
    return array


def total(node: Any) -> Any:
    """Return a sink that adds up all values, so that nothing but the pipeline is timed."""
    from slicewise.pipeline.effect import Effect
    from slicewise.pipeline.node import node as as_node_class
    from slicewise.pipeline.run import Sink

    @as_node_class
    class Total(Sink):
        """The sum over the first pixel of all slices."""

        @property
        def effect(self) -> Effect:
            return Effect(())

        def execute(self, runner: Any) -> float:
            found: list[float] = []
            runner.stream(self.inputs["input"], lambda _, values: found.append(float(values[:, 0, 0].sum())), "adding")
            return sum(found)

    return node >> Total()


# --- the parent ----------------------------------------------------------------------------------------


def measured(**spec: Any) -> dict[str, float]:
    """Return what a child process found, and its peak of resident memory in bytes."""
    command = [sys.executable, __file__, "child", "--spec", json.dumps(spec)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert process.stdout is not None  # noqa: S101 - a pipe was asked for
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(
            f"{spec['what']} failed with {process.returncode}; its peak was {usage.ru_maxrss / 1024:.0f} MB"
        )
    found: dict[str, float] = json.loads(output)
    return found | {"peak": usage.ru_maxrss * 1024}


def series(folder: Path, slices: int) -> Path:
    """Return a folder with a CT series, the phantom."""
    from slicewise.io.phantom import ct_series

    target = folder / f"ct{slices}"
    ct_series(target, slices=slices, size=(SIZE, SIZE), signed=True)
    return target


def digests_of(folder: Path) -> dict[str, str]:
    """Return a digest of the pixels of each file."""
    import pydicom

    return {p.name: hashlib.sha256(pydicom.dcmread(p).PixelData).hexdigest() for p in sorted(folder.iterdir())}


def drawn(rows: list[tuple[int, float, float]], memory: str) -> str:
    """Return a picture (SVG) of time and memory over the number of slices."""
    most = rows[-1][0]
    time_of = [(slices / most, seconds) for slices, seconds, _ in rows]
    memory_of = [(slices / most, peak / 1e6) for slices, _, peak in rows]
    plots = [_plot(60, "time (s)", time_of, rows), _plot(390, "peak memory (MB)", memory_of, rows)]
    label = f'<text x="340" y="290" text-anchor="middle">slices of 512 x 512, memory="{memory}"</text>'
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 680 300" width="680" height="300" '
        'font-family="sans-serif" font-size="12" fill="#808080" stroke-width="1.5">'
        f"{''.join(plots)}{label}</svg>\n"
    )


def _plot(left: int, title: str, points: list[tuple[float, float]], rows: list[tuple[int, float, float]]) -> str:
    top = max(value for _, value in points) * 1.2
    placed = [(left + 260 * share, 250 - 200 * value / top) for share, value in points]
    ticks = "".join(
        f'<text x="{left - 6}" y="{254 - 200 * part:.0f}" text-anchor="end">{top * part:.0f}</text>'
        for part in (0, 0.5, 1)
    )
    names = "".join(
        f'<text x="{left + 260 * share:.0f}" y="268" text-anchor="middle">{row[0]}</text>'
        for (share, _), row in zip(points, rows, strict=True)
        if share > 0.2
    )
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in placed)
    dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="#2a78d6"/>' for x, y in placed)
    return (
        f'<text x="{left}" y="34">{title}</text>'
        f'<path d="M{left},50 V250 H{left + 260}" fill="none" stroke="#808080"/>{ticks}{names}'
        f'<polyline points="{line}" fill="none" stroke="#2a78d6"/>{dots}'
    )


if __name__ == "__main__":
    main()
