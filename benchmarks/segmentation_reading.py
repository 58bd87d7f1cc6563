"""How long a segmentation takes to read, beside highdicom, in one run.

    python benchmarks/segmentation_reading.py [--rounds N] [--slices N] [--size N] [--segments N]

A segmentation of ellipsoids is written by highdicom, as masks, cropped masks and a label map; each is read by both,
from opening the file to the label map in memory, in turn and with warm caches. Medians; values are compared.
Exits with 1 when reading is not as many times faster than highdicom as it should be.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import highdicom as hd
import numpy as np
from pydicom import Dataset, dcmread
from pydicom.sr.codedict import codes
from pydicom.uid import ExplicitVRLittleEndian

import slicewise as sw
from slicewise.io import phantom

WANTED = 3.0


def ellipsoids(slices: int, size: int, segments: int) -> np.ndarray:
    """Return a label map of ellipsoids that do not overlap."""
    z, y, x = (np.linspace(-1, 1, n, dtype=np.float32) for n in (slices, size, size))
    labels = np.zeros((slices, size, size), np.uint8)
    for k in range(segments):
        centre = np.array([-0.7 + 1.4 * k / max(segments - 1, 1), 0.4 * np.sin(k), 0.4 * np.cos(k)])
        radii = (0.3, 0.16, 0.2)
        squares = [((axis - c) / r) ** 2 for axis, c, r in zip((z, y, x), centre, radii, strict=True)]
        inside = squares[0][:, None, None] + squares[1][None, :, None] + squares[2][None, None, :] < 1
        labels[inside & (labels == 0)] = k + 1
    return labels


def sources(folder: Path, slices: int, size: int) -> list[Dataset]:
    """Return the headers of a CT series, in the order of its slices."""
    paths = phantom.ct_series(folder, slices=slices, size=(size, size))
    return [dcmread(path, stop_before_pixels=True) for path in paths]


def descriptions(segments: int) -> list[hd.seg.SegmentDescription]:
    """Return descriptions of segments."""
    return [
        hd.seg.SegmentDescription(
            segment_number=k + 1,
            segment_label=f"segment {k + 1}",
            segmented_property_category=codes.SCT.AnatomicalStructure,
            segmented_property_type=codes.SCT.Liver,
            algorithm_type="MANUAL",
        )
        for k in range(segments)
    ]


def write(path: Path, labels: np.ndarray, images: list[Dataset], kind: str, first: tuple[int, int]) -> None:
    """Write a segmentation with highdicom; ``first`` is the row and column at which the labels begin."""
    options: dict[str, Any] = {}
    if first != (0, 0):
        measures = hd.PixelMeasuresSequence(
            images[0].PixelSpacing, images[0].SliceThickness, images[0].get("SpacingBetweenSlices")
        )
        spacing = [float(v) for v in images[0].PixelSpacing]
        positions = []
        for image in images:
            corner = [float(v) for v in image.ImagePositionPatient]
            place = (corner[0] + first[1] * spacing[1], corner[1] + first[0] * spacing[0], corner[2])
            positions.append(hd.PlanePositionSequence("PATIENT", image_position=place))
        options = {"plane_positions": positions, "pixel_measures": measures}
    segmentation = hd.seg.Segmentation(
        source_images=images,
        pixel_array=labels,
        segmentation_type=kind,
        segment_descriptions=descriptions(int(labels.max())),
        series_instance_uid=hd.UID(),
        series_number=300,
        sop_instance_uid=hd.UID(),
        instance_number=1,
        manufacturer="benchmark",
        manufacturer_model_name="benchmark",
        software_versions="1",
        device_serial_number="1",
        transfer_syntax_uid=ExplicitVRLittleEndian,
        **options,
    )
    segmentation.save_as(path)


def seconds_of(read: Callable[[Path], np.ndarray], path: Path) -> tuple[float, np.ndarray]:
    """Return how long a reader takes, and what it reads."""
    start = time.perf_counter()
    array = read(path)
    return time.perf_counter() - start, array


def by_slicewise(path: Path) -> np.ndarray:
    """Read the label map with slicewise."""
    return np.asarray(sw.SegmentationReader(path).update(progress=False).array)


def by_highdicom(path: Path) -> np.ndarray:
    """Read the label map with highdicom, whose volumes run the other way along the slices."""
    volume = hd.seg.segread(path).get_volume(combine_segments=True)
    return volume.array[::-1] if volume.affine[2, 0] < 0 else volume.array


def filled(array: np.ndarray) -> tuple[int, ...]:
    """Return how many pixels each label has."""
    return tuple(np.bincount(array.reshape(-1)).tolist()[1:])


def main() -> None:
    """Measure and tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--slices", type=int, default=400)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--segments", type=int, default=10)
    asked = parser.parse_args()
    slow = []
    with tempfile.TemporaryDirectory(prefix="slicewise-benchmark-") as name:
        folder = Path(name)
        labels = ellipsoids(asked.slices, asked.size, asked.segments)
        images = sources(folder / "ct", asked.slices, asked.size)
        rows, columns = (np.flatnonzero(labels.any(axis=axes)) for axes in ((0, 2), (0, 1)))
        box = labels[:, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        cases = {
            "BINARY": (labels, "BINARY", (0, 0)),
            "BINARY, cropped": (box, "BINARY", (int(rows[0]), int(columns[0]))),
            "LABELMAP": (labels, "LABELMAP", (0, 0)),
        }
        for title, (array, kind, first) in cases.items():
            path = folder / "seg.dcm"
            write(path, array, images, kind, first)
            frames = int(dcmread(path, stop_before_pixels=True).NumberOfFrames)
            times: dict[str, list[float]] = {"slicewise": [], "highdicom": []}
            for _ in range(asked.rounds + 1):
                mine, found = seconds_of(by_slicewise, path)
                theirs, expected = seconds_of(by_highdicom, path)
                times["slicewise"].append(mine)
                times["highdicom"].append(theirs)
            if filled(found) != filled(expected) or not np.array_equal(found, expected):
                raise SystemExit(f"{title}: the values differ")
            ours, others = (statistics.median(t[1:]) for t in times.values())
            print(
                f"{title:16} {frames:5} frames, {path.stat().st_size / 1e6:6.1f} MB   slicewise {ours:6.3f} s   "
                f"highdicom {others:6.3f} s   {others / ours:5.1f} times"
            )
            slow += [title] if others / ours < WANTED else []
    if slow:
        raise SystemExit(f"less than {WANTED:g} times faster than highdicom: {', '.join(slow)}")


if __name__ == "__main__":
    main()
