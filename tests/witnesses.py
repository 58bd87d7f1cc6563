"""Programs and libraries of other people, asked what they see in a series.

Nothing here looks at slicewise: what a witness says is what is expected of it.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import nibabel
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from pydicom import Dataset

Array = np.ndarray
Key = tuple[int | str, ...]


class Volume(NamedTuple):
    """Values (slices, rows, columns[, components]) and the matrix from (column, row, slice) to LPS in mm."""

    array: Array
    affine: Array


def tool(name: str) -> str:
    """Return the path of a program; the test is skipped where it is not installed."""
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not installed")
    return path


# --- pydicom ---------------------------------------------------------------------------------------


def dicom_files(folder: Path) -> list[Path]:
    """Return the DICOM files of a folder, by name."""
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.read_bytes()[128:132] == b"DICM")


def datasets(paths: Sequence[Path], *, pixels: bool = True) -> list[Dataset]:
    """Return files as pydicom reads them, in slice order; it is asked to be lenient, not silent about values."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = [pydicom.dcmread(path, stop_before_pixels=not pixels) for path in paths]
    return sorted(found, key=lambda ds: float(position(ds) @ normal(ds)))


def position(dataset: Dataset) -> Array:
    """Return where the first voxel is."""
    return np.array(dataset.ImagePositionPatient, float)


def normal(dataset: Dataset) -> Array:
    """Return the direction across the slice."""
    plane = np.array(dataset.ImageOrientationPatient, float)
    across = np.cross(plane[:3], plane[3:])
    return across / np.linalg.norm(across)


def affine_of(slices: Sequence[Dataset]) -> Array:
    """Return the matrix from (column, row, slice) to LPS, as the standard says (PS3.3, C.7.6.2.1.1)."""
    first, last = slices[0], slices[-1]
    plane = np.array(first.ImageOrientationPatient, float)
    down, along = (float(v) for v in first.PixelSpacing)
    step = normal(first) * float(first.get("SpacingBetweenSlices") or first.get("SliceThickness") or 1)
    if len(slices) > 1:
        step = (position(last) - position(first)) / (len(slices) - 1)
    affine = np.eye(4)
    affine[:3, 0], affine[:3, 1] = plane[:3] * along, plane[3:] * down
    affine[:3, 2], affine[:3, 3] = step, position(first)
    return affine


