"""A tone: the 48 raw values $80-$AF and a name, preserved exactly.

Three views of the same bytes: raw (0-127, what travels), position (the index of a switch) and
label (what a player reads). Physical views (Hz, s, cents) need a profile and live in `simulator`.

A batch of tones is a ``uint8[N, 48]`` array in the order of the ids: column k is parameter $80 + k.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jxctl._files import read_json, write_atomically
from jxctl.errors import ToneError
from jxctl.protocol.parameters import TONE_PARAMETERS, TONE_SIZE, Parameter, parameter

if TYPE_CHECKING:
    import numpy as np

JSON_FORMAT = "jx.tone"
JSON_VERSION = 1
LARGEST_FILE = 1_000_000
NAME_SIZE = 10
RECORD_SIZE = NAME_SIZE + 1 + TONE_SIZE
"""Bytes of a tone in a stock SysEx message or cartridge: name, byte 10, the values (4.5)."""
BYTE_10 = 0x20
"""Between name and values: $20 in all factory tones, meaning unknown (jx_hardware.md 4.5)."""


@dataclass(frozen=True, slots=True)
class Tone:
    """48 raw values and a 10-byte name.

    Args:
        values: one byte a parameter, $80 first, each 0-127.
        name_bytes: as stored in the instrument, where digits typed on the panel are 1-9 instead of ASCII
            (jx_hardware.md 4.9).
        byte_10: the byte between the two in a record, 0-127; meaning unknown, preserved.

    Raises:
        ToneError: a wrong length or a byte above 127.

    Examples:
        >>> tone = Tone.init("BRASS").with_values({"VCF FREQ": 64, "DCO1 WF": "square"})
        >>> tone.raw("VCF FREQ"), tone.label("DCO1 WF")
        (64, 'square')
    """

    values: bytes
    name_bytes: bytes = b"INIT TONE "
    byte_10: int = BYTE_10

    def __post_init__(self) -> None:
        if len(self.values) != TONE_SIZE:
            raise ToneError(f"a tone has {TONE_SIZE} values, not {len(self.values)}")
        for p, raw in zip(TONE_PARAMETERS, self.values, strict=True):
            if raw > 127:
                raise ToneError(f"{p.name} is {raw}; raw values are 0 to 127")
        if len(self.name_bytes) != NAME_SIZE or max(self.name_bytes) > 127:
            raise ToneError(f"a tone name is {NAME_SIZE} bytes of 0 to 127")
        if not 0 <= self.byte_10 <= 127:
            raise ToneError(f"byte 10 is {self.byte_10}; expected 0 to 127")

    def __repr__(self) -> str:
        """One line for a prompt: the name, and the values that make most of the sound."""
        dcos = [f"DCO{n} {self.label(f'DCO{n} RANGE')} {self.label(f'DCO{n} WF')}" for n in (1, 2)]
        audible = [dco for dco, level in zip(dcos, ("MIX DCO1", "MIX DCO2"), strict=True) if self.raw(level)]
        envelope = "-".join(str(self.raw(f"ENV2 {stage}")) for stage in ("ATT", "DECY", "SUS", "REL"))
        parts = [
            *audible,
            f"VCF FREQ {self.raw('VCF FREQ')}",
            f"VCF RES {self.raw('VCF RES')}",
            f"ENV2 {envelope}",
            f"CHORUS {self.label('CHORUS')}",
        ]
        return f"<Tone {self.name!r}: {', '.join(parts)}>"

    @classmethod
    def from_record(cls, record: bytes) -> Tone:
        """A tone from its 59 bytes in a message or cartridge (4.5). Raises `ToneError`."""
        if len(record) != RECORD_SIZE:
            raise ToneError(f"a tone record has {RECORD_SIZE} bytes, not {len(record)}")
        return cls(record[NAME_SIZE + 1 :], record[:NAME_SIZE], record[NAME_SIZE])

    @property
    def record(self) -> bytes:
        """The 59 bytes of a JX-8P or MKS-70 tone message: name, byte 10, values (4.5)."""
        return self.name_bytes + bytes((self.byte_10,)) + self.values

    @property
    def name(self) -> str:
        """The name as `name_text` shows it."""
        return name_text(self.name_bytes)

    def named(self, name: str) -> Tone:
        """The same values under another name (ASCII, cut or padded to 10 characters)."""
        return replace(self, name_bytes=encode_name(name))

    def raw(self, key: int | str) -> int:
        """Raw value by bus id or name."""
        return self.values[_tone_parameter(key).column]

    def position(self, key: int | str) -> int:
        """Position of a switch by bus id or name."""
        p = _tone_parameter(key)
        return p.position(self.values[p.column])

    def label(self, key: int | str) -> str:
        """What the panel shows for a parameter."""
        p = _tone_parameter(key)
        return p.label(self.values[p.column])

    def with_values(self, changes: Mapping[str, int | str]) -> Tone:
        """A copy with some values changed: raw numbers, or labels of switches.

        Raises `ToneError` for an unknown name or label, or a number outside 0-127.
        """
        values = bytearray(self.values)
        for name, value in changes.items():
            p = _tone_parameter(name)
            values[p.column] = _raw_from(p, value)
        return replace(self, values=bytes(values))

    def to_json(self) -> dict[str, Any]:
        """Plain data for JSON: every raw value by name; ``name_hex`` holds the exact name bytes."""
        return {
            "format": JSON_FORMAT,
            "version": JSON_VERSION,
            "name": self.name,
            "name_hex": self.name_bytes.hex(),
            **({} if self.byte_10 == BYTE_10 else {"byte_10": self.byte_10}),
            "parameters": {p.name: raw for p, raw in zip(TONE_PARAMETERS, self.values, strict=True)},
        }

    @classmethod
    def from_json(cls, data: object) -> Tone:
        """A tone from the form of `to_json`.

        Values may be raw numbers or, for switches, labels. All 48 parameters must be there: a file
        with a gap is more likely damaged than meant. Raises `ToneError`.
        """
        if not isinstance(data, dict) or data.get("format") != JSON_FORMAT:
            raise ToneError('not a jx tone: the key "format" is not "jx.tone"')
        if data.get("version") != JSON_VERSION or isinstance(data["version"], bool):
            raise ToneError(
                f"tone version {data.get('version')!r} cannot be read, only {JSON_VERSION}",
                "write it again with the version of jx that made it, or update jx",
            )
        given = data.get("parameters")
        if not isinstance(given, dict):
            raise ToneError('the key "parameters" is missing or not a table of names and values')
        tone = INIT_TONE.with_values(given)
        named = [parameter(name).name for name in given]
        missing = [p.name for p in TONE_PARAMETERS if p.name not in named]
        if missing:
            raise ToneError(f"parameters missing: {', '.join(missing)}")
        twice = sorted({name for name in named if named.count(name) > 1})
        if twice:
            raise ToneError(f"parameters given twice, spelled differently: {', '.join(twice)}")
        byte_10 = data.get("byte_10", BYTE_10)
        if isinstance(byte_10, bool) or not isinstance(byte_10, int):
            raise ToneError(f"byte_10 is {byte_10!r}; expected 0 to 127")
        return replace(tone, name_bytes=_name_from(data), byte_10=byte_10)

    @classmethod
    def init(cls, name: str = "INIT TONE") -> Tone:
        """A plain audible tone to start from: one sawtooth at 8', filter open, organ envelope."""
        return INIT_TONE.named(name)


