"""Two programs and a wire between them: a pseudo-terminal, or MIDI ports of a JACK server."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jxctl.ports import ReceivingPort, open_port
from jxctl.ports.pacing import Pacer
from jxctl.protocol.bank import Bank
from jxctl.protocol.sysex import decode, encode, messages_of
from jxctl.protocol.tone import INIT_TONE, Tone, write_tone

needs_pty = pytest.mark.skipif(not hasattr(os, "openpty"), reason="this system has no pseudo-terminals")
Start = Callable[..., Any]
Jx = Callable[..., subprocess.CompletedProcess[str]]


def numbered(first: int) -> Tone:
    """A tone whose 48 values all differ from their neighbours and from a silent board's."""
    return Tone(bytes((first + k) % 127 + 1 for k in range(48)))


@needs_pty
def test_a_tone_sent_over_a_pty_is_what_the_board_holds(
    board: Start,
    jx: Jx,
    tmp_path: Path,
) -> None:
    running = board("--pty")
    assert running.url.startswith("serial:/dev/")
    tones = {"lower": numbered(0), "upper": numbered(60)}
    for name, tone in tones.items():
        write_tone(tone, tmp_path / f"{name}.json")
        sent = jx("send", tmp_path / f"{name}.json", "--port", running.url, "--board", name)
        assert sent.returncode == 0, sent.stderr
    held = running.end()
    assert held["dropped"] == 0
    for name, tone in tones.items():
        registers = bytes.fromhex(held["boards"][name]["registers"])
        assert registers[:48] == tone.values
        assert list(held["boards"][name]["tone"]["parameters"].values()) == list(tone.values)
        assert registers[0xB6 - 0x80] == 0x7F  # silenced at the end of the load
        assert registers[0xB4 - 0x80] == registers[0xBE - 0x80] == 0x32


@needs_pty
def test_a_board_that_was_sent_nothing_holds_nothing(board: Start) -> None:
    running = board("--pty")
    held = running.end()
    assert held["bytes"] == 0
    assert held["boards"]["lower"] == {"registers": bytes(64).hex(), "tone": None}


@needs_pty
def test_it_ends_politely_when_terminated(board: Start) -> None:
    running = board("--pty", "--json")
    running.process.terminate()
    out, _ = running.process.communicate(timeout=60)
    assert running.process.returncode == 0
    assert json.loads(out)["bytes"] == 0


def full_bank() -> bytes:
    """A bulk dump of 64 patches and 50 tones, no two alike."""
    from jxctl.protocol.patch import Patch

    patches = {
        slot: Patch.init(f"PATCH {slot}").with_values({"TOTAL VOLUME": slot, "UPPER TONE": slot % 50})
        for slot in range(64)
    }
    tones = {slot: INIT_TONE.named(f"TONE {slot}").with_values({"VCF FREQ": slot}) for slot in range(50)}
    return encode(messages_of(Bank("mks70", patches, tones)))


def test_a_bank_travels_both_ways_over_real_midi(board: Start, jack: dict[str, str]) -> None:
    data = full_bank()
    running = board("--midi", "jx two processes", "--api", "jack")
    with open_port(f"{running.url}?api=jack") as port:
        assert isinstance(port, ReceivingPort)
        pacer = Pacer(port, gap_s=0.0)
        messages = decode(data).messages
        assert len(messages) == 114
        for message in messages:
            pacer.write(message.encoded())
        running.type("dump")
        received = b"".join(port.receive(30) for _ in messages)
        assert received == data
        port.write(b"\xc0\x05")
        assert port.receive(30) == b"\xc0\x05"
        assert bytes.fromhex("F0 41 34 00 24 30 01 05") == port.receive(30)[:8]
    held = running.end()
    bank = Bank.from_json(held["memory"])
    assert encode(messages_of(bank)) == data
    assert held["patch"]["name"] == "PATCH 5"
    assert held["tones"]["upper"]["name"] == "TONE 5"
    assert bytes.fromhex(held["boards"]["lower"]["registers"])[0x97 - 0x80] == 5


def test_it_starts_with_the_bank_in_a_file(
    board: Start,
    tmp_path: Path,
    jack: dict[str, str],
) -> None:
    (tmp_path / "bank.syx").write_bytes(full_bank())
    held = board("--midi", "jx with a bank", "--api", "jack", "--memory", str(tmp_path / "bank.syx")).end()
    assert held["patch"]["name"] == "PATCH 0"
    assert encode(messages_of(Bank.from_json(held["memory"]))) == full_bank()
    assert held["dropped"] == 0


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        ([], 2, "--pty or --midi"),
        (["--pty", "--midi", "x"], 2, "--pty or --midi"),
        (["--midi", "x", "--model", "juno"], 2, "juno"),
        (["--midi", "x", "--api", "nothing"], 2, "no MIDI system 'nothing'"),
        (["--pty", "--memory", "bank.syx"], 2, "no memory"),
        (["--midi", "x", "--memory", "bank.syx"], 2, "bank.syx"),
        (["--pty", "--dump", "no/such/folder/held.json"], 2, "no folder"),
    ],
)
def test_what_jx_board_cannot_be(
    jx: Jx,
    tmp_path: Path,
    options: list[str],
    code: int,
    said: str,
) -> None:
    result = jx("board", *options)
    assert result.returncode == code
    assert said in result.stderr
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    assert list(tmp_path.iterdir()) == []
