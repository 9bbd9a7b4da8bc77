"""The bench file: what stands on this bench, written down once, in TOML.

::

    # jx rig file
    port = "midi:MKS-70?model=mks70"
    audio = "USB Audio"
    unit = "serial number 123456"
    powered_on = 2026-05-01T09:30:00+02:00

Every key may be left out: what is not said is unknown (`None`) and never filled in. A command takes a
value from its flag, else from the environment (``JX_PORT`` for ``port``), else from the file, else its
own default; `settle` does that in one place.
"""

from __future__ import annotations

import difflib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from jxctl._files import parse_toml, read_text, write_atomically
from jxctl.errors import UsageError
from jxctl.protocol.models import model

ENVIRONMENT = "JX_"
"""A variable is this and the key in capitals. ``JX_RIG`` names the file itself."""

_LONGEST_FILE = 100_000
_LONGEST_TEXT = 300
_CLOCKS_DIFFER = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a bench file: its ``kind`` (str, int, float or datetime), its ``meaning``, and for a
    number the least and most it may be."""

    kind: type
    meaning: str
    least: int = 0
    most: int = 0


KEYS: dict[str, Key] = {
    "port": Key(str, "where the synth is, as a URL (jx ports)"),
    "model": Key(str, "what it is (jx models)"),
    "channel": Key(int, "its MIDI channel", 1, 16),
    "audio": Key(str, "the audio input that hears it: name, part of it, or number (jx doctor lists them)"),
    "audio_channel": Key(int, "channel of that input, from 1", 1, 256),
    "sample_rate": Key(int, "in Hz", 4000, 768000),
    "gain": Key(str, "where the knob of the input gain stands, in words"),
    "gain_db": Key(float, "input gain in dB, where the interface says it", -200, 200),
    "unit": Key(str, "which instrument: its serial number"),
    "rom": Key(str, "the version of its firmware"),
    "powered_on": Key(datetime, "when it was switched on"),
}
"""Every key, in the order in which a file is written."""


@dataclass(frozen=True, slots=True)
class RigFile:
    """The values of a bench, by key; ``None`` is unknown.

    Args:
        port: where the synth is, as a URL.
        model: what it is.
        channel: its MIDI channel, 1 to 16.
        audio: the audio input that hears it: name, part of it, or number.
        audio_channel: channel of that input, from 1.
        sample_rate: Hz.
        gain: where the knob of the input gain stands, in words.
        gain_db: input gain in dB, where the interface says it.
        unit: which instrument: its serial number.
        rom: the version of its firmware.
        powered_on: when it was switched on.

    Examples:
        >>> RigFile(port="sim:").audio is None
        True
    """

    port: str | None = None
    model: str | None = None
    channel: int | None = None
    audio: str | None = None
    audio_channel: int | None = None
    sample_rate: int | None = None
    gain: str | None = None
    gain_db: float | None = None
    unit: str | None = None
    rom: str | None = None
    powered_on: datetime | None = None

    def minutes_on(self, now: datetime | None = None) -> float | None:
        """Minutes since power-on; ``now`` has a time zone. None when it is not known.

        Raises `UsageError` when the instrument is to be switched on in the future.
        """
        if self.powered_on is None:
            return None
        passed = (now or datetime.now().astimezone()) - self.powered_on
        if passed < -_CLOCKS_DIFFER:
            raise UsageError(
                f"powered_on is {self.powered_on.isoformat()}, which is in the future",
                "correct it, or take it out: unknown is better than wrong",
            )
        return max(passed.total_seconds(), 0.0) / 60

    def to_json(self) -> dict[str, Any]:
        """Plain data, a value for every key; times as ISO 8601."""
        return {
            name: value.isoformat() if isinstance(value, datetime) else value
            for name, value in asdict(self).items()
        }


def load_rig(path: str | Path) -> RigFile:
    """Read a bench file. Raises `UsageError` with the line or key for anything wrong in it."""
    text = read_text(
        path,
        _LONGEST_FILE,
        hint="a bench file is TOML in UTF-8; jx rig init FILE writes one to begin with",
        missing=f"jx rig init {path} makes one",
    )
    found = parse_toml(text, f"{path}: ", hint='lines are written as: audio = "USB Audio"')
    return RigFile(**{name: _checked(name, value, _place(path, text, name)) for name, value in found.items()})


def settle(
    path: str | Path | None = None,
    given: Mapping[str, object] | None = None,
    environment: Mapping[str, str] | None = None,
) -> RigFile:
    """What holds: the flag, else the environment, else the file, else unknown (`None`).

    Args:
        path: of the bench file, else ``JX_RIG``, else there is none.
        given: flags by key; one that is ``None`` was not given.
        environment: variables by name; None for those of this process.

    Returns:
        The values of the bench.

    Raises:
        UsageError: a value is wrong, wherever it came from.

    Examples:
        >>> settle(given={"channel": 2}, environment={"JX_PORT": "sim:"}).port
        'sim:'
    """
    environment = os.environ if environment is None else environment
    path = path or environment.get(f"{ENVIRONMENT}RIG") or None
    held = load_rig(path) if path is not None else RigFile()
    values = {field.name: getattr(held, field.name) for field in fields(held)}
    for name, key in KEYS.items():
        variable = ENVIRONMENT + name.upper()
        if said := environment.get(variable, "").strip():
            values[name] = _checked(name, _parsed(key, said), variable)
    for name, value in (given or {}).items():
        if value is not None:
            flag = f"--{name.replace('_', '-')}"
            values[name] = _checked(name, _parsed(KEYS[name], value) if name in KEYS else value, flag)
    return RigFile(**values)


def write_rig(rig: RigFile, path: str | Path) -> None:
    """Write a bench file: what is known as values, the rest as remarks to fill in.

    Raises `JxError` when it cannot be written.
    """
    write_atomically(path, to_toml(rig).encode())


def to_toml(rig: RigFile) -> str:
    """The text of a bench file, every key with its meaning."""
    lines = ["# jx rig file: take the number sign off a line to fill it in", ""]
    for name, key in KEYS.items():
        value = getattr(rig, name)
        said = f"# {name} =" if value is None else f"{name} = {_literal(value)}"
        lines += [f"# {key.meaning}", said, ""]
    return "\n".join(lines)


def _literal(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    # A TOML string is written as in JSON, but DEL has to be escaped as well.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _parsed(key: Key, said: object) -> object:
    """A flag or a variable as its key's type, where it can be one."""
    if not isinstance(said, str):
        return said
    try:
        if key.kind in (int, float):
            return key.kind(said[:20])
        if key.kind is datetime:
            return datetime.now().replace(microsecond=0) if said == "now" else datetime.fromisoformat(said)
    except ValueError:
        pass
    return said


