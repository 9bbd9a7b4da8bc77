"""What a set holds, its data card, and how a rig drifted."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from takes import a_set, a_take, sound

from jxctl.dataset import FIELDS, read, rows
from jxctl.dataset.summary import (
    MARK,
    MOST_VALUES,
    OTHERS,
    fields_table,
    summarise,
    write_card,
)
from jxctl.dataset.verify import MOST_SOUNDS, Drift, DriftMeter, followed
from jxctl.dataset.writer import Writer
from jxctl.errors import UsageError

# -- counts -----------------------------------------------------------------------------------------


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """Four takes of three tones."""
    with Writer(tmp_path / "set") as data_set:
        data_set.append(0, a_take(0, seconds=0.5, recorded_at="2026-05-01T12:00:00.000Z", unit="77|<b>"))
        data_set.append(1, a_take(1, seconds=0.25, note=72, recorded_at="2026-05-01T11:00:00.000Z"))
        data_set.append(2, a_take(200, verdict="silent", onset_s=None, recorded_at=None))
        data_set.append(3, a_take(0, seconds=1.0, reference=True))
    return tmp_path / "set"


def test_what_is_counted(mixed: Path) -> None:
    info = summarise(mixed)
    assert (info.takes, info.trusted, info.references, info.tones) == (4, 3, 1, 3)
    assert info.seconds == pytest.approx(0.5 + 0.25 + 0.1 + 1.0)
    assert info.counts["verdict"] == {"ok": 3, "silent": 1}
    assert info.counts["note"] == {"60": 3, "72": 1}
    assert info.counts["sample_rate"] == {"8000": 4}
    assert info.counts["unit"] == {"77|<b>": 1, "not given": 3}
    assert (info.first_at, info.last_at) == ("2026-05-01T11:00:00.000Z", "2026-05-01T12:00:00.000Z")
    assert info.unreadable == 0
    json.dumps(info.to_json(), allow_nan=False)


def test_coverage_counts_the_values_that_occur(mixed: Path) -> None:
    """Tones 0, 1 and 200: DCO1 LFO is 0, 1 and 72, DCO1 ENV 0 and 1; a switch counts its positions."""
    coverage = {name: (used, of) for name, used, of in summarise(mixed).coverage()}
    assert coverage["DCO1 LFO"] == (3, 128)
    assert coverage["DCO1 ENV"] == (2, 128)
    assert coverage["DCO1 WF"] == (1, 4)
    assert len(coverage) == 48


def test_lengths_of_the_first_schema_are_those_of_the_files(mixed: Path) -> None:
    metadata = mixed / "metadata.jsonl"
    old = [dict(list(json.loads(line).items())[:17]) for line in metadata.read_text("utf-8").splitlines()]
    metadata.write_text("".join(json.dumps(row) + "\n" for row in old), "utf-8")
    assert summarise(mixed).seconds == pytest.approx(0.5 + 0.25 + 0.1 + 1.0)
    (mixed / "takes/000/000003.flac").write_bytes(b"no sound")
    (mixed / "takes/000/000000.flac").unlink()
    info = summarise(mixed)
    assert info.unreadable == 2
    assert info.seconds == pytest.approx(0.25 + 0.1)


def test_many_different_values_are_lumped_together(tmp_path: Path) -> None:
    with Writer(tmp_path / "set") as data_set:
        for index in range(MOST_VALUES + 5):
            data_set.append(index, a_take(index, unit=f"unit {index}"))
    counts = summarise(tmp_path / "set").counts["unit"]
    assert counts[OTHERS] == 5
    assert len(counts) == MOST_VALUES + 1


# -- the card ---------------------------------------------------------------------------------------


def test_the_card_says_what_is_there(mixed: Path) -> None:
    text = write_card(mixed).read_text("utf-8")
    assert text.startswith("---\nlicense: unknown\n")
    assert "| takes | 4 |" in text
    assert "| of them trusted | 3 |" in text
    assert "| silent | 1 |" in text
    assert "| unit | 77\\|&lt;b> | 1 |" in text, "what a user wrote cannot break the table"
    assert "| unit | not given | 3 |" in text
    assert "## Licence" in text
    for field in FIELDS:
        assert f"`{field.name}`" in text
    assert fields_table() in text


def test_the_card_is_written_again_but_never_over_another_readme(mixed: Path) -> None:
    path = write_card(mixed)
    first = path.read_text("utf-8")
    with Writer(mixed) as data_set:
        data_set.append(4, a_take(4))
    assert write_card(mixed) == path
    assert "| takes | 5 |" in path.read_text("utf-8") != first
    path.write_text("# My own words\n")
    with pytest.raises(UsageError, match="was not written by jx") as caught:
        write_card(mixed)
    assert caught.value.hint
    assert path.read_text() == "# My own words\n"
    path.write_text(f"# My own words\n\n{MARK}\n")
    write_card(mixed)
    assert "My own words" not in path.read_text("utf-8")


def test_a_card_of_nothing(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not a data set"):
        write_card(tmp_path)
    assert not list(tmp_path.iterdir())
    Writer(tmp_path).close()
    assert "| takes | 0 |" in write_card(tmp_path).read_text("utf-8")


# -- drift ------------------------------------------------------------------------------------------


def drifts(folder: Path) -> list[Drift]:
    meter = DriftMeter(followed(rows(folder)))
    for row, audio in read(folder):
        meter.add(row, audio)
    return list(meter.drifts())


def drifting(folder: Path, cents: list[float], gains_db: list[float], **changes: object) -> Path:
    """Takes of the reference tone, an hour apart, among others."""
    with Writer(folder) as data_set:
        for k, (shift, gain_db) in enumerate(zip(cents, gains_db, strict=True)):
            at = (datetime(2026, 5, 1) + timedelta(hours=k)).isoformat(timespec="milliseconds") + "Z"
            take = a_take(
                0, reference=True, gate_s=1.0, seconds=1.2, cents=shift, gain=0.3 * 10 ** (gain_db / 20),
                recorded_at=at, sample_rate=44100, **changes,
            )  # fmt: skip
            data_set.append(2 * k, take)
            data_set.append(2 * k + 1, a_take(k + 1, sample_rate=44100))
    return folder


def test_level_and_pitch_of_the_reference_tone_are_followed(tmp_path: Path) -> None:
    cents, gains_db = [0.0, 3.0, 7.5, -12.0, 60.0], [0.0, -0.5, 1.0, 0.25, -6.0]
    (drift,) = drifts(drifting(tmp_path, cents, gains_db))
    assert drift.reference
    assert (drift.note, [take.index for take in drift.takes]) == (60, [0, 2, 4, 6, 8])
    assert [take.hours for take in drift.takes] == [0, 1, 2, 3, 4]
    found = [take.cents for take in drift.takes]
    np.testing.assert_allclose(np.array(found, float), cents, atol=0.5)
    np.testing.assert_allclose([take.level_db for take in drift.takes], gains_db, atol=0.02)
    assert drift.level_db == (min(take.level_db for take in drift.takes), pytest.approx(1.0, abs=0.02))
    assert drift.cents == (pytest.approx(-12, abs=0.5), pytest.approx(60, abs=0.5))


def test_a_duller_sound_shows_in_the_spectrum(tmp_path: Path) -> None:
    same = drifts(drifting(tmp_path / "same", [0.0, 0.0], [0.0, -3.0]))[0]
    assert same.spectrum_db < 0.5
    with Writer(tmp_path / "dull") as data_set:
        for k, smooth in enumerate((1, 12)):
            audio = sound(k, 60, 1.2, 1.0, rate=44100)
            dull = np.convolve(audio, np.ones(smooth) / smooth, "same").astype(np.float32)
            peak = 20 * float(np.log10(np.abs(dull).max()))
            take = a_take(0, reference=True, gate_s=1.0, sample_rate=44100, audio=dull, peak_dbfs=peak)
            data_set.append(k, take)
    assert drifts(tmp_path / "dull")[0].spectrum_db > 3


def test_noise_has_no_pitch_to_follow(tmp_path: Path) -> None:
    with Writer(tmp_path) as data_set:
        for k in range(3):
            noise = np.random.default_rng(k).standard_normal(44100).astype(np.float32) / 10
            data_set.append(k, a_take(0, reference=True, gate_s=1.0, sample_rate=44100, audio=noise))
    (drift,) = drifts(tmp_path)
    assert drift.takes[1].cents is None
    assert abs(drift.level_db[0]) < 0.2


def test_takes_that_failed_do_not_count_as_drift(tmp_path: Path) -> None:
    assert drifts(drifting(tmp_path, [0.0, 30.0], [0.0, 0.0], verdict="out of tune")) == []


def test_without_a_reference_the_most_repeated_sounds_are_followed(tmp_path: Path) -> None:
    with Writer(tmp_path) as data_set:
        index = 0
        for number, count in enumerate([1, 2, 5, 3, *[2] * 10]):
            for _ in range(count):
                data_set.append(index, a_take(number, note=60 + number))
                index += 1
    found = drifts(tmp_path)
    assert len(found) == MOST_SOUNDS
    assert [(drift.note, len(drift.takes)) for drift in found[:2]] == [(62, 5), (63, 3)]
    assert not any(drift.reference for drift in found)
    assert followed(rows(a_set(tmp_path / "no repeats", 5))) == set()


def test_a_clock_that_is_unknown_or_was_set_back_hides_nothing(tmp_path: Path) -> None:
    with Writer(tmp_path) as data_set:
        for k, at in enumerate(["2026-05-01T12:00:00.000Z", None, "2026-05-01T10:30:00.000Z"]):
            data_set.append(k, a_take(0, reference=True, recorded_at=at))
    (drift,) = drifts(tmp_path)
    assert [take.hours for take in drift.takes] == [0.0, None, -1.5]
