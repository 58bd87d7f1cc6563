"""Scripts of codify make the same files again."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pydicom
import pydicom.data
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.errors import InvalidDicomError
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian

import slicewise as sw
from makers import SHIPPED_FILES
from slicewise.errors import DestinationError, NotDicomError, ParameterError, SeveralSeriesError, SlicewiseWarning

CHARACTER_SETS = Path(pydicom.data.__file__).parent / "charset_files"

# Warnings are errors: a script that runs says nothing.
_RUNNER = """
import runpy, sys
for script, made in zip(sys.argv[1::2], sys.argv[2::2]):
    sys.argv = [script, made]
    runpy.run_path(script, run_name="__main__")
"""


def run(*scripts: tuple[Path, Path]) -> None:
    names = [str(path) for pair in scripts for path in pair]
    command = [sys.executable, "-I", "-W", "error", "-c", _RUNNER, *names]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stderr == ""


def elements(path: Path) -> dict[str, Any]:
    """Return all elements at every depth, as pydicom reads them, with VR and value as written."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = pydicom.dcmread(path, force=True)
        found = {"preamble": dataset.preamble, **_elements(dataset, ""), **_elements(dataset.file_meta, "meta ")}
    found.pop("meta (0002,0000)", None)  # counted anew
    return found


def _elements(dataset: Dataset, where: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for tag in dataset.keys():  # noqa: SIM118 - decoding may fail
        name = f"{where}{tag}"
        if tag.element == 0 and tag.group > 2:
            continue  # pydicom writes no group lengths
        try:
            element = dataset[tag]
        except (NotImplementedError, ValueError, OSError, pydicom.errors.BytesLengthException):
            found[name] = dataset.get_item(tag).value
            continue
        if element.VR == "SQ":
            found[name] = len(element.value)
            for number, item in enumerate(element.value):
                found |= _elements(item, f"{name}[{number}]")
        else:
            found[name] = (element.VR, repr(getattr(element.value, "original_string", element.value)))
    return found


def _is_dicom(path: Path) -> bool:
    try:
        return any(tag.group == 8 for tag in pydicom.dcmread(path, force=True, stop_before_pixels=True).keys())  # noqa: SIM118
    except (InvalidDicomError, ValueError, KeyError, NotImplementedError, AttributeError, EOFError):
        return False


def check_same(paths: list[Path], folder: Path) -> list[bool]:
    """Codify and run; return for each file whether even its bytes are the same."""
    pairs = [(folder / f"{number}.py", folder / f"{number}.dcm") for number in range(len(paths))]
    for path, (script, _) in zip(paths, pairs, strict=True):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SlicewiseWarning)  # of files that are cut
            sw.codify(path, script)
    run(*pairs)
    for path, (_, made) in zip(paths, pairs, strict=True):
        assert elements(made) == elements(path), path.name
    return [path.read_bytes() == made.read_bytes() for path, (_, made) in zip(paths, pairs, strict=True)]


def _shipped(folder: Path) -> list[Path]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [path for path in sorted(folder.rglob("*")) if path.is_file() and _is_dicom(path)]


def test_every_file_that_pydicom_ships_is_made_again(tmp_path):
    paths = _shipped(SHIPPED_FILES)
    assert len(paths) > 100
    same = check_same(paths, tmp_path)
    # What differs in bytes: group lengths, deflated streams, sequences of VR UN, and what stands after the pixels.
    assert same.count(False) < 20


def test_text_in_every_character_set_is_made_again(tmp_path):
    check_same(_shipped(CHARACTER_SETS), tmp_path)
    scripts = "".join(path.read_text(encoding="utf-8") for path in tmp_path.glob("*.py"))
    for name in ("Buc^Jérôme", "Äneas^Rüdiger", "Люкceмбypг", "山田^太郎"):
        assert name in scripts


