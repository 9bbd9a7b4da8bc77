"""The virtual board or synth as a process of its own, which other programs open like a device.

`serve_pty` is a board behind a pseudo-terminal: a serial device with bus bytes. `serve_midi` is a
whole synth behind a MIDI port. Both run until they are interrupted and then tell what they hold.
With a `Sound` they are heard; without, the bytes are all there is.
"""

from __future__ import annotations

import os
import queue
import select
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from jxctl.errors import UsageError
from jxctl.ports import ReceivingPort
from jxctl.ports.pacing import Pacer
from jxctl.protocol.bus import Decoder
from jxctl.protocol.midi import split
from jxctl.protocol.registers import Boards, Registers
from jxctl.protocol.tone import Tone, encode_name
from simulator.instrument.instrument import Instrument
from simulator.instrument.memory import Memory, Model
from simulator.instrument.realtime import Sound

STATE_FORMAT = "jx.state"
STATE_VERSION = 1
DUMP = "dump"
"""The line on stdin that starts a bulk dump, as a player would on the panel."""

_POLL_S = 0.2
"""How long a port is listened to at a time (chosen)."""

_READ_BYTES = 65536
"""Bytes that are read at a time (chosen)."""


class Held:
    """What the boards of a bus hold: registers and tones. No sound."""

    def __init__(self) -> None:
        self.boards = Boards()
        self.bytes = 0
        self._decoder = Decoder()

    def receive(self, data: bytes) -> None:
        """Take bus bytes, split anywhere."""
        self.bytes += len(data)
        for message in self._decoder.feed(data):
            self.boards.receive(message)

    def state(self) -> dict[str, Any]:
        """Plain data: bytes received and dropped, and for each board 64 registers and its tone."""
        return {
            "format": STATE_FORMAT,
            "version": STATE_VERSION,
            "bytes": self.bytes,
            "dropped": self._decoder.dropped,
            "boards": {
                "lower": _board_state(self.boards.lower, "BUS LOWER"),
                "upper": _board_state(self.boards.upper, "BUS UPPER"),
            },
        }


def serve_pty(ready: Callable[[str], None], sound: Sound | None = None) -> dict[str, Any]:
    """Be two sound boards behind a pseudo-terminal until interrupted; what they hold then.

    ``ready`` is called with the ``serial:`` URL to use. Raises `UsageError` where the system has no
    pseudo-terminals, and `DeviceError` when the audio output goes away.
    """
    if not hasattr(os, "openpty"):
        raise UsageError("this system has no pseudo-terminals", "use sim: or a virtual MIDI port instead")
    import tty

    held = Held()
    controller, device = os.openpty()

    def take(data: bytes) -> None:
        held.receive(data)
        if sound is not None:
            sound.play(data)

    try:
        tty.setraw(device)
        with _interrupted() as end, _heard(sound):
            ready(f"serial:{os.ttyname(device)}")
            while not end.is_set():
                take(_read(controller, _POLL_S))
                if sound is not None:
                    sound.check()
        # What had been sent before the interrupt still counts.
        while data := _read(controller, 0):
            take(data)
    finally:
        os.close(controller)
        os.close(device)
    return held.state()


def serve_midi(
    port: ReceivingPort,
    model: Model,
    memory: Memory | None,
    ready: Callable[[], None],
    sound: Sound | None = None,
    answers: bool = True,
    late: bool = True,
) -> dict[str, Any]:
    """Be a whole synth behind ``port`` until interrupted; what it holds then.

    ``ready`` is called when it listens. A line ``dump`` on stdin starts a bulk dump. ``answers``: what
    comes out of MIDI OUT is written to the port. ``late``: what came before it listened is
    still played. Raises `DeviceError` when the port or the audio output goes away.
    """
    held = Held()
    on_bus = bytearray()
    synth = Instrument(model, memory=memory, tap=on_bus.extend, silent=True)
    pacer = Pacer(port, gap_s=0.0)

    def carry(message: bytes = b"") -> None:
        """What one MIDI message, or nothing, puts on the bus."""
        synth.receive_midi(message)
        held.receive(bytes(on_bus))
        if sound is not None:
            sound.play(bytes(on_bus), message)
        on_bus.clear()

    carry()
    with _interrupted() as end, _heard(sound):
        typed = _lines()
        # Keys pressed while the simulator was compiled.
        while not late and port.receive(0.0):
            pass
        ready()
        while not end.is_set():
            if message := port.receive(_POLL_S):
                carry(message)
            if sound is not None:
                sound.check()
            if not typed.empty() and typed.get() == DUMP:
                with suppress(UsageError):  # a model without a dump has no button for it
                    synth.panel_dump()
                carry()
            for answer in split(synth.send())[0] if answers else ():
                pacer.write(answer)
    while message := port.receive(0.0):
        carry(message)
    buffer, kept = synth.assigner.buffer, synth.assigner.memory
    return held.state() | {
        "model": model,
        "patch": buffer.patch.to_json(),
        "tones": {name: tone.to_json() for name, tone in buffer.tones.items()},
        "memory": kept.bank.to_json(),
        "cartridge": None if kept.cartridge is None else kept.cartridge.content.hex(),
    }


def _read(controller: int, timeout_s: float) -> bytes:
    """What has come in; nothing after ``timeout_s``."""
    return os.read(controller, _READ_BYTES) if select.select([controller], [], [], timeout_s)[0] else b""


@contextmanager
def _heard(sound: Sound | None) -> Iterator[None]:
    """While it sounds, if it does."""
    if sound is None:
        yield
        return
    with sound:
        yield


@contextmanager
def _interrupted() -> Iterator[threading.Event]:
    """An event that Ctrl-C, or a polite request to end (SIGTERM), sets instead of its usual effect.

    Reading from the terminal while in the background fails instead of stopping the program.
    """
    end = threading.Event()
    before = {
        number: signal.signal(number, lambda *_: end.set()) for number in (signal.SIGINT, signal.SIGTERM)
    }
    if hasattr(signal, "SIGTTIN"):
        before[signal.SIGTTIN] = signal.signal(signal.SIGTTIN, signal.SIG_IGN)
    try:
        yield end
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _lines() -> queue.SimpleQueue[str]:
    """Lines typed on stdin, as they come."""
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()

    def read() -> None:
        # Not sys.stdin: a thread that waits inside it fails noisily when the program ends.
        text = b""
        with suppress(OSError, ValueError):
            while data := os.read(sys.stdin.fileno(), 4096):
                *whole, text = (text + data).split(b"\n")
                for line in whole:
                    lines.put(line.decode("utf-8", "replace").strip())

    threading.Thread(target=read, daemon=True).start()
    return lines


def _board_state(registers: Registers, name: str) -> dict[str, Any]:
    values = registers.tone_values()
    return {
        "registers": registers.values.hex(),
        "tone": None if values is None else Tone(values, encode_name(name)).to_json(),
    }
