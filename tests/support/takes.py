"""Takes and data sets whose every sample and label is known, without a rig.

Take k has a tone that carries its number: DCO1 LFO = k % 128, DCO1 ENV = k // 128. Its sound is a
sawtooth-like sum of sines at its note, ``latency_s`` late, on white noise from a generator seeded with
k: two takes are never bit for bit alike, as with a real input.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from jxctl.dataset.take import Take
from jxctl.dataset.writer import Writer
from jxctl.protocol.tone import INIT_TONE, Tone

RATE = 8000
FLOOR = 1e-4


def numbered_tone(number: int) -> Tone:
    """A tone that carries a number."""
    return INIT_TONE.with_values({"DCO1 LFO": number % 128, "DCO1 ENV": number // 128})


def tone_number(tone_hex: str) -> int:
    """The number a tone carries."""
    tone = Tone(bytes.fromhex(tone_hex))
    return tone.raw("DCO1 LFO") + 128 * tone.raw("DCO1 ENV")


def sound(
    number: int, note: int, seconds: float, gate_s: float, *, rate: int = RATE, latency_s: float = 0.0,
    cents: float = 0.0, gain: float = 0.3,
) -> np.ndarray:  # fmt: skip
    """What take ``number`` sounds like: float32[samples]."""
    t = np.arange(round(seconds * rate)) / rate - round(latency_s * rate) / rate
    hz = 440 * 2 ** ((note - 69 + cents / 100) / 12)
    partials = [np.sin(2 * np.pi * k * hz * t) / k for k in range(1, 20) if k * hz < 0.45 * rate]
    held = (t >= 0) * np.exp(-np.maximum(t - gate_s, 0) / 0.01)
    noise = np.random.default_rng(number).standard_normal(len(t))
    return (gain * held * np.sum(partials, axis=0) / 2 + FLOOR * noise).astype(np.float32)


def a_take(number: int = 0, **changes: Any) -> Take:
    """Take ``number``; ``changes`` are attributes of a `Take`, or `sound`'s ``cents`` and ``gain``."""
    heard = {name: changes.pop(name) for name in ("cents", "gain") if name in changes}
    rate = changes.get("sample_rate", RATE)
    latency_s = changes.get("latency_s") or 0.0
    note, gate_s = changes.get("note", 60), changes.get("gate_s", 0.05)
    seconds = changes.pop("seconds", 0.1)
    audio = sound(number, note, seconds, gate_s, rate=rate, latency_s=latency_s, **heard)
    take = Take(
        audio=audio, sample_rate=rate, tone=numbered_tone(number), note=note, velocity=100, gate_s=gate_s,
        max_seconds=4.0, port="serial:fake", noise_floor_dbfs=20 * float(np.log10(FLOOR)),
        peak_dbfs=20 * float(np.log10(np.abs(audio).max())), onset_s=latency_s, tail_cut=False,
        verdict="ok", model="board", board="lower", voice=0, recorded_at="2026-05-01T12:00:00.000Z",
    )  # fmt: skip
    return replace(take, **changes)


def a_set(folder: Path, count: int, **changes: Any) -> Path:
    """A data set of takes 0 to ``count``, all with the same ``changes``."""
    with Writer(folder) as data_set:
        for number in range(count):
            data_set.append(number, a_take(number, **changes), seed=4)
    return folder
