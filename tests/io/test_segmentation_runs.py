"""Segmentations in runs: what is planned and told, what is done once, what a cache finds again, what is overwritten."""

from __future__ import annotations

import gc
import os
import shutil

import numpy as np
import pydicom
import pytest
from pydicom.sr.codedict import codes

import slicewise as sw
from segmentation_judges import by_highdicom
from segmentation_makers import structure_set
from slicewise.errors import DestinationError

BONE = sw.SegmentTemplate({1: codes.SCT.BoneTissue}, algorithm_type="AUTOMATIC", algorithm_name="above 300")


@pytest.fixture
def ct(phantom_ct):
    return sw.SeriesReader(phantom_ct.folder)


@pytest.fixture
def bone(ct):
    """Give a mask, and what is in it."""
    return ct > 300, ct.update(progress=False).array > 300


@pytest.fixture
def segmentation(bone, tmp_path):
    (bone[0] >> sw.SegmentationWriter(tmp_path / "bone.dcm", BONE)).update(progress=False)
    return tmp_path / "bone.dcm"


@pytest.fixture
def contours(ct, tmp_path):
    """Give a structure set with a square in the second slice."""
    corners = [ct.geometry.index_to_point(corner) for corner in ((9, 9, 1), (19, 9, 1), (19, 19, 1), (9, 19, 1))]
    path = structure_set(tmp_path / "rtstruct.dcm", {"Square": [np.array(corners)]})
    dataset, image = pydicom.dcmread(path), pydicom.dcmread(ct.files[0])
    dataset.PatientID = image.PatientID
    dataset.StructureSetROISequence[0].ReferencedFrameOfReferenceUID = image.FrameOfReferenceUID
    dataset.save_as(path)
    return path


def line_of(text, start):
    return next(line.strip() for line in text.splitlines() if line.strip().startswith(start))


# --- what is told -----------------------------------------------------------------------------------


def test_a_writer_is_explained_from_its_source_on(bone, tmp_path):
    lines = (bone[0] >> sw.SegmentationWriter(tmp_path / "a.dcm", BONE)).explain().splitlines()
    assert lines[0].startswith(f"SegmentationWriter('{tmp_path / 'a.dcm'}', SegmentTemplate(1: 'Bone'))   [streamed; ")
    assert lines[1].startswith("  greater(image, 300)   [streamed; ")
    assert lines[2].startswith("    SeriesReader(")
    assert "[read slab by slab; " in lines[2]


def test_of_a_source_nothing_is_read_but_headers(ct, segmentation, contours):
    for reader in (sw.SegmentationReader(segmentation, source=ct), sw.ContourReader(contours, source=ct)):
        text = reader.explain()
        assert "[read slab by slab; " in text.splitlines()[0]
        assert "[grid and headers only; " in line_of(text, "SeriesReader")
        assert "SeriesReader" not in [row.name for row in reader.profile(progress=False).rows]
    assert "[read slab by slab; " in sw.SegmentationReader(segmentation).explain().splitlines()[0]
    masked = (ct >> sw.Mask(sw.SegmentationReader(segmentation, source=ct))).explain()
    assert "[read slab by slab; " in line_of(masked, "SeriesReader")


def test_of_the_source_of_a_mask_from_outside_nothing_is_read_but_headers(ct, bone, tmp_path):
    mask = sw.Image.from_array(bone[1], geometry=ct.geometry)
    writer = mask >> sw.SegmentationWriter(tmp_path / "a.dcm", BONE, source=ct)
    assert "[grid and headers only; " in line_of(writer.explain(), "SeriesReader")
    profile = writer.profile(progress=False)
    assert "SeriesReader" not in [row.name for row in profile.rows]
    told = line_of(writer.explain(), "memory").split("about ")[1].split(" at work")[0]
    assert f"planned {told};" in str(profile)


def test_a_mask_whose_slices_are_turned_is_planned_as_a_whole(ct, bone, tmp_path):
    shape = ct.geometry.shape
    turned = sw.Image.from_array(np.ascontiguousarray(bone[1]), geometry=ct.geometry) >> sw.Permute("zyx")
    writer = turned >> sw.SegmentationWriter(tmp_path / "a.dcm", BONE, source=ct)
    assert writer.shape == shape
    text = writer.explain()
    assert "needs the whole volume" in text.splitlines()[0]
    writer.update(progress=False)
    found = sw.SegmentationReader(tmp_path / "a.dcm", source=ct).update(progress=False).array
    assert np.array_equal(found, bone[1])


