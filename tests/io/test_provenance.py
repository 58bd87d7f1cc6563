"""Derived series say where they come from, and what they say stays true whatever is done to them."""

from __future__ import annotations

import hashlib
import json
import zlib

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

import slicewise as sw
from slicewise.errors import HeaderError, RecipeError, SeriesError

GROUP = 0x7755
CREATOR = "SLICEWISE PROVENANCE 1.0"
RUN, PLACE, MARKS, VERSIONS, RECIPE, MISSING, STORY, INSTANCES = range(1, 9)
SECRET = b"a secret of this test, long enough"


@pytest.fixture
def ct(phantom_ct):
    return sw.SeriesReader(phantom_ct.folder)


def write(node, folder, **parameters):
    return (node >> sw.SeriesWriter(folder, **parameters)).update(progress=False)


def block(path):
    return pydicom.dcmread(path).private_block(GROUP, CREATOR)


def story(path):
    return json.loads(zlib.decompressobj().decompress(block(path)[STORY].value))


def flip(path, at=-100):
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(bytes(data))


# --- what is written --------------------------------------------------------------------------------


def test_the_block_is_read_by_others_and_its_check_sums_are_those_of_zlib(ct, tmp_path):
    written = write(ct >> sw.Median(1), tmp_path / "out")
    for number, path in enumerate(written.paths, 1):
        dataset = pydicom.dcmread(path)
        own = dataset.private_block(GROUP, CREATOR)
        assert [int(v) for v in own[PLACE].value] == [number, 12]
        pixels = dataset.PixelData
        line = f"crc32+adler32:{zlib.crc32(pixels):08x}{zlib.adler32(pixels):08x}"
        assert own[MARKS].value == f"{line} {float(dataset.RescaleSlope)!r} {float(dataset.RescaleIntercept)!r}"
        assert f"pydicom {pydicom.__version__}" in own[VERSIONS].value
        assert f"numpy {np.__version__}" in own[VERSIONS].value
    assert len({block(path)[RUN].value for path in written.paths}) == 1
    np.testing.assert_array_equal(
        sitk.GetArrayFromImage(sitk.ReadImage(str(written.paths[3])))[0],
        sw.SeriesReader(tmp_path / "out").update().array[3],
    )


def test_a_cryptographic_digest_is_written_if_asked_for(ct, tmp_path):
    written = write(ct >> sw.Median(1), tmp_path / "out", digest="sha256")
    for path in written.paths:
        wanted = hashlib.sha256(pydicom.dcmread(path).PixelData).hexdigest()
        assert block(path)[MARKS].value.startswith(f"sha256:{wanted} ")
    assert sw.verify(tmp_path / "out", progress=False).is_intact


def test_the_sources_are_the_instances_that_were_read(ct, tmp_path):
    written = write(ct >> sw.Median(1), tmp_path / "out")
    source = pydicom.dcmread(ct.files[0])
    (told,) = story(written.paths[5])["sources"]
    assert told["series"] == [source.SeriesInstanceUID]
    assert told["slices"] == 12
    listed = json.loads(zlib.decompressobj().decompress(block(written.paths[0])[INSTANCES].value))
    assert [uid for uid, _, _ in listed["input"]] == [pydicom.dcmread(p).SOPInstanceUID for p in ct.files]
    assert INSTANCES not in block(written.paths[1])


def test_neither_paths_nor_anything_of_the_patient_is_in_the_recipe(ct, tmp_path):
    name = str(pydicom.dcmread(ct.files[0]).PatientName)
    chosen = sw.SeriesReader(ct.path, where={"PatientName": name}) >> sw.Median(1)
    written = write(chosen, tmp_path / "out")
    recipe = block(written.paths[0])[RECIPE].value
    assert "node: Median" in recipe
    assert str(ct.path) not in recipe
    assert name not in recipe
    assert str(ct.path).encode() not in written.paths[0].read_bytes()


