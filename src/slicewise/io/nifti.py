"""The header of a NIfTI file: NIfTI-1, NIfTI-2, and Analyze 7.5, from which they come.

Read here, and not by SimpleITK, for what it leaves out: sheared grids, scaled values in a type that holds
them, NIfTI-2, and files that end too early.
"""

from __future__ import annotations

import gzip
import math
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple, cast

import numpy as np
import numpy.typing as npt

from slicewise.dicom.rescale import Rescale
from slicewise.errors import ReadError, SlicewiseWarning, TruncatedError
from slicewise.io.inflated_files import inflated_file
from slicewise.io.volume_files import RawPixels, StoredVolume, is_gzip, stamp_of

__all__ = ["NIFTI_SUFFIXES", "read_nifti_header"]

NIFTI_SUFFIXES = (".nii", ".nii.gz", ".hdr", ".img", ".hdr.gz", ".img.gz")

Matrix = npt.NDArray[np.float64]

_TYPES = {2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 128: "u1", 256: "i1", 512: "u2", 768: "u4", 1024: "i8"}
_TYPES |= {1280: "u8", 2304: "u1"}
_COLOURS = {128: 3, 2304: 4}
_VECTORS = (1006, 1007, 2003, 2004)
"""Intents under which the fifth axis is that of the components: displacement, vector, RGB, RGBA."""

_MILLIMETRES = {1: 1000.0, 3: 0.001}
_LPS_FROM_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
_SCANNER = 1
_TEXTS = ("descrip", "aux_file", "intent_name")

# name, type and offset of what is needed, in NIfTI-1 and in NIfTI-2
_FIELDS_1 = {
    "dim": ("8i2", 40), "intent_code": ("i2", 68), "datatype": ("i2", 70), "pixdim": ("8f4", 76),
    "vox_offset": ("f4", 108), "scl_slope": ("f4", 112), "scl_inter": ("f4", 116), "xyzt_units": ("u1", 123),
    "descrip": ("S80", 148), "aux_file": ("S24", 228), "qform_code": ("i2", 252), "sform_code": ("i2", 254),
    "quatern": ("6f4", 256), "srow": ("12f4", 280), "intent_name": ("S16", 328), "magic": ("S4", 344),
}  # fmt: skip
_FIELDS_2 = {
    "magic": ("S8", 4), "datatype": ("i2", 12), "dim": ("8i8", 16), "pixdim": ("8f8", 104), "vox_offset": ("i8", 168),
    "scl_slope": ("f8", 176), "scl_inter": ("f8", 184), "descrip": ("S80", 240), "aux_file": ("S24", 320),
    "qform_code": ("i4", 344), "sform_code": ("i4", 348), "quatern": ("6f8", 352), "srow": ("12f8", 400),
    "xyzt_units": ("i4", 500), "intent_code": ("i4", 504), "intent_name": ("S16", 508),
}  # fmt: skip


class _Grid(NamedTuple):
    qform: Matrix | None
    sform: Matrix | None


def read_nifti_header(path: Path, orientation: str) -> StoredVolume:
    """Return what the header of a NIfTI file says.

    Parameters
    ----------
    path : Path
        ``.nii``, ``.nii.gz``, or either file of a pair ``.hdr`` and ``.img``.
    orientation : "auto", "sform" or "qform"
        Which of the two grids a header can state is taken.

    Raises
    ------
    ReadError
        If a file is missing or broken, or its pixels are of a type that is not read.
    """
    header_path, pixel_path = _files(path)
    stamps = [stamp_of(header_path)]
    raw = _start_of(header_path)
    get = _fields(path, raw)
    is_pair = header_path != pixel_path
    if is_pair:
        stamps.append(stamp_of(pixel_path))
    dim = [int(n) for n in get("dim")]
    size, extra, components = _shape(path, dim, int(get("intent_code")))
    datatype = int(get("datatype"))
    if datatype not in _TYPES:
        raise ReadError(f"{path}: pixels of NIfTI type {datatype} (complex, bits, or long doubles) are not read")
    components *= _COLOURS.get(datatype, 1)
    order = ">" if get.big_endian else "<"
    return StoredVolume(
        path=path,
        format="Analyze" if get.is_analyze else "NIfTI",
        size=size,
        affine=_affine(path, get, orientation, size),
        stored=np.dtype(order + _TYPES[datatype]),
        components=components,
        extra=extra,
        rescale=Rescale() if datatype in _COLOURS or get.is_analyze else _rescale(get),
        metadata=_metadata(get),
        stamps=tuple(stamps),
        pixels=RawPixels(
            path=pixel_path,
            offset=_offset(get, is_pair=is_pair),
            inflated=inflated_file(*stamps[-1], begin=0) if is_gzip(pixel_path) else None,
            planar=components > 1 and datatype not in _COLOURS,
        ),
    )


