"""The chorus: against a plain one in float64, by measurement, and exact to the bit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from measure import one
from scipy.signal import lfilter

from jxctl.errors import ProfileError
from jxctl.protocol import bus
from simulator.instrument.board import Board
from simulator.synth import Profile, load_profile, render
from simulator.synth.chorus import Chorus, State, phase_seeds

RATE = 44100
KEY, FREE = "key", "free"
Make = Callable[..., Profile]


@pytest.fixture(scope="module")
def make(tmp_path_factory: pytest.TempPathFactory) -> Make:
    """A profile with some of the chorus' laws changed: ``make(wet=[0, 1, 1], phase="free")``."""

    def made(**laws: float | list[float] | str) -> Profile:
        text = 'base = "superjx"\n'
        for name, value in laws.items():
            form = {str: "choice", list: "positions"}.get(type(value), "constant")
            given = f"values = {value}" if form == "positions" else f"value = {value!r}".replace("'", '"')
            text += f'[laws.chorus_{name}]\nform = "{form}"\n{given}\nunit = ""\nevidence = "assumed"\n'
            text += 'source = "test"\n'
        path = tmp_path_factory.mktemp("chorus") / "mine.toml"
        path.write_text(text)
        return load_profile(path)

    return made


def chorus(profile: Profile | str = "superjx", seed: int = 0, rate: float = RATE) -> Chorus:
    return Chorus(load_profile(profile), rate, phase_seeds(np.array([seed])))


def noise(samples: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-1, 1, samples).astype(np.float32)


def low_pass(signal: np.ndarray, corner_hz: float, damping: float) -> np.ndarray:
    """The bilinear transform of 1 / (1 + 2 d s + s^2), prewarped at the corner."""
    k = np.tan(np.pi * corner_hz / RATE)
    below = [1 + 2 * damping * k + k * k, 2 * (k * k - 1), 1 - 2 * damping * k + k * k]
    return np.asarray(lfilter(np.array([1, 2, 1]) * k * k, below, signal))


def plain(dry: np.ndarray, position: int, profile: Profile) -> np.ndarray:
    """Both sides by the formulas, a sample at a time in float64."""

    def law(name: str) -> float:
        return float(
            np.atleast_1d(profile.laws[f"chorus_{name}"].values)[position if name in by_position else 0]
        )

    by_position = ("rate", "shortest", "longest", "dry", "wet")
    line = low_pass(dry.astype(np.float64), law("low_pass_in"), law("damping"))
    sides = []
    for side in range(2):
        read = np.zeros(len(dry))
        for n in range(len(dry)):
            cycle = (n / RATE * law("rate") + side * law("apart")) % 1
            up = 2 * cycle if cycle < 0.5 else 2 - 2 * cycle
            at = n - RATE * (law("shortest") + up * (law("longest") - law("shortest")))
            near = int(np.floor(at)) + np.arange(-1, 3)
            for j in near[near >= 0]:
                others = near[near != j]
                read[n] += line[j] * np.prod((at - others) / (j - others))
        wet = low_pass(read, law("low_pass_out"), law("damping"))
        sides.append(law("dry") * dry.astype(np.float64) + law("wet") * wet)
    return np.stack(sides)


def delay_s(wet: np.ndarray, hz: float) -> np.ndarray:
    """Delay over time of a sine of ``hz`` that began with phase 0, from its phase, up to a constant."""
    turn = wet * np.exp(-2j * np.pi * hz * np.arange(len(wet)) / RATE)
    period = round(RATE / hz)
    phase = np.convolve(turn, np.ones(period) / period, "valid")  # over whole cycles, so 2 hz is gone
    return np.asarray(-np.unwrap(np.angle(phase)) / (2 * np.pi * hz))


