"""Every name of jx that the goldens use, in one place: bytes in, arrays or bytes out.

After modules have moved or merged only this file changes. Nothing here computes: each function calls what
jx has and turns its answer into plain arrays, bytes or text.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import estimator.closed_loop.comparison
import estimator.inference.metrics
import estimator.network.parameters
import estimator.papers.vecoven2020.networks.inversynth
import estimator.papers.vecoven2020.networks.thesis
import estimator.papers.vecoven2020.task
import estimator.training.augmentation
import simulator
import simulator.instrument.instrument
import simulator.synth.variants
from estimator.calibration.experiments import EXPERIMENTS
from estimator.calibration.measurements import Heard
from estimator.inference.note_detection import listen
from estimator.inference.objective import CELL, Target
from estimator.inference.posterior import Played, Recording
from estimator.network.inputs import features
from estimator.papers.vecoven2020.views import views_of
from jxctl.errors import JxError
from jxctl.library import edit, files
from jxctl.library.song import read_song
from jxctl.protocol import bus, sysex
from jxctl.protocol.load_order import load_sequence
from jxctl.protocol.tone import INIT_TONE, Tone, from_batch
from simulator.features import log_mel
from simulator.instrument.assigner import Assigner
from simulator.instrument.board import Board
from simulator.instrument.memory import Memory
from simulator.prior import read_table

Array = np.ndarray
Arrays = dict[str, np.ndarray]

ROOT = Path(__file__).resolve().parents[2]
SAMPLE_RATE = simulator.SAMPLE_RATE
FULL_BOARDS = ("superjx", "thesis")
"""Profiles that come with jx."""


# Tones.


def table(path: Path) -> Array:
    """Tones of a CSV table: uint8[N, 48]."""
    return read_table(path)[0]


def changed(values: bytes, changes: Mapping[str, int | str]) -> bytes:
    """48 raw values with some changed by name."""
    return Tone(values).with_values(changes).values


def plain_tone() -> bytes:
    """The 48 raw values to start from."""
    return INIT_TONE.values


# Sound.


def render(
    tones: Array,
    notes: Any = 60,
    velocities: Any = 100,
    gates_s: Any = 1.0,
    seconds: float = 2.0,
    **options: Any,
) -> Array:
    """Audio of tones, uint8[N, 48]. ``options``: profile, sample_rate, seed, threads, stereo, oversample."""
    return simulator.render(tones, notes, velocities, gates_s, seconds, **options)


def render_profiles(tones: Array, profiles: Sequence[str], *played: Any, **options: Any) -> Array:
    """The same tones with several profiles at once: float32[profiles, N, samples]."""
    loaded = [simulator.load_profile(name) for name in profiles]
    return simulator.synth.variants.render_variants(tones, loaded, *played, **options)


def another_profile(name: str, seed: int) -> Arrays:
    """Laws of a profile that differs from ``name`` as boards of training do, by seed."""
    return _laws(estimator.training.augmentation.another(name, np.random.default_rng(seed)))


def laws(name: str) -> Arrays:
    """Values of every law of a profile."""
    return _laws(simulator.load_profile(name))


def _laws(profile: Any) -> Arrays:
    return {law: np.asarray(profile.laws[law].values) for law in sorted(profile.laws)}


def jacobian(values: bytes, measured: Callable[[Array], Array], **options: Any) -> Array:
    """Derivatives of what is measured by every level."""
    return simulator.jacobian(Tone(values), measured, **options)


def board_audio(
    script: Iterable[tuple[int, bytes]], profile: str = "superjx", rate: int = 44100, seed: int = 0,
    name: Any = "lower",
) -> Array:  # fmt: skip
    """What a virtual board makes of bus bytes: for each of the script give the bytes, then render so many
    samples. float32[2, samples]"""
    board = Board(profile, rate, seed, name)
    parts = []
    for samples, data in script:
        board.receive(data)
        parts.append(board.render(samples))
    return np.concatenate(parts, axis=1)


def _memory(model: Any, bank: bytes | None) -> Memory | None:
    return None if bank is None else Memory(model, files.load(bank).bank)


def midi_audio(
    song: bytes, model: Any, bank: bytes | None = None, profile: str = "superjx", rate: int = 44100,
    seed: int = 0, tail_s: float = 2.0,
) -> Array:  # fmt: skip
    """What a virtual synth with a bank in its memory makes of a MIDI file: float32[2, samples]."""
    synth = simulator.instrument.instrument.Instrument(
        model, profile, rate, seed, memory=_memory(model, bank)
    )
    return np.concatenate(
        list(simulator.instrument.instrument.play_song(read_song(song), synth, tail_s)), axis=1
    )


def midi_to_bus(messages: Iterable[bytes], model: Any, bank: bytes | None = None) -> bytes:
    """The bus bytes that a virtual synth's assigner makes of power-up and MIDI messages."""
    assigner = Assigner(model, memory=_memory(model, bank))
    return assigner.power_up() + b"".join(assigner.receive(message) for message in messages)


def song_messages(song: bytes) -> list[bytes]:
    """The MIDI messages of a file, in order."""
    return [message for _, message in read_song(song).messages]


# Files and messages.


def tone_to_bus(values: bytes, board: Any = "lower") -> bytes:
    """The bus bytes that load a tone."""
    return bus.encode(load_sequence(Tone(values), board))


