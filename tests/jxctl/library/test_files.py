"""The librarian: formats are known by content, and nothing is lost in them."""

from __future__ import annotations

import io
import itertools
import json
from dataclasses import replace
from pathlib import Path

import mido
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jxctl.errors import ToneError, UsageError
from jxctl.library.files import encoded, load, read_library, unsaid, write_library
from jxctl.protocol.bank import Bank
from jxctl.protocol.patch import Patch
from jxctl.protocol.tone import INIT_TONE, Tone

CAPTURES = {
    "jx8p_m16c_cartridge.bin": ("cartridge", "jx8p", 0, 32),
    "mks70_bulk_bank.syx": ("syx", "mks70", 64, 50),
    "superjx_patch_load_bus.bin": ("bus", "mks70", 0, 2),
    "vecoven_v4_apr_set.syx": ("syx", "vecoven4", 64, 81),
    "vecoven_v4_bulk_bank.syx": ("syx", "vecoven4", 64, 50),
}

# One JX-8P tone, whole, by hand (jx_hardware.md 4.4): header, name, byte 10, 48 values.
APR = bytes.fromhex("F0 41 35 00 21 20 01") + b"BY HAND   \x20" + bytes(range(48)) + b"\xf7"
# Its write to slot 5.
WRITE = bytes.fromhex("F0 41 34 00 21 20 01 00 04 02 F7")


def tone(content: int, name: str = "TONE") -> Tone:
    """A tone that differs from others in one value."""
    return INIT_TONE.with_values({"VCF FREQ": content}).named(name)


@pytest.mark.parametrize("name", CAPTURES)
def test_a_capture_is_known_by_its_content_and_survives_json(shared: Path, name: str) -> None:
    path = shared / "data" / "captures" / name
    loaded = read_library(path)
    format, family, patches, tones = CAPTURES[name]
    assert (loaded.format, loaded.bank.family) == (format, family)
    assert (len(loaded.bank.patches), len(loaded.bank.tones)) == (patches, tones)
    assert list(loaded.unused) == []
    again = load(encoded(loaded.bank, "json", loaded.origin))
    assert again.format == "json"
    assert encoded(again.bank, format, again.origin) == path.read_bytes()


@pytest.mark.parametrize("name", [name for name, row in CAPTURES.items() if row[0] == "syx"])
def test_a_capture_survives_a_midi_file(shared: Path, name: str) -> None:
    path = shared / "data" / "captures" / name
    loaded = read_library(path)
    file = encoded(loaded.bank, "midi", loaded.origin)
    inside = b"".join(bytes(m.bytes()) for m in mido.MidiFile(file=io.BytesIO(file)).tracks[0][:-1])
    assert inside == path.read_bytes()
    again = load(file)
    assert encoded(again.bank, "syx", again.origin) == path.read_bytes()


def test_messages_in_a_midi_file_leave_the_synth_time() -> None:
    file = encoded(Bank("jx8p", {}, {0: tone(1), 1: tone(2)}), "midi")
    starts = []
    seconds = 0.0
    for event in mido.MidiFile(file=io.BytesIO(file)):
        seconds += event.time
        if event.type == "sysex":
            starts.append((seconds, len(event.bytes())))
    assert [length for _, length in starts] == [67, 11, 67, 11]
    for (begun, length), (after, _) in itertools.pairwise(starts):
        assert after - begun >= length * 320e-6 + 0.05 - 1e-9


def test_a_tone_by_hand() -> None:
    bank = load(APR + WRITE).bank
    assert bank.family == "jx8p"
    assert list(bank.tones) == [4]
    held = bank.tones[4]
    assert isinstance(held, Tone)
    assert (held.name, held.values) == ("BY HAND", bytes(range(48)))
    assert encoded(bank, "syx") == APR + WRITE


def test_a_midi_file_by_hand() -> None:
    # Track: a tempo, a note, the two messages, end of track; lengths written out.
    track = bytes.fromhex("00 FF 51 03 07 A1 20 00 90 3C 40")
    track += b"\x00\xf0" + bytes((len(APR) - 1,)) + APR[1:] + b"\x60\xf0\x0a" + WRITE[1:]
    track += bytes.fromhex("00 FF 2F 00")
    file = (
        b"MThd" + bytes.fromhex("00000006 0000 0001 0060") + b"MTrk" + len(track).to_bytes(4, "big") + track
    )
    loaded = load(file)
    assert loaded.format == "midi"
    assert list(loaded.bank.tones) == [4]
    again = load(encoded(loaded.bank, "json", loaded.origin))
    assert encoded(again.bank, "midi", again.origin) == file


