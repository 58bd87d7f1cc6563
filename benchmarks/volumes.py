"""One volume written to NRRD, NIfTI, MetaImage and legacy VTK: slicewise and SimpleITK, each in a process of its own.

    python benchmarks/volumes.py [--slices N] [--size N] [--rounds N] [--memory BYTES]

The volume (16 bits, tissue with noise) lies in an uncompressed NRRD file. slicewise reads it slab by slab, within a
budget, and writes it with VolumeWriter, which reads back what it wrote; SimpleITK reads it and writes it with
WriteImage. Values are compared. Memory is the highest resident memory of the process as the system tells its parent
(wait4); seconds are those of the clock and, in brackets, of the processors.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

NAMES = ("plain.nrrd", "plain.mha", "plain.nii", "plain.vtk", "packed.nrrd", "packed.mha", "packed.nii.gz")
CONTENDERS = ("slicewise", "SimpleITK")


def make(path: Path, slices: int, size: int) -> None:
    """Write the volume: it is made by SimpleITK from noise on a slope and a wave."""
    import SimpleITK as sitk

    rng = np.random.default_rng(0)
    slope = np.linspace(-800, 1200, size)
    volume = np.empty((slices, size, size), np.int16)
    for k in range(slices):
        wave = np.sin(np.arange(size) / 20 + k / 9)[:, np.newaxis] * 200
        volume[k] = slope + wave + rng.normal(0, 12, (size, size))
    image = sitk.GetImageFromArray(volume)
    image.SetSpacing((0.7, 0.7, 1.25))
    sitk.WriteImage(image, str(path), useCompression=False)


def contend(name: str, source: Path, target: Path, memory: str) -> None:
    """Read and write in this process, and print the seconds."""
    import SimpleITK as sitk

    import slicewise as sw
    from slicewise.io import volume_writer  # noqa: F401 - imports are not timed

    start, busy = time.perf_counter(), time.process_time()
    if name == "slicewise":
        writer = sw.VolumeWriter(target, compress=target.name.startswith("packed"), overwrite=True)
        (sw.VolumeReader(source) >> writer).update(memory=memory, progress=False)
    elif name == "SimpleITK":
        image = sitk.ReadImage(str(source))
        sitk.WriteImage(image, str(target), useCompression=target.name.startswith("packed"))
    print(time.perf_counter() - start, time.process_time() - busy)


class Measured(NamedTuple):
    """What a process took: seconds of the clock and of the processors, and MB at most."""

    seconds: float
    busy: float
    peak: float


def measured(*command: str) -> Measured:
    """Run this script in a child; its peak begins with what this process holds, which is little."""
    with subprocess.Popen([sys.executable, __file__, *command], stdout=subprocess.PIPE, text=True) as child:
        said = child.stdout.read() if child.stdout else ""
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        sys.exit(f"{' '.join(command)}: failed")
    seconds, busy = said.split() if said else (0, 0)
    return Measured(float(seconds), float(busy), usage.ru_maxrss / 1024)


def check_same(one: Path, other: Path) -> None:
    """Stop unless two files hold the same values, by SimpleITK."""
    import SimpleITK as sitk

    first, second = (sitk.GetArrayFromImage(sitk.ReadImage(str(path))) for path in (one, other))
    if not np.array_equal(first, second):
        sys.exit(f"{one.name}: the values differ")


def main() -> None:
    """Measure, compare and tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slices", type=int, default=400)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--memory", default="60MB", help="slicewise's budget")
    parser.add_argument("--names", nargs="*", default=NAMES, help=f"of {', '.join(NAMES)}")
    parser.add_argument("--run", nargs="+", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.run:
        work, *given = asked.run
        first, second, *_ = (*(Path(one) for one in given if os.sep in one), Path())
        if work == "make":
            make(first, asked.slices, asked.size)
        elif work == "same":
            check_same(first, second)
        else:
            contend(work, first, second, asked.memory)
        return
    options = ["--slices", str(asked.slices), "--size", str(asked.size), "--memory", asked.memory, "--run"]
    with tempfile.TemporaryDirectory() as folder:
        source = str(Path(folder, "source.nrrd"))
        measured(*options, "make", source)
        print(f"{asked.slices} x {asked.size} x {asked.size}, 16 bits: {Path(source).stat().st_size / 1e6:.0f} MB")
        print(f"imports alone: {measured(*options, 'nothing', source, source).peak:.0f} MB")
        for name in asked.names:
            targets = {contender: Path(folder, contender, name) for contender in CONTENDERS}
            runs: dict[str, list[Measured]] = {contender: [] for contender in CONTENDERS}
            for _ in range(asked.rounds):
                for contender, target in targets.items():
                    target.parent.mkdir(exist_ok=True)
                    target.unlink(missing_ok=True)
                    runs[contender].append(measured(*options, contender, source, str(target)))
            row = [f"{name:14}"]
            for contender, found in runs.items():
                seconds, busy = (statistics.median(one) for one in list(zip(*found, strict=True))[:2])
                size = targets[contender].stat().st_size / 1e6
                peak = max(one.peak for one in found)
                row.append(f"{contender} {seconds:5.2f} s ({busy:5.2f}) {peak:4.0f} MB, file {size:3.0f} MB")
            measured(*options, "same", *(str(target) for target in targets.values()))
            for target in targets.values():
                target.unlink()
            print("   ".join(row), flush=True)


if __name__ == "__main__":
    main()
