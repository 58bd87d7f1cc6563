"""The errors of slicewise, one tree.

Every error names the node, the file or the slice it is about, what was found, what was wanted,
and what to do. Each is also of the built-in type a Python programmer would expect.

::

    SlicewiseError
    ├── ParameterError        (ValueError)           a parameter has a value that cannot work
    ├── GraphError            (TypeError)            nodes are put together in a way that cannot work
    ├── HeaderError           (ValueError)           an attribute cannot be found, read or encoded
    │   └── UnknownAttributeError  (KeyError)        no attribute has that keyword or tag
    ├── GeometryError         (ValueError)           a grid cannot do what was asked
    │   ├── IrregularGeometryError                   a box was asked of a stack that is none
    │   └── SpaceMismatchError                       two images do not lie on the same grid
    ├── RecipeError           (ValueError)           a recipe cannot be understood, or no graph made of it
    ├── PatientMismatchError  (ValueError)           images of several patients meet in one node
    ├── ReadError             (OSError)              a file or a folder cannot be read
    │   ├── NotDicomError                            the file is not DICOM
    │   ├── TruncatedError                           the file ends too early
    │   ├── MissingCodecError (NotImplementedError)  no installed codec decodes the transfer syntax
    │   └── SeriesError       (ValueError)           the files do not make up one image
    │       ├── SeveralSeriesError                   more than one series, or more than one volume
    │       ├── MissingSliceError                    a slice is missing
    │       ├── DuplicateSliceError                  two slices at one position
    │       └── MixedSlicesError                     sizes or orientations differ
    ├── PixelsError           (ValueError)           given pixels are not what their header says
    ├── ValueRangeError       (OverflowError)        a value does not fit the type it has to take
    ├── ComputeError          (RuntimeError)         a node failed on a slab
    ├── WriteError            (OSError)              output cannot be written
    │   └── DestinationError  (FileExistsError)      the destination must not be written to
    ├── CancelledError                               the run was cancelled
    └── MissingExtraError     (ImportError)          an optional package is needed and not installed
"""

from __future__ import annotations

__all__ = [
    "CancelledError",
    "ComputeError",
    "DestinationError",
    "DuplicateSliceError",
    "GeometryError",
    "GraphError",
    "HeaderError",
    "IrregularGeometryError",
    "MissingCodecError",
    "MissingExtraError",
    "MissingSliceError",
    "MixedSlicesError",
    "NotDicomError",
    "ParameterError",
    "PatientMismatchError",
    "PixelsError",
    "ReadError",
    "RecipeError",
    "SeriesError",
    "SeveralSeriesError",
    "SlicewiseError",
    "SlicewiseWarning",
    "SpaceMismatchError",
    "TruncatedError",
    "UnknownAttributeError",
    "ValueRangeError",
    "WriteError",
]


class SlicewiseError(Exception):
    """Root of all errors raised on purpose by slicewise."""


class SlicewiseWarning(UserWarning):
    """Something was passed over or assumed, and the result still stands."""


class ParameterError(SlicewiseError, ValueError):
    """A parameter has a value that cannot work."""


class GraphError(SlicewiseError, TypeError):
    """Nodes are put together in a way that cannot work."""


class RecipeError(SlicewiseError, ValueError):
    """A recipe cannot be understood, or no graph can be made of it."""


class HeaderError(SlicewiseError, ValueError):
    """An attribute cannot be found, read or encoded."""


class UnknownAttributeError(HeaderError, KeyError):
    """No attribute has that keyword or tag."""

    def __str__(self) -> str:
        """Return the message itself; KeyError would show its ``repr``."""
        return str(self.args[0]) if self.args else ""


class GeometryError(SlicewiseError, ValueError):
    """A grid cannot do what was asked."""


class IrregularGeometryError(GeometryError):
    """A box was asked of a stack of slices that is sheared or unevenly spaced."""


class SpaceMismatchError(GeometryError):
    """Two images do not lie on the same grid."""


class PatientMismatchError(SlicewiseError, ValueError):
    """Images of several patients meet in one node."""


class ReadError(SlicewiseError, OSError):
    """A file or a folder cannot be read."""


class NotDicomError(ReadError):
    """The file is not a DICOM file."""


class TruncatedError(ReadError):
    """The file ends before its header or pixels do."""


class MissingCodecError(ReadError, NotImplementedError):
    """No installed codec decodes the transfer syntax of the file."""


class SeriesError(ReadError, ValueError):
    """The files do not make up one image."""


class SeveralSeriesError(SeriesError):
    """There is more than one series, or more than one volume in the series."""


class MissingSliceError(SeriesError):
    """A slice is missing between two others."""


class DuplicateSliceError(SeriesError):
    """Two slices lie at the same position."""


class MixedSlicesError(SeriesError):
    """Slices differ in size, orientation or kind of pixel."""


class PixelsError(SlicewiseError, ValueError):
    """Pixels that are given are not what their header says."""


class ValueRangeError(SlicewiseError, OverflowError):
    """A value does not fit the type it has to take."""


class ComputeError(SlicewiseError, RuntimeError):
    """A node failed on a slab."""


class WriteError(SlicewiseError, OSError):
    """Output cannot be written."""


class DestinationError(WriteError, FileExistsError):
    """The destination must not be written to."""


class CancelledError(SlicewiseError):
    """The run was cancelled; nothing of it was kept."""


class MissingExtraError(SlicewiseError, ImportError):
    """An optional package is needed and not installed."""
