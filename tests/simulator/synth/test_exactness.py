"""The same tone gives the same samples, bit for bit, whatever happens around it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from measure import one

from jxctl.errors import ProfileError, UsageError
from jxctl.protocol import bus
from simulator.instrument.board import Board
from simulator.synth import render

SECONDS = 0.25


def uniform_tones(seed: int, count: int) -> np.ndarray:
    """Tones from every corner of the space; all couplings, waves and modes occur."""
    return np.random.default_rng(seed).integers(0, 128, (count, 48), dtype=np.uint8)


@settings(max_examples=15)
@given(
    seed=st.integers(0, 10_000),
    count=st.integers(1, 40),
    threads=st.integers(1, 5),
    profile=st.sampled_from(["superjx", "thesis"]),
)
def test_batch_size_position_order_and_threads_do_not_matter(
    seed: int, count: int, threads: int, profile: str
) -> None:
    rng = np.random.default_rng(seed)
    tones = uniform_tones(seed, count)
    given_notes = {
        "notes": rng.integers(0, 128, count),
        "velocities": rng.integers(0, 128, count),
        "gates_s": rng.uniform(0, 0.3, count),
        "seed": rng.integers(0, 1000, count),
    }
    together = render(tones, seconds=SECONDS, profile=profile, threads=threads, **given_notes)
    order = rng.permutation(count)
    shuffled = render(
        tones[order], seconds=SECONDS, profile=profile, threads=1,
        **{name: values[order] for name, values in given_notes.items()},
    )  # fmt: skip
    assert np.array_equal(together[order], shuffled)
    pick = int(rng.integers(count))
    alone = render(
        tones[pick], seconds=SECONDS, profile=profile,
        **{name: values[pick] for name, values in given_notes.items()},
    )  # fmt: skip
    assert np.array_equal(together[pick], alone[0])


@pytest.mark.parametrize("chorus", ["off", "1", "2"])
def test_a_voice_that_ends_early_sounds_as_beside_one_that_goes_on(chorus: str) -> None:
    """Alone, nothing is computed once it and its chorus are silent; beside the other, everything is."""
    short, long = one(ENV2_REL=40, CHORUS=chorus), one(ENV2_REL=127, CHORUS=chorus)
    for stereo in (False, True):
        alone = render(short, 60, 100, 0.2, 1.5, stereo=stereo, seed=3)[0]
        beside = render(np.concatenate([long, short]), 60, 100, 0.2, 1.5, stereo=stereo, seed=3)[1]
        assert np.array_equal(alone, beside)
        sounding = np.flatnonzero(np.atleast_2d(alone).any(axis=0))
        assert 0.2 * 44100 < sounding[-1] < 1.0 * 44100


@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 10_000), blocks=st.lists(st.integers(1, 3000), min_size=1, max_size=30))
def test_the_board_renders_the_same_in_any_blocks_and_equals_render(seed: int, blocks: list[int]) -> None:
    tone = uniform_tones(seed, 1)
    load = [bus.SelectBoard("lower")]
    load += [bus.SetParameter(0x80 + k, int(raw)) for k, raw in enumerate(tone[0])]
    strike = [bus.VoiceOn(0, 60, 90)]
    samples = 2 * 4410
    reference = render(tone, 60, 90, 10.0, samples / 44100)[0]

    board = Board()
    board.receive(bus.encode([*load, *strike]))
    parts, left = [], samples
    while left > 0:
        for block in blocks:
            parts.append(board.render(min(block, left)).mean(axis=0))
            left -= len(parts[-1])
    assert np.array_equal(np.concatenate(parts), reference)


def test_a_note_off_in_mid_stream_gives_what_render_gives() -> None:
    tone = one(ENV2_REL=60, VCF_ENV=50, VCF_FREQ=40, ENV1_DECY=70, ENV1_SUS=20, DCO1_WF="pulse")
    board = Board(seed=3)
    load = [bus.SetParameter(0x80 + k, int(raw)) for k, raw in enumerate(tone[0])]
    board.receive(bus.encode([bus.SelectBoard("both"), *load, bus.VoiceOn(0, 48, 100)]))
    held = board.render(round(0.5 * 44100)).mean(axis=0)
    board.receive(bus.encode([bus.VoiceOff(0, 48)]))
    heard = np.concatenate([held, board.render(round(0.5 * 44100)).mean(axis=0)])
    assert np.array_equal(heard, render(tone, 48, 100, 0.5, 1.0, seed=3)[0])


def test_six_voices_are_the_sum_of_six_boards_with_one() -> None:
    tone = one(VCF_FREQ=80, VCF_RES=60)
    load = bus.encode(
        [bus.SelectBoard("lower"), *(bus.SetParameter(0x80 + k, int(raw)) for k, raw in enumerate(tone[0]))]
    )
    chord = Board()
    chord.receive(load + bus.encode([bus.VoiceOn(voice, 48 + 3 * voice, 100) for voice in range(6)]))
    together = chord.render(4410).astype(np.float64)
    alone = np.zeros((2, 4410))
    for voice in range(6):
        board = Board()
        board.receive(load + bus.encode([bus.VoiceOn(voice, 48 + 3 * voice, 100)]))
        alone += board.render(4410)
    assert np.abs(together - alone).max() < 1e-6


def test_a_board_hears_only_its_own_name_and_both() -> None:
    tone = [bus.SetParameter(0x80 + k, int(raw)) for k, raw in enumerate(one()[0])]
    for name, sounds in (("lower", False), ("upper", True), ("both", True)):
        board = Board(name="upper")
        board.receive(bus.encode([bus.SelectBoard(name), *tone, bus.VoiceOn(0, 60, 100)]))
        assert (np.abs(board.render(4410)).max() > 0) == sounds


def test_silence_ends_every_voice_and_noise_bytes_do_no_harm() -> None:
    tone = bus.encode([bus.SetParameter(0x80 + k, int(raw)) for k, raw in enumerate(one(ENV2_REL=127)[0])])
    board = Board()
    board.receive(bytes([1, 2, 3, 0xE0, 0x7F, 0xF4]) + tone + bus.encode([bus.VoiceOn(0, 60, 100)]))
    assert np.abs(board.render(4410)).max() > 0
    board.receive(bus.encode([bus.SetParameter(0xB6, 127)]))
    board.render(2 * 441)
    assert np.abs(board.render(441)).max() == 0
    assert board.dropped == 5


def test_free_oscillators_start_where_the_seed_says(tmp_path: Path) -> None:
    path = tmp_path / "free.toml"
    path.write_text(
        'base = "superjx"\n[laws.dco_phase]\nform = "choice"\nvalue = "free"\nunit = ""\n'
        'evidence = "assumed"\nsource = ""\n'
    )
    tone = one(MIX_DCO2=127, DCO2_WF="square")
    first, again, other = (render(tone, seconds=0.1, profile=path, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert not np.array_equal(first, render(tone, seconds=0.1, seed=1))


@pytest.mark.parametrize("seed", range(4))
def test_extreme_tones_stay_finite(seed: int) -> None:
    audio = render(uniform_tones(seed, 64), np.arange(64) * 2, np.arange(64), 0.2, 0.4)
    assert np.isfinite(audio).all()
    assert np.abs(audio).max() < 20


def test_out_of_range_requests_are_refused() -> None:
    tone = one()
    with pytest.raises(UsageError, match="note"):
        render(tone, 128)
    with pytest.raises(UsageError, match="velocity"):
        render(tone, 60, -1)
    with pytest.raises(UsageError, match="gate"):
        render(tone, 60, 100, float("nan"))
    with pytest.raises(UsageError, match="one for each of the 1 tones"):
        render(tone, [60, 61])
    with pytest.raises(UsageError, match="cannot render"):
        render(tone, seconds=0)
    with pytest.raises(UsageError, match="raw value 200"):
        render(np.full((1, 48), 200, np.uint8))
    with pytest.raises(UsageError, match=r"integers\[N, 48\]"):
        render(np.zeros((1, 48)))
    with pytest.raises(UsageError, match="contiguous"):
        render(tone, out=np.zeros((1, 5), np.float32))
    with pytest.raises(ProfileError, match="no profile is called nowhere"):
        render(tone, profile="nowhere")


def test_arguments_that_would_be_guessed_at_are_refused() -> None:
    tones = uniform_tones(0, 3)
    read_only = np.zeros((3, 4410), np.float32)
    read_only.flags.writeable = False
    for wrong, said in (
        ({"notes": 60.5}, "whole number"),
        ({"velocities": [1, 2, 2.5]}, "whole number"),
        ({"seed": 0.5}, "whole number"),
        ({"seconds": 1e-7}, "cannot render"),
        ({"threads": -1}, "threads"),
        ({"threads": 0}, "threads"),
        ({"oversample": 2.5}, "whole number"),
        ({"out": read_only}, "may be written"),
        ({"out": [0.0]}, "may be written"),
    ):
        with pytest.raises(UsageError, match=said):
            render(tones, **{"seconds": 0.1, **wrong})  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="different lengths"):
        render([[1, 2], [3]])  # type: ignore[arg-type]


def test_no_tones_make_no_sounds() -> None:
    none = np.empty((0, 48), np.uint8)
    assert render(none, seconds=0.1).shape == (0, 4410)
    assert render(none, seconds=0.1, stereo=True, oversample=2).shape == (0, 2, 4410)
