"""Discoveries as tables of pandas: one row for each volume."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from slicewise.image.extras import optional_module

if TYPE_CHECKING:
    import pandas as pd

    from slicewise.io.discovery import Discovery, FoundPatient, FoundSeries, FoundStudy, FoundVolume

__all__ = ["volume_table"]

_TYPES = {
    **dict.fromkeys(("slices", "columns", "rows", "paths"), "Int64"),
    **dict.fromkeys(("spacing_x", "spacing_y", "spacing_z"), "float64"),
}


def volume_table(found: Discovery) -> pd.DataFrame:
    """Return a row for each volume, and one for each series without pixels."""
    pandas = optional_module("pandas", "jupyter", "discover(...).table()")
    rows = [
        _row(patient, study, series, volume)
        for patient in found.patients
        for study in patient.studies
        for series in study.series
        for volume in series.volumes or (None,)
    ]
    table = pandas.DataFrame(rows, columns=list(_COLUMNS)).astype(_TYPES)
    table["study_date"] = pandas.to_datetime(table["study_date"], format="%Y%m%d", errors="coerce")
    return table


_COLUMNS = (
    "patient_id",
    "patient_name",
    "study_date",
    "study_description",
    "series_number",
    "modality",
    "series_description",
    "kind",
    "volume",
    "slices",
    "columns",
    "rows",
    "spacing_x",
    "spacing_y",
    "spacing_z",
    "is_even",
    "note",
    "paths",
    "folder",
    "study_uid",
    "series_uid",
)


def _row(patient: FoundPatient, study: FoundStudy, series: FoundSeries, volume: FoundVolume | None) -> dict[str, Any]:
    told: dict[str, Any] = {
        "patient_id": patient.id,
        "patient_name": patient.name,
        "study_date": study.date,
        "study_description": study.description,
        "series_number": series.number,
        "modality": series.modality,
        "series_description": series.description,
        "kind": series.kind,
        "folder": str(series.folder),
        "study_uid": study.uid,
        "series_uid": series.uid,
    }
    if volume is None:
        return told | {"volume": "", "note": "no pixels", "slices": 0, "is_even": False, "paths": len(series.paths)}
    x, y, z = volume.spacing or (None, None, None)
    return told | {
        "volume": volume.name,
        "slices": volume.slices,
        "columns": volume.columns,
        "rows": volume.rows,
        "spacing_x": x,
        "spacing_y": y,
        "spacing_z": z,
        "is_even": volume.is_even,
        "note": volume.note,
        "paths": len(volume.paths),
    }
