"""A data set through kills, full disks and a hundred thousand takes.

``JX_SLOW=1`` runs the long form: 40 kills, 100,000 rows.
"""

from __future__ import annotations

import json
import os
import random
import select
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from takes import a_set, a_take, sound, tone_number

from jxctl.dataset import Indices, check, file_name, read, rows
from jxctl.dataset.writer import Writer
from jxctl.errors import JxError

ROOT = Path(__file__).resolve().parents[3]
SLOW = os.environ.get("JX_SLOW") == "1"
KILLS = 40 if SLOW else 6
ROWS = 100_000 if SLOW else 5_000

# -- kills ------------------------------------------------------------------------------------------

RECORDER = """
import sys
from takes import a_take
from jxctl.dataset.writer import Writer
print("ready", flush=True)
with Writer(sys.argv[1]) as data_set:
    for index in range(1_000_000):
        if index not in data_set.indices:
            data_set.append(index, a_take(index % 4000, note=40 + index % 40), seed=index)
            print(index, flush=True)
"""


def recording_killed(folder: Path, takes: int, after_s: float) -> list[int]:
    """Record into ``folder`` until a SIGKILL, which comes ``after_s`` seconds after so many ``takes``; the
    takes that the recorder had reported as durable."""
    surroundings = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests' / 'support'}"}
    command = [sys.executable, "-c", RECORDER, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=surroundings) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
        said = b"".join(child.stdout.readline() for _ in range(takes)).decode()
        select.select([], [], [], after_s)
        child.kill()
        said += child.stdout.read().decode()
    # The last line may be cut by the kill itself.
    return [int(line) for line in said[: said.rfind("\n") + 1].split()]


