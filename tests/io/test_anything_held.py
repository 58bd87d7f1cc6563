"""Whatever headers and pixels pydicom can hold: written and read back equal, or refused with what is wrong."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset

import slicewise as sw
from makers import dataset_of_slice
from slicewise.image import Action
from strategies import dataset_series

QUIET = [HealthCheck.too_slow, HealthCheck.data_too_large]


@st.composite
def pixels(draw, *, count):
    """Draw stored values of some bits, and what their header says of them."""
    allocated = draw(st.sampled_from([8, 16]))
    stored = draw(st.integers(allocated // 2, allocated))
    signed = draw(st.booleans())
    low, high = (-(1 << (stored - 1)), (1 << (stored - 1)) - 1) if signed else (0, (1 << stored) - 1)
    rows, columns = draw(st.integers(1, 4)), draw(st.integers(1, 5))
    size = count * rows * columns
    values = draw(st.lists(st.integers(low, high), min_size=size, max_size=size))
    array = np.array(values, f"{'i' if signed else 'u'}{allocated // 8}").reshape(count, rows, columns)
    said = {"BitsStored": stored, "HighBit": stored - 1}
    return array, said


slopes = st.sampled_from(["1", "2", "0.5", "0.01234567", "-1", "1E-3", "100"])
intercepts = st.sampled_from(["0", "-1024", "3.5", "-0.1"])


def _same(found: Dataset, wanted: Dataset, tag: int) -> bool:
    if found[tag].VR == wanted[tag].VR == "UN" or wanted[tag].VR in ("OB", "UN"):
        values = [bytes(ds[tag].value or b"") for ds in (found, wanted)]
        return values[0] in (values[1], values[1] + b"\0")
    if wanted[tag].VR == "SQ":
        pairs = zip(found[tag].value, wanted[tag].value, strict=True)
        return all([e.tag for e in a] == [e.tag for e in b] and all(_same(a, b, e.tag) for e in b) for a, b in pairs)
    if wanted[tag].is_empty:
        return found[tag].is_empty
    return found[tag] == wanted[tag]


def _with(stored: np.ndarray, k: int, extra: Dataset, **attributes: object) -> Dataset:
    dataset = dataset_of_slice(
        stored, (0.0, 0.0, 2.0 * k), SOPInstanceUID=f"1.2.3.{k + 1}", InstanceNumber=k + 1, **attributes
    )
    for element in extra:
        if element.keyword not in ("ImageType", "SliceLocation", "InstanceNumber"):
            dataset[element.tag] = element
    return dataset


@given(data=st.data(), series=dataset_series(max_slices=3))
@settings(max_examples=40, deadline=None, suppress_health_check=QUIET)
def test_compiled_instances_are_what_was_given(data, series):
    array, said = data.draw(pixels(count=len(series)))
    given_ = [_with(stored, k, extra, **said) for k, (stored, extra) in enumerate(zip(array, series, strict=True))]
    wanted = [pydicom.Dataset(dataset) for dataset in given_]
    with tempfile.TemporaryDirectory() as folder:
        done = sw.compile_instances(given_, array, Path(folder, "out"), progress=False)
        for path, before, stored in zip(done.paths, wanted, array, strict=True):
            after = pydicom.dcmread(path)
            assert [e.tag for e in after] == [e.tag for e in before if e.tag.element]
            for element in before:
                if element.keyword != "PixelData":
                    assert _same(after, before, element.tag), element
            np.testing.assert_array_equal(after.pixel_array.reshape(stored.shape), stored)


@given(data=st.data(), series=dataset_series(max_slices=3))
@settings(max_examples=40, deadline=None, suppress_health_check=QUIET)
def test_a_derived_series_keeps_all_values_and_what_its_report_says(data, series):
    array, said = data.draw(pixels(count=len(series)))
    slope, intercept = data.draw(slopes), data.draw(intercepts)
    syntax = data.draw(st.sampled_from(["explicit", "deflated", "jpeg-ls", "rle"]))
    sets = {str(extra.get("SpecificCharacterSet")) for extra in series}
    assert len(sets) == 1
    before = [
        _with(stored, k, extra, RescaleSlope=slope, RescaleIntercept=intercept, **said)
        for k, (stored, extra) in enumerate(zip(array, series, strict=True))
    ]
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "in")
        source.mkdir()
        for k, dataset in enumerate(before):
            dataset.save_as(source / f"{k}.dcm", enforce_file_format=True)
        writer = sw.SeriesReader(source) >> sw.SeriesWriter(Path(folder, "out"), transfer_syntax=syntax)
        written = writer.update(progress=False)
        for k, (path, stored) in enumerate(zip(written.paths, array, strict=True)):
            _check(pydicom.dcmread(path), pydicom.dcmread(source / f"{k}.dcm"), k, written.report)
            found = pydicom.dcmread(path)
            values = found.pixel_array.reshape(stored.shape) * float(found.RescaleSlope) + float(found.RescaleIntercept)
            np.testing.assert_allclose(values, stored * float(slope) + float(intercept), rtol=1e-12, atol=1e-9)


def _check(after: Dataset, before: Dataset, k: int, report) -> None:
    for row in report.of(Action.KEPT):
        is_here = row.slices is None or k in row.slices
        if row.tag in before and is_here and row.tag != 0x7FE00010:
            assert row.tag in after, row
            assert _same(after, before, row.tag), row
    told = {row.tag for row in report.rows}
    assert {e.tag for e in before if e.tag.element} - {0x7FE00010} <= told
    for row in report.of(Action.DROPPED):
        if row.slices is None:
            assert row.tag not in after


@pytest.mark.parametrize("value", ["Müller", "山田"])
def test_text_that_its_character_set_cannot_hold_is_refused_with_its_element(value):
    dataset = _with(np.zeros((2, 2), np.uint16), 0, Dataset())
    dataset.SpecificCharacterSet = "ISO_IR 144"
    headers = sw.Headers.from_datasets([dataset])
    with pytest.raises(sw.errors.HeaderError, match="PatientComments"):
        headers.replace(PatientComments=value)