def _files(path: Path) -> tuple[Path, Path]:
    for one, other in ((".hdr", ".img"), (".hdr.gz", ".img.gz")):
        if path.name.lower().endswith((one, other)):
            stem, suffix = path.name[: -len(one)], path.name[-len(one) :]
            if suffix.isupper():
                one, other = one.upper(), other.upper()  # noqa: PLW2901 - a pair is of one case
            return path.with_name(stem + one), path.with_name(stem + other)
    return path, path


def _start_of(path: Path) -> bytes:
    try:
        with gzip.open(path) if is_gzip(path) else path.open("rb") as file:
            return file.read(540)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise TruncatedError(f"{path}: the compressed header is broken or ends too early ({error})") from error


class _Fields:
    """The fields of a header, by name."""

    def __init__(self, raw: bytes, order: str, table: dict[str, tuple[str, int]]) -> None:
        self._raw = raw
        self._order = order
        self._table = table
        self.big_endian = order == ">"
        self.is_analyze = table is _FIELDS_1 and bytes(self("magic"))[:2] not in (b"n+", b"ni")

    def __call__(self, name: str) -> Any:
        kind, offset = self._table[name]
        dtype = np.dtype(
            kind if kind.startswith("S") else [("", self._order + kind.lstrip("0123456789"), _count(kind))]
        )
        value = np.frombuffer(self._raw, dtype, 1, offset)[0]
        if dtype.kind == "S":
            return value
        return value[0] if value[0].ndim else value[0].item()


def _count(kind: str) -> tuple[int, ...]:
    digits = kind[: len(kind) - len(kind.lstrip("0123456789"))]
    return (int(digits),) if digits else ()


def _fields(path: Path, raw: bytes) -> _Fields:
    for order, name in (("<", "little"), (">", "big")):
        length = int.from_bytes(raw[:4], cast("Any", name))
        if length == 348 and len(raw) >= 348:
            return _Fields(raw, order, _FIELDS_1)
        if length == 540 and len(raw) >= 540:
            return _Fields(raw, order, _FIELDS_2)
        if length in (348, 540):
            raise TruncatedError(f"{path}: the file ends in its header, after {len(raw)} of {length} bytes")
    raise ReadError(f"{path}: is no NIfTI file: it begins with {raw[:4]!r}, not with 348 or 540, the size of a header")


def _shape(path: Path, dim: list[int], intent: int) -> tuple[tuple[int, int, int], tuple[int, ...], int]:
    axes = dim[0]
    if not 1 <= axes <= 7 or any(n < 1 for n in dim[1 : axes + 1]):
        raise ReadError(f"{path}: the header is broken: it tells of {axes} axes of lengths {dim[1:]}")
    sizes = (dim[1 : axes + 1] + [1] * 6)[:7]
    size = (sizes[0], sizes[1], sizes[2])
    if intent in _VECTORS and sizes[4] in (3, 4):
        return size, _trimmed([sizes[3], *sizes[5:]]), sizes[4]
    return size, _trimmed(sizes[3:]), 1


def _trimmed(lengths: list[int]) -> tuple[int, ...]:
    return tuple(n for n in lengths if n > 1)


def _offset(get: Callable[[str], Any], *, is_pair: bool) -> int:
    offset = get("vox_offset")
    least = 0 if is_pair else 352
    return max(int(offset), least) if math.isfinite(offset) else least


def _rescale(get: Callable[[str], Any]) -> Rescale:
    slope, intercept = float(get("scl_slope")), float(get("scl_inter"))
    # A slope of 0 says that there is none; nibabel and ITK take one that is not a number for the same.
    if slope == 0 or not math.isfinite(slope) or not math.isfinite(intercept):
        return Rescale()
    return Rescale(slope, intercept)


