"""What real series rarely show together: inverted greys, lossy sources, marks that must not be lost or invented."""

from __future__ import annotations

import imagecodecs
import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.uid import generate_uid

import slicewise as sw
from slicewise import errors

WAYS = {
    "nothing": lambda image: image,
    "median": lambda image: image >> sw.Median(radius=1),
    "float": lambda image: image >> sw.Function(lambda a: a * np.float32(0.1), dtype="float32"),
    "crop": lambda image: image[1:-1, 2:, 3:],
    "resample": lambda image: image >> sw.Resample(spacing=(2, 2, 7)),
    "mask": lambda image: image > 0,
}


@pytest.fixture(params=WAYS)
def way(request):
    return WAYS[request.param]


def changed(files, **attributes):
    """Set attributes on all files."""
    for path in files:
        image = pydicom.dcmread(path)
        for keyword, value in attributes.items():
            if isinstance(value, int):
                image.add_new(keyword, "US", value)
            else:
                setattr(image, keyword, value)
        image.save_as(path)
    return files


def result(files, way, target, **options):
    written = (way(sw.SeriesReader(files)) >> sw.SeriesWriter(target, **options)).update(progress=False)
    return [pydicom.dcmread(path) for path in written.paths]


def test_inverted_greys_stay_inverted(files, way, target):
    changed(files, PhotometricInterpretation="MONOCHROME1")
    assert {ds.PhotometricInterpretation for ds in result(files, way, target)} == {"MONOCHROME1"}


def test_once_lossy_always_lossy(files, way, target):
    changed(
        files[2:3],
        LossyImageCompression="01",
        LossyImageCompressionRatio="12.5",
        LossyImageCompressionMethod="ISO_10918_1",
    )
    changed([*files[:2], *files[3:]], LossyImageCompression="00")
    lossy = pydicom.dcmread(files[2]).SOPInstanceUID
    found = result(files, way, target)
    touched = [ds for ds in found if lossy in {s.ReferencedSOPInstanceUID for s in ds.SourceImageSequence}]
    assert touched
    assert all(ds.LossyImageCompression == "01" for ds in touched)


def test_a_lossy_mark_cannot_be_taken_off(files, target):
    changed(files, LossyImageCompression="01")
    with pytest.raises(errors.SlicewiseError, match="LossyImageCompression"):
        result(files, WAYS["nothing"], target, overrides={"LossyImageCompression": "00"})


def test_what_a_lossy_transfer_syntax_says_is_said_when_written_uncompressed(files, target):
    for path in files:
        image = pydicom.dcmread(path)
        pixels = (image.pixel_array >> 4).astype(np.uint8)
        image.BitsAllocated, image.BitsStored, image.HighBit = 8, 8, 7
        image.PixelData = encapsulate([imagecodecs.jpeg8_encode(pixels, level=80)])
        image["PixelData"].is_undefined_length = True
        image["PixelData"].VR = "OB"
        for keyword in ("SmallestImagePixelValue", "LargestImagePixelValue", "PixelPaddingValue"):
            del image[keyword]
        image.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.50"
        image.save_as(path)
    assert {ds.LossyImageCompression for ds in result(files, WAYS["nothing"], target)} == {"01"}


def test_no_identity_is_called_removed_that_was_not(files, way, target):
    changed(files, PatientIdentityRemoved="YES", DeidentificationMethod="by hand")
    assert {(ds.PatientIdentityRemoved, ds.DeidentificationMethod) for ds in result(files, way, target)} == {
        ("YES", "by hand")
    }
    for path in files:
        image = pydicom.dcmread(path)
        del image.PatientIdentityRemoved
        del image.DeidentificationMethod
        image.save_as(path)
    assert not any("PatientIdentityRemoved" in ds for ds in result(files, way, target.with_name("again")))


def test_signatures_and_status_of_the_source_are_not_carried_over(files, way, target):
    item = Dataset()
    item.DigitalSignatureUID = generate_uid()
    changed(files, DigitalSignaturesSequence=Sequence([item]), SOPInstanceStatus="AO", QualityControlImage="BOTH")
    for image in result(files, way, target):
        for keyword in ("DigitalSignaturesSequence", "SOPInstanceStatus", "QualityControlImage"):
            assert keyword not in image, keyword


@pytest.mark.parametrize("name", ["median", "float", "crop", "resample", "mask"])
def test_pictures_and_ranges_of_other_pixels_are_not_carried_over(files, name, target):
    icon = Dataset()
    icon.Rows = icon.Columns = 4
    changed(
        files,
        IconImageSequence=Sequence([icon]),
        SmallestPixelValueInSeries=0,
        LargestPixelValueInSeries=4095,
    )
    for image in result(files, WAYS[name], target):
        for keyword in ("IconImageSequence", "SmallestPixelValueInSeries", "LargestPixelValueInSeries"):
            assert keyword not in image, keyword


