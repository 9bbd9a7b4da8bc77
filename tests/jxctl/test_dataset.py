"""A data set on disk: what is in it, and what damage is found."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile

import jxctl
from jxctl.dataset import check, read, rows
from jxctl.dataset_writer import Writer
from jxctl.errors import UsageError, VerificationError
from jxctl.rig import Take

FIRST = "takes/000/000000.flac"


def names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_the_layout_is_that_of_audiofolder(three: Path) -> None:
    assert names(three) == {".jx.lock", "metadata.jsonl", *(f"takes/000/00000{k}.flac" for k in range(3))}
    content = (three / "metadata.jsonl").read_text("utf-8")
    assert content.endswith("\n")
    for line in content.splitlines():
        row = json.loads(line, parse_constant=lambda word: pytest.fail(f"{word} is not JSON"))
        found = soundfile.info(three / row["file_name"])
        assert (found.format, found.subtype, found.channels) == ("FLAC", "PCM_24", 1)
        assert found.samplerate == row["sample_rate"] == 8000


def test_a_row_says_everything_about_its_take(three: Path, take: Take) -> None:
    row = json.loads((three / "metadata.jsonl").read_text("utf-8").splitlines()[0])
    assert bytes.fromhex(row.pop("tone")) == take.tone.values
    assert len(row.pop("sha256")) == 64
    assert row == {
        "file_name": FIRST,
        "index": 0,
        "note": 69,
        "velocity": 100,
        "gate_s": 0.05,
        "max_seconds": 0.1,
        "sample_rate": 8000,
        "port": "fake:",
        "noise_floor_dbfs": -200.0,
        "peak_dbfs": take.peak_dbfs,
        "onset_s": take.onset_s,
        "tail_cut": True,
        "verdict": "ok",
        "code_version": jxctl.__version__,
        "seed": 4,
    }


def test_the_hash_is_that_of_the_file(three: Path) -> None:
    for row in rows(three):
        told = subprocess.run(
            ["sha256sum", three / row["file_name"]], capture_output=True, text=True, check=True
        )
        assert told.stdout.split()[0] == row["sha256"]


def test_reading_gives_rows_and_audio(three: Path, take: Take) -> None:
    found = list(read(three))
    assert [row["index"] for row, _ in found] == [0, 1, 2]
    for _, audio in found:
        assert audio.dtype == np.float32
        np.testing.assert_allclose(audio, take.audio, rtol=0, atol=2**-24)


def test_reading_is_lazy(three: Path) -> None:
    (three / "takes/000/000001.flac").unlink()
    reading = read(three)
    assert next(reading)[0]["index"] == 0
    with pytest.raises(VerificationError, match=r"000001\.flac is listed but cannot be read"):
        next(reading)


def test_the_first_take_of_the_second_thousand_has_its_own_folder(take: Take, tmp_path: Path) -> None:
    with Writer(tmp_path) as data_set:
        assert data_set.append(1000, take)["file_name"] == "takes/001/001000.flac"
    assert list(check(tmp_path)) == []


# -- damage -----------------------------------------------------------------------------------------


def test_a_sound_set_has_no_findings(three: Path) -> None:
    assert list(check(three)) == []


def test_check_finds_missing_altered_unlisted_and_doubled(three: Path) -> None:
    (three / FIRST).unlink()
    altered = three / "takes/000/000001.flac"
    altered.write_bytes(altered.read_bytes()[:-1] + b"\x00")
    (three / "takes/000/000009.flac").write_bytes(b"x")
    metadata = three / "metadata.jsonl"
    lines = metadata.read_text("utf-8").splitlines(keepends=True)
    metadata.write_text("".join([*lines, lines[2], lines[0][:40]]), "utf-8")
    found = list(check(three))
    assert len(found) == 5
    assert found[0] == f"{FIRST} is listed but cannot be read (No such file or directory)"
    assert "000001.flac is not the file that was recorded" in found[1]
    assert found[2] == "take 2 is listed twice"
    assert found[3] == "takes/000/000009.flac is not listed"
    assert found[4] == "the last row of metadata.jsonl is torn"


def test_what_is_no_data_set_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not a data set"):
        next(rows(tmp_path / "none"))
