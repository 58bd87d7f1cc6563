"""A stack of volumes written as one series: numbers, counts and grid are true of what is in it."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest
from pydicom.uid import CTImageStorage, MRImageStorage, PositronEmissionTomographyImageStorage

import slicewise as sw
from makers import box_positions, write_series
from slicewise import errors

VOLUMES, SLICES = 3, 4
POSITIONS = box_positions((-10, -20, 5), (0, 0, 1), 2.5, SLICES)

MR = {
    "SOPClassUID": MRImageStorage,
    "Modality": "MR",
    "ImageType": ["ORIGINAL", "PRIMARY", "OTHER"],
    "SliceThickness": "2",
    "SpacingBetweenSlices": "2.5",
    "RescaleSlope": None,
    "RescaleIntercept": None,
    "RepetitionTime": "5",
    "EchoTime": "2",
    "EchoTrainLength": "1",
    "ScanningSequence": "GR",
    "SequenceVariant": "NONE",
}


def values_of(volume):
    return np.random.default_rng(volume).integers(0, 1000, (SLICES, 8, 9)).astype(np.int16)


def write_volumes(folder, number, *, volumes=VOLUMES, per_volume=lambda _v: {}, per_slice=lambda _v, _k: {}, **shared):
    """Write volumes and return readers of them; ``number`` gives the instance number of a slice of a volume."""
    readers = []
    for v in range(volumes):
        own = [
            {
                "SOPInstanceUID": f"1.2.826.0.1.3680043.10.1.3.{v + 1}.{k + 1}",
                "InstanceNumber": number(v, k),
                "SliceLocation": f"{100 + 2.5 * k:g}",
                **per_slice(v, k),
            }
            for k in range(SLICES)
        ]
        attributes = MR | {"AcquisitionTime": f"12000{v}"} | shared | per_volume(v)
        paths = write_series(
            folder, values_of(v), **{"positions": POSITIONS, **attributes}, per_slice=own, prefix=f"v{v}_"
        )
        readers.append(sw.SeriesReader(paths))
    return readers


def by_slice(v, k):  # as a scanner numbers that takes all times of a slice one after the other
    return k * VOLUMES + v + 1


def by_volume(v, k):
    return v * SLICES + k + 1


def written(node, folder, **how):
    return (node >> sw.SeriesWriter(folder, **how)).update(progress=False)


def headers_of(result):
    return [pydicom.dcmread(path) for path in result.paths]


def stack_of(readers, axis="time", **how):
    return sw.Stack(readers, axis=axis, **how)


# --- numbers and order -----------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [by_slice, by_volume, lambda v, k: 1000 - by_slice(v, k)])
def test_instances_are_numbered_in_the_order_of_the_source(tmp_path, number):
    readers = write_volumes(tmp_path / "source", number)
    result = written(stack_of(readers) >> sw.Median(radius=1), tmp_path / "derived", file_pattern="s{:03d}.dcm")
    stated = {(v, k): number(v, k) for v in range(VOLUMES) for k in range(SLICES)}
    order = sorted(stated, key=stated.get)
    for path, (v, k) in zip(sorted((tmp_path / "derived").iterdir()), order, strict=True):
        ds = pydicom.dcmread(path)
        assert ds.SourceImageSequence[0].ReferencedSOPInstanceUID.endswith(f".{v + 1}.{k + 1}")
        assert f"s{ds.InstanceNumber:03d}.dcm" == path.name
    assert sorted(int(ds.InstanceNumber) for ds in headers_of(result)) == list(range(1, 13))


def test_part_of_the_slices_are_numbered_in_the_order_of_the_source(tmp_path):
    stack = stack_of(write_volumes(tmp_path / "source", by_slice))
    result = written(stack[1:3], tmp_path / "derived", instance_number_start=101)
    assert [int(ds.InstanceNumber) for ds in headers_of(result)] == [101, 104, 102, 105, 103, 106]


@pytest.mark.parametrize(
    ("number", "change"),
    [
        (lambda _v, k: k + 1, lambda n: n),  # each echo numbered for itself
        (by_slice, lambda n: n >> sw.Resample(spacing=(None, None, 1.7))),  # slices between those of the source
    ],
)
def test_without_an_order_of_the_source_instances_are_numbered_volume_by_volume(tmp_path, number, change):
    node = change(stack_of(write_volumes(tmp_path / "source", number)))
    result = written(node, tmp_path / "derived")
    found = headers_of(result)
    assert [int(ds.InstanceNumber) for ds in found] == list(range(1, len(found) + 1))
    assert [path.name for path in result.paths] == sorted(path.name for path in result.paths)
    assert [float(ds.ImagePositionPatient[2]) for ds in found][: len(found) // 3] == pytest.approx(
        sw.as_node(node.volumes[0]).geometry.positions[:, 2]
    )


def test_numbers_of_several_source_series_give_no_order(tmp_path):
    # 1, 2, ... in one and 101, 102, ... in the other, by chance.
    readers = write_volumes(
        tmp_path / "source",
        lambda v, k: 100 * (2 - v) + k,
        volumes=2,
        per_volume=lambda v: {"SeriesInstanceUID": f"1.2.3.{v}"},
    )
    result = written(stack_of(readers), tmp_path / "derived")
    assert [int(ds.InstanceNumber) for ds in headers_of(result)] == list(range(1, 9))


def test_overrides_and_paths_are_in_the_order_of_the_slices(tmp_path):
    stack = stack_of(write_volumes(tmp_path / "source", by_slice))
    texts = [f"volume {v} slice {k}" for v in range(VOLUMES) for k in range(SLICES)]
    result = written(stack, tmp_path / "derived", overrides={"ImageComments": texts})
    assert [ds.ImageComments for ds in headers_of(result)] == texts


# --- what comes back --------------------------------------------------------------------------------------


def test_volumes_read_back_are_the_volumes_written(tmp_path):
    readers = write_volumes(tmp_path / "source", by_slice)
    written(stack_of(readers), tmp_path / "derived")
    for v, reader in enumerate(readers):
        again = sw.SeriesReader(tmp_path / "derived", where={"AcquisitionTime": f"12000{v}"})
        assert np.array_equal(again.update(progress=False).array, values_of(v))
        assert again.geometry == reader.geometry
        assert again.headers["SliceLocation"] == reader.headers["SliceLocation"]


def test_an_image_stack_is_written_as_the_stack_is(tmp_path):
    stack = stack_of(write_volumes(tmp_path / "source", by_slice)) >> sw.Median(radius=1)
    lazy = headers_of(written(stack, tmp_path / "lazy"))
    held = headers_of(written(stack.update(progress=False), tmp_path / "held"))
    for a, b in zip(lazy, held, strict=True):
        assert a.PixelData == b.PixelData
        assert (a.InstanceNumber, a.DerivationDescription) == (b.InstanceNumber, b.DerivationDescription)
        assert a.SourceImageSequence == b.SourceImageSequence


def test_values_that_need_a_new_slope_get_one_for_the_series(tmp_path):
    stack = stack_of(write_volumes(tmp_path / "source", by_slice)) >> sw.Gaussian(sigma=(1, 1, 3))
    found = headers_of(written(stack, tmp_path / "derived"))
    assert len({(ds.RescaleSlope, ds.RescaleIntercept) for ds in found}) == 1
    stored = np.array([ds.pixel_array * float(ds.RescaleSlope) + float(ds.RescaleIntercept) for ds in found])
    expected = stack.update(progress=False).array.reshape(stored.shape)
    assert np.abs(stored - expected).max() <= float(found[0].RescaleSlope) * 0.5001


# --- the grid ---------------------------------------------------------------------------------------------


def test_grid_attributes_are_those_of_each_volume(tmp_path):
    stack = stack_of(write_volumes(tmp_path / "source", by_slice)) >> sw.Resample(spacing=(None, None, 2))
    found = headers_of(written(stack, tmp_path / "derived"))
    slices = stack.geometry.slices
    assert slices == 5
    for ds in found:
        assert (ds.SpacingBetweenSlices, ds.SliceThickness) == (2, 2)
    # The locations of the source, 100 at z = 5, go on.
    for k, ds in enumerate(found):
        assert float(ds.ImagePositionPatient[2]) == pytest.approx(4.75 + 2 * (k % slices))
        assert float(ds.SliceLocation) == pytest.approx(99.75 + 2 * (k % slices))


def test_positions_that_differ_in_rounding_stay_as_they_were(tmp_path):
    places = [POSITIONS, box_positions((-10.0004, -20, 5), (0, 0, 1), 2.5, SLICES)]
    readers = write_volumes(tmp_path / "source", by_volume, volumes=2, per_volume=lambda v: {"positions": places[v]})
    found = headers_of(written(stack_of(readers) >> sw.Median(radius=1), tmp_path / "derived"))
    assert [str(ds.ImagePositionPatient[0]) for ds in found] == ["-10"] * 4 + ["-10.0004"] * 4


# --- times and counts --------------------------------------------------------------------------------------


def temporal(v):
    return {"TemporalPositionIdentifier": v + 1, "NumberOfTemporalPositions": VOLUMES, "TriggerTime": str(40 * v)}


@pytest.mark.parametrize("change", [lambda n: n, lambda n: n[1:3], lambda n: n >> sw.Median(radius=1)])
def test_times_are_kept_and_counted(tmp_path, change):
    readers = write_volumes(tmp_path / "source", by_slice, per_volume=temporal, CardiacNumberOfImages=20)
    stack = change(stack_of(readers[1:]))
    found = headers_of(written(stack, tmp_path / "derived"))
    slices = stack.geometry.slices
    assert [int(ds.TemporalPositionIdentifier) for ds in found] == [2] * slices + [3] * slices
    assert [float(ds.TriggerTime) for ds in found] == [40] * slices + [80] * slices
    assert {int(ds.NumberOfTemporalPositions) for ds in found} == {2}
    assert {int(ds.CardiacNumberOfImages) for ds in found} == {2}


@pytest.mark.parametrize(
    ("axis", "coordinates", "expected"),
    [
        ("time", None, [1, 2, 3]),
        ("time", [5.0, 0.0, 2.5], [3, 1, 2]),
        ("ContentTime", ["102551", "103238.5", "103832"], [1, 2, 3]),
        ("AcquisitionDateTime", ["20240102090000", "20240101100000", "20240101090000"], [3, 2, 1]),
        ("EchoTime", [1, 2, 3], [None] * 3),  # these are no times
    ],
)
def test_times_that_content_time_alone_told_apart_are_identified(tmp_path, axis, coordinates, expected):
    readers = write_volumes(tmp_path / "source", by_slice, per_volume=lambda v: {"ContentTime": f"10000{v}"})
    result = written(stack_of(readers, axis=axis, coordinates=coordinates), tmp_path / "derived")
    identified = [ds.get("TemporalPositionIdentifier") for ds in headers_of(result)]
    assert identified == [e for e in expected for _ in range(SLICES)]


def test_echoes_of_one_time_are_one_time(tmp_path):
    readers = write_volumes(
        tmp_path / "source",
        by_volume,
        per_volume=lambda v: {"EchoTime": str(v + 1), "EchoNumbers": v + 1, "TemporalPositionIdentifier": 4},
        NumberOfTemporalPositions=10,
        CardiacNumberOfImages=20,
    )
    found = headers_of(written(stack_of(readers, axis="EchoTime"), tmp_path / "derived"))
    assert {int(ds.NumberOfTemporalPositions) for ds in found} == {1}
    assert not any("CardiacNumberOfImages" in ds for ds in found)  # nothing says how many there are now
    assert [int(ds.EchoNumbers) for ds in found] == [1] * 4 + [2] * 4 + [3] * 4


PET = {
    "SOPClassUID": PositronEmissionTomographyImageStorage,
    "Modality": "PT",
    "ImageType": ["ORIGINAL", "PRIMARY"],
    "Units": "BQML",
    "SpacingBetweenSlices": None,
    "RescaleSlope": "1",
    "RescaleIntercept": "0",
    "DecayCorrection": "START",
    "NumberOfSlices": SLICES,
}


def test_dynamic_pet_counts_slices_and_times(tmp_path):
    # PS3.3, C.8.9.4.1.9: ((Time Slice Index - 1) * Number of Slices) + Slice Index, by frame reference time.
    readers = write_volumes(
        tmp_path / "source",
        by_volume,
        per_volume=lambda v: {"FrameReferenceTime": str(60000 * v)},
        per_slice=lambda v, k: {"ImageIndex": by_volume(v, k)},
        SeriesType=["DYNAMIC", "IMAGE"],
        NumberOfTimeSlices=VOLUMES,
        **PET,
    )
    found = headers_of(written(stack_of([readers[2], readers[1]]), tmp_path / "derived"))
    assert {(ds.NumberOfSlices, ds.NumberOfTimeSlices) for ds in found} == {(4, 2)}
    assert [ds.ImageIndex for ds in found] == [5, 6, 7, 8, 1, 2, 3, 4]
    assert [float(ds.FrameReferenceTime) for ds in found] == [120000] * 4 + [60000] * 4
    flipped = headers_of(written(stack_of(readers)[::-1], tmp_path / "flipped"))
    assert [ds.ImageIndex for ds in flipped[:4]] == [4, 3, 2, 1]
    alone = headers_of(written(readers[1], tmp_path / "alone"))
    assert {(ds.NumberOfSlices, ds.NumberOfTimeSlices) for ds in alone} == {(4, 1)}


def test_static_pet_images_stacked_are_a_dynamic_series(tmp_path):
    readers = write_volumes(
        tmp_path / "source",
        lambda _v, k: k + 1,
        per_volume=lambda v: {"FrameReferenceTime": str(60000 * v)},
        SeriesType=["STATIC", "IMAGE"],
        **PET,
    )
    found = headers_of(written(stack_of(readers), tmp_path / "derived"))
    assert {(tuple(ds.SeriesType), ds.NumberOfTimeSlices) for ds in found} == {(("DYNAMIC", "IMAGE"), 3)}


def test_static_pet_images_of_one_time_stay_static(tmp_path):
    readers = write_volumes(
        tmp_path / "source", lambda _v, k: k + 1, FrameReferenceTime="0", SeriesType=["STATIC", "IMAGE"], **PET
    )
    found = headers_of(written(stack_of(readers, axis="reconstruction"), tmp_path / "derived"))
    assert {tuple(ds.SeriesType) for ds in found} == {("STATIC", "IMAGE")}
    assert len({ds.ImageIndex for ds in found}) == len(found)


def test_gated_pet_counts_slots(tmp_path):
    readers = write_volumes(
        tmp_path / "source",
        by_volume,
        per_volume=lambda v: {"TriggerTime": str(100 * v), "FrameReferenceTime": "0"},
        SeriesType=["GATED", "IMAGE"],
        NumberOfRRIntervals=1,
        NumberOfTimeSlots=8,
        **PET,
    )
    found = headers_of(written(stack_of(readers), tmp_path / "derived"))
    assert {(ds.NumberOfRRIntervals, ds.NumberOfTimeSlots) for ds in found} == {(1, 3)}
    assert [ds.ImageIndex for ds in found] == list(range(1, 13))


# --- one series ---------------------------------------------------------------------------------------------


def test_volumes_of_several_series_become_one(tmp_path):
    readers = write_volumes(
        tmp_path / "source",
        by_volume,
        per_volume=lambda v: {
            "SeriesInstanceUID": f"1.2.3.{v}",
            "SeriesNumber": 5 + v,
            "ProtocolName": f"phase {v}",
            "StudyInstanceUID": f"1.2.4.{v}",
            "StudyDate": f"2024010{v + 1}",
            "BodyPartExamined": "BREAST",
            "EchoTime": str(v),
        },
    )
    result = written(stack_of(readers), tmp_path / "derived")
    found = headers_of(result)
    for keyword, expected in {
        "StudyInstanceUID": "1.2.4.0",
        "StudyDate": "20240101",
        "BodyPartExamined": "BREAST",
    }.items():
        assert {ds[keyword].value for ds in found} == {expected}
    assert {(ds.SeriesInstanceUID, ds.SeriesNumber) for ds in found} == {(result.series_uid, 501)}
    assert not any("ProtocolName" in ds for ds in found)
    assert [float(ds.EchoTime) for ds in found] == [0] * 4 + [1] * 4 + [2] * 4
    # What comes from another study is named as such.
    other = found[-1].StudiesContainingOtherReferencedInstancesSequence[0]
    assert other.StudyInstanceUID == "1.2.4.2"
    reasons = {row.name: row.reason for row in result.report.rows}
    assert "the volumes differ in it" in reasons["ProtocolName"]
    assert "first volume" in reasons["StudyInstanceUID"]


def test_names_in_several_character_sets_become_utf8(tmp_path):
    readers = write_volumes(
        tmp_path / "source",
        by_volume,
        volumes=2,
        per_volume=lambda v: {
            "SpecificCharacterSet": ["ISO_IR 100", "ISO_IR 144"][v],
            "ImageComments": ["Übersicht", "Обзор"][v],
        },
    )
    found = headers_of(written(stack_of(readers), tmp_path / "derived"))
    assert {ds.SpecificCharacterSet for ds in found} == {"ISO_IR 192"}
    assert [found[0].ImageComments, found[-1].ImageComments] == ["Übersicht", "Обзор"]


def test_modalities_do_not_mix(tmp_path):
    readers = write_volumes(
        tmp_path / "source",
        by_volume,
        volumes=2,
        per_volume=lambda v: {} if v else {"Modality": "CT", "SOPClassUID": CTImageStorage},
    )
    with pytest.raises(errors.HeaderError, match="their Modality is CT and MR"):
        _ = stack_of(readers) >> sw.SeriesWriter(tmp_path / "derived")


def test_each_slice_tells_what_was_done_to_its_volume(tmp_path):
    readers = write_volumes(tmp_path / "source", by_volume, volumes=2)
    stack = sw.Stack([readers[0], readers[1] >> sw.Median(radius=2)], axis="time")
    first, *_, last = headers_of(written(stack, tmp_path / "derived"))
    assert "written again" in first.DerivationDescription
    assert "Median(radius=(2, 2, 2))" in last.DerivationDescription
    assert "DerivationCodeSequence" not in first
    assert len(last.DerivationCodeSequence) == 1


def test_slices_of_a_moved_volume_alone_are_said_to_be_moved(tmp_path):
    readers = write_volumes(tmp_path / "source", by_volume, volumes=2)
    stack = sw.Stack([readers[0][:], readers[1] >> sw.Resample(like=readers[0])], axis="time")
    first, *_, last = headers_of(written(stack, tmp_path / "derived"))
    assert first.SourceImageSequence[0].SpatialLocationsPreserved == "YES"
    assert last.SourceImageSequence[0].SpatialLocationsPreserved == "NO"


def test_private_attributes_are_kept_of_volumes_with_different_histories(tmp_path):
    readers = write_volumes(tmp_path / "private", by_volume, volumes=2)
    for reader in readers:
        for path in reader.files:
            ds = pydicom.dcmread(path)
            ds.private_block(0x0099, "SOMEBODY", create=True).add_new(1, "LO", "kept")
            ds.save_as(path)
    readers = [sw.SeriesReader(reader.files) for reader in readers]
    stack = sw.Stack([readers[0][:], readers[1] >> sw.Resample(spacing=(1, 1, 2.5000001))], axis="time")
    found = headers_of(written(stack, tmp_path / "keep", private="keep"))
    assert [ds[0x0099, 0x1001].value for ds in found] == ["kept"] * 8
    found = headers_of(written(stack, tmp_path / "rules"))
    assert [(0x0099, 0x1001) in ds for ds in found] == [True] * 4 + [False] * 4


def test_reproducible_identifiers_are_the_same_in_every_run(tmp_path):
    readers = write_volumes(tmp_path / "source", by_slice)
    runs = [written(stack_of(readers), tmp_path / f"run{k}", uids="reproducible") for k in range(2)]
    turned = written(stack_of(readers[::-1]), tmp_path / "turned", uids="reproducible")
    identifiers = [[ds.SOPInstanceUID for ds in headers_of(run)] for run in (*runs, turned)]
    assert identifiers[0] == identifiers[1]
    assert not set(identifiers[0]) & set(identifiers[2])


def test_the_folder_of_any_volume_is_never_written_to(tmp_path):
    readers = write_volumes(tmp_path / "source", by_slice)
    with pytest.raises(errors.DestinationError, match="holds a file of the source"):
        _ = stack_of(readers) >> sw.SeriesWriter(tmp_path / "source", overwrite=True)
    image = stack_of(readers).update(progress=False)
    with pytest.raises(errors.DestinationError, match="holds an instance of the source"):
        _ = image >> sw.SeriesWriter(tmp_path / "source", overwrite=True)


def test_stacks_are_compared_slice_by_slice(tmp_path):
    readers = write_volumes(tmp_path / "source", by_slice)
    stack = stack_of(readers)
    same = sw.compare(stack, stack.update(progress=False))
    assert (same.matched, same.pixels.different, len(same.rows)) == (12, 0, 0)
    other = sw.compare(stack, stack + 1)
    assert other.pixels.different == other.pixels.voxels == 12 * 72
