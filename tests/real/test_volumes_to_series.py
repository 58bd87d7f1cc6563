"""Real volumes of other formats become DICOM series, on whose grid and values nibabel, SimpleITK and dcm2niix agree."""

from __future__ import annotations

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk

import slicewise as sw
from witnesses import (
    Volume,
    all_by_dcm2niix,
    by_pydicom,
    by_sitk,
    dicom_files,
    findings_of_dciodvfy,
    on_grid_of,
    sitk_affine,
)

VOLUMES = [
    "CT_pitch.nii.gz",
    "anatomical.nii",
    "brain1_image.nrrd",
    "brain1_label.nrrd",
    "breast1_image.nrrd",
    "chris_MRA.nii.gz",
    "derived_from_imagedata_Image_00000.vtk",
    "prostate_phantom_subvolume.nrrd",
]
LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


def original(path):
    """Return values (slices, rows, columns) and affine in LPS as nibabel, or SimpleITK, reads them."""
    if ".nii" in path.name:
        image = nibabel.load(path)
        return np.asarray(image.dataobj).T, LPS @ image.affine
    image = sitk.ReadImage(str(path))
    return sitk.GetArrayFromImage(image), sitk_affine(image)


def agrees(found, values, affine, error):
    """Whether a volume has the values at the places, whatever the order of its axes."""
    turned = on_grid_of(found, affine)
    np.testing.assert_allclose(turned.affine, affine, atol=2e-4)
    np.testing.assert_allclose(turned.array, values, atol=error * 1.0001 + 1e-9, rtol=0)


@pytest.mark.parametrize("modality", ["MR", "CT", "OT"])
@pytest.mark.parametrize("name", VOLUMES)
def test_grid_and_values_are_those_of_the_file(data, tmp_path, name, modality):
    path = data("volumes") / name
    values, affine = original(path)
    node = sw.VolumeReader(path) >> sw.NewSeries(modality) >> sw.SeriesWriter(tmp_path / "out")
    written = node.update(progress=False)
    error = written.report.largest_error
    assert error <= (np.ptp(values) / 65000 if values.dtype.kind == "f" else 0)
    agrees(by_pydicom(written.paths), values, affine, error)
    agrees(by_sitk(tmp_path / "out"), values, affine, error)
    back = sw.SeriesReader(tmp_path / "out").update(progress=False)
    agrees(Volume(back.array, back.geometry.affine), values, affine, error)
    for k in (0, len(written.paths) // 2, -1):
        assert findings_of_dciodvfy(written.paths[k]) == set()


@pytest.mark.parametrize("name", ["anatomical.nii", "brain1_image.nrrd", "chris_MRA.nii.gz"])
def test_dcm2niix_makes_the_same_volume_again(data, tmp_path, name):
    path = data("volumes") / name
    values, affine = original(path)
    node = sw.VolumeReader(path) >> sw.NewSeries("MR") >> sw.SeriesWriter(tmp_path / "out")
    written = node.update(progress=False)
    (found,) = all_by_dcm2niix(tmp_path / "out", tmp_path / "nii")
    agrees(found, values, affine, written.report.largest_error)


def test_all_times_of_a_file_become_one_series(data, tmp_path):
    path = data("volumes") / "example4d.nii.gz"
    image = nibabel.load(path)
    stack = sw.Stack([sw.VolumeReader(path, time=k) for k in range(image.shape[3])], axis="time")
    (stack >> sw.NewSeries("MR") >> sw.SeriesWriter(tmp_path / "out")).update(progress=False)
    assert len(dicom_files(tmp_path / "out")) == image.shape[2] * image.shape[3]
    volumes = sw.read_volumes(tmp_path / "out")
    assert len(volumes.names) == image.shape[3]
    for k, volume in enumerate(volumes):
        array = volume.update(progress=False)
        found = on_grid_of(by_pydicom(volume.files), LPS @ image.affine)
        np.testing.assert_array_equal(found.array, np.asarray(image.dataobj)[..., k].T)
        assert array.array.shape == found.array.shape
