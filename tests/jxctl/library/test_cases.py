"""Every file of cases/sysex gives what its README calls right."""

from __future__ import annotations

import gzip
import io
import zipfile
from pathlib import Path

import pytest

from jxctl.errors import ToneError
from jxctl.library.files import load, read_library
from jxctl.protocol.bank import Bank
from jxctl.protocol.sysex import Transfer, encode, messages_of
from jxctl.protocol.sysex.transfer import BLOCK_SIZE
from jxctl.protocol.tone import INIT_TONE


@pytest.fixture
def cases(shared: Path) -> Path:
    return shared / "cases" / "sysex"


@pytest.fixture
def dump(shared: Path) -> bytes:
    return (shared / "data" / "captures" / "mks70_bulk_bank.syx").read_bytes()


@pytest.fixture
def image(shared: Path) -> bytes:
    return (shared / "data" / "captures" / "jx8p_m16c_cartridge.bin").read_bytes()


def test_bit_7_of_values_is_masked_and_that_is_said(cases: Path) -> None:
    data = (cases / "value_bit7.syx").read_bytes()
    loaded = load(data)
    assert loaded.bank.tones[0].record == bytes(byte & 0x7F for byte in data[7:-1])  # type: ignore[union-attr]
    assert "bit 7 of 1 byte is masked" in loaded.account.repaired[0]


def test_messages_without_f7_are_read_and_that_is_said(cases: Path, dump: bytes) -> None:
    loaded = read_library(cases / "mks_nof7_all.syx")
    assert loaded.bank == load(dump).bank
    assert len(loaded.account.repaired) == 114
    assert not loaded.account.skipped


@pytest.mark.parametrize("name", ["dropped.syx", "lost_message.syx"])
def test_missing_slots_are_named(cases: Path, dump: bytes, name: str) -> None:
    loaded = read_library(cases / name)
    assert loaded.account.missing == ("patch 8", "tone 21")
    whole = load(dump).bank
    assert loaded.bank.patches == {n: p for n, p in whole.patches.items() if n != 7}
    assert loaded.bank.tones == {n: t for n, t in whole.tones.items() if n != 20}
    assert bool(loaded.account.skipped) == (name == "dropped.syx")


def test_a_text_mode_transfer_is_named_and_undone_on_request(cases: Path, dump: bytes) -> None:
    loaded = read_library(cases / "crlf.syx")
    assert "--text-mode" in loaded.account.remarks[0]
    assert (len(loaded.bank.patches), len(loaded.bank.tones)) == (5, 45)
    undone = read_library(cases / "crlf.syx", text_mode=True)
    assert undone.bank == load(dump).bank
    assert "text mode is undone" in undone.account.repaired[0]
    with pytest.raises(ToneError, match="was not changed by a transfer in text mode"):
        load(dump, text_mode=True)


@pytest.mark.parametrize("name", ["kk_real_editbuffer.syx", "stock_edit.syx"])
def test_tones_of_an_edit_buffer_belong_to_their_part_of_the_patch(cases: Path, name: str) -> None:
    data = (cases / name).read_bytes()
    bank = load(data).bank
    (patch,) = bank.patches.values()
    # Names stand behind the seven bytes of each head; the first message is the patch.
    upper, lower = (data[at + 7 : at + 17] for at in _heads(data)[1:])
    upper_slot, lower_slot = patch.tones
    assert bank.tones[upper_slot].name == upper.decode().rstrip()
    assert bank.tones[lower_slot].name == lower.decode().rstrip()


def _heads(data: bytes) -> list[int]:
    return [at for at in range(len(data)) if data[at] == 0xF0]


def test_damaged_midi_files_give_what_is_there(cases: Path, dump: bytes) -> None:
    whole = load(dump).bank
    bad_length = read_library(cases / "t0_badlen.mid")
    assert bad_length.bank == whole
    assert bad_length.account.repaired
    cut = read_library(cases / "t0_trunc.mid")
    assert cut.bank.patches == whole.patches
    assert cut.bank.tones == {n: whole.tones[n] for n in range(43)}
    assert cut.account.missing == ("tones 44-50",)
    assert cut.account.repaired


def test_a_log_of_midi_ox_is_read(cases: Path) -> None:
    loaded = read_library(cases / "midiox_log.txt")
    assert loaded.format == "hex"
    assert {slot: tone.name for slot, tone in loaded.bank.tones.items()} == {5: "TUBAL SQRE"}


def _plain(data: bytes) -> str:
    return data.hex(" ").upper()


