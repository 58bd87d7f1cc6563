"""Text of every character set, through reading and writing: pydicom reads of the copy what it reads of the original."""

from __future__ import annotations

import warnings
from pathlib import Path

import pydicom
import pytest
from pydicom.datadict import keyword_for_tag
from pydicom.dataset import Dataset

import slicewise as sw
from slicewise.image import Action

TEXTS = ("PN", "LO", "SH", "LT", "ST", "UT", "UC")
FILES = [
    "chrArab.dcm",
    "chrFren.dcm",
    "chrFrenMulti.dcm",
    "chrGerm.dcm",
    "chrGreek.dcm",
    "chrH31.dcm",
    "chrH32.dcm",
    "chrHbrw.dcm",
    "chrI2.dcm",
    "chrJapMulti.dcm",
    "chrJapMultiExplicitIR6.dcm",
    "chrKoreanMulti.dcm",
    "chrRuss.dcm",
    "chrSQEncoding.dcm",
    "chrSQEncoding1.dcm",
    "chrX1.dcm",
    "chrX2.dcm",
]
REGENERATED = {
    "SeriesDescription",
    "DerivationDescription",
    "CodeMeaning",
    "SoftwareVersions",
    "ContributionDescription",
}

pytestmark = [
    pytest.mark.data,
    # What pydicom says of the originals.
    pytest.mark.filterwarnings("ignore:Incorrect value for Specific Character Set"),
    pytest.mark.filterwarnings("ignore:Value 'ISO_IR 6' for Specific Character Set"),
]


def read(path: Path) -> Dataset:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = pydicom.dcmread(path)
        dataset.decode()
    return dataset


def texts(dataset: Dataset, path: tuple = ()) -> dict[tuple, str]:
    found = {}
    for element in dataset:
        if element.VR == "SQ":
            for k, item in enumerate(element.value):
                found |= texts(item, (*path, element.tag, k))
        elif element.VR in TEXTS and element.keyword not in REGENERATED:
            found[*path, element.tag] = str(element.value)
    return found


@pytest.mark.parametrize("name", FILES)
def test_copies_say_the_same(name, data, tmp_path):
    source = data("charsets") / name
    wanted = texts(read(source))
    assert any(not text.isascii() for text in wanted.values())
    done = sw.transcode(source, tmp_path / "out", "explicit", progress=False)
    assert texts(read(done.paths[0])) == wanted


@pytest.mark.parametrize("name", FILES)
def test_derived_images_say_the_same(name, data, tmp_path):
    source = data("charsets") / name
    before = read(source)
    if "PixelData" not in before:
        pytest.skip("there is no image in it")
    writer = sw.SeriesReader(source, on_no_plane="pixels") >> sw.SeriesWriter(tmp_path / "out")
    written = writer.update(progress=False)
    found, wanted = texts(read(written.paths[0])), texts(before)
    dropped = {row.name for row in written.report.of(Action.DROPPED)}
    kept = {place: text for place, text in wanted.items() if keyword_for_tag(place[0]) not in dropped}
    assert any(not text.isascii() for text in kept.values())
    assert {place: found.get(place) for place in kept} == kept
