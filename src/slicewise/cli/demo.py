"""``slicewise demo``: a series read, filtered, written, checked and shown."""

from __future__ import annotations

import csv
import math
import shutil
import textwrap
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import attrs
import typer

from slicewise.cli.options import Series, series_choice
from slicewise.cli.output import on_terminal, print_table, shortened

if TYPE_CHECKING:
    from slicewise.cli.demo_checks import Check, Evidence
    from slicewise.image import Geometry, Image
    from slicewise.io.series_reader import SeriesReader
    from slicewise.io.series_writer import Written
    from slicewise.pipeline.node import Node

__all__ = ["demo"]

_TELLING = (
    "SOPInstanceUID",
    "SeriesInstanceUID",
    "StudyInstanceUID",
    "SeriesNumber",
    "SeriesDescription",
    "ImageType",
    "InstanceNumber",
    "PatientName",
    "AcquisitionTime",
    "XRayTubeCurrent",
    "RepetitionTime",
    "EchoTime",
    "ImagePositionPatient",
    "SliceLocation",
    "SliceThickness",
    "SpacingBetweenSlices",
    "PixelSpacing",
    "RescaleSlope",
    "WindowCenter",
    "RequestAttributesSequence",
    "ReferencedImageSequence",
    "SourceImageSequence",
    "DerivationDescription",
)
"""Attributes that show what becomes of headers; those a series has not are left out."""

_LARGE = 20_000_000
"""Voxels of a series whose fine slices are made fewer and not more."""


def demo(
    data: Annotated[
        Path | None, typer.Argument(metavar="[DATA]", help="A series of your own; without it, a CT phantom is made.")
    ] = None,
    *,
    output: Annotated[Path, typer.Option(metavar="FOLDER", help="Where results go.")] = Path("demo-output"),
    series: Series = None,
) -> None:
    """Show all of it on one series.

    The series is read, filtered and written as a derived series; the result is checked with other programs' readers;
    and you see what became of the headers, and a picture of before and after.
    """
    import slicewise as sw

    source = _source(data, series, output)
    _tell("Read", _about(source))
    result = source >> sw.Median(radius=1) >> sw.Resample(spacing=_spacing(source))
    _tell("Filter", result.explain())
    writer = result >> sw.SeriesWriter(output / "derived", series_description="Median, resampled", overwrite=True)
    started = time.perf_counter()
    image = result.update()
    written = writer.update()
    seconds = time.perf_counter() - started
    _tell("Write", f"{len(written.paths)} slices to {written.folder} in {seconds:.1f} s, filters included")
    passed = _check(source.files, image, written)
    _show_report(written, output / "headers.csv")
    _show_picture(source, image, output / "contact-sheet.png")
    if not passed:
        raise typer.Exit(1)


def _tell(step: str, text: str) -> None:
    print(f"\n{_strong(step)}")
    print("\n".join(f"  {line}".rstrip() for line in text.splitlines()))


def _strong(text: str) -> str:
    return f"\033[1m{text}\033[0m" if on_terminal() else text


# --- the steps -------------------------------------------------------------------------------------


def _source(data: Path | None, series: str | None, output: Path) -> SeriesReader:
    from slicewise.io import phantom
    from slicewise.io.series_reader import SeriesReader

    if data is not None:
        chosen = None if series else _largest(data)
        whole = SeriesReader(data, series=series_choice(series))
        return _volume(whole if chosen is None else chosen)
    folder = output / "source"
    paths = phantom.ct_series(folder)
    _tell("Make", f"a CT phantom of {len(paths)} slices in {folder}")
    return SeriesReader(folder)


def _volume(reader: SeriesReader) -> SeriesReader:
    """Return the reader, or one that keeps an uneven stack as it is."""
    from slicewise.errors import MissingSliceError

    try:
        _ = reader.geometry
    except MissingSliceError as error:
        _tell("Keep", f"the stack as it is, with on_gap='keep': {error}")
        kept: SeriesReader = attrs.evolve(reader, on_gap="keep")  # type: ignore[misc]
        return kept
    return reader


def _largest(data: Path) -> SeriesReader | None:
    """Return a reader of the largest volume, if there are several."""
    from slicewise.io.discover import discover

    found = discover(data)
    volumes = [(series, volume) for series in found for volume in series.volumes if volume.is_even]
    if len(found.volumes) < 2 or not volumes:
        return None
    series, chosen = max(volumes, key=lambda pair: pair[1].slices)
    name = f"{chosen.name}, " if chosen.name else ""
    _tell(
        "Choose",
        f"number {series.number}, {series.modality} {series.description!r} ({name}{chosen.note}),\n"
        f"as the largest volume among those of {len(found)} series; --series chooses another",
    )
    return chosen.reader()


def _about(source: SeriesReader) -> str:
    geometry, headers = source.geometry, source.headers
    tags = headers.columns()
    description = str(headers["SeriesDescription"][0] or "")
    sequences = sum(element.VR == "SQ" for element in headers[0])
    return (
        f"{headers['Modality'][0]} {description!r} of {headers['Manufacturer'][0] or 'an unknown maker'}\n"
        f"{_grid(geometry)}, {source.dtype}\n"
        f"{len(tags)} attributes, {sequences} of them sequences and {sum(t >> 16 & 1 for t in tags)} private; "
        f"{len(headers.varying)} differ from slice to slice"
    )


