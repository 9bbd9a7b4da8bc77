"""Virtual synths in a known state, for several tests."""

from __future__ import annotations

from jxctl.protocol.bank import Bank
from jxctl.protocol.patch import Patch
from jxctl.protocol.tone import Tone
from simulator.instrument.assigner import Assigner
from simulator.instrument.memory import Memory


def synth(model: str = "mks70", tones: dict[int, Tone] | None = None, **values: int | str) -> Assigner:
    """A synth that is switched on and plays patch 0 with some values changed."""
    if model == "jx8p":
        assigner = Assigner("jx8p", memory=Memory("jx8p", Bank("jx8p", {}, tones or {})))
        assigner.power_up()
        row = {"BEND RANGE": 0, "ASSIGN": 3, "BEND LFO DEPTH": 5}
        for name, value in values.items():
            assert isinstance(value, int)
            number = row[name.replace("_", " ")]
            assigner.receive(bytes((0xF0, 0x41, 0x36, 0, 0x21, 0x30, 1, number, value, 0xF7)))
        assigner.receive(b"\xc0\x00")  # after a load the next message selects its board
        return assigner
    patch = Patch.init().with_values({name.replace("_", " "): value for name, value in values.items()})
    assigner = Assigner("mks70", memory=Memory("mks70", Bank("mks70", {0: patch}, tones or {})))
    assigner.power_up()
    return assigner


def play(assigner: Assigner, *messages: str) -> str:
    """The bus bytes for MIDI bytes, both in hexadecimal."""
    return " ".join(f"{byte:02X}" for byte in assigner.receive(bytes.fromhex("".join(messages))))
