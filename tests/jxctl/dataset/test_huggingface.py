"""Data sets are read by Hugging Face's ``datasets`` as its AudioFolder: the real library reads them."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from takes import a_set, a_take

from jxctl.dataset.edit import split
from jxctl.dataset.summary import loading, write_card
from jxctl.dataset.writer import Writer

# The library asks for torchcodec before it notes even a path. There is no build of it beside the CPU torch
# and without FFmpeg; nothing here decodes, so a stand-in is enough where it cannot be loaded.
LOADER = """
import json, sys, types
import datasets
from datasets import Audio, load_dataset
try:
    import torchcodec.encoders
except (ImportError, OSError, RuntimeError):
    for name in ("torchcodec", "torchcodec.encoders"):
        sys.modules[name] = types.ModuleType(name)
    sys.modules["torchcodec.encoders"].AudioEncoder = None

given = {}
if sys.argv[2]:
    exec(sys.argv[2].replace("DIR", sys.argv[1]).replace("Audio()", "Audio(decode=False)"))
    loaded = {"train": takes}
else:
    loaded = load_dataset("audiofolder", data_dir=sys.argv[1])
found = {}
for name, part in loaded.items():
    part = part.cast_column("audio", Audio(decode=False))
    found[name] = [dict(row) for row in part]
print("FOUND" + json.dumps(found, default=str))
"""


@pytest.fixture
def load(tmp_path: Path) -> Callable[..., dict[str, list[dict[str, Any]]]]:
    """Load a folder with the real library, in a process of its own: splits -> rows."""
    if importlib.util.find_spec("datasets") is None:
        reason = "the library datasets is not installed (pip install 'superjx[test]')"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)

    def run(folder: Path, code: str = "") -> dict[str, list[dict[str, Any]]]:
        away = {"HF_HOME": str(tmp_path / "hf"), "HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}
        done = subprocess.run(
            [sys.executable, "-c", LOADER, str(folder), code],
            capture_output=True, text=True, env=os.environ | away, timeout=300, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return dict(json.loads(done.stdout[done.stdout.index("FOUND") + 5 :]))

    return run


def written(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "metadata.jsonl").read_text("utf-8").splitlines()]


def compare(folder: Path, found: list[dict[str, Any]]) -> None:
    """Every row, every column, and the very bytes of every file."""
    wanted = written(folder)
    assert len(found) == len(wanted)
    for ours, theirs in zip(wanted, found, strict=True):
        audio = theirs.pop("audio")
        assert Path(audio["path"]).read_bytes() == (folder / ours.pop("file_name")).read_bytes()
        assert theirs == ours


def test_the_library_reads_every_row_and_file(tmp_path: Path, load: Callable[..., Any]) -> None:
    folder = a_set(tmp_path / "set", 3, latency_s=0.004, attempts=2)
    with Writer(folder) as data_set:
        data_set.append(1000, a_take(9, verdict="silent", reason="nothing was heard", onset_s=None), seed=5)
    write_card(folder)
    (folder / ".aside").mkdir()
    (folder / ".aside/1-000007.flac").write_bytes((folder / "takes/000/000000.flac").read_bytes())
    compare(folder, load(folder)["train"])


def test_columns_known_late_are_read_as_the_card_says(tmp_path: Path, load: Callable[..., Any]) -> None:
    """What the card says to run is run. Long names fill the part from which types would be guessed."""
    folder = tmp_path / "set"
    with Writer(folder) as data_set:
        for index in range(12):
            data_set.append(index, a_take(index, tones_from="x" * 1_000_000))
        data_set.append(12, replace(a_take(12), unit="123456", powered_on_min=12.5, latency_s=0.01))
    write_card(folder)
    card = (folder / "README.md").read_text("utf-8")
    assert loading() in card
    code = card.split("```python\n")[1].split("```")[0]
    compare(folder, load(folder, code)["train"])


def test_a_split_is_read_as_two_splits(tmp_path: Path, load: Callable[..., Any]) -> None:
    folder = a_set(tmp_path / "set", 12)
    split(folder, tmp_path / "out", 0.7, seed=2)
    found = load(tmp_path / "out")
    assert set(found) == {"train", "test"}
    for name, rows in found.items():
        compare(tmp_path / "out" / name, rows)


def test_parts_that_do_not_know_the_same_are_read_one_at_a_time(
    tmp_path: Path, load: Callable[..., Any]
) -> None:
    """The library refuses splits of different columns, and takes a column without a value for another."""
    folder = a_set(tmp_path / "set", 8)
    with Writer(folder) as data_set:
        data_set.append(8, a_take(8, unit="123456"))
    parts = split(folder, tmp_path / "out", 0.7, seed=2)
    assert parts[0].known ^ parts[1].known == {"unit"}
    for part in parts:
        found = load(tmp_path / "out" / part.name, loading().split("```python\n")[1].split("```")[0])
        compare(tmp_path / "out" / part.name, found["train"])
