"""Text that breaks its rules where the program relies on it is an error of the package, or passes through."""

from __future__ import annotations

import pytest

import slicewise as sw
from slicewise.errors import SlicewiseError
from slicewise.io import phantom


@pytest.fixture
def series(tmp_path):
    return phantom.ct_series(tmp_path / "source", slices=3, size=(16, 12))


def spoil(path, old, new):
    data = path.read_bytes()
    assert data.count(old) >= 1
    path.write_bytes(data.replace(old, new))


def test_photometric_interpretation_of_strange_letters_is_an_error(series):
    for path in series:
        spoil(path, b"MONOCHROME2", b"MONOCHR\xc4ME2")
    with pytest.raises(SlicewiseError, match="photometric"):
        _ = sw.SeriesReader(series).info


def test_class_of_strange_letters_is_an_error_before_anything_is_written(series, tmp_path):
    for path in series:
        spoil(path, b"1.2.840.10008.5.1.4.1.1.2\0", b"1.2.840.10008.5.1.4.1.\xe9.2\0")
    node = sw.SeriesReader(series)
    with pytest.raises(SlicewiseError, match="ASCII"):
        (node >> sw.SeriesWriter(tmp_path / "derived")).update(progress=False)
    assert not (tmp_path / "derived").exists()


def test_character_set_with_null_characters_is_read_as_without(series):
    for path in series:
        spoil(path, b"ISO_IR 100", b"ISO_IR\x00100")
    headers = sw.SeriesReader(series).headers
    assert "ller" in str(headers[0].PatientName)
    assert "SpecificCharacterSet" in {problem.attribute for problem in headers.problems}