def test_what_nobody_understands_survives_json_and_is_told_of_otherwise() -> None:
    other = bytes.fromhex("F0 43 00 01 02 F7")
    data = b"junk" + APR + b"\xfe" + other + WRITE
    loaded = load(data)
    again = load(encoded(loaded.bank, "json", loaded.origin))
    assert encoded(again.bank, "syx", again.origin) == data
    # A MIDI file takes the other message, not the junk; JSON that remembers says so too. An edit loses both.
    for source in (loaded, again):
        file = encoded(source.bank, "midi", source.origin)
        assert other[1:] in file
        (lost,) = unsaid(source, "midi", file)
        assert "6A 75 6E 6B" in lost
        assert unsaid(source, "syx", encoded(source.bank, "syx", source.origin)) == []
        assert unsaid(source, "json", encoded(source.bank, "json", source.origin)) == []
    changed = replace(loaded.bank, tones={4: tone(1)})
    assert len(unsaid(loaded, "syx", encoded(changed, "syx", loaded.origin))) == 2
    assert len(unsaid(loaded, "json", encoded(changed, "json", loaded.origin))) == 2


def test_json_that_was_edited_is_what_is_written() -> None:
    data = APR + WRITE + b"\x00junk"
    loaded = load(data)
    content = json.loads(encoded(loaded.bank, "json", loaded.origin))
    assert bytes.fromhex(content["origin"]["hex"]) == data
    content["tones"][0]["tone"]["parameters"]["VCF FREQ"] = 99
    again = load(json.dumps(content).encode())
    written = encoded(again.bank, "syx", again.origin)
    assert "hex" not in json.loads(encoded(again.bank, "json", again.origin))["origin"]
    column = 7 + 11 + 0x97 - 0x80
    assert written == APR[:column] + b"\x63" + APR[column + 1 :] + WRITE


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "empty"),
        (b"hello, world", "unknown content"),
        (bytes(2048), "unknown content"),
        (bytes(8192), "JX-10"),
        (bytes.fromhex("F0 41 36 00 23 20 01 05 05 F7"), "Alpha Juno"),
        (bytes.fromhex("F0 43 00 01 F7"), "not a Roland message"),
        (b"MThd", "MIDI file"),
        (b"MThd\0\0\0\6\0\0\0\1\0\x60MTrk\0\0\0\4\0\xff\x2f\0", "no SysEx"),
        (b"{", "not JSON"),
        (b"{}", "jx.bank"),
        (b'{"format": "jx.bank", "version": 2}', "version 2"),
        (b'{"format": "jx.bank", "version": 1, "family": "dx7"}', "dx7"),
        (b'{"format": "jx.bank", "version": 1, "family": "mks70", "origin": 5}', "origin"),
        (b'{"format": "jx.tone", "version": 1}', "parameters"),
        (bytes.fromhex("F0 41 36 00 24 30 01 12 4D F7"), "no tone"),
    ],
)
def test_what_is_no_bank_is_refused_with_what_was_looked_for(data: bytes, said: str) -> None:
    with pytest.raises(ToneError) as refused:
        load(data)
    assert said in refused.value.message
    if "unknown content" in said:
        assert "F0 41" in refused.value.hint
        assert "MThd" in refused.value.hint


def test_two_formats_at_once_are_not_guessed() -> None:
    record = b"NAME      \x20" + bytes(48)
    image = (APR + WRITE).ljust(160, b"\0") + 32 * record
    assert len(image) == 2048
    with pytest.raises(ToneError, match=r"read as SysEx and JX-8P cartridge image") as refused:
        load(image)
    assert "--from syx or cartridge" in refused.value.hint
    assert list(load(image, "cartridge").bank.tones) == list(range(32))
    assert list(load(image, "syx").bank.tones) == [4]


@given(st.binary(max_size=300))
def test_noise_is_refused_or_read_but_never_crashes(data: bytes) -> None:
    for prefix in (b"", b"MThd", b"MThd\0\0\0\6\0\0\0\1\0\x60MTrk\0\0\0\x20", b"{", b"\xf1", APR):
        try:
            loaded = load(prefix + data)
        except ToneError:
            continue
        again = load(encoded(loaded.bank, "json", loaded.origin))
        assert again.bank.to_json() == loaded.bank.to_json()


def test_json_remembers_form_and_channel_of_a_bank_that_changed() -> None:
    sets = (APR + WRITE).replace(b"\x35\x00\x21", b"\x35\x02\x21").replace(b"\x34\x00\x21", b"\x34\x02\x21")
    loaded = load(sets)
    changed = replace(loaded.bank, tones={9: loaded.bank.tones[4]})
    again = load(encoded(changed, "json", loaded.origin))
    written = encoded(again.bank, "syx", again.origin)
    assert written == sets[:-3] + b"\x09\x02\xf7"


