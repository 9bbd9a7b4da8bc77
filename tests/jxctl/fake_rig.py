"""A board that can be heard, whose every sample is known; and ``jx`` playing on it.

Run as a program it is ``jx`` with the port ``fake:`` and tones that are numbered: tone k of seed s
has DCO1 LFO = k % 128, DCO1 ENV = k // 128, DCO2 LFO = s and is otherwise plain. ``fake:deaf`` cannot
be heard. ``crash FOLDER STEPS`` instead records into FOLDER/1, FOLDER/2, ... and is killed at the
first, second, ... moment at which something was about to be made durable.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from types import ModuleType

import numpy as np

import jxctl.ports
from jxctl.ports import AudiblePort, Port
from jxctl.tone import INIT_TONE, Tone, to_batch

RATE = 8000
RELEASE_S = 0.01


def expected(note: int, velocity: int, level: int, gate_s: float, samples: int) -> np.ndarray:
    """What the fake board sounds like from note-on: a sine, released exponentially. ``float64[samples]``."""
    t = np.arange(samples) / RATE
    sound = 0.5 * velocity / 127 * level / 127 * np.sin(2 * np.pi * 440 * 2 ** ((note - 69) / 12) * t)
    return sound * np.exp(-np.maximum(t - round(gate_s * RATE) / RATE, 0) / RELEASE_S)


class FakePort(AudiblePort):
    """One voice; VCA LEVEL ($9E) and the velocity are its loudness.

    ``latency``: samples until a sound is heard. ``noise``: RMS of the noise on the input.
    ``gain``: of the input, which is cut at full scale. ``sent``: all bytes written.
    """

    def __init__(self, latency: int = 0, noise: float = 0.0, gain: float = 1.0) -> None:
        self.url = "fake:"
        self.sample_rate = RATE
        self.noise = noise
        self.gain = gain
        self.sent = b""
        self.listened = 0
        self.level = 0
        self._late = np.zeros(latency)
        self._random = np.random.default_rng(1)
        self._note: tuple[int, int] | None = None
        self._age = 0
        self._held = 0

    def write(self, data: bytes) -> None:
        """Understand the level, voice on, voice off and silence."""
        self.sent += data
        at = 0
        while at < len(data):
            status, rest = data[at], data[at + 1 : at + 3]
            if status == 0x9E:
                self.level = rest[0]
            elif status == 0xB6:
                self._note = None
            elif status == 0xC0:
                self._note, self._age, self._held = (rest[0], rest[1]), 0, 0
            elif status == 0xD0:
                self._held = self._age
            at += 1 if status >= 0xF0 else 2 if status < 0xC0 else 3

    def listen(self, seconds: float) -> np.ndarray:
        """The next stretch of sound."""
        count = round(seconds * RATE)
        self.listened += count
        sound = np.zeros(count)
        if self._note is not None:
            self._age += count
            held = (self._held or self._age) / RATE
            sound = expected(*self._note, self.level, held, self._age)[self._age - count :]
        sound = np.concatenate([self._late, sound])
        self._late = sound[count:]
        heard = sound[:count] + self.noise * self._random.standard_normal(count)
        return (self.gain * heard).clip(-1, 1).astype(np.float32)

    def close(self) -> None:
        """Nothing to do."""


class DeafPort(Port):
    """A port that cannot be heard."""

    url = "fake:deaf"

    def write(self, data: bytes) -> None:
        """Nowhere."""

    def close(self) -> None:
        """Nothing to do."""


def open(url: str) -> Port:
    """The port of a URL."""
    return DeafPort() if url == DeafPort.url else FakePort()


def numbered_tone(number: int, seed: int = 0, level: int = 127) -> Tone:
    """Tone ``number`` of ``seed``."""
    return INIT_TONE.with_values(
        {"DCO1 LFO": number % 128, "DCO1 ENV": number // 128, "DCO2 LFO": seed % 128, "VCA LEVEL": level}
    )


class NumberedPrior:
    """Stands in for the prior: its tones are numbered in the order in which they are drawn."""

    @classmethod
    def load(cls) -> NumberedPrior:
        """The one there is."""
        return cls()

    def sample(self, count: int, generator: np.random.Generator) -> np.ndarray:
        """``uint8[count, 48]``; what the generator draws tells the seeds apart."""
        seed = int(generator.integers(128))
        return to_batch([numbered_tone(number, seed) for number in range(count)])


def intact(folder: Path) -> list[int]:
    """The indices listed, after checking that every take holds the sound that its labels promise."""
    from jxctl.dataset import read

    indices = []
    for row, audio in read(folder):
        level = Tone(bytes.fromhex(row["tone"])).raw("VCA LEVEL")
        wanted = expected(row["note"], row["velocity"], level, row["gate_s"], len(audio))
        assert np.max(np.abs(audio - wanted)) < 1e-6, f"take {row['index']} is not what its row says"
        assert row["verdict"] == "ok"
        indices.append(row["index"])
    assert len(set(indices)) == len(indices), "a take is listed twice"
    return indices


def _jx() -> None:
    prior = ModuleType("estimator.prior")
    prior.Prior = NumberedPrior  # type: ignore[attr-defined]
    sys.modules["estimator.prior"] = prior
    jxctl.ports.SCHEMES["fake"] = ("fake_rig", "fake:")
    from jxctl.cli import main

    main()


def crash_plan() -> list:
    """What ``crash`` records."""
    from jxctl.recorder import plan_takes

    return plan_takes([numbered_tone(k) for k in range(3)], [60, 72], [100], gate_s=0.05, max_seconds=0.3)


def _crash(folder: Path, steps: int) -> None:
    from jxctl import recorder
    from jxctl.dataset_writer import Writer
    from jxctl.rig import Rig
    from jxctl.synth import Synth

    for step in range(1, steps + 1):
        child = os.fork()
        if child:
            os.waitpid(child, 0)
            continue
        left = step
        for name in ("fsync", "replace"):
            real = getattr(os, name)

            def counted(*arguments: object, real: object = real) -> object:
                nonlocal left
                left -= 1
                if not left:
                    os.kill(os.getpid(), signal.SIGKILL)
                return real(*arguments)  # type: ignore[operator]

            setattr(os, name, counted)
        port = FakePort()
        with Writer(folder / str(step)) as data_set:
            recorder.record(recorder.remaining(crash_plan(), data_set), Rig(Synth(port), port), data_set)
        os._exit(0)


if __name__ == "__main__":
    if sys.argv[1] == "crash":
        _crash(Path(sys.argv[2]), int(sys.argv[3]))
    else:
        _jx()
