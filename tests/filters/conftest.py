"""A CT series in memory, read by pydicom alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pydicom
import pytest

from slicewise.image import Geometry, Headers, Image

if TYPE_CHECKING:
    from conftest import Phantom


@pytest.fixture(scope="session")
def ct(phantom_ct: Phantom) -> Image:
    """Give a small CT: 12 slices of 56 rows and 72 columns, 5.0 x 5.5 x 4.0 mm, with full headers."""
    files = [pydicom.dcmread(path) for path in phantom_ct.paths]
    array = np.stack([f.pixel_array.astype(np.int16) + int(f.RescaleIntercept) for f in files]).astype(np.int16)
    geometry = Geometry(
        rows=array.shape[1],
        columns=array.shape[2],
        row_direction=files[0].ImageOrientationPatient[:3],
        column_direction=files[0].ImageOrientationPatient[3:],
        pixel_spacing=files[0].PixelSpacing,
        positions=[f.ImagePositionPatient for f in files],
    )
    return Image.from_array(array, geometry=geometry, headers=Headers.from_datasets(files))