# What the family's own messages would not say again: no writes, one memory or another, two banks.
SECOND = APR.replace(b"BY HAND", b"SECOND ")
DUMP_TONE = bytes.fromhex("F0 41 37 02 24 20 02 00 07") + b"CARTRIDGE \x20" + bytes(48) + b"\xf7"
PATCH_51 = bytes.fromhex("F0 41 35 02 24 30 01") + b"FIFTY-ONE".ljust(18) + bytes(33) + b"\xf7"
OTHER = b"\xf0\x43\x01\xf7"
ROM = bytes.fromhex("F0 41 34 02 24 20 02 3C 00 F7")


@pytest.mark.parametrize(
    "data",
    [
        APR + SECOND,
        APR + WRITE + SECOND + WRITE,
        DUMP_TONE,
        PATCH_51 + ROM,
        APR + b"\xf0\x43\x01\xf7" + WRITE,
    ],
    ids=["without writes", "a slot twice", "of a cartridge", "a tone in ROM", "another maker's"],
)
def test_sysex_goes_into_a_midi_file_and_out_as_it_is(data: bytes) -> None:
    loaded = load(data)
    file = encoded(loaded.bank, "midi", loaded.origin)
    assert unsaid(loaded, "midi", file) == []
    inside = b"".join(bytes(m.bytes()) for m in mido.MidiFile(file=io.BytesIO(file)).tracks[0][:-1])
    assert inside == data
    again = load(file)
    assert encoded(again.bank, "syx", again.origin) == data
    assert unsaid(again, "syx", data) == []


def test_a_changed_dump_of_a_cartridge_stays_one() -> None:
    loaded = load(DUMP_TONE)
    changed = replace(loaded.bank, tones={8: loaded.bank.tones[7]})
    again = load(encoded(changed, "json", loaded.origin))
    moved = DUMP_TONE[:8] + b"\x08" + DUMP_TONE[9:]
    assert encoded(changed, "syx", loaded.origin) == moved
    assert encoded(again.bank, "syx", again.origin) == moved


def test_a_bank_of_nothing_is_not_written() -> None:
    with pytest.raises(UsageError, match="no tone and no patch"):
        encoded(Bank("mks70"), "syx")


@pytest.mark.parametrize("name", CAPTURES)
def test_what_was_read_is_written_back_as_it_was(shared: Path, tmp_path: Path, name: str) -> None:
    source = next(path for path in shared.rglob(name))
    loaded = read_library(source)
    if loaded.format == "bus":
        with pytest.raises(UsageError, match="does not say the format"):
            write_library(loaded, tmp_path / "out.dump")
        return
    target = tmp_path / f"out{source.suffix}"
    assert write_library(loaded, target) == []
    assert target.read_bytes() == source.read_bytes()


@pytest.mark.parametrize("ending", ["json", "syx", "mid", "bin"])
def test_one_tone_is_written_and_read(tmp_path: Path, ending: str) -> None:
    assert write_library(tone(7, "ALONE"), tmp_path / f"a.{ending}") == []
    read = read_library(tmp_path / f"a.{ending}").bank.tones[0]
    assert read.values == tone(7).values
    assert read.name == "ALONE"


def test_one_tone_in_json_is_a_tone(tmp_path: Path) -> None:
    write_library(tone(7), tmp_path / "a.json")
    assert json.loads((tmp_path / "a.json").read_text())["format"] == "jx.tone"


@pytest.mark.parametrize(
    ("patch", "ending"),
    [(Patch.init("MINE"), "syx"), (Patch.init("MINE"), "json"), (Patch.init_jx8p(3), "json")],
)
def test_one_patch_is_written_and_read(tmp_path: Path, patch: Patch, ending: str) -> None:
    write_library(patch, tmp_path / f"a.{ending}")
    assert list(read_library(tmp_path / f"a.{ending}").bank.patches.values()) == [patch]


def test_a_file_that_is_there_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_library(tone(1), path)
    before = path.read_bytes()
    with pytest.raises(UsageError) as caught:
        write_library(tone(2), path)
    assert (caught.value.message, caught.value.hint) == (
        f"{path} is there already",
        "overwrite=True replaces it",
    )
    assert path.read_bytes() == before
    write_library(tone(2), path, overwrite=True)
    assert read_library(path).bank.tones[0].raw("VCF FREQ") == 2


def test_what_a_file_has_no_room_for_is_said(shared: Path, tmp_path: Path) -> None:
    """A SysEx file says no place for the 112 bytes of a cartridge that are no tone."""
    loaded = read_library(next(shared.rglob("jx8p_m16c_cartridge.bin")))
    left = write_library(loaded, tmp_path / "a.syx")
    assert any("cartridge" in line for line in left), left
    assert write_library(loaded.bank, tmp_path / "b.json") == []