def bus_listing(data: bytes) -> str:
    """A line for each message of a stretch of bus."""
    messages, dropped = bus.decode(data)
    return "\n".join([*map(bus.bus_line, messages), f"{dropped} dropped"])


def bus_again(data: bytes) -> bytes:
    """The bus bytes of what was decoded from bus bytes."""
    return bus.encode(bus.decode(data)[0])


def sysex_listing(data: bytes) -> str:
    """A line for each SysEx message, and for what is none."""
    found = sysex.decode(data)
    lines = [f"{type(message).__name__} {message} {message.encoded().hex()}" for message in found.messages]
    return "\n".join([*lines, *(f"unused {item.offset} {item.reason}" for item in found.unused)])


def sysex_again(data: bytes) -> bytes:
    """The bytes of what was decoded from SysEx."""
    return sysex.encode(sysex.decode(data).messages)


def written(data: bytes, form: str, family: Any = None, *, anew: bool = True) -> bytes:
    """The bank in a file's bytes, written in a format, for another family if one is named. ``anew``: without
    remembering the file. What jx says, where it refuses."""
    try:
        loaded = files.load(data)
        bank, lost = loaded.bank, list[str]()
        if family is not None:
            bank, lost = edit.converted(bank, family)
        content = files.encoded(bank, form, None if anew else loaded.origin)
    except JxError as error:
        return f"refused: {error.message}".encode()
    return content + "\n".join(lost).encode()


def tones_json(tones: Array) -> str:
    """Tones, uint8[N, 48], as text: every value and its label."""
    return "\n".join(
        f"{tone.to_json()} {[tone.label(name) for name in tone.to_json()['parameters']]}"
        for tone in from_batch(tones, "GOLDEN")
    )


def jx(arguments: Sequence[str], folder: Path) -> str:
    """What ``jx`` prints on stdout, run as a program in ``folder``. Raises where it fails."""
    surroundings = os.environ | {
        "PYTHONPATH": str(ROOT), "XDG_CONFIG_HOME": str(folder), "NO_COLOR": "1", "COLUMNS": "100",
    }  # fmt: skip
    command = [sys.executable, "-m", "jxctl", *arguments]
    done = subprocess.run(
        command, cwd=folder, env=surroundings, capture_output=True, text=True, timeout=300, check=False
    )
    if done.returncode:
        raise RuntimeError(f"jx {' '.join(arguments)} ends with {done.returncode}: {done.stderr}")
    return done.stdout


# Measured on sounds.


def network_features(audio: Array, notes: Any, velocities: Any, gates_s: Any) -> Arrays:
    """What the network is given of sounds, float32[N, samples]."""
    return _views(features(audio, notes, velocities, gates_s))


def _views(views: Any) -> Arrays:
    return {name: getattr(views, name).numpy() for name in ("mel", "partials", "known")}


def ranking_cells(audio: Array) -> Array:
    """The log-mel cells that sounds are compared in: float32[N, bands, frames], dB."""
    return log_mel(audio)


def views26(audio: Array) -> Arrays:
    """The views of the task with 26 parameters of sounds, float32[N, 4 s]."""
    return views_of(audio)


def distances(audio: Array, target: Array) -> Arrays:
    """Every distance between sounds, float32[N, samples], and a target."""
    found = estimator.inference.metrics.distances(audio, target)
    return {
        name: getattr(found, name) for name in ("log_mel", "multi_scale", "warped_mfcc", "envelope")
    }  # fmt: skip


def compared(audio: Array, target: Array) -> Arrays:
    """How the search hears sounds beside a target: distances, and cells of residuals."""
    heard = Target(Recording(target, Played(60, 100, 1.0))).hear(audio, CELL, None)
    return {"distances": heard.distances, "cells": heard.cells, "sounding": heard.sounding}


def what_was_played(audio: Array, rate: int) -> Array:
    """Note (-1: none), cents, confidence, onset, gate, end, whether a release was heard: float64[7]."""
    heard = listen(audio, rate)
    note = -1 if heard.note is None else heard.note
    return np.array([
        note, heard.cents, heard.pitch_confidence, heard.onset_s, heard.gate_s, heard.end_s,
        heard.release_heard,
    ], np.float64)  # fmt: skip


def player_measures(audio: Array, note: int, velocity: int, gate_s: float, values: bytes) -> Array:
    """What ``jx check`` measures on one note, by name in order: float64[measures]."""
    found = estimator.closed_loop.comparison.measure(audio, Played(note, velocity, gate_s), Tone(values))
    return np.array([found[name] for name in sorted(found)], np.float64)


def experiments() -> list[tuple[str, Array, Any, Any, Any, Any]]:
    """Of calibration: name, tones uint8[N, 48], notes, velocities, gates and seconds of the takes."""
    rows: list[tuple[str, Array, Any, Any, Any, Any]] = []
    for experiment in EXPERIMENTS:
        notes = experiment.notes
        tones = np.array([np.frombuffer(n.tone.values, np.uint8) for n in notes])
        rows.append((
            experiment.name, tones, [n.note for n in notes], [n.velocity for n in notes],
            [n.gate_s for n in notes], [n.gate_s + n.tail_s for n in notes],
        ))  # fmt: skip
    return rows


def measured(experiment: str, audio: Array, rate: int, note: int, gate_s: float) -> Array:
    """What an experiment of calibration reads off one take."""
    row = next(row for row in EXPERIMENTS if row.name == experiment)
    return np.asarray(row.measure(Heard(audio, rate, note, gate_s, 1e-5)))
