"""The file formats of a bank, each recognised by its content, and read.

=============  ============================================================  ==================
format         recognised by                                                 endings
=============  ============================================================  ==================
``syx``        at least one message of a JX: ``F0 41 .. F7``                 .syx
``midi``       ``MThd``; the SysEx in it is read                             .mid .midi .smf
``hex``        text of hexadecimal bytes that are a message of a JX           (only read)
``json``       a JSON object; the key ``format`` says of what                .json
``cartridge``  2048 bytes, or several times, with names (JX-8P, M-16C)        .bin .img .crt
``bus``        bytes of the sound-board bus that load a whole tone           (only read)
=============  ============================================================  ==================
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from jxctl._files import parse_json
from jxctl.errors import ToneError, UsageError
from jxctl.library import hextext, midifile
from jxctl.protocol.account import Account
from jxctl.protocol.bank import Bank
from jxctl.protocol.patch import JSON_FORMAT as PATCH_JSON
from jxctl.protocol.patch import Patch
from jxctl.protocol.sysex.frame import Unused
from jxctl.protocol.tone import JSON_FORMAT as TONE_JSON
from jxctl.protocol.tone import Tone
from jxctl.protocol.vecoven_tone import JSON_FORMAT as TONE_V4_JSON
from jxctl.protocol.vecoven_tone import ToneV4

if TYPE_CHECKING:
    from jxctl.protocol.sysex import AnyMessage, Banks

_IMAGE_TONES = 32 * 59
SELECTS = b"\xf1\xf4\xf9"
"""Board selects, one of which opens a stretch of bus (2.2)."""
ORIGIN = "origin"
"""Key of a bank's JSON under which the file is kept that the bank was read from."""


@dataclass(frozen=True, slots=True)
class Origin:
    """The file a bank came from: ``format``, its bytes, and for SysEx the form, channel (0-15) and group.

    ``group``: the memory that a bulk dump is of, 1 internal, 2 cartridge.
    """

    format: str
    data: bytes
    form: str = ""
    channel: int = 0
    group: int = 1


@dataclass(frozen=True, slots=True)
class Loaded:
    """A file as it was read.

    Args:
        bank: the one that is meant, of all the ``banks`` in it.
        format: a name in `FORMATS`.
        origin: what it was first read from, which a JSON file remembers.
        neutral: the file says nothing of a family, so that the bank's may be replaced.
        account: what was repaired, skipped, missing and so on.
        unused: bytes that hold no message.
        others: messages that hold neither tone nor patch.
        banks: all that are in it.
        number: which of them is meant, from 1.
        image: the JX-10 cartridge that the file is a transfer of.

    Examples:
        >>> Loaded(Bank("mks70"), "syx", Origin("syx", b"")).bank.tones
        {}
    """

    bank: Bank
    format: str
    origin: Origin
    neutral: bool = False
    account: Account = field(default_factory=Account)
    unused: Sequence[Unused] = ()
    others: Sequence[AnyMessage] = ()
    banks: tuple[Bank, ...] = ()
    number: int = 1
    image: bytes = b""

    def __post_init__(self) -> None:
        if not self.banks:
            object.__setattr__(self, "banks", (self.bank,))

    @property
    def problems(self) -> list[str]:
        """The account in words, without the ``unused`` bytes."""
        return self.account.problems

    def numbered(self, number: int | None) -> Loaded:
        """With the bank of that number (from 1) as the one that is meant. Raises `UsageError`."""
        if number is None:
            return self
        if not 1 <= number <= len(self.banks):
            count = len(self.banks)
            raise UsageError(
                f"there is no bank {number} in it: it holds {count} bank{'s' * (count != 1)}",
                "jx bank show lists them",
            )
        return replace(self, bank=self.banks[number - 1], number=number)


@dataclass(frozen=True, slots=True)
class Format:
    """A row of `FORMATS`: ``title`` for people, ``mark`` by which it is known, file name endings."""

    title: str
    mark: str
    endings: tuple[str, ...]
    recognised: Callable[[bytes], bool]
    read: Callable[[bytes], Loaded]


