"""What files come packed in: archives and containers around SysEx, MIDI files and cartridge images.

Found by content, never by name, and within limits: a small archive may hold a thing that never ends.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from dataclasses import dataclass

from jxctl._files import MOST_BYTES
from jxctl.errors import ToneError

MOST_MEMBERS = 1000
"""Files of an archive that are looked at (chosen)."""
MOST_LEVELS = 4
"""How many wrappers may be around a file (chosen)."""
_GZIP, _ZIP, _RIFF = b"\x1f\x8b", b"PK\x03\x04", b"RIFF"
_MACBINARY_HEAD = 128
_BLOCK = 128
_TOO_LARGE = f"unpacked, it is over {MOST_BYTES} bytes"


@dataclass(frozen=True, slots=True)
class Member:
    """A file in a wrapper: its ``name`` there (empty where wrappers hold one), content, ``wrapper``."""

    name: str
    data: bytes
    wrapper: str


def unwrapped(data: bytes) -> list[Member]:
    """What is in the wrapper around ``data``; nothing where there is none.

    Raises `ToneError` for a wrapper that is damaged or holds more than `MOST_BYTES`.
    """
    if data.startswith(_GZIP):
        return [Member("", _gunzipped(data), "gzip")]
    if data.startswith(_ZIP):
        return _zipped(data)
    if data.startswith(_RIFF) and data[8:12] == b"RMID":
        return [Member("", _riff_data(data), "RIFF MIDI")]
    if inner := _macbinary(data):
        return [Member("", inner, "MacBinary")]
    return []


def _gunzipped(data: bytes) -> bytes:
    unpacker = zlib.decompressobj(wbits=31)
    try:
        content = unpacker.decompress(data, MOST_BYTES + 1)
    except zlib.error as error:
        raise ToneError(f"this gzip file is damaged ({error})", "unpack it with gzip to see more") from error
    if len(content) > MOST_BYTES:
        raise ToneError(f"gzip: {_TOO_LARGE}")
    if not unpacker.eof:
        raise ToneError("this gzip file is cut short", "copy it again from where it came")
    return content


def _zipped(data: bytes) -> list[Member]:
    found: list[Member] = []
    room = MOST_BYTES
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            infos = [info for info in archive.infolist() if not info.is_dir()]
            if len(infos) > MOST_MEMBERS:
                raise ToneError(f"the zip archive holds over {MOST_MEMBERS} files", "unpack it")
            for info in infos:
                with archive.open(info) as file:
                    content = file.read(room + 1)
                room -= len(content)
                if room < 0:
                    raise ToneError(f"zip: {_TOO_LARGE}", "unpack it")
                found.append(Member(info.filename, content, "zip"))
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError) as error:
        raise ToneError(f"this zip archive cannot be read ({error})", "unpack it") from error
    return found


def _riff_data(data: bytes) -> bytes:
    """The first ``data`` chunk; of a file that is cut short, what there is."""
    start = 12
    while start + 8 <= len(data):
        size = int.from_bytes(data[start + 4 : start + 8], "little")
        if data[start : start + 4] == b"data":
            return data[start + 8 : start + 8 + size]
        start += 8 + size + (size & 1)
    raise ToneError("this RIFF MIDI file has no data in it", "convert it with another program")


def _macbinary(data: bytes) -> bytes:
    """The data fork of a MacBinary file; empty where it is none."""
    head = data[:_MACBINARY_HEAD]
    if len(head) < _MACBINARY_HEAD or head[0] or not 1 <= head[1] <= 63 or head[74] or head[82]:
        return b""
    name = head[2 : 2 + head[1]]
    size, resources = int.from_bytes(head[83:87], "big"), int.from_bytes(head[87:91], "big")
    blocks = -(-size // _BLOCK) + -(-resources // _BLOCK)
    fits = size and _MACBINARY_HEAD + size <= len(data) <= _MACBINARY_HEAD + (blocks + 1) * _BLOCK
    # The type and creator are four characters each.
    kinds = head[65:73]
    if not fits or min(name) < 0x20 or (any(kinds) and min(kinds) < 0x20):
        return b""
    return data[_MACBINARY_HEAD : _MACBINARY_HEAD + size]
