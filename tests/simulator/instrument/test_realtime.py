"""The real-time engine: the samples of the offline synth when they are wanted, and an account of it."""

from __future__ import annotations

import contextlib
import os
import sys
import threading

import numpy as np
import pytest

from jxctl.protocol import bus
from simulator.instrument.board import boards
from simulator.instrument.instrument import Instrument
from simulator.instrument.realtime import GRID, Engine, undisturbed, warm_up

RATE, BLOCK = 44100, 256
BLOCK_S = BLOCK / RATE
SELECT = bus.encode([bus.SelectBoard("lower")])


class Clock:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Fed:
    """Stands for a board: notes at which sample which bytes came; sounds a constant."""

    def __init__(self, level: float = 0.25) -> None:
        self.sample_rate = RATE
        self.heard: list[tuple[int, bytes]] = []
        self.now = 0
        self.level = np.float32(level)

    def receive(self, data: bytes) -> None:
        self.heard.append((self.now, data))

    def render(self, samples: int) -> np.ndarray:
        self.now += samples
        return np.stack([np.full(samples, self.level), np.full(samples, -self.level / 2)])


def engine(*fed: Fed, **options: object) -> tuple[Engine, Clock]:
    clock = Clock()
    return Engine(list(fed), clock=clock, **options), clock  # type: ignore[arg-type]


def block() -> np.ndarray:
    return np.full((BLOCK, 2), np.nan, np.float32)


def test_it_is_the_instrument_bit_for_bit() -> None:
    """MIDI through the assigner to the engine, against the same MIDI at the same samples offline."""
    clock = Clock()
    live = Engine(boards(("lower", "upper"), "superjx", RATE), keep=True, clock=clock)
    cause = [b""]
    synth = Instrument(tap=lambda data: live.play(data, cause[0]), silent=True)
    random = np.random.default_rng(5)
    heard = []
    for number in range(120):
        for _ in range(random.integers(0, 3)):
            clock.now += BLOCK_S / 4
            cause[0] = bytes((0x90, int(random.integers(40, 80)), int(random.integers(0, 128))))
            if number == 60:
                cause[0] = b"\xc0\x03"
            synth.receive_midi(cause[0])
        clock.now = 100 + (number + 1) * BLOCK_S
        heard.append(block())
        live.fill(heard[-1])
    offline = Instrument()
    parts, now = [], 0
    assert live.played[0][0] == 0, "switching on"
    for sample, message in live.played[1:]:
        parts.append(offline.render(sample - now))
        offline.receive_midi(message)
        now = sample
    parts.append(offline.render(120 * BLOCK - now))
    assert len(live.played) > 50
    assert any(sample % BLOCK for sample, _ in live.played)
    expected = np.concatenate(parts, axis=1)
    assert np.abs(expected).max() > 0.05
    assert np.array_equal(np.concatenate(heard).T, expected)


def test_what_comes_before_the_first_block_acts_at_once() -> None:
    fed = Fed()
    live, clock = engine(fed)
    clock.now += 3
    live.play(SELECT)
    clock.now += 1
    live.fill(block())
    assert fed.heard == [(0, SELECT)]


def test_bytes_act_a_block_later_than_they_came() -> None:
    fed = Fed()
    live, clock = engine(fed)
    live.fill(block())
    start = clock.now
    for share in (0.0, 0.26, 0.5, 0.99):
        clock.now = start + share * BLOCK_S
        live.play(SELECT + bytes((0x97, round(100 * share))))
    clock.now = start + BLOCK_S
    live.fill(block())
    assert [sample - BLOCK for sample, _ in fed.heard] == [0, GRID, 2 * GRID, 3 * GRID]


def test_a_late_block_keeps_order_and_loses_nothing() -> None:
    """A block that comes three lengths late: all that waited still lies inside it, in order."""
    fed = Fed()
    live, clock = engine(fed)
    live.fill(block())
    for value in range(12):
        clock.now += BLOCK_S / 4
        live.play(SELECT + bytes((0x97, value)))
    live.fill(block())
    assert [data[-1] for _, data in fed.heard] == list(range(12))
    places = [sample - BLOCK for sample, _ in fed.heard]
    assert places == sorted(places)
    assert 0 <= places[0] <= places[-1] < BLOCK


def test_a_dump_to_midi_out_does_not_reach_the_boards() -> None:
    fed = Fed()
    live, _ = engine(fed)
    dump = bus.encode([bus.Forward(bytes(range(0x70)) * 100), bus.SelectBoard("both")])
    live.play(SELECT + dump[:50])
    live.play(dump[50:] + b"\x97\x05")
    live.fill(block())
    assert (
        b"".join(data for _, data in fed.heard)
        == SELECT + bus.encode([bus.SelectBoard("both")]) + b"\x97\x05"
    )


def test_bytes_may_be_split_anywhere() -> None:
    fed = Fed()
    live, _ = engine(fed, keep=True)
    for byte in SELECT + b"\x97\x05":
        live.play(bytes((byte,)))
    live.fill(block())
    assert b"".join(data for _, data in fed.heard) == SELECT + b"\x97\x05"
    assert live.played == [(0, SELECT), (0, b"\x97\x05")]


def test_boards_add_up_and_gain_comes_last() -> None:
    live, _ = engine(Fed(0.25), Fed(0.5), gain=0.5)
    out = block()
    live.fill(out)
    assert np.array_equal(out, np.tile(np.float32([0.375, -0.1875]), (BLOCK, 1)))


def test_the_account() -> None:
    live, _ = engine(Fed(1.5))
    for underrun in (False, True, True):
        live.fill(block(), underrun)
    report = live.report
    assert (report.blocks, report.samples, report.underruns, report.clipped) == (3, 3 * BLOCK, 2, 3)
    assert report.peak == 1.5
    assert 0 < report.load <= report.busiest
    assert report.late == 0


def test_a_block_that_takes_longer_than_it_lasts_is_late() -> None:
    class Slow(Fed):
        def render(self, samples: int) -> np.ndarray:
            threading.Event().wait(2 * BLOCK_S)
            return super().render(samples)

    live, _ = engine(Slow())
    live.fill(block())
    assert live.report.late == 1
    assert live.report.busiest > 1.9


def test_many_threads_may_not_lose_a_byte() -> None:
    fed = Fed()
    live, clock = engine(fed)

    def write() -> None:
        for value in range(500):
            live.play(SELECT + bytes((0x97, value % 128)))

    writer = threading.Thread(target=write)
    writer.start()
    while writer.is_alive():
        live.fill(block())
        clock.now += BLOCK_S
    live.fill(block())
    assert [data[-1] for _, data in fed.heard] == [value % 128 for value in range(500)]


def test_warming_up_changes_nothing() -> None:
    """Nothing of it is heard, and it takes every model's boards."""
    for names in (("lower",), ("lower", "upper")):
        warm_up(names, "superjx", RATE, 64)  # type: ignore[arg-type]
    live = Engine(boards(("lower", "upper"), "superjx", RATE))
    out = block()
    live.fill(out)
    assert np.abs(out).max() == 0


def test_everything_is_as_before_afterwards() -> None:
    scheduled = getattr(os, "sched_getscheduler", lambda _: None)
    before = sys.getswitchinterval(), scheduled(0)
    with contextlib.suppress(KeyboardInterrupt), undisturbed():
        assert sys.getswitchinterval() < before[0]
        raise KeyboardInterrupt
    assert (sys.getswitchinterval(), scheduled(0)) == before


def test_without_the_right_to_priority_it_does_without(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "sched_setscheduler", refused, raising=False)
    with undisturbed():
        pass
