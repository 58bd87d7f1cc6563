"""What is known of the filters of SimpleITK: what they do to values, how far they look, what they do to the grid.

What is not in these tables is safe: such a filter takes the whole volume, its values are taken to be in other units,
and where it changes the grid every slice of the input counts as a source of every slice of the result.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from slicewise.dicom import codes
from slicewise.filters.simpleitk import simpleitk
from slicewise.image import Code, ImageInfo

__all__ = [
    "BY_LINES",
    "FREE_GRIDS",
    "SERIAL",
    "Grid",
    "Reach",
    "derivation_of",
    "grid_of",
    "halo_of",
    "keeps_units",
    "reach_of",
    "takes_label_map",
]


def _names(text: str) -> list[str]:
    return text.split()


# --- values -----------------------------------------------------------------------------------------

_SMOOTHING = """
    AdditiveGaussianNoise Bilateral BinomialBlur BoxMean CurvatureAnisotropicDiffusion CurvatureFlow
    FastApproximateRank GradientAnisotropicDiffusion Mean Median MinMaxCurvatureFlow PatchBasedDenoising Rank
"""
_GAUSSIAN = "DiscreteGaussian SmoothingRecursiveGaussian"
_SHARPENING = "LaplacianSharpening UnsharpMask"
_SAME_VALUES = """
    Abs AreaClosing AreaOpening Cast Clamp ClosingByReconstruction GrayscaleConnectedClosing GrayscaleConnectedOpening
    GrayscaleDilate GrayscaleErode GrayscaleFillhole GrayscaleGeodesicDilate GrayscaleGeodesicErode GrayscaleGrindPeak
    GrayscaleMorphologicalClosing GrayscaleMorphologicalOpening HConcave HMaxima HMinima Mask MaskNegated
    MaximumProjection MeanProjection MedianProjection MinimumProjection N4BiasFieldCorrection OpeningByReconstruction
    ReconstructionByDilation ReconstructionByErosion Round UnaryMinus
"""
_SAME_VALUES_ELSEWHERE = """
    BinShrink ConstantPad Crop CyclicShift DICOMOrient Expand Extract FFTPad FFTShift Flip MirrorPad PermuteAxes
    RegionOfInterest Resample Shrink Slice TransformGeometry Warp WrapPad ZeroFluxNeumannPad
"""
_EDGES = """
    CannyEdgeDetection Derivative GradientMagnitude GradientMagnitudeRecursiveGaussian Laplacian
    LaplacianRecursiveGaussian MorphologicalGradient SobelEdgeDetection ZeroCrossingBasedEdgeDetection
"""
_SEGMENTATION = """
    BinaryThreshold ConfidenceConnected ConnectedComponent ConnectedThreshold DoubleThreshold HuangThreshold
    IntermodesThreshold IsoDataThreshold IsolatedConnected KittlerIllingworthThreshold LiThreshold
    MaximumEntropyThreshold MomentsThreshold MorphologicalWatershed MorphologicalWatershedFromMarkers
    NeighborhoodConnected OtsuMultipleThresholds OtsuThreshold RenyiEntropyThreshold SLIC ScalarConnectedComponent
    ScalarImageKmeans ShanbhagThreshold ThresholdMaximumConnectedComponents TriangleThreshold
    VectorConfidenceConnected VectorConnectedComponent YenThreshold
    Equal Greater GreaterEqual Less LessEqual NotEqual And Or Xor Not
