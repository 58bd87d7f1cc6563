"""Which patients, studies, series and volumes are in a folder, from headers alone."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from slicewise.io.discovery import Discovery, FoundPatient, FoundSeries, FoundStudy, FoundVolume
from slicewise.io.discovery_groups import copies_of, patients_of
from slicewise.io.discovery_index import DiscoveryIndex
from slicewise.io.discovery_scan import scan
from slicewise.io.listing import PathLike, list_files
from slicewise.pipeline.progress import Show, show_progress

__all__ = ["Discovery", "FoundPatient", "FoundSeries", "FoundStudy", "FoundVolume", "discover"]


def discover(
    path: PathLike | Sequence[PathLike],
    *,
    recursive: bool = True,
    hidden: bool = False,
    follow_links: bool = False,
    archives: bool = False,
    index: PathLike | None = None,
    progress: Show | bool | None = None,
) -> Discovery:
    """Return which series are in a folder and its subfolders, whether each makes volumes, and what is broken.

    Only headers are read. A broken file is named in the result and stops nothing. Series without pixels
    (structured reports, structure sets, plans, ...) are listed with what they are.

    Parameters
    ----------
    path : path, glob pattern or sequence of paths
        As for ``SeriesReader``.
    recursive : bool
        Whether subfolders are looked into.
    hidden : bool
        Whether files and folders are taken whose name begins with a full stop.
    follow_links : bool
        Whether links to folders are followed, to each folder once.
    archives : bool
        Whether archives that lie in a folder are looked into; one that is damaged is counted as a broken file.
    index : path, optional
        A file that keeps what was read of the headers, so that next time only files are read whose size or time of
        change is another. It is made if it is not there, and written while files are read: after an interruption
        the next call goes on. It holds names of patients, and only its owner may read it (mode 0600).
    progress : bool, callable or None
        True shows a bar, False none; None shows one in notebooks and on terminals. A callable gets a
        ``Progress`` of files.

    Raises
    ------
    ReadError
        If nothing is there, or the index is damaged.
    DestinationError
        If there is a file at ``index`` that is no index.
    WriteError
        If the index cannot be made.

    Examples
    --------
    >>> found = discover("archive", index="archive.sqlite")  # doctest: +SKIP
    >>> print(found)  # doctest: +SKIP
    number  modality  images  size       volume              description
    Patient P-0042, Doe^Jane
    Study of 2024-01-31, Abdomen
    3       CT        41      512 x 512  41 slices of 5 mm   Abdomen portal
    archive: 1 patient, 1 study, 1 series, 1 volume, 41 images
    >>> reader = found.series[0].reader()  # doctest: +SKIP
    """
    files = list_files(path, recursive=recursive, hidden=hidden, follow_links=follow_links, archives=archives)
    files = [file for file in files if not _is_index(file.path, index)]
    with DiscoveryIndex.opened(index) as known, show_progress(progress, "Reading headers", unit="file") as tell:
        seen = scan(files, known, tell)
        if known is not None and isinstance(path, str | os.PathLike) and (folder := Path(path).expanduser()).is_dir():
            known.forget(folder, [file.path for file in files])
    where = os.fspath(path) if isinstance(path, str | os.PathLike) else f"{len(files)} files"
    return Discovery(
        where=where,
        patients=patients_of(seen.found),
        broken=tuple(seen.broken),
        foreign=tuple(seen.foreign),
        copies=copies_of(seen.found),
    )


def _is_index(path: Path, index: PathLike | None) -> bool:
    """Tell whether a file is the index or a journal of it, which may lie in the folder that is looked at."""
    if index is None:
        return False
    place = os.path.abspath(os.path.expanduser(index))  # noqa: PTH100, PTH111 - of tens of thousands of files
    return path.name.startswith(os.path.basename(place)) and os.path.abspath(path) in (place, f"{place}-journal")  # noqa: PTH100, PTH119
