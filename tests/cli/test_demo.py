"""The demo runs from beginning to end, on the phantom and on series of one's own, and notices what is wrong."""

from __future__ import annotations

import csv
import io
import struct

import numpy as np
import PIL.Image
import pydicom
import pytest

from makers import write_series
from slicewise.io import phantom


def test_without_data_a_phantom_is_shown(program, tmp_path):
    done = program("demo", "--output", tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "WRONG" not in done.stdout
    assert "  ok      SimpleITK reads the same grid and the same values" in done.stdout
    picture = np.asarray(PIL.Image.open(tmp_path / "contact-sheet.png"))
    assert picture.std() > 20
    rows = list(csv.DictReader(io.StringIO((tmp_path / "headers.csv").read_text(encoding="utf-8-sig"))))
    fates = {(row["attribute"], row["what became of it"]) for row in rows}
    assert ("PatientName", "kept") in fates
    assert ("XRayTubeCurrent", "dropped") in fates
    assert ("XRayTubeCurrent", "kept") in fates
    assert "\x1b" not in done.stdout
    # A second run takes the place of the first.
    assert program("demo", "--output", tmp_path).returncode == 0


def test_the_largest_of_several_series_is_taken_and_named(program, tmp_path):
    phantom.ct_series(tmp_path / "study" / "a", slices=2, size=(16, 16))
    phantom.ct_series(tmp_path / "study" / "b", slices=6, size=(16, 16), series_number=8, series_description="Long")
    done = program("demo", tmp_path / "study", "--output", tmp_path / "out")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "number 8, CT 'Long' (6 slices of 5 mm)" in done.stdout


def test_a_series_without_a_window_is_shown_by_its_percentiles(program, tmp_path):
    ramp = np.tile(np.arange(64, dtype=np.uint16) * 50, (5, 48, 1))
    write_series(tmp_path / "mr", ramp, Modality="MR", SOPClassUID="1.2.840.10008.5.1.4.1.1.4", SeriesNumber=1)
    done = program("demo", tmp_path / "mr", "--output", tmp_path / "out")
    assert done.returncode in (0, 1)
    picture = np.asarray(PIL.Image.open(tmp_path / "out" / "contact-sheet.png"))
    assert len(np.unique(picture)) > 40


def test_a_single_slice_is_enough(program, tmp_path):
    phantom.ct_series(tmp_path / "one", slices=1, size=(32, 32))
    done = program("demo", tmp_path / "one", "--output", tmp_path / "out")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_checks_notice_a_wrong_pixel_and_a_lost_attribute(phantom_ct, tmp_path):
    import slicewise as sw
    from slicewise.cli.demo_checks import Evidence, checks

    image = sw.SeriesReader(phantom_ct.folder).update(progress=False)
    written = (image >> sw.SeriesWriter(tmp_path / "out")).update(progress=False)
    evidence = Evidence.gather(phantom_ct.paths, image, written)
    assert all(check.passed is not False for check in checks(evidence))
    dataset = pydicom.dcmread(written.paths[4])
    dataset.PixelData = struct.pack("<H", 3000) + dataset.PixelData[2:]
    del dataset.ProtocolName
    dataset.save_as(written.paths[4])
    spoiled = Evidence.gather(phantom_ct.paths, image, written)
    wrong = [check.claim for check in checks(spoiled) if check.passed is False]
    assert wrong == [
        "slicewise reads the same grid and the same values",
        "pydicom reads the same values",
        "SimpleITK reads the same grid and the same values",
        "what changed in the headers, the report says; all else is as in the source",
    ]


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.parametrize("case", ["pet-ge-wholebody-267", "mr-canon-adc-36", "ct-ge-liver-41"])
def test_real_series_pass_every_check(program, data, case, tmp_path):
    done = program("demo", data(case), "--output", tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_result_never_takes_the_place_of_its_source(program, tmp_path):
    paths = phantom.ct_series(tmp_path / "derived", slices=2, size=(16, 16))
    before = [path.read_bytes() for path in paths]
    done = program("demo", tmp_path / "derived", "--output", tmp_path)
    assert done.returncode == 1
    assert "holds a file of the source" in done.stderr
    assert [path.read_bytes() for path in paths] == before
