"""Damaged files over all readers: each must give an image or an error of the package, in bounded time and memory.

    python benchmarks/fuzz.py --seconds 600 --seed 1 [--data FOLDER]

The files come from FOLDER, from pydicom's own and from phantoms; fuzz_damage.py damages them and fuzz_readers.py
reads them, in batches that are processes of their own: a crash is a finding, and no end. What is neither an image
nor an error of the package is a finding: it is printed, and what was read is kept. The same seed makes the same
damage, of the same files.
"""

from __future__ import annotations

import argparse
import collections
import faulthandler
import multiprocessing
import os
import random
import re
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from types import FrameType
from typing import NamedTuple

import fuzz_damage
import fuzz_readers
from slicewise.errors import ComputeError, SlicewiseError

MEMORY = 3 << 30
"""Address space of a batch in bytes, half a gigabyte of libraries included; what asks for more is a finding."""
SECONDS_EACH = 30
BATCH = 200
KEPT_OF_A_KIND = 3
FINDING = "FINDING"


class HangError(BaseException):
    """A file took too long. No Exception: nothing may catch it for something else."""


class Batch(NamedTuple):
    """What a batch works on."""

    seed: str
    sources: fuzz_damage.Sources
    folder: Path
    keep: Path
    end: float


def main() -> int:
    """Damage files until the time is over, and say what was found."""
    options = _options()
    warnings.simplefilter("ignore")
    outcomes: collections.Counter[str] = collections.Counter()
    peak = 0
    with tempfile.TemporaryDirectory(prefix="fuzz-") as scratch:
        sources = fuzz_damage.sources(options.data, Path(scratch) / "made")
        end = time.monotonic() + options.seconds
        number = 0
        while time.monotonic() < end:
            batch = Batch(f"{options.seed}-{number}", sources, Path(scratch) / "batch", options.keep, end)
            for outcome, most in _outcomes(batch):
                outcomes[outcome] += 1
                peak = max(peak, most)
            shutil.rmtree(batch.folder, ignore_errors=True)
            number += 1
    findings = sum(count for outcome, count in outcomes.items() if outcome.startswith(FINDING))
    print(f"{outcomes.total()} files in {options.seconds:g} s, {findings} findings; peak {peak >> 10} MB")
    for outcome, count in sorted(outcomes.items()):
        print(f"{count:8d}  {outcome}")
    return int(findings > 0)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--data", type=Path, help="folder with more files to damage (those below 2 MB)")
    parser.add_argument("--keep", type=Path, default=Path("findings"), help="where files with findings are kept")
    return parser.parse_args()


def _outcomes(batch: Batch) -> Iterator[tuple[str, int]]:
    """Yield what became of each file of a batch, and the most memory so far in KiB."""
    fork = multiprocessing.get_context("fork")
    here, there = fork.Pipe(duplex=False)
    process = fork.Process(target=_work, args=(batch, there))
    process.start()
    there.close()
    try:
        while here.poll(2 * SECONDS_EACH):
            yield here.recv()
        process.kill()
        yield _kept(batch, f"{FINDING} no end, and not to be interrupted"), 0
    except EOFError:
        process.join()
        if process.exitcode:
            yield _kept(batch, f"{FINDING} crash of the interpreter, exit code {process.exitcode}"), 0
    process.join()


def _work(batch: Batch, out: Connection) -> None:
    """Damage and read the files of a batch, in a process of its own."""
    faulthandler.enable()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    signal.signal(signal.SIGALRM, _hang)
    chance = random.Random(batch.seed)  # noqa: S311 - nothing secret
    for _ in range(BATCH):
        if time.monotonic() > batch.end:
            break
        shutil.rmtree(batch.folder, ignore_errors=True)
        target = fuzz_damage.damaged(batch.sources, batch.folder / "read", chance)
        outcome = _tried(target, batch.folder / "written", chance)
        if outcome.startswith(FINDING):
            _kept(batch, outcome)
        out.send((outcome, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss))


def _tried(target: fuzz_damage.Target, out: Path, chance: random.Random) -> str:
    way = chance.choice(fuzz_readers.WAYS[target.kind])
    name = f"{target.kind}, {way.__name__}"
    signal.alarm(SECONDS_EACH)
    try:
        way(target.path, out, chance)
    except ComputeError as error:
        # Nodes may fail in their work; readers must say of a file what is wrong with it.
        cause = error.__cause__ or error
        return f"{FINDING} {name}: {type(cause).__name__} in a node {_place(cause)} ({str(cause)[:100]})"
    except SlicewiseError as error:
        return f"{name}: {type(error).__name__}"
    except HangError as error:
        return f"{FINDING} {name}: no end after {SECONDS_EACH} s, {_place(error)}"
    except BaseException as error:  # noqa: BLE001 - to find these is what this is for
        return f"{FINDING} {name}: {type(error).__name__} {_place(error)} ({str(error)[:100]})"
    finally:
        signal.alarm(0)
    return f"{name}: fine"


def _place(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "slicewise" in Path(frame.filename).parts]
    places = [f"{Path(frame.filename).name}:{frame.lineno}" for frame in (*ours[-1:], frames[-1])]
    return "at " + " < ".join(dict.fromkeys(places))


def _kept(batch: Batch, outcome: str) -> str:
    """Print a finding, keep what was read unless there is enough of its kind, and return it."""
    kind = re.sub(r"[^\w.-]+", "-", re.sub(r" \(.*", "", outcome.removeprefix(FINDING), flags=re.DOTALL)).strip("-")
    folder = batch.keep / kind
    folder.mkdir(parents=True, exist_ok=True)
    number = len(os.listdir(folder))  # noqa: PTH208 - their number is wanted
    if number < KEPT_OF_A_KIND:
        shutil.copytree(batch.folder / "read", folder / f"{batch.seed}-{number}")
    print(f"{outcome}; {folder}", flush=True)
    return outcome


def _hang(_: int, __: FrameType | None) -> None:
    raise HangError


if __name__ == "__main__":
    sys.exit(main())
