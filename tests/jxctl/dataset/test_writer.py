"""Writing takes: 24 bits, repairs, one writer at a time, and disks that fill up."""

from __future__ import annotations

import errno
import io
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from jxctl.dataset import check, rows
from jxctl.dataset.edit import export
from jxctl.dataset.summary import write_card
from jxctl.dataset.take import Take
from jxctl.dataset.writer import Writer, encode_flac
from jxctl.errors import JxError, UsageError, VerificationError

ROOT = Path(__file__).resolve().parents[3]


def names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_a_take_is_listed_once(three: Path, take: Take) -> None:
    with Writer(three) as data_set:
        assert data_set.indices == {0, 1, 2}
        assert data_set.repairs == []
        with pytest.raises(UsageError, match="take 1 is already"):
            data_set.append(1, take)
    assert len(list(rows(three))) == 3


@given(arrays(np.float32, st.integers(1, 64), elements=st.floats(-1, 1, width=32)))
def test_24_bits_hold_a_sample_to_half_a_step(audio: np.ndarray) -> None:
    back, rate = decode(encode_flac(audio, 44100))
    assert rate == 44100
    wanted = np.minimum(audio.astype(np.float64), 1 - 2**-23)
    assert np.max(np.abs(back - wanted)) <= 2**-24


def test_beyond_full_scale_is_cut_off_not_wrapped() -> None:
    back, _ = decode(encode_flac(np.array([3.0, -3.0, 1.0, -1.0, 0.5], dtype=np.float32), 44100))
    assert back.tolist() == [1 - 2**-23, -1.0, 1 - 2**-23, -1.0, 0.5]


def test_samples_that_are_not_numbers_are_refused() -> None:
    with pytest.raises(VerificationError, match="not numbers"):
        encode_flac(np.array([0.0, np.nan], dtype=np.float32), 44100)


@pytest.mark.parametrize(
    "wrong", [{"note": 128}, {"velocity": 0}, {"peak_dbfs": float("nan")}, {"attempts": None}, {"voice": "0"}]
)
def test_what_could_not_be_read_again_is_not_written(three: Path, take: Take, wrong: dict[str, Any]) -> None:
    before = names(three)
    rows_before = (three / "metadata.jsonl").read_bytes()
    with (
        Writer(three) as data_set,
        pytest.raises(VerificationError, match="take 3 cannot be listed") as caught,
    ):
        data_set.append(3, replace(take, **wrong))
    assert caught.value.hint
    assert names(three) == before
    assert (three / "metadata.jsonl").read_bytes() == rows_before


def test_names_that_are_no_text_are_kept_and_shown(three: Path, take: Take) -> None:
    """A path may hold bytes that are no UTF-8; Python passes them on as lone surrogates."""
    odd = "sound\udcff\n| card"
    with Writer(three) as data_set:
        data_set.append(3, replace(take, audio_device=odd, tones_from=odd))
    assert list(rows(three))[3]["audio_device"] == odd
    assert "| audio_device | sound? \\| card | 1 |" in write_card(three).read_text("utf-8")
    assert export(three, three.parent / "x.csv", "csv") == 4


def decode(content: bytes) -> tuple[np.ndarray, int]:
    audio, rate = soundfile.read(io.BytesIO(content), dtype="float64")
    return audio, rate


# -- what an interruption leaves -------------------------------------------------------------------


def test_a_row_torn_anywhere_is_cut_off_and_reported(three: Path) -> None:
    metadata = three / "metadata.jsonl"
    whole = metadata.read_bytes()
    last = whole[:-1].rfind(b"\n") + 1
    audio = (three / "takes/000/000002.flac").read_bytes()
    for cut in range(last + 1, len(whole) - 1):
        metadata.write_bytes(whole[:cut])
        assert [row["index"] for row in rows(three)] == [0, 1], "a reader leaves the torn row out"
        with Writer(three) as data_set:
            assert data_set.indices == {0, 1}
            said = data_set.repairs[0]
            assert f"{cut - last} bytes" in said
        assert metadata.read_bytes() == whole[:last]
        assert (three / ".aside/1-torn-row.txt").read_bytes() == whole[last:cut], "the repair keeps it"
        if cut == last + 1:
            assert "takes/000/000002.flac has no row" in data_set.repairs[1]
            assert (three / ".aside/1-000002.flac").read_bytes() == audio
            assert "takes/000/000002.flac" not in names(three)
        (three / ".aside/1-torn-row.txt").unlink()


def test_zeros_after_a_power_cut_are_cut_off(three: Path) -> None:
    metadata = three / "metadata.jsonl"
    whole = metadata.read_bytes()
    for rubbish in (b"\0" * 300, b'{"file_name": ' + b"\0" * 300 + b"\n"):
        metadata.write_bytes(whole + rubbish)
        with Writer(three) as data_set:
            assert data_set.indices == {0, 1, 2}
        assert metadata.read_bytes() == whole


def test_a_whole_row_without_its_line_end_is_kept(three: Path, take: Take) -> None:
    metadata = three / "metadata.jsonl"
    metadata.write_bytes(metadata.read_bytes()[:-1])
    assert [row["index"] for row in rows(three)] == [0, 1, 2]
    with Writer(three) as data_set:
        data_set.append(3, take)
    assert [row["index"] for row in rows(three)] == [0, 1, 2, 3]


