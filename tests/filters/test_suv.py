"""Standardised uptake is activity over the dose left per gram, or it is refused in words that say why."""

from __future__ import annotations

import math

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import PositronEmissionTomographyImageStorage

import slicewise as sw
from makers import write_series
from slicewise.errors import HeaderError

STORED = np.random.default_rng(3).integers(0, 32768, (4, 5, 6), "int16")
SLOPES = (0.5, 0.25, 1.125, 0.75)
F18 = 6586.2
DOSE, WEIGHT = 370e6, 75.0


def injection(**changes):
    item = Dataset()
    values = {
        "RadiopharmaceuticalStartTime": "100000",
        "RadionuclideTotalDose": DOSE,
        "RadionuclideHalfLife": F18,
    } | changes
    for keyword, value in values.items():
        if value is not None:
            setattr(item, keyword, value)
    return item


def pet(folder, *, per_slice=None, item=None, private=None, **changes):
    """Write a PET series whose scan started an hour after the injection; two bed positions of two minutes."""
    beds = [{"AcquisitionTime": "110000"}] * 2 + [{"AcquisitionTime": "110200"}] * 2
    own = per_slice or [{}] * len(STORED)
    rows = [bed | {"RescaleSlope": s} | extra for bed, s, extra in zip(beds, SLOPES, own, strict=True)]
    attributes = {
        "SOPClassUID": PositronEmissionTomographyImageStorage,
        "Modality": "PT",
        "Units": "BQML",
        "CorrectedImage": ["NORM", "DTIM", "ATTN", "SCAT", "DECY"],
        "DecayCorrection": "START",
        "SeriesDate": "20240301",
        "SeriesTime": "110000",
        "AcquisitionDate": "20240301",
        "PatientWeight": WEIGHT,
        "RadiopharmaceuticalInformationSequence": Sequence([item or injection()]),
        "FrameReferenceTime": "60000",
        "ActualFrameDuration": "120000",
        "DecayFactor": "1.01",
        "NumberOfSlices": len(STORED),
    }
    paths = write_series(folder, STORED, per_slice=rows, **(attributes | changes))
    if private is not None:
        for path in paths:
            dataset = pydicom.dcmread(path)
            private(dataset)
            dataset.save_as(path)
    return sw.SeriesReader(folder)


def activity():
    return STORED * np.array(SLOPES)[:, None, None]


def expected(delay):
    return activity() * WEIGHT * 1000 / (DOSE * math.exp(-math.log(2) * delay / F18))


def uptake_of(series):
    return (series >> sw.SUVbw()).update(progress=False)


def assert_delay(series, seconds):
    image = uptake_of(series)
    assert image.dtype == np.float32
    np.testing.assert_allclose(image.array, expected(seconds), rtol=2e-7)


def test_activity_is_divided_by_the_dose_left_at_the_start_of_the_scan_per_gram(tmp_path):
    assert_delay(pet(tmp_path), 3600)  # for both bed positions: START refers to the scan, not to the slice


def test_activity_corrected_to_the_injection_is_divided_by_the_injected_dose(tmp_path):
    assert_delay(pet(tmp_path, DecayCorrection="ADMIN", item=injection(RadiopharmaceuticalStartTime=None)), 0)


@pytest.mark.parametrize(
    ("item", "seconds"),
    [
        ({"RadiopharmaceuticalStartDateTime": "20240301103000"}, 1800),
        ({"RadiopharmaceuticalStartDateTime": "20240301103000.5", "RadiopharmaceuticalStartTime": None}, 1799.5),
        ({"RadiopharmaceuticalStartDateTime": "20240301093000+0000"}, 1800),
        ({"RadiopharmaceuticalStartTime": "103000.25"}, 1799.75),
    ],
)
def test_time_of_injection_is_read_as_it_is_stated(tmp_path, item, seconds):
    series = pet(tmp_path, item=injection(**item), TimezoneOffsetFromUTC="+0100")
    assert_delay(series, seconds)


def test_injection_may_be_before_midnight_and_the_scan_after_it(tmp_path):
    late = injection(RadiopharmaceuticalStartTime="233000")
    times = [{"AcquisitionTime": "003000"}] * 4
    assert_delay(pet(tmp_path, item=late, SeriesTime="003000", per_slice=times), 3600)


# --- when the scan started ------------------------------------------------------------------------


def later_series(folder, **changes):
    """Write a series whose time is that of a reconstruction in the evening."""
    return pet(folder, SeriesTime="183000", **changes)


def ge_scan_time(creator="GEMS_PETD_01"):
    def add(dataset):
        dataset.add_new(0x00090010, "LO", creator)
        dataset.add_new(0x0009100D, "DT", "20240301105900.00")

    return add


def test_where_the_series_is_younger_than_its_slices_the_scan_time_of_ge_counts(tmp_path):
    assert_delay(later_series(tmp_path, private=ge_scan_time()), 3540)


