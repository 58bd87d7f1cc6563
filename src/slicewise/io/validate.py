"""DICOM files checked against the standard, and against each other."""

from __future__ import annotations

import os
from collections.abc import Sequence

from slicewise.io.file_checks import check_files
from slicewise.io.listing import PathLike, list_files
from slicewise.io.series_checks import by_series, study_findings
from slicewise.io.validation import Validation
from slicewise.pipeline.progress import Show, show_progress

__all__ = ["validate"]


def validate(
    path: PathLike | Sequence[PathLike],
    *,
    recursive: bool = True,
    hidden: bool = False,
    follow_links: bool = False,
    archives: bool = False,
    progress: Show | bool | None = None,
) -> Validation:
    """Check DICOM files against the standard, and against each other.

    Each instance is checked for attributes that its IOD requires (PS3.5, 7.4; PS3.3, A), for the form, length, letters
    and number of its values (PS3.5, 6.2; PS3.6), for enumerated values, for file meta information and for the
    length of its pixel data; instances of a series for what they must share, for their geometry and their identifiers.
    Only headers are read, and the heads of compressed frames.

    Parameters
    ----------
    path : path, glob pattern or sequence of paths
        Files, folders, archives or a DICOMDIR. References are looked for among what is given.
    recursive, hidden, follow_links, archives : bool
        Which files are taken; see ``discover``.
    progress : bool or callable, optional
        Whether to show a bar; by default where a person looks. A callable gets a ``Progress`` of files.

    Returns
    -------
    Validation
        The findings; ``is_valid`` if none is an error. ``not_checked`` says what no finding does not mean.

    Raises
    ------
    ReadError
        If nothing is there, or a file that was named is not DICOM.

    Examples
    --------
    >>> found = validate("study")  # doctest: +SKIP
    >>> print(found)  # doctest: +SKIP
    error: PatientSex: absent; wanted: the attribute, if only empty (type 2 of patient) (PS3.5 7.4.3); ...
    study: 41 files in 1 series: 41 errors, 0 warnings
    """
    files = list_files(path, recursive=recursive, hidden=hidden, follow_links=follow_links, archives=archives)
    with show_progress(progress, "Checking", unit="file") as tell:
        checked = check_files(files, tell)
    where = os.fspath(path) if isinstance(path, str | os.PathLike) else f"{len(files)} files"
    return Validation(
        where=where,
        findings=(*checked.findings, *study_findings(checked.files)),
        files=len(checked.files),
        series=len(by_series(checked.files)),
        foreign=checked.foreign,
    )
