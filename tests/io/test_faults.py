"""What a cable may do between two jx programs: damage a block, say nothing, be slow. Real MIDI ports."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from jxctl.ports import ReceivingPort, open_port
from jxctl.protocol.bank import Bank
from jxctl.protocol.patch import Patch
from jxctl.protocol.sysex import encode, messages_of
from jxctl.protocol.tone import INIT_TONE

Start = Callable[..., Any]
Jx = Callable[..., Any]

pytestmark = pytest.mark.usefixtures("jack")

DATA_BLOCK = 0x42
"""SysEx byte 2 of a block in a JX-10 file transfer (jx_hardware.md 4.8)."""


class Cable:
    """Carries messages between two ports in both directions and damages every n-th data block."""

    def __init__(self, near: ReceivingPort, far: ReceivingPort, every: int) -> None:
        self.damaged = 0
        self._every = every
        self._blocks = itertools.count(1)
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._carry, args=pair) for pair in ((near, far), (far, near))
        ]
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Unplug."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _carry(self, source: ReceivingPort, sink: ReceivingPort) -> None:
        while not self._stop.is_set():
            message = bytearray(source.receive(0.05))
            if not message:
                continue
            if len(message) > 20 and message[2] == DATA_BLOCK and next(self._blocks) % self._every == 0:
                message[10] ^= 0x01
                self.damaged += 1
            sink.write(bytes(message))


@contextmanager
def port(url: str) -> Iterator[ReceivingPort]:
    with open_port(url) as opened:
        assert isinstance(opened, ReceivingPort)
        yield opened


def test_a_cartridge_arrives_whole_over_a_cable_that_damages_blocks(
    board: Start, jx: Jx, tmp_path: Path
) -> None:
    """ERR, and the block again: two programs, every fifth block damaged on its way."""
    image = bytes(k * 11 % 256 for k in range(2048))
    (tmp_path / "cartridge.bin").write_bytes(image)
    running = board("--midi", "far end", "--api", "jack", "--model", "jx10")
    with (
        port("midi:near end?api=jack&virtual=1") as near,
        port("midi:far end?api=jack") as far,
    ):
        cable = Cable(near, far, every=5)
        try:
            sent = jx(
                "send", "cartridge.bin", "--port", "midi:near end?api=jack&model=jx10", "--write", "all"
            )
        finally:
            cable.close()
    assert sent.returncode == 0, sent.stderr
    assert cable.damaged >= 3
    assert running.end()["cartridge"] == image.hex()


def test_a_peer_that_stops_answering_ends_the_transfer(jx: Jx, tmp_path: Path) -> None:
    (tmp_path / "cartridge.bin").write_bytes(bytes(2048))
    with port("midi:mute end?api=jack&virtual=1") as mute:
        sent = jx("send", "cartridge.bin", "--port", "midi:mute end?api=jack&model=jx10", "--write", "all")
        asked = mute.receive(1.0)
    assert asked[:3] == b"\xf0\x41\x40"  # it did ask: "want to send a file"
    assert sent.returncode in (3, 4)
    assert "Traceback" not in sent.stderr
    assert "answer" in sent.stderr


def test_nothing_comes_faster_than_asked(jx: Jx, tmp_path: Path) -> None:
    """Measured where it arrives: from the end of one message's time on a cable to the next message."""
    tones = {slot: INIT_TONE.named(f"TONE {slot}") for slot in range(50)}
    patches = {slot: Patch.init(f"PATCH {slot}").with_tones(0, 1) for slot in range(64)}
    (tmp_path / "bank.syx").write_bytes(encode(messages_of(Bank("mks70", patches, tones))))
    arrivals: list[tuple[float, int]] = []
    with port("midi:wire end?api=jack&virtual=1") as wire:
        done = threading.Event()

        def listen() -> None:
            while not done.is_set():
                if message := wire.receive(0.2):
                    arrivals.append((time.monotonic(), len(message)))

        listener = threading.Thread(target=listen)
        listener.start()
        sent = jx(
            "send", "bank.syx", "--port", "midi:wire end?api=jack&model=mks70", "--write", "all",
            "--pause", "30",
        )  # fmt: skip
        done.set()
        listener.join()
    assert sent.returncode == 0, sent.stderr
    assert len(arrivals) == 114
    # 320 us a byte on a MIDI cable. The listener may wake late for the first of two messages.
    late_s = 0.005
    gaps = [b - a - 320e-6 * size for (a, size), (b, _) in itertools.pairwise(arrivals)]
    assert min(gaps) > 0.030 - late_s
