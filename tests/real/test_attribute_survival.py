"""No attribute is lost or changed but those that cannot be true any more, at any depth, on any slice.

Source and result are read by pydicom and compared element by element; nothing of slicewise's own
parser, headers or rule table is used. What may change is written down here, from the design's header rules.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import NamedTuple

import pytest
from pydicom.datadict import keyword_for_tag, tag_for_keyword

from witnesses import all_elements

pytestmark = pytest.mark.data

IDENTITY = """
    SOPInstanceUID SeriesInstanceUID SeriesNumber SeriesDescription SeriesDescriptionCodeSequence SeriesDate SeriesTime
    InstanceCreationDate InstanceCreationTime InstanceCreatorUID InstanceNumber ContentDate ContentTime ImageIndex
    NumberOfSlices
"""
DERIVATION = """
    ImageType SourceImageSequence DerivationCodeSequence DerivationDescription ReferencedSeriesSequence
    ContributingEquipmentSequence
"""
PIXELS = """
    SamplesPerPixel PlanarConfiguration BitsAllocated BitsStored HighBit PixelRepresentation RescaleSlope
    RescaleIntercept SmallestImagePixelValue LargestImagePixelValue SmallestPixelValueInSeries
    LargestPixelValueInSeries PixelPaddingValue PixelPaddingRangeLimit RealWorldValueMappingSequence
    LossyImageCompression
"""
EXTREMES = "SmallestImagePixelValue LargestImagePixelValue"  # some sources state those of the series, or wrong ones
SOURCE_ONLY = """
    ImagesInAcquisition IconImageSequence DigitalSignaturesSequence MACParametersSequence EncryptedAttributesSequence
    SOPInstanceStatus SOPAuthorizationDateTime SOPAuthorizationComment AuthorizationEquipmentCertificationNumber
    QualityControlImage RelatedGeneralSOPClassUID OriginalSpecializedSOPClassUID DataSetTrailingPadding
    VOILUTSequence ModalityLUTSequence PresentationLUTShape
"""
GRID = """
    ImagePositionPatient ImageOrientationPatient PixelSpacing SliceThickness SpacingBetweenSlices SliceLocation Rows
    Columns PixelAspectRatio ImagerPixelSpacing GantryDetectorTilt PatientOrientation InPlanePhaseEncodingDirection
    ReconstructionDiameter ReconstructionTargetCenterPatient DataCollectionCenterPatient FieldOfViewShape
    FieldOfViewDimensions FieldOfViewOrigin NominalScannedPixelSpacing PixelSpacingCalibrationType
    PixelSpacingCalibrationDescription
