"""Names of the files of a series."""

from __future__ import annotations

from slicewise.errors import ParameterError

__all__ = ["file_name"]


def file_name(pattern: str, number: int) -> str:
    """Return the name of a file by its number.

    Parameters
    ----------
    pattern : str
        A format string that takes the number, such as ``"slice_{:04d}.dcm"``.
    number : int
        The number.

    Raises
    ------
    ParameterError
        If the pattern takes no number, or what it gives is no plain file name of its own.
    """
    try:
        name = pattern.format(number)
        other = pattern.format(number + 1)
    except (ValueError, IndexError, KeyError) as error:
        raise ParameterError(
            f"'file_pattern' must take a number, like 'slice_{{:04d}}.dcm' (got {pattern!r}: {error})"
        ) from error
    if name == other or not 0 < len(name.encode()) <= 255 or "/" in name or "\0" in name or name.startswith("."):
        raise ParameterError(
            f"'file_pattern' must give each slice its own plain file name, like 'slice_{{:04d}}.dcm' (got {pattern!r})"
        )
    return name
