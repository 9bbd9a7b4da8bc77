"""Messages and files: bytes in, bytes out, equal on any machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from . import adapter
from .audio_groups import real_tones
from .store import Item

FORMATS = ("syx", "midi", "json", "cartridge")
FAMILIES = ("jx8p", "mks70", "vecoven4")


def _captures(shared: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted((shared / "data" / "captures").iterdir()):
        yield path.name, path.read_bytes()


def _exact(name: str, value: bytes | str) -> Item:
    return Item(name, value.encode() if isinstance(value, str) else value, tolerance=0)


def codecs(shared: Path) -> Iterator[Item]:
    """SysEx and bus, decoded and encoded again; tones as bus bytes and as text."""
    for name, data in _captures(shared):
        yield _exact(f"{name}: SysEx in it", adapter.sysex_listing(data))
        yield _exact(f"{name}: SysEx again", adapter.sysex_again(data))
        yield _exact(f"{name}: as bus", adapter.bus_listing(data))
        if name.endswith(".syx"):
            damaged = data[:1000] + data[1007:3000] + bytes((0x90, 0x3C, 0x40)) + data[3000:4001]
            yield _exact(f"{name}: damaged", adapter.sysex_listing(damaged))
    bus = (shared / "data" / "captures" / "superjx_patch_load_bus.bin").read_bytes()
    yield _exact("the bus capture again", adapter.bus_again(bus))
    rows, tones = real_tones(shared)
    for row, tone in zip(rows, tones, strict=True):
        yield _exact(f"row {row} to the bus", adapter.tone_to_bus(tone.tobytes()))
    yield _exact("to the upper board", adapter.tone_to_bus(tones[0].tobytes(), "upper"))
    yield _exact("tones as text", adapter.tones_json(tones))


def files(shared: Path) -> Iterator[Item]:
    """The banks of captures written in every format, for every family."""
    for name, data in _captures(shared):
        for form in FORMATS:
            for family in (None, *FAMILIES):
                content = adapter.written(data, form, family)
                yield _exact(f"{name} as {form}{f' for {family}' if family else ''}", content)
            yield _exact(f"{name} as {form}, remembered", adapter.written(data, form, anew=False))
