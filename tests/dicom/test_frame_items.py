"""Items of frames: each value is what pydicom has at that path."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset

from slicewise.dicom.frame_items import frame_items, path_of
from slicewise.errors import HeaderError
from slicewise.image import RawElement

GROUPS = 0x52009230
POSITION = path_of("PlanePositionSequence", 0, "ImagePositionPatient")


def item(position, segment, instances):
    frame, place, identity = Dataset(), Dataset(), Dataset()
    place.ImagePositionPatient = position
    identity.ReferencedSegmentNumber = segment
    frame.PlanePositionSequence = [place]
    frame.SegmentIdentificationSequence = [identity]
    derivation = Dataset()
    derivation.SourceImageSequence = []
    for uid in instances:
        image = Dataset()
        image.ReferencedSOPInstanceUID = uid
        derivation.SourceImageSequence.append(image)
    frame.DerivationImageSequence = [derivation]
    return frame


def encoded(frames, *, implicit=False, little=True, undefined=False):
    whole = Dataset()
    whole.PerFrameFunctionalGroupsSequence = frames
    for dataset in (whole, *(inner for frame in frames for inner in _within(frame))):
        for element in dataset:
            if element.VR == "SQ":
                element.is_undefined_length = undefined
                for inner in element.value:
                    inner.is_undefined_length_sequence_item = undefined
    file = DicomBytesIO()
    file.is_implicit_VR, file.is_little_endian = implicit, little
    write_dataset(file, whole)
    head = 8 if implicit else 12
    return RawElement(GROUPS, "SQ", file.getvalue()[head:], implicit, little)


def _within(dataset):
    yield dataset
    for element in dataset:
        if element.VR == "SQ":
            for inner in element.value:
                yield from _within(inner)


FRAMES = st.lists(
    st.tuples(
        st.tuples(*[st.integers(-9999, 9999).map(lambda v: v / 10)] * 3),
        st.integers(1, 300),
        st.lists(st.sampled_from(["1.2.3", "1.2.34567", "1.2.840.99"]), max_size=3),
    ),
    min_size=1,
    max_size=8,
)


@given(FRAMES, st.booleans(), st.booleans(), st.booleans())
def test_values_are_those_that_were_written(frames, implicit, little, undefined):
    implicit = implicit and little
    made = [item(list(position), segment, uids) for position, segment, uids in frames]
    found = frame_items(encoded(made, implicit=implicit, little=little, undefined=undefined))
    assert len(found) == len(frames)
    for one, (position, segment, uids) in zip(found, frames, strict=True):
        assert np.allclose([float(v) for v in one.text(POSITION).split("\\")], position)
        number = one.value(path_of("SegmentIdentificationSequence", 0, "ReferencedSegmentNumber"))
        assert int.from_bytes(number, "little" if little else "big") == segment
        images = path_of("DerivationImageSequence", 0, "SourceImageSequence")
        assert one.count(images) == len(uids)
        assert [one.text((*images, k, *path_of("ReferencedSOPInstanceUID"))) for k in range(len(uids))] == uids
        assert one.value(path_of("FrameContentSequence", 0, "StackID")) is None


@pytest.mark.parametrize("undefined", [True, False])
def test_items_that_are_cut_off_are_told(undefined):
    whole = encoded([item([1, 2, 3], 1, ["1.2"]), item([1, 2, 4], 2, ["1.2"])], undefined=undefined)
    stop = whole.value.rindex(b"\\4")
    with pytest.raises(HeaderError, match="PerFrameFunctionalGroupsSequence: item 2 goes on"):
        frame_items(whole._replace(value=whole.value[:stop]))


def test_what_is_no_item_is_told():
    with pytest.raises(HeaderError, match="must consist of items"):
        frame_items(RawElement(GROUPS, "SQ", b"\x08\x00\x05\x00CS\x02\x00  "))
