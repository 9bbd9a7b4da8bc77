"""What ``jx`` prints, and the data sets and sounds that it writes, run as a program."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from . import adapter, scripts
from .measured_groups import size_of
from .store import Item

PRINTED = (
    "models --json",
    "models",
    "bus decode superjx_patch_load_bus.bin --json",
    "bus decode superjx_patch_load_bus.bin",
    "bank show mks70_bulk_bank.syx --json",
    "bank show jx8p_m16c_cartridge.bin",
    "bank show vecoven_v4_apr_set.syx --json",
    "tone show mks70_bulk_bank.syx --slot 7 --json",
    "tone show jx8p_m16c_cartridge.bin --slot 12",
    "tone show vecoven_v4_bulk_bank.syx --slot 2 --json",
    "tone morph a.json b.json --amount 0.4 --json",
    "tone diff a.json b.json --json",
    "tone random --seed 5 --like a.json --amount 0.2 --json",
    "pg800 encode DCO1_TUNE +7 --json",
)
NUMBERS = ("tone show a.json --profile superjx --json", "tone show b.json --profile thesis --json")
"""Physical values, whose last digits follow from the processor's powers and exponentials."""
SETS = (
    ("sim:", "prior", 3, "--note 48 --note 72 --velocity 30,110"),
    ("sim:?model=mks70&seed=4", "design", 2, "--note 60"),
    ("sim:?profile=thesis&output=left&sample_rate=48000", "prior", 2, "--note 40 --every 1"),
)
FORGOTTEN = ("recorded_at", "code_version", "sha256")
"""Columns that follow from the clock, the version, and the release of libsndfile."""


def _folder(shared: Path, folder: Path) -> None:
    """Captures to read, and two tones."""
    for path in (shared / "data" / "captures").iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    for seed, name in ((3, "a"), (4, "b")):
        adapter.jx(["tone", "random", "--seed", str(seed), "-o", f"{name}.json"], folder)


def printed(shared: Path) -> Iterator[Item]:
    """Text and JSON of commands that read files."""
    with tempfile.TemporaryDirectory() as name, ThreadPoolExecutor(2) as pool:
        folder = Path(name)
        _folder(shared, folder)
        commands = (*PRINTED, *NUMBERS)
        said = pool.map(lambda command: adapter.jx(command.split(), folder), commands)
        for command, text in zip(commands, said, strict=True):
            reason = "physical values" if command in NUMBERS else ""
            yield Item(f"jx {command}", text.encode(), tolerance=None if reason else 0, reason=reason)


def recorded(shared: Path) -> Iterator[Item]:
    """Data sets of virtual boards, and sounds that ``jx render`` writes."""
    del shared
    with tempfile.TemporaryDirectory() as name, ThreadPoolExecutor(2) as pool:
        folder = Path(name)
        adapter.jx(["tone", "random", "--seed", "3", "-o", "a.json"], folder)
        (folder / "song.mid").write_bytes(scripts.songs()["chords"])
        commands = [
            f"record set{k} --port {port} --from {source} --tones {count} {more} --gate 0.3"
            " --max-seconds 1.2 --seed 5 --json"
            for k, (port, source, count, more) in enumerate(SETS)
        ]
        commands += [
            "render a.json -o a.wav --note 50 --gate 0.4 --seconds 1 --stereo --json",
            "render a.json --midi song.mid --model jx8p -o song.wav --json",
        ]
        list(pool.map(lambda command: adapter.jx(command.split(), folder), commands))
        for k in range(len(SETS)):
            yield from _set(folder / f"set{k}", f"set {k}")
        for sound in ("a.wav", "song.wav"):
            audio, rate = soundfile.read(folder / sound, dtype="float32", always_2d=True)
            yield Item(f"{sound} at {rate} Hz", audio.T, samples=256)


def _set(folder: Path, title: str) -> Iterator[Item]:
    rows = [json.loads(line) for line in (folder / "metadata.jsonl").read_text("utf-8").splitlines()]
    for row in rows:
        where = f"{title}, take {row['index']}"
        exact: dict[str, Any] = {name: value for name, value in row.items() if name not in FORGOTTEN}
        numbers = np.array([value for value in exact.values() if isinstance(value, float)])
        words = {name: value for name, value in exact.items() if not isinstance(value, float)}
        yield Item(f"{where}: row", json.dumps(words).encode(), tolerance=0)
        yield Item(f"{where}: its numbers", numbers, scale=size_of(numbers), tolerance=1e-4)
        # 24 bits hold steps of 1.2e-7; another rounding may be one step off.
        audio, rate = soundfile.read(folder / row["file_name"], dtype="float32")
        yield Item(f"{where}: sound at {rate} Hz", audio, samples=128)
