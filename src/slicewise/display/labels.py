"""Labels over their image, their surfaces, and their statistics as HTML."""

from __future__ import annotations

from slicewise.display.markup import escape, picture, table, wrapped
from slicewise.filters.label_preview import Entry, LabelPreview, Tile
from slicewise.filters.label_statistics import LabelTable
from slicewise.image.pictures import encode_png
from slicewise.image.pictures.planes import fitted

__all__ = ["label_table_html", "preview_html", "preview_parts"]

_LONGEST_SIDE = 190


def preview_html(preview: LabelPreview) -> str:
    """Return labels over slices of their image, and their surfaces, as HTML."""
    return wrapped(*preview_parts(preview))


def preview_parts(preview: LabelPreview) -> list[str]:
    """Return the slices, the surfaces and the legend."""
    rows = [row for row in (preview.slices(), [Tile(*view) for view in preview.surfaces]) if row]
    legend = "".join(map(_legend, preview.entries))
    return [*(f"<div class='row'>{_figures(row)}</div>" for row in rows), f"<div>{legend}</div>"]


def _figures(tiles: list[Tile]) -> str:
    scale = _LONGEST_SIDE / max(max(tile.extent) for tile in tiles)
    return "".join(_figure(tile, scale) for tile in tiles)


def _figure(tile: Tile, scale: float) -> str:
    height, width = (max(1, round(length * scale)) for length in tile.extent)
    # Twice as many pixels as are shown: screens have them.
    return picture(encode_png(fitted(tile.picture, 2 * height, 2 * width)), tile.caption, width=width, height=height)


def _legend(entry: Entry) -> str:
    colour = "#{:02x}{:02x}{:02x}".format(*entry.colour)
    text = f"{entry.label}: {escape(entry.name)}" if entry.name else str(entry.label)
    return (
        f"<span style='white-space: nowrap; margin-right: 14px'><span style='color: {colour}'>■</span> {text}</span> "
    )


def label_table_html(measured: LabelTable) -> str:
    """Return statistics of labels as HTML."""
    lines = list(measured.texts)
    return wrapped("<b>Labels</b>", table(lines[0], lines[1:]) if lines else "<div class='faint'>none</div>")
