"""Collecting what a synth sends, and the cartridge transfer between two sides on one wire."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from jxctl.errors import DeviceError, VerificationError
from jxctl.ports import ReceivingPort
from jxctl.ports.reception import Reception
from jxctl.ports.transfer import Collected, collect, expected, transfer
from jxctl.protocol.models import model
from jxctl.protocol.sysex.jx10 import Receiver, Sender

TONE = bytes.fromhex("F0 41 35 00 21 20 01") + b"BY HAND   \x20" + bytes(48) + b"\xf7"
CARTRIDGE = bytes(n * 11 % 256 for n in range(2048))
Damage = Callable[[int, bytes], bytes]


class Clock:
    """Seconds that pass only when somebody waits."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Wire(ReceivingPort):
    """A port with the other side of a transfer behind it; ``damage`` changes its n-th answer."""

    url = "wire:"
    language = "midi"

    def __init__(
        self, clock: Clock, other: Sender | Receiver | None, damage: Damage = lambda _, m: m
    ) -> None:
        self.clock, self.other, self.damage = clock, other, damage
        self.answers: list[bytes] = []
        self.sent: list[bytes] = []

    def say(self, message: bytes) -> None:
        """The other side says something."""
        if message:
            self.answers.append(message)

    def write(self, data: bytes) -> None:
        self.sent.append(data)
        if self.other is not None:
            self.say(self.other.receive(data))

    def receive(self, timeout_s: float) -> bytes:
        if not self.answers:
            self.clock.now += timeout_s
            return b""
        self.said = getattr(self, "said", -1) + 1
        return self.damage(self.said, self.answers.pop(0))

    def close(self) -> None:
        pass


class Feed(ReceivingPort):
    """A port that brings messages, and then an error or nothing."""

    url = "feed:"
    language = "midi"

    def __init__(self, clock: Clock, messages: list[bytes], then: BaseException | None = None) -> None:
        self.clock, self.messages, self.then = clock, list(messages), then

    def write(self, data: bytes) -> None:
        raise AssertionError("nothing is to be sent here")

    def receive(self, timeout_s: float) -> bytes:
        if self.messages:
            return self.messages.pop(0)
        if self.then is not None:
            raise self.then
        self.clock.now += timeout_s
        return b""

    def close(self) -> None:
        pass


def test_a_cartridge_travels_to_the_other_side() -> None:
    clock, receiver = Clock(), Receiver()
    sender = Sender(CARTRIDGE, b"NAME")
    steps: list[int] = []
    transfer(Wire(clock, receiver), sender, sender.start(), 5.0, progress=steps.append, clock=clock)
    assert (receiver.data, receiver.name, receiver.state) == (CARTRIDGE, b"NAME", "done")
    assert sum(steps) == 16


def test_a_cartridge_is_asked_for() -> None:
    clock, sender = Clock(), Sender(CARTRIDGE)
    receiver = Receiver()
    transfer(Wire(clock, sender), receiver, receiver.request(), 5.0, clock=clock)
    assert (receiver.data, sender.state) == (CARTRIDGE, "done")


def test_a_damaged_block_is_sent_again() -> None:
    clock, sender, receiver = Clock(), Sender(CARTRIDGE), Receiver()
    damaged = [3, 7]

    def damage(number: int, message: bytes) -> bytes:
        if number not in damaged:
            return message
        return message[:30] + bytes((message[30] ^ 1,)) + message[31:]

    wire = Wire(clock, sender, damage)
    transfer(wire, receiver, receiver.request(), 5.0, clock=clock)
    assert receiver.data == CARTRIDGE
    assert sum(message[2] == 0x4E for message in wire.sent) == len(damaged)


def test_a_wire_that_damages_everything_is_given_up() -> None:
    clock, sender, receiver = Clock(), Sender(CARTRIDGE), Receiver()
    wire = Wire(clock, sender, lambda n, m: m[:30] + bytes((m[30] ^ 1,)) + m[31:] if n > 3 else m)
    with pytest.raises(VerificationError, match="after 3 blocks: damaged"):
        transfer(wire, receiver, receiver.request(), 5.0, clock=clock)
    assert wire.sent[-1][2] == 0x4F


@pytest.mark.parametrize("after", [0, 4])
def test_a_side_that_stops_answering_is_given_up(after: int) -> None:
    clock, receiver = Clock(), Receiver()
    sender = Sender(CARTRIDGE)
    wire = Wire(clock, receiver, lambda n, m: m if n < after else b"")
    with pytest.raises(VerificationError, match="stopped answering"):
        transfer(wire, sender, sender.start(), 7.0, clock=clock)
    assert 5 <= clock.now < 8
    assert wire.sent[-1] == bytes.fromhex("F0 41 4F 00 24 F7")


def test_silence_ends_it() -> None:
    clock = Clock()
    collected = Collected(3)
    collect(Feed(clock, [b"\xfe", TONE, b"\xfe", TONE]), collected, 60, 2, clock=clock)
    assert bytes(collected.data) == 2 * TONE
    assert not collected.complete
    assert 2 < clock.now < 3


def test_no_beginning_is_waited_for_longer() -> None:
    clock = Clock()
    with pytest.raises(DeviceError, match="nothing arrived in 60 s"):
        collect(Feed(clock, [b"\xf8"]), Collected(1), 60, 2, clock=clock)
    assert 60 < clock.now < 61


def test_it_ends_as_soon_as_everything_is_there() -> None:
    clock = Clock()
    port = Feed(clock, [TONE, TONE, TONE])
    collect(port, Collected(2), 60, 2, clock=clock)
    assert clock.now == 0
    assert len(port.messages) == 1


@pytest.mark.parametrize("then", [KeyboardInterrupt(), DeviceError("the port went away")])
def test_what_had_arrived_is_kept_when_it_is_interrupted(tmp_path: Path, then: BaseException) -> None:
    port = Feed(Clock(), [TONE, TONE], then)
    reception = Reception(tmp_path / "out.syx", model("jx8p"), "tones", count=3)
    words: list[str] = []
    with pytest.raises(type(then)):
        reception.receive(port, say=words.append)
    assert words == [f"what had arrived is kept in {tmp_path / 'out.incomplete.syx'}"]
    assert [path.name for path in tmp_path.iterdir()] == ["out.incomplete.syx"]
    assert (tmp_path / "out.incomplete.syx").read_bytes() == 2 * TONE


def test_how_much_a_dump_is() -> None:
    # jx_hardware.md 4.7: 64 patches and 50 tones.
    assert [expected(model(name), "bank", 1) for name in ("mks70", "vecoven3", "vecoven4")] == [114] * 3
