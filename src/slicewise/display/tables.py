"""Reports, comparisons and discoveries as HTML."""

from __future__ import annotations

from collections.abc import Iterator

from slicewise.dicom.report import Report
from slicewise.display.markup import details, escape, pairs, table, wrapped
from slicewise.image import Action
from slicewise.io.compare import Comparison
from slicewise.io.discovery import Discovery
from slicewise.io.discovery_text import TITLES, odd_lines, patient_line, series_rows, study_line
from slicewise.io.series_volumes import Volumes
from slicewise.io.series_writer import Written

__all__ = ["comparison_html", "discovery_html", "report_html", "volumes_html", "written_html"]


def written_html(written: Written) -> str:
    """Return what was written as HTML."""
    place = "handed over" if written.folder is None else str(written.folder)
    rows = [("folder", place), ("slices", str(written.report.slices)), ("series", written.series_uid)]
    return wrapped("<b>Written</b>", pairs(rows), report_html(written.report))


def report_html(report: Report) -> str:
    """Return what became of the attributes as HTML, by what was done and why."""
    counts = ", ".join(f"{number} {action}" for action, number in report.counts.items())
    notes = "".join(f"<div>note: {escape(warning)}</div>" for warning in report.warnings)
    pixels = f"{report.storage}; largest error {report.largest_error:.3g}"
    parts = [
        f"<b>Report</b> <span class='faint'>{report.slices} slices, attributes: {counts}</span>",
        f"<div class='faint'>pixels: {escape(pixels)}</div>",
        notes,
    ]
    for action in (Action.REGENERATED, Action.DROPPED, Action.KEPT):
        rows = list(_report_rows(report, action))
        if rows:
            parts.append(details(f"{len(rows)} {action.value}", table(("attribute", "why", "slices"), rows)))
    return wrapped(*parts)


def _report_rows(report: Report, action: Action) -> Iterator[tuple[str, str, str]]:
    for row in report.of(action):
        yield row.name, row.reason, "all" if row.slices is None else f"{len(row.slices)} of {report.slices}"


def comparison_html(comparison: Comparison) -> str:
    """Return what differs between two series as HTML."""
    lines = "".join(f"<div class='faint'>{escape(line)}</div>" for line in comparison.summary.splitlines())
    rows = [
        (
            row.attribute,
            *("–" if v is None else v for v in (row.a, row.b)),
            _slices(row.slices, comparison.matched, row.varies),
        )
        for row in comparison
    ]
    return wrapped("<b>Comparison</b>", lines, table(("attribute", "A", "B", "slices"), rows) if rows else "")


def _slices(differing: int, matched: int, varies: bool) -> str:  # noqa: FBT001 - private
    count = "all" if differing == matched else f"{differing} of {matched}"
    return f"{count}, values vary" if varies else count


def discovery_html(discovery: Discovery) -> str:
    """Return the patients, studies, series and volumes of a folder as HTML."""
    parts = []
    for patient in discovery.patients:
        parts.append(f"<div><b>{escape(patient_line(patient))}</b></div>")
        for study in patient.studies:
            rows = [row for series in study.series for row in series_rows(series)]
            parts.append(f"<div>{escape(study_line(study))}</div>{table(TITLES, rows)}")
    odd = "".join(f"<div>{escape(line)}</div>" for line in odd_lines(discovery))
    return wrapped(*parts, f"<div class='faint'>{escape(discovery.summary)}</div>", odd)


def volumes_html(volumes: Volumes) -> str:
    """Return the volumes of a series as HTML."""
    return wrapped("<b>Volumes</b>", table(("", "volume", "slices", "size"), volumes.rows))
