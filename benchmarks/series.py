"""How long slicewise and its peers take to read, write and filter a CT series.

    python benchmarks/series.py [--data FOLDER] [--rounds N] [--json FILE]

Each measurement is a process of its own; the contenders take turns, several rounds long, and the medians
count. See README.md beside this file.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).resolve().parent
SYSTEM_PYTHON = "/usr/bin/python3"
CONTENDERS = {
    "read": ("floor", "slicewise", "vtk-dicom", "SimpleITK", "pydicom"),
    "write": ("floor", "slicewise", "vtk-dicom", "SimpleITK", "SimpleITK all tags", "pydicom"),
    "smooth": ("SimpleITK",),
    "median": ("slicewise", "SimpleITK", "vtk-dicom"),
}
TITLES = {
    "read": "Read: all pixels, all headers at hand",
    "write": "Write what was read",
    "smooth": "SimpleITK's Median alone, on a volume in memory",
    "median": "Read, Median(1), write",
}
MEASURE_OF = {"read": "floor", "write": "floor", "smooth": "SimpleITK", "median": "SimpleITK"}
YARDSTICK = {"read": "read", "write": "write", "smooth": "smooth", "median": "smooth"}
MAKE_PHANTOM = """
import sys
from slicewise.io import phantom
folder, slices, size, signed = sys.argv[1:]
phantom.ct_series(folder, slices=int(slices), size=(int(size),) * 2, spacing=(0.8, 0.8, 1.0), signed=signed == "True")
"""

Runs = dict[tuple[str, str], list[dict[str, Any]]]


class Row(NamedTuple):
    """What the rounds of one contender in one task come to."""

    task: str
    contender: str
    seconds: float
    fastest: float
    slowest: float
    ratio: float | None
    peak: float
    above_volume: float


def options() -> argparse.Namespace:
    """Return what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="where the series is kept between runs (default: nowhere)")
    parser.add_argument("--slices", type=int, default=400)
    parser.add_argument("--size", type=int, default=512, help="columns and rows")
    parser.add_argument("--unsigned", action="store_true", help="12 bits with intercept -1024 instead of signed 16")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tasks", nargs="+", choices=CONTENDERS, default=list(CONTENDERS))
    parser.add_argument("--contenders", nargs="+", help="only these")
    parser.add_argument("--memory", default="150MB", help="slicewise's budget for the median")
    parser.add_argument("--json", type=Path, help="also write every measurement to this file")
    return parser.parse_args()


def python_of(name: str) -> str | None:
    """Return the interpreter that has the contender, or None when there is none."""
    module = {"vtk-dicom": "vtkdicom", "pydicom": "pydicom", "floor": "numpy", "slicewise": "slicewise"}
    wanted = module.get(name, "SimpleITK")
    for python in dict.fromkeys((sys.executable, SYSTEM_PYTHON)):
        question = f"import importlib.util, sys; sys.exit(importlib.util.find_spec({wanted!r}) is None)"
        if Path(python).exists() and subprocess.run([python, "-c", question], check=False).returncode == 0:
            return python
    return None


def series(asked: argparse.Namespace, scratch: Path) -> Path:
    """Return the folder of the series, made when it is not there yet."""
    kind = "unsigned" if asked.unsigned else "signed"
    folder: Path = (asked.data or scratch) / f"ct-{asked.slices}x{asked.size}x{asked.size}-{kind}"
    if not folder.is_dir():
        unfinished = folder.with_name(folder.name + "-unfinished")
        arguments = [str(unfinished), str(asked.slices), str(asked.size), str(not asked.unsigned)]
        subprocess.run([sys.executable, "-c", MAKE_PHANTOM, *arguments], check=True)
        unfinished.rename(folder)
    return folder


def measure(name: str, task: str, source: Path, scratch: Path, memory: str) -> dict[str, Any]:
    """Let a contender do a task in a process of its own and return what it reports."""
    python = python_of(name) or sys.executable
    target = Path(tempfile.mkdtemp(dir=scratch))
    try:
        command = [python, str(HERE / "contenders.py"), name, task, str(source), str(target), memory]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
    except subprocess.CalledProcessError as error:
        raise SystemExit(f"{name} failed to {task}:\n{error.stderr}") from error
    finally:
        shutil.rmtree(target)  # before the disk gets to it
    report: dict[str, Any] = json.loads(done.stdout)
    expected = len(list(source.iterdir())) if task in {"write", "median"} else 0
    if report["written"] != expected:
        raise SystemExit(f"{name} wrote {report['written']} files of {expected}")
    return report


