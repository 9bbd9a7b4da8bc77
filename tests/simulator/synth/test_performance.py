"""What is played beside keys, as a board plays it: bender, tuning, wheel, pressure, volume, hold."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from measure import one

from jxctl.protocol import bus
from jxctl.protocol.load_order import load_sequence
from jxctl.protocol.parameters import FIRST_ID, parameter
from jxctl.protocol.tone import Tone
from simulator.instrument.board import Board
from simulator.instrument.instrument import Instrument
from simulator.synth import load_profile, render
from simulator.synth._lanes import CUTOFF, GAIN, MIX1, MIX2
from simulator.synth.control import (
    NEVER,
    Notes,
    Voicing,
    from_registers,
    registers_at_power_up,
)
from simulator.synth.profile import Profile

RATE = 44100
TICK = 441
UP, DOWN = 127, 0


def settings_of(**registers: int) -> list[bus.Message]:
    """``PORTA_SW=127``: messages that set registers by name."""
    return [bus.SetParameter(parameter(name).id, value) for name, value in registers.items()]


def loaded(tone: np.ndarray, profile: str | Profile = "superjx", seed: int = 0, **registers: int) -> Board:
    """A board that holds a tone and other registers."""
    board = Board(profile, seed=seed)
    values = [bus.SetParameter(FIRST_ID + k, int(raw)) for k, raw in enumerate(tone[0])]
    board.receive(bus.encode([bus.SelectBoard("lower"), *values, *settings_of(**registers)]))
    return board


def send(board: Board, *messages: bus.Message) -> None:
    board.receive(bus.encode(list(messages)))


def frames(tone: np.ndarray, ticks: int = 100, **registers: int) -> tuple[np.ndarray, np.ndarray]:
    """Control frames of one voice, note 60 struck at tick 0: frequencies [2, ticks], levels [4, ticks]."""
    profile = load_profile()
    held = registers_at_power_up()
    held[:48] = tone[0]
    for name, value in registers.items():
        held[parameter(name).id - FIRST_ID] = value
    notes = Notes(*(np.array([value]) for value in (60, 127, 0, NEVER, 7)))
    frequencies, levels = Voicing(held[None, :48], notes, profile, from_registers(held, profile)).frames(
        0, ticks
    )
    return frequencies[:, 0], levels[:, 0]


def test_a_board_that_was_loaded_as_an_assigner_loads_it_plays_what_render_renders() -> None:
    """Load sequences write every performance register; none of them may change the sound."""
    tone = one(DCO1_LFO=20, VCF_LFO=30, VCF_FREQ=80, AFTER_VIB=127, AFTER_BRI=127, AFTER_VOL=127)
    board = Board()
    send(board, *load_sequence(Tone(bytes(tone[0]), b"TEST      ")), bus.VoiceOn(0, 60, 100))
    assert np.array_equal(board.render(8820)[0], render(tone, 60, 100, 10, 0.2)[0])


@pytest.mark.parametrize(("position", "semitones"), [(0, 2), (32, 3), (64, 4), (96, 7)])
def test_a_full_bend_plays_the_key_so_many_semitones_away(position: int, semitones: int) -> None:
    tone = one(DCO2_WF="square", MIX_DCO2=127, VCF_FREQ=90)
    for polarity, key in ((UP, 60 + semitones), (DOWN, 60 - semitones)):
        board = loaded(tone, BEND_RANGE=position, BENDER=127, BENDER_POLARITY=polarity)
        send(board, bus.VoiceOn(0, 60, 100))
        assert np.array_equal(board.render(8820)[0], render(tone, key, 100, 10, 0.2)[0])


def test_a_bent_pitch_is_a_whole_fraction_of_the_clock() -> None:
    """8 MHz / 4 for 8'; two semitones over middle C."""
    frequencies, _ = frames(one(), BENDER=127, BENDER_POLARITY=UP)
    counts = 8e6 / 4 / (440 * 2 ** ((62 - 69) / 12))
    assert np.all(frequencies[0] == 8e6 / 4 / round(counts))


