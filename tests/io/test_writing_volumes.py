"""Volumes of other formats are written slab by slab, and are the files that SimpleITK writes of the whole image."""

from __future__ import annotations

import gzip
import itertools
import os
import re
import signal
import subprocess
import sys
import threading
import time
import zlib

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st

import slicewise as sw
from slicewise.errors import CancelledError, ComputeError, DestinationError, GeometryError, ParameterError, WriteError
from slicewise.io.joined_checks import Adler32, Crc32

TYPES = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64", "float32", "float64")
PLAIN = ("a.nrrd", "a.mha", "a.nii", "a.vtk")
PACKED = ("a.nrrd", "a.mha", "a.nii.gz")
LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
OBLIQUE = np.linalg.qr(np.random.default_rng(3).normal(size=(3, 3)))[0]


def values(shape, dtype="int16", seed=0):
    rng = np.random.default_rng(seed)
    if np.dtype(dtype).kind == "f":
        found = rng.normal(0, 1000, shape).astype(dtype)
        found.flat[0], found.flat[-1] = np.nan, np.inf
        return found
    if dtype == "bool":
        return rng.random(shape) > 0.5
    limits = np.iinfo(dtype)
    return rng.integers(limits.min, limits.max, shape, dtype, endpoint=True)


def image_of(array, direction=None):
    grid = sw.Geometry.from_box(array.shape[2::-1], (0.7, 1.25, 3.1), (-12.5, 30.25, 101.1), direction)
    return sw.Image.from_array(array, geometry=grid)


def stack_of(arrays, coordinates=(1000, 3500, 6000)):
    return sw.Stack([image_of(array, OBLIQUE) for array in arrays], axis="time", coordinates=coordinates, unit="ms")


def write(source, path, **options):
    given = {name: options.pop(name) for name in ("memory", "workers") if name in options}
    return (source >> sw.VolumeWriter(path, on_headers="drop", **options)).update(progress=False, **given)


def by_itk(image, path, *, compress=False):
    sitk.WriteImage(image.to_sitk(), str(path), useCompression=compress)
    return path


def check_same(path, image):
    """Compare a file with an image by SimpleITK, and NIfTI by nibabel too."""
    found, wanted = sitk.ReadImage(str(path)), image.to_sitk()
    array, expected = sitk.GetArrayFromImage(found), sitk.GetArrayFromImage(wanted)
    is_nifti = ".nii" in path.name
    # The NIfTI library within ITK makes 0 of what is not finite.
    is_shown = np.isfinite(expected) if is_nifti else np.ones(expected.shape, np.bool_)
    assert array.dtype == expected.dtype
    np.testing.assert_array_equal(array[is_shown], expected[is_shown])
    assert found.GetSize() == wanted.GetSize()
    for name in ("GetSpacing", "GetOrigin", "GetDirection"):
        assert getattr(found, name)() == pytest.approx(getattr(wanted, name)(), abs=1e-4 if is_nifti else 1e-9)
    if is_nifti:
        seen = nibabel.load(path)
        stored = np.asarray(seen.dataobj)
        # Components are on the fifth axis.
        stored = stored.transpose(2, 1, 0) if stored.ndim == 3 else stored[:, :, :, 0].transpose(2, 1, 0, 3)
        np.testing.assert_array_equal(stored, expected)
        assert stored.dtype == expected.dtype
        np.testing.assert_allclose(seen.affine, LPS @ image.geometry.affine, atol=1e-3)


# --- the same bytes -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PLAIN)
@pytest.mark.parametrize("tail", [(), (3,), (4,), (2,), (5,)])
@pytest.mark.parametrize("dtype", [*TYPES, "bool"])
def test_what_is_not_compressed_is_byte_for_byte_the_file_of_simpleitk(name, tail, dtype, tmp_path):
    image = image_of(values((9, 6, 7, *tail), dtype), None if name.endswith("vtk") else OBLIQUE)
    path = write(image, tmp_path / name, memory=1, compress=False)
    assert path.read_bytes() == by_itk(image, tmp_path / f"itk-{name}").read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == [name, f"itk-{name}"]


