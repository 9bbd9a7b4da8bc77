"""What this machine has of what jx needs, and how to get the rest.

The core is rendering, which needs no hardware; guessing is an extra. Everything else (sound cards, MIDI,
serial) is for playing and recording an instrument. Nothing is opened, installed or written. What may crash
or hang is asked in a process of its own (`ask`), and whatever goes wrong there becomes a sentence.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

from jxctl._extras import DISTRIBUTION, absent_of
from jxctl.doctor import installing
from jxctl.doctor.installing import System

State = Literal["ok", "warning", "missing"]

OLDEST_PYTHON = (3, 11)
"""As in pyproject.toml."""
PROBED = ("render", "guess", "files", "audio", "midi", "serial")
"""What is asked in a process of its own: names of `jxctl.doctor.probes.PROBES`."""
ANSWER = "jx answers: "
"""Comes before the answer of such a process: libraries print lines of their own."""

PACKAGES: dict[str, tuple[str, str]] = {
    "typer": ("the jx command", ""),
    "rich": ("the jx command", ""),
    "numpy": ("rendering and guessing", ""),
    "numba": ("rendering", ""),
    "soundfile": ("reading and writing sound", ""),
    "soxr": ("recordings at other sample rates", ""),
    "mido": ("MIDI files", ""),
    "platformdirs": ("the library of tones", ""),
    "pyserial": ("serial: ports", ""),
    "scipy": ("guessing", "guess"),
    "torch": ("guessing", "guess"),
    "safetensors": ("guessing", "guess"),
    "threadpoolctl": ("guessing", "guess"),
    "matplotlib": ("jx guess --plot", "plot"),
    "python-rtmidi": ("midi: ports", "midi"),
    "rtmidi2": ("midi: ports", "midi"),
    "sounddevice": ("sound cards", "audio"),
}
"""Each Python package: what it is for, and the extra that brings it; empty for the core."""
INSTEAD = {"python-rtmidi": "rtmidi2", "rtmidi2": "python-rtmidi"}
"""Of these one is enough."""

LITTLE_SPACE = 2_000_000_000
"""Bytes: with less, a longer recording does not fit (chosen)."""
_TAKE_BYTES = 4 * 44100 * 3  # four seconds of 24 bits, before FLAC makes it smaller
# USB vendors of serial adapters.
_FTDI = 0x0403
_PROLIFIC = 0x067B
_WCH = 0x1A86
_SILABS = 0x10C4


@dataclass(frozen=True, slots=True)
class Answer:
    """What a probe found: ``found`` (plain data), or else ``failure``, a sentence."""

    found: Any = None
    failure: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: ``what`` was looked at, its ``state``, what was ``said``, what it is ``needed_for``.

    ``fix``: what to type, or do. ``core``: without it jx does not work.
    """

    what: str
    state: State
    said: str
    needed_for: str
    fix: str = ""
    core: bool = False

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def compile_everything() -> int:
    """Compile every loop of the simulator that is not in the cache yet; how many there were."""
    import simulator.features.distance  # noqa: F401  # imports all that have loops
    from simulator.synth.compilation import everything

    compilation = everything()
    missing = compilation.total
    compilation.wait()
    return missing


def examine(folder: Path | None = None) -> list[Finding]:
    """Look at everything. ``folder``: where takes would be written, for the free space. Never raises."""
    here = installing.system()
    with ThreadPoolExecutor(2) as pool:
        answers = dict(zip(PROBED, pool.map(ask, PROBED), strict=True))
    parts: dict[str, Callable[[], Iterable[Finding]]] = {
        "Python": lambda: python_findings(here),
        "packages": package_findings,
        "rendering": lambda: render_findings(answers["render"]),
        "guessing": lambda: guess_findings(answers["guess"]),
        "sound files": lambda: file_findings(answers["files"]),
        "audio inputs": lambda: audio_findings(answers["audio"], here),
        "MIDI": lambda: midi_findings(answers["midi"], here),
        "serial ports": lambda: serial_findings(answers["serial"]),
        "disk": lambda: disk_findings(folder or Path()),
    }
    findings: list[Finding] = []
    for what, part in parts.items():
        try:
            findings += part()
        except Exception as error:  # a machine that is odd enough to be asked about
            findings.append(
                Finding(what, "warning", f"could not be looked at: {type(error).__name__}: {error}", what)
            )
    return findings


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


def core_works(findings: Iterable[Finding]) -> bool:
    """Whether rendering works here, and guessing where its extra is installed."""
    return not any(finding.core and finding.state == "missing" for finding in findings)


def python_findings(here: System, version: tuple[int, ...] | None = None) -> list[Finding]:
    """The Python that runs jx."""
    version = version or tuple(sys.version_info[:3])
    said = ".".join(map(str, version))
    if version >= OLDEST_PYTHON:
        return [Finding("Python", "ok", said, "everything", core=True)]
    oldest = ".".join(map(str, OLDEST_PYTHON))
    fix = installing.command("python", here)
    return [Finding("Python", "missing", f"{said}; {oldest} is the oldest", "everything", fix, core=True)]