def test_names_given_to_a_new_series_are_not_in_the_recipe(tmp_path):
    image = sw.Image.from_array(
        np.arange(96, dtype=np.int16).reshape(2, 6, 8), geometry=sw.Geometry.from_box((8, 6, 2), spacing=(1, 1, 1))
    )
    named = sw.NewSeries("MR", patient_name="Doe^Jane", attributes={"StudyID": "S-77", "EchoTime": 4.9})
    written = write(sw.as_node(image) >> named >> sw.Gaussian(sigma=1), tmp_path / "out")
    recipe = block(written.paths[0])[RECIPE].value
    assert "Doe" not in recipe
    assert "S-77" not in recipe
    assert "EchoTime: 4.9" in recipe
    found = sw.replay(tmp_path / "out", inputs={"input": image}, progress=False)
    assert found.agrees
    assert found.slices == 2


def test_the_block_costs_each_instance_little(ct, tmp_path):
    chain = ct >> sw.Median(1) >> sw.Gaussian(sigma=2) >> sw.Resample(spacing=(4, 4, 4))
    written = write(chain, tmp_path / "out")
    without = write(chain, tmp_path / "without", private="drop")
    sizes = [[p.stat().st_size for p in w.paths] for w in (written, without)]
    assert all(0 < a - b < 4096 for a, b in zip(*sizes, strict=True))


def test_of_a_stack_the_long_recipe_is_in_the_first_instance_alone(ct, tmp_path):
    volumes = tuple(ct >> sw.Gaussian(sigma=1 + k / 10) for k in range(60))
    written = write(sw.Stack(volumes, axis="time", coordinates=range(60), unit="s"), tmp_path / "out")
    assert len(written.paths) == 720
    assert RECIPE in block(written.paths[0])
    assert RECIPE not in block(written.paths[1])
    assert sw.replay(tmp_path / "out", ct.path, progress=False).agrees
    written.paths[0].unlink()
    with pytest.raises((HeaderError, SeriesError), match="first instance"):
        sw.replay(tmp_path / "out", ct.path, progress=False)


def test_a_run_repeated_writes_the_same_but_for_the_time(ct, tmp_path):
    chain = ct >> sw.Median(1) >> sw.Resample(spacing=(4, 4, 4))
    runs = [write(chain, tmp_path / name, uids="reproducible") for name in "ab"]
    times = {"InstanceCreationDate", "InstanceCreationTime", "SeriesDate", "SeriesTime", "ContentDate", "ContentTime"}
    for a, b in zip(runs[0].paths, runs[1].paths, strict=True):
        one, other = pydicom.dcmread(a), pydicom.dcmread(b)
        different = {e.keyword or str(e.tag) for e in one if other.get(e.tag) != e}
        assert different <= times | {"ContributingEquipmentSequence"}


# --- what becomes of it -----------------------------------------------------------------------------


def test_what_is_derived_again_tells_of_itself_and_names_the_run_before(ct, tmp_path):
    first = write(ct >> sw.Median(1), tmp_path / "first")
    again = sw.SeriesReader(tmp_path / "first")[2:9]
    for private in ("rules", "keep"):
        second = write(again, tmp_path / private, private=private)
        found = [block(p) for p in second.paths]
        assert {b[RUN].value for b in found}.isdisjoint({block(p)[RUN].value for p in first.paths})
        assert [int(b[PLACE].value[0]) for b in found] == [*range(1, 8)]
        (told,) = story(second.paths[0])["sources"]
        assert told["runs"] == [block(first.paths[0])[RUN].value]
        assert sw.verify(tmp_path / private, progress=False).is_intact
        dataset = pydicom.dcmread(second.paths[0])
        assert [e.tag for e in dataset if e.tag.group == GROUP and e.tag.element <= 0xFF] == [(GROUP, 0x10)]


def test_a_source_that_was_changed_since_it_was_read_is_named(ct, tmp_path):
    first = write(ct >> sw.Median(1), tmp_path / "first")
    write(sw.SeriesReader(tmp_path / "first") >> sw.Flip("x"), tmp_path / "second")
    assert sw.replay(tmp_path / "second", tmp_path / "first", progress=False).notes == ()
    flip(first.paths[4])
    found = sw.replay(tmp_path / "second", tmp_path / "first", progress=False)
    assert not found.agrees
    assert [d.slice_index for d in found] == [4]
    assert [first.paths[4].name in note for note in found.notes] == [True]


