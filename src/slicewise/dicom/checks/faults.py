"""What can be wrong with an instance: the rules, each with its section of the standard, and where one is broken."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

__all__ = ["RULES", "Fault", "Rule", "Severity", "fault", "shortened"]

_SHOWN = 80


class Severity(StrEnum):
    """How bad a finding is."""

    ERROR = "error"
    WARNING = "warning"


class Rule(NamedTuple):
    """A rule: its name, how bad it is to break it, its section of the standard, and what it demands."""

    name: str
    severity: Severity
    reference: str
    meaning: str


class Fault(NamedTuple):
    """A rule broken somewhere in an instance.

    Attributes
    ----------
    rule : str
        Name of the rule.
    attribute : str
        Keyword, or ``(gggg,eeee)``, with its path where it is in a sequence: ``SourceImageSequence[0].FrameType``.
    found, wanted : str
        What stands there, and what should.
    severity : Severity
        How bad it is.
    reference : str
        The section of the standard.
    """

    rule: str
    attribute: str
    found: str
    wanted: str
    severity: Severity
    reference: str


def shortened(text: str) -> str:
    """Return a text of at most as many characters as a finding shows."""
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"


def fault(
    rule: str, attribute: str, found: str, wanted: str, *, reference: str = "", severity: Severity | None = None
) -> Fault:
    """Return a fault, with severity and reference of its rule unless others are given."""
    known = RULES[rule]
    return Fault(rule, attribute, shortened(found), wanted, severity or known.severity, reference or known.reference)


_ERROR, _WARNING = Severity.ERROR, Severity.WARNING

RULES = {
    rule.name: rule
    for rule in (
        Rule("unreadable", _ERROR, "PS3.10 7", "the file can be read to its end"),
        Rule("file-meta", _ERROR, "PS3.10 7.1", "file meta information is there and agrees with the dataset"),
        Rule("unknown-class", _WARNING, "PS3.4 B.5", "the SOP class has a known IOD"),
        Rule("missing-type-1", _ERROR, "PS3.5 7.4.1", "an attribute of type 1 is there"),
        Rule("empty-type-1", _ERROR, "PS3.5 7.4.1", "an attribute of type 1 has a value"),
        Rule("missing-type-1c", _ERROR, "PS3.5 7.4.2", "an attribute of type 1C is there where its condition holds"),
        Rule("empty-type-1c", _ERROR, "PS3.5 7.4.2", "an attribute of type 1C has a value if it is there"),
        Rule("missing-type-2", _ERROR, "PS3.5 7.4.3", "an attribute of type 2 is there, if only empty"),
        Rule("missing-type-2c", _ERROR, "PS3.5 7.4.4", "an attribute of type 2C is there where its condition holds"),
        Rule("forbidden", _ERROR, "PS3.5 7.4.2", "a conditional attribute is not there where the standard excludes it"),
        Rule(
            "shared-uid", _ERROR, "PS3.5 9", "instance, series, study and frame of reference have different identifiers"
        ),
        Rule("value-set", _ERROR, "PS3.3", "a value is one of the enumerated ones"),
        Rule("class-value", _ERROR, "PS3.3", "a value is one that the IOD allows"),
        Rule("defined-term", _WARNING, "PS3.3", "a value is one of the defined terms"),
        Rule("vr", _ERROR, "PS3.6 6", "an element has the VR of the dictionary"),
        Rule("vr-sign", _WARNING, "PS3.3 C.7.6.3", "values of pixels have the sign of the pixels"),
        Rule("unknown-vr", _WARNING, "PS3.5 6.2.2", "an attribute of the dictionary is not UN"),
        Rule("multiplicity", _ERROR, "PS3.6 6", "an element has as many values as the dictionary says"),
        Rule("value-form", _ERROR, "PS3.5 6.2", "a value has the form of its VR"),
        Rule("value-length", _ERROR, "PS3.5 6.2", "a value is no longer than its VR allows"),
        Rule("odd-length", _ERROR, "PS3.5 7.1.1", "a value has an even number of bytes"),
        Rule("padding", _WARNING, "PS3.5 6.2", "text is padded with spaces, identifiers with NUL"),
        Rule("character-set", _ERROR, "PS3.3 C.12.1.1.2", "text is in the declared character set"),
        Rule("broken-sequence", _ERROR, "PS3.5 7.5", "items of a sequence end where it does"),
        Rule("private-value", _WARNING, "PS3.5 6.2", "a private value has the form of its VR"),
        Rule("pixel-length", _ERROR, "PS3.5 8.1.1", "pixel data is as long as its description says"),
        Rule("pixel-description", _ERROR, "PS3.3 C.7.6.3.1", "attributes that describe the pixels agree"),
        Rule("frames", _ERROR, "PS3.3 C.7.6.16", "there is an item of functional groups for each frame"),
        Rule("lossy-marking", _ERROR, "PS3.3 C.7.6.1.1.5", "lossy compression is stated"),
        Rule("orientation", _ERROR, "PS3.3 C.7.6.2.1.1", "row and column directions are unit vectors at right angles"),
        Rule("pixel-spacing", _ERROR, "PS3.3 10.7.1.3", "pixel spacing is above zero"),
        Rule("derivation", _WARNING, "PS3.3 C.7.6.1.1.3", "a derived image says from what and how"),
        Rule("original-claim", _WARNING, "PS3.3 C.7.6.1.1.2", "an original image has no signs of a derivation"),
        Rule("own-source", _ERROR, "PS3.3 C.7.6.1.1.4", "an image is not its own source"),
        Rule(
            "looks-original", _WARNING, "PS3.3 C.7.6.1.1.2", "what software made does not look like a scanner's image"
        ),
        Rule("duplicate-uid", _ERROR, "PS3.5 9", "each instance has an identifier of its own"),
        Rule("entity", _ERROR, "PS3.3 A.1.2", "attributes of a patient, study or series are the same on its instances"),
        Rule("equipment", _WARNING, "PS3.3 A.1.2", "attributes of the equipment are the same in a series"),
        Rule("geometry", _WARNING, "PS3.3 C.7.6.2", "slices of a volume are evenly spaced"),
        Rule("several-volumes", _WARNING, "PS3.3 A.1.2.3", "images of a series are one volume"),
        Rule("reference", _WARNING, "PS3.3 10.8", "instances referred to are among those given"),
        Rule("reference-class", _ERROR, "PS3.3 10.8", "references name the SOP class that the instance has"),
    )
}
"""All rules by name."""
