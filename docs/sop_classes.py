"""Writes sop-classes.md: images of every class that is written, and what independent readers make of them.

python docs/sop_classes.py [FOLDER]

FOLDER holds the real images of the tests; without it each class is written from scratch alone. dciodvfy, dcmdump,
dcmconv and dcm2niix must be installed.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import attrs
import highdicom
import numpy as np
import pydicom
import SimpleITK as sitk
from pydicom.dataset import Dataset

import slicewise as sw
from slicewise.image import Geometry

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from witnesses import all_by_dcm2niix, findings_of_dciodvfy, on_grid_of, sitk_affine  # type: ignore[import-not-found]

PAGE = Path(__file__).with_name("sop-classes.md")
SIZE = (24, 18, 5)

INTRODUCTION = """\
# Classes that are written, and who reads them

This page is made by `docs/sop_classes.py`, which writes images of every class, from scratch and from real series, and
asks programs that share no code with slicewise what they find. *yes* says that the values agree within the stated
quantisation, and the grid with them where the reader gives one.

| column | what is asked |
|---|---|
| dciodvfy | no error from scratch, none that the source has not from a real series; else the number of others |
| pydicom | values, by the slope and intercept of each frame |
| SimpleITK | values and grid |
| highdicom | values |
| dcmtk | dcmdump reads it without error or warning, dcmconv makes implicit VR of it |
| dcm2niix | values and grid, of images with a place in the patient |

| class | made of | dciodvfy | pydicom | SimpleITK | highdicom | dcmtk | dcm2niix |
|---|---|---|---|---|---|---|---|
{rows}

