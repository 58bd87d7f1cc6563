"""Compiled instances: what is given stands in the files, as pydicom reads them, or is refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.encaps import generate_frames

import slicewise as sw
from slicewise.errors import DestinationError, HeaderError, ParameterError, PixelsError
from witnesses import findings_of_dciodvfy, findings_of_dcmdump

OFFSETS = (0x7FE00001, 0x7FE00002, 0xFFFCFFFC)


def _without_pixels(dataset: Dataset) -> Dataset:
    kept = Dataset()
    for element in dataset:
        if element.tag.element and element.tag not in (*OFFSETS, 0x7FE00010, 0x7FE00008, 0x7FE00009):
            kept.add(element)
    return kept


def _headers(phantom) -> tuple[sw.Headers, list[Dataset]]:
    datasets = [pydicom.dcmread(path) for path in phantom.paths]
    return sw.Headers.from_datasets(datasets), datasets


@pytest.mark.parametrize(
    "name",
    [
        "CT_small.dcm",
        "MR_small_bigendian.dcm",
        "MR_small_implicit.dcm",
        "image_dfl.dcm",
        "rtdose.dcm",
        "examples_ybr_color.dcm",
        "SC_rgb_jpeg_gdcm.dcm",
        "reportsi.dcm",
    ],
)
@pytest.mark.filterwarnings("ignore:Invalid value for VR UI")  # identifiers of the files that pydicom ships
def test_a_file_of_every_kind_is_written_again_as_it_is(name, tmp_path):
    path = get_testdata_file(name, download=False)
    one = sw.read_instance(path)
    done = sw.compile_instances(
        one.headers, [one.frames], tmp_path / "out", transfer_syntax=one.transfer_syntax, progress=False
    )
    before, after = pydicom.dcmread(path), pydicom.dcmread(done.paths[0])
    assert _without_pixels(after) == _without_pixels(before)
    assert done.instance_uids == (before.SOPInstanceUID,)
    assert after.file_meta.MediaStorageSOPInstanceUID == before.SOPInstanceUID
    if "PixelData" not in before:
        assert "PixelData" not in after
    elif before.file_meta.TransferSyntaxUID.is_encapsulated:
        count = int(before.get("NumberOfFrames", 1))
        frames = [list(generate_frames(ds.PixelData, number_of_frames=count)) for ds in (before, after)]
        assert [f.rstrip(b"\0") for f in frames[0]] == [f.rstrip(b"\0") for f in frames[1]]
        assert after.file_meta.TransferSyntaxUID == before.file_meta.TransferSyntaxUID
    else:
        np.testing.assert_array_equal(after.pixel_array, before.pixel_array)
    if tuple(sorted(findings_of_dcmdump(Path(path)))) == ():
        assert not findings_of_dcmdump(done.paths[0])


def test_arrays_of_stored_values_come_with_the_headers_of_a_series(phantom_ct, tmp_path):
    headers, datasets = _headers(phantom_ct)
    arrays = [dataset.pixel_array[::-1].copy() for dataset in datasets]
    done = sw.compile_instances(headers, arrays, tmp_path / "out", file_pattern="i{:02d}.dcm", progress=False)
    assert [path.name for path in done.paths] == [f"i{k:02d}.dcm" for k in range(1, len(datasets) + 1)]
    for path, source, array in zip(done.paths, datasets, arrays, strict=True):
        found = pydicom.dcmread(path)
        assert _without_pixels(found) == _without_pixels(source)
        np.testing.assert_array_equal(found.pixel_array, array)
        assert findings_of_dciodvfy(path) <= findings_of_dciodvfy(phantom_ct.paths[0])


def test_implicit_and_deflated_files_say_the_same(phantom_ct, tmp_path):
    headers, datasets = _headers(phantom_ct)
    arrays = [dataset.pixel_array for dataset in datasets]
    for name, uid in (("implicit", "1.2.840.10008.1.2"), ("deflated", "1.2.840.10008.1.2.1.99")):
        done = sw.compile_instances(headers, arrays, tmp_path / name, transfer_syntax=name, progress=False)
        found = pydicom.dcmread(done.paths[3])
        assert found.file_meta.TransferSyntaxUID == uid
        np.testing.assert_array_equal(found.pixel_array, arrays[3])
        public = [element for element in found if not element.tag.is_private and element.keyword != "PixelData"]
        assert len(public) > 60
        assert all(element == datasets[3][element.tag] for element in public)
        # Of a private sequence in implicit VR dcmdump tells by what it sees that it is one.
        assert not [finding for finding in findings_of_dcmdump(done.paths[3]) if finding.startswith("E")]


def test_pixels_are_taken_as_they_come_and_not_gathered(phantom_ct, tmp_path):
    _, datasets = _headers(phantom_ct)
    datasets = datasets[:1] * 100
    headers = sw.Headers.from_datasets(datasets).replace(SOPInstanceUID=[f"1.2.{k}" for k in range(100)])
    given, written = 0, []

    def arrays() -> Iterator[np.ndarray]:
        nonlocal given
        for dataset in datasets:
            written.append(len(list(tmp_path.glob(".*/*.dcm"))))
            given += 1
            yield dataset.pixel_array

    sw.compile_instances(headers, arrays(), tmp_path / "out", workers=1, progress=False)
    assert given == 100
    assert max(k - done for k, done in enumerate(written)) < 40


def test_new_identifiers_are_consistent_and_references_follow(phantom_ct, tmp_path):
    headers, datasets = _headers(phantom_ct)
    first = Dataset()
    first.ReferencedSOPClassUID, first.ReferencedSOPInstanceUID = datasets[0].SOPClassUID, datasets[0].SOPInstanceUID
    foreign = Dataset()
    foreign.ReferencedSOPClassUID, foreign.ReferencedSOPInstanceUID = datasets[0].SOPClassUID, "1.2.3.4"
    headers = headers.replace(ReferencedImageSequence=[first, foreign])
    arrays = [dataset.pixel_array for dataset in datasets]
    done = sw.compile_instances(headers, arrays, tmp_path / "out.zip", uids="new", uid_prefix="1.9.", progress=False)
    sw.compile_instances(headers, arrays, tmp_path / "out", uids="new", uid_prefix="1.9.", progress=False)
    found = [pydicom.dcmread(path) for path in sorted((tmp_path / "out").iterdir())]
    old = {dataset.SOPInstanceUID for dataset in datasets}
    new = [dataset.SOPInstanceUID for dataset in found]
    assert not old & {*new, *done.instance_uids}
    assert not set(new) & set(done.instance_uids)
    assert len(set(new)) == len(old)
    assert all(uid.startswith("1.9.") for uid in new)
    assert len({dataset.SeriesInstanceUID for dataset in found} | {datasets[0].SeriesInstanceUID}) == 2
    assert {dataset.StudyInstanceUID for dataset in found} == {datasets[0].StudyInstanceUID}
    assert {dataset.FrameOfReferenceUID for dataset in found} == {datasets[0].FrameOfReferenceUID}
    for dataset in found:
        referred = [entry.ReferencedSOPInstanceUID for entry in dataset.ReferencedImageSequence]
        assert referred == [new[0], "1.2.3.4"]


def test_floating_point_values_become_floating_point_pixel_data(phantom_ct, tmp_path):
    _, (dataset, *_) = _headers(phantom_ct)
    for keyword, dtype in (("FloatPixelData", np.float32), ("DoubleFloatPixelData", np.float64)):
        values = np.linspace(-1, 1, dataset.Rows * dataset.Columns, dtype=dtype).reshape(dataset.Rows, dataset.Columns)
        dataset.BitsAllocated = 8 * values.dtype.itemsize
        (path,) = sw.compile_instances([dataset], [values], tmp_path / keyword, progress=False).paths
        found = pydicom.dcmread(path)
        assert found[keyword].value == values.tobytes()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a: a[1:], "stored values of int16, and an array of"),
        (lambda a: a.astype(np.uint16), "values are not converted"),
        (lambda a: a.astype(np.float32), "values are not converted"),
        (lambda a: a.tobytes()[:-2], "bytes, and"),
        (lambda a: np.stack([a, a]), "1 frames and 2 are given"),
        (lambda a: [a, a], "1 frames and 2 are given"),
        (lambda a: a * 0 + 2**14, "12 bits stored, -2048 to 2047"),
    ],
)
def test_pixels_that_are_not_what_the_header_says_are_refused(change, message, phantom_ct, tmp_path):
    headers, datasets = _headers(phantom_ct)
    headers = headers.replace(BitsStored=12, HighBit=11, PixelRepresentation=1)
    good = np.zeros(datasets[0].pixel_array.shape, np.int16)
    with pytest.raises(PixelsError, match=message) as raised:
        sw.compile_instances(
            headers, [good, change(good), *[good] * (len(headers) - 2)], tmp_path / "o", progress=False
        )
    assert "instance 2: " in str(raised.value)
    assert list(tmp_path.iterdir()) == []


def test_codestreams_of_another_kind_size_or_number_are_refused(tmp_path):
    one = sw.read_instance(get_testdata_file("MR_small_jpeg_ls_lossless.dcm"))
    (stream,) = one.frames
    for frames, headers, syntax, message in [
        ([stream], one.headers, "jpeg-2000", "no codestream of transfer syntax .*90: it is one of .*80"),
        ([stream], one.headers.replace(Rows=65), "jpeg-ls", "64 rows and 64 columns where the header says 65"),
        ([stream, stream], one.headers, "jpeg-ls", "1 frames and 2 are given"),
        ([stream[:-40]], one.headers, "jpeg-ls", "is cut"),
        ([b""], one.headers, "jpeg-ls", "is empty"),
        ([np.zeros((64, 64), np.int16)], one.headers, "jpeg-ls", "given as bytes"),
    ]:
        with pytest.raises(PixelsError, match=message):
            sw.compile_instances(headers, [frames], tmp_path / "o", transfer_syntax=syntax, progress=False)
    lossy = sw.read_instance(get_testdata_file("SC_rgb_jpeg_gdcm.dcm"))
    unmarked = lossy.headers.replace(LossyImageCompression="00")
    with pytest.raises(PixelsError, match="must be marked"):
        sw.compile_instances(
            unmarked, [lossy.frames], tmp_path / "o", transfer_syntax="1.2.840.10008.1.2.4.50", progress=False
        )
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_written_is_refused_before_anything_is(phantom_ct, tmp_path):
    headers, datasets = _headers(phantom_ct)
    arrays = [dataset.pixel_array for dataset in datasets]
    with pytest.raises(ParameterError, match="more than the"):
        sw.compile_instances(headers, [*arrays, arrays[0]], tmp_path / "o", progress=False)
    with pytest.raises(ParameterError, match=r"pixels for \d+ instances, and \d+ headers"):
        sw.compile_instances(headers, arrays[:-1], tmp_path / "o", progress=False)
    with pytest.raises(HeaderError, match="is that of several instances"):
        sw.compile_instances(headers.replace(SOPInstanceUID="1.2"), arrays, tmp_path / "o", progress=False)
    with pytest.raises(HeaderError, match="SOPClassUID must be an identifier"):
        sw.compile_instances(headers.replace(SOPClassUID=None), arrays, tmp_path / "o", progress=False)
    with pytest.raises(ParameterError, match="transfer_syntax"):
        sw.compile_instances(headers, arrays, tmp_path / "o", transfer_syntax="bogus", progress=False)
    with pytest.raises(ParameterError, match="'uids'"):
        sw.compile_instances(headers, arrays, tmp_path / "o", uids="old", progress=False)
    with pytest.raises(DestinationError):
        sw.compile_instances(headers, arrays, phantom_ct.folder, progress=False)
    assert list(tmp_path.iterdir()) == []
