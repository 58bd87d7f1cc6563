"""Templates of segmentations: dcmqi's metainfo.json, the short YAML, and Python."""

import copy
import json

import pytest
from pydicom.sr.codedict import codes

from slicewise.dicom.segment_template import SegmentTemplate
from slicewise.dicom.segments import Segment
from slicewise.errors import ParameterError, ReadError

LIVER = {
    "labelID": 1,
    "SegmentLabel": "Liver",
    "SegmentAlgorithmType": "SEMIAUTOMATIC",
    "SegmentAlgorithmName": "growing",
    "SegmentedPropertyCategoryCodeSequence": {
        "CodeValue": "85756007",
        "CodingSchemeDesignator": "SCT",
        "CodeMeaning": "Tissue",
    },
    "SegmentedPropertyTypeCodeSequence": {
        "CodeValue": "10200004",
        "CodingSchemeDesignator": "SCT",
        "CodeMeaning": "Liver",
    },
    "recommendedDisplayRGBValue": [221, 130, 101],
}
SPINE = LIVER | {"labelID": 5, "SegmentLabel": "Spine", "SegmentAlgorithmType": "MANUAL", "SegmentAlgorithmName": ""}


def metainfo(*lists, **attributes):
    return {"segmentAttributes": copy.deepcopy(list(lists)), **attributes}


def test_a_description_of_dcmqi_is_read(tmp_path):
    path = tmp_path / "metainfo.json"
    path.write_text(json.dumps(metainfo([LIVER, SPINE], ContentCreatorName="Doe^John")))
    template = SegmentTemplate.from_dcmqi(path)
    liver = template.segments[0][1]
    assert (liver.label, liver.type, liver.algorithm_name) == ("Liver", ("10200004", "SCT", "Liver"), "growing")
    assert (liver.category.meaning, liver.rgb) == ("Tissue", (221, 130, 101))
    assert template.labels == (1, 5)
    assert template.attributes == {"ContentCreatorName": "Doe^John"}


def test_what_a_description_does_not_state_is_as_in_dcmqi():
    assert SegmentTemplate.from_dcmqi(metainfo([LIVER])).fallbacks == {
        "SeriesNumber": "300",
        "SeriesDescription": "Segmentation",
        "ContentLabel": "SEGMENTATION",
        "ContentDescription": "Image segmentation",
        "ContentCreatorName": "Reader1",
        "InstanceNumber": "1",
        "ClinicalTrialSeriesID": "Session1",
        "ClinicalTrialTimePointID": "1",
    }


def test_several_files_and_lists_are_one_template():
    template = SegmentTemplate.from_dcmqi(metainfo([LIVER], [SPINE]), metainfo([LIVER | {"labelID": 2}]))
    assert [list(one) for one in template.segments] == [[1], [5], [2]]


def test_a_description_goes_out_as_it_came_in():
    described = metainfo([LIVER], [SPINE], ContentCreatorName="Doe^John", SeriesNumber="7")
    again = SegmentTemplate.from_dcmqi(described).to_dcmqi()
    for one in described["segmentAttributes"]:
        for segment in one:
            if not segment["SegmentAlgorithmName"]:
                del segment["SegmentAlgorithmName"]
    assert again["segmentAttributes"] == described["segmentAttributes"]
    assert (again["ContentCreatorName"], again["SeriesNumber"]) == ("Doe^John", "7")


def _without(key, *inner):
    changed = copy.deepcopy(LIVER)
    (changed[key] if inner else changed).pop(*inner or (key,))
    return changed


@pytest.mark.parametrize(
    ("described", "message"),
    [
        ({}, "metainfo: segmentAttributes is missing"),
        (metainfo([]), r"segmentAttributes\[0\] must be a list of segments"),
        (
            metainfo([LIVER, SPINE, _without("SegmentedPropertyTypeCodeSequence", "CodeValue")]),
            r"segmentAttributes\[0\]\[2\].SegmentedPropertyTypeCodeSequence.CodeValue is missing",
        ),
        (metainfo([LIVER], [_without("labelID")]), r"segmentAttributes\[1\]\[0\].labelID is missing"),
        (metainfo([LIVER, LIVER]), r"\[0\]\[1\].labelID is 1, as that of another segment"),
        (metainfo([LIVER | {"labelID": "1"}]), r"\[0\]\[0\].labelID must be a whole number .*got '1'"),
        (metainfo([LIVER | {"SegmentAlgorithmType": "AI"}]), r"SegmentAlgorithmType must be one of AUTOMATIC"),
        (metainfo([_without("SegmentAlgorithmName")]), r"\[0\]\[0\].SegmentAlgorithmName is missing"),
        (metainfo([LIVER | {"SegmentName": "x"}]), r"\[0\]\[0\].SegmentName is nothing that stands there"),
        (metainfo([LIVER | {"recommendedDisplayRGBValue": [0, 0, 256]}]), "three whole numbers from 0 to 255"),
        (metainfo([LIVER | {"SegmentLabel": "x" * 65}]), r"\[0\]\[0\] cannot be stated: 'label' must be text"),
        (metainfo([LIVER], SeriesNumber=300), "SeriesNumber must be text"),
        (metainfo([LIVER], ContentLabel="lower"), "ContentLabel must be of capital letters"),
        (metainfo([LIVER], Series="x"), "metainfo: Series is nothing that stands there"),
    ],
)
def test_a_message_names_the_path_to_what_is_wrong(described, message):
    with pytest.raises(ParameterError, match=message):
        SegmentTemplate.from_dcmqi(described)


