"""The JX-10's cartridge transfer as two state machines: bytes in, bytes out, no clock of their own.

A dump (jx_hardware.md 4.8): the sender says WSF, waits for ACK, then DAT and ACK for each 128
bytes, then EOF and ACK. RQF asks the other side to start. A M-16C has 16 blocks, a M-64C 64.

What is not sourced: the file name's content and length, the order of the nibbles (selectable),
which bytes the checksum covers (taken: name or nibbles), and that ERR asks for the message again.
Blocks carry no number, so only a message the other side called wrong is sent again, never one that
went unanswered: a receiver could not tell it from the next block.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from jxctl.errors import UsageError
from jxctl.protocol.midi import SYSEX
from jxctl.protocol.sysex.decode import Decoder
from jxctl.protocol.sysex.frame import ROLAND, Unused, from_nibbles, to_nibbles
from jxctl.protocol.sysex.transfer import BLOCK_SIZE, LONGEST_NAME, OPS, Transfer, TransferKind

State = Literal["waiting", "running", "done", "failed"]
SIZES = (16 * BLOCK_SIZE, 64 * BLOCK_SIZE)
"""Bytes of a M-16C and a M-64C cartridge."""

RETRIES = 3
"""How often one message is sent again, or asked for again, before the transfer is given up (assumed)."""


def image_in(messages: Iterable[object], *, high_first: bool = True) -> tuple[bytes, str]:
    """The cartridge in a recorded transfer (WSF, DAT, EOF), and what is wrong with it, in words.

    Of several transfers the last whole one is taken, else the longest. A block that the other side called
    wrong (ERR) counts only as it came again.

    Args:
        messages: of a file, in order; others than `Transfer` are passed over.
        high_first: which half of a byte comes first; not documented, as for `Receiver`.

    Returns:
        The image, empty where there is no block, and an empty text where it is whole.
    """
    found: list[tuple[bytes, bool]] = []
    image, ended = b"", True
    for message in messages:
        if not isinstance(message, Transfer):
            continue
        if message.kind == "WSF" or (message.kind == "DAT" and ended):
            found.append((image, False))
            image, ended = b"", False
        if message.kind == "DAT":
            image += from_nibbles(message.data, high_first=high_first) or b""
        elif message.kind == "ERR" and not ended:
            image = image[:-BLOCK_SIZE]
        elif message.kind == "EOF":
            found.append((image, len(image) in SIZES))
            image, ended = b"", True
    found.append((image, False))
    whole = [data for data, is_whole in found if is_whole]
    if whole:
        return whole[-1], ""
    longest = max((data for data, _ in found), key=len)
    if not longest:
        return b"", ""
    blocks = len(longest) // BLOCK_SIZE
    sizes = " or ".join(str(size // BLOCK_SIZE) for size in SIZES)
    return longest, f"a cartridge transfer of {blocks} blocks; a whole one has {sizes} and an end"


class _Side:
    """What both ends share: decoding, the state, giving up."""

    def __init__(self, channel: int, high_first: bool) -> None:
        self.state: State = "waiting"
        self.reason = ""
        self.channel = channel
        self._high_first = high_first
        self._decoder = Decoder()
        self._errors = 0

    @property
    def over(self) -> bool:
        """Whether the transfer has ended, well or badly."""
        return self.state in ("done", "failed")

    def receive(self, data: bytes) -> bytes:
        """Take bytes from the other side, in pieces of any size; returns the bytes to answer with.

        Messages that are no part of a transfer, and those for another channel, are ignored.
        """
        answer = b""
        for item in self._decoder.feed(data):
            if self.over:
                break
            if isinstance(item, Transfer) and item.channel == self.channel:
                answer += self._take(item)
            elif isinstance(item, Unused) and _is_damaged(item):
                answer += self._take_damaged(item)
        return answer

    def timeout(self) -> bytes:
        """The caller's clock says that the other side does not answer: give up.

        Returns the bytes to send, RJC, so that the other side knows when it comes back.
        """
        return b"" if self.over else self._fail("the other side stopped answering", reject=True)

    def _take(self, message: Transfer) -> bytes:
        raise NotImplementedError

    def _take_damaged(self, item: Unused) -> bytes:
        raise NotImplementedError

    def _say(self, kind: TransferKind, data: bytes = b"") -> bytes:
        return Transfer(kind=kind, data=data, channel=self.channel).encoded()

    def _fail(self, reason: str, *, reject: bool) -> bytes:
        self.state, self.reason = "failed", reason
        return self._say("RJC") if reject else b""


class Sender(_Side):
    """The side that has the file. ``data``: the raw cartridge, 2048 or 8192 bytes.

    Call `start` to begin, or wait for an RQF. Raises `UsageError` for data of another size, or a
    name that is too long or not 7-bit.
    """

    def __init__(self, data: bytes, name: bytes = b"", *, channel: int = 0, high_first: bool = True) -> None:
        super().__init__(channel, high_first)
        if len(data) not in SIZES:
            sizes = " or ".join(map(str, SIZES))
            raise UsageError(f"{len(data)} bytes are no cartridge", f"a cartridge has {sizes} bytes")
        _check_name(name)
        self.name = name
        self.blocks = [data[n : n + BLOCK_SIZE] for n in range(0, len(data), BLOCK_SIZE)]
        self.blocks_done = 0
        self._last: TransferKind = "WSF"

    def start(self) -> bytes:
        """Announce the file; nothing once the transfer has begun."""
        if self.state != "waiting":
            return b""
        self.state = "running"
        return self._again()

    def _again(self) -> bytes:
        """The message the other side has not accepted yet."""
        if self._last == "WSF":
            return self._say("WSF", self.name)
        if self._last == "EOF":
            return self._say("EOF")
        return self._say("DAT", to_nibbles(self.blocks[self.blocks_done], high_first=self._high_first))

    def _take(self, message: Transfer) -> bytes:
        if message.kind == "RQF":
            return self.start()
        if self.state != "running":
            return b""
        if message.kind == "ACK":
            return self._next()
        if message.kind == "ERR":
            self._errors += 1
            if self._errors > RETRIES:
                return self._fail(f"the other side refused {self._last} {self._errors} times", reject=True)
            return self._again()
        if message.kind == "RJC":
            return self._fail("the other side rejected the transfer", reject=False)
        return b""

    def _next(self) -> bytes:
        self._errors = 0
        if self._last == "EOF":
            self.state = "done"
            return b""
        if self._last == "DAT":
            self.blocks_done += 1
        self._last = "DAT" if self.blocks_done < len(self.blocks) else "EOF"
        return self._again()

    def _take_damaged(self, item: Unused) -> bytes:
        # An answer that cannot be read is not one; the caller's clock decides.
        return b""


class Receiver(_Side):
    """The side that gets the file: ``data`` holds what has arrived, ``name`` what it was announced as.

    Call `request` to ask for a file, or wait for a WSF. A transfer is ``done`` only when EOF comes
    after 2048 or 8192 bytes.
    """

    def __init__(self, *, channel: int = 0, high_first: bool = True) -> None:
        super().__init__(channel, high_first)
        self.data = b""
        self.name = b""

    @property
    def blocks_done(self) -> int:
        """Blocks of 128 bytes that have arrived."""
        return len(self.data) // BLOCK_SIZE

    def request(self, name: bytes = b"") -> bytes:
        """Ask for a file. Raises `UsageError` for a name that is too long or not 7-bit."""
        _check_name(name)
        return self._say("RQF", name) if self.state == "waiting" else b""

    def _take(self, message: Transfer) -> bytes:
        if message.kind == "RJC":
            return self._fail("the other side rejected the transfer", reject=False)
        if message.kind == "WSF" and not self.data:
            self.state, self.name = "running", message.data
            return self._accept()
        if self.state != "running":
            return b""
        if message.kind == "DAT":
            block = from_nibbles(message.data, high_first=self._high_first)
            if block is None or len(self.data) == max(SIZES):
                return self._fail(f"more than {max(SIZES)} bytes", reject=True)
            self.data += block
            return self._accept()
        if message.kind == "EOF":
            if len(self.data) not in SIZES:
                return self._fail(f"the file ended after {len(self.data)} bytes", reject=True)
            self.state = "done"
            return self._say("ACK")
        return b""

    def _accept(self) -> bytes:
        self._errors = 0
        return self._say("ACK")

    def _take_damaged(self, item: Unused) -> bytes:
        self._errors += 1
        if self._errors > RETRIES:
            return self._fail(f"damaged {self._errors} times: {item.reason}", reject=True)
        return self._say("ERR")


def _is_damaged(item: Unused) -> bool:
    """Whether unused bytes look like a message of the transfer that went wrong on the way."""
    roland = not item.harmless and item.data[:2] == bytes((SYSEX, ROLAND))
    return roland and len(item.data) > 2 and item.data[2] in OPS.values()


def _check_name(name: bytes) -> None:
    if len(name) > LONGEST_NAME or (name and max(name) > 127):
        raise UsageError(f"a file name is up to {LONGEST_NAME} bytes of 0 to 127")
