"""``jx bank`` and what ``jx tone`` does with files, run as a user runs them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from jxctl.library.files import encoded, read_library
from jxctl.protocol.bank import Bank
from jxctl.protocol.patch import Patch
from jxctl.protocol.sysex import messages_of
from jxctl.protocol.tone import INIT_TONE, Tone, read_tone, write_tone

Jx = Callable[..., subprocess.CompletedProcess[str]]


def tone(content: int, name: str = "TONE") -> Tone:
    return INIT_TONE.with_values({"VCF FREQ": content}).named(name)


@pytest.fixture
def bank(tmp_path: Path) -> Path:
    """A MKS-70 bank as SysEx: two patches, three tones, of which two sound the same."""
    patches = {0: Patch.init("FIRST").with_tones(0, 1), 5: Patch.init("SECOND").with_tones(2, 99)}
    tones = {0: tone(1, "ONE"), 1: tone(2, "TWO"), 2: tone(1, "ONE AGAIN")}
    path = tmp_path / "bank.syx"
    path.write_bytes(encoded(Bank("mks70", patches, tones), "syx"))
    return path


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def check_refused(result: subprocess.CompletedProcess[str], code: int, said: str) -> None:
    assert result.returncode == code, result.stderr
    assert result.stdout == ""
    assert said in result.stderr
    assert result.stderr.startswith(("jx: ", "note: "))
    assert "Traceback" not in result.stderr


def test_show_tells_format_links_and_duplicates(jx: Jx, bank: Path) -> None:
    shown = jx("bank", "show", bank)
    assert shown.returncode == 0, shown.stderr
    assert "SysEx (bulk dump), family mks70, 2 patches, 3 tones" in shown.stdout
    assert "6  SECOND              3 ONE AGAIN / 100 (preset)" in shown.stdout
    assert "3  ONE AGAIN   same values as 1" in shown.stdout
    data = json.loads(jx("bank", "show", bank, "--json").stdout)
    assert (data["format"], data["form"], data["family"]) == ("syx", "bulk", "mks70")
    assert data["patches"][1] == {"number": 6, "name": "SECOND", "tones": [3, 100]}
    assert data["tones"][2] == {"number": 3, "name": "ONE AGAIN", "same_as": 1}
    assert data["unused"] == []


def test_show_names_bytes_nobody_understands(jx: Jx, bank: Path) -> None:
    bank.write_bytes(b"junk" + bank.read_bytes())
    data = json.loads(jx("bank", "show", bank, "--json").stdout)
    assert data["unused"][0]["hex"] == b"junk".hex()
    assert "6A 75 6E 6B" in jx("bank", "show", bank).stdout


@pytest.mark.parametrize("ending", ["json", "mid"])
def test_there_and_back(jx: Jx, bank: Path, tmp_path: Path, ending: str) -> None:
    there = jx("bank", "convert", bank, "-o", f"there.{ending}", "--json")
    assert there.returncode == 0, there.stderr
    data = json.loads(there.stdout)
    assert (data["patches"], data["tones"], data["lost"]) == (2, 3, [])
    assert data["bytes"] == (tmp_path / f"there.{ending}").stat().st_size
    assert jx("bank", "convert", f"there.{ending}", "-o", "back.syx").returncode == 0
    assert (tmp_path / "back.syx").read_bytes() == bank.read_bytes()


def test_every_capture_there_and_back(jx: Jx, shared: Path, tmp_path: Path) -> None:
    for path in sorted((shared / "data" / "captures").iterdir()):
        format = json.loads(jx("bank", "show", path, "--json").stdout)["format"]
        assert jx("bank", "convert", path, "-o", "there.json", "--force").returncode == 0
        back = jx("bank", "convert", "there.json", "-o", "back", "--to", format, "--force")
        assert back.returncode == 0, back.stderr
        assert (tmp_path / "back").read_bytes() == path.read_bytes()


def test_another_form_and_channel(jx: Jx, bank: Path, tmp_path: Path) -> None:
    shown = jx("bank", "convert", bank, "-o", "sets.syx", "--form", "sets", "--channel", "3")
    assert shown.returncode == 0, shown.stderr
    # The first program number: patch 1 on channel 3 (jx_hardware.md 4.7: ten bytes).
    assert (tmp_path / "sets.syx").read_bytes().startswith(bytes.fromhex("F0 41 34 02 24 30 01 00 00 F7"))
    assert read_library(tmp_path / "sets.syx").bank.patches[5].name == "SECOND"


def test_another_form_says_what_it_has_no_room_for(jx: Jx, tmp_path: Path) -> None:
    """Values 37 and 46 of a patch are nonzero in real messages and have no place in a dump (4.6)."""
    patch = Patch.init("SET").with_tones(0, 1).with_values({"UPPER UNKNOWN": 0x7B, "LOWER UNKNOWN": 0x7F})
    tones = {0: tone(1), 1: tone(2)}
    messages = messages_of(Bank("mks70", {3: patch, 4: patch.named("TWO")}, tones), "sets")
    (tmp_path / "sets.syx").write_bytes(b"".join(message.encoded() for message in messages))
    dump = jx("bank", "convert", tmp_path / "sets.syx", "-o", tmp_path / "dump.syx", "--form", "bulk")
    assert dump.returncode == 0, dump.stderr
    assert dump.stderr.splitlines() == [
        "lost: UPPER UNKNOWN of patches 4-5, in part or whole",
        "lost: LOWER UNKNOWN of patches 4-5, in part or whole",
    ]
    same = jx("bank", "convert", tmp_path / "sets.syx", "-o", tmp_path / "same.mid", "--json")
    assert (same.stderr, json.loads(same.stdout)["lost"]) == ("", [])


def test_writes_that_a_file_had_not_are_said(jx: Jx, tmp_path: Path) -> None:
    """Played to a JX-8P, the one file changes its edit buffer, the other its memory (4.4)."""
    for number in (1, 2):
        apr = bytes.fromhex("F0 41 35 00 21 20 01") + tone(number).record + b"\xf7"
        (tmp_path / f"{number}.syx").write_bytes(apr)
    merged = jx("bank", "merge", tmp_path / "1.syx", tmp_path / "2.syx", "-o", tmp_path / "m.syx")
    assert merged.returncode == 0, merged.stderr
    assert "added: messages that write each tone to its slot" in merged.stderr
    again = jx("bank", "dedupe", tmp_path / "m.syx", "-o", tmp_path / "d.syx")
    same = jx("bank", "convert", tmp_path / "1.syx", "-o", tmp_path / "1.mid")
    assert "added" not in again.stderr + same.stderr


def test_another_family_says_what_is_lost(jx: Jx, bank: Path, tmp_path: Path) -> None:
    shown = jx("bank", "convert", bank, "--family", "jx8p", "-o", "jx8p.syx", "--json")
    assert shown.returncode == 0, shown.stderr
    assert "lost: all patches (patches 1, 6)" in shown.stderr
    assert len(json.loads(shown.stdout)["lost"]) == 1
    assert read_library(tmp_path / "jx8p.syx").bank.family == "jx8p"
    assert jx("bank", "convert", "jx8p.syx", "-o", "image.bin").returncode == 0
    assert (tmp_path / "image.bin").stat().st_size == 2048


def test_merge_moves_and_relinks(jx: Jx, bank: Path, tmp_path: Path) -> None:
    other = Bank("mks70", {0: Patch.init("THIRD").with_tones(1, 1)}, {1: tone(9, "NINE")})
    (tmp_path / "other.json").write_bytes(encoded(other, "json"))
    write_tone(tone(10, "LOOSE"), tmp_path / "loose.json")
    shown = jx("bank", "merge", bank, "other.json", "loose.json", "-o", "all.syx")
    assert shown.returncode == 0, shown.stderr
    assert "tone 2 'NINE' moved to tone 4" in shown.stdout
    assert "patch 1 'THIRD' moved to patch 2" in shown.stdout
    merged = read_library(tmp_path / "all.syx").bank
    assert merged.patches[1].tones == (3, 3)
    assert merged.tones[3].name == "NINE"
    assert merged.tones[4].name == "LOOSE"


def test_dedupe_relinks(jx: Jx, bank: Path, tmp_path: Path) -> None:
    shown = jx("bank", "dedupe", bank, "-o", "less.json")
    assert shown.returncode == 0, shown.stderr
    assert "tone 3 'ONE AGAIN' is tone 1 'ONE'" in shown.stdout
    less = read_library(tmp_path / "less.json").bank
    assert list(less.tones) == [0, 1]
    assert less.patches[5].tones == (0, 99)


def test_split_and_merge_again(jx: Jx, bank: Path, tmp_path: Path) -> None:
    shown = jx("bank", "split", bank, "-o", "parts", "--json")
    assert shown.returncode == 0, shown.stderr
    names = json.loads(shown.stdout)["files"]
    assert names == ["1 FIRST.json", "2 SECOND.json"]
    paths = [f"parts/{name}" for name in reversed(names)]
    assert jx("bank", "merge", *paths, "-o", "again.syx").returncode == 0
    assert (tmp_path / "again.syx").read_bytes() == bank.read_bytes()
    tones = jx("bank", "split", bank, "-o", "tones", "--tones", "--by", "2", "--to", "syx", "--json")
    assert len(json.loads(tones.stdout)["files"]) == 2
    check_refused(jx("bank", "split", bank, "-o", "parts"), 2, "is there already")
    check_refused(jx("bank", "split", bank, "-o", bank.name), 2, "no folder")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b"no bank at all", "unknown content"),
        (b"{", "not JSON"),
        (b"MThd\0\0", "MIDI file"),
        (bytes.fromhex("F0 41 36 00 23 20 01 05 05 F7"), "Alpha Juno"),
        (None, "no such file"),
    ],
)
def test_bad_input_writes_nothing(jx: Jx, tmp_path: Path, content: bytes | None, said: str) -> None:
    if content is not None:
        (tmp_path / "in.syx").write_bytes(content)
    (tmp_path / "out.syx").write_bytes(b"mine")
    before = files(tmp_path)
    check_refused(jx("bank", "show", "in.syx"), 2, said)
    for verb in ("convert", "merge", "dedupe"):
        check_refused(jx("bank", verb, "in.syx", "-o", "out.syx", "--force"), 2, said)
    check_refused(jx("bank", "split", "in.syx", "-o", "parts"), 2, said)
    assert files(tmp_path) == before
    assert not (tmp_path / "parts").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["-o", "there.syx"], "there already"),
        (["-o", "nowhere/out.syx"], "no folder"),
        (["-o", "out.txt"], "--to"),
        (["-o", "out"], "--to"),
        (["-o", "out.syx", "--to", "wav"], "no format 'wav'"),
        (["-o", "out.bin"], "JX-8P bank"),
        (["-o", "out", "--to", "bus"], "capture of the bus"),
        (["-o", "out.syx", "--family", "dx7"], "no family 'dx7'"),
        (["-o", "out.syx", "--form", "wide"], "no form 'wide'"),
        (["-o", "out.syx", "--from", "midi"], "MIDI file"),
        (["-o", "out.syx", "--from", "tape"], "no format 'tape'"),
        (["-o", "out.syx", "--family", "jx8p", "--form", "bulk"], "no bulk dump"),
    ],
)
def test_a_wrong_output_writes_nothing(
    jx: Jx, bank: Path, tmp_path: Path, options: list[str], said: str
) -> None:
    (tmp_path / "there.syx").write_bytes(b"mine")
    before = files(tmp_path)
    check_refused(jx("bank", "convert", bank, *options), 2, said)
    assert files(tmp_path) == before


def test_full_slots_write_nothing(jx: Jx, tmp_path: Path) -> None:
    for name, first in (("a.syx", 0), ("b.syx", 50)):
        full = Bank("mks70", {}, {slot: tone(slot + first) for slot in range(50)})
        (tmp_path / name).write_bytes(encoded(full, "syx"))
    check_refused(jx("bank", "merge", "a.syx", "b.syx", "-o", "out.syx"), 2, "all 50 tone slots are full")
    assert not (tmp_path / "out.syx").exists()


def test_show_loads_nothing_heavy(bank: Path) -> None:
    import sys

    code = f"""
