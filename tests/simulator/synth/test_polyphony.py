"""Many voices are the sum of the same voices alone, on one board and on two."""

from __future__ import annotations

import numpy as np
import pytest

from jxctl.protocol import bus
from jxctl.protocol.bank import Bank
from jxctl.protocol.parameters import parameter
from jxctl.protocol.patch import Patch
from jxctl.protocol.tone import INIT_TONE, Tone
from simulator.instrument.board import Board
from simulator.instrument.instrument import Instrument
from simulator.instrument.memory import Memory

SAMPLES = 11025
NOTES = (36, 43, 52, 60, 67, 79)


def load(seed: int, chorus: str) -> bytes:
    """Bus bytes that load a random tone which does not fade at once."""
    values = np.random.default_rng(seed).integers(0, 128, 48, dtype=np.uint8)
    tone = Tone(values.tobytes()).with_values(
        {"CHORUS": chorus, "VCA LEVEL": 127, "ENV2 ATT": 20, "ENV2 SUS": 90}
    )
    messages = [bus.SetParameter(0x80 + k, raw) for k, raw in enumerate(tone.values)]
    return bus.encode([bus.SelectBoard("both"), *messages])


def heard(tone: bytes, voices: tuple[int, ...]) -> np.ndarray:
    """A board's left and right while some voices play their notes; half of them are let go on the way."""
    board = Board(seed=5)
    board.receive(tone + bus.encode([bus.VoiceOn(k, NOTES[k], 40 + 15 * k) for k in voices]))
    first = board.render(SAMPLES)
    board.receive(bus.encode([bus.VoiceOff(k, NOTES[k]) for k in voices if k % 2]))
    return np.concatenate([first, board.render(SAMPLES)], axis=1)


@pytest.mark.parametrize("seed", range(4))
def test_six_voices_are_the_sum_of_each_alone(seed: int) -> None:
    """Without chorus to the last bit, as long as they are added in the board's order."""
    tone = load(seed, "off")
    total = heard(tone, (0,))
    assert total.any()
    for voice in range(1, 6):
        alone = heard(tone, (voice,))
        assert alone.any()
        total += alone
    assert np.array_equal(heard(tone, tuple(range(6))), total)


@pytest.mark.parametrize("chorus", ["1", "2"])
def test_the_chorus_adds_nothing_that_one_voice_has_not(chorus: str) -> None:
    """It is linear: -120 dB is what is left of rounding."""
    tone = load(1, chorus)
    together = heard(tone, tuple(range(6))).astype(np.float64)
    alone = np.sum([heard(tone, (voice,)).astype(np.float64) for voice in range(6)], axis=0)
    assert np.abs(together - alone).max() < 1e-6 * np.abs(together).max()
    assert not np.array_equal(together[0], together[1])


@pytest.mark.parametrize("chorus", ["off", "2"])
def test_twelve_voices_on_two_boards_are_the_sum_of_each_alone(chorus: str) -> None:
    tone = INIT_TONE.with_values({"DCO1 WF": "pulse", "VCF FREQ": 80, "VCF RES": 60, "CHORUS": chorus})
    patch = Patch.init().with_tones(0, 0).with_values({"KEY MODE": "whole upper"})
    tapped = bytearray()
    memory = Memory("mks70", Bank("mks70", {0: patch}, {0: tone}))
    synth = Instrument("mks70", memory=memory, seed=9, tap=tapped.extend)
    for k in range(12):
        synth.receive_midi(bytes((0x90, 40 + 3 * k, 100)))
    together = synth.render(SAMPLES)

    messages = bus.decode(bytes(tapped))[0]
    strikes = [k for k, message in enumerate(messages) if isinstance(message, bus.VoiceOn)]
    assert len(strikes) == 12
    total = np.zeros((2, SAMPLES))
    sounding = set()
    for strike in strikes:
        alone = bus.encode([m for k, m in enumerate(messages) if k == strike or k not in strikes])
        for index, name in enumerate(("lower", "upper")):
            board = Board(seed=9 + index, name=name)
            board.receive(alone)
            sound = board.render(SAMPLES)
            total += sound
            sounding |= {(name, strike)} if sound.any() else set()
    assert len(sounding) == 12  # each strike sounds, on one board only
    assert {name for name, _ in sounding} == {"lower", "upper"}
    assert np.abs(together - total).max() < 1e-6 * np.abs(total).max()


def test_a_silent_voice_is_exactly_silent() -> None:
    board = Board()
    board.receive(load(2, "off"))
    assert not board.render(SAMPLES).any()
    board.receive(bus.encode([bus.VoiceOn(3, 60, 100)]))
    assert board.render(SAMPLES).any()
    board.receive(bus.encode([bus.SetParameter(parameter("SILENCE").id, 127)]))
    board.render(2 * 441)
    assert not board.render(SAMPLES).any()
