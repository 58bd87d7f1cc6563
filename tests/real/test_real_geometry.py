"""Changes of the grid on real CT, MR and PET: what is written stands where SimpleITK and dcm2niix read it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

import slicewise as sw
from slicewise.pipeline.node import Node
from witnesses import (
    affine_of,
    by_dcm2niix,
    by_pydicom,
    by_sitk,
    datasets,
    dicom_files,
    modality_values,
    on_grid_of,
    position,
    sitk_image,
)

pytestmark = pytest.mark.data

SERIES = {
    "ct": ("ct-ge-liver-41/CRLM-CT-1004/image", 12),
    "mr": ("multimodal-sts-001/STS_001/MR_T1/dicom/image", 10),
    "pet": ("pet-ge-wholebody-267/STS_001/FDG_PET/image", 14),
}


def lowest(folder: Path, count: int) -> list[Path]:
    """Return the files of the lowest slices, as pydicom orders them."""
    return [Path(ds.filename) for ds in datasets(dicom_files(folder), pixels=False)[:count]]


def written(node: Node, folder: Path) -> list[Path]:
    return list((node >> sw.SeriesWriter(folder)).update(progress=False).paths)


def same_grid(image: sitk.Image, expected: sitk.Image) -> None:
    assert image.GetSize() == expected.GetSize()
    spacing = min(expected.GetSpacing())
    for index in ((0, 0, 0), tuple(n - 1 for n in expected.GetSize()), (expected.GetSize()[0] - 1, 0, 0)):
        there, here = expected.TransformIndexToPhysicalPoint(index), image.TransformIndexToPhysicalPoint(index)
        np.testing.assert_allclose(here, there, atol=0.02 * spacing)


LATTICE: dict[str, tuple[Callable[[], Node], Callable[[sitk.Image], sitk.Image]]] = {
    "flip": (lambda: sw.Flip("x"), lambda image: sitk.Flip(image, [True, False, False])),
    "coronal": (lambda: sw.Reorient("coronal"), lambda image: sitk.DICOMOrient(image, "LIP")),
    "sagittal": (lambda: sw.Reorient("sagittal"), lambda image: sitk.DICOMOrient(image, "PIR")),
    "transpose": (lambda: sw.Permute("yxz") >> sw.Flip("z"), lambda image: sitk.PermuteAxes(image, [1, 0, 2])),
    "pad": (lambda: sw.Pad((2, 1, 1), (0, 3, 2), value=0), lambda i: sitk.ConstantPad(i, (2, 1, 1), (0, 3, 2), 0)),
}


@pytest.mark.parametrize("way", LATTICE)
@pytest.mark.parametrize("name", SERIES)
def test_what_is_turned_and_padded_is_as_simpleitk_makes_it_of_its_own_reading(name, way, data, tmp_path) -> None:
    files = lowest(data(SERIES[name][0]), SERIES[name][1])
    make, by_itk = LATTICE[way]
    node = sw.SeriesReader(files) >> make()
    paths = written(node, tmp_path / "out")
    expected = by_itk(sitk_image(files))
    # Transposed rows and columns make the normal point down: slices are stacked along it.
    mirrored = sitk.Flip(expected, [False, False, True]) if way == "transpose" else expected
    found = sitk_image(paths)
    same_grid(found, mirrored)
    step = max(float(ds.get("RescaleSlope", 1)) for ds in datasets(paths, pixels=False))
    # SimpleITK takes the type of the first slice for all, which cuts decimals off where that one has none.
    values = np.stack([modality_values(pydicom.dcmread(path)) for path in paths])
    np.testing.assert_allclose(values, sitk.GetArrayFromImage(mirrored).astype(float), atol=1e-6 + step / 2)
    grid = np.array([position(ds) for ds in (pydicom.dcmread(p) for p in paths)])
    np.testing.assert_allclose(grid, node.geometry.positions, atol=1e-4)


GRIDS: dict[str, Callable[[sw.Geometry], Node]] = {
    "thinner": lambda grid: sw.Resample(spacing=(None, None, 0.6 * grid.slice_spacing)),
    "isotropic": lambda grid: sw.Isotropic(2 * grid.pixel_spacing[0]),
    "oblique": lambda grid: sw.MPR((0.2, 1, 0.3), size=(60, 40, 5), spacing=(2, 2, 3)),
}


@pytest.mark.parametrize("way", GRIDS)
@pytest.mark.parametrize("name", SERIES)
def test_headers_of_interpolated_slices_are_true(name, way, data, tmp_path) -> None:
    files = lowest(data(SERIES[name][0]), SERIES[name][1])
    source = datasets(files, pixels=False)
    node = sw.SeriesReader(files) >> GRIDS[way](sw.SeriesReader(files).geometry)
    paths = written(node, tmp_path / "out")
    slices = [pydicom.dcmread(path) for path in paths]
    grid = node.geometry
    ends = [position(source[0]), position(source[-1])]
    across = np.cross(np.array(source[0].ImageOrientationPatient[:3], float), source[0].ImageOrientationPatient[3:])
    between = float((ends[1] - ends[0]) @ across) / (len(source) - 1)
    for k, ds in enumerate(slices):
        np.testing.assert_allclose(position(ds), grid.positions[k], atol=1e-4)
        np.testing.assert_allclose(ds.PixelSpacing, grid.pixel_spacing, rtol=1e-6)
        assert float(ds.SliceThickness) == pytest.approx(grid.slice_spacing, rel=1e-3)
        # What says where the image comes from stands in a group of its own.
        assert {tag.group for tag in ds.keys() if tag.is_private} == {0x7755}  # noqa: SIM118
        assert ds.FrameOfReferenceUID == source[0].FrameOfReferenceUID
        assert ds.PatientID == source[0].PatientID
        named = {item.ReferencedSOPInstanceUID for item in ds.get("SourceImageSequence", [])}
        assert all(item.SpatialLocationsPreserved == "NO" for item in ds.get("SourceImageSequence", []))
        if way != "oblique":
            # The slices of the source below and above, by pydicom's positions.
            height = float((position(ds) - ends[0]) @ across) / between
            near = {max(0, int(np.floor(height + 1e-3))), min(len(source) - 1, int(np.ceil(height - 1e-3)))}
            assert named == {source[i].SOPInstanceUID for i in near if 0 <= i < len(source)}
        if name == "pet":
            for keyword in ("FrameReferenceTime", "ActualFrameDuration", "DecayFactor"):
                assert ds.get(keyword) not in (None, "") or source[0].get(keyword) in (None, "")
    locations = [float(ds.SliceLocation) for ds in slices if "SliceLocation" in ds]
    if locations:
        assert np.abs(np.diff(locations)) == pytest.approx(grid.slice_spacing, abs=2e-2)
    found, itk = by_pydicom(paths), sitk_image(files)
    expected = sitk.Resample(
        sitk.Cast(itk, sitk.sitkFloat64), grid.size, sitk.Transform(), sitk.sitkLinear, grid.origin, grid.spacing,
        grid.direction.ravel().tolist(), 0.0,
    )  # fmt: skip
    values = sitk.GetArrayFromImage(expected)
    step = max(float(ds.get("RescaleSlope", 1)) for ds in slices)
    inner = values != 0
    off = np.abs(found.array - values)[inner]
    # Slices stand where positions say, to a thousandth of a mm; steep edges make of that more than rounding.
    assert np.quantile(off, 0.99) <= 0.51 * max(step, 1) + 1e-2 * np.ptp(values) * 0.05
    np.testing.assert_allclose(by_sitk(paths).affine, affine_of(slices), atol=2e-2)


@pytest.mark.tool
@pytest.mark.parametrize("plane", ["axial", "coronal", "sagittal"])
def test_all_orientations_of_a_scanner_are_turned_to_one_and_read_alike(plane, data, tmp_path) -> None:
    folders = sorted({path.parent for path in dicom_files(data("mr-siemens-orientations"))})
    series: dict[str, list[Path]] = {}
    for path in (p for folder in folders for p in dicom_files(folder)):
        series.setdefault(str(pydicom.dcmread(path, stop_before_pixels=True).SeriesInstanceUID), []).append(path)
    assert len(series) == 7
    for number, files in enumerate(series.values()):
        ordered = [Path(ds.filename) for ds in datasets(files, pixels=False)]
        node = sw.SeriesReader(files) >> sw.Reorient(plane)
        paths = written(node, tmp_path / f"out-{number}")
        before = by_pydicom(ordered)
        for witness in (by_sitk(paths), by_dcm2niix(tmp_path / f"out-{number}", tmp_path / f"nii-{number}")):
            # Values stand at the same points of the patient, though axes are others.
            again = on_grid_of(witness, before.affine)
            np.testing.assert_allclose(again.affine, before.affine, atol=2e-2)
            np.testing.assert_array_equal(again.array, before.array)


@pytest.mark.tool
def test_oblique_planes_through_all_orientations_of_a_scanner(data, tmp_path) -> None:
    series: dict[str, list[Path]] = {}
    for path in dicom_files(data("mr-siemens-orientations")):
        series.setdefault(str(pydicom.dcmread(path, stop_before_pixels=True).SeriesInstanceUID), []).append(path)
    for number, files in enumerate(series.values()):
        ordered = [Path(ds.filename) for ds in datasets(files, pixels=False)]
        grid = sw.SeriesReader(files).geometry
        # Tilted by some degrees against the slices, so that each plane runs through all of them.
        normal = grid.normal + 0.1 * grid.row_direction + 0.05 * grid.column_direction
        up = -grid.column_direction
        node = sw.SeriesReader(files) >> sw.MPR(normal, up, size=(90, 80, 3), spacing=(2, 2, 4))
        paths = written(node, tmp_path / f"out-{number}")
        itk = sitk.Cast(sitk_image(ordered), sitk.sitkFloat64)
        for witness in (by_sitk(paths), by_dcm2niix(tmp_path / f"out-{number}", tmp_path / f"nii-{number}")):
            found = on_grid_of(witness, node.geometry.affine)
            np.testing.assert_allclose(found.affine, node.geometry.affine, atol=2e-2)
            # SimpleITK's own reading of the source, at the points at which the witness sees the voxels.
            expected = sitk.Resample(
                itk, node.geometry.size, sitk.Transform(), sitk.sitkLinear, found.affine[:3, 3].tolist(), (2, 2, 4),
                (found.affine[:3, :3] / [2, 2, 4]).ravel().tolist(), 0.0,
            )  # fmt: skip
            values = sitk.GetArrayFromImage(expected)
            assert (values != 0).mean() > 0.2
            off = np.abs(found.array - values)[values != 0]
            assert np.quantile(off, 0.99) <= 0.51 + 2e-3 * np.ptp(values)


def tilted(data: Any) -> list[Path]:
    """Return the slices of the tilted CT that are evenly spaced: the lowest fourteen."""
    return lowest(data("ct-ge-tilt"), 14)


@pytest.mark.tool
def test_a_tilted_ct_becomes_a_box_that_others_read_alike(data, tmp_path) -> None:
    files = tilted(data)
    node = sw.SeriesReader(files) >> sw.RectifyTilt()
    assert node.geometry.is_regular
    paths = written(node, tmp_path / "box")
    slices = [pydicom.dcmread(path) for path in paths]
    assert all("GantryDetectorTilt" not in ds for ds in slices)
    # Rows that were added are padding, and the headers say so in terms of what is stored.
    assert slices[0].Rows > datasets(files, pixels=False)[0].Rows
    assert {int(ds.pixel_array[0, 0]) for ds in slices[1:]} | {int(ds.pixel_array[-1, 0]) for ds in slices[:-1]} == {
        int(slices[0].PixelPaddingValue)
    }
    steps = np.diff([position(ds) for ds in slices], axis=0)
    across = np.cross(slices[0].ImageOrientationPatient[:3], slices[0].ImageOrientationPatient[3:])
    np.testing.assert_allclose(np.cross(steps, across), 0, atol=2e-3)
    ours = node.update(progress=False)
    for witness in (by_sitk(paths), by_dcm2niix(tmp_path / "box", tmp_path / "nii")):
        again = on_grid_of(witness, ours.geometry.affine)
        np.testing.assert_allclose(again.affine, ours.geometry.affine, atol=1e-2)
        np.testing.assert_array_equal(again.array, ours.array)


def test_a_tilted_ct_keeps_its_values_at_their_points(data) -> None:
    files = tilted(data)
    node = sw.SeriesReader(files) >> sw.RectifyTilt()
    box = node.update(progress=False).to_sitk()
    rng = np.random.default_rng(5)
    compared = 0
    for ds in datasets(files):
        values, corner = modality_values(ds), position(ds)
        along, down = np.array(ds.ImageOrientationPatient, float).reshape(2, 3)
        # Between two rows of a slice of the source, by hand; the box has it at the same point of the patient.
        for column, row in zip(rng.integers(20, 490, 60), rng.uniform(20, 490, 60), strict=True):
            point = corner + column * float(ds.PixelSpacing[1]) * along + row * float(ds.PixelSpacing[0]) * down
            index = box.TransformPhysicalPointToContinuousIndex(point.tolist())
            assert abs(index[2] - round(index[2])) < 1e-3
            x, y, z = round(index[0]), int(np.floor(index[1])), round(index[2])
            assert abs(index[0] - x) < 1e-2
            # The point of a row of the box, on the source.
            at = row + (y - index[1])
            low = int(np.floor(at))
            expected = values[low, column] + (at - low) * (values[low + 1, column] - values[low, column])
            assert abs(box.GetPixel(x, y, z) - expected) <= 0.51 + 0.02 * abs(
                values[low + 1, column] - values[low, column]
            )
            compared += 1
    assert compared == 14 * 60


def test_a_tilted_ct_is_reformatted_after_it_was_rectified(data) -> None:
    files = tilted(data)
    box = sw.SeriesReader(files) >> sw.RectifyTilt()
    turned = (box >> sw.Reorient("sagittal")).update(progress=False)
    plane = (box >> sw.MPR((-1, 0, 0), up=(0, 0, 1), size=(100, 40, 3), spacing=(2, 1.5, 4))).update(progress=False)
    whole = box.update(progress=False)
    rng = np.random.default_rng(6)
    for index in rng.integers(0, whole.geometry.size, (200, 3)):
        at = np.rint(turned.geometry.point_to_index(whole.geometry.index_to_point(index).tolist())).astype(int)
        assert turned.array[at[2], at[1], at[0]] == whole.array[index[2], index[1], index[0]]
    itk = sitk.Cast(whole.to_sitk(), sitk.sitkFloat64)
    grid = plane.geometry
    expected = sitk.Resample(
        itk, grid.size, sitk.Transform(), sitk.sitkLinear, grid.origin, grid.spacing, grid.direction.ravel().tolist(),
        -1500.0,
    )  # fmt: skip
    off = np.abs(plane.array - sitk.GetArrayFromImage(expected))
    assert (off > 0.51).mean() < 2e-3
    with pytest.raises(sw.errors.IrregularGeometryError, match="sheared"):
        sw.SeriesReader(files) >> sw.MPR((-1, 0, 0))
