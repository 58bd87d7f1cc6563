"""Hypothesis strategies: orientations, grids, and headers with everything pydicom can hold."""

from __future__ import annotations

from itertools import permutations, product
from typing import Any

import numpy as np
from hypothesis import strategies as st
from pydicom.dataset import Dataset, PrivateBlock
from pydicom.sequence import Sequence as Items

AXIS_ORIENTATIONS = [
    np.array([[sign if axis == row else 0.0 for axis, sign in zip(order, signs, strict=True)] for row in range(3)])
    for order in permutations(range(3))
    for signs in product((1.0, -1.0), repeat=3)
]
"""The 48 ways to lay the axes of an image along those of the patient; half of them are left-handed."""


@st.composite
def rotations(draw: st.DrawFn) -> np.ndarray:
    """Draw a proper rotation matrix, from a quaternion."""
    part = st.floats(-1, 1, allow_nan=False)
    quaternion = np.array([draw(part) for _ in range(4)])
    length = np.linalg.norm(quaternion)
    if length < 0.1:
        return np.eye(3)
    w, x, y, z = quaternion / length
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )


coordinates = st.floats(-500, 500, allow_nan=False).map(lambda v: round(v, 4))
spacings = st.floats(0.1, 9, allow_nan=False).map(lambda v: round(v, 4))
points = st.tuples(coordinates, coordinates, coordinates)

# --- headers ----------------------------------------------------------------------------------------

ascii_text = st.text(st.sampled_from("ABCdef 0123456789.-_/+"), max_size=13).map(str.strip)
LATIN = "ÄÖÜäöüßéñå"
CYRILLIC = "ДмитрийЖуков"
KANJI = "山田太郎病院東京"
CHARACTER_SETS = {
    "ISO_IR 100": LATIN,
    "ISO_IR 144": CYRILLIC,
    "ISO_IR 192": LATIN + CYRILLIC + KANJI,
    ("", "ISO 2022 IR 87"): KANJI,
}

_uids = st.lists(st.integers(0, 99999), min_size=2, max_size=5).map(lambda parts: "1.2." + ".".join(map(str, parts)))
_decimals = st.integers(-(10**6), 10**6).map(lambda v: f"{v / 100:.10g}")
_floats32 = st.floats(width=32, allow_nan=False, allow_infinity=False)
_floats = st.floats(allow_nan=False, allow_infinity=False)
_tags = st.integers(0, 0xFFFFFFFF)
_dates = st.dates().filter(lambda d: d.year >= 1000).map(lambda d: d.strftime("%Y%m%d"))
_times = st.times().map(lambda t: t.strftime("%H%M%S.%f"))

VALUES: dict[str, st.SearchStrategy[Any]] = {
    "AE": ascii_text,
    "AS": st.integers(0, 999).map(lambda n: f"{n:03d}Y"),
    "AT": _tags,
    "CS": st.text(st.sampled_from("ABCD_ 0123"), max_size=15).map(str.strip),
    "DA": _dates,
    "DS": _decimals,
    "DT": st.tuples(_dates, _times).map("".join),
    "FD": _floats,
    "FL": _floats32,
    "IS": st.integers(-(2**31), 2**31 - 1).map(str),
    "LO": ascii_text,
    "LT": ascii_text,
    "OB": st.binary(max_size=20),
    "OD": st.lists(_floats, max_size=3).map(lambda v: np.array(v, "<f8").tobytes()),
    "OF": st.lists(_floats32, max_size=3).map(lambda v: np.array(v, "<f4").tobytes()),
    "OL": st.lists(st.integers(0, 2**32 - 1), max_size=3).map(lambda v: np.array(v, "<u4").tobytes()),
    "OV": st.lists(st.integers(0, 2**64 - 1), max_size=3).map(lambda v: np.array(v, "<u8").tobytes()),
    "OW": st.lists(st.integers(0, 2**16 - 1), max_size=9).map(lambda v: np.array(v, "<u2").tobytes()),
    "PN": ascii_text,
    "SH": ascii_text,
    "SL": st.integers(-(2**31), 2**31 - 1),
    "SS": st.integers(-(2**15), 2**15 - 1),
    "ST": ascii_text,
    "SV": st.integers(-(2**63), 2**63 - 1),
    "TM": _times,
    "UC": ascii_text,
    "UI": _uids,
    "UL": st.integers(0, 2**32 - 1),
    "UN": st.binary(max_size=20),
    "UR": st.just("http://example.org/a?b=c"),
    "US": st.integers(0, 2**16 - 1),
    "UT": ascii_text,
    "UV": st.integers(0, 2**64 - 1),
}
"""Values by VR; a private block can hold each."""

