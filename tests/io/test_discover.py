"""What is in a folder is told from headers, whatever else lies there."""

from __future__ import annotations

import os
import shutil
import zipfile

import numpy as np
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    BasicTextSRStorage,
    EncapsulatedPDFStorage,
    ExplicitVRLittleEndian,
    KeyObjectSelectionDocumentStorage,
    RawDataStorage,
    RTStructureSetStorage,
    generate_uid,
)

import slicewise as sw
from makers import write_series
from slicewise.errors import ReadError
from slicewise.io import header_files, phantom
from slicewise.io.discover import discover

STORED = np.arange(4 * 6 * 5, dtype=np.uint16).reshape(4, 6, 5)


def write_object(path, sop_class, modality, **attributes):
    """Write an object without pixels."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = sop_class
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = "1.2.3", generate_uid()
    dataset.Modality, dataset.PatientID = modality, "ID-1"
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset.save_as(path, enforce_file_format=True)


def test_each_series_is_described(tmp_path):
    phantom.ct_series(tmp_path / "a", slices=5, size=(24, 16), spacing=(1, 1, 4))
    phantom.ct_series(tmp_path / "b" / "deep", slices=3, size=(8, 8), series_number=12, series_description="Lung")
    found = discover(tmp_path)
    assert len(found) == 2
    first, second = found
    assert (first.number, first.modality, first.images, first.size) == ("3", "CT", 5, "24 x 16")
    assert first.kind == "CT Image"
    assert first.volume == "5 slices of 4 mm"
    assert first.description == "Thorax 5.0 Br40 venös"
    assert first.patient_id == "PHANTOM-1"
    assert first.folder == tmp_path / "a"
    assert (second.number, second.description, second.volume) == ("12", "Lung", "3 slices of 5 mm")
    assert second.study_uid == first.study_uid
    assert second.uid != first.uid
    (volume,) = first.volumes
    assert (volume.name, volume.slices, volume.columns, volume.rows) == ("", 5, 24, 16)
    assert volume.spacing == pytest.approx((1, 1, 4))
    assert volume.is_even


def test_patients_hold_studies_and_studies_hold_series(tmp_path):
    for name, patient, study, number in [("a", "P2", "1.2.9", 7), ("b", "P2", "1.2.9", 10), ("c", "P2", "1.2.8", 1)]:
        uids = {"StudyInstanceUID": study, "SeriesInstanceUID": f"{study}.{number}", "SeriesNumber": number}
        date = "20200202" if study == "1.2.9" else "20200101"
        write_series(tmp_path / name, STORED, PatientID=patient, StudyDate=date, **uids)
    write_series(tmp_path / "d", STORED, PatientID="P1", PatientName="Roe^Max", StudyInstanceUID="1.2.7")
    found = discover(tmp_path)
    assert [(p.id, p.name) for p in found.patients] == [("P1", "Roe^Max"), ("P2", "Doe^Jane")]
    assert [(s.date, s.uid) for s in found.patients[1].studies] == [("20200101", "1.2.8"), ("20200202", "1.2.9")]
    assert [s.number for s in found.patients[1].studies[1].series] == ["7", "10"]
    assert [s.uid for s in found.studies] == ["1.2.7", "1.2.8", "1.2.9"]
    assert found.series == tuple(found)


def test_files_of_two_patients_are_never_one_series(tmp_path):
    mixed = [{"PatientID": "P1"}, {"PatientID": "P1"}, {"PatientID": "P2"}, {"PatientID": "P2"}]
    write_series(tmp_path, STORED, per_slice=mixed)
    found = discover(tmp_path)
    assert [(p.id, p.studies[0].series[0].images) for p in found.patients] == [("P1", 2), ("P2", 2)]


def test_patients_without_an_id_are_told_apart_by_name(tmp_path):
    write_series(tmp_path / "a", STORED, PatientID="", PatientName="Doe^Jane")
    write_series(tmp_path / "b", STORED, PatientID=None, PatientName="Roe^Max")
    assert [p.name for p in discover(tmp_path).patients] == ["Doe^Jane", "Roe^Max"]


def test_an_id_under_two_names_shows_both(tmp_path):
    write_series(tmp_path / "a", STORED, PatientName="Doe^Jane")
    write_series(tmp_path / "b", STORED, PatientName="Roe^Max", SeriesInstanceUID="1.2.5")
    assert [p.name for p in discover(tmp_path).patients] == ["Doe^Jane / Roe^Max"]


def test_broken_and_foreign_files_are_counted_and_stop_nothing(tmp_path):
    paths = phantom.ct_series(tmp_path, slices=5, size=(8, 8))
    paths[2].write_bytes(paths[2].read_bytes()[:-100])
    (tmp_path / "notes.txt").write_text("not an image")
    found = discover(tmp_path)
    assert [s.images for s in found] == [4]
    assert [odd.path for odd in found.broken] == [paths[2]]
    assert "too early" in found.broken[0].reason
    assert found.foreign == (tmp_path / "notes.txt",)
    assert str(found).splitlines()[-2:] == [
        f"{tmp_path}: 1 patient, 1 study, 1 series, 1 volume, 4 images, 1 broken file, 1 file that is not DICOM",
        f"broken: {paths[2]}: {found.broken[0].reason}",
    ]


@pytest.mark.parametrize(
    ("positions", "told"),
    [
        ([(0, 0, 2.5 * k) for k in range(4)], [("", "4 slices of 2.5 mm")]),
        ([(0, 0, z) for z in (0, 2, 6, 8)], [("", "uneven: 4 slices 2 to 4 mm apart (missing slices?)")]),
        ([(0, k * np.tan(np.radians(15)), k) for k in range(4)], [("", "4 slices of 1 mm, gantry tilt 15.0 deg")]),
        ([(0, 0, k % 2) for k in range(4)], [(f"time {k} of 2", "2 slices of 1 mm") for k in (1, 2)]),
        ([(0, 0, z) for z in (0, 1, 2, 2)], [("", "positions taken twice")]),
    ],
)
def test_it_says_how_slices_make_volumes(tmp_path, positions, told):
    write_series(tmp_path, STORED, positions=positions)
    (series,) = discover(tmp_path)
    assert [(v.name, v.note) for v in series.volumes] == told
    assert series.volume == (told[0][1] if len(told) == 1 else "2 volumes")


@pytest.mark.parametrize("frames", [None, 3])
def test_what_has_no_plane_is_listed_all_the_same(tmp_path, frames):
    stored = np.tile(STORED, (1, frames or 1, 1))
    write_series(tmp_path, stored, ImageOrientationPatient=None, NumberOfFrames=frames, Rows=6)
    (series,) = discover(tmp_path)
    images = 4 * (frames or 1)
    assert series.volume == f"{images} images without a plane"
    assert (series.volumes[0].slices, series.images, series.size) == (images, 4, "5 x 6")
    assert series.volumes[0].spacing is None


def test_several_orientations_are_several_volumes(tmp_path):
    turned = [{}, {}, {"ImageOrientationPatient": [0, 1, 0, 0, 0, -1]}, {}]
    write_series(tmp_path, STORED, per_slice=turned)
    (series,) = discover(tmp_path)
    assert [(v.name, v.slices) for v in series.volumes] == [("sagittal", 1), ("axial", 3)]  # by instance number


def test_echoes_are_volumes_and_each_is_read_in_one_step(tmp_path):
    echoes = [{"EchoTime": time} for time in ("4.9", "7.4", "4.9", "7.4")]
    places = [(0, 0, z) for z in (0, 0, 2, 2)]
    write_series(tmp_path, STORED, positions=places, per_slice=echoes)
    write_series(tmp_path / "other", STORED, SeriesInstanceUID="1.2.99", SeriesNumber=9)
    series = discover(tmp_path).series[0]
    assert [v.name for v in series.volumes] == ["EchoTime 4.9", "EchoTime 7.4"]
    for k, volume in enumerate(series.volumes):
        image = volume.reader().update(progress=False)
        np.testing.assert_array_equal(image.array, STORED[k::2])
        assert volume.spacing == pytest.approx(image.geometry.spacing)
        assert series.reader(volume=volume.name).geometry == image.geometry
    assert isinstance(series.reader(), sw.SeriesReader)


def test_a_series_found_is_read_in_one_step(phantom_ct):
    (series,) = discover(phantom_ct.folder)
    reader = series.reader(tolerance=0.01)
    assert reader.geometry == sw.SeriesReader(phantom_ct.folder, tolerance=0.01).geometry
    assert series.volumes[0].reader().geometry.size == (72, 56, 12)


@pytest.mark.parametrize(
    ("sop_class", "modality", "told"),
    [
        (RTStructureSetStorage, "RTSTRUCT", "RT Structure Set"),
        (BasicTextSRStorage, "SR", "Basic Text SR"),
        (KeyObjectSelectionDocumentStorage, "KO", "Key Object Selection Document"),
        (EncapsulatedPDFStorage, "DOC", "Encapsulated PDF"),
        (RawDataStorage, "MR", "Raw Data"),
        ("1.2.752.24.99.1", "OT", "1.2.752.24.99.1"),  # nobody's but the maker's
    ],
)
def test_objects_without_pixels_are_named(tmp_path, sop_class, modality, told):
    write_object(tmp_path / "x.dcm", sop_class, modality)
    (series,) = discover(tmp_path)
    assert (series.modality, series.kind, series.volume, series.size) == (modality, told, told, "")
    assert series.volumes == ()


def test_copies_are_told(tmp_path):
    paths = phantom.ct_series(tmp_path / "a", slices=4, size=(8, 8))
    (tmp_path / "b").mkdir()
    shutil.copy(paths[1], tmp_path / "b" / "again.dcm")
    found = discover(tmp_path)
    (copies,) = found.copies
    assert copies.paths == (paths[1], tmp_path / "b" / "again.dcm")
    assert "1 instance in several copies" in found.summary
    assert "copies: a/" in str(found)
    assert discover(tmp_path / "a").copies == ()


def test_a_folder_with_nothing_is_an_error(tmp_path):
    with pytest.raises(ReadError, match="holds no file"):
        discover(tmp_path)


def test_a_copy_elsewhere_makes_the_folder_the_common_one(tmp_path, monkeypatch):
    paths = phantom.ct_series(tmp_path / "x", slices=4, size=(8, 8))
    (tmp_path / "y").mkdir()
    shutil.move(paths[0], tmp_path / "y")
    assert [s.folder for s in discover(tmp_path)] == [tmp_path]
    monkeypatch.chdir(tmp_path)
    listed = [paths[1], *(os.path.relpath(path) for path in paths[2:])]
    assert [s.folder for s in discover(listed)] == [tmp_path / "x"]


def test_hidden_files_links_subfolders_and_archives_are_taken_when_asked_for(tmp_path):
    study = tmp_path / "study"
    phantom.ct_series(study / ".hidden", slices=2, size=(8, 8), seed=1)
    phantom.ct_series(study / "sub", slices=3, size=(8, 8), seed=2)
    phantom.ct_series(study, slices=4, size=(8, 8), seed=3)
    phantom.ct_series(tmp_path / "elsewhere", slices=5, size=(8, 8), seed=4)
    with zipfile.ZipFile(study / "more.zip", "w") as archive:
        for path in phantom.ct_series(tmp_path / "zipped", slices=6, size=(8, 8), seed=5):
            archive.write(path, path.name)

    def images(**options):
        return sorted(s.images for s in discover(study, **options))

    assert images() == [3, 4]
    assert images(recursive=False) == [4]
    assert images(hidden=True) == [2, 3, 4]
    assert images(archives=True) == [3, 4, 6]
    (study / "link").symlink_to(tmp_path / "elsewhere")
    assert images(follow_links=True) == [3, 4, 5]
    (zipped,) = (s for s in discover(study, archives=True, follow_links=True) if s.images == 6)
    assert zipped.reader().geometry.slices == 6


def test_progress_is_told_and_may_stop_it(tmp_path):
    phantom.ct_series(tmp_path, slices=5, size=(8, 8))
    told = []
    discover(tmp_path, progress=told.append)
    assert [(p.done, p.total, p.unit, p.title) for p in told] == [
        (0, 5, "file", "Reading headers"),
        (5, 5, "file", "Reading headers"),
    ]

    def stop(progress):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        discover(tmp_path, progress=stop)


def test_of_a_foreign_file_one_small_piece_is_read(tmp_path, monkeypatch):
    phantom.ct_series(tmp_path / "ct", slices=2, size=(8, 8))
    for k in range(50):
        (tmp_path / f"{k}.bin").write_bytes(bytes(200_000))
    read = []
    parse = header_files.HeaderParser.parse
    monkeypatch.setattr(
        header_files.HeaderParser,
        "parse",
        lambda self, data, complete: read.append(len(data)) or parse(self, data, complete=complete),
    )
    assert len(discover(tmp_path).foreign) == 50
    assert len(read) <= 54  # the first DICOM file may be read in two goes
    assert max(read) <= 64 * 1024


def test_a_table_has_a_row_for_each_volume(tmp_path):
    places, echoes = [(0, 0, z) for z in (0, 0, 2, 2)], [{"EchoTime": t} for t in ("4.9", "7.4", "4.9", "7.4")]
    write_series(tmp_path / "mr", STORED, positions=places, per_slice=echoes, StudyDate="20240131")
    write_series(tmp_path / "cr", STORED[:1], ImagePositionPatient=None, SeriesInstanceUID="1.2.5", SeriesNumber=5)
    write_object(tmp_path / "rt.dcm", RTStructureSetStorage, "RTSTRUCT", SeriesNumber=9)
    table = discover(tmp_path).table()
    assert list(table["modality"]) == ["RTSTRUCT", "CT", "CT", "CT"]
    assert list(table["volume"]) == ["", "EchoTime 4.9", "EchoTime 7.4", ""]
    assert {column: str(table[column].dtype) for column in ("slices", "columns", "rows", "paths")} == dict.fromkeys(
        ("slices", "columns", "rows", "paths"), "Int64"
    )
    assert list(table["slices"]) == [0, 2, 2, 1]
    assert list(table["paths"]) == [1, 2, 2, 1]
    assert table["columns"].isna().tolist() == [True, False, False, False]
    assert [str(table[f"spacing_{axis}"].dtype) for axis in "xyz"] == ["float64"] * 3
    assert table["spacing_z"].tolist()[1:3] == [2.0, 2.0]
    assert table["spacing_z"].isna().tolist() == [True, False, False, True]
    assert str(table["study_date"].dtype).startswith("datetime64")
    assert table["study_date"].isna().tolist() == [True, False, False, False]
    assert table["study_date"][1].isoformat() == "2024-01-31T00:00:00"
    assert table["is_even"].dtype == bool
