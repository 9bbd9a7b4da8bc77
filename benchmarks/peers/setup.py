"""Make the environments in which the peers run: ``python -m benchmarks.peers.setup``.

Each is a virtual environment in ``.peers/NAME`` (``--folder`` for another place), filled by pip from
``benchmarks/peers/NAME.txt``; together they take about 2 GB of disk. (On Linux, PyPI's wheel of torch brings
gigabytes of CUDA libraries; ``PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu`` spares them.) One
that is there already is brought to the pins. A peer that cannot be installed is named, with pip's last line,
and the others go on; the benchmark then prints "not measured" and the reason in its row.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import venv
from pathlib import Path

from benchmarks.peers.protocol import ROOT

FOLDER = ROOT / ".peers"
PEERS = {"torchsynth": "benchmarks.peers.run_torchsynth", "synthax": "benchmarks.peers.run_synthax"}
"""Peers by name, and the module of each one's program."""


def python_of(peer: str, folder: Path = FOLDER) -> Path:
    """The interpreter of a peer's environment; it need not be there."""
    scripts = "Scripts/python.exe" if sys.platform == "win32" else "bin/python"
    return folder / peer / scripts


def install(peer: str, folder: Path = FOLDER) -> str:
    """Make or mend one environment; returns why that failed, or nothing."""
    python = python_of(peer, folder)
    if not python.exists():
        venv.create(folder / peer, with_pip=True)
    pins = Path(__file__).with_name(f"{peer}.txt")
    pip = [str(python), "-m", "pip", "install", "--disable-pip-version-check", "-r", str(pins)]
    done = subprocess.run(pip, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return ""
    lines = [line for line in done.stderr.strip().splitlines() if line] or [
        f"pip ended with {done.returncode}"
    ]
    return lines[-1]


def main() -> None:
    """Install all peers, or those named."""
    parser = argparse.ArgumentParser(description="Environments for the peers of the render benchmark.")
    parser.add_argument("peers", nargs="*", default=list(PEERS), metavar="PEER", help=", ".join(PEERS))
    parser.add_argument("--folder", type=Path, default=FOLDER)
    options = parser.parse_args()
    unknown = sorted(set(options.peers) - PEERS.keys())
    if unknown:
        parser.error(f"no such peer: {', '.join(unknown)}; there are {', '.join(PEERS)}")
    failed = False
    for peer in options.peers:
        reason = install(peer, options.folder)
        failed |= bool(reason)
        print(f"{peer}: {reason or 'ready'}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
