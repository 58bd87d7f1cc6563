"""What is written says what it is: derived, from which images, how and by what; and nothing untrue."""

from __future__ import annotations

import re

import numpy as np
import pytest

from witnesses import datasets, modality_values, normal, position

pytestmark = pytest.mark.data

UID = re.compile(r"(0|[1-9]\d*)(\.(0|[1-9]\d*))+")


@pytest.fixture(scope="module")
def before(result):
    return datasets(result.source, pixels=False)


@pytest.fixture(scope="module")
def after(result):
    return datasets(result.written.paths)


def test_image_type_says_derived_and_keeps_what_still_holds(before, after):
    for image in after:
        assert image.ImageType[0] == "DERIVED"
        # PET images are always PRIMARY (PS3.3, C.8.9.4.1.1).
        assert image.ImageType[1] == ("PRIMARY" if image.Modality == "PT" else "SECONDARY")
        named = {item.ReferencedSOPInstanceUID for item in image.SourceImageSequence}
        tails = [list((ds.get("ImageType") or [])[2:]) for ds in before if ds.SOPInstanceUID in named]
        assert list(image.ImageType[2:]) in [*tails, []]
        if all(tail == tails[0] for tail in tails):
            assert list(image.ImageType[2:]) == tails[0]


def test_identifiers_are_new_unique_and_valid(result, before, after):
    old = {ds.SOPInstanceUID for ds in before} | {before[0].SeriesInstanceUID}
    new = [ds.SOPInstanceUID for ds in after]
    assert len(set(new)) == len(new)
    assert {ds.SeriesInstanceUID for ds in after} == {result.written.series_uid}
    assert not old & {*new, result.written.series_uid}
    for image in after:
        for uid in (image.SOPInstanceUID, image.SeriesInstanceUID):
            assert len(uid) <= 64
            assert UID.fullmatch(uid)
        assert image.file_meta.MediaStorageSOPInstanceUID == image.SOPInstanceUID
        assert image.file_meta.MediaStorageSOPClassUID == image.SOPClassUID == before[0].SOPClassUID
        assert image.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.1"


def test_patient_study_and_frame_of_reference_stay(before, after):
    for keyword in ("PatientID", "PatientName", "StudyInstanceUID", "FrameOfReferenceUID", "Modality"):
        old = {str(ds.get(keyword)) for ds in before}
        assert {str(ds.get(keyword)) for ds in after} <= old, keyword


def test_series_has_another_number_and_instances_count_from_one(before, after):
    assert {ds.SeriesNumber for ds in after}.isdisjoint({ds.get("SeriesNumber") for ds in before})
    assert len({ds.SeriesNumber for ds in after}) == 1
    assert [int(ds.InstanceNumber) for ds in after] == list(range(1, len(after) + 1))
    assert all(0 < len(ds.SeriesDescription) <= 64 for ds in after)


def contributing(image, before):
    """Return the instances a slice must name as its sources, and those it may name.

    Those between which it lies. If it is in the plane of one, as near as the design has it, the neighbour is free.
    """
    across = normal(before[0])
    places = np.array([position(ds) @ across for ds in before])
    place = position(image) @ across
    apart = np.abs(places - place)
    nearest = int(np.argmin(apart))
    above = int(np.searchsorted(places, place))
    around = {before[k].SOPInstanceUID for k in (above - 1, above) if 0 <= k < len(before)}
    itself = {before[nearest].SOPInstanceUID}
    if apart[nearest] < 1e-9:
        return itself, itself
    if apart[nearest] <= 1e-3 * np.median(np.diff(places)):
        return itself, around | itself
    return around, around


def test_each_slice_names_its_sources_and_no_others(result, before, after):
    classes = {ds.SOPInstanceUID: ds.SOPClassUID for ds in before}
    moved = result.way.name in ("resample", "crop")
    for image in after:
        named = [item.ReferencedSOPInstanceUID for item in image.SourceImageSequence]
        must, may = contributing(image, before)
        assert must <= set(named) <= may
        assert len(set(named)) == len(named)
        for item in image.SourceImageSequence:
            assert item.ReferencedSOPClassUID == classes[item.ReferencedSOPInstanceUID]
            purpose = item.PurposeOfReferenceCodeSequence[0]
            assert (purpose.CodeValue, purpose.CodingSchemeDesignator) == ("121322", "DCM")
            assert item.SpatialLocationsPreserved == ("NO" if moved else "YES")


def test_referenced_series_lists_exactly_the_instances_referenced_as_sources(before, after):
    for image in after:
        listed = {
            (series.SeriesInstanceUID, item.ReferencedSOPInstanceUID)
            for series in image.ReferencedSeriesSequence
            for item in series.ReferencedInstanceSequence
        }
        named = {item.ReferencedSOPInstanceUID for item in image.SourceImageSequence}
        assert listed == {(before[0].SeriesInstanceUID, uid) for uid in named}


