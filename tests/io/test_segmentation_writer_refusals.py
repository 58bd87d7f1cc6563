"""What cannot be a true segmentation is refused, and the message says why; nothing is left behind."""

from __future__ import annotations

import threading

import numpy as np
import pydicom
import pytest
from pydicom.sr.codedict import codes

import slicewise as sw
from makers import write_series
from slicewise.errors import (
    CancelledError,
    ComputeError,
    DestinationError,
    GraphError,
    HeaderError,
    ParameterError,
    PixelsError,
    SpaceMismatchError,
)

TEMPLATE = sw.SegmentTemplate({1: codes.SCT.Liver, 2: codes.SCT.Spleen}, algorithm_type="MANUAL")
SHAPE = (12, 56, 72)


@pytest.fixture(scope="module")
def ct(phantom_ct):
    return sw.SeriesReader(phantom_ct.folder)


def labels(**values):
    """Return zeros with a label on some slices, e.g. ``s3=7``."""
    array = np.zeros(SHAPE, np.int32)
    for name, value in values.items():
        array[int(name[1:]), 5, 6] = value
    return array


def write(node, folder, template=TEMPLATE, **options):
    path = folder / "out" / "seg.dcm"
    (node >> sw.SegmentationWriter(path, template, **options)).update(progress=False)
    return path


def left(folder):
    out = folder / "out"
    return sorted(p.name for p in out.iterdir()) if out.exists() else []


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (
            labels(s1=1, s3=7, s4=7, s9=7, s6=30),
            r"labels 1, 2, .* also 7 \(3 slices from 3 to 9\), 30 \(slice 6\)",
        ),
        (labels(s1=-1), r"has also -1 \(slice 1\)"),
        (labels(s1=100_000), r"has also 100000 \(slice 1\)"),
        (labels(), "the segmentation is empty: no slice has any pixel that is not zero"),
    ],
)
@pytest.mark.parametrize("kind", ["binary", "labelmap"])
def test_labels_that_the_template_does_not_know_are_named(ct, tmp_path, array, message, kind):
    with pytest.raises(PixelsError, match=message):
        write(sw.WithPixelsFrom(ct, array), tmp_path, kind=kind)
    assert left(tmp_path) == []


def test_nothing_but_unknown_labels_is_empty(ct, tmp_path):
    with pytest.raises(PixelsError, match="empty: no slice has any labels that the template knows"):
        write(sw.WithPixelsFrom(ct, labels(s1=7)), tmp_path, skip_missing_segment=True)


@pytest.mark.parametrize(
    ("options", "dtype", "message"),
    [
        ({}, np.float32, r"labels must be whole numbers \(got float32\)"),
        ({"kind": "labelmap"}, np.float64, r"labels must be whole numbers \(got float64\)"),
        ({"kind": "fractional"}, np.uint8, r"fractions from 0 to 1 as floating-point numbers \(got uint8\)"),
        ({"kind": "fractional"}, np.float32, "has 1 component, and the template 2 segments: there must be one"),
    ],
)
def test_values_of_another_type_are_refused_before_a_pixel_is_read(ct, tmp_path, options, dtype, message):
    mask = sw.WithPixelsFrom(ct, np.ones(SHAPE, dtype))
    writer = sw.SegmentationWriter(tmp_path / "x.dcm", TEMPLATE, **options)
    with pytest.raises(ParameterError, match=message):
        mask >> writer


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (1.5, "slice 4 has values from 0 to 1.5"),
        (-0.25, "from -0.25 to 0"),
        (np.nan, "slice 4 has values that are no numbers"),
    ],
)
def test_fractions_are_from_0_to_1(ct, tmp_path, value, message):
    one = sw.SegmentTemplate({1: codes.SCT.Liver}, algorithm_type="MANUAL")
    array = np.zeros(SHAPE, np.float32)
    array[4, 3, 2] = value
    with pytest.raises(PixelsError, match=message):
        write(sw.WithPixelsFrom(ct, array), tmp_path, one, kind="fractional")
    assert left(tmp_path) == []


def test_several_components_need_as_many_segments(ct, tmp_path):
    mask = sw.WithPixelsFrom(ct, labels(s1=1))
    with pytest.raises(ParameterError, match="has 3 components, and the template 2 segments"):
        write(sw.Join([mask, mask, mask]), tmp_path)
    with pytest.raises(ParameterError, match="2 components, which may overlap: write kind='binary'"):
        write(sw.Join([mask, mask]), tmp_path, kind="labelmap")


def test_a_mask_of_nobody_is_refused(tmp_path):
    with pytest.raises(HeaderError, match="nobody knows whose it is: give the series"):
        write(sw.Image.from_array(labels(s1=1)), tmp_path)


def test_a_mask_on_another_grid_is_refused(ct, tmp_path):
    cut = sw.Image.from_array(labels(s1=1)[:, 1:])
    with pytest.raises(SpaceMismatchError, match="do not lie on the grid of the series"):
        write(cut, tmp_path, source=ct)


def test_stacks_of_volumes_are_refused(ct, tmp_path):
    mask = sw.WithPixelsFrom(ct, labels(s1=1))
    with pytest.raises(GraphError, match="takes one volume"):
        write(sw.Stack([mask, mask], axis="time", coordinates=[0, 1]), tmp_path)