def _grid(geometry: Geometry) -> str:
    spacing = (*geometry.pixel_spacing[::-1], geometry.slice_spacing)
    return f"{' x '.join(map(str, geometry.size))} voxels of {' x '.join(f'{mm:.4g}' for mm in spacing)} mm"


def _spacing(source: Node) -> tuple[float | None, float | None, float | None]:
    """Return a spacing with which some slices fall on slices of the source and some between them.

    The field of view stays as it is, so slices meet where the ratio of the spacings is one of odd numbers.
    """
    geometry = source.geometry
    x, z = geometry.pixel_spacing[1], geometry.slice_spacing
    if geometry.slices == 1 or not geometry.is_regular:
        return (2 * x, 2 * geometry.pixel_spacing[0], None)
    is_large = math.prod(geometry.shape) > _LARGE and z <= 1.5 * x
    return (None, None, z * 5 / 3 if is_large else z / 3)


def _check(source_files: Sequence[Path], image: Image, written: Written) -> bool:
    from slicewise.cli.demo_checks import Evidence, checks

    evidence = Evidence.gather(source_files, image, written)
    print(f"\n{_strong('Check')}")
    results: list[Check] = []
    for check in checks(evidence):
        results.append(check)
        mark = {True: "ok", False: "WRONG", None: "skipped"}[check.passed]
        print(f"  {mark:<8}{check.claim}\n          {check.found}")
    print()
    _show_slices(evidence)
    return all(check.passed is not False for check in results)


# --- what is shown ---------------------------------------------------------------------------------


def _show_slices(evidence: Evidence) -> None:
    """Show the header of a source slice, of the derived slice in its plane, and of one in between."""
    derived = evidence.derived
    around = sorted(range(len(derived)), key=lambda k: abs(k - len(derived) // 2))
    matched = [k for k in around if evidence.of_source(derived[k]) is not None][:1]
    between = [k for k in around if evidence.of_source(derived[k]) is None][:1]
    reference = evidence.sources[str(derived[(matched or between)[0]].SourceImageSequence[0].ReferencedSOPInstanceUID)]
    shown: list[tuple[str, Any]] = [("source", reference)]
    shown += [(f"derived {k}, in its plane", derived[k]) for k in matched]
    shown += [(f"derived {k}, in between", derived[k]) for k in between]
    rows = [
        (keyword, *(_cell(dataset, keyword) for _, dataset in shown))
        for keyword in _TELLING
        if any(keyword in dataset for _, dataset in shown)
    ]
    titles = [title for title, _ in shown]
    print_table(("attribute", *titles), rows, folded=titles)


def _cell(dataset: Any, keyword: str) -> str:
    from slicewise.image.attribute_text import value_text

    if keyword not in dataset:
        return "-"
    text = value_text(dataset[keyword])
    # What tells identifiers apart stands at their end.
    return "…" + text[-12:] if keyword.endswith("UID") else shortened(text, _width() // 3 - 11)


def _show_report(written: Written, file: Path) -> None:
    report = written.report
    counts = ", ".join(f"{number} {action}" for action, number in report.counts.items())
    _tell("Headers", "\n".join([f"of the attributes {counts}; each of them is in {file}", *_reasons(written)]))
    with file.open("w", encoding="utf-8-sig", newline="") as opened:
        writer = csv.writer(opened)
        writer.writerow(("attribute", "tag", "what became of it", "reason", "slices"))
        for row in report.rows:
            tag = f"({row.tag >> 16:04X},{row.tag & 0xFFFF:04X})"
            slices = "all" if row.slices is None else f"{len(row.slices)} of {report.slices}"
            writer.writerow((row.name, tag, row.action.value, row.reason, slices))


def _reasons(written: Written) -> Iterator[str]:
    """Group the attributes that were regenerated or dropped by the reason."""
    from slicewise.image import Action

    for action in (Action.REGENERATED, Action.DROPPED):
        groups: dict[str, list[str]] = {}
        for row in written.report.of(action):
            some = "" if row.slices is None else f" (on {len(row.slices)} slices)"
            groups.setdefault(row.reason, []).append(row.name + some)
        for reason, names in groups.items():
            public = [name for name in names if not name.startswith("(")]
            private = len(names) - len(public)
            told = [*public, f"{private} private elements"] if private else public
            yield f"{action.value}: {reason}"
            yield from textwrap.wrap(", ".join(told), _width() - 6, initial_indent="    ", subsequent_indent="    ")


def _width() -> int:
    return shutil.get_terminal_size((120, 0)).columns


def _show_picture(source: Node, image: Image, file: Path) -> None:
    from slicewise.image.pictures import contact_sheet

    before = source.update()
    steps = ", ".join(step.name for step in image.history)
    titles = [f"{title}: {_grid(i.geometry)}" for title, i in (("Before", before), (f"After {steps}", image))]
    file.write_bytes(contact_sheet([before, image], titles))
    _tell("Picture", f"before and after: {file}")