def test_a_source_that_was_derived_keeps_its_own_story_but_names_direct_sources_only(files, target):
    grandparent = Dataset()
    grandparent.ReferencedSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    grandparent.ReferencedSOPInstanceUID = generate_uid()
    changed(files, DerivationDescription="x" * 1020, SourceImageSequence=Sequence([grandparent]))
    for image in result(files, WAYS["median"], target):
        assert len(image.DerivationDescription) <= 1024
        assert "Median" in image.DerivationDescription
        assert "xxx" in image.DerivationDescription
        named = {item.ReferencedSOPInstanceUID for item in image.SourceImageSequence}
        assert grandparent.ReferencedSOPInstanceUID not in named


def test_two_derivations_in_turn_tell_both(files, target):
    result(files, WAYS["median"], target)
    middle = sorted(target.iterdir())
    last = target.with_name("last")
    found = result(middle, WAYS["crop"], last)
    parents = {pydicom.dcmread(path).SOPInstanceUID for path in middle}
    for image in found:
        assert "Median" in image.DerivationDescription
        assert len(image.ContributingEquipmentSequence) == 2  # twice this software
        assert [c.CodeValue for c in image.DerivationCodeSequence][:1] == ["113087"]
        assert {item.ReferencedSOPInstanceUID for item in image.SourceImageSequence} <= parents


def test_a_mask_is_no_hounsfield_image(files, target):
    for image in result(files, WAYS["mask"], target):
        assert image.get("RescaleType") != "HU"
        assert set(np.unique(image.pixel_array)) <= {0, 1}
        assert "PixelPaddingValue" not in image


def test_flipped_slices_are_where_their_positions_say(files, target):
    source = {(ds := pydicom.dcmread(path)).SOPInstanceUID: ds for path in files}
    for image in result(files, lambda reader: reader[:, ::-1, ::-1], target):
        origin = source[image.SourceImageSequence[0].ReferencedSOPInstanceUID]
        assert image.SourceImageSequence[0].SpatialLocationsPreserved != "YES"
        for row, column in ((0, 0), (5, 7), (31, 39)):
            point = np.array(place(image, row, column))
            there = np.argmin([np.linalg.norm(point - place(origin, r, c)) for r in range(32) for c in range(40)])
            assert image.pixel_array[row, column] == origin.pixel_array[divmod(there, 40)]


def place(image, row, column):
    """Return the point of a voxel (PS3.3, C.7.6.2.1.1)."""
    plane = np.array(image.ImageOrientationPatient, float)
    down, along = (float(v) for v in image.PixelSpacing)
    corner = np.array(image.ImagePositionPatient, float)
    return corner + plane[:3] * along * column + plane[3:] * down * row


def test_images_of_different_patients_are_not_mixed(files, tmp_path):
    others = []
    for path in files:
        image = pydicom.dcmread(path)
        image.PatientID = "SOMEBODY-ELSE"
        others.append(tmp_path / path.name)
        image.save_as(others[-1])
    with pytest.raises(errors.PatientMismatchError, match="SOMEBODY-ELSE"):
        (sw.SeriesReader(files) + sw.SeriesReader(others)).update(progress=False)


def test_a_difference_names_both_its_sources(files, tmp_path, target):
    others = []
    for path in files:
        image = pydicom.dcmread(path)
        image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        image.SeriesInstanceUID = "1.2.3.4.5"
        image.KVP = "80"
        others.append(tmp_path / path.name)
        image.save_as(others[-1])
    node = sw.SeriesReader(files) - sw.SeriesReader(others)
    written = (node >> sw.SeriesWriter(target)).update(progress=False)
    for k, path in enumerate(written.paths):
        image = pydicom.dcmread(path)
        named = {item.ReferencedSOPInstanceUID for item in image.SourceImageSequence}
        assert named == {pydicom.dcmread(files[k]).SOPInstanceUID, pydicom.dcmread(others[k]).SOPInstanceUID}
        assert not image.get("KVP")
        assert [c.CodeValue for c in image.DerivationCodeSequence][-1] == "113062"
        assert not image.pixel_array.any()


def test_what_knows_no_series_is_referred_to_without_one(files, target):
    for path in files:
        image = pydicom.dcmread(path)
        image.SeriesInstanceUID = ""
        image.save_as(path)
    for image in result(files, WAYS["median"], target):
        assert image.SourceImageSequence[0].ReferencedSOPInstanceUID
        assert "ReferencedSeriesSequence" not in image


def test_counts_that_belong_to_pet_do_not_stand_in_other_images(files, target):
    for path in files:
        image = pydicom.dcmread(path)
        image.NumberOfSlices, image.ImageIndex = 17, 3
        image.save_as(path)
    for image in result(files, WAYS["crop"], target):
        assert "NumberOfSlices" not in image
        assert "ImageIndex" not in image
