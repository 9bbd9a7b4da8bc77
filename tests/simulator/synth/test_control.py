"""The control loop against plain scalar forms: envelopes, mixer, routing, LFO, dynamics."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from measure import one
from plain_control import Laws, control_frame

from jxctl.protocol.parameters import parameter
from simulator.synth import Profile, load_profile, render
from simulator.synth._lanes import CUTOFF, GAIN, MIX1, MIX2
from simulator.synth.control import NEVER, Notes, Voicing

TICK = 0.010
RAW = st.integers(0, 127)


def play(note: int = 60, velocity: int = 127, off: int = NEVER) -> Notes:
    """One voice, struck at tick 0."""
    return Notes(*(np.array([value]) for value in (note, velocity, 0, off, 7)))


def seconds(raw: int, low: float, high: float) -> float:
    """superjx: times are exponential in the raw value (assumed)."""
    return float(low * (high / low) ** (raw / 127))


def plain_envelope(x: float, x_a: float, x_d: float, y_s: float, x_r: float, key_up: float) -> float:
    """Thesis eq. 4.11 and 4.12, as printed, for one moment; the release starts where the key went up."""

    def g(x: float, y: float, z: float) -> float:
        return ((x - y) / (z - y)) ** 3 * (z - y) + y if z != y else y

    def until_release(x: float) -> float:
        if x <= x_a:
            return float(np.cbrt(x / x_a))
        if x <= x_a + x_d:
            return g((y_s - 1) / x_d * (x - x_a) + 1, y_s, 1.0)
        return y_s

    if x <= key_up:
        return until_release(x)
    level = until_release(key_up)
    into = (x - key_up) / x_r
    return g(level - level * into, 0.0, level) if into < 1 and level > 0 else 0.0


@given(attack=RAW, decay=RAW, sustain=RAW, release=RAW, key_up=st.integers(1, 150))
def test_envelopes_are_eq_4_11(attack: int, decay: int, sustain: int, release: int, key_up: int) -> None:
    """Exactly, at the end of every tick; so within one tick at any moment between."""
    tone = one(ENV2_ATT=attack, ENV2_DECY=decay, ENV2_SUS=sustain, ENV2_REL=release)
    profile = load_profile()
    _, levels = Voicing(tone, play(off=key_up), profile).frames(0, 200)
    expected = [
        plain_envelope(
            (k + 1) * TICK, seconds(attack, 0.002, 10), seconds(decay, 0.005, 25), sustain / 127,
            seconds(release, 0.005, 25), key_up * TICK,
        )
        for k in range(200)
    ]  # fmt: skip
    gain = levels[GAIN, 0] / profile.constant("voice_gain")
    assert np.abs(gain - np.array(expected)).max() < 1e-5


def test_the_level_of_the_audio_follows_the_envelope(open_profile: Profile) -> None:
    """A square wave through an open filter: its RMS in each tick is the envelope at the tick's end."""
    tone = one(DCO1_WF="square", ENV2_ATT=80, ENV2_DECY=70, ENV2_SUS=40, ENV2_REL=70)
    audio = render(tone, 100, 127, 1.0, 2.0, profile=open_profile)[0].astype(np.float64)
    rms = np.sqrt(np.mean(audio.reshape(200, 441) ** 2, axis=1))
    times = (np.arange(200) + 1) * TICK
    shape = np.array(
        [
            plain_envelope(
                x, seconds(80, 0.002, 10), seconds(70, 0.005, 25), 40 / 127, seconds(70, 0.005, 25), 1.0
            )
            for x in times
        ]
    )
    ratio = rms[shape > 0.02] / shape[shape > 0.02]
    assert np.abs(ratio / np.median(ratio) - 1).max() < 0.03


@given(mix1=RAW, mix2=RAW, depth=RAW, mode=st.integers(0, 3), tick=st.integers(0, 100))
def test_the_thesis_mixer_is_eq_4_6(mix1: int, mix2: int, depth: int, mode: int, tick: int) -> None:
    tone = one(
        MIX_DCO1=mix1, MIX_DCO2=mix2, MIX_ENV=depth, MIX_MODE=32 * mode, ENV1_ATT=60, ENV2_ATT=90, ENV1_SUS=30
    )
    _, levels = Voicing(tone, play(), load_profile("thesis")).frames(tick, 1)
    envelope = plain_envelope(
        (tick + 1) * TICK, seconds(60 if mode >= 2 else 90, 0.002, 10), 0.005,
        (30 if mode >= 2 else 127) / 127, 1.0, 1e9,
    )  # fmt: skip
    env = envelope if mode % 2 else 1 - envelope
    amount = depth / 127
    assert levels[MIX1, 0, 0] == pytest.approx(mix1 / 127 * ((1 - amount) + amount * env), abs=1e-5)
    assert levels[MIX2, 0, 0] == pytest.approx(mix2 / 127 * ((1 - amount) + amount * (1 - env)), abs=1e-5)


def test_the_hardware_mixer_envelope_leaves_dco1_alone() -> None:
    tone = one(MIX_DCO1=100, MIX_DCO2=100, MIX_ENV=127, MIX_MODE="ENV-1", ENV1_ATT=80)
    _, levels = Voicing(tone, play(), load_profile()).frames(0, 50)
    assert np.ptp(levels[MIX1]) == 0
    assert levels[MIX2, 0, 0] < levels[MIX2, 0, -1] / 2


