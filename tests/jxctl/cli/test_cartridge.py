"""``jx receive`` and ``jx send`` with the cartridge of a JX-10, as a user runs them.

Bytes are by hand: jx_hardware.md 4.8, nibbles high first, checksum of what is between.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

Jx = Callable[..., subprocess.CompletedProcess[str]]


def frame(op: int, data: bytes = b"", summed: bool = False) -> bytes:
    check = bytes((-sum(data) % 128,)) if summed else b""
    return bytes((0xF0, 0x41, op, 0, 0x24)) + data + check + b"\xf7"


CARTRIDGE = bytes(n * 7 % 256 for n in range(2048))
BLOCKS = [
    frame(0x42, bytes(half for byte in CARTRIDGE[n : n + 128] for half in (byte >> 4, byte & 15)), True)
    for n in range(0, 2048, 128)
]
ACK, EOF, ERR, REJECT = frame(0x43), frame(0x45), frame(0x4E), frame(0x4F)


def talk(tmp_path: Path, lines: list[tuple[str, bytes]]) -> str:
    """A recorded conversation; its URL."""
    text = "\n".join(["# jx replay 1 midi", *(f"{way} {data.hex(' ')}" for way, data in lines)]) + "\n"
    (tmp_path / "talk.txt").write_text(text)
    return "replay:talk.txt"


def check_refused(result: subprocess.CompletedProcess[str], code: int, said: str) -> None:
    assert result.returncode == code, result.stderr
    assert result.stdout == ""
    assert said in result.stderr
    assert "Traceback" not in result.stderr


def test_a_cartridge_is_received(jx: Jx, tmp_path: Path) -> None:
    lines = [("<", frame(0x40, b"CARTRIDGE", True)), (">", ACK)]
    for number, block in enumerate(BLOCKS):
        if number == 5:
            damaged = block[:20] + bytes((block[20] ^ 1,)) + block[21:]
            lines += [("<", damaged), (">", ERR)]
        lines += [("<", block), (">", ACK)]
    lines += [("<", EOF), (">", ACK)]
    port = talk(tmp_path, lines)
    shown = jx("receive", "--port", port, "--model", "jx10", "-o", "cart.bin", "--json")
    assert shown.returncode == 0, shown.stderr
    assert (tmp_path / "cart.bin").read_bytes() == CARTRIDGE
    assert json.loads(shown.stdout)["name"] == "CARTRIDGE"


def test_half_a_cartridge_is_kept_beside(jx: Jx, tmp_path: Path) -> None:
    lines = [("<", frame(0x40, b"X", True)), (">", ACK), ("<", BLOCKS[0]), (">", ACK), ("<", REJECT)]
    port = talk(tmp_path, lines)
    result = jx("receive", "--port", port, "--model", "jx10", "-o", "cart.bin")
    check_refused(result, 4, "kept in cart.incomplete.bin")
    assert (tmp_path / "cart.incomplete.bin").read_bytes() == CARTRIDGE[:128]
    assert not (tmp_path / "cart.bin").exists()


def test_no_cartridge_comes(jx: Jx, tmp_path: Path) -> None:
    port = talk(tmp_path, [(">", REJECT)])
    result = jx("receive", "--port", port, "--model", "jx10", "-o", "cart.bin", "--timeout", "0.1")
    check_refused(result, 3, "no file transfer began")
    assert [path.name for path in tmp_path.iterdir()] == ["talk.txt"]


def test_a_cartridge_is_sent_only_when_asked(jx: Jx, tmp_path: Path) -> None:
    (tmp_path / "cart.bin").write_bytes(CARTRIDGE)
    refused = jx("send", "cart.bin", "--port", talk(tmp_path, []), "--model", "jx10")
    check_refused(refused, 2, "overwrites the whole cartridge")
    lines = [(">", frame(0x40, b"", True)), ("<", ACK)]
    for block in BLOCKS:
        lines += [(">", block), ("<", ACK)]
    lines += [(">", EOF), ("<", ACK)]
    port = talk(tmp_path, lines)
    shown = jx("send", "cart.bin", "--port", port, "--model", "jx10", "--write", "all", "--json")
    assert shown.returncode == 0, shown.stderr
    assert json.loads(shown.stdout)["bytes"] == 2048


def test_a_cartridge_is_sent_with_the_low_nibbles_first(jx: Jx, tmp_path: Path) -> None:
    (tmp_path / "cart.bin").write_bytes(CARTRIDGE)
    low = [frame(0x42, bytes(half for b in CARTRIDGE[n : n + 128] for half in (b & 15, b >> 4)), True)
           for n in range(0, 2048, 128)]  # fmt: skip
    lines = [(">", frame(0x40, b"", True)), ("<", ACK)]
    for block in low:
        lines += [(">", block), ("<", ACK)]
    port = talk(tmp_path, [*lines, (">", EOF), ("<", ACK)])
    sent = jx(
        "send", "cart.bin", "--port", port, "--model", "jx10", "--write", "all", "--nibbles", "low",
        "--pause", "0",
    )  # fmt: skip
    assert sent.returncode == 0, sent.stderr
