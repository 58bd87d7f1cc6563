"""A synthetic CT series with the headers of a real one, for demonstrations, tests and benchmarks.

The pixels are a body drawn with ellipsoids in Hounsfield units. The headers (tables in
`slicewise.io.phantom_headers`) hold what real ones hold and programs like to lose: nested
sequences, private blocks of two creators, an element of unknown VR, letters outside ASCII, empty
values, several values, and attributes that only some slices have. As on many scanners, neither the file
names nor the instance numbers are in the order of the slices.

Everything is written by pydicom, element by element, so that what is read back has not passed through the
encoder of this package. The same arguments give the same files.
"""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian

from slicewise.errors import ParameterError
from slicewise.io.phantom_headers import HEADER, code

if TYPE_CHECKING:
    from collections.abc import Mapping
    from os import PathLike

    import numpy.typing as npt

__all__ = ["ct_series", "hounsfield_slice"]

AIR: Final = -1000
LOWEST, HIGHEST = -1024, 3071  # what 12 bits hold with the intercept -1024; the lowest is padding
DETACHED_STUDY: Final = "1.2.840.10008.3.1.2.3.1"
PERFORMED_STEP: Final = "1.2.840.10008.3.1.2.3.3"
SUMMARY_BYTES: Final = 4093  # odd on purpose: its value is padded in the file
SLICES_PER_COMMENT: Final = 5


class Ellipsoid(NamedTuple):
    """A piece of the body; x, y and z run from -1 to 1 over the field of view, as in LPS."""

    centre: tuple[float, float, float]
    radii: tuple[float, float, float]
    hounsfield: int


TUBE: Final = 1e6  # a z radius that makes a cylinder

BODY: Final = (
    Ellipsoid((0.0, 0.0, 0.0), (0.88, 0.64, TUBE), -95),  # fat
    Ellipsoid((0.0, 0.0, 0.0), (0.82, 0.58, TUBE), 50),  # muscle
    Ellipsoid((-0.40, -0.04, 0.15), (0.30, 0.44, 0.80), -840),  # lungs
    Ellipsoid((0.40, -0.04, 0.15), (0.30, 0.44, 0.80), -840),
    Ellipsoid((0.10, -0.16, 0.0), (0.26, 0.22, 0.40), 130),  # heart
    Ellipsoid((-0.30, 0.0, -1.0), (0.48, 0.42, 0.60), 105),  # liver
    Ellipsoid((-0.36, -0.08, -0.72), (0.10, 0.09, 0.12), 60),  # its metastases
    Ellipsoid((-0.14, 0.12, -0.84), (0.07, 0.07, 0.10), 60),
    Ellipsoid((0.09, 0.24, 0.0), (0.055, 0.055, TUBE), 165),  # aorta
    Ellipsoid((0.0, 0.40, 0.0), (0.13, 0.12, TUBE), 420),  # spine: cortex, marrow, canal
    Ellipsoid((0.0, 0.40, 0.0), (0.105, 0.095, TUBE), 190),
    Ellipsoid((0.0, 0.50, 0.0), (0.04, 0.035, TUBE), 30),
    Ellipsoid((-0.46, 0.10, 0.30), (0.06, 0.06, 0.09), 35),  # nodules
    Ellipsoid((0.38, -0.20, -0.05), (0.04, 0.04, 0.06), 40),
    Ellipsoid((0.44, 0.20, 0.50), (0.03, 0.03, 0.05), 1900),  # calcified
    Ellipsoid((0.0, 0.80, 0.0), (0.70, 0.05, TUBE), -130),  # table
)


class Phantom(NamedTuple):
    """What one series is made of."""

    slices: int
    size: tuple[int, int]
    spacing: tuple[float, float, float]
    seed: int
    signed: bool
    series_number: int

    def uid(self, *names: object) -> UID:
        """Return a UID of the 2.25 root, always the same one for these names and this seed."""
        text = "/".join(map(str, ("phantom", self.seed, *names)))
        return UID(f"2.25.{uuid.uuid5(uuid.NAMESPACE_OID, text).int}")

    def height(self, index: int) -> float:
        """Return where the slice is between the feet (-1) and the head (1)."""
        return (2 * index + 1) / self.slices - 1

    def position(self, index: int) -> tuple[float, float, float]:
        """Return the centre of the first voxel of a slice in mm, with the stack centred on 0."""
        x, y, z = self.spacing
        columns, rows = self.size
        return (-x * (columns - 1) / 2, -y * (rows - 1) / 2, z * (index - (self.slices - 1) / 2))

    @property
    def intercept(self) -> int:
        """The value that a stored 0 means."""
        return 0 if self.signed else LOWEST


