"""What stored values mean is what the standard and pydicom say, and anything unclear is refused."""

from __future__ import annotations

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.pixels import apply_modality_lut
from pydicom.sequence import Sequence

from makers import dataset_of_slice
from slicewise.dicom.modality_values import modality_mappings
from slicewise.dicom.philips import philips_mappings
from slicewise.dicom.pixels import pixel_formats
from slicewise.dicom.real_world import real_world_mappings
from slicewise.dicom.rescale import Rescale
from slicewise.dicom.value_mapping import LookupTable, Within, value_dtype
from slicewise.errors import HeaderError, ParameterError
from slicewise.image import Headers

PLAIN = {"RescaleSlope": None, "RescaleIntercept": None}


def lut_item(descriptor, data, *, vr="US", data_vr="OW", kind="HU"):
    item = Dataset()
    item.add_new("LUTDescriptor", vr, descriptor)
    item.ModalityLUTType = kind
    item.add_new("LUTData", data_vr, data)
    return item


def slice_with(stored, **attributes):
    return dataset_of_slice(stored, (0, 0, 0), **(PLAIN | attributes))


def values_of(dataset):
    """Return what the package makes of the pixels of a dataset."""
    headers = Headers.from_datasets([dataset])
    mapping = modality_mappings(headers)[0]
    stored = dataset.pixel_array
    out = np.empty(stored.shape, value_dtype(pixel_formats(headers), [mapping]))
    mapping.apply(stored, out)
    return out


@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int16"])
@pytest.mark.parametrize("first", [0, 7, 100])
@pytest.mark.parametrize("bits", [8, 16])
def test_modality_lut_gives_what_pydicom_gives(dtype, first, bits):
    rng = np.random.default_rng(bits)
    limits = np.iinfo(dtype)
    stored = rng.integers(limits.min, limits.max, (9, 8), dtype, endpoint=True)
    stored[0, :4] = [first, first + 1, limits.min, limits.max]
    entries = rng.integers(0, 2**bits, 50)
    vr = "SS" if np.dtype(dtype).kind == "i" else "US"
    item = lut_item([50, first, bits], entries.astype("<u2").tobytes(), vr=vr)
    dataset = slice_with(stored, ModalityLUTSequence=Sequence([item]))
    found = values_of(dataset)
    np.testing.assert_array_equal(found, apply_modality_lut(dataset.pixel_array, dataset))
    assert found.dtype == (np.uint8 if bits == 8 else np.uint16)


def test_first_value_mapped_is_negative_where_pixels_are_signed():
    stored = np.array([[-5, -3, -2, -1, 0]], "int16")
    item = lut_item([4, -3, 16], np.array([10, 20, 30, 40], "<u2").tobytes(), vr="SS")
    found = values_of(slice_with(stored, ModalityLUTSequence=Sequence([item])))
    np.testing.assert_array_equal(found, [[10, 10, 20, 30, 40]])  # below the first and above the last: the ends


def test_zero_entries_mean_65536():
    stored = np.array([[0, 1, 65535]], "uint16")
    table = np.arange(65536, dtype="<u2")[::-1].copy()
    item = lut_item([0, 0, 16], table.tobytes())
    found = values_of(slice_with(stored, ModalityLUTSequence=Sequence([item])))
    np.testing.assert_array_equal(found, [[65535, 65534, 0]])


def test_entries_of_8_bits_may_be_packed_two_to_a_word():
    stored = np.array([[0, 1, 2, 3]], "uint8")
    item = lut_item([4, 0, 8], bytes([9, 8, 7, 6]))
    found = values_of(slice_with(stored, ModalityLUTSequence=Sequence([item])))
    np.testing.assert_array_equal(found, [[9, 8, 7, 6]])


@pytest.mark.parametrize(
    ("items", "message"),
    [
        ([lut_item([4, 0, 16], b"\0" * 6)], "6 bytes for 4 entries"),
        ([lut_item([4, 0, 32], b"\0" * 16)], "8 to 16 bits"),
        ([lut_item([2, 0, 16], b"\0" * 4)] * 2, "one item"),
        ([Dataset()], "missing"),
    ],
)
def test_modality_lut_that_cannot_be_read_is_refused(items, message):
    dataset = slice_with(np.zeros((2, 2), "uint16"), ModalityLUTSequence=Sequence(items))
    with pytest.raises(HeaderError, match=rf"slice 0.*ModalityLUTSequence.*{message}"):
        modality_mappings(Headers.from_datasets([dataset]))


