"""Activity concentration of PET as standardised uptake."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from slicewise.dicom.uptake import Uptake, body_weight_uptake
from slicewise.filters.pixels import real_type
from slicewise.image import ImageInfo, Operation
from slicewise.pipeline.effect import Effect
from slicewise.pipeline.node import Array, Block, Filter, Outline, Slab, node

__all__ = ["SUVbw"]


@node
class SUVbw(Filter):
    """Standardised uptake value by body weight, in g/ml, of PET images in Bq/ml.

    SUVbw = activity x weight / (dose x 2^(-delay / half-life)), with the weight in g, the dose in Bq as it
    was injected, and the delay in seconds from the injection to the time that the activity is decay-corrected to:
    the start of the scan (DecayCorrection START), or the injection itself (ADMIN). The start of the scan is found as
    the vendor-neutral pseudo-code of QIBA finds it (Profile FDG-PET/CT, appendix G). Counts of Philips scanners are
    taken with their private scale factor. Dose, weight, delay and half-life stand in the history.

    Dose left in the syringe is not known to the headers, and not accounted for.

    Raises
    ------
    HeaderError
        When connected, if the image is no PET, not in BQML (or CNTS of Philips), not corrected for attenuation and
        decay, or if dose, half-life, weight or a time is missing or cannot be true. The message names the attribute.
    """

    @property
    def effect(self) -> Effect:
        """Values are in other units, which are known; the standard has no code for it."""
        return Effect(Operation.PIXEL, keeps_units=False, attributes={"Units": "GML", "SUVType": "BW"})

    def outline(self, *inputs: ImageInfo) -> Outline:
        """Return the input's grid, of floating-point numbers."""
        _ = self._uptake
        return Outline.like(*inputs, dtype=real_type(inputs[0].dtype))

    def history_text(self, *inputs: ImageInfo) -> str:
        """Return dose, weight, delay and half-life."""
        return self._uptake.found

    def compute(self, slab: Slab, *blocks: Block) -> Array:
        """Return the uptake of a slab."""
        values = blocks[0].inner(slab)
        factors = np.array(self._uptake.factors[slab.start : slab.stop]).reshape(-1, 1, 1)
        uptake: Array = (values * factors).astype(real_type(values.dtype))
        return uptake

    @cached_property
    def _uptake(self) -> Uptake:
        (source,) = self.inputs.values()
        return body_weight_uptake(source.info)