def _metadata(get: _Fields) -> MappingProxyType[str, str]:
    found = {} if get.is_analyze else {k: str(int(get(k))) for k in ("qform_code", "sform_code", "intent_code")}
    texts = {k: bytes(get(k)).split(b"\0")[0].decode("latin-1").strip() for k in _TEXTS if not get.is_analyze}
    return MappingProxyType(found | {k: text for k, text in texts.items() if text})


# --- the grid ------------------------------------------------------------------------------------


def _affine(path: Path, get: _Fields, orientation: str, size: tuple[int, int, int]) -> Matrix:
    grid = _Grid(None, None) if get.is_analyze else _Grid(_qform(get), _sform(get))
    scale = 1.0 if get.is_analyze else _MILLIMETRES.get(int(get("xyzt_units")) & 7, 1.0)
    ras = _chosen(path, grid, get, orientation, size)
    if ras is None:
        warnings.warn(
            f"{path}: the header states no position and no orientation; the axes of the array are taken for those of "
            "the patient (left, posterior, superior)",
            SlicewiseWarning,
            stacklevel=2,
        )
        return np.diag([*(_voxel(get) * scale), 1.0])
    ras = ras.copy()
    ras[:3] *= scale
    return cast("Matrix", _LPS_FROM_RAS @ ras)


def _chosen(
    path: Path, grid: _Grid, get: Callable[[str], Any], orientation: str, size: tuple[int, int, int]
) -> Matrix | None:
    qform, sform = grid
    if orientation != "auto":
        wanted = sform if orientation == "sform" else qform
        if wanted is None:
            raise ReadError(f"{path}: the header has no {orientation}; it is read with orientation='auto'")
        return wanted
    if qform is None or sform is None:
        return sform if qform is None else qform
    if _agree(qform, sform, size):
        return sform
    # ITK's rule: what was measured by the scanner goes before what was aligned with something since.
    taken = "sform" if int(get("sform_code")) == _SCANNER else "qform"
    warnings.warn(
        f"{path}: sform (code {int(get('sform_code'))}) and qform (code {int(get('qform_code'))}) are two different "
        f"grids; the {taken} is taken. orientation='sform' or 'qform' chooses",
        SlicewiseWarning,
        stacklevel=2,
    )
    return sform if taken == "sform" else qform


def _agree(one: Matrix, other: Matrix, size: tuple[int, int, int]) -> bool:
    ends = [(0, n - 1) for n in size]
    corners = np.array([(x, y, z, 1) for x in ends[0] for y in ends[1] for z in ends[2]], dtype=np.float64)
    apart = float(np.abs(corners @ (one - other).T).max())
    return apart <= 0.1 * float(np.linalg.norm(one[:3, :3], axis=0).min())


def _voxel(get: Callable[[str], Any]) -> npt.NDArray[np.float64]:
    steps = np.abs(np.asarray(get("pixdim")[1:4], dtype=np.float64))
    return np.where(np.isfinite(steps) & (steps > 0), steps, 1.0)


def _sform(get: Callable[[str], Any]) -> Matrix | None:
    if int(get("sform_code")) <= 0:
        return None
    return np.vstack([np.asarray(get("srow"), dtype=np.float64).reshape(3, 4), [0.0, 0.0, 0.0, 1.0]])


def _qform(get: Callable[[str], Any]) -> Matrix | None:
    """Return the matrix of the quaternion, as nifti1.h tells to compute it."""
    if int(get("qform_code")) <= 0:
        return None
    b, c, d, *origin = (float(v) for v in get("quatern"))
    rest = 1.0 - (b * b + c * c + d * d)
    a = math.sqrt(rest) if rest >= 1e-7 else 0.0
    if rest < 1e-7:
        b, c, d = (v / math.sqrt(b * b + c * c + d * d) for v in (b, c, d))
    turn = np.array(
        [
            [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
            [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
            [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c],
        ]
    )
    steps = _voxel(get)
    steps[2] *= -1.0 if float(get("pixdim")[0]) < 0 else 1.0
    matrix = np.eye(4)
    matrix[:3, :3] = turn * steps
    matrix[:3, 3] = origin
    return matrix
