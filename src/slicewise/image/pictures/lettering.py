"""Lettering on pictures: a small alphabet of 5 x 7 pixels, so that no font has to be installed."""

from __future__ import annotations

import unicodedata
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt

__all__ = ["CHARACTER", "draw_text", "text_width"]

Grey = npt.NDArray[np.uint8]

CHARACTER: Final = (10, 6)
"""Height and width of a character with the space around it, in pixels."""

_DIGITS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUV"
_ROWS: Final = 9

# A character to a glyph, a digit to a row from the top (the eighth and ninth go below the line), and
# to its five pixels the bits of the digit, of base 32: "4" is the middle pixel, "V" all five.
_GLYPHS: Final = dict(
    pair.split("=", 1)
    for pair in [
        "A=EHHVHHH",
        "B=UHHUHHU",
        "C=EHGGGHE",
        "D=UHHHHHU",
        "E=VGGUGGV",
        "F=VGGUGGG",
        "G=EHGNHHE",
        "H=HHHVHHH",
        "I=E44444E",
        "J=72222IC",
        "K=HIKOKIH",
        "L=GGGGGGV",
        "M=HRLLHHH",
        "N=HHPLJHH",
        "O=EHHHHHE",
        "P=UHHUGGG",
        "Q=EHHHLID",
        "R=UHHUKIH",
        "S=FGGE11U",
        "T=V444444",
        "U=HHHHHHE",
        "V=HHHHHA4",
        "W=HHHLLLA",
        "X=HHA4AHH",
        "Y=HHHA444",
        "Z=V1248GV",
        "a=00E1FHF",
        "b=GGMPHHU",
        "c=00EGGHE",
        "d=11DJHHF",
        "e=00EHVGE",
        "f=698S888",
        "g=00FHHHF1E",
        "h=GGMPHHH",
        "i=40C444E",
        "j=2062222IC",
        "k=GGIKOKI",
        "l=C44444E",
        "m=00QLLHH",
        "n=00MPHHH",
        "o=00EHHHE",
        "p=00UHHHUGG",
        "q=00FHHHF11",
        "r=00MPGGG",
        "s=00EGE1U",
        "t=88S8896",
        "u=00HHHJD",
        "v=00HHHA4",
        "w=00HHLLA",
        "x=00HA4AH",
        "y=00HHHHF1E",
        "z=00V248V",
        "0=EHJLPHE",
        "1=4C4444E",
        "2=EH1248V",
        "3=V2421HE",
        "4=26AIV22",
        "5=VGU11HE",
        "6=68GUHHE",
        "7=V124888",
        "8=EHHEHHE",
        "9=EHHF12C",
        ".=00000CC",
        ",=00000CC48",
        ":=00CC0CC",
        ";=00CC0CC48",
        "-=000V000",
        "+=044V440",
        "/=01248G0",
        "(=2488842",
        ")=8422248",
        "[=E88888E",
        "]=E22222E",
        "_=0000000V",
        "'=4480000",
        "!=4444404",
        "?=EH12404",
        "%=OP248J3",
        "#=AAVAVAA",
        "&=CIK8LID",
        "*=04LEL40",
        "<=248G842",
        ">=8421248",
        "@=EH1DLLE",
        "^=4AH0000",
        "|=4444444",
        "~=008L200",
        "°=CIIC000",
    ]
) | {" ": "", "=": "00V0V00", "\\": "0G84210", '"': "AA00000"}

_STAND_INS: Final = str.maketrans({"×": "x", "–": "-", "—": "-", "−": "-", "·": "|", "ß": "ss", "µ": "u", "…": "..."})


def text_width(text: str, scale: int = 1) -> int:
    """Return the width of a text in pixels."""
    return len(_plain(text)) * CHARACTER[1] * scale


def draw_text(picture: Grey, row: int, column: int, text: str, *, scale: int = 1, level: int = 255) -> None:
    """Write a text into a picture, from its upper left corner on; what does not fit is left out.

    Letters with marks lose them, and characters there are none of become question marks.
    """
    for position, character in enumerate(_plain(text)):
        glyph = np.kron(_glyph(character), np.ones((scale, scale), np.bool_))
        left = column + position * CHARACTER[1] * scale
        part = picture[row : row + glyph.shape[0], left : left + glyph.shape[1]]
        part[glyph[: part.shape[0], : part.shape[1]]] = level


def _plain(text: str) -> str:
    replaced = text.translate(_STAND_INS)
    # A ring above or a degree sign is a letter of its own here; other marks come off.
    kept = [c if c in _GLYPHS else unicodedata.normalize("NFKD", c) for c in replaced]
    return "".join(c if c in _GLYPHS else "?" for c in "".join(kept) if not unicodedata.combining(c))


@cache
def _glyph(character: str) -> npt.NDArray[np.bool_]:
    digits = _GLYPHS[character].ljust(_ROWS, "0")
    return np.array([[_DIGITS.index(d) >> bit & 1 for bit in (4, 3, 2, 1, 0)] for d in digits], np.bool_)
