"""Derived series of real ones come out bit for bit again: in another process, with other threads and other memory."""

from __future__ import annotations

import json
import subprocess
import sys
import warnings

import numpy as np
import pydicom
import pytest

import slicewise as sw
from slicewise.errors import SlicewiseWarning
from slicewise.image import Action
from slicewise.io.provenance.origins import Origins
from slicewise.io.provenance.told import told_series
from witnesses import findings_of_dciodvfy

# Of what breaks the rules in the sources.
pytestmark = [pytest.mark.data, pytest.mark.filterwarnings("ignore:The value length:UserWarning")]


def _ct(data):
    ct = sw.SeriesReader(data("ct-ge-liver-41"))
    return ct >> sw.Median(1) >> sw.Gaussian(sigma=1.5) >> sw.Resample(spacing=(1.5, 1.5, 3)), data("ct-ge-liver-41")


def _sts(data, kind):
    return sw.SeriesReader(data("multimodal-sts-001") / f"STS_001/{kind}/dicom/image")


def _pet(data):
    pet = _sts(data, "PET") >> sw.Gaussian(sigma=2)
    return pet >> sw.Mask(pet > 500), data("multimodal-sts-001")


def _ct_on_pet(data):
    return _sts(data, "CT") >> sw.Resample(like=_sts(data, "PET")) >> sw.Median(1), data("multimodal-sts-001")


def _ct_within_limits(data):
    ct = _sts(data, "CT")
    return sw.where((ct > -200) & (ct < 300), ct * 2 - 17, -1000), data("multimodal-sts-001")


def _diffusion(data):
    mr = sw.SeriesReader(data("mr-canon-adc-36"))
    smooth = mr >> sw.sitk.CurvatureFlow(time_step=0.1, number_of_iterations=2)
    return smooth >> sw.sitk.GradientMagnitudeRecursiveGaussian(sigma=2.0), data("mr-canon-adc-36")


def _functional(data):
    folder = data("mr-ge-fmri-4d")
    volumes = tuple(volume >> sw.Median(1) for volume in sw.read_volumes(folder))
    return sw.Stack(volumes, axis="time"), folder


def _frames(data):
    folder = data("mr-enhanced/philips_enhanced/anatomical")
    return sw.SeriesReader(folder) * 1.7, folder


CASES = {
    "CT": _ct,
    "PET in a mask": _pet,
    "CT on the grid of PET": _ct_on_pet,
    "arithmetic on CT": _ct_within_limits,
    "MR by SimpleITK": _diffusion,
    "functional MR": _functional,
    "frames of enhanced MR": _frames,
}


@pytest.fixture(scope="module", params=CASES.values(), ids=CASES)
def derived(request, data, tmp_path_factory):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SlicewiseWarning)  # of files that are no DICOM
        node, source = request.param(data)
        folder = tmp_path_factory.mktemp("derived") / "series"
        written = (node >> sw.SeriesWriter(folder)).update(progress=False, workers=3)
    return folder, source, written


def test_another_process_with_other_threads_and_little_memory_makes_the_same_pixels(derived):
    folder, source, written = derived
    for workers, memory in (("1", "40MB"), ("2", "2GB")):
        command = [sys.executable, "-m", "slicewise.cli", "replay", str(folder), "--source", str(source), "--json"]
        done = subprocess.run(
            [*command, "--workers", workers, "--memory", memory], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        told = json.loads(done.stdout)
        assert (told["agrees"], told["slices"], told["differences"]) == (True, len(written.paths), [])


def test_one_bit_of_one_pixel_is_found_by_verify_and_by_replay(derived):
    folder, source, written = derived
    assert sw.verify(folder, progress=False).verified == len(written.paths)
    path = written.paths[len(written.paths) // 2]
    before = path.read_bytes()
    data = bytearray(before)
    data[-1000] ^= 1
    try:
        path.write_bytes(bytes(data))
        dataset = pydicom.dcmread(path)
        (found,) = sw.verify(folder, progress=False)
        assert (found.kind, found.uid, found.what) == ("changed", dataset.SOPInstanceUID, "stored values")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SlicewiseWarning)
            (difference,) = sw.replay(folder, source, progress=False)
        assert (difference.uid, difference.pixels) == (dataset.SOPInstanceUID, 1)
        np.testing.assert_allclose(difference.largest, float(dataset.get("RescaleSlope", 1)), rtol=1e-9)
    finally:
        path.write_bytes(before)


@pytest.mark.tool
def test_the_block_makes_no_new_findings(derived, tmp_path):
    _, _, written = derived
    dataset = pydicom.dcmread(written.paths[0])
    for tag in [e.tag for e in dataset if e.tag.group == 0x7755]:
        del dataset[tag]
    dataset.save_as(tmp_path / "without.dcm")
    assert findings_of_dciodvfy(written.paths[0]) == findings_of_dciodvfy(tmp_path / "without.dcm")


def _by_uid(folder):
    found = {}
    for path in folder.rglob("*"):
        if path.is_file():
            try:
                dataset = pydicom.dcmread(path, stop_before_pixels=True)
            except pydicom.errors.InvalidDicomError:
                continue
            found[str(dataset.get("SOPInstanceUID"))] = dataset
    return found


def test_what_is_told_of_attributes_is_true_of_the_sources(derived):
    folder, source, written = derived
    origins = Origins(told_series(folder)[0])
    index = len(written.paths) // 2
    header, sources = pydicom.dcmread(written.paths[index]), _by_uid(source)
    used = [sources[str(item.ReferencedSOPInstanceUID)] for item in header.SourceImageSequence]
    is_classic = all("NumberOfFrames" not in one for one in used)
    found = {name: origins.of(name, index) for name in origins.names(index)}
    actions = {name: origin.action for name, origin in found.items()}
    assert actions["SOPInstanceUID"] is actions["DerivationDescription"] is Action.REGENERATED
    assert actions["PatientID"] is actions["StudyInstanceUID"] is Action.KEPT
    for name, origin in found.items():
        if name.startswith("("):
            continue
        assert (origin.value is None) == (name not in header), name
        if origin.action is Action.KEPT and is_classic:
            assert any(one.get(name) == header[name].value for one in used), name
        if origin.action is None or (origin.action is Action.KEPT and origin.value is None):
            assert not any(name in one for one in used), name
    assert found["SOPInstanceUID"].told == "regenerated by SeriesWriter: identity of the new series and instance"


def test_what_varies_from_slice_to_slice_is_told_slice_by_slice(data, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SlicewiseWarning)  # of files that are no DICOM
        ct = sw.SeriesReader(data("ct-ge-liver-41"))
        assert ct.info.slices == 41
    (ct[10:20] >> sw.SeriesWriter(tmp_path / "some")).update(progress=False)
    origins = Origins(told_series(tmp_path / "some")[0])
    for k in (0, 9):
        source = ct.headers[10 + k]
        origin = origins.of("SliceLocation", k)
        assert origin.value == str(source.SliceLocation)
        assert origin.told == f"kept from source instance {source.SOPInstanceUID}"