@pytest.mark.parametrize("name", PLAIN)
@pytest.mark.parametrize("shape", [(1, 6, 7), (9, 1, 7), (9, 6, 1), (1, 1, 1), (2, 1, 1), (1, 6, 7, 3), (1, 1, 1, 3)])
def test_axes_of_one_are_as_those_of_simpleitk(name, shape, tmp_path):
    image = image_of(values(shape))
    path = write(image, tmp_path / name, compress=False)
    assert path.read_bytes() == by_itk(image, tmp_path / f"itk-{name}").read_bytes()
    array = sw.VolumeReader(path).update(progress=False)
    np.testing.assert_array_equal(array, image)
    np.testing.assert_allclose(array.geometry.affine, image.geometry.affine, atol=1e-5)


@pytest.mark.parametrize("name", PLAIN)
@settings(max_examples=40, deadline=None)
@given(order=st.permutations(range(3)), signs=st.tuples(*[st.sampled_from([1.0, -1.0])] * 3), data=st.data())
def test_headers_are_those_of_simpleitk_for_every_grid(tmp_path_factory, name, order, signs, data):
    number = st.floats(-2000, 2000, allow_nan=False)
    spacing = data.draw(st.tuples(*[st.floats(0.05, 50)] * 3))
    origin = data.draw(st.tuples(number, number, number))
    direction = np.eye(3) if name == "a.vtk" else (np.eye(3)[list(order)] * np.array(signs)) @ OBLIQUE
    grid = sw.Geometry.from_box((3, 4, 5), spacing, origin, direction)
    image = sw.Image.from_array(values((5, 4, 3)), geometry=grid)
    folder = tmp_path_factory.mktemp("grid")
    path = write(image, folder / name, compress=False)
    assert path.read_bytes() == by_itk(image, folder / f"itk-{name}").read_bytes()


@pytest.mark.parametrize("name", ["a.nrrd", "a.mha"])
@pytest.mark.parametrize("tail", [(), (3,)])
def test_a_stack_is_byte_for_byte_the_file_of_simpleitk(name, tail, tmp_path):
    stack = stack_of([values((5, 6, 7, *tail), seed=k) for k in range(3)])
    path = write(stack, tmp_path / name, compress=False, memory=1)
    whole = stack.update(progress=False)
    assert path.read_bytes() == by_itk(whole, tmp_path / f"itk-{name}").read_bytes()


@pytest.mark.parametrize("tail", [(), (3,)])
def test_a_stack_as_nifti_differs_from_simpleitk_in_what_is_said_of_the_time(tail, tmp_path):
    stack = stack_of([values((5, 6, 7, *tail), seed=k) for k in range(3)])
    path = write(stack, tmp_path / "a.nii", memory=1)
    other = by_itk(stack.update(progress=False), tmp_path / "itk.nii")
    ours, theirs = path.read_bytes(), other.read_bytes()
    different = {k for k, (one, two) in enumerate(zip(ours, theirs, strict=True)) if one != two}
    # pixdim[4], xyzt_units and toffset: milliseconds were made seconds
    assert different <= {*range(92, 96), 123, *range(136, 140)}
    assert nibabel.load(path).header["pixdim"][4] == 2.5


# --- compressed -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PACKED)
@pytest.mark.parametrize("tail", [(), (3,), (2,)])
@pytest.mark.parametrize("dtype", [*TYPES, "bool"])
def test_what_is_compressed_is_read_by_others(name, tail, dtype, tmp_path):
    image = image_of(values((9, 6, 7, *tail), dtype), OBLIQUE)
    check_same(write(image, tmp_path / name, memory=1), image)


@pytest.mark.parametrize("name", PACKED)
@pytest.mark.parametrize("tail", [(), (3,)])
def test_a_compressed_stack_is_read_by_others(name, tail, tmp_path):
    stack = stack_of([values((5, 6, 7, *tail), seed=k) for k in range(3)])
    path = write(stack, tmp_path / name, memory=1)
    array = sitk.GetArrayFromImage(sitk.ReadImage(str(path)))
    np.testing.assert_array_equal(array, stack.update(progress=False).array)


