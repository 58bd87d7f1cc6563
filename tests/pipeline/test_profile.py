"""What a run took: times of nodes that sleep for a known time, bytes, threads, memory; the table and the picture."""

from __future__ import annotations

import mmap
import os
import threading
import time
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from small_nodes import Calling, Counting, Ranked, Smear, image

import slicewise as sw
from slicewise.errors import ComputeError
from slicewise.pipeline.computing import Work
from slicewise.pipeline.profile import Profile, ProfileRow
from slicewise.pipeline.resident import PeakMemory, resident_bytes


def parsed(svg):
    return ET.fromstring(svg)  # noqa: S314 - made here


SVG = "{http://www.w3.org/2000/svg}"


def sleeping(slab):
    time.sleep(0.02 * len(slab))


def work(name, slab, began, ended, *, thread=1, processor=None, size=100):
    return Work(None, name, slab, thread, began, ended, ended - began if processor is None else processor, size)


def made_of(*works, wall=10.0):
    return Profile(
        result=None, target="SeriesWriter", works=works, began=0.0, wall=wall, processor=wall, planned_bytes=5_000_000,
        memory_before=100_000_000, memory_peak=130_000_000,
    )  # fmt: skip


# --- figures made by hand -----------------------------------------------------------------------------------


def test_rows_are_sums_of_what_was_done():
    profile = made_of(
        work("Median", range(4), 0.0, 2.0, processor=1.5),
        work("Median", range(3, 8), 1.0, 4.0, thread=2, processor=3.0, size=200),
        work("writing", range(8), 4.0, 9.0, processor=1.0, size=50),
    )
    assert profile.rows == (
        ProfileRow(
            name="Median",
            time=5.0,
            share=0.5,
            off_processor=0.5,
            slices=9,
            twice=1,
            bytes=300,
            peak_bytes=300,
            threads=2,
        ),
        ProfileRow(
            name="writing",
            time=5.0,
            share=0.5,
            off_processor=4.0,
            slices=8,
            twice=0,
            bytes=50,
            peak_bytes=50,
            threads=1,
        ),
    )
    assert profile.threads == 2


def test_slabs_one_after_the_other_are_not_at_once():
    profile = made_of(*(work("Median", range(k, k + 1), float(k), k + 1.0, thread=k) for k in range(3)))
    assert profile.rows[0].peak_bytes == 100
    assert profile.threads == 1
    assert profile.rows[0].threads == 3


def test_print_shows_a_table_and_what_was_planned_and_measured():
    text = str(made_of(work("Median", range(8), 0.0, 5.0), work("writing", range(8), 5.0, 10.0)))
    title, median, writing, _, run, memory = text.splitlines()
    assert title.split() == ["node", "time", "share", "off", "cpu", "slices", "twice", "made", "at", "once", "threads"]
    assert median.split() == ["Median", "5.00", "s", "50%", "0.00", "ms", "8", "0", "100", "B", "100", "B", "1"]
    assert len(median) == len(writing) == len(title)
    assert run == "SeriesWriter: 10.00 s in all, a thread at work 100% of it; 10.00 s on processors"
    assert memory == "memory: planned 5 MB; the process grew by 30 MB, to 130 MB"


# --- runs ---------------------------------------------------------------------------------------------------


def test_profile_has_the_result_and_the_time_of_each_node():
    source = image((40, 16, 16))
    node = source >> Calling(sleeping) >> Smear(1) >> Ranked() >> Smear(2)
    found = node.profile(workers=2, progress=False)
    first = Smear.expected(source.array, 1)
    assert np.array_equal(found.result.array, Smear.expected(first - first.max(), 2))
    rows = {row.name: row for row in found.rows}
    assert set(rows) == {"InMemory", "Calling", "Smear(reach=1)", "Ranked", "Smear(reach=2)"}
    # Each slice sleeps for 20 ms; slices at the joints of the threads are computed twice.
    calling = rows["Calling"]
    assert calling.slices - calling.twice == 40
    assert calling.time >= 0.02 * calling.slices
    assert calling.time < 0.02 * calling.slices + 0.5
    assert calling.off_processor == pytest.approx(calling.time, rel=0.2)
    assert calling.bytes == calling.slices * 16 * 16 * 2
    assert calling.threads == 2
    assert rows["Ranked"].slices == 40
    assert rows["Ranked"].bytes == rows["Ranked"].peak_bytes == 40 * 16 * 16 * 4
    assert calling.share == max(row.share for row in found.rows)
    assert sum(row.share for row in found.rows) == pytest.approx(1)
    assert found.wall >= calling.time / 2