@pytest.mark.parametrize(
    "name", ["CT_small.dcm", "MR_small_implicit.dcm", "MR_small_bigendian.dcm", "SC_rgb_rle.dcm", "rtstruct.dcm"]
)
def test_the_bytes_are_those_of_the_file(name, tmp_path):
    assert check_same([SHIPPED_FILES / name], tmp_path) == [True]


def _odd() -> Dataset:
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    dataset.SOPInstanceUID = "1.2.3"
    dataset.PatientName = ""
    dataset.FrameIncrementPointer = [0x00181063, 0x00181065]
    dataset.SelectorAttribute = 0x00100010
    dataset.SliceThickness = "1.50"
    dataset.RescaleSlope = None
    dataset.WindowCenter = ["+40", "0.4E2"]
    dataset.OtherPatientNames = ["Doe^Jane", "", 'O\'Neill^"Kim"']
    dataset.ImageComments = "two\r\nlines\\and a backslash"
    dataset.add_new(0x00090010, "LO", "class")
    dataset.add_new(0x00090011, "LO", "class")
    dataset.add_new(0x00091001, "UN", b"\x01\x02")
    dataset.add_new(0x00091101, "FD", [0.1, float("inf")])
    dataset.add_new(0x00093305, "SL", -7)
    inner, outer = Dataset(), Dataset()
    inner.CodeValue, inner.ConceptNameCodeSequence = "1", Sequence()
    deep = Dataset()
    deep.CodeValue = "2"
    inner.ContentSequence = [deep]
    outer.ContentSequence = [inner, Dataset()]
    dataset.ContentSequence = [outer, outer]
    dataset.add_new(0x00091020, "SQ", [inner])
    return dataset


def test_odd_values_and_nested_sequences_are_made_again(tmp_path):
    path = tmp_path / "odd.dcm"
    _odd().save_as(path, enforce_file_format=True)
    assert check_same([path], tmp_path) == [True]
    script = (tmp_path / "0.py").read_text(encoding="utf-8")
    targets = [node.targets[0] for node in ast.walk(ast.parse(script)) if isinstance(node, ast.Assign)]
    names = [target.id for target in targets if isinstance(target, ast.Name)]
    assert len(names) == len(set(names))  # no variable is taken twice
    assert "class_0009.add_new(0x01, 'UN', b'\\x01\\x02')" in script


def test_private_elements_and_large_values_can_be_left_out(tmp_path):
    source = SHIPPED_FILES / "CT_small.dcm"
    done = sw.codify(source, tmp_path / "s.py", private=False, exclude_size=100)
    assert done.side is None
    assert "# PixelData (7FE0,0010): 32768 bytes of VR OW are left out" in done.script.read_text(encoding="utf-8")
    run((done.script, tmp_path / "made.dcm"))
    made, original = pydicom.dcmread(tmp_path / "made.dcm"), pydicom.dcmread(source)
    kept = [e for e in original if not e.tag.is_private and e.keyword not in ("PixelData", "DataSetTrailingPadding")]
    assert list(made) == kept


def test_large_values_are_beside_the_script_and_others_in_it(tmp_path):
    source = SHIPPED_FILES / "CT_small.dcm"
    done = sw.codify(source, tmp_path / "s.py", side_size=1000)
    assert done.side == tmp_path / "s.bin"
    assert pydicom.dcmread(source).PixelData in done.side.read_bytes()
    assert sw.codify(source, tmp_path / "t.py", side_size=10**6).side is None
    run((tmp_path / "t.py", tmp_path / "t.dcm"))
    assert (tmp_path / "t.dcm").read_bytes() == source.read_bytes()


def test_a_script_refuses_the_values_of_another(tmp_path):
    done = sw.codify(SHIPPED_FILES / "CT_small.dcm", tmp_path / "s.py")
    done.side.write_bytes(bytes(done.side.stat().st_size))
    ran = subprocess.run([sys.executable, done.script, tmp_path / "x.dcm"], capture_output=True, text=True, check=False)
    assert ran.returncode == 1
    assert "s.bin beside this script is not the file" in ran.stderr
    assert not (tmp_path / "x.dcm").exists()


