"""``jx send`` and ``jx receive`` as two processes, with a virtual synth or each other at the far end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from jack_server import jack  # noqa: F401  (a fixture)

from jxctl.library.files import encoded
from jxctl.protocol.bank import Bank
from jxctl.protocol.patch import Patch
from jxctl.protocol.tone import INIT_TONE

ROOT = Path(__file__).resolve().parents[2]
Jx = Callable[..., subprocess.CompletedProcess[str]]


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start ``jx ARGUMENTS``, wait until it has said its first line, and let it run."""
    process = subprocess.Popen(
        [sys.executable, "-m", "jxctl", *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    assert process.stderr.readline()
    return process


def full_bank() -> bytes:
    """A bulk dump of 64 patches and 50 tones, no two alike."""
    patches = {slot: Patch.init(f"PATCH {slot}").with_tones(slot % 50, 99) for slot in range(64)}
    tones = {slot: INIT_TONE.named(f"TONE {slot}").with_values({"VCF FREQ": slot}) for slot in range(50)}
    return encoded(Bank("mks70", patches, tones), "syx")


def test_a_bank_sent_is_the_bank_that_comes_back(jx: Jx, tmp_path: Path, jack: dict[str, str]) -> None:  # noqa: F811
    (tmp_path / "bank.syx").write_bytes(full_bank())
    synth = start(tmp_path, "board", "--midi", "jx far end", "--api", "jack")
    port = "midi:jx far end?model=mks70&api=jack"
    waiting = None
    try:
        sent = jx("send", "bank.syx", "--port", port, "--write", "all", "--pause", "0")
        assert sent.returncode == 0, sent.stderr
        waiting = start(tmp_path, "receive", "--port", port, "-o", "back.syx", "--timeout", "30")
        assert synth.stdin is not None
        synth.stdin.write("dump\n")
        synth.stdin.flush()
        _, said = waiting.communicate(timeout=60)
        assert waiting.returncode == 0, said
        assert (tmp_path / "back.syx").read_bytes() == full_bank()
        assert not list(tmp_path.glob("*.incomplete*"))
    finally:
        synth.send_signal(signal.SIGINT)
        synth.communicate(timeout=60)
        if waiting is not None and waiting.poll() is None:
            waiting.kill()
            waiting.communicate()


def test_a_cartridge_from_one_jx_to_another(jx: Jx, tmp_path: Path, jack: dict[str, str]) -> None:  # noqa: F811
    cartridge = bytes(n * 7 % 256 for n in range(8192))
    (tmp_path / "cart.bin").write_bytes(cartridge)
    waiting = start(
        tmp_path, "receive", "--port", "midi:jx cartridge?virtual=1&api=jack&model=jx10", "-o", "got.bin",
        "--timeout", "60",
    )  # fmt: skip
    try:
        port = "midi:jx cartridge?api=jack&model=jx10"
        sent = jx("send", "cart.bin", "--port", port, "--write", "all", "--pause", "0")
        _, said = waiting.communicate(timeout=60)
        assert (sent.returncode, waiting.returncode) == (0, 0), sent.stderr + said
        assert (tmp_path / "got.bin").read_bytes() == cartridge
    finally:
        if waiting.poll() is None:
            waiting.kill()
            waiting.communicate()
