"""Code that stays as it is: the standard library and installed packages; and what is installed, as one digest."""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import os
import platform
import sys
import sysconfig
from pathlib import Path

__all__ = ["installation", "is_installed"]

_OWN = "slicewise"


def is_installed(module: str) -> bool:
    """Whether a module is of the standard library, of this package, or of another that was installed.

    Others, such as scripts, notebooks, and packages that are run from where they are developed, are edited: of these a
    name does not tell what they do.
    """
    top = module.partition(".")[0]
    return (top in sys.stdlib_module_names and top != "__main__") or top == _OWN or _is_in_site_packages(top)


@functools.cache
def _is_in_site_packages(top: str) -> bool:
    try:
        found = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return False
    if found is None:
        return False
    places = [found.origin] if found.origin else list(found.submodule_search_locations or ())
    folders = tuple(os.path.realpath(sysconfig.get_path(name)) + os.sep for name in ("purelib", "platlib"))
    return bool(places) and all(os.path.realpath(place).startswith(folders) for place in places)


@functools.cache
def installation() -> str:
    """Return a digest of what results may depend on beside the graph: versions, kind of processor, this package.

    All packages that are installed count, as any of them may be called by a function in a graph.
    """
    told = [sys.version, platform.machine(), sys.byteorder, *_packages(), *_own_sources()]
    return hashlib.blake2b("\n".join(told).encode(), digest_size=16).hexdigest()


def _packages() -> list[str]:
    # The names of these folders tell name and version; to read what is in them takes a fifth of a second.
    folders = [Path(name) for name in sys.path if Path(name).is_dir()]
    return sorted({path.name for folder in folders for path in folder.glob("*.*-info")})


def _own_sources() -> list[str]:
    # Where this package is run from its sources, its version does not tell what it does.
    if _is_in_site_packages(_OWN):
        return []
    folder = Path(__file__).parents[1]
    found = [(path, path.stat()) for path in sorted(folder.rglob("*.py"))]
    return [f"{path.relative_to(folder)} {status.st_size} {status.st_mtime_ns}" for path, status in found]
