"""The fourth axis in the header of a NIfTI-1 file, which SimpleITK takes for seconds always."""

from __future__ import annotations

import struct

from slicewise.image import StackAxis

__all__ = ["with_fourth_axis"]

_SECONDS = {"min": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6}
_STEP, _UNITS, _START = 76 + 4 * 4, 123, 136
"""Where pixdim[4], xyzt_units and toffset stand (nifti1.h)."""
_MILLIMETRES, _SECOND = 2, 8


def with_fourth_axis(header: bytes, axis: StackAxis) -> bytes:
    """Return the header of a NIfTI-1 file that SimpleITK wrote, with the fourth axis in it.

    Evenly spaced times become seconds; of any other axis NIfTI has nothing to say but its length, and its unit is
    left unknown.

    Parameters
    ----------
    header : bytes
        The header, little endian.
    axis : StackAxis
        What the volumes are stacked along.
    """
    seconds = _SECONDS.get(axis.unit or "") if axis.is_time else None
    step, start = axis.line
    known = seconds is not None and axis.step is not None
    scale = seconds if known and seconds is not None else 0.0
    stated = bytearray(header)
    struct.pack_into("<f", stated, _STEP, step * scale if known else 1.0)
    struct.pack_into("<f", stated, _START, start * scale)
    struct.pack_into("<B", stated, _UNITS, _MILLIMETRES | (_SECOND if known else 0))
    return bytes(stated)