def test_slices_that_are_computed_again_are_counted(phantom_ct, tmp_path):
    counting = Counting()
    wide = (sw.SeriesReader(phantom_ct.folder) >> counting) * 7.3 + 0.01
    found = (wide >> sw.SeriesWriter(tmp_path / "a")).profile(progress=False, workers=1)
    row = next(row for row in found.rows if row.name == "Counting")
    assert row.slices == counting.count.slices
    assert row.twice == counting.count.slices - wide.geometry.slices
    assert {"measuring", "writing"} <= {row.name for row in found.rows}
    assert len(found.result.paths) == wide.geometry.slices


def test_result_that_was_there_says_so():
    node = image() >> Smear(1)
    held = node.update(progress=False)
    found = node.profile(progress=False)
    assert found.result is held
    assert found.rows == ()
    assert "there already" in str(found)
    parsed(found.timeline())


def test_run_that_fails_fails_and_leaves_no_thread():
    def fail(slab):
        raise ZeroDivisionError("by nothing")

    before = threading.active_count()
    with pytest.raises(ComputeError, match="by nothing"):
        (image() >> Calling(fail)).profile(progress=False)
    assert threading.active_count() == before


def test_memory_is_that_of_the_process():
    taken = []

    def take(slab):
        # Pages of its own: what is freed of memory before may be resident still, and be taken again.
        held = np.frombuffer(mmap.mmap(-1, 60_000_000), np.uint8)
        held[:] = 1
        time.sleep(0.1)
        taken.append(int(held[-1]))

    found = (image() >> Calling(take)).profile(progress=False, workers=1)
    assert taken
    assert found.memory_peak - found.memory_before >= 55_000_000
    assert found.memory_peak < 10**10


def test_peak_is_the_largest_of_looks():
    sizes = iter([5, 7, 30, 8, *[6] * 1000])
    with PeakMemory(lambda: next(sizes)) as memory:
        time.sleep(0.2)
    assert (memory.before, memory.peak) == (5, 30)


def test_resident_memory_is_what_the_system_tells():
    if not os.path.exists("/proc/self/status"):  # noqa: PTH110
        pytest.skip("told by Linux")
    with open("/proc/self/status") as lines:  # noqa: PTH123
        told = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS"))
    assert resident_bytes() == pytest.approx(told, rel=0.05)


def test_table_has_a_row_for_each_node():
    table = (image((20, 4, 5)) >> Smear(1)).profile(progress=False).table()
    assert list(table.index) == ["InMemory", "Smear"]
    assert table.loc["Smear", "slices"] >= 20
    assert table["time"].dtype == float


# --- the picture --------------------------------------------------------------------------------------------


def boxes_of(svg):
    """Return what is drawn of slabs: text, left, right, colour and top."""
    found = []
    for rect in parsed(svg).iter(f"{SVG}rect"):
        title = rect.find(f"{SVG}title")
        if title is not None:
            left = float(rect.get("x"))
            found.append((title.text, left, left + float(rect.get("width")), rect.get("fill"), float(rect.get("y"))))
    return found


def test_picture_has_a_box_for_each_slab_in_its_place():
    svg = made_of(
        work("Median", range(4), 0.0, 2.0), work("Median", range(4, 8), 0.0, 4.0, thread=2),
        work("writing", range(4), 5.0, 10.0),
    ).timeline()  # fmt: skip
    first, third, second = boxes_of(svg)
    assert first[0] == "Median, slices 0 to 3: 2.00 s"
    assert second[1] == first[1]
    assert second[2] - second[1] == pytest.approx(2 * (first[2] - first[1]), abs=1)
    assert third[1] - first[1] == pytest.approx((third[2] - third[1]), abs=1)
    assert first[4] == third[4] != second[4]
    assert first[3] == second[3] != third[3]
    texts = [t.text for t in parsed(svg).iter(f"{SVG}text")]
    assert {"thread 1", "thread 2", "Median", "writing", "0 s", "10 s"} <= set(texts)


def test_picture_of_many_small_slabs_stays_small():
    works = [work(f"node {k % 12}", range(k, k + 1), k * 1e-3, (k + 1) * 1e-3) for k in range(10_000)]
    svg = made_of(*works).timeline()
    assert len(svg) < 1_000_000
    boxes = boxes_of(svg)
    assert len(boxes) < 2000
    assert boxes[0][1] < boxes[-1][1]


def test_names_of_users_are_escaped_in_the_picture():
    svg = made_of(work('<script>"&', range(1), 0.0, 1.0)).timeline()
    assert "<script>" not in svg
    assert '<script>"&' in [t.text for t in parsed(svg).iter(f"{SVG}text")]


def test_notebook_shows_the_table_and_the_picture():
    from slicewise.display.profiles import profile_html

    html = profile_html((image((20, 4, 5)) >> Smear(1)).profile(progress=False))
    assert "<th>off cpu</th>" in html
    assert "<td>Smear</td>" in html
    assert "<svg" in html
