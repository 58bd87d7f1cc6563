"""A discovery as text: wide where output is piped, within the terminal where there is one, harmless always."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
import warnings
from unicodedata import east_asian_width

import numpy as np
import pytest

from makers import write_series
from slicewise.display.tables import discovery_html
from slicewise.io import phantom
from slicewise.io.discover import discover
from slicewise.io.discovery_text import outline

STORED = np.arange(4 * 6 * 5, dtype=np.uint16).reshape(4, 6, 5)
LONG = "A description as some people write, of more than sixty letters"
ECHOES = {
    "positions": [(0, 0, z) for z in (0, 0, 2, 2)],
    "per_slice": [{"EchoTime": time} for time in ("4.9", "7.4", "4.9", "7.4")],
}


def width(text):
    return sum(2 if east_asian_width(letter) in "WF" else 1 for letter in text)


@pytest.fixture
def study(tmp_path):
    phantom.ct_series(tmp_path / "one folder" / "and one in it", slices=5, size=(24, 16), series_description=LONG)
    names = {"SeriesInstanceUID": "1.2.5", "SeriesNumber": 5, "StudyDate": "20240131", "StudyDescription": "Head"}
    write_series(tmp_path / "mr", STORED, **ECHOES, **names)
    return tmp_path


def test_series_stand_below_patient_and_study_and_volumes_below_series(study):
    lines = str(discover(study)).splitlines()
    assert lines == [
        "number  modality  images  size     volume                          description",
        "Patient ID-1, Doe^Jane",
        "Study of 2024-01-31, Head",
        "5       CT        4       5 x 6    2 volumes",
        "                  2                EchoTime 4.9: 2 slices of 2 mm",
        "                  2                EchoTime 7.4: 2 slices of 2 mm",
        "  in mr",
        "Patient PHANTOM-1, Müller^Jürgen^^Dr.",
        "Study of 2026-03-02, CT Thorax/Abdomen",
        f"3       CT        5       24 x 16  5 slices of 5 mm                {LONG}",
        "  in one folder/and one in it",
        f"{study}: 2 patients, 2 studies, 2 series, 3 volumes, 9 images",
    ]


@pytest.mark.parametrize("columns", [64, 80, 132])
def test_lines_fit_the_terminal_and_lose_nothing(study, columns):
    (study / "broken.dcm").write_bytes((study / "mr" / "f000.dcm").read_bytes()[:-20])
    write_series(
        study / "jp",
        STORED,
        SeriesDescription="放射線科の検査の説明がとても長い場合",
        SpecificCharacterSet="ISO_IR 192",
    )
    found = discover(study)
    lines = [line.text for line in outline(found, width=columns)]
    assert max(map(width, lines)) <= columns
    told = "".join("".join(lines).split())
    for series in found:
        for piece in re.findall(r"\w+", f"{series.description} {series.folder.name}"):
            assert all(letter in told for letter in piece)
    # Of columns that are wrapped, the words are all there.
    assert {"people", "write", "sixty", "letters"} <= set(re.findall(r"[a-z]+", " ".join(lines)))


def test_the_shell_fits_a_terminal_of_80_columns(study):
    ours, theirs = pty.openpty()
    environment = os.environ | {
        "COLUMNS": "80",
        "TERM": "xterm",
        "PYTHONPATH": os.pathsep.join(sys.path),
        "LC_ALL": "C.UTF-8",
    }
    command = [sys.executable, "-m", "slicewise.cli", "ls", str(study), "--uids"]
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=theirs, stderr=subprocess.DEVNULL, env=environment
    ) as run:
        os.close(theirs)
        told = b""
        try:
            while piece := os.read(ours, 4096):
                told += piece
        except OSError:
            pass  # the terminal is closed at the end
    os.close(ours)
    assert run.returncode == 0
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", told.decode("utf-8"))
    lines = [line.rstrip("\r") for line in text.split("\n")]
    assert max(map(len, lines)) <= 80
    assert "EchoTime 4.9: 2 slices of 2 mm" in " ".join(text.split())
    assert "  1.2.5" in lines
    assert b"\x1b[1m" in told or b"\x1b[1;36m" in told


def test_a_time_series_does_not_fill_the_screen(tmp_path):
    stored = np.zeros((20, 2, 2), np.uint16)
    times = [{"TemporalPositionIdentifier": k // 2 + 1} for k in range(20)]
    write_series(tmp_path, stored, positions=[(0, 0, k % 2) for k in range(20)], per_slice=times)
    found = discover(tmp_path)
    assert len(found.volumes) == 10
    lines = [line.text for line in outline(found)]
    assert len([line for line in lines if "TemporalPosition" in line]) == 5
    assert lines[-2].strip() == "... and 5 more"
    every = [line.text for line in outline(found, all_volumes=True)]
    assert len([line for line in every if "TemporalPosition" in line]) == 10


HOSTILE = "\x1b]0;owned\x07\x1b[2Jé<script>alert(1)</script>"


def test_attributes_cannot_steer_the_terminal_or_the_page(tmp_path):
    hostile = {"PatientName": "<img src=x onerror=alert(1)>", "PatientID": "a\rb", "Modality": "</td>"}
    described = {"SeriesDescription": HOSTILE, "StudyDescription": "<b>&amp;", "SpecificCharacterSet": "ISO_IR 192"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that these values break their VR
        write_series(tmp_path, STORED, **ECHOES, **hostile, **described)
    found = discover(tmp_path)
    assert found.series[0].description.endswith("é<script>alert(1)</script>")
    assert str(found).replace("\n", "").isprintable()
    html = discovery_html(found)
    assert "<script" not in html
    assert "<img" not in html
    assert "&lt;img src=x onerror=alert(1)&gt;" in html
    assert "&lt;b&gt;&amp;amp;" in html
    assert "\x1b" not in html


def test_a_page_has_patients_studies_and_volumes(study):
    html = discovery_html(discover(study))
    for told in ("Patient ID-1, Doe^Jane", "Study of 2024-01-31, Head", "EchoTime 4.9: 2 slices of 2 mm", "2 patients"):
        assert told in html
