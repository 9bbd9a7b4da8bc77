"""Render the notes of an instrument that is not ours, from a General MIDI soundfont.

Needs fluidsynth (Debian: ``apt-get install fluidsynth fluid-soundfont-gm``). Run as::

    python examples/make_soundfont.py /usr/share/sounds/sf2/FluidR3_GM.sf2
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple

import mido
import numpy as np
import soundfile

RATE = 44100
LEAD_S = 0.1
PEAK = 0.7


class Example(NamedTuple):
    """``program``: General MIDI, from 0. ``note``: MIDI, 60 is middle C."""

    name: str
    program: int
    note: int
    velocity: int
    gate_s: float
    seconds: float


EXAMPLES = (
    Example("soundfont_strings_A3", program=48, note=57, velocity=100, gate_s=1.6, seconds=2.8),
    Example("soundfont_brass_D4", program=61, note=62, velocity=110, gate_s=1.0, seconds=2.0),
    Example("soundfont_epiano_C4", program=4, note=60, velocity=90, gate_s=1.5, seconds=2.2),
)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("soundfont", type=Path)
    parser.add_argument("-o", "--output", type=Path, default=Path(__file__).parent, help="folder")
    arguments = parser.parse_args()
    for example in EXAMPLES:
        audio = render(example, arguments.soundfont)
        path = arguments.output / f"{example.name}.flac"
        soundfile.write(path, audio, RATE, subtype="PCM_16")
        print(f"{path}: {len(audio) / RATE:.1f} s, {path.stat().st_size / 1000:.0f} kB")


def render(example: Example, soundfont: Path) -> np.ndarray:
    """One note, dry and mono: float64[samples]."""
    with tempfile.TemporaryDirectory() as folder:
        song, wave = Path(folder, "note.mid"), Path(folder, "note.wav")
        midi_file(example).save(song)
        effects_off = ["-R", "0", "-C", "0"]
        output = ["-F", str(wave), "-T", "wav", "-O", "s24", "-r", str(RATE)]
        subprocess.run(
            ["fluidsynth", "-n", "-i", "-q", *effects_off, *output, str(soundfont), str(song)], check=True
        )
        stereo, _ = soundfile.read(wave, always_2d=True)
    audio = np.zeros(round(example.seconds * RATE))
    mono = stereo.mean(axis=1)[: len(audio)]
    audio[: len(mono)] = mono
    return np.asarray(audio * (PEAK / np.abs(audio).max()))


def midi_file(example: Example) -> mido.MidiFile:
    """A file of one note, at one tick a millisecond."""
    file = mido.MidiFile(ticks_per_beat=500)  # at MIDI's 120 beats a minute
    rest_s = example.seconds - LEAD_S - example.gate_s
    file.tracks.append(
        mido.MidiTrack(
            [
                mido.Message("program_change", program=example.program),
                mido.Message(
                    "note_on", note=example.note, velocity=example.velocity, time=round(1000 * LEAD_S)
                ),
                mido.Message("note_off", note=example.note, time=round(1000 * example.gate_s)),
                mido.MetaMessage("end_of_track", time=round(1000 * rest_s)),
            ]
        )
    )
    return file


if __name__ == "__main__":
    main()
