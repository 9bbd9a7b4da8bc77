"""``python -m benchmarks.realtime``: twelve voices with chorus through real PortAudio, and who was late.

Starts JACK's dummy driver (256 samples at 44.1 kHz) and ``jx board --midi --audio`` as programs of their
own, plays for a minute (chords of twelve keys struck anew every two seconds, the modulation wheel moving
ten times a second) and prints what the board counted: underruns as PortAudio reports them, blocks that
took too long, processor time of the whole process, latency.

``--priority 20`` lets JACK give its threads, the one that renders among them, real-time priority, as it
does on machines that are set up for audio. Without it, underruns tell how busy the machine is otherwise.
A program that does nothing but hand over silence is measured the same way before: what it misses, the
machine misses.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.machine import describe
from jxctl.ports import Port, open_port
from jxctl.protocol.bank import Bank
from jxctl.protocol.parameters import parameter
from jxctl.protocol.patch import Patch
from jxctl.protocol.sysex import encode, messages_of
from jxctl.protocol.tone import INIT_TONE

KEYS = range(40, 76, 3)
CHORD_S, WHEEL_S = 2.0, 0.1
START_S = 90.0
NAME = "jx realtime"
_SILENCE = """
import sys, time, sounddevice
blocks = underruns = 0
def fill(out, frames, when, status):
    global blocks, underruns
    blocks, underruns = blocks + 1, underruns + bool(status.output_underflow)
    out[:] = 0
with sounddevice.OutputStream(device="system", samplerate=44100, channels=2, blocksize=256, callback=fill):
    time.sleep(float(sys.argv[1]))
print(blocks, underruns)
"""


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seconds", type=float, default=60.0)
    arguments.add_argument("--priority", type=int, default=0, help="1-99; 0 for none")
    arguments.add_argument("--json", action="store_true")
    given = arguments.parse_args()
    if shutil.which("jackd") is None:
        sys.exit("benchmarks.realtime needs jackd (Debian: apt install jackd2)")
    found = {"silence": silence(given.seconds, given.priority)}
    found |= measure(given.seconds, given.priority) | {"machine": describe("numba", "numpy", "sounddevice")}
    print(json.dumps(found, indent=2) if given.json else text(found))


def measure(seconds: float, priority: int = 0) -> dict[str, Any]:
    """Play for ``seconds``; what the board said of its audio, with the load of the machine meanwhile."""
    with tempfile.TemporaryDirectory() as folder, _jack(priority):
        (Path(folder) / "bank.syx").write_bytes(encode(messages_of(_bank())))
        with _board(Path(folder)) as board:
            with open_port(f"midi:{NAME}?api=jack") as port:
                _play(port, seconds)
            board.send_signal(signal.SIGINT)
            _, said = board.communicate(timeout=START_S)
            if board.returncode:
                sys.exit(said)
        held: dict[str, Any] = json.loads((Path(folder) / "held.json").read_text())
    extra = {"seconds": seconds, "voices": len(KEYS), "priority": priority}
    return {**held["audio"], **extra, "load_average": os.getloadavg()[0]}


def silence(seconds: float, priority: int = 0) -> dict[str, int]:
    """Blocks and underruns of a program that plays silence, as long and on the same server."""
    with _jack(priority):
        done = subprocess.run(
            [sys.executable, "-c", _SILENCE, str(seconds)], capture_output=True, text=True, check=True
        )
    blocks, underruns = map(int, done.stdout.split())
    return {"blocks": blocks, "underruns": underruns}


def text(found: dict[str, Any]) -> str:
    """The figures in words."""
    machine = found["machine"]
    return "\n".join(
        [
            f"{found['voices']} voices with chorus, {found['samples'] / found['sample_rate']:.0f} s, "
            f"{found['block']} samples a block at {found['sample_rate']} Hz, "
            + (f"real-time priority {found['priority']}" if found["priority"] else "ordinary priority"),
            f"underruns {found['underruns']} (silence alone: {found['silence']['underruns']}), "
            f"late blocks {found['late']} of {found['blocks']}",
            f"processor {found['cpu']:.1%} of one core",
            f"a block took {found['load']:.1%} of its time on average, {found['busiest']:.0%} at most",
            f"latency {1000 * found['latency_s']:.1f} ms (PortAudio and one block)",
            f"on {machine['processor']}, {machine['cores']} cores, load average {found['load_average']:.1f}, "
            f"commit {machine['commit']}",
        ]
    )


def _bank() -> Bank:
    tone = INIT_TONE.with_values({"CHORUS": parameter("CHORUS").labels[1], "DCO2 LFO": 40, "VCF LFO": 30})
    patch = Patch.init().with_tones(0, 0).with_values({"UPPER LFO DEPTH": 127})
    return Bank("mks70", {0: patch}, {0: tone})


def _play(port: Port, seconds: float) -> None:
    begun = time.monotonic()
    chord = wheel = 0
    while (passed := time.monotonic() - begun) < seconds:
        if passed >= chord * CHORD_S:
            for key in KEYS if chord else ():
                port.write(bytes((0x80, key, 64)))
            for key in KEYS:
                port.write(bytes((0x90, key, 100)))
            chord += 1
        if passed >= wheel * WHEEL_S:
            port.write(bytes((0xB0, 1, wheel * 7 % 128)))
            wheel += 1
        time.sleep(0.01)


@contextmanager
def _board(folder: Path) -> Iterator[subprocess.Popen[str]]:
    options = ["--api", "jack", "--memory", "bank.syx", "--audio", "system", "--dump", "held.json"]
    board = subprocess.Popen(
        [sys.executable, "-m", "jxctl", "board", "--midi", NAME, *options],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[1])},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert board.stderr is not None
        said = ""
        while not said.startswith("sounds on"):
            said = board.stderr.readline()
            if not said:
                sys.exit(board.communicate()[1] or "jx board ended at once")
        yield board
    finally:
        if board.poll() is None:
            board.kill()
            board.communicate()


@contextmanager
def _jack(priority: int) -> Iterator[None]:
    from jxctl.errors import DeviceError
    from jxctl.ports.midi_systems import systems

    name = f"jx-realtime-{os.getpid()}"
    os.environ |= {
        "JACK_DEFAULT_SERVER": name,
        "JACK_NO_START_SERVER": "1",
        "JACK_NO_AUDIO_RESERVATION": "1",
    }
    how = ["--realtime", "-P", str(priority)] if priority else ["--no-realtime"]
    command = ["jackd", "-n", name, *how, "-d", "dummy", "-r", "44100", "-p", "256"]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + START_S
        while server.poll() is None and time.monotonic() < end:
            try:
                systems("jack").client("out", "jack", "jx realtime").delete()
            except DeviceError:
                time.sleep(0.1)
            else:
                break
        else:
            sys.exit("jackd does not start its dummy driver here")
        yield
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    main()
