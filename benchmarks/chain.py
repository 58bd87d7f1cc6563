"""A chain of eight filters over a CT series: slicewise, SimpleITK and dask-image, each in a process of its own.

    python benchmarks/chain.py [--slices N] [--size N] [--rounds N] [--memory BYTES]

The series is read from its files and goes through the chain; slicewise writes a derived DICOM series, SimpleITK one
MetaImage, dask-image one file of numpy. Values are compared. dask-image is left out where it is not installed
(pip install dask-image).
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

CONTENDERS = ("slicewise", "slicewise, own filters", "SimpleITK", "dask-image")
LOW, HIGH = -900, 1500


def slicewise_chain(folder: Path, target: Path, memory: str, *, own: bool) -> None:
    """Eight filters, slab by slab."""
    import slicewise as sw

    node = sw.SeriesReader(folder)
    median = sw.Median(radius=1) if own else sw.sitk.Median(radius=(1, 1, 1))
    node = node >> median
    node = node >> (sw.Clip(LOW, HIGH) if own else sw.sitk.Clamp(lower_bound=LOW, upper_bound=HIGH))
    node = node >> sw.sitk.ShiftScale(shift=1000, scale=2)
    node = node >> sw.sitk.Mean(radius=(1, 1, 1))
    node = node >> sw.sitk.Abs()
    node = node >> sw.sitk.GrayscaleDilate(kernel_radius=(1, 1, 1), kernel_type="ball")
    node = node >> sw.sitk.InvertIntensity(maximum=8000)
    node = node >> sw.sitk.Threshold(lower=100, upper=7000, outside_value=0)
    (node >> sw.SeriesWriter(target / "out")).update(memory=memory, progress=False)


def sitk_chain(folder: Path, target: Path) -> None:
    """Eight filters, each on the whole volume."""
    import SimpleITK as sitk

    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder)))
    image = reader.Execute()
    image = sitk.Median(image, (1, 1, 1))
    image = sitk.Clamp(image, lowerBound=LOW, upperBound=HIGH)
    image = sitk.ShiftScale(image, shift=1000, scale=2)
    image = sitk.Mean(image, (1, 1, 1))
    image = sitk.Abs(image)
    image = sitk.GrayscaleDilate(image, (1, 1, 1), sitk.sitkBall)
    image = sitk.InvertIntensity(image, 8000)
    image = sitk.Threshold(image, 100, 7000, 0)
    sitk.WriteImage(image, str(target / "out.mha"))


def dask_chain(folder: Path, target: Path) -> None:
    """Eight steps on chunks of slices, by dask-image and dask."""
    import dask.array as da
    import pydicom
    from dask_image import ndfilters
    from scipy import ndimage

    paths = [(float(pydicom.dcmread(p, stop_before_pixels=True).ImagePositionPatient[2]), p) for p in folder.iterdir()]
    files = [path for _, path in sorted(paths)]
    first = pydicom.dcmread(files[0])
    shape = (len(files), first.Rows, first.Columns)

    def read(block_info: Any = None) -> Any:
        (start, stop), *_ = block_info[None]["array-location"]
        slices = [pydicom.dcmread(path) for path in files[start:stop]]
        stored = np.stack([one.pixel_array for one in slices]).astype(np.int32)
        return (stored * int(first.RescaleSlope) + int(first.RescaleIntercept)).astype(np.int16)

    chunks = (tuple([20] * (shape[0] // 20) + ([shape[0] % 20] if shape[0] % 20 else [])), (shape[1],), (shape[2],))
    volume = da.map_blocks(read, chunks=chunks, dtype=np.int16, meta=np.empty((0, 0, 0), np.int16))
    volume = ndfilters.median_filter(volume, size=3, mode="nearest")
    volume = da.clip(volume, LOW, HIGH)
    volume = ((volume.astype(np.int32) + 1000) * 2).astype(np.int16)
    volume = ndfilters.uniform_filter(volume.astype(np.float32), size=3, mode="nearest").astype(np.int16)
    volume = abs(volume)
    ball = ndimage.generate_binary_structure(3, 1)
    volume = volume.map_overlap(
        lambda block: ndimage.grey_dilation(block, footprint=ball, mode="nearest"), depth=1, boundary="nearest"
    )
    volume = 8000 - volume
    volume = da.where((volume >= 100) & (volume <= 7000), volume, 0)
    out = np.lib.format.open_memmap(target / "out.npy", mode="w+", dtype=np.int16, shape=shape)
    da.store(volume, out, lock=False)
    out.flush()


def contend(name: str, folder: Path, target: Path, memory: str) -> None:
    """Run one contender in this process and print what it took."""
    if name.startswith("slicewise"):
        import SimpleITK

    elif name == "SimpleITK":
        import SimpleITK  # noqa: F401
    else:
        import pydicom.pixels  # noqa: F401
    start = time.perf_counter()
    if name == "SimpleITK":
        sitk_chain(folder, target)
    elif name == "dask-image":
        dask_chain(folder, target)
    else:
        slicewise_chain(folder, target, memory, own="own" in name)
    seconds = time.perf_counter() - start
    print(json.dumps({"seconds": seconds, "peak": peak_memory()}))


def peak_memory() -> float:
    """Return the highest resident memory of this process in MB; that of getrusage begins with its parent's."""
    (line,) = [one for one in Path("/proc/self/status").read_text().splitlines() if one.startswith("VmHWM")]
    return int(line.split()[1]) / 1024


