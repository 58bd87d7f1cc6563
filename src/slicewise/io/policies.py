"""What a policy of a reader let pass, for the history of the image."""

from __future__ import annotations

import numpy as np

from slicewise.image import Geometry, Step
from slicewise.image.geometry import REGULAR_TOLERANCE

__all__ = ["policy_steps"]


def policy_steps(found: int, geometry: Geometry, tolerance: float) -> tuple[Step, ...]:
    """Return what was let pass when slices were put together; nothing where they made an even stack by themselves.

    Parameters
    ----------
    found : int
        How many slices there were.
    geometry : Geometry
        The grid that was made of them.
    tolerance : float
        The tolerance that was asked for, as a fraction of the slice spacing.
    """
    notes = []
    if not geometry.is_in_patient:
        notes.append("on_no_plane='pixels': no place in the patient, slices in the order of the source")
    if found > geometry.slices:
        notes.append(f"on_duplicate='first': {found - geometry.slices} of {found} slices left out")
    if not geometry.is_even:
        gaps = np.abs(np.diff(geometry.distances))
        notes.append(f"on_gap='keep': slices {gaps.min():.4g} to {gaps.max():.4g} mm apart")
    elif geometry.slices > 2 and geometry.unevenness > REGULAR_TOLERANCE * abs(geometry.slice_spacing):
        notes.append(f"tolerance={tolerance:g}: slices up to {geometry.unevenness:.4g} mm from their place")
    return (Step("SeriesReader", "; ".join(notes)),) if notes else ()
