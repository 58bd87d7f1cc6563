"""Profiles as HTML: the table, and the picture of the run."""

from __future__ import annotations

from slicewise.display.markup import escape, table, wrapped
from slicewise.pipeline.profile import Profile

__all__ = ["profile_html"]


def profile_html(profile: Profile) -> str:
    """Return what a run took as HTML."""
    notes = "".join(f"<div class='faint'>{escape(note)}</div>" for note in profile.notes)
    if not profile.works:
        return wrapped("<b>Profile</b>", notes)
    titles, *rows = profile.cells
    return wrapped("<b>Profile</b>", table(titles, rows), notes, f"<div>{profile.timeline()}</div>")
