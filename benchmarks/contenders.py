"""The contenders of `series.py`, and the process in which one of them does one task.

    python contenders.py CONTENDER TASK SOURCE TARGET [MEMORY]

prints one line of JSON: the seconds of the task without imports and preparation, and the peak of
resident memory. The file needs nothing but the contender, so that any interpreter can run it: vtk-dicom
usually belongs to that of the system.
"""

from __future__ import annotations

import copy
import gc
import json
import resource
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable


class Contender(Protocol):
    """Reads a series into memory, writes it again, and does both around a median filter.

    Imports belong into ``__init__``, where they are not timed. ``total`` is the sum over all voxels, by
    which the readers are compared; ``None`` where there are no voxels to speak of.
    """

    def read(self, source: Path) -> Any:
        """Return all pixels in memory, with all headers at hand."""

    def write(self, image: Any, target: Path) -> None:
        """Write what was read, as a new series."""

    def median(self, source: Path, target: Path) -> None:
        """Read, take the median of 3 x 3 x 3 voxels, write."""

    def total(self, image: Any) -> int | None:
        """Return the sum of all voxels."""


class Floor:
    """The least there is to do: the same bytes into one array, and from one array into files.

    The array is one of numpy, whose memory comes in huge pages where the system gives them: with small ones
    the same takes three times as long.
    """

    def __init__(self) -> None:
        import numpy as np

        self.numpy = np

    def read(self, source: Path) -> Any:
        paths = files(source)
        sizes = [path.stat().st_size for path in paths]
        whole = self.numpy.empty(sum(sizes), self.numpy.uint8).data
        start = 0
        for path, size in zip(paths, sizes, strict=True):
            with path.open("rb", buffering=0) as file:
                file.readinto(whole[start : start + size])
            start += size
        return whole, sizes

    def write(self, image: Any, target: Path) -> None:
        whole, sizes = image
        start = 0
        for index, size in enumerate(sizes):
            with (target / f"{index:05d}.dcm").open("wb", buffering=0) as file:
                file.write(whole[start : start + size])
            start += size

    def median(self, source: Path, target: Path) -> None:
        self.write(self.read(source), target)

    def total(self, image: Any) -> int | None:
        return None


class PlainPydicom:
    """A loop as anyone writes it: read, sort, stack; copy, change, save."""

    def __init__(self) -> None:
        import numpy as np
        import pydicom

        self.numpy, self.pydicom = np, pydicom

    def read(self, source: Path) -> Any:
        datasets = [self.pydicom.dcmread(path) for path in files(source)]
        datasets.sort(key=lambda dataset: float(dataset.ImagePositionPatient[2]))
        return self.numpy.stack([dataset.pixel_array for dataset in datasets]), datasets

    def write(self, image: Any, target: Path) -> None:
        volume, datasets = image
        series = self.pydicom.uid.generate_uid()
        for index, (pixels, dataset) in enumerate(zip(volume, datasets, strict=True)):
            derived = copy.copy(dataset)
            derived.SeriesInstanceUID = series
            derived.SOPInstanceUID = self.pydicom.uid.generate_uid()
            derived.file_meta.MediaStorageSOPInstanceUID = derived.SOPInstanceUID
            derived.PixelData = pixels.tobytes()
            derived.save_as(target / f"{index:05d}.dcm", enforce_file_format=True)

    def median(self, source: Path, target: Path) -> None:
        raise NotImplementedError

    def total(self, image: Any) -> int | None:
        volume, datasets = image
        return int(volume.sum(dtype="i8") + volume.size * int(datasets[0].RescaleIntercept))


class SimpleItk:
    """Its series reader with all metadata, and the loop that its documentation gives for writing."""

    KEPT = ("0010|0010", "0010|0020", "0010|0030", "0020|000d", "0020|0010", "0008|0020", "0008|0030", "0008|0050")

    def __init__(self) -> None:
        import SimpleITK as sitk

        self.sitk = sitk

    def read(self, source: Path) -> Any:
        reader = self.sitk.ImageSeriesReader()
        reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(source)))
        reader.MetaDataDictionaryArrayUpdateOn()
        reader.LoadPrivateTagsOn()
        return reader.Execute(), reader

    def tags(self, reader: Any, index: int) -> dict[str, str]:
        """Return what the documentation's loop copies."""
        return {tag: reader.GetMetaData(0, tag) for tag in self.KEPT if reader.HasMetaDataKey(0, tag)}

    def write(self, image: Any, target: Path) -> None:
        volume, reader = image
        direction = volume.GetDirection()
        derived = {
            "0008|0060": "CT",
            "0008|0008": "DERIVED\\SECONDARY",
            "0008|103e": "Derived",
            "0020|000e": f"1.2.826.0.1.3680043.2.1125.{time.time_ns()}",
            "0020|0037": "\\".join(str(direction[index]) for index in (0, 3, 6, 1, 4, 7)),
        }
        writer = self.sitk.ImageFileWriter()
        writer.KeepOriginalImageUIDOn()
        for index in range(volume.GetDepth()):
            piece = volume[:, :, index]
            position = volume.TransformIndexToPhysicalPoint((0, 0, index))
            own = {"0020|0032": "\\".join(map(str, position)), "0020|0013": str(index)}
            for tag, value in (self.tags(reader, index) | derived | own).items():
                if value.isascii():  # SimpleITK returns a name outside ASCII, and then refuses to take it
                    piece.SetMetaData(tag, value)
            writer.SetFileName(str(target / f"{index:05d}.dcm"))
            writer.Execute(piece)

    def smooth(self, image: Any) -> Any:
        """Take the median of a volume in memory, and nothing else."""
        return self.sitk.Median(image[0], [1, 1, 1])

    def median(self, source: Path, target: Path) -> None:
        image = self.read(source)
        self.write((self.smooth(image), image[1]), target)

    def total(self, image: Any) -> int | None:
        return int(self.sitk.GetArrayViewFromImage(image[0]).sum(dtype="i8"))


