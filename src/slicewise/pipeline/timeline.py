"""A run as a picture (SVG): a lane for each thread, a box for each slab, coloured by node."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from html import escape
from typing import NamedTuple

from slicewise.pipeline.computing import Work
from slicewise.pipeline.profile import Profile, by_node, lanes_of
from slicewise.pipeline.sizes import format_seconds

__all__ = ["timeline_svg"]

_WIDTH, _LEFT, _RIGHT, _TOP = 960, 72, 34, 10
_LANE, _GAP, _LINE = 28, 6, 20
_SMALLEST = 0.75
"""Pixels below which neighbouring boxes become one."""

_LETTER = 6.6
"""Pixels of a letter of the legend, about."""

# Told apart by most colour-blind people, on light pages and on dark ones.
_COLOURS = ("#3b82c4", "#e08a1e", "#2f9e6e", "#c9539b", "#8f7ad1", "#b5a31f", "#27a5b5", "#d0524a", "#8c8c8c")


class _Box(NamedTuple):
    left: float
    width: float
    name: str
    text: str


def timeline_svg(profile: Profile) -> str:
    """Return a picture of a run; what a box is, is shown when one points at it. Text has the colour of the page."""
    named = by_node(profile.works)
    colours = {name: _COLOURS[min(k, len(_COLOURS) - 1)] for k, name in enumerate(named)}
    names = {id(work): name for name, works in named.items() for work in works}
    lanes = lanes_of(profile.works)
    bottom = _TOP + len(lanes) * (_LANE + _GAP)
    legend, end = _legend(colours, bottom + 40)
    parts = [*_axis(profile.wall, bottom)]
    for k, lane in enumerate(lanes):
        top = _TOP + k * (_LANE + _GAP)
        parts.append(_text(_LEFT - 8, top + _LANE / 2 + 4, f"thread {k + 1}", "end"))
        parts.append(
            f'<rect x="{_LEFT}" y="{top}" width="{_WIDTH - _LEFT - _RIGHT}" height="{_LANE}" fill="currentColor" '
            'fill-opacity="0.06"/>'
        )
        parts += [_drawn(box, top, colours[box.name]) for box in _boxes(lane, profile, names)]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{end}" viewBox="0 0 {_WIDTH} {end}" '
        f'font-family="system-ui, sans-serif" font-size="12">{"".join([*parts, *legend])}</svg>'
    )


def _boxes(lane: Sequence[Work], profile: Profile, names: dict[int, str]) -> Iterator[_Box]:
    """Return the boxes of a lane; of many too small to be seen, one, with the name of what took longest."""
    scale = (_WIDTH - _LEFT - _RIGHT) / max(profile.wall, 1e-9)
    small: list[Work] = []
    for work in lane:
        if small and (work.ended - small[0].began) * scale > _SMALLEST:
            yield _box(small, profile, names, scale)
            small = []
        small.append(work)
    if small:
        yield _box(small, profile, names, scale)


def _box(works: Sequence[Work], profile: Profile, names: dict[int, str], scale: float) -> _Box:
    longest = max(works, key=lambda work: work.ended - work.began)
    name = names[id(longest)]
    left = _LEFT + (works[0].began - profile.began) * scale
    width = (works[-1].ended - works[0].began) * scale
    slab = longest.slab
    slices = f"slice {slab.start}" if len(slab) == 1 else f"slices {slab.start} to {slab.stop - 1}"
    text = f"{name}, {slices}: {format_seconds(longest.ended - longest.began)}"
    return _Box(left, width, name, text if len(works) == 1 else f"{len(works)} slabs, the longest: {text}")


def _drawn(box: _Box, top: float, colour: str) -> str:
    # A little air between neighbours, where there is room for it.
    width = max(box.width - 0.5, 0.5)
    return (
        f'<rect x="{box.left:.2f}" y="{top + 2}" width="{width:.2f}" height="{_LANE - 4}" fill="{colour}">'
        f"<title>{escape(box.text)}</title></rect>"
    )


def _axis(wall: float, bottom: float) -> Iterator[str]:
    step = _step(wall)
    scale = (_WIDTH - _LEFT - _RIGHT) / max(wall, 1e-9)
    for k in range(int(wall / step) + 1):
        x = _LEFT + k * step * scale
        yield (
            f'<path d="M {x:.1f} {_TOP} V {bottom + 4}" stroke="currentColor" stroke-opacity="0.25" stroke-width="1"/>'
        )
        yield _text(x, bottom + 18, _told(k * step, step), "middle")


def _step(wall: float) -> float:
    """Return the time between two marks: 1, 2 or 5 of a power of ten, so that there are some ten of them."""
    least = max(wall, 1e-6) / 10
    power = 10.0 ** math.floor(math.log10(least))
    return next(power * m for m in (1, 2, 5, 10) if power * m >= least * 0.999)


def _told(seconds: float, step: float) -> str:
    if step < 0.1:
        return f"{1000 * seconds:.{0 if step >= 0.001 else 1}f} ms"
    return f"{seconds:.{0 if step >= 1 else 1}f} s"


def _legend(colours: dict[str, str], top: float) -> tuple[list[str], float]:
    parts, x = [], float(_LEFT)
    for name, colour in colours.items():
        width = 18 + _LETTER * len(name) + 18
        if x > _LEFT and x + width > _WIDTH - _RIGHT:
            x, top = float(_LEFT), top + _LINE
        parts.append(f'<rect x="{x:.1f}" y="{top - 10}" width="12" height="12" fill="{colour}"/>')
        parts.append(_text(x + 18, top, name, "start"))
        x += width
    return parts, top + 12


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="currentColor">{escape(text)}</text>'
