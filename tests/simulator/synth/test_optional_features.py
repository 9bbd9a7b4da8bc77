"""What a profile can turn on: a free LFO, stepless pitch, spread, drift and a noise floor."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from measure import one

from jxctl.protocol import bus
from jxctl.protocol.parameters import FIRST_ID
from simulator.instrument.board import Board, Playing
from simulator.synth import load_profile, render
from simulator.synth._lanes import CUTOFF, GAIN, MIX1, MIX2
from simulator.synth.control import NEVER, Notes, Voicing
from simulator.synth.profile import Profile
from simulator.synth.random import mix_seed

TICK_S = 0.01
VOICES = 6


def turned_on(**values: float | str) -> Profile:
    """superjx with some constants and choices of its own."""
    return load_profile().replace(**values)


def loaded(tone: np.ndarray, profile: Profile, seed: int = 0) -> Board:
    board = Board(profile, seed=seed)
    values = [bus.SetParameter(FIRST_ID + k, int(raw)) for k, raw in enumerate(tone[0])]
    board.receive(bus.encode([bus.SelectBoard("lower"), *values]))
    return board


def six(tone: np.ndarray, profile: Profile, struck: list[int], seed: int = 0) -> Playing:
    """Six voices with the same key, struck at these ticks."""
    playing = Playing(profile, seed)
    for column, raw in enumerate(tone[0]):
        playing.set(FIRST_ID + column, int(raw), 0)
    for voice, tick in enumerate(struck):
        playing.strike(voice, 60, 127, tick)
    return playing


def frames(playing: Playing, first: int, ticks: int) -> tuple[np.ndarray, np.ndarray]:
    tones = np.tile(playing.registers[:48], (VOICES, 1))
    return Voicing(tones, playing.notes, playing.profile, playing.performance()).frames(first, ticks)


@settings(max_examples=25)
@given(seed=st.integers(0, 10_000), cut=st.integers(1, 79))
def test_any_range_of_ticks_is_part_of_the_whole(seed: int, cut: int) -> None:
    rng = np.random.default_rng(seed)
    tones = rng.integers(0, 128, (8, 48), dtype=np.uint8)
    notes = Notes(*(rng.integers(0, high, 8) for high in (128, 128, 40, 80, 2**32)))
    profile = turned_on(drift_cutoff=0.5, drift_time=0.1, lfo_phase="free")
    voicing = Voicing(tones, notes, profile)
    whole = voicing.frames(0, 80)
    parts = voicing.frames(0, cut), voicing.frames(cut, 80 - cut)
    for k in range(2):
        assert np.array_equal(whole[k], np.concatenate([part[k] for part in parts], axis=2))


@pytest.mark.parametrize("wave", ["random", "square", "triangle"])
def test_a_free_lfo_is_one_for_all_voices_and_one_of_the_key_is_not(wave: str) -> None:
    tone = one(LFO_RATE=70, LFO_WF=wave, VCF_LFO=80, VCF_FREQ=64)
    struck = [0, 13, 29, 40, 57, 71]
    free = frames(six(tone, turned_on(lfo_phase="free"), struck), 100, 300)[1][CUTOFF]
    assert np.ptp(free, axis=0).max() == 0
    assert np.ptp(free) > 0
    keyed = frames(six(tone, load_profile(), struck), 100, 300)[1][CUTOFF]
    assert np.all(np.ptp(keyed, axis=0)[:50].max() > 0)


def test_the_delay_of_a_free_lfo_counts_from_each_key() -> None:
    tone = one(LFO_RATE=100, LFO_WF="triangle", LFO_DELAY=40, VCF_LFO=80, VCF_FREQ=64)
    delay = 4 * (40 / 127) ** 2
    levels = frames(six(tone, turned_on(lfo_phase="free"), [0, 100] * 3), 0, 400)[1][CUTOFF]
    for voice, key in ((0, 0), (1, 100)):
        swings = np.flatnonzero(levels[voice] != levels[voice, 0]) + 1
        assert swings[0] * TICK_S == pytest.approx(key * TICK_S + delay, abs=2 * TICK_S)
    assert np.array_equal(levels[0, 300:], levels[1, 300:])


def test_a_free_lfo_goes_on_from_where_it_is_when_its_rate_changes() -> None:
    tone = one(LFO_RATE=40, LFO_WF="triangle", VCF_LFO=127, VCF_FREQ=64)
    playing = six(tone, turned_on(lfo_phase="free"), [0] * VOICES)
    before = np.log2(frames(playing, 0, 1000)[1][CUTOFF, 0])
    playing.set(0xA3, 41, 1000)
    after = np.log2(frames(playing, 1000, 1000)[1][CUTOFF, 0])
    most = 4 * 4 * 0.1 * 200 ** (41 / 127) * TICK_S  # a triangle of 4 octaves each way: 16 a turn
    assert np.abs(np.diff([*before, *after])).max() < most * 1.01


def test_a_board_with_a_free_lfo_plays_what_render_plays() -> None:
    profile = turned_on(lfo_phase="free")
    tone = one(LFO_RATE=90, LFO_WF="random", VCF_LFO=60, DCO1_LFO=30, VCF_FREQ=64)
    board = loaded(tone, profile, seed=5)
    board.receive(bus.encode([bus.VoiceOn(0, 60, 100)]))
    first = board.render(22050)
    board.receive(bus.encode([bus.VoiceOff(0, 60)]))
    heard = np.concatenate([first, board.render(22050)], axis=1)[0]
    assert np.array_equal(heard, render(tone, 60, 100, 0.5, 1.0, seed=5, profile=profile)[0])


def test_without_stepping_any_pitch_can_be_had() -> None:
    note = 96
    wanted = 440 * 2 ** ((note + 24 - 69) / 12)
    tone = one(DCO1_RANGE="2'")
    notes = Notes(*(np.array([value]) for value in (note, 127, 0, NEVER, 7)))
    stepped = Voicing(tone, notes, load_profile()).frames(0, 1)[0][0, 0, 0]
    free = Voicing(tone, notes, turned_on(divider_stepping="off")).frames(0, 1)[0][0, 0, 0]
    assert free == pytest.approx(wanted, rel=1e-12)
    assert stepped == 8e6 / round(8e6 / wanted)
    assert abs(stepped / wanted - 1) > 1e-6


SPREADS = {
    "spread_cutoff": 0.3, "spread_resonance": 0.2, "spread_envelope": 0.2, "spread_gain": 0.1,
    "spread_pulse_width": 0.05, "spread_hpf": 0.2,
}  # fmt: skip


def test_voices_are_alike_unless_a_profile_says_otherwise() -> None:
    profile = load_profile()
    assert [profile.constant(name) for name in SPREADS] == [0] * len(SPREADS)
    frequencies, levels = frames(six(one(VCF_FREQ=60), profile, [0] * VOICES), 0, 50)
    assert np.ptp(frequencies, axis=1).max() == 0
    assert np.ptp(levels, axis=1).max() == 0


@pytest.mark.parametrize(
    ("kind", "row", "tone"),
    [
        ("cutoff", CUTOFF, {"VCF_FREQ": 60}),
        ("gain", GAIN, {}),
        ("envelope", GAIN, {"ENV2_ATT": 110}),
    ],
)
def test_spread_in_the_frames_differs_by_voice_within_its_bound(
    kind: str, row: int, tone: dict[str, int | str]
) -> None:
    profile = turned_on(**{f"spread_{kind}": SPREADS[f"spread_{kind}"]})
    spread = frames(six(one(**tone), profile, [0] * VOICES), 0, 50)[1]
    plain = frames(six(one(**tone), load_profile(), [0] * VOICES), 0, 50)[1]
    assert len(np.unique(spread[row, :, 20])) == VOICES
    for other in {CUTOFF, GAIN, MIX1, MIX2} - {row}:
        assert np.array_equal(spread[other], plain[other])
    ratio = spread[row, :, 20] / plain[row, :, 20]
    # An attack is a cube root: a fifth longer is 6 % lower.
    most = {"cutoff": 2**0.3, "gain": 1.1, "envelope": 0.8 ** (-1 / 3)}[kind]
    assert np.all((ratio > 1 / most - 0.04) & (ratio < most * 1.001))
    assert np.array_equal(spread, frames(six(one(**tone), profile, [0] * VOICES), 0, 50)[1])
    assert not np.array_equal(spread, frames(six(one(**tone), profile, [0] * VOICES, seed=1), 0, 50)[1])


@pytest.mark.parametrize(
    ("kind", "tone", "by_voice"),
    [
        ("pulse_width", {"DCO1_WF": "pulse"}, True),
        ("resonance", {"VCF_RES": 100, "VCF_FREQ": 70}, True),
        ("hpf", {"HPF_FREQ": "3"}, False),
    ],
)
def test_spread_of_the_analogue_parts_is_heard(kind: str, tone: dict[str, int | str], by_voice: bool) -> None:
    """The high-pass filter is common to a board's voices; the other parts are not."""
    profile = turned_on(**{f"spread_{kind}": SPREADS[f"spread_{kind}"]})
    heard = []
    for voice in range(3):
        board = loaded(one(**tone), profile)
        board.receive(bus.encode([bus.VoiceOn(voice, 48, 100)]))
        heard.append(board.render(4410)[0])
    assert np.array_equal(heard[0], heard[1]) != by_voice
    assert np.array_equal(heard[0], render(one(**tone), 48, 100, 10, 0.1, profile=profile)[0])
    assert not np.array_equal(heard[0], render(one(**tone), 48, 100, 10, 0.1)[0])


