"""The software that makes pixels, with its versions."""

from __future__ import annotations

import functools
import platform
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version

from slicewise.io.software import this_software

__all__ = ["installed", "other_versions"]

_PACKAGES = ("numpy", "SimpleITK", "itk", "pydicom", "imagecodecs", "scipy")
"""What may compute, decode or encode pixels."""


@functools.cache
def installed() -> tuple[str, ...]:
    """Return name and version of this software, of the packages that it computes with, of Python, and the processor."""
    found = [f"slicewise {this_software().version}"]
    for package in _PACKAGES:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    return (*found, f"Python {platform.python_version()}", f"processor {platform.machine() or 'unknown'}")


def other_versions(told: Sequence[str]) -> list[str]:
    """Return in words which versions are others here than those told."""
    here = dict(line.partition(" ")[::2] for line in installed())
    there = dict(line.partition(" ")[::2] for line in told)
    return [
        f"{name} {there.get(name, 'none')} then, {here.get(name, 'none')} here"
        for name in dict.fromkeys([*there, *here])
        if there.get(name) != here.get(name)
    ]