def package_findings() -> list[Finding]:
    """Every Python package with its version, against what this jx asks for."""
    wanted = _wanted()
    findings = []
    for name in [*PACKAGES, *(name for name in wanted if name not in PACKAGES)]:
        needed_for, extra = PACKAGES.get(name, ("jx", ""))
        core = name in PACKAGES and not extra
        fix = installing.package(f"{name}>={wanted[name]}" if wanted.get(name) else name)
        try:
            version = metadata.version(name)
        except metadata.PackageNotFoundError:
            if _installed(INSTEAD.get(name, "")) or (name in INSTEAD and wanted and name not in wanted):
                continue
            fix = installing.extra(extra) if extra else fix
            findings.append(Finding(name, "missing", "not installed", needed_for, fix, core))
            continue
        if _numbers(version) < _numbers(wanted.get(name, "")):
            said = f"{version}; jx asks for {wanted[name]} or newer"
            findings.append(Finding(name, "warning", said, needed_for, fix, core))
        else:
            findings.append(Finding(name, "ok", version, needed_for, core=core))
    return findings


def render_findings(answer: Answer) -> list[Finding]:
    """Whether a note comes out of the kernel, and whether its machine code is kept."""
    if answer.found is None or not answer.found["peak"] > 0:
        said = answer.failure or "a note was rendered, and it is silent"
        return [Finding("rendering", "missing", said, "jx render, guess, sim:", _anew("numba"), core=True)]
    seconds, cache = answer.found["seconds"], answer.found["cache"]
    findings = [Finding("rendering", "ok", f"a note in {seconds:.1f} s, loading included",
                        "jx render, guess, sim:", core=True)]  # fmt: skip
    if cache is None:
        fix = "set NUMBA_CACHE_DIR to a folder that can be written to"
        said = "has nowhere to be kept: it is compiled anew each time"
        return [*findings, Finding("compiled kernel", "warning", said, "a quick start", fix)]
    return [*findings, Finding("compiled kernel", "ok", f"kept in {cache}", "a quick start")]


def guess_findings(answer: Answer) -> list[Finding]:
    """Whether the network and the prior can be loaded."""
    if answer.found is None:
        if absent := absent_of("guess"):
            said = f"{', '.join(absent)} not installed"
            return [Finding("network", "missing", said, "jx guess", installing.extra("guess"))]
        return [Finding("network", "missing", answer.failure, "jx guess", _anew("torch"), core=True)]
    return [Finding("network", "ok", answer.found["checkpoint"], "jx guess", core=True)]


def file_findings(answer: Answer) -> list[Finding]:
    """Whether sound files of 24 bits can be written and read."""
    if answer.found is None or not answer.found["exact"]:
        said = answer.failure or "a FLAC of 24 bits does not come back as it was written"
        fix = _anew("soundfile")
        return [Finding("sound files", "missing", said, "reading and writing sound", fix, core=True)]
    said = f"libsndfile {answer.found['version']}"
    return [Finding("sound files", "ok", said, "reading and writing sound", core=True)]


def audio_findings(answer: Answer, here: System) -> list[Finding]:
    """PortAudio and the inputs it finds."""
    needed_for = "jx record from a sound card"
    if answer.found is None:
        absent = "sounddevice" in answer.failure
        fix = installing.extra("audio") if absent else installing.command("portaudio", here)
        return [Finding("PortAudio", "missing", answer.failure, needed_for, fix)]
    systems = ", ".join(answer.found["systems"]) or "no sound system"
    version = answer.found["version"].partition(",")[0].removeprefix("PortAudio ")
    findings = [Finding("PortAudio", "ok", f"{version} ({systems})", needed_for)]
    inputs = answer.found["inputs"]
    if not inputs:
        fix = "connect an audio interface; on Linux the user may have to be in the group audio"
        findings.append(Finding("audio inputs", "warning", "none", needed_for, fix))
    for each in inputs:
        said = f"{each['name']}: {each['channels']} channels, {each['sample_rate']:.0f} Hz, {each['system']}"
        findings.append(Finding(f"audio input {each['number']}", "ok", said, needed_for))
    return findings


