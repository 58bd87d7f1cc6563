"""Every folder of real images is opened with the right volumes, slices, grid and values, or refused in words."""

from __future__ import annotations

import warnings

import numpy as np
import pydicom
import pytest
from case_table import FILES, SEGMENTS, SERIES, Read, Refused

import slicewise as sw
from witnesses import all_by_dcm2niix, on_grid_of

pytestmark = pytest.mark.data

ROWS = [*SERIES, *FILES]
SINGLE_PRECISION = 2 * float(np.finfo(np.float32).eps)


def name_of(row):
    options = ",".join(f"{key}={value}" for key, value in row.options.items())
    kind = "refused" if isinstance(row, Refused) else "read"
    return f"{kind}-{row.path}-{row.files}-{options}"


def files_of(row, data):
    """Return the files of a row; those of other formats, which lie beside some, are left out by the pattern."""
    case, _, rest = row.path.partition("/")
    path = data(case) / rest
    if path.is_file():
        return [path]
    other = {".md", ".txt", ".nrrd", ".json", ".jpg", ".png", ".gz", ".mha"}
    found = [p for p in path.rglob(row.files) if p.is_file() and p.suffix not in other]
    return sorted(p for p in found if p.name not in ("LICENSE", "README"))


def volumes_of(row, data):
    return sw.read_volumes(files_of(row, data), **row.options)


def read_all(row, data):
    return [node.update(progress=False) for node in volumes_of(row, data)]


@pytest.mark.parametrize("row", [r for r in ROWS if isinstance(r, Read)], ids=name_of)
def test_it_opens_with_its_volumes_slices_and_values(row, data):
    volumes = volumes_of(row, data)
    assert [node.shape for node in volumes] == [*row.volumes]
    assert [len(node.headers) for node in volumes] == [shape[0] for shape in row.volumes]
    images = [node.update(progress=False) for node in volumes]
    found = min(image.array.min() for image in images), max(image.array.max() for image in images)
    assert found == pytest.approx(row.values, rel=SINGLE_PRECISION, abs=0)
    assert all(image.dtype == node.dtype for image, node in zip(images, volumes, strict=True))


@pytest.mark.filterwarnings("ignore::slicewise.errors.SlicewiseWarning")
@pytest.mark.parametrize("row", [r for r in ROWS if isinstance(r, Refused)], ids=name_of)
def test_it_is_refused_in_words(row, data):
    with pytest.raises(getattr(sw.errors, row.error), match=row.says) as refusal:
        read_all(row, data)
    assert len(str(refusal.value)) > 40


@pytest.mark.parametrize("row", [r for r in ROWS if isinstance(r, Read) and "on_no_plane" in r.options], ids=name_of)
def test_images_without_a_place_in_the_patient_are_taken_only_when_asked_for(row, data):
    with pytest.raises(sw.errors.SeriesError, match="on_no_plane"):
        sw.SeriesReader(files_of(row, data)).info  # noqa: B018 - asking is what raises


def test_every_file_at_hand_is_in_the_table(data):
    root = data("charsets").parent
    listed = {path for row in (*ROWS, *SEGMENTS) for path in files_of(row, data)}
    passed_over = {*listed, *root.glob("volumes/*"), *root.glob("_licences/**/*"), root / "README.md"}
    others = [path for path in root.rglob("*") if path.is_file() and path not in passed_over]
    dicom = [path for path in others if is_dicom(path)]
    # Copies of one image, and directories, have tests of their own.
    assert {path.relative_to(root).parts[0] for path in dicom} <= {"dicomdir"}
    assert all(path.name.startswith("DICOMDIR") for path in dicom)


def is_dicom(path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            pydicom.dcmread(path, stop_before_pixels=True)
        except pydicom.errors.InvalidDicomError:
            return False
    return True


# --- the same from readers of other people ---------------------------------------------------------

STRAIGHTENED = {"ct-ge-tilt", "dicomdir/77654033/CT2", "defect-slice-increment", "dicomdir/98892001/CT2N"}
"""dcm2niix makes even boxes of uneven stacks, and one of a frontal and a lateral scout."""
OTHER_SCALE = {"mr-enhanced/philips_enhanced/anatomical/001", "mr-enhanced/philips_enhanced/dti/001"}
"""dcm2niix undoes the scanner's own scaling, too: values='philips'."""
NOT_DECODED = {"compressed-series/compressed_jpegls/001", "mr-jpegll-fragments-24"}
"""Transfer syntaxes or fragments that dcm2niix cannot decode."""
COMPARED = [
    row
    for row in SERIES
    if isinstance(row, Read) and "on_no_plane" not in row.options and row.files == "*"
    if row.path not in STRAIGHTENED | NOT_DECODED
]


@pytest.mark.tool
@pytest.mark.parametrize("row", COMPARED, ids=name_of)
def test_each_volume_is_on_the_grid_and_of_the_values_of_dcm2niix(row, data, tmp_path):
    case, _, rest = row.path.partition("/")
    theirs = all_by_dcm2niix(data(case) / rest, tmp_path / "nifti")
    options = {"values": "philips"} if row.path in OTHER_SCALE else {}
    ours = [node.update(progress=False) for node in sw.read_volumes(files_of(row, data), **options)]
    assert len(ours) == len(theirs)
    for k, image in enumerate(ours):
        same = [volume for volume in theirs if is_same(image, volume)]
        assert same, f"volume {k} is none of dcm2niix's"
        theirs = [volume for volume in theirs if volume is not same[0]]


def is_same(image, volume):
    affine = image.geometry.affine
    try:
        found = on_grid_of(volume, affine)
    except AssertionError:
        return False
    if found.array.shape != image.array.shape:
        return False
    corners = np.array([[0, 0, 0, 1], [*(n - 1 for n in image.array.shape[2::-1]), 1]]).T
    near = np.abs(found.affine @ corners - affine @ corners).max() < 0.02
    return bool(near and np.allclose(found.array, image.array, rtol=1e-5, atol=1e-6 * np.abs(image.array).max()))
