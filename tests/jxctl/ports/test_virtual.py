"""The ``sim:`` port: options, clock, and the board behind it."""

from __future__ import annotations

import sys
import types
from typing import Any

import numpy as np
import pytest

from jxctl.errors import DeviceError, UsageError
from jxctl.ports import AudiblePort, open_port
from jxctl.ports.client import Synth
from jxctl.protocol.tone import INIT_TONE


class StubBoard:
    """Remembers how it was made and what it was sent; a count of samples left, three times as much right."""

    made: list[dict[str, Any]]

    def __init__(self, **options: Any) -> None:
        self.made.append(options)
        self.received = b""
        self.samples = 0

    def receive(self, data: bytes) -> None:
        self.received += data

    def render(self, samples: int) -> np.ndarray:
        start, self.samples = self.samples, self.samples + samples
        count = np.arange(start, self.samples, dtype=np.float32)
        return np.stack([count, 3 * count])


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The options of every board made; the real board, and numba with it, stays away."""
    StubBoard.made = []
    module = types.ModuleType("simulator.instrument.board")
    module.Board = StubBoard  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "simulator.instrument.board", module)
    return StubBoard.made


@pytest.mark.parametrize(
    ("url", "options"),
    [
        ("sim:", {"sample_rate": 44100}),
        ("sim:?", {"sample_rate": 44100}),
        ("sim:?profile=thesis&seed=1", {"sample_rate": 44100, "profile": "thesis", "seed": 1}),
        ("sim:?sample_rate=48000&board=upper", {"sample_rate": 48000, "name": "upper"}),
    ],
)
def test_options_reach_the_board(made: list[dict[str, Any]], url: str, options: dict[str, Any]) -> None:
    with open_port(url) as port:
        assert isinstance(port, AudiblePort)
        assert port.url == url
        assert port.sample_rate == options["sample_rate"]
    assert made == [options]


@pytest.mark.parametrize(
    "url",
    [
        "sim:thesis",
        "sim:?thesis",
        "sim:?colour=red",
        "sim:?seed=one",
        "sim:?seed=-1",
        "sim:?seed=" + "9" * 5000,
        "sim:?model=mks70&seed=9223372036854775807",
        "sim:?seed=",
        "sim:?board=both",
        "sim:?output=both",
        "sim:?sample_rate=0",
        "sim:?sample_rate=1e9",
    ],
)
def test_wrong_options_are_refused(made: list[dict[str, Any]], url: str) -> None:
    with pytest.raises(UsageError):
        open_port(url)
    assert made == []


def test_listening_is_the_clock(made: list[dict[str, Any]]) -> None:
    with open_port("sim:?sample_rate=8000&output=left") as port:
        assert isinstance(port, AudiblePort)
        assert port.listen(0.001).tolist() == list(range(8))
        assert port.listen(0).tolist() == []
        assert port.listen(0.0005).tolist() == [8, 9, 10, 11]
        assert port.listen(0.29 / 100).tolist()[-1] == 34  # 23.2 samples are 23
        assert len(port.listen(0.00123)) == 10  # 9.84 samples are 10
        for seconds in (-1, float("nan"), float("inf")):
            with pytest.raises(UsageError):
                port.listen(seconds)


@pytest.mark.parametrize(("output", "factor"), [("", 2), ("&output=mono", 2), ("&output=right", 3)])
def test_one_jack_or_the_mean_of_both(made: list[dict[str, Any]], output: str, factor: int) -> None:
    with open_port(f"sim:?sample_rate=8000{output}") as port:
        assert isinstance(port, AudiblePort)
        assert port.listen(0.0005).tolist() == [0, factor, 2 * factor, 3 * factor]


def test_a_closed_port_is_gone(made: list[dict[str, Any]]) -> None:
    port = open_port("sim:")
    port.close()
    port.close()
    with pytest.raises(DeviceError):
        port.write(b"\xf1")


def play(url: str, board: Any = "lower") -> tuple[np.ndarray, np.ndarray]:
    """What the real board behind ``url`` sounds like before and while note 57 is held."""
    with open_port(url) as port:
        assert isinstance(port, AudiblePort)
        synth = Synth(port)
        synth.load(INIT_TONE, board)
        before = port.listen(0.1)
        synth.note_on(57)
        return before, port.listen(0.3)


def test_the_real_board_plays_what_is_sent() -> None:
    before, held = play("sim:?seed=3&sample_rate=22050")
    assert before.shape == (2205,)
    assert held.shape == (6615,)
    assert held.dtype == np.float32
    assert not before.any()
    # One 8' sawtooth at note 57: 220 Hz.
    strongest = np.abs(np.fft.rfft(held * np.hanning(len(held)))).argmax() * 22050 / len(held)
    assert strongest == pytest.approx(220, abs=4)


def test_the_same_bytes_and_seed_give_the_same_samples() -> None:
    first, second = play("sim:?seed=3")[1], play("sim:?seed=3")[1]
    assert first.any()
    assert np.array_equal(first, second)


def test_a_board_hears_only_what_is_for_it() -> None:
    assert not play("sim:", "upper")[1].any()
    assert play("sim:?board=upper", "upper")[1].any()
    assert play("sim:?board=upper", "both")[1].any()


def test_a_profile_that_does_not_exist() -> None:
    with pytest.raises(UsageError, match="nonsense"):
        open_port("sim:?profile=nonsense")


def test_no_seed_makes_a_warning() -> None:
    """Warnings are errors in these tests; half of all seeds used to overflow with one."""
    from simulator.instrument.board import Board

    for seed in range(20):
        Board(seed=seed)


def test_a_board_refuses_what_it_cannot_be() -> None:
    from simulator.instrument.board import Board

    for wrong in ({"seed": -1}, {"seed": 2**32}, {"sample_rate": 0}, {"sample_rate": -44100}):
        with pytest.raises(UsageError):
            Board(**wrong)  # type: ignore[arg-type]
    Board(seed=2**32 - 1, sample_rate=4000)
