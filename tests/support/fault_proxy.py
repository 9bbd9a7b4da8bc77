"""A cable with faults, as a program of its own: what a recorder plays on and hears passes through it.

::

    python fault_proxy.py midi   --from NAME --to NAME [--api jack]   MIDI: a port of its own, then a synth's
    python fault_proxy.py serial --to serial:/dev/pts/3               bus bytes: a pseudo-terminal of its own
        --hear CLIENT --client NAME      and sound: a JACK client that hears another
        --every S --seed N --kinds A,B   a fault about every S seconds (exponential), chosen from these
        --second                         with a second channel, which alone has the sound
        --log FILE                       one JSON line for each fault, when it has happened

It prints ``ready URL`` and then takes faults by name on stdin, and ``ok`` when one is armed.
Wire: ``drop`` a byte or message, ``corrupt`` one bit, ``delay`` what follows. Sound: ``mute``, ``clip``
(20 times too loud), ``glitch`` (a block of noise), ``shift`` (some samples skipped or said twice).
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import select
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

WIRE = ("drop", "corrupt", "delay")
SOUND = ("mute", "clip", "glitch", "shift")
DELAY_S = 0.4
BLOCK = 256
_SHIFT = 300


class Log:
    """Faults that have happened, one line each."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._lock = threading.Lock()

    def __call__(self, kind: str, **more: Any) -> None:
        if self._path is not None:
            line = json.dumps({"at": time.time(), "kind": kind, **more})
            with self._lock, self._path.open("a") as file:
                file.write(line + "\n")


class Wire:
    """Faults of what is sent. One that is armed hits a message, or a byte, soon after."""

    def __init__(self, log: Log, seed: int) -> None:
        self._log = log
        self._random = random.Random(seed)
        self._armed: deque[str] = deque()
        self._in = 0

    def arm(self, kind: str, most: int = 1) -> None:
        """Let a fault of this kind happen to one of the next ``most`` pieces."""
        self._in = self._random.randrange(most)
        self._armed.append(kind)

    def carry(self, piece: bytes) -> bytes:
        """What arrives of a message or a byte."""
        if not self._armed:
            return piece
        if self._in:
            self._in -= 1
            return piece
        kind = self._armed.popleft()
        arrives = piece
        if kind == "delay":
            time.sleep(DELAY_S)
        elif kind == "drop":
            arrives = b""
        else:
            damaged = bytearray(piece)
            damaged[self._random.randrange(len(piece))] ^= 1 << self._random.randrange(8)
            arrives = bytes(damaged)
        self._log(kind, sent=piece.hex(), arrived=arrives.hex())
        return arrives


class Sound:
    """Faults of what is heard, for a callback of PortAudio: one channel in, one out."""

    def __init__(self, log: Log, seed: int, rate: int) -> None:
        import numpy as np

        self._log = log
        self._noise = np.random.default_rng(seed)
        self._random = random.Random(seed)
        self._rate = rate
        self._left = dict.fromkeys(SOUND, 0)
        self._kept = np.zeros(2 * _SHIFT, np.float32)
        self._late = _SHIFT

    def arm(self, kind: str) -> None:
        """Let a fault begin with the next block."""
        long = {"mute": 0.25, "clip": 0.1, "glitch": BLOCK / self._rate, "shift": BLOCK / self._rate}
        self._left[kind] = round(long[kind] * self._rate * self._random.uniform(0.5, 1.5))
        self._log(kind, samples=self._left[kind])

    def pass_on(self, heard: Any, out: Any) -> None:
        """``heard``: float32[samples]; ``out`` is filled."""
        import numpy as np

        size = len(heard)
        line = np.concatenate([self._kept, heard])
        if self._left["shift"]:
            self._late, self._left["shift"] = 2 * _SHIFT - self._late + self._random.randrange(-50, 50), 0
            self._late = min(max(self._late, 0), 2 * _SHIFT)
        end = len(line) - self._late
        sound = line[end - size : end].copy()
        self._kept = line[-2 * _SHIFT :]
        for kind in ("mute", "clip", "glitch"):
            count = min(self._left[kind], size)
            self._left[kind] -= count
            if count and kind == "mute":
                sound[:count] = 0
            elif count and kind == "clip":
                sound[:count] = np.clip(20 * sound[:count], -1, 1)
            elif count:
                sound[:count] = self._noise.uniform(-0.3, 0.3, count)
        out[:] = sound


