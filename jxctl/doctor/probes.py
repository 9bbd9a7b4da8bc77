"""Questions to this machine that may crash or hang: each is asked in a process of its own.

A sound library that waits for a server, or a compiler that meets an old processor, ends the program
that uses it. ``python -m jxctl.doctor.probes NAME`` prints the answer as JSON; `jxctl.doctor.ask` runs it.
Nothing here opens a device: an adapter that is opened may reset what is behind it.
"""

from __future__ import annotations

import io
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jxctl.doctor.checks import ANSWER


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

    began = time.perf_counter()
    from simulator.synth import _kernel
    from simulator.synth.render import render

    sound = render(to_batch([INIT_TONE]), seconds=0.1)
    # Without a folder for its cache numba names none.
    kept = [getattr(loop.ready.stats, "cache_path", None) for loop in _kernel.compiled.values()]
    return {
        "peak": float(abs(sound).max()),
        "seconds": time.perf_counter() - began,
        "cache": next((str(path) for path in kept if path), None),
    }


def guess() -> dict[str, Any]:
    """The network and the prior that come with jx, loaded as `jx guess` loads them."""
    from estimator.network import network
    from simulator.prior import Prior

    _, config = network.load()
    Prior.load()
    return {"checkpoint": str(network.shipped()), "jx": config["jx"]}


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