@pytest.mark.parametrize(("position", "laws"), [(1, {}), (2, {"low_pass_out": 6000.0, "wet": [0, 1, 0.6]})])
def test_it_is_the_plain_chorus(make: Make, position: int, laws: dict[str, Any]) -> None:
    dry = noise(RATE // 2)
    profile = make(**laws)
    heard = chorus(profile).play(dry, position, 0).astype(np.float64)
    expected = plain(dry, position, profile)
    for side in range(2):
        assert 20 * np.log10(np.std(heard[side] - expected[side]) / np.std(expected[side])) < -100


@pytest.mark.parametrize(("shortest_s", "longest_s"), [(0.0015, 0.005), (0.00083, 0.0201)])
def test_an_impulse_arrives_after_the_laws_delay(make: Make, shortest_s: float, longest_s: float) -> None:
    """With an LFO that stands still, left at the shortest and right at the longest delay."""
    profile = make(
        rate=[0, 0, 0], dry=[1, 0, 0], shortest=[shortest_s] * 3, longest=[longest_s] * 3, damping=0.7
    )
    impulse = np.zeros(4096, np.float32)
    impulse[100] = 1
    heard = chorus(profile).play(impulse, 1, 0).astype(np.float64)
    filters = 2 * 0.7 / np.tan(np.pi * 10000 / RATE)  # delay of both low-passes at 0 Hz, in samples
    for side, delay in zip(heard, (shortest_s, longest_s), strict=True):
        assert side.sum() == pytest.approx(1, abs=1e-4)
        assert np.arange(4096) @ side / side.sum() == pytest.approx(100 + delay * RATE + filters, abs=0.01)


@pytest.mark.parametrize("position", [1, 2])
def test_rate_and_depth_of_the_sweep_are_the_laws(make: Make, position: int) -> None:
    profile = make(dry=[1, 0, 0])
    hz, seconds = 441.0, 5
    dry = np.sin(2 * np.pi * hz * np.arange(seconds * RATE) / RATE).astype(np.float32)
    left, right = (delay_s(side, hz)[RATE // 20 :] for side in chorus(profile).play(dry, position, 0))
    rate_hz = float(profile.laws["chorus_rate"].values[position])
    depth_s = float(
        (profile.laws["chorus_longest"].values - profile.laws["chorus_shortest"].values)[position]
    )
    for sweep in (left, right):
        assert np.ptp(sweep) == pytest.approx(depth_s, rel=0.01)
        # A triangle: all of the way at one speed, up or down.
        speed = np.abs(np.diff(sweep)) * RATE
        assert np.median(speed) == pytest.approx(2 * depth_s * rate_hz, rel=0.01)
        turning = np.flatnonzero(np.diff(np.sign(np.diff(sweep[::100])))) * 100 / RATE
        assert np.diff(turning) == pytest.approx(1 / (2 * rate_hz), abs=0.01)
    # Mirror images: what one side gains in delay the other one loses.
    assert np.ptp(left + right) < 0.01 * depth_s
    assert left[0] < left[RATE // 10]  # from the shortest delay on the left
    assert right[0] > right[RATE // 10]


def test_from_1_to_2_the_sweep_goes_on_from_where_it_is(make: Make) -> None:
    profile = make(dry=[1, 0, 0], rate=[0, 0.4, 1.1])
    hz, switched = 441.0, round(1.3 * RATE)
    dry = np.sin(2 * np.pi * hz * np.arange(2 * RATE) / RATE).astype(np.float32)
    played = chorus(profile)
    parts = played.play(dry[:switched], 1, 0), played.play(dry[switched:], 2, switched)
    for side in np.concatenate(parts, axis=1):
        delay = delay_s(side, hz)[RATE // 20 :: RATE // 200]
        moved = np.abs(np.diff(delay)) * 200  # seconds a second
        assert moved.max() == pytest.approx(2 * 0.0035 * 1.1, rel=0.1)  # a jump would be far more
        assert np.median(moved[:200]) == pytest.approx(2 * 0.0035 * 0.4, rel=0.05)


@pytest.mark.parametrize("raw", [0, 31, 32, 63, 64, 127])
def test_off_leaves_the_voice_alone_and_on_makes_two_sides(raw: int) -> None:
    tone = one(VCF_FREQ=90, CHORUS=raw)
    both = render(tone, 48, 100, 0.5, 1.0, stereo=True)
    dry = render(one(VCF_FREQ=90), 48, 100, 0.5, 1.0)[0]
    assert both.shape == (1, 2, RATE)
    left, right = both[0]
    if raw < 32:
        assert np.array_equal(left, dry)
        assert np.array_equal(right, dry)
    else:
        for side in (left, right):
            assert np.std(side - dry) > 0.3 * np.std(dry)
        assert np.corrcoef(left[4410:], right[4410:])[0, 1] < 0.9


def test_the_thesis_has_no_chorus() -> None:
    tones = [one(CHORUS=raw) for raw in (0, 40, 127)]
    first, *others = (render(tone, profile="thesis", seconds=0.1, stereo=True) for tone in tones)
    assert all(np.array_equal(first, other) for other in others)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 1000),
    count=st.integers(1, 40),
    threads=st.integers(1, 3),
    phase=st.sampled_from([KEY, FREE]),
)
def test_neither_batch_nor_threads_nor_order_matter_and_mono_is_the_mean(
    make: Make, seed: int, count: int, threads: int, phase: str
) -> None:
    profile = make(phase=phase)
    rng = np.random.default_rng(seed)
    tones = rng.integers(0, 128, (count, 48), dtype=np.uint8)
    notes, seeds = rng.integers(0, 128, count), rng.integers(0, 1000, count)
    shape: dict[str, Any] = {"gates_s": 0.1, "seconds": 0.12, "profile": profile}
    both = render(tones, notes, seed=seeds, threads=threads, stereo=True, **shape)
    mono = render(tones, notes, seed=seeds, **shape)
    assert np.array_equal(mono, both.mean(axis=1))
    order = rng.permutation(count)
    assert np.array_equal(
        render(tones[order], notes[order], seed=seeds[order], stereo=True, **shape), both[order]
    )
    pick = int(rng.integers(count))
    alone = render(tones[pick], notes[pick], seed=seeds[pick], stereo=True, **shape)
    assert np.array_equal(alone[0], both[pick])


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    blocks=st.lists(st.integers(1, 700), min_size=1, max_size=12),
    stretches=st.lists(st.tuples(st.integers(0, 2), st.integers(1, 1500)), min_size=1, max_size=5),
    begin=st.integers(0, 2**40),
    phase=st.sampled_from([KEY, FREE]),
)
def test_blocks_do_not_matter_though_the_position_changes(
    make: Make, blocks: list[int], stretches: list[tuple[int, int]], begin: int, phase: str
) -> None:
    profile = make(phase=phase)
    whole, split = chorus(profile, 5), chorus(profile, 5)
    dry, now = noise(sum(samples for _, samples in stretches)), 0
    for position, samples in stretches:
        stretch = dry[now : now + samples]
        expected = whole.play(stretch, position, begin + now)
        parts, done = [], 0
        while done < samples:
            for block in blocks:
                part = stretch[done : done + block]
                parts.append(split.play(part, position, begin + now + done))
                done += len(part)
        assert np.array_equal(np.concatenate(parts, axis=1), expected)
        now += samples


@pytest.mark.parametrize("phase", [KEY, FREE])
@pytest.mark.parametrize("position", [1, 2])
def test_a_boards_first_note_is_the_render(make: Make, phase: str, position: int) -> None:
    profile = make(phase=phase)
    tone = one(VCF_FREQ=100, CHORUS=32 * position, ENV2_REL=40, DCO2_WF="noise", MIX_DCO2=90)
    board = Board(profile, seed=7)
    load = [bus.SetParameter(0x80 + k, int(raw)) for k, raw in enumerate(tone[0])]
    board.receive(bus.encode([bus.SelectBoard("lower"), *load, bus.VoiceOn(0, 50, 90)]))
    heard = [board.render(samples) for samples in (1, 440, 4410, 64, 17135)]
    board.receive(bus.encode([bus.VoiceOff(0, 50)]))
    heard.append(board.render(22050))
    expected = render(tone, 50, 90, 0.5, 1.0, seed=7, profile=profile, stereo=True)[0]
    assert np.array_equal(np.concatenate(heard, axis=1), expected)


def test_free_phase_is_the_seeds(make: Make) -> None:
    profile = make(phase=FREE)
    first, again, other = (
        render(one(CHORUS=64), seconds=0.1, seed=seed, profile=profile) for seed in (1, 1, 2)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    keyed = [render(one(CHORUS=64), seconds=0.1, seed=seed) for seed in (1, 2)]
    assert np.array_equal(keyed[0], keyed[1])


def test_a_board_lets_the_line_run_out_and_then_is_silent() -> None:
    tone = one(CHORUS=64, VCA_MODE="gate")
    board = Board()
    load = [bus.SetParameter(0x80 + k, int(raw)) for k, raw in enumerate(tone[0])]
    board.receive(bus.encode([bus.SelectBoard("lower"), *load, bus.VoiceOn(0, 60, 100)]))
    board.render(4410)
    board.receive(bus.encode([bus.VoiceOff(0, 60)]))
    ended = 4410 + round(0.002 * RATE)  # the tick, and the slew of the VCA
    tail = np.concatenate([board.render(49) for _ in range(RATE // 49)], axis=1)[:, ended - 4410 :]
    late = tail[:, round(0.0015 * RATE) : round(0.003 * RATE)]  # after blocks without input
    assert np.abs(late).max() > 0.01
    assert not tail[:, round(0.03 * RATE) :].any()
    assert not board.render(1000).any()


def test_switching_while_it_sounds_is_bounded_and_off_is_dry_at_once() -> None:
    loud, quiet = Board(), Board()
    load = [bus.SetParameter(0x80 + k, int(raw)) for k, raw in enumerate(one(VCF_FREQ=127)[0])]
    for board in (loud, quiet):
        board.receive(bus.encode([bus.SelectBoard("lower"), *load, bus.VoiceOn(2, 60, 100)]))
    for raw in (64, 32, 127, 0, 40, 80, 31):
        loud.receive(bus.encode([bus.SetParameter(0xA0, raw)]))
        heard, dry = loud.render(4410), quiet.render(4410)
        assert np.isfinite(heard).all()
        assert np.abs(heard).max() < 2.5 * np.abs(dry).max()
        if raw < 32:
            after = slice(round(0.01 * RATE), None)  # from the next tick on
            assert np.array_equal(heard[:, after], dry[:, after])


def _state(played: Chorus) -> State:
    assert played._state is not None
    return played._state


def subnormals(values: np.ndarray) -> int:
    size = np.abs(values[values != 0])
    return int(np.sum(size < np.finfo(np.float32).tiny))


@pytest.mark.parametrize("phase", [KEY, FREE])
@pytest.mark.parametrize("scale", [1.0, 1e-15, 1e-38, 1e-44])
def test_filters_do_not_dwell_on_subnormal_numbers_and_silence_ends_in_zeros(
    make: Make, phase: str, scale: float
) -> None:
    """A state may pass below 1e-38 on its way to zero, but it does not stay there: a few samples at most."""
    played = chorus(make(phase=phase))
    fading = np.exp(-0.2 * np.arange(500)).astype(np.float32)
    dry = np.concatenate([noise(500), noise(500) * fading, np.zeros(700)]).astype(np.float32) * np.float32(
        scale
    )
    met, sounded = 0, False
    for n in range(len(dry)):
        played.play(dry[n : n + 1], 1, n)
        state = _state(played)
        met += subnormals(state.filters)
        sounded |= not state.silent
        if n % 50 == 0:
            assert subnormals(state.lines) <= 8
    assert met <= 20
    assert sounded == (scale > 1e-20)
    assert not played.play(np.zeros(2000, np.float32), 1, len(dry))[:, 1000:].any()
    assert _state(played).silent


@pytest.mark.parametrize("rate", [4000, 22050, 192000])
def test_any_sample_rate(rate: int) -> None:
    heard = render(one(CHORUS=64, VCF_FREQ=127), seconds=0.3, sample_rate=rate, stereo=True)
    assert np.isfinite(heard).all()
    assert np.abs(heard).max() < 1


@pytest.mark.parametrize(
    ("laws", "message"),
    [
        ({"rate": [0, 1]}, "each position of CHORUS"),
        ({"wet": [1, 1, 1]}, "CHORUS off must be off"),
        ({"dry": [0.5, 1, 1]}, "CHORUS off must be off"),
        ({"shortest": [0, 0.01, 0]}, "chorus_shortest is above"),
        ({"longest": [1, 1, 1]}, "chorus_longest leaves the range"),
        ({"phase": "now"}, "one of key, free"),
    ],
)
def test_a_profile_that_cannot_be_is_refused(make: Make, laws: dict[str, object], message: str) -> None:
    with pytest.raises(ProfileError, match=message):
        make(**laws)


def test_laws_of_a_chorus_come_from_the_profile(make: Make) -> None:
    tone = one(CHORUS=32)
    usual = render(tone, seconds=0.2)
    for change in ({"rate": [0, 3, 3]}, {"wet": [0, 0.5, 0]}, {"low_pass_in": 3000}, {"apart": 0.25}):
        assert not np.array_equal(render(tone, seconds=0.2, profile=make(**change)), usual)
