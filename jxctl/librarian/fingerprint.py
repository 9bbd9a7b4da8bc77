"""Spectral fingerprint of a note: smoothed log power over harmonic number and time, without phase.

A note's log-mel power (`simulator.features.log_mel`) is averaged in a few stretches of time and in bands that
lie a fixed musical interval apart, counted from the fundamental of the key. What a recording has and a
tone has not falls out of it: the level (distances leave a constant number of decibels free), the phases
at which oscillators, LFO and chorus stood (power is averaged over many of their periods, or over the two
renders with different phases that are stored), an interface's noise (`DEPTH_DB` below the loudest cell all is
alike), and most of the key (bands go along with it).

Of each tone the fingerprints at `NOTES` are kept, `INTERVAL` semitones apart; at a note between two of
them their decibels are interpolated.
"""

from __future__ import annotations

import functools
import hashlib

import numpy as np
from numpy.typing import NDArray

from jxctl.audio.analysis import hz_to_mel, mel_to_hz
from simulator.features import RANKING, log_mel
from simulator.synth import render
from simulator.synth.profile import Profile, load_profile

VERSION = 1
"""Of what is stored; fingerprints of another version are made again."""
LOWEST_NOTE = 30
INTERVAL = 6
"""Semitones between stored notes (chosen: a filter that follows the key half way moves by 1.5 semitones
at most to the nearer one)."""
NOTES = tuple(range(LOWEST_NOTE, 97, INTERVAL))
"""MIDI notes at which a tone's fingerprints are kept: F#1 to C7."""
VELOCITY = 100
"""Of the stored notes: what `jx render` and `jx guess` take where nothing else is given."""
GATE_S = 1.0
SECONDS = 2.0
SEEDS = (1, 2)
"""Of the renders whose power is averaged: two places of the phases that run free (chosen)."""
BAND_SEMITONES = 3
LOWEST_BAND = -12
"""Semitones from the key's fundamental to the centre of the lowest band: DCOs go an octave down."""
BANDS = 30
HELD_EDGES_S = (0.0, 0.03, 0.08, 0.16, 0.3, 0.5, 0.75, 1.0)
"""Edges of the stretches while the key is down; what a longer gate has after them is left out."""
RELEASE_EDGES_S = (0.0, 0.08, 0.25, 0.6, 1.0)
"""Edges of the stretches after it, from the release on."""
DEPTH_DB = 50.0
"""Below the loudest cell, where cells are cut (chosen: the noise of a plain interface lies lower)."""
RELEASE_WEIGHT = 0.5
"""Of a stretch after the key, beside one while it is down (chosen: it depends on the gate)."""
HELD, RELEASE = len(HELD_EDGES_S) - 1, len(RELEASE_EDGES_S) - 1
STRETCHES = HELD + RELEASE
FREE_PHASES = {"dco_phase": "free", "lfo_phase": "free", "chorus_phase": "free"}

STEPS_A_DB = 5
"""Steps of a stored byte: 0.2 dB."""
SILENT = 255
"""Byte of every cell of a note that makes no sound."""
AUDIBLE = 1e-4
"""Peak, full scale 1, below which a note makes no sound (-80 dBFS, chosen)."""

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]


@functools.cache
def free_profile(profile: str = "superjx") -> Profile:
    """A profile whose oscillators, LFO and chorus start where the seed says, and not with the key."""
    return load_profile(profile).replace(None, **FREE_PHASES)


def version_of(profile: str = "superjx") -> str:
    """What stored fingerprints rest on: this module's version and the laws that they were rendered with."""
    digest = hashlib.sha256()
    for name, law in sorted(free_profile(profile).laws.items()):
        digest.update(f"{name}{law.choice}".encode() + np.ascontiguousarray(law.values).tobytes())
    return f"{VERSION}:{digest.hexdigest()[:16]}"


@functools.cache
def band_weights(note: float) -> Floats:
    """From mel bands to those of a key: float32[BANDS, mel bands], rows that add up to one.

    Triangles over the logarithm of the frequency, `BAND_SEMITONES` to either side of the centre; where
    a triangle lies between two mel bands, both are interpolated.
    """
    edges = np.linspace(hz_to_mel(RANKING.low_hz), hz_to_mel(RANKING.high_hz), RANKING.bands + 2)
    centres = 69 + 12 * np.log2(np.asarray([mel_to_hz(float(mel)) for mel in edges[1:-1]]) / 440)
    wanted = note + LOWEST_BAND + BAND_SEMITONES * np.arange(BANDS)
    weights = np.maximum(0, 1 - np.abs(centres[None] - wanted[:, None]) / BAND_SEMITONES)
    position = np.interp(wanted, centres, np.arange(RANKING.bands))
    below = np.minimum(position.astype(int), RANKING.bands - 2)
    rows = np.arange(BANDS)
    between = np.zeros_like(weights)
    between[rows, below] = 1 - (position - below)
    between[rows, below + 1] = position - below
    weights = np.where(weights.sum(axis=1, keepdims=True) < 1, between, weights)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float32)