"""
_OF_SEVERAL: dict[str, tuple[bool, Code]] = {
    "Add": (True, codes.ADDITION),
    "NaryAdd": (True, codes.ADDITION),
    "TernaryAdd": (True, codes.ADDITION),
    "Subtract": (True, codes.SUBTRACTION),
    "AbsoluteValueDifference": (True, codes.SUBTRACTION),
    "Multiply": (False, codes.MULTIPLICATION),
    "Divide": (False, codes.DIVISION),
    "DivideReal": (False, codes.DIVISION),
    "DivideFloor": (False, codes.DIVISION),
    "Maximum": (True, codes.MAXIMUM),
    "NaryMaximum": (True, codes.MAXIMUM),
    "Minimum": (True, codes.MINIMUM),
}
"""Operations between images, whose codes speak of two images and not of an image and a number."""

_GROUPS: tuple[tuple[str, bool, tuple[Code, ...]], ...] = (
    (_SMOOTHING, True, (codes.SMOOTHING,)),
    (_GAUSSIAN, True, (codes.GAUSSIAN,)),
    (_SHARPENING, True, (codes.EDGE_ENHANCEMENT,)),
    ("Threshold", True, (codes.SEGMENTATION,)),
    (_SAME_VALUES, True, ()),
    (_SAME_VALUES_ELSEWHERE, True, ()),
    (_EDGES, False, (codes.EDGE_ENHANCEMENT,)),
    (_SEGMENTATION, False, (codes.SEGMENTATION,)),
)
_VALUES = {name: (kept, derivation) for names, kept, derivation in _GROUPS for name in names.split()}


def keeps_units(name: str) -> bool:
    """Tell whether values mean the same afterwards; of a filter that is not known they are taken not to."""
    return _OF_SEVERAL[name][0] if name in _OF_SEVERAL else _VALUES.get(name, (False, ()))[0]


def derivation_of(name: str, images: int) -> tuple[Code, ...]:
    """Return the codes of a filter (PS3.16, CID 7203).

    Parameters
    ----------
    name : str
        Name of the filter.
    images : int
        From how many images values are taken.
    """
    if name in _OF_SEVERAL:
        return (_OF_SEVERAL[name][1],) if images > 1 else ()
    return _VALUES.get(name, (False, ()))[1]


# --- the neighbourhood ------------------------------------------------------------------------------


class Reach(NamedTuple):
    """How far a filter looks.

    Parameters
    ----------
    halo : callable
        From the filter with its parameters, and what is known of the image, to the number of slices on each side;
        None where it needs them all.
    text : str
        What that number is.
    physical : bool
        Whether spacing or direction of the image count.
    """

    halo: Callable[[Any, ImageInfo], int | None]
    text: str
    physical: bool = False


def _slices(number: int) -> Callable[[Any, ImageInfo], int]:
    return lambda _filter, _info: number


def _radius(times: int = 1, getter: str = "GetRadius") -> Callable[[Any, ImageInfo], int]:
    return lambda image_filter, _info: times * int(_along_z(getattr(image_filter, getter)()))


def _along_z(value: Any) -> Any:
    return value[2] if len(value) > 2 else value[-1]


def _kernel(times: int = 1, *, box: bool = True) -> Callable[[Any, ImageInfo], int | None]:
    def halo(image_filter: Any, _info: ImageInfo) -> int | None:
        library = simpleitk()
        # Polygons are put together from lines, that reach farther than the radius says.
        kinds = [library.sitkBall, library.sitkCross, *([library.sitkBox] if box else [])]
        if image_filter.GetKernelType() not in kinds:
            return None
        return times * int(_along_z(image_filter.GetKernelRadius()))

    return halo


def _if_summed_exactly(bits: int) -> Callable[[Any, ImageInfo], int | None]:
    """Return the radius where sums over the whole volume are exact; they are kept in double precision."""

    def halo(image_filter: Any, info: ImageInfo) -> int | None:
        exact = info.dtype.kind in "biu" and 8 * info.dtype.itemsize <= bits
        return _radius()(image_filter, info) if exact else None

    return halo


def _impulse(longest: Callable[[Any], int]) -> Callable[[Any, ImageInfo], int]:
    """Return how far the filter spreads one voxel through the slices, which it is asked to do."""

    def halo(image_filter: Any, info: ImageInfo) -> int:
        library = simpleitk()
        middle = longest(image_filter) + 2
        values = np.zeros((2 * middle + 1, 1, 1))
        values[middle] = 1.0
        image = library.GetImageFromArray(values)
        image.SetSpacing(info.geometry.spacing)
        found = np.flatnonzero(library.GetArrayFromImage(image_filter.Execute(image)))
        return int(max(np.abs(found - middle), default=0))

    return halo


def _unless(method: str) -> Callable[[Any, ImageInfo], int | None]:
    return lambda image_filter, _info: None if getattr(image_filter, method)() else 0


_POINTWISE = """
    Abs AbsoluteValueDifference Acos Add And Asin Atan Atan2 BinaryMagnitude BinaryNot BinaryThreshold BitwiseNot
    BoundedReciprocal Cast ChangeLabel Clamp Compose Cos Divide DivideFloor DivideReal EdgePotential Equal Exp
    ExpNegative Greater GreaterEqual IntensityWindowing InvertIntensity LabelOverlay LabelToRGB Less LessEqual Log
    Log10 Mask MaskNegated MaskedAssign Maximum Minimum Modulus Multiply NaryAdd NaryMaximum Not NotEqual Or Pow Round
    ShiftScale Sigmoid Sin Sqrt Square SquaredDifference Subtract Tan TernaryAdd TernaryMagnitude
    TernaryMagnitudeSquared Threshold UnaryMinus VectorIndexSelectionCast VectorMagnitude Xor