@pytest.mark.parametrize("line", ["no json", "{}", '{"index": 1}', "[]", "", '{"a": "' + "b" * 99])
def test_damage_inside_is_not_repaired_but_named(three: Path, line: str) -> None:
    metadata = three / "metadata.jsonl"
    lines = metadata.read_text("utf-8").splitlines()
    damaged = "\n".join([lines[0], line, *lines[1:]]) + "\n"
    metadata.write_text(damaged, "utf-8")
    with pytest.raises(VerificationError, match="line 2 is not the row of a take") as caught:
        Writer(three)
    assert caught.value.exit_code == 4
    assert caught.value.hint
    assert metadata.read_text("utf-8") == damaged
    metadata.write_text("\n".join(lines) + "\n", "utf-8")
    Writer(three).close()  # the lock was given back


def test_unfinished_files_are_removed_and_reported(three: Path) -> None:
    (three / "takes/000/.000003.flac.k2j4h_").write_bytes(b"fLaC")
    with Writer(three) as data_set:
        assert data_set.repairs == ["removed the unfinished takes/000/.000003.flac.k2j4h_"]
    assert list(check(three)) == []


def test_a_listed_file_under_another_number_is_neither_moved_nor_replaced(three: Path, take: Take) -> None:
    (three / "takes/000/000002.flac").rename(three / "takes/000/000007.flac")
    metadata = three / "metadata.jsonl"
    metadata.write_text(metadata.read_text("utf-8").replace("000002.flac", "000007.flac"), "utf-8")
    with Writer(three) as data_set:
        assert data_set.repairs == []
        with pytest.raises(UsageError, match=r"000007\.flac is the file of another take"):
            data_set.append(7, take)
    assert list(check(three)) == []


@pytest.mark.parametrize("content", [["song.flac"], ["takes/000/000000.flac"]])
def test_a_folder_that_holds_something_else_is_refused_untouched(content: list[str], tmp_path: Path) -> None:
    for name in content:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"mine")
    with pytest.raises(UsageError, match="holds other files") as caught:
        Writer(tmp_path)
    assert caught.value.hint
    assert names(tmp_path) == set(content)


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "set").write_bytes(b"mine")
    with pytest.raises(JxError, match="set"):
        Writer(tmp_path / "set")
    assert (tmp_path / "set").read_bytes() == b"mine"


# -- one writer, and disks that fill up -------------------------------------------------------------


def test_a_second_writer_is_refused(three: Path) -> None:
    with Writer(three), pytest.raises(JxError, match="another process is recording into") as caught:
        Writer(three)
    assert caught.value.exit_code == 1
    Writer(three).close()


def test_a_writer_in_another_process_is_refused_until_it_dies(three: Path) -> None:
    code = """
import sys, time
from jxctl.dataset.writer import Writer
writer = Writer(sys.argv[1])
print("in", flush=True)
time.sleep(60)
"""
    surroundings = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, "-c", code, three], stdout=subprocess.PIPE, env=surroundings
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"in\n"
        with pytest.raises(JxError, match="another process is recording into"):
            Writer(three)
        other.kill()
        other.wait()
        Writer(three).close()


@pytest.mark.parametrize("step", range(1, 5))
def test_a_full_disk_at_any_step_lists_nothing_that_is_not_whole(
    three: Path, take: Take, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = 0
    real = os.fsync

    def fsync(handle: int) -> None:
        nonlocal calls
        calls += 1
        if calls == step:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(handle)

    before = (three / "metadata.jsonl").read_bytes()
    with Writer(three) as data_set:
        monkeypatch.setattr(os, "fsync", fsync)
        # Four steps: the file, its folder, the row; the fourth does not come.
        if step == 4:
            data_set.append(3, take)
        else:
            with pytest.raises(JxError, match="No space left on device") as caught:
                data_set.append(3, take)
            assert caught.value.exit_code == 1
            assert "free space" in caught.value.hint
            assert (three / "metadata.jsonl").read_bytes() == before
            assert "takes/000/000003.flac" not in names(three)
            data_set.append(3, take)
    # That the row was taken back is synced too.
    assert calls == {1: 4, 2: 5, 3: 7, 4: 3}[step]
    assert list(check(three)) == []
    assert [row["index"] for row in rows(three)] == [0, 1, 2, 3]


def test_a_row_of_which_only_a_part_was_written_is_taken_back(
    three: Path, take: Take, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (three / "metadata.jsonl").read_bytes()
    with Writer(three) as data_set:
        real: Any = data_set._rows

        class Short:
            """A file on a disk with room for half a row."""

            fileno = real.fileno
            close = real.close

            def write(self, line: bytes) -> int:
                return int(real.write(line[: len(line) // 2]))

        monkeypatch.setattr(data_set, "_rows", Short())
        with pytest.raises(JxError, match="only part of a row"):
            data_set.append(3, take)
        assert (three / "metadata.jsonl").read_bytes() == before
        monkeypatch.undo()
        data_set.append(3, take)
    assert list(check(three)) == []


def test_an_interruption_while_a_row_is_synced_takes_it_back(
    three: Path, take: Take, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Writer(three) as data_set:
        real = os.fsync
        rows_handle = data_set._rows.fileno()

        def fsync(handle: int) -> None:
            if handle == rows_handle:
                raise KeyboardInterrupt
            real(handle)

        monkeypatch.setattr(os, "fsync", fsync)
        with pytest.raises(KeyboardInterrupt):
            data_set.append(3, take)
    assert [row["index"] for row in rows(three)] == [0, 1, 2]
