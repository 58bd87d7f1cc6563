"""Tables of IODs say what PS3.3 says; expected values are from the tables of its sections A and C."""

from __future__ import annotations

import subprocess
import sys

import pytest
from pydicom.datadict import tag_for_keyword
from pydicom.uid import CTImageStorage, EnhancedMRImageStorage, MRImageStorage, PositronEmissionTomographyImageStorage

from slicewise.dicom.iods import AttributeType, Usage, iod_named, iod_of, sop_classes
from slicewise.errors import HeaderError


def test_ct_image_has_the_modules_of_table_a_3_1() -> None:
    modules = {module.name: module for module in iod_of(CTImageStorage).modules}
    assert modules["image-plane"].usage is Usage.MANDATORY
    assert modules["contrast-bolus"].usage is Usage.CONDITIONAL
    assert modules["overlay-plane"].usage is Usage.USER_OPTION
    assert modules["image-plane"].entity == "Image"
    assert modules["patient"].entity == "Patient"


@pytest.mark.parametrize(
    ("uid", "keyword", "path", "kind"),
    [
        (CTImageStorage, "ImagePositionPatient", (), "1"),
        (CTImageStorage, "KVP", (), "2"),
        (CTImageStorage, "ImageType", (), "1"),  # type 3 in the general image module, 1 in that of CT
        (CTImageStorage, "SliceLocation", (), "3"),
        (CTImageStorage, "FrameOfReferenceUID", (), "1"),
        (CTImageStorage, "PlanarConfiguration", (), "1C"),
        (MRImageStorage, "EchoTime", (), "2"),
        (MRImageStorage, "ScanningSequence", (), "1"),
        (PositronEmissionTomographyImageStorage, "Units", (), "1"),
        (PositronEmissionTomographyImageStorage, "RadiopharmaceuticalInformationSequence", (), "2"),
        (
            PositronEmissionTomographyImageStorage,
            "RadionuclideCodeSequence",
            ("RadiopharmaceuticalInformationSequence",),
            "2",
        ),
        (CTImageStorage, "ReferencedSOPInstanceUID", ("SourceImageSequence",), "1"),
        (EnhancedMRImageStorage, "SharedFunctionalGroupsSequence", (), "1"),
    ],
)
def test_strictest_types(uid: str, keyword: str, path: tuple[str, ...], kind: str) -> None:
    attribute = iod_of(uid).attribute(keyword, path)
    assert attribute is not None
    assert attribute.type == kind
    assert attribute.path == path


def test_an_iod_knows_its_attributes_and_no_others() -> None:
    iod = iod_of(CTImageStorage)
    assert iod.knows("GantryDetectorTilt")
    assert not iod.knows("EchoTime")
    assert iod.knows("CodeValue", ("DerivationCodeSequence",))
    assert not iod.knows("CodeValue")


def test_optional_modules_count_only_where_something_shows_them() -> None:
    iod = iod_of(CTImageStorage)
    assert "contrast-bolus" not in iod.modules_shown_by(["PatientName", "Rows"])
    assert "contrast-bolus" in iod.modules_shown_by(["PatientName", "ContrastBolusRoute"])
    assert "ContrastBolusAgent" not in iod.attributes(modules=iod.mandatory)
    assert iod.attributes(modules=iod.mandatory)["PixelSpacing"].type is AttributeType.REQUIRED


def test_unknown_classes_and_names_are_refused() -> None:
    with pytest.raises(HeaderError, match=r"no IOD is known for SOP class '1\.2\.3'"):
        iod_of("1.2.3")
    with pytest.raises(HeaderError, match="is no name of an IOD"):
        iod_named("ct")


def test_every_storage_class_has_an_iod_of_known_attributes() -> None:
    names = set(sop_classes().values())
    assert {"ct-image", "mr-image", "positron-emission-tomography-image", "segmentation"} <= names
    for name in names & {"ct-image", "mr-image", "enhanced-ct-image", "segmentation", "secondary-capture-image"}:
        keywords = [keyword for keyword in iod_named(name).attributes() if not keyword.startswith("Overlay")]
        unknown = {keyword for keyword in keywords if tag_for_keyword(keyword) is None}
        assert unknown <= {"ROIArea", "ROIMean", "ROIStandardDeviation", "NumberOfFramesInOverlay", "ImageFrameOrigin"}


def test_tables_are_read_on_first_use_without_highdicom() -> None:
    code = (
        "import sys, slicewise, slicewise.dicom.iods as i; i.iod_of('1.2.840.10008.5.1.4.1.1.2').attributes();"
        "assert 'highdicom' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
