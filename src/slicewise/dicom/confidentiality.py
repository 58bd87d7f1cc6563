"""What the confidentiality profiles do to each attribute (PS3.15, table E.1-1), and private attributes known as safe.

The table is in ``confidentiality.csv``: the actions of the basic profile as of edition 2026c, and those of the
options as of January 2025. The 35 attributes that only the newer edition has get the basic action whatever options.
"""

from __future__ import annotations

import csv
from functools import lru_cache
from importlib import resources
from typing import NamedTuple

__all__ = ["SAFE_PRIVATE", "Actions", "actions_of"]

SAFE_PRIVATE = frozenset(
    [
        (0x0019, "GEMS_ACQU_01", 0x23),
        (0x0019, "GEMS_ACQU_01", 0x24),
        (0x0019, "GEMS_ACQU_01", 0x27),
        (0x0019, "GEMS_ACQU_01", 0x9E),
        (0x0019, "SIEMENS MR HEADER", 0x0C),
        (0x0019, "SIEMENS MR HEADER", 0x0D),
        (0x0019, "SIEMENS MR HEADER", 0x0E),
        (0x0019, "SIEMENS MR HEADER", 0x27),
        (0x0025, "GEMS_SERS_01", 0x07),
        (0x0043, "GEMS_PARM_01", 0x27),
        (0x0043, "GEMS_PARM_01", 0x39),
        (0x0043, "GEMS_PARM_01", 0x6F),
        (0x0045, "GEMS_HELIOS_01", 0x01),
        (0x0045, "GEMS_HELIOS_01", 0x02),
        (0x00E1, "ELSCINT1", 0x21),
        (0x00E1, "ELSCINT1", 0x50),
        (0x01E1, "ELSCINT1", 0x26),
        (0x01F1, "ELSCINT1", 0x01),
        (0x01F1, "ELSCINT1", 0x07),
        (0x01F1, "ELSCINT1", 0x26),
        (0x01F1, "ELSCINT1", 0x27),
        (0x0903, "GEIIS PACS", 0x10),
        (0x0903, "GEIIS PACS", 0x11),
        (0x0903, "GEIIS PACS", 0x12),
        (0x2001, "Philips Imaging DD 001", 0x03),
        (0x2001, "Philips Imaging DD 001", 0x04),
        (0x2005, "Philips MR Imaging DD 001", 0x0D),
        (0x2005, "Philips MR Imaging DD 001", 0x0E),
        (0x7053, "Philips PET Private Group", 0x00),
        (0x7053, "Philips PET Private Group", 0x09),
    ]
)
"""Group, creator and element of private attributes without anything of the patient's in them (PS3.15, E.3.10)."""


class Actions(NamedTuple):
    """What the profile and its options do to an attribute, in the letters of the standard; empty for nothing.

    X removes, Z empties, D gives a dummy value, U another UID, K keeps, C cleans.
    """

    basic: str
    uids: str = ""
    device: str = ""
    institution: str = ""
    patient: str = ""
    full_dates: str = ""
    modified_dates: str = ""
    descriptors: str = ""
    structured: str = ""
    graphics: str = ""


def actions_of(tag: int) -> Actions | None:
    """Return the actions for an attribute; None for one that the table does not name, which is kept."""
    if tag >> 16 & 1:
        return Actions("X")
    known = _table()
    if tag >> 24 == 0x50:
        return known["50xxxxxx"]
    key = f"{tag:08X}"
    return known.get(f"60xx{key[4:]}" if tag >> 24 == 0x60 else key)


@lru_cache(maxsize=1)
def _table() -> dict[str, Actions]:
    text = resources.files(__package__).joinpath("confidentiality.csv").read_text(encoding="ascii")
    return {row[0]: Actions(*row[1:]) for row in list(csv.reader(text.splitlines()))[1:]}