def result(target: Path) -> Any:
    """Return the values that a contender wrote."""
    if (target / "out.npy").exists():
        return np.load(target / "out.npy", mmap_mode="r")
    if (target / "out").is_dir():
        import slicewise as sw

        return sw.SeriesReader(target / "out").update(progress=False).array
    import SimpleITK as sitk

    return sitk.GetArrayFromImage(sitk.ReadImage(str(target / "out.mha")))


def main() -> None:
    """Measure, compare and tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slices", type=int, default=400)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--memory", default="150MB", help="slicewise's budget")
    parser.add_argument("--contend", nargs=3, metavar=("NAME", "FOLDER", "TARGET"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.contend:
        contend(asked.contend[0], Path(asked.contend[1]), Path(asked.contend[2]), asked.memory)
        return
    from slicewise.io import phantom

    names = [n for n in CONTENDERS if n != "dask-image" or importlib.util.find_spec("dask_image")]
    with tempfile.TemporaryDirectory(prefix="slicewise-chain-") as scratch:
        folder = Path(scratch, "ct")
        folder.mkdir()
        phantom.ct_series(folder, slices=asked.slices, size=(asked.size, asked.size))
        runs: dict[str, list[dict[str, float]]] = {name: [] for name in names}
        wanted: Any = None
        for number in range(asked.rounds):
            for name in names:
                with tempfile.TemporaryDirectory(dir=scratch) as target:
                    command = [
                        sys.executable,
                        __file__,
                        "--memory",
                        asked.memory,
                        "--contend",
                        name,
                        str(folder),
                        target,
                    ]
                    done = subprocess.run(command, check=True, capture_output=True, text=True)
                    runs[name].append(json.loads(done.stdout.splitlines()[-1]))
                    if number == 0:
                        found = result(Path(target))
                        wanted = np.array(found) if wanted is None else wanted
                        apart = np.abs(found.astype(np.int32) - wanted)
                        print(
                            f"{name}: {np.count_nonzero(apart)} of {apart.size} values differ from the first",
                            flush=True,
                        )
    print(f"{asked.slices} slices of {asked.size} x {asked.size}, {asked.rounds} rounds, medians")
    for name, reports in runs.items():
        seconds = statistics.median(r["seconds"] for r in reports)
        peak = statistics.median(r["peak"] for r in reports)
        print(f"  {name:24}{seconds:9.2f} s{peak:9.0f} MB peak")


if __name__ == "__main__":
    main()
