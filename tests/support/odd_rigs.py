"""Benches that are set up wrong, each in one way: the virtual board, and something between it and the ear.

Run as a program it is ``jx`` with one more port: ``odd:KIND?...``, KIND being a key of `KINDS` and the rest
as of ``sim:``. ``odd:loose`` loses its port once, at note `LOOSE_AT`, and ``odd:unplugged`` its sound; both
leave a file ``lost`` where they run, so that the same command finds it mended.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import jxctl.ports
from jxctl.errors import DeviceError
from jxctl.ports import AudiblePort, Port
from jxctl.ports.virtual import SimPort
from jxctl.ports.virtual import open as open_sim
from jxctl.protocol.bus import (
    Decoder,
    SelectBoard,
    SetParameter,
    VoiceOff,
    VoiceOn,
    encode,
)
from jxctl.protocol.load_order import load_sequence
from jxctl.protocol.tone import INIT_TONE
from simulator.instrument.board import Board
from simulator.synth import Profile, load_profile

Samples = NDArray[np.float64]
Between = Callable[[Samples], Samples]
"""What is heard of what is played, block by block: it remembers what it needs."""
RATE = 44100
LOOSE_AT = 30
DELAY = 16384


class Delayed:
    """A line that is read at a place that swings (chorus, vibrato), or fed back (echo)."""

    def __init__(
        self, dry: float, wet: float, hz: float = 0.6, middle_s: float = 0.004, swing_s: float = 0.0015
    ) -> None:
        self.dry, self.wet, self.hz, self.middle, self.swing = dry, wet, hz, middle_s * RATE, swing_s * RATE
        self.line = np.zeros(DELAY)
        self.at = 0

    def __call__(self, x: Samples) -> Samples:
        line = np.concatenate([self.line, x])
        turns = self.hz * (self.at + np.arange(x.size)) / RATE
        place = DELAY + np.arange(x.size) - self.middle - self.swing * np.sin(2 * np.pi * turns)
        self.at += x.size
        self.line = line[-DELAY:]
        return self.dry * x + self.wet * np.interp(place, np.arange(line.size), line)


class Reverb:
    """A tail of 1 s by a comb that is fed back."""

    def __init__(self) -> None:
        self.line = np.zeros(1777)
        self.at = 0

    def __call__(self, x: Samples) -> Samples:
        out = np.empty_like(x)
        for k, sample in enumerate(x):
            out[k] = self.line[self.at] = sample + 0.75 * self.line[self.at]
            self.at = (self.at + 1) % self.line.size
        return 0.5 * out


class Tremolo:
    """Loudness that swings."""

    def __init__(self) -> None:
        self.at = 0

    def __call__(self, x: Samples) -> Samples:
        turns = 4.0 * (self.at + np.arange(x.size)) / RATE
        self.at += x.size
        return x * (0.85 + 0.15 * np.sin(2 * np.pi * turns))


class Levelled:
    """An automatic gain: whatever comes, comes out at one level."""

    def __init__(self) -> None:
        self.power = 0.0

    def __call__(self, x: Samples) -> Samples:
        out = np.empty_like(x)
        for begin in range(0, x.size, 441):
            part = x[begin : begin + 441]
            self.power = max(float(np.mean(np.square(part))), 0.5 * self.power)
            out[begin : begin + 441] = part * min(0.1 / (np.sqrt(self.power) + 1e-9), 300.0)
        return out


class Source:
    """Something that sounds by itself: ``hum``, ``noise``, or ``music``, notes of its own with pauses
    between; ``level`` is its amplitude, ``share`` what is left of the synth; it begins after ``begin_s``."""

    def __init__(self, kind: str, level: float, share: float = 1.0, begin_s: float = 0.0) -> None:
        self.kind, self.level, self.share, self.begin_s = kind, level, share, begin_s
        self.at = 0
        self.random = np.random.default_rng(3)

    def __call__(self, x: Samples) -> Samples:
        t = (self.at + np.arange(x.size)) / RATE
        self.at += x.size
        if self.kind == "noise":
            own = self.random.standard_normal(x.size)
        elif self.kind == "hum":
            own = sum(np.sin(2 * np.pi * 50 * k * t) / k for k in (1, 2, 3, 5, 6, 9))
        else:
            beat = np.floor(t / 0.31).astype(int)
            hz = 110 * 2 ** (np.array([0, 7, 3, 12, 10, 5, 8])[beat % 7] / 12)
            own = np.sign(np.sin(2 * np.pi * hz * t)) * np.exp(-3 * (t % 0.31)) * (beat % 5 != 4)
        return self.share * x + self.level * own * (t >= self.begin_s)


KINDS: dict[str, Callable[[], Between]] = {
    "plain": lambda: lambda x: x,
    "loose": lambda: lambda x: x,
    "unplugged": lambda: lambda x: x,
    "silent": lambda: lambda x: 0 * x,
    "chorus": lambda: Delayed(1, 1),
    "faint chorus": lambda: Delayed(1, 0.2, hz=0.2, swing_s=0.0005),
    "echo": lambda: Delayed(1, 0.5, hz=0.0, middle_s=0.3),
    "vibrato": lambda: Delayed(0, 1, hz=4.0, swing_s=0.0005),
    "tremolo": Tremolo,
    "reverb": Reverb,
    "clipped": lambda: lambda x: np.clip(20 * x, -1, 1),
    "clipped before": lambda: lambda x: np.clip(x, -0.2, 0.2),
    "levelled": Levelled,
    "hum": lambda: Source("hum", 0.1, 0.0),
    "hum beside": lambda: Source("hum", 0.02),
    "noisy": lambda: Source("noise", 0.02),
    "music": lambda: Source("music", 0.3, 0.0),
    "music later": lambda: Source("music", 0.3, 0.0, 2.4),
    "music beside": lambda: Source("music", 0.05),
    "other channel": lambda: lambda x: 1e-4 * x,
    "other synth": lambda: lambda x: x,
    "semitone": lambda: lambda x: x,
    "drum": lambda: lambda x: x,
    "octave": lambda: lambda x: x,
    "unison": lambda: lambda x: x,
    "layered": lambda: lambda x: x,
    "no filter": lambda: lambda x: x,
}
FIXED = INIT_TONE.with_values({"DCO1 WF": "pulse", "VCF FREQ": 90, "VCA LEVEL": 110, "ENV2 REL": 50})
"""How a synth sounds that takes no tones."""
DRUM = INIT_TONE.with_values({"DCO1 WF": "noise", "VCA MODE": "gate"})
_CUTOFF = 0x97


class OddPort(AudiblePort):
    """A bare virtual board with something wrong. ``kind``: of `KINDS`."""

    def __init__(self, kind: str, board: Port) -> None:
        assert isinstance(board, SimPort)
        self.kind, self.board, self.url = kind, board, f"odd:{kind}"
        self.sample_rate = board.sample_rate
        self.channel = 1
        self.loudest = [0.0, 0.0]
        self._between = KINDS[kind]()
        self._decoder = Decoder()
        self._notes = 0
        self._mended = Path("lost").exists()
        # What plays along: the same tone a little higher, or another synth that takes no tones.
        self._second: SimPort | None = None
        if kind in ("unison", "layered"):
            self._second = SimPort("sim:", Board(_higher(0.08), self.sample_rate), self.sample_rate)
        if kind == "no filter":
            board.write(encode([SelectBoard("lower"), SetParameter(_CUTOFF, 100)]))
        if kind in ("other synth", "layered", "drum"):
            (self._second or board).write(encode(load_sequence(DRUM if kind == "drum" else FIXED)))

    def write(self, data: bytes) -> None:
        """Give the board the bytes, or what becomes of them."""
        messages = list(self._decoder.feed(data))
        self._notes += sum(isinstance(message, VoiceOn) for message in messages)
        if self._broken:
            Path("lost").touch()
            if self.kind == "loose":
                raise DeviceError("the adapter is gone", "plug it in; the same command continues")
        notes = [message for message in messages if not isinstance(message, SetParameter)]
        if self.kind in ("other synth", "drum"):
            messages = notes
        elif self.kind == "no filter":
            messages = [m for m in messages if not isinstance(m, SetParameter) or m.id != _CUTOFF]
        by = {"semitone": 1, "octave": 12}.get(self.kind, 0)
        moved = [replace(m, note=m.note + by) if isinstance(m, VoiceOn | VoiceOff) else m for m in messages]
        if moved:
            self.board.write(encode(moved))
        if self._second is not None and (along := notes if self.kind == "layered" else messages):
            self._second.write(encode(along))

    def listen(self, seconds: float) -> NDArray[np.float32]:
        """What arrives."""
        played = self.board.listen(seconds).astype(np.float64)
        if self._second is not None:
            played += self._second.listen(seconds)
        heard = self._between(played) * (not self._broken)
        peaks = [float(np.max(np.abs(x), initial=0.0)) for x in (heard, played)]
        self.loudest = [max(pair) for pair in zip(self.loudest, peaks, strict=True)]
        return np.clip(heard, -1, 1).astype(np.float32)

    @property
    def _broken(self) -> bool:
        return self.kind in ("loose", "unplugged") and self._notes >= LOOSE_AT and not self._mended

    def close(self) -> None:
        """Let the board go."""
        self.board.close()


class TwoChannels(OddPort):
    """The synth is on the second channel; the first, which is heard, has a little of it."""

    def peaks_dbfs(self) -> list[float]:
        """Of both since the last call."""
        peaks, self.loudest = self.loudest, [0.0, 0.0]
        return [20 * float(np.log10(peak + 1e-10)) for peak in peaks]


def odd(kind: str, board: Port) -> OddPort:
    """The port of a kind."""
    return (TwoChannels if kind == "other channel" else OddPort)(kind, board)


def open(url: str) -> Port:
    """``odd:KIND?options of sim:``."""
    kind, _, query = url.removeprefix("odd:").partition("?")
    return odd(kind, open_sim(f"sim:?{query}" if query else "sim:"))


def _higher(semitones: float) -> Profile:
    base = load_profile("superjx")
    return base.replace(dco_range=base.laws["dco_range"].values + semitones)


if __name__ == "__main__":
    jxctl.ports.SCHEMES["odd"] = ("odd_rigs", "odd:")
    from jxctl.cli import main

    sys.argv[0] = "jx"
    main()