LAYOUTS = {
    "plain": _plain,
    "run together": lambda data: data.hex(),
    "in lines": lambda data: "\n".join(_plain(data[n : n + 16]) for n in range(0, len(data), 16)),
    "0x": lambda data: ", ".join(f"0x{byte:02x}" for byte in data),
    "C": lambda data: "const char a[] = {" + ",".join(f"0x{byte:02X}" for byte in data) + "};",
    "escapes": lambda data: '"' + "".join(f"\\x{byte:02x}" for byte in data) + '"',
    "dollar": lambda data: " ".join(f"${byte:02X}" for byte in data),
    "H": lambda data: " ".join(f"{byte:02X}H" for byte in data),
    "brackets": lambda data: f"12:01:07.113 Sysex [{_plain(data)}]",
    "label": lambda data: "\n".join(f" SYSX: {_plain(data[n : n + 17])}" for n in range(0, len(data), 17)),
    "hexdump": lambda data: "\n".join(
        f"{n:08x}  {data[n : n + 8].hex(' ')}  {data[n + 8 : n + 16].hex(' ')}  |.A.. AE F0 be.A|"
        for n in range(0, len(data), 16)
    ),
    "xxd": lambda data: "\n".join(
        f"{n:08x}: {data[n : n + 16].hex(' ', -2)}  ABC fe 00 x" for n in range(0, len(data), 16)
    ),
}  # fmt: skip


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_hex_text_of_any_layout_is_read(dump: bytes, layout: str, end: str) -> None:
    text = LAYOUTS[layout](dump[:106] + dump[-69:]).replace("\n", end)
    loaded = load(text.encode())
    assert loaded.bank.patches == {0: load(dump).bank.patches[0]}
    assert loaded.bank.tones == {49: load(dump).bank.tones[49]}
    assert not loaded.account.skipped


def _macbinary(data: bytes) -> bytes:
    head = bytearray(128)
    head[1:9] = b"\x07BANK 01"
    head[65:73] = b"MIDISqst"
    head[83:87] = len(data).to_bytes(4, "big")
    return bytes(head) + data + bytes(-len(data) % 128)


def _zip(**files: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


def test_wrappers_are_found_by_content_and_named(dump: bytes, image: bytes, cases: Path) -> None:
    whole = load(dump).bank
    from jxctl.library.files import encoded

    midi = encoded(whole, "midi")
    chunk = b"data" + len(midi).to_bytes(4, "little") + midi
    rmi = b"RIFF" + (4 + len(chunk)).to_bytes(4, "little") + b"RMID" + chunk
    for packed, name in (
        (gzip.compress(dump), "gzip"), (_macbinary(dump), "MacBinary"), (rmi, "RIFF MIDI"),
        (_zip(bank=dump), "zip bank"), (gzip.compress(_zip(bank=dump)), "zip bank"),
    ):  # fmt: skip
        loaded = load(packed)
        assert loaded.bank == whole
        assert f"packed as {name}" in loaded.account.remarks
        assert loaded.account.whole
    both = load(_zip(a=dump, readme=b"hello", b=image))
    assert [bank.family for bank in both.banks] == ["mks70", "jx8p"]
    assert any("readme" in line for line in both.account.foreign)
    # Bytes around the messages, as MIDI Quest and others put them.
    loaded = load(b"\x00\x01MIDI Quest\x00\x00" + dump + b"\x00tail\x00")
    assert loaded.bank == whole
    assert len(loaded.account.skipped) == 2


def test_an_archive_that_never_ends_is_refused() -> None:
    with pytest.raises(ToneError, match="unpacked, it is over"):
        load(gzip.compress(bytes(10_000_000)))
    with pytest.raises(ToneError, match="unpacked, it is over"):
        load(_zip(a=bytes(3_000_000), b=bytes(3_000_000)))


def test_a_set_of_cartridges_is_so_many_banks(image: bytes) -> None:
    loaded = load(image * 8 + b"\x1a" * 100)
    assert len(loaded.banks) == 8
    assert loaded.banks[7] == load(image).bank
    assert any("100 bytes after the last image" in line for line in loaded.account.remarks)


def test_several_dumps_in_one_file_are_banks_1_2(dump: bytes) -> None:
    tones = {n: INIT_TONE.named(f"T{n}") for n in range(50)}
    other = Bank("mks70", dict(load(dump).bank.patches), tones)
    loaded = load(dump + encode(messages_of(other)))
    assert loaded.banks == (load(dump).bank, other)
    assert loaded.numbered(2).bank == other


def test_a_recorded_cartridge_transfer_becomes_an_image(image: bytes) -> None:
    def nibbles(block: bytes) -> bytes:
        return bytes(half for byte in block for half in (byte >> 4, byte & 15))

    def transfer(content: bytes) -> bytes:
        blocks = [content[n : n + BLOCK_SIZE] for n in range(0, len(content), BLOCK_SIZE)]
        messages = [Transfer(kind="DAT", data=nibbles(block)) for block in blocks]
        return encode([Transfer(kind="WSF", data=b"CART"), *messages, Transfer(kind="EOF")])

    loaded = load(transfer(image))
    assert loaded.image == image
    assert loaded.bank.tones == load(image).bank.tones
    large = bytes(range(256)) * 32
    assert load(transfer(large)).image == large
    cut = load(transfer(large)[: 20 * 263])
    assert cut.account.missing == ("a cartridge transfer of 19 blocks; a whole one has 16 or 64 and an end",)