def test_scan_time_of_ge_does_not_count_where_the_series_time_holds(tmp_path):
    assert_delay(pet(tmp_path, private=ge_scan_time()), 3600)


def average_count_time(duration):
    """Return after how many seconds the rate of decays is what it is on average, by quadrature and bisection."""
    lam = math.log(2) / F18
    t = (np.arange(200_000) + 0.5) / 200_000 * duration
    return -math.log(np.exp(-lam * t).mean()) / lam


def test_else_the_start_is_computed_back_from_frame_reference_times(tmp_path):
    # Bed positions of 120 s at 11:00 and 11:02 of a scan that started at 10:58.
    frames = [
        {"FrameReferenceTime": str(1000 * (start + average_count_time(120)))[:16]} for start in (120, 120, 240, 240)
    ]
    image = uptake_of(later_series(tmp_path, per_slice=frames))
    np.testing.assert_allclose(image.array, expected(3480), rtol=1e-6)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"FrameReferenceTime": "0"}, "neither GE's scan time"),
        ({"ActualFrameDuration": None}, "neither GE's scan time"),
        ({}, "disagree on the start of the scan"),  # both bed positions state 60 s
        ({"private": ge_scan_time("Somebody else")}, "disagree on the start of the scan"),
    ],
)
def test_a_start_of_the_scan_that_cannot_be_known_is_refused(tmp_path, changes, message):
    series = later_series(tmp_path, **changes)
    with pytest.raises(HeaderError, match=message):
        series >> sw.SUVbw()


def test_of_a_part_of_the_series_the_start_is_only_believed_where_frame_times_confirm_it(tmp_path):
    with pytest.raises(HeaderError, match="Make uptake before slices are chosen"):
        pet(tmp_path / "a")[2:] >> sw.SUVbw()
    frames = [{"FrameReferenceTime": t} for t in ("59937", "59937", "179937", "179937")]
    whole = pet(tmp_path / "b", per_slice=frames)
    np.testing.assert_array_equal(uptake_of(whole[2:]).array, uptake_of(whole).array[2:])
    # With the earliest slice at hand, whose acquisition is the series time, there is no doubt.
    assert uptake_of(pet(tmp_path / "c")[:2]).shape == (2, 5, 6)
    with pytest.raises(HeaderError, match="Make uptake before slices are chosen"):
        pet(tmp_path / "d", SeriesTime="105900", NumberOfSlices=9) >> sw.SUVbw()


# --- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"Modality": "CT"}, r"Modality must be PT \(got 'CT' in slice 0\)"),
        ({"Units": "GML", "SUVType": "LBM"}, r"uptake already \(Units GML, SUVType LBM\)"),
        ({"Units": "PROPCPS"}, r"Units must be BQML.*got 'PROPCPS' in slice 0"),
        ({"Units": None}, r"Units must be BQML.*got 'none'"),
        ({"Units": "CNTS"}, r"Units of slice 0 is CNTS.*\(7053,xx00\)"),
        ({"CorrectedImage": ["DECY"]}, r"CorrectedImage of slice 0 must contain ATTN and DECY \(got \['DECY'\]\)"),
        ({"CorrectedImage": None}, "CorrectedImage of slice 0"),
        ({"DecayCorrection": "NONE"}, "DecayCorrection must be START or ADMIN .*'NONE'"),
        ({"DecayCorrection": None}, "DecayCorrection must be START or ADMIN .*'none'"),
        ({"PatientWeight": None}, r"PatientWeight must be a positive number in kg \(got none in slice 0\)"),
        ({"PatientWeight": "0"}, "PatientWeight must be a positive number in kg .*'0'"),
        ({"PatientWeight": "75000"}, "PatientWeight must be in kg .*75000"),
        ({"SeriesTime": None}, "SeriesDate or SeriesTime is missing"),
        ({"AcquisitionDate": None}, "no slice has AcquisitionDate and AcquisitionTime"),
        ({"per_slice": [{}, {}, {}, {"PatientWeight": "80"}]}, "'75.0' in slice 0 and '80' in slice 3"),
        ({"per_slice": [{}, {}, {"SeriesTime": "120000"}, {}]}, "SeriesTime must be the same on all slices"),
        ({"RadiopharmaceuticalInformationSequence": None}, "Sequence of slice 0 must have one item .*none"),
        ({"RadiopharmaceuticalInformationSequence": Sequence([injection()] * 2)}, "must have one item .*2"),
        ({"item": injection(RadionuclideTotalDose=None)}, "RadionuclideTotalDose must be a positive .* in Bq .*none"),
        ({"item": injection(RadionuclideTotalDose="370")}, "RadionuclideTotalDose must be in Bq .*370, as if .* MBq"),
        ({"item": injection(RadionuclideHalfLife=None)}, "RadionuclideHalfLife must be a positive number in s"),
        ({"item": injection(RadionuclideHalfLife="109.8")}, "less than 10 half-lives of 109.8 s"),
        ({"item": injection(RadiopharmaceuticalStartTime=None)}, "time of the injection is not known"),
        ({"item": injection(RadiopharmaceuticalStartTime="111500")}, "is 11:15:00, and the scan started at 11:00:00"),
        ({"item": injection(RadiopharmaceuticalStartDateTime="20240301120000")}, "lie before the start of the scan"),
        ({"item": injection(RadiopharmaceuticalStartDateTime="20230301100000")}, "less than 10 half-lives"),
        ({"item": injection(RadionuclideHalfLife="282276")}, "StartDateTime is missing: with a half-life of 282276 s"),
    ],
)  # fmt: skip
def test_images_of_which_no_uptake_can_be_made_are_refused_when_the_graph_is_built(tmp_path, changes, message):
    series = pet(tmp_path, **changes)
    with pytest.raises(HeaderError, match=message) as caught:
        series >> sw.SUVbw()
    assert any("SUVbw" in note for note in caught.value.__notes__)


