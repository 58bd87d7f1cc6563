"""Segmentations that dcmqi writes are read as it was told to write them."""

from __future__ import annotations

import json
import subprocess

import numpy as np
import pytest
import SimpleITK as sitk

import slicewise as sw
from witnesses import tool

pytestmark = pytest.mark.tool


def code(value, meaning):
    return {"CodeValue": value, "CodingSchemeDesignator": "SCT", "CodeMeaning": meaning}


def described(labels):
    return [
        {
            "labelID": label,
            "SegmentLabel": f"segment {label}",
            "SegmentDescription": f"segment {label}",
            "SegmentAlgorithmType": "MANUAL",
            "SegmentedPropertyCategoryCodeSequence": code("123037004", "Anatomical Structure"),
            "SegmentedPropertyTypeCodeSequence": code("10200004", "Liver"),
            "recommendedDisplayRGBValue": [20 * label % 256, 100, 50],
        }
        for label in labels
    ]


@pytest.fixture
def make(phantom_ct, tmp_path):
    """Give a function that has dcmqi write label maps on the phantom, and returns the file."""
    images = sw.SeriesReader(phantom_ct.folder)

    def write(arrays, *options):
        names = []
        for k, array in enumerate(arrays):
            image = images.update(progress=False).to_sitk()
            labels = sitk.GetImageFromArray(array)
            labels.CopyInformation(image)
            names.append(str(tmp_path / f"labels{k}.nrrd"))
            sitk.WriteImage(labels, names[-1])
        meta = {
            "ContentCreatorName": "A",
            "ClinicalTrialSeriesID": "1",
            "ClinicalTrialTimePointID": "1",
            "SeriesDescription": "S",
            "SeriesNumber": "300",
            "InstanceNumber": "1",
            "ContentLabel": "A",
            "ClinicalTrialCoordinatingCenterName": "x",
            "BodyPartExamined": "",
            "segmentAttributes": [described([int(v) for v in np.unique(array) if v]) for array in arrays],
        }
        (tmp_path / "meta.json").write_text(json.dumps(meta))
        command = [tool("itkimage2segimage"), "--inputImageList", ",".join(names)]
        command += ["--inputDICOMList", ",".join(map(str, phantom_ct.paths)), "--inputMetadata", tmp_path / "meta.json"]
        command += ["--outputDICOM", tmp_path / "seg.dcm", *options]
        subprocess.run(list(map(str, command)), check=True, capture_output=True)
        return tmp_path / "seg.dcm", images

    return write


def labels(shape, numbers):
    found = np.zeros(shape, np.int16)
    for k, number in enumerate(numbers):
        found[1 + k : 8 + k, 5 + 12 * k : 15 + 12 * k, 10 : 40 + 5 * k] = number
    found[4] = 0
    return found


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--skip", "1"),
        ("--compress", "deflate"),
        ("--segmentationType", "labelmap"),
        ("--segmentationType", "labelmap", "--skip", "1", "--useLabelIDAsSegmentNumber"),
    ],
    ids=" ".join,
)
def test_a_label_map_is_read_as_it_was_given(make, options):
    numbers = [2, 5, 9] if "--useLabelIDAsSegmentNumber" in options else [1, 2, 3]
    given = labels((12, 56, 72), numbers)
    path, ct = make([given], *options)
    reader = sw.SegmentationReader(path, source=ct)
    assert np.array_equal(reader.update(progress=False).array, given)
    assert [segment.label for segment in reader.segments] == [f"segment {number}" for number in numbers]
    for number in numbers:
        mask = sw.SegmentationReader(path, source=ct, segment=f"segment {number}").update(progress=False)
        assert np.array_equal(mask.array, given == number)


def test_label_maps_that_overlap_are_read_as_masks(make):
    one, two = labels((12, 56, 72), [1]), np.zeros((12, 56, 72), np.int16)
    two[3:6, 8:30, 20:50] = 1
    path, ct = make([one, two], "--skip", "1")
    masks = sw.SegmentationReader(path, source=ct, values="masks").update(progress=False).array
    assert np.array_equal(masks[..., 0], one == 1)
    assert np.array_equal(masks[..., 1], two == 1)
