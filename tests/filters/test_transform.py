"""Resample by transforms of every kind, against SimpleITK; and the frame of reference of the result."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import pytest
import SimpleITK as sitk
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian
from resampling import rotation
from slabs import image, in_slabs

from slicewise.errors import HeaderError, ParameterError, ReadError, SpaceMismatchError
from slicewise.filters.geometry import Resample
from slicewise.image import Coordinates, Headers, Image

DIRECTION = rotation(15) @ rotation(-8, 1)


def smooth(frame: str = "", dtype: str = "float32") -> Image:
    z, y, x = np.meshgrid(*(np.linspace(0, 3, n) for n in (12, 16, 18)), indexing="ij")
    values = 400 * np.sin(x + 0.3 * y) * np.cos(y - z) + 50 * z
    headers = Headers(12).replace(FrameOfReferenceUID=frame, PatientID="A") if frame else None
    return image(values.astype(dtype), (1.1, 0.9, 1.7), (-7.0, 3.0, 11.0), DIRECTION, headers)


def reference(frame: str = "") -> Image:
    headers = Headers(7).replace(FrameOfReferenceUID=frame, PatientID="A") if frame else None
    return image(np.zeros((7, 12, 13), "uint8"), (1.3, 1.2, 2.0), (-5.0, 4.0, 12.0), rotation(5), headers)


def euler() -> sitk.Transform:
    return sitk.Euler3DTransform((1.0, 8.0, 15.0), 0.1, -0.15, 0.2, (1.5, -0.7, 0.9))


def scaled() -> sitk.Transform:
    return sitk.ScaleTransform(3, (1.1, 0.9, 1.05))


def spline() -> sitk.Transform:
    transform = sitk.BSplineTransformInitializer(smooth().to_sitk(), [3, 3, 3])
    transform.SetParameters(np.random.default_rng(3).normal(0, 1, len(transform.GetParameters())).tolist())
    return transform


def field() -> sitk.Transform:
    to_field = sitk.TransformToDisplacementFieldFilter()
    to_field.SetReferenceImage(smooth().to_sitk())
    return sitk.DisplacementFieldTransform(to_field.Execute(euler()))


KINDS = {
    "translation": lambda: sitk.TranslationTransform(3, (1.5, -2.2, 3.0)),
    "euler": euler,
    "scale": scaled,
    "similarity": lambda: sitk.Similarity3DTransform(1.1, (0, 0, 1), 0.2, (1.0, 2.0, 3.0)),
    "affine": lambda: sitk.AffineTransform((1, 0.1, 0, 0.05, 0.9, 0, 0, 0.2, 1.1), (1, 2, 3)),
    "composite": lambda: sitk.CompositeTransform([euler(), scaled()]),
    "bspline": spline,
    "displacements": field,
    "nested": lambda: sitk.CompositeTransform([sitk.CompositeTransform([scaled(), spline()]), euler()]),
}


@pytest.mark.parametrize("interpolator", ["linear", "nearest", "bspline"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_transform_is_that_of_simpleitk(kind: str, interpolator: str) -> None:
    source, fixed, transform = smooth(), reference(), KINDS[kind]()
    node = source >> Resample(like=fixed, transform=transform, interpolator=interpolator, fill=-5)
    chosen = {"linear": sitk.sitkLinear, "nearest": sitk.sitkNearestNeighbor, "bspline": sitk.sitkBSpline}
    expected = sitk.Resample(source.to_sitk(), fixed.to_sitk(), transform, chosen[interpolator], -5.0)
    values = sitk.GetArrayFromImage(expected)
    assert (values != -5).mean() > 0.3
    result = node.update(progress=False).array
    differs = np.abs(result - values) > 1e-2
    # On the fence between two voxels either is the nearest, and on the rim of the image inside or outside.
    assert differs.mean() < 2e-3


@pytest.mark.parametrize("kind", ["translation", "scale"])
def test_what_keeps_axes_parallel_is_streamed_and_the_same_in_slabs(kind: str) -> None:
    z, y, x = np.meshgrid(*(np.arange(n) for n in (9, 8, 7)), indexing="ij")
    source = image((10.0 * x + 3 * y - z**2).astype("float32"), (1.1, 0.9, 1.7), (2.0, 3.0, 4.0))
    node = source >> Resample(transform=KINDS[kind](), fill=-5)
    assert not node.whole
    expected = sitk.Resample(source.to_sitk(), source.to_sitk(), KINDS[kind](), sitk.sitkLinear, -5.0)
    np.testing.assert_allclose(in_slabs(node), sitk.GetArrayFromImage(expected), atol=1e-3)
    np.testing.assert_array_equal(in_slabs(node, range(9)), in_slabs(node))


@pytest.mark.parametrize("suffix", ["tfm", "txt", "h5", "xfm"])
def test_transform_files_and_matrices_say_the_same(suffix: str, tmp_path: Any) -> None:
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = np.array(euler().GetMatrix()).reshape(3, 3), euler().TransformPoint((0, 0, 0))
    affine = sitk.AffineTransform(matrix[:3, :3].ravel().tolist(), matrix[:3, 3].tolist())
    sitk.WriteTransform(affine, str(tmp_path / f"moved.{suffix}"))
    source, fixed = smooth(), reference()
    expected = sitk.GetArrayFromImage(sitk.Resample(source.to_sitk(), fixed.to_sitk(), euler(), sitk.sitkLinear))
    for transform in (tmp_path / f"moved.{suffix}", str(tmp_path / f"moved.{suffix}"), matrix, matrix.tolist()):
        node = source >> Resample(like=fixed, transform=transform)
        np.testing.assert_allclose(node.update(progress=False).array, expected, atol=1e-2)


def registration(*items: tuple[str, list[np.ndarray]], frame: str = "1.2.9") -> Dataset:
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.66.1", "1.2.3.4"
    dataset.Modality, dataset.FrameOfReferenceUID = "REG", frame
    made = []
    for uid, matrices in items:
        item, inner = Dataset(), Dataset()
        item.FrameOfReferenceUID = uid
        inner.MatrixSequence = Sequence()
        for matrix in matrices:
            one = Dataset()
            one.FrameOfReferenceTransformationMatrix = matrix.ravel().tolist()
            one.FrameOfReferenceTransformationMatrixType = "RIGID"
            inner.MatrixSequence.append(one)
        item.MatrixRegistrationSequence = Sequence([inner])
        made.append(item)
    dataset.RegistrationSequence = Sequence(made)
    return dataset


def homogeneous(transform: Any) -> np.ndarray:
    matrix = np.eye(4)
    matrix[:3, 3] = transform.TransformPoint((0.0, 0.0, 0.0))
    matrix[:3, :3] = np.array(transform.GetMatrix()).reshape(3, 3)
    return matrix


@pytest.mark.parametrize("as_file", [True, False])
def test_a_spatial_registration_leads_from_one_frame_to_the_other(tmp_path: Any, *, as_file: bool) -> None:
    moving, fixed = smooth("1.2.7"), reference("1.2.8")
    to_registered = homogeneous(euler())
    fixed_to_registered = homogeneous(sitk.Euler3DTransform((0, 0, 0), 0.05, 0, 0, (0, 2, 0)))
    dataset = registration(("1.2.7", [to_registered]), ("1.2.8", [fixed_to_registered]))
    if as_file:
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        dataset.save_as(tmp_path / "reg.dcm", enforce_file_format=True)
    node = moving >> Resample(like=fixed, transform=tmp_path / "reg.dcm" if as_file else dataset)
    # A point of the fixed image, to the registered frame, and from there back to the moving image.
    back = np.linalg.inv(to_registered) @ fixed_to_registered
    transform = sitk.AffineTransform(back[:3, :3].ravel().tolist(), back[:3, 3].tolist())
    expected = sitk.Resample(moving.to_sitk(), fixed.to_sitk(), transform, sitk.sitkLinear)
    np.testing.assert_allclose(node.update(progress=False).array, sitk.GetArrayFromImage(expected), atol=1e-2)
    assert set(node.headers["FrameOfReferenceUID"]) == {"1.2.8"}
    alone = moving >> Resample(transform=dataset)
    assert set(alone.headers["FrameOfReferenceUID"]) == {"1.2.9"}


def test_a_registration_that_says_nothing_of_the_image_or_is_none_is_refused() -> None:
    with pytest.raises(SpaceMismatchError, match="says nothing of the image"):
        smooth("1.2.6") >> Resample(like=reference("1.2.8"), transform=registration(("1.2.7", [np.eye(4)])))
    with pytest.raises(SpaceMismatchError, match="says nothing of the reference"):
        smooth("1.2.7") >> Resample(like=reference("1.2.6"), transform=registration(("1.2.7", [np.eye(4)])))
    with pytest.raises(HeaderError, match="no Spatial Registration"):
        Resample(transform=Dataset())
    deformable = registration(("1.2.7", [np.eye(4)]))
    deformable.DeformableRegistrationSequence = Sequence()
    with pytest.raises(HeaderError, match="Deformable"):
        Resample(transform=deformable)
    with pytest.raises(HeaderError, match="no matrix that can be inverted"):
        Resample(transform=registration(("1.2.7", [np.diag([1.0, 0, 1, 1])])))


def test_the_frame_of_reference_is_that_of_the_fixed_image_or_a_new_one() -> None:
    node = smooth("1.2.7") >> Resample(like=reference("1.2.8"), transform=euler())
    assert set(node.headers["FrameOfReferenceUID"]) == {"1.2.8"}
    moved = smooth("1.2.7") >> Resample(transform=euler())
    (uid,) = set(moved.headers["FrameOfReferenceUID"])
    assert uid not in ("1.2.7", "1.2.8")
    assert set((smooth("1.2.7") >> Resample(transform=euler())).headers["FrameOfReferenceUID"]) == {uid}
    assert uid not in (smooth("1.2.7") >> Resample(transform=scaled())).headers["FrameOfReferenceUID"]
    assert "FrameOfReferenceUID" not in (smooth() >> Resample(transform=euler())).headers
    with pytest.raises(SpaceMismatchError, match="and give the transform"):
        smooth("1.2.7") >> Resample(like=reference("1.2.8"))


def test_an_image_without_a_place_in_the_patient_is_not_moved_in_it() -> None:
    grid = attrs.evolve(smooth().geometry, coordinates=Coordinates.PLANE)
    with pytest.raises(SpaceMismatchError, match="has no place in it"):
        Image.from_array(smooth().array, geometry=grid) >> Resample(transform=euler())


def test_transforms_are_told_apart_by_their_content() -> None:
    keys = [Resample(transform=make()).key for make in KINDS.values()]
    assert len(set(keys)) == len(keys)
    assert Resample(transform=euler()).key == Resample(transform=euler()).key
    changing = euler()
    node = smooth() >> Resample(transform=changing)
    before = node.update(progress=False).array
    changing.SetTranslation((50.0, 50.0, 50.0))
    np.testing.assert_array_equal(node.update(progress=False).array, before)


@pytest.mark.parametrize(
    "value", [np.eye(3), np.zeros((4, 4)), np.arange(16).reshape(4, 4), 7, sitk.Euler2DTransform(), [[1, "a"]]]
)
def test_what_is_no_transform_is_refused(value: Any) -> None:
    with pytest.raises(ParameterError, match="'transform' must be"):
        Resample(transform=value)


def test_what_cannot_be_read_is_an_error_that_names_the_file(tmp_path: Any) -> None:
    (tmp_path / "broken.tfm").write_text("#Insight Transform File\nnothing")
    for name in ("broken.tfm", "missing.tfm"):
        with pytest.raises(ReadError, match=name):
            Resample(transform=tmp_path / name)


NAMED = {
    "bspline1": sitk.sitkBSpline1,
    "bspline2": sitk.sitkBSpline2,
    "bspline3": sitk.sitkBSpline3,
    "bspline4": sitk.sitkBSpline4,
    "bspline5": sitk.sitkBSpline5,
    "gaussian": sitk.sitkGaussian,
    "cosine": sitk.sitkCosineWindowedSinc,
    "hamming": sitk.sitkHammingWindowedSinc,
    "welch": sitk.sitkWelchWindowedSinc,
    "blackman": sitk.sitkBlackmanWindowedSinc,
    "label_gaussian": sitk.sitkLabelGaussian,
}


@pytest.mark.parametrize("dtype", ["float32", "int16"])
@pytest.mark.parametrize("name", NAMED)
def test_interpolators_go_by_name(name: str, dtype: str) -> None:
    source, fixed = smooth(dtype=dtype), reference()
    if name == "label_gaussian" and dtype == "int16":
        source = Image.from_array((source.array > 100).astype(dtype), geometry=source.geometry)
    elif name == "label_gaussian":
        pytest.skip("of labels only")
    node = source >> Resample(like=fixed, interpolator=name, fill=-5)
    assert node.whole
    pixels = sitk.sitkInt16 if name == "label_gaussian" else sitk.sitkFloat32
    expected = sitk.Resample(source.to_sitk(), fixed.to_sitk(), sitk.Transform(), NAMED[name], -5.0, pixels)
    result = node.update(progress=False).array
    assert result.dtype == dtype
    np.testing.assert_allclose(result, sitk.GetArrayFromImage(expected), atol=0.5 if dtype == "int16" else 1e-3)


def test_a_registration_is_part_of_the_key() -> None:
    first, second = (registration(("1.2.7", [np.diag([1.0, 1, s, 1])])) for s in (1, 2))
    assert Resample(transform=first).key == Resample(transform=registration(("1.2.7", [np.eye(4)]))).key
    assert Resample(transform=first).key != Resample(transform=second).key
    assert "Spatial Registration 1.2.3.4" in repr(Resample(transform=first))


def test_several_matrices_of_an_item_are_multiplied_in_their_order() -> None:
    first, second = np.eye(4), np.diag([2.0, 1, 1, 1])
    first[:3, 3] = (3, 0, 0)
    moving = smooth("1.2.7")
    both = moving >> Resample(transform=registration(("1.2.7", [first, second])))
    product = moving >> Resample(transform=registration(("1.2.7", [first @ second])))
    other = moving >> Resample(transform=registration(("1.2.7", [second @ first])))
    np.testing.assert_array_equal(both.update(progress=False).array, product.update(progress=False).array)
    assert (both.update(progress=False).array != other.update(progress=False).array).any()
