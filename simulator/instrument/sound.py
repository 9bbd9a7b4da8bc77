"""The boards of a virtual synth on an audio output: an `Engine` and the device that asks it for sound."""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

from jxctl.audio.playback import AudioOutput
from jxctl.protocol.bus import BoardName
from simulator.instrument.board import boards
from simulator.instrument.realtime import Engine, undisturbed, warm_up
from simulator.synth.profile import Profile

TICK_S = 0.010
"""About the length of a board's control loop (thesis 3.1.2.2)."""


class Sound:
    """Boards called ``names`` that are heard on ``output`` while the context lasts.

    ``profile`` and ``seed`` as of `simulator.instrument.board.Board`; ``gain``: a factor; ``keep``: remember
    what is played, for `song`. Everything is compiled and warm before it sounds. Raises `ProfileError` for a
    profile that cannot be used.
    """

    def __init__(
        self,
        output: AudioOutput,
        names: tuple[BoardName, ...],
        profile: str | Path | Profile = "superjx",
        seed: int = 0,
        gain: float = 1.0,
        keep: bool = False,
    ) -> None:
        self.output = output
        warm_up(names, profile, output.sample_rate, output.block)
        self.engine = Engine(boards(names, profile, output.sample_rate, seed), gain, keep)
        self._running = ExitStack()
        self._began = self._ended = (0.0, 0.0)

    @property
    def latency_s(self) -> float:
        """From a byte to the sound of the tick in which it acts: a block, and what PortAudio reports."""
        return self.output.latency_s + self.output.block / self.output.sample_rate

    @property
    def cpu(self) -> float:
        """Processor time of this whole process over the time that it sounded: 1 is one core."""
        ended = _times() if self._ended == (0.0, 0.0) else self._ended
        return (ended[1] - self._began[1]) / max(ended[0] - self._began[0], 1e-9)

    def play(self, data: bytes, cause: bytes = b"") -> None:
        """As `Engine.play`."""
        self.engine.play(data, cause)

    def check(self) -> None:
        """Raise `DeviceError` when the output has gone."""
        self.output.check()

    def describe(self) -> str:
        """Where it sounds and how late, in a line."""
        output = self.output
        block_s = output.block / output.sample_rate
        return (
            f"sounds on {output.name!r} at {output.sample_rate} Hz; latency {1000 * self.latency_s:.1f} ms: "
            f"{1000 * block_s:.1f} ms a block of {output.block}, {1000 * output.latency_s:.1f} ms PortAudio "
            f"(and up to {1000 * TICK_S:.0f} ms until a board looks, as on the real one)"
        )

    def to_json(self) -> dict[str, Any]:
        """Plain data: device, rate, block, latency and the engine's
        `simulator.instrument.realtime.Report`."""
        return {
            "device": self.output.name,
            "sample_rate": self.output.sample_rate,
            "block": self.output.block,
            "latency_s": self.latency_s,
            "cpu": self.cpu,
            **self.engine.report.to_json(),
        }

    def text(self) -> str:
        """What happened, in a line or two."""
        report, rate = self.engine.report, self.output.sample_rate
        lines = [
            f"played {report.samples / rate:.1f} s: {report.underruns} underruns, "
            f"{report.late} blocks late, {self.cpu:.1%} of one core; "
            f"a block took {report.load:.1%} of its time, at most {report.busiest:.0%}"
        ]
        if report.clipped:
            lines.append(f"{report.clipped} blocks passed full scale (peak {report.peak:.2f}): lower --gain")
        return "\n".join(lines)

    def __enter__(self) -> Sound:
        self._running.enter_context(undisturbed())
        self._began = _times()
        self.output.start(self.engine.fill)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended = _times()
        self.output.close()
        self._running.close()


def _times() -> tuple[float, float]:
    return time.monotonic(), time.process_time()