def test_drift_is_slow_bounded_and_of_the_cutoff_alone() -> None:
    profile = turned_on(drift_cutoff=0.25, drift_time=2.0)
    tone = one(VCF_FREQ=60)
    frequencies, levels = frames(six(tone, profile, [0] * VOICES), 0, 3000)
    plain, still = frames(six(tone, load_profile(), [0] * VOICES), 0, 3000)
    assert np.array_equal(frequencies, plain)
    away = np.log2(levels[CUTOFF] / still[CUTOFF])
    assert np.abs(away).max() <= 0.25 + 1e-6
    assert np.all(np.ptp(away, axis=1) > 0.1)
    # From one turning point to the next at most 0.5, over 200 ticks, 1.5 times as fast in the middle.
    assert np.abs(np.diff(away, axis=1)).max() < 1.5 * 0.5 / 200 * 1.05
    assert np.corrcoef(away)[0, 1] < 0.9
    for row in (GAIN, MIX1, MIX2):
        assert np.array_equal(levels[row], still[row])


def test_the_noise_floor_has_its_level_at_each_output_and_is_not_there_by_default() -> None:
    assert np.abs(Board().render(1000)).max() == 0
    heard = Board(turned_on(noise_floor=-60.0), seed=3).render(44100).astype(np.float64)
    for output in heard:
        assert 20 * np.log10(np.std(output)) == pytest.approx(-60, abs=0.1)
        assert np.abs(output).max() <= 10**-3 * 3**0.5 * 1.001
        assert abs(np.mean(output)) < 3e-5
    assert abs(np.corrcoef(heard)[0, 1]) < 0.03
    spectrum = np.abs(np.fft.rfft(heard[0])) ** 2
    halves = [spectrum[1:11025].mean(), spectrum[11025:].mean()]
    assert halves[0] / halves[1] == pytest.approx(1, abs=0.1)


