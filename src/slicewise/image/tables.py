"""Headers as a table: a row for each slice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence as Items
from pydicom.tag import BaseTag

from slicewise.image.asking import values
from slicewise.image.attribute_keys import Key, path_of
from slicewise.image.attribute_text import count_text, plain_text
from slicewise.image.diffusion import DIFFUSION
from slicewise.image.elements import name_of
from slicewise.image.extras import optional_module

if TYPE_CHECKING:
    import pandas as pd

    from slicewise.image.headers import Headers

__all__ = ["table"]


def table(headers: Headers, attributes: Sequence[Key] | Literal["all"] | None) -> pd.DataFrame:
    """Return a pandas table of some attributes, one row per slice; see ``Headers.table``."""
    pandas = optional_module("pandas", "jupyter", "headers.table()")
    keys: Sequence[Key]
    if attributes == "all":
        keys = [(tag >> 16, tag & 0xFFFF) for tag in headers.columns()]
    elif attributes is None:
        keys = headers.varying
    else:
        keys = [attributes] if isinstance(attributes, str) else attributes
    columns = {_title(key): [_plain(value) for value in values(headers, key)] for key in keys}
    return pandas.DataFrame(columns, index=range(len(headers)))


def _title(key: Key) -> str:
    if isinstance(key, str):
        return key if key in DIFFUSION else ".".join(map(str, path_of(key)))
    return name_of(key[0] << 16 | key[1]) if len(key) == 2 else ".".join(map(str, path_of(key)))


def _plain(value: Any) -> Any:
    """Return a value as Python's own: numbers, text, lists of them."""
    if isinstance(value, Items | Dataset):
        return count_text(len(value), "item" if isinstance(value, Items) else "attribute")
    if isinstance(value, MultiValue | list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, int) and not isinstance(value, BaseTag):
        return int(value)
    if isinstance(value, float):
        return float(value)
    return None if value is None else plain_text(value)