def test_half_a_bend_is_half_the_range() -> None:
    plain, _ = frames(one(DCO1_RANGE="16'"))
    bent, _ = frames(one(DCO1_RANGE="16'"), BENDER=64, BENDER_POLARITY=UP, BEND_RANGE=96)
    assert 1200 * np.log2(bent[0, 0] / plain[0, 0]) == pytest.approx(700 * 64 / 127, abs=0.5)


def test_the_bender_moves_a_note_that_sounds() -> None:
    tone = one(DCO1_WF="square")
    board = loaded(tone)
    send(board, bus.VoiceOn(0, 69, 100))
    board.render(RATE // 2)
    send(board, *settings_of(BENDER=127, BENDER_POLARITY=UP, BEND_RANGE=96))
    board.render(TICK)
    assert hertz(board.render(RATE)[0]) == pytest.approx(440 * 2 ** (7 / 12), rel=1e-3)


def hertz(audio: np.ndarray) -> float:
    """Frequency of a square wave, from its rises."""
    rises = np.flatnonzero((audio[:-1] < 0) & (audio[1:] >= 0))
    exact = rises + audio[rises] / (audio[rises] - audio[rises + 1])
    return float((len(exact) - 1) / (exact[-1] - exact[0]) * RATE)


def test_master_tune_is_neutral_at_32_and_each_register_tunes_a_dco() -> None:
    """craigyjp's scale: from 2C to 41 is from 440 to 442 Hz (jx_hardware.md 2.5)."""
    tone = one(DCO1_RANGE="16'", DCO2_RANGE="16'")
    plain, _ = frames(tone)
    assert np.array_equal(frames(tone, MASTER_TUNE1=0x32, MASTER_TUNE2=0x32)[0], plain)
    low, high = frames(tone, MASTER_TUNE1=0x2C)[0], frames(tone, MASTER_TUNE1=0x41)[0]
    assert high[0, 0] / low[0, 0] == pytest.approx(442 / 440, abs=3e-4)
    assert np.array_equal(high[1], plain[1])
    second = frames(tone, MASTER_TUNE2=0x7F)[0]
    assert second[1, 0] > plain[1, 0]
    assert np.array_equal(second[0], plain[0])


def test_midi_volume_is_full_until_it_is_written_and_then_scales() -> None:
    tone = one()
    full = np.abs(board_audio(tone)).max()
    assert np.array_equal(board_audio(tone, MIDI_VOL=127), board_audio(tone))
    assert np.abs(board_audio(tone, MIDI_VOL=64)).max() == pytest.approx(full * 64 / 127, rel=1e-3)
    assert np.abs(board_audio(tone, MIDI_VOL=0)).max() == 0


def board_audio(tone: np.ndarray, **registers: int) -> np.ndarray:
    board = loaded(tone, **registers)
    send(board, bus.VoiceOn(0, 60, 100))
    return board.render(8820)[0]


SWING = {"LFO_RATE": 100, "LFO_WF": "triangle"}


def cents(frequencies: np.ndarray) -> float:
    """Half the way between the lowest and the highest pitch."""
    return float(600 * np.log2(frequencies.max() / frequencies.min()))


def test_the_wheel_deepens_vibrato_and_nothing_else() -> None:
    tone = one(DCO1_LFO=30, VCF_LFO=40, VCF_FREQ=70, **SWING)
    plain, levels = frames(tone, 200)
    swung, others = frames(tone, 200, MODULATION=127)
    own = 1200 * (30 / 127) ** 2
    assert cents(plain[0]) == pytest.approx(own, rel=0.05)
    assert cents(swung[0]) == pytest.approx(own + 100, rel=0.05)
    assert cents(plain[1]) == 0
    assert cents(swung[1]) == pytest.approx(100, rel=0.05)
    assert np.array_equal(levels, others)
    half = frames(tone, 200, MODULATION=64)[0]
    assert cents(plain[0]) < cents(half[0]) < cents(swung[0])


PRESSED: dict[str, int] = {"AFTERTOUCH": 127}


@pytest.mark.parametrize("effect", ["VIB", "BRI", "VOL"])
def test_pressure_does_one_thing_through_its_depth_and_its_switch(effect: str) -> None:
    depths = {f"AFTER_{effect}": 127, "VCF_FREQ": 64, **SWING}
    tone = one(**depths)
    switch = {f"AFTER_{effect}_SW": 127}
    plain, levels = frames(tone, 200)
    for neutral in (
        PRESSED,
        switch,
        {**PRESSED, **{f"AFTER_{other}_SW": 127 for other in ("VIB", "BRI", "VOL")}},
    ):
        depthless = one(VCF_FREQ=64, **SWING) if len(neutral) > 2 else tone
        same, same_levels = frames(depthless, 200, **neutral)
        assert np.array_equal(same, plain)
        assert np.array_equal(same_levels, levels)
    pressed, heard = frames(tone, 200, **PRESSED, **switch)
    lightly, little = frames(tone, 200, AFTERTOUCH=40, **switch)
    assert np.array_equal(heard[MIX1], levels[MIX1])
    assert np.array_equal(heard[MIX2], levels[MIX2])
    changed = {
        "VIB": not np.array_equal(pressed, plain),
        "BRI": not np.array_equal(heard[CUTOFF], levels[CUTOFF]),
        "VOL": not np.array_equal(heard[GAIN], levels[GAIN]),
    }
    assert changed == {name: name == effect for name in ("VIB", "BRI", "VOL")}
    if effect == "VIB":
        assert 0 == cents(plain) < cents(lightly) < cents(pressed)
    elif effect == "BRI":
        assert np.all((levels[CUTOFF] < little[CUTOFF]) & (little[CUTOFF] < heard[CUTOFF]))
    else:
        assert np.all((levels[GAIN] < little[GAIN]) & (little[GAIN] < heard[GAIN]))


def test_pressure_on_a_sounding_note_is_brighter_and_louder() -> None:
    tone = one(AFTER_BRI=127, AFTER_VOL=127, VCF_FREQ=50)
    board = loaded(tone, AFTER_BRI_SW=127, AFTER_VOL_SW=127)
    send(board, bus.VoiceOn(0, 48, 100))
    soft = board.render(RATE // 2)[0][RATE // 4 :]
    send(board, *settings_of(AFTERTOUCH=127))
    pressed = board.render(RATE // 2)[0][RATE // 4 :]
    assert np.std(pressed) > 1.5 * np.std(soft)
    assert brightness(pressed) > 1.5 * brightness(soft)


def brightness(audio: np.ndarray) -> float:
    """Centre of the spectrum, Hz."""
    level = np.abs(np.fft.rfft(audio * np.hanning(len(audio))))
    return float(np.sum(level * np.fft.rfftfreq(len(audio), 1 / RATE)) / np.sum(level))


def test_hold_keeps_released_voices_until_it_ends() -> None:
    """As if the key had gone up when the pedal did."""
    tone = one(ENV2_REL=40, ENV2_SUS=127)
    board = loaded(tone, HOLD_SW=127)
    send(board, bus.VoiceOn(0, 60, 100))
    parts = [board.render(20 * TICK)]
    send(board, bus.VoiceOff(0, 60))
    parts.append(board.render(30 * TICK))
    send(board, *settings_of(HOLD_SW=0))
    parts.append(board.render(50 * TICK))
    heard = np.concatenate(parts, axis=1)[0]
    assert np.array_equal(heard, render(tone, 60, 100, 0.5, 1.0)[0])


def test_hold_does_not_catch_what_was_released_nor_release_what_is_held() -> None:
    tone = one(ENV2_REL=40)
    board = loaded(tone)
    send(board, bus.VoiceOn(0, 60, 100), bus.VoiceOn(1, 64, 100))
    parts = [board.render(20 * TICK)]
    send(board, bus.VoiceOff(0, 60))
    parts.append(board.render(10 * TICK))
    send(board, *settings_of(HOLD_SW=127))
    parts.append(board.render(10 * TICK))
    send(board, *settings_of(HOLD_SW=0))
    parts.append(board.render(60 * TICK))
    heard = np.concatenate(parts, axis=1)[0]
    alone = [loaded(tone), loaded(tone)]
    send(alone[0], bus.VoiceOn(0, 60, 100))
    send(alone[1], bus.VoiceOn(1, 64, 100))
    first = alone[0].render(20 * TICK)
    send(alone[0], bus.VoiceOff(0, 60))
    first = np.concatenate([first, alone[0].render(80 * TICK)], axis=1)[0]
    assert np.abs(heard - first - alone[1].render(100 * TICK)[0]).max() < 1e-6


def test_silence_ends_what_hold_keeps() -> None:
    board = loaded(one(ENV2_REL=127), HOLD_SW=127)
    send(board, bus.VoiceOn(0, 60, 100), bus.VoiceOff(0, 60))
    assert np.abs(board.render(10 * TICK)).max() > 0
    send(board, *settings_of(SILENCE=127))
    board.render(4 * TICK)
    send(board, *settings_of(HOLD_SW=0))
    assert np.abs(board.render(10 * TICK)).max() == 0


def test_midi_bend_and_volume_are_heard_through_the_assigner() -> None:
    """The init patch of a virtual synth: range 2, bender on."""
    synth = Instrument("jx8p")
    synth.receive_midi(bytes((0x90, 69, 100)))
    plain = synth.render(RATE // 4)[0][RATE // 8 :]
    synth.receive_midi(bytes((0xE0, 0, 0)))
    synth.render(2 * TICK)
    bent = synth.render(RATE // 4)[0]
    assert hertz(bent) / hertz(plain) == pytest.approx(2 ** (-2 / 12), rel=2e-3)
    synth.receive_midi(bytes((0xE0, 0, 64, 0xB0, 7, 32)))
    synth.render(2 * TICK)
    quiet = synth.render(RATE // 4)[0]
    assert np.std(quiet) / np.std(plain) == pytest.approx(32 / 127, rel=0.02)


PERFORMANCE_IDS = st.sampled_from([*range(0xB0, 0xB6), *range(0xB7, 0xC0), 0xA3, 0x8C, 0x97])


@settings(max_examples=10, deadline=None)
@given(
    seed=st.integers(0, 1000),
    events=st.lists(st.tuples(PERFORMANCE_IDS, st.integers(0, 127), st.integers(0, 2000)), max_size=12),
    block=st.integers(50, 3000),
    free=st.booleans(),
)
def test_any_performance_sounds_the_same_in_any_blocks(
    seed: int, events: list[tuple[int, int, int]], block: int, free: bool
) -> None:
    tone = np.random.default_rng(seed).integers(0, 128, (1, 48), dtype=np.uint8)
    profile = load_profile()
    if free:
        profile = profile.replace(lfo_phase="free")
    heard = []
    for size in (100_000, block):
        board = loaded(tone, profile)
        parts = []
        for number, (id, value, samples) in enumerate(events):
            note = (
                bus.VoiceOff(number % 3, 0) if number % 4 == 3 else bus.VoiceOn(number % 3, 40 + number, 100)
            )
            send(board, bus.SetParameter(id, value), note)
            while samples > 0:
                parts.append(board.render(min(size, samples)))
                samples -= size
        parts.append(board.render(TICK))
        heard.append(np.concatenate(parts, axis=1))
    assert np.isfinite(heard[0]).all()
    assert np.array_equal(*heard)
