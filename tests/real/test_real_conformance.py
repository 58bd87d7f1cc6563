"""dciodvfy, dcentvfy and dcmdump find nothing wrong with a result that was not wrong with its source."""

from __future__ import annotations

import pytest

from witnesses import findings_of_dcentvfy, findings_of_dciodvfy, findings_of_dcmdump

pytestmark = [pytest.mark.data, pytest.mark.tool]

ALL_UP_TO = 12
"""Series of so many slices are looked at whole, of others the first, the middle and the last slice."""


def chosen(paths):
    return list(paths) if len(paths) <= ALL_UP_TO else [paths[0], paths[len(paths) // 2], paths[-1]]


@pytest.fixture(scope="session")
def known():
    """Remember what was found in sources, which several results share."""
    return {}


def findings(program, paths, known):
    found = set()
    for path in paths:
        if (program, path) not in known:
            known[program, path] = program(path)
        found |= known[program, path]
    return found


@pytest.mark.parametrize("program", [findings_of_dciodvfy, findings_of_dcmdump])
def test_no_finding_that_the_source_has_not(result, known, program):
    before = findings(program, chosen(result.source), known)
    after = set().union(*(program(path) for path in chosen(result.written.paths)))
    if after - before:  # perhaps another slice of the source has it
        before |= findings(program, result.source, known)
    assert after <= before, "\n".join(sorted(after - before))


def test_entities_agree_over_the_series_as_they_did(result):
    before = findings_of_dcentvfy(result.source)
    assert findings_of_dcentvfy(result.written.paths) <= before


def test_source_and_result_agree_on_patient_study_and_frame_of_reference(result):
    before = findings_of_dcentvfy(result.source)
    both = findings_of_dcentvfy([*result.source, *result.written.paths])
    assert both <= before, "\n".join(sorted(both - before))
