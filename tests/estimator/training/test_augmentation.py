"""What recordings do to sounds, as training does it to them."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from estimator.network.inputs import INPUT, features, partial_octaves
from estimator.training.augmentation import LATE_S, SHORTEST_S, another, cut_and_hum, disturbance, disturbed
from estimator.training.synthetic import make_batch
from simulator.features import SAMPLE_RATE
from simulator.features.mel import mel_octaves
from simulator.synth import load_profile, render

COUNT = 64


def test_cut_sounds_end_where_it_says_and_the_others_do_not_change() -> None:
    rng = np.random.default_rng(0)
    before = rng.normal(size=(COUNT, 2 * SAMPLE_RATE)).astype(np.float32)
    audio, lengths_s = cut_and_hum(before.copy(), rng)
    assert ((lengths_s >= SHORTEST_S) & (lengths_s <= 2)).all()
    cut = lengths_s < 2
    assert 0.15 < cut.mean() < 0.55
    for sound, length_s in zip(audio, lengths_s, strict=True):
        assert not sound[round(length_s * SAMPLE_RATE) :].any()
    untouched = [np.array_equal(a, b) for a, b in zip(audio, before, strict=True)]
    assert 0.2 < np.mean(untouched) < 0.6


def test_late_sounds_are_the_same_a_little_later() -> None:
    before = np.zeros((COUNT, 2 * SAMPLE_RATE), np.float32)
    before[:, 1000] = 1
    audio, _ = cut_and_hum(before, np.random.default_rng(0))
    at = np.abs(audio).argmax(axis=1)
    assert at.min() == 1000
    assert 1000 < at.max() <= 1000 + LATE_S * SAMPLE_RATE + 1


def test_hum_is_mains() -> None:
    before = np.zeros((COUNT, SAMPLE_RATE), np.float32)
    before[:, 0] = 1
    audio, lengths_s = cut_and_hum(before, np.random.default_rng(2))
    humming = [k for k in range(COUNT) if np.abs(audio[k, 4000:8000]).max() > 0 and lengths_s[k] == 1]
    assert humming
    for k in humming:
        spectrum = np.abs(np.fft.rfft(audio[k, 600:] * np.hanning(SAMPLE_RATE - 600)))
        loudest_hz = spectrum.argmax() * SAMPLE_RATE / (SAMPLE_RATE - 600)
        assert min(abs(loudest_hz - 50), abs(loudest_hz - 60)) < 3
        assert -80 < 20 * np.log10(np.abs(audio[k, 4000:]).max()) < -38


def test_a_colour_is_the_same_whatever_shows_it() -> None:
    """A curve over frequency: mel bands and partials that lie at the same frequency get the same gain."""
    seen = disturbance(np.random.default_rng(1), COUNT)
    coloured = seen.colour.any(axis=1)
    assert 0.1 < coloured.mean() < 0.45
    mel = seen.gain(mel_octaves(INPUT)[None])
    partials = seen.gain(partial_octaves(np.full(COUNT, 69)))
    band = 60
    nearest = np.abs(partial_octaves(np.array([69]))[0] - mel_octaves(INPUT)[band]).argmin()
    assert np.allclose(10 * np.log10(mel[:, band]), 10 * np.log10(partials[:, nearest]), atol=0.15)
    assert np.allclose(mel[~coloured], 1)


def test_a_floor_lies_where_it_says() -> None:
    rng = np.random.default_rng(4)
    tone = np.sin(2 * np.pi * 440 * np.arange(4 * SAMPLE_RATE) / SAMPLE_RATE).astype(np.float32)
    audio = np.tile(tone, (COUNT, 1))
    seen = disturbance(rng, COUNT)
    views = features(audio, [69] * COUNT, [100] * COUNT, [1.0] * COUNT, None, partial(disturbed, seen, rng))
    floors = np.median(views.mel.numpy()[:, 90], axis=1)  # far above the tone
    with_floor = seen.floor > 0
    assert 0.3 < with_floor.mean() < 0.7
    assert np.allclose(
        floors[with_floor], 10 * np.log10(seen.floor[with_floor] * np.log(2)).clip(-80), atol=4
    )
    assert (floors[~with_floor] == -80).all()


def test_a_cut_recording_looks_like_the_whole_until_it_ends() -> None:
    audio = render(np.zeros((1, 48), np.uint8) + 64, 60, 100, 1.0, 4.0)
    cut = audio.copy()
    cut[:, SAMPLE_RATE * 2 :] = 0
    whole, part = features(audio, [60], [100], [1.0]), features(cut, [60], [100], [1.0], [2.0])
    frames = round(1.9 * SAMPLE_RATE / INPUT.hop)
    assert np.allclose(whole.mel[0, :, :frames], part.mel[0, :, :frames], atol=1e-3)
    assert part.known[0, 3] == pytest.approx(0.5)
    assert (part.mel[0, :, 102:] == -80).all()


def test_relatives_of_a_profile_are_few_and_near() -> None:
    rng = np.random.default_rng(0)
    base = load_profile("superjx")
    made = [another("superjx", rng) for _ in range(40)]
    relatives = [profile for profile in made if profile is not base]
    assert 8 < len(relatives) < 32
    for profile in relatives:
        assert 0 <= profile.constant("spread_cutoff") <= 0.1
        assert abs(1200 * np.log2(profile.constant("dco_clock") / base.constant("dco_clock"))) <= 6


def test_batches_of_several_recordings_hear_each_tone_in_all_of_them() -> None:
    batch = make_batch(3, 0, 12, "superjx", recordings=6)
    assert len(batch.tones) == len(batch.target) == len(batch.heard) == 2
    assert len(batch.views.mel) == len(batch.views.known) == 12
    assert len({float(note) for note in batch.views.known[:6, 0]}) > 1
