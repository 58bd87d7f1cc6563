"""Corrected copies: pydicom finds the new values, the old ones beside them, and all else as it was."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest

import slicewise as sw
from slicewise.errors import ParameterError, ReadError
from witnesses import findings_of_dciodvfy

CHANGES = {"PatientID": "P-0043", "PatientName": "Müller^Jörg", "StudyDate": "20240229"}


def test_new_values_are_there_with_the_old_ones_beside_them(phantom_ct, tmp_path):
    done = sw.edit(phantom_ct.folder, tmp_path / "out", values=CHANGES, delete=["ImageComments"], progress=False)
    for path in done.paths:
        before, after = pydicom.dcmread(phantom_ct.folder / path.name), pydicom.dcmread(path)
        for keyword, value in CHANGES.items():
            assert after[keyword].value == value
        assert "ImageComments" not in after
        modified = after.OriginalAttributesSequence[-1]
        assert modified.ReasonForTheAttributeModification == "CORRECT"
        assert modified.ModifyingSystem == "slicewise"
        (previous,) = modified.ModifiedAttributesSequence
        assert {e.keyword for e in previous} == {k for k in (*CHANGES, "ImageComments") if k in before}
        for element in previous:
            assert element == before[element.tag]
        changed = {*CHANGES, "ImageComments", "OriginalAttributesSequence"}
        kept = [{e.tag: e for e in ds if e.keyword not in changed and e.tag.element} for ds in (before, after)]
        assert kept[0] == kept[1]
        assert after.PixelData == before.PixelData
        assert findings_of_dciodvfy(path) <= findings_of_dciodvfy(phantom_ct.folder / path.name)


def test_a_second_correction_stands_behind_the_first(phantom_ct, tmp_path):
    sw.edit(phantom_ct.paths[0], tmp_path / "one", values={"PatientID": "A"}, progress=False)
    (path,) = sw.edit(
        tmp_path / "one", tmp_path / "two", values={"PatientID": "B"}, reason="COERCE", progress=False
    ).paths
    found = pydicom.dcmread(path)
    assert found.PatientID == "B"
    old = [entry.ModifiedAttributesSequence[0].PatientID for entry in found.OriginalAttributesSequence]
    assert old == [pydicom.dcmread(phantom_ct.paths[0]).PatientID, "A"]


def test_compressed_pixels_stay_byte_for_byte(phantom_ct, tmp_path):
    sw.transcode(phantom_ct.folder, tmp_path / "small", "jpeg-ls", progress=False)
    done = sw.edit(tmp_path / "small", tmp_path / "out", values={"PatientID": "A"}, progress=False)
    for path in done.paths:
        before, after = pydicom.dcmread(tmp_path / "small" / path.name), pydicom.dcmread(path)
        assert after.PixelData == before.PixelData
        assert after.file_meta.TransferSyntaxUID == before.file_meta.TransferSyntaxUID
        np.testing.assert_array_equal(after.pixel_array, pydicom.dcmread(phantom_ct.folder / path.name).pixel_array)


def test_what_cannot_be_edited_says_why(phantom_ct, tmp_path):
    for keyword in ("SOPInstanceUID", "PixelSpacing", "Rows", "TransferSyntaxUID", "SpecificCharacterSet"):
        with pytest.raises(ParameterError, match=f"{keyword} cannot be edited"):
            sw.edit(phantom_ct.folder, tmp_path / "out", values={keyword: "1"}, progress=False)
    with pytest.raises(ParameterError, match="nothing is to be changed"):
        sw.edit(phantom_ct.folder, tmp_path / "out", progress=False)
    sw.transcode(phantom_ct.paths[0], tmp_path / "deflated", "deflated", progress=False)
    with pytest.raises(ReadError, match="transcode it to 'explicit' first"):
        sw.edit(tmp_path / "deflated", tmp_path / "out", values={"PatientID": "A"}, progress=False)
    assert not (tmp_path / "out").exists()
