"""The image of a JX-8P cartridge (M-16C, 2048 bytes): 160 bytes of header, then 32 tones of 59 bytes.

Tones are in the order of an APR message; bit 7 of their bytes is to be masked (jx_hardware.md 4.8,
one source). What the header holds is not known. Both are preserved.
"""

from __future__ import annotations

from jxctl.errors import ToneError
from jxctl.protocol.bank import Bank
from jxctl.protocol.sysex.jx8p import SLOTS
from jxctl.protocol.tone import NAME_SIZE, RECORD_SIZE, Tone

IMAGE_SIZE = 2048
_TEXT = frozenset((0x09, 0x0A, 0x0D, *range(0x20, 0x7F)))
HEADER_SIZE = IMAGE_SIZE - SLOTS * RECORD_SIZE


def is_image(data: bytes) -> bool:
    """Whether ``data`` may be a cartridge image: its size, a name in it, and that it is no text.

    One name is enough, for a user's cartridge may hold a few tones and otherwise nothing.
    """
    if len(data) != IMAGE_SIZE or all(byte in _TEXT for byte in data):
        return False
    starts = range(HEADER_SIZE, IMAGE_SIZE, RECORD_SIZE)
    return any(_is_name(data[start : start + NAME_SIZE]) for start in starts)


def has_names(data: bytes) -> bool:
    """Whether at least half of the names in an image are text: enough for bytes among others."""
    if len(data) != IMAGE_SIZE or all(byte in _TEXT for byte in data):
        return False
    starts = range(HEADER_SIZE, IMAGE_SIZE, RECORD_SIZE)
    return sum(_is_name(data[start : start + NAME_SIZE]) for start in starts) >= SLOTS // 2


def _is_name(name: bytes) -> bool:
    characters = [byte & 0x7F for byte in name]
    letters = sum(chr(byte).isalpha() for byte in characters)
    return letters > 1 and all(0x20 <= byte < 0x7F or byte < 10 for byte in characters)


def read_image(data: bytes, name: str = "") -> Bank:
    """The 32 tones of an image; its other bits are kept in ``rest``. Raises `ToneError` for another size."""
    if len(data) != IMAGE_SIZE:
        several = data and len(data) % IMAGE_SIZE == 0
        hint = f"it may be several images: cut it into pieces of {IMAGE_SIZE} bytes" if several else ""
        raise ToneError(f"a JX-8P cartridge image has {IMAGE_SIZE} bytes, not {len(data)}", hint)
    masked = bytes(byte & 0x7F for byte in data)
    starts = range(HEADER_SIZE, IMAGE_SIZE, RECORD_SIZE)
    tones = {slot: Tone.from_record(masked[s : s + RECORD_SIZE]) for slot, s in enumerate(starts)}
    rest = bytes(a ^ b for a, b in zip(data, _records(tones), strict=True))
    return Bank("jx8p", {}, tones, name, rest)


def write_image(bank: Bank) -> bytes:
    """The image of a bank of tones in slots 0-31; a missing tone is left blank (zero).

    Header and top bits are those of the image the bank was read from, else zero. Whether an
    instrument takes a cartridge with such a header is not known.

    Raises `ToneError` for another family, a slot above 31, or patches, for which no place is known.
    """
    if bank.family != "jx8p":
        raise ToneError(f"a bank of family {bank.family} does not fit a JX-8P cartridge")
    if bank.patches:
        raise ToneError("where a JX-8P cartridge keeps patches is not known", "leave them out")
    if beyond := [slot for slot in bank.tones if slot >= SLOTS]:
        raise ToneError(f"a JX-8P cartridge has no tone slot {beyond[0] + 1}", f"it has 1 to {SLOTS}")
    if bank.rest and len(bank.rest) != IMAGE_SIZE:
        raise ToneError(f"the rest of a cartridge image is {IMAGE_SIZE} bytes, not {len(bank.rest)}")
    tones = {slot: tone for slot, tone in bank.tones.items() if isinstance(tone, Tone)}
    rest = bank.rest or bytes(IMAGE_SIZE)
    return bytes(a ^ b for a, b in zip(_records(tones), rest, strict=True))


def _records(tones: dict[int, Tone]) -> bytes:
    blank = bytes(RECORD_SIZE)
    records = (tones[slot].record if slot in tones else blank for slot in range(SLOTS))
    return bytes(HEADER_SIZE) + b"".join(records)