@pytest.mark.parametrize("syntax", ["implicit", "deflated", "rle", "jpeg-ls", "jpeg-2000", "htj2k", "jpeg-lossless"])
def test_another_transfer_syntax_without_loss_leaves_it_true(ct, tmp_path, syntax):
    write(ct >> sw.Median(1), tmp_path / "out")
    sw.transcode(tmp_path / "out", tmp_path / "again", syntax, progress=False)
    found = sw.verify(tmp_path / "again", progress=False)
    assert (found.verified, len(found)) == (12, 0)
    assert sw.replay(tmp_path / "again", ct.path, progress=False).agrees


def test_compression_with_loss_afterwards_leaves_it_out(ct, tmp_path):
    write(ct >> sw.Median(1), tmp_path / "out")
    sw.transcode(tmp_path / "out", tmp_path / "again", sw.Lossy("jpeg-ls-near", error=2), progress=False)
    found = sw.verify(tmp_path / "again", progress=False)
    assert not found.is_intact
    assert len(found.silent) == 1
    assert "does not say where it comes from" in str(found)


def test_compression_with_loss_by_the_writer_is_replayed_with_the_same_loss(ct, tmp_path):
    write(ct >> sw.Median(1), tmp_path / "out", transfer_syntax=sw.Lossy("jpeg-ls-near", error=3))
    assert sw.verify(tmp_path / "out", progress=False).is_intact
    assert sw.replay(tmp_path / "out", ct.path, progress=False).agrees


def test_an_edited_attribute_changes_no_pixel(ct, tmp_path):
    write(ct >> sw.Median(1), tmp_path / "out")
    sw.edit(tmp_path / "out", tmp_path / "edited", values={"PatientID": "P-0043"}, progress=False)
    assert sw.verify(tmp_path / "edited", progress=False).is_intact


def test_deidentification_takes_the_block_of_the_source_out_and_names_sources_by_their_new_identifiers(ct, tmp_path):
    first = write(ct >> sw.Median(1), tmp_path / "first")
    hidden = sw.SeriesReader(tmp_path / "first") >> sw.Gaussian(sigma=1) >> sw.Deidentify(secret=SECRET)
    second = write(hidden, tmp_path / "second")
    secrets = {str(pydicom.dcmread(p).SOPInstanceUID) for p in first.paths}
    secrets |= {pydicom.dcmread(first.paths[0]).SeriesInstanceUID, block(first.paths[0])[RUN].value, SECRET.decode()}
    for path in second.paths:
        own = block(path)
        told = (
            b"".join([zlib.decompressobj().decompress(own[n].value) for n in (STORY, INSTANCES) if n in own]).decode()
            + own[RECIPE].value
        )
        assert not [s for s in secrets if s in told]
        assert not [s for s in secrets if s.encode() in path.read_bytes()]
    with pytest.raises(SeriesError, match="give the secret"):
        sw.replay(tmp_path / "second", tmp_path / "first", progress=False)
    values = {"deidentify.secret": SECRET}
    assert sw.replay(tmp_path / "second", tmp_path / "first", values=values, progress=False).agrees


def test_without_private_attributes_nothing_is_told_and_that_is_said(ct, tmp_path):
    written = write(ct >> sw.Median(1), tmp_path / "out", private="drop")
    assert not [e for p in written.paths for e in pydicom.dcmread(p) if e.tag.is_private]
    assert "private='drop'" in str(sw.verify(tmp_path / "out", progress=False))
    with pytest.raises(SeriesError, match="does not say where it comes from"):
        sw.replay(tmp_path / "out", ct.path, progress=False)


def test_a_multi_frame_image_tells_it_frame_by_frame(ct, tmp_path):
    path = tmp_path / "one.dcm"
    (ct >> sw.Median(1) >> sw.MultiFrameWriter(path)).update(progress=False)
    lines = block(path)[MARKS].value.split("\n")
    frames = np.frombuffer(pydicom.dcmread(path).PixelData, "<u1").reshape(12, -1)
    sums = [f"crc32+adler32:{zlib.crc32(f):08x}{zlib.adler32(f):08x}" for f in frames]
    assert [line.split()[0] for line in lines] == sums
    assert sw.verify(path, progress=False).is_intact
    assert sw.replay(path, ct.path, progress=False).agrees
    flip(path, -1)
    (found,) = sw.verify(path, progress=False)
    assert "of frame 12" in found.what