@pytest.mark.parametrize(
    ("mode", "sign", "attack"),
    [
        ("ENV-1", 1, "ENV1"),
        ("ENV-1 inverted", -1, "ENV1"),
        ("ENV-2", 1, "ENV2"),
        ("ENV-2 inverted", -1, "ENV2"),
    ],
)
def test_routing_and_polarity_of_pitch_and_filter(mode: str, sign: int, attack: str) -> None:
    """The selected envelope (slow) moves pitch and cutoff; the other one is full at once."""
    changes = {f"{attack} ATT".replace(" ", "_"): 90, "DCO_MODE": mode, "VCF_MODE": mode}
    tone = one(DCO1_ENV=40, VCF_ENV=20, VCF_FREQ=64, **changes)
    frequencies, levels = Voicing(tone, play(), load_profile()).frames(0, 20)
    assert np.all(sign * np.diff(frequencies[0, 0]) > 0)
    assert np.all(sign * np.diff(levels[CUTOFF, 0]) > 0)
    assert np.ptp(frequencies[1]) == 0


@pytest.mark.parametrize("switch", ["VCF DYNA", "DCO DYNA", "MIX DYNA", "VCA DYNA"])
def test_dynamics_scale_by_the_manuals_curves(switch: str) -> None:
    profile = load_profile()
    for position, at_half in enumerate((1.0, 0.57, 0.50, 0.25)):
        tone = one(**{switch.replace(" ", "_"): 32 * position})
        # Velocity 63.5 would be one half; 63 and 64 lie on either side.
        factors = profile.dynamics(np.concatenate([tone, tone]), switch, np.array([63, 64]))
        assert factors.mean() == pytest.approx(at_half, abs=0.001)
        assert profile.dynamics(tone, switch, np.array([127]))[0] == pytest.approx(1)


def test_env_key_follow_halves_times_where_the_manual_says() -> None:
    """KEY 1: half the time at the top key (96) against the lowest (36)."""
    tone = one(ENV2_ATT=100, ENV2_KEY="1")
    low = Voicing(tone, play(note=36), load_profile()).voices["attack2"][0]
    high = Voicing(tone, play(note=96), load_profile()).voices["attack2"][0]
    assert high / low == pytest.approx(0.5)


def test_the_lfo_waits_then_swings_at_its_rate() -> None:
    tone = one(LFO_RATE=90, LFO_DELAY=60, DCO1_LFO=40, LFO_WF="triangle")
    frequencies, _ = Voicing(tone, play(), load_profile()).frames(0, 1000)
    cents = 1200 * np.log2(frequencies[0, 0] / frequencies[0, 0, 0])
    delay = 4 * (60 / 127) ** 2
    before = np.arange(1, 1001) * TICK <= delay
    assert np.all(cents[before] == 0)
    swinging = cents[round(1.6 * delay / TICK) :]
    assert swinging.max() == pytest.approx(1200 * (40 / 127) ** 2, rel=0.05)
    rises = np.flatnonzero((swinging[:-1] < 0) & (swinging[1:] >= 0))
    rate = (len(rises) - 1) / ((rises[-1] - rises[0]) * TICK)
    assert rate == pytest.approx(0.1 * 200 ** (90 / 127), rel=0.02)


def test_the_random_lfo_holds_a_value_a_cycle_and_differs_by_seed() -> None:
    tone = one(LFO_RATE=64, VCF_LFO=127, VCF_FREQ=64, LFO_WF="random")
    _, first = Voicing(tone, play(), load_profile()).frames(0, 500)
    other = Notes(*(np.array([value]) for value in (60, 127, 0, NEVER, 8)))
    _, second = Voicing(tone, other, load_profile()).frames(0, 500)
    cycles = 500 * TICK * 0.1 * 200 ** (64 / 127)
    assert len(np.unique(first[CUTOFF])) == int(cycles) + 1
    assert not np.array_equal(first[CUTOFF], second[CUTOFF])


def test_the_vca_gate_is_on_while_the_key_is_down() -> None:
    tone = one(VCA_MODE="gate", ENV2_ATT=127)
    _, levels = Voicing(tone, play(off=20), load_profile()).frames(0, 40)
    assert np.all(levels[GAIN, 0, :20] == levels[GAIN, 0, 0])
    assert np.all(levels[GAIN, 0, 20:] == 0)


@pytest.mark.parametrize("profile", ["superjx", "thesis"])
def test_random_tones_have_the_control_frames_of_the_plain_form(profile: str) -> None:
    """Every parameter anywhere; only the random LFO is left out."""
    rng = np.random.default_rng(5)
    tones = rng.integers(0, 128, (60, 48), dtype=np.uint8)
    tones[:, parameter("LFO WF").column] = rng.integers(32, 128, 60)
    note, velocity, off = rng.integers(0, 128, 60), rng.integers(0, 128, 60), rng.integers(1, 150, 60)
    notes = Notes(note, velocity, np.zeros(60, np.int64), off, np.zeros(60, np.int64))
    frequencies, levels = Voicing(tones, notes, load_profile(profile)).frames(0, 200)
    laws = Laws(profile)
    for n in range(60):
        for tick in (0, 1, *rng.integers(2, 200, 8)):
            expected = control_frame(laws, tones[n], int(note[n]), int(velocity[n]), int(off[n]), int(tick))
            found = [*frequencies[:, n, tick], *levels[:, n, tick]]
            assert found == pytest.approx(expected, rel=1e-6, abs=1e-7)
