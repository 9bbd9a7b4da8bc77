"""Every name of jx that the goldens use: bytes in, arrays or bytes out.

Here are instruments, files and sound; what estimates is in `adapter_estimator` (both in one file would be
longer than a file here may be). After modules have moved or merged only these two change. Nothing in them
computes: each function calls what jx has and turns its answer into plain arrays, bytes or text.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import estimator.training.augmentation
import simulator
import simulator.instrument.instrument
import simulator.synth.variants
from estimator.calibration.calibration import calibrate
from estimator.calibration.experiments import EXPERIMENTS, CalibrationPlan
from estimator.calibration.measurements import Heard
from estimator.calibration.recording import RotatingPlayer
from estimator.calibration.report import calibrated_toml
from estimator.calibration.samples import from_takes
from jxctl.errors import JxError
from jxctl.library import edit, files
from jxctl.library.song import read_song
from jxctl.ports.client import Synth, load_sequence
from jxctl.ports.virtual import SimPort
from jxctl.protocol import bus, sysex
from jxctl.protocol.tone import INIT_TONE, Tone, from_batch
from jxctl.recording.rig import Rig
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


# Calibration.


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


def calibrated(names: Sequence[str], seed: int, moved: Mapping[str, float]) -> tuple[bytes, Arrays]:
    """A virtual board with some laws moved, played and fitted by some experiments: the profile as a file, and
    the laws."""
    plan = CalibrationPlan(tuple(row for row in EXPERIMENTS if row.name in names))
    rig = virtual_rig(moved, seed)
    asked = [plan[index] for index in range(len(plan))]
    takes = [(a.index, rig.take(a.tone, a.note, a.velocity, a.gate_s, a.max_seconds)) for a in asked]
    done = calibrate(from_takes(takes, plan))
    return calibrated_toml(done, "golden", "a test").encode(), _laws(done.profile)


def virtual_rig(moved: Mapping[str, float], seed: int) -> Any:
    """A rig on a virtual board whose constants are moved; its voices play in turn."""
    profile = simulator.load_profile().replace("moved", **moved)
    port = SimPort("sim:", Board(profile, SAMPLE_RATE, seed), SAMPLE_RATE)
    synth = Synth(port)
    synth.wake()
    return Rig(RotatingPlayer(synth), port)