def test_files_that_are_none_are_told(tmp_path):
    with pytest.raises(ReadError, match=r"no\.json: cannot be read"):
        SegmentTemplate.from_dcmqi(tmp_path / "no.json")
    (tmp_path / "broken.json").write_text("{")
    with pytest.raises(ParameterError, match=r"broken.json: is no JSON"):
        SegmentTemplate.from_dcmqi(tmp_path / "broken.json")


def test_what_stands_twice_is_told(tmp_path):
    (tmp_path / "twice.json").write_text('{"SeriesNumber": "1", "SeriesNumber": "2"}')
    with pytest.raises(ParameterError, match="'SeriesNumber' stands there twice"):
        SegmentTemplate.from_dcmqi(tmp_path / "twice.json")
    (tmp_path / "twice.yaml").write_text("algorithm: MANUAL\n1: Liver\n1: Spleen\n")
    with pytest.raises(ParameterError, match="'1' stands there twice"):
        SegmentTemplate.from_yaml(tmp_path / "twice.yaml")


def test_text_that_is_no_yaml_is_told_with_its_line(tmp_path):
    path = tmp_path / "bad.yaml"
    path.write_text("algorithm: MANUAL\n1: Liver\n2: {label: Lesion?, type: Neoplasm}\n")
    with pytest.raises(ParameterError) as raised:
        SegmentTemplate.from_yaml(path)
    assert str(raised.value) == f"{path}, line 3: is no YAML: expected ',' or '}}', but got '?'"


def test_codes_are_texts(tmp_path):
    (tmp_path / "code.yaml").write_text("algorithm: MANUAL\n1: [10200004, SCT, Liver]\n")
    with pytest.raises(ParameterError, match="segment 1, type: the value of a code stands in quotes"):
        SegmentTemplate.from_yaml(tmp_path / "code.yaml")


def test_descriptions_that_contradict_each_other_are_refused():
    with pytest.raises(ParameterError, match="metainfo 2: SeriesNumber is '2', and '1' in another one"):
        SegmentTemplate.from_dcmqi(metainfo([LIVER], SeriesNumber="1"), metainfo([SPINE], SeriesNumber="2"))


def test_a_few_lines_of_yaml_are_enough(tmp_path):
    path = tmp_path / "liver.yaml"
    path.write_text(
        "algorithm: AUTOMATIC\nalgorithm_name: a network\nSeriesDescription: Livers\n"
        "1: Liver\n"
        "7: {label: Lesion 1, type: neoplasm, region: Liver, modifiers: Left, colour: [220, 60, 30]}\n"
    )
    template = SegmentTemplate.from_yaml(path)
    liver, lesion = (template.segments[0][label] for label in (1, 7))
    # SNOMED CT, and PS3.16, CID 7150.
    assert (liver.label, tuple(liver.type)) == ("Liver", ("10200004", "SCT", "Liver"))
    assert liver.category.value == "91723000"
    assert (lesion.type.value, lesion.category.value) == ("108369006", "49755003")
    assert (lesion.anatomic_region.value, lesion.type_modifiers[0].value) == ("10200004", "7771000")
    assert (lesion.rgb, lesion.algorithm_name) == ((220, 60, 30), "a network")
    assert template.attributes == {"SeriesDescription": "Livers"}


@pytest.mark.parametrize(
    ("described", "message"),
    [
        ({1: "Livr", "algorithm": "MANUAL"}, "segment 1, type: no code is named 'Livr'; did you mean 'Liver'"),
        ({1: "Artery", "algorithm": "MANUAL"}, "Tissue and Anatomical Structure for 'Artery', so that it must be said"),
        ({1: "Liver"}, "segment 1 .'Liver'. does not say how it was made"),
        ({1: "Liver", "algorithm": "AUTOMATIC"}, "does not say with what it was made"),
        ({1: {"type": "Liver", "colour": "red"}}, "a colour must be red, green and blue from 0 to 255 .got 'red'"),
        ({1: None}, "a code must be value, scheme and meaning"),
        ({1: {"type": "Liver", "label": "x" * 65}}, "segment 1: 'label' must be text of at most 64"),
        ({1: {"label": "x"}}, "segment 1: 'type' is missing"),
        ({1: {"typ": "Liver"}}, "segment 1: 'typ' is none of algorithm"),
        ({"one": "Liver"}, "'one' is neither a label nor one of"),
        ({"algorithm": "MANUAL"}, "there are no segments"),
        ({0: "Liver", "algorithm": "MANUAL"}, "0 is the background"),
    ],
)
def test_yaml_that_says_too_little_is_refused(described, message):
    with pytest.raises(ParameterError, match=message):
        SegmentTemplate.from_yaml(described)


def test_templates_are_made_of_the_codes_of_pydicom():
    template = SegmentTemplate(
        {2: codes.SCT.Liver, 4: Segment("Spleen", codes.SCT.Spleen, codes.SCT.Organ, algorithm_type="MANUAL")},
        algorithm_type="AUTOMATIC",
        algorithm_name="a network",
        attributes={"SeriesNumber": 12},
    )
    liver, spleen = (template.segments[0][label] for label in (2, 4))
    assert (liver.label, liver.category.meaning, liver.algorithm_name) == ("Liver", "Anatomical Structure", "a network")
    assert (spleen.category.meaning, spleen.algorithm_type, spleen.algorithm_name) == ("Organ", "MANUAL", "")
    with pytest.raises(ParameterError, match="a template states BodyPartExamined"):
        SegmentTemplate({1: codes.SCT.Liver}, algorithm_type="MANUAL", attributes={"PatientID": "1"})


def test_labels_of_several_lists_are_merged_only_where_they_agree():
    template = SegmentTemplate([{1: codes.SCT.Liver}, {1: codes.SCT.Spleen}], algorithm_type="MANUAL")
    with pytest.raises(ParameterError, match="label 1 for 'Liver' and for 'Spleen'"):
        _ = template.merged
