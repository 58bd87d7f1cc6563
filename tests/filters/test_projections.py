"""Projections: numpy makes the same of each slab, and slices say where they lie, how thick they are and of what."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slabs import image, in_slabs, random_array

import slicewise as sw
from slicewise.errors import GeometryError, GraphError, ParameterError
from witnesses import affine_of, datasets, findings_of_dciodvfy, sitk_affine, sitk_image

NUMPY = {"maximum": np.max, "minimum": np.min, "mean": np.mean, "sum": np.sum, "std": np.std}


@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32"])
@pytest.mark.parametrize("how", NUMPY)
@given(slices=st.integers(1, 9), step=st.integers(1, 4), cuts=st.sets(st.integers(1, 8)))
@settings(max_examples=12, deadline=None)
def test_slabs_are_what_numpy_makes_of_them(how, dtype, slices, step, cuts):
    array = random_array((9, 4, 5), dtype)
    node = sw.as_node(image(array)) >> sw.Project(how, slices=slices, step=step)
    wide = array.astype(np.int64 if np.dtype(dtype).kind in "iu" and how == "sum" else np.float64)
    starts = range(0, 9 - slices + 1, step)
    wanted = [NUMPY[how](wide[k : k + slices], axis=0) for k in starts]
    np.testing.assert_allclose(in_slabs(node, sorted(cuts)), wanted, rtol=1e-5, atol=1e-3)
    positions = [(k + (slices - 1) / 2) * 2.5 for k in starts]
    np.testing.assert_allclose(node.geometry.positions[:, 2], positions)


@pytest.mark.parametrize("how", NUMPY)
def test_volumes_of_a_stack_become_one(how):
    arrays = [random_array((4, 5, 6), "int16", seed=k) for k in range(5)]
    stack = sw.Stack([image(a) for a in arrays], axis="time", coordinates=list(range(5)), unit="s")
    node = stack >> sw.Project(how, axis="time")
    wanted = NUMPY[how](np.stack(arrays).astype(np.int64 if how == "sum" else np.float64), axis=0)
    np.testing.assert_allclose(in_slabs(node, (1, 3)), wanted, rtol=1e-6)
    assert node.geometry == stack.volumes[0].geometry
    each = stack >> sw.Project("maximum", slices=2)
    assert len(each.volumes) == 5
    assert each.volumes[0].geometry.slices == 2


def test_what_cannot_be_projected_is_refused(data):
    node = sw.as_node(image(random_array((4, 5, 6), "int16")))
    with pytest.raises(ParameterError, match="'slices' must be 4 at most"):
        _ = (node >> sw.Project("mean", slices=5)).info
    with pytest.raises(ParameterError, match="'how' must be one of"):
        sw.Project("median")
    with pytest.raises(GraphError, match="no axis but the slices"):
        _ = node >> sw.Project("mean", axis="time")
    stack = sw.Stack([node, node], axis="time")
    with pytest.raises(GraphError, match="the axis 'time'"):
        _ = stack >> sw.Project("mean", axis="EchoTime")
    with pytest.raises(ParameterError, match="along the slices"):
        sw.Project("mean", axis="time", slices=2)
    tilted = sw.discover(data("ct-ge-tilt"), progress=False).series[0].volumes[0].reader(on_gap="keep")
    with pytest.raises(GeometryError, match="gantry tilt"):
        _ = (tilted >> sw.Project("maximum", slices=3)).info


@pytest.mark.data
@pytest.mark.parametrize("case", ["ct-ge-liver-41", "mr-canon-adc-36", "pet-ge-wholebody-267"])
def test_headers_of_projected_series_are_true(case, data, tmp_path):
    volume = sw.discover(data(case), progress=False).series[0].volumes[0]
    source = volume.reader()[:12]
    before = sorted(datasets(volume.paths), key=lambda ds: float(ds.ImagePositionPatient[2]))[:12]
    written = (source >> sw.Project("maximum", slices=4, step=4) >> sw.SeriesWriter(tmp_path / "o")).update(
        progress=False
    )
    found = datasets(written.paths)
    assert len(found) == 3
    spacing = abs(float(before[1].ImagePositionPatient[2]) - float(before[0].ImagePositionPatient[2]))
    thickness = float(before[0].SliceThickness)
    for k, one in enumerate(found):
        of = before[4 * k : 4 * k + 4]
        referred = {item.ReferencedSOPInstanceUID for item in one.SourceImageSequence}
        assert referred == {ds.SOPInstanceUID for ds in of}
        middle = np.mean([[float(v) for v in of[i].ImagePositionPatient] for i in (0, -1)], axis=0)
        np.testing.assert_allclose([float(v) for v in one.ImagePositionPatient], middle, atol=1e-4)
        assert float(one.SliceThickness) == pytest.approx(3 * spacing + thickness, abs=0.01)
        assert one.DerivationCodeSequence[-1].CodeValue == "113078"
        assert one.ImageType[0] == "DERIVED"
        assert one.ImageType[1] == ("PRIMARY" if one.Modality == "PT" else "SECONDARY")
        if one.Modality == "MR":
            assert one.ImageType[2] == "PROJECTION IMAGE"
        # What differs between the slices is true of none of them together.
        for keyword in ("XRayTubeCurrent", "Exposure", "ImagesInAcquisition", "SliceLocation"):
            if keyword in one and one[keyword].value not in (None, "") and keyword != "SliceLocation":
                assert len({str(ds[keyword].value) for ds in of}) == 1
    np.testing.assert_allclose(affine_of(found), sitk_affine(sitk_image(tmp_path / "o")), atol=1e-3)
    assert findings_of_dciodvfy(written.paths[0]) <= findings_of_dciodvfy(volume.paths[0])
