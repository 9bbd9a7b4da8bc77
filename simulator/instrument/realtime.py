"""Sound boards in real time: bus bytes whenever they come, a block of sound whenever it is wanted.

The `Engine` stands between two threads. Whoever has bytes gives them to `Engine.play`; the sound
system calls `Engine.fill` and has a block's length of time to get it (5.8 ms for 256 samples at 44.1 kHz).
What takes long, assigner, SysEx and dumps, is done before `play`; the boards alone run in `fill`. `Sound`
is an `Engine` and the audio output that asks it for blocks.
"""

from __future__ import annotations

import gc
import os
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jxctl._files import write_atomically
from jxctl.audio.playback import AudioOutput, open_output
from jxctl.errors import UsageError
from jxctl.library.song import write_song
from jxctl.protocol import bus
from jxctl.protocol.bus import VOICES, BoardName, Decoder, Forward
from jxctl.protocol.parameters import FIRST_ID, TONE_SIZE
from simulator.instrument.board import Board, boards, together
from simulator.instrument.memory import Model
from simulator.synth import compilation
from simulator.synth.profile import Profile, load_profile
from simulator.synth.render import loops

GRID = 64
"""Bytes act at multiples of so many samples into a block: a board looks at them once a tick (441) anyway."""

TICK_S = 0.010
"""About the length of a board's control loop (thesis 3.1.2.2)."""

LOUDEST_DB = 40.0
QUIETEST_DB = -120.0
"""Gains that can be asked for (chosen)."""

RATES = (8000, 192_000)
"""Sample rates that can be asked of a device, in Hz (chosen)."""

_SWITCH_S = 0.0005
"""Seconds after which Python lets another thread run, while sound is made (chosen; its default is 5 ms)."""

_WARM_BLOCKS = 40
"""Blocks that are rendered before it sounds (chosen)."""


@dataclass
class Report:
    """What happened so far.

    ``underruns``: blocks before which the sound system ran out of sound, as it says itself. ``late``: blocks
    that took longer to make than to play. ``load`` and ``busiest``: time to make a block over time to play
    it, on average and at most. ``clipped``: blocks that pass full scale. ``peak``: 1 is full scale.
    """

    blocks: int = 0
    samples: int = 0
    underruns: int = 0
    late: int = 0
    load: float = 0.0
    busiest: float = 0.0
    clipped: int = 0
    peak: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


