"""SelectSlices, Concatenate and FillMissing: slices chosen, put together, and made."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slabs import image, in_slabs, random_array

from slicewise.errors import (
    GraphError,
    IrregularGeometryError,
    ParameterError,
    PatientMismatchError,
    SpaceMismatchError,
)
from slicewise.filters.concatenate import Concatenate
from slicewise.filters.missing import FillMissing
from slicewise.filters.orientation import Flip
from slicewise.filters.slices import SelectSlices
from slicewise.image import Image
from slicewise.io.series_reader import SeriesReader
from slicewise.io.series_writer import SeriesWriter
from slicewise.pipeline.node import as_node


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda: SelectSlices([0, 3, -1]), [0, 3, 11]),
        (lambda: SelectSlices(-2), [10]),
        (lambda: SelectSlices(range(2, 9, 3)), [2, 5, 8]),
        (lambda: SelectSlices(slice(4, None)), list(range(4, 12))),
        (lambda: SelectSlices(every=5), [0, 5, 10]),
        (lambda: SelectSlices(slice(1, None), every=4), [1, 5, 9]),
        (lambda: SelectSlices(where=lambda h: h.ImagePositionPatient[2] > h.SliceThickness), "high"),
        (lambda: SelectSlices([8, 5, 4, 1], where=lambda h: h.InstanceNumber % 2), "odd"),
    ],
)
def test_slices_are_chosen_with_their_headers(ct: Image, make: Any, expected: Any) -> None:
    if expected == "high":
        expected = [k for k in range(12) if ct.geometry.positions[k, 2] > 4]
        assert 0 < len(expected) < 12
    if expected == "odd":
        expected = [k for k in (1, 4, 5, 8) if ct.headers["InstanceNumber"][k] % 2]
        assert len(expected) == 2
    node = ct >> make()
    np.testing.assert_array_equal(in_slabs(node), ct.array[expected])
    np.testing.assert_array_equal(in_slabs(node, range(20)), ct.array[expected])
    np.testing.assert_array_equal(node.geometry.positions, ct.geometry.positions[expected])
    assert node.headers["XRayTubeCurrent"] == [ct.headers["XRayTubeCurrent"][k] for k in expected]
    assert node.info.sources == tuple(ct.info.sources[k] for k in expected)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (SelectSlices, "must be given"),
        (lambda: SelectSlices([0, 12]), "slice 12 is out of range"),
        (lambda: SelectSlices([1, -11]), "given twice"),
        (lambda: SelectSlices(where=lambda _: False), "no slice of 12 is left"),
        (lambda: SelectSlices("all"), "'indices' must be"),
        (lambda: SelectSlices([]), "'indices' must be"),
        (lambda: SelectSlices([True]), "'indices' must be"),
        (lambda: SelectSlices(every=0), "'every' must be"),
    ],
)
def test_a_choice_of_nothing_is_refused(ct: Image, make: Any, says: str) -> None:
    with pytest.raises(ParameterError, match=says):
        ct >> make()


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_parts_put_together_are_the_whole(data: st.DataObject) -> None:
    slices = data.draw(st.integers(1, 9))
    source = as_node(image(random_array((slices, 3, 4), "int16"), (1, 1, 2)))
    whole = source.image
    ends = sorted({0, slices, *data.draw(st.lists(st.integers(1, slices), max_size=3))})
    parts = [Image.from_array(whole.array[a:b], geometry=whole.geometry.take(range(a, b))) for a, b in pairwise(ends)]
    node = Concatenate([parts[k] for k in data.draw(st.permutations(range(len(parts))))])
    assert node.geometry == source.geometry
    np.testing.assert_array_equal(in_slabs(node), source.image.array)
    cuts = data.draw(st.lists(st.integers(1, slices), max_size=4))
    np.testing.assert_array_equal(in_slabs(node, cuts), source.image.array)


def test_each_slice_keeps_its_header_and_of_the_study_there_is_one(ct: Image) -> None:
    other = Image.from_array(
        ct.array, geometry=ct.geometry, headers=ct.headers.replace(StudyInstanceUID="1.2.3", KVP=99.0)
    )
    node = Concatenate([as_node(ct)[6:], as_node(other)[:6]])
    assert node.headers["KVP"] == [99.0] * 6 + [ct.headers["KVP"][0]] * 6
    assert set(node.headers["StudyInstanceUID"]) == {ct.headers["StudyInstanceUID"][0]}
    assert node.headers["XRayTubeCurrent"] == ct.headers["XRayTubeCurrent"]
    assert node.info.sources == other.info.sources[:6] + ct.info.sources[6:]
    assert node.info.history[-1].derivation[0].value == "113090"


def test_what_is_no_one_stack_is_not_put_together(ct: Image) -> None:
    whole = as_node(ct)
    somebody = Image.from_array(ct.array, geometry=ct.geometry, headers=ct.headers.replace(PatientID="B"))
    framed = Image.from_array(ct.array, geometry=ct.geometry, headers=ct.headers.replace(FrameOfReferenceUID="1.2"))
    for parts, error, says in (
        ([whole[:5], whole[4:]], SpaceMismatchError, "two parts overlap"),
        ([whole[:5], whole[5:, 1:]], SpaceMismatchError, "sizes"),
        ([whole[:5, :-1], whole[5:, 1:]], SpaceMismatchError, "places in the plane"),
        ([whole[:5], whole[5:] >> Flip("x")], SpaceMismatchError, "orientations"),
        ([whole[:5], whole[5:] >> Flip("z")], SpaceMismatchError, "against its normal"),
        ([whole[:5], as_node(somebody)[5:]], PatientMismatchError, "different patients"),
        ([whole[:5], as_node(framed)[5:]], SpaceMismatchError, "frames of reference"),
        ([whole[:5], whole[5:] > 3], GraphError, "Cast one"),
        ([], ParameterError, "at least one"),
    ):
        with pytest.raises(error, match=says):
            Concatenate(parts)


@pytest.mark.parametrize("dtype", ["int16", "float32", "uint8"])
@pytest.mark.parametrize("method", ["linear", "nearest", "constant"])
def test_missing_slices_are_made_and_the_others_stay(method: str, dtype: str) -> None:
    source = image(random_array((9, 4, 5), dtype), (1, 1, 2.5))
    kept = [0, 1, 2, 5, 6, 8]
    node = source >> SelectSlices(kept) >> FillMissing(method)
    np.testing.assert_allclose(node.geometry.positions, source.geometry.positions, atol=1e-9)
    alone = Image.from_array(source.array[kept], geometry=source.geometry.take(kept)) >> FillMissing(method)
    result = in_slabs(alone)
    np.testing.assert_array_equal(result[kept], source.array[kept])
    values = source.array.astype(float)
    expected = {
        "linear": [values[2] + (values[5] - values[2]) / 3, values[2] + (values[5] - values[2]) * 2 / 3,
                   (values[6] + values[8]) / 2],
        "nearest": [values[2], values[5], values[6]],
        "constant": [0 * values[0]] * 3,
    }[method]  # fmt: skip
    limit = 0.51 if dtype != "float32" else 1e-2
    np.testing.assert_allclose(result[[3, 4, 7]].astype(float), expected, atol=limit)
    np.testing.assert_array_equal(in_slabs(alone, range(9)), result)


def test_made_slices_are_marked_in_what_is_written(ct: Image, tmp_path: Any) -> None:
    node = ct >> SelectSlices([k for k in range(12) if k not in (4, 5)]) >> FillMissing()
    assert "made slices: 4, 5" in node.info.history[-1].parameters
    written = (node >> SeriesWriter(tmp_path / "filled")).update(progress=False)
    files = [pydicom.dcmread(path) for path in written.paths]
    for k, file in enumerate(files):
        np.testing.assert_allclose(file.ImagePositionPatient, ct.geometry.positions[k], atol=1e-6)
        assert file.SliceThickness == files[0].SliceThickness
        made = k in (4, 5)
        assert ("INTERPOLATED" in file.ImageType) == made
        assert str(file.get("ImageComments", "")).startswith("Not acquired") == made
        names = [item.ReferencedSOPInstanceUID for item in file.SourceImageSequence]
        expected = [3, 6] if made else [k]
        assert names == [ct.info.sources[i][0].sop_instance_uid for i in expected]
        assert ("XRayTubeCurrent" in file) == (not made)
    assert SeriesReader(tmp_path / "filled").geometry.is_regular


def test_without_gaps_nothing_is_made_and_what_fits_no_spacing_is_refused() -> None:
    source = image(random_array((4, 3, 3), "int16"), (1, 1, 2))
    np.testing.assert_array_equal(in_slabs(source >> FillMissing()), source.array)
    odd = as_node(image(random_array((8, 3, 3), "int16"), (1, 1, 1))) >> SelectSlices([0, 2, 4, 7])
    with pytest.raises(IrregularGeometryError, match="no multiple of the spacing"):
        odd >> FillMissing()
    assert (odd >> FillMissing(spacing=1.0)).geometry.slices == 8
    with pytest.raises(ParameterError, match="'value' is for"):
        FillMissing("linear", 3)
