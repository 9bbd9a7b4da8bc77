"""Banks from files and into files, and one tone or patch out of a file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from jxctl._files import read_bytes, write_atomically
from jxctl.errors import ToneError, UsageError
from jxctl.library import midifile
from jxctl.library.edit import IMAGE_REST, single, tone_for
from jxctl.library.formats import FORMATS, ORIGIN, Loaded, Origin
from jxctl.library.wrappers import MOST_LEVELS, Member, unwrapped
from jxctl.protocol.account import Account
from jxctl.protocol.bank import AnyTone, Bank, FamilyName, listed
from jxctl.protocol.midi import SYSEX, split
from jxctl.protocol.patch import Patch
from jxctl.protocol.tone import Tone

Kind = Literal["tone", "patch", "bank"]

JX10_IMAGE_SIZE = 8192
"""Bytes of an M-64C cartridge (jx_hardware.md 4.8)."""
FILE_GAP_S = 0.05
"""Pause after each message in a MIDI file: that of the slowest message (jx_hardware.md 8, inferred)."""


def read_library(
    path: str | Path, format: str | None = None, *, bank: int | None = None, text_mode: bool = False
) -> Loaded:
    """The banks in a file, its format found by content or given.

    Args:
        path: the file; ``-`` for standard input.
        format: a name in `FORMATS`; found by content where None.
        bank: the number of the one that is meant, from 1; the first where None.
        text_mode: undo a transfer in text mode, which put a 0D before every 0A.

    Returns:
        The bank that is meant, all others, and the account of what was repaired, skipped or missing.

    Raises:
        ToneError: with the file's name, when nothing can be read.
        UsageError: there is no bank of that number.

    Examples:
        >>> write_library(Tone.init("PLAIN"), "a.syx")
        []
        >>> read_library("a.syx").format
        'syx'
    """
    data = read_bytes(path, error=ToneError, missing="jx tone random -o tone.json writes a tone")
    try:
        return load(data, format, text_mode=text_mode).numbered(bank)
    except ToneError as error:
        raise ToneError(f"{path}: {error.message}", error.hint) from error


def write_library(
    content: Loaded | Bank | AnyTone | Patch,
    path: str | Path,
    format: str | None = None,
    *,
    overwrite: bool = False,
) -> list[str]:
    """Encode tones and patches as a file: whole or not at all.

    Args:
        content: a bank, one tone or one patch; or what `read_library` gave, of which bytes that nobody
            understands are kept as far as the format can.
        path: where to; its ending says the format.
        format: ``syx``, ``midi``, ``json`` or ``cartridge``, whatever the ending.
        overwrite: whether a file that is there may be replaced.

    Returns:
        What the file does not say of the content, a line each; nothing where it says all.

    Raises:
        UsageError: the file is there, its ending says no format, or the format cannot hold the content.
        JxError: it cannot be written.

    Examples:
        >>> write_library(Tone.init("PLAIN"), "plain.syx")
        []
        >>> read_library("plain.syx").bank.tones[0].name
        'PLAIN'
    """
    path = Path(path)
    format = format_for(path, format)
    if path.exists() and not overwrite:
        raise UsageError(f"{path} is there already", "overwrite=True replaces it")
    if isinstance(content, Loaded):
        data = encoded(content.bank, format, content.origin)
        left = [*unsaid(content, format, data), *without_room(content.bank, format, data)]
    elif isinstance(content, Bank):
        data = encoded(content, format)
        left = without_room(content, format, data)
    elif format == "json":
        data, left = (json.dumps(content.to_json(), indent=2) + "\n").encode(), []
    else:
        bank = _alone(content, format)
        data = encoded(bank, format)
        left = without_room(bank, format, data)
    write_atomically(path, data)
    return left


def write_tone_file(
    tone: AnyTone, path: str | Path, family: FamilyName | None = None, channel: int = 0
) -> list[str]:
    """Write one tone in the format of the file name's ending.

    Args:
        tone: what is written.
        path: where to; replaced when it is there. SysEx and MIDI files hold an edit-buffer dump (APR), which
            overwrites no memory; a name without an ending of a format is JSON.
        family: whose messages; where None those of a MKS-70, or of Vecoven's V4 for its tones.
        channel: MIDI channel in the messages, 0-15.

    Returns:
        What of the tone the family cannot say, in words.

    Raises:
        UsageError: the format does not fit the family.
        JxError: it cannot be written.
    """
    from jxctl.protocol.sysex import FAMILIES, ToneData

    path = Path(path)
    try:
        format = format_for(path, None)
    except UsageError:
        format = "json"
    if format == "cartridge" and family not in (None, "jx8p"):
        raise UsageError(f"a cartridge image holds JX-8P tones, not those of {family}", "name it .syx")
    default: FamilyName = "jx8p" if format == "cartridge" else "mks70"
    family = family or (default if isinstance(tone, Tone) or format == "cartridge" else "vecoven4")
    made, lost = tone_for(tone, family)
    if format == "json":
        data = (json.dumps(made.to_json(), indent=2) + "\n").encode()
    elif format == "cartridge":
        data = encoded(Bank("jx8p", tones={0: made}), format)
    else:
        message = ToneData(wire=FAMILIES[family], channel=channel, tone=made).encoded()
        data = message if format == "syx" else midifile.write_midi_file([message], FILE_GAP_S)
    write_atomically(path, data)
    return lost


def load(data: bytes, format: str | None = None, *, text_mode: bool = False) -> Loaded:
    """The banks in the bytes of a file; ``text_mode`` as of `read_library`.

    Raises `ToneError` when they are of no known format, of several, damaged, or hold nothing.
    """
    account = Account()
    if text_mode:
        data, account = _text_mode_undone(data), Account(repaired=(UNDONE,))
    if format is None:
        if members := unwrapped(data):
            return _packed(members, account, 1)
        format = recognise(data)
    elif format not in FORMATS:
        raise ToneError(f"there is no format {format!r}", f"formats are {', '.join(FORMATS)}")
    loaded = FORMATS[format].read(data)
    if loaded.format in ("syx", "cartridge") and not text_mode and _was_text_mode(data):
        account += Account(remarks=(TEXT_MODE,)) if not loaded.account.whole else Account()
    loaded = _with_origin(loaded) if loaded.origin.format != format and format != "hex" else loaded
    return replace(loaded, account=account + loaded.account)


UNDONE = "a transfer in text mode is undone: the 0D before every 0A is taken out"
"""Said of a file that was read so."""
TEXT_MODE = "every 0A follows a 0D: a transfer in text mode put them in; --text-mode takes them out"
"""Said of a damaged file that may be mended so."""


def _was_text_mode(data: bytes) -> bool:
    """Whether a transfer in text mode made every 0A into 0D 0A."""
    return 0x0A in data and data.count(b"\x0a") == data.count(b"\x0d\x0a")


def _text_mode_undone(data: bytes) -> bytes:
    if not _was_text_mode(data):
        raise ToneError(
            "this file was not changed by a transfer in text mode: not every 0A follows a 0D",
            "read it without --text-mode",
        )
    return data.replace(b"\x0d\x0a", b"\x0a")


def _packed(members: Sequence[Member], account: Account, level: int) -> Loaded:
    """The banks of all files in a wrapper, one after the other; other files in it are named."""
    if level > MOST_LEVELS:
        raise ToneError(f"packed over {MOST_LEVELS} times", "unpack it")
    read: list[Loaded] = []
    failed: list[ToneError] = []
    for member in members:
        where = f"{member.wrapper} {member.name}".strip()
        try:
            inner = unwrapped(member.data)
            loaded = _packed(inner, Account(), level + 1) if inner else load(member.data)
        except ToneError as error:
            failed.append(error)
            account += Account(foreign=(f"{where}: {error.message.partition(';')[0]}",))
            continue
        one = len(members) == 1 and not member.name
        account += Account(remarks=(f"packed as {where}",))
        account += loaded.account if one else loaded.account.prefixed(member.name)
        read.append(loaded)
    if len(members) == 1 and failed:
        raise failed[0]
    if not read:
        raise ToneError(f"none of the {len(members)} files in it can be read", "unpack it to see more")
    banks = tuple(bank for loaded in read for bank in loaded.banks)
    if len(read) > 1:
        account += Account(remarks=(f"{len(banks)} banks in it; --bank says which is meant",))
    return replace(read[0], banks=banks, account=account)


def recognise(data: bytes) -> str:
    """The name of the format in `FORMATS`. Raises `ToneError` when none or several fit."""
    fitting = [name for name, row in FORMATS.items() if row.recognised(data)]
    if len(fitting) == 1:
        return fitting[0]
    looked_for = "; ".join(f"{row.title}: {row.mark}" for row in FORMATS.values())
    if fitting:
        titles = " and ".join(FORMATS[name].title for name in fitting)
        raise ToneError(f"this can be read as {titles}", f"say which with --from {' or '.join(fitting)}")
    if not data:
        raise ToneError("the file is empty", f"looked for {looked_for}")
    if len(data) == JX10_IMAGE_SIZE:
        raise ToneError(
            f"{len(data)} bytes: perhaps the image of a JX-10 cartridge, whose layout is not known",
            "jx send --port midi:NAME?model=jx10 passes such an image on as it is",
        )
    raise ToneError(f"unknown content{_why_no_sysex(data)}", f"looked for {looked_for}")


def encoded(bank: Bank, format: str, origin: Origin | None = None) -> bytes:
    """The bank as a file of a format.

    ``origin``: what it was read from. If nothing changed since and the format is the same, that is
    what is returned, byte for byte; and JSON remembers it. SysEx goes into a MIDI file, and out of one,
    message by message as it is. Form, channel and group are kept in any case.

    Raises `UsageError` for what the format cannot hold; `unsaid` names what would be left out.
    """
    if origin is not None and origin.data and _unchanged(bank, origin):
        if origin.format == format:
            return origin.data
        if {origin.format, format} == {"syx", "midi"}:
            return _carried(origin.data, format)
    if format == "json":
        return _json(bank, origin)
    if format == "cartridge":
        return _image(bank)
    if format == "bus":
        raise UsageError(
            "a bank cannot be written as a capture of the bus, unless it was read from it and is unchanged",
            "jx send loads a tone over the bus",
        )
    messages = _messages(bank, origin)
    if format == "midi":
        return midifile.write_midi_file(messages, FILE_GAP_S)
    return b"".join(messages)


def unsaid(loaded: Loaded, format: str, content: bytes) -> list[str]:
    """What ``loaded`` holds besides its bank, and a file ``content`` of ``format`` does not, in words."""
    said = []
    if any(loaded.bank.rest) and format not in ("cartridge", "json"):
        said.append(IMAGE_REST)
    remembered = load(content, format).origin.data if format == "json" else content
    if remembered == loaded.origin.data:
        return said
    kept = _sysex_in(content, format)
    if format == "syx" and loaded.origin.format == "midi" and content == _carried(loaded.origin.data, "syx"):
        return said
    said += [
        f"a message that holds neither tone nor patch: {message}"
        for message in loaded.others
        if message.encoded() not in kept
    ]
    return said + [f"bytes of no known message: {item}" for item in loaded.unused if item.data not in kept]


def without_room(bank: Bank, format: str, content: bytes) -> list[str]:
    """What of a bank a SysEx or MIDI file ``content`` does not say, in words: a dump and whole messages
    (APR) each leave out something of the other."""
    if format not in ("syx", "midi"):
        return []
    from jxctl.protocol.sysex import not_in_bulk, not_in_sets

    written = load(content, format)
    if written.bank.to_json() == bank.to_json():
        return []
    return not_in_bulk(bank) if written.origin.form == "bulk" else not_in_sets(bank)


def writes_added(loaded: Loaded, format: str, content: bytes) -> bool:
    """Whether ``content`` overwrites slots of a JX-8P when it is played to one, and ``loaded`` did not."""
    return (
        loaded.origin.form == "sets"
        and _writes(content, format)
        and not _writes(loaded.origin.data, loaded.origin.format)
    )


def format_for(path: Path, format: str | None) -> str:
    """The format to write: the one given, or the one that the file name's ending means.

    Raises `UsageError` for any other.
    """
    if format is not None:
        if format in FORMATS:
            return format
        raise UsageError(f"there is no format {format!r}", f"formats are {', '.join(_written())}")
    for name, row in FORMATS.items():
        if path.suffix.lower() in row.endings:
            return name
    endings = ", ".join(f"{'/'.join(FORMATS[name].endings)} ({name})" for name in _written())
    raise UsageError(f"{path}: the ending does not say the format", f"endings are {endings}; or give --to")


def any_tone(path: str | Path, number: int | None = None) -> AnyTone:
    """The tone of a file, of any format: its only one, or the one of that number, from 1.

    Raises `ToneError` when the file holds none, or several and no number is given.
    """
    return next(iter(one_tone(path, number).bank.tones.values()))


def one_tone(path: str | Path, number: int | None = None) -> Loaded:
    """As `any_tone`, with what is known of the file; the bank holds that tone alone."""
    return only_tone(read_library(path), path, number)


def stock_tone(path: str | Path, number: int | None = None) -> Tone:
    """Read one tone of the stock firmware out of a file of any format.

    Args:
        path: of the file.
        number: which of its tones, from 1; None for the only one.

    Returns:
        The tone.

    Raises:
        ToneError: the file holds none, several and no number is given, or a tone of V4 firmware there.

    Examples:
        >>> write_library(Tone.init("PLAIN"), "b.syx")
        []
        >>> stock_tone("b.syx").name
        'PLAIN'
    """
    return only_stock_tone(read_library(path), path, number)


def only_tone(loaded: Loaded, path: str | Path, number: int | None = None) -> Loaded:
    """As `one_tone`, of what was read from ``path`` already."""
    tones = loaded.bank.tones
    if number is not None:
        return replace(loaded, bank=single(loaded.bank, "tone", number - 1))
    if not tones:
        raise ToneError(f"{path}: there is no tone in it", "jx bank show lists what a file holds")
    if len(tones) > 1:
        raise ToneError(
            f"{path}: it holds {listed(tones, 'tone')}", "say which with --slot; jx bank show lists them"
        )
    return replace(loaded, bank=replace(loaded.bank, patches={}))


def only_stock_tone(loaded: Loaded, path: str | Path, number: int | None = None) -> Tone:
    """As `stock_tone`, of what was read from ``path`` already."""
    tone = next(iter(only_tone(loaded, path, number).bank.tones.values()))
    if not isinstance(tone, Tone):
        raise ToneError(
            f"{path}: {tone.name!r} is a tone of Vecoven's V4 firmware",
            "jx bank convert --family mks70 makes stock tones of V4 tones, and says what is lost",
        )
    return tone


def cargo(loaded: Loaded, tone: int | None = None, patch: int | None = None) -> tuple[Kind, Bank]:
    """What of a file is meant: the tone or patch of that number (from 1), or all there is.

    A bank of one tone is a tone, and one of a patch and its tones a patch. Raises `UsageError` for an
    empty slot, or both numbers at once.
    """
    bank = loaded.bank
    if tone is not None and patch is not None:
        raise UsageError("a tone and a patch at once", "give --slot or --patch")
    if tone is not None:
        return "tone", single(bank, "tone", tone - 1)
    if patch is not None:
        return "patch", single(bank, "patch", patch - 1)
    if len(bank.tones) == 1 and not bank.patches:
        return "tone", bank
    if len(bank.patches) == 1:
        (slot,) = bank.patches
        alone = single(bank, "patch", slot)
        if len(alone.tones) == len(bank.tones):
            return "patch", alone
    return "bank", bank


def _alone(content: AnyTone | Patch, format: str) -> Bank:
    """A bank of nothing but this tone or patch, of a family that the format takes where there is a choice."""
    if isinstance(content, Patch):
        return Bank("jx8p" if content.family == "jx8p" else "mks70", {0: content})
    stock: FamilyName = "jx8p" if format == "cartridge" else "mks70"
    return Bank(stock if isinstance(content, Tone) else "vecoven4", tones={0: content})


def _written() -> list[str]:
    return [name for name, row in FORMATS.items() if row.endings]


def _with_origin(loaded: Loaded) -> Loaded:
    """A bank of JSON with what is known of the file that it was first read from."""
    origin = loaded.origin
    if not origin.data:
        # The JSON says all that the file said.
        try:
            data = encoded(loaded.bank, origin.format, origin)
        except UsageError:
            return loaded
        return replace(loaded, origin=replace(origin, data=data))
    before = FORMATS[origin.format].read(origin.data)
    return replace(loaded, account=before.account, unused=before.unused, others=before.others)


def _unchanged(bank: Bank, origin: Origin) -> bool:
    try:
        before = FORMATS[origin.format].read(origin.data).bank
    except ToneError:
        return False
    # As JSON, because bytes that nobody understands do not count when banks are compared.
    return before.to_json() == bank.to_json()


def _json(bank: Bank, origin: Origin | None) -> bytes:
    content: dict[str, Any] = bank.to_json()
    if origin is not None and origin.format not in ("json", "bus"):
        content[ORIGIN] = _told(origin)
    if origin is not None and origin.format != "json" and _unchanged(bank, origin):
        content[ORIGIN] = _told(origin)
        if not _says_all(bank, origin):
            content[ORIGIN]["hex"] = origin.data.hex()
    return (json.dumps(content, indent=1) + "\n").encode()


def _told(origin: Origin) -> dict[str, Any]:
    told = {"format": origin.format, "form": origin.form, "channel": origin.channel}
    return told | ({"group": origin.group} if origin.group != 1 else {})


def _says_all(bank: Bank, origin: Origin) -> bool:
    """Whether the bank alone gives the file back."""
    try:
        return encoded(bank, origin.format, replace(origin, data=b"")) == origin.data
    except UsageError:
        return False


def _carried(data: bytes, format: str) -> bytes:
    """The SysEx of a ``.syx`` file as a MIDI file, or of a MIDI file as ``.syx``, as it is."""
    if format == "syx":
        return midifile.recovered(data)[0]
    return midifile.write_midi_file([m for m in split(data)[0] if m[0] == SYSEX], FILE_GAP_S)


def _sysex_in(content: bytes, format: str) -> set[bytes]:
    """The SysEx messages of a file; none of a format that is not SysEx."""
    if format not in ("syx", "midi"):
        return set()
    return set(split(_carried(content, "syx") if format == "midi" else content)[0])


def _messages(bank: Bank, origin: Origin | None) -> list[bytes]:
    from jxctl.protocol.sysex import Form, messages_of

    form: Form | None = None
    # A bank of another family than its file may have no dump.
    if origin is not None and bank.family != "jx8p":
        form = origin.form if origin.form in ("bulk", "sets") else None  # type: ignore[assignment]
    channel, group = (origin.channel, origin.group) if origin is not None else (0, 1)
    messages = [message.encoded() for message in messages_of(bank, form, channel, group)]
    if not messages:
        raise UsageError(
            "there is no tone and no patch left to write", "jx bank show lists what a file holds"
        )
    return messages


def _image(bank: Bank) -> bytes:
    from jxctl.protocol.sysex.cartridge import write_image

    if bank.family != "jx8p":
        raise UsageError(
            f"a cartridge image holds a JX-8P bank, not one of {bank.family}",
            "jx bank convert --family jx8p says what would be lost",
        )
    return write_image(bank)


def _why_no_sysex(data: bytes) -> str:
    if b"\xf0" not in data:
        return ""
    from jxctl.protocol.sysex import decode

    reasons = [item.reason for item in decode(data).unused if not item.harmless]
    return f" (SysEx? {reasons[0]})" if reasons else ""


def _writes(data: bytes, format: str) -> bool:
    from jxctl.protocol.sysex import Program, decode

    messages = [m for sysex in _sysex_in(data, format) for m in decode(sysex).messages]
    return any(isinstance(m, Program) and m.writes for m in messages)
