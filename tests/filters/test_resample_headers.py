"""The headers of a resampled image say where each slice is now, and what it comes from."""

from __future__ import annotations

import numpy as np
from slabs import image

from slicewise.dicom import codes
from slicewise.filters.geometry import Resample
from slicewise.image import Image
from slicewise.pipeline.node import as_node


def test_headers_say_where_the_new_slices_are(ct: Image) -> None:
    node = ct >> Resample(spacing=(5.0, 5.5, 2.5))
    geometry, headers = node.geometry, node.headers
    assert len(headers) == geometry.slices == 19
    np.testing.assert_allclose([list(p) for p in headers["ImagePositionPatient"]], geometry.positions, atol=1e-9)
    # A slice that falls into the plane of a source slice keeps its location; all are as thick as they are apart.
    heights = (geometry.positions[:, 2] - ct.geometry.positions[0, 2]) / 4
    matched = np.abs(heights - np.rint(heights)) < 1e-3
    assert 0 < matched.sum() < 19
    assert headers["SliceThickness"] == [2.5] * 19
    np.testing.assert_allclose(headers["SliceLocation"], geometry.positions[:, 2], atol=1e-9)
    assert headers["PatientName"] == [ct.headers["PatientName"][0]] * 19
    assert all(tag.is_private is False for header in headers for tag in header.keys())  # noqa: SIM118
    (step,) = node.info.history
    assert (step.derivation, step.keeps_units) == ((codes.RESAMPLING,), True)
    assert "WindowCenter" in headers


def test_within_the_plane_every_slice_keeps_its_own_header(ct: Image) -> None:
    node = ct >> Resample(spacing=(2.0, 2.0, None))
    headers = node.headers
    assert headers["XRayTubeCurrent"] == ct.headers["XRayTubeCurrent"]
    assert headers["SliceThickness"] == ct.headers["SliceThickness"]
    assert headers["SliceLocation"] == ct.headers["SliceLocation"]
    assert [list(v) for v in headers["PixelSpacing"]] == [[2.0, 2.0]] * 12
    assert node.info.sources == ct.info.sources
    np.testing.assert_allclose([list(p) for p in headers["ImagePositionPatient"]], node.geometry.positions, atol=1e-9)


def test_new_slices_name_the_slices_between_which_they_lie(ct: Image) -> None:
    # Half the spacing: every slice falls a quarter of a slice beside a slice of the source.
    node = ct >> Resample(size=(None, None, 24))
    sources = node.info.sources
    assert sources[0] == ct.info.sources[0]
    for k in range(1, 23):
        below = (2 * k - 1) // 4
        assert sources[k] == ct.info.sources[below] + ct.info.sources[below + 1]
    currents = node.headers["XRayTubeCurrent"]
    assert currents[5] is None
    # Three times as many: every third one is a slice of the source.
    matched = ct >> Resample(size=(None, None, 36))
    assert matched.headers["XRayTubeCurrent"][1::3] == ct.headers["XRayTubeCurrent"]
    assert [matched.info.sources[k] for k in range(1, 36, 3)] == list(ct.info.sources)


def test_like_takes_headers_and_sources_from_the_image_alone(ct: Image) -> None:
    other = Image.from_array(
        ct.array, geometry=ct.geometry, headers=ct.headers.replace(PatientID="SOMEONE ELSE", KVP=[1.0] * 12)
    )
    node = ct >> Resample(like=as_node(other)[2:10, :20, :20])
    assert set(node.headers["PatientID"]) == set(ct.headers["PatientID"])
    assert node.headers["KVP"] == ct.headers["KVP"][2:10]
    assert node.info.sources == ct.info.sources[2:10]
    assert [step.name for step in node.info.history] == ["Resample"]


def test_an_oblique_slice_names_the_slices_it_runs_through(ct: Image) -> None:
    x, y, z = ct.geometry.index_to_point((35, 27, 5))
    sagittal = image(
        np.zeros((1, 4, 5), "int16"), (1, 2, 1), (x, y, z - 3), np.array([[0, 0, 1], [1, 0, 0], [0, 1, 0]])
    )
    node = ct >> Resample(like=sagittal)
    assert node.info.sources == (ct.info.sources[4] + ct.info.sources[5] + ct.info.sources[6],)
    outside = image(np.zeros((1, 4, 5), "int16"), (1, 1, 1), (x, y, z + 500), sagittal.geometry.direction)
    assert (ct >> Resample(like=outside)).info.sources == ((),)