_SEVERAL = ("AE", "AT", "CS", "DA", "DS", "FD", "FL", "IS", "LO", "SH", "SL", "SS", "TM", "UC", "UI", "UL", "US")


@st.composite
def _value(draw: st.DrawFn, vr: str) -> Any:
    if draw(st.integers(0, 5)) == 0:
        return None
    if vr in _SEVERAL and draw(st.booleans()):
        several = draw(st.lists(VALUES[vr], min_size=2, max_size=3))
        # The last of several empty texts cannot be told from padding.
        return several if all(v != "" for v in several) else several[0]
    return draw(VALUES[vr])


def _fill(block: PrivateBlock, draw: st.DrawFn) -> None:
    for offset, vr in enumerate(draw(st.lists(st.sampled_from(sorted(VALUES)), max_size=5))):
        block.add_new(offset, vr, draw(_value(vr)))


@st.composite
def datasets(draw: st.DrawFn, depth: int = 3, letters: str = "") -> Dataset:
    """Draw a dataset with public and private elements of all VRs, and sequences nested to a depth."""
    dataset = Dataset()
    name = st.text(st.sampled_from(letters), min_size=1, max_size=6) if letters else ascii_text
    if draw(st.booleans()):
        dataset.PatientName = draw(name) + "^" + draw(name)
    if draw(st.booleans()):
        dataset.PatientComments = draw(name)
    if draw(st.booleans()):
        dataset.SliceLocation = draw(_decimals)
    if draw(st.booleans()):
        dataset.ImageType = ["ORIGINAL", draw(VALUES["CS"].filter(bool)), "AXIAL"]
    if draw(st.integers(0, 3)) == 0:
        dataset.StudyID = ""
    for creator in draw(st.lists(st.sampled_from(["ONE", "TWO 2", "Drei"]), unique=True, max_size=2)):
        _fill(dataset.private_block(0x0019, creator, create=True), draw)
    if depth > 0 and draw(st.booleans()):
        inner = datasets(depth=depth - 1, letters=letters)
        dataset.RequestAttributesSequence = Items(draw(st.lists(inner, max_size=2)))
        block = dataset.private_block(0x0021, "SEQUENCES", create=True)
        block.add_new(1, "SQ", Items(draw(st.lists(inner, max_size=2))))
        for tag in (0x00400275, 0x00211001):
            if tag in dataset:
                dataset[tag].is_undefined_length = draw(st.booleans())
    return dataset


@st.composite
def dataset_series(draw: st.DrawFn, *, max_slices: int = 4) -> list[Dataset]:
    """Draw the datasets of a series: some attributes shared, some varying, some on a few slices only."""
    terms = draw(st.sampled_from([None, *CHARACTER_SETS]))
    letters = CHARACTER_SETS.get(terms, "")
    count = draw(st.integers(1, max_slices))
    shared = draw(datasets(letters=letters))
    series = []
    for k in range(count):
        own = draw(datasets(depth=1, letters=letters))
        one = Dataset()
        for element in [*shared, *own]:
            if element.tag.is_private or draw(st.booleans()):
                one[element.tag] = element
        # Private blocks of two datasets must not be mixed up: those of the slice win as a whole.
        if any(e.tag.group == 0x0019 for e in own):
            for element in [e for e in one if e.tag.group == 0x0019]:
                del one[element.tag]
            for element in [e for e in own if e.tag.group == 0x0019]:
                one[element.tag] = element
        one.InstanceNumber = k + 1
        if terms is not None:
            one.SpecificCharacterSet = list(terms) if isinstance(terms, tuple) else terms
        series.append(one)
    return series
