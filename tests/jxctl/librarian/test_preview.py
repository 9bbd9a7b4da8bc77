"""Previews and auditions: what is written, what is sent, and that no level jumps."""

from __future__ import annotations

import itertools
import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from jxctl.errors import DeviceError, UsageError
from jxctl.librarian.audition import audition, levelled
from jxctl.librarian.exchange import file_names
from jxctl.librarian.index import StoredTone
from jxctl.librarian.preview import preview
from jxctl.protocol.tone import INIT_TONE, Tone, write_tone
from simulator.synth import render

Run = Callable[..., subprocess.CompletedProcess[str]]


def stored(number: int, tone: Tone) -> StoredTone:
    """A tone as a library has it."""
    return StoredTone(number, tone.name, "file.syx", 0, number, "mks70", tone, number)


def level_dbfs(tone: Tone) -> float:
    """RMS of a second at note 60, by the formula."""
    audio = render(np.frombuffer(tone.values, np.uint8), 60, 100, 1.0, 1.0)[0].astype(float)
    return float(20 * np.log10(np.sqrt((audio**2).mean()) + 1e-12))


LOUD = INIT_TONE.with_values({"MIX DCO2": 127, "VCF RES": 100}).named("LOUD")
QUIET = INIT_TONE.with_values({"VCA LEVEL": 20}).named("QUIET")
SILENT = INIT_TONE.with_values({"VCA LEVEL": 0}).named("SILENT")


def test_previews_are_written_for_each_tone(tmp_path: Path) -> None:
    tones = [stored(1, LOUD), stored(2, QUIET.named("A/B$?")), stored(3, SILENT)]
    done = preview(tones, tmp_path / "new" / "previews", note=57, seconds=1.5)
    assert [each.audio.name for each in done] == ["LOUD.wav", "A_B__.wav", "SILENT.wav"]
    for each in done:
        audio, rate = soundfile.read(each.audio)
        assert (len(audio), rate) == (66150, 44100)
        assert np.abs(audio).max() <= 0.9 + 1e-4
        assert each.picture.read_bytes().startswith(b"\x89PNG")
    assert done[2].peak == 0
    expected = render(np.frombuffer(QUIET.values, np.uint8), 57, 100, 1.0, 1.5)[0]
    assert soundfile.read(done[1].audio)[0] == pytest.approx(expected, abs=1e-4)
    with pytest.raises(UsageError, match="is there already"):
        preview(tones, tmp_path / "new" / "previews")


def test_file_names_are_safe_and_differ() -> None:
    names = ["BRASS", "brass", "CON", "../up", " . ", "BRASS"]
    made = file_names([stored(k, INIT_TONE.named(name)) for k, name in enumerate(names)], ".syx")
    assert made == ["BRASS.syx", "brass (2).syx", "CON_.syx", "_up.syx", "tone.syx", "BRASS (3).syx"]


def test_levels_do_not_jump() -> None:
    tones = [stored(k, tone) for k, tone in enumerate([LOUD, QUIET, SILENT, LOUD, LOUD])]
    done = levelled(tones)
    assert done[2].level_dbfs is None
    levels = [level_dbfs(each.sent) for each in done if each.level_dbfs is not None]
    assert levels == pytest.approx(
        [each.level_dbfs for each in done if each.level_dbfs is not None], abs=0.01
    )
    assert all(after - before <= 6.01 for before, after in itertools.pairwise(levels))
    assert max(levels) <= -26
    assert done[0].sent.values != LOUD.values
    differing = [k for k in range(48) if done[0].sent.values[k] != LOUD.values[k]]
    assert len(differing) == 1


@pytest.mark.parametrize("url", ["sim:", "sim:?model=mks70"])
def test_an_audition_plays_at_a_port(url: str) -> None:
    heard: list[str] = []
    tones = [stored(1, LOUD), stored(2, SILENT), stored(3, QUIET)]
    done = audition(url, tones, gate_s=0.1, pause_s=0.1, playing=lambda each: heard.append(each.tone.name))
    assert heard == ["LOUD", "QUIET"]
    assert len(done) == 3


def test_an_audition_at_no_port_is_refused() -> None:
    with pytest.raises((DeviceError, UsageError)):
        audition("serial:/dev/none", [stored(1, LOUD)])


def test_the_commands(jx: Run, tmp_path: Path) -> None:
    for tone in (LOUD, QUIET):
        write_tone(tone, tmp_path / f"{tone.name}.json")
    where = ("--library", "l.sqlite")
    done = jx("library", "import", "LOUD.json", "QUIET.json", "--no-sound", *where)
    assert done.returncode == 0, done.stderr
    shown = json.loads(jx("library", "preview", "-o", "p", *where, "--json").stdout)
    assert (shown["format"], len(shown["previews"])) == ("jx.library-previews", 2)
    assert sorted(path.name for path in (tmp_path / "p").iterdir()) == [
        "LOUD.png", "LOUD.wav", "QUIET.png", "QUIET.wav"
    ]  # fmt: skip
    played = jx("library", "audition", "loud", "--port", "sim:", "--gate", 0.1, *where, "--json")
    assert played.returncode == 0, played.stderr
    assert [tone["name"] for tone in json.loads(played.stdout)["tones"]] == ["LOUD"]
    assert jx("library", "audition", "--port", "serial:/dev/none", *where).returncode == 3
