"""convert writes what its options say, and tells what it did."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

import slicewise as sw


@pytest.fixture(scope="module")
def converted(program, phantom_ct, tmp_path_factory):
    """Give what a run with many options printed, and the slices it wrote by pydicom."""
    folder = tmp_path_factory.mktemp("converted") / "out"
    done = program(
        "convert",
        phantom_ct.folder,
        folder,
        *("--filter", "median:radius=1", "--filter", "clip:lower=-200,upper=300"),
        *("--series-description", "Größe", "--series-number", 77, "--file-pattern", "s{:03d}.dcm"),
        *("--instance-number-start", 5, "--uid-prefix", "1.2.3.", "--image-type", r"DERIVED\PRIMARY\AXIAL\TEST"),
        *("--equipment", "software", "--private", "drop", "--workers", 1, "--memory", "50MB"),
        *("--set", "PatientID=other", "--set", "BodyPartExamined=HEAD", "--set", "XRayTubeCurrent=9"),
        *("--drop", "ImageComments", "--json"),
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), [pydicom.dcmread(path) for path in sorted(folder.iterdir())]


def test_options_arrive_in_the_headers(converted):
    _, slices = converted
    assert len(slices) == 12
    assert [int(ds.InstanceNumber) for ds in slices] == list(range(5, 17))
    for ds in slices:
        assert ds.SeriesDescription == "Größe"
        assert ds.SeriesNumber == 77
        assert list(ds.ImageType) == ["DERIVED", "PRIMARY", "AXIAL", "TEST"]
        assert ds.SeriesInstanceUID.startswith("1.2.3.")
        assert (ds.PatientID, ds.BodyPartExamined, ds.XRayTubeCurrent) == ("other", "HEAD", 9)
        assert "ImageComments" not in ds
        assert not any(tag.is_private for tag in ds.keys())  # noqa: SIM118
        assert "Median" in ds.DerivationDescription


def test_values_are_those_of_python(converted, phantom_ct):
    _, slices = converted
    expected = (sw.SeriesReader(phantom_ct.folder) >> sw.Median(1) >> sw.Clip(-200, 300)).update(progress=False)
    for ds, plane in zip(slices, expected.array, strict=True):
        assert np.array_equal(ds.pixel_array * ds.RescaleSlope + ds.RescaleIntercept, plane)


def test_json_tells_all_of_the_report(converted):
    told, slices = converted
    assert told["series_uid"] == slices[0].SeriesInstanceUID
    assert [path.rpartition("/")[2] for path in told["paths"]] == [f"s{n:03d}.dcm" for n in range(5, 17)]
    fates = {(row["name"], row["action"]) for row in told["attributes"]}
    assert ("PatientName", "kept") in fates
    assert ("ImageComments", "dropped") in fates
    assert ("SOPInstanceUID", "regenerated") in fates


def test_a_full_folder_is_replaced_only_if_asked_to(program, phantom_ct, tmp_path):
    first = program("convert", phantom_ct.folder, tmp_path / "out")
    assert first.returncode == 0
    assert first.stdout.startswith(f"12 slices written to {tmp_path}/out\nseries 2.25.")
    again = program("convert", phantom_ct.folder, tmp_path / "out")
    assert again.returncode == 1
    assert "the folder holds 12 files" in again.stderr
    assert program("convert", phantom_ct.folder, tmp_path / "out", "--overwrite", "--quiet").stdout == ""


def test_the_source_is_never_overwritten(program, phantom_ct):
    before = {path: path.read_bytes() for path in phantom_ct.paths}
    done = program("convert", phantom_ct.folder, phantom_ct.folder, "--overwrite")
    assert done.returncode == 1
    assert "holds a file of the source" in done.stderr
    assert {path: path.read_bytes() for path in phantom_ct.folder.iterdir()} == before


def test_report_tells_every_change(shell, phantom_ct, tmp_path):
    told = shell("convert", phantom_ct.folder, tmp_path / "out", "-f", "resample:spacing=8,8,4", "--report")
    assert "ReconstructionDiameter" in told
    assert "private elements" in told


def test_a_value_that_is_no_number_is_refused(program, phantom_ct, tmp_path):
    done = program("convert", phantom_ct.folder, tmp_path / "out", "--set", "Rows=many")
    assert done.returncode == 2
    assert "Rows takes numbers (got 'many')" in " ".join(done.stderr.split())


def test_diff_of_a_conversion_shows_what_convert_changed(program, phantom_ct, tmp_path):
    program("convert", phantom_ct.folder, tmp_path / "out", "--set", "PatientID=other")
    done = program("diff", phantom_ct.folder, tmp_path / "out", "--json")
    assert done.returncode == 1
    told = json.loads(done.stdout)
    assert told["same"] is False
    rows = {row["attribute"]: row for row in told["rows"]}
    assert (rows["PatientID"]["a"], rows["PatientID"]["b"], rows["PatientID"]["slices"]) == ("PHANTOM-1", "other", 12)
    assert "PatientName" not in rows
    assert (told["pixels"]["different"], told["matched"]) == (0, 12)


def test_a_volume_becomes_a_new_series(program, tmp_path):
    array = np.arange(4 * 5 * 6, dtype=np.int16).reshape(4, 5, 6)
    sitk.WriteImage(sitk.GetImageFromArray(array), tmp_path / "v.nrrd")
    options = ["--modality", "MR", "--patient-name", "Doe^Jane", "--patient-id", "P1", "--set", "StudyDate=20240131"]
    named = ["--series-description", "T1", "--file-pattern", "slice_{:04d}.dcm", "--set", "EchoTime=12.5"]
    done = program("convert", tmp_path / "v.nrrd", tmp_path / "out", *options, *named)
    assert done.returncode == 0, done.stderr
    slices = [pydicom.dcmread(tmp_path / "out" / f"slice_{k:04d}.dcm") for k in range(1, 5)]
    np.testing.assert_array_equal(np.stack([ds.pixel_array for ds in slices]), array)
    for ds in slices:
        assert (ds.PatientName, ds.PatientID, ds.StudyDate) == ("Doe^Jane", "P1", "20240131")
        assert (ds.Modality, ds.SeriesDescription, ds.EchoTime) == ("MR", "T1", 12.5)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ([], "--modality: is missing"),
        (["--modality", "MR", "--series", "3"], "--series: is only without --modality"),
        (["--modality", "XX"], "'modality' must be 'CT' or 'MR' or 'PT' or 'OT'"),
        (["--modality", "PT"], "must state Units"),
    ],
)
def test_a_volume_that_cannot_become_a_series_says_why(program, tmp_path, options, told):
    sitk.WriteImage(sitk.GetImageFromArray(np.zeros((2, 3, 4), np.int16)), tmp_path / "v.nrrd")
    done = program("convert", tmp_path / "v.nrrd", tmp_path / "out", *options)
    assert done.returncode != 0
    assert told in done.stderr
    assert not (tmp_path / "out").exists()


def test_the_report_for_programs_is_that_of_python(program, phantom_ct, tmp_path):
    done = program("convert", phantom_ct.folder, tmp_path / "a", "--json")
    told = json.loads(done.stdout)
    written = (sw.SeriesReader(phantom_ct.folder) >> sw.SeriesWriter(tmp_path / "b")).update(progress=False)
    report = json.loads(json.dumps(written.report.as_dict()))
    assert {key: told[key] for key in report} == report
    kept = {row["name"] for row in report["attributes"] if row["action"] == "kept"}
    assert {"PatientName", "KVP", "StudyInstanceUID"} <= kept
    assert {"SOPInstanceUID", "SeriesInstanceUID"} <= {
        row["name"] for row in report["attributes"] if row["action"] == "regenerated"
    }


def test_codify_writes_a_script_that_makes_the_series_again(shell, phantom_ct, tmp_path):
    told = shell("codify", phantom_ct.folder, tmp_path / "ct.py", "--exclude-private")
    assert "ct.bin" in told
    assert "makes 12 instances" in told
    subprocess.run([sys.executable, tmp_path / "ct.py", tmp_path / "made"], check=True)
    assert sorted(path.name for path in (tmp_path / "made").iterdir()) == sorted(p.name for p in phantom_ct.paths)


def test_codify_takes_identification_out(shell, phantom_ct, tmp_path):
    name = str(pydicom.dcmread(phantom_ct.paths[0]).PatientName)
    (tmp_path / "secret").write_bytes(b"a secret of this test, long enough")
    shell("codify", phantom_ct.folder, tmp_path / "ct.py", "--deidentified", "--secret-file", tmp_path / "secret")
    script = (tmp_path / "ct.py").read_text(encoding="utf-8")
    assert "PatientIdentityRemoved = 'YES'" in script
    assert name not in script
    shell("codify", phantom_ct.folder, tmp_path / "x.py", "--secret-file", tmp_path / "secret", code=2)


def test_transcode_compresses_the_same_instances(program, phantom_ct, tmp_path):
    done = program("transcode", phantom_ct.folder, tmp_path / "out", "--to", "jpeg-ls")
    assert done.returncode == 0, done.stderr
    assert f"12 files written to {tmp_path / 'out'}" in done.stdout
    found = [pydicom.dcmread(path) for path in (tmp_path / "out").iterdir()]
    assert {str(ds.SOPInstanceUID) for ds in found} == {
        str(pydicom.dcmread(p).SOPInstanceUID) for p in phantom_ct.paths
    }
    assert {ds.file_meta.TransferSyntaxUID for ds in found} == {"1.2.840.10008.1.2.4.80"}


def test_a_series_is_written_as_one_multi_frame_file(program, phantom_ct, tmp_path):
    path = tmp_path / "one.dcm"
    done = program("convert", phantom_ct.folder, path, "--multi-frame", "--filter", "median:radius=1")
    assert done.returncode == 0, done.stderr
    assert f"12 frames written to {path}" in done.stdout
    expected = (sw.SeriesReader(phantom_ct.folder) >> sw.Median(1)).update(progress=False).array
    assert np.array_equal(sitk.GetArrayFromImage(sitk.ReadImage(str(path))), expected)


def test_a_parametric_map_has_the_unit_that_is_given(program, phantom_ct, tmp_path):
    path = tmp_path / "map.dcm"
    options = ["--multi-frame", "--sop-class", "ParametricMapStorage", "--unit", "[hnsf'U],UCUM,Hounsfield unit"]
    done = program("convert", phantom_ct.folder, path, *options, "--set", "DeviceSerialNumber=7")
    assert done.returncode == 0, done.stderr
    mapping = pydicom.dcmread(path).SharedFunctionalGroupsSequence[0].RealWorldValueMappingSequence[0]
    assert mapping.MeasurementUnitsCodeSequence[0].CodeMeaning == "Hounsfield unit"


@pytest.mark.parametrize("options", [["--unit", "1,UCUM,no units"], ["--multi-frame", "--file-pattern", "{}.dcm"]])
def test_options_of_the_other_kind_of_output_are_refused(program, phantom_ct, tmp_path, options):
    done = program("convert", phantom_ct.folder, tmp_path / "out", *options)
    assert done.returncode == 2
    assert "--multi-frame" in done.stderr
    assert not (tmp_path / "out").exists()


def test_profile_is_told_beside_what_is_printed(program, phantom_ct, tmp_path):
    done = program("convert", phantom_ct.folder, tmp_path / "a", "--filter", "median:radius=1", "--profile", "--json")
    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)["paths"]) == 12
    title, *rows = done.stderr.splitlines()
    assert title.split()[:3] == ["node", "time", "share"]
    assert [row.split()[0] for row in rows[:3]] == ["SeriesReader", "Median", "writing"]
    assert rows[-2].startswith("SeriesWriter: ")
    assert rows[-1].startswith("memory: planned ")


@pytest.mark.parametrize("where", [0, -1])
def test_verbose_tells_how_the_run_goes_and_twice_where_files_are(program, phantom_ct, tmp_path, where):
    def told(option, name):
        words = ["convert", phantom_ct.folder, tmp_path / name, "--quiet"]
        words.insert(where % (len(words) + 1), option)
        done = program(*words)
        assert (done.returncode, done.stdout) == (0, ""), done.stderr
        return done.stderr.splitlines()

    begin, end = told("-v", "a")
    assert begin.startswith("slicewise: writing SeriesReader: begins, slabs: ")
    assert end.startswith("slicewise: writing SeriesReader: done, ")
    assert not any(str(phantom_ct.folder) in line for line in (begin, end))
    assert any(str(phantom_ct.folder) in line for line in told("-vv", "b"))
    assert program("convert", phantom_ct.folder, tmp_path / "c", "--quiet").stderr == ""
