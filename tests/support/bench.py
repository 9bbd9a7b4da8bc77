"""A whole bench in software: JACK's dummy driver, ``jx board`` on it, and a cable with faults between.

Everything runs as programs of their own, with a JACK server of their own.
"""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from jxctl.dataset import rows

ROOT = Path(__file__).resolve().parents[2]
PROXY = Path(__file__).with_name("fault_proxy.py")
RATE = 44100
START_S = 30.0

_numbers = itertools.count()
_IS_THERE = (
    "from jxctl.ports.midi_systems import systems; systems('jack').client('out', 'jack', 'jx').delete()"
)


class Bench:
    """A running bench. ``port`` and ``audio``: what a recorder is told. ``log``: the faults that happened.

    ``wire``: ``midi`` (a JX-8P) or ``serial`` (bare boards). ``cable``: options of ``fault_proxy.py``
    for a cable between; None for none. ``board``: more options of ``jx board``. ``period``: samples a turn of
    JACK's; on a busy machine one of 1024 is late far less often.
    """

    def __init__(
        self,
        folder: Path,
        wire: str,
        cable: list[str] | None = None,
        board: Sequence[str] = (),
        period: int = 256,
    ) -> None:
        self.folder = folder
        self._options = board
        self.log = folder / "faults.jsonl"
        number = next(_numbers)
        server = f"jx-bench-{os.getpid()}-{number}"
        self.surroundings = os.environ | {
            "PYTHONPATH": str(ROOT),
            "NO_COLOR": "1",
            "JACK_DEFAULT_SERVER": server,
            "JACK_NO_START_SERVER": "1",
            "JACK_NO_AUDIO_RESERVATION": "1",
        }
        self._running: list[subprocess.Popen[str]] = []
        try:
            # -S: every client is waited for, so that a busy machine loses nothing by itself. -t: but not long
            # for one that was killed, and meanwhile the others are not served either (tried: ten times that).
            driver = ["-d", "dummy", "-r", str(RATE), "-p", str(period)]
            self._start(["jackd", "-S", "-t", "100", "-n", server, "--no-realtime", *driver], quiet=True)
            self._wait_for_server()
            self._wire, self._number = wire, number
            self.port, self.audio = self._board(wire, number), "jx"
            if cable is not None:
                self.port, self.audio = self._cable(wire, number, cable), "cable"
            if wire == "midi":
                self.port += "&model=jx8p"
        except BaseException:
            self.kill()
            raise

    def record(self, folder: Path, *options: str) -> subprocess.Popen[str]:
        """Start ``jx record`` on this bench."""
        where = ["--port", self.port, "--audio", self.audio, "--sample-rate", str(RATE)]
        return self.jx("record", str(folder), *where, *options)

    def jx(self, *arguments: str) -> subprocess.Popen[str]:
        """Start ``jx ARGUMENTS`` in the folder, where it finds this bench."""
        return subprocess.Popen(
            [sys.executable, "-m", "jxctl", *arguments],
            cwd=self.folder, env=self.surroundings, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def switch_off(self) -> None:
        """Let the board go away, as if it had been switched off; for a bench without a cable."""
        _end(self._running.pop())

    def switch_on(self) -> None:
        """And come back under the same name."""
        self._board(self._wire, self._number)

    def fault(self, kind: str) -> None:
        """Let a fault happen."""
        cable = self._running[-1]
        assert cable.stdin is not None
        assert cable.stdout is not None
        cable.stdin.write(kind + "\n")
        cable.stdin.flush()
        assert cable.stdout.readline() == "ok\n"

    def faults(self) -> list[dict[str, Any]]:
        """What happened so far."""
        return [json.loads(line) for line in self.log.read_text().splitlines()] if self.log.exists() else []

    def kill(self) -> None:
        """End everything, the last that was started first, and politely: a client that is killed holds JACK
        up, and a server that is killed keeps its place, of which a machine has eight."""
        for process in reversed(self._running):
            _end(process)
        self._running.clear()

    def __enter__(self) -> Bench:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def _start(self, command: list[str], quiet: bool = False) -> subprocess.Popen[str]:
        out = subprocess.DEVNULL if quiet else subprocess.PIPE
        self._running.append(
            subprocess.Popen(
                command,
                cwd=self.folder,
                env=self.surroundings,
                text=True,
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=out,
            )
        )
        return self._running[-1]

    def _wait_for_server(self) -> None:
        end = time.monotonic() + START_S
        while subprocess.run(
            [sys.executable, "-c", _IS_THERE], env=self.surroundings, capture_output=True, check=False
        ).returncode:
            if time.monotonic() > end or self._running[0].poll() is not None:
                raise RuntimeError("jackd does not start its dummy driver here")
            time.sleep(0.05)

    def _board(self, wire: str, number: int) -> str:
        name = f"far end {number}"
        what = ["--midi", name, "--api", "jack", "--model", "jx8p"] if wire == "midi" else ["--pty"]
        board = self._start(
            [sys.executable, "-m", "jxctl", "board", *what, "--audio", "system", *self._options]
        )
        said = _line(board.stderr, "connect to ")
        _line(board.stderr, "sounds on ")
        return said.partition(" (")[0] + ("?api=jack" if wire == "midi" else "")

    def _cable(self, wire: str, number: int, options: list[str]) -> str:
        to = f"far end {number}" if wire == "midi" else self.port
        ends = ["--from", f"near end {number}", "--to", to, "--hear", "jx", "--client", "cable"]
        cable = self._start([sys.executable, str(PROXY), wire, *ends, "--log", str(self.log), *options])
        return _line(cable.stdout, "ready ")


def held(folder: Path) -> int:
    """How many takes a data set holds so far."""
    return len(list(rows(folder))) if (folder / "metadata.jsonl").exists() else 0


def _end(process: subprocess.Popen[str]) -> None:
    if process.stdin is not None:
        process.stdin.close()
        process.stdin = None
    process.terminate()
    try:
        process.communicate(timeout=5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()


def _line(stream: IO[str] | None, begins: str) -> str:
    """The rest of the next line that begins like that."""
    assert stream is not None
    said = []
    while line := stream.readline():
        if line.startswith(begins):
            return line.removeprefix(begins).rstrip("\n")
        said.append(line)
    raise RuntimeError(f"expected {begins!r}, got {said}")
