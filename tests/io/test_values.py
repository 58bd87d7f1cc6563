"""A series is read as the values asked for, its headers are true of them, and so is what is written."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.pixels import apply_modality_lut
from pydicom.sequence import Sequence
from pydicom.uid import MRImageStorage, PositronEmissionTomographyImageStorage, RTDoseStorage

import slicewise as sw
from makers import write_series
from slicewise.errors import HeaderError, ParameterError

STORED = np.random.default_rng(5).integers(0, 4096, (4, 6, 5), "uint16")


def ordered(paths):
    datasets = [pydicom.dcmread(path) for path in paths]
    return sorted(datasets, key=lambda d: float(d.ImagePositionPatient[2]))


def rewritten(node, folder):
    """Return what pydicom finds in the derived series, and the values it decodes to."""
    written = (node >> sw.SeriesWriter(folder)).update(progress=False)
    found = ordered(written.paths)
    values = np.stack([apply_modality_lut(d.pixel_array, d) for d in found])
    return found, values, written.report


def array_of(node):
    return node.update(progress=False).array


def lut_series(folder, **attributes):
    item = Dataset()
    item.add_new("LUTDescriptor", "US", [4096, 0, 16])
    item.ModalityLUTType = "OD"
    table = (np.arange(4096) * 11 + 5).astype("<u2")
    item.add_new("LUTData", "OW", table.tobytes())
    none = {"RescaleSlope": None, "RescaleIntercept": None, "SOPClassUID": MRImageStorage, "Modality": "MR"}
    write_series(folder, STORED, ModalityLUTSequence=Sequence([item]), **(none | attributes))
    return table


def test_modality_lut_is_applied_on_reading_and_what_is_written_decodes_to_the_same_values(tmp_path):
    table = lut_series(tmp_path / "in", PixelPaddingValue=3)
    series = sw.SeriesReader(tmp_path / "in")
    assert series.dtype == np.uint16
    np.testing.assert_array_equal(array_of(series), table[STORED])
    assert "ModalityLUTSequence" not in series.headers
    assert series.headers["RescaleType"] == ["OD"] * 4
    assert series.padding is None
    found, values, report = rewritten(series, tmp_path / "out")
    np.testing.assert_array_equal(values, table[STORED])
    for d in found:
        assert "ModalityLUTSequence" not in d
        assert "PixelPaddingValue" not in d
        assert d.RescaleType == "OD"
        assert "ModalityLUT" in d.DerivationDescription
    dropped = {row.name: row.reason for row in report.rows if row.action.value == "dropped"}
    assert "ModalityLUT" in dropped["ModalityLUTSequence"]


def test_units_of_a_modality_lut_stay_with_the_values_through_filters(tmp_path):
    lut_series(tmp_path / "in")
    series = sw.SeriesReader(tmp_path / "in")
    found, values, _ = rewritten(series >> sw.Median(radius=1), tmp_path / "out")
    assert {d.RescaleType for d in found} == {"OD"}
    np.testing.assert_array_equal(values, array_of(series >> sw.Median(radius=1)))
    halved, _, _ = rewritten(series / 2, tmp_path / "halved")
    assert {d.RescaleType for d in halved} == {"US"}


@pytest.mark.parametrize("values", ["modality", "stored"])
def test_ct_values_are_hounsfield_units_or_as_stored_and_only_the_former_are_called_so(tmp_path, values):
    write_series(
        tmp_path / "in", STORED, RescaleIntercept="-1024", RescaleType="HU", WindowCenter="40", WindowWidth="400",
        PixelPaddingValue=7,
    )  # fmt: skip
    series = sw.SeriesReader(tmp_path / "in", values=values)
    shift = 1024 if values == "modality" else 0
    np.testing.assert_array_equal(array_of(series), STORED.astype(int) - shift)
    assert series.padding == sw.Padding(7 - shift, 7 - shift)
    found, decoded, _ = rewritten(series, tmp_path / "out")
    np.testing.assert_array_equal(decoded, STORED.astype(int) - shift)
    for d in found:
        assert (d.RescaleType == "HU") == (values == "modality")
        assert (d.WindowCenter == 40) == (values == "modality")
        assert ("StoredValues" in d.DerivationDescription) == (values == "stored")


def test_stored_values_of_images_without_rescale_are_their_values_and_nothing_is_said_to_be_done(tmp_path):
    write_series(
        tmp_path, STORED, RescaleSlope=None, RescaleIntercept=None, Modality="MR", SOPClassUID=MRImageStorage,
        WindowCenter="40", WindowWidth="400",
    )  # fmt: skip
    series = sw.SeriesReader(tmp_path, values="stored")
    assert series.info.history == ()
    assert "WindowCenter" in series.headers


def test_stored_values_are_read_even_where_headers_do_not_say_what_they_mean(tmp_path):
    write_series(
        tmp_path, STORED, per_slice=[{"RescaleSlope": s, "RescaleIntercept": "0"} for s in ["2", "0", "2", "2"]]
    )
    with pytest.raises(HeaderError, match="slice 1 has RescaleSlope 0"):
        _ = sw.SeriesReader(tmp_path).dtype
    np.testing.assert_array_equal(array_of(sw.SeriesReader(tmp_path, values="stored")), STORED)


def test_pet_with_a_slope_on_some_slices_only_is_refused(tmp_path):
    slopes = [
        {"RescaleSlope": s, "RescaleIntercept": i} for s, i in [("0.5", "0"), (None, None), ("0.25", "0"), ("1", "0")]
    ]
    write_series(tmp_path, STORED, per_slice=slopes, Modality="PT")
    with pytest.raises(HeaderError, match="slice 1 states no RescaleSlope"):
        _ = sw.SeriesReader(tmp_path).info


@pytest.mark.parametrize(("slopes", "dtype"), [(["1", "2", "3", "4"], "uint32"), (["1", "2", "0.5", "4"], "float32")])
def test_each_slice_is_scaled_by_its_own_slope_in_a_type_that_holds_all(tmp_path, slopes, dtype):
    write_series(tmp_path, STORED, per_slice=[{"RescaleSlope": s} for s in slopes], Modality="PT", Units="BQML")
    series = sw.SeriesReader(tmp_path)
    assert series.dtype == dtype
    np.testing.assert_allclose(array_of(series), STORED * np.array(slopes, float)[:, None, None], rtol=1e-6)


def test_slopes_with_too_many_digits_are_written_with_as_many_as_may_be(tmp_path):
    paths = write_series(tmp_path / "in", STORED, RescaleSlope="0.5")
    for path in paths:
        data = path.read_bytes()
        old = b"\x28\x00\x53\x10DS\x04\x000.5 "
        assert data.count(old) == 1
        path.write_bytes(data.replace(old, b"\x28\x00\x53\x10DS\x14\x000.302644123456789012"))
    series = sw.SeriesReader(tmp_path / "in")
    written = (series >> sw.SeriesWriter(tmp_path / "out")).update(progress=False)
    for k, d in enumerate(ordered(written.paths)):
        assert len(d["RescaleSlope"].value.original_string) <= 16
        np.testing.assert_allclose(d.pixel_array * float(d.RescaleSlope), STORED[k] * 0.302644123456789012, rtol=1e-6)


# --- real world values ----------------------------------------------------------------------------


def mapping_item(label, unit, slope, intercept, last=4000):
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = unit, "UCUM", unit
    item = Dataset()
    item.LUTLabel = label
    item.MeasurementUnitsCodeSequence = Sequence([code])
    item.add_new("RealWorldValueFirstValueMapped", "US", 0)
    item.add_new("RealWorldValueLastValueMapped", "US", last)
    item.RealWorldValueSlope, item.RealWorldValueIntercept = slope, intercept
    return item


def test_real_world_values_are_of_stored_values_and_nan_where_none_is_defined(tmp_path):
    item = mapping_item("ADC", "um2/s", 0.5, 3.0)
    write_series(
        tmp_path, STORED, Modality="MR", SOPClassUID=MRImageStorage, RescaleSlope="7", RescaleType="US",
        RealWorldValueMappingSequence=Sequence([item]), WindowCenter="1", WindowWidth="2",
    )  # fmt: skip
    series = sw.SeriesReader(tmp_path, values="real_world")
    expected = np.where(STORED <= 4000, STORED * 0.5 + 3, np.nan)
    assert np.isnan(expected).any()
    np.testing.assert_array_equal(array_of(series), expected.astype("float32"))
    assert series.headers["RescaleType"] == ["um2/s"] * 4
    assert "WindowCenter" not in series.headers
    assert series.info.history[0].description == "RealWorldValues(mapping='ADC', unit='um2/s')"


def test_written_real_world_values_name_their_unit_and_no_mapping_of_other_values(tmp_path):
    items = [mapping_item("ADC", "um2/s", 0.5, 3.0, last=4095), mapping_item("raw", "1", 1.0, 0.0)]
    write_series(
        tmp_path / "in", STORED, Modality="MR", SOPClassUID=MRImageStorage, RescaleType="HU",
        RealWorldValueMappingSequence=Sequence(items),
    )  # fmt: skip
    with pytest.raises(ParameterError, match="'ADC' in 'um2/s'; 'raw' in '1'"):
        _ = sw.SeriesReader(tmp_path / "in", values="real_world").info
    series = sw.SeriesReader(tmp_path / "in", values="real_world", mapping="ADC")
    found, decoded, _ = rewritten(series, tmp_path / "out")
    np.testing.assert_allclose(decoded, STORED * 0.5 + 3, rtol=0, atol=0.02)
    for d in found:
        assert d.RescaleType == "um2/s"
        (mapping,) = d.RealWorldValueMappingSequence
        assert mapping.LUTLabel not in ("ADC", "raw")
        assert mapping.MeasurementUnitsCodeSequence[0].CodeValue == "um2/s"
        mapped = d.pixel_array * mapping.RealWorldValueSlope + mapping.RealWorldValueIntercept
        np.testing.assert_allclose(mapped, d.pixel_array * float(d.RescaleSlope) + float(d.RescaleIntercept))
        assert "um2/s" in d.DerivationDescription


@pytest.mark.parametrize(
    ("unit", "units", "kind"),
    [("g/ml{SUVbw}", "GML", "BW"), ("{SUVlbm}g/ml", "GML", "LBM"), ("Bq/ml", "BQML", None), ("m/s", "NONE", None)],
)
def test_units_of_pet_are_those_of_its_real_world_values(tmp_path, unit, units, kind):
    write_series(
        tmp_path / "in", STORED, Modality="PT", SOPClassUID=PositronEmissionTomographyImageStorage, Units="CNTS",
        RealWorldValueMappingSequence=Sequence([mapping_item("SUV", unit, 0.001, 0.0, last=4095)]),
    )  # fmt: skip
    found, _, _ = rewritten(sw.SeriesReader(tmp_path / "in", values="real_world"), tmp_path / "out")
    assert {(d.Units, d.get("SUVType")) for d in found} == {(units, kind)}


def test_what_values_are_read_decides_the_key_and_is_told(tmp_path):
    write_series(tmp_path, STORED, RescaleIntercept="-1024")
    modality, stored = sw.SeriesReader(tmp_path), sw.SeriesReader(tmp_path, values="stored")
    assert modality.key != stored.key
    assert "values='stored'" in repr(stored)
    with pytest.raises(ParameterError, match="'values' must be"):
        sw.SeriesReader(tmp_path, values="hounsfield")
    with pytest.raises(ParameterError, match="'mapping' chooses among real world values"):
        _ = sw.SeriesReader(tmp_path, mapping="ADC").info


# --- dose -----------------------------------------------------------------------------------------


def test_dose_is_read_in_its_units_and_not_written_as_what_it_no_longer_is(tmp_path):
    stored = STORED.astype("uint32") * 100_000
    write_series(
        tmp_path / "in", stored, Modality="RTDOSE", SOPClassUID=RTDoseStorage, RescaleSlope=None, RescaleIntercept=None,
        DoseGridScaling="1.0000000e-6", DoseUnits="GY",
    )  # fmt: skip
    dose = sw.SeriesReader(tmp_path / "in")
    assert dose.dtype == np.float64
    np.testing.assert_allclose(array_of(dose), stored * 1e-6)
    with pytest.raises(HeaderError, match=r"RT Dose is not written.*VolumeWriter"):
        dose >> sw.SeriesWriter(tmp_path / "out")
    np.testing.assert_array_equal(array_of(sw.SeriesReader(tmp_path / "in", values="stored")), stored)
    assert "DoseUnits" not in sw.SeriesReader(tmp_path / "in", values="stored").headers


@pytest.mark.parametrize("values", ["stored", "real_world"])
def test_headers_of_other_values_stay_true_when_they_are_put_to_an_array(tmp_path, values):
    write_series(
        tmp_path / "in", STORED, RescaleIntercept="-1024", RescaleType="HU", PixelPaddingValue=7,
        RealWorldValueMappingSequence=Sequence([mapping_item("RCBF", "ml/100ml/s", 2.0, 0.0, last=4095)]),
    )  # fmt: skip
    read = sw.SeriesReader(tmp_path / "in", values=values).update(progress=False)
    image = sw.Image.from_array(read.array, geometry=read.geometry, headers=read.headers)
    assert image.padding is None
    found, decoded, _ = rewritten(sw.as_node(image), tmp_path / "out")
    np.testing.assert_array_equal(decoded, read.array)
    for d in found:
        assert d.RescaleType == ("US" if values == "stored" else "ml/100ml/s")
        assert "RealWorldValueMappingSequence" not in d
        assert "PixelPaddingValue" not in d


def test_extremes_of_the_source_series_do_not_stand_over_values_that_are_stored_otherwise(tmp_path):
    lut_series(tmp_path / "in", SmallestPixelValueInSeries=0, LargestPixelValueInSeries=3)
    for values in ("modality", "stored"):
        found, _, _ = rewritten(sw.SeriesReader(tmp_path / "in", values=values), tmp_path / values)
        for d in found:
            assert "SmallestPixelValueInSeries" not in d
            assert "LargestPixelValueInSeries" not in d


@pytest.mark.parametrize("change", [lambda ct: ct + 24, lambda ct: ct - ct])
def test_what_arithmetic_makes_of_pixels_is_not_called_padding(tmp_path, change):
    write_series(
        tmp_path / "in", STORED, RescaleIntercept="-1024", RescaleType="HU", PixelPaddingValue=7,
        PixelPaddingRangeLimit=9,
    )  # fmt: skip
    found, _, _ = rewritten(change(sw.SeriesReader(tmp_path / "in")), tmp_path / "out")
    for d in found:
        assert "PixelPaddingValue" not in d
        assert "PixelPaddingRangeLimit" not in d