def midi_findings(answer: Answer, here: System) -> list[Finding]:
    """RtMidi, the MIDI systems under it, and their ports."""
    if answer.found is None:
        fix = ""
        if "No module" in answer.failure:
            fix = installing.extra("midi")
        elif "libasound" in answer.failure:
            fix = installing.command("alsa", here)
        return [Finding("RtMidi", "missing", answer.failure, "midi: ports", fix or _anew(_rtmidi()))]
    findings = []
    running = [name for name, failure in answer.found["systems"].items() if not failure]
    for name, failure in answer.found["systems"].items():
        # One MIDI system is enough; JACK is there only where somebody started it.
        state: State = "ok" if not failure or running else "warning"
        fixes = {
            "jack": _jack_fix(here),
            "alsa": "sudo modprobe snd-seq (ALSA's sequencer; not in a container)",
        }
        fix = "" if state == "ok" else fixes.get(name, "")
        findings.append(Finding(f"MIDI by {name}", state, failure or "runs", "midi: ports", fix))
    ports = [f"{name} ({system})" for system, name in answer.found["outputs"]]
    if ports:
        return [*findings, *(Finding("MIDI output", "ok", port, "midi: ports") for port in ports)]
    fix = "connect a MIDI interface; jx ports lists what is there"
    return [*findings, Finding("MIDI outputs", "warning", "none", "midi: ports", fix)]


def serial_findings(answer: Answer) -> list[Finding]:
    """The serial devices: may this user open them, and do they make 31250 baud?"""
    needed_for = "serial: ports, for a bare sound board"
    if answer.found is None:
        return [
            Finding("serial ports", "missing", answer.failure, needed_for, installing.package("pyserial"))
        ]
    findings = []
    for each in answer.found:
        said = f"{each['description'] or 'serial port'}; {baud_advice(each['device'], each['vendor'])}"
        if each["allowed"]:
            findings.append(Finding(each["device"], "ok", said, needed_for))
            continue
        group = each["group"]
        # The group of a device may be root, which nobody should join.
        fix = installing.join_group(group) if group not in (None, "root") else "ask who runs this machine"
        findings.append(Finding(each["device"], "warning", f"no permission; {said}", needed_for, fix))
    if not findings:
        fix = "connect a USB serial adapter that can make 31250 baud; those with an FTDI chip usually can"
        findings.append(Finding("serial ports", "warning", "none", needed_for, fix))
    return findings


def baud_advice(device: str, vendor: int | None) -> str:
    """What is known of a device and 31250 baud, the speed of the bus, without opening it."""
    if vendor == _FTDI:
        return "FTDI: 31250 baud is likely (3 MHz / 96; FTDI application note AN232B-05)"
    if vendor in (_PROLIFIC, _WCH, _SILABS):
        maker = {_PROLIFIC: "Prolific", _WCH: "WCH", _SILABS: "Silicon Labs"}[vendor]
        return f"{maker}: whether it makes 31250 baud depends on chip and driver; jx send tells"
    if vendor is None and re.search(r"/ttyS\d+$|^COM[12]$", device):
        return "built in: 31250 baud is unlikely (a PC's own port makes 115200 / n)"
    return "whether it makes 31250 baud is not known; jx send tells"


def disk_findings(folder: Path) -> list[Finding]:
    """Free space where takes would be written, and whether they may be."""
    free = shutil.disk_usage(folder).free
    takes = free // _TAKE_BYTES
    said = f"{free / 1e9:.1f} GB free here: {takes} takes of 4 s before compression"
    findings = [Finding("disk", "ok" if free > LITTLE_SPACE else "warning", said, "jx record",
                        "" if free > LITTLE_SPACE else "free some space, or record elsewhere")]  # fmt: skip
    if not os.access(folder, os.W_OK):
        said = f"{folder.resolve()} cannot be written to"
        findings.append(Finding("folder", "warning", said, "jx record", "record into another folder"))
    return findings


def _wanted() -> dict[str, str]:
    """The oldest version that the installed jx asks for of each package of the core and of `PACKAGES`; empty
    when jx is not installed."""
    try:
        lines = metadata.requires(DISTRIBUTION) or []
    except metadata.PackageNotFoundError:
        return {}
    found = {}
    for line in lines:
        match = re.match(r"([\w.-]+)(?:\[.*?\])?(?:>=([\d.]+))?", line)
        extra = re.search(r"extra == ['\"](\w+)['\"]", line)
        if match and (not extra or match[1] in PACKAGES):
            found[match[1]] = match[2] or ""
    # python-rtmidi stops where its wheels do: which of the two is asked for is the Python's matter.
    found.pop("rtmidi2" if sys.version_info < (3, 13) else "python-rtmidi", None)
    return found


def _installed(name: str) -> bool:
    try:
        return bool(name and metadata.version(name))
    except metadata.PackageNotFoundError:
        return False


def _rtmidi() -> str:
    """The package through which RtMidi comes here."""
    return "rtmidi2" if _installed("rtmidi2") and not _installed("python-rtmidi") else "python-rtmidi"


def _numbers(version: str) -> list[int]:
    match = re.match(r"[\d.]+", version)
    return [int(part) for part in match[0].split(".") if part] if match else []


def _jack_fix(here: System) -> str:
    there = shutil.which("jackd") is not None
    return "start it, for example with jackd -d alsa" if there else installing.command("jack", here)


def _anew(name: str) -> str:
    return f"{installing.pip()} install --force-reinstall {name}"
