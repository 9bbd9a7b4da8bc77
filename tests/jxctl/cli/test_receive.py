"""``jx receive``, and ``jx send`` to a whole synth, as a user runs them."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from jxctl.library.files import encoded, read_library
from jxctl.protocol.bank import Bank
from jxctl.protocol.patch import Patch
from jxctl.protocol.tone import INIT_TONE, Tone, write_tone

Jx = Callable[..., subprocess.CompletedProcess[str]]
Talk = Callable[..., str]

NAME = b"BY HAND   "
VALUES = bytes(range(48))
TONE = Tone(VALUES, NAME)
# By hand, jx_hardware.md 4.4 and 4.7.
APR_JX8P = bytes.fromhex("F0 41 35 00 21 20 01") + NAME + b"\x20" + VALUES + b"\xf7"
APR_UPPER = bytes.fromhex("F0 41 35 00 24 20 01") + NAME + b"\x20" + VALUES + b"\xf7"
APR_LOWER = bytes.fromhex("F0 41 35 00 24 20 02") + NAME + b"\x20" + VALUES + b"\xf7"
BULK = bytes.fromhex("F0 41 37 00 24 20 01 00 06") + NAME + b"\x20" + VALUES + b"\xf7"
WRITE = bytes.fromhex("F0 41 34 00 21 20 01 00 06 02 F7")


@pytest.fixture
def talk(tmp_path: Path) -> Talk:
    """Make a recorded conversation: what is sent and what comes back; its URL."""

    def write(sent: Iterable[bytes] = (), received: Iterable[bytes] = ()) -> str:
        lines = ["# jx replay 1 midi", *(f"> {data.hex(' ')}" for data in sent)]
        lines += [f"< {data.hex(' ')}" for data in received]
        (tmp_path / "talk.txt").write_text("\n".join(lines) + "\n")
        return "replay:talk.txt"

    return write


@pytest.fixture
def tone_file(tmp_path: Path) -> Path:
    write_tone(TONE, tmp_path / "tone.json")
    return tmp_path / "tone.json"


def dump() -> list[bytes]:
    """A whole bulk dump of a MKS-70, as messages."""
    patches = {slot: Patch.init(f"PATCH {slot}").with_tones(slot % 50, 99) for slot in range(64)}
    tones = {slot: INIT_TONE.with_values({"VCF FREQ": slot}).named(f"TONE {slot}") for slot in range(50)}
    data = encoded(Bank("mks70", patches, tones), "syx")
    assert len(data) == 10234  # jx_hardware.md 4.7
    return [message + b"\xf7" for message in data.split(b"\xf7")[:-1]]


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def check_refused(result: subprocess.CompletedProcess[str], code: int, said: str) -> None:
    assert result.returncode == code, result.stderr
    assert result.stdout == ""
    assert said in result.stderr
    assert "Traceback" not in result.stderr


# jx receive


def test_a_whole_dump_is_written_as_it_arrived(jx: Jx, talk: Talk, tmp_path: Path) -> None:
    messages = dump()
    # A note and a clock between the messages are not part of it.
    port = talk(received=[messages[0], bytes.fromhex("903C40"), *messages[1:]])
    shown = jx("receive", "--port", port, "--model", "mks70", "-o", "bank.syx", "--json")
    assert shown.returncode == 0, shown.stderr
    assert "BULK DUMP" in shown.stderr
    assert (tmp_path / "bank.syx").read_bytes() == b"".join(messages)
    data = json.loads(shown.stdout)
    assert (data["patches"], data["tones"], data["bytes"]) == (64, 50, 10234)


def test_a_dump_as_json(jx: Jx, talk: Talk, tmp_path: Path) -> None:
    shown = jx("receive", "--port", talk(received=dump()), "--model", "vecoven3", "-o", "bank.json")
    assert shown.returncode == 0, shown.stderr
    assert read_library(tmp_path / "bank.json").bank.tones[49].name == "TONE 49"


def test_what_arrived_incomplete_is_kept_beside(jx: Jx, talk: Talk, tmp_path: Path) -> None:
    messages = dump()[:100]
    options = ["--model", "mks70", "-o", "bank.syx", "--quiet", "0.1"]
    result = jx("receive", "--port", talk(received=messages), *options)
    check_refused(result, 4, "100 of 114 tones and patches arrived; kept in bank.incomplete.syx")
    assert (tmp_path / "bank.incomplete.syx").read_bytes() == b"".join(messages)
    again = jx("receive", "--port", talk(received=messages[:3]), *options)
    check_refused(again, 4, "kept in bank.incomplete-2.syx")
    assert (tmp_path / "bank.incomplete.syx").read_bytes() == b"".join(messages)
    assert names(tmp_path) == {"talk.txt", "bank.incomplete.syx", "bank.incomplete-2.syx"}


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder that takes no files: /proc")
def test_what_arrived_is_kept_when_the_output_cannot_be_written(jx: Jx, talk: Talk) -> None:
    """As on a full disk; then the dump goes among the temporary files."""
    messages = dump()
    kept = Path(tempfile.gettempdir())
    before = set(kept.glob("jx-test.incomplete*"))
    result = jx("receive", "--port", talk(received=messages), "--model", "mks70", "-o", "/proc/jx-test.syx")
    (found,) = set(kept.glob("jx-test.incomplete*")) - before
    try:
        check_refused(result, 1, "cannot write /proc/jx-test.syx")
        assert f"what arrived is kept in {found}" in result.stderr
        assert found.read_bytes() == b"".join(messages)
    finally:
        found.unlink()


def test_what_arrived_damaged_is_kept_beside(jx: Jx, talk: Talk, tmp_path: Path) -> None:
    messages = dump()
    messages[70] = messages[70][:40] + messages[70][41:]
    result = jx(
        "receive", "--port", talk(received=messages), "--model", "mks70", "-o", "x.syx", "--quiet", "0.1"
    )
    check_refused(result, 4, "113 of 114")
    assert f"byte {64 * 106 + 6 * 69}: " in result.stderr
    assert (tmp_path / "x.incomplete.syx").read_bytes() == b"".join(messages)
    assert not (tmp_path / "x.syx").exists()


def test_nothing_arrives(jx: Jx, talk: Talk, tmp_path: Path) -> None:
    # Active sensing is no dump.
    port = talk(received=[b"\xfe", bytes.fromhex("903C40")])
    result = jx("receive", "--port", port, "--model", "mks70", "-o", "bank.syx", "--timeout", "0.1")
    check_refused(result, 3, "nothing arrived in 0.1 s")
    assert names(tmp_path) == {"talk.txt"}


def test_tones_from_the_panel_of_a_jx8p(jx: Jx, talk: Talk, tmp_path: Path) -> None:
    port = talk(received=[APR_JX8P, APR_JX8P])
    shown = jx("receive", "--port", port, "--model", "jx8p", "--count", "2", "-o", "two.syx")
    assert shown.returncode == 0, shown.stderr
    assert "tone buttons one by one" in shown.stderr
    assert (tmp_path / "two.syx").read_bytes() == 2 * APR_JX8P


def test_the_edit_buffer_of_a_v4_is_asked_for(jx: Jx, shared: Path, talk: Talk, tmp_path: Path) -> None:
    captured = (shared / "data" / "captures" / "vecoven_v4_apr_set.syx").read_bytes()
    first = [message + b"\xf7" for message in captured.split(b"\xf7")[:6]]
    request = bytes.fromhex("F0 41 3D 00 24 02 01 07 F7")  # jx_hardware.md 4.2
    port = talk([request], first)
    shown = jx("receive", "--port", port, "--model", "vecoven4", "--what", "program", "-o", "one.syx")
    assert shown.returncode == 0, shown.stderr
    assert (tmp_path / "one.syx").read_bytes() == b"".join(first)


def test_a_program_of_the_virtual_synth(jx: Jx, tmp_path: Path) -> None:
    shown = jx(
        "receive", "--port", "sim:?model=mks70", "--what", "program", "--program", "3", "-o", "three.syx"
    )
    assert shown.returncode == 0, shown.stderr
    bank = read_library(tmp_path / "three.syx").bank
    assert list(bank.patches) == [2]
    assert len(bank.tones) >= 1


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["--model", "mks70", "-o", "there.syx"], 2, "there already"),
        (["--model", "mks70", "-o", "nowhere/x.syx"], 2, "no folder"),
        (["--model", "mks70", "-o", "x.txt"], 2, "--to"),
        (["--model", "dx7", "-o", "x.syx"], 2, "no model 'dx7'"),
        (["-o", "x.syx"], 2, "--model"),
        (["--model", "jx8p", "--what", "bank", "-o", "x.syx"], 2, "press the tone buttons"),
        (["--model", "jx10", "--what", "tones", "-o", "x.syx"], 2, "cartridge"),
        (["--model", "mks70", "--what", "cartridge", "-o", "x.bin"], 2, "BULK DUMP"),
        (["--model", "mks70", "--what", "dump", "-o", "x.syx"], 2, "--what is one of"),
        (["--model", "mks70", "--timeout", "0", "-o", "x.syx"], 2, "--timeout is 0"),
        (["--model", "mks70", "--quiet", "nan", "-o", "x.syx"], 2, "--quiet is nan"),
        (["--model", "mks70", "--program", "1", "-o", "x.syx"], 2, "--what program"),
        (["--model", "mks70", "--channel", "17", "-o", "x.syx"], 2, "--channel"),
    ],
)
def test_wrong_options_receive_nothing(
    jx: Jx, talk: Talk, tmp_path: Path, options: list[str], code: int, said: str
) -> None:
    (tmp_path / "there.syx").write_bytes(b"mine")
    check_refused(jx("receive", "--port", talk(received=dump()), *options), code, said)
    assert names(tmp_path) == {"talk.txt", "there.syx"}
    assert (tmp_path / "there.syx").read_bytes() == b"mine"


def test_a_bare_board_sends_nothing(jx: Jx, tmp_path: Path) -> None:
    result = jx("receive", "--port", "serial:loop://", "--model", "mks70", "-o", "x.syx")
    check_refused(result, 3, "one-way")
    assert names(tmp_path) == set()


# jx send


@pytest.mark.parametrize(
    ("model", "options", "expected"),
    [
        ("jx8p", [], [APR_JX8P]),
        ("jx8p", ["--write", "7"], [APR_JX8P, WRITE]),
        ("mks70", [], [APR_UPPER]),
        ("mks70", ["--board", "lower"], [APR_LOWER]),
        ("vecoven3", ["--board", "both"], [APR_UPPER, APR_LOWER]),
        ("mks70", ["--write", "7"], [BULK]),
    ],
)
def test_a_tone_to_each_model(
    jx: Jx, talk: Talk, tone_file: Path, model: str, options: list[str], expected: list[bytes]
) -> None:
    shown = jx("send", tone_file, "--port", talk(expected), "--model", model, *options, "--json")
    assert shown.returncode == 0, shown.stderr
    data = json.loads(shown.stdout)
    assert (data["kind"], data["name"], data["messages"]) == ("tone", "BY HAND", len(expected))
    assert ("overwrites tone 7" in shown.stderr) == ("--write" in options)
    assert data["overwrites"] == ("tone 7" if "--write" in options else "")


def test_a_tone_value_by_value(jx: Jx, talk: Talk, tone_file: Path) -> None:
    # Fraser's SE takes nothing but single parameters of the active tone, group 01 (4.3).
    expected = [bytes((0xF0, 0x41, 0x36, 0, 0x24, 0x20, 1, 11 + n, VALUES[n], 0xF7)) for n in range(48)]
    shown = jx("send", tone_file, "--port", talk(expected), "--model", "jx10-se", "--pause", "0")
    assert shown.returncode == 0, shown.stderr
    assert "its name stays" in shown.stderr


def test_a_note_is_played_on_the_channel(jx: Jx, talk: Talk, tone_file: Path) -> None:
    on, off = bytes.fromhex("91 3C 64"), bytes.fromhex("81 3C 40")
    apr = APR_UPPER[:3] + b"\x01" + APR_UPPER[4:]
    port = talk([apr, on, off])
    shown = jx(
        "send", tone_file, "--port", port, "--model", "mks70", "--channel", "2", "--play", "60", "--gate", "0"
    )
    assert shown.returncode == 0, shown.stderr


def test_a_patch_with_its_tones(jx: Jx, talk: Talk, tmp_path: Path) -> None:
    patch = Patch.init("BOTH").with_tones(6, 99)
    (tmp_path / "one.json").write_bytes(encoded(Bank("mks70", {3: patch}, {6: TONE}), "json"))
    apr = bytes.fromhex("F0 41 35 00 24 30 01") + patch.values + b"\xf7"
    shown = jx("send", "one.json", "--port", talk([apr, APR_UPPER]), "--model", "mks70")
    assert shown.returncode == 0, shown.stderr
    assert "tone 100 of the patch: not in the file" in shown.stderr


def test_a_bank_is_stored_only_when_asked(jx: Jx, talk: Talk, tmp_path: Path) -> None:
    (tmp_path / "bank.syx").write_bytes(APR_JX8P + WRITE + APR_JX8P + WRITE[:8] + b"\x1f\x02\xf7")
    refused = jx("send", "bank.syx", "--port", talk(), "--model", "jx8p")
    check_refused(refused, 2, "overwrites tones 7, 32 of the JX-8P")
    assert "--write all" in refused.stderr
    messages = [APR_JX8P, WRITE, APR_JX8P, WRITE[:8] + b"\x1f\x02\xf7"]
    # Two of 32 tones are no whole bank.
    part = jx("send", "bank.syx", "--port", talk(), "--model", "jx8p", "--write", "all")
    check_refused(part, 2, "missing: tones 1-6, 8-31")
    assert "--anyway" in part.stderr
    shown = jx("send", "bank.syx", "--port", talk(messages), "--model", "jx8p", "--write", "all", "--anyway")
    assert shown.returncode == 0, shown.stderr
    assert "overwrites tones 7, 32" in shown.stderr
    one = jx("send", "bank.syx", "--port", talk([APR_JX8P]), "--model", "jx8p", "--slot", "32")
    assert one.returncode == 0, one.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "--model"),
        (["--model", "jx10"], "file transfer"),
        (["--model", "board"], "bus bytes"),
        (["--model", "mks70", "--write", "51"], "1 to 50"),
        (["--model", "jx8p", "--write", "33"], "1 to 32"),
        (["--model", "mks70", "--write", "0"], "from 1"),
        (["--model", "mks70", "--write", "all"], "the number of a slot"),
        (["--model", "jx8p", "--board", "upper"], "one sound board"),
        (["--model", "mks70", "--board", "left"], "upper, lower, both"),
        (["--model", "mks70", "--slot", "2"], "no tone 2"),
        (["--model", "mks70", "--patch", "1"], "no patch 1"),
        (["--model", "mks70", "--patch", "1", "--slot", "1"], "--slot or --patch"),
        (["--model", "mks70", "--pause", "-1"], "--pause is -1"),
        (["--model", "mks70", "--pause", "nan"], "--pause is nan"),
        (["--model", "jx10-se", "--write", "1"], "BLD"),
    ],
)
def test_wrong_options_send_nothing(
    jx: Jx, talk: Talk, tone_file: Path, options: list[str], said: str
) -> None:
    # The conversation is empty: any byte that is sent is exit code 4.
    check_refused(jx("send", tone_file, "--port", talk(), *options), 2, said)


def test_a_bare_board_has_no_memory(jx: Jx, tone_file: Path) -> None:
    result = jx("send", tone_file, "--port", "spy:serial:loop://", "--write", "1")
    check_refused(result, 2, "no memory")
    assert "select" not in result.stderr
