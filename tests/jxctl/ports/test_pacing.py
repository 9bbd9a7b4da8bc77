"""Pauses between messages, on a clock that the test winds."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jxctl.errors import DeviceError, UsageError
from jxctl.ports import Port
from jxctl.ports.pacing import Pacer


class Clock:
    """Time passes only in `sleep`, which ends early like a real one, and in a slow port."""

    def __init__(self, early: float = 1.0) -> None:
        self.now = 1000.0
        self.early = early

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now += max(seconds * self.early, 1e-6)


class Wire(Port):
    """Notes when each write began and ended, on the clock or for real."""

    url = "wire:"

    def __init__(self, clock, takes_s: float = 0.0) -> None:  # type: ignore[no-untyped-def]
        self.clock, self.takes_s = clock, takes_s
        self.writes: list[tuple[float, float, bytes]] = []
        self.broken = False

    def write(self, data: bytes) -> None:
        begun = self.clock()
        if self.takes_s:
            self.clock.now += self.takes_s
        self.writes.append((begun, self.clock(), data))
        if self.broken:
            raise DeviceError("gone")

    def close(self) -> None:
        pass


@settings(max_examples=50)
@given(
    st.lists(st.tuples(st.integers(1, 300), st.floats(0, 1)), min_size=2, max_size=8),
    st.floats(0, 0.5),
    st.floats(0, 0.1),
    st.floats(0.2, 1),
)
def test_never_sooner_than_asked(
    messages: list[tuple[int, float]], takes_s: float, jitter_s: float, early: float
) -> None:
    clock = Clock(early)
    wire = Wire(clock, takes_s)
    wire.jitter_s = jitter_s
    pacer = Pacer(wire, clock=clock, sleep=clock.sleep)
    for size, gap in messages:
        pacer.write(bytes(size), gap)
    for (size, gap), before, after in zip(messages, wire.writes, wire.writes[1:], strict=False):
        # A byte on a MIDI cable takes ten bits at 31250 baud.
        left = max(before[1], before[0] + size * 10 / 31250)
        assert after[0] >= left + gap + jitter_s - 1e-9


def test_the_first_message_and_the_last_pause_cost_nothing() -> None:
    clock = Clock()
    wire = Wire(clock)
    pacer = Pacer(wire, gap_s=5, clock=clock, sleep=clock.sleep)
    pacer.write(b"\x90\x3c\x64")
    assert clock.now == 1000
    pacer.wait()
    assert clock.now == pytest.approx(1005 + 3 * 320e-6)
    pacer.wait()
    pacer.write(b"\x80\x3c\x00")
    assert clock.now == pytest.approx(1005 + 3 * 320e-6)


def test_time_that_passed_otherwise_counts() -> None:
    clock = Clock()
    pacer = Pacer(Wire(clock), gap_s=5, clock=clock, sleep=clock.sleep)
    pacer.write(b"\xfe")
    clock.now += 100
    pacer.write(b"\xfe")
    assert clock.now == 1100


def test_the_default_is_20_ms() -> None:
    clock = Clock()
    pacer = Pacer(Wire(clock), clock=clock, sleep=clock.sleep)
    pacer.write(b"\xfe")
    pacer.write(b"\xfe")
    assert clock.now == pytest.approx(1000.020 + 320e-6)


def test_a_failed_write_is_paused_after_too() -> None:
    clock = Clock()
    wire = Wire(clock)
    pacer = Pacer(wire, gap_s=1, clock=clock, sleep=clock.sleep)
    wire.broken = True
    with pytest.raises(DeviceError):
        pacer.write(b"\xfe")
    wire.broken = False
    pacer.write(b"\xfe")
    assert wire.writes[1][0] >= wire.writes[0][1] + 1


@pytest.mark.parametrize("gap", [-0.001, float("nan"), float("inf")])
def test_impossible_pauses(gap: float) -> None:
    wire = Wire(Clock())
    with pytest.raises(UsageError):
        Pacer(wire, gap_s=gap)
    with pytest.raises(UsageError):
        Pacer(wire).write(b"\xfe", gap)
    assert wire.writes == []


def test_on_a_real_clock() -> None:
    wire = Wire(time.monotonic)
    pacer = Pacer(wire, gap_s=0.004)
    for _ in range(5):
        pacer.write(b"\x90\x3c\x64")
    begun = [write[0] for write in wire.writes]
    assert all(b - a >= 0.004 + 3 * 320e-6 for a, b in pairwise(begun))