"""
_REACHES: dict[str, Reach] = {
    **dict.fromkeys(_POINTWISE.split(), Reach(_slices(0), "0")),
    "ScalarToRGBColormap": Reach(
        _unless("GetUseInputImageExtremaForScaling"), "0 (whole with the extrema of the image)"
    ),
    **dict.fromkeys(["BinaryMedian", "Mean", "Median", "Noise", "Rank", "VotingBinary"], Reach(_radius(), "radius")),
    "VotingBinaryHoleFilling": Reach(_radius(), "radius"),
    "SimpleContourExtractor": Reach(_radius(), "radius"),
    "FastApproximateRank": Reach(_radius(), "radius"),
    "BoxMean": Reach(_if_summed_exactly(16), "radius (whole beyond integers of 16 bits)"),
    "BoxSigma": Reach(_if_summed_exactly(8), "radius (whole beyond bytes)"),
    **dict.fromkeys(
        _names(
            """
        BinaryDilate BinaryErode
        """
        ),
        Reach(_kernel(), "kernel_radius (whole with polygons)"),
    ),
    **dict.fromkeys(
        _names(
            """
        BinaryMorphologicalClosing BinaryMorphologicalOpening
        """
        ),
        Reach(_kernel(2), "2 · kernel_radius (whole with polygons)"),
    ),
    **dict.fromkeys(
        ["GrayscaleDilate", "GrayscaleErode", "MorphologicalGradient"], Reach(_kernel(box=False), "kernel_radius")
    ),
    **dict.fromkeys(
        ["BlackTopHat", "GrayscaleMorphologicalClosing", "GrayscaleMorphologicalOpening", "WhiteTopHat"],
        Reach(_kernel(2, box=False), "2 · kernel_radius"),
    ),
    "LabelContour": Reach(_slices(1), "1"),
    "BinaryContour": Reach(_slices(1), "1"),
    "ZeroCrossing": Reach(_slices(1), "1"),
    "SobelEdgeDetection": Reach(_slices(1), "1"),
    "Gradient": Reach(_slices(1), "1", physical=True),
    "GradientMagnitude": Reach(_slices(1), "1", physical=True),
    "Laplacian": Reach(_slices(1), "1", physical=True),
    "Derivative": Reach(_impulse(lambda f: int(f.GetOrder())), "radius of the kernel", physical=True),
    "DiscreteGaussian": Reach(
        _impulse(lambda f: int(f.GetMaximumKernelWidth())), "radius of the kernel", physical=True
    ),
    "BinomialBlur": Reach(lambda f, _info: int(f.GetRepetitions()), "repetitions"),
    "CurvatureFlow": Reach(lambda f, _info: int(f.GetNumberOfIterations()), "number_of_iterations", physical=True),
}
"""Filters that need not see the whole image."""


def reach_of(name: str) -> Reach | None:
    """Return how far a filter looks; None if it is not known to look at a neighbourhood only."""
    return _REACHES.get(name)


def halo_of(name: str, image_filter: Any, info: ImageInfo) -> int | None:
    """Return how many slices a filter looks to each side, None if it needs them all.

    Parameters
    ----------
    name : str
        Name of the filter.
    image_filter : SimpleITK filter
        The filter with its parameters set.
    info : ImageInfo
        What is known of the image.
    """
    reach = _REACHES.get(name)
    return None if reach is None else reach.halo(image_filter, info)


BY_LINES = frozenset(
    [
        "BlackTopHat",
        "GrayscaleDilate",
        "GrayscaleErode",
        "GrayscaleMorphologicalClosing",
        "GrayscaleMorphologicalOpening",
        "MorphologicalGradient",
        "WhiteTopHat",
    ]
)
"""Morphology of grey values, which ITK does line by line where the kernel is a box.