def modality_values(dataset: Dataset) -> Array:
    """Return slope times stored value plus intercept, in double precision.

    pydicom takes uncompressed pixels from the file; compressed ones are left to SimpleITK, which has its own codecs.
    """
    if dataset.file_meta.TransferSyntaxUID.is_compressed:
        return sitk.GetArrayFromImage(sitk.ReadImage(str(dataset.filename)))[0].astype(np.float64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        stored = dataset.pixel_array
    slope, intercept = float(dataset.get("RescaleSlope", 1)), float(dataset.get("RescaleIntercept", 0))
    return stored.astype(np.float64) * slope + intercept


def by_pydicom(paths: Sequence[Path]) -> Volume:
    """Return a series as pydicom decodes it."""
    slices = datasets(paths)
    return Volume(np.stack([modality_values(ds) for ds in slices]), affine_of(slices))


class Element(NamedTuple):
    """An element as pydicom decodes it; a sequence stands for the number of its items."""

    keyword: str
    vr: str
    value: Any


def elements(dataset: Dataset, place: Key = ()) -> Iterator[tuple[Key, Element]]:
    """Give every element at every depth but file meta, group lengths and pixels, with its place.

    Places are tags; an item of a sequence is its number. Private elements stand under their creator.
    """
    for raw in dataset:
        tag = raw.tag
        if tag.element == 0 or tag in (0x7FE00010, 0xFFFCFFFC):
            continue
        here = (*place, int(tag)) if not tag.is_private else (*place, int(tag), str(raw.private_creator or ""))
        if raw.VR == "SQ":
            yield here, Element(raw.keyword, "SQ", len(raw.value))
            for number, item in enumerate(raw.value):
                yield from elements(item, (*here, number))
        else:
            yield here, Element(raw.keyword, str(raw.VR), plain(raw.value))


def plain(value: Any) -> Any:
    """Return a decoded value in a form that compares by what is written, digits included."""
    if value is None or value == "":
        return ""
    if isinstance(value, bytes):
        return value
    if isinstance(value, pydicom.multival.MultiValue | list | tuple):
        return tuple(plain(v) for v in value)
    text = getattr(value, "original_string", None)
    return str(text if text is not None else value).strip(" \0")


def all_elements(path: Path) -> dict[Key, Element]:
    """Return all elements of a file at every depth."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return dict(elements(pydicom.dcmread(path, stop_before_pixels=True)))


# --- SimpleITK, highdicom, dcm2niix ----------------------------------------------------------------


def sitk_image(folder_or_paths: Path | Sequence[Path]) -> sitk.Image:
    """Return a series as SimpleITK reads it, ordered by GDCM."""
    if isinstance(folder_or_paths, Path):
        names = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder_or_paths))
    else:
        names = [str(path) for path in folder_or_paths]
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(names)
    return reader.Execute()


def by_sitk(folder_or_paths: Path | Sequence[Path]) -> Volume:
    """Return a series as SimpleITK reads it."""
    image = sitk_image(folder_or_paths)
    return Volume(sitk.GetArrayFromImage(image), sitk_affine(image))


def sitk_affine(image: sitk.Image) -> Array:
    """Return the matrix from (column, row, slice) to LPS of an image."""
    affine = np.eye(4)
    affine[:3, :3] = np.array(image.GetDirection()).reshape(3, 3) * image.GetSpacing()
    affine[:3, 3] = image.GetOrigin()
    return affine


def by_highdicom(paths: Sequence[Path]) -> Volume:
    """Return a series as highdicom reads it."""
    highdicom = pytest.importorskip("highdicom")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about headers that the source wrote
        found = [highdicom.imread(path) for path in paths]
        volume = highdicom.get_volume_from_series(found)
    # Its matrix takes (slice, row, column).
    affine = np.array(volume.affine)[:, [2, 1, 0, 3]]
    return Volume(np.asarray(volume.array), affine)


def by_dcm2niix(folder: Path, target: Path) -> Volume:
    """Return a series as dcm2niix converts it and nibabel reads it, in LPS."""
    found = all_by_dcm2niix(folder, target)
    assert len(found) == 1, f"dcm2niix made {len(found)} volumes"
    return found[0]


def all_by_dcm2niix(folder: Path, target: Path) -> list[Volume]:
    """Return all volumes that dcm2niix makes of a folder, those of 4-D files one by one."""
    program = tool("dcm2niix")
    target.mkdir()
    options = ["-z", "n", "-b", "n", "-v", "0", "-f", "image_%s_%e_%r", "-s", "n" if folder.is_dir() else "y"]
    done = subprocess.run([program, *options, "-o", target, folder], capture_output=True, text=True, check=False)
    made = sorted(target.glob("*.nii"))
    assert made, f"dcm2niix made nothing: {done.stdout}{done.stderr}"
    return [volume for path in made for volume in _of_nifti(nibabel.load(path))]


def _of_nifti(image: Any) -> list[Volume]:
    values = np.asanyarray(image.dataobj)
    affine = np.diag([-1.0, -1.0, 1.0, 1.0]) @ image.affine
    if values.dtype.names:
        values = np.stack([values[name] for name in values.dtype.names], axis=-1)
        return [Volume(np.swapaxes(values, 0, 2), affine)]
    times = np.moveaxis(values, 3, 0) if values.ndim == 4 else values[np.newaxis]
    return [Volume(np.swapaxes(one, 0, 2), affine) for one in times]


def on_grid_of(volume: Volume, affine: Array) -> Volume:
    """Return a volume with its axes exchanged and turned as another grid has them.

    Only axes change; that the two grids are one is for the caller to check.
    """
    between = np.linalg.inv(affine) @ volume.affine
    steps = np.rint(between[:3, :3])
    assert np.allclose(np.abs(steps).sum(axis=0), 1), f"no common axes: {between}"
    assert np.allclose(np.abs(steps).sum(axis=1), 1), f"no common axes: {between}"
    order = [int(np.argmax(np.abs(steps[k]))) for k in range(3)]  # axis of the other grid from which axis of ours
    signs = [steps[k, order[k]] for k in range(3)]
    array, new = volume.array, volume.affine.copy()
    sizes = array.shape[2::-1]
    for k in range(3):
        if signs[k] < 0:
            axis = order[k]
            array = np.flip(array, 2 - axis)
            new[:3, 3] += new[:3, axis] * (sizes[axis] - 1)
            new[:3, axis] *= -1
    axes = [2 - order[2 - k] for k in range(3)] + list(range(3, array.ndim))
    new[:, :3] = new[:, order]
    return Volume(np.transpose(array, axes), new)


# --- dciodvfy, dcentvfy, dcmdump -------------------------------------------------------------------


def findings_of_dciodvfy(path: Path) -> set[str]:
    """Return the errors that dciodvfy finds, without what only says where it was found."""
    done = subprocess.run([tool("dciodvfy"), path], capture_output=True, check=False)
    return _errors(done.stderr + done.stdout)


def findings_of_dcentvfy(paths: Sequence[Path]) -> set[str]:
    """Return the errors that dcentvfy finds between files that belong together."""
    done = subprocess.run([tool("dcentvfy"), *paths], capture_output=True, check=False)
    return _errors(done.stderr + done.stdout)


def _errors(output: bytes) -> set[str]:
    lines = output.decode("utf-8", "replace").splitlines()
    return {_normalised(line) for line in lines if line.startswith("Error")}


def _normalised(line: str) -> str:
    line = re.sub(r"/\S+", "<file>", line)
    line = re.sub(r"\b\d+(\.\d+){4,}\b", "<uid>", line)
    line = re.sub(r"<[^<>]*>", lambda m: m[0] if re.fullmatch(r"<[A-Za-z]\w*>", m[0]) else "<value>", line)
    return re.sub(r"[-+]?\b\d+(\.\d+)?([eE][-+]?\d+)?\b", "#", line)


def findings_of_dcmdump(path: Path) -> set[str]:
    """Return the warnings and errors of dcmdump, without names of files and offsets."""
    done = subprocess.run([tool("dcmdump"), path], capture_output=True, check=False)
    lines = done.stderr.decode("utf-8", "replace").splitlines()
    found = {_normalised(line) for line in lines if line.startswith(("W:", "E:", "F:"))}
    return found | ({f"exit code {done.returncode}"} if done.returncode else set())
