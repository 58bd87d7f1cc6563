"""The enumerations of SimpleITK by names: ``interpolator="linear"``, ``kernel_type="box"``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from slicewise.filters.simpleitk import simpleitk

__all__ = ["members_of"]

_INTERPOLATORS = """
    NearestNeighbor Linear BSpline BSpline1 BSpline2 BSpline3 BSpline4 BSpline5 Gaussian LabelGaussian LabelLinear
    HammingWindowedSinc CosineWindowedSinc WelchWindowedSinc LanczosWindowedSinc BlackmanWindowedSinc
    BSplineResampler BSplineResamplerOrder1 BSplineResamplerOrder2 BSplineResamplerOrder3 BSplineResamplerOrder4
    BSplineResamplerOrder5
"""
_KERNELS = "Annulus Ball Box Cross Polygon3 Polygon4 Polygon5 Polygon6 Polygon7 Polygon8 Polygon9"
_SCALARS = "Int8 UInt8 Int16 UInt16 Int32 UInt32 Int64 UInt64 Float32 Float64"
_PIXELS = f"Unknown {_SCALARS} {' '.join(f'Vector{name}' for name in _SCALARS.split())}"
_SHARED = {"InterpolatorEnum": _INTERPOLATORS, "KernelEnum": _KERNELS, "PixelIDValueEnum": _PIXELS}

_OWN = {
    "BoundaryConditionType": "ZERO_PAD ZERO_FLUX_NEUMANN_PAD PERIODIC_PAD",
    "OutputRegionModeType": "SAME VALID",
    "PriorityType": "HIGH_LABEL_ON_TOP LOW_LABEL_ON_TOP",
    "ContourTypeType": "PLAIN CONTOUR SLICE_CONTOUR",
}
"""Enumerations of classes that have several; the members of others are all numbers of their class."""


def members_of(cls: Any, kind: str) -> Mapping[str, int] | None:
    """Return the names and numbers of an enumeration; None for a type that is none.

    Pixel types have the names of numpy, and ``vector_`` before that for several values per pixel.

    Parameters
    ----------
    cls : type
        The filter whose parameter it is.
    kind : str
        The type in C++.
    """
    if not kind.startswith("itk::simple::"):
        return None
    short = kind.rpartition("::")[2]
    if short in _SHARED:
        library = simpleitk()
        found = {_name(n): getattr(library, f"sitk{n}", None) for n in _SHARED[short].split()}
        return {name: number for name, number in found.items() if number is not None}
    names = _OWN[short].split() if short in _OWN else [n for n in sorted(dir(cls)) if n[:1].isupper()]
    return {_name(n): value for n in names if type(value := getattr(cls, n, None)) is int}


def _name(name: str) -> str:
    if name.isupper():
        return name.lower()
    pixels = re.fullmatch(r"(Vector)?(U?Int|Float)(\d+)", name)
    if pixels is not None:
        return f"{'vector_' if pixels[1] else ''}{pixels[2].lower()}{pixels[3]}"
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
