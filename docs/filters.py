"""Writes filters.md, and sitk.pyi for type checkers, from the installed SimpleITK; --check only compares.

python docs/filters.py [--check]

Made with another version of SimpleITK they differ, so that --check compares nothing then, and says so.
"""

from __future__ import annotations

import inspect
import math
import sys
from pathlib import Path
from typing import Any

import SimpleITK as sitk

from slicewise.filters import sitk as room
from slicewise.filters.sitk_reflection import FilterSpec, spec_of
from slicewise.filters.sitk_table import BY_LINES, Grid, derivation_of, grid_of, keeps_units, reach_of
from slicewise.filters.sitk_unreachable import UNREACHABLE

PAGE = Path(__file__).with_name("filters.md")
STUB = Path(room.__file__).with_suffix(".pyi")
VERSION = sitk.Version_VersionString()

STUB_HEAD = f'''"""Filters of SimpleITK {VERSION} by name; made by docs/filters.py."""

from collections.abc import Mapping, Sequence
from typing import Any

from numpy.typing import DTypeLike

from slicewise.filters.sitk_measurements import Measurements as Measurements
from slicewise.filters.sitk_nodes import SitkFilter as SitkFilter
from slicewise.filters.sitk_nodes import SitkMeasurement as SitkMeasurement
from slicewise.filters.sitk_sources import SitkSource as SitkSource
from slicewise.image import Image
from slicewise.pipeline.node import Node

'''

PAGE_TEXT = """\
# Filters of SimpleITK and itk

Beside its own filters slicewise has those of SimpleITK, as `sw.sitk.<Name>`, and those of itk, as `sw.itk.<name>`.
They are nodes as others are: nothing is computed before it is asked for, and headers go by the
[header rules](header-rules.md).

## By name

The names are those of SimpleITK's functions. Parameters are given by keyword, in small letters with underscores;
enumerations by their names. Signatures are real: `help(sw.sitk.CurvatureFlow)`, completion and type checkers know
parameters, defaults and types.

```python
import numpy as np
import slicewise as sw

ct = sw.SeriesReader("study/ct")
smooth = ct >> sw.sitk.CurvatureFlow(time_step=0.05, number_of_iterations=3)
closed = ct >> sw.sitk.GrayscaleMorphologicalClosing(kernel_radius=(1, 1, 1), kernel_type="ball")
```

Parameters are checked when the node is made. Whether the filter takes images of this type and size is tried on a very
small image when the graph is built. Random filters must be given a `seed`.

## Several inputs

The first input comes from `>>`, the others by the names SimpleITK gives them, as nodes or images. Where SimpleITK
wants one grid, images on different grids are a `SpaceMismatchError` with the differences; the result has the headers
that the rules leave of several images.

```python
mask = ct > -300
masked = ct >> sw.sitk.Mask(mask_image=mask, outside_value=-1000)
difference = smooth >> sw.sitk.Subtract(image2=ct >> sw.sitk.Cast(output_pixel_type=smooth.dtype))
offset = ct >> sw.sitk.Add(constant=1024)
inverse = sw.sitk.Subtract(constant=0, image2=ct)  # the number first
largest = sw.sitk.NaryMaximum(images=[ct, ct, ct])
```

An image on a stack of volumes is applied to each of them. Label maps are label images here: they are converted on the
way in and out.

## Other grids

`Crop`, `Flip`, `Shrink`, `PermuteAxes`, `Resample` and others that change the grid say so: size, spacing and position
are known before a pixel is computed. Slices that are samples of the source keep their headers; what is interpolated
is a new grid; where values are no longer where they were (`CyclicShift`, `WrapPad`, `Resample` with a transform),
every slice of the source is a source of every slice of the result.

What a transform moves in the patient gets the frame of reference of `reference_image`, or one of its own. Grids
are those that SimpleITK states: `Shrink` by a factor that does not fit the size states positions up to half a
voxel beside the samples it takes, and counts as a new grid then.

```python
small = ct >> sw.sitk.BinShrink(shrink_factors=(2, 2, 1))
turned = ct >> sw.sitk.Flip(flip_axes=(True, False, False))
onto = ct >> sw.sitk.Resample(reference_image=small, interpolator="linear")
```

## What filters measure

Filters that find something beside their image have `measurements()`, which runs them on the whole image. Filters that
make no image return what they found when they are updated. Both are mappings; what is found of each label is in
`labels`, and `table()` is a pandas table. Other images a filter makes, such as distance maps with vectors, are
measurements, too.

```python
threshold = (ct >> sw.sitk.OtsuThreshold()).measurements(progress=False)["threshold"]
statistics = (ct >> sw.sitk.Statistics()).update(progress=False)
mean, sigma = statistics["mean"], statistics["sigma"]

parts = ct >> sw.sitk.ConnectedThreshold(seed_list=[(24, 20, 20)], lower=-200, upper=3000)
shapes = (parts >> sw.sitk.LabelShapeStatistics()).update(progress=False)
volume = {{label: found["physical_size"] for label, found in shapes.labels.items()}}  # mm³
```

`perimeter`, `feret_diameter` and oriented boxes are there if `compute_...` says so. Lists of all indices of a label
are left out.

## Sources

Images made of nothing are readers without headers.

```python
spot = sw.sitk.GaussianSource(size=(48, 40, 40), sigma=(6, 6, 6), mean=(24, 20, 20), scale=100)
points = sw.sitk.PhysicalPointSource(reference_image=ct)  # x, y and z in mm at every voxel
```

## itk

`sw.itk.<name>` runs a filter of the package itk through its function of that name (`pip install 'slicewise[itk]'`),
also those that SimpleITK lacks. Parameters are those of itk's functions. Every filter takes the whole volume, and
keeps no claim about units but where the table says so.

```python
median = ct >> sw.itk.median_image_filter(radius=1)
edges = ct >> sw.Cast("float32") >> sw.itk.gradient_magnitude_image_filter()
```

Arrays reach itk without a copy, and results are views of its memory. Masks go in as bytes.

## Table

Made from SimpleITK {version} and the tables of slicewise: {reached} filters and sources are reached, {streamed} of
them can be streamed. *Streamed* says how many slices on each side are read along; *whole* that the filter takes the
whole volume. Streaming gives the result of the whole bit for bit. What is in no table takes the whole volume, and its
values are taken to be in other units.

Morphology of grey values with a box as kernel takes the whole volume; with a radius of 0, or a box larger than the
image, SimpleITK reads memory beyond the image, so that this is refused.

| filter | computed | units | grid | inputs beside the first | measures | code |
|---|---|---|---|---|---|---|
{rows}

## Not reached

| filter | why |
|---|---|
{unreached}
"""


