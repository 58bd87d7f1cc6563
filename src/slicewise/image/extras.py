"""Packages that only some need: imported on use, with an error that says how to get them."""

from __future__ import annotations

import importlib
from typing import Any

from slicewise.errors import MissingExtraError

__all__ = ["optional_module"]


def optional_module(name: str, extra: str, user: str) -> Any:
    """Return an optional package.

    Parameters
    ----------
    name : str
        Name of the package.
    extra : str
        The extra of slicewise that brings it.
    user : str
        What needs it, for the message.

    Raises
    ------
    MissingExtraError
        If it is not installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError:
        raise MissingExtraError(f"{user} needs {name}: pip install 'slicewise[{extra}]'") from None
