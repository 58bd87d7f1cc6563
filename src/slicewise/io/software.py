"""The software itself, as it names itself in what it writes."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

from slicewise.dicom.derivation import Software

__all__ = ["this_software"]


def this_software() -> Software:
    """Return the name and the installed version."""
    try:
        installed = version("slicewise")
    except PackageNotFoundError:  # a checkout that is not installed
        installed = "0+unknown"
    return Software("slicewise contributors", "slicewise", installed)
