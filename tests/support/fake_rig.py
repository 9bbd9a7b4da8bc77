"""A board that can be heard, whose every sample is known; and ``jx`` playing on it.

Run as a program it is ``jx`` with the port ``fake:`` and tones that are numbered: tone k of seed s
has DCO1 LFO = k % 128, DCO1 ENV = k // 128, DCO2 LFO = s and is otherwise plain. ``fake:deaf`` cannot
be heard, ``fake:mute`` is silent and ``fake:hot`` clips. ``crash FOLDER STEPS`` instead records into
FOLDER/1, FOLDER/2, ... and is killed at the first, second, ... moment at which something was about to
be made durable.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import numpy as np

import jxctl.ports
from jxctl.errors import DeviceError
from jxctl.ports import AudiblePort, Port
from jxctl.protocol.tone import INIT_TONE, Tone, to_batch
from jxctl.recording import plan, rig
from jxctl.recording.plan import Plan

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


class FaultyPort(FakePort):
    """A fake board with an accident at each note-on that ``faults`` names, by its number from 0.

    mute, clip, hum (loud from the start on), late (0.3 s), wrong note (three semitones up), lost
    (a block of audio, seen by `Card`), unplugged (the input is gone for good).
    """

    LATENCY = 160

    def __init__(self, faults: dict[int, str]) -> None:
        super().__init__(self.LATENCY)
        self.faults = faults
        self.notes = 0
        self.fault = ""
        self.lost = 0

    def write(self, data: bytes) -> None:
        """As the board, with the fault of this note from here on."""
        if data[-3:-2] == b"\xc0":
            self.fault = self.faults.get(self.notes, "")
            self.notes += 1
            self._late = np.zeros(self.LATENCY + (round(0.3 * RATE) if self.fault == "late" else 0))
            if self.fault == "wrong note":
                data = bytes((*data[:-2], data[-2] + 3, data[-1]))
        super().write(data)

    def listen(self, seconds: float) -> np.ndarray:
        """What is heard, with the fault."""
        heard = super().listen(seconds)
        if self._note is None:
            return heard
        if self.fault == "unplugged":
            raise DeviceError("the audio input is gone")
        self.lost += self.fault == "lost"
        if self.fault == "mute":
            heard[:] = 0
        elif self.fault == "clip":
            heard = (100 * heard).clip(-1, 1)
        elif self.fault == "hum":
            heard += np.float32(0.3)
        return heard


class Clock:
    """Seconds that pass only when somebody waits. ``now``: since the start."""

    def __init__(self) -> None:
        self.now = 0.0


class Card:
    """A sound card in front of a fake port: real time, by a fake clock. A `jxctl.audio.capture.LiveInput`.

    Sound that arrived while nobody listened is heard first, unless it is caught up. Bytes to the port
    take their time on the bus, 320 microseconds each.
    """

    def __init__(self, port: FakePort, clock: Clock) -> None:
        self.sample_rate = RATE
        self._port, self._clock = port, clock
        self._heard_until = 0.0
        real = port.write

        def write(data: bytes) -> None:
            clock.now += len(data) * 320e-6
            self._arrive()
            real(data)

        port.write = write  # type: ignore[method-assign]
        self._stale = np.zeros(0, np.float32)

    @property
    def dropouts(self) -> int:
        """As the port has them."""
        return getattr(self._port, "lost", 0)

    def catch_up(self) -> None:
        """Forget what arrived."""
        self._arrive()
        self._stale = self._stale[:0]

    def listen(self, seconds: float) -> np.ndarray:
        """Wait for so much sound."""
        wanted = round(seconds * RATE)
        self._arrive()
        if self._stale.size < wanted:
            self._clock.now = self._heard_until + (wanted - self._stale.size + 0.5) / RATE
            self._arrive()
        heard, self._stale = self._stale[:wanted], self._stale[wanted:]
        return heard

    def _arrive(self) -> None:
        missed = int((self._clock.now - self._heard_until) * RATE)
        if missed > 0:
            self._stale = np.concatenate([self._stale, self._port.listen(missed / RATE)])
            self._heard_until += missed / RATE


class DeafPort(Port):
    """A port that cannot be heard."""

    url = "fake:deaf"

    def write(self, data: bytes) -> None:
        """Nowhere."""

    def close(self) -> None:
        """Nothing to do."""


def open(url: str) -> Port:
    """The port of a URL."""
    if url == DeafPort.url:
        return DeafPort()
    return FakePort(gain={"fake:mute": 0.0, "fake:hot": 3.0}.get(url, 1.0))


def numbered_tone(number: int, seed: int = 0, level: int = 127) -> Tone:
    """Tone ``number`` of ``seed``."""
    return INIT_TONE.with_values(
        {"DCO1 LFO": number % 128, "DCO1 ENV": number // 128, "DCO2 LFO": seed % 128, "VCA LEVEL": level}
    )


def short_plan(count: int, first: int = 0, **changes: object) -> Plan:
    """Numbered tones from ``first`` on, one short note each unless ``changes`` says otherwise."""
    same: dict[str, object] = {"notes": [60], "velocities": [100], "gates_s": [0.05], "max_seconds": 0.3}
    return Plan([numbered_tone(k) for k in range(first, first + count)], **(same | changes))  # type: ignore[arg-type]


class NumberedPrior:
    """Stands in for the prior: its tones are numbered in the order in which they are drawn."""

    def sample(self, count: int, generator: np.random.Generator) -> np.ndarray:
        """``uint8[count, 48]``; what the generator draws tells the seeds apart."""
        seed = int(generator.integers(128))
        return to_batch([numbered_tone(number, seed) for number in range(count)])


class Known:
    """Stands in for the simulator: what the fake board should sound like. ``pitched``: say its pitch."""

    def __init__(self, *unused: object, pitched: bool = False, **more: object) -> None:
        self.pitched = pitched

    def sounds(self, tone: Tone, note: int, velocity: int, gate_s: float) -> bool | None:
        """It does unless its level is zero."""
        return tone.raw("VCA LEVEL") > 0

    def onset_s(
        self, tone: Tone, note: int, velocity: int, gate_s: float, below_peak_db: float
    ) -> float | None:
        """At once."""
        return 0.0

    def hz(self, tone: Tone, note: int) -> float | None:
        """Equal temperament."""
        return 440 * 2 ** ((note - 69) / 12) if self.pitched else None

    def lasts_s(self, *unused: object) -> float | None:
        """Its tails end when they are quiet."""

    def renders(self, *unused: object) -> tuple[()]:
        """Unknown."""
        return ()


def intact(folder: Path, live: bool = False, failed: bool = False) -> list[int]:
    """The indices listed, after checking that every take holds the sound that its labels promise.

    ``live``: heard from a `FaultyPort` by a `Card`, and so late, with some samples more or less of gate.
    ``failed``: takes that could not be trusted may be there too. Their sound is anything.
    """
    from jxctl.dataset import read

    indices = []
    for row, audio in read(folder):
        indices.append(row["index"])
        if failed and row["verdict"] != "ok":
            continue
        level = Tone(bytes.fromhex(row["tone"])).raw("VCA LEVEL")
        wanted = expected(row["note"], row["velocity"], level, row["gate_s"], len(audio))
        lags = range(FaultyPort.LATENCY, FaultyPort.LATENCY + 20) if live else range(1)
        error = min(np.max(np.abs(audio[lag:] - wanted[: len(wanted) - lag])) for lag in lags)
        assert error < (0.03 if live else 1e-6), f"take {row['index']} is not what its row says"
        assert row["verdict"] == "ok"
    assert len(set(indices)) == len(indices), "a take is listed twice"
    return indices


def _jx() -> None:
    plan.prior_tones = lambda count, seed: plan.drawn_tones(NumberedPrior(), count, seed)
    rig.expectations = lambda *about: Known()
    jxctl.ports.SCHEMES["fake"] = ("fake_rig", "fake:")
    from jxctl.cli import main

    main()


def crash_plan() -> Plan:
    """What ``crash`` records."""
    return short_plan(3, notes=[60, 72])


def _crash(folder: Path, steps: int) -> None:
    from jxctl.dataset.writer import Writer
    from jxctl.ports.client import Synth
    from jxctl.recording import recorder
    from jxctl.recording.rig import Rig

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
            plan = crash_plan()
            recorder.record(recorder.remaining(plan, data_set), Rig(Synth(port), port), data_set)
        os._exit(0)


if __name__ == "__main__":
    if sys.argv[1] == "crash":
        _crash(Path(sys.argv[2]), int(sys.argv[3]))
    else:
        _jx()
