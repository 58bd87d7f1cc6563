"""Real series without identification: nothing of it is left in the files, and they are as conformant as they were."""

from __future__ import annotations

import warnings

import pydicom
import pytest
from pydicom.multival import MultiValue

import slicewise as sw
from slicewise.dicom.confidentiality import actions_of
from slicewise.errors import SlicewiseWarning
from witnesses import findings_of_dciodvfy

pytestmark = pytest.mark.data

SECRET = b"a secret of this test, long enough"
SHORTEST = 6
"""Shorter values, such as M or 0, are in any file."""

CASES = {
    "CT of GE": "ct-ge-liver-41",
    "CT": "ct-head-tiny-93",
    "MR of Canon": "mr-canon-adc-36",
    "MR of Siemens": "mr-jpegll-fragments-24",
    "MR of Hitachi": "mr-hitachi-japanese",
    "CT of STS": "multimodal-sts-001/STS_001/CT/dicom/image",
    "PET of STS": "multimodal-sts-001/STS_001/PET/dicom/image",
}


def _values(dataset, told, kept):
    for element in dataset:
        if element.VR == "SQ":
            for item in element.value:
                _values(item, told, kept)
            continue
        parts = element.value if isinstance(element.value, MultiValue) else [element.value]
        texts = {part if isinstance(part, bytes) else str(part).encode() for part in parts}
        is_standard = all(text.startswith(b"1.2.840.10008.") for text in texts)
        (kept if actions_of(int(element.tag)) is None or is_standard else told).update(texts)


@pytest.fixture(scope="module", params=CASES.values(), ids=CASES)
def both(request, data, tmp_path_factory):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SlicewiseWarning)  # of files that are no DICOM
        reader = sw.SeriesReader(data(request.param))
        ends = reader[:4] >> sw.Deidentify(secret=SECRET)
        written = (ends >> sw.SeriesWriter(tmp_path_factory.mktemp("out") / "x")).update(progress=False)
    return reader.files[:4], written.paths


def test_no_value_that_the_profile_takes_out_is_in_the_files(both):
    sources, paths = both
    told, kept = set(), set()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what breaks the rules in the sources
        for path in sources:
            _values(pydicom.dcmread(path, stop_before_pixels=True), told, kept)
    everything_kept = b"\n".join(kept)
    wanted = [value for value in told if len(value) >= SHORTEST and value not in everything_kept]
    assert wanted
    for path in paths:
        written = path.read_bytes()
        header = written[: written.rindex(b"\xe0\x7f\x10\x00")]
        assert [value for value in wanted if value in header] == []


@pytest.mark.tool
def test_what_is_written_is_as_conformant_as_the_source(both):
    sources, paths = both
    before = set().union(*map(findings_of_dciodvfy, sources))
    after = set().union(*map(findings_of_dciodvfy, paths))
    assert after <= before, "\n".join(sorted(after - before))


def test_series_of_one_study_stay_together(data):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SlicewiseWarning)
        ct, pet = (
            (sw.SeriesReader(data(f"multimodal-sts-001/STS_001/{name}/dicom/image")) >> sw.Deidentify(secret=SECRET))
            for name in ("CT", "PET")
        )
        same = ct.inputs["input"].headers["StudyInstanceUID"][0] == pet.inputs["input"].headers["StudyInstanceUID"][0]
    assert (ct.headers["StudyInstanceUID"][0] == pet.headers["StudyInstanceUID"][0]) is same
    assert ct.headers["PatientID"][0] == pet.headers["PatientID"][0]
    assert ct.headers["SeriesInstanceUID"][0] != pet.headers["SeriesInstanceUID"][0]
