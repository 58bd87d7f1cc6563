"""Damaged segmentations: an error that says what is wrong, and never a wrong mask."""

from __future__ import annotations

import random
import warnings

import numpy as np
import pydicom
import pytest

import slicewise as sw
from makers import write_series
from segmentation_makers import blobs, edited, headers_of, write_segmentation
from slicewise.errors import HeaderError, ReadError, SeriesError, SlicewiseError, SlicewiseWarning, TruncatedError

SHAPE = (9, 24, 32)


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    return headers_of(
        write_series(
            tmp_path_factory.mktemp("ct"),
            np.zeros(SHAPE, np.int16),
            **dict.fromkeys(
                (
                    "PatientBirthDate",
                    "PatientSex",
                    "StudyID",
                    "StudyDate",
                    "StudyTime",
                    "AccessionNumber",
                    "ReferringPhysicianName",
                ),
                "",
            ),
        )
    )


@pytest.fixture
def path(tmp_path, images):
    return write_segmentation(tmp_path / "seg.dcm", images, blobs(SHAPE, [1, 2]), [1, 2])


def read(path):
    return sw.SegmentationReader(path).update(progress=False)


def _fewer_frames(ds):
    ds.NumberOfFrames -= 1


def _more_frames(ds):
    ds.NumberOfFrames += 1


def _a_group_less(ds):
    ds.PerFrameFunctionalGroupsSequence.pop()


def _no_groups(ds):
    del ds.PerFrameFunctionalGroupsSequence


def _no_segment(ds):
    del ds.PerFrameFunctionalGroupsSequence[2].SegmentIdentificationSequence


def _no_position(ds):
    del ds.PerFrameFunctionalGroupsSequence[2].PlanePositionSequence


def _short_position(ds):
    ds.PerFrameFunctionalGroupsSequence[2].PlanePositionSequence[0].ImagePositionPatient = [1, 2]


def _no_orientation(ds):
    del ds.SharedFunctionalGroupsSequence[0].PlaneOrientationSequence


def _no_spacing(ds):
    ds.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].PixelSpacing = [0, 1]


def _no_descriptions(ds):
    del ds.SegmentSequence


def _undescribed(ds):
    ds.SegmentSequence.pop()


def _described_twice(ds):
    ds.SegmentSequence[1].SegmentNumber = 1


def _no_type(ds):
    ds.SegmentationType = "OTHER"


def _labels(ds):
    ds.SegmentationType = "LABELMAP"


def _colour(ds):
    ds.SamplesPerPixel = 3


def _no_pixels(ds):
    del ds.PixelData


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_fewer_frames, "NumberOfFrames is 11 and the pixels are those of 12"),
        (_more_frames, "NumberOfFrames is 13 and the pixels are those of 12"),
        (_a_group_less, "functional groups for 11 frames and NumberOfFrames is 12"),
        (_no_groups, "frame 1: ReferencedSegmentNumber must be one number"),
        (_no_segment, "frame 3: ReferencedSegmentNumber must be one number"),
        (_no_position, r"frame 3: ImagePositionPatient must be 3 numbers \(got ''\)"),
        (_short_position, "frame 3: ImagePositionPatient must be 3 numbers"),
        (_no_orientation, "no ImageOrientationPatient"),
        (_no_spacing, "PixelSpacing must be two positive numbers"),
        (_no_descriptions, "Segment Sequence"),
        (_undescribed, "frame [0-9]+ is of segment 2, which the Segment Sequence does not describe"),
        (_described_twice, r"different numbers \(got \[1, 1\]\)"),
        (_no_type, "SegmentationType must be BINARY, FRACTIONAL or LABELMAP"),
        (_labels, "SegmentationType LABELMAP is not of the SOP class"),
        (_colour, "samples"),
        (_no_pixels, "none of them has pixels"),
    ],
)
def test_a_header_that_contradicts_itself_is_told(path, damage, message):
    edited(path, damage)
    with pytest.raises((HeaderError, SeriesError, ReadError), match=message) as caught:
        read(path)
    assert str(path) in str(caught.value)


def test_a_file_that_is_cut_off_is_told(path):
    whole = path.read_bytes()
    path.write_bytes(whole[:-500])
    with pytest.raises(TruncatedError, match="end too early"):
        read(path)


def test_a_file_that_changed_is_told(path):
    reader = sw.SegmentationReader(path)
    _ = reader.info
    path.write_bytes(path.read_bytes() + b"\0\0")
    with pytest.raises(ReadError, match="changed since"):
        reader.update(progress=False)


@pytest.mark.parametrize("kind", ["BINARY", "LABELMAP"])
def test_damaged_bytes_are_an_error_or_change_no_more_than_pixels(tmp_path, images, kind):
    labels = blobs(SHAPE, [1, 2])
    path = write_segmentation(tmp_path / "seg.dcm", images, labels, [1, 2], segmentation_type=kind)
    whole, chance = path.read_bytes(), random.Random(5)  # noqa: S311 - no secret
    for _ in range(200):
        damaged = bytearray(whole)
        for _ in range(chance.choice((1, 3))):
            damaged[chance.randrange(132, len(damaged))] = chance.randrange(256)
        if chance.random() < 0.3:
            damaged = damaged[: chance.randrange(200, len(damaged))]
        path.write_bytes(damaged)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SlicewiseWarning)
            try:
                reader = sw.SegmentationReader(path)
                found, segments = reader.update(progress=False), reader.segments
            except SlicewiseError:
                continue
        # Any other exception fails the test.
        assert set(np.unique(found.array)) <= {0, *(segment.number for segment in segments)}


def test_a_surface_segmentation_is_no_segmentation_of_pixels(path):
    edited(path, lambda ds: setattr(ds, "SOPClassUID", pydicom.uid.UID("1.2.840.10008.5.1.4.1.1.66.5")))
    with pytest.raises(SeriesError, match="there is no segmentation"):
        read(path)
