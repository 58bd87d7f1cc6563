"""Ways in which fuzz.py reads files; each checks what it was given."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

import slicewise as sw
from slicewise.errors import SeriesError, SlicewiseError

Way = Callable[[Path, Path, random.Random], None]


def _policies(chance: random.Random) -> dict[str, Any]:
    return {
        "on_gap": chance.choice(["error", "keep", "keep", "keep"]),
        "on_duplicate": chance.choice(["error", "first", "first", "first"]),
        "on_no_plane": chance.choice(["error", "pixels", "pixels", "pixels"]),
        "values": chance.choice(["modality", "modality", "stored", "real_world", "philips"]),
    }


def _checked(image: sw.Image) -> sw.Image:
    """Return an image; an array that is not what the image says of it is a finding."""
    info, array = image.info, image.array
    if array.shape != info.shape or array.dtype != info.dtype:
        raise AssertionError(f"{array.shape} {array.dtype}, and the image says {info.shape} {info.dtype}")
    if len(info.headers) != array.shape[0] or info.geometry.slices != array.shape[0]:
        raise AssertionError(f"{array.shape[0]} slices, {len(info.headers)} headers, {info.geometry.slices} positions")
    if not np.isfinite(info.geometry.positions).all() or not min(info.geometry.pixel_spacing) > 0:
        raise AssertionError(f"a grid that is none: {info.geometry}")
    return image


def series(path: Path, out: Path, chance: random.Random) -> None:
    """Read one volume, and its overlays."""
    reader = sw.SeriesReader(path, **_policies(chance))
    _checked(reader.update(progress=False))
    for overlay in reader.overlays:
        _checked((reader >> sw.OverlayMask(overlay.group)).update(progress=False))


def volumes(path: Path, out: Path, chance: random.Random) -> None:
    """Read all volumes of a series."""
    found = sw.read_volumes(path, **_policies(chance))
    repr(found)
    for node in found[:4]:
        _checked(node.update(progress=False))
    if len(found) > 1:
        found.stacked.update(progress=False)


def written(path: Path, out: Path, chance: random.Random) -> None:
    """Write a volume as a new series, which has to be one."""
    reader = sw.SeriesReader(path, **_policies(chance))
    done = (reader >> sw.SeriesWriter(out)).update(progress=False)
    str(done.report)
    before = _checked(reader.update(progress=False)).array
    try:
        after = _checked(sw.SeriesReader(out, on_gap="keep", on_no_plane="pixels").update(progress=False)).array
    except SlicewiseError as error:
        raise AssertionError(f"what was written cannot be read: {error}") from error
    reach = np.ptp(before[np.isfinite(before)].astype(np.float64))
    step = reach / 65000 if before.dtype.kind == "f" or reach > 65535 else 0
    if before.shape != after.shape or not np.allclose(before, after, rtol=1e-6, atol=step, equal_nan=True):
        raise AssertionError(f"{before.shape} {before.dtype} was written, and {after.shape} {after.dtype} is read")


def headers(path: Path, out: Path, chance: random.Random) -> None:
    """Ask for everything that headers tell."""
    found = sw.SeriesReader(path, **_policies(chance)).headers
    for header in (*found[:3], found.shared):
        str(header)
        header.copy_out()
        for element in header.iterall():
            repr(element.value)
    for attribute in ("PatientName", "BValue", "GradientDirection", "PixelSpacing"):
        found[attribute]
    str(found.problems)
    found.find("CodeValue")
    found.table("all")


def discovered(path: Path, out: Path, chance: random.Random) -> None:
    """List what there is, and read it."""
    found = sw.discover(path, archives=True, hidden=True, progress=False)
    str(found)
    for one in found.series[:2]:
        one.reader().update(progress=False)


def indexed(path: Path, out: Path, chance: random.Random) -> None:
    """List a folder with a damaged index of it; what is listed must not be something else."""
    folder = Path((path.parent / "of").read_text())
    listed, wanted = (str(sw.discover(folder, index=index, progress=False)) for index in (path, None))
    if listed != wanted:
        raise AssertionError(f"the damaged index tells of {listed}")


def volume(path: Path, out: Path, chance: random.Random) -> None:
    """Read a file of another format, and write it in another."""
    reader = sw.VolumeReader(path, orientation=chance.choice(["auto", "auto", "sform", "qform"]))
    try:
        str(reader.info)
    except SeriesError:
        reader = sw.VolumeReader(path, time=(0,))
    str(dict(reader.metadata))
    _checked(reader.update(progress=False))
    out.mkdir()
    suffix = chance.choice([".nii", ".nrrd", ".mha"])
    (reader >> sw.VolumeWriter(out / f"again{suffix}")).update(progress=False)


WAYS: Mapping[str, list[Way]] = {
    "dicom": [series, series, volumes, written, headers, discovered],
    "archive": [series, discovered],
    "medium": [series, discovered],
    "index": [indexed],
    "volume": [volume],
}
