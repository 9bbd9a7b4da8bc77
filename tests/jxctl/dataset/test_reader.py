"""A data set on disk: what is in it, and what damage is found."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from takes import a_set

from jxctl.dataset import check, read, rows
from jxctl.dataset.take import Take
from jxctl.dataset.writer import Writer
from jxctl.errors import UsageError, VerificationError

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
    assert len(found) == 5, found
    assert found[0] == f"{FIRST} is listed but cannot be read (No such file or directory)"
    assert "000001.flac is not the file that was recorded" in found[1]
    assert found[1].count("000001") == 1, "one finding a file"
    assert found[2] == "take 2 is listed twice"
    assert found[3] == "takes/000/000009.flac is not listed"
    assert found[4] == "the last row of metadata.jsonl is torn"


def test_what_is_no_data_set_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not a data set"):
        next(rows(tmp_path / "none"))


def rewrite(folder: Path, number: int, **changes: Any) -> None:
    """Change a row, and its hash where the file was changed with care."""
    metadata = folder / "metadata.jsonl"
    lines = metadata.read_text("utf-8").splitlines()
    row = json.loads(lines[number]) | changes
    lines[number] = json.dumps(row | {"sha256": digest(folder / row["file_name"])})
    metadata.write_text("\n".join(lines) + "\n", "utf-8")


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"samples": 799}, "has 800 samples, its row says 799"),
        ({"sample_rate": 8001}, "has a rate of 8000 Hz, its row says 8001 Hz"),
        ({"peak_dbfs": -30.0}, "its row says -30.00 dBFS"),
        ({"file_name": "takes/000/000000.flac"}, "is the file of two takes"),
    ],
)
def test_a_file_that_is_not_what_its_row_says_is_found(
    changes: dict[str, Any], said: str, tmp_path: Path
) -> None:
    a_set(tmp_path, 3)
    rewrite(tmp_path, 1, **changes)
    found = list(check(tmp_path))
    assert any(said in finding for finding in found), found
    assert all("takes/000/00000" in finding for finding in found)


def test_a_recording_under_two_labels_is_found_where_there_is_a_noise_floor(tmp_path: Path) -> None:
    a_set(tmp_path, 3)
    first, second = (tmp_path / f"takes/000/00000{k}.flac" for k in (0, 1))
    second.write_bytes(first.read_bytes())
    rewrite(tmp_path, 1)
    assert list(check(tmp_path)) == [
        "takes/000/000001.flac is, bit for bit, the recording of take 0: a noise floor does not repeat"
    ]
    rewrite(tmp_path, 1, noise_floor_dbfs=-200.0)
    assert list(check(tmp_path)) == [], "a virtual board repeats itself exactly"


def damaged(whole: bytes) -> dict[str, bytes]:
    """Files that are no take."""
    wav, stereo = io.BytesIO(), io.BytesIO()
    soundfile.write(wav, np.zeros(800), 8000, format="WAV")
    soundfile.write(stereo, np.zeros((800, 2)), 8000, format="FLAC")
    return {
        "half": whole[: len(whole) // 2], "header": whole[:42], "text": b"not a sound at all\n" * 9,
        "empty": b"", "wav": wav.getvalue(), "stereo": stereo.getvalue(),
    }  # fmt: skip


@pytest.mark.parametrize("kind", ["half", "header", "text", "empty", "wav", "stereo"])
def test_what_is_no_take_is_found_even_with_its_hash_listed(kind: str, tmp_path: Path) -> None:
    """A file can be written wrong and hashed right; check listens to it."""
    a_set(tmp_path, 2)
    path = tmp_path / FIRST
    path.write_bytes(damaged(path.read_bytes())[kind])
    (altered,) = check(tmp_path)
    assert altered.startswith(f"{FIRST} is not the file that was recorded (its hash differs)")
    rewrite(tmp_path, 0)
    (no_audio,) = check(tmp_path)
    assert no_audio.startswith(f"{FIRST} is no audio: ")
    with pytest.raises(VerificationError, match=r"000000\.flac is listed but cannot be read") as caught:
        next(read(tmp_path))
    assert "jx dataset check" in caught.value.hint


def test_damage_in_the_middle_of_a_file_is_found(tmp_path: Path) -> None:
    a_set(tmp_path, 1)
    path = tmp_path / FIRST
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x40
    path.write_bytes(content)
    (found,) = check(tmp_path)
    assert "its hash differs" in found


def test_checking_goes_on_after_a_row_that_cannot_be_read(tmp_path: Path) -> None:
    a_set(tmp_path, 3)
    metadata = tmp_path / "metadata.jsonl"
    lines = metadata.read_text("utf-8").splitlines()
    metadata.write_text("\n".join([lines[0], "{}", lines[2]]) + "\n", "utf-8")
    assert list(check(tmp_path)) == [
        "metadata.jsonl: line 2 is not the row of a take: it has no file_name",
        "takes/000/000001.flac is not listed",
    ]


def test_a_repair_leaves_nothing_that_a_check_or_a_loader_sees(tmp_path: Path) -> None:
    a_set(tmp_path, 3)
    (tmp_path / "takes/000/000007.flac").write_bytes((tmp_path / FIRST).read_bytes())
    assert list(check(tmp_path)) == ["takes/000/000007.flac is not listed"]
    Writer(tmp_path).close()
    assert list(check(tmp_path)) == []
    assert (tmp_path / ".aside/1-000007.flac").exists()
