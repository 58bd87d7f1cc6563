from __future__ import annotations
def series_script(*a, **k): raise NotImplementedError
