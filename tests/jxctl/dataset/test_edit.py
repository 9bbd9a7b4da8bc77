"""Split, merge and export: nothing is lost, nothing is stored twice, nothing half is left behind."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path

import numpy as np
import pytest
import soundfile
from takes import RATE, a_set, a_take, tone_number

from jxctl.dataset import check, read, rows
from jxctl.dataset.edit import export, merge, split
from jxctl.dataset.writer import Writer
from jxctl.errors import JxError, UsageError, VerificationError
from jxctl.protocol.parameters import TONE_PARAMETERS


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """40 tones at two notes, and the first tone again and again."""
    with Writer(tmp_path / "many") as data_set:
        for index in range(80):
            data_set.append(index, a_take(index // 2, note=48 + index % 2), seed=4)
        for index in range(80, 90):
            data_set.append(index, a_take(0, reference=True, gain=0.2 + index / 1000))
    return tmp_path / "many"


def labels(folder: Path) -> list[tuple[int, int, str]]:
    return [(tone_number(row["tone"]), row["note"], row["sha256"]) for row in rows(folder)]


# -- split ------------------------------------------------------------------------------------------


def test_no_tone_is_on_both_sides_and_every_take_is_on_one(many: Path, tmp_path: Path) -> None:
    before = (many / "metadata.jsonl").read_bytes()
    parts = split(many, tmp_path / "out", 0.75, seed=1)
    train, test = (labels(tmp_path / "out" / name) for name in ("train", "test"))
    assert not {tone for tone, _, _ in train} & {tone for tone, _, _ in test}
    assert sorted(train + test) == sorted(labels(many))
    assert [(part.name, part.takes) for part in parts] == [("train", len(train)), ("test", len(test))]
    assert 22 <= parts[0].tones <= 37, "about three quarters of 40"
    assert (many / "metadata.jsonl").read_bytes() == before
    lines = set(before.splitlines())
    for name in ("train", "test"):
        part = tmp_path / "out" / name
        assert list(check(part)) == [], "each part is a data set"
        assert set((part / "metadata.jsonl").read_bytes().splitlines()) <= lines, "rows as they were"
        assert (part / "README.md").exists()


def test_audio_is_not_stored_twice(many: Path, tmp_path: Path) -> None:
    parts = split(many, tmp_path / "out", 0.5, seed=1)
    assert [part.copied for part in parts] == [0, 0]
    for part in parts:
        for row in rows(tmp_path / "out" / part.name):
            new, old = tmp_path / "out" / part.name / row["file_name"], many / row["file_name"]
            assert new.stat().st_ino == old.stat().st_ino


def test_a_set_that_has_grown_keeps_every_tone_on_its_side(many: Path, tmp_path: Path) -> None:
    split(many, tmp_path / "before", 0.8, seed=3)
    with Writer(many) as data_set:
        for index in range(90, 150):
            data_set.append(index, a_take(index))
    split(many, tmp_path / "after", 0.8, seed=3)
    for name in ("train", "test"):
        assert set(labels(tmp_path / "before" / name)) <= set(labels(tmp_path / "after" / name))


def test_the_seed_decides(many: Path, tmp_path: Path) -> None:
    for seed, out in ((1, "a"), (1, "b"), (2, "c")):
        split(many, tmp_path / out, 0.5, seed)
    a, b, c = (labels(tmp_path / out / "test") for out in "abc")
    assert a == b != c


@pytest.mark.parametrize("train", [0.01, 0.5, 0.99])
def test_either_side_gets_a_tone(train: float, tmp_path: Path) -> None:
    a_set(tmp_path / "two", 2)
    parts = split(tmp_path / "two", tmp_path / "out", train, seed=0)
    assert [part.tones for part in parts] == [1, 1]


def test_what_cannot_be_split_is_said_and_nothing_is_written(tmp_path: Path) -> None:
    a_set(tmp_path / "one", 1)
    a_set(tmp_path / "two", 2)
    with pytest.raises(UsageError, match="has 1 tones"):
        split(tmp_path / "one", tmp_path / "out", 0.5, 0)
    for share in (0.0, 1.0, -1.0, float("nan")):
        with pytest.raises(UsageError, match="between 0 and 1"):
            split(tmp_path / "two", tmp_path / "out", share, 0)
    with pytest.raises(UsageError, match="is not a data set"):
        split(tmp_path, tmp_path / "out", 0.5, 0)
    with pytest.raises(UsageError, match="is there already") as caught:
        split(tmp_path / "two", tmp_path / "one", 0.5, 0)
    assert caught.value.hint
    (tmp_path / "two/takes/000/000001.flac").unlink()
    with pytest.raises(VerificationError, match=r"000001\.flac is listed but cannot be read"):
        split(tmp_path / "two", tmp_path / "out", 0.5, 0)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "two"], "nothing half is left"


def test_an_interruption_leaves_nothing(many: Path, tmp_path: Path) -> None:
    def stop(steps: int) -> None:
        raise KeyboardInterrupt

    for go in (
        lambda: split(many, tmp_path / "out", 0.5, 0, stop),
        lambda: merge([many, many], tmp_path / "out", stop),
        lambda: export(many, tmp_path / "out", "wav", stop),
        lambda: export(many, tmp_path / "out.npz", "npz", stop),
        lambda: export(many, tmp_path / "out.csv", "csv", stop),
    ):
        with pytest.raises(KeyboardInterrupt):
            go()
        assert [path.name for path in tmp_path.iterdir()] == ["many"]


# -- merge ------------------------------------------------------------------------------------------


def test_takes_get_new_numbers_and_say_where_they_came_from(tmp_path: Path) -> None:
    one, two = a_set(tmp_path / "one", 3), tmp_path / "two"
    with Writer(two) as data_set:
        data_set.append(5, a_take(9))
        data_set.append(2, a_take(8))
    done = merge([one, two], tmp_path / "out")
    assert (done.takes, done.doubles, done.copied) == (5, 0, 0)
    found = [
        (row["index"], row["source_set"], row["source_index"], tone_number(row["tone"]))
        for row in rows(tmp_path / "out")
    ]
    assert found == [
        (0, "one", 0, 0), (1, "one", 1, 1), (2, "one", 2, 2), (3, "two", 5, 9), (4, "two", 2, 8),
    ]  # fmt: skip
    assert list(check(tmp_path / "out")) == []
    for row, audio in read(tmp_path / "out"):
        np.testing.assert_allclose(audio, a_take(tone_number(row["tone"])).audio, rtol=0, atol=2**-23)
    old = two / "takes/000/000005.flac"
    assert (tmp_path / "out/takes/000/000003.flac").stat().st_ino == old.stat().st_ino


def test_a_take_that_is_in_two_sets_is_taken_once(tmp_path: Path) -> None:
    """Also by way of another merge, which passes on where a take came from."""
    one, two = a_set(tmp_path / "one", 3), a_set(tmp_path / "two", 2, note=72)
    merge([one, two], tmp_path / "both")
    done = merge([two, tmp_path / "both", one], tmp_path / "out")
    assert (done.takes, done.doubles) == (5, 5)
    assert sorted(labels(tmp_path / "out")) == sorted(labels(one) + labels(two))
    sources = {(row["source_set"], row["source_index"]) for row in rows(tmp_path / "out")}
    assert sources == {("one", 0), ("one", 1), ("one", 2), ("two", 0), ("two", 1)}


def test_a_split_can_be_merged_again(many: Path, tmp_path: Path) -> None:
    split(many, tmp_path / "out", 0.5, seed=1)
    merge([tmp_path / "out/train", tmp_path / "out/test"], tmp_path / "again")
    assert sorted(labels(tmp_path / "again")) == sorted(labels(many))


def test_rows_of_the_first_schema_and_unknown_columns_survive_a_merge(tmp_path: Path) -> None:
    one, two = a_set(tmp_path / "one", 1), a_set(tmp_path / "two", 1, note=72)
    metadata = one / "metadata.jsonl"
    row = json.loads(metadata.read_text("utf-8"))
    old = dict(list(row.items())[:17]) | {"weather": "rain"}
    metadata.write_text(json.dumps(old) + "\n", "utf-8")
    merge([one, two], tmp_path / "out")
    found = [json.loads(line) for line in (tmp_path / "out/metadata.jsonl").read_text("utf-8").splitlines()]
    assert [row["schema"] for row in found] == [1, 2]
    assert found[0]["weather"] == "rain"
    assert found[0]["samples"] is None, "unknown is not filled in"
    assert list(check(tmp_path / "out")) == []


def test_what_cannot_be_merged_is_said_and_nothing_is_written(tmp_path: Path) -> None:
    one, fast = a_set(tmp_path / "one", 1), a_set(tmp_path / "fast", 1, sample_rate=2 * RATE)
    with pytest.raises(UsageError, match=r"8000 Hz and .* 16000 Hz") as caught:
        merge([one, fast], tmp_path / "out")
    assert caught.value.hint
    with pytest.raises(UsageError, match="one data set"):
        merge([one], tmp_path / "out")
    with pytest.raises(UsageError, match="no folder"):
        merge([one, one], tmp_path / "none/out")
    with pytest.raises(UsageError, match="is not a data set"):
        merge([one, tmp_path / "none"], tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["fast", "one"]


def test_without_hard_links_files_are_copied_and_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)
    one, two = a_set(tmp_path / "one", 2), a_set(tmp_path / "two", 1, note=72)
    assert merge([one, two], tmp_path / "out").copied == 3
    assert list(check(tmp_path / "out")) == []


# -- export -----------------------------------------------------------------------------------------


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """Takes of different lengths, one of which failed."""
    with Writer(tmp_path / "mixed") as data_set:
        data_set.append(0, a_take(0, seconds=0.1), seed=4)
        data_set.append(1, a_take(300, seconds=0.25, note=72, gain=0.9), seed=4)
        data_set.append(
            2, a_take(2, seconds=0.05, verdict="silent", onset_s=None, reason='nothing, "at" all')
        )
    return tmp_path / "mixed"


def test_npz_holds_every_sample_and_label(mixed: Path, tmp_path: Path) -> None:
    assert export(mixed, tmp_path / "x.npz", "npz") == 3
    with np.load(tmp_path / "x.npz", allow_pickle=False) as held:
        arrays = {name: held[name] for name in held.files}
    assert arrays["offsets"].tolist() == [0, 800, 2800, 3200]
    assert arrays["audio"].dtype == np.float32
    for number, k in ((0, 0), (300, 1)):
        part = arrays["audio"][arrays["offsets"][k] : arrays["offsets"][k + 1]]
        wanted = a_take(number, seconds=(0.1, 0.25)[k], note=(60, 72)[k], gain=(0.3, 0.9)[k]).audio
        np.testing.assert_allclose(part, wanted, rtol=0, atol=2**-23)
    assert arrays["tones"].shape == (3, 48)
    assert [tone_number(bytes(tone).hex()) for tone in arrays["tones"]] == [0, 300, 2]
    assert arrays["parameters"].tolist() == [p.name for p in TONE_PARAMETERS]
    assert arrays["note"].tolist() == [60, 72, 60]
    assert arrays["verdict"].tolist() == ["ok", "ok", "silent"]
    assert np.isnan(arrays["onset_s"]).tolist() == [False, False, True]
    assert arrays["seed"].tolist() == [4, 4, -1]
    assert arrays["unit"].tolist() == ["", "", ""]
    assert arrays["tail_cut"].tolist() == [0, 0, 0]


def test_csv_is_a_table_with_the_parameters(mixed: Path, tmp_path: Path) -> None:
    assert export(mixed, tmp_path / "x.csv", "csv") == 3
    with (tmp_path / "x.csv").open(newline="", encoding="utf-8") as file:
        table = list(csv.DictReader(file))
    assert [row["file_name"] for row in table] == [f"takes/000/00000{k}.flac" for k in range(3)]
    assert [row["DCO1 LFO"] for row in table] == ["0", "44", "2"]
    assert [row["DCO1 ENV"] for row in table] == ["0", "2", "0"]
    assert table[2]["reason"] == 'nothing, "at" all'
    assert table[2]["onset_s"] == table[0]["reason"] == ""


def test_wav_holds_the_same_samples(mixed: Path, tmp_path: Path) -> None:
    assert export(mixed, tmp_path / "w", "wav") == 3
    assert files(tmp_path / "w") == {"metadata.csv", *(f"takes/000/00000{k}.wav" for k in range(3))}
    for row in rows(mixed):
        path = tmp_path / "w" / row["file_name"].replace(".flac", ".wav")
        found, rate = soundfile.read(path, dtype="int32")
        wanted, _ = soundfile.read(mixed / row["file_name"], dtype="int32")
        assert (rate, soundfile.info(path).subtype) == (RATE, "PCM_24")
        assert np.array_equal(found, wanted)
    with (tmp_path / "w/metadata.csv").open(newline="", encoding="utf-8") as file:
        assert all((tmp_path / "w" / row["file_name"]).exists() for row in csv.DictReader(file))


def test_a_damaged_take_stops_an_export_and_keeps_what_was_there(mixed: Path, tmp_path: Path) -> None:
    (mixed / "takes/000/000001.flac").write_bytes(b"fLaC")
    (tmp_path / "x.npz").write_bytes(b"mine")
    for name, format in (("x.npz", "npz"), ("w", "wav")):
        with pytest.raises(VerificationError, match=r"000001\.flac"):
            export(mixed, tmp_path / name, format)
    assert (tmp_path / "x.npz").read_bytes() == b"mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mixed", "x.npz"]
    with pytest.raises(JxError, match="cannot write"):
        export(mixed, tmp_path / "none/x.csv", "csv")