def test_the_noise_floor_is_the_same_in_any_blocks_and_differs_by_seed() -> None:
    profile = turned_on(noise_floor=-60.0)
    whole = Board(profile, seed=3).render(5000)
    board = Board(profile, seed=3)
    parts = [board.render(size) for size in (1, 440, 441, 1000, 3118)]
    assert np.array_equal(whole, np.concatenate(parts, axis=1))
    assert not np.array_equal(whole, Board(profile, seed=4).render(5000))


def test_render_has_the_noise_floor_of_its_seeds_whatever_is_beside_it() -> None:
    """What it adds is the mean of both outputs of a board with that seed."""
    profile = turned_on(noise_floor=-50.0)
    tones = np.repeat(one(), 3, axis=0)
    noisy = render(tones, seconds=0.1, profile=profile, seed=[3, 4, 3])
    quiet = render(tones, seconds=0.1, seed=[3, 4, 3])
    assert np.array_equal(noisy[0], noisy[2])
    assert np.array_equal(noisy[1], render(tones[:1], seconds=0.1, profile=profile, seed=4)[0])
    floor = Board(profile, seed=3).render(4410).mean(axis=0)
    assert np.abs(noisy[0] - quiet[0] - floor).max() < 1e-6


def test_neighbouring_seeds_share_nothing() -> None:
    """`mix_seed` keys all of the above."""
    keys = mix_seed(np.arange(2000)[:, None], np.arange(8))
    assert len(np.unique(keys)) == keys.size
    bits = (keys[..., None] >> np.arange(32)) & 1
    assert np.abs(bits.mean(axis=(0, 1)) - 0.5).max() < 0.02


def test_the_noise_floor_is_as_loud_and_the_same_when_oversampled() -> None:
    profile = turned_on(noise_floor=-60.0)
    silent = one(MIX_DCO1=0, MIX_DCO2=0)
    plain, fine = (
        render(silent, seconds=0.5, profile=profile, stereo=True, oversample=times)[0] for times in (1, 4)
    )
    assert 20 * np.log10(np.std(fine, axis=1)) == pytest.approx([-60, -60], abs=0.2)
    assert np.array_equal(plain, fine)