Then it reads memory beyond the image, and crashes or gives anything, where a radius is 0 or the image is smaller than
the kernel (SimpleITK 2.5); and a slab may be thinner than the kernel.
"""

SERIAL = frozenset(["DilateObjectMorphology", "ErodeObjectMorphology"])
"""Filters whose threads write where others do: with several of them every run gives another result."""


# --- the grid ---------------------------------------------------------------------------------------


class Grid(enum.Enum):
    """What a filter does to the grid."""

    SAMPLES = "samples of the input, where they are"
    PADS = "the input, and more around it"
    INTERPOLATES = "values between those of the input, where they are"
    PROJECTS = "one value for a line through the input"
    MOVES = "values somewhere else than they were"


_GRIDS = {
    **dict.fromkeys(_names("Crop Extract Flip PermuteAxes RegionOfInterest Shrink Slice DICOMOrient"), Grid.SAMPLES),
    **dict.fromkeys(["ConstantPad", "ZeroFluxNeumannPad"], Grid.PADS),
    **dict.fromkeys(["BinShrink", "Expand", "Resample"], Grid.INTERPOLATES),
    **dict.fromkeys(
        _names(
            """
        BinaryProjection BinaryThresholdProjection MaximumProjection MeanProjection MedianProjection MinimumProjection
        StandardDeviationProjection SumProjection
        """
        ),
        Grid.PROJECTS,
    ),
    **dict.fromkeys(
        ["CyclicShift", "FFTPad", "FFTShift", "MirrorPad", "TransformGeometry", "Warp", "WrapPad"], Grid.MOVES
    ),
}

FREE_GRIDS: dict[str, frozenset[str]] = {
    **dict.fromkeys(
        _names(
            """
        DemonsRegistration DiffeomorphicDemonsRegistration FastSymmetricForcesDemonsRegistration
        LevelSetMotionRegistration SymmetricForcesDemonsRegistration FFTNormalizedCorrelation
        CenteredTransformInitializer
        CenteredVersorTransformInitializer
        """
        ),
        frozenset(["moving_image"]),
    ),
    "MaskedFFTNormalizedCorrelation": frozenset(["moving_image", "moving_image_mask"]),
    **dict.fromkeys(["Convolution", "FFTConvolution"], frozenset(["kernel_image"])),
    **dict.fromkeys(
        _names(
            """
        InverseDeconvolution LandweberDeconvolution ProjectedLandweberDeconvolution RichardsonLucyDeconvolution
        TikhonovDeconvolution WienerDeconvolution
        """
        ),
        frozenset(["image2"]),
    ),
    "HistogramMatching": frozenset(["reference_image"]),
    "NormalizedCorrelation": frozenset(["template_image"]),
    "Paste": frozenset(["source_image"]),
    "Warp": frozenset(["displacement_field"]),
}
"""Inputs that need not be on the grid of the first one."""


def grid_of(name: str) -> Grid | None:
    """Return what a filter does to the grid; None if it leaves it, or is not known to change it."""
    return _GRIDS.get(name)


# --- label maps -------------------------------------------------------------------------------------

_OF_LABEL_MAPS = frozenset(
    _names(
        """
    AggregateLabelMap ChangeLabelLabelMap LabelMapContourOverlay LabelMapMask LabelMapOverlay LabelMapToBinary
    LabelMapToLabel LabelMapToRGB LabelUniqueLabelMap MergeLabelMap RelabelLabelMap
    """
    )
)


def takes_label_map(name: str, role: str) -> bool:
    """Tell whether an input of a filter is a label map, which is made of the labels of an image."""
    return name in _OF_LABEL_MAPS and role != "feature_image"
