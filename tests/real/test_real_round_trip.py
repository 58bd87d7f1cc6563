"""What is written is what was computed: four programs read the same grid and the same values."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from cases import CROP

import slicewise as sw
from witnesses import (
    Volume,
    by_dcm2niix,
    by_highdicom,
    by_pydicom,
    by_sitk,
    datasets,
    normal,
    on_grid_of,
    position,
)

pytestmark = pytest.mark.data

GRID_TOLERANCE = 1e-3  # mm, over the whole volume; NIfTI holds its matrix in single precision
FLOAT32 = float(np.finfo(np.float32).eps)


def expected(result) -> Volume:
    """Return what must come out, computed by pydicom, numpy and SimpleITK from the source files."""
    source = by_pydicom(result.source)
    # Values that are not integer are held in single precision.
    array = source.array if np.array_equal(source.array, np.rint(source.array)) else source.array.astype(np.float32)
    if result.way.name == "crop":
        affine = source.affine.copy()
        affine[:3, 3] += affine[:3, :3] @ [CROP[2].start, CROP[1].start, CROP[0].start]
        return Volume(array[CROP], affine)
    if result.way.name == "median":
        return Volume(median(array), source.affine)
    if result.way.name == "resample":
        return resampled(source._replace(array=array), result)
    return Volume(array, source.affine)


def median(array):
    if array.ndim == 3:
        return sitk.GetArrayFromImage(sitk.Median(sitk.GetImageFromArray(array), [1, 1, 1]))
    return np.stack([median(array[..., k]) for k in range(array.shape[-1])], axis=-1)


def resampled(source: Volume, result) -> Volume:
    """Return the source interpolated: within slices by SimpleITK, between them by numpy at their true places."""
    size = np.array(source.array.shape[2::-1])
    spacing = np.linalg.norm(source.affine[:3, :3], axis=0)
    new_size, wanted = np.array(result.node.geometry.size), 1.3 * spacing
    # As many voxels as fit, centred on the old extent.
    assert np.all(np.abs(new_size * wanted - size * spacing) <= wanted / 2 * (1 + 1e-6))
    first = ((size - 1) - (new_size - 1) * 1.3) / 2  # in voxels of the source
    affine = source.affine @ np.diag([1.3, 1.3, 1.3, 1.0])
    affine[:3, 3] += source.affine[:3, :3] @ first
    channels = source.array[..., None] if source.array.ndim == 3 else source.array
    planes = np.stack([within_slices(channels[..., k], new_size, first) for k in range(channels.shape[-1])], axis=-1)
    slices = datasets(result.source, pixels=False)
    places = np.array([position(ds) @ normal(slices[0]) for ds in slices])
    step = (places[-1] - places[0]) / (len(places) - 1)
    array = between_slices(planes, places, places[0] + step * (first[2] + 1.3 * np.arange(new_size[2])))
    return Volume(array if source.array.ndim == 4 else array[..., 0], affine)


def within_slices(array, new_size, first):
    image = sitk.GetImageFromArray(array.astype(np.float64))
    sampling = sitk.ResampleImageFilter()
    sampling.SetSize([int(new_size[0]), int(new_size[1]), array.shape[0]])
    sampling.SetOutputOrigin([float(first[0]), float(first[1]), 0.0])
    sampling.SetOutputSpacing([1.3, 1.3, 1.0])
    sampling.SetInterpolator(sitk.sitkLinear)
    sampling.UseNearestNeighborExtrapolatorOn()
    return sitk.GetArrayFromImage(sampling.Execute(image))


def between_slices(array, places, wanted):
    below = np.clip(np.searchsorted(places, wanted, side="right") - 1, 0, len(places) - 2)
    share = np.clip((wanted - places[below]) / (places[below + 1] - places[below]), 0, 1)
    share = share.reshape(-1, *[1] * (array.ndim - 1))
    return array[below] * (1 - share) + array[below + 1] * share


def allowed_error(result) -> float:
    """Return how far a value may be off: the error stated, and the rounding of single precision."""
    return result.written.report.largest_error


@pytest.fixture(scope="module")
def wanted(result):
    return expected(result)


def assert_same_grid(found: Volume, wanted: Volume, tolerance=GRID_TOLERANCE):
    assert found.array.shape == wanted.array.shape
    ends = np.array([[0, 0, 0, 1], [*(n - 1 for n in wanted.array.shape[2::-1]), 1]], float).T
    assert np.abs((found.affine - wanted.affine) @ ends).max() < tolerance


def assert_same_values(found: Volume, wanted: Volume, result):
    """Values are the wanted ones to the stated error; interpolated integers are rounded."""
    integer = result.node.dtype.kind in "iu"
    slack = allowed_error(result) + 2 * FLOAT32 * float(np.abs(wanted.array).max())
    difference = float(np.abs(found.array.astype(np.float64) - wanted.array).max())
    rounding = 0.5 + 1e-9 if integer and result.way.name == "resample" else 0.0
    assert difference <= slack + rounding


def test_the_stated_error_is_within_half_a_step_of_the_largest_slope(result):
    steps = [abs(float(ds.get("RescaleSlope", 1))) for ds in datasets(result.written.paths, pixels=False)]
    assert 0 <= result.written.report.largest_error <= max(steps) / 2 * (1 + 1e-6)


def test_pydicom_reads_the_values_and_positions_that_were_computed(result, wanted):
    found = by_pydicom(result.written.paths)
    assert_same_values(found, wanted, result)
    if result.case.even:
        assert_same_grid(found, wanted)
    written = datasets(result.written.paths, pixels=False)
    promised = result.node.geometry.positions
    assert np.abs(np.array([position(ds) for ds in written]) - promised).max() < 1e-6


def test_slicewise_reads_again_what_it_wrote(result, wanted):
    again = sw.SeriesReader(result.written.folder, **result.case.reader).update(progress=False)
    assert_same_values(Volume(again.array, np.eye(4)), wanted, result)
    assert again.geometry.size == result.node.geometry.size
    assert np.abs(again.geometry.positions - result.node.geometry.positions).max() < 1e-6
    assert np.allclose(again.geometry.pixel_spacing, result.node.geometry.pixel_spacing, rtol=1e-7)
    assert np.allclose(again.geometry.row_direction, result.node.geometry.row_direction, atol=1e-7)


def test_simpleitk_reads_the_same_grid_and_values(result, wanted):
    found = by_sitk(result.written.folder)
    assert_same_values(found, wanted, result)
    if result.case.even:
        assert_same_grid(found, wanted, shear(wanted) + GRID_TOLERANCE)


def shear(volume: Volume) -> float:
    """Return how far in mm the last slice lies beside where ITK, which knows no shear, puts it."""
    across = np.cross(volume.affine[:3, 0], volume.affine[:3, 1])
    across /= np.linalg.norm(across)
    step = volume.affine[:3, 2]
    return float(np.linalg.norm(step - across * np.linalg.norm(step))) * len(volume.array)


def test_highdicom_reads_the_same_grid_and_values(result, wanted):
    try:
        by_highdicom(result.source)
    except ValueError as refusal:
        pytest.skip(f"highdicom does not take the source for a volume: {refusal}")
    except RuntimeError as refusal:
        assert "decompress" in str(refusal)  # noqa: PT017 - it may still read what is written uncompressed
    found = on_grid_of(by_highdicom(result.written.paths), wanted.affine)
    assert_same_grid(found, wanted)
    assert_same_values(found, wanted, result)


@pytest.mark.tool
def test_dcm2niix_makes_the_same_grid_and_values(result, wanted, tmp_path):
    if not result.case.even:
        pytest.skip("dcm2niix straightens tilted and uneven stacks")
    found = on_grid_of(by_dcm2niix(result.written.folder, tmp_path / "nifti"), wanted.affine)
    # It takes the distance of the first two slices, in single precision, for that of all.
    first = datasets(result.written.paths, pixels=False)[:2]
    apart = float((position(first[1]) - position(first[0])) @ normal(first[0]))
    off = abs(apart - np.linalg.norm(wanted.affine[:3, 2])) + FLOAT32 * np.abs(wanted.affine).max()
    assert_same_grid(found, wanted, GRID_TOLERANCE + len(found.array) * off)
    assert_same_values(found, wanted, result)
