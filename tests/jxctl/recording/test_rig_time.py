"""When a rig waits, when it loads a tone again, and when it does not."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pytest

from jxctl.errors import DeviceError
from jxctl.ports.client import Synth
from jxctl.protocol.tone import INIT_TONE
from jxctl.recording.quality import Latency
from jxctl.recording.rig import Rig

RATE = 8000


@pytest.fixture
def fake_port(fakes: ModuleType) -> Any:
    """Makes fake ports."""
    return fakes.FakePort


def rig(port: Any) -> Rig:
    return Rig(Synth(port), port)


def loads(port: Any) -> int:
    """How often a tone was loaded: each load sets the range of DCO-1 once."""
    return int(port.sent.count(b"\x80"))


def test_a_tone_that_the_board_holds_is_not_loaded_again(fake_port: Any) -> None:
    port = fake_port()
    recording = rig(port)
    for note in (60, 64, 67):
        assert recording.take(INIT_TONE, note, 127, gate_s=0.1).verdict == "ok"
    assert loads(port) == 1
    recording.take(INIT_TONE.with_values({"VCA LEVEL": 100}), 60, 127, gate_s=0.1)
    recording.take(INIT_TONE, 60, 127, gate_s=0.1)
    assert loads(port) == 3


@pytest.mark.parametrize("how", ["cut", "silent", "failed"])
def test_after_anything_out_of_the_ordinary_it_is(fake_port: Any, how: str) -> None:
    port = fake_port()
    recording = rig(port)
    if how == "cut":
        assert recording.take(INIT_TONE, 60, 127, gate_s=0.1, max_seconds=0.1).tail_cut
    elif how == "silent":
        port.gain = 0.0
        assert recording.take(INIT_TONE, 60, 127, gate_s=0.1).verdict == "silent"
        port.gain = 1.0
    else:
        real, port.listen = port.listen, lambda seconds: np.zeros(0)
        with pytest.raises(DeviceError):
            recording.take(INIT_TONE, 60, 127, gate_s=0.1)
        port.listen = real
    before = loads(port)
    assert recording.take(INIT_TONE, 60, 127, gate_s=0.1).verdict == "ok"
    assert loads(port) == before + 1


def test_lost_audio_says_nothing_about_the_board(fakes: ModuleType) -> None:
    port = fakes.FaultyPort({0: "lost"})
    recording = Rig(Synth(port), fakes.Card(port, fakes.Clock()))
    verdicts = [recording.take(INIT_TONE, 60, 127, gate_s=0.1).verdict for _ in range(2)]
    assert (verdicts, loads(port)) == (["dropped audio", "ok"], 1)


@pytest.mark.parametrize(("spread_s", "least_s"), [(0.003, 0.01), (0.008, 0.01), (0.05, 0.06), (0.2, 0.06)])
def test_a_note_waits_for_one_control_loop(fakes: ModuleType, spread_s: float, least_s: float) -> None:
    # A loop of 10 ms spreads eight notes over 8 ms or so, one of 60 ms over 47 (7/9 of it, on average).
    port, clock = fakes.FakePort(latency=160), fakes.Clock()
    recording = Rig(Synth(port), fakes.Card(port, clock))
    recording.latency = Latency(0.02, spread_s)
    recording.take(INIT_TONE, 60, 127, gate_s=0.1)
    ends, begins = clock.now, []
    real = port.write

    def write(data: bytes) -> None:
        begins.append(clock.now)
        real(data)

    port.write = write
    take = recording.take(INIT_TONE, 62, 127, gate_s=0.1)
    assert take.noise_floor_dbfs == -200.0
    # What is heard is 20 ms old: the wait is longer by that.
    assert begins[0] - ends >= least_s + 0.02
    assert begins[0] - ends <= 0.0701 + 0.02 + spread_s


def test_the_noise_floor_is_heard_after_the_sound_of_before_has_arrived(fakes: ModuleType) -> None:
    # A tail that is cut and arrives 0.2 s late: with the latency known, it is waited for.
    port = fakes.FakePort(latency=round(0.2 * RATE))
    recording = Rig(Synth(port), fakes.Card(port, fakes.Clock()))
    recording.latency = Latency(0.2, 0.01)
    for _ in range(2):
        take = recording.take(INIT_TONE, 69, 127, gate_s=0.3, max_seconds=0.5)
        assert take.tail_cut
        assert take.noise_floor_dbfs == -200.0
        assert take.onset_s == pytest.approx(0.2, abs=0.002)


def test_the_noise_floor_is_not_the_note_that_was_cut(fakes: ModuleType) -> None:
    # A board serves a voice once in a loop of 10 ms, and its level then fades for some ms.
    class Fading(fakes.FakePort):  # type: ignore[misc,name-defined]
        left = 0

        def write(self, data: bytes) -> None:
            if self._note is not None and b"\xb6" in data:
                self.left = round(0.016 * RATE)
            super().write(data)

        def listen(self, seconds: float) -> np.ndarray:
            heard = np.asarray(super().listen(seconds))
            heard[: self.left] += np.float32(0.1)
            self.left = max(0, self.left - heard.size)
            return heard

    port = Fading()
    recording = rig(port)
    recording.latency = Latency(0.0, 0.0066)
    for _ in range(2):
        take = recording.take(INIT_TONE, 69, 127, gate_s=0.3, max_seconds=0.3)
        assert (take.tail_cut, take.noise_floor_dbfs, take.verdict) == (True, -200.0, "ok")


def test_the_end_of_a_tail_is_not_the_floor_of_the_next(fakes: ModuleType) -> None:
    # A whole synth goes on with a released note after "all notes off": half the level in 0.3 s.
    class Going(fakes.FakePort):  # type: ignore[misc,name-defined]
        tail = 0.0

        def write(self, data: bytes) -> None:
            for at in range(len(data)):
                if data[at] == 0xD0:
                    self.tail = 0.25
                elif data[at] == 0xC0 or data[at] == 0x80:
                    self.tail = 0.0
            super().write(data)

        def listen(self, seconds: float) -> np.ndarray:
            heard = np.asarray(super().listen(seconds))
            t = np.arange(heard.size) / RATE
            heard += np.float32(self.tail) * np.exp2(-t / 0.3).astype(np.float32)
            self.tail *= 2 ** (-seconds / 0.3)
            return heard

    recording = rig(Going(noise=0.0003))
    for note in (60, 62, 64, 65, 67, 69):
        take = recording.take(INIT_TONE, note, 127, gate_s=0.1, max_seconds=9.0)
        last = take.audio[-round(0.1 * RATE) :]
        assert (take.tail_cut, take.verdict) == (False, "ok")
        assert 20 * np.log10(np.sqrt(np.mean(np.square(last)))) < -63


def test_ready_is_called_when_the_board_has_settled_and_before_the_note(fake_port: Any) -> None:
    port = fake_port()
    seen: list[tuple[bool, bool, int]] = []
    take = rig(port).take(
        INIT_TONE,
        69,
        127,
        0.1,
        0.3,
        lambda: seen.append((b"\x80" in port.sent, b"\xc0" in port.sent, port.listened)),
    )
    assert take.verdict == "ok"
    assert [(loaded, played) for loaded, played, _ in seen] == [(True, False)]
    assert seen[0][2] > 0


@pytest.mark.parametrize("other", [False, True], ids=["the same tone", "another tone"])
def test_a_take_is_judged_while_the_board_settles_for_the_next(fakes: ModuleType, other: bool) -> None:
    def seconds(judging_s: float) -> float:
        """How long two takes last when judging takes so long."""
        port, clock = fakes.FakePort(latency=160), fakes.Clock()

        class Slow(fakes.Known):  # type: ignore[misc,name-defined]
            def hz(self, tone: object, note: int) -> float | None:
                clock.now += judging_s
                return None

        recording = Rig(Synth(port), fakes.Card(port, clock), expected=Slow())
        recording.latency = Latency(0.02, 0.008)
        second = INIT_TONE.with_values({"VCA LEVEL": 90}) if other else INIT_TONE
        first = recording.take(INIT_TONE, 60, 127, 0.1, 1.0, lambda: None, second)
        take = recording.take(second, 64, 127, 0.1, 1.0)
        assert (first.verdict, take.verdict, take.noise_floor_dbfs) == ("ok", "ok", -200.0)
        assert take.onset_s == pytest.approx(0.02, abs=0.003)
        assert loads(port) == 1 + other
        return float(clock.now) - judging_s  # that of the second take, which nothing follows

    assert seconds(0.05) == pytest.approx(seconds(0.0), abs=0.002)


def test_the_next_tone_is_loaded_again_when_this_take_is_played_again(fakes: ModuleType) -> None:
    port = fakes.FakePort()
    recording = rig(port)
    second = INIT_TONE.with_values({"VCA LEVEL": 90})
    port.gain = 0.0
    assert recording.take(INIT_TONE, 60, 127, 0.1, 1.0, lambda: None, second).verdict == "silent"
    port.gain = 1.0
    again = recording.take(INIT_TONE, 60, 127, 0.1, 1.0, lambda: None, second)
    wanted = fakes.expected(60, 127, 127, 0.1, len(again.audio))
    np.testing.assert_allclose(again.audio, wanted, atol=1e-6)
    assert loads(port) == 4