# --- verify -----------------------------------------------------------------------------------------


def test_one_bit_of_one_pixel_is_found(ct, tmp_path):
    written = write(ct >> sw.Median(1), tmp_path / "out")
    before = pydicom.dcmread(written.paths[7])
    flip(written.paths[7])
    after = pydicom.dcmread(written.paths[7])
    assert int((before.pixel_array != after.pixel_array).sum()) == 1
    found = sw.verify(tmp_path / "out", progress=False)
    assert [(d.kind, d.number, d.uid, d.what) for d in found] == [("changed", 8, after.SOPInstanceUID, "stored values")]
    assert (found.verified, found.is_intact) == (11, False)
    assert written.paths[7].name in str(found)


def test_a_bit_that_no_value_uses_is_found_too(tmp_path, ct):
    written = write(ct, tmp_path / "out")
    dataset = pydicom.dcmread(written.paths[0])
    dataset.BitsStored, dataset.HighBit = 12, 11
    assert dataset.PixelRepresentation == 0
    dataset.save_as(written.paths[0])
    assert sw.verify(tmp_path / "out", progress=False).is_intact
    data = bytearray(written.paths[0].read_bytes())
    data[-1] ^= 0x80
    written.paths[0].write_bytes(bytes(data))
    assert len(sw.verify(tmp_path / "out", progress=False).changed) == 1


def test_another_slope_or_intercept_is_found(ct, tmp_path):
    written = write(ct >> sw.Median(1), tmp_path / "out")
    dataset = pydicom.dcmread(written.paths[2])
    was = float(dataset.RescaleIntercept)
    dataset.RescaleIntercept = "-7"
    dataset.save_as(written.paths[2])
    (found,) = sw.verify(tmp_path / "out", progress=False)
    assert (found.kind, found.number) == ("changed", 3)
    assert found.what == f"slope and intercept are 1 and -7, and were 1 and {was:g}"


def test_missing_and_added_instances_are_found(ct, tmp_path):
    written = write(ct >> sw.Median(1), tmp_path / "out")
    written.paths[4].unlink()
    dataset = pydicom.dcmread(written.paths[0])
    for tag in [e.tag for e in dataset if e.tag.group == GROUP]:
        del dataset[tag]
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = pydicom.uid.generate_uid()
    dataset.save_as(tmp_path / "out" / "more.dcm")
    found = sw.verify(tmp_path / "out", progress=False)
    assert [(d.kind, d.number) for d in found] == [("missing", 5), ("added", None)]
    assert found.added[0].uid == dataset.SOPInstanceUID
    assert found.verified == 11


def test_pixels_that_cannot_be_decoded_are_changed_ones(ct, tmp_path):
    written = write(ct >> sw.Median(1), tmp_path / "out", transfer_syntax="jpeg-ls")
    data = bytearray(written.paths[1].read_bytes())
    start = data.rindex(b"\xff\xd8\xff")
    data[start : start + 3] = b"\0\0\0"
    written.paths[1].write_bytes(bytes(data))
    (found,) = sw.verify(tmp_path / "out", progress=False)
    assert (found.kind, found.number) == ("changed", 2)


# --- replay -----------------------------------------------------------------------------------------


def test_replay_names_the_first_slice_that_differs_and_by_how_much(ct, tmp_path):
    written = write(ct >> sw.Median(1), tmp_path / "out")
    for k in (9, 3):
        dataset = pydicom.dcmread(written.paths[k])
        pixels = dataset.pixel_array.copy()
        pixels[5, 6] += 4
        pixels[7, 8] += 9
        dataset.PixelData = pixels.tobytes()
        dataset.save_as(written.paths[k])
    found = sw.replay(tmp_path / "out", ct.path, progress=False)
    assert not found.agrees
    assert [(d.slice_index, d.pixels, d.largest) for d in found] == [(3, 2, 9.0), (9, 2, 9.0)]
    assert f"first that differs: slice 3 ({written.paths[3].name}): 2 pixels differ by up to 9" in str(found)
    assert "changed since it was written" in found.differences[0].reason


