"""Filters of SimpleITK with several inputs, on other grids, and what they measure."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

import attrs
import numpy as np
import pytest
import SimpleITK as sitk
from slabs import image, random_array

import slicewise as sw
from slicewise.dicom import codes
from slicewise.errors import GraphError, ParameterError, PatientMismatchError, SpaceMismatchError
from slicewise.image import Coordinates, Geometry, Image, Operation

if TYPE_CHECKING:
    from collections.abc import Sequence


def slices_of(image_or_node: object) -> list[list[str]]:
    """Return the instances each slice comes from."""
    return [[source.sop_instance_uid for source in own] for own in image_or_node.info.sources]  # type: ignore[attr-defined]


def instances(ct: Image) -> list[str]:
    return [ct.headers[k].SOPInstanceUID for k in range(ct.geometry.slices)]


# --- several inputs -----------------------------------------------------------------------------------


def test_a_second_input_goes_by_its_name_and_is_streamed() -> None:
    array, mask = random_array((5, 6, 7), "int16"), random_array((5, 6, 7), "bool", seed=1)
    node = image(array) >> sw.sitk.Mask(mask_image=image(mask), outside_value=-7)
    assert not node.whole
    np.testing.assert_array_equal(node.update(progress=False).array, np.where(mask, array, -7))
    assert list(node.inputs) == ["input", "mask_image"]


def test_masks_may_be_nodes_of_the_same_graph(ct: Image) -> None:
    node = ct >> sw.sitk.MaskNegated(mask_image=sw.as_node(ct) > 0, outside_value=0)
    np.testing.assert_array_equal(node.update(progress=False).array, np.where(ct.array > 0, 0, ct.array))
    assert slices_of(node) == [[uid] for uid in instances(ct)]


def test_numbers_stand_for_either_image() -> None:
    array = random_array((3, 4, 5), "float32")
    source = image(array)
    after = (source >> sw.sitk.Subtract(constant=5)).update(progress=False).array
    before = sw.sitk.Subtract(constant=5, image2=source).update(progress=False).array
    named = sw.sitk.Subtract(image1=source, image2=source).update(progress=False).array
    np.testing.assert_array_equal(after, array - np.float32(5))
    np.testing.assert_array_equal(before, np.float32(5) - array)
    assert not named.any()


def test_any_number_of_images() -> None:
    arrays = [random_array((3, 4, 5), "int32", seed=k) // 8 for k in range(4)]
    images = [image(a) for a in arrays]
    total = sum(arrays)
    np.testing.assert_array_equal(sw.sitk.NaryAdd(images=images).update(progress=False).array, total)
    added = images[0] >> sw.sitk.NaryAdd(image2=images[1], image3=images[2], image4=images[3])
    np.testing.assert_array_equal(added.update(progress=False).array, total)
    colours = images[0] >> sw.sitk.Compose(image2=images[1], image3=images[2])
    assert colours.shape == (3, 4, 5, 3)


def test_images_on_other_grids_are_refused_with_the_differences() -> None:
    array = random_array((3, 4, 5), "int16")
    with pytest.raises(
        SpaceMismatchError, match=r"image1 and image2 of sitk.Add do not lie on the same grid:\n.*origin|position"
    ):
        image(array) >> sw.sitk.Add(image2=image(array, origin=(0, 0, 1)))


def test_inputs_whose_grid_does_not_matter_may_have_another() -> None:
    array = random_array((6, 7, 8), "float32")
    kernel = np.ones((3, 3, 3), "float32")
    node = image(array, (1, 1, 1)) >> sw.sitk.Convolution(kernel_image=image(kernel, (1, 1, 1)), normalize=True)
    expected = sitk.Convolution(sitk.GetImageFromArray(array), sitk.GetImageFromArray(kernel), normalize=True)
    np.testing.assert_array_equal(node.update(progress=False).array, sitk.GetArrayFromImage(expected))


def test_images_of_two_patients_are_no_pair(ct: Image) -> None:
    headers = ct.headers.replace({"PatientID": "SOMEBODY-ELSE"})
    stranger = Image.from_array(ct.array, geometry=ct.geometry, headers=headers)
    with pytest.raises(PatientMismatchError):
        ct >> sw.sitk.Add(image2=stranger)


def test_missing_inputs_are_named() -> None:
    with pytest.raises(ParameterError, match=r"'mask_image' of sitk.Mask must be given: it takes image \(the image be"):
        sw.sitk.Mask()
    with pytest.raises(ParameterError, match=r"'image2' of sitk.Add must be given \(or 'constant', a number\)"):
        sw.sitk.Add()
    with pytest.raises(GraphError, match="takes no input here: its image1 is connected already"):
        image(np.zeros((3, 4, 5))) >> sw.sitk.Add(image1=image(np.zeros((3, 4, 5))), constant=1)


def test_stacks_go_volume_by_volume() -> None:
    arrays = [random_array((3, 4, 5), "int16", seed=k) for k in range(2)]
    mask = random_array((3, 4, 5), "bool", seed=9)
    stack = sw.Stack([image(a) for a in arrays], axis="time")
    masks = sw.Stack([image(mask), image(~mask)], axis="time")
    one = (stack >> sw.sitk.Mask(mask_image=image(mask))).update(progress=False).array
    each = (stack >> sw.sitk.Mask(mask_image=masks)).update(progress=False).array
    np.testing.assert_array_equal(one, [np.where(mask, a, 0) for a in arrays])
    np.testing.assert_array_equal(each, [np.where(m, a, 0) for m, a in zip((mask, ~mask), arrays, strict=True)])


def test_headers_of_several_images_go_by_the_rules_of_several(ct: Image) -> None:
    halved = sw.as_node(ct) >> sw.sitk.ShiftScale(scale=0.5) >> sw.sitk.Cast(output_pixel_type="int16")
    (*_, step) = (ct >> sw.sitk.Subtract(image2=halved)).info.history
    assert step.operations == {Operation.MULTI}
    assert step.derivation == (codes.SUBTRACTION,)
    (step,) = (ct >> sw.sitk.Subtract(constant=3)).info.history
    assert step.operations == {Operation.PIXEL}
    assert step.derivation == ()
    assert step.keeps_units


# --- grids --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("node", "kept"),
    [
        (sw.sitk.Crop(lower_boundary_crop_size=(3, 2, 4), upper_boundary_crop_size=(1, 0, 2)), range(4, 10)),
        (sw.sitk.RegionOfInterest(index=(3, 2, 4), size=(10, 20, 5)), range(4, 9)),
        (sw.sitk.Flip(flip_axes=(True, False, True)), range(11, -1, -1)),
        (sw.sitk.Shrink(shrink_factors=(1, 1, 3)), range(1, 12, 3)),
        (sw.sitk.Slice(start=(0, 0, 1), stop=(72, 56, 12), step=(1, 2, 4)), range(1, 12, 4)),
    ],
    ids=lambda n: getattr(n, "filter_name", ""),
)
def test_slices_that_are_samples_keep_their_headers_and_their_place(
    ct: Image, node: object, kept: Sequence[int]
) -> None:
    derived = ct >> node
    assert slices_of(derived) == [[instances(ct)[k]] for k in kept]
    result = sitk_of(ct, node)
    np.testing.assert_allclose(derived.geometry.origin, result.GetOrigin(), atol=1e-6)
    np.testing.assert_allclose(derived.geometry.direction.ravel(), result.GetDirection(), atol=1e-6)
    for k, source in enumerate(kept):
        assert derived.headers[k].AcquisitionTime == ct.headers[source].AcquisitionTime
        # The slice is where its source is: both hold the same point.
        normal = ct.geometry.normal
        assert np.isclose(derived.geometry.positions[k] @ normal, ct.geometry.positions[source] @ normal, atol=1e-6)
        np.testing.assert_allclose(
            [float(v) for v in derived.headers[k].ImagePositionPatient], derived.geometry.positions[k], atol=1e-6
        )
    assert Operation.GEOMETRY not in derived.info.history[0].operations
    np.testing.assert_array_equal(derived.update(progress=False).array, sitk.GetArrayFromImage(result))


def sitk_of(ct: Image, node: object) -> sitk.Image:
    image_filter = getattr(sitk, f"{node.filter_name}ImageFilter")()  # type: ignore[attr-defined]
    for name, value in node.settings:  # type: ignore[attr-defined]
        getattr(image_filter, "Set" + name.title().replace("_", ""))(value)
    return image_filter.Execute(ct.to_sitk())


@pytest.mark.parametrize(
    ("node", "support"),
    [
        (sw.sitk.BinShrink(shrink_factors=(1, 1, 3)), [range(3 * k, 3 * k + 3) for k in range(4)]),
        (sw.sitk.BinShrink(shrink_factors=(2, 2, 1)), [[k] for k in range(12)]),
        (sw.sitk.PermuteAxes(order=(2, 1, 0)), [range(12)] * 72),
        (sw.sitk.CyclicShift(shift=(0, 0, 1)), [range(12)] * 12),
        (sw.sitk.ConstantPad(pad_lower_bound=(0, 0, 2)), [[0], [0], *([k] for k in range(12))]),
        (sw.sitk.MaximumProjection(projection_dimension=2), [range(12)]),
    ],
    ids=lambda n: getattr(n, "filter_name", ""),
)
def test_every_slice_names_the_slices_it_comes_from(ct: Image, node: object, support: list[Sequence[int]]) -> None:
    derived = ct >> node
    assert slices_of(derived) == [[instances(ct)[k] for k in own] for own in support]
    (step,) = derived.info.history
    projects = "Projection" in derived.name
    assert step.operations >= {Operation.PROJECTION if projects else Operation.GEOMETRY}
    result = sitk_of(ct, node)
    np.testing.assert_array_equal(derived.update(progress=False).array, sitk.GetArrayFromImage(result))
    np.testing.assert_allclose(derived.geometry.origin, result.GetOrigin(), atol=1e-6)


def test_values_that_moved_leave_no_slice_its_place(ct: Image) -> None:
    shifted = ct >> sw.sitk.CyclicShift(shift=(0, 0, 1))
    assert {len(own) for own in slices_of(shifted)} == {12}
    assert "AcquisitionTime" in ct.headers
    varying = len({ct.headers[k].AcquisitionTime for k in range(12)}) > 1
    assert ("AcquisitionTime" in shifted.headers) != varying


def test_resampling_onto_an_image_takes_its_grid_and_nothing_else(ct: Image) -> None:
    small = ct >> sw.sitk.BinShrink(shrink_factors=(2, 2, 1))
    onto = ct >> sw.sitk.Resample(reference_image=small, interpolator="nearest_neighbor")
    expected = sitk.Resample(
        ct.to_sitk(), small.update(progress=False).to_sitk(), sitk.Transform(), sitk.sitkNearestNeighbor
    )
    np.testing.assert_array_equal(onto.update(progress=False).array, sitk.GetArrayFromImage(expected))
    assert slices_of(onto) == [[uid] for uid in instances(ct)]
    moved = ct >> sw.sitk.Resample(reference_image=small, transform=sitk.TranslationTransform(3, (1, 2, 3)))
    assert {len(own) for own in slices_of(moved)} == {12}
    turned = ct >> sw.sitk.Resample(reference_image=small, transform=sitk.TranslationTransform(3, (1, 2, 4)))
    assert moved.key != turned.key
    assert "TranslationTransform((1.0, 2.0, 3.0))" in moved.info.history[-1].description


def test_what_is_moved_leaves_its_frame_of_reference(ct: Image) -> None:
    frame = ct.headers[0].FrameOfReferenceUID
    shift = sitk.TranslationTransform(3, (1, 2, 3))
    for node in (
        sw.sitk.Resample(transform=shift),
        sw.sitk.Flip(flip_axes=(True, False, False), flip_about_origin=True),
    ):
        (found,) = {(ct >> node).headers[k].FrameOfReferenceUID for k in range(12)}
        assert found != frame
        assert found.startswith("2.25.")
    still = sw.sitk.Resample(transform=sitk.Transform())
    assert (ct >> still).headers[0].FrameOfReferenceUID == frame
    fixed = Image.from_array(
        ct.array, geometry=ct.geometry, headers=ct.headers.replace({"FrameOfReferenceUID": "1.2.3"})
    )
    registered = ct >> sw.sitk.Resample(reference_image=fixed, transform=shift)
    assert registered.headers[0].FrameOfReferenceUID == "1.2.3"
    with pytest.raises(SpaceMismatchError, match="different frames of reference"):
        ct >> sw.sitk.Resample(reference_image=fixed)


def test_images_without_a_place_gain_none() -> None:
    geometry = attrs.evolve(
        Geometry.from_box((8, 7, 6)), coordinates=next(c for c in Coordinates if c is not Coordinates.PATIENT)
    )
    source = Image.from_array(random_array((6, 7, 8), "int16"), geometry=geometry)
    for node in (sw.sitk.BinShrink(shrink_factors=(2, 1, 1)), sw.sitk.Crop(lower_boundary_crop_size=(1, 1, 1))):
        assert not (source >> node).geometry.is_in_patient


# --- measurements and sources -------------------------------------------------------------------------


def test_measurements_are_those_of_the_library() -> None:
    source = image(random_array((6, 7, 8), "int16"))
    otsu = sitk.OtsuThresholdImageFilter()
    otsu.Execute(source.to_sitk())
    found = (source >> sw.sitk.OtsuThreshold()).measurements(progress=False, memory="100MB")
    assert dict(found) == {"threshold": otsu.GetThreshold()}
    with pytest.raises(GraphError, match=r"sitk.Median measures nothing"):
        (source >> sw.sitk.Median(radius=1)).measurements()


def test_statistics_of_an_image_are_what_numpy_says() -> None:
    array = random_array((6, 7, 8), "int16")
    found = (image(array) >> sw.sitk.Statistics()).update(progress=False)
    assert found["minimum"] == array.min()
    assert found["maximum"] == array.max()
    assert found["mean"] == pytest.approx(array.mean())
    assert found["sigma"] == pytest.approx(array.std(ddof=1))


def test_labels_are_measured_one_by_one() -> None:
    labels = np.zeros((6, 7, 8), "uint8")
    labels[1:3, 1:4, 2:6], labels[4:, 5:, :2] = 1, 7
    values = random_array((6, 7, 8), "int16")
    found = (image(values) >> sw.sitk.LabelStatistics(label_image=image(labels))).update(progress=False)
    assert {label: row["count"] for label, row in found.labels.items()} == {0: 336 - 24 - 8, 1: 24, 7: 8}
    assert found.labels[7]["mean"] == pytest.approx(values[labels == 7].mean())
    shapes = (image(labels, (0.7, 0.8, 2.5)) >> sw.sitk.LabelShapeStatistics()).update(progress=False)
    assert shapes.labels[1]["physical_size"] == pytest.approx(24 * 0.7 * 0.8 * 2.5)
    assert shapes.labels[1]["bounding_box"] == (2, 1, 1, 4, 3, 2)
    table = shapes.table()
    assert list(table.index) == [1, 7]
    assert table.loc[7, "number_of_pixels"] == 8


def test_images_beside_the_image_are_measurements() -> None:
    blob = np.zeros((6, 7, 8), "uint8")
    blob[3, 3, 3] = 1
    found = (image(blob, (1, 1, 1)) >> sw.sitk.DanielssonDistanceMap(input_is_binary=True)).measurements(progress=False)
    assert found["vector_distance_map"].array[3, 3, 5].tolist() == [-2, 0, 0]


def test_sources_are_readers() -> None:
    spot = sw.sitk.GaussianSource(size=(8, 7, 6), sigma=(2, 2, 2), mean=(3, 3, 3), spacing=(1, 2, 3))
    assert spot.geometry.size == (8, 7, 6)
    assert spot.geometry.spacing == (1, 2, 3)
    made = (spot >> sw.sitk.Clamp(upper_bound=100.0)).update(progress=False)
    assert made.array.max() <= 100
    assert made.array.argmax() == (spot.update(progress=False).array.clip(max=100)).argmax()
    like = sw.sitk.PhysicalPointSource(reference_image=image(np.zeros((3, 4, 5)), (1, 2, 3), (7, 8, 9)))
    assert like.update(progress=False).array[2, 1, 4].tolist() == [11, 10, 15]
    with pytest.raises(GraphError, match="makes an image of its parameters and takes none"):
        image(np.zeros((3, 4, 5))) >> spot


# --- signatures ---------------------------------------------------------------------------------------


def test_signatures_are_real() -> None:
    signature = inspect.signature(sw.sitk.DiscreteGaussian)
    assert signature.parameters["maximum_kernel_width"].default == 32
    assert signature.parameters["use_image_spacing"].annotation == "bool"
    assert signature.return_annotation == "SitkFilter"
    assert inspect.signature(sw.sitk.ShotNoise).parameters["seed"].default is inspect.Parameter.empty
    assert list(inspect.signature(sw.sitk.Mask).parameters)[:2] == ["image", "mask_image"]


def test_enumerations_have_names() -> None:
    node = sw.sitk.GrayscaleDilate(kernel_type="cross")
    assert repr(node) == "sitk.GrayscaleDilate(kernel_type='cross')"
    with pytest.raises(
        ParameterError, match=r"'kernel_type' of sitk.GrayscaleDilate cannot be 'round': it takes 'annulus'"
    ):
        sw.sitk.GrayscaleDilate(kernel_type="round")
    assert (image(np.zeros((3, 4, 5))) >> sw.sitk.Cast(output_pixel_type=np.float32)).dtype == "float32"