def test_what_is_there_stays(tmp_path):
    source = SHIPPED_FILES / "CT_small.dcm"
    (tmp_path / "s.bin").write_text("mine")
    with pytest.raises(DestinationError, match=r"s\.bin"):
        sw.codify(source, tmp_path / "s.py")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["s.bin"]
    sw.codify(source, tmp_path / "s.py", overwrite=True)
    with pytest.raises(ParameterError, match=r"\.py"):
        sw.codify(source, tmp_path / "s.txt")


def test_what_is_no_dicom_file_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("no image " * 50)
    with pytest.raises(NotDicomError, match=r"notes\.txt"):
        sw.codify(tmp_path / "notes.txt", tmp_path / "s.py")
    assert not (tmp_path / "s.py").exists()


def test_a_file_that_is_cut_is_told(tmp_path):
    with pytest.warns(SlicewiseWarning, match="PixelData"):
        sw.codify(SHIPPED_FILES / "MR_truncated.dcm", tmp_path / "s.py")


def test_a_series_is_one_script(phantom_ct, tmp_path):
    done = sw.codify(phantom_ct.folder, tmp_path / "ct.py")
    assert done.instances == 12
    assert done.script.read_text(encoding="utf-8").count("PatientName") == 1
    run((done.script, tmp_path / "made"))
    for path in phantom_ct.paths:
        assert (tmp_path / "made" / path.name).read_bytes() == path.read_bytes()


def test_several_series_are_no_one_script(phantom_ct, tmp_path):
    shutil.copytree(phantom_ct.folder, tmp_path / "all")
    shutil.copyfile(SHIPPED_FILES / "CT_small.dcm", tmp_path / "all" / "zz.dcm")
    with pytest.raises(SeveralSeriesError, match=r"zz\.dcm"):
        sw.codify(tmp_path / "all", tmp_path / "s.py")
    assert not list(tmp_path.glob("s.*"))


def test_a_script_without_identification_says_nothing_of_the_patient(tmp_path):
    source = tmp_path / "Quixote_Alonso.dcm"
    shutil.copyfile(SHIPPED_FILES / "CT_small.dcm", source)
    original = pydicom.dcmread(source)
    done = sw.codify(source, tmp_path / "s.py", deidentify=sw.Deidentify())
    run((done.script, tmp_path / "made.dcm"))
    made = pydicom.dcmread(tmp_path / "made.dcm")
    assert made.PatientIdentityRemoved == "YES"
    assert made.PixelData == original.PixelData
    assert made.file_meta.MediaStorageSOPInstanceUID == made.SOPInstanceUID != original.SOPInstanceUID
    everything = done.script.read_bytes() + done.side.read_bytes() + (tmp_path / "made.dcm").read_bytes()
    told = [original.PatientName, original.PatientID, original.StudyInstanceUID, original.StudyDate, "Quixote"]
    assert [text for text in told if str(text).encode() in everything] == []


def test_a_series_without_identification_is_one_script(phantom_ct, tmp_path):
    deidentify = sw.Deidentify(secret=b"a secret of this test, long enough")
    done = sw.codify(phantom_ct.folder, tmp_path / "ct.py", deidentify=deidentify)
    run((done.script, tmp_path / "made"))
    made = sw.SeriesReader(tmp_path / "made")
    expected = sw.SeriesReader(phantom_ct.folder) >> deidentify
    assert made.headers["SOPInstanceUID"] == expected.headers["SOPInstanceUID"]
    assert made.headers["PatientID"] == expected.headers["PatientID"]


def test_what_is_no_dicom_file_in_a_folder_is_passed_over(phantom_ct, tmp_path):
    shutil.copytree(phantom_ct.folder, tmp_path / "all")
    (tmp_path / "all" / "LICENSE").write_text("free")
    with pytest.warns(SlicewiseWarning, match="LICENSE"):
        assert sw.codify(tmp_path / "all", tmp_path / "s.py").instances == 12