class Engine:
    """Boards that hear the same bus and sound together, into blocks of ``float32[samples, 2]``.

    ``gain`` is applied at the end. ``keep``: remember what was played, as `played`. ``clock``: seconds,
    never going back. What it makes is `simulator.instrument.instrument.Instrument.render` bit for bit, with
    each stretch of bytes received at the sample that `played` names.
    """

    def __init__(
        self,
        boards: Sequence[Board],
        gain: float = 1.0,
        keep: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.boards = list(boards)
        self.sample_rate = boards[0].sample_rate
        self.report = Report()
        self.played: list[tuple[int, bytes]] = []
        self._gain = np.float32(gain)
        self._keep = keep
        self._clock = clock
        self._decoder = Decoder()
        self._waiting: deque[tuple[float, bytes, bytes]] = deque()
        self._before: float | None = None

    def play(self, data: bytes, cause: bytes = b"") -> None:
        """Take bus bytes, split anywhere, from one thread; they act a block later than they came.

        ``cause``: the MIDI bytes behind them; `played` then holds these instead.
        """
        # A dump to MIDI OUT crosses the bus too. No board acts on it, and reading it takes long.
        heard = [message for message in self._decoder.feed(data) if not isinstance(message, Forward)]
        if heard or cause:
            self._waiting.append((self._clock(), bus.encode(heard), cause))

    def fill(self, out: NDArray[np.float32], underrun: bool = False) -> None:
        """The next block, into ``out``, float32[samples, 2]."""
        begun = time.perf_counter()
        now, samples = self._clock(), len(out)
        # What came before the first block acts at its beginning.
        since = 0.0 if self._before is None else now - self._before
        self._before = now
        done = 0
        while self._waiting:
            arrived, data, cause = self._waiting.popleft()
            # Where in the time since the last block: so a block's length is all that a rhythm is late.
            share = 1 - (now - arrived) / since if since > 0 else 0.0
            place = max(min(int(share * samples), samples - 1) // GRID * GRID, done)
            self._render(out[done:place])
            done = place
            if self._keep:
                self.played.append((self.report.samples + done, cause or data))
            for board in self.boards:
                board.receive(data)
        self._render(out[done:])
        self._note(out, underrun, (time.perf_counter() - begun) * self.sample_rate / max(samples, 1))

    def _render(self, out: NDArray[np.float32]) -> None:
        if len(out):
            out[:] = together(self.boards, len(out)).T

    def _note(self, out: NDArray[np.float32], underrun: bool, load: float) -> None:
        if self._gain != 1:
            out *= self._gain
        report = self.report
        peak = max(float(out.max(initial=0)), -float(out.min(initial=0)))
        report.load = (report.load * report.blocks + load) / (report.blocks + 1)
        report.blocks += 1
        report.samples += len(out)
        report.underruns += underrun
        report.late += load > 1
        report.busiest = max(report.busiest, load)
        report.clipped += peak > 1
        report.peak = max(report.peak, peak)


class Sound:
    """Boards called ``names`` that are heard on ``output`` while the context lasts.

    ``profile`` and ``seed`` as of `simulator.instrument.board.Board`; ``gain``: a factor; ``keep``: remember
    what is played, for `write_song`. Everything is compiled and warm before it sounds. Raises `ProfileError`
    for a profile that cannot be used.
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

    def write_song(self, path: Path) -> None:
        """Write what was played, where it was kept, as a MIDI file: rendered, it is the same sound."""
        engine = self.engine
        write_atomically(path, write_song(engine.played, engine.report.samples, engine.sample_rate))

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


def open_sound(
    audio: str,
    names: tuple[BoardName, ...],
    profile: str | Path | Profile = "superjx",
    rate: int | None = None,
    gain_db: float = 0.0,
    keep: bool = False,
) -> Sound:
    """Boards on the audio output called ``audio``, warm; close its ``output`` afterwards.

    ``rate``: in Hz, the device's own if None. Raises `UsageError`, `ProfileError` and `DeviceError`.
    """
    if not QUIETEST_DB <= gain_db <= LOUDEST_DB:
        raise UsageError(
            f"--gain is {gain_db:g} dB",
            f"give {QUIETEST_DB:g} to {LOUDEST_DB:g}; 0 leaves the level alone",
        )
    if rate is not None and not RATES[0] <= rate <= RATES[1]:
        raise UsageError(f"--rate is {rate} Hz", f"give {RATES[0]} to {RATES[1]}; 44100 and 48000 are usual")
    # Before a device is opened: a mistake in the profile is told first.
    loaded = load_profile(profile)
    output = open_output(audio, rate)
    try:
        return Sound(output, names, loaded, gain=10 ** (gain_db / 20), keep=keep)
    except BaseException:
        output.close()
        raise


def boards_of(model: Model | None) -> tuple[BoardName, ...]:
    """The boards of a ``model``; without one, both that a bus can carry."""
    return ("lower",) if model == "jx8p" else ("lower", "upper")


def warm_up(names: Sequence[BoardName], profile: str | Path | Profile, sample_rate: int, block: int) -> None:
    """Render some blocks of all voices on boards like these and throw them away.

    Afterwards everything is loaded and compiled (seconds, the first time on a machine).
    """
    compilation.ready(loops(load_profile(profile)))
    engine = Engine(boards(names, profile, sample_rate))
    out = np.empty((block, 2), np.float32)
    for middle in (64, 96):
        tone = [bus.SetParameter(FIRST_ID + column, middle) for column in range(TONE_SIZE)]
        keys = [bus.VoiceOn(voice, 48 + voice, 100) for voice in range(VOICES)]
        engine.play(bus.encode([bus.SelectBoard("both"), *tone]))
        engine.fill(out)
        engine.play(bus.encode(keys))
        for _ in range(_WARM_BLOCKS):
            engine.fill(out)


@contextmanager
def undisturbed() -> Iterator[None]:
    """While a sound system asks for blocks: other threads give way sooner, old garbage is left alone.

    The calling thread gets the lowest real-time priority where the user may have it: it holds Python's lock
    at times, and the thread that renders waits for it, however long other programs keep it waiting.
    """
    before = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH_S)
    gc.collect()
    gc.freeze()
    try:
        with _before_other_programs():
            yield
    finally:
        gc.unfreeze()
        sys.setswitchinterval(before)


@contextmanager
def _before_other_programs() -> Iterator[None]:
    try:
        policy, parameters = os.sched_getscheduler(0), os.sched_getparam(0)
        lowest = os.sched_param(os.sched_get_priority_min(os.SCHED_FIFO))
        os.sched_setscheduler(0, os.SCHED_FIFO, lowest)
    except (AttributeError, OSError):  # not on this system, or not for this user
        yield
        return
    try:
        yield
    finally:
        os.sched_setscheduler(0, policy, parameters)


def _times() -> tuple[float, float]:
    return time.monotonic(), time.process_time()
