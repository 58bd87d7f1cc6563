"""What is left of the headers of real series when slicewise and its peers write them again.

    python benchmarks/survival.py [--data FOLDER] [--json FILE]

Each way reads a series, leaves its pixels as they are, and writes it as a new series. Source and result are
then compared with pydicom, element by element and at every depth; see README.md beside this file.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pydicom
import SimpleITK as sitk
from pydicom import Dataset
from pydicom.uid import generate_uid

import slicewise as sw

HERE = Path(__file__).resolve().parent
DATA = Path(os.environ.get("SLICEWISE_TEST_DATA", "."))
SMALLEST_SERIES = 3
LARGEST_SERIES = 400
MAY_CHANGE = frozenset(
    pydicom.datadict.tag_for_keyword(keyword)
    for keyword in [
        "SOPInstanceUID",
        "SeriesInstanceUID",
        "SeriesNumber",
        "SeriesDescription",
        "SeriesDate",
        "SeriesTime",
        "InstanceCreationDate",
        "InstanceCreationTime",
        "InstanceCreatorUID",
        "InstanceNumber",
        "ContentDate",
        "ContentTime",
        "ImageIndex",
        "NumberOfSlices",
        "ImageType",
        "SourceImageSequence",
        "DerivationCodeSequence",
        "DerivationDescription",
        "ReferencedSeriesSequence",
        "ContributingEquipmentSequence",
        "SpecificCharacterSet",
        "ImagesInAcquisition",
        "SmallestImagePixelValue",
        "LargestImagePixelValue",
    ]
)
"""Not counted: a new series has its own, whoever writes it (and text may be in another character set)."""

Series = Sequence[Dataset]


class Score(NamedTuple):
    """What became of a series in one way."""

    series: str
    way: str
    elements: int
    kept: int
    sequences: int
    kept_sequences: int
    private: int
    kept_private: int
    sources: bool
    equipment: bool
    misplaced: float
    error: str = ""


# --- the ways ---------------------------------------------------------------------------------------


def read_with_sitk(names: list[str]) -> tuple[sitk.Image, sitk.ImageSeriesReader]:
    """Read a series with the metadata of every slice."""
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(names)
    reader.MetaDataDictionaryArrayUpdateOn()
    reader.LoadPrivateTagsOn()
    return reader.Execute(), reader


DOCUMENTED = [
    "0010|0010",
    "0010|0020",
    "0010|0030",
    "0020|000d",
    "0020|0010",
    "0008|0020",
    "0008|0030",
    "0008|0050",
    "0008|0060",
]
"""What the example "Dicom Series Read Modify Write" copies."""


def write_with_sitk(names: list[str], target: Path, *, every_tag: bool) -> None:
    """Write a series as SimpleITK's documentation does; positions follow from the volume."""
    image, reader = read_with_sitk(names)
    writer = sitk.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    direction = image.GetDirection()
    now, day = time.strftime("%H%M%S"), time.strftime("%Y%m%d")
    series = [
        ("0008|0031", now),
        ("0008|0021", day),
        ("0008|0008", "DERIVED\\SECONDARY"),
        ("0020|000e", str(generate_uid())),
        ("0020|0037", "\\".join(str(direction[k]) for k in (0, 3, 6, 1, 4, 7))),
    ]
    for k in range(image.GetDepth()):
        plane = image[:, :, k]
        tags = [t for t in reader.GetMetaDataKeys(k) if "|" in t] if every_tag else DOCUMENTED
        for tag in tags:
            if reader.HasMetaDataKey(k, tag) and not int(tag[:4], 16) & 1:
                plane.SetMetaData(tag, reader.GetMetaData(k, tag))
        for tag, value in series:
            plane.SetMetaData(tag, value)
        plane.SetMetaData("0008|0012", day)
        plane.SetMetaData("0008|0013", now)
        plane.SetMetaData("0008|0018", str(generate_uid()))
        plane.SetMetaData("0020|0032", "\\".join(map(str, image.TransformIndexToPhysicalPoint((0, 0, k)))))
        plane.SetMetaData("0020|0013", str(k))
        writer.SetFileName(str(target / f"{k:04d}.dcm"))
        writer.Execute(plane)


