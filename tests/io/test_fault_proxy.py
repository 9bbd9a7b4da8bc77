"""The cable does to bytes and sound what it says, and nothing unless it is told to."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from fault_proxy import BLOCK, Log, Sound, Wire

RATE = 44100


def passed_on(sound: Sound, heard: np.ndarray) -> np.ndarray:
    """What comes out of a cable, block by block."""
    out = np.empty_like(heard)
    for begin in range(0, len(heard), BLOCK):
        sound.pass_on(heard[begin : begin + BLOCK], out[begin : begin + BLOCK])
    return out


@pytest.fixture
def tone() -> np.ndarray:
    """White noise, so that every sample is known by its value."""
    return np.random.default_rng(0).uniform(-0.3, 0.3, 40 * BLOCK).astype(np.float32)


def test_a_wire_without_faults_carries_everything() -> None:
    wire = Wire(Log(None), 1)
    assert [wire.carry(bytes([k])) for k in range(200)] == [bytes([k]) for k in range(200)]


def test_each_fault_of_a_wire_happens_once(tmp_path: Path) -> None:
    wire = Wire(Log(tmp_path / "log"), 1)
    pieces = [bytes([k, 0x55]) for k in range(50)]
    wire.arm("drop", 10)
    carried = [wire.carry(piece) for piece in pieces]
    assert sorted(map(len, carried)) == [0] + [2] * 49
    wire.arm("corrupt", 10)
    carried = [wire.carry(piece) for piece in pieces]
    (damaged,) = [(a, b) for a, b in zip(pieces, carried, strict=True) if a != b]
    assert (int.from_bytes(damaged[0], "big") ^ int.from_bytes(damaged[1], "big")).bit_count() == 1
    told = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert [line["kind"] for line in told] == ["drop", "corrupt"]
    assert (told[1]["sent"], told[1]["arrived"]) == (damaged[0].hex(), damaged[1].hex())


def test_sound_without_faults_is_only_later(tone: np.ndarray) -> None:
    out = passed_on(Sound(Log(None), 1, RATE), tone)
    assert not out[:300].any()
    assert np.array_equal(out[300:], tone[:-300])


@pytest.mark.parametrize("kind", ["mute", "clip", "glitch", "shift"])
def test_each_fault_of_sound_begins_and_ends(tone: np.ndarray, kind: str) -> None:
    sound = Sound(Log(None), 1, RATE)
    tone = np.tile(tone, 4)
    before = passed_on(sound, tone[: 5 * BLOCK])
    assert np.array_equal(before[300:], tone[: 5 * BLOCK - 300])
    sound.arm(kind)
    out = passed_on(sound, tone[5 * BLOCK :])
    wanted = tone[5 * BLOCK - 300 : -300]
    wrong = np.flatnonzero(out != wanted)
    if kind == "shift":
        # Later or sooner from then on, and otherwise whole.
        late = [k for k in range(601) if np.array_equal(out[BLOCK:], tone[6 * BLOCK - k : len(tone) - k])]
        assert len(late) == 1
        assert late != [300]
        return
    assert wrong[0] < 3
    count = wrong[-1] + 1
    assert 100 < count < 0.4 * RATE
    assert np.array_equal(out[count:], wanted[count:])
    if kind == "mute":
        assert not out[:count].any()
    elif kind == "clip":
        assert np.abs(out[:count]).max() == 1
    else:
        assert abs(np.corrcoef(out[:count], wanted[:count])[0, 1]) < 0.3
