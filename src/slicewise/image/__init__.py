"""What flows through a pipeline: images with a geometry, a header per slice, and a history."""

from slicewise.image.axis import StackAxis
from slicewise.image.coordinates import Coordinates
from slicewise.image.elements import RawElement
from slicewise.image.geometry import Geometry
from slicewise.image.headers import Headers, PerSlice
from slicewise.image.history import Action, Change, Code, Operation, Source, Step
from slicewise.image.image import Image, ImageInfo
from slicewise.image.image_stack import ImageStack
from slicewise.image.padding import Padding
from slicewise.image.read_only import ReadOnlyDataset
from slicewise.image.slices import SliceMap
from slicewise.image.space import check_same_space, space_differences

__all__ = [
    "Action",
    "Change",
    "Code",
    "Coordinates",
    "Geometry",
    "Headers",
    "Image",
    "ImageInfo",
    "ImageStack",
    "Operation",
    "Padding",
    "PerSlice",
    "RawElement",
    "ReadOnlyDataset",
    "SliceMap",
    "Source",
    "StackAxis",
    "Step",
    "check_same_space",
    "space_differences",
]
