"""What the confidentiality profile takes out is in no byte of what is written; what has to stay together, does."""

from __future__ import annotations

from datetime import date

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

import slicewise as sw
from makers import STUDY, write_series
from slicewise.errors import ParameterError, SlicewiseWarning

SECRET = b"a secret of this test, long enough"

PERSONAL = {
    "PatientName": "Quixote^Alonso",
    "PatientID": "MRN-778899",
    "PatientBirthDate": "19470929",
    "PatientSex": "M",
    "PatientAge": "058Y",
    "PatientWeight": "61.5",
    "OtherPatientIDs": ["OLD-4711", "OLD-4712"],
    "PatientComments": "from Toledo",
    "ReferringPhysicianName": "Carrasco^Sanson",
    "InstitutionName": "Hospital de la Mancha",
    "StationName": "ROCINANTE7",
    "DeviceSerialNumber": "SN-90210",
    "AccessionNumber": "ACC5551234",
    "StudyID": "ST-9988",
    "StudyDate": "20050116",
    "StudyTime": "101530.25",
    "AcquisitionDateTime": "20050116101531.5+0100",
    "StudyDescription": "Thorax Quixote 16.01.2005 with contrast",
    "FrameOfReferenceUID": "1.2.826.0.1.3680043.10.1.4",
}


def _item(**values):
    item = Dataset()
    for keyword, value in values.items():
        setattr(item, keyword, value)
    return item


def _series(folder, number=1, **more):
    inner = _item(ReferencedSOPClassUID="1.2.840.10008.5.1.4.1.1.2", ReferencedSOPInstanceUID="1.3.6.1.4.1.55555.7.1")
    nested = _item(
        RequestedProcedureID="RP-314159",
        ScheduledProcedureStepDescription="Panza",
        ReferencedStudySequence=[inner],
    )
    paths = write_series(
        folder,
        np.arange(3 * 6 * 8, dtype=np.int16).reshape(3, 6, 8),
        **PERSONAL,
        SeriesInstanceUID=f"1.2.826.0.1.3680043.10.1.2.{number}",
        SeriesNumber=number,
        RequestAttributesSequence=[nested],
        ReferencedImageSequence=[inner],
        **more,
    )
    for path in paths:
        dataset = pydicom.dcmread(path)
        block = dataset.private_block(0x0019, "SIEMENS MR HEADER", create=True)
        block.add_new(0x0C, "IS", "1000")
        block.add_new(0x10, "LO", "Dulcinea")
        dataset.save_as(path)
    return folder


@pytest.fixture
def source(tmp_path):
    return _series(tmp_path / "source")


def _written(source, folder, **options):
    node = sw.SeriesReader(source) >> sw.Deidentify(secret=SECRET, **options)
    return [pydicom.dcmread(p) for p in (node >> sw.SeriesWriter(folder, private="keep")).update(progress=False).paths]


def _bytes(folder):
    return b"".join(path.read_bytes() for path in sorted(folder.iterdir()))


def test_nothing_of_the_patient_is_in_the_bytes_of_the_files(source, tmp_path):
    _written(source, tmp_path / "out")
    written = _bytes(tmp_path / "out")
    told = [v for value in PERSONAL.values() for v in (value if isinstance(value, list) else [value]) if len(v) > 1]
    told += ["Quixote", "RP-314159", "Panza", "Dulcinea", "SIEMENS MR HEADER", "1.3.6.1.4.1.55555.7.1", "20050116"]
    told += [STUDY, *(pydicom.dcmread(path).SOPInstanceUID for path in source.iterdir())]
    assert [text for text in told if text.encode() in written] == []
    assert b"1.2.840.10008.5.1.4.1.1.2\0" in written  # UIDs of the standard stay


def test_the_files_say_that_and_how_it_was_done(source, tmp_path):
    first = _written(source, tmp_path / "out", dates="shift", retain_patient=True)[0]
    assert first.PatientIdentityRemoved == "YES"
    assert "PS3.15" in first.DeidentificationMethod
    codes = {item.CodeValue: item.CodingSchemeDesignator for item in first.DeidentificationMethodCodeSequence}
    assert codes == {"113100": "DCM", "113107": "DCM", "113108": "DCM"}
    assert first.LongitudinalTemporalInformationModified == "MODIFIED"
    assert (first.PatientSex, first.PatientAge, first.PatientWeight) == ("M", "058Y", 61.5)


