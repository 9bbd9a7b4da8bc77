"""Hexadecimal text: System Exclusive as people paste it and as monitors log it, whatever the layout.

A message is what runs from a byte ``F0`` to ``F7``, over as many lines as it takes. Bytes may be written
``F0``, ``0xF0``, ``$F0``, ``\\xF0``, ``F0H`` or run together; addresses, times, labels and the column of
characters of a dump are passed over.
"""

from __future__ import annotations

import re
from itertools import pairwise

from jxctl.protocol.midi import END_OF_SYSEX, SYSEX

MOST_BYTES = 4_000_000
"""Bytes of a text that are looked at (as of any file)."""

_ADDRESS = re.compile(r"^\s*(?:0[xX])?([0-9A-Fa-f]{4,16})h?\s*[:|]?\s+(?=[0-9A-Fa-f]{2})")
_GUTTER = re.compile(r"\s+\|.*\|\s*$")
_WORD = re.compile(r"[^\s,;\[\](){}<>\"'=&|]+")
_PREFIXED = re.compile(r"(?:0[xX]|\$|\\x|#)([0-9A-Fa-f]{1,2})(?![0-9A-Fa-f])")
_SUFFIXED = re.compile(r"([0-9A-Fa-f]{2})[hH]")
_RUN = re.compile(r"(?:[0-9A-Fa-f]{2})+")
_TEXT = frozenset((0x09, 0x0A, 0x0C, 0x0D, *range(0x20, 0x7F)))


def is_text(data: bytes) -> bool:
    """Whether all bytes are printable: ASCII, or text in UTF-8 or UTF-16 with a mark."""
    if not data or len(data) > MOST_BYTES:
        return False
    return _decoded(data) is not None


def read_hex_text(data: bytes) -> bytes:
    """The messages in a text, one after the other; empty where there are none.

    One that does not end keeps what it has, so that a decoder can say that it was cut short.

    Examples:
        >>> read_hex_text(b"SYSX: F0 41 36\\n SYSX: 00 F7").hex(" ")
        'f0 41 36 00 f7'
        >>> read_hex_text(b"0xF0, 0x41, 0xF7; 10 bytes").hex(" ")
        'f0 41 f7'
    """
    text = _decoded(data)
    if text is None:
        return b""
    found, held = bytearray(), bytearray()
    lines = text.splitlines()
    addressed = _addressed(lines)
    for line in lines:
        line = _GUTTER.sub("", line)
        if addressed and (match := _ADDRESS.match(line)):
            # Of a dump: the characters stand after two spaces, behind the bytes.
            line = re.split(r" {2,}(?=\S)", line[match.end() :].replace("  ", " ", _halves(line)))[0]
        for word in _WORD.findall(line):
            values = _values(word)
            if values is None:
                # A label before bytes; or words after an F0 that was no message ("F0  Buffer:").
                if held == bytes((SYSEX,)):
                    held.clear()
                continue
            for value in values:
                if value == SYSEX:
                    found += held
                    held = bytearray((SYSEX,))
                elif held:
                    held.append(value)
                    if value == END_OF_SYSEX:
                        found += held
                        held = bytearray()
    return bytes(found + held)


def _decoded(data: bytes) -> str | None:
    for mark, name in ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"\xef\xbb\xbf", "utf-8-sig")):
        if data.startswith(mark):
            try:
                return data.decode(name)
            except UnicodeDecodeError:
                return None
    return data.decode("ascii") if _TEXT.issuperset(data) else None


def _addressed(lines: list[str]) -> bool:
    """Whether lines begin with addresses that count up from 0."""
    found = [int(match[1], 16) for line in lines if (match := _ADDRESS.match(line))]
    return bool(found) and found[0] == 0 and all(a < b for a, b in pairwise(found))


def _halves(line: str) -> int:
    """How many double spaces stand between halves of a dump's line: one in the layout of ``hexdump -C``."""
    return 1 if re.search(r"(?:\b[0-9A-Fa-f]{2} ){8} (?=[0-9A-Fa-f]{2}\b)", line) else 0


def _values(word: str) -> list[int] | None:
    """The bytes that a word says; None for other words."""
    if "\\x" in word or word[:2].lower() == "0x" or word[0] in "$#":
        found = _PREFIXED.findall(word)
        return [int(text, 16) for text in found] or None
    if match := _SUFFIXED.fullmatch(word):
        return [int(match[1], 16)]
    return list(bytes.fromhex(word)) if _RUN.fullmatch(word) else None
