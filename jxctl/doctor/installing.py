"""What to type on this machine to get what jx needs, and for systems that have no such command, what to do.

Package names are those of the distributions' own catalogues. A system is a row of each table here:
``debian``, ``fedora``, ``arch``, ``linux`` (any other), ``macos``, ``windows``.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from typing import Literal, TypeAlias

from jxctl._extras import install_line
from jxctl._files import read_text
from jxctl.errors import JxError

System: TypeAlias = Literal["debian", "fedora", "arch", "linux", "macos", "windows"]
Need: TypeAlias = Literal["python", "portaudio", "alsa", "jack"]

SYSTEMS: tuple[System, ...] = ("debian", "fedora", "arch", "linux", "macos", "windows")

_FAMILIES: dict[str, System] = {
    "debian": "debian",
    "ubuntu": "debian",
    "raspbian": "debian",
    "fedora": "fedora",
    "rhel": "fedora",
    "centos": "fedora",
    "arch": "arch",
}

_COMMANDS: dict[Need, dict[System, str]] = {
    "python": {
        "debian": "sudo apt install python3 python3-venv",
        "fedora": "sudo dnf install python3",
        "arch": "sudo pacman -S python",
        "linux": "install Python 3.11 or newer with the package manager",
        "macos": "brew install python",
        "windows": "winget install Python.Python.3.12",
    },
    "portaudio": {
        "debian": "sudo apt install libportaudio2",
        "fedora": "sudo dnf install portaudio",
        "arch": "sudo pacman -S portaudio",
        "linux": "install PortAudio with the package manager",
        # On these two the library comes inside the Python package.
        "macos": "{pip} install --force-reinstall sounddevice",
        "windows": "{pip} install --force-reinstall sounddevice",
    },
    "alsa": {
        "debian": "sudo apt install libportaudio2",  # brings ALSA's library, whatever it is called here
        "fedora": "sudo dnf install alsa-lib",
        "arch": "sudo pacman -S alsa-lib",
        "linux": "install ALSA's library with the package manager",
        "macos": "",
        "windows": "",
    },
    "jack": {
        "debian": "sudo apt install jackd2",
        "fedora": "sudo dnf install jack-audio-connection-kit",
        "arch": "sudo pacman -S jack2",
        "linux": "install JACK 2 with the package manager",
        "macos": "brew install jack",
        "windows": "install JACK 2 from its own site, jackaudio.org",
    },
}


def system(os_release: str | None = None) -> System:
    """Which system this is. ``os_release``: the content of /etc/os-release, for Linux."""
    if sys.platform == "darwin":
        return "macos"
    if sys.platform in ("win32", "cygwin"):
        return "windows"
    if os_release is None:
        try:
            os_release = read_text("/etc/os-release")
        except JxError:
            os_release = ""
    said = {}
    for line in os_release.splitlines():
        name, _, value = line.partition("=")
        said[name.strip()] = value.strip().strip("\"'").lower()
    for word in f"{said.get('ID', '')} {said.get('ID_LIKE', '')}".split():
        if word in _FAMILIES:
            return _FAMILIES[word]
    return "linux"


def command(need: Need, here: System) -> str:
    """How ``need`` is installed there; empty where that system has it already."""
    return _COMMANDS[need][here].format(pip=pip())


def package(name: str) -> str:
    """How a Python package is installed into the Python that runs now."""
    # Quoted: a shell reads > in "numpy>=2" as a file to write.
    return f"{pip()} install {_quoted(name)}"


def extra(name: str) -> str:
    """How an extra of jx is installed into the Python that runs now."""
    return f"{pip()} {install_line(name).removeprefix('pip ')}"


def join_group(group: str) -> str:
    """How a user of Linux is allowed to use the devices of a group."""
    return f"sudo usermod -aG {shlex.quote(group)} $USER, then log out and in again"


def pip() -> str:
    """The command that runs the pip of this Python."""
    return f"{_quoted(sys.executable or 'python')} -m pip"


def _quoted(word: str) -> str:
    return subprocess.list2cmdline([word]) if os.name == "nt" else shlex.quote(word)