def test_kills_at_random_instants_lose_at_most_the_take_in_progress(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    instants = random.Random(5)
    folder = tmp_path / "set"
    durable: set[int] = set()
    repairs = 0
    for _ in range(KILLS):
        durable |= set(recording_killed(folder, instants.randrange(6), instants.uniform(0, 0.03)))
        if not (folder / "metadata.jsonl").exists():
            continue
        listed = [row["index"] for row in rows(folder)]
        assert len(listed) == len(set(listed)), "a take is listed twice"
        assert durable <= set(listed), "a take that was durable is gone"
        if instants.random() < 0.5:
            with Writer(folder) as data_set:
                repairs += len(data_set.repairs)
                assert set(data_set.indices) == set(listed)
            assert list(check(folder)) == []
    Writer(folder).close()
    assert list(check(folder)) == []
    takes = 0
    for row, audio in read(folder):
        index = row["index"]
        assert row["seed"] == index
        assert (tone_number(row["tone"]), row["note"]) == (index % 4000, 40 + index % 40), "mislabelled"
        wanted = sound(index % 4000, row["note"], 0.1, row["gate_s"])
        assert np.max(np.abs(audio - wanted)) < 2**-23, f"take {index} is not what its row says"
        takes += 1
    assert takes >= len(durable) > KILLS
    assert durable <= {row["index"] for row in rows(folder)}
    with capsys.disabled():
        print(
            f"\n{KILLS} kills: {takes} takes listed, all intact and rightly labelled, none twice; "
            f"{len(durable)} were reported durable, all are listed; {repairs} repairs on the way"
        )


# -- disks ------------------------------------------------------------------------------------------


@contextmanager
def no_file_larger_than(size: int) -> Iterator[None]:
    """The operating system refuses to let any file grow beyond ``size`` bytes, as a full disk does."""
    resource = pytest.importorskip("resource", reason="limits as POSIX has them")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("room", [0, 1, 200, 700])
def test_a_disk_that_has_no_room_for_a_row(room: int, tmp_path: Path) -> None:
    """The kernel writes what fits and refuses the rest; the rows are then as they were."""
    a_set(tmp_path, 6)
    metadata = tmp_path / "metadata.jsonl"
    before = metadata.read_bytes()
    with Writer(tmp_path) as data_set:
        with (
            no_file_larger_than(len(before) + room),
            pytest.raises(JxError, match="cannot write") as caught,
        ):
            data_set.append(6, a_take(6))
        assert "free space" in caught.value.hint
        assert metadata.read_bytes() == before
        assert list(check(tmp_path)) == []
        data_set.append(6, a_take(6))
    assert [row["index"] for row in rows(tmp_path)] == list(range(7))
    assert list(check(tmp_path)) == []


def test_a_disk_that_has_no_room_for_the_audio(tmp_path: Path) -> None:
    a_set(tmp_path, 1)
    with Writer(tmp_path) as data_set:
        with no_file_larger_than(500), pytest.raises(JxError, match="cannot write"):
            data_set.append(1, a_take(1))
        assert [path.name for path in (tmp_path / "takes/000").iterdir()] == ["000000.flac"]
        data_set.append(1, a_take(1))
    assert list(check(tmp_path)) == []


def test_nothing_follows_a_row_that_could_not_be_taken_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_set(tmp_path, 6)
    size = (tmp_path / "metadata.jsonl").stat().st_size

    def refuse(*arguments: object) -> None:
        raise OSError(5, "Input/output error")

    with Writer(tmp_path) as data_set:
        monkeypatch.setattr(os, "truncate", refuse)
        with no_file_larger_than(size + 100), pytest.raises(JxError):
            data_set.append(6, a_take(6))
        monkeypatch.undo()
        with pytest.raises(JxError, match="ends in half a row") as caught:
            data_set.append(7, a_take(7))
        assert caught.value.hint
    with Writer(tmp_path) as data_set:
        torn, unlisted = data_set.repairs
        assert "torn last row" in torn
        assert "000006.flac has no row" in unlisted
        data_set.append(6, a_take(6))
    assert list(check(tmp_path)) == []


# -- many takes -------------------------------------------------------------------------------------


def test_starting_on_many_takes_keeps_only_their_numbers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Memory does not grow with the rows: a set of 100,000 opens like one of ten."""
    a_set(tmp_path, 1)
    metadata = tmp_path / "metadata.jsonl"
    row = json.loads(metadata.read_text("utf-8"))
    content = (tmp_path / row["file_name"]).read_bytes()
    with metadata.open("w", encoding="utf-8") as file:
        for index in range(ROWS):
            name = file_name(index)
            if index % 1000 == 0:
                first = tmp_path / name
                first.parent.mkdir(parents=True, exist_ok=True)
                first.write_bytes(content)
            else:
                os.link(first, tmp_path / name)
            file.write(json.dumps(row | {"index": index, "file_name": name}) + "\n")
    began = time.perf_counter()
    Writer(tmp_path).close()
    seconds = time.perf_counter() - began
    tracemalloc.start()
    with Writer(tmp_path) as data_set:
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert len(data_set.indices) == ROWS
        assert data_set.indices.runs == 1
        assert data_set.repairs == []
        assert ROWS - 1 in data_set.indices
        assert ROWS not in data_set.indices
        data_set.append(ROWS, a_take(1))
    # One folder of names is listed at a time; a set of 100,000 Python numbers alone takes 8 MB.
    assert most < 3_000_000, f"{most} bytes"
    with capsys.disabled():
        print(f"\n{ROWS} takes: opened in {seconds:.2f} s, {most / 1e6:.1f} MB at most")


@given(st.lists(st.integers(0, 30)))
def test_indices_are_a_set(numbers: list[int]) -> None:
    ours = Indices()
    plain: set[int] = set()
    for number in numbers:
        assert ours.add(number) == (number not in plain)
        plain.add(number)
        assert len(ours) == len(plain)
    assert list(ours) == sorted(plain)
    assert ours == plain
    assert [number in ours for number in range(-1, 32)] == [number in plain for number in range(-1, 32)]
    assert ours.runs == sum(number - 1 not in plain for number in plain)
    assert "7" not in ours
