"""ls, info, headers and explain tell the truth, to people and to programs."""

from __future__ import annotations

import csv
import io
import json

import numpy as np

from makers import write_series
from slicewise.io import phantom


def test_ls_lists_series_and_odd_files(shell, tmp_path):
    paths = phantom.ct_series(tmp_path / "ct", slices=4, size=(16, 8))
    paths[0].write_bytes(paths[0].read_bytes()[:-1])
    told = shell("ls", tmp_path)
    assert "3       CT        3       16 x 8  3 slices of 5 mm  Thorax 5.0 Br40 venös" in told
    assert f"broken: {paths[0]}: the pixels end too early" in told


def test_ls_json_has_everything(shell, phantom_ct):
    told = json.loads(shell("ls", phantom_ct.folder, "--json"))
    (patient,) = told["patients"]
    assert patient["id"] == "PHANTOM-1"
    (series,) = patient["studies"][0]["series"]
    assert series["images"] == 12
    assert series["folder"] == str(phantom_ct.folder)
    assert series["uid"].startswith("2.25.")
    (volume,) = series["volumes"]
    assert (volume["slices"], volume["columns"], volume["rows"], volume["even"]) == (12, 72, 56, True)
    assert sorted(volume["paths"]) == sorted(map(str, phantom_ct.paths))


def test_ls_keeps_an_index_when_asked(shell, phantom_ct, tmp_path):
    plain = shell("ls", phantom_ct.folder)
    assert shell("ls", phantom_ct.folder, "--index", tmp_path / "x.sqlite") == plain
    assert (tmp_path / "x.sqlite").stat().st_mode & 0o777 == 0o600
    assert shell("ls", phantom_ct.folder, "--index", tmp_path / "x.sqlite") == plain


