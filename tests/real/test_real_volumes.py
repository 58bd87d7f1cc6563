"""Real series of several volumes: which there are, as their makers meant, and each as dcm2niix converts it."""

from __future__ import annotations

import subprocess
from typing import NamedTuple

import nibabel
import numpy as np
import pydicom
import pytest

import slicewise as sw
from slicewise.errors import DuplicateSliceError, MissingSliceError, SeveralSeriesError, SlicewiseWarning
from witnesses import Volume, datasets, dicom_files, on_grid_of, tool

pytestmark = pytest.mark.data


class Found(NamedTuple):
    """A folder and what is in it: names and slices of volumes, and along what they differ."""

    folder: str
    names: list[str]
    slices: int
    axis: tuple[str, ...]


_MULTIECHO = "mr-siemens-multiecho"
_XA10 = "mr-enhanced/Siemens/XA10"
_DTI = "mr-enhanced/philips_enhanced/dti"
_TIMES = [f"AcquisitionNumber {k}" for k in (1, 2, 3)]

SEVERAL = {
    "dce": Found(
        "mr-ge-dce-4d/UCSF-BR-06/image_dce_3dfgre_orig",
        ["ContentTime 102551", "ContentTime 103238", "ContentTime 103832"],
        60,
        ("time",),
    ),
    "echoes": Found(_MULTIECHO, ["EchoTime 5.19", "EchoTime 7.65"], 36, ("echo",)),
    "fmri": Found("mr-ge-fmri-4d", [f"time {k} of 10" for k in range(1, 11)], 15, ("time",)),
    "localizer": Found("mr-ge-localizer-3plane", ["axial", "sagittal", "coronal"], 7, ("orientation",)),
    "time-a": Found("mr-siemens-time-formats/dicom/time", _TIMES, 3, ("time",)),
    "time-b": Found("mr-siemens-time-formats/dicom/time_all", _TIMES, 3, ("time",)),
    "enhanced-times": Found(_XA10, [f"TemporalPositionIndex {k}" for k in (1, 2, 3, 4)], 6, ("time",)),
    "enhanced-dti": Found(
        _DTI,
        [
            "DiffusionBValue 0",
            r"DiffusionBValue 1300, DiffusionGradientOrientation 1\0\0",
            r"DiffusionBValue 1300, DiffusionGradientOrientation 0\-1\0",
            r"DiffusionBValue 1300, DiffusionGradientOrientation -0.026\-0.6492\0.7602",
        ],
        8,
        ("b-value", "direction"),
    ),
    "mosaic": Found("mr-siemens-mosaic/ep2d_Asc_2", [f"AcquisitionNumber {k}" for k in range(1, 7)], 36, ("time",)),
    "bolus": Found("defect-not-a-volume", [f"AcquisitionNumber {k}" for k in (12, 13, 14, 15)], 1, ("acquisition",)),
}
"""Found by looking at the files with pydicom, and at what dcm2niix makes of them."""


@pytest.fixture(scope="module", params=SEVERAL)
def found(request, data):
    case = SEVERAL[request.param]
    top, _, rest = case.folder.partition("/")
    return case, data(top) / rest


def test_the_volumes_are_those_that_were_acquired(found):
    case, folder = found
    volumes = sw.read_volumes(dicom_files(folder))
    assert list(volumes.names) == case.names
    assert volumes.axis == case.axis
    assert [volume.geometry.slices for volume in volumes] == [case.slices] * len(case.names)


def test_a_reader_of_them_all_is_refused_with_their_names(found):
    case, folder = found
    with pytest.raises(sw.errors.SeriesError) as caught:
        _ = sw.SeriesReader(dicom_files(folder)).geometry
    assert f"{len(case.names)} volumes" in str(caught.value)
    assert f"  0: {case.names[0]} ({case.slices} slice" in str(caught.value)


@pytest.mark.tool
def test_each_volume_has_the_values_and_grid_that_dcm2niix_gives_it(found, tmp_path):
    case, folder = found
    if case is SEVERAL["time-a"]:
        pytest.skip("dcm2niix cannot tell the direction of its slices, and says so")
    theirs = nifti_volumes(folder, tmp_path)
    volumes = sw.read_volumes(dicom_files(folder))
    assert len(theirs) == len(volumes)
    left = list(range(len(theirs)))
    for volume in volumes:
        image = volume.update(progress=False)
        grid = image.geometry.affine
        match = next(k for k in left if holds(theirs[k], image.array, grid))
        left.remove(match)


@pytest.mark.tool
@pytest.mark.parametrize("case", ["dce", "fmri", "time-b", "enhanced-times"])
def test_a_stack_has_its_volumes_in_the_order_of_dcm2niix(data, tmp_path, case):
    top, _, rest = SEVERAL[case].folder.partition("/")
    image = sw.read_volumes(dicom_files(data(top) / rest)).stacked.update(progress=False)
    for volume, theirs in zip(image.volumes, nifti_volumes(data(top) / rest, tmp_path), strict=True):
        assert holds(theirs, volume.array, volume.geometry.affine)


def nifti_volumes(folder, target):
    """Return the volumes that dcm2niix makes, in LPS, in the order of its files and their fourth axis."""
    command = [tool("dcm2niix"), "-z", "n", "-b", "n", "-p", "n", "-f", "%s_%e_%i", "-o", str(target), str(folder)]
    subprocess.run(command, check=True, capture_output=True)
    found = []
    for path in sorted(target.glob("*.nii")):
        image = nibabel.load(path)
        affine = np.diag([-1.0, -1.0, 1.0, 1.0]) @ image.affine
        values = np.asanyarray(image.dataobj)
        values = values[..., np.newaxis] if values.ndim == 3 else values
        found += [Volume(np.swapaxes(values[..., k], 0, 2), affine) for k in range(values.shape[3])]
    return found


