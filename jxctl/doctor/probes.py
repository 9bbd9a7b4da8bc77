"""Questions to this machine that may crash or hang: each is asked in a process of its own.

A sound library that waits for a server, or a compiler that meets an old processor, ends the program
that uses it. `ask` runs ``python -m jxctl.doctor.probes NAME``, which prints the answer as JSON, and turns
whatever goes wrong into a sentence. Nothing here opens a device: an adapter that is opened may reset
what is behind it.
"""

from __future__ import annotations

import importlib
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ANSWER = "jx answers: "


@dataclass(frozen=True, slots=True)
class Answer:
    """What a probe found: ``found`` (plain data), or else ``failure``, a sentence."""

    found: Any = None
    failure: str = ""


def ask(name: str, timeout_s: float = 120.0) -> Answer:
    """Run a probe in a process of its own. Never raises."""
    here = str(Path(__file__).resolve().parents[2])
    paths = os.pathsep.join(path for path in (os.environ.get("PYTHONPATH"), here) if path)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "jxctl.doctor.probes", name],
            capture_output=True,
            timeout=timeout_s,
            check=False,
            stdin=subprocess.DEVNULL,
            env=os.environ | {"PYTHONPATH": paths},
        )
    except subprocess.TimeoutExpired:
        return Answer(failure=f"no answer within {timeout_s:g} s")
    except OSError as error:
        return Answer(failure=f"cannot start Python: {error}")
    for line in done.stdout.decode(errors="replace").splitlines():
        if line.startswith(ANSWER):
            return Answer(found=json.loads(line.removeprefix(ANSWER)))
    return Answer(failure=_last_words(done))


def _last_words(done: subprocess.CompletedProcess[bytes]) -> str:
    """Why a process ended without an answer."""
    if done.returncode < 0:
        try:
            return f"it crashed ({signal.Signals(-done.returncode).name})"
        except ValueError:
            return f"it crashed (signal {-done.returncode})"
    said = done.stderr.decode(errors="replace").strip().splitlines()
    return said[-1][:300] if said else f"it ended with exit code {done.returncode}"


def audio() -> dict[str, Any]:
    """PortAudio: its version, the sound systems it reaches, and the inputs with channels and rate."""
    from jxctl.ports.midi_systems import quiet

    with quiet():
        import sounddevice

        apis = list(sounddevice.query_hostapis())
        devices = list(sounddevice.query_devices())
    return {
        "version": sounddevice.get_portaudio_version()[1],
        "systems": [api["name"] for api in apis],
        "inputs": [
            {
                "number": number,
                "name": device["name"],
                "channels": device["max_input_channels"],
                "sample_rate": device["default_samplerate"],
                "system": apis[device["hostapi"]]["name"],
            }
            for number, device in enumerate(devices)
            if device["max_input_channels"] > 0
        ],
    }


def midi() -> dict[str, Any]:
    """RtMidi: the MIDI systems it was built for, which of them run, and the ports in each."""
    from jxctl.errors import DeviceError
    from jxctl.ports.midi_systems import systems

    found = systems(None)
    result: dict[str, Any] = {"systems": {}, "outputs": [], "inputs": []}
    for system in found:
        try:
            found.client("out", system, "jx list").delete()
        except DeviceError as error:
            result["systems"][system] = error.message
            continue
        result["systems"][system] = ""
        result["outputs"] += [[system, name] for name in found.names("out", system)]
        result["inputs"] += [[system, name] for name in found.names("in", system)]
    return result


def serial() -> list[dict[str, Any]]:
    """The serial devices: what USB says of them, and whether this user may read and write them."""
    from serial.tools.list_ports import comports

    return [
        {
            "device": str(port.device),
            "description": None if port.description == "n/a" else port.description,
            "vendor": port.vid,
            "product": port.pid,
            "allowed": os.name == "nt" or os.access(port.device, os.R_OK | os.W_OK),
            "group": _group(str(port.device)),
        }
        for port in sorted(comports(), key=lambda port: str(port.device))
    ]


def _group(device: str) -> str | None:
    try:
        import grp

        return grp.getgrgid(Path(device).stat().st_gid).gr_name
    except (ImportError, OSError, KeyError):
        return None


def files() -> dict[str, Any]:
    """Whether a recording comes back from a FLAC of 24 bits."""
    import numpy as np
    import soundfile

    sound = np.array([0.0, 0.5, -0.5, 2.0**-20])
    held = io.BytesIO()
    soundfile.write(held, sound, 44100, format="FLAC", subtype="PCM_24")
    held.seek(0)
    back, _ = soundfile.read(held)
    return {"version": soundfile.__libsndfile_version__, "exact": bool(np.array_equal(sound, back))}


def render() -> dict[str, Any]:
    """One note through the compiled kernel: its peak, the seconds it took, and where the kernel is kept."""
    from jxctl.protocol.tone import INIT_TONE, to_batch

    # By name: nothing outside the commands may depend on the simulator.
    began = time.perf_counter()
    sound = importlib.import_module("simulator.synth.render").render(to_batch([INIT_TONE]), seconds=0.1)
    kernel = importlib.import_module("simulator.synth._kernel")
    kept = [getattr(getattr(part, "stats", None), "cache_path", None) for part in vars(kernel).values()]
    return {
        "peak": float(abs(sound).max()),
        "seconds": time.perf_counter() - began,
        "cache": next((str(path) for path in kept if path), None),
    }


def guess() -> dict[str, Any]:
    """The network and the prior that come with jx, loaded as `jx guess` loads them."""
    checkpoint = importlib.import_module("estimator.network.checkpoint")
    _, config = checkpoint.load()
    importlib.import_module("simulator.prior").Prior.load()
    return {"checkpoint": str(checkpoint.shipped()), "jx": config["jx"]}


PROBES: dict[str, Callable[[], Any]] = {
    "audio": audio,
    "midi": midi,
    "serial": serial,
    "files": files,
    "render": render,
    "guess": guess,
}
"""Every probe by name."""

if __name__ == "__main__":
    print(ANSWER + json.dumps(PROBES[sys.argv[1]]()))