import sys
sys.argv = ["jx", "bank", "show", {str(bank)!r}]
from jxctl.cli import main
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
heavy = ("numpy", "mido", "rtmidi", "torch", "numba", "rich.table")
print("LOADED", *[name for name in heavy if name in sys.modules])
"""
    root = Path(__file__).resolve().parents[3]
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root, check=False)
    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines()[-1] == "LOADED"


def test_tone_show_takes_any_format(jx: Jx, bank: Path, tmp_path: Path) -> None:
    shown = jx("tone", "show", bank, "--slot", "2", "--json")
    assert shown.returncode == 0, shown.stderr
    assert json.loads(shown.stdout) == tone(2, "TWO").to_json()
    check_refused(jx("tone", "show", bank), 2, "tones 1-3")
    check_refused(jx("tone", "show", bank, "--slot", "4"), 2, "no tone 4")
    only = Bank("mks70", {3: Patch.init("ALONE")}, {})
    (tmp_path / "only.syx").write_bytes(encoded(only, "syx"))
    check_refused(jx("tone", "show", "only.syx"), 2, "no tone in it")


def test_a_v4_tone_is_shown_but_not_taken_for_a_stock_one(jx: Jx, shared: Path, tmp_path: Path) -> None:
    capture = shared / "data" / "captures" / "vecoven_v4_bulk_bank.syx"
    shown = jx("tone", "show", capture, "--slot", "12")
    assert shown.returncode == 0, shown.stderr
    assert "PAD 1 (Vecoven V4)" in shown.stdout
    (tmp_path / "v4.json").write_text(jx("tone", "show", capture, "--slot", "12", "--json").stdout)
    check_refused(jx("tone", "diff", "v4.json", "v4.json"), 2, "V4 firmware")


def test_morph(jx: Jx, tmp_path: Path) -> None:
    write_tone(tone(20, "LOW").with_values({"DCO1 WF": "noise"}), tmp_path / "a.json")
    write_tone(tone(41, "HIGH"), tmp_path / "b.json")
    shown = jx("tone", "morph", "a.json", "b.json", "--amount", "0.25", "-o", "c.json", "--json")
    assert shown.returncode == 0, shown.stderr
    made = read_tone(tmp_path / "c.json")
    assert made.to_json() == json.loads(shown.stdout)
    assert (made.raw("VCF FREQ"), made.label("DCO1 WF"), made.name) == (25, "noise", "LOW")
    check_refused(
        jx("tone", "morph", "a.json", "b.json", "--amount", "0.5", "-o", "c.json"), 2, "there already"
    )
    check_refused(jx("tone", "morph", "a.json", "b.json", "--amount", "2", "-o", "d.json"), 2, "0 to 1")
    assert not (tmp_path / "d.json").exists()
    assert read_tone(tmp_path / "c.json") == made


def test_random_near_a_tone(jx: Jx, tmp_path: Path) -> None:
    write_tone(tone(20, "MINE"), tmp_path / "a.json")
    same = jx("tone", "random", "--like", "a.json", "--amount", "0", "--seed", "1", "--json")
    assert same.returncode == 0, same.stderr
    assert json.loads(same.stdout) == tone(20, "MINE").to_json()
    near = jx(
        "tone", "random", "--like", "a.json", "--amount", "0.2", "--seed", "1", "-o", "b.json", "--json"
    )
    assert near.returncode == 0, near.stderr
    made = read_tone(tmp_path / "b.json")
    assert made.name == "MINE"
    assert made.values != tone(20).values
    again = jx("tone", "random", "--like", "a.json", "--amount", "0.2", "--seed", "1", "--json")
    assert again.stdout == near.stdout
    check_refused(jx("tone", "random", "--like", "a.json", "--amount", "-1"), 2, "0 to 1")
    check_refused(jx("tone", "random", "--like", "none.json"), 2, "no such file")
    check_refused(jx("tone", "random", "--seed", "1", "-o", "a.json"), 2, "there already")
