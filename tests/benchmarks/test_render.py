"""The render benchmark's own arithmetic, its protocol, and what it says of a peer that is not there."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmarks import interleave, limit, report
from benchmarks.peers import setup
from benchmarks.peers.protocol import Worker
from benchmarks.peers.setup import PEERS, python_of
from benchmarks.render import start_workers

FAKE = '''
"""A synth that answers at once, fails for a batch of three, and dies for one of thirteen."""
import os
import numpy as np
from benchmarks.peers.protocol import serve

def prepare(variant, batch, seconds):
    print("a library that talks")
    if batch == 3:
        raise ValueError("no batches of three")
    if batch == 13:
        os._exit(9)
    return lambda: np.zeros((batch, round(seconds * 100)))

serve({"fake": "1.0"}, {"voice": "zeros"}, prepare)
'''


@pytest.fixture
def fake(tmp_path: Path):
    """A worker that runs `FAKE`."""
    (tmp_path / "fake.py").write_text(FAKE)
    runner = tmp_path / "python"
    runner.write_text(f'#!/bin/sh\nPYTHONPATH="$PYTHONPATH:{tmp_path}" exec "{sys.executable}" "$@"\n')
    runner.chmod(0o755)
    worker = Worker("fake", runner, "fake", tmp_path / "log")
    yield worker
    worker.close()


def test_a_worker_answers_line_by_line_whatever_its_libraries_print(fake: Worker) -> None:
    assert fake.ask("describe") == {"versions": {"fake": "1.0"}, "variants": {"voice": "zeros"}}
    assert fake.ask("prepare", variant="voice", batch=2, seconds=1.5)["samples"] == 150
    answer = fake.ask("run", variant="voice")
    assert 0 <= answer["s"] < 60
    assert answer["peak_bytes"] is None or answer["peak_bytes"] > 1e6
    fake.ask("release")
    with pytest.raises(RuntimeError, match="KeyError"):
        fake.ask("run", variant="voice")


def test_turns_are_taken_and_failures_become_reasons(fake: Worker) -> None:
    said: list[str] = []
    results = interleave.measure({"fake": fake}, {"fake": ["voice"]}, (4, 3, 13), 2.0, 3, said.append)
    entries = results["fake"]["voice"]
    assert len(entries["4"]["times_s"]) == 3
    assert entries["4"]["best"] == pytest.approx(4 * 2.0 / min(entries["4"]["times_s"]))
    assert entries["4"]["best"] >= entries["4"]["median"]
    assert entries["3"] == {"skipped": "ValueError: no batches of three"}
    assert "fake stopped: a library that talks" in entries["13"]["skipped"]


def test_what_would_take_too_long_or_too_much_memory_is_not_tried() -> None:
    quick = {"64": {"best": 100.0, "median": 100.0, "peak_bytes": 1e6}}
    assert interleave.too_much({}, 1024, 4.0) == ""
    assert interleave.too_much({"16": {"skipped": "why"}}, 1024, 4.0) == ""
    assert interleave.too_much(quick, 256, 4.0) == ""
    assert interleave.too_much(quick, 1024, 4.0) == "about 41 s a render"
    large = {"64": {"best": 1e6, "median": 1e6, "peak_bytes": 1e12}}
    assert interleave.too_much(large, 128, 4.0) == "about 2000 GB of memory"


def test_a_straight_line_is_found_and_a_bent_one_shows() -> None:
    x = [16, 64, 256, 1024]
    line = interleave.straight_line(x, [0.5 + 0.01 * value for value in x])
    assert line["fixed"] == pytest.approx(0.5)
    assert line["each"] == pytest.approx(0.01)
    assert line["worst_error"] < 1e-9
    assert interleave.straight_line(x, [value**1.5 for value in x])["worst_error"] > 0.1


def test_operations_are_counted_in_the_innermost_loop() -> None:
    """By hand: fused 2 * 16, an add and a maximum of 16, a product of 8, one scalar; a shuffle is none,
    and a copy says nothing of the width."""
    loop = """
    .LBB0_1:
        vmulps  %zmm1, %zmm2, %zmm3
    .LBB0_2:
        vmovaps (%rax), %zmm1   # load
        vfmadd231ps     %zmm1, %zmm2, %zmm3
        vaddps  %zmm1, %zmm2, %zmm3
        vmaxps  (%rbx), %zmm2, %zmm3
        vmulps  %ymm1, %ymm2, %ymm3
        vdivss  %xmm1, %xmm2, %xmm3
        vpermps %zmm1, %zmm2, %zmm3
        addq    $64, %rax
        jne     .LBB0_2
        jmp     .LBB0_1
    .LBB0_3:
        vmovups (%rax), %zmm4
        vaddps  %ymm1, %ymm2, %ymm3
        jb      .LBB0_3
        jmp     .LBB0_9
    .LBB0_9:
    """
    assert limit.loops(loop) == [
        limit.Loop(operations=2 * 16 + 16 + 16 + 8 + 1, instructions=7, lanes=16, around=1),
        limit.Loop(operations=8, instructions=2, lanes=8, around=0),
    ]


def test_the_peak_is_the_product_of_its_factors() -> None:
    assert limit.peak(4e9, 2, 16) == pytest.approx(512e9)


def test_a_peer_that_is_not_installed_is_named(tmp_path: Path) -> None:
    workers, about, missing = start_workers(tmp_path / "nowhere", tmp_path)
    for worker in workers.values():
        worker.close()
    assert list(workers) == list(about) == ["jx"]
    assert missing == dict.fromkeys(PEERS, "not installed; run python -m benchmarks.peers.setup")
    assert "full voice" in about["jx"]["variants"]


@pytest.mark.parametrize("peer", PEERS)
def test_every_peer_has_pins_and_no_open_version(peer: str) -> None:
    pins = Path(setup.__file__).with_name(f"{peer}.txt")
    lines = [line for line in pins.read_text("utf-8").splitlines() if line and not line.startswith("#")]
    assert any(line.startswith(f"{peer}==") for line in lines)
    assert all("==" in line for line in lines)
    assert python_of(peer, Path("folder")).parts[:2] == ("folder", peer)


def test_the_page_says_what_was_measured_what_was_not_and_why() -> None:
    entry = {"best": 25000.4, "median": 24000.0, "times_s": [1.0], "peak_bytes": 3e8, "first_s": 1.0}
    slow = {"best": 500.0, "median": 400.0, "times_s": [1.0], "peak_bytes": 9e8, "first_s": 1.0}
    measured = {
        "seconds": 4.0, "sample_rate": 44100, "rounds": 9,
        "results": {
            "jx": {"full voice": {"16": entry, "1024": entry}},
            "torchsynth": {"voice": {"16": slow, "1024": {"skipped": "about 22 s a render"}}},
        },
        "about": {
            "jx": {"versions": {}, "variants": {"full voice": "all of it"}},
            "torchsynth": {"versions": {"torch": "2.0"}, "variants": {"voice": "its Voice"}},
        },
        "not_measured": {"synthax": "not installed"},
        "over_batch": {"full voice": {"fixed": 0.001, "each": 0.0002, "worst_error": 0.03}},
        "over_length": {"times_s": {"1.0": 0.1}, "line": {"fixed": 0.0, "each": 0.1, "worst_error": 0.0}},
        "first_call": {"compiles_s": 12.0, "loads_s": 0.3},
        "over_notes": {"6 notes, one board": 0.01},
        "limit": {
            "clock_hz": 4e9, "cores": 2,
            "loops": {"uncoupled": {"operations_a_sample": 129, "vector_instructions_of_16": 199,
                                    "cycles_of_16": 180, "peak": 512e9, "share": 0.18}},
        },
        "machine": {"processor": "P", "cores": 2, "python": "3.11", "packages": {}, "commit": "c0ffee"},
    }  # fmt: skip
    page = report.markdown(measured)
    assert all(len(line) <= 110 or line.startswith("|") for line in page.splitlines())
    page = page.replace("\n  ", " ")  # items as they were before they were broken into lines
    for part in (
        "| jx: full voice | 25,000 (24,000) | 25,000 (24,000) |",
        "| torchsynth: voice | 500 (400) | skipped |",
        "* torchsynth, voice, batch 1024 skipped: about 22 s a render.",
        "| synthax | not measured: not installed |  |",
        "jx is 50 times by the best (its batch 16), 60 times by the median (its batch 16)",
        "| uncoupled | 129 | 18% | 180 | 199 |",
        "1.0 ms + 0.200 ms a voice",
        "6 notes, one board: 1.0%",
        "compiles: 12.0 s",
        "commit c0ffee",
    ):
        assert part in page, part
