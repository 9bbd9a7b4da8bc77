"""What a synth sends, into a file, from Python; the command has tests of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from jxctl.errors import DeviceError, UsageError, VerificationError
from jxctl.library.files import read_library
from jxctl.ports import open_port
from jxctl.ports.reception import Reception, keep, receive
from jxctl.protocol.models import model

MKS70 = model("mks70")


def test_program_of_a_virtual_synth_becomes_a_file(tmp_path: Path) -> None:
    words: list[str] = []
    with open_port("sim:?model=mks70") as port:
        received = receive(port, tmp_path / "patch.json", MKS70, "program", say=words.append, program=3)
    assert words == ["asked for program 4; waiting"]
    assert received.to_json()["patches"] == 1
    assert len(read_library(received.output).bank.patches) == 1


def test_part_of_what_was_waited_for_is_kept(tmp_path: Path) -> None:
    output = tmp_path / "bank.syx"
    with open_port("sim:?model=mks70") as port:
        port.write(b"\xc0\x00")
        with pytest.raises(VerificationError, match=r" of 114 .* kept in .*bank\.incomplete\.syx"):
            receive(port, output, MKS70, "bank", timeout_s=5, quiet_s=0.1)
    assert not output.exists()
    assert read_library(tmp_path / "bank.incomplete.syx").bank.patches
    assert keep(b"more", output).name == "bank.incomplete-2.syx"


def test_what_cannot_be_is_refused_before_anything_is_asked(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="ending"):
        Reception(tmp_path / "bank.xyz", MKS70, "bank")
    with pytest.raises(UsageError, match="--ask"):
        Reception(tmp_path / "bank.syx", MKS70, "bank", ask=True)
    with open_port("sim:") as bus, pytest.raises(DeviceError, match="sends nothing"):
        receive(bus, tmp_path / "bank.syx", MKS70, "bank")
