"""What filters of SimpleITK find beside their image: thresholds, statistics, shapes of labels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np

from slicewise.filters.simpleitk import simpleitk
from slicewise.filters.sitk_reflection import FilterSpec, Measurement
from slicewise.image import Image
from slicewise.image.extras import optional_module

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Measurements", "measured"]

_LEFT_OUT = frozenset(["indexes", "rle_indexes"])
"""Lists as long as the label is large."""

_IF_COMPUTED = {
    "feret_diameter": "GetComputeFeretDiameter",
    "perimeter": "GetComputePerimeter",
    "perimeter_on_border": "GetComputePerimeter",
    "perimeter_on_border_ratio": "GetComputePerimeter",
    "roundness": "GetComputePerimeter",
    **dict.fromkeys(
        [f"oriented_bounding_box_{part}" for part in ("direction", "origin", "size", "vertices")],
        "GetComputeOrientedBoundingBox",
    ),
}
"""What is only there if it was asked for."""


def _fixed(found: Mapping[Any, Any]) -> Mapping[Any, Any]:
    return MappingProxyType(dict(found))


def _short(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


@attrs.frozen(eq=False, repr=False)
class Measurements(Mapping[str, Any]):
    """What a filter of SimpleITK found, by name; in the units of SimpleITK: mm, LPS, indices x, y, z.

    Parameters
    ----------
    values : mapping of str to object
        What it found of the image as a whole.
    labels : mapping of int to mapping
        Of a filter that measures labels, what it found of each.

    Examples
    --------
    >>> import numpy as np
    >>> import slicewise as sw
    >>> image = sw.Image.from_array(np.arange(24, dtype=np.int16).reshape(2, 3, 4))
    >>> found = (image >> sw.sitk.Statistics()).update(progress=False)
    >>> found["mean"], found["maximum"]
    (11.5, 23.0)
    >>> found
    Measurements(maximum=23, mean=11.5, minimum=0, sigma=7.07107, sum=276, variance=50)
    """

    values_of_image: Mapping[str, Any] = attrs.field(converter=_fixed)
    labels: Mapping[int, Mapping[str, Any]] = attrs.field(converter=_fixed, factory=dict)

    def __getitem__(self, name: str) -> Any:
        return self.values_of_image[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.values_of_image)

    def __len__(self) -> int:
        return len(self.values_of_image)

    def __repr__(self) -> str:
        told = [f"{name}={_short(value)}" for name, value in self.values_of_image.items() if not self.labels]
        if self.labels:
            measured = next(iter(self.labels.values()))
            told = [f"{len(self.labels)} labels: {', '.join(measured)}"]
        return f"Measurements({', '.join(told)})"

    def table(self) -> pd.DataFrame:
        """Return a pandas table: a row for each label; of a filter that measures no labels, one row.

        Raises
        ------
        MissingExtraError
            If pandas is not installed.
        """
        pandas = optional_module("pandas", "jupyter", "measurements.table()")
        if self.labels:
            frame = pandas.DataFrame([dict(row) for row in self.labels.values()], index=list(self.labels))
            frame.index.name = "label"
            return frame
        return pandas.DataFrame([dict(self.values_of_image)])


def measured(spec: FilterSpec, image_filter: Any, images: Sequence[Any]) -> Measurements:
    """Return what a filter found.

    Parameters
    ----------
    spec : FilterSpec
        What is known of the filter.
    image_filter : SimpleITK filter
        The filter, executed.
    images : sequence of SimpleITK images
        What it was executed with.
    """
    wanted = [m for m in spec.measurements if m.name not in _LEFT_OUT and _is_there(m, image_filter)]
    values: dict[str, Any] = {}
    labels: dict[int, dict[str, Any]] = {}
    known = [int(label) for label in image_filter.GetLabels()] if hasattr(image_filter, "GetLabels") else []
    for m in wanted:
        getter = getattr(image_filter, m.getter)
        if m.of == "label":
            for label in known:
                labels.setdefault(label, {})[m.name] = _plain(getter(label))
        elif m.of == "input":
            values[m.name] = tuple(_plain(getter(k)) for k in range(len(images)))
        else:
            values[m.name] = _plain(getter(images[0]) if m.of == "image" else getter())
    return Measurements(values, labels)


def _is_there(measurement: Measurement, image_filter: Any) -> bool:
    asked = getattr(image_filter, _IF_COMPUTED.get(measurement.name, ""), None)
    if measurement.name == "median" and hasattr(image_filter, "GetUseHistograms"):
        asked = image_filter.GetUseHistograms
    return asked is None or bool(asked())


def _plain(value: Any) -> Any:
    if isinstance(value, simpleitk().Image):
        return Image.from_sitk(value)
    if hasattr(value, "__iter__") and not isinstance(value, str):
        return tuple(_plain(v) for v in value)
    return value.item() if isinstance(value, np.generic) else value
