"""What others read of a segmentation, put on the grid of its source."""

from __future__ import annotations

import subprocess
import warnings
from pathlib import Path

import highdicom as hd
import numpy as np
import SimpleITK as sitk

from witnesses import affine_of, datasets, tool


def source_grid(paths):
    """Return shape (slices, rows, columns) and matrix from (column, row, slice) to LPS of a series, by pydicom."""
    slices = datasets(paths, pixels=False)
    return (len(slices), slices[0].Rows, slices[0].Columns), affine_of(slices)


def placed(array, indices_to_points, shape, affine):
    """Return an array whose values lie where their points in the patient are on another grid, of the same spacing."""
    out = np.zeros((*shape, *array.shape[3:]), array.dtype)
    index = np.argwhere(array.reshape(*array.shape[:3], -1).any(axis=3))
    points = indices_to_points(index)
    there = (np.linalg.inv(affine) @ np.c_[points, np.ones(len(points))].T).T[:, :3]
    nearest = np.rint(there).astype(int)
    assert np.abs(there - nearest).max() < 1e-3
    out[tuple(nearest[:, ::-1].T)] = array[tuple(index.T)]
    return out


def by_highdicom(path, paths, **options):
    """Return what highdicom reads: segment numbers, or one channel for each segment."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        volume = hd.seg.segread(path).get_volume(**options)
    shape, affine = source_grid(paths)
    return placed(
        volume.array,
        lambda index: (volume.affine @ np.c_[index, np.ones(len(index))].T).T[:, :3],
        shape,
        affine,
    )


def by_dcmqi(path, paths, folder: Path):
    """Return the files that dcmqi makes of a segmentation, each on the grid of the source."""
    folder.mkdir()
    command = [tool("segimage2itkimage"), "--inputDICOM", path, "--outputDirectory", folder, "--outputType", "nrrd"]
    subprocess.run(command, check=True, capture_output=True)
    shape, affine = source_grid(paths)
    found = []
    for file in sorted(folder.glob("*.nrrd")):
        image = sitk.ReadImage(str(file))
        matrix = np.array(image.GetDirection()).reshape(3, 3) * image.GetSpacing()
        origin = np.array(image.GetOrigin())
        array = sitk.GetArrayFromImage(image)
        found.append(placed(array, lambda i, m=matrix, o=origin: i[:, ::-1] @ m.T + o, shape, affine))
    return found