def ct_series(
    folder: str | PathLike[str],
    *,
    slices: int = 40,
    size: tuple[int, int] = (256, 256),
    spacing: tuple[float, float, float] = (1.5, 1.5, 5.0),
    seed: int = 0,
    signed: bool = False,
    series_number: int = 3,
    series_description: str = "Thorax 5.0 Br40 venös",
) -> tuple[Path, ...]:
    """Write a CT series, uncompressed, one file a slice.

    Parameters
    ----------
    folder : path-like
        Where the files go; made when it is missing.
    slices : int
        Number of slices.
    size : tuple of int
        Columns and rows of a slice (x, y).
    spacing : tuple of float
        Spacing of the voxels in mm (x, y, z).
    seed : int
        Another seed is another patient study: other UIDs, other noise.
    signed : bool
        Store Hounsfield units as they are in 16 signed bits. Otherwise they are stored in 12 unsigned
        bits with the intercept -1024. Both ways all values fit 16 signed bits.
    series_number : int
        Another number is another series of the same study and frame of reference.
    series_description : str
        Its description.

    Returns
    -------
    tuple of Path
        The files from the feet to the head, which is not the order of their names.

    Raises
    ------
    ParameterError
        When there would be no voxel.
    """
    if min(slices, *size) < 1 or min(spacing) <= 0:
        raise ParameterError(f"'slices', 'size' and 'spacing' must be positive (got {slices}, {size} and {spacing})")
    phantom = Phantom(slices, size, spacing, seed, signed, series_number)
    header = _shared_header(phantom, series_description)
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng((seed, series_number))
    paths = tuple(target / f"IM{number:05d}.dcm" for number in rng.permutation(slices) + 1)
    for index, path in enumerate(paths):
        _set_slice(header, phantom, index)
        _set_private(header, phantom, index)
        _set_pixels(header, phantom, hounsfield_slice(size, phantom.height(index), rng))
        header.save_as(path, enforce_file_format=True)
    return paths


def hounsfield_slice(
    size: tuple[int, int], height: float, rng: np.random.Generator, *, noise: float = 12.0
) -> npt.NDArray[np.int16]:
    """Return an axial slice of the body in Hounsfield units.

    Parameters
    ----------
    size : tuple of int
        Columns and rows.
    height : float
        From -1 at the lower end of the body to 1 at the upper.
    rng : numpy.random.Generator
        Where the noise comes from.
    noise : float
        Standard deviation of the noise in Hounsfield units.

    Returns
    -------
    (rows, columns) ndarray of int16
        Values from -1023 to 3071, and -1024 outside the circle that the scanner reconstructs.
    """
    columns, rows = (np.linspace(-1, 1, count, dtype=np.float32) for count in size)
    image = np.full((rows.size, columns.size), AIR, np.float32)
    for piece in BODY:
        (x, y, z), (radius_x, radius_y, radius_z) = piece.centre, piece.radii
        cross_section = 1 - ((height - z) / radius_z) ** 2
        if cross_section > 0:
            across = ((columns - x) / radius_x) ** 2
            down = ((rows - y) / radius_y) ** 2
            image[down[:, None] + across < cross_section] = piece.hounsfield
    image += noise * rng.standard_normal(image.shape, dtype=np.float32)
    np.clip(np.rint(image), LOWEST + 1, HIGHEST, out=image)
    image[rows[:, None] ** 2 + columns**2 > 1] = LOWEST
    return image.astype(np.int16)


def _dataset(values: Mapping[str, Any]) -> Dataset:
    """Return the Dataset of a table; a list of mappings becomes a sequence."""
    dataset = Dataset()
    for keyword, value in values.items():
        nested = isinstance(value, list) and isinstance(value[0], dict)
        setattr(dataset, keyword, [_dataset(item) for item in value] if nested else value)
    return dataset


def _reference(sop_class: str, uid: str, **more: Any) -> dict[str, Any]:
    return {"ReferencedSOPClassUID": sop_class, "ReferencedSOPInstanceUID": uid} | more


def _shared_header(phantom: Phantom, series_description: str) -> Dataset:
    """Return all that the slices have in common, private blocks apart."""
    x, y, z = phantom.spacing
    columns, rows = phantom.size
    study, procedure = phantom.uid("study"), phantom.uid("procedure step")
    geometry = {
        "Rows": rows,
        "Columns": columns,
        "PixelSpacing": [_decimal(y), _decimal(x)],
        "ImageOrientationPatient": ["1", "0", "0", "0", "1", "0"],
        "SliceThickness": _decimal(z),
        "ReconstructionDiameter": _decimal(x * columns),
        "DataCollectionCenterPatient": [0.0, -12.5, 0.0],
        "ReconstructionTargetCenterPatient": [0.0, 0.0, 0.0],
        "BitsStored": 16 if phantom.signed else 12,
        "HighBit": 15 if phantom.signed else 11,
        "PixelRepresentation": int(phantom.signed),
        "RescaleIntercept": str(phantom.intercept),
    }
    identity = {
        "SOPClassUID": CTImageStorage,
        "InstanceCreatorUID": phantom.uid("scanner"),
        "StudyInstanceUID": study,
        "SeriesInstanceUID": phantom.uid("series", phantom.series_number),
        "FrameOfReferenceUID": phantom.uid("frame of reference"),
        "IrradiationEventUID": phantom.uid("irradiation", phantom.series_number),
        "SeriesNumber": phantom.series_number,
        "SeriesDescription": series_description,
        "ReferencedStudySequence": [_reference(DETACHED_STUDY, study)],
        "ReferencedPerformedProcedureStepSequence": [_reference(PERFORMED_STEP, procedure)],
    }
    header = _dataset(HEADER | geometry | identity)
    header.file_meta = FileMetaDataset()
    header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return header


