"""Scripts of real files and series make them again."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pydicom
import pytest

import slicewise as sw
from witnesses import dicom_files

pytestmark = pytest.mark.data

SERIES = {
    "CT": "ct-head-tiny-93",
    "MR": "mr-siemens-multiecho",
    "PT": "pet-ge-wholebody-267",
    "MR with compressed pixels": "mr-jpegll-fragments-24",
}


@pytest.mark.parametrize("case", SERIES.values(), ids=SERIES)
def test_a_series_is_made_again(case, data, tmp_path):
    sources = dicom_files(data(case))[:60]
    (tmp_path / "source").mkdir()
    for number, path in enumerate(sources):
        shutil.copyfile(path, tmp_path / "source" / f"{number:03d}.dcm")
    done = sw.codify(tmp_path / "source", tmp_path / "made.py")
    assert done.instances == len(sources)
    subprocess.run([sys.executable, "-I", "-W", "error", done.script, tmp_path / "made"], check=True)
    for path in sorted((tmp_path / "source").iterdir()):
        source, made = pydicom.dcmread(path), pydicom.dcmread(tmp_path / "made" / path.name)
        without_lengths = [e for e in source if e.tag.element]
        assert list(made) == without_lengths
        assert made.file_meta.TransferSyntaxUID == source.file_meta.TransferSyntaxUID
        assert made.is_undefined_length_sequence_item == source.is_undefined_length_sequence_item