{notes}
"""
NOTES = """\
SimpleITK (GDCM) and dcm2niix take the slope of the first frame for all, so that they show frames of multi-frame PET
wrong, whose slopes differ. GDCM reads no floating-point pixel data. Neither SimpleITK nor highdicom applies the Dose
Grid Scaling of an RT Dose, and dcm2niix does not know its offsets. highdicom is asked without ICC profiles.
"""


@attrs.frozen
class Case:
    """Images of a class: how they are made, what must be found, and what may be."""

    name: str
    source: str
    paths: Sequence[Path]
    values: Any
    geometry: Geometry
    error: float
    allowed: set[str]


# --- what is asked --------------------------------------------------------------------------------


def by_dciodvfy(case: Case) -> str:
    """Count errors that the source has not."""
    found = {finding for path in case.paths for finding in findings_of_dciodvfy(path)} - case.allowed
    return "yes" if not found else f"{len(found)}"


def scales(dataset: Dataset) -> list[tuple[float, float]]:
    """Return slope and intercept of each frame."""
    count = int(dataset.get("NumberOfFrames", 1))
    if "DoseGridScaling" in dataset:
        return [(float(dataset.DoseGridScaling), 0.0)] * count
    if "SharedFunctionalGroupsSequence" not in dataset:
        return [(float(dataset.get("RescaleSlope", 1)), float(dataset.get("RescaleIntercept", 0)))] * count
    shared, frames = dataset.SharedFunctionalGroupsSequence[0], dataset.PerFrameFunctionalGroupsSequence
    found = []
    for frame in frames:
        groups = frame if "PixelValueTransformationSequence" in frame else shared
        if "PixelValueTransformationSequence" not in groups:
            return [(1.0, 0.0)] * count
        (one,) = groups.PixelValueTransformationSequence
        found.append((float(one.RescaleSlope), float(one.RescaleIntercept)))
    return found


def by_pydicom(case: Case) -> str:
    """Compare values."""
    frames = []
    for path in case.paths:
        dataset = pydicom.dcmread(path)
        stored = dataset.pixel_array
        planes = stored if int(dataset.get("NumberOfFrames", 1)) > 1 else [stored]
        frames += [plane * slope + intercept for plane, (slope, intercept) in zip(planes, scales(dataset), strict=True)]
    return compared(np.stack(frames), case)


def by_simpleitk(case: Case) -> str:
    """Compare values and grid."""
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames([str(path) for path in case.paths])
    try:
        image = reader.Execute() if len(case.paths) > 1 else sitk.ReadImage(str(case.paths[0]))
    except RuntimeError:
        return "cannot read"
    told = compared(sitk.GetArrayFromImage(image), case)
    if told != "yes" or not case.geometry.is_in_patient:
        return told
    return "yes" if np.allclose(sitk_affine(image), case.geometry.affine, atol=1e-3) else "values only"


def by_highdicom(case: Case) -> str:
    """Compare values."""
    frames = []
    plain = {"apply_real_world_transform": False, "apply_voi_transform": False}
    try:
        for path in case.paths:
            image = highdicom.imread(path)
            frames.append(image.get_frames(apply_icc_profile=False, **plain))
    except (TypeError, ValueError, AttributeError, RuntimeError, KeyError) as error:
        return f"cannot read ({type(error).__name__})"
    return compared(np.concatenate(frames), case)


def by_dcmtk(case: Case) -> str:
    """Read and convert."""
    for path in case.paths:
        shown = subprocess.run(["dcmdump", path], capture_output=True, check=False)
        with tempfile.TemporaryDirectory() as folder:
            made = subprocess.run(["dcmconv", "+ti", path, f"{folder}/i.dcm"], capture_output=True, check=False)
            if shown.returncode or shown.stderr or made.returncode:
                return "no"
    return "yes"


def by_niix(case: Case) -> str:
    """Compare values and grid."""
    if not case.geometry.is_in_patient:
        return "-"
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "in")
        source.mkdir()
        for path in case.paths:
            (source / path.name).write_bytes(path.read_bytes())
        try:
            volumes = all_by_dcm2niix(source, Path(folder, "out"))
        except AssertionError:
            return "makes nothing"
    if len(volumes) != 1:
        return f"makes {len(volumes)} volumes"
    try:
        volume = on_grid_of(volumes[0], case.geometry.affine)
    except AssertionError:
        return "other grid"
    told = compared(volume.array, case)
    return told if told != "yes" or np.allclose(volume.affine, case.geometry.affine, atol=1e-3) else "values only"


def compared(found: Any, case: Case) -> str:
    """Compare values with those that were written."""
    if found.shape != case.values.shape:
        return f"other size {found.shape}"
    close = np.allclose(found, case.values, rtol=1e-6, atol=case.error * 1.001 + 1e-6, equal_nan=True)
    return "yes" if close else "other values"


WITNESSES: tuple[Callable[[Case], str], ...] = (
    by_dciodvfy,
    by_pydicom,
    by_simpleitk,
    by_highdicom,
    by_dcmtk,
    by_niix,
)


# --- what is written ------------------------------------------------------------------------------


def view() -> Dataset:
    """Return a view of mammography."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = "399162004", "SCT", "cranio-caudal"
    item.ViewModifierCodeSequence = []
    return item


def anatomy() -> Dataset:
    """Return the anatomy of frames."""
    region = Dataset()
    region.CodeValue, region.CodingSchemeDesignator, region.CodeMeaning = "69536005", "SCT", "Head"
    item = Dataset()
    item.FrameLaterality, item.AnatomicRegionSequence = "U", [region]
    return item


PET = {"Units": "BQML", "DecayCorrection": "NONE", "FrameReferenceTime": 0, "ActualFrameDuration": 1000}
DETECTED = {
    "ImageLaterality": "L",
    "PatientOrientation": ["A", "F"],
    "BurnedInAnnotation": "NO",
    "LossyImageCompression": "00",
    "PixelIntensityRelationship": "LIN",
    "PixelIntensityRelationshipSign": 1,
    "ImagerPixelSpacing": [0.1, 0.1],
}
FLUOROSCOPIC = {"PixelIntensityRelationship": "LIN", "RadiationSetting": "GR"}
SINGLE = {
    "CT": {},
    "MR": {},
    "PT": PET,
    "CR": {},
    "DX": DETECTED,
    "MG": {**DETECTED, "PositionerType": "NONE", "ViewCodeSequence": [view()]},
    "US": {},
    "XA": FLUOROSCOPIC,
    "RF": FLUOROSCOPIC,
    "OT": {},
}
MACHINE = {
    "Manufacturer": "nobody",
    "ManufacturerModelName": "none",
    "DeviceSerialNumber": "1",
    "SoftwareVersions": "1",
    "SliceThickness": 2.5,
    "BurnedInAnnotation": "NO",
    "FrameAnatomySequence": [anatomy()],
}
ENHANCED = {
    "EnhancedCTImageStorage": ("CT", {**MACHINE, "IrradiationEventUID": "1.2.3"}),
    "EnhancedMRImageStorage": (
        "MR",
        {**MACHINE, "ComplexImageComponent": "MAGNITUDE", "ApplicableSafetyStandardAgency": "IEC"},
    ),
}