def unpacked(path):
    """Return what the one compressed stream of a file holds; nothing may come before it or after it."""
    data = path.read_bytes()
    if path.suffix == ".gz":
        begin, kind = 0, 31
    elif path.suffix == ".nrrd":
        begin, kind = data.index(b"\n\n") + 2, 31
    else:
        begin, kind = data.index(b"= LOCAL\n") + 8, 15
        assert int(re.search(rb"CompressedDataSize = (\d+)\n", data)[1]) == len(data) - begin
    inflater = zlib.decompressobj(kind)
    held = inflater.decompress(data[begin:])
    assert inflater.eof
    assert inflater.unused_data == b""
    return held


@pytest.mark.parametrize("name", PACKED)
def test_pixels_are_one_stream_whatever_threads_and_memory(name, tmp_path):
    image = image_of(values((40, 64, 64)) // 256)
    one = write(image, tmp_path / "1" / name, workers=1)
    several = write(image, tmp_path / "2" / name, workers=4, memory=1)
    assert one.read_bytes() == several.read_bytes()
    held = unpacked(one)
    assert held.endswith(image.array.tobytes())
    if name == "a.nii.gz":
        assert held == by_itk(image, tmp_path / "a.nii").read_bytes()
        assert gzip.decompress(one.read_bytes()) == held
    itk = by_itk(image, tmp_path / name, compress=True)
    assert one.stat().st_size < 1.1 * itk.stat().st_size


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=6))
def test_checksums_of_pieces_are_joined(pieces):
    for check, of_all in ((Crc32(), zlib.crc32), (Adler32(), zlib.adler32)):
        total = check.of(b"")
        for piece in pieces:
            total = check.joined(total, check.of(piece), len(piece))
        assert total == of_all(b"".join(pieces))


# --- what cannot be -------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(40000, 1, 2), (1, 2, 40000)])
def test_nifti_has_no_longer_axes(shape, tmp_path):
    with pytest.raises(GeometryError, match=r"32767.*40000.*\.nrrd"):
        _ = image_of(np.zeros(shape, np.uint8)) >> sw.VolumeWriter(tmp_path / "a.nii")
    image = image_of(values(shape, "uint8"))
    check_same(write(image, tmp_path / "a.mha"), image)


def test_values_that_no_format_holds_are_refused_and_others_converted(tmp_path):
    with pytest.raises(ParameterError, match="complex64"):
        _ = image_of(np.zeros((2, 3, 4), np.complex64)) >> sw.VolumeWriter(tmp_path / "a.nrrd")
    two = stack_of([values((5, 6, 7, 2), seed=k) for k in range(3)])
    with pytest.raises(ParameterError, match=r"3 volumes of 2 values per pixel.*stack\.volumes"):
        _ = two >> sw.VolumeWriter(tmp_path / "a.nii")
    half = np.linspace(-3, 3, 24).astype(np.float16).reshape(2, 3, 4)
    found = sitk.ReadImage(str(write(image_of(half), tmp_path / "a.nii")))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(found), half.astype(np.float32))


# --- complete or absent ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a.nrrd", "a.nii", "a.mha"])
def test_a_failure_on_the_way_leaves_nothing_and_keeps_what_was_there(name, tmp_path):
    image = image_of(values((40, 32, 32)))
    before = write(image, tmp_path / name).read_bytes()

    def fail(array):
        if array[0, 0, 0] == image.array[20, 0, 0]:
            raise ValueError("no more")
        return array

    with pytest.raises(ComputeError, match="no more"):
        write(image >> sw.Function(fail), tmp_path / name, overwrite=True, memory=1)
    assert [p.name for p in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_bytes() == before


def test_a_cancelled_run_leaves_nothing(tmp_path):
    cancel = threading.Event()

    def stop(array):
        cancel.set()
        return array

    node = image_of(values((40, 32, 32))) >> sw.Function(stop) >> sw.VolumeWriter(tmp_path / "a.nrrd")
    with pytest.raises(CancelledError):
        node.update(progress=False, cancel=cancel, memory=1, workers=1)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_somebody_put_there_meanwhile_is_not_replaced(tmp_path):
    path = tmp_path / "a.nii"

    def meanwhile(array):
        path.write_text("theirs")
        return array

    with pytest.raises(DestinationError, match=r"a\.nii: there is a file already"):
        write(image_of(values((4, 8, 8))) >> sw.Function(meanwhile), path)
    assert path.read_text() == "theirs"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "a.nrrd", "a.mha", "a.vtk"])