def by_sitk(names: list[str], target: Path) -> None:
    """Write as SimpleITK's documentation does."""
    write_with_sitk(names, target, every_tag=False)


def by_sitk_all(names: list[str], target: Path) -> None:
    """Write as SimpleITK's documentation does, copying every public tag."""
    write_with_sitk(names, target, every_tag=True)


def by_pydicom(names: list[str], target: Path) -> None:
    """Write with pydicom as one would by hand."""
    series = generate_uid()
    for k, name in enumerate(names):
        image = pydicom.dcmread(name)
        image.SeriesInstanceUID, image.SOPInstanceUID = series, generate_uid()
        image.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID
        if image.file_meta.TransferSyntaxUID.is_compressed:
            image.decompress()
        image.save_as(target / f"{k:04d}.dcm")


def by_slicewise(names: list[str], target: Path) -> None:
    """Write with slicewise."""
    reader = sw.SeriesReader(names, on_gap="keep")
    (reader >> sw.SeriesWriter(target)).update(progress=False)


WAYS: dict[str, Callable[[list[str], Path], None]] = {
    "SimpleITK, as documented": by_sitk,
    "SimpleITK, every public tag": by_sitk_all,
    "pydicom, by hand": by_pydicom,
    "slicewise": by_slicewise,
}


# --- the comparison ---------------------------------------------------------------------------------


def elements(dataset: Dataset, place: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], str, Any]]:
    """Give place, VR and value of every element at every depth; a sequence stands for its number of items."""
    for element in dataset:
        if element.tag.element == 0 or element.tag == 0x7FE00010:
            continue
        here = (*place, int(element.tag))
        if element.VR == "SQ":
            yield here, "SQ", len(element.value)
            for k, item in enumerate(element.value):
                yield from elements(item, (*here, k))
        else:
            yield here, str(element.VR), plain(element.value)


def plain(value: Any) -> Any:
    """Return a value as one compares it: numbers as numbers, text without padding."""
    if isinstance(value, pydicom.multival.MultiValue | list | tuple):
        return tuple(plain(v) for v in value)
    if isinstance(value, bytes):
        return value.rstrip(b" \0")
    if isinstance(value, int | float):
        return float(value)
    return "" if value is None else str(value).strip(" \0")


def position(image: Dataset) -> np.ndarray[Any, Any]:
    """Return the position of a slice."""
    return np.array([float(v) for v in image.ImagePositionPatient])


def along(image: Dataset) -> float:
    """Return how far a slice lies along its normal."""
    plane = np.array([float(v) for v in image.ImageOrientationPatient])
    return float(position(image) @ np.cross(plane[:3], plane[3:]))


def compared(name: str, way: str, source: Series, written: Series) -> Score:
    """Count what is kept."""
    counts: Counter[str] = Counter()
    misplaced = 0.0
    for before, after in zip(source, written, strict=True):
        found = {place: (vr, value) for place, vr, value in elements(after)}
        for place, vr, value in elements(before):
            if place[0] in MAY_CHANGE:
                continue
            kept = place in found and found[place][1] == value
            kinds = ["elements", *(["sequences"] * (vr == "SQ")), *(["private"] * (place[0] >> 16 & 1))]
            for kind in kinds:
                counts[kind] += 1
                counts[f"kept {kind}"] += kept
        misplaced = max(misplaced, float(np.linalg.norm(position(before) - position(after))))
    uids = {str(image.SOPInstanceUID) for image in source}
    return Score(
        name,
        way,
        counts["elements"],
        counts["kept elements"],
        counts["sequences"],
        counts["kept sequences"],
        counts["private"],
        counts["kept private"],
        sources=all(names_sources(image, uids) for image in written),
        equipment=all("ContributingEquipmentSequence" in image for image in written),
        misplaced=misplaced,
    )


def names_sources(image: Dataset, uids: set[str]) -> bool:
    """Return whether an image names source images, and those of this series."""
    named = {str(item.ReferencedSOPInstanceUID) for item in image.get("SourceImageSequence", [])}
    return bool(named) and named <= uids