def _is_sysex(data: bytes) -> bool:
    # In a MIDI file lengths stand between F0 and the rest, and may look like a message.
    if b"\xf0" not in data or _is_midi_file(data):
        return False
    from jxctl.protocol.sysex import decode_file

    return any(not isinstance(item, Unused) for item in decode_file(data).items)


def _read_sysex(data: bytes) -> Loaded:
    from jxctl.protocol.sysex import (
        BulkPatch,
        BulkTone,
        PatchData,
        Program,
        ToneData,
        banks_of,
        decode_file,
        jx10,
    )

    found = decode_file(data)
    messages = [item for item in found.items if not isinstance(item, Unused)]
    unused = [item for item in found.items if isinstance(item, Unused) and not item.harmless]
    if not messages:
        why = f": {unused[0].reason}" if unused else ""
        raise ToneError(f"there is no SysEx message of a JX in it{why}")
    image, wrong = jx10.image_in(messages)
    try:
        held = banks_of(found.items)
    except ToneError:
        if not image:
            raise
        held = _image_banks(image, wrong)
    account = held.account + Account(
        repaired=tuple(str(item) for item in found.repaired),
        skipped=tuple(str(item) for item in unused if not item.foreign),
        foreign=tuple(str(item) for item in unused if item.foreign),
        remarks=_several(held.banks),
    )
    bulk = [m for m in messages if isinstance(m, BulkTone | BulkPatch)]
    form, group = ("bulk", bulk[0].group) if bulk else ("sets", 1)
    channel = messages[0].channel
    holding = (BulkTone, BulkPatch, ToneData, PatchData, Program)
    others = [message for message in messages if not isinstance(message, holding)]
    origin = Origin("syx", data, form, channel, group)
    return Loaded(
        held.banks[0], "syx", origin, account=account, unused=unused, others=others, banks=held.banks,
        image=image,
    )  # fmt: skip


def _image_banks(image: bytes, wrong: str) -> Banks:
    """The bank of a JX-10's cartridge: the tones of one in a JX-8P's layout; that of others is not known."""
    from jxctl.protocol.sysex import Banks
    from jxctl.protocol.sysex.cartridge import has_names, read_image

    remark = f"a JX-10 cartridge of {len(image)} bytes; jx bank convert -o NAME.bin takes it out"
    bank = Bank("mks70")
    if not wrong and has_names(image):
        bank = read_image(image)
    return Banks((bank,), Account(missing=(wrong,) if wrong else (), remarks=(remark,)))


def _several(banks: Sequence[Bank]) -> tuple[str, ...]:
    return (f"{len(banks)} banks in it; --bank says which is meant",) if len(banks) > 1 else ()


def _is_midi_file(data: bytes) -> bool:
    return data.startswith(midifile.MAGIC)


def _read_midi_file(data: bytes) -> Loaded:
    content, wrong = midifile.recovered(data)
    inner = _read_sysex(content)
    account = Account(repaired=(f"{wrong}; its messages are read one by one",) if wrong else ())
    origin = replace(inner.origin, format="midi", data=data)
    return replace(inner, format="midi", origin=origin, account=account + inner.account)


def _is_hex_text(data: bytes) -> bool:
    if not hextext.is_text(data) or _is_json(data):
        return False
    content = hextext.read_hex_text(data)
    return bool(content) and _is_sysex(content)


def _read_hex_text(data: bytes) -> Loaded:
    inner = _read_sysex(hextext.read_hex_text(data))
    return replace(inner, format="hex", origin=replace(inner.origin, data=hextext.read_hex_text(data)))


def _is_image(data: bytes) -> bool:
    from jxctl.protocol.sysex.cartridge import IMAGE_SIZE, has_names, is_image

    if len(data) != IMAGE_SIZE:
        images = len(data) // IMAGE_SIZE
        # Of a set every image is full of names; one alone with a tail too.
        return images > 0 and all(
            has_names(data[n * IMAGE_SIZE : (n + 1) * IMAGE_SIZE]) for n in range(images)
        )
    # A blank one says nothing that would tell it from any other 2048 bytes.
    return is_image(data) and any(chr(byte & 0x7F).isalpha() for byte in data[-_IMAGE_TONES:])


