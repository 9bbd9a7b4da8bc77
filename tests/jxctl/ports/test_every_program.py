"""All programs of a MKS-70 in turn: one asked for after the other, tones in ROM left out."""

from __future__ import annotations

from pathlib import Path

import pytest

from jxctl.errors import VerificationError
from jxctl.library.files import read_library
from jxctl.ports import ReceivingPort
from jxctl.ports.reception import Reception
from jxctl.protocol.bank import Bank
from jxctl.protocol.midi import PROGRAM
from jxctl.protocol.models import model
from jxctl.protocol.patch import Patch
from jxctl.protocol.sysex import messages_of
from jxctl.protocol.tone import INIT_TONE

TONES = {n: INIT_TONE.named(f"T{n}") for n in range(50)}
PATCHES = {n: Patch.init(f"P{n}").with_tones(n % 50, 99 if n % 2 else (n + 7) % 50) for n in range(64)}


class Answering(ReceivingPort):
    """Sends a program's messages when it is selected, as a MKS-70 does; ``loses`` the last of one."""

    url, language = "answering:", "midi"

    def __init__(self, loses: int | None = None) -> None:
        self.selected: list[int] = []
        self._loses = loses
        self._waiting: list[bytes] = []

    def write(self, data: bytes) -> None:
        status, program = data
        assert status == PROGRAM
        self.selected.append(program)
        bank = Bank("mks70", {program: PATCHES[program]}, TONES)
        made = [m.encoded() for m in messages_of(bank, "sets")]
        held = [n for n in PATCHES[program].tones if n in TONES]
        made = made[: 2 + 2 * len(set(held))]
        self._waiting = made[:-1] if program == self._loses else made

    def receive(self, timeout_s: float) -> bytes:
        return self._waiting.pop(0) if self._waiting else b""

    def close(self) -> None:
        pass


def test_every_program_is_asked_for_and_is_a_bank(tmp_path: Path) -> None:
    port, output = Answering(), tmp_path / "all.syx"
    reception = Reception(output, model("mks70"), "program", every=True, timeout_s=0.2, quiet_s=0.02)
    assert reception.begin(port) == "asking for 64 programs in turn"
    reception.receive(port)
    assert port.selected == list(range(64))
    bank = read_library(output).bank
    assert bank.patches == PATCHES
    assert bank.tones == {n: TONES[n] for patch in PATCHES.values() for n in patch.tones if n < 50}


def test_a_program_that_lacks_its_tone_is_named_and_kept(tmp_path: Path) -> None:
    port = Answering(loses=5)
    reception = Reception(
        tmp_path / "all.syx", model("mks70"), "program", every=True, timeout_s=0.2, quiet_s=0.02
    )
    with pytest.raises(VerificationError, match=r"program 6: 1 of 3 .* kept in .*incomplete"):
        reception.receive(port)
    assert (tmp_path / "all.incomplete.syx").is_file()
