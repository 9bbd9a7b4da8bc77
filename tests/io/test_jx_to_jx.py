"""``jx send`` and ``jx receive`` against ``jx board --midi``: three programs over real MIDI ports."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jxctl.protocol.bank import Bank
from jxctl.protocol.patch import Patch
from jxctl.protocol.sysex import encode, messages_of
from jxctl.protocol.tone import INIT_TONE

ROOT = Path(__file__).resolve().parents[2]
Start = Callable[..., Any]
Jx = Callable[..., subprocess.CompletedProcess[str]]

pytestmark = pytest.mark.usefixtures("jack")


def receive(folder: Path, running: Any, *options: str) -> subprocess.CompletedProcess[str]:
    """Run ``jx receive``, and start the dump on the panel of the synth once it says that it waits."""
    command = [sys.executable, "-m", "jxctl", "receive", *options]
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT), "NO_COLOR": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    waiting = process.stderr.readline()
    running.type("dump")
    try:
        out, err = process.communicate(timeout=120)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise
    return subprocess.CompletedProcess(command, process.returncode, out, waiting + err)


def test_a_bank_is_sent_held_and_received(board: Start, jx: Jx, tmp_path: Path) -> None:
    patches = {slot: Patch.init(f"PATCH {slot}").with_tones(slot % 50, 49 - slot % 50) for slot in range(64)}
    tones = {slot: INIT_TONE.named(f"TONE {slot}").with_values({"VCF FREQ": slot}) for slot in range(50)}
    data = encode(messages_of(Bank("mks70", patches, tones)))
    (tmp_path / "bank.syx").write_bytes(data)
    running = board("--midi", "jx bank", "--api", "jack")
    port = "midi:jx bank?api=jack&model=mks70"
    sent = jx("send", "bank.syx", "--port", port, "--write", "all", "--pause", "0")
    assert sent.returncode == 0, sent.stderr
    received = receive(tmp_path, running, "--port", port, "--what", "bank", "-o", "received.syx")
    assert received.returncode == 0, received.stderr
    assert (tmp_path / "received.syx").read_bytes() == data
    held = Bank.from_json(running.end()["memory"])
    assert (held.patches, held.tones) == (patches, tones)


def test_a_cartridge_goes_both_ways(board: Start, jx: Jx, tmp_path: Path) -> None:
    image = bytes(k * 7 % 256 for k in range(2048))
    (tmp_path / "cartridge.bin").write_bytes(image)
    running = board("--midi", "jx cartridge", "--api", "jack", "--model", "jx10")
    port = "midi:jx cartridge?api=jack&model=jx10"
    sent = jx("send", "cartridge.bin", "--port", port, "--write", "all")
    assert sent.returncode == 0, sent.stderr
    received = receive(tmp_path, running, "--port", port, "--what", "cartridge", "-o", "received.bin")
    assert received.returncode == 0, received.stderr
    assert (tmp_path / "received.bin").read_bytes() == image
    assert running.end()["cartridge"] == image.hex()
