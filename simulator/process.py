"""The virtual board or synth as a process of its own, which other programs open like a device.

`serve_pty` is a board behind a pseudo-terminal: a serial device with bus bytes. `serve_midi` is a
whole synth behind a virtual MIDI port. Both run until they are interrupted and then tell what they
hold. They make no sound yet: the bytes are all there is.
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

from jxctl.bus import Decoder
from jxctl.errors import UsageError
from jxctl.midi import split
from jxctl.pacing import Pacer
from jxctl.ports import ReceivingPort
from jxctl.registers import Boards, Registers
from jxctl.tone import Tone, encode_name
from simulator.instrument import Instrument
from simulator.memory import Memory, Model

STATE_FORMAT = "jx.state"
STATE_VERSION = 1
DUMP = "dump"
"""The line on stdin that starts a bulk dump, as a player would on the panel."""

_POLL_S = 0.2


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


def serve_pty(ready: Callable[[str], None]) -> dict[str, Any]:
    """Be two sound boards behind a pseudo-terminal until interrupted; what they hold then.

    ``ready`` is called with the ``serial:`` URL to use. Raises `UsageError` where the system has no
    pseudo-terminals.
    """
    if not hasattr(os, "openpty"):
        raise UsageError("this system has no pseudo-terminals", "use sim: or a virtual MIDI port instead")
    import tty

    held = Held()
    controller, device = os.openpty()
    try:
        tty.setraw(device)
        with _interrupted() as end:
            ready(f"serial:{os.ttyname(device)}")
            while not end.is_set():
                _read(controller, held, _POLL_S)
        # What had been sent before the interrupt still counts.
        while _read(controller, held, 0):
            pass
    finally:
        os.close(controller)
        os.close(device)
    return held.state()


def serve_midi(
    port: ReceivingPort, model: Model, memory: Memory | None, ready: Callable[[], None]
) -> dict[str, Any]:
    """Be a whole synth behind ``port`` until interrupted; what it holds then.

    ``ready`` is called when it listens. A line ``dump`` on stdin starts a bulk dump. Raises
    `DeviceError` when the port goes away.
    """
    held = Held()
    synth = Instrument(model, memory=memory, tap=held.receive, silent=True)
    pacer = Pacer(port, gap_s=0.0)
    with _interrupted() as end:
        typed = _lines()
        ready()
        while not end.is_set():
            synth.receive_midi(port.receive(_POLL_S))
            if not typed.empty() and typed.get() == DUMP:
                with suppress(UsageError):  # a model without a dump has no button for it
                    synth.panel_dump()
            for message in split(synth.send())[0]:
                pacer.write(message)
    while message := port.receive(0.0):
        synth.receive_midi(message)
    buffer, kept = synth.assigner.buffer, synth.assigner.memory
    return held.state() | {
        "model": model,
        "patch": buffer.patch.to_json(),
        "tones": {name: tone.to_json() for name, tone in buffer.tones.items()},
        "memory": kept.bank.to_json(),
        "cartridge": None if kept.cartridge is None else kept.cartridge.content.hex(),
    }


def _read(controller: int, held: Held, timeout_s: float) -> bool:
    """Take what has come in; False when nothing had."""
    if not select.select([controller], [], [], timeout_s)[0]:
        return False
    held.receive(os.read(controller, 65536))
    return True


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
