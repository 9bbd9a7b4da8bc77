"""Record through faults and kills until a plan is done, and compare every take with what it is said to be.

The truth is the simulator's own render of the tone, note and gate in the label. It is laid over the
recording where it fits best; the key goes up at a control tick, so gates a few ticks longer or shorter
are tried too. Nothing here uses the recorder's own judgement.
"""

from __future__ import annotations

import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from jxctl.dataset import read
from jxctl.protocol.tone import INIT_TONE, Tone, write_tone
from simulator.synth.render import render

TICK_S = 0.01
INTACT_DB = -60.0
TRUSTED = ("ok", "expected silence")


@dataclass(frozen=True)
class Fit:
    """How a recording differs from its label's render: ``residual_db``, ``lag`` in samples, and by how many
    ``ticks`` the gate was longer."""

    residual_db: float
    lag: int
    ticks: int


def fit(audio: np.ndarray, rate: int, tone: Tone, note: int, velocity: int, gate_s: float) -> Fit:
    """The best of the fits of a render to a recording."""
    ticks = range(-3, 5)
    asked = (np.tile(np.frombuffer(tone.values, np.uint8), (len(ticks), 1)), note, velocity)
    gates = np.maximum([gate_s + k * TICK_S for k in ticks], 0.001)
    found = []
    for k, made in zip(ticks, render(*asked, gates, len(audio) / rate, sample_rate=rate), strict=True):
        size = 1 << (2 * len(audio)).bit_length()
        alike = np.fft.irfft(np.fft.rfft(audio, size) * np.conj(np.fft.rfft(made, size)), size)
        lag = int(np.argmax(alike[: len(audio)]))
        late = np.concatenate([np.zeros(lag), made[: len(audio) - lag]])
        power = float(np.mean(np.square(late)))
        left = float(np.mean(np.square(audio - late)))
        found.append(Fit(10 * np.log10((left + 1e-20) / (power + 1e-20)), lag, k))
    return min(found, key=lambda each: each.residual_db)


def rendered(tone: Tone, note: int, velocity: int, gate_s: float, samples: int) -> np.ndarray:
    """The render of a label: float32[samples] at 44.1 kHz."""
    made = render(np.frombuffer(tone.values, np.uint8), note, velocity, gate_s, samples / 44100)
    return np.asarray(made[0])


def pause(seconds: float) -> None:
    """Let programs work."""
    time.sleep(seconds)


def tones(count: int) -> list[Tone]:
    """Tones that all sound different, without noise and without an LFO that runs by itself."""
    ranges, waves = ("16'", "8'", "4'"), ("sawtooth", "square", "pulse")
    return [
        INIT_TONE.with_values(
            {
                "DCO1 RANGE": ranges[k % 3],
                "DCO1 WF": waves[k // 3 % 3],
                "DCO2 WF": waves[k // 9 % 3],
                "VCF FREQ": 60 + k % 60,
                "VCF RES": 3 * k % 70,
                "MIX DCO2": 127 * (k % 2),
                "ENV2 ATT": 5 * (k % 5),
                "ENV2 DECY": 20 + k % 50,
                "ENV2 SUS": 127 - k % 70,
                "ENV2 REL": k % 25,
            }
        ).named(f"HIL {k}")
        for k in range(count)
    ]


def write_tones(folder: Path, count: int) -> list[str]:
    """Write them, and the options of ``jx record`` that play them."""
    options = []
    for number, tone in enumerate(tones(count)):
        write_tone(tone, folder / f"tone{number}.json")
        options += ["--from", str(folder / f"tone{number}.json")]
    return options


@dataclass
class Counts:
    """What a campaign came to."""

    planned: int = 0
    listed: int = 0
    kills: int = 0
    runs: int = 0
    verdicts: Counter[str] = field(default_factory=Counter)
    replayed: int = 0
    reported: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    damaged: list[str] = field(default_factory=list)
    worst_db: float = -200.0
    crashes: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        faults = ", ".join(f"{count} {kind}" for kind, count in sorted(self.faults.items())) or "none"
        verdicts = ", ".join(f"{count} {verdict}" for verdict, count in sorted(self.verdicts.items()))
        return "\n".join(
            [
                f"takes planned {self.planned}, listed {self.listed}; kills {self.kills} in {self.runs} runs",
                f"faults injected: {faults}",
                f"verdicts: {verdicts}; {self.replayed} played again, {self.reported} failed with a reason",
                f"trusted takes that are not what their label says: {len(self.damaged)}"
                f"; the worst trusted take is {self.worst_db:.0f} dB from its render",
                *self.damaged,
                *self.crashes,
            ]
        )


def record(
    start: Callable[[], subprocess.Popen[str]],
    folder: Path,
    kills: int,
    seed: int,
    longest_s: float = 2.0,
    patience_s: float = 600.0,
) -> Counts:
    """Run a recorder into ``folder`` again and again, kill it at random moments, and let the last run finish.

    One kill in four comes while it starts, the others up to ``longest_s`` after it has recorded something.
    """
    moments, counts = random.Random(seed), Counts()
    end = time.monotonic() + patience_s
    while True:
        counts.runs += 1
        process = start()
        if counts.kills < kills and _live_on(process, folder, moments, longest_s):
            process.send_signal(signal.SIGKILL)
            process.communicate()
            counts.kills += 1
            continue
        try:
            _, said = process.communicate(timeout=max(end - time.monotonic(), 1))
        except subprocess.TimeoutExpired:
            process.kill()
            _, said = process.communicate()
        if "Traceback" in said:
            counts.crashes.append(said)
        if process.returncode == 0:
            return counts
        # A device was away; the same command goes on.
        if time.monotonic() > end or counts.runs > 20 + 3 * kills:
            counts.crashes.append(f"given up: {said[-500:]}")
            return counts


def _live_on(process: subprocess.Popen[str], folder: Path, moments: random.Random, longest_s: float) -> bool:
    """Let a recorder run until it is to be killed; False when it ended by itself."""
    wait_s = moments.uniform(0, longest_s)
    if moments.random() > 0.25:
        before = _rows(folder)
        while _rows(folder) == before and process.poll() is None:
            time.sleep(0.01)
    try:
        process.wait(timeout=wait_s)
    except subprocess.TimeoutExpired:
        return True
    return False


def _rows(folder: Path) -> int:
    path = folder / "metadata.jsonl"
    return path.stat().st_size if path.exists() else 0


def examine(folder: Path, planned: int, counts: Counts) -> Counts:
    """Compare every listed take with its label."""
    counts.planned = planned
    if counts.crashes:
        return counts
    seen = set()
    for row, audio in read(folder):
        counts.listed += 1
        counts.verdicts[str(row["verdict"])] += 1
        counts.replayed += row["attempts"] > 1
        assert row["index"] not in seen, "a take is listed twice"
        seen.add(row["index"])
        if row["verdict"] not in TRUSTED:
            counts.reported += 1
            assert row["reason"], f"take {row['index']} failed without a reason"
            continue
        tone = Tone(bytes.fromhex(row["tone"]))
        sound = np.asarray(audio, np.float64)
        found = fit(sound, row["sample_rate"], tone, row["note"], row["velocity"], row["gate_s"])
        counts.worst_db = max(counts.worst_db, found.residual_db)
        if found.residual_db > INTACT_DB:
            counts.damaged.append(f"take {row['index']}: {found}, attempts {row['attempts']}")
    return counts