def stretches(frames: int, gate_s: float) -> tuple[Floats, NDArray[np.bool_]]:
    """Which frames each stretch averages, float32[frames, STRETCHES], columns that add up to one, and which
    stretches the note has: a short one is over before the later ones begin, and a recording may be cut."""
    rate = 44100 / RANKING.hop
    begins = [*HELD_EDGES_S[:-1], *(gate_s + edge for edge in RELEASE_EDGES_S[:-1])]
    ends = [
        *(min(edge, gate_s) for edge in HELD_EDGES_S[1:]),
        *(gate_s + edge for edge in RELEASE_EDGES_S[1:]),
    ]
    if gate_s > HELD_EDGES_S[-1]:
        ends[HELD - 1] = HELD_EDGES_S[-1]
    weights = np.zeros((frames, STRETCHES), np.float32)
    there = np.zeros(STRETCHES, np.bool_)
    for column, (begin, end) in enumerate(zip(begins, ends, strict=True)):
        first, last = round(begin * rate), min(max(round(end * rate), round(begin * rate) + 1), frames)
        if end > begin + 1 / rate and first < last:
            weights[first:last, column] = 1 / (last - first)
            there[column] = True
    return weights, there


def averaged(mel_db: Floats, note: float, gate_s: float) -> tuple[Floats, NDArray[np.bool_]]:
    """Mean power of notes of one key and gate, float32[N, BANDS, STRETCHES]; which stretches there are."""
    weights, there = stretches(mel_db.shape[2], gate_s)
    power = np.power(10, mel_db / 10, dtype=np.float32)
    return np.asarray(band_weights(note) @ (power @ weights), np.float32), there


def decibels(power: Floats) -> Floats:
    """Decibels below the loudest cell of each note, cut at -`DEPTH_DB`."""
    loudest = power.max(axis=(-2, -1), keepdims=True)
    floor = 10 ** (-DEPTH_DB / 10)
    return np.asarray(10 * np.log10(np.maximum(power / np.maximum(loudest, 1e-20), floor)), np.float32)


def fingerprints(tones: Bytes, profile: str = "superjx") -> Bytes:
    """Render tones at all `NOTES` and describe them.

    Args:
        tones: uint8[N, 48].
        profile: the laws; oscillators, LFO and chorus run free whatever it says.

    Returns:
        uint8[N, notes, BANDS, STRETCHES], fifths of a decibel below the loudest cell of the note, or
        `SILENT` throughout.
    """
    laws = free_profile(profile)
    made = np.empty((len(tones), len(NOTES), BANDS, STRETCHES), np.uint8)
    for column, note in enumerate(NOTES):
        power = np.zeros((len(tones), BANDS, STRETCHES), np.float32)
        silent = np.ones(len(tones), np.bool_)
        for seed in SEEDS:
            audio = render(tones, note, VELOCITY, GATE_S, SECONDS, profile=laws, seed=seed)
            silent &= np.abs(audio).max(axis=1, initial=0) < AUDIBLE
            power += averaged(log_mel(audio), note, GATE_S)[0]
        made[:, column] = np.rint(-decibels(power) * STEPS_A_DB)
        made[silent, column] = SILENT
    return made


def at_note(stored: Bytes, notes: NDArray[np.int64] | int) -> tuple[Floats, NDArray[np.bool_]]:
    """Fingerprints at any note: decibels, float32[N, BANDS, STRETCHES], and which tones sound there.

    Args:
        stored: uint8[N, notes, BANDS, STRETCHES].
        notes: MIDI note, one for all or int[N]. Between two stored notes decibels are interpolated; where a
            tone sounds at one of them only, that one is taken.
    """
    position = np.clip((np.broadcast_to(notes, len(stored)) - LOWEST_NOTE) / INTERVAL, 0, len(NOTES) - 1)
    below = np.minimum(position.astype(np.int64), len(NOTES) - 2)
    share = (position - below).astype(np.float32)
    rows = np.arange(len(stored))
    lower, upper = stored[rows, below], stored[rows, below + 1]
    without = [side[:, 0, 0] == SILENT for side in (lower, upper)]
    shares = np.where(without[0], np.float32(1), np.where(without[1], np.float32(0), share))[:, None, None]
    steps = lower * (1 - shares) + upper * shares
    return np.asarray(steps / np.float32(-STEPS_A_DB), np.float32), ~(without[0] & without[1])


def distances(
    fingerprint: Floats, there: NDArray[np.bool_], stored: Floats, sounding: NDArray[np.bool_]
) -> Floats:
    """Mean absolute difference of fingerprints from one, dB, levels matched: float32[N].

    Args:
        fingerprint: float32[BANDS, STRETCHES], decibels, or one for each tone, float32[N, ...].
        there: bool[STRETCHES], which stretches it has. The release counts `RELEASE_WEIGHT` times.
        stored, sounding: what `at_note` gives. A tone that is silent there is infinitely far.
    """
    weights = there * np.where(np.arange(STRETCHES) < HELD, 1, RELEASE_WEIGHT).astype(np.float32)
    counting = ((stored > -DEPTH_DB) | (fingerprint > -DEPTH_DB)) * weights
    total = np.maximum(counting.sum(axis=(1, 2)), np.float32(1e-6))
    difference = stored - fingerprint
    level = (difference * counting).sum(axis=(1, 2)) / total
    found = (np.abs(difference - level[:, None, None]) * counting).sum(axis=(1, 2)) / total
    return np.where(sounding, found, np.float32(np.inf))
