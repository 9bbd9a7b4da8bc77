"""What ``jx board``, ``jx play`` and ``jx render --midi`` share: the virtual synth and where it sounds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from jxctl._files import read_bytes
from jxctl.cli.output import check_output
from jxctl.errors import UsageError

if TYPE_CHECKING:
    from jxctl.protocol.bus import BoardName
    from simulator.instrument.memory import Memory, Model
    from simulator.instrument.realtime import Sound

AudioOption = Annotated[
    str | None, typer.Option(help="Sound device: name, part of it, number, or default (jx audio lists them).")
]
RateOption = Annotated[
    int | None, typer.Option("--rate", help="Sample rate in Hz; the device's own if left out.")
]
GainOption = Annotated[float, typer.Option(help="With sound: dB. A full voice peaks near -10 dBFS at 0 dB.")]
ProfileOption = Annotated[str, typer.Option(help="With sound: superjx, thesis, or a TOML file.")]
LOUDEST_DB = 40.0
QUIETER_DB = -12.0
"""For playing with many fingers: twelve full voices reach 7 dB above full scale at 0 dB."""
RATES = (8000, 192_000)


def known_model(name: str) -> Model:
    """The model of that name. Raises `UsageError` for another."""
    from simulator.instrument.assigner import KEYS

    known = next((known for known in KEYS if known == name), None)
    if known is None:
        raise UsageError(f"there is no virtual {name!r}", f"there are {', '.join(KEYS)}")
    return known


def board_names(model: Model | None) -> tuple[BoardName, ...]:
    """The boards of a ``model``; without one, both that a bus can carry."""
    return ("lower",) if model == "jx8p" else ("lower", "upper")


def memory_of(model: Model, bank: Path | None, tone: Path | None = None) -> Memory | None:
    """What a file holds in the memory of ``model``: a bank, a JX-10's cartridge, or one tone on all boards.

    None without a file. Raises `UsageError` for both files, and what reading them raises.
    """
    if bank is not None and tone is not None:
        raise UsageError("a tone and a bank are given", "give one of the two")
    if tone is not None:
        return _one_tone(model, tone)
    if bank is None:
        return None
    from jxctl.library.files import read_library
    from jxctl.protocol.sysex.jx10 import SIZES
    from simulator.instrument.memory import Memory

    if model == "jx10" and bank.is_file() and bank.stat().st_size in SIZES:
        return Memory(model, cartridge=read_bytes(bank))
    return Memory(model, read_library(bank).bank)


def open_sound(
    audio: str, names: tuple[BoardName, ...], profile: str, rate: int | None, gain_db: float, keep: bool
) -> Sound:
    """Boards on an audio output, warm. Raises `UsageError`, `ProfileError` and `DeviceError`."""
    if not -120 <= gain_db <= LOUDEST_DB:
        raise UsageError(
            f"--gain is {gain_db:g} dB", f"give -120 to {LOUDEST_DB:g}; 0 leaves the level alone"
        )
    if rate is not None and not RATES[0] <= rate <= RATES[1]:
        raise UsageError(f"--rate is {rate} Hz", f"give {RATES[0]} to {RATES[1]}; 44100 and 48000 are usual")
    from simulator.synth.profile import load_profile

    loaded = load_profile(profile)
    # After the profile: a mistake in it is told before a device is opened.
    from jxctl.audio.playback import open_output
    from simulator.instrument.realtime import Sound

    output = open_output(audio, rate)
    try:
        return Sound(output, names, loaded, gain=10 ** (gain_db / 20), keep=keep)
    except BaseException:
        output.close()
        raise


def check_save(save: Path | None, force: bool) -> None:
    """Refuse, before any work is done, a MIDI file that cannot be written. Raises `UsageError`."""
    if save is None:
        return
    if save.suffix.lower() not in (".mid", ".midi"):
        raise UsageError(
            f"{save}: what is played is saved as a MIDI file", f"name it {save.stem or 'out'}.mid"
        )
    check_output(save, force)


def save_song(save: Path | None, sound: Sound | None) -> None:
    """Write what was played; ``jx render --midi`` makes the same sound of it."""
    if save is None or sound is None:
        return
    from jxctl._files import write_atomically
    from jxctl.library.song import write_song

    engine = sound.engine
    write_atomically(save, write_song(engine.played, engine.report.samples, engine.sample_rate))


def _one_tone(model: Model, path: Path) -> Memory:
    from jxctl.protocol.bank import Bank
    from jxctl.protocol.patch import Patch
    from jxctl.protocol.tone import read_tone
    from simulator.instrument.memory import Memory

    tone = read_tone(path)
    if model == "jx8p":
        return Memory(model, Bank("jx8p", tones={0: tone}))
    return Memory(model, Bank("mks70", {0: Patch.init(tone.name).with_tones(0, 0)}, {0: tone}))