def _read_image(data: bytes) -> Loaded:
    from jxctl.protocol.sysex.cartridge import IMAGE_SIZE, read_image

    images = len(data) // IMAGE_SIZE
    tail = data[images * IMAGE_SIZE :]
    banks = tuple(read_image(data[n * IMAGE_SIZE : (n + 1) * IMAGE_SIZE]) for n in range(images)) or (
        read_image(data),
    )
    remarks = (f"{len(tail)} bytes after the last image, passed over",) if tail else ()
    account = Account(remarks=(*_several(banks), *remarks))
    return Loaded(banks[0], "cartridge", Origin("cartridge", data), account=account, banks=banks)


def _is_bus(data: bytes) -> bool:
    if data[:1] not in [bytes((byte,)) for byte in SELECTS]:
        return False
    from jxctl.protocol import bus, registers

    messages, dropped = bus.decode(data)
    return dropped == 0 and bool(registers.tones_in(messages))


def _read_bus(data: bytes) -> Loaded:
    from jxctl.protocol import bus, registers

    messages, dropped = bus.decode(data)
    tones = registers.tones_in(messages)
    if not tones:
        raise ToneError("no board is sent a whole tone in this capture of the bus")
    account = Account(
        skipped=(f"{dropped} bytes belong to no bus message",) if dropped else (),
        remarks=(
            "the bus carries no names and no slots",
            "VCA LEVEL is what the board received: the assigner has scaled it by patch volume and balance",
        ),
    )
    held = [tones[board] for board in ("upper", "lower") if board in tones]
    bank = Bank("mks70", {}, dict(enumerate(held)))
    return Loaded(bank, "bus", Origin("bus", data), neutral=True, account=account)


def _is_json(data: bytes) -> bool:
    return data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{")


def _read_json(data: bytes) -> Loaded:
    try:
        content = parse_json(data.decode("utf-8-sig"), error=ToneError)
    except UnicodeDecodeError as error:
        raise ToneError(f"not JSON ({error})") from error
    kind = content.get("format") if isinstance(content, dict) else None
    origin, neutral = Origin("json", data), True
    if kind == TONE_JSON:
        bank = Bank("mks70", {}, {0: Tone.from_json(content)})
    elif kind == TONE_V4_JSON:
        bank, neutral = Bank("vecoven4", {}, {0: ToneV4.from_json(content)}), False
    elif kind == PATCH_JSON:
        patch = Patch.from_json(content)
        bank = Bank("jx8p" if patch.family == "jx8p" else "mks70", {0: patch})
        neutral = False
    else:
        bank, origin, neutral = Bank.from_json(content), _origin(content, data), False
    return Loaded(bank, "json", origin, neutral)


def _origin(content: dict[str, Any], data: bytes) -> Origin:
    """What a bank's JSON says it was read from; the JSON itself when it does not say."""
    given = content.get(ORIGIN)
    if given is None:
        return Origin("json", data)
    try:
        origin = Origin(
            given["format"],
            bytes.fromhex(given.get("hex", "")),
            given["form"],
            given["channel"],
            given.get("group", 1),
        )
        known = origin.format in FORMATS and origin.form in ("", "bulk", "sets")
        if not known or origin.channel not in range(16) or origin.group not in range(128):
            raise ValueError("unknown format, form, channel or group")
    except (TypeError, KeyError, ValueError, AttributeError) as error:
        raise ToneError(f'the key "{ORIGIN}" is damaged ({error})', "leave the key out") from error
    return origin


FORMATS: dict[str, Format] = {
    "syx": Format("SysEx", "messages F0 41 .. F7 of a JX", (".syx",), _is_sysex, _read_sysex),
    "midi": Format("MIDI file", "MThd", (".mid", ".midi", ".smf"), _is_midi_file, _read_midi_file),
    "hex": Format(
        "hexadecimal text", "bytes F0 41 .. F7 as text", (), _is_hex_text, _read_hex_text
    ),
    "json": Format("JSON", "a JSON object", (".json",), _is_json, _read_json),
    "cartridge": Format(
        "JX-8P cartridge image", "2048 bytes with 32 names, once or several times", (".bin", ".img", ".crt"),
        _is_image, _read_image,
    ),
    "bus": Format("capture of the bus", "a tone load after F1, F4 or F9", (), _is_bus, _read_bus),
}  # fmt: skip
"""Every format by name; see the head of this module."""
