"""How images, nodes, headers and reports show themselves in notebooks.

Nothing here computes: a lazy node shows its graph and what is known of it already, never a pixel.
"""

from __future__ import annotations

from slicewise.display.notebook import register

__all__ = ["register"]
