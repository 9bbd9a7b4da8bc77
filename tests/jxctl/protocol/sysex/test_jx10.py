"""The JX-10's cartridge transfer: both directions, damaged blocks, silence, and the documented bytes."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jxctl.errors import UsageError
from jxctl.protocol.sysex.jx10 import RETRIES, Receiver, Sender

CARTRIDGE = random.Random(1).randbytes(2048)
ACK, EOF = bytes.fromhex("F0 41 43 00 24 F7"), bytes.fromhex("F0 41 45 00 24 F7")
ERR, RJC = bytes.fromhex("F0 41 4E 00 24 F7"), bytes.fromhex("F0 41 4F 00 24 F7")


def talk(sender: Sender, receiver: Receiver, opening: bytes, limit: int = 1000) -> None:
    """Carry messages both ways until both fall silent."""
    to_receiver = opening
    for _ in range(limit):
        to_sender = receiver.receive(to_receiver)
        to_receiver = sender.receive(to_sender)
        if not to_receiver:
            return
    raise AssertionError("they never fall silent")


@pytest.mark.parametrize("size", [2048, 8192])
@pytest.mark.parametrize("high_first", [True, False])
def test_a_cartridge_crosses(size: int, high_first: bool) -> None:
    data = random.Random(2).randbytes(size)
    sender, receiver = Sender(data, b"FILE", high_first=high_first), Receiver(high_first=high_first)
    talk(sender, receiver, sender.start())
    assert (sender.state, receiver.state) == ("done", "done")
    assert receiver.data == data
    assert receiver.name == b"FILE"
    assert sender.blocks_done == receiver.blocks_done == size // 128


def test_the_receiver_may_ask_first() -> None:
    sender, receiver = Sender(CARTRIDGE), Receiver()
    asked = receiver.request(b"")
    # F0 41 41 00 24, no name, checksum 0.
    assert asked == bytes.fromhex("F0 41 41 00 24 00 F7")
    talk(sender, receiver, sender.receive(asked))
    assert receiver.data == CARTRIDGE


def test_the_bytes_are_the_documented_ones() -> None:
    """jx_hardware.md 4.8: WSF, DAT of 256 nibbles and a checksum, EOF; each answered with ACK."""
    sender = Sender(bytes([0x1F]) * 2048, b"AB")
    # 41 + 42 hex is 131; 131 + 125 is 256.
    assert sender.start() == bytes.fromhex("F0 41 40 00 24 41 42 7D F7")
    for _ in range(16):
        block = sender.receive(ACK)
        # 128 times 1 + 15 is 2048, a multiple of 128.
        assert block == bytes.fromhex("F0 41 42 00 24") + b"\x01\x0f" * 128 + b"\x00\xf7"
    assert sender.receive(ACK) == EOF
    assert sender.state == "running"
    assert sender.receive(ACK) == b""
    assert sender.state == "done"

    receiver = Receiver()
    assert receiver.receive(bytes.fromhex("F0 41 40 00 24 41 42 7D F7")) == ACK
    assert receiver.receive(bytes.fromhex("F0 41 42 00 24") + b"\x01\x0f" * 128 + b"\x00\xf7") == ACK
    assert receiver.data == b"\x1f" * 128


@given(st.integers(0, 15), st.integers(0, 262), st.integers(0, 0xF7))
@settings(max_examples=60)
def test_a_damaged_block_is_asked_for_again(block: int, place: int, byte: int) -> None:
    sender, receiver = Sender(CARTRIDGE), Receiver()
    to_receiver, answers = sender.start(), b""
    # The first five bytes are the address: a message whose address is wrong is for another.
    at = 5 + place % 257
    while to_receiver:
        if to_receiver[2] == 0x42 and sender.blocks_done == block and ERR not in answers:
            to_receiver = to_receiver[:at] + bytes((byte,)) + to_receiver[at + 1 :]
        answer = receiver.receive(to_receiver)
        answers += answer
        to_receiver = sender.receive(answer)
    assert (sender.state, receiver.state) == ("done", "done")
    assert receiver.data == CARTRIDGE
    unharmed = CARTRIDGE[128 * block :][:128].hex()
    same = at < 261 and byte < 16 and f"{byte:x}" == unharmed[at - 5]
    assert answers.count(ERR) == (0 if same else 1) or at == 261


def test_a_corrupted_block_survives() -> None:
    sender, receiver = Sender(CARTRIDGE), Receiver()
    block = sender.receive(receiver.receive(sender.start()))
    wrong = bytearray(block)
    wrong[100] ^= 1
    assert receiver.receive(bytes(wrong)) == ERR
    assert receiver.data == b""
    assert sender.receive(ERR) == block
    talk(sender, receiver, block)
    assert receiver.data == CARTRIDGE
    assert (sender.state, receiver.state) == ("done", "done")


def test_a_block_damaged_every_time_ends_the_transfer_on_both_sides() -> None:
    sender, receiver = Sender(CARTRIDGE), Receiver()
    to_receiver = sender.receive(receiver.receive(sender.start()))
    answers = []
    while not sender.over:
        wrong = bytearray(to_receiver)
        wrong[50] ^= 1
        answers.append(receiver.receive(bytes(wrong)))
        to_receiver = sender.receive(answers[-1])
        assert len(answers) < 20
    assert answers == [ERR] * RETRIES + [RJC]
    assert (sender.state, receiver.state) == ("failed", "failed")
    assert "rejected" in sender.reason
    assert "checksum" in receiver.reason


def test_a_sender_gives_up_when_refused_too_often() -> None:
    sender = Sender(CARTRIDGE)
    announced = sender.start()
    assert [sender.receive(ERR) for _ in range(RETRIES)] == [announced] * RETRIES
    assert sender.receive(ERR) == RJC
    assert sender.state == "failed"
    assert "refused WSF" in sender.reason


def test_a_peer_that_stops_answering() -> None:
    sender, receiver = Sender(CARTRIDGE), Receiver()
    sender.receive(receiver.receive(sender.start()))
    assert sender.timeout() == RJC
    assert (sender.state, sender.reason) == ("failed", "the other side stopped answering")
    assert receiver.timeout() == RJC
    assert receiver.state == "failed"
    # Over is over: nothing is said any more.
    assert sender.timeout() == sender.receive(ACK) == sender.start() == b""
    assert receiver.receive(EOF) == receiver.timeout() == receiver.request() == b""


def test_a_rejection_ends_it() -> None:
    sender, receiver = Sender(CARTRIDGE), Receiver()
    sender.start()
    assert sender.receive(RJC) == b""
    assert receiver.receive(RJC) == b""
    assert (sender.state, receiver.state) == ("failed", "failed")


def test_a_file_that_ends_early_or_never_is_not_taken_for_a_cartridge() -> None:
    short = Receiver()
    short.receive(Sender(CARTRIDGE).start())
    assert short.receive(EOF) == RJC
    assert "after 0 bytes" in short.reason

    sender, receiver = Sender(bytes(8192)), Receiver()
    block = sender.receive(receiver.receive(sender.start()))
    for _ in range(64):
        assert receiver.receive(block) == ACK
    assert receiver.receive(block) == RJC
    assert receiver.state == "failed"


@given(st.lists(st.integers(1, 400), max_size=20), st.binary(max_size=10))
@settings(max_examples=40)
def test_pieces_noise_and_other_channels_do_not_matter(cuts: list[int], noise: bytes) -> None:
    sender, receiver = Sender(CARTRIDGE, channel=5), Receiver(channel=5)
    noise = bytes(byte & 0x7F for byte in noise)
    to_receiver = sender.start()
    for _ in range(40):
        stream = noise + b"\xfe" + ACK + EOF + to_receiver
        answer = b""
        while stream:
            cut = cuts[0] if cuts else len(stream)
            answer += receiver.receive(stream[:cut])
            stream = stream[cut:]
        to_receiver = sender.receive(b"\xf8" + answer + noise)
        if not to_receiver:
            break
    assert receiver.data == CARTRIDGE
    assert (sender.state, receiver.state) == ("done", "done")


@given(st.lists(st.one_of(st.binary(max_size=12), st.sampled_from([ACK, EOF, ERR, RJC])), max_size=20))
def test_anything_may_arrive(pieces: list[bytes]) -> None:
    for side in (Sender(CARTRIDGE), Receiver()):
        if isinstance(side, Sender):
            side.start()
        for piece in pieces:
            assert isinstance(side.receive(piece), bytes)


@pytest.mark.parametrize(
    ("make", "said"),
    [(lambda: Sender(bytes(2047)), "2047 bytes are no cartridge"),
     (lambda: Sender(CARTRIDGE, b"x" * 65), "up to 64 bytes"),
     (lambda: Receiver().request(b"\x80"), "0 to 127")],
)  # fmt: skip
def test_what_is_no_cartridge_is_refused(make, said: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(UsageError, match=said):
        make()