def test_replay_finds_sources_wherever_they_are_and_reads_those_instances_alone(ct, phantom_ct, tmp_path):
    write(ct >> sw.Median(1), tmp_path / "out")
    study = tmp_path / "study" / "deep"
    study.mkdir(parents=True)
    for k, path in enumerate(reversed(phantom_ct.paths)):
        (study / f"renamed-{k}").write_bytes(path.read_bytes())
    other = write(ct[3:6] >> sw.Flip("x"), tmp_path / "study" / "another")
    (tmp_path / "study" / "notes.txt").write_text("no DICOM")
    assert other.paths
    assert sw.replay(tmp_path / "out", tmp_path / "study", progress=False).agrees


def test_replay_says_which_sources_are_not_there(ct, phantom_ct, tmp_path):
    write(ct >> sw.Median(1), tmp_path / "out")
    some = tmp_path / "some"
    some.mkdir()
    for path in phantom_ct.paths[:-2]:
        (some / path.name).write_bytes(path.read_bytes())
    gone = pydicom.dcmread(phantom_ct.paths[-1]).SOPInstanceUID
    with pytest.raises(SeriesError, match=r"2 of 12 instances .* are not there") as caught:
        sw.replay(tmp_path / "out", some, progress=False)
    assert gone in str(caught.value)


def test_replay_without_the_first_instance_takes_the_series_as_a_whole(ct, tmp_path):
    written = write(ct >> sw.Median(1), tmp_path / "out")
    written.paths[0].unlink()
    found = sw.replay(tmp_path / "out", ct.path, progress=False)
    assert [(d.slice_index, d.reason) for d in found] == [(0, "its instance is not there")]


def test_what_a_recipe_cannot_hold_is_told_and_can_be_given(ct, tmp_path):
    one_more = lambda values: values + 1  # noqa: E731
    written = write(ct >> sw.Function(one_more), tmp_path / "out")
    assert block(written.paths[0])[MISSING].value.startswith("function.function: a lambda has no name")
    with pytest.raises(RecipeError, match="lambda") as caught:
        sw.replay(tmp_path / "out", ct.path, progress=False)
    assert "values={'function.function': ...}" in "".join(caught.value.__notes__)
    assert sw.replay(tmp_path / "out", ct.path, values={"function.function": one_more}, progress=False).agrees


def test_an_image_in_memory_that_was_computed_has_to_be_given(ct, tmp_path):
    image = (ct >> sw.Median(1)).update(progress=False)
    write(sw.as_node(image) >> sw.Clip(0, 100), tmp_path / "out")
    with pytest.raises(RecipeError, match=r"image in memory.*Median\(radius=\(1, 1, 1\)\).*inputs="):
        sw.replay(tmp_path / "out", ct.path, progress=False)
    assert sw.replay(tmp_path / "out", inputs={"input": image}, progress=False).agrees


def test_replay_writes_the_result_if_asked_to(ct, tmp_path):
    first = write(ct >> sw.Median(1), tmp_path / "out")
    found = sw.replay(tmp_path / "out", ct.path, output=tmp_path / "again", progress=False)
    assert [p.name for p in found.written.paths] == [p.name for p in first.paths]
    for a, b in zip(first.paths, found.written.paths, strict=True):
        one, other = pydicom.dcmread(a), pydicom.dcmread(b)
        assert one.PixelData == other.PixelData
        assert one.SOPInstanceUID != other.SOPInstanceUID


def test_replay_tells_other_versions_where_pixels_differ(ct, tmp_path):
    written = write(ct >> sw.Median(1), tmp_path / "out")
    for path in written.paths:
        dataset = pydicom.dcmread(path)
        own = dataset.private_block(GROUP, CREATOR)
        own[VERSIONS].value = [v if not v.startswith("numpy") else "numpy 1.0" for v in own[VERSIONS].value]
        dataset.save_as(path)
    found = sw.replay(tmp_path / "out", ct.path, progress=False)
    assert found.versions == (f"numpy 1.0 then, {np.__version__} here",)
    assert "numpy" not in str(found)
    flip(written.paths[0])
    assert f"numpy 1.0 then, {np.__version__} here" in str(sw.replay(tmp_path / "out", ct.path, progress=False))