def test_series_of_a_study_stay_together_in_every_run(tmp_path):
    sources = [_series(tmp_path / f"source{k}", k) for k in (1, 2)]
    one, two = (_written(source, tmp_path / f"out{k}")[0] for k, source in enumerate(sources))
    for keyword in ("StudyInstanceUID", "FrameOfReferenceUID", "PatientID", "PatientName"):
        assert getattr(one, keyword) == getattr(two, keyword) != PERSONAL.get(keyword, STUDY)
    assert one.StudyInstanceUID.startswith("2.25.")
    assert one.SeriesInstanceUID != two.SeriesInstanceUID
    # The sources that the files name are those of the series that is written without a filter between.
    kept = sw.SeriesReader(sources[0]) >> sw.Deidentify(secret=SECRET)
    assert one.SourceImageSequence[0].ReferencedSOPInstanceUID == kept.headers["SOPInstanceUID"][0]
    other = sw.SeriesReader(sources[0]) >> sw.Deidentify(secret=b"another secret, as long as it has to be")
    assert other.headers["StudyInstanceUID"][0] != one.StudyInstanceUID


def test_shifted_dates_keep_their_distance_and_times(source, tmp_path):
    first = _written(source, tmp_path / "out", dates="shift")[0]
    moved = date(2005, 1, 16) - date.fromisoformat(first.StudyDate)
    assert 1 <= moved.days <= 3652
    assert first.AcquisitionDateTime == f"{first.StudyDate}101531.5+0100"
    assert first.StudyTime == "101530.25"
    assert not first.PatientBirthDate


def test_what_is_retained_stays(source):
    node = sw.Deidentify(
        secret=SECRET,
        dates="keep",
        retain_uids=True,
        retain_device=True,
        retain_institution=True,
        retain_safe_private=True,
    )
    headers = (sw.SeriesReader(source) >> node).headers
    first = headers[0]
    assert first.StudyInstanceUID == STUDY
    assert (first.StudyDate, first.StudyTime) == (PERSONAL["StudyDate"], PERSONAL["StudyTime"])
    assert (first.StationName, first.InstitutionName) == ("ROCINANTE7", "Hospital de la Mancha")
    assert headers[0x0019, "SIEMENS MR HEADER", 0x0C] == [1000] * 3
    assert "Dulcinea" not in str(first)
    assert first.PatientID != PERSONAL["PatientID"]


def test_descriptions_are_cleaned_of_names_and_dates(source):
    first = (sw.SeriesReader(source) >> sw.Deidentify(secret=SECRET, clean_descriptors=True)).headers[0]
    assert first.StudyDescription == "Thorax with contrast"


def test_names_and_identifiers_joined_to_other_words_are_cleaned_away(tmp_path):
    source = _series(
        tmp_path / "source",
        SeriesDescription="MRN-778899_T1_sag",
        ProtocolName="QuixoteAbdomen",
        ImageComments="b 0 50",
    )
    first = (sw.SeriesReader(source) >> sw.Deidentify(secret=SECRET, clean_descriptors=True)).headers[0]
    assert "778899" not in first.SeriesDescription
    assert "T1_sag" in first.SeriesDescription
    assert not first.ProtocolName
    assert first.ImageComments == "b 0 50"


def test_the_pixels_are_as_they_were(source):
    reader = sw.SeriesReader(source)
    node = reader >> sw.Deidentify(secret=SECRET)
    np.testing.assert_array_equal(node.update(progress=False).array, reader.update(progress=False).array)


def test_the_secret_is_told_nowhere(source, tmp_path):
    node = sw.SeriesReader(source) >> sw.Deidentify(secret=SECRET)
    told = f"{node!r} {node.explain()} {node.info.history} {node.identity} {node.key}"
    assert SECRET.decode() not in told
    (node >> sw.SeriesWriter(tmp_path / "out")).update(progress=False)
    assert SECRET not in _bytes(tmp_path / "out")


def test_the_report_tells_what_was_taken_out_and_what_was_kept(source, tmp_path):
    node = sw.SeriesReader(source) >> sw.Deidentify(secret=SECRET)
    report = (node >> sw.SeriesWriter(tmp_path / "out")).update(progress=False).report
    actions = {row.name: row.action.value for row in report.rows}
    assert actions["StudyDescription"] == "dropped"
    assert actions["PatientName"] == "regenerated"
    assert actions["ImageOrientationPatient"] == "kept"


def test_a_secret_that_can_be_guessed_is_refused():
    with pytest.raises(ParameterError, match="16 bytes"):
        sw.Deidentify(secret=b"short")
    with pytest.raises(ParameterError, match="dates"):
        sw.Deidentify(secret=SECRET, dates="later")


def test_letters_in_pixels_are_warned_of(tmp_path):
    source = _series(tmp_path / "source", BurnedInAnnotation="YES")
    with pytest.warns(SlicewiseWarning, match="burned"):
        _ = sw.SeriesReader(source) >> sw.Deidentify(secret=SECRET)