def code(value: str, scheme: str, meaning: str) -> Dataset:
    """Return an item with a code."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


def items(**values: Any) -> list[Dataset]:
    """Return a sequence of one item."""
    item = Dataset()
    for keyword, value in values.items():
        setattr(item, keyword, value)
    return [item]


CORRECTIONS = """
    DecayCorrected AttenuationCorrected ScatterCorrected DeadTimeCorrected GantryMotionCorrected PatientMotionCorrected
    CountLossNormalizationCorrected RandomsCorrected NonUniformRadialSamplingCorrected SensitivityCalibrated
    DetectorNormalizationCorrection
"""
ENHANCED["EnhancedPETImageStorage"] = (
    "PT",
    {
        **MACHINE,
        **dict.fromkeys(CORRECTIONS.split(), "NO"),
        "TableMotion": "STATIC",
        "TimeOfFlightInformationUsed": "FALSE",
        "TemporalPositionIndex": 1,
        "ViewCodeSequence": [code("62824007", "SCT", "Transverse")],
        "RadiopharmaceuticalUsageSequence": items(RadiopharmaceuticalAgentNumber=1),
        "RadiopharmaceuticalInformationSequence": items(
            RadiopharmaceuticalAgentNumber=1,
            RadionuclideCodeSequence=[code("77004003", "SCT", "^18^Fluorine")],
            RadiopharmaceuticalCodeSequence=[code("35321007", "SCT", "Fluorodeoxyglucose F^18^")],
            AdministrationRouteCodeSequence=[code("47625008", "SCT", "Intravenous route")],
            RadiopharmaceuticalVolume=1.0,
            RadiopharmaceuticalStartDateTime="20240101101010",
            RadiopharmaceuticalStopDateTime="",
            RadionuclideTotalDose=3e8,
            RadionuclideHalfLife=6586,
            RadionuclidePositronFraction=0.97,
            RadiopharmaceuticalSpecificActivity=None,
        ),
    },
)
CAPTURES = {
    "MultiFrameGrayscaleByteSecondaryCaptureImageStorage": np.uint8,
    "MultiFrameGrayscaleWordSecondaryCaptureImageStorage": np.uint16,
    "MultiFrameTrueColorSecondaryCaptureImageStorage": np.uint8,
}


def picture(dtype: Any, *, in_patient: bool = True, colour: bool = False) -> Any:
    """Return an image whose axes differ."""
    shape = (*SIZE[::-1], 3) if colour else SIZE[::-1]
    array = np.random.default_rng(0).integers(0, 250, shape).astype(dtype)
    geometry = Geometry.from_box(SIZE, spacing=(0.8, 1.1, 2.5), origin=(-12.0, 30.0, 7.0))
    if not in_patient:
        geometry = attrs.evolve(geometry, coordinates=sw.Coordinates.PIXELS)
    return sw.as_node(sw.Image.from_array(array, geometry=geometry))


def made(name: str, source: str, node: Any, writer: Any, allowed: Sequence[Path] = ()) -> Case:
    """Write an image."""
    written = (node >> writer).update(progress=False)
    image = node.update(progress=False)
    findings = {finding for path in allowed for finding in findings_of_dciodvfy(path)}
    error = written.report.largest_error
    return Case(name, source, written.paths, image.array, image.geometry, error, findings)


def from_scratch(folder: Path) -> Iterator[Case]:
    """Give images of every class that were made of an array."""
    for modality, known in SINGLE.items():
        in_patient = modality in ("CT", "MR", "PT")
        node = picture(np.uint8 if modality == "US" else np.int16 if in_patient else np.uint16, in_patient=in_patient)
        new = node >> sw.NewSeries(modality, attributes=known)
        yield made(class_of(new), "an array", new, sw.SeriesWriter(folder / modality))
    for modality in ("US", "OT"):
        new = picture(np.uint8, in_patient=False, colour=True) >> sw.NewSeries(modality)
        yield made(f"{class_of(new)}, colour", "an array", new, sw.SeriesWriter(folder / f"{modality}-colour"))
    for keyword, (modality, known) in ENHANCED.items():
        new = picture(np.int16) >> sw.NewSeries(modality, attributes=SINGLE[modality])
        writer = sw.MultiFrameWriter(folder / f"{keyword}.dcm", sop_class=keyword, overrides=known)
        yield made(keyword, "an array", new, writer)
    for keyword, dtype in CAPTURES.items():
        node = picture(dtype, in_patient=False, colour="Color" in keyword)
        writer = sw.MultiFrameWriter(folder / f"{keyword}.dcm", overrides={"BurnedInAnnotation": "NO"})
        yield made(keyword, "an array", node, writer)
    known = {**MACHINE, "RecognizableVisualFeatures": "NO"}
    for dtype in ("float32", "float64"):
        new = picture(np.int16) >> sw.NewSeries("MR") >> sw.Cast(dtype) / 7
        writer = sw.MultiFrameWriter(
            folder / f"{dtype}.dcm", sop_class="ParametricMapStorage", unit=("1", "UCUM", "no units"), overrides=known
        )
        yield made(f"ParametricMapStorage, {dtype}", "an array", new, writer)


REAL = (
    ("ct-ge-liver-41", "CTImageStorage"),
    ("mr-canon-adc-36", "MRImageStorage"),
    ("pet-ge-wholebody-267", "PositronEmissionTomographyImageStorage"),
    ("color-series", "SecondaryCaptureImageStorage"),
)
REAL_FRAMES = (
    ("ct-ge-liver-41", "LegacyConvertedEnhancedCTImageStorage"),
    ("mr-canon-adc-36", "LegacyConvertedEnhancedMRImageStorage"),
    ("pet-ge-wholebody-267", "LegacyConvertedEnhancedPETImageStorage"),
    ("ct-enhanced", "EnhancedCTImageStorage"),
    ("mr-enhanced", "EnhancedMRImageStorage"),
    ("mr-enhanced-color", "EnhancedMRColorImageStorage"),
)


def from_real(folder: Path, data: Path) -> Iterator[Case]:
    """Give images of every class that were made of real ones."""
    for case, keyword in REAL:
        volume = sw.discover(data / case, progress=False).series[0].volumes[0]
        writer = sw.SeriesWriter(folder / f"{case}-series", sop_class=keyword if case != "color-series" else None)
        yield made(keyword, case, volume.reader(), writer, volume.paths)
    for case, keyword in REAL_FRAMES:
        found = [one for one in sw.discover(data / case, progress=False).series if is_single_or(one, keyword)]
        volume = found[0].volumes[0]
        yield made(keyword, case, volume.reader(), sw.MultiFrameWriter(folder / f"{case}.dcm"), volume.paths)
    dose = data / "pydicom-misc" / "rtdose.dcm"
    yield made("RTDoseStorage", "rtdose.dcm", sw.SeriesReader(dose), sw.MultiFrameWriter(folder / "dose.dcm"), [dose])


def is_single_or(series: Any, keyword: str) -> bool:
    """Whether a series is of single images, or of the class."""
    sop_class = pydicom.dcmread(series.volumes[0].paths[0], stop_before_pixels=True).SOPClassUID
    return keyword.startswith("Legacy") or sop_class == getattr(pydicom.uid, keyword)


def class_of(node: Any) -> str:
    """Return the keyword of the class of an image."""
    return str(pydicom.uid.UID(str(node.headers[0].SOPClassUID)).keyword)


def main() -> None:
    """Write the page."""
    warnings.simplefilter("ignore")
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        cases = [*from_scratch(Path(folder)), *(from_real(Path(folder), Path(sys.argv[1])) if sys.argv[1:] else [])]
        for case in cases:
            told = [witness(case) for witness in WITNESSES]
            rows.append(f"| {case.name} | {case.source} | {' | '.join(told)} |")
            print(rows[-1], flush=True)  # noqa: T201
    PAGE.write_text(INTRODUCTION.format(rows="\n".join(rows), notes=NOTES))


if __name__ == "__main__":
    main()
