"""``jx render --midi``: a Standard MIDI File as the virtual synth plays it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

from jxctl._files import read_bytes
from jxctl.cli.common import Shown, progress
from jxctl.cli.output import check_outputs
from jxctl.errors import UsageError

if TYPE_CHECKING:
    from jxctl.library.song import Song

_LONGEST_TAIL_S = 600.0
_LARGEST_FILE = 50_000_000


def render_midi(
    midi: Path,
    output: Path,
    *,
    tone: Path | None,
    bank: Path | None,
    model: str,
    tail: float,
    profile: str,
    rate: int,
    seed: int,
) -> Shown:
    """Render a MIDI file to a stereo WAV. Raises `UsageError` before anything is written."""
    from simulator.instrument.memory import model_named, read_memory
    from simulator.instrument.realtime import RATES
    from simulator.synth.random import LARGEST_SEED

    check_outputs(midi, [(output, ".wav")])
    if not (math.isfinite(tail) and 0 <= tail <= _LONGEST_TAIL_S):
        raise UsageError(f"--tail is {tail:g} s", f"give 0 to {_LONGEST_TAIL_S:g}")
    if not RATES[0] <= rate <= RATES[1]:
        raise UsageError(f"--rate is {rate} Hz", f"give {RATES[0]} to {RATES[1]}")
    if not 0 <= seed <= LARGEST_SEED:
        raise UsageError(f"--seed is {seed}", f"give 0 to {LARGEST_SEED}")
    song = _read(midi)
    known = model_named(model)
    memory = read_memory(known, bank, tone)

    from jxctl.audio.files import MOST_BYTES, WavStream

    longest = math.floor(MOST_BYTES / (6 * rate))
    if song.seconds + tail > longest:
        raise UsageError(
            f"{midi}: lasts {song.seconds / 60:.0f} minutes, longer than a WAV can be at {rate} Hz",
            f"a WAV holds {longest // 60} minutes; lower --rate",
        )

    from simulator.instrument.instrument import Instrument, play_song

    instrument = Instrument(known, profile, rate, seed, memory=memory)
    with WavStream(output, 2, rate) as wav, progress("Rendering (s)", math.ceil(song.seconds)) as advance:
        for piece in play_song(song, instrument, tail):
            wav.write(piece)
            advance(piece.shape[1] / rate)
        if not wav.samples:
            raise UsageError(f"{midi}: nothing to render", "it has no events; --tail gives it some length")
        warnings = wav.finish()
    data = {
        "output": str(output),
        "samples": wav.samples,
        "sample_rate": rate,
        "channels": 2,
        "peak": wav.peak,
        "messages": len(song.messages),
        "warnings": warnings,
    }
    lines = [f"{output}: {len(song.messages)} messages, {wav.samples / rate:.1f} s, peak {wav.peak:.2f}"]
    if wav.peak == 0:
        lines.append("it is silent: it plays no notes, or its tones make no sound")
    return Shown(data, "\n".join([*lines, *warnings]))


def _read(path: Path) -> Song:
    from jxctl.library.song import read_song

    content = read_bytes(path, _LARGEST_FILE)
    try:
        return read_song(content)
    except UsageError as error:
        raise UsageError(f"{path}: {error.message}", error.hint) from None