def holds(theirs, array, affine):
    if not np.allclose(np.abs(np.linalg.inv(affine) @ theirs.affine)[:3, :3].sum(axis=0), 1, atol=1e-3):
        return False  # of another orientation
    there = on_grid_of(theirs, affine)
    if there.array.shape != array.shape:
        return False
    # For Philips dcm2niix takes another scale than that of the rescale, one for all volumes.
    factor = 1 if there.array.dtype.kind in "iu" else there.array.max() / array.max()
    same = np.allclose(there.array, array * factor, rtol=1e-5)
    # A single slice has no neighbour to tell its distance from.
    columns = [0, 1, 3] if len(array) == 1 else [0, 1, 2, 3]
    return same and np.allclose(there.affine[:, columns], affine[:, columns], atol=2e-3)


ONE = {
    "tilt": "ct-ge-tilt",
    "liver": "ct-ge-liver-41/CRLM-CT-1004/image",
    "pet": "pet-ge-wholebody-267/STS_001/FDG_PET/image",
    "dce-map": "mr-ge-dce-4d/UCSF-BR-06/image_dce_pe1",
    "sts-ct": "multimodal-sts-001/STS_001/CT/dicom/image",
    "sts-pet": "multimodal-sts-001/STS_001/PET/dicom/image",
    "adc": "mr-canon-adc-36/SCAN_001/adc_image",
    "anatomical-frames": "mr-enhanced/philips_enhanced/anatomical",
    "missing": "defect-slice-increment",
    "duplicate": "defect-duplicate-positions",
    "copies": "signed-12bit",
}
"""One volume each, though much differs between their images: times, acquisitions, slopes, tube current."""


@pytest.mark.parametrize("case", ONE)
def test_what_differs_while_the_geometry_is_whole_makes_no_volumes(data, case):
    top, _, rest = ONE[case].partition("/")
    assert sw.read_volumes(dicom_files(data(top) / rest)).names == ("",)


def test_missing_and_doubled_slices_stay_the_errors_they_are(data):
    with pytest.raises(MissingSliceError):
        _ = sw.read_volumes(data("defect-slice-increment"))[0].geometry
    with pytest.raises(DuplicateSliceError, match=r"CT26\.dcm and CT28\.dcm"):
        _ = sw.read_volumes(data("defect-duplicate-positions"))[0].geometry


@pytest.mark.tool
def test_private_b_values_and_directions_of_uih_mosaics_are_those_of_their_files(data, tmp_path):
    paths = dicom_files(data("mr-uih-dti"))
    wanted = []
    for path in paths:
        block = pydicom.dcmread(path, stop_before_pixels=True).private_block(0x0065, "Image Private Header")
        b, direction = float(block[0x09].value), block[0x37].value if 0x37 in block else None
        wanted.append((b, None if b < 2 else tuple(float(v) for v in direction)))
    volumes = sw.read_volumes(paths)
    assert volumes.axis == ("b-value", "direction")
    found = [(label["BValue"], label.get("GradientDirection")) for label in volumes.labels]
    assert len(found) == len(wanted) == 17
    assert [b for b, _ in found] == pytest.approx(sorted(b for b, _ in wanted), rel=1e-6)
    assert {d and tuple(np.round(d, 5)) for _, d in found} == {d and tuple(np.round(d, 5)) for _, d in wanted}
    assert {volume.geometry.slices for volume in volumes} == {20}
    assert len(nifti_volumes(paths[0].parent, tmp_path)) == 17


def test_the_same_images_in_several_compressions_are_copies(data):
    folder = data("compressed-series")
    uids = {pydicom.dcmread(p, stop_before_pixels=True).SeriesInstanceUID for p in dicom_files(folder)}
    assert len(uids) == 3
    for uid in uids:
        paths = [p for p in dicom_files(folder) if pydicom.dcmread(p, stop_before_pixels=True).SeriesInstanceUID == uid]
        volumes = sw.read_volumes(paths, on_duplicate="first")
        assert volumes.names == ("",)
        if len(paths) == 4:
            continue
        with pytest.warns(SlicewiseWarning, match="12 slices at positions that another slice holds"):
            assert volumes[0].geometry.slices == 4
        with pytest.raises(DuplicateSliceError, match="the same SOPInstanceUID, and so have 11 other pairs"):
            _ = sw.SeriesReader(paths).geometry


def test_a_missing_time_of_one_slice_leaves_every_other_slice_at_its_time(data):
    paths = dicom_files(data("mr-ge-fmri-4d"))
    whole = sw.read_volumes(paths)
    gone = whole[4].files[7]
    volumes = sw.read_volumes([path for path in paths if path != gone])
    assert [len(volume.files) if k != 4 else 14 for k, volume in enumerate(volumes)] == [15] * 4 + [14] + [15] * 5
    for k in (0, 3, 5, 9):
        assert volumes[k].files == whole[k].files
    with pytest.raises(MissingSliceError):
        _ = volumes[4].geometry


def test_a_scan_that_was_broken_off_has_a_last_time_of_fewer_slices(data):
    found = sorted(datasets(dicom_files(data("mr-ge-fmri-4d")), pixels=False), key=lambda ds: int(ds.InstanceNumber))
    volumes = sw.read_volumes([ds.filename for ds in found[:140]])
    assert [len(rows) for rows in (part.indices for part in volumes.parts)] == [15] * 9 + [5]


def test_two_phases_that_a_reader_is_asked_to_take_the_first_of_are_refused(data):
    with pytest.raises(SeveralSeriesError):
        _ = sw.SeriesReader(dicom_files(data("mr-ge-dce-4d")), series=2, on_duplicate="first").geometry