def read_tone(path: str | Path) -> Tone:
    """Read a tone from a JSON file. Raises `ToneError` with the file's name."""
    path = Path(path)
    data = read_json(
        path,
        LARGEST_FILE,
        ToneError,
        hint="jx bank show tells what a file holds",
        missing="jx tone random -o tone.json writes one",
    )
    try:
        return Tone.from_json(data)
    except ToneError as error:
        hint = error.hint or "correct it by hand, or make it again: jx tone show --json prints a whole one"
        raise ToneError(f"{path}: {error.message}", hint) from error


def write_tone(tone: Tone, path: str | Path) -> None:
    """Write a tone as JSON, whole or not at all."""
    write_atomically(path, (json.dumps(tone.to_json(), indent=2) + "\n").encode())


def to_batch(tones: Iterable[Tone]) -> np.ndarray:
    """Tones as a ``uint8[N, 48]`` array."""
    import numpy as np

    joined = b"".join(tone.values for tone in tones)
    return np.frombuffer(joined, dtype=np.uint8).reshape(-1, TONE_SIZE).copy()


def from_batch(batch: np.ndarray, name: str = "INIT TONE") -> list[Tone]:
    """Tones from a ``uint8[N, 48]`` array. Raises `ToneError` for another shape or values over 127."""
    if batch.ndim != 2 or batch.shape[1] != TONE_SIZE:
        raise ToneError(f"a batch of tones has shape [N, {TONE_SIZE}], not {list(batch.shape)}")
    return [Tone(bytes(bytearray(row)), encode_name(name)) for row in batch.tolist()]


