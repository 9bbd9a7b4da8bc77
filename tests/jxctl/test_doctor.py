"""What `jx doctor` says of machines that lack something: the state, the reason, and what to type."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from jxctl.doctor import Answer, System, ask, checks, installing
from jxctl.doctor.installing import SYSTEMS
from jxctl.doctor.probes import PROBES

ROOT = Path(__file__).resolve().parents[2]
Run = Callable[..., subprocess.CompletedProcess[str]]

INPUT = {"number": 3, "name": "USB Audio", "channels": 2, "sample_rate": 48000.0, "system": "ALSA"}


def states(findings: list[checks.Finding]) -> dict[str, str]:
    return {finding.what: finding.state for finding in findings}


# -- which system, and what is typed there ----------------------------------------------------------


@pytest.mark.parametrize(
    ("platform", "release", "system"),
    [
        ("linux", "ID=debian\nVERSION_ID=12\n", "debian"),
        ("linux", 'NAME="Ubuntu"\nID=ubuntu\nID_LIKE=debian\n', "debian"),
        ("linux", 'ID=linuxmint\nID_LIKE="ubuntu debian"\n', "debian"),
        ("linux", "ID=fedora\n", "fedora"),
        ("linux", 'ID="rocky"\nID_LIKE="rhel centos fedora"\n', "fedora"),
        ("linux", "ID=arch\n", "arch"),
        ("linux", "ID=manjaro\nID_LIKE=arch\n", "arch"),
        ("linux", "ID=gentoo\n", "linux"),
        ("linux", "", "linux"),
        ("darwin", "", "macos"),
        ("win32", "", "windows"),
        ("freebsd14", "", "linux"),
    ],
)
def test_the_system_is_known(
    monkeypatch: pytest.MonkeyPatch, platform: str, release: str, system: System
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    assert installing.system(release) == system


def test_what_is_typed_is_that_systems_own() -> None:
    assert installing.command("portaudio", "debian") == "sudo apt install libportaudio2"
    assert installing.command("portaudio", "fedora") == "sudo dnf install portaudio"
    assert installing.command("portaudio", "arch") == "sudo pacman -S portaudio"
    assert "sounddevice" in installing.command("portaudio", "windows")
    for need in ("python", "portaudio", "jack"):
        for system in SYSTEMS:
            assert installing.command(need, system), (need, system)


def test_a_package_is_installed_into_the_python_that_runs() -> None:
    words = shlex.split(installing.package("numpy>=2"))
    assert words == [sys.executable, "-m", "pip", "install", "numpy>=2"]


# -- what is said of what was found -----------------------------------------------------------------


def test_an_old_python_is_the_core_missing() -> None:
    (finding,) = checks.python_findings("debian", (3, 9, 2))
    assert (finding.state, finding.core) == ("missing", True)
    assert "3.9.2" in finding.said
    assert "apt install python3" in finding.fix
    assert not checks.core_works([finding])
    assert checks.core_works(checks.python_findings("debian", (3, 11, 0)))


def test_packages_absent_old_and_new(monkeypatch: pytest.MonkeyPatch) -> None:
    have = dict.fromkeys(checks.PACKAGES, "99.0") | {"numba": "0.58.1", "torch": "2.13.0+cpu"}
    del have["pyserial"], have["numpy"], have["scipy"], have["rtmidi2"]

    def version(name: str) -> str:
        if name not in have:
            raise metadata.PackageNotFoundError(name)
        return have[name]

    asked = ["numba>=0.61", "torch>=2.6; extra == 'guess'", "pyserial>=3.5", "datasets>=3",
             'pytest>=8; extra == "test"', 'scipy>=1.14; extra == "guess"']  # fmt: skip
    monkeypatch.setattr(metadata, "version", version)
    monkeypatch.setattr(metadata, "requires", lambda name: asked)
    found = {finding.what: finding for finding in checks.package_findings()}
    assert (found["numba"].state, found["torch"].state) == ("warning", "ok")
    assert "0.61" in found["numba"].said
    assert (found["pyserial"].state, found["pyserial"].core) == ("missing", True)
    assert shlex.split(found["pyserial"].fix)[-1] == "pyserial>=3.5"
    assert (found["numpy"].state, found["numpy"].core) == ("missing", True)
    assert found["datasets"].state == "missing"  # a package nobody has described yet is looked at too
    assert "pytest" not in found
    assert (found["scipy"].state, found["scipy"].core) == ("missing", False)
    assert shlex.split(found["scipy"].fix)[-1] == "superjx[guess]"
    assert "rtmidi2" not in found  # python-rtmidi is there, and one is enough
    assert not checks.core_works(found.values())


def test_every_dependency_is_described() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    named = {"": project["dependencies"]} | project["optional-dependencies"]
    for name, (_, extra) in checks.PACKAGES.items():
        assert name in {re.match(r"[\w-]+", line)[0] for line in named[extra]}, name  # type: ignore[index]
    core = {line.partition(">")[0] for line in project["dependencies"]}
    assert core == {name for name, (_, extra) in checks.PACKAGES.items() if not extra}


@pytest.mark.parametrize(
    ("system", "fix"),
    [("debian", "sudo apt install libportaudio2"), ("arch", "sudo pacman -S portaudio")],
)
def test_no_portaudio(system: System, fix: str) -> None:
    (finding,) = checks.audio_findings(Answer(failure="OSError: PortAudio library not found"), system)
    assert (finding.state, finding.fix, finding.core) == ("missing", fix, False)
    assert "record" in finding.needed_for
    (finding,) = checks.audio_findings(
        Answer(failure="ModuleNotFoundError: No module named 'sounddevice'"), system
    )
    assert shlex.split(finding.fix)[-1] == "superjx[audio]"


def test_audio_inputs_are_listed_or_missed() -> None:
    some = Answer({"version": "19.7", "systems": ["ALSA"], "inputs": [INPUT]})
    assert states(checks.audio_findings(some, "debian")) == {"PortAudio": "ok", "audio input 3": "ok"}
    assert "USB Audio: 2 channels, 48000 Hz, ALSA" in checks.audio_findings(some, "debian")[1].said
    none = Answer({"version": "19.7", "systems": [], "inputs": []})
    assert states(checks.audio_findings(none, "debian")) == {"PortAudio": "ok", "audio inputs": "warning"}


def test_one_midi_system_that_runs_is_enough() -> None:
    down = {"systems": {"alsa": "no sequencer", "jack": "no server"}, "outputs": [], "inputs": []}
    found = checks.midi_findings(Answer(down), "fedora")
    assert states(found) == {"MIDI by alsa": "warning", "MIDI by jack": "warning", "MIDI outputs": "warning"}
    assert all(finding.fix for finding in found)
    up = {"systems": {"alsa": "", "jack": "no server"}, "outputs": [["alsa", "MKS-70"]], "inputs": []}
    found = checks.midi_findings(Answer(up), "fedora")
    assert set(states(found).values()) == {"ok"}
    assert found[-1].said == "MKS-70 (alsa)"
    (absent,) = checks.midi_findings(Answer(failure="ModuleNotFoundError: No module named 'rtmidi'"), "macos")
    assert shlex.split(absent.fix)[-1] == "superjx[midi]"
    (crashed,) = checks.midi_findings(Answer(failure="it crashed (SIGSEGV)"), "debian")
    assert shlex.split(crashed.fix)[-2:] == ["--force-reinstall", "python-rtmidi"]
    missing = "ImportError: libasound.so.2: cannot open shared object file"
    assert "libportaudio2" in checks.midi_findings(Answer(failure=missing), "debian")[0].fix


def test_serial_devices_and_who_may_use_them() -> None:
    def device(**more: Any) -> dict[str, Any]:
        plain = {"device": "/dev/ttyUSB0", "description": "FT232R", "vendor": 0x0403, "product": 0x6001}
        return plain | {"allowed": True, "group": "dialout"} | more

    (fine,) = checks.serial_findings(Answer([device()]))
    assert fine.state == "ok"
    assert "31250 baud is likely" in fine.said
    (barred,) = checks.serial_findings(Answer([device(allowed=False)]))
    assert (barred.state, barred.what) == ("warning", "/dev/ttyUSB0")
    assert "usermod -aG dialout $USER" in barred.fix
    (arch,) = checks.serial_findings(Answer([device(allowed=False, group="uucp")]))
    assert "usermod -aG uucp" in arch.fix
    (root,) = checks.serial_findings(Answer([device(allowed=False, group="root")]))
    assert "usermod" not in root.fix
    (none,) = checks.serial_findings(Answer([]))
    assert none.state == "warning"
    (absent,) = checks.serial_findings(Answer(failure="ModuleNotFoundError: No module named 'serial'"))
    assert shlex.split(absent.fix)[-1] == "pyserial"


@pytest.mark.parametrize(
    ("device", "vendor", "word"),
    [
        ("/dev/ttyUSB0", 0x0403, "likely"),
        ("/dev/ttyUSB0", 0x1A86, "depends"),
        ("/dev/ttyS0", None, "unlikely"),
        ("COM1", None, "unlikely"),
        ("/dev/ttyAMA0", None, "not known"),
        ("/dev/ttyACM0", 0x2341, "not known"),
    ],
)
def test_what_is_known_of_31250_baud(device: str, vendor: int | None, word: str) -> None:
    assert word in checks.baud_advice(device, vendor)


def test_the_core_is_what_renders_and_guesses() -> None:
    for broken in (
        checks.render_findings(Answer(failure="it crashed (SIGILL)")),
        checks.render_findings(Answer({"peak": 0.0, "seconds": 1.0, "cache": None})),
        checks.render_findings(Answer({"peak": float("nan"), "seconds": 1.0, "cache": None})),
        checks.guess_findings(Answer(failure="UsageError: no checkpoint")),
        checks.file_findings(Answer({"version": "1", "exact": False})),
    ):
        assert not checks.core_works(broken)
        assert broken[0].fix
    kept = checks.render_findings(Answer({"peak": 0.3, "seconds": 1.0, "cache": "somewhere"}))
    anew = checks.render_findings(Answer({"peak": 0.3, "seconds": 9.0, "cache": None}))
    assert states(kept) == {"rendering": "ok", "compiled kernel": "ok"}
    assert states(anew) == {"rendering": "ok", "compiled kernel": "warning"}
    assert "NUMBA_CACHE_DIR" in anew[1].fix
    assert checks.core_works(anew)


def test_a_full_disk_and_a_folder_that_is_not_ours(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(checks.shutil, "disk_usage", lambda folder: type("Usage", (), {"free": 1_000_000})())
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert states(checks.disk_findings(tmp_path)) == {"disk": "warning", "folder": "warning"}


# -- it never fails itself --------------------------------------------------------------------------


def test_whatever_fails_is_a_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(checks, "ask", lambda name: Answer({"nothing": "expected"}))
    monkeypatch.setattr(metadata, "version", lambda name: 1 / 0)
    findings = checks.examine(tmp_path / "missing")
    assert {"packages", "rendering", "guessing", "audio inputs", "MIDI", "serial ports", "disk"} <= set(
        states(findings)
    )
    assert all("could not be looked at" in f.said for f in findings if f.what in ("packages", "disk", "MIDI"))


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import os; os.kill(os.getpid(), 4)", "SIGILL"),
        ("raise OSError('PortAudio library not found')", "PortAudio library not found"),
        ("import sys; sys.exit(7)", "exit code 7"),
        ("import time; time.sleep(60)", "no answer within 1 s"),
    ],
)
@pytest.mark.skipif(os.name == "nt", reason="signals as POSIX has them")
def test_a_probe_that_crashes_or_hangs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, code: str, said: str
) -> None:
    (tmp_path / "soundfile.py").write_text(code)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    answer = ask("files", timeout_s=1.0 if "sleep" in code else 60.0)
    assert answer.found is None
    assert said in answer.failure


def test_noise_of_libraries_is_not_the_answer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "serial.py").write_text("print('ALSA lib complains')\nraise ImportError('half a package')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert "half a package" in ask("serial").failure


def test_this_machine_answers() -> None:
    """What the tests themselves need is here, so these four answer; sound and MIDI may be absent."""
    assert ask("files").found["exact"] is True
    rendered = ask("render").found
    assert rendered["peak"] > 0.01
    assert Path(rendered["cache"]).is_dir(), "the compiled kernel is kept, and it is said where"
    assert isinstance(ask("serial").found, list)
    assert ask("guess").found["checkpoint"]
    assert set(PROBES) == set(checks.PROBED)


# -- as a program -----------------------------------------------------------------------------------


def test_doctor_on_this_machine(jx: Run) -> None:
    done = jx("doctor", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout)
    assert told["core_works"] is True
    assert told["system"] in SYSTEMS
    found = {finding["what"]: finding for finding in told["findings"]}
    assert found["rendering"]["state"] == found["network"]["state"] == found["numpy"]["state"] == "ok"


def test_doctor_where_nothing_can_be_imported(jx: Run, tmp_path: Path) -> None:
    """Every library is there and broken: each is a line, the core is said to be broken, nothing crashes."""
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    for name in ("numba", "torch", "sounddevice", "rtmidi", "rtmidi2", "serial", "soundfile"):
        (hidden / f"{name}.py").write_text(f"raise ImportError('{name} is broken here')")
    surroundings = os.environ | {"PYTHONPATH": os.pathsep.join([str(hidden), str(ROOT)]), "NO_COLOR": "1"}
    done = jx("doctor", env=surroundings)
    assert done.returncode == 1
    assert "Traceback" not in done.stdout + done.stderr
    lines = done.stdout.splitlines()
    broken = [
        ("rendering", "numba"),
        ("network", "torch"),
        ("PortAudio", "sounddevice"),
        ("RtMidi", "rtmidi"),
        ("serial ports", "serial"),
        ("sound files", "soundfile"),
    ]
    for what, name in broken:
        assert any(
            line.startswith("missing") and what in line and f"{name} is broken" in line for line in lines
        )
    assert "DOES NOT WORK" in lines[-1]
    assert sum("->" in line for line in lines) >= 6


def test_doctor_without_sound_and_midi_is_exit_0(jx: Run, tmp_path: Path) -> None:
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "sounddevice.py").write_text("raise OSError('PortAudio library not found')")
    (hidden / "rtmidi.py").write_text("raise ImportError('No module named rtmidi')")
    surroundings = os.environ | {"PYTHONPATH": os.pathsep.join([str(hidden), str(ROOT)])}
    done = jx("doctor", "--json", env=surroundings)
    assert done.returncode == 0, done.stdout
    found = {finding["what"]: finding for finding in json.loads(done.stdout)["findings"]}
    assert (found["PortAudio"]["state"], found["RtMidi"]["state"]) == ("missing", "missing")
    assert "PortAudio library not found" in found["PortAudio"]["said"]