def carry_midi(near: Any, far: Any, wire: Wire) -> None:
    """Carry messages from one port to another, for ever."""
    from jxctl.errors import JxError

    while True:
        message = near.receive(0.5)
        if message and (arrives := wire.carry(message)):
            # What is no complete message any more is lost, as on a real cable, without an answer.
            with contextlib.suppress(JxError):
                far.write(arrives)


def carry_serial(controller: int, far: Any, wire: Wire) -> None:
    """Carry bytes from a pseudo-terminal to a port, for ever."""
    while True:
        if select.select([controller], [], [], 0.5)[0]:
            data = os.read(controller, 4096)
            if arrives := b"".join(wire.carry(data[k : k + 1]) for k in range(len(data))):
                far.write(arrives)


def main() -> None:
    """Be the cable until stdin ends."""
    parser = argparse.ArgumentParser()
    parser.add_argument("wire", choices=["midi", "serial"])
    parser.add_argument("--from", dest="near")
    parser.add_argument("--to", required=True)
    parser.add_argument("--api", default="jack")
    parser.add_argument("--hear")
    parser.add_argument("--client", default="cable")
    parser.add_argument("--rate", type=int, default=44100)
    parser.add_argument("--every", type=float, default=0.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kinds", default=",".join((*WIRE, *SOUND)))
    parser.add_argument("--second", action="store_true")
    parser.add_argument("--log", type=Path)
    options = parser.parse_args()
    log = Log(options.log)
    wire = Wire(log, options.seed)
    # Asked to end, it ends as if stdin had.
    signal.signal(signal.SIGTERM, lambda *_: sys.stdin.close())
    with ExitStack() as stack, contextlib.suppress(ValueError):
        # In this order: RtMidi holds Python while JACK waits for every client, which a running stream of
        # this program would be.
        url = _connect(options, wire, stack)
        sound = _hear(options, log, stack) if options.hear else None

        def arm(kind: str) -> None:
            if kind in WIRE:
                # A tone is one message of MIDI, and 130 bytes of the bus.
                wire.arm(kind, 3 if options.wire == "midi" else 100)
            elif sound is not None:
                sound.arm(kind)

        if options.every:
            by_itself = (arm, options.kinds.split(","), options.every, options.seed)
            threading.Thread(target=_trouble, args=by_itself, daemon=True).start()
        print(f"ready {url}", flush=True)
        for line in sys.stdin:
            arm(line.strip())
            print("ok", flush=True)
    # Threads that wait inside a C library must not keep the program.
    os._exit(0)


def _connect(options: argparse.Namespace, wire: Wire, stack: ExitStack) -> str:
    from jxctl.ports import open_port

    carry: Callable[[], None]
    if options.wire == "midi":
        far = stack.enter_context(open_port(f"midi:{options.to}?api={options.api}"))
        near = stack.enter_context(open_port(f"midi:{options.near}?api={options.api}&virtual=1"))
        url = f"midi:{options.near}?api={options.api}"

        def carry() -> None:
            carry_midi(near, far, wire)
    else:
        import tty

        far = stack.enter_context(open_port(options.to))
        controller, device = os.openpty()
        tty.setraw(device)
        url = f"serial:{os.ttyname(device)}"

        def carry() -> None:
            carry_serial(controller, far, wire)

    threading.Thread(target=carry, daemon=True).start()
    return url


def _hear(options: argparse.Namespace, log: Log, stack: ExitStack) -> Sound:
    from jxctl.audio.playback import _name_client

    _name_client(options.client)
    import sounddevice

    sound = Sound(log, options.seed, options.rate)

    def callback(heard: Any, out: Any, frames: int, when: Any, status: Any) -> None:
        out[:] = 0
        sound.pass_on(heard[:, 0], out[:, -1])

    stack.enter_context(
        sounddevice.Stream(
            device=(options.hear, "system"),
            samplerate=options.rate,
            channels=(1, 2 if options.second else 1),
            dtype="float32",
            blocksize=BLOCK,
            callback=callback,
        )
    )
    return sound


def _trouble(arm: Callable[[str], None], kinds: list[str], every_s: float, seed: int) -> None:
    moments = random.Random(seed)
    while True:
        time.sleep(moments.expovariate(1 / every_s))
        arm(moments.choice(kinds))


if __name__ == "__main__":
    main()