def _checked(name: str, value: Any, place: str) -> Any:
    """The value in its type. Raises `UsageError` naming the place it came from."""
    key = KEYS.get(name)
    if key is None:
        near = difflib.get_close_matches(name, KEYS, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"keys are {', '.join(KEYS)}"
        raise UsageError(f"{place}: a bench file has no key {name!r}", hint)
    if key.kind in (int, float):
        number = type(value) is int or type(value) is key.kind
        if not number or not key.least <= value <= key.most:
            raise UsageError(
                f"{place}: {name} is {_shown(value)}; expected a number from {key.least} to {key.most}",
                key.meaning,
            )
        return key.kind(value)
    if key.kind is datetime:
        if not isinstance(value, datetime):
            raise UsageError(
                f"{place}: {name} is {_shown(value)}; expected a date and a time",
                "as in 2026-05-01T09:30:00+02:00; without an offset it is this machine's time",
            )
        try:
            return value.astimezone() if value.tzinfo is None else value
        except (OverflowError, OSError, ValueError) as error:
            raise UsageError(f"{place}: {name} is {_shown(value)}; no such time here") from error
    if name == "audio" and type(value) is int and value >= 0:
        value = str(value)
    return _text(name, value, place, key)


def _text(name: str, value: object, place: str, key: Key) -> str:
    """A line of text that says something; the name of a port or a model has its own rules."""
    if (
        not isinstance(value, str)
        or not value.strip()
        or len(value) > _LONGEST_TEXT
        or not value.isprintable()
    ):
        raise UsageError(f"{place}: {name} is {_shown(value)}; expected a line of text", key.meaning)
    if name == "model":
        try:
            model(value)
        except UsageError as error:
            raise UsageError(f"{place}: {error.message}", error.hint) from error
    if name == "port" and not value.partition(":")[1]:
        raise UsageError(f"{place}: {value!r} is no port", "ports are URLs such as midi:NAME (jx ports)")
    return value


def _place(path: str | Path, text: str, name: str) -> str:
    """The file and the line that says ``name``, as far as it can be found."""
    pattern = re.compile(rf"""\s*\[*\s*["']?{re.escape(name)}["']?\s*[=\].]""")
    for number, line in enumerate(text.splitlines(), start=1):
        if pattern.match(line):
            return f"{path} line {number}"
    return str(path)


def _shown(value: object) -> str:
    shown = value.isoformat() if isinstance(value, datetime) else repr(value)
    return shown if len(shown) <= 60 else f"{shown[:57]}..."
