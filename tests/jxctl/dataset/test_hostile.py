"""Sets and places that mean no good: links, pipes, outputs inside the input, labels that look alike."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from takes import a_set, a_take

from jxctl.dataset import check, rows
from jxctl.dataset.edit import export, merge, place, split
from jxctl.dataset.reader import count_rows
from jxctl.dataset.summary import summarise, write_card
from jxctl.dataset.verify import DriftMeter, sound_of
from jxctl.dataset.writer import Writer
from jxctl.errors import JxError, UsageError, VerificationError
from jxctl.protocol.tone import INIT_TONE

posix_only = pytest.mark.skipif(os.name == "nt", reason="symbolic links and pipes as POSIX has them")


@pytest.fixture
def three(tmp_path: Path) -> Path:
    return a_set(tmp_path / "set", 3)


@posix_only
def test_a_linked_take_is_followed_wherever_the_parts_go(three: Path, tmp_path: Path) -> None:
    take = three / "takes/000/000001.flac"
    take.rename(tmp_path / "elsewhere.flac")
    take.symlink_to("../../../elsewhere.flac")
    split(three, tmp_path / "out", 0.5, 0)
    parts = [tmp_path / "out" / name for name in ("train", "test")]
    assert [list(check(part)) for part in parts] == [[], []]
    assert sum(len(list(rows(part))) for part in parts) == 3
    merge([three, a_set(tmp_path / "other", 1, note=72)], tmp_path / "merged")
    assert list(check(tmp_path / "merged")) == []


@posix_only
def test_a_link_does_not_carry_other_files_along(three: Path, tmp_path: Path) -> None:
    (tmp_path / "private").write_text("a secret")
    take = three / "takes/000/000001.flac"
    take.unlink()
    take.symlink_to(tmp_path / "private")
    for make in (lambda out: split(three, out, 0.5, 0), lambda out: merge([three, three], out)):
        with pytest.raises(VerificationError, match=r"000001\.flac .* no FLAC"):
            make(tmp_path / "out")
        assert not (tmp_path / "out").exists()


@posix_only
def test_a_pipe_is_named_and_not_waited_for(three: Path, tmp_path: Path) -> None:
    take = three / "takes/000/000001.flac"
    take.unlink()
    os.mkfifo(take)
    assert any("000001.flac is listed but cannot be read (not a file)" in found for found in check(three))
    with pytest.raises(VerificationError, match="not a file"):
        split(three, tmp_path / "out", 0.5, 0)


@posix_only
def test_metadata_that_is_a_pipe_is_refused_and_not_waited_for(three: Path) -> None:
    (three / "metadata.jsonl").unlink()
    os.mkfifo(three / "metadata.jsonl")
    for read in (lambda: list(rows(three)), lambda: count_rows(three)):
        with pytest.raises(UsageError, match="not a file"):
            read()


def test_nothing_is_written_into_the_set_that_is_read(three: Path) -> None:
    before = sorted(path for path in three.rglob("*"))
    with pytest.raises(UsageError, match="lies inside"):
        split(three, three / "parts", 0.5, 0)
    with pytest.raises(UsageError, match="lies inside"):
        merge([three, three], three / "takes" / "all")
    for output, format in (("wav", "wav"), ("metadata.jsonl", "csv"), ("takes/000/000000.flac", "npz")):
        with pytest.raises(UsageError, match="lies inside") as caught:
            export(three, three / output, format)
        assert caught.value.hint
    assert sorted(path for path in three.rglob("*")) == before
    assert list(check(three)) == []


@posix_only
def test_a_link_to_an_empty_folder_is_filled(three: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "empty")
    merge([three, three], tmp_path / "link")
    assert list(check(tmp_path / "empty")) == []
    assert len(list(rows(tmp_path / "link"))) == 3


def test_silent_takes_of_different_tones_are_all_merged(tmp_path: Path) -> None:
    """Digital silence is bit for bit the same whatever was played; the labels are not."""
    for name, first in (("one", 0), ("two", 10)):
        with Writer(tmp_path / name) as data_set:
            for index in range(3):
                silent = replace(
                    a_take(first + index), audio=np.zeros(800, np.float32), peak_dbfs=-200.0, onset_s=None,
                    noise_floor_dbfs=-200.0, verdict="expected silence", port="sim:", profile="superjx",
                )  # fmt: skip
                data_set.append(index, silent)
    merged = merge([tmp_path / "one", tmp_path / "two"], tmp_path / "out")
    assert (merged.takes, merged.doubles) == (6, 0)
    assert len({row["tone"] for row in rows(tmp_path / "out")}) == 6
    assert list(check(tmp_path / "out")) == []


def test_a_file_under_two_names_stops_a_split(three: Path, tmp_path: Path) -> None:
    metadata = three / "metadata.jsonl"
    metadata.write_text(metadata.read_text("utf-8").replace("000001.flac", "000000.flac"), "utf-8")
    tones = {row["tone"] for row in rows(three) if row["file_name"].endswith("000000.flac")}
    assert len(tones) == 2
    seed = next(s for s in range(100) if len({place(tone, s) < 0.5 for tone in tones}) == 1)
    with pytest.raises(VerificationError, match="is the file of two takes"):
        split(three, tmp_path / "out", 0.5, seed)
    assert not (tmp_path / "out").exists()


def test_a_number_that_no_float_holds_stops_a_merge(three: Path, tmp_path: Path) -> None:
    metadata = three / "metadata.jsonl"
    text = metadata.read_text("utf-8").replace('"index": 1,', '"index": 1, "weather": 1e999,')
    metadata.write_text(text, "utf-8")
    with pytest.raises(VerificationError, match="take 1 of"):
        merge([three, three], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_switch_position_lies_at_one_place_however_it_is_written() -> None:
    """A tone from a bank may say 127 where another says 96: the board plays the same."""
    one = INIT_TONE.with_values({"DCO1 WF": 96, "CHORUS": 0})
    other = INIT_TONE.with_values({"DCO1 WF": 127, "CHORUS": 31})
    third = INIT_TONE.with_values({"DCO1 WF": 64, "CHORUS": 0})
    assert one.values != other.values
    assert place(one.values.hex(), 0) == place(other.values.hex(), 0) != place(third.values.hex(), 0)
    level = INIT_TONE.with_values({"DCO1 WF": 96, "CHORUS": 0, "VCF FREQ": 1})
    assert place(level.values.hex(), 0) != place(one.values.hex(), 0)


def test_a_take_without_a_sample_is_not_stored(three: Path) -> None:
    with Writer(three) as data_set:
        with pytest.raises(VerificationError, match="no samples"):
            data_set.append(3, replace(a_take(3), audio=np.zeros(0, np.float32)))
        data_set.append(3, a_take(3))
    assert list(check(three)) == []


def test_a_row_that_can_be_neither_synced_nor_taken_back_keeps_its_file(
    three: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.fsync

    with Writer(three) as data_set:
        handle = data_set._rows.fileno()

        def fsync(synced: int) -> None:
            if synced == handle:
                raise OSError(5, "Input/output error")
            real(synced)

        def truncate(*arguments: object) -> None:
            raise OSError(5, "Input/output error")

        monkeypatch.setattr(os, "fsync", fsync)
        monkeypatch.setattr(os, "truncate", truncate)
        with pytest.raises(JxError):
            data_set.append(3, a_take(3))
        monkeypatch.undo()
    # The row is whole by chance, and no row may speak of audio that is not there.
    assert list(check(three)) == []
    assert [row["index"] for row in rows(three)] == [0, 1, 2, 3]


def test_drift_of_a_rate_at_which_nothing_can_be_compared_is_left_out(three: Path) -> None:
    row = {**next(iter(rows(three))), "sample_rate": 60, "onset_s": 0.0, "gate_s": 1.0}
    meter = DriftMeter({sound_of(row)})  # type: ignore[arg-type]
    for _ in range(2):
        meter.add(row, np.ones(60, np.float32))  # type: ignore[arg-type]
    assert list(meter.drifts()) == []


def test_the_name_on_the_card_is_yaml_whatever_it_is(tmp_path: Path) -> None:
    folder = a_set(tmp_path / 'so "ü" 😀 ok', 1)
    head = write_card(folder).read_text("utf-8").split("---")[1]
    # YAML takes characters as they are; JSON's pairs of escapes are two broken ones to it.
    assert 'pretty_name: "so \\"ü\\" 😀 ok"\n' in head


def test_the_length_of_what_is_no_file_is_unknown(three: Path) -> None:
    metadata = three / "metadata.jsonl"
    found = [json.loads(text) for text in metadata.read_text("utf-8").splitlines()]
    found[1] = {k: v for k, v in found[1].items() if k != "samples"} | {"schema": 1, "file_name": "takes"}
    metadata.write_text("".join(json.dumps(row) + "\n" for row in found), "utf-8")
    assert summarise(three).unreadable == 1