def _set_slice(header: Dataset, phantom: Phantom, index: int) -> None:
    """Set what is public and true of one slice only."""
    number = phantom.slices - index  # the scan goes from the head to the feet
    uid = phantom.uid("series", phantom.series_number, "slice", index)
    position = phantom.position(index)
    current = round(190 - 70 * phantom.height(index))
    seconds = 40 + 0.125 * number
    values = {
        "SOPInstanceUID": uid,
        "InstanceNumber": number,
        "ImagePositionPatient": [_decimal(value) for value in position],
        "SliceLocation": _decimal(position[2]),
        "AcquisitionTime": _time(seconds),
        "ContentDate": "20260302",
        "ContentTime": _time(seconds + 20),
        "InstanceCreationDate": "20260302",
        "InstanceCreationTime": _time(seconds + 20),
        "XRayTubeCurrent": current,
        "Exposure": round(current * 0.5 / 0.84),
        "CTDIvol": 0.04 * current,
        "ReferencedImageSequence": _localizers(phantom, index),
    }
    header.update(_dataset(values))
    header.file_meta.MediaStorageSOPClassUID = CTImageStorage
    header.file_meta.MediaStorageSOPInstanceUID = uid
    _set_comment(header, index)


def _set_comment(header: Dataset, index: int) -> None:
    """Leave a remark on every fifth slice, and on the others not even an empty one."""
    if index % SLICES_PER_COMMENT == 0:
        header.ImageComments = f"Läsion? Schicht {index}"
    elif "ImageComments" in header:
        del header.ImageComments


def _localizers(phantom: Phantom, index: int) -> list[dict[str, Any]]:
    """Return references to the localizers: two for every slice, a third for the upper half."""
    names = ("frontal", "lateral", "upper") if phantom.height(index) > 0 else ("frontal", "lateral")
    purpose = [code("121311", "DCM", "Localizer")]
    return [
        _reference(CTImageStorage, phantom.uid("localizer", name), PurposeOfReferenceCodeSequence=purpose)
        for name in names
    ]


def _set_private(header: Dataset, phantom: Phantom, index: int) -> None:
    """Set the blocks of two makers: a binary summary, and a sequence with a block of its own."""
    height = phantom.height(index)
    scanner = header.private_block(0x0029, "PHANTOM SCANNER HEADER", create=True)
    scanner.add_new(0x08, "CS", "IMAGE NUM 4")
    scanner.add_new(0x09, "LO", "1.0")
    scanner.add_new(0x10, "OB", _summary(phantom, index))
    step = Dataset()
    inner = step.private_block(0x0021, "PHANTOM RECONSTRUCTION", create=True)
    inner.add_new(0x02, "DS", [_decimal(phantom.position(index)[2]), "0"])
    inner.add_new(0x03, "LO", "Größe=groß")
    inner.add_new(0x04, "SQ", [_dataset(code("ITR2", "99PHANTOM", "Iterative, strength 2"))])
    outer = header.private_block(0x0021, "PHANTOM RECONSTRUCTION", create=True)
    outer.add_new(0x01, "SQ", [step, _dataset({"DerivationDescription": "beam hardening"})])
    outer.add_new(0x05, "FL", [height, height / 3])
    outer.add_new(0x06, "UN", b"\x01\x02unknown\xff")
    outer.add_new(0x07, "SH", "")


def _summary(phantom: Phantom, index: int) -> bytes:
    """Return a binary element of the kind scanners write: much alike, with some of it new each time."""
    fixed = np.random.default_rng(phantom.seed).bytes(SUMMARY_BYTES)
    text = f"SYN1{index:06d}{phantom.position(index)[2]:+012.4f}".encode("ascii")
    return text + fixed[len(text) :]


def _set_pixels(header: Dataset, phantom: Phantom, image: npt.NDArray[np.int16]) -> None:
    """Set the pixels and what only they tell."""
    stored = (image - phantom.intercept).astype("<i2" if phantom.signed else "<u2")
    vr = "SS" if phantom.signed else "US"
    header.add_new("SmallestImagePixelValue", vr, int(stored.min()))
    header.add_new("LargestImagePixelValue", vr, int(stored.max()))
    header.add_new("PixelPaddingValue", vr, LOWEST - phantom.intercept)
    header.add_new("PixelData", "OW", stored.tobytes())


def _decimal(value: float) -> str:
    """Return a number as a decimal string of at most 16 characters, without a negative zero."""
    return f"{round(value, 6) + 0.0:.10g}"


def _time(seconds: float) -> str:
    """Return a time of day some seconds after a quarter past ten."""
    minutes, rest = divmod(seconds, 60)
    return f"10{15 + int(minutes):02d}{rest:09.6f}"