CODES = {"nothing": [], "median": ["113087"], "resample": ["113085"]}
"""Smoothing; spatial resampling (PS3.16, CID 7203)."""


def test_derivation_is_described_and_coded(result, before, after):
    earlier = [item.CodeValue for item in before[0].get("DerivationCodeSequence") or []]
    for image in after:
        assert 0 < len(image.DerivationDescription) <= 1024
        assert "slicewise" in image.DerivationDescription
        old = str(before[0].get("DerivationDescription", ""))
        assert old in image.DerivationDescription
        found = [item.CodeValue for item in image.get("DerivationCodeSequence") or []]
        assert found[: len(earlier)] == earlier
        if result.way.name in CODES:
            assert found[len(earlier) :] == CODES[result.way.name]
        else:
            assert "113077" in found  # volume editing
        for item in image.get("DerivationCodeSequence") or []:
            assert item.CodingSchemeDesignator
            assert item.CodeMeaning


def test_equipment_is_appended_and_the_scanner_kept(before, after):
    earlier = before[0].get("ContributingEquipmentSequence") or []
    for image in after:
        *kept, own = image.ContributingEquipmentSequence
        assert list(kept) == list(earlier)
        assert own.PurposeOfReferenceCodeSequence[0].CodeValue == "109102"
        assert own.Manufacturer
        assert own.SoftwareVersions
        for keyword in ("Manufacturer", "ManufacturerModelName", "DeviceSerialNumber", "StationName"):
            assert image.get(keyword) in {ds.get(keyword) for ds in before} | {""}


def test_plane_is_true(result, after):
    geometry = result.node.geometry
    for index, image in enumerate(after):
        assert (image.Rows, image.Columns) == (geometry.rows, geometry.columns)
        assert np.allclose([float(v) for v in image.PixelSpacing], geometry.pixel_spacing, rtol=1e-9)
        assert np.linalg.norm(position(image) - geometry.positions[index]) < 1e-6
        across = normal(image)
        assert np.allclose(across, geometry.normal, atol=1e-9)
        assert image.pixel_array.shape[:2] == (geometry.rows, geometry.columns)


def test_statements_on_slices_are_true(result, before, after):
    if result.way.name != "resample":
        return
    step = np.linalg.norm(position(after[1]) - position(after[0]))
    for image in after:
        if before[0].get("SliceThickness") is not None:
            assert float(image.SliceThickness) == pytest.approx(step, rel=1e-3)
        if image.get("SpacingBetweenSlices") is not None:
            assert float(image.SpacingBetweenSlices) == pytest.approx(step, rel=1e-3)
    if "SliceLocation" not in after[0]:
        return
    # Where the source's locations go with its positions, so do those written.
    places = [np.array([position(ds) @ normal(before[0]) for ds in group]) for group in (before, after)]
    said = [np.array([float(ds.SliceLocation) for ds in group]) for group in (before, after)]
    sign = np.sign((said[0][-1] - said[0][0]) * (places[0][-1] - places[0][0]))
    shift = said[0][0] - sign * places[0][0]
    if np.allclose(said[0], sign * places[0] + shift, atol=0.02):
        assert np.allclose(said[1], sign * places[1] + shift, atol=0.05)


def test_stored_pixels_are_described_as_the_standard_wants(before, after):
    lossy = {str(ds.get("LossyImageCompression", "")) for ds in before}
    for image in after:
        assert image.HighBit == image.BitsStored - 1
        assert image.PhotometricInterpretation in ("MONOCHROME1", "MONOCHROME2", "RGB")
        for keyword in ("RescaleSlope", "RescaleIntercept"):
            if keyword in image:
                text = image[keyword].value.original_string
                assert len(text) <= 16, (keyword, text)
        if "01" in lossy:
            assert image.LossyImageCompression == "01"
        values = image.pixel_array
        assert values.min() >= (-(1 << image.BitsStored - 1) if image.PixelRepresentation else 0)
        assert values.max() < (1 << image.BitsStored - (1 if image.PixelRepresentation else 0))
        for keyword, value in (("SmallestImagePixelValue", values.min()), ("LargestImagePixelValue", values.max())):
            if keyword in image:
                assert image[keyword].value == value
                assert ("SS" if image.PixelRepresentation else "US") == image[keyword].VR


def test_pet_images_have_what_pet_images_must_have(result, before, after):
    if before[0].Modality != "PT":
        pytest.skip("not PET")
    for index, image in enumerate(after):
        assert int(image.NumberOfSlices) == len(after)
        assert int(image.ImageIndex) == index + 1
        assert float(image.RescaleIntercept) == 0
        assert image.Units == before[0].Units
        for keyword in (
            "FrameReferenceTime",
            "ActualFrameDuration",
            "DecayFactor",
            "DecayCorrection",
            "CorrectedImage",
        ):
            if keyword in before[0]:
                assert image.get(keyword) not in (None, ""), keyword
        # Decay correction refers to the series time.
        assert image.SeriesTime == before[0].SeriesTime
        assert modality_values(image).max() > 0
