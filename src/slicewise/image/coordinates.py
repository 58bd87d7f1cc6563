"""What the coordinates of a grid are of."""

from __future__ import annotations

import enum

__all__ = ["Coordinates"]


class Coordinates(enum.Enum):
    """What the coordinates of a grid are of: the patient, or the image alone.

    Radiographs, ultrasound, endoscopy and secondary capture have no Image Plane (PS3.3, C.7.6.2): nothing
    says where their pixels lie in the patient.
    """

    PATIENT = "mm in the patient, LPS"
    PLANE = "mm within each slice, which has no place in the patient"
    PIXELS = "pixels of an image without a place in the patient, of no known size"
