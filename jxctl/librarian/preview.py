"""Previews: what each tone of the library sounds like, as a WAV and a picture."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from jxctl._files import write_atomically
from jxctl.audio.analysis import hz_to_mel
from jxctl.audio.files import write_wav
from jxctl.errors import JxError, UsageError
from jxctl.librarian.exchange import file_names
from jxctl.librarian.identity import stock_of
from jxctl.librarian.index import StoredTone
from jxctl.protocol.tone import to_batch
from simulator.features import FLOOR_DB, RANKING, SAMPLE_RATE, log_mel
from simulator.synth import render

NOTE, VELOCITY, GATE_S, SECONDS = 60, 100, 1.0, 2.0
"""What a preview plays where nothing else is asked for; the same as `jx render`."""
AT_A_TIME = 32
PEAK = 0.9
"""Full scale 1, to which louder previews are turned down (chosen); quieter ones stay as they are, so that
previews can be compared."""
SILENT = 1e-4
"""Peak below which a preview is called silent (-80 dBFS, chosen)."""
_TICKS_HZ = (100, 300, 1000, 3000, 10000)


@dataclass(frozen=True, slots=True)
class Preview:
    """The ``audio`` (WAV) and ``picture`` (PNG) of a tone, and its ``peak``, full scale 1, before it was
    turned down."""

    tone: StoredTone
    audio: Path
    picture: Path
    peak: float


def preview(
    tones: Sequence[StoredTone], folder: str | Path, note: int = NOTE, velocity: int = VELOCITY,
    gate_s: float = GATE_S, seconds: float = SECONDS, force: bool = False,
    report: Callable[[int], None] = lambda _: None,
) -> list[Preview]:  # fmt: skip
    """Write a WAV and a PNG (log-mel spectrogram) of each tone into a folder.

    Args:
        tones: of the library.
        folder: made where it is not there.
        note: MIDI note, 0-127; ``velocity``: 0-127.
        gate_s: seconds that the key is down, of ``seconds`` in all.
        force: replace files that are there.
        report: called after each tone.

    Returns:
        What was written, in the order of ``tones``.

    Raises:
        UsageError: a file is there already, and nothing is written then; or a value is out of range.
        JxError: the folder cannot be written.
    """
    folder = Path(folder)
    sounds = [folder / name for name in file_names(tones, ".wav")]
    there = [path for sound in sounds for path in (sound, sound.with_suffix(".png")) if path.exists()]
    if there and not force:
        raise UsageError(f"{there[0]} is there already", "--force replaces it, or name a new folder")
    done: list[Preview] = []
    for first in range(0, len(tones), AT_A_TIME):
        part = tones[first : first + AT_A_TIME]
        audio = render(to_batch([stock_of(each.tone) for each in part]), note, velocity, gate_s, seconds)
        if not first:
            _make(folder)
        for stored, path, sound in zip(part, sounds[first : first + AT_A_TIME], audio, strict=True):
            peak = float(np.abs(sound).max())
            write_wav(path, sound * (PEAK / peak) if peak > PEAK else sound, SAMPLE_RATE)
            picture = path.with_suffix(".png")
            title = f"{stored.name}, note {note}, velocity {velocity}"
            write_atomically(picture, spectrogram_png(sound, title if peak >= SILENT else f"{title}: silent"))
            done.append(Preview(stored, path, picture, peak))
            report(len(done))
    return done


def spectrogram_png(audio: NDArray[np.float32], title: str) -> bytes:
    """A PNG of a sound's log-mel spectrogram, dB under its loudest cell.

    Args:
        audio: float32[samples] at 44.1 kHz.
        title: above it.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 3.4), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    image = axes.imshow(
        log_mel(audio[None])[0], origin="lower", aspect="auto", vmin=-FLOOR_DB, vmax=0, cmap="magma",
        extent=(0, len(audio) / SAMPLE_RATE, 0, RANKING.bands),
    )  # fmt: skip
    low, high = hz_to_mel(RANKING.low_hz), hz_to_mel(RANKING.high_hz)
    bands = [(hz_to_mel(hz) - low) / (high - low) * RANKING.bands for hz in _TICKS_HZ]
    axes.set_yticks(bands, [f"{hz:,}" for hz in _TICKS_HZ])
    axes.set(xlabel="time (s)", ylabel="frequency (Hz, mel scale)")
    # No markup: a dollar sign in a name would begin a formula.
    axes.set_title(title.replace("$", r"\$"))
    figure.colorbar(image, ax=axes, label="dB under the loudest cell")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=100)
    return buffer.getvalue()


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise JxError(f"cannot make {folder}: {error.strerror}", "name another folder") from error