def test_modality_lut_beside_a_rescale_is_refused_unless_the_rescale_does_nothing():
    item = lut_item([2, 0, 16], np.array([5, 6], "<u2").tobytes())
    stored = np.array([[0, 1]], "uint16")
    idle = slice_with(stored, ModalityLUTSequence=Sequence([item]), RescaleSlope="1", RescaleIntercept="0")
    np.testing.assert_array_equal(values_of(idle), [[5, 6]])
    both = slice_with(stored, ModalityLUTSequence=Sequence([item]), RescaleSlope="2", RescaleIntercept="0")
    with pytest.raises(HeaderError, match=r"both a ModalityLUTSequence and RescaleSlope 2.*excludes the other"):
        modality_mappings(Headers.from_datasets([both]))


def test_slices_may_have_tables_and_lines_side_by_side():
    item = lut_item([2, 0, 16], np.array([500, 600], "<u2").tobytes())
    stored = np.array([[0, 1]], "uint8")
    datasets = [
        slice_with(stored, ModalityLUTSequence=Sequence([item])),
        slice_with(stored, RescaleSlope="2", RescaleIntercept="-3"),
    ]
    headers = Headers.from_datasets(datasets)
    mappings = modality_mappings(headers)
    dtype = value_dtype(pixel_formats(headers), mappings)
    assert dtype == np.int16
    out = np.empty((2, 1, 2), dtype)
    for plane, mapping in zip(out, mappings, strict=True):
        mapping.apply(stored, plane)
    np.testing.assert_array_equal(out, [[[500, 600]], [[-3, -1]]])


def test_a_slice_without_slope_among_scaled_ones_is_refused():
    slices = Headers(3).replace(RescaleSlope=["0.5", None, "0.25"], RescaleIntercept=["0", None, "0"])
    with pytest.raises(HeaderError, match=r"slice 1 states no RescaleSlope while slice 0 is scaled \(1 of 3"):
        modality_mappings(slices)
    # An element without a value states nothing either.
    with pytest.raises(HeaderError, match="slice 2 states no RescaleSlope"):
        modality_mappings(Headers(3).replace(RescaleSlope=["0.5", "0.5", ""]))
    # Where those that state one say that values are as stored, all are in the same units.
    idle = Headers(3).replace(RescaleSlope=["1", None, "1"], RescaleIntercept=["0", None, "0"])
    assert modality_mappings(idle) == [Rescale()] * 3


def test_slopes_with_more_digits_than_a_decimal_string_may_have_are_read_in_full():
    tag = 0x00281053
    element = Headers(1).replace(RescaleSlope="0.5").element(tag, 0)
    long = Headers(1).with_columns({tag: element._replace(value=b"0.302644123456789012 ")})
    assert modality_mappings(long)[0].slope == 0.302644123456789012


def test_dose_is_stored_value_times_dose_grid_scaling():
    headers = Headers(1).replace(Modality="RTDOSE", DoseGridScaling="1.0000000e-6")
    (mapping,) = modality_mappings(headers)
    out = np.empty((1, 2))
    mapping.apply(np.array([[0, 1_254_000]], "uint32"), out)
    np.testing.assert_allclose(out, [[0, 1.254]])


@pytest.mark.parametrize("scaling", ["0", "-1", "1\\2"])
def test_dose_grid_scaling_that_makes_no_sense_is_refused(scaling):
    tag = 0x3004000E
    element = Headers(1).replace(DoseGridScaling="1").element(tag, 0)
    headers = Headers(1).with_columns({tag: element._replace(value=scaling.encode())})
    with pytest.raises(HeaderError, match="DoseGridScaling"):
        modality_mappings(headers)


# --- real world values ----------------------------------------------------------------------------


def units(code, meaning="", scheme="UCUM"):
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = code, scheme, meaning or code
    return Sequence([item])


def real_world_item(*, label="L", unit="mm2/s", first=0, last=4095, vr="US", **attributes):
    item = Dataset()
    item.LUTLabel = label
    item.MeasurementUnitsCodeSequence = units(unit)
    if first is not None:
        item.add_new("RealWorldValueFirstValueMapped", vr, first)
        item.add_new("RealWorldValueLastValueMapped", vr, last)
    for keyword, value in attributes.items():
        setattr(item, keyword, value)
    return item


LINE = {"RealWorldValueSlope": 0.5, "RealWorldValueIntercept": -10.0}


def headers_with(*items, signed=0):
    return Headers(1).replace(PixelRepresentation=signed, RealWorldValueMappingSequence=list(items))


def applied(mapping, stored, dtype="float64"):
    out = np.empty(np.shape(stored), dtype)
    mapping.apply(np.asarray(stored), out)
    return out


def test_real_world_values_are_a_line_over_the_stored_values_and_nan_beyond_it():
    (found,) = real_world_mappings(headers_with(real_world_item(first=10, last=20, **LINE)))
    assert (found.label, found.unit) == ("L", "mm2/s")
    np.testing.assert_array_equal(applied(found.mapping, [9, 10, 15, 20, 21]), [np.nan, -5, -2.5, 0, np.nan])


