"""The fixed parts of a script: what it imports, and how it reads what lies beside it."""

from __future__ import annotations

__all__ = ["SCRIPT_HEAD", "STORED", "side_lines"]

SCRIPT_HEAD = '''\
"""{title}

Run it with Python and pydicom 3 or newer; {arguments}
"""

import sys
from pathlib import Path

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
'''

STORED = '''

class Stored(DataElement):
    """An element that is written with the very bytes it has, which its VR would not give, or not so briefly."""

    is_raw = True

    def __init__(self, tag, vr, value, is_undefined=False):
        super().__init__(tag, "OB", value)
        self.VR = vr
        self.length = 0xFFFFFFFF if is_undefined else len(value)
'''

_SIDE = '''

SIDE = (Path(__file__).parent / {name!r}).read_bytes()
if hashlib.sha256(SIDE).hexdigest() != {digest!r}:
    sys.exit({name!r} + " beside this script is not the file that was written with it")


def beside(offset, length):
    """Return a value out of the file beside this script."""
    return SIDE[offset : offset + length]
'''


def side_lines(name: str, digest: str) -> str:
    """Return the part of a script that reads the file beside it."""
    return _SIDE.format(name=name, digest=digest)
