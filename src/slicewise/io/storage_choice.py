"""How the values of an image are going to be stored: what to try, in which order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from slicewise.dicom.image_classes import ImageClass
from slicewise.dicom.modality_values import MODALITY_LUT
from slicewise.dicom.pixels import PixelFormat, pixel_formats
from slicewise.dicom.rescale import rescales
from slicewise.dicom.storing import Storage, covering, identity_storage, moved_up
from slicewise.dicom.values import decimal_string, text_of
from slicewise.errors import ReadError, ValueRangeError
from slicewise.image import ImageInfo
from slicewise.image.elements import tag_of

__all__ = ["Choice", "PerSlice", "candidates", "measured", "needs_window"]


_MOST_EXACT = 2**50
"""Of an intercept: sums of it and a stored value are exact in double precision, and it is short enough for a DS."""


@attrs.frozen
class Choice:
    """A storage for each slice, known before any pixel.

    Parameters
    ----------
    storages : tuple of Storage
        One per slice.
    keeps_mapping : bool
        Whether stored values mean what they meant in the source.
    """

    storages: tuple[Storage, ...]
    keeps_mapping: bool

    def storage(self, index: int, values: npt.NDArray[Any]) -> Storage:
        """Return the storage of a slice."""
        return self.storages[index]

    @property
    def in_whole_cells(self) -> Choice:
        """The same with all bits stored that are allocated, as codecs count them; values are the same."""
        storages = tuple(attrs.evolve(storage, form=_whole_cells(storage.form)) for storage in self.storages)
        return attrs.evolve(self, storages=storages)

    def without_signs(self, *, zero_intercept: bool) -> Choice:
        """Return the storage of the same values as unsigned ones: moved up, and the intercept down.

        Parameters
        ----------
        zero_intercept : bool
            Whether the intercept must stay 0, as in PET; negative values are a misfit then.
        """
        if not self.storages[0].form.signed:
            return self
        storages = tuple(
            attrs.evolve(s, form=attrs.evolve(s.form, signed=False)) if zero_intercept else moved_up(s)
            for s in self.storages
        )
        return Choice(storages, keeps_mapping=self.keeps_mapping and zero_intercept)

    @property
    def in_8_bits(self) -> Choice:
        """The same for values of up to 8 bits, of which 16 would be half empty."""
        storages = tuple(
            attrs.evolve(s, form=attrs.evolve(s.form, bits_allocated=8, bits_stored=8, high_bit=7))
            for s in self.storages
        )
        return attrs.evolve(self, storages=storages)

    def __str__(self) -> str:
        form = self.storages[0].form
        slopes = {(s.slope, s.intercept) for s in self.storages}
        rescale = "slope and intercept by slice" if len(slopes) > 1 else "slope {}, intercept {}".format(*slopes.pop())
        kind = "as in the source" if self.keeps_mapping else "chosen for these values"
        return f"{form.bits_stored} bits {'signed' if form.signed else 'unsigned'}, {rescale} ({kind})"


@attrs.frozen
class PerSlice:
    """A slope for each slice, found from its values; intercept 0, as in PET."""

    form: PixelFormat

    keeps_mapping = False

    @property
    def in_whole_cells(self) -> PerSlice:
        """The same with all bits stored that are allocated."""
        return PerSlice(_whole_cells(self.form))

    def without_signs(self, *, zero_intercept: bool) -> PerSlice:
        """Return the same without negative values, which are a misfit."""
        return PerSlice(attrs.evolve(self.form, signed=False))

    @property
    def in_8_bits(self) -> PerSlice:
        """The same: floating-point values want all bits."""
        return self

    @property
    def storages(self) -> tuple[Storage, ...]:
        """What all slices share."""
        return (Storage("1", "0", self.form),)

    def storage(self, index: int, values: npt.NDArray[Any]) -> Storage:
        """Return the storage that covers the values of a slice."""
        low, high = float(values.min()), float(values.max())
        reach = max(abs(low), abs(high))
        least = -reach if self.form.signed else 0.0
        return attrs.evolve(covering(least, reach, self.form, zero_intercept=True), form=self.form)

    def __str__(self) -> str:
        return (
            f"16 bits {'signed' if self.form.signed else 'unsigned'}, a slope for each slice (chosen for these values)"
        )


def _whole_cells(form: PixelFormat) -> PixelFormat:
    return attrs.evolve(form, bits_stored=form.bits_allocated, high_bit=form.bits_allocated - 1)


def candidates(info: ImageInfo, kind: ImageClass | None) -> list[Choice | PerSlice]:
    """Return the storages to try before the values have to be measured, best first.

    Parameters
    ----------
    info : ImageInfo
        The image.
    kind : ImageClass, optional
        The class it is written in, if it is one whose pixels are known.
    """
    found: list[Choice | PerSlice] = []
    plain = _plain_form(info, kind)
    if info.components == 1 and all(step.keeps_units for step in info.history):
        source = _source_choice(info)
        if source is not None and kind is not None:
            source = _in_cells_of(source, kind)
        if source is not None:
            found.append(source)
    if info.dtype.kind in "iub" and info.dtype.itemsize <= 2:
        found.append(Choice((identity_storage(plain),) * info.slices, keeps_mapping=False))
    elif info.dtype.kind == "f" and _is_pet(info, kind):
        found.append(PerSlice(attrs.evolve(plain, bits_allocated=16, bits_stored=16, high_bit=15, signed=True)))
    return found


def measured(info: ImageInfo, kind: ImageClass | None, low: float, high: float) -> Choice:
    """Return the storage for values of a known range.

    Raises
    ------
    ValueRangeError
        If the class stores values as they are, and they are too large.
    """
    plain = _plain_form(info, kind)
    slices = info.slices
    zero = _is_pet(info, kind)
    if plain.bits_allocated == 8:
        return Choice((identity_storage(plain),) * slices, keeps_mapping=False)
    if info.dtype.kind in "iub":
        sixteen = attrs.evolve(plain, bits_allocated=16, bits_stored=16, high_bit=15)
        for signed, limits in ((False, (0, 65535)), (True, (-32768, 32767))):
            if limits[0] <= low and high <= limits[1] and (kind is None or kind.has_sign or not signed):
                form = attrs.evolve(sixteen, signed=signed)
                return Choice((identity_storage(form),) * slices, keeps_mapping=False)
        if kind is not None and not kind.has_slope:
            raise ValueRangeError(
                f"{kind.keyword} holds values of 16 bits as they are, and these are {low:g} to {high:g}"
            )
        if high - low <= 65535 and abs(low) < _MOST_EXACT and not zero:
            moved = Storage("1", str(int(low)), attrs.evolve(sixteen, signed=False), exact=True)
            return Choice((moved,) * slices, keeps_mapping=False)
    return Choice((covering(low, high, plain, zero_intercept=zero),) * slices, keeps_mapping=False)


def needs_window(info: ImageInfo, kind: ImageClass | None) -> bool:
    """Whether the source had a window that no longer holds, there is no source, or the class asks for one."""
    window = tag_of("WindowCenter")
    if window in info.headers.columns() or info.components > 1:
        return False
    if kind is not None and kind.needs_window:
        return True
    return not any(info.sources) or any(change.tag == window for step in info.history for change in step.changes)


def _is_pet(info: ImageInfo, kind: ImageClass | None) -> bool:
    stated = text_of(info.headers.element(tag_of("Modality"), 0))
    return (stated if kind is None else kind.modality) == "PT"


def _in_cells_of(choice: Choice, kind: ImageClass) -> Choice | None:
    """Return the same stored values in cells that a class allows; None if it allows none for them."""
    form = choice.storages[0].form
    if not (kind.has_slope or all(s.rescale.is_identity for s in choice.storages)) or (
        form.signed and not kind.has_sign
    ):
        return None
    if form.bits_allocated not in kind.bits:
        if form.bits_allocated > max(kind.bits):
            return None
        wide = [attrs.evolve(s, form=attrs.evolve(form, bits_allocated=max(kind.bits))) for s in choice.storages]
        choice = attrs.evolve(choice, storages=tuple(wide))
    return choice.in_whole_cells if kind.fills_cells else choice


def _plain_form(info: ImageInfo, kind: ImageClass | None) -> PixelFormat:
    # Values of up to 8 bits take 16 where the image class wants 16.
    narrow = info.dtype in (np.uint8, np.bool_) and (info.components > 1 or (kind is not None and kind.bits == (8,)))
    bits = 8 if narrow else 16
    stated = text_of(info.headers.element(tag_of("PhotometricInterpretation"), 0))
    return PixelFormat(
        rows=info.geometry.rows,
        columns=info.geometry.columns,
        samples=info.components,
        bits_allocated=bits,
        bits_stored=bits,
        high_bit=bits - 1,
        signed=info.dtype.kind == "i" and (kind is None or kind.has_sign),
        photometric="RGB" if info.components > 1 else stated if stated.startswith("MONOCHROME") else "MONOCHROME2",
    )


def _source_choice(info: ImageInfo) -> Choice | None:
    try:
        forms = pixel_formats(info.headers)
    except ReadError:
        return None
    if _had_table(info):
        return None
    rescale = rescales(info.headers)
    if len(set(forms)) > 1 or forms[0].bits_allocated not in (8, 16) or forms[0].samples > 1:
        return None
    if info.dtype.kind != "f" and not all(r.is_integral for r in rescale):
        return None
    form = attrs.evolve(
        forms[0],
        rows=info.geometry.rows,
        columns=info.geometry.columns,
        high_bit=forms[0].bits_stored - 1,
        photometric=forms[0].photometric,
    )
    slopes = _texts(info, "RescaleSlope", "1")
    intercepts = _texts(info, "RescaleIntercept", "0")
    storages = tuple(Storage(s, i, form, exact=True) for s, i in zip(slopes, intercepts, strict=True))
    return Choice(storages, keeps_mapping=True)


def _had_table(info: ImageInfo) -> bool:
    """Whether the values of the source came of a table, so that no slope and intercept lead back."""
    changed = [change.tag for step in info.history for change in step.changes]
    return MODALITY_LUT in changed or info.headers.column(MODALITY_LUT) is not None


def _texts(info: ImageInfo, keyword: str, default: str) -> Sequence[str]:
    tag = tag_of(keyword)
    stated = [text_of(info.headers.element(tag, k)) or default for k in range(info.slices)]
    # What is too long for a DS, or has several values, is written as it was understood (PS3.5, 6.2).
    return [s if len(s) <= 16 and "\\" not in s else decimal_string(float(s.split("\\")[0])) for s in stated]
