"""The fourth axis in the header of a NIfTI-1 file, which SimpleITK takes for seconds always."""

from __future__ import annotations

import gzip
import shutil
import struct
from pathlib import Path

from slicewise.image import StackAxis

__all__ = ["compressed", "state_fourth_axis"]

_SECONDS = {"min": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6}
_STEP, _UNITS, _START = 76 + 4 * 4, 123, 136
"""Where pixdim[4], xyzt_units and toffset stand (nifti1.h)."""
_MILLIMETRES, _SECOND = 2, 8


def state_fourth_axis(path: Path, axis: StackAxis) -> None:
    """Put the fourth axis into the header of a NIfTI-1 file that SimpleITK wrote.

    Evenly spaced times become seconds; of any other axis NIfTI has nothing to say but its length, and its unit is
    left unknown.

    Parameters
    ----------
    path : Path
        The file, not compressed, little endian.
    axis : StackAxis
        What the volumes are stacked along.
    """
    seconds = _SECONDS.get(axis.unit or "") if axis.is_time else None
    step, start = axis.line
    known = seconds is not None and axis.step is not None
    scale = seconds if known and seconds is not None else 0.0
    with path.open("r+b") as file:
        for offset, form, value in (
            (_STEP, "<f", step * scale if known else 1.0),
            (_START, "<f", start * scale),
            (_UNITS, "<B", _MILLIMETRES | (_SECOND if known else 0)),
        ):
            file.seek(offset)
            file.write(struct.pack(form, value))


def compressed(plain: Path, path: Path) -> None:
    """Compress a file to another, and delete it."""
    with plain.open("rb") as source, gzip.open(path, "wb", compresslevel=6) as target:
        shutil.copyfileobj(source, target, 1 << 20)
    plain.unlink()
