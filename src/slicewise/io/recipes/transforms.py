"""Transforms of SimpleITK as trees: kind, parameters and fixed parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from slicewise.errors import RecipeError
from slicewise.filters.simpleitk import simpleitk
from slicewise.io.recipes.tree import Tree

__all__ = ["WITH_DIMENSION", "transform_fields", "transform_of"]

_COMPOSITE = "CompositeTransform"
WITH_DIMENSION = (
    "AffineTransform",
    "BSplineTransform",
    "DisplacementFieldTransform",
    "ScaleTransform",
    "TranslationTransform",
)
_OF_THREE = (
    "ComposeScaleSkewVersor3DTransform",
    "Euler3DTransform",
    "ScaleSkewVersor3DTransform",
    "ScaleVersor3DTransform",
    "Similarity3DTransform",
    "VersorRigid3DTransform",
    "VersorTransform",
)
_OF_TWO = ("Euler2DTransform", "Similarity2DTransform")
_IDENTITY = "IdentityTransform"


def transform_fields(transform: Any, numbers: Callable[[tuple[float, ...]], Tree]) -> dict[str, Tree] | None:
    """Return what makes a transform again; None if it is of a kind that cannot be made so.

    Parameters
    ----------
    transform : SimpleITK.Transform
        The transform.
    numbers : callable
        Gives the tree of a row of numbers.
    """
    library = simpleitk()
    general = library.Transform(transform)
    fields: dict[str, Tree] = {} if general.GetDimension() == 3 else {"dimension": general.GetDimension()}
    if general.GetTransformEnum() == library.sitkComposite:
        composite = library.CompositeTransform(general)
        count = composite.GetNumberOfTransforms()
        parts = [transform_fields(composite.GetNthTransform(k), numbers) for k in range(count)]
        return None if None in parts else {"kind": _COMPOSITE, **fields, "parts": tuple(parts)}
    if general.GetTransformEnum() == library.sitkIdentity:
        return {"kind": _IDENTITY, **fields}
    try:
        special = general.Downcast()
    except KeyError:  # SimpleITK has no class for some
        return None
    if special.GetName() not in (*WITH_DIMENSION, *_OF_THREE, *_OF_TWO):
        return None
    order = {"order": special.GetOrder()} if special.GetName() == "BSplineTransform" else {}
    fixed = general.GetFixedParameters()
    more = {"fixed_parameters": numbers(fixed)} if fixed else {}
    return {"kind": special.GetName(), **fields, **order, "parameters": numbers(general.GetParameters()), **more}


def transform_of(fields: Mapping[str, Any]) -> Any:
    """Return the transform that the fields describe, numbers as sequences.

    Raises
    ------
    RecipeError
        If they describe none.
    """
    library = simpleitk()
    kind, dimension = str(fields.get("kind")), fields.get("dimension", 3)
    if dimension not in (2, 3):
        raise RecipeError(f"a transform is of 2 or 3 dimensions (got {dimension!r})")
    if kind == _COMPOSITE:
        return library.CompositeTransform([transform_of(part) for part in fields.get("parts", ())])
    if kind == _IDENTITY:
        return library.Transform(dimension, library.sitkIdentity)
    if kind in WITH_DIMENSION:
        more = (fields.get("order", 3),) if kind == "BSplineTransform" else ()
        made = getattr(library, kind)(dimension, *more)
    elif kind in (_OF_THREE if dimension == 3 else _OF_TWO):
        made = getattr(library, kind)()
    else:
        known = ", ".join(sorted({_COMPOSITE, _IDENTITY, *WITH_DIMENSION, *_OF_THREE}))
        raise RecipeError(f"there is no transform {kind!r} of {dimension} dimensions; there are {known}")
    try:
        # The fixed ones first: they say how many others there are.
        made.SetFixedParameters([float(v) for v in fields.get("fixed_parameters", ())] or made.GetFixedParameters())
        parameters = [float(v) for v in fields.get("parameters", ())]
        if kind == "TranslationTransform":
            # It leaves 0.0 where -0.0 is set, since they are equal.
            made.SetParameters([1.0] * len(parameters))
        made.SetParameters(parameters)
    except (RuntimeError, TypeError, ValueError) as error:
        reason = str(error).strip().splitlines()[-1]
        raise RecipeError(f"the parameters are none of a {kind}: {reason}") from None
    return made
