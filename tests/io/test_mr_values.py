"""Values of MR images: a real world value mapping says what stored values stand for, and beside it a rescale."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest

import slicewise as sw
from makers import write_series
from witnesses import by_sitk, findings_of_dciodvfy

MR = "1.2.840.10008.5.1.4.1.1.4"


@pytest.fixture
def floats(tmp_path):
    stored = np.random.default_rng(3).integers(0, 4000, (4, 12, 10)).astype(np.uint16)
    window = {"WindowCenter": "700", "WindowWidth": "1201"}
    write_series(
        tmp_path / "in", stored, SOPClassUID=MR, Modality="MR", RescaleSlope=None, RescaleIntercept=None, **window
    )
    return sw.SeriesReader(tmp_path / "in") >> sw.Gaussian(sigma=1.0)


def write(node, folder, **options):
    return (node >> sw.SeriesWriter(folder, **options)).update(progress=False)


def mapped(found):
    """Apply the mapping as PS3.3, C.7.6.16.2.11 says it."""
    (mapping,) = found.RealWorldValueMappingSequence
    stored = found.pixel_array
    assert mapping.RealWorldValueFirstValueMapped <= stored.min()
    assert stored.max() <= mapping.RealWorldValueLastValueMapped
    (unit,) = mapping.MeasurementUnitsCodeSequence
    assert (unit.CodeValue, unit.CodingSchemeDesignator) == ("1", "UCUM")
    return stored * mapping.RealWorldValueSlope + mapping.RealWorldValueIntercept


def test_mapping_and_rescale_say_the_same(floats, tmp_path):
    written = write(floats, tmp_path / "out")
    values = floats.update(progress=False).array
    for path, plane in zip(written.paths, values, strict=True):
        found = pydicom.dcmread(path)
        np.testing.assert_allclose(mapped(found), plane, atol=written.report.largest_error * 1.01)
        np.testing.assert_allclose(
            found.pixel_array * float(found.RescaleSlope) + float(found.RescaleIntercept), mapped(found), rtol=1e-12
        )
        assert (found.WindowCenter, found.WindowWidth) == (700, 1201)
    np.testing.assert_allclose(by_sitk(written.paths).array, values, atol=written.report.largest_error * 1.01)


def test_strictly_by_the_iod_windows_are_of_stored_values(floats, tmp_path):
    written = write(floats, tmp_path / "out", strict_iod=True)
    values = floats.update(progress=False).array
    for path, plane in zip(written.paths, values, strict=True):
        found = pydicom.dcmread(path)
        assert "RescaleSlope" not in found
        assert "RescaleIntercept" not in found
        np.testing.assert_allclose(mapped(found), plane, atol=written.report.largest_error * 1.01)
        # What is half grey, and what is black, of the values is so of the stored values.
        slope = float(found.RealWorldValueMappingSequence[0].RealWorldValueSlope)
        intercept = float(found.RealWorldValueMappingSequence[0].RealWorldValueIntercept)
        middle = float(found.WindowCenter) - 0.5
        black = middle - (float(found.WindowWidth) - 1) / 2
        assert middle * slope + intercept == pytest.approx(699.5, abs=0.01)
        assert black * slope + intercept == pytest.approx(99.5, abs=0.02)
    again = sw.SeriesReader(written.folder, values="real_world").update(progress=False)
    np.testing.assert_allclose(again.array, values, atol=written.report.largest_error * 1.01)
    assert not [f for f in findings_of_dciodvfy(written.paths[0]) if "RealWorld" in f or "Window" in f]


def test_values_as_they_are_need_neither(tmp_path):
    stored = np.arange(240, dtype=np.uint16).reshape(4, 6, 10)
    write_series(tmp_path / "in", stored, SOPClassUID=MR, Modality="MR", RescaleSlope=None, RescaleIntercept=None)
    for strict in (False, True):
        written = write(sw.SeriesReader(tmp_path / "in") >> sw.Median(1), tmp_path / str(strict), strict_iod=strict)
        found = pydicom.dcmread(written.paths[0])
        assert "RescaleSlope" not in found
        assert "RealWorldValueMappingSequence" not in found


def test_a_rescale_of_the_source_becomes_a_mapping_where_the_iod_has_none(tmp_path):
    stored = np.arange(240, dtype=np.uint16).reshape(4, 6, 10)
    write_series(
        tmp_path / "in",
        stored,
        SOPClassUID=MR,
        Modality="MR",
        RescaleSlope="0.5",
        RescaleIntercept="-3",
        RescaleType="US",
    )
    written = write(sw.SeriesReader(tmp_path / "in"), tmp_path / "out", strict_iod=True)
    found = pydicom.dcmread(written.paths[0])
    assert "RescaleSlope" not in found
    np.testing.assert_array_equal(found.pixel_array, stored[0])
    np.testing.assert_allclose(mapped(found), stored[0] * 0.5 - 3)