def test_times_that_are_none_are_refused_by_name(tmp_path):
    paths = list(pet(tmp_path).files)
    for path in paths:
        data = path.read_bytes()
        path.write_bytes(data.replace(b"\x31\x00TM\x06\x00110000", b"\x31\x00TM\x06\x0099ab00"))
    with pytest.raises(HeaderError, match=r"SeriesTime must be a date or time of DICOM .*99ab00"):
        sw.SeriesReader(paths) >> sw.SUVbw()


def test_values_whose_units_changed_are_no_activity(tmp_path):
    series = pet(tmp_path)
    for changed in (series * 2, sw.SeriesReader(tmp_path, values="stored"), series >> sw.SUVbw()):
        with pytest.raises(HeaderError, match=r"Units|uptake already"):
            changed >> sw.SUVbw()


# --- counts of Philips ----------------------------------------------------------------------------


def philips_factor(element, factor):
    def add(dataset):
        dataset.add_new(0x70530010, "LO", "Philips PET Private Group")
        dataset.add_new(0x70531000 | element, "DS", str(factor))

    return add


def test_counts_of_philips_are_taken_with_their_private_factors(tmp_path):
    direct = uptake_of(pet(tmp_path / "a", Units="CNTS", private=philips_factor(0x00, 0.000551)))
    np.testing.assert_allclose(direct.array, activity() * 0.000551, rtol=2e-7)
    by_activity = uptake_of(pet(tmp_path / "b", Units="CNTS", private=philips_factor(0x09, 2.5)))
    np.testing.assert_allclose(by_activity.array, expected(3600) * 2.5, rtol=2e-7)
    with pytest.raises(HeaderError, match="counts cannot be made uptake"):
        pet(tmp_path / "c", Units="CNTS", private=philips_factor(0x00, 0)) >> sw.SUVbw()


# --- headers --------------------------------------------------------------------------------------


def test_written_uptake_says_what_it_is_and_how_it_was_made(tmp_path):
    series = pet(tmp_path / "in", WindowCenter="5000", WindowWidth="10000")
    suv = series >> sw.SUVbw()
    written = (suv >> sw.SeriesWriter(tmp_path / "out")).update(progress=False)
    files = sorted(map(pydicom.dcmread, written.paths), key=lambda d: d.ImagePositionPatient[2])
    values = np.stack([f.pixel_array * float(f.RescaleSlope) for f in files])
    np.testing.assert_allclose(values, expected(3600), atol=float(max(f.RescaleSlope for f in files)))
    for f in files:
        assert (f.Units, f.SUVType, f.DecayCorrection) == ("GML", "BW", "START")
        assert f.RescaleIntercept == 0
        assert "RescaleType" not in f
        assert f.WindowCenter < 50
        assert (f.SeriesDate, f.SeriesTime) == ("20240301", "110000")
        text = "SUVbw(dose=370000000 Bq, weight=75 kg, delay=3600 s, half_life=6586.2 s)"
        assert text in f.DerivationDescription
    rows = {row.name: row for row in written.report.rows}
    assert rows["Units"].reason == "true of the result of SUVbw"
    again = sw.SeriesReader(tmp_path / "out")
    with pytest.raises(HeaderError, match="uptake already"):
        again >> sw.SUVbw()


def test_uptake_in_slabs_is_uptake_of_the_whole(tmp_path):
    series = pet(tmp_path)
    whole = uptake_of(series).array
    thin = (series >> sw.SUVbw()).update(memory="2KB", workers=2, progress=False).array
    np.testing.assert_array_equal(thin, whole)
    smooth = (series >> sw.SUVbw() >> sw.Median(radius=1)).headers
    assert smooth["Units"] == ["GML"] * 4