class SimpleItkAll(SimpleItk):
    """The same loop, but for every public tag of each slice."""

    def tags(self, reader: Any, index: int) -> dict[str, str]:
        tags = (tag for tag in reader.GetMetaDataKeys(index) if "|" in tag)
        public = (tag for tag in tags if int(tag[:4], 16) % 2 == 0)
        return {tag: reader.GetMetaData(index, tag) for tag in public}


class VtkDicom:
    """vtk-dicom in its own row order, which spares it a flip."""

    def __init__(self) -> None:
        import vtkdicom
        from vtkmodules.vtkCommonCore import vtkStringArray
        from vtkmodules.vtkImagingGeneral import vtkImageMedian3D

        self.dicom, self.strings, self.filter = vtkdicom, vtkStringArray, vtkImageMedian3D

    def read(self, source: Path) -> Any:
        names = self.strings()
        for path in files(source):
            names.InsertNextValue(str(path))
        reader = self.dicom.vtkDICOMReader()
        reader.SetFileNames(names)
        reader.SetMemoryRowOrderToFileNative()
        reader.Update()
        return reader.GetOutput(), reader

    def write(self, image: Any, target: Path) -> None:
        volume, reader = image
        writer = self.dicom.vtkDICOMWriter()
        writer.SetInputData(volume)
        writer.SetMetaData(reader.GetMetaData())
        writer.SetPatientMatrix(reader.GetPatientMatrix())
        writer.SetGenerator(self.dicom.vtkDICOMCTGenerator())
        writer.SetMemoryRowOrderToFileNative()
        writer.SetSeriesDescription("Derived")
        writer.SetFilePrefix(str(target))
        writer.SetFilePattern("%s/%05d.dcm")
        writer.Write()

    def median(self, source: Path, target: Path) -> None:
        volume, reader = self.read(source)
        smooth = self.filter()
        smooth.SetKernelSize(3, 3, 3)
        smooth.SetInputData(volume)
        smooth.Update()
        self.write((smooth.GetOutput(), reader), target)

    def total(self, image: Any) -> int | None:
        volume, reader = image
        scalars = volume.GetPointData().GetScalars()
        stored = memoryview(scalars)
        return sum(stored) + len(stored) * int(reader.GetRescaleIntercept())


class Slicewise:
    """The package itself; the memory is what its median may use."""

    def __init__(self, memory: str) -> None:
        import numpy as np

        import slicewise as sw

        self.numpy, self.sw, self.memory = np, sw, memory
        # Rooms are imported when a name of theirs is first used.
        for name in ("SeriesReader", "Median", "SeriesWriter"):
            getattr(sw, name)

    def read(self, source: Path) -> Any:
        image = self.sw.SeriesReader(source).update(progress=False)
        len(image.headers)
        return image

    def write(self, image: Any, target: Path) -> None:
        (image >> self.sw.SeriesWriter(target / "derived")).update(progress=False)

    def median(self, source: Path, target: Path) -> None:
        graph = self.sw.SeriesReader(source) >> self.sw.Median(radius=1) >> self.sw.SeriesWriter(target / "derived")
        graph.update(memory=self.memory, progress=False)

    def total(self, image: Any) -> int | None:
        return int(self.numpy.asarray(image).sum(dtype="i8"))


def files(folder: Path) -> list[Path]:
    """Return the files of a folder and those below it, by name."""
    return sorted(path for path in folder.rglob("*") if path.is_file())


def contender(name: str, memory: str) -> Contender:
    """Return a contender, with all it imports."""
    makers: dict[str, Callable[[], Contender]] = {
        "floor": Floor,
        "pydicom": PlainPydicom,
        "SimpleITK": SimpleItk,
        "SimpleITK all tags": SimpleItkAll,
        "vtk-dicom": VtkDicom,
        "slicewise": lambda: Slicewise(memory),
    }
    return makers[name]()


def peak_megabytes() -> float:
    """Return the peak of resident memory since this program began.

    On Linux getrusage also counts what the parent held before this program took the place of its copy.
    """
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024 / 1e6
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def run(one: Contender, task: str, source: Path, target: Path) -> dict[str, Any]:
    """Do a task and return what it took."""
    prepared = one.read(source) if task in {"write", "smooth"} else None
    # What the imports left behind is swept up now, not in the middle of the task.
    gc.collect()
    before, result = peak_megabytes(), None
    start = time.perf_counter()
    if task == "read":
        result = one.read(source)
    elif task == "write":
        one.write(prepared, target)
    elif task == "median":
        one.median(source, target)
    elif isinstance(one, SimpleItk):
        result = one.smooth(prepared)
    seconds = time.perf_counter() - start
    measured = {"seconds": seconds, "peak": peak_megabytes(), "before": before}
    total = one.total(result) if task == "read" else None
    return measured | {"total": total, "written": len(files(target))}


def main() -> None:
    """Do what the command line says."""
    name, task, source, target, memory = sys.argv[1:]
    print(json.dumps(run(contender(name, memory), task, Path(source), Path(target))))


if __name__ == "__main__":
    main()
