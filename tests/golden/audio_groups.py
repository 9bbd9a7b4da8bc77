"""Sound: renders of real tones, the virtual board, MIDI files through the virtual synth."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from . import adapter, adapter_estimator, scripts
from .store import Item

TONES = 200
NOTES = np.array([36, 60, 84])
VELOCITIES = np.array([127, 100, 45])
GATES_S = np.array([1.2, 0.8, 0.3])
SECONDS = 2.0
BANKS = {"mks70": "mks70_bulk_bank.syx", "jx8p": "jx8p_m16c_cartridge.bin"}


@functools.cache
def real_tones(shared: Path, count: int = TONES) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the table of real tones, spread evenly over it, and their tones, uint8[count, 48]."""
    tones = adapter.table(shared / "data" / "tones_dev.csv")
    rows = np.arange(count) * len(tones) // count
    return rows, tones[rows]


def _each(rows: np.ndarray, audio: np.ndarray, what: str = "") -> Iterator[Item]:
    """An item for each tone: audio [tones * notes, ...] with its notes together."""
    for row, sounds in zip(rows, audio.reshape(len(rows), -1, *audio.shape[1:]), strict=True):
        yield Item(f"row {row}{what}", sounds, samples=64 * len(sounds))


def renders(shared: Path, profile: str) -> Iterator[Item]:
    """200 real tones at three notes each, mono."""
    rows, tones = real_tones(shared)
    audio = adapter.render(
        np.repeat(tones, 3, axis=0), np.tile(NOTES, TONES), np.tile(VELOCITIES, TONES),
        np.tile(GATES_S, TONES), SECONDS, profile=profile, seed=np.repeat(rows, 3),
    )  # fmt: skip
    return _each(rows, audio)


def choruses(shared: Path, profile: str) -> Iterator[Item]:
    """Forty real tones with each position of CHORUS, stereo and mono."""
    rows, tones = real_tones(shared)
    rows, tones = rows[::5], tones[::5]
    for position in ("off", "1", "2"):
        values = [adapter.changed(tone.tobytes(), {"CHORUS": position}) for tone in tones]
        some = np.array([np.frombuffer(each, np.uint8) for each in values])
        for stereo in (True, False):
            audio = adapter.render(some, 52, 100, 0.7, SECONDS, profile=profile, seed=rows, stereo=stereo)
            yield from _each(rows, audio, f", chorus {position}, {'stereo' if stereo else 'mono'}")


def settings(shared: Path) -> Iterator[Item]:
    """Oversampling, sample rates, velocities, lengths, several profiles at once, derivatives, laws."""
    rows, tones = real_tones(shared)
    few, some = rows[::25], tones[::25]
    for times in (2, 3, 4):
        for stereo in (False, True):
            audio = adapter.render(some, 57, 90, 0.4, 0.8, seed=few, oversample=times, stereo=stereo)
            yield from _each(few, audio, f", oversampled {times} times{', stereo' * stereo}")
    for rate in (8000, 22050, 48000, 96000):
        audio = adapter.render(some, 64, 110, 0.5, 1.0, seed=few, sample_rate=rate)
        yield from _each(few, audio, f", {rate} Hz")
    keys = np.arange(0, 128, 4)
    swept = np.tile(np.frombuffer(adapter.plain_tone(), np.uint8), (len(keys), 1))
    yield Item("keys of the plain tone", adapter.render(swept, keys, keys[::-1], 0.3, 0.5), samples=640)
    yield Item("one sample", adapter.render(some, 60, seconds=1 / 44100))
    yield Item("an odd length", adapter.render(some[:3], 60, seconds=12345 / 44100), samples=192)
    variants = adapter.render_profiles(some, ["superjx", "thesis", "superjx"], 48, 100, 0.5, 1.0, seed=few)
    yield Item("several profiles at once", variants, samples=960)
    slopes = adapter.jacobian(tones[7].tobytes(), _mean_levels, note=50, gate_s=0.4, seconds=0.8)
    yield Item("derivatives of mean log-mel levels", slopes, samples=512, scale=80.0)
    for name in adapter.FULL_BOARDS:
        for law, values in adapter.laws(name).items():
            yield Item(f"law {law} of {name}", values, samples=128, scale=_size(values))
        for law, values in adapter.another_profile(name, 5).items():
            yield Item(f"law {law} beside {name}", values, samples=128, scale=_size(values))


def _mean_levels(audio: np.ndarray) -> np.ndarray:
    return np.asarray(adapter_estimator.ranking_cells(audio).mean(axis=2))


def _size(values: np.ndarray) -> float:
    return float(np.max(np.abs(values), initial=1e-9))


def boards(shared: Path) -> Iterator[Item]:
    """Bus bytes through the virtual board: the capture, and scripts made by hand."""
    rows, tones = real_tones(shared)
    capture = (shared / "data" / "captures" / "superjx_patch_load_bus.bin").read_bytes()
    for profile in adapter.FULL_BOARDS:
        for name in ("lower", "upper"):
            played = [(997, capture), *scripts.chord(name)]
            audio = adapter.board_audio(played, profile, name=name, seed=3)
            yield Item(f"the capture, {profile}, {name}", audio, samples=256)
    for row, tone in zip(rows[::20], tones[::20], strict=True):
        load = adapter.tone_to_bus(tone.tobytes())
        for title, script in scripts.performances(load).items():
            yield Item(f"row {row}: {title}", adapter.board_audio(script, seed=int(row)), samples=256)
    load = adapter.tone_to_bus(tones[3].tobytes(), "both")
    for rate in (22050, 48000):
        audio = adapter.board_audio([(0, load), *scripts.chord("both")], rate=rate, name="upper")
        yield Item(f"chord at {rate} Hz", audio, samples=256)


def songs(shared: Path) -> Iterator[Item]:
    """MIDI files through the virtual synth, with banks of captures, and the bus between."""
    captures = shared / "data" / "captures"
    for model, bank in (("mks70", "mks70"), ("jx8p", "jx8p"), ("jx10", "mks70"), ("mks70", None)):
        held = None if bank is None else (captures / BANKS[bank]).read_bytes()
        for title, song in scripts.songs().items():
            what = f"{title}, {model}, {'no bank' if bank is None else 'with a bank'}"
            through = adapter.midi_to_bus(adapter.song_messages(song), model, held)
            yield Item(f"{what}: bus", through, tolerance=0)
            for profile in adapter.FULL_BOARDS if bank == model else ("superjx",):
                audio = adapter.midi_audio(song, model, held, profile, seed=11)
                yield Item(f"{what}: {profile}", audio, samples=512)
