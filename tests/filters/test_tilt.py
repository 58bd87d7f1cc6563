"""RectifyTilt against SimpleITK with a shear transform, and back."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from resampling import rotation
from slabs import image, in_slabs, random_array

from slicewise.errors import IrregularGeometryError, ParameterError
from slicewise.filters.planes import Isotropic
from slicewise.filters.tilt import RectifyTilt
from slicewise.image import Geometry, Image


def sheared(tilt: float, sideways: float = 0.0, direction: Any = None, dtype: str = "float32") -> Image:
    """Return a stack whose slices are shifted downwards, and to the side."""
    axes = np.eye(3) if direction is None else direction
    spacing, step = (0.9, 1.1, 2.0), np.tan(np.radians([sideways, tilt]))
    along = 2.0 * (axes[:, 2] + step[1] * axes[:, 1] + step[0] * axes[:, 0])
    positions = [[3.0, 4.0, 5.0] + k * along for k in range(7)]
    box = Geometry.from_box((9, 14, 7), spacing, (3, 4, 5), axes)
    array = random_array((7, 14, 9), dtype)
    return Image.from_array(array, geometry=attrs.evolve(box, positions=positions))


def by_sitk(source: Image, tilt: float, grid: Geometry, sideways: float = 0.0, fill: float = 0.0) -> np.ndarray:
    """Return SimpleITK's values: the stack as if it were a box, sampled through a shear."""
    axes = np.column_stack([source.geometry.row_direction, source.geometry.column_direction, source.geometry.normal])
    origin = source.geometry.positions[0]
    box = sitk.GetImageFromArray(source.array)
    box.SetSpacing((0.9, 1.1, 2.0))
    box.SetOrigin(origin.tolist())
    box.SetDirection(axes.ravel().tolist())
    # Where a point of the patient lies in the box as which the file is stored: back along the rows by its height.
    shear = np.eye(3)
    shear[1, 2], shear[0, 2] = -np.tan(np.radians(tilt)), -np.tan(np.radians(sideways))
    matrix = axes @ shear @ axes.T
    transform = sitk.AffineTransform(matrix.ravel().tolist(), (origin - matrix @ origin).tolist())
    resampled = sitk.Resample(
        box, grid.size, transform, sitk.sitkLinear, grid.origin, grid.spacing, grid.direction.ravel().tolist(), fill
    )
    return sitk.GetArrayFromImage(resampled)


@pytest.mark.parametrize("sideways", [0.0, -6.0])
@pytest.mark.parametrize("direction", [None, rotation(20, 0)], ids=["straight", "oblique"])
@pytest.mark.parametrize("tilt", [18.0, -11.0])
def test_a_tilted_stack_becomes_the_box_that_a_shear_in_simpleitk_makes(tilt, direction, sideways) -> None:
    source = sheared(tilt, sideways, direction)
    assert source.geometry.is_sheared
    with pytest.raises(IrregularGeometryError, match=r"RectifyTilt\(\)"):
        _ = source >> Isotropic()
    node = source >> RectifyTilt(fill=-9)
    assert node.geometry.is_regular
    assert not node.whole
    expected = by_sitk(source, tilt, node.geometry, sideways, -9)
    result = in_slabs(node)
    # Of a sample on the very rim rounding decides on which side it is.
    differs = np.abs(result - expected) > 1e-2
    assert differs.mean() < 0.01
    assert (expected != -9).mean() > 0.4


@given(tilt=st.floats(-40, 40), data=st.data())
@settings(max_examples=40, deadline=None)
def test_there_and_back_keeps_the_grid_and_what_is_smooth(tilt: float, data: st.DataObject) -> None:
    z, y, x = np.meshgrid(np.arange(5), np.arange(12), np.arange(6), indexing="ij")
    source = image((3.0 * x + 2.0 * y + 10 * z).astype("float32"), (1, 1, 2))
    there = source >> RectifyTilt(tilt=tilt)
    assert there.geometry.tilt == pytest.approx(abs(tilt), abs=1e-6)
    tilted = Image.from_array(in_slabs(there), geometry=there.geometry)
    back = tilted >> RectifyTilt()
    assert back.geometry.is_regular
    low = np.rint((source.geometry.positions[0] - back.geometry.positions[0])[1]).astype(int)
    result = in_slabs(back)[:, low : low + 12]
    np.testing.assert_allclose(result[:, 2:-2], source.array[:, 2:-2], atol=1e-3)
    cuts = data.draw(st.lists(st.integers(1, 5), max_size=4))
    np.testing.assert_array_equal(in_slabs(there, cuts), in_slabs(there))


def test_a_positive_tilt_shifts_later_slices_down_and_nothing_is_lost() -> None:
    source = image(random_array((4, 6, 5), "int16"), (1, 1, 2))
    node = source >> RectifyTilt(tilt=np.degrees(np.arctan(0.5)).item())  # one row for each slice
    steps = np.diff(node.geometry.positions, axis=0)
    np.testing.assert_allclose(steps, [[0, 1, 2]] * 3)
    assert node.geometry.rows == 9
    result = in_slabs(node)
    for k in range(4):
        np.testing.assert_array_equal(result[k, 3 - k : 9 - k], source.array[k])
    assert (in_slabs(source >> RectifyTilt()) == source.array).all()


def test_slices_keep_their_headers_and_the_tilt_is_no_longer_stated(ct: Image) -> None:
    stated = Image.from_array(ct.array, geometry=ct.geometry, headers=ct.headers.replace(GantryDetectorTilt=15.0))
    node = stated >> RectifyTilt(tilt=15)
    assert "GantryDetectorTilt" not in node.headers
    assert node.headers["XRayTubeCurrent"] == ct.headers["XRayTubeCurrent"]
    assert node.headers["SliceThickness"] == ct.headers["SliceThickness"]
    np.testing.assert_allclose([list(p) for p in node.headers["ImagePositionPatient"]], node.geometry.positions)
    assert node.info.sources == stated.info.sources


def test_what_is_no_tilt_is_refused() -> None:
    for value in (80, -90, "much", True, None):
        with pytest.raises(ParameterError, match="'tilt' must be"):
            RectifyTilt(tilt=value)