def test_slices_of_several_patients_are_refused(tmp_path):
    uids = [{"FrameOfReferenceUID": f"1.2.{k}"} for k in (1, 2, 2)]
    write_series(tmp_path / "ct", np.zeros((3, 4, 4), np.int16), per_slice=uids)
    with pytest.raises(HeaderError, match=r"several FrameOfReferenceUID, 1\.2\.1 and 1\.2\.2"):
        write(sw.SeriesReader(tmp_path / "ct") >= 0, tmp_path)


def test_a_place_relative_to_nothing_is_refused_unless_it_is_said(tmp_path):
    write_series(tmp_path / "ct", np.zeros((3, 4, 4), np.int16), FrameOfReferenceUID=None)
    mask = sw.SeriesReader(tmp_path / "ct") >= 0
    with pytest.raises(HeaderError, match="states no FrameOfReferenceUID"):
        write(mask, tmp_path)
    path = write(mask, tmp_path, overrides={"FrameOfReferenceUID": "1.2.3"})
    assert pydicom.dcmread(path).FrameOfReferenceUID == "1.2.3"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "surface"}, "'kind' must be 'binary' or 'fractional' or 'labelmap'"),
        ({"transfer_syntax": "rle"}, "of binary segmentations must be one of explicit, deflated, jpeg-2000"),
        ({"transfer_syntax": "implicit", "kind": "labelmap"}, "of labelmap segmentations must be one of"),
        ({"maximum_fractional_value": 256}, "must be a whole number from 1 to 255"),
        ({"fractional_type": "CHANCE"}, "must be 'PROBABILITY' or 'OCCUPANCY'"),
        ({"uid_prefix": "x"}, "'uid_prefix' must be numbers and dots"),
    ],
)
def test_parameters_that_cannot_work_are_refused(tmp_path, options, message):
    with pytest.raises(ParameterError, match=message):
        sw.SegmentationWriter(tmp_path / "seg.dcm", TEMPLATE, **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"overrides": {"SegmentSequence": []}}, "cannot set SegmentSequence: it follows from"),
        ({"overrides": {"Rows": 3}}, "cannot set Rows"),
        ({"series_number": 4}, "must differ from that of the source"),
    ],
)
def test_headers_that_would_be_untrue_are_refused(ct, tmp_path, options, message):
    options = {"series_number": int(ct.headers["SeriesNumber"][0])} if "series_number" in options else options
    with pytest.raises(ParameterError, match=message):
        write(sw.WithPixelsFrom(ct, labels(s1=1)), tmp_path, **options)


def test_a_file_that_is_there_is_kept_unless_it_may_be_replaced(ct, phantom_ct, tmp_path):
    mask = sw.WithPixelsFrom(ct, labels(s1=1))
    path = write(mask, tmp_path)
    before = path.read_bytes()
    with pytest.raises(DestinationError, match="there is a file already"):
        write(mask, tmp_path)
    assert path.read_bytes() == before
    write(mask, tmp_path, overwrite=True)
    assert path.read_bytes() != before
    with pytest.raises(DestinationError, match="is a file of the source"):
        (mask >> sw.SegmentationWriter(phantom_ct.paths[0], TEMPLATE, overwrite=True)).update(progress=False)


@pytest.mark.parametrize("kind", ["binary", "labelmap"])
def test_a_run_that_fails_or_is_cancelled_leaves_nothing(ct, tmp_path, kind):
    calls = []

    def broken(array):
        calls.append(1)
        if len(calls) > 1:
            raise RuntimeError("no more")
        return (array >= 0).astype(np.uint8)

    writer = sw.SegmentationWriter(tmp_path / "out" / "x.dcm", TEMPLATE, kind=kind)
    node = ct >> sw.Function(broken, dtype="uint8") >> writer
    with pytest.raises(ComputeError, match="no more"):
        node.update(progress=False, memory="100KB", workers=1)
    assert len(calls) == 2
    assert left(tmp_path) == []
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(CancelledError):
        ((ct >= 0) >> sw.SegmentationWriter(tmp_path / "out" / "x.dcm", TEMPLATE)).update(progress=False, cancel=cancel)
    assert left(tmp_path) == []


def test_a_full_disk_is_told_and_leaves_nothing(ct, tmp_path, monkeypatch):
    from slicewise.errors import WriteError
    from slicewise.io import segmentation_file

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(segmentation_file.os, "write", full)
    with pytest.raises(WriteError, match="No space left on device"):
        write(sw.WithPixelsFrom(ct, labels(s1=1)), tmp_path)
    assert left(tmp_path) == []


def test_more_than_a_file_can_hold_is_refused(ct):
    from slicewise.dicom.pixels import PixelFormat
    from slicewise.errors import ValueRangeError
    from slicewise.io.segmentation_file import _native

    form = PixelFormat(rows=1024, columns=1024, bits_allocated=8, bits_stored=8, high_bit=7)
    with pytest.raises(ValueRangeError, match=r"5000 frames take 4\.88 GiB"):
        list(_native(5000, lambda _: np.zeros((1, 1), np.uint8), form))