def test_what_the_disk_changes_is_noticed(name, tmp_path, monkeypatch):
    """One byte of one write is another one, as on a broken disk."""
    real, count = os.pwrite, itertools.count()

    def wrong(descriptor, data, place):
        if next(count) == 2:
            data = bytes([data[0] ^ 4]) + bytes(data[1:])
        return real(descriptor, data, place)

    monkeypatch.setattr(os, "pwrite", wrong)
    with pytest.raises(WriteError, match=rf"{name}: what was written .*read back"):
        write(image_of(values((40, 32, 32))), tmp_path / name, memory=1, workers=1)
    assert list(tmp_path.iterdir()) == []


WRITER = """
import sys, time
import numpy as np
import slicewise as sw

def slow(array):
    print("computing", flush=True)
    time.sleep(0.02 * len(array))
    return array

image = sw.Image.from_array(np.random.default_rng(0).integers(0, 99, (40, 64, 64)).astype(np.int16))
node = image >> sw.Function(slow) >> sw.VolumeWriter(sys.argv[1], overwrite=True)
node.update(progress=False, memory=1)
"""


@pytest.mark.parametrize("name", ["a.nrrd", "a.nii"])
@pytest.mark.parametrize("after", [0.0, 0.2])
def test_a_killed_process_leaves_no_file_and_the_next_one_cleans_up(name, after, tmp_path):
    process = subprocess.Popen([sys.executable, "-c", WRITER, tmp_path / name], stdout=subprocess.PIPE, text=True)
    with process:
        process.stdout.readline()
        time.sleep(after)
        process.send_signal(signal.SIGKILL)
    left = [p.name for p in tmp_path.iterdir()]
    assert left
    assert all(p.startswith(f".{name}.partial-") for p in left)
    image = image_of(values((4, 8, 8)))
    check_same(write(image, tmp_path / name), image)
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "kept").mkdir()
    (tmp_path / "a.nii").symlink_to(tmp_path / "kept" / "real.nii")
    image = image_of(values((4, 8, 8)))
    check_same(write(image, tmp_path / "a.nii"), image)
    assert (tmp_path / "a.nii").is_symlink()
    assert [p.name for p in (tmp_path / "kept").iterdir()] == ["real.nii"]


# --- memory ---------------------------------------------------------------------------------------

PEAK = """
import sys
from pathlib import Path
import numpy as np
import SimpleITK
import slicewise as sw

def peak():
    return max(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))

def write(reader, path):
    (reader >> sw.Clip(-5, 5) >> sw.VolumeWriter(path)).update(progress=False, memory="8MB")

small, large, target = sys.argv[1:]
write(sw.VolumeReader(small), Path(target).with_name("small-" + Path(target).name))
before = peak()
write(sw.VolumeReader(large), target)
print(peak() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "a.nrrd", "a.mha", "a.vtk"])
def test_writing_takes_the_memory_of_slabs(name, tmp_path):
    sitk.WriteImage(sitk.Image([64, 64, 8], sitk.sitkInt16), str(tmp_path / "small.nii"))
    sitk.WriteImage(sitk.Image([512, 512, 160], sitk.sitkInt16), str(tmp_path / "large.nii"))  # 80 MB
    command = [sys.executable, "-c", PEAK, tmp_path / "small.nii", tmp_path / "large.nii", tmp_path / name]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert int(done.stdout) < 30_000  # kB


# --- real series ----------------------------------------------------------------------------------


@pytest.mark.data
@pytest.mark.filterwarnings("ignore:.*passed over as not DICOM")
@pytest.mark.parametrize("series", ["ct-ge-liver-41", "pet-ge-wholebody-267", "mr-canon-adc-36"])
def test_real_series_are_the_files_of_simpleitk(series, data, tmp_path):
    image = sw.SeriesReader(data(series)).update(progress=False)
    for name in ("a.nrrd", "a.mha", "a.nii"):
        path = write(image, tmp_path / name, compress=False)
        assert path.read_bytes() == by_itk(image, tmp_path / f"itk-{name}").read_bytes()
    for name in PACKED:
        path = tmp_path / f"packed-{name}"
        check_same(write(image, path), image)