def tried(name: str, way: str, files: Sequence[Path], source: Series) -> Score:
    """Write a series in one way, and compare."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "written"
        if way != "slicewise":
            target.mkdir()
        try:
            WAYS[way]([str(path) for path in files], target)
            written = sorted((pydicom.dcmread(path) for path in target.iterdir()), key=along)
            return compared(name, way, source, written)
        except Exception as error:  # noqa: BLE001 - a way that fails keeps nothing
            total = sum(1 for image in source for place, *_ in elements(image) if place[0] not in MAY_CHANGE)
            text = f"{type(error).__name__}: {error}"[:100]
            return Score(name, way, total, 0, 0, 0, 0, 0, sources=False, equipment=False, misplaced=np.nan, error=text)


# --- which series -----------------------------------------------------------------------------------


def series_below(root: Path) -> Iterator[tuple[str, list[Path], Series]]:
    """Give single-frame series with a plane, one slice a position, in slice order, as pydicom finds them."""
    groups: dict[tuple[Path, str], list[tuple[Path, Dataset]]] = {}
    for path in sorted(root.rglob("*")):
        if not path.is_file() or path.open("rb").read(132)[128:] != b"DICM":
            continue
        try:
            image = pydicom.dcmread(path, stop_before_pixels=True)
        except Exception:  # noqa: BLE001, S112 - files that even pydicom does not read
            continue
        if {"ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "Rows"} <= set(image.dir()):
            groups.setdefault((path.parent, str(image.SeriesInstanceUID)), []).append((path, image))
    for (folder, _), found in groups.items():
        found.sort(key=lambda pair: along(pair[1]))
        places = [along(image) for _, image in found]
        planes = {tuple(round(float(v), 3) for v in image.ImageOrientationPatient) for _, image in found}
        is_volume = len(planes) == 1 and np.all(np.diff(places) > 1e-3)
        if is_volume and SMALLEST_SERIES <= len(found) <= LARGEST_SERIES:
            yield str(folder.relative_to(root)), [path for path, _ in found], [image for _, image in found]


def share(kept: int, total: int) -> str:
    """Return a percentage."""
    return f"{100 * kept / total:.1f} %" if total else "-"


def table(scores: Sequence[Score]) -> str:
    """Return the figures of each way over all series."""
    names = list(dict.fromkeys(score.series for score in scores))
    with_private = [n for n in names if any(s.private for s in scores if s.series == n)]
    lines = [
        f"{len(names)} series, {len(with_private)} of them with private elements",
        "",
        "| way | attributes kept | mean over series | sequences | private | sources | tools | furthest off | fails |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for way in WAYS:
        own = [s for s in scores if s.way == way]
        done = [s for s in own if not s.error]
        mean = float(np.mean([s.kept / s.elements for s in own]))
        lines.append(
            f"| {way} | {share(sum(s.kept for s in own), sum(s.elements for s in own))} | {100 * mean:.1f} % "
            f"| {share(sum(s.kept_sequences for s in own), sum(s.sequences for s in own))} "
            f"| {share(sum(s.kept_private for s in own), sum(s.private for s in own))} "
            f"| {sum(s.sources for s in own)} of {len(own)} | {sum(s.equipment for s in own)} of {len(own)} "
            f"| {max((s.misplaced for s in done), default=0):.3g} mm | {len(own) - len(done)} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Compare, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, default=DATA, help="folder with real series")
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    sitk.ProcessObject.SetGlobalWarningDisplay(False)  # noqa: FBT003 - its only form
    scores = []
    for name, files, source in series_below(options.data.resolve()):
        for way in WAYS:
            score = tried(name, way, files, source)
            scores.append(score)
            print(
                f"{name[-44:]:44} {way:28} {share(score.kept, score.elements):>8} {score.misplaced:8.3f} {score.error}",
                flush=True,
            )
    print("\n" + table(scores))
    if options.json:
        options.json.write_text(json.dumps([score._asdict() for score in scores], indent=1))


if __name__ == "__main__":
    main()
