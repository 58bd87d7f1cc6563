"""What a notebook is told, so that values of slicewise show themselves."""

from __future__ import annotations

import importlib
from typing import Any

__all__ = ["register"]

_SHOWN = (
    ("slicewise.pipeline.node", "Node", "nodes", "node_html"),
    ("slicewise.image.image", "Image", "images", "image_html"),
    ("slicewise.image.image_stack", "ImageStack", "images", "stack_html"),
    ("slicewise.image.headers", "Headers", "headers", "headers_html"),
    ("slicewise.pipeline.profile", "Profile", "profiles", "profile_html"),
    ("slicewise.dicom.report", "Report", "tables", "report_html"),
    ("slicewise.filters.label_preview", "LabelPreview", "labels", "preview_html"),
    ("slicewise.filters.label_statistics", "LabelTable", "labels", "label_table_html"),
    ("slicewise.io.compare", "Comparison", "tables", "comparison_html"),
    ("slicewise.io.discovery", "Discovery", "tables", "discovery_html"),
    ("slicewise.io.series_volumes", "Volumes", "tables", "volumes_html"),
    ("slicewise.io.series_writer", "Written", "tables", "written_html"),
)
"""Class by module and name, and the function that shows it: neither is imported before one is shown."""


def register(shell: Any) -> None:
    """Make an IPython shell show images, nodes, headers and reports as HTML.

    Parameters
    ----------
    shell : InteractiveShell
        What ``get_ipython()`` returns.
    """
    formatter = shell.display_formatter.formatters["text/html"]
    for module, name, room, function in _SHOWN:
        formatter.for_type_by_name(module, name, _late(room, function))


def _late(room: str, function: str) -> Any:
    def show(value: Any) -> str:
        shown: str = getattr(importlib.import_module(f"slicewise.display.{room}"), function)(value)
        return shown

    return show