def stub() -> str:
    """Return the stub."""
    parts = [STUB_HEAD]
    for name in dir(room):
        maker = getattr(room, name)
        signature = inspect.signature(maker)
        taken = ", ".join(_declared(p) for p in signature.parameters.values())
        star = "*, " if taken else ""
        parts.append(f'def {name}({star}{taken}) -> {signature.return_annotation}:\n    """{_summary(maker)}"""\n')
    return "\n".join(parts)


def _declared(parameter: inspect.Parameter) -> str:
    text = f"{parameter.name}: {parameter.annotation}"
    return text if parameter.default is inspect.Parameter.empty else f"{text} = {_default(parameter.default)}"


def _default(value: Any) -> str:
    special = (isinstance(value, float) and not math.isfinite(value)) or (isinstance(value, dict) and value)
    return "..." if special else repr(value)


def _summary(maker: Any) -> str:
    text = (maker.__doc__ or "").partition("\n\n")[2].strip()
    line = " ".join(text.partition("\n\n")[0].split()).replace("\\", "").replace('"', "'")
    return (line or f"{maker.__name__} of SimpleITK").rstrip(".") + "."


def table_row(spec: FilterSpec) -> str:
    """Return a row of the table."""
    grid = grid_of(spec.name)
    codes = ", ".join(code.meaning for code in derivation_of(spec.name, 2))
    inputs = [a.name for a in spec.images[1:] if not spec.several] + (["images"] if spec.several else [])
    measured = [m.name for m in spec.measurements if m.name != "labels"]
    shown = ", ".join(f"`{m}`" for m in measured[:4]) + (f" and {len(measured) - 4} more" if len(measured) > 4 else "")
    units = "kept" if keeps_units(spec.name) else ""
    cells = [
        f"`{spec.name}`",
        _computed(spec),
        units if spec.makes_image and spec.images else "",
        "" if grid is None else grid.value if grid is not Grid.PROJECTS else "one value for a line",
        ", ".join(f"`{name}`" for name in [*inputs, *(["constant"] if spec.constant else [])]),
        shown,
        codes,
    ]
    return f"| {' | '.join(cells)} |"


def _computed(spec: FilterSpec) -> str:
    if not spec.images:
        return "source"
    if not spec.makes_image:
        return "measured"
    reach = reach_of(spec.name)
    if reach is None:
        return "whole"
    return f"streamed, {reach.text}" + ("; whole with a box" if spec.name in BY_LINES else "")


def page() -> str:
    """Return the page."""
    specs = [spec_of(name) for name in dir(room)]
    return PAGE_TEXT.format(
        version=VERSION,
        reached=len(specs),
        streamed=sum(reach_of(spec.name) is not None for spec in specs),
        rows="\n".join(map(table_row, specs)),
        unreached="\n".join(f"| `{name}` | {why} |" for name, why in sorted(UNREACHABLE.items())),
    )


def main() -> int:
    """Write or compare the page and the stub."""
    made = {PAGE: page(), STUB: stub()}
    if "--check" not in sys.argv:
        for path, text in made.items():
            path.write_text(text, encoding="utf-8")
        return 0
    if f"SimpleITK {VERSION} " not in STUB.read_text(encoding="utf-8").partition("\n")[0]:
        print(f"made with another SimpleITK than {VERSION}: nothing is compared")  # noqa: T201
        return 0
    return int(any(path.read_text(encoding="utf-8") != text for path, text in made.items()))


if __name__ == "__main__":
    raise SystemExit(main())
