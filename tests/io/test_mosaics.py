"""Slices that stand as tiles in one frame are read as slices with a true header each."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.uid import RLELossless

import slicewise as sw
from siemens import csa, grid, mosaic, save
from slicewise.dicom.csa import csa_fields
from slicewise.errors import HeaderError, SlicewiseError
from slicewise.io import slabs

AXIAL = (1, 0, 0, 0, 1, 0)
TILTED = (0.8, 0.6, 0, 0, 0, -1)
SLICES = np.random.default_rng(5).integers(0, 900, (7, 5, 6)).astype(np.uint16)
NIBABEL = pytest.importorskip("nibabel")
SHIPPED = Path(NIBABEL.__file__).parent / "nicom/tests/data"


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize(("plane", "sense"), [(AXIAL, 1), (AXIAL, -1), (TILTED, 1), (TILTED, -1)])
def test_tiles_lie_where_the_first_slice_and_the_sense_of_the_normal_say(tmp_path, plane, sense, version):
    normal = sense * np.cross(plane[:3], plane[3:])
    save(mosaic(SLICES, (10, 20, 30), plane, normal=normal, version=version), tmp_path / "m.dcm")
    image = sw.SeriesReader(tmp_path).update(progress=False)
    # Slices are ordered along row x column; tile k lies k steps of 4 mm along the normal of the private header.
    order = range(7) if sense > 0 else range(6, -1, -1)
    assert np.array_equal(image.array, SLICES[list(order)])
    expected = np.array([np.array((10, 20, 30)) + k * 4.0 * normal for k in order])
    assert np.allclose(image.geometry.positions, expected, atol=1e-6)
    assert image.geometry.pixel_spacing == (2.0, 3.0)
    assert image.geometry.shape == (7, 5, 6)


def test_the_header_of_a_tile_says_what_is_true_of_the_tile(tmp_path):
    save(mosaic(SLICES, (10, 20, 30), AXIAL), tmp_path / "m.dcm")
    headers = sw.SeriesReader(tmp_path).headers
    assert headers["Rows"] == [5] * 7
    assert headers["Columns"] == [6] * 7
    assert headers["ImageType"][0] == ["ORIGINAL", "PRIMARY", "M", "ND"]
    assert [float(v) for v in headers["SliceLocation"]] == [30 + 4 * k for k in range(7)]
    assert headers["InstanceNumber"] == [1] * 7
    assert "LargestImagePixelValue" not in headers
    assert headers[3][0x0029, 0x1010].value[:4] == b"SV10"


def test_written_tiles_say_no_longer_that_they_are_a_mosaic(tmp_path):
    save(mosaic(SLICES, (10, 20, 30), AXIAL), tmp_path / "m.dcm")
    written = (sw.SeriesReader(tmp_path / "m.dcm") >> sw.SeriesWriter(tmp_path / "out")).update(progress=False)
    for k, path in enumerate(written.paths):
        tile = pydicom.dcmread(path)
        assert np.array_equal(tile.pixel_array, SLICES[k])
        assert (0x0029, 0x1010) not in tile
        assert (0x0019, 0x100A) not in tile
        assert tile[0x0029, 0x1008].value == "IMAGE NUM 4"
        source = tile.SourceImageSequence[0]
        assert source.ReferencedSOPInstanceUID == "1.2.826.0.1.3680043.10.1.9.1"
        assert "ReferencedFrameNumber" not in source
        # The pixels stand at other rows and columns than in the mosaic.
        assert source.SpatialLocationsPreserved == "NO"
    again = sw.SeriesReader(tmp_path / "out").update(progress=False)
    assert np.array_equal(again.array, SLICES)
    assert "note" not in str(written.report)


def test_mosaics_of_a_time_series_are_as_many_volumes(tmp_path):
    for number in (1, 2, 3):
        save(mosaic(SLICES + number, (10, 20, 30), AXIAL, number=number), tmp_path / f"{9 - number}.dcm")
    volumes = sw.read_volumes(tmp_path)
    assert len(volumes) == 3
    for number, volume in enumerate(volumes, 1):
        assert np.array_equal(volume.update(progress=False).array, SLICES + number)


def test_a_compressed_mosaic_is_decoded_once_for_the_slices_of_a_slab(tmp_path, monkeypatch):
    dataset = mosaic(SLICES, (10, 20, 30), AXIAL)
    dataset.compress(RLELossless)
    save(dataset, tmp_path / "m.dcm")
    read = []
    plain = slabs.read_slice
    monkeypatch.setattr(slabs, "read_slice", lambda *given: read.append(given) or plain(*given))
    reader = sw.SeriesReader(tmp_path)
    assert np.array_equal(reader.compute(range(1, 6)), SLICES[1:6])
    assert len(read) == 1


def test_rescale_holds_for_each_tile(tmp_path):
    save(mosaic(SLICES, (1, 2, 3), AXIAL, RescaleSlope="2", RescaleIntercept="-5"), tmp_path / "m.dcm")
    assert np.array_equal(sw.SeriesReader(tmp_path).update(progress=False).array, SLICES.astype(int) * 2 - 5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.remove_private_tags(), "both are missing.*private attributes were removed"),
        (lambda d: setattr(d[0x0019, 0x100A], "value", 8), "disagree: 7 and 8"),
        (lambda d: delattr(d, "SpacingBetweenSlices"), "SpacingBetweenSlices"),
        (lambda d: delattr(d, "ImageOrientationPatient"), "ImageOrientationPatient: it must be 6 numbers"),
        (lambda d: setattr(d, "ImageOrientationPatient", [0, 1, 0, 0, 0, 1]), "SliceNormalVector.*along the normal"),
        (lambda d: setattr(d, "Columns", 17), "3 x 3 places"),
        (lambda d: setattr(d[0x0029, 0x1010], "value", csa({"NumberOfImagesInMosaic": ["7"]})), "SliceNormalVector"),
        (lambda d: setattr(d[0x0029, 0x1010], "value", d[0x0029, 0x1010].value[:200]), "CSA header"),
    ],
)
def test_a_mosaic_that_does_not_say_where_its_slices_lie_is_refused(tmp_path, change, message):
    dataset = mosaic(SLICES, (10, 20, 30), AXIAL)
    change(dataset)
    save(dataset, tmp_path / "m.dcm")
    with pytest.raises(HeaderError, match=rf"(?s)m\.dcm.*{message}"):
        _ = sw.SeriesReader(tmp_path).geometry


def test_a_slice_whose_image_type_speaks_of_no_mosaic_is_one_slice(tmp_path):
    save(mosaic(SLICES, (10, 20, 30), AXIAL, ImageType=["DERIVED", "PRIMARY", "M"]), tmp_path / "m.dcm")
    assert sw.SeriesReader(tmp_path).geometry.shape == (1, 15, 18)


# --- grids of United Imaging ------------------------------------------------------------------------

PLACES = [(k, -k, 5 + 4.0 * k) for k in range(7)]


@pytest.mark.parametrize("image_type", [["ORIGINAL", "PRIMARY", "M", "VFRAME"], ["ORIGINAL", "PRIMARY", "M"]])
def test_tiles_of_a_grid_lie_where_their_items_say(tmp_path, image_type):
    save(grid(SLICES, PLACES, ImageType=image_type), tmp_path / "g.dcm")
    image = sw.SeriesReader(tmp_path).update(progress=False)
    assert np.array_equal(image.array, SLICES)
    assert np.allclose(image.geometry.positions, PLACES)
    assert image.headers["AcquisitionTime"] == [f"1200{k:02d}" for k in range(7)]
    assert image.headers["ImageType"][0] == ["ORIGINAL", "PRIMARY", "M"]
    own = [h[0x0065, 0x1051].value for h in image.headers]
    assert [len(items) for items in own] == [1] * 7
    assert [float(items[0].ImagePositionPatient[2]) for items in own] == [5 + 4 * k for k in range(7)]


def test_tiles_of_a_grid_are_written_as_images_that_are_read_as_single_slices(tmp_path):
    save(grid(SLICES, PLACES), tmp_path / "g.dcm")
    written = (sw.SeriesReader(tmp_path / "g.dcm") >> sw.SeriesWriter(tmp_path / "out")).update(progress=False)
    again = sw.SeriesReader(tmp_path / "out").update(progress=False)
    assert np.array_equal(again.array, SLICES)
    assert pydicom.dcmread(written.paths[2])[0x0065, 0x1050].value == 1


def test_a_grid_with_another_number_of_items_is_refused(tmp_path):
    save(grid(SLICES, PLACES[:6]), tmp_path / "g.dcm")
    with pytest.raises(HeaderError, match=r"g\.dcm.*7 by \(0065,xx50\) and 6 by the items"):
        _ = sw.SeriesReader(tmp_path).geometry


# --- the private header of Siemens ------------------------------------------------------------------


def nibabels(data):
    fields = pytest.importorskip("nibabel.nicom.csareader").read(data)["tags"]
    return {name: [str(item) for item in field["items"]] for name, field in fields.items()}


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", ["csa2_b0.bin", "csa2_b1000.bin", "csa2_zero_len.bin.gz"])
def test_fields_of_the_csa_header_are_those_that_nibabel_finds(name):
    path = SHIPPED / name
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    expected = nibabels(data)
    found = csa_fields(data, expected)
    assert found.keys() == expected.keys()
    for field, values in expected.items():
        shown = [value for value in values if value]
        assert [_plain(v) for v in found[field]] == [_plain(v) for v in shown], field


@pytest.mark.parametrize("version", [1, 2])
def test_both_versions_of_the_csa_header_are_read(version):
    data = csa({"A": ["1"], "Empty": [], "B": ["0.5", "-2", "33333"]}, version)
    assert csa_fields(data, ("A", "Empty", "B")) == {"A": ["1"], "Empty": [], "B": ["0.5", "-2", "33333"]}


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_the_csa_header_that_these_tests_write_is_one_for_nibabel():
    assert nibabels(csa({"A": ["1"], "B": ["0.5", "-2"]}))["B"][:2] == ["0.5", "-2.0"]


def _plain(text):
    return float(text) if re.fullmatch(r"[+-]?[\d.]+(e[+-]?\d+)?", text) else text.strip()


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300), st.integers(0, 700), st.integers(0, 255))
def test_a_broken_csa_header_is_an_error_of_the_package_or_read(tail, at, byte):
    whole = bytearray(csa({"A": ["1"], "B": ["0.5", "-2", "33333"]}))
    whole[at % len(whole)] = byte
    for data in (bytes(whole), bytes(whole[:at]), tail, whole[:8] + tail):
        try:
            csa_fields(bytes(data), ("A", "B"))
        except SlicewiseError:
            continue
