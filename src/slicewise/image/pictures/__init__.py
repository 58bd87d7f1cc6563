"""Pictures for people to look at: slices as grey levels, lettering, PNG."""

from slicewise.image.pictures.planes import Levels, Plane, across, levels_of, slice_plane
from slicewise.image.pictures.png import encode_png
from slicewise.image.pictures.sheet import contact_sheet

__all__ = ["Levels", "Plane", "across", "contact_sheet", "encode_png", "levels_of", "slice_plane"]
