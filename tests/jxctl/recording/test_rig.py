"""A take: what is sent, what is recorded, and what is said about it."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pytest

from jxctl.errors import DeviceError, UsageError
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


def test_a_take_is_the_sound_from_note_on_with_all_that_repeats_it(fakes: ModuleType, fake_port: Any) -> None:
    tone = INIT_TONE.with_values({"VCA LEVEL": 100})
    take = rig(fake_port()).take(tone, 69, 90, gate_s=0.25, max_seconds=2.0)
    assert take.audio.dtype == np.float32
    wanted = fakes.expected(69, 90, 100, 0.25, len(take.audio))
    np.testing.assert_allclose(take.audio, wanted, atol=1e-6)
    assert (take.tone, take.note, take.velocity, take.gate_s) == (tone, 69, 90, 0.25)
    assert (take.max_seconds, take.port, take.sample_rate) == (2.0, "fake:", RATE)
    assert take.verdict == "ok"
    assert take.noise_floor_dbfs == -200.0
    assert take.peak_dbfs == pytest.approx(20 * np.log10(0.5 * 90 / 127 * 100 / 127), abs=0.1)
    assert take.onset_s is not None
    assert take.onset_s <= 2 / RATE


def test_the_tail_is_recorded_until_it_has_gone(fake_port: Any) -> None:
    take = rig(fake_port()).take(INIT_TONE, 69, 127, gate_s=0.1, max_seconds=4.0)
    # -6 dBFS falls 8.686 dB per 10 ms: under -90 dBFS after 97 ms, so the second 0.1 s is quiet.
    assert len(take.audio) == round(0.3 * RATE)
    assert take.tail_cut is False


def test_a_tail_that_outlasts_the_maximum_is_cut_and_says_so(fake_port: Any) -> None:
    take = rig(fake_port()).take(INIT_TONE, 69, 127, gate_s=0.1, max_seconds=0.15)
    assert len(take.audio) == round(0.15 * RATE)
    assert take.tail_cut is True
    assert take.verdict == "ok"


def test_a_take_without_a_tail(fake_port: Any) -> None:
    take = rig(fake_port()).take(INIT_TONE, 69, 127, gate_s=0.1, max_seconds=0.1)
    assert len(take.audio) == round(0.1 * RATE)
    assert take.tail_cut is True


def test_the_onset_holds_the_latency_and_the_late_sound_is_waited_for(fake_port: Any) -> None:
    late = round(0.3 * RATE)
    take = rig(fake_port(latency=late)).take(INIT_TONE, 69, 127, gate_s=0.1, max_seconds=2.0)
    assert take.verdict == "ok"
    assert take.onset_s is not None
    assert take.onset_s * RATE == pytest.approx(late, abs=2)
    assert len(take.audio) > late + 0.1 * RATE
    assert take.tail_cut is False


def test_the_noise_floor_is_measured_and_ends_the_tail(fake_port: Any) -> None:
    take = rig(fake_port(noise=0.001)).take(INIT_TONE, 69, 127, gate_s=0.5, max_seconds=4.0)
    assert take.noise_floor_dbfs == pytest.approx(-60, abs=1)
    assert take.verdict == "ok"
    assert take.tail_cut is False
    # -9 dBFS RMS falls to 6 dB over the floor within 52 ms: a step of 0.1 s and a quiet one.
    assert len(take.audio) == round(0.7 * RATE)


@pytest.mark.parametrize(
    ("until_s", "longest_s", "seconds", "cut"),
    [(None, 2.0, 0.3, False), (0.95, 2.0, 1.0, False), (0.95, 0.8, 0.8, True)],
)
def test_a_tail_that_comes_back_is_waited_for(
    fakes: Any, until_s: float | None, longest_s: float, seconds: float, cut: bool
) -> None:
    class Back(fakes.Known):  # type: ignore[misc]
        def lasts_s(self, *asked: object) -> float | None:
            assert asked[:5] == (INIT_TONE, 69, 127, 0.1, longest_s)
            return until_s

    port = fakes.FakePort()
    recording = Rig(Synth(port), port, expected=Back())
    recording.latency = Latency(0.0, 0.01)
    take = recording.take(INIT_TONE, 69, 127, 0.1, longest_s)
    assert take.seconds == pytest.approx(seconds)
    assert take.tail_cut is cut


@pytest.mark.parametrize("noise", [0.0, 0.001])
def test_a_tone_that_does_not_sound_is_silent(fake_port: Any, noise: float) -> None:
    tone = INIT_TONE.with_values({"VCA LEVEL": 0})
    take = rig(fake_port(noise=noise)).take(tone, 69, 100, gate_s=0.1)
    assert take.verdict == "silent"
    assert take.onset_s is None
    assert take.tail_cut is False


def test_a_sound_at_full_scale_is_clipped(fake_port: Any) -> None:
    assert rig(fake_port(gain=1.9)).take(INIT_TONE, 69, 127).verdict == "ok"
    take = rig(fake_port(gain=2.1)).take(INIT_TONE, 69, 127)
    assert take.verdict == "clipped"
    assert take.peak_dbfs == 0.0


class Card:
    """A sound card in front of a fake port. ``losses``: the listens in which audio is lost.

    Sound that arrived while nobody listened is heard first, unless it is caught up.
    """

    def __init__(self, port: Any, losses: set[int]) -> None:
        self.sample_rate = RATE
        self.dropouts = 0
        self.stale = np.ones(RATE, dtype=np.float32)
        self._port = port
        self._losses = losses
        self._listens = 0

    def listen(self, seconds: float) -> np.ndarray:
        count = round(seconds * RATE)
        if self.stale.size:
            heard, self.stale = self.stale[:count], self.stale[count:]
            return np.resize(heard, count)
        self._listens += 1
        self.dropouts += self._listens in self._losses
        return np.asarray(self._port.listen(seconds))

    def catch_up(self) -> None:
        self.stale = self.stale[:0]

    def arrive_unheard(self) -> None:
        """Loud stale sound."""
        self.stale = np.ones(RATE, dtype=np.float32)


def test_lost_audio_makes_a_take_untrusted_and_its_onset_unknown(fake_port: Any) -> None:
    port = fake_port()
    card = Card(port, losses={3})
    heard = Rig(Synth(port), card).take(INIT_TONE, 69, 127, gate_s=0.1)
    assert heard.verdict == "dropped audio"
    assert heard.onset_s is None
    assert Rig(Synth(port), card).take(INIT_TONE, 69, 127, gate_s=0.1).verdict == "ok"


def test_audio_lost_before_the_note_does_not_count_and_stale_sound_is_not_heard(fake_port: Any) -> None:
    port = fake_port()
    take = Rig(Synth(port), Card(port, losses={1})).take(INIT_TONE, 69, 127, gate_s=0.1)
    assert take.verdict == "ok"
    assert take.noise_floor_dbfs == -200.0


def test_sound_that_arrived_while_a_tone_was_loaded_or_a_note_sent_is_not_heard(fake_port: Any) -> None:
    port = fake_port()
    card = Card(port, losses=set())
    sounds: list[int] = []
    real = port.write

    def write(data: bytes) -> None:
        sounds.append(port.listened)
        real(data)
        # Loading takes a while on a real bus, and voice on comes right after the floor.
        if 0x9E in data:
            card.arrive_unheard()

    port.write = write
    take = Rig(Synth(port), card).take(INIT_TONE, 69, 127, gate_s=0.1)
    assert (take.noise_floor_dbfs, take.verdict) == (-200.0, "ok")
    loaded, played = sounds[:2]
    assert loaded == 0
    assert played >= loaded + 0.06 * RATE, "the slowest control loop has seen the tone (1)"


def test_every_take_begins_in_silence_and_ends_silenced(fake_port: Any) -> None:
    port = fake_port()
    recording = rig(port)
    first = recording.take(INIT_TONE, 69, 127, gate_s=0.1, max_seconds=0.1)
    assert not np.any(port.listen(0.1)), "the cut tail no longer sounds"
    second = recording.take(INIT_TONE, 69, 127, gate_s=0.1, max_seconds=0.1)
    np.testing.assert_array_equal(first.audio, second.audio)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), DeviceError("gone")])
def test_an_interrupted_take_leaves_no_note_hanging(fake_port: Any, error: BaseException) -> None:
    port = fake_port()
    card = Card(port, losses=set())
    real = card.listen

    def listen(seconds: float) -> np.ndarray:
        if b"\xc0" in port.sent:
            raise error
        return real(seconds)

    card.listen = listen  # type: ignore[method-assign]
    with pytest.raises(type(error)):
        Rig(Synth(port), card).take(INIT_TONE, 69, 127)
    assert not np.any(port.listen(0.1))


@pytest.mark.parametrize("broken", [np.zeros(0), np.full(800, np.nan), np.full(800, np.inf)])
def test_an_input_that_delivers_no_numbers_is_a_device_error(fake_port: Any, broken: np.ndarray) -> None:
    port = fake_port()
    card = Card(port, losses=set())
    card.listen = lambda seconds: broken.astype(np.float32)  # type: ignore[method-assign]
    with pytest.raises(DeviceError, match="not numbers"):
        Rig(Synth(port), card).take(INIT_TONE, 69, 127)


@pytest.mark.parametrize(
    ("asked", "word"),
    [
        ({"note": 128}, "128"),
        ({"note": -1}, "-1"),
        ({"velocity": 0}, "velocity is 0"),
        ({"velocity": 128}, "128"),
        ({"gate_s": 0.0}, "gate of 0 s"),
        ({"gate_s": float("nan")}, "nan"),
        ({"gate_s": 5.0}, "5 s does not fit"),
        ({"max_seconds": float("inf")}, "inf"),
    ],
)
def test_what_cannot_be_asked_for_sends_nothing(fake_port: Any, asked: dict[str, Any], word: str) -> None:
    port = fake_port()
    with pytest.raises(UsageError, match=word):
        rig(port).take(INIT_TONE, **({"note": 60} | asked))
    assert port.sent == b""
