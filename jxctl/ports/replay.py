"""``replay:FILE``: a recorded conversation instead of a device.

A text file, one message a line, in the order of the conversation::

    # jx replay 1 midi
    # Whatever follows a number sign is a remark, but the first line says what the bytes are: midi or bus.
    > F0 41 3D 00 24 02 01 07 F7     what has to be sent
    < F0 41 38 00 24 30 01 ... F7    what is then answered
    > 90 3C 64

Bytes are two hexadecimal digits each. What is sent is compared as a stream: it may be written in
other pieces. An answer can be received once everything above it was sent; each ``<`` line is one
message. Anything else that is sent, or is missing when the port closes, raises `VerificationError`.
What ``spy:`` prints in front of a MIDI port are lines of this form.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from jxctl._files import read_text
from jxctl.errors import DeviceError, UsageError, VerificationError
from jxctl.ports import Language, Port, ReceivingPort

FIRST_LINE = "# jx replay 1"
_FIRST_LINES: dict[str, Language] = {f"{FIRST_LINE} midi": "midi", f"{FIRST_LINE} bus": "bus"}
_FIRST_LINE_IS = f"its first line has to be {' or '.join(map(repr, _FIRST_LINES))}"

MOST_CONVERSATION_BYTES = 10_000_000
"""Bytes of a recorded conversation (chosen: 300 bulk dumps of a MKS-70)."""


@dataclass(frozen=True, slots=True)
class Line:
    """One message of the conversation: ``sent`` by jx, or answered; ``number`` of its line in the file."""

    sent: bool
    data: bytes
    number: int


class ReplayPort(ReceivingPort):
    """A conversation played back. ``name``: of the file, for messages."""

    def __init__(self, url: str, lines: list[Line], name: str, language: Language = "midi") -> None:
        self.url = url
        self.language = language
        self._lines = lines
        self._name = name
        self._next = 0
        self._matched = 0
        self._waiting: deque[bytes] = deque()
        self._open = True

    def write(self, data: bytes) -> None:
        """Compare with what has to be sent next. Raises `VerificationError` at the first difference."""
        self._check_open()
        for offset, byte in enumerate(data):
            line = self._expected()
            if line is None:
                raise VerificationError(
                    f"{self._name}: nothing more has to be sent here, but {_hex(data[offset:])} was"
                )
            expected = line.data[self._matched]
            if byte != expected:
                raise VerificationError(
                    f"{self._name} line {line.number}: byte {self._matched} has to be {expected:02X}, "
                    f"but {byte:02X} was sent (in {_hex(data)})"
                )
            self._matched += 1
            if self._matched == len(line.data):
                self._next, self._matched = self._next + 1, 0

    def receive(self, timeout_s: float) -> bytes:
        """The next answer; ``b""`` at once when more has to be sent first. Time does not pass here."""
        self._check_open()
        self._expected()
        return self._waiting.popleft() if self._waiting else b""

    def close(self) -> None:
        """End of the conversation. Raises `VerificationError` when something was never sent."""
        was_open, self._open = self._open, False
        unsent = [line for line in self._lines[self._next :] if line.sent]
        if was_open and unsent:
            rest = _hex(unsent[0].data[self._matched :])
            raise VerificationError(f"{self._name} line {unsent[0].number}: {rest} was never sent")

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # What went wrong first is what matters.
        if error is not None:
            self._open = False
        self.close()

    def _expected(self) -> Line | None:
        """The line that has to be sent; answers before it wait to be received."""
        while self._next < len(self._lines) and not self._lines[self._next].sent:
            self._waiting.append(self._lines[self._next].data)
            self._next += 1
        return self._lines[self._next] if self._next < len(self._lines) else None

    def _check_open(self) -> None:
        if not self._open:
            raise DeviceError(f"{self.url} is closed")


def open(url: str) -> Port:
    """Open ``replay:FILE``. Raises `DeviceError` when there is no file, `UsageError` for its content."""
    name = url.partition(":")[2]
    if not name:
        raise DeviceError("replay: names no file", "for example replay:conversation.txt")
    if not Path(name).is_file():
        raise DeviceError(f"cannot read {name}: there is no such file", "replay: needs a text file")
    text = read_text(name, MOST_CONVERSATION_BYTES, hint=_FIRST_LINE_IS)
    lines, language = read_lines(text, name)
    return ReplayPort(url, lines, name, language)


def read_lines(text: str, name: str) -> tuple[list[Line], Language]:
    """The messages of a recorded conversation. Raises `UsageError` with the number of a bad line."""
    rows = text.splitlines()
    if not rows or rows[0].strip() not in _FIRST_LINES:
        raise UsageError(f"{name} is no recorded conversation", _FIRST_LINE_IS)
    lines = []
    for number, row in enumerate(rows, start=1):
        said = row.partition("#")[0].strip()
        if not said:
            continue
        try:
            data = bytes.fromhex(said[1:])
        except ValueError:
            data = b""
        if said[0] not in "<>" or not data:
            raise UsageError(
                f"{name} line {number}: {said[:40]!r} is no message", "write > or < and bytes such as F0 41"
            )
        lines.append(Line(said[0] == ">", data, number))
    return lines, _FIRST_LINES[rows[0].strip()]


def _hex(data: bytes) -> str:
    shown = data[:16].hex(" ").upper()
    return f"{shown} ..." if len(data) > 16 else shown
