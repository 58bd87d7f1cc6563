"""What is read from real files is what SimpleITK and pydicom read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from cases import BY_NAME

import slicewise as sw
from witnesses import by_pydicom, by_sitk, datasets, dicom_files, modality_values, position

pytestmark = pytest.mark.data

SINGLE_PRECISION = 2 * float(np.finfo(np.float32).eps)


def same_values(found, wanted):
    """Integers exactly, others as single precision holds them."""
    if np.array_equal(wanted, np.rint(wanted)):
        return found.dtype.kind in "iu" and np.array_equal(found, wanted)
    return np.allclose(found, wanted, rtol=SINGLE_PRECISION, atol=0)


def test_every_value_is_what_pydicom_decodes_and_in_its_place(case, source_of):
    files = source_of(case)
    image = sw.SeriesReader(files[::-1], **case.reader).update(progress=False)
    assert same_values(image.array, by_pydicom(files).array)
    places = np.array([position(ds) for ds in datasets(files, pixels=False)])
    assert np.array_equal(image.geometry.positions, places)


def test_values_and_grid_are_simpleitks(case, source_of):
    files = source_of(case)
    image = sw.SeriesReader(files, **case.reader).update(progress=False)
    found = by_sitk(files)
    assert found.array.shape == image.array.shape
    assert np.allclose(image.array, found.array, rtol=SINGLE_PRECISION, atol=0)
    if case.even:
        ends = np.array([0, 0, len(found.array) - 1, 1])
        last = (found.affine @ ends)[:3]
        assert np.linalg.norm(last - image.geometry.positions[-1]) < shear_of(image.geometry) + 1e-3


def shear_of(geometry):
    """Return how far ITK, which knows no shear, puts the last slice beside its place."""
    whole = geometry.positions[-1] - geometry.positions[0]
    return float(np.linalg.norm(whole - geometry.normal * np.linalg.norm(whole)))


@pytest.mark.parametrize("name", ["12bitSigned_0x0F0F.dcm", "12bitUnsigned.dcm", "12bitUnsigned_0x0F0F.dcm"])
def test_bits_that_are_not_of_the_value_are_left_out(data, name, tmp_path):
    path = data("signed-12bit") / name
    header = pydicom.dcmread(path)
    assert (header.BitsAllocated, header.BitsStored, header.HighBit) == (16, 12, 11)
    raw = np.frombuffer(header.PixelData, "<u2").astype(np.int32).reshape(header.Rows, header.Columns) & 0x0FFF
    wanted = np.where(raw >= 0x0800, raw - 0x1000, raw) if header.PixelRepresentation else raw
    assert np.array_equal(sitk.GetArrayFromImage(sitk.ReadImage(str(path)))[0], wanted)
    # It is a mosaic of 35 slices in 6 by 6 places.
    tiles = wanted.reshape(6, 64, 6, 64).swapaxes(1, 2).reshape(36, 64, 64)[:35]
    image = sw.SeriesReader(path).update(progress=False)
    assert np.array_equal(image.array, tiles)
    written = (image >> sw.SeriesWriter(tmp_path / "derived")).update(progress=False)
    for slice_file, tile in zip(written.paths, tiles, strict=True):
        again = pydicom.dcmread(slice_file)
        assert np.array_equal(again.pixel_array, tile)
        assert again.BitsStored == again.HighBit + 1


def folders(root: Path):
    """Return the folders that hold files."""
    return sorted({path.parent for path in root.rglob("*") if path.is_file()})


OTHER_SERIES = [
    "ct-head-tiny-93",
    "mr-siemens-orientations",
    "mr-siemens-time-formats",
    "defect-slice-increment",
    "seg-dcmqi",
    "ct-enhanced",
]


@pytest.mark.parametrize("case_name", OTHER_SERIES)
def test_other_series_are_read_like_pydicom_or_refused_in_words(data, case_name):
    seen = 0
    for folder in folders(data(case_name)):
        paths = [p for p in folder.iterdir() if p.is_file() and p.read_bytes()[128:132] == b"DICM"]
        if not paths or any("NumberOfFrames" in pydicom.dcmread(p, stop_before_pixels=True) for p in paths):
            continue  # frames of multi-frame images have tests of their own
        try:
            image = sw.SeriesReader(paths).update(progress=False)
        except sw.errors.SlicewiseError as error:
            assert len(str(error)) > 40, error  # noqa: PT017 - a refusal is one of two good ends
            continue
        assert same_values(image.array, by_pydicom(paths).array)
        seen += 1
    assert seen or case_name in ("defect-slice-increment", "ct-enhanced", "mr-siemens-time-formats", "seg-dcmqi")


def test_several_volumes_in_a_series_are_not_mixed(data):
    for name, attribute in [("mr-siemens-multiecho", "EchoTime"), ("mr-ge-dce-4d/UCSF-BR-06", None)]:
        files = dicom_files(data(name.partition("/")[0]))
        by_series = {}
        for ds in datasets(files, pixels=False):
            by_series.setdefault(str(ds.SeriesInstanceUID), []).append(Path(ds.filename))
        largest = max(by_series.values(), key=len)
        with pytest.raises(sw.errors.SeveralSeriesError, match="more than one volume"):
            sw.SeriesReader(largest).info  # noqa: B018 - asking is what raises
        if attribute:
            value = str(pydicom.dcmread(largest[0], stop_before_pixels=True)[attribute].value)
            chosen = [p for p in largest if str(pydicom.dcmread(p, stop_before_pixels=True)[attribute].value) == value]
            image = sw.SeriesReader(largest, where={attribute: float(value)}).update(progress=False)
            assert same_values(image.array, by_pydicom(chosen).array)


def test_slices_of_several_orientations_are_refused(data):
    files = dicom_files(data("mr-ge-localizer-3plane"))
    with pytest.raises(sw.errors.MixedSlicesError, match="ImageOrientationPatient"):
        sw.SeriesReader(files).info  # noqa: B018 - asking is what raises


def test_images_at_one_position_are_no_volume(data):
    files = dicom_files(data("defect-not-a-volume"))
    with pytest.raises(
        sw.errors.SeriesError, match=r"(?s)4 slices at 1 position;.*AcquisitionNumber 12 \(1 slice\).*volume=0"
    ):
        sw.SeriesReader(files).info  # noqa: B018 - asking is what raises


def test_uneven_real_stacks_are_refused_by_distance_and_read_when_asked_to(source_of, data):
    files = source_of(BY_NAME["ct-ge-tilt"])
    with pytest.raises(sw.errors.MissingSliceError, match=r"6\.999 mm apart where 4\.00\d mm are usual") as refusal:
        sw.SeriesReader(files).info  # noqa: B018 - asking is what raises
    assert "on_gap='keep'" in str(refusal.value)
    missing = dicom_files(data("defect-slice-increment"))
    with pytest.raises(sw.errors.MissingSliceError, match=r"10 mm apart where (5|4\.999) mm"):
        sw.SeriesReader(missing).info  # noqa: B018 - asking is what raises
    kept = sw.SeriesReader(missing, on_gap="keep").update(progress=False)
    assert same_values(kept.array, np.stack([modality_values(ds) for ds in datasets(missing)]))


def test_a_doubled_slice_is_refused_by_name_and_the_first_is_taken_when_asked_to(data):
    files = dicom_files(data("defect-duplicate-positions"))
    with pytest.raises(sw.errors.DuplicateSliceError) as refusal:
        sw.SeriesReader(files, on_gap="keep").info  # noqa: B018 - asking is what raises
    places = {path.name: tuple(position(pydicom.dcmread(path, stop_before_pixels=True))) for path in files}
    doubled = [name for name, place in places.items() if list(places.values()).count(place) > 1]
    assert len(doubled) == 2
    assert all(name in str(refusal.value) for name in doubled)
    with pytest.warns(sw.errors.SlicewiseWarning, match="1 slice"):
        kept = sw.SeriesReader(files, on_gap="keep", on_duplicate="first").update(progress=False)
    assert len(kept.array) == 10
    kept = sw.SeriesReader([f for f in files if f.name != max(doubled)], on_gap="keep")
    assert min(doubled) in [p.name for p in kept.files]
