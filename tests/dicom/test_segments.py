"""Segments as items state them, judged by pydicom, highdicom and published colours."""

import warnings

import pytest
from highdicom.seg import SegmentDescription
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes

from slicewise.dicom.colours import lab_of_rgb, rgb_of_lab
from slicewise.dicom.segment_template import SegmentTemplate
from slicewise.dicom.segments import Segment
from slicewise.errors import HeaderError, ParameterError
from slicewise.image import Code


def test_a_segment_is_stated_as_the_standard_has_it():
    segment = Segment(
        "Left kidney",
        codes.SCT.Kidney,
        codes.SCT.AnatomicalStructure,
        type_modifiers=codes.SCT.Left,
        anatomic_region=codes.SCT.Abdomen,
        algorithm_type="SEMIAUTOMATIC",
        algorithm_name="growing",
        tracking_id="kidney 1",
        tracking_uid="1.2.3",
        colour=(1, 2, 3),
        number=4,
    )
    item = SegmentDescription.from_dataset(segment.to_item())
    assert (item.segment_number, item.segment_label, item.algorithm_type.value) == (4, "Left kidney", "SEMIAUTOMATIC")
    assert item.segmented_property_type == codes.SCT.Kidney
    assert item.segmented_property_category == codes.SCT.AnatomicalStructure
    modifiers = item.SegmentedPropertyTypeCodeSequence[0].SegmentedPropertyTypeModifierCodeSequence
    assert [m.CodeValue for m in modifiers] == [codes.SCT.Left.value]
    assert [region.value for region in item.anatomic_regions] == [codes.SCT.Abdomen.value]
    assert item.tracking_id == "kidney 1"
    assert item.tracking_uid == "1.2.3"
    assert list(item.RecommendedDisplayCIELabValue) == [1, 2, 3]


def test_what_an_item_states_is_kept():
    segment = Segment("A", ("1", "99A", "a"), ("2", "99A", "b"), algorithm_type="MANUAL", number=1, description="x\ny")
    item = segment.to_item()
    item.RecommendedDisplayGrayscaleValue = 7
    region = segment.to_item().SegmentedPropertyCategoryCodeSequence[0]
    item.AnatomicRegionSequence = [region, Dataset(region)]
    item.AnatomicRegionSequence[1].CodeValue = "3"
    item.private_block(0x0099, "SOMEONE", create=True).add_new(1, "LO", "theirs")
    assert Segment.from_item(item).to_item() == item


def test_the_label_of_a_map_is_kept_beside_another_number():
    segment = Segment("A", codes.SCT.Liver, codes.SCT.Organ, algorithm_type="MANUAL", number=2, value=70000)
    item = segment.to_item()
    assert (item.SegmentNumber, item[0x0063, 0x0010].value, item[0x0063, 0x1001].value) == (2, "SLICEWISE", 70000)
    assert Segment.from_item(item) == segment


def test_long_and_universal_code_values_stand_where_they_must():
    segment = Segment(
        "A", Code("12345678901234567", "SCT", "a"), Code("urn:oid:1.2", "x", "b"), algorithm_type="MANUAL", number=1
    )
    item = segment.to_item()
    kind = item.SegmentedPropertyTypeCodeSequence[0]
    assert (kind.LongCodeValue, "CodeValue" in kind) == ("12345678901234567", False)
    assert item.SegmentedPropertyCategoryCodeSequence[0].URNCodeValue == "urn:oid:1.2"
    assert Segment.from_item(item).type == segment.type


@pytest.mark.parametrize(
    ("rgb", "lab"),
    # L*, a*, b* of the ICC profile connection space (D50), as published for the primaries of sRGB.
    [
        ((255, 0, 0), (54.29, 80.81, 69.89)),
        ((0, 255, 0), (87.82, -79.29, 80.99)),
        ((0, 0, 255), (29.57, 68.30, -112.03)),
    ],
)
def test_colours_are_cielab_with_the_white_of_print(rgb, lab):
    stated = lab_of_rgb(rgb)
    found = (stated[0] * 100 / 65535, stated[1] * 255 / 65535 - 128, stated[2] * 255 / 65535 - 128)
    assert found == pytest.approx(lab, abs=0.02)
    assert rgb_of_lab(stated) == rgb


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"label": "x" * 65}, "'label' must be text of at most 64 characters"),
        ({"type": "Liver"}, "a code must be value, scheme and meaning"),
        ({"algorithm_type": "AUTO"}, "must be one of AUTOMATIC, SEMIAUTOMATIC, MANUAL \\(got 'AUTO'\\)"),
        ({"colour": (0, 0, 70000)}, "three whole numbers from 0 to 65535"),
        ({"tracking_id": "x", "tracking_uid": "1.x"}, "'tracking_uid' must be a UID"),
        ({"category": Code("1", "SCT", "")}, "a code must be value, scheme and meaning"),
        ({"tracking_id": "x"}, "'tracking_id' and 'tracking_uid' are stated together"),
        ({"anatomic_region_modifiers": codes.SCT.Left}, "need an 'anatomic_region'"),
    ],
)
def test_what_cannot_be_stated_is_refused(changes, message):
    values = {"label": "A", "type": codes.SCT.Liver, "category": codes.SCT.AnatomicalStructure} | changes
    with pytest.raises(ParameterError, match=message):
        Segment(**values).check()


def test_items_that_break_rules_are_read_and_not_written_again():
    item = Segment("A", codes.SCT.Liver, codes.SCT.Organ, algorithm_type="MANUAL", number=3).to_item()
    with warnings.catch_warnings(action="ignore"):
        item.SegmentLabel = "x" * 70
        item.TrackingID = "alone"
        item.SegmentedPropertyTypeCodeSequence[0].CodeMeaning = ""
    read = Segment.from_item(item)
    assert (len(read.label), read.tracking_id, read.type.meaning) == (70, "alone", "")
    with pytest.raises(ParameterError, match=r"segment 3 .*'label' must be text of at most 64 characters"):
        SegmentTemplate([read])


def test_an_item_that_does_not_say_what_is_segmented_is_refused():
    item = Segment("A", codes.SCT.Liver, codes.SCT.Organ, algorithm_type="MANUAL", number=3).to_item()
    del item.SegmentedPropertyTypeCodeSequence
    with pytest.raises(HeaderError, match="segment 3: SegmentedPropertyTypeCodeSequence is missing"):
        Segment.from_item(item)
