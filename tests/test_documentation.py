"""What the documentation shows, works."""

from __future__ import annotations

import logging
import re
import subprocess
import sys
from pathlib import Path

import nibabel
import numpy as np
import pytest

import slicewise as sw
from slicewise.io import phantom

REPOSITORY = Path(__file__).resolve().parent.parent
PAGES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]
WITH_PYTHON = [page for page in PAGES if "```python" in page.read_text(encoding="utf-8")]


@pytest.fixture
def study(tmp_path, monkeypatch):
    # One page sets it.
    monkeypatch.setattr(logging.getLogger("slicewise"), "setLevel", lambda level: None)
    phantom.ct_series(tmp_path / "study" / "ct", slices=40, size=(48, 40), spacing=(8.0, 8.0, 4.0))
    nibabel.save(nibabel.Nifti1Image(np.zeros((8, 8, 4), np.int16), np.eye(4)), tmp_path / "brain.nii.gz")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("page", WITH_PYTHON, ids=lambda page: page.name)
def test_the_python_of_every_page_runs(page, study):
    blocks = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    names: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, page.name, "exec"), names)  # noqa: S102 - the point of the test


def test_the_commands_of_the_readme_run(study):
    text = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    block = text.partition("## From the shell")[2].partition("```sh\n")[2].partition("```")[0]
    (study / "archive").symlink_to(study / "study")
    bone = (sw.SeriesReader("study/ct") > 300) * 1 >> sw.Cast("uint8")
    (bone >> sw.VolumeWriter("labels.nii.gz", on_headers="drop")).update(progress=False)
    Path("template.yaml").write_text("algorithm: MANUAL\n1: Bone Tissue\n", encoding="utf-8")
    for line in block.splitlines():
        command = line.partition("#")[0].replace("slicewise", f"{sys.executable} -m slicewise.cli", 1)
        done = subprocess.run(["bash", "-c", command], capture_output=True, encoding="utf-8", check=False)
        # diff says by 1 that there are differences.
        assert done.returncode in ((0, 1) if " diff " in command else (0,)), f"{line}\n{done.stdout}\n{done.stderr}"


def test_the_page_of_header_rules_is_that_of_the_table():
    subprocess.run([sys.executable, REPOSITORY / "docs" / "header_rules.py", "--check"], check=True)


def test_the_page_of_filters_and_the_stub_are_those_of_the_installed_library():
    subprocess.run([sys.executable, REPOSITORY / "docs" / "filters.py", "--check"], check=True)


def test_links_between_pages_lead_somewhere():
    for page in PAGES:
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
