"""Values of real images are what plain pydicom and other software make of them."""

from __future__ import annotations

import math

import numpy as np
import pydicom
import pytest

import slicewise as sw
from makers import SHIPPED_FILES

pytestmark = pytest.mark.data

PET = "pet-ge-wholebody-267/STS_001/FDG_PET/image"
UPTAKE = "multimodal-sts-001/STS_001/PET/dicom/image"  # a part of the same scan, made uptake by MIM
PHILIPS = "mr-enhanced/philips_enhanced/{}/001"


def array_of(node):
    return node.update(progress=False).array


@pytest.fixture(scope="module")
def whole_body(data):
    """Give the files of a whole-body PET from the feet to the head, and its uptake."""
    paths = sorted(data(PET).glob("*.dcm"))
    files = sorted(map(pydicom.dcmread, paths), key=lambda d: float(d.ImagePositionPatient[2]))
    return files, (sw.SeriesReader(paths) >> sw.SUVbw()).update(progress=False)


def test_uptake_of_a_whole_body_scan_is_that_of_the_formula(whole_body):
    files, uptake = whole_body
    first = files[0]
    item = first.RadiopharmaceuticalInformationSequence[0]
    # All six bed positions refer to the start of the scan, which is the series time.
    times = (first.SeriesTime, item.RadiopharmaceuticalStartTime)
    scan, injection = (int(t[:2]) * 3600 + int(t[2:4]) * 60 + float(t[4:]) for t in times)
    delay = scan - injection
    assert delay == 2711
    left = float(item.RadionuclideTotalDose) * math.exp(-math.log(2) * delay / float(item.RadionuclideHalfLife))
    for k, f in enumerate(files):
        expected = f.pixel_array * float(f.RescaleSlope) * float(f.PatientWeight) * 1000 / left
        np.testing.assert_allclose(uptake.array[k], expected, rtol=2e-7)
    assert uptake.headers["Units"] == ["GML"] * len(files)


def test_uptake_of_a_whole_body_scan_is_that_of_other_software(whole_body, data):
    _, ours = whole_body
    theirs = sw.SeriesReader(data(UPTAKE)).update(progress=False)
    assert theirs.headers["Units"][0] == "GML"
    x, y, _ = np.rint(ours.geometry.point_to_index(theirs.geometry.origin)).astype(int)
    heights = ours.geometry.positions[:, 2]
    _, rows, columns = theirs.shape
    compared = 0
    for k, position in enumerate(theirs.geometry.positions):
        slices = np.flatnonzero(np.abs(heights - position[2]) < 0.05)
        assert len(slices) == 1
        mine = ours.array[slices[0], y : y + rows, x : x + columns]
        step = float(theirs.headers[k].RescaleSlope)
        np.testing.assert_allclose(mine, theirs.array[k], rtol=1e-5, atol=1.01 * step)
        compared += mine.size
    assert compared == theirs.array.size


def test_uptake_of_a_body_is_about_one(whole_body):
    _, uptake = whole_body
    body = uptake.array[uptake.array > 0.1]
    assert 0.4 < body.mean() < 2  # had all of the dose stayed in the body, the mean were 1


def test_images_that_are_uptake_already_are_not_made_so_again(data):
    with pytest.raises(sw.errors.HeaderError, match=r"uptake already \(Units GML, SUVType BW\)"):
        sw.SeriesReader(data(UPTAKE)) >> sw.SUVbw()


@pytest.mark.parametrize("case", ["anatomical", "dti"])
def test_philips_values_are_displayed_values_over_the_slopes_of_each_frame(data, case):
    folder = data(PHILIPS.format(case))
    (path,) = folder.iterdir()
    file = pydicom.dcmread(path)
    where = {"DiffusionBValue": 0.0} if case == "dti" else None
    reader = sw.SeriesReader(path, values="philips", where=where)
    found = array_of(reader)
    stored = array_of(sw.SeriesReader(path, values="stored", where=where))
    assert set(reader.headers["RescaleType"]) == {"US"}
    assert "RescaleSlope" not in reader.headers
    frames = [source.frame - 1 for (source,) in reader.info.sources]
    assert len(frames) > 1
    for plane, raw, k in zip(found, stored, frames, strict=True):
        np.testing.assert_array_equal(raw, file.pixel_array[k])
        group = file.PerFrameFunctionalGroupsSequence[k]
        scaling = group.PixelValueTransformationSequence[0]
        slope, intercept = float(scaling.RescaleSlope), float(scaling.RescaleIntercept)
        scale = group[0x2005, 0x140F][0][0x2005, 0x100E].value
        np.testing.assert_allclose(plane, (raw * slope + intercept) / (slope * scale), rtol=1e-6)


def test_real_world_values_of_an_enhanced_ct_are_in_the_unit_it_states(data):
    path = data("ct-enhanced") / "eCT_Supplemental.dcm"
    reader = sw.SeriesReader(path, values="real_world", mapping="RCBF")
    stored = pydicom.dcmread(path).pixel_array
    np.testing.assert_array_equal(np.sort(array_of(reader), None), np.sort(stored.astype("float32") - 1024, None))
    assert set(reader.headers["RescaleType"]) == {"ml/100ml/s"}


def test_dose_is_in_gray():
    path = SHIPPED_FILES / "rtdose_1frame.dcm"
    file = pydicom.dcmread(path)
    dose = sw.SeriesReader(path)
    np.testing.assert_allclose(array_of(dose)[0], file.pixel_array * float(file.DoseGridScaling), rtol=1e-12)
    assert dose.dtype == np.float64


def test_padding_of_a_ct_is_what_is_outside_its_field_of_view(data):
    ct = sw.SeriesReader(data("ct-ge-liver-41/CRLM-CT-1004/image"), values="stored")
    file = pydicom.dcmread(ct.files[0])
    padding = file.PixelPaddingValue
    assert ct.padding == sw.Padding(padding, padding)
    mask = array_of(ct[:1] >> sw.PaddingMask())
    np.testing.assert_array_equal(mask[0], file.pixel_array == padding)
    assert mask[0, 0, 0]