"""
COUNTS = "NumberOfTemporalPositions CardiacNumberOfImages"


class Rules(NamedTuple):
    """What may change or be dropped in a class of operation; all else must stay."""

    may_change: frozenset[int]
    private: str  # "kept", "kept but what restates the grid", "dropped"


def rules(*groups: str, private: str) -> Rules:
    return Rules(frozenset(tag_for_keyword(keyword) for group in groups for keyword in group.split()), private)


RULES = {
    "nothing": rules(IDENTITY, DERIVATION, SOURCE_ONLY, EXTREMES, private="kept"),
    "median": rules(IDENTITY, DERIVATION, SOURCE_ONLY, PIXELS, private="kept"),
    "crop": rules(IDENTITY, DERIVATION, SOURCE_ONLY, PIXELS, GRID, COUNTS, private="kept but what restates the grid"),
    "resample": rules(IDENTITY, DERIVATION, SOURCE_ONLY, PIXELS, GRID, COUNTS, private="dropped"),
}
RESTATES_GRID = ("SIEMENS CSA", "SIEMENS MR", "SIEMENS MEDCOM", "GEMS_PARM", "GEMS_RELA", "Philips", "UIH")
NEEDED_WITH_SLOPE = frozenset(
    [tag_for_keyword("RescaleType")]
)  # type 1C (PS3.3, C.11.1): unspecified, if nothing is known
NEEDED_FOR_PET = frozenset(map(tag_for_keyword, ["FrameReferenceTime", "ActualFrameDuration", "DecayFactor"]))


class Slice(NamedTuple):
    """Elements of a written slice, of the slices it names as sources, and which of these is in its plane."""

    written: dict
    sources: list
    match: dict | None


@pytest.fixture(scope="module")
def tally(request):
    """Count over all series, and say at the end how much each operation leaves (with -s)."""
    counts = defaultdict(Counter)
    yield counts
    writer = request.config.get_terminal_writer()
    for way, found in counts.items():
        total, kept, lost = sum(found.values()), found["kept"], found["lost"]
        writer.line(
            f"\n{way:10} {total:7} attributes, {kept / total:6.1%} as in the source, "
            f"{found['changed by rule'] / total:5.1%} changed by rule; of those to be kept {kept / (kept + lost):.2%}"
        )


@pytest.fixture(scope="module")
def slices(result):
    sources = {}
    for path in result.source:
        found = all_elements(path)
        sources[found[0x00080018,].value] = found
    written = [all_elements(path) for path in result.written.paths]
    return [slice_of(w, sources) for w in written]


def slice_of(written, sources):
    named = [
        element.value
        for place, element in written.items()
        if len(place) == 3 and place[0] == 0x00082112 and place[2] == 0x00081155
    ]
    contributing = [sources[uid] for uid in named]
    match = contributing[0] if len(contributing) == 1 else None
    return Slice(written, contributing, match)


def is_private(place):
    return any(isinstance(part, str) for part in place) or any(
        part >> 16 & 1 for part in place if isinstance(part, int) and part > 0xFFFF
    )


def restates_grid(place):
    return any(isinstance(part, str) and part.startswith(RESTATES_GRID) for part in place)


def may_change(place, element, rule):
    top = place[0]
    if top in rule.may_change:
        return True
    if top & 0xFF000000 in (0x60000000, 0x50000000):  # overlays and curves are drawn on the source's grid
        return rule.private != "kept"
    if top >> 16 & 1:
        creator = restates_grid(place) or (isinstance(element.value, str) and element.value.startswith(RESTATES_GRID))
        return rule.private == "dropped" or (rule.private != "kept" and creator)
    return False


def agreed(slice_):
    """Return what all contributing slices say alike: all of a sequence, or nothing of it."""
    first, *others = slice_.sources
    differing = {
        place[0] for other in others for place in first.keys() | other.keys() if first.get(place) != other.get(place)
    }
    return {place: element for place, element in first.items() if place[0] not in differing}, differing


def same(first, second):
    if second is None:
        return False
    if first.vr == second.vr or isinstance(first.value, str | tuple) == isinstance(second.value, str | tuple):
        return first.value == second.value
    # Read from implicit VR as one and from explicit VR as another.
    return text(first.value) == text(second.value)


def text(value):
    if isinstance(value, tuple):
        value = "\\".join(value)
    return value.decode("latin-1").strip(" \0") if isinstance(value, bytes) else value


def keyword(place):
    return " > ".join(keyword_for_tag(p) or f"{p:08x}" for p in place if isinstance(p, int) and p > 0xFFFF)


def test_what_the_rules_keep_is_there_and_equal_on_every_slice(result, slices, tally):
    rule = RULES[result.way.name]
    counts, wrong = Counter(), Counter()
    for slice_ in slices:
        kept, _ = (slice_.match, None) if slice_.match is not None else agreed(slice_)
        for place, element in kept.items():
            if same(element, slice_.written.get(place)):
                counts["kept"] += 1
            elif may_change(place, element, rule):
                counts["changed by rule"] += 1
            else:
                counts["lost"] += 1
                found = slice_.written.get(place)
                wrong[keyword(place), repr(element)[:60], repr(found)[:60]] += 1
    total = sum(counts.values())
    tally[result.way.name].update(counts)
    assert not wrong, "\n".join(f"{n} x {what}" for what, n in wrong.most_common(20))
    assert counts["kept"] / total > (0.8 if result.way.name in ("nothing", "median") else 0.4)


def test_nothing_is_stale(result, slices):
    """What contributing slices say differently is not on the output, but where a value must be."""
    wrong = Counter()
    for slice_ in slices:
        if slice_.match is not None:
            continue
        _, differing = agreed(slice_)
        for place, element in slice_.written.items():
            top = place[0]
            if top in differing and top not in RULES["resample"].may_change | NEEDED_FOR_PET and element.value != "":
                wrong[keyword(place), repr(element)[:60]] += 1
    assert not wrong, "\n".join(f"{n} x {what}" for what, n in wrong.most_common(20))


PROVENANCE = 0x7755
"""Group of the block that tells where an image comes from."""


def test_nothing_is_invented(result, slices):
    """What no source has is identity, derivation, pixels or grid, or empty since it must be there."""
    allowed = RULES["resample"].may_change | NEEDED_WITH_SLOPE
    wrong = Counter()
    for slice_ in slices:
        there = {place[0] for source in slice_.sources for place in source}
        for place, element in slice_.written.items():
            is_own = place[0] >> 16 == PROVENANCE
            if place[0] not in there | allowed and element.value != "" and not is_own:
                wrong[keyword(place), repr(element)[:60]] += 1
    assert not wrong, "\n".join(f"{n} x {what}" for what, n in wrong.most_common(20))