def test_real_world_values_may_come_of_a_table():
    item = real_world_item(first=-1, last=1, vr="SS", RealWorldValueLUTData=[1.5, -2.5, 1e-9])
    (found,) = real_world_mappings(headers_with(item, signed=1))
    np.testing.assert_array_equal(applied(found.mapping, [-2, -1, 0, 1, 2]), [np.nan, 1.5, -2.5, 1e-9, np.nan])


def test_the_range_may_be_stated_in_double_precision():
    item = real_world_item(
        first=None,
        DoubleFloatRealWorldValueFirstValueMapped=-0.5,
        DoubleFloatRealWorldValueLastValueMapped=1.5,
        **LINE,
    )
    (found,) = real_world_mappings(headers_with(item))
    np.testing.assert_array_equal(applied(found.mapping, [-1.0, 0.0, 1.0, 2.0]), [np.nan, -10, -9.5, np.nan])


@pytest.mark.parametrize("name", ["ADC", "mm2/s"])
def test_one_of_several_mappings_is_chosen_by_label_or_unit(name):
    items = [
        real_world_item(label="ADC", unit="mm2/s", **LINE),
        real_world_item(label="raw", unit="1", RealWorldValueSlope=1.0, RealWorldValueIntercept=0.0),
    ]
    (found,) = real_world_mappings(headers_with(*items), name)
    assert found.label == "ADC"
    with pytest.raises(ParameterError, match=r"2 real world value mappings \('ADC' in 'mm2/s'; 'raw' in '1'\)"):
        real_world_mappings(headers_with(*items))
    with pytest.raises(ParameterError, match=r"'mapping' must be .*'ADC' in 'mm2/s'; 'raw' in '1' \(got 'SUVbw'\)"):
        real_world_mappings(headers_with(*items), "SUVbw")


@pytest.mark.parametrize(
    ("item", "message"),
    [
        (real_world_item(first=None, **LINE), "first and the last"),
        (real_world_item(first=5, last=4, **LINE), "below the first"),
        (real_world_item(RealWorldValueSlope=1.0), "neither"),
        (real_world_item(last=5, RealWorldValueLUTData=[1.0, 2.0]), "2 entries for the stored values 0 to 5"),
        (real_world_item(RealWorldValueSlope=float("nan"), RealWorldValueIntercept=0.0), "neither"),
    ],
)
def test_real_world_mapping_that_cannot_be_used_is_refused(item, message):
    with pytest.raises(HeaderError, match=rf"slice 0: RealWorldValueMappingSequence.*{message}"):
        real_world_mappings(headers_with(item))


def test_real_world_values_of_slices_in_different_units_are_refused():
    one, two = (headers_with(real_world_item(unit=unit, **LINE)) for unit in ("mm2/s", "um2/s"))
    with pytest.raises(HeaderError, match=r"slice 0 are in 'mm2/s' and those of slice 1 in 'um2/s'"):
        real_world_mappings(Headers.joined([one, two]))
    with pytest.raises(HeaderError, match="slice 1 has no RealWorldValueMappingSequence"):
        real_world_mappings(Headers.joined([one, Headers(1)]))


def test_values_within_a_range_are_floats_of_which_nan_is_one():
    headers = Headers.from_datasets([dataset_of_slice(np.zeros((2, 2), "uint16"), (0, 0, 0))])
    assert value_dtype(pixel_formats(headers), [Within(Rescale(), 0, 10)]) == np.float32
    assert value_dtype(pixel_formats(headers), [LookupTable(0, np.array([0.5]))]) == np.float32


# --- Philips --------------------------------------------------------------------------------------


def philips(scale, *, creator="Philips MR Imaging DD 001", slope="2", intercept="-6", block=0x10):
    dataset = dataset_of_slice(np.zeros((1, 1), "uint16"), (0, 0, 0), RescaleSlope=slope, RescaleIntercept=intercept)
    dataset.add_new((0x2005, block), "LO", creator)
    if scale is not None:
        dataset.add_new((0x2005, block << 8 | 0x0E), "FL", scale)
    return dataset


@pytest.mark.parametrize("block", [0x10, 0x13])
def test_philips_values_are_displayed_values_over_rescale_slope_times_scale_slope(block):
    (mapping,) = philips_mappings(Headers.from_datasets([philips(0.25, block=block)]))
    # (5 x 2 - 6) / (2 x 0.25) = 8
    np.testing.assert_allclose(applied(mapping, [5, 3]), [8, 0])


@pytest.mark.parametrize(
    ("dataset", "message"),
    [
        (philips(None), "no scale slope"),
        (philips(0.25, creator="Somebody else"), "no scale slope"),
        (philips(0.0), "must be a positive number"),
        (philips(0.25, slope=None, intercept=None), "no RescaleSlope"),
    ],
)
def test_philips_values_without_what_they_need_are_refused(dataset, message):
    with pytest.raises(HeaderError, match=rf"slice 0 .*{message}"):
        philips_mappings(Headers.from_datasets([dataset]))