def encode_name(name: str, size: int = NAME_SIZE) -> bytes:
    """Printable ASCII, cut or padded with spaces to ``size`` bytes. Raises `ToneError` for other text."""
    if not (name.isascii() and name.isprintable()):
        raise ToneError(f"name {name!r} is not printable ASCII")
    return name[:size].ljust(size).encode("ascii")


def name_text(name_bytes: bytes) -> str:
    """A stored name as text, without trailing spaces.

    Bytes below 10 are digits typed on the panel (jx_hardware.md 4.9); other bytes that do not
    print are shown as ``?``, so that a name cannot steer a terminal.
    """
    return "".join(_character(byte) for byte in name_bytes).rstrip(" ")


def _character(byte: int) -> str:
    if byte < 10:
        return chr(byte + ord("0"))
    return chr(byte) if chr(byte).isprintable() else "?"


def _tone_parameter(key: int | str) -> Parameter:
    try:
        p = parameter(key)
    except (KeyError, AttributeError):
        raise ToneError(f"no parameter is called {key!r}", "jx tone show lists the names") from None
    if not p.is_tone:
        raise ToneError(f"{p.name} is a performance parameter, not part of a tone")
    return p


def _raw_from(p: Parameter, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ToneError(f"{p.name} is {value!r}; expected a whole number from 0 to 127")
    if isinstance(value, int):
        if not 0 <= value <= 127:
            raise ToneError(f"{p.name} is {value}; raw values are 0 to 127")
        return value
    if p.kind == "switch" and value in p.labels:
        return p.start(p.labels.index(value))
    options = f"one of {', '.join(p.labels)}, or 0 to 127" if p.kind == "switch" else "0 to 127"
    raise ToneError(f"{p.name} is {value!r}; expected {options}")


def _name_from(data: Mapping[str, Any]) -> bytes:
    name = data.get("name", "")
    if not isinstance(name, str):
        raise ToneError(f"name is {name!r}; expected text")
    if "name_hex" not in data:
        return encode_name(name)
    try:
        name_bytes = bytes.fromhex(data["name_hex"])
    except (TypeError, ValueError):
        raise ToneError(f"name_hex is {data['name_hex']!r}; expected 20 hexadecimal digits") from None
    if len(name_bytes) != NAME_SIZE or max(name_bytes) > 127:
        raise ToneError(f"a tone name is {NAME_SIZE} bytes of 0 to 127")
    # A name edited by hand wins over the exact bytes that no longer spell it.
    if "name" in data and Tone(INIT_TONE.values, name_bytes).name != name:
        return encode_name(name)
    return name_bytes


INIT_TONE = Tone(bytes(TONE_SIZE)).with_values(
    {
        "DCO1 RANGE": "8'", "DCO1 WF": "sawtooth", "DCO1 TUNE": "0",
        "DCO2 RANGE": "8'", "DCO2 WF": "sawtooth", "DCO2 TUNE": "0", "DCO2 FTUNE": 64,
        "DCO MODE": "ENV-1", "MIX DCO1": 127, "MIX MODE": "ENV-1",
        "VCF FREQ": 127, "VCF MODE": "ENV-1", "VCA LEVEL": 127, "LFO WF": "triangle",
        "ENV1 SUS": 127, "ENV2 SUS": 127, "VCA MODE": "ENV-2",
    }
)  # fmt: skip
"""One sawtooth, everything else neutral."""
