"""Exit codes and messages that a script can rely on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from slicewise.io import phantom


def test_success_is_0_and_says_nothing_on_stderr(program, phantom_ct):
    done = program("ls", phantom_ct.folder)
    assert (done.returncode, done.stderr) == (0, "")


def test_an_error_is_1_with_a_message_and_no_traceback(program, tmp_path):
    done = program("info", tmp_path / "nowhere")
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.splitlines()[0] == f"slicewise: error: {tmp_path}/nowhere: there is no such file or folder"
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("place", ["before", "after"])
def test_traceback_shows_where_it_arose(program, tmp_path, place):
    arguments = ["info", tmp_path / "nowhere"]
    arguments.insert(0 if place == "before" else 2, "--traceback")
    done = program(*arguments)
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert "ReadError" in done.stderr


def test_the_node_that_failed_is_named(program, phantom_ct):
    done = program("explain", phantom_ct.folder, "--filter", "crop:lower=500,0,0")
    assert done.returncode == 1
    assert "in Crop(" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["convert"], "Missing argument"),
        (["nonsense"], "No such command"),
        (
            ["explain", ".", "--filter", "meian"],
            "there is no filter 'meian'; there are Cast, Clip, Crop, Deidentify, FillMissing, Flip",
        ),
        (["explain", ".", "--filter", "median:radios=1"], "it takes radius"),
        (["explain", ".", "--filter", "Median(radius=__import__('os'))"], "must be like median:radius=1"),
        (["headers", ".", "--where", "EchoTime"], "must be like KEYWORD=VALUE"),
    ],
)
def test_a_command_line_that_makes_no_sense_is_2(program, arguments, told):
    done = program(*arguments)
    assert done.returncode == 2
    assert told in " ".join(done.stderr.split())


def test_diff_is_0_1_or_2(program, phantom_ct, tmp_path):
    paths = phantom.ct_series(tmp_path, slices=2, size=(8, 8))
    assert program("diff", paths[0], paths[0]).returncode == 0
    assert program("diff", paths[0], paths[1]).returncode == 1
    trouble = program("diff", paths[0], tmp_path / "nowhere")
    assert trouble.returncode == 2
    assert "there is no such file" in trouble.stderr


def test_version_and_help_come_at_once(program):
    started = time.perf_counter()
    version, told = program("--version"), program("--help")
    assert time.perf_counter() - started < 3
    assert version.stdout.startswith("slicewise ")
    assert all(command in told.stdout for command in ("demo", "ls", "info", "headers", "convert", "explain", "diff"))


def test_help_does_not_import_what_is_heavy():
    code = (
        "import sys\n"
        "from slicewise.cli.app import app\n"
        "print([name for name in ('numpy', 'pydicom', 'SimpleITK', 'pandas') if name in sys.modules])"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"


def test_warnings_are_a_line_on_stderr(program, tmp_path):
    phantom.ct_series(tmp_path, slices=2, size=(8, 8))
    (tmp_path / "notes.txt").write_text("not an image")
    done = program("info", tmp_path)
    assert done.returncode == 0
    assert done.stderr == "slicewise: warning: 1 file passed over as not DICOM: notes.txt\n"


@pytest.mark.skipif(os.name == "nt", reason="signals are sent otherwise")
def test_ctrl_c_is_130_and_leaves_nothing_behind(tmp_path):
    phantom.ct_series(tmp_path / "in", slices=120, size=(96, 96))
    slow = ["--filter", "median:radius=5,5,1", "--memory", "3MB"]
    command = [sys.executable, "-m", "slicewise.cli", "convert", tmp_path / "in", tmp_path / "out", *slow]
    running = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 30
    while not list(tmp_path.glob(".out.partial-*")) and time.monotonic() < deadline:
        time.sleep(0.02)
    running.send_signal(signal.SIGINT)
    _, told = running.communicate(timeout=60)
    assert running.returncode == 130, told
    assert told.strip().endswith("slicewise: stopped")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in"]
