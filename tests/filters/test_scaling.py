"""Values on another scale, as numpy and SimpleITK compute them; and what headers say of units then."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from slabs import image, in_slabs, random_array

import slicewise as sw
from slicewise.errors import ComputeError, ParameterError

ARRAY = random_array((5, 6, 7), "int16")


def result(node):
    return (sw.as_node(image(ARRAY)) >> node).update(progress=False).array


def test_rescale_is_that_of_simpleitk():
    wanted = sitk.GetArrayFromImage(sitk.RescaleIntensity(sitk.GetImageFromArray(ARRAY.astype(np.float64)), 0, 100))
    np.testing.assert_allclose(result(sw.Rescale((0, 100))), wanted, rtol=1e-5, atol=1e-3)
    streamed = sw.as_node(image(ARRAY)) >> sw.Rescale((-1, 1), input_range=(-100, 300))
    assert not streamed.whole
    np.testing.assert_allclose(in_slabs(streamed, (1, 2)), (ARRAY + 100.0) / 200 - 1, rtol=1e-5, atol=1e-4)


def test_normalised_values_have_mean_0_and_deviation_1():
    found = result(sw.Normalize()).astype(np.float64)
    assert found.mean() == pytest.approx(0, abs=1e-6)
    assert found.std() == pytest.approx(1, abs=1e-6)
    wanted = sitk.GetArrayFromImage(sitk.Normalize(sitk.GetImageFromArray(ARRAY.astype(np.float64))))
    # ITK divides by one less than their number.
    np.testing.assert_allclose(found, wanted * np.sqrt(ARRAY.size / (ARRAY.size - 1)), rtol=1e-5, atol=1e-6)


def test_what_is_outside_a_table_becomes_its_ends():
    found = result(sw.LookupTable(np.arange(10, dtype=np.uint8) * 2, first=-5))
    np.testing.assert_array_equal(found, np.clip(ARRAY.astype(int) + 5, 0, 9) * 2)
    assert found.dtype == np.uint8


def test_wrong_parameters_and_values_say_why():
    flat = sw.as_node(image(np.full((2, 3, 4), 7, np.int16)))
    with pytest.raises(ComputeError, match="all values are 7"):
        (flat >> sw.Rescale()).update(progress=False)
    with pytest.raises(ComputeError, match="must be positive"):
        (flat >> sw.Normalize()).update(progress=False)
    with pytest.raises(ParameterError, match="'output' must be values of the type uint8"):
        sw.Rescale((0, 256), dtype="uint8")
    with pytest.raises(ComputeError, match="Clip first"):
        result(sw.Rescale((0, 255), input_range=(0, 10), dtype="uint8"))
    with pytest.raises(ParameterError, match="'table' must be"):
        sw.LookupTable([[1, 2]])
    with pytest.raises(ParameterError, match="looked up by integers"):
        _ = (flat >> sw.Cast("float32") >> sw.LookupTable([1, 2])).info


@pytest.mark.parametrize("node", [sw.Rescale((0, 1000)), sw.Normalize(), sw.LookupTable([5, 6, 7])])
def test_units_are_gone(node, phantom_ct, tmp_path):
    written = (sw.SeriesReader(phantom_ct.folder) >> node >> sw.SeriesWriter(tmp_path / "out")).update(progress=False)
    assert pydicom.dcmread(written.paths[0]).RescaleType == "US"


def test_a_reduction_to_8_bits_is_marked_as_a_loss_and_stays_so(phantom_ct, tmp_path):
    reader = sw.SeriesReader(phantom_ct.folder)
    for node, lossy in (
        (reader >> sw.Window(40, 400), "01"),
        (reader >> sw.Window(40, 400) >> sw.Gaussian(sigma=1.0), "01"),
        (reader >> sw.Window(40, 400, dtype="uint16"), None),
        (reader >> sw.Median(1), None),
    ):
        folder = tmp_path / str(abs(hash(node.key)))
        written = (node >> sw.SeriesWriter(folder)).update(progress=False)
        before = pydicom.dcmread(phantom_ct.paths[0]).get("LossyImageCompression")
        assert pydicom.dcmread(written.paths[0]).get("LossyImageCompression") == (lossy or before)