def test_profiles_tell_of_segmentations(ct, bone, segmentation, tmp_path):
    profile = (bone[0] >> sw.SegmentationWriter(tmp_path / "a.dcm", BONE)).profile(progress=False, workers=1)
    rows = {row.name: row for row in profile.rows}
    slices = ct.geometry.slices
    assert {name: row.slices for name, row in rows.items()} == dict.fromkeys(
        ["SeriesReader", "greater", "writing"], slices
    )
    assert profile.result.paths == (tmp_path / "a.dcm",)
    read = sw.SegmentationReader(segmentation, source=ct).profile(progress=False, workers=1)
    (row,) = read.rows
    assert (row.name, row.slices, row.bytes) == ("SegmentationReader", slices, bone[1].size)


# --- several at once --------------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [1, 2])
def test_a_segmentation_and_a_series_are_written_from_files_read_once(ct, phantom_ct, tmp_path, workers):
    seen = []

    def counted(array):
        seen.append(len(array))
        return array

    read = ct >> sw.Function(counted)
    segmenting = (read > 300) >> sw.SegmentationWriter(tmp_path / "bone.dcm", BONE)
    writing = read >> sw.SeriesWriter(tmp_path / "series")
    written, series = sw.update_all(segmenting, writing, workers=workers, progress=False)
    assert sum(seen) == ct.geometry.slices
    assert (written.paths, len(series.paths)) == ((tmp_path / "bone.dcm",), ct.geometry.slices)
    expected = ct.update(progress=False).array
    assert np.array_equal(sw.SeriesReader(tmp_path / "series").update(progress=False).array, expected)
    masks = by_highdicom(tmp_path / "bone.dcm", phantom_ct.paths)
    assert np.array_equal(masks[..., 0], expected > 300)


def test_what_fails_leaves_neither_segmentation_nor_series(ct, tmp_path):
    empty = (ct > 1e6) >> sw.SegmentationWriter(tmp_path / "bone.dcm", BONE)
    with pytest.raises(sw.errors.PixelsError, match="the segmentation is empty"):
        sw.update_all(empty, (ct * 2) >> sw.SegmentationWriter(tmp_path / "b.dcm", BONE), progress=False)
    assert list(tmp_path.iterdir()) == []


# --- what is found again ----------------------------------------------------------------------------


def readers_of(segmentation, contours, ct):
    return sw.SegmentationReader(segmentation), sw.ContourReader(contours, source=ct)


def test_a_file_in_the_place_of_another_of_its_size_and_time_is_another_result(ct, segmentation, contours, tmp_path):
    for path, keyword in ((segmentation, "ContentLabel"), (contours, "PatientName")):
        first = next(r for r in readers_of(segmentation, contours, ct) if r.files == (path,))
        assert [file.path for file in first.source_files] == [path]
        before, key = path.stat(), first.key
        dataset = pydicom.dcmread(path)
        setattr(dataset, keyword, f"{str(dataset[keyword].value)[:-1]}X")
        dataset.save_as(tmp_path / "other.dcm")
        shutil.copyfile(tmp_path / "other.dcm", path)
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        assert path.stat().st_size == before.st_size
        second = next(r for r in readers_of(segmentation, contours, ct) if r.files == (path,))
        assert second.key != key


def test_a_cache_keeps_what_is_made_of_segmentations(ct, segmentation, contours, tmp_path):
    for path in (segmentation, contours):
        os.utime(path, ns=(0, path.stat().st_mtime_ns - 60_000_000_007))
    for reader in readers_of(segmentation, contours, ct):
        smooth = reader >> sw.Median(1)
        expected = smooth.update(progress=False, cache=sw.ResultCache("1GB", tmp_path / "cache")).array.copy()
        gc.collect()
        again = next(r for r in readers_of(segmentation, contours, ct) if r.files == reader.files) >> sw.Median(1)
        cache = sw.ResultCache("1GB", tmp_path / "cache")
        assert "from the cache on disk" in again.explain(cache=cache).splitlines()[0]
        assert np.array_equal(again.update(progress=False, cache=cache).array, expected)


def test_pixels_stored_as_they_are_need_no_cache_and_others_do(bone, segmentation, tmp_path):
    assert sw.SegmentationReader(segmentation).is_cheap
    for syntax in ("deflated", "jpeg-2000"):
        path = tmp_path / f"{syntax}.dcm"
        (bone[0] >> sw.SegmentationWriter(path, BONE, transfer_syntax=syntax)).update(progress=False)
        assert not sw.SegmentationReader(path).is_cheap


# --- what is overwritten ----------------------------------------------------------------------------


def test_what_is_read_is_never_overwritten(ct, segmentation, contours):
    before = segmentation.read_bytes(), contours.read_bytes()
    for reader in readers_of(segmentation, contours, ct):
        for writer in (
            sw.SegmentationWriter(reader.files[0], BONE, overwrite=True),
            sw.MultiFrameWriter(reader.files[0], overrides={"BurnedInAnnotation": "NO"}, overwrite=True),
        ):
            with pytest.raises(DestinationError, match="is a file of the source, which is never overwritten"):
                reader >> writer
    assert (segmentation.read_bytes(), contours.read_bytes()) == before