def run(asked: argparse.Namespace, source: Path, scratch: Path) -> Runs:
    """Return every measurement, by task and contender, in the order of the rounds."""
    names = dict.fromkeys(name for task in asked.tasks for name in CONTENDERS[task])
    wanted = [name for name in names if not asked.contenders or name in asked.contenders]
    present = [name for name in wanted if python_of(name)]
    for name in set(wanted) - set(present):
        print(f"{name} is not installed and is left out", file=sys.stderr)
    runs: Runs = {}
    measure("floor", "read", source, scratch, asked.memory)  # warms the cache of the files
    for number in range(asked.rounds):
        print(f"round {number + 1} of {asked.rounds}", file=sys.stderr)
        for task in asked.tasks:
            for name in (name for name in CONTENDERS[task] if name in present):
                report = measure(name, task, source, scratch, asked.memory)
                runs.setdefault((task, name), []).append(report)
    return runs


def summary(runs: Runs, volume: float) -> list[Row]:
    """Return the medians; ``volume`` is the size of the pixels in MB."""
    seconds = {key: statistics.median(one["seconds"] for one in reports) for key, reports in runs.items()}
    rows = []
    for (task, name), reports in runs.items():
        yardstick = seconds.get((YARDSTICK[task], MEASURE_OF[task]))
        times = [one["seconds"] for one in reports]
        peak = statistics.median(one["peak"] for one in reports)
        ratio = seconds[task, name] / yardstick if yardstick else None
        rows.append(Row(task, name, seconds[task, name], min(times), max(times), ratio, peak, peak - volume))
    return rows


def disagreement(runs: Runs) -> str | None:
    """Return who read other values than the rest, or None when all agree."""
    totals = {name: reports[0]["total"] for (task, name), reports in runs.items() if task == "read"}
    told = {name: total for name, total in totals.items() if total is not None}
    return None if len(set(told.values())) <= 1 else f"The readers disagree about the sum of all voxels: {told}"


def table(rows: list[Row]) -> str:
    """Return the rows as text, one block a task."""
    lines = []
    for task in dict.fromkeys(row.task for row in rows):
        unit = "× floor" if MEASURE_OF[task] == "floor" else "× Median"
        lines += ["", TITLES[task]]
        lines.append(f"  {'':20}{'seconds':>9}{'(range)':>18}{unit:>11}{'peak MB':>10}{'less volume':>13}")
        for row in (row for row in rows if row.task == task):
            spread = f"({row.fastest:.3f}-{row.slowest:.3f})"
            ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
            line = f"  {row.contender:20}{row.seconds:9.3f}{spread:>18}{ratio:>11}"
            lines.append(f"{line}{row.peak:10.0f}{row.above_volume:13.0f}")
    return "\n".join(lines)


def machine() -> dict[str, Any]:
    """Return where the figures come from."""
    versions = {}
    for package in ("slicewise", "numpy", "pydicom", "SimpleITK"):
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return {"python": platform.python_version(), "system": platform.platform(), "cpus": os.cpu_count()} | versions


def main() -> None:
    """Measure and tell."""
    asked = options()
    with tempfile.TemporaryDirectory(prefix="slicewise-benchmark-") as name:
        scratch = Path(name)
        runs = run(asked, series(asked, scratch), scratch)
    rows = summary(runs, asked.slices * asked.size**2 * 2 / 1e6)
    print(" · ".join(f"{key} {value}" for key, value in machine().items()))
    print(f"{asked.slices} slices of {asked.size} x {asked.size}, {asked.rounds} rounds, medians")
    print(table(rows))
    if problem := disagreement(runs):
        raise SystemExit(problem)
    if asked.json:
        measured = {f"{task} / {name}": reports for (task, name), reports in runs.items()}
        report = {"machine": machine(), "rows": [row._asdict() for row in rows], "runs": measured}
        asked.json.write_text(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
