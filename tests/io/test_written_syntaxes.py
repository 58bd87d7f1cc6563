"""Series written in every transfer syntax: pydicom, GDCM and dcmtk read the same values."""

from __future__ import annotations

import subprocess
import sys

import imagecodecs
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from pydicom.encaps import generate_frames

import slicewise as sw
from slicewise.errors import ParameterError
from witnesses import findings_of_dciodvfy, tool

UIDS = {
    "explicit": "1.2.840.10008.1.2.1",
    "deflated": "1.2.840.10008.1.2.1.99",
    "rle": "1.2.840.10008.1.2.5",
    "jpeg-lossless": "1.2.840.10008.1.2.4.70",
    "jpeg-ls": "1.2.840.10008.1.2.4.80",
    "jpeg-2000": "1.2.840.10008.1.2.4.90",
    "htj2k": "1.2.840.10008.1.2.4.201",
}
READ_BY_GDCM = [name for name in UIDS if name != "htj2k"]
DTYPES = ["int16", "uint16", "uint8"]


def volume(dtype, shape=(3, 21, 34)):
    """Return noise on a ramp over the whole range, with both ends in it."""
    limits = np.iinfo(dtype)
    values = np.random.default_rng(3).integers(limits.min, limits.max, shape, endpoint=True).astype(dtype)
    values[:, :4] = np.linspace(limits.min, limits.max, shape[2]).astype(dtype)
    values[0, -1, :2] = limits.min, limits.max
    return values


def decoded(dataset):
    """Return the stored values by pydicom; where it has no decoder, by another library than wrote them."""
    syntax = dataset.file_meta.TransferSyntaxUID
    if syntax not in (UIDS["htj2k"], UIDS["jpeg-lossless"]):
        return dataset.pixel_array
    (frame,) = generate_frames(dataset.PixelData, number_of_frames=1)
    # HTJ2K: OpenJPEG decodes what OpenJPH coded. JPEG: GDCM and dcmtk are asked below.
    values = (imagecodecs.jpeg2k_decode if syntax == UIDS["htj2k"] else imagecodecs.jpeg8_decode)(frame)
    return values.view(f"{'i' if dataset.PixelRepresentation else 'u'}{values.dtype.itemsize}")


def write(array, folder, name, modality="CT"):
    node = sw.as_node(sw.Image.from_array(array)) >> sw.NewSeries(modality)
    return (node >> sw.SeriesWriter(folder, transfer_syntax=name)).update(progress=False)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", UIDS)
def test_every_value_comes_back(tmp_path, name, dtype):
    array = volume(dtype)
    written = write(array, tmp_path / "out", name)
    assert written.report.largest_error == 0
    slices = [pydicom.dcmread(path) for path in written.paths]
    assert {str(ds.file_meta.TransferSyntaxUID) for ds in slices} == {UIDS[name]}
    np.testing.assert_array_equal(np.stack([decoded(ds) for ds in slices]), array)
    np.testing.assert_array_equal(sw.SeriesReader(tmp_path / "out").update(progress=False).array, array)
    if name not in ("deflated", "htj2k"):  # dciodvfy does not inflate, and does not know of the other
        assert findings_of_dciodvfy(written.paths[0]) == set()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", READ_BY_GDCM)
def test_gdcm_reads_the_same(tmp_path, name, dtype):
    array = volume(dtype)
    written = write(array, tmp_path / "out", name)
    for path, plane in zip(written.paths, array, strict=True):
        np.testing.assert_array_equal(sitk.GetArrayFromImage(sitk.ReadImage(str(path)))[0], plane)


@pytest.mark.parametrize(
    ("name", "program"),
    [("rle", "dcmdrle"), ("jpeg-lossless", "dcmdjpeg"), ("jpeg-ls", "dcmdjpls"), ("deflated", "dcmconv")],
)
def test_dcmtk_decodes_the_same(tmp_path, name, program):
    array = volume("int16")
    written = write(array, tmp_path / "out", name)
    plain = tmp_path / "plain.dcm"
    tool("dcmdump")
    options = ["+te"] if program == "dcmconv" else []
    subprocess.run([program, *options, written.paths[1], plain], check=True)
    np.testing.assert_array_equal(pydicom.dcmread(plain).pixel_array, array[1])


@pytest.mark.parametrize("name", UIDS)
def test_colour_stays_rgb(tmp_path, name):
    array = np.random.default_rng(0).integers(0, 256, (2, 16, 20, 3), np.uint8)
    written = write(array, tmp_path / "out", name, modality="OT")
    first = pydicom.dcmread(written.paths[0])
    assert first.PhotometricInterpretation == "RGB"
    np.testing.assert_array_equal(sw.SeriesReader(tmp_path / "out").update(progress=False).array, array)
    np.testing.assert_array_equal(decoded(first), array[0])


@pytest.mark.parametrize("name", ["jpeg-ls", "jpeg-2000", "htj2k", "rle"])
def test_a_real_kind_of_series_keeps_headers_and_values(phantom_ct, tmp_path, name):
    reader = sw.SeriesReader(phantom_ct.folder)
    plain = (reader >> sw.SeriesWriter(tmp_path / "plain")).update(progress=False)
    small = (reader >> sw.SeriesWriter(tmp_path / "small", transfer_syntax=UIDS[name])).update(progress=False)
    size = [sum(path.stat().st_size for path in w.paths) for w in (plain, small)]
    assert size[1] < size[0]
    tied = ("BitsStored", "HighBit", "PixelData", "SOPInstanceUID", "SeriesInstanceUID")
    own = (*tied, "InstanceCreationTime", "SeriesTime", "ContributingEquipmentSequence", "ContentTime")
    for a, b in zip(plain.paths, small.paths, strict=True):
        one, other = pydicom.dcmread(a), pydicom.dcmread(b)
        np.testing.assert_array_equal(one.pixel_array, decoded(other))
        for element in one:
            # What tells where an image comes from names its run and digest.
            if element.keyword not in own and element.tag.group != 0x7755:
                assert other[element.tag] == element


def test_what_is_not_written_says_what_is(tmp_path):
    with pytest.raises(ParameterError, match=r"one of 'explicit' .*'htj2k' .*\(got 'jpeg'\)"):
        sw.SeriesWriter(tmp_path, transfer_syntax="jpeg")
    with pytest.raises(ParameterError, match="2-not-a-uid"):
        sw.SeriesWriter(tmp_path, transfer_syntax="2-not-a-uid")


def test_a_codec_is_ready_before_threads_meet_in_it():
    """OpenJPH sets itself up at its first use, and two threads that meet there got wrong values now and then."""
    script = """
import threading
from concurrent.futures import ThreadPoolExecutor
import numpy as np
from slicewise.dicom.encoders import encode_frame, syntax_of
from slicewise.dicom.pixels import PixelFormat

frames = [np.random.default_rng(k).integers(-1000, 1000, (56, 72)).astype(np.int16) for k in range(8)]
together = threading.Barrier(8)

def encode(frame):
    together.wait()
    return encode_frame(frame, syntax_of("htj2k"), PixelFormat(56, 72, signed=True), "frame").difference

with ThreadPoolExecutor(8) as pool:
    print(sum(pool.map(encode, frames)))
"""
    for _ in range(3):
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
        assert done.stdout.strip() == "0"
