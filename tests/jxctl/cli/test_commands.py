"""The ``jx`` program: exit codes, messages, ``--json``, and what it leaves behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import typer

from jxctl import errors
from jxctl.cli.common import Shown, command, run
from jxctl.protocol.tone import INIT_TONE, read_tone, write_tone

Jx = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def tone_file(tmp_path: Path) -> Path:
    """A plain tone on disk."""
    write_tone(INIT_TONE.named("PLAIN"), tmp_path / "tone.json")
    return tmp_path / "tone.json"


def test_help_lists_every_command(jx: Jx) -> None:
    shown = jx("--help")
    assert shown.returncode == 0
    assert shown.stderr == ""
    for name in ("guess", "render", "send", "record", "train", "ports", "bus", "tone"):
        assert f" {name} " in shown.stdout
    assert jx("-h").stdout == shown.stdout


def test_alone_it_shows_its_help_and_is_not_a_success(jx: Jx) -> None:
    shown = jx()
    assert shown.returncode == 2
    assert "Usage: jx" in shown.stdout + shown.stderr
    assert "jx:" not in shown.stderr


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("nosuch",), "nosuch"),
        (("tone", "nosuch"), "nosuch"),
        (("tone", "show"), "Missing argument"),
        (("tone", "show", "x.json", "--jsn"), "--jsn"),
        (("tone", "random", "--seed", "many"), "--seed"),
        (("tone", "random", "--seed", "-1"), "-1"),
    ],
)
def test_a_mistake_on_the_command_line_is_exit_2(
    jx: Jx, arguments: tuple[str, ...], word: str, tmp_path: Path
) -> None:
    shown = jx(*arguments)
    assert shown.returncode == 2
    assert shown.stdout == ""
    assert word in shown.stderr
    assert shown.stderr.startswith("jx: ")
    assert "Traceback" not in shown.stderr
    assert list(tmp_path.iterdir()) == []


def test_hints_name_the_program_as_it_is_installed(jx: Jx) -> None:
    assert "jx tone --help lists what it takes" in jx("tone", "nosuch").stderr


@pytest.mark.parametrize("verb", [("show",), ("diff", "tone.json")])
def test_a_missing_tone_is_exit_2_with_a_way_out(jx: Jx, verb: tuple[str, ...], tone_file: Path) -> None:
    shown = jx("tone", *verb, "none.json")
    assert (shown.returncode, shown.stdout) == (2, "")
    assert shown.stderr.splitlines()[0] == "jx: none.json: no such file"
    assert "jx tone random" in shown.stderr
    assert list(tone_file.parent.iterdir()) == [tone_file]


def test_with_json_an_error_is_json_too(jx: Jx, tmp_path: Path) -> None:
    shown = jx("tone", "show", "none.json", "--json")
    assert (shown.returncode, shown.stdout) == (2, "")
    said = json.loads(shown.stderr)
    assert said["error"] == "none.json: no such file"
    assert said["hint"]
    assert json.loads(jx("tone", "show", "--json").stderr)["error"]


def test_show_prints_groups_labels_and_raw_values(jx: Jx, tone_file: Path) -> None:
    shown = jx("tone", "show", tone_file)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert shown.stdout.startswith("PLAIN")
    (row,) = [line for line in shown.stdout.splitlines() if "DCO1 WF" in line]
    assert "sawtooth" in row
    assert "96" in row
    assert "ENV-2" in shown.stdout


def test_show_json_is_the_tone(jx: Jx, tone_file: Path) -> None:
    shown = jx("tone", "show", tone_file, "--json")
    assert json.loads(shown.stdout) == json.loads(tone_file.read_text("utf-8"))
    assert len(json.loads(shown.stdout)["parameters"]) == 48


def test_show_prints_a_name_that_looks_like_markup(jx: Jx, tmp_path: Path) -> None:
    write_tone(INIT_TONE.named("[/b]"), tmp_path / "tone.json")
    assert jx("tone", "show", "tone.json").stdout.startswith("[/b]")


def test_diff_prints_only_what_differs(jx: Jx, tone_file: Path) -> None:
    other = INIT_TONE.with_values({"VCF FREQ": 20, "DCO1 WF": "square"})
    write_tone(other, tone_file.parent / "other.json")
    shown = jx("tone", "diff", tone_file, "other.json")
    assert shown.returncode == 0
    assert [line.split()[:2] for line in shown.stdout.splitlines()] == [["DCO1", "WF"], ["VCF", "FREQ"]]
    assert "sawtooth" in shown.stdout
    assert "square" in shown.stdout
    rows = json.loads(jx("tone", "diff", tone_file, "other.json", "--json").stdout)
    assert [(row["parameter"], row["a"], row["b"]) for row in rows] == [
        ("DCO1 WF", 96, 32),
        ("VCF FREQ", 127, 20),
    ]


def test_diff_of_the_same_tone(jx: Jx, tone_file: Path) -> None:
    assert jx("tone", "diff", tone_file, tone_file).stdout == "the same 48 values\n"
    assert json.loads(jx("tone", "diff", tone_file, tone_file, "--json").stdout) == []


def test_random_is_repeated_by_its_seed_and_written_only_when_asked(jx: Jx, tmp_path: Path) -> None:
    first = jx("tone", "random", "--seed", "7", "--json")
    assert first.returncode == 0, first.stderr
    assert list(tmp_path.iterdir()) == []
    assert jx("tone", "random", "--seed", "7", "-o", "tone.json").returncode == 0
    assert read_tone(tmp_path / "tone.json").to_json() == json.loads(first.stdout)
    assert jx("tone", "random", "--seed", "8", "--json").stdout != first.stdout


def test_random_into_a_missing_folder_is_exit_1_and_writes_nothing(jx: Jx, tmp_path: Path) -> None:
    shown = jx("tone", "random", "-o", "none/tone.json")
    assert (shown.returncode, shown.stdout) == (1, "")
    assert "none/tone.json" in shown.stderr
    assert "Traceback" not in shown.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_reader_that_has_seen_enough_is_no_failure(jx: Jx, tone_file: Path) -> None:
    there, here = os.pipe()
    os.close(there)
    shown = jx("tone", "show", tone_file, stdout=here)
    os.close(here)
    assert (shown.returncode, shown.stderr) == (0, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
@pytest.mark.parametrize("form", [[], ["--json"]])
def test_a_full_disk_behind_stdout_is_said(jx: Jx, tone_file: Path, form: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        shown = jx("tone", "show", tone_file, *form, stdout=full)
    assert shown.returncode == 1
    assert "No space left" in shown.stderr
    assert "Traceback" not in shown.stderr


@pytest.mark.skipif(os.name != "posix", reason="closes streams as POSIX does")
def test_closed_streams_make_no_traceback_and_mix_nothing_up(jx: Jx, tone_file: Path) -> None:
    closed = jx("tone", "show", tone_file, stdout=None, preexec_fn=lambda: os.close(1))
    assert (closed.returncode, closed.stderr) == (0, "")
    silent = jx("tone", "show", "nowhere.json", "--json", stderr=None, preexec_fn=lambda: os.close(2))
    assert (silent.returncode, silent.stdout) == (2, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
def test_help_on_a_full_disk_is_said(jx: Jx) -> None:
    with Path("/dev/full").open("w") as full:
        shown = jx("--help", stdout=full)
    assert shown.returncode == 1
    assert "cannot write" in shown.stderr
    assert "Traceback" not in shown.stderr


def boom(error: BaseException) -> typer.Typer:
    app = typer.Typer()

    @command(app, "boom")
    def fail() -> Shown:
        """Fail."""
        raise error

    return app


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.JxError("it broke", "mend it"), 1),
        (errors.UsageError("it broke", "mend it"), 2),
        (errors.ToneError("it broke", "mend it"), 2),
        (errors.AudioError("it broke", "mend it"), 2),
        (errors.ProfileError("it broke", "mend it"), 2),
        (errors.DeviceError("it broke", "mend it"), 3),
        (errors.VerificationError("it broke", "mend it"), 4),
    ],
)
def test_each_error_has_its_exit_code(
    error: errors.JxError, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["jx"])
    with pytest.raises(SystemExit) as end:
        run(boom(error))
    assert end.value.code == code
    assert capsys.readouterr() == ("", "jx: it broke\n    mend it\n")


def test_ctrl_c_is_130_and_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["jx"])
    with pytest.raises(SystemExit) as end:
        run(boom(KeyboardInterrupt()))
    assert end.value.code == 130
    assert capsys.readouterr() == ("", "jx: interrupted\n")


def test_a_bug_is_not_dressed_up_as_a_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["jx"])
    with pytest.raises(ZeroDivisionError):
        run(boom(ZeroDivisionError()))
