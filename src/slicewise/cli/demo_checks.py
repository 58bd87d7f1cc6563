"""What ``slicewise demo`` checks of a derived series, with other people's readers as witnesses."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pydicom
from pydicom.dataset import Dataset

from slicewise.image import Action, Image, space_differences
from slicewise.io.listing import list_files
from slicewise.io.series_reader import SeriesReader
from slicewise.io.series_writer import Written
from slicewise.io.stored_files import StoredFile

__all__ = ["Check", "Evidence", "checks"]

Array = npt.NDArray[Any]


class Check(NamedTuple):
    """What was looked at, and whether it is right; None if it could not be looked at."""

    passed: bool | None
    claim: str
    found: str = ""


class Evidence(NamedTuple):
    """What there is to compare: what was computed, what was written, and the headers on both sides by pydicom."""

    result: Image
    written: Written
    first_source: bytes
    sources: Mapping[str, Dataset]
    derived: Sequence[Dataset]

    @classmethod
    def gather(cls, source_files: Sequence[Path], result: Image, written: Written) -> Evidence:
        """Read headers with pydicom."""
        stored = list_files(source_files)
        sources = [pydicom.dcmread(BytesIO(_bytes(file)), stop_before_pixels=True) for file in stored]
        derived = [pydicom.dcmread(path, stop_before_pixels=True) for path in written.paths]
        by_uid = {str(dataset.SOPInstanceUID): dataset for dataset in sources}
        return cls(result, written, _bytes(stored[0]), by_uid, derived)

    @property
    def tolerance(self) -> float:
        """How far a value read back may be from the one computed: what the report owns up to, and rounding."""
        return self.written.report.largest_error * 1.001 + 1e-5 * float(np.abs(self.result.array).max())

    def of_source(self, dataset: Dataset) -> Dataset | None:
        """Return the source slice in the plane of a derived one."""
        for item in dataset.get("SourceImageSequence", ()):
            source = self.sources.get(str(item.ReferencedSOPInstanceUID))
            if source is not None and _same_plane(source, dataset):
                return source
        return None


def checks(evidence: Evidence) -> Iterator[Check]:
    """Look at a derived series from all sides."""
    kinds: tuple[Callable[[Evidence], Check], ...] = (
        _by_slicewise,
        _by_pydicom,
        _by_simpleitk,
        _marked,
        _references,
        _identifiers,
        _headers,
        _dciodvfy,
    )
    return (kind(evidence) for kind in kinds)


def _by_slicewise(evidence: Evidence) -> Check:
    again = SeriesReader(evidence.written.paths, on_gap="keep").update(progress=False)
    apart = space_differences(evidence.result.geometry, again.geometry)
    worst = _worst(evidence.result.array, again.array)
    return Check(
        not apart and worst <= evidence.tolerance,
        "slicewise reads the same grid and the same values",
        "; ".join(apart) or f"largest difference {worst:.3g}",
    )


def _by_pydicom(evidence: Evidence) -> Check:
    worst = 0.0
    for path, expected in zip(evidence.written.paths, evidence.result.array, strict=True):
        dataset = pydicom.dcmread(path)
        slope, intercept = float(dataset.get("RescaleSlope", 1)), float(dataset.get("RescaleIntercept", 0))
        worst = max(worst, _worst(expected, dataset.pixel_array * slope + intercept))
    return Check(worst <= evidence.tolerance, "pydicom reads the same values", f"largest difference {worst:.3g}")


def _by_simpleitk(evidence: Evidence) -> Check:
    import SimpleITK as sitk

    geometry = evidence.result.geometry
    claim = "SimpleITK reads the same grid and the same values"
    if not geometry.is_regular or geometry.slices < 2:
        return Check(
            None, claim, "a stack that is sheared, uneven or of one slice is not for SimpleITK's series reader"
        )
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames([str(path) for path in evidence.written.paths])
    image = reader.Execute()
    pairs = [
        (image.GetSize(), geometry.size),
        (image.GetSpacing(), geometry.spacing),
        (image.GetOrigin(), geometry.origin),
        (image.GetDirection(), geometry.direction.ravel()),
    ]
    apart = max(float(np.abs(np.asarray(a, float) - np.asarray(b, float)).max()) for a, b in pairs)
    worst = _worst(evidence.result.array, sitk.GetArrayViewFromImage(image))
    # Positions stand in files as decimals of sixteen characters.
    same_grid = apart < 1e-3 * min(geometry.spacing)
    return Check(
        same_grid and worst <= evidence.tolerance, claim, f"largest difference {worst:.3g}, of the grid {apart:.1g}"
    )


def _worst(expected: Array, found: Array) -> float:
    if expected.shape != found.shape:
        return float("inf")
    return float(np.abs(expected.astype(np.float64) - found).max())


def _marked(evidence: Evidence) -> Check:
    wanted = ("SourceImageSequence", "DerivationDescription", "ContributingEquipmentSequence")
    unmarked = [
        dataset
        for dataset in evidence.derived
        if dataset.ImageType[0] != "DERIVED" or not all(dataset.get(keyword) for keyword in wanted)
    ]
    first = evidence.derived[0]
    return Check(
        not unmarked,
        "every slice is marked as derived, and says how",
        f"{chr(92).join(first.ImageType)}; {first.get('DerivationDescription', 'no description')}",
    )


def _references(evidence: Evidence) -> Check:
    named = [
        [str(item.ReferencedSOPInstanceUID) for item in dataset.get("SourceImageSequence", ())]
        for dataset in evidence.derived
    ]
    lost = {uid for uids in named for uid in uids} - evidence.sources.keys()
    fewest, most = min(map(len, named)), max(map(len, named))
    count = f"{fewest}" if fewest == most else f"{fewest} to {most}"
    return Check(
        not lost and fewest > 0,
        "every slice names the source images it comes from, and these exist",
        f"{count} a slice" + (f"; {len(lost)} are not in the source" if lost else ""),
    )


def _identifiers(evidence: Evidence) -> Check:
    new = [str(dataset.SOPInstanceUID) for dataset in evidence.derived]
    series = {str(dataset.SeriesInstanceUID) for dataset in evidence.derived}
    old = evidence.sources.keys() | {str(dataset.SeriesInstanceUID) for dataset in evidence.sources.values()}
    reused = (set(new) | series) & old
    return Check(
        not reused and len(set(new)) == len(new) and len(series) == 1,
        "no identifier of the source is used again",
        f"{len(new)} new instances in one new series" + (f"; {len(reused)} reused" if reused else ""),
    )


def _headers(evidence: Evidence) -> Check:
    """Compare, by pydicom, each slice with the source slice in its plane; the report has to own up to every change."""
    owned = {row.tag for row in evidence.written.report.rows if row.action is not Action.KEPT}
    matched = same = 0
    unexplained: set[str] = set()
    for dataset in evidence.derived:
        source = evidence.of_source(dataset)
        if source is None:
            continue
        matched += 1
        for element in source:
            if element.tag in dataset and dataset[element.tag] == element:
                same += 1
            elif int(element.tag) not in owned:
                unexplained.add(element.keyword or str(element.tag))
    claim = "what changed in the headers, the report says; all else is as in the source"
    if not matched:
        return Check(None, claim, "no slice lies in the plane of a source slice, so nothing can be compared one by one")
    return Check(
        not unexplained,
        claim,
        f"{same} attributes on {matched} slices are identical, by pydicom"
        + (f"; unexplained: {', '.join(sorted(unexplained))}" if unexplained else ""),
    )


def _bytes(file: StoredFile) -> bytes:
    with file.open() as opened:
        return opened.read_at(opened.size, 0)


def _same_plane(source: Dataset, derived: Dataset) -> bool:
    orientation = np.array(source.ImageOrientationPatient, float)
    if np.abs(orientation - np.array(derived.ImageOrientationPatient, float)).max() > 1e-4:
        return False
    normal = np.cross(orientation[:3], orientation[3:])
    apart = np.subtract(source.ImagePositionPatient, derived.ImagePositionPatient).astype(float)
    return bool(abs(apart @ normal) < 1e-3)


def _dciodvfy(evidence: Evidence) -> Check:
    claim = "dciodvfy finds no error that the source does not have"
    if shutil.which("dciodvfy") is None:
        return Check(None, claim, "not installed (Debian: dicom3tools)")
    with tempfile.NamedTemporaryFile() as source:  # a member of an archive is no file to another program
        source.write(evidence.first_source)
        source.flush()
        before = _errors([Path(source.name)])
    after = _errors([evidence.written.paths[0], evidence.written.paths[-1]])
    new = sorted(after - before)
    return Check(not new, claim, "; ".join(new) or f"source: {len(before)} errors, derived: {len(after)}")


def _errors(files: Sequence[Path]) -> set[str]:
    found: set[str] = set()
    for file in files:
        told = subprocess.run(  # noqa: S603
            ["dciodvfy", str(file)],  # noqa: S607 - looked for on the path
            capture_output=True,
            check=False,
        )
        found |= {line for line in told.stderr.decode("utf-8", "replace").splitlines() if line.startswith("Error")}
    return found