def test_ls_says_what_is_wrong_with_an_index(program, phantom_ct, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    done = program("ls", phantom_ct.folder, "--index", tmp_path / "mine.txt")
    assert done.returncode == 1
    assert "no index of slicewise" in done.stderr
    assert (tmp_path / "mine.txt").read_text() == "mine"


def test_piped_tables_are_plain_and_whole(program, phantom_ct):
    told = program("headers", phantom_ct.folder).stdout
    assert "\x1b" not in told
    assert not set(told) & set("─│┃━╭")
    description = [line for line in told.splitlines() if line.startswith("SOPInstanceUID ")]
    assert len(description) == 1
    assert len(description[0]) > 120


def test_info_tells_grid_and_values(shell, phantom_ct):
    told = json.loads(shell("info", phantom_ct.folder, "--pixels", "--json"))
    assert told["size"] == [72, 56, 12]
    assert told["spacing"] == [5.0, 5.5, 4.0]
    assert told["Modality"] == "CT"
    assert told["type"] == "int16"
    assert told["lowest"] == -1024
    assert told["transfer_syntax"] == ["Explicit VR Little Endian (1.2.840.10008.1.2.1)"]
    assert "XRayTubeCurrent" in told["varying"]
    assert told["unusual"] == []


def test_a_volume_is_chosen_by_number_or_name(shell, program, tmp_path):
    for number, echo in enumerate(("4.92", "9.84")):
        write_series(
            tmp_path / "in", np.full((2 + number, 3, 4), number, np.int16), prefix=f"e{number}", EchoTime=echo,
            per_slice=[{"SOPInstanceUID": f"1.2.{number}.{k}"} for k in range(1, 3 + number)],
        )  # fmt: skip
    assert json.loads(shell("info", tmp_path / "in", "--volume", "1", "--json"))["size"] == [4, 3, 3]
    assert "9.84" in shell("headers", tmp_path / "in", "--volume", "EchoTime 9.84", "-a", "EchoTime")
    shell("explain", tmp_path / "in", "--volume", "0")
    shell("convert", tmp_path / "in", tmp_path / "out", "--volume", "0", "-q")
    assert len(list((tmp_path / "out").iterdir())) == 2
    refused = program("info", tmp_path / "in")
    assert refused.returncode == 1
    assert "1: EchoTime 9.84 (3 slices)" in refused.stderr


def test_info_for_people_is_name_and_value(shell, phantom_ct):
    lines = shell("info", phantom_ct.folder).splitlines()
    assert "size                   72, 56, 12" in lines
    assert "PatientName            Müller^Jürgen^^Dr." in lines


def test_headers_show_one_value_or_first_and_last(shell, phantom_ct):
    lines = [line.split(None, 1) for line in shell("headers", phantom_ct.folder).splitlines()]
    told = {line[0]: line[1].strip() for line in lines if len(line) > 1}
    assert told["PatientID"] == "PHANTOM-1"
    assert told["SliceLocation"] == "-22 ... 22  (12 values)"
    assert told["RequestAttributesSequence[0].ScheduledProcedureStepID"] == "SPS7"


def test_headers_varying_leaves_out_what_is_shared(shell, phantom_ct):
    told = shell("headers", phantom_ct.folder, "--varying")
    assert "SliceLocation" in told
    assert "PatientID" not in told


def test_headers_of_one_attribute_are_a_row_for_each_slice(shell, phantom_ct):
    lines = shell("headers", phantom_ct.folder, "-a", "InstanceNumber", "-a", "ImageComments").splitlines()
    assert [line.split()[:2] for line in lines[1:4]] == [["0", "12"], ["1", "11"], ["2", "10"]]
    assert "Läsion? Schicht 0" in lines[1]


def test_an_attribute_that_is_none_is_an_error(program, phantom_ct):
    done = program("headers", phantom_ct.folder, "-a", "SliceLocaton")
    assert done.returncode == 1
    assert "'SliceLocaton' is no keyword of a DICOM attribute" in done.stderr


def test_headers_as_csv_are_read_back_whole(shell, phantom_ct, tmp_path):
    file = tmp_path / "headers.csv"
    shell("headers", phantom_ct.folder, "--csv", file)
    rows = list(csv.DictReader(io.StringIO(file.read_text(encoding="utf-8-sig"))))
    assert len(rows) == 12
    assert [row["InstanceNumber"] for row in rows] == [str(n) for n in range(12, 0, -1)]
    assert rows[3]["PatientName"] == "Müller^Jürgen^^Dr."
    piped = shell("headers", phantom_ct.folder, "--varying", "--csv", "-").splitlines()
    assert len(piped) == 13
    assert "PatientName" not in piped[0]


def test_headers_of_a_result_are_told_before_it_is_computed(shell, phantom_ct):
    lines = shell(
        "headers", phantom_ct.folder, "-f", "resample:spacing=none,none,8", "-a", "SliceLocation"
    ).splitlines()
    assert [float(line.split()[1]) for line in lines[1:]] == [-20, -12, -4, 4, 12, 20]


def test_explain_shows_the_graph(shell, phantom_ct):
    told = shell("explain", phantom_ct.folder, "-f", "Median(radius=(1, 1, 1))", "-f", "resample:spacing=5,5,4")
    first, second, third = told.splitlines()[:3]
    assert first.startswith("Resample(")
    assert second.startswith("  Median(radius=(1, 1, 1))")
    assert third.startswith("    SeriesReader(")
    assert "memory" in told


def test_one_of_several_series_is_chosen_by_number_or_uid(program, shell, tmp_path):
    phantom.ct_series(tmp_path / "a", slices=2, size=(8, 8))
    phantom.ct_series(tmp_path / "b", slices=3, size=(8, 8), series_number=9)
    several = program("info", tmp_path)
    assert several.returncode == 1
    assert "there are 2 series" in several.stderr
    by_number = json.loads(shell("info", tmp_path, "--series", 9, "--json"))
    assert by_number["size"] == [8, 8, 3]
    uid = by_number["SeriesInstanceUID"]
    assert json.loads(shell("info", tmp_path, "--series", uid, "--json")) == by_number


def test_where_chooses_images(shell, phantom_ct):
    told = json.loads(shell("info", phantom_ct.folder, "--where", "InstanceNumber=3", "--json"))
    assert told["size"] == [72, 56, 1]
