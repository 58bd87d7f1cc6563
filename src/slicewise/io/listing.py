"""Which files a reader is pointed at."""

from __future__ import annotations

import glob
import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path

import attrs

from slicewise.errors import ParameterError, ReadError, SlicewiseError, SlicewiseWarning
from slicewise.io.archives import Archive, open_archive
from slicewise.io.dicomdir import HEAD_LENGTH, FolderTree, is_dicom, is_dicomdir, referenced_files
from slicewise.io.stored_files import PlainFile, StoredFile, UnreadableFile

__all__ = ["PathLike", "list_files"]

PathLike = str | os.PathLike[str]

_WILDCARDS = frozenset("*?[")
_DICOMDIR = "DICOMDIR"


def list_files(
    where: PathLike | Sequence[PathLike],
    *,
    recursive: bool = True,
    hidden: bool = False,
    follow_links: bool = False,
    archives: bool = False,
) -> list[StoredFile]:
    """Return the files at a path, at a glob pattern, or at each of a list of paths.

    A path is a file, a folder, an archive (ZIP, or tar plain or compressed with gzip, bzip2 or xz; known by its
    contents), a folder or file in an archive (``study.zip/ct``), or a DICOMDIR, which stands for the files it
    refers to. A DICOMDIR within a folder or archive is left out.

    Parameters
    ----------
    where : path, glob pattern or sequence of paths
        Where to look.
    recursive : bool
        Whether subfolders are looked into.
    hidden : bool
        Whether files and folders are taken whose name begins with a full stop.
    follow_links : bool
        Whether links to folders are followed, to each folder once. Links to files always are.
    archives : bool
        Whether archives that lie in a folder are looked into; one that is damaged then becomes a file that is.

    Returns
    -------
    list of StoredFile
        The files of each folder, archive, DICOMDIR or pattern sorted by name.

    Raises
    ------
    ReadError
        If nothing is there, or an archive or a DICOMDIR is damaged; the message names the path.
    """
    listing = _Listing(recursive=recursive, hidden=hidden, follow_links=follow_links, archives=archives)
    if isinstance(where, str | os.PathLike):
        return listing.at(Path(where).expanduser())
    if len(where) == 0:
        raise ParameterError("'path' must name at least one file (got an empty list)")
    return [file for place in where for file in listing.at(Path(place).expanduser())]


@attrs.frozen
class _Listing:
    """How files are looked for, and the archives met on the way."""

    recursive: bool
    hidden: bool
    follow_links: bool
    archives: bool
    # Many members of one archive may be named one by one.
    opened: Callable[[Path], Archive | None] = attrs.field(factory=lambda: cache(open_archive), init=False)

    def at(self, path: Path) -> list[StoredFile]:
        """Return the files at a path."""
        if path.is_dir():
            return self._some(self._looked_into(sorted(self._walk(path))), path, "the folder")
        if path.exists():
            return self._of_file(path)
        holder = next((parent for parent in path.parents if parent.is_file()), None)
        if holder is not None and (archive := self.opened(holder)) is not None:
            return self._in_archive(archive, path.relative_to(holder).parts)
        if _WILDCARDS & set(str(path)):
            return self._matching(path)
        reason = "the link points nowhere" if path.is_symlink() else "there is no such file or folder"
        raise ReadError(f"{path}: {reason}")

    def _some(self, files: list[StoredFile], where: Path, what: str) -> list[StoredFile]:
        if not files:
            raise ReadError(f"{where}: {what} holds no file")
        return files

    def _of_file(self, path: Path) -> list[StoredFile]:
        if not path.is_file():
            raise ReadError(f"{path}: it is neither a file nor a folder")
        file = PlainFile(path, is_named=True)
        head = _head(file)
        if is_dicomdir(file, head):
            return referenced_files(file, FolderTree(path.parent))
        if not is_dicom(head) and (archive := self.opened(path)) is not None:
            return self._some(self._shown(archive), path, "the archive")
        return [file]

    def _in_archive(self, archive: Archive, parts: tuple[str, ...]) -> list[StoredFile]:
        if (member := archive.file(parts)) is not None:
            file = attrs.evolve(member, is_named=True)
            is_directory = is_dicomdir(file, _head(file))
            return referenced_files(file, archive.within(parts[:-1])) if is_directory else [file]
        folder = archive.within(parts)
        if not folder.members:
            raise ReadError(f"{archive.path.joinpath(*parts)}: the archive {archive.path} holds no such file or folder")
        return self._some(self._shown(folder), archive.path.joinpath(*parts), "the folder")

    def _shown(self, archive: Archive) -> list[StoredFile]:
        return [archive.members[parts] for parts in sorted(archive.members) if self._is_shown(parts)]

    def _is_shown(self, parts: tuple[str, ...]) -> bool:
        is_hidden = any(part.startswith(".") for part in parts)
        is_deep = len(parts) > 1
        return parts[-1] != _DICOMDIR and (self.hidden or not is_hidden) and (self.recursive or not is_deep)

    def _matching(self, path: Path) -> list[StoredFile]:
        matches = sorted(Path(match) for match in glob.glob(str(path), recursive=True))  # noqa: PTH207 - of absolute paths too
        files = [match for match in matches if match.is_file()]
        if not files:
            raise ReadError(f"{path}: no file matches the pattern")
        return self._looked_into(files)

    def _looked_into(self, paths: Iterable[Path]) -> list[StoredFile]:
        if not self.archives:
            return [PlainFile(path) for path in paths]
        return [file for path in paths for file in self._contents(path)]

    def _contents(self, path: Path) -> list[StoredFile]:
        """Return what is in an archive, or the file itself if it is none."""
        file = PlainFile(path)
        try:
            archive = self.opened(path)
        except SlicewiseError as error:
            return [UnreadableFile(path, reason=type(error)(str(error).removeprefix(f"{path}: ")))]
        return [file] if archive is None else self._shown(archive)

    def _walk(self, folder: Path) -> Iterator[Path]:
        met = {_identity(folder)}
        waiting = [folder]
        while waiting:
            for entry in _entries(waiting.pop()):
                if entry.name.startswith(".") and not self.hidden:
                    continue
                if not _is_folder(entry):
                    if entry.name != _DICOMDIR:
                        yield Path(entry.path)
                elif not self.recursive:
                    continue
                elif entry.is_symlink() and not self.follow_links:
                    warnings.warn(f"{entry.path}: a link to a folder is not followed", SlicewiseWarning, stacklevel=2)
                elif (identity := _identity(Path(entry.path))) not in met:
                    # Links may lead round in circles, and to one folder by several ways.
                    met.add(identity)
                    waiting.append(Path(entry.path))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        # A link to itself, say: opening it tells what is wrong.
        return False


def _identity(folder: Path) -> tuple[int, int]:
    status = folder.stat()
    return status.st_dev, status.st_ino


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError as error:
        raise ReadError(f"{folder}: the folder cannot be listed ({error.strerror})") from error


def _head(file: StoredFile) -> bytes:
    try:
        with file.open() as opened:
            return opened.read_at(HEAD_LENGTH, 0)
    except SlicewiseError as error:
        raise type(error)(f"{file.path}: {error}") from error
    except OSError as error:
        raise ReadError(f"{file.path}: the file cannot be read ({error.strerror})") from error
