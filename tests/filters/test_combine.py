"""Images masked, chosen, blended and joined: numpy says the same, and headers name every source."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slabs import image, in_slabs, random_array

import slicewise as sw
from slicewise.errors import GraphError, ParameterError, PatientMismatchError, SpaceMismatchError
from witnesses import findings_of_dciodvfy

A = random_array((7, 5, 6), "int16", seed=1)
B = random_array((7, 5, 6), "int16", seed=2)
M = random_array((7, 5, 6), "bool", seed=3)


def nodes():
    a, b, m = (sw.as_node(image(array)) for array in (A, B, M))
    return {
        "mask": (a >> sw.Mask(m, outside=-7), np.where(M, A, -7)),
        "where": (sw.where(m, a, b), np.where(M, A, B)),
        "where number": (sw.where(m, a, 0), np.where(M, A, 0)),
        "where wide number": (sw.where(m, 100000, a), np.where(M, 100000, A.astype(np.int64))),
        "blend": (a >> sw.Blend(b, weight=0.25), (0.75 * A + 0.25 * B).astype(np.float32)),
        "join": (sw.Join([a, b, a]), np.stack([A, B, A], axis=-1)),
    }


@pytest.mark.parametrize("name", nodes())
@given(cuts=st.sets(st.integers(1, 6)))
@settings(max_examples=15, deadline=None)
def test_values_are_those_of_numpy_in_any_slabs(name, cuts):
    node, wanted = nodes()[name]
    np.testing.assert_allclose(in_slabs(node, sorted(cuts)), wanted, rtol=1e-6)


def test_a_number_beyond_the_type_widens_it():
    node, wanted = nodes()["where wide number"]
    assert node.dtype == np.int32
    assert wanted.max() == 100000


def test_components_of_vectors_are_masked_together():
    colour = random_array((3, 4, 5, 3), "uint8")
    mask = random_array((3, 4, 5), "bool", seed=9)
    masked = (sw.as_node(image(colour)) >> sw.Mask(image(mask))).update(progress=False).array
    np.testing.assert_array_equal(masked, np.where(mask[..., None], colour, 0))
    chosen = sw.where(image(mask), image(colour), 255).update(progress=False).array
    np.testing.assert_array_equal(chosen, np.where(mask[..., None], colour, 255))


def test_what_does_not_go_together_is_refused():
    a = sw.as_node(image(A))
    shifted = image(B, origin=(0, 0, 1.0))
    for make in (
        lambda: a >> sw.Mask(shifted),
        lambda: sw.where(shifted, a, 0),
        lambda: a >> sw.Blend(shifted),
        lambda: sw.Join([a, shifted]),
    ):
        with pytest.raises(SpaceMismatchError, match="do not lie on the same grid"):
            _ = make().info
    with pytest.raises(ParameterError, match="'outside' must be a value of int16"):
        _ = (a >> sw.Mask(image(M), outside=40000)).info
    with pytest.raises(GraphError, match="two numbers"):
        sw.where(image(M), 1, 2)
    with pytest.raises(ParameterError, match="'weight' must be from 0 to 1"):
        sw.Blend(image(B), weight=1.5)
    with pytest.raises(ParameterError, match="two at least"):
        sw.Join([a])
    with pytest.raises(GraphError, match="one value per pixel"):
        _ = (a >> sw.Mask(image(np.stack([A, B], -1)))).info


def test_patients_are_mixed_only_if_they_may_be(phantom_ct):
    reader = sw.SeriesReader(phantom_ct.folder)
    seen = reader.update(progress=False)
    other = sw.Image.from_array(
        seen.array, geometry=seen.geometry, headers=seen.headers.replace(PatientID="somebody else")
    )
    for make in (
        lambda **o: reader >> sw.Mask(other, **o),
        lambda **o: sw.where(reader, reader, other, **o),
        lambda **o: reader >> sw.Blend(other, **o),
        lambda **o: sw.Join([reader, other], **o),
    ):
        with pytest.raises(PatientMismatchError, match="somebody else"):
            _ = make().info
        assert set(make(allow_mixed_patients=True).headers["PatientID"]) == set(seen.headers["PatientID"])


def test_a_mask_is_named_as_a_mask_among_the_sources(phantom_ct, tmp_path):
    reader = sw.SeriesReader(phantom_ct.folder)
    datasets = [pydicom.dcmread(path) for path in phantom_ct.paths]
    (tmp_path / "mask").mkdir()
    for k, dataset in enumerate(datasets):
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = f"1.2.3.{k}"
        dataset.SeriesInstanceUID = "1.2.3"
        dataset.save_as(tmp_path / "mask" / f"{k}.dcm")
    mask = sw.SeriesReader(tmp_path / "mask") > 0
    written = (reader >> sw.Mask(mask, outside=-1000) >> sw.SeriesWriter(tmp_path / "out")).update(progress=False)
    found = pydicom.dcmread(written.paths[0])
    purposes = {
        item.ReferencedSOPInstanceUID: item.PurposeOfReferenceCodeSequence[0].CodeValue
        for item in found.SourceImageSequence
    }
    assert len(purposes) == 2
    for uid, purpose in purposes.items():
        assert purpose == ("121321" if uid.startswith("1.2.3.") else "121322")
    assert [item.CodeValue for item in found.DerivationCodeSequence][-1] == "113047"
    assert findings_of_dciodvfy(written.paths[0]) <= findings_of_dciodvfy(phantom_ct.paths[0])


def test_colours_of_three_images_become_a_secondary_capture(phantom_ct, tmp_path):
    grey = sw.SeriesReader(phantom_ct.folder) >> sw.Window(40, 400, output=(0, 255)) >> sw.Cast("uint8")
    written = (sw.Join([grey, grey, grey]) >> sw.SeriesWriter(tmp_path / "out")).update(progress=False)
    found = pydicom.dcmread(written.paths[0])
    assert found.SOPClassUID == "1.2.840.10008.5.1.4.1.1.7"
    np.testing.assert_array_equal(found.pixel_array[..., 0], found.pixel_array[..., 2])
    assert any("written as SecondaryCapture" in warning for warning in written.report.warnings)
