"""How long ``import slicewise`` takes, and the repr of every kind of node.

    python benchmarks/startup.py [--rounds N] [--imports]

Exits with 1 when a limit is passed.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

IMPORT_LIMIT = 0.3  # seconds
REPR_LIMIT = 0.01
SLOWEST_IMPORTS = 15


def seconds_of(code: str, rounds: int) -> float:
    """Return the median time of a fresh interpreter that runs the code."""
    times = []
    for _ in range(rounds + 1):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)
        times.append(time.perf_counter() - start)
    return statistics.median(times[1:])  # the first one warms the cache


def slowest_imports() -> list[str]:
    """Return the modules that themselves take longest, as ``-X importtime`` tells."""
    command = [sys.executable, "-X", "importtime", "-c", "import slicewise"]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stderr
    lines = [line.removeprefix("import time:") for line in told.splitlines() if line.startswith("import time:")]
    rows = [
        (int(line.split("|")[0]), line.split("|")[2].strip()) for line in lines if line.split("|")[0].strip().isdigit()
    ]
    return [
        f"{microseconds / 1000:8.1f} ms  {name}" for microseconds, name in sorted(rows, reverse=True)[:SLOWEST_IMPORTS]
    ]


def nodes(folder: Path) -> list[Any]:
    """Return one node of each kind, on a phantom made for them."""
    import slicewise as sw
    from slicewise.io import phantom

    phantom.ct_series(folder / "ct", slices=200, size=(64, 64))
    ct = sw.SeriesReader(folder / "ct")
    smooth = ct >> sw.Median(radius=1)
    chain = smooth
    for _ in range(20):
        chain = chain >> sw.Gaussian(sigma=1.0)
    return [
        ct,
        smooth,
        ct >> sw.Resample(spacing=(1, 1, 1)),
        (ct > 300) & (ct < 2000),
        ct[10:20],
        ct >> sw.sitk.CurvatureFlow(time_step=0.1),
        chain,
        chain >> sw.SeriesWriter(folder / "derived"),
        smooth.update(progress=False),
    ]


def repr_seconds(node: Any) -> float:
    """Return the median time of a repr, the first one left out."""
    times = []
    for _ in range(11):
        start = time.perf_counter()
        repr(node)
        times.append(time.perf_counter() - start)
    return statistics.median(times[1:])


def main() -> None:
    """Measure and tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--imports", action="store_true", help="also show which modules take longest to import")
    asked = parser.parse_args()
    bare, whole = seconds_of("pass", asked.rounds), seconds_of("import slicewise", asked.rounds)
    print(f"import slicewise  {(whole - bare) * 1e3:8.1f} ms  (a bare interpreter: {bare * 1e3:.1f} ms)")
    if asked.imports:
        print("\n".join(slowest_imports()))
    slowest = 0.0
    with tempfile.TemporaryDirectory(prefix="slicewise-benchmark-") as name:
        for node in nodes(Path(name)):
            seconds = repr_seconds(node)
            slowest = max(slowest, seconds)
            print(f"repr {type(node).__name__:16}{seconds * 1e3:5.2f} ms")
    if whole - bare > IMPORT_LIMIT or slowest > REPR_LIMIT:
        raise SystemExit(f"slower than {IMPORT_LIMIT} s for the import or {REPR_LIMIT} s for a repr")


if __name__ == "__main__":
    main()
