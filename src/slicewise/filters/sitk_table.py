"""What is known of the filters of SimpleITK: what they do to values, and how far they look."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from slicewise.dicom import codes
from slicewise.image import Code, Operation
from slicewise.pipeline.effect import Effect

__all__ = ["effect_of", "halo_of"]

_SMOOTHING = """
    BinomialBlur Bilateral BoxMean CurvatureAnisotropicDiffusion CurvatureFlow
    FastApproximateRank GradientAnisotropicDiffusion Mean Median MinMaxCurvatureFlow PatchBasedDenoising Rank
"""
_GAUSSIAN = "DiscreteGaussian SmoothingRecursiveGaussian"
_SHARPENING = "LaplacianSharpening"
_SAME_VALUES = """
    AreaClosing AreaOpening Cast Clamp ClosingByReconstruction GrayscaleConnectedClosing GrayscaleConnectedOpening
    GrayscaleDilate GrayscaleErode GrayscaleFillhole GrayscaleGrindPeak GrayscaleMorphologicalClosing
    GrayscaleMorphologicalOpening N4BiasFieldCorrection OpeningByReconstruction Round
"""
_EDGES = """
    CannyEdgeDetection Derivative GradientMagnitude GradientMagnitudeRecursiveGaussian Laplacian
    LaplacianRecursiveGaussian MorphologicalGradient SobelEdgeDetection ZeroCrossingBasedEdgeDetection
"""
_SEGMENTATION = """
    BinaryThreshold ConfidenceConnected ConnectedComponent ConnectedThreshold DoubleThreshold HuangThreshold
    IntermodesThreshold IsoDataThreshold IsolatedConnected KittlerIllingworthThreshold LiThreshold
    MaximumEntropyThreshold MomentsThreshold MorphologicalWatershed NeighborhoodConnected OtsuMultipleThresholds
    OtsuThreshold RenyiEntropyThreshold ScalarConnectedComponent ScalarImageKmeans ShanbhagThreshold
    ThresholdMaximumConnectedComponents TriangleThreshold YenThreshold
"""

_GROUPS: tuple[tuple[str, bool, tuple[Code, ...]], ...] = (
    (_SMOOTHING, True, (codes.SMOOTHING,)),
    (_GAUSSIAN, True, (codes.GAUSSIAN,)),
    (_SHARPENING, True, (codes.EDGE_ENHANCEMENT,)),
    ("Threshold", True, (codes.SEGMENTATION,)),
    (_SAME_VALUES, True, ()),
    (_EDGES, False, (codes.EDGE_ENHANCEMENT,)),
    (_SEGMENTATION, False, (codes.SEGMENTATION,)),
)
_EFFECTS = {
    name: Effect(Operation.PIXEL, keeps_units=keeps_units, derivation=derivation)
    for names, keeps_units, derivation in _GROUPS
    for name in names.split()
}
_UNKNOWN = Effect(Operation.PIXEL, keeps_units=False)


def effect_of(name: str) -> Effect:
    """Return what a filter does; one that is not known is taken to change the units of the values."""
    return _EFFECTS.get(name, _UNKNOWN)


def _nothing(_: Any) -> int:
    return 0


def _radius(image_filter: Any) -> int:
    return int(image_filter.GetRadius()[-1])


def _kernel_radius(image_filter: Any) -> int:
    return int(image_filter.GetKernelRadius()[-1])


_POINTWISE = """
    Abs Acos Asin Atan BinaryThreshold BoundedReciprocal Clamp Cos Exp ExpNegative IntensityWindowing InvertIntensity
    Log Log10 ShiftScale Sigmoid Sin Sqrt Square Tan Threshold
"""
_HALOS: dict[str, Callable[[Any], int]] = {
    **dict.fromkeys(_POINTWISE.split(), _nothing),
    **dict.fromkeys(["Mean", "Median"], _radius),
    **dict.fromkeys(["GrayscaleDilate", "GrayscaleErode"], _kernel_radius),
}
"""Filters that need not see the whole image, and how many slices they need on each side."""


def halo_of(name: str, image_filter: Any) -> int | None:
    """Return how many slices a filter looks to each side, None if it needs them all.

    Parameters
    ----------
    name : str
        Name of the filter.
    image_filter : SimpleITK filter
        The filter with its parameters set.
    """
    halo = _HALOS.get(name)
    return None if halo is None else halo(image_filter)
