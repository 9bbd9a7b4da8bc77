"""Tones: bytes kept exactly, three views of them, and files that are wrong in every way."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jxctl.errors import ToneError
from jxctl.protocol.tone import (
    INIT_TONE,
    Tone,
    encode_name,
    from_batch,
    read_tone,
    to_batch,
    write_tone,
)

raw_values = st.binary(min_size=48, max_size=48).map(lambda data: bytes(byte & 0x7F for byte in data))
any_name = st.binary(min_size=10, max_size=10).map(lambda data: bytes(byte & 0x7F for byte in data))
tones = st.builds(Tone, raw_values, any_name)
printable = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=10)


@given(tones)
def test_json_keeps_every_byte(tone: Tone) -> None:
    travelled = json.loads(json.dumps(tone.to_json()))
    assert Tone.from_json(travelled) == tone


@given(st.lists(raw_values, max_size=5))
def test_a_batch_keeps_every_byte_in_order(values: list[bytes]) -> None:
    batch = to_batch([Tone(v) for v in values])
    assert batch.shape == (len(values), 48)
    assert batch.dtype == np.uint8
    assert batch.tolist() == [list(v) for v in values]
    assert [tone.values for tone in from_batch(batch)] == values


@given(printable)
def test_a_name_of_printable_characters_survives(name: str) -> None:
    tone = INIT_TONE.named(name)
    assert len(tone.name_bytes) == 10
    assert tone.name == name.rstrip(" ")
    assert tone.values == INIT_TONE.values


def test_values_are_in_the_order_of_the_ids() -> None:
    tone = Tone(bytes(range(48)))
    assert tone.raw(0x80) == 0
    assert tone.raw("VCF FREQ") == 0x97 - 0x80
    assert tone.raw(0xAF) == 47


def test_positions_and_labels_read_what_is_inside_a_bin() -> None:
    tone = INIT_TONE.with_values({"DCO1 RANGE": 0x4C, "VCF FREQ": 77})
    assert (tone.raw("DCO1 RANGE"), tone.position("DCO1 RANGE"), tone.label("DCO1 RANGE")) == (0x4C, 2, "4'")
    assert tone.label("VCF FREQ") == "77"


def test_a_label_writes_the_start_of_its_bin() -> None:
    tone = INIT_TONE.with_values({"DCO1 WF": "pulse", "chorus": "2", "DCO2.TUNE": "-1", "VCA MODE": "gate"})
    assert [tone.raw(name) for name in ("DCO1 WF", "CHORUS", "DCO2 TUNE", "VCA MODE")] == [64, 64, 56, 0]


def test_with_values_leaves_the_rest_and_the_original_alone() -> None:
    before = INIT_TONE.values
    after = INIT_TONE.with_values({"LFO RATE": 99}).values
    assert INIT_TONE.values == before
    assert [index for index in range(48) if before[index] != after[index]] == [0xA3 - 0x80]


def test_name_bytes_below_ten_are_digits_typed_on_the_panel() -> None:
    # jx_hardware.md 4.9: 01-09 instead of 31h-39h.
    tone = Tone(INIT_TONE.values, b"BASS \x01\x02\x099 ")
    assert tone.name == "BASS 1299"
    assert Tone.from_json(tone.to_json()).name_bytes == b"BASS \x01\x02\x099 "


def test_a_name_cannot_steer_a_terminal() -> None:
    assert Tone(INIT_TONE.values, b"\x1b[31mRED\x7f\n").name == "?[31mRED??"


def test_a_name_edited_by_hand_wins_over_the_bytes_that_no_longer_spell_it() -> None:
    data = Tone(INIT_TONE.values, b"BASS \x01    ").to_json()
    assert Tone.from_json(data | {"name": "LEAD 1"}).name_bytes == b"LEAD 1    "


def test_a_name_is_cut_and_padded_to_ten() -> None:
    assert encode_name("AB") == b"AB        "
    assert encode_name("ABCDEFGHIJKL") == b"ABCDEFGHIJ"


def test_the_plain_tone_is_one_sawtooth_that_sounds() -> None:
    shown = {
        name: INIT_TONE.label(name) for name in ("DCO1 WF", "DCO1 RANGE", "DCO XMOD", "VCA MODE", "CHORUS")
    }
    assert shown == {
        "DCO1 WF": "sawtooth",
        "DCO1 RANGE": "8'",
        "DCO XMOD": "off",
        "VCA MODE": "ENV-2",
        "CHORUS": "off",
    }
    assert INIT_TONE.raw("MIX DCO1") == INIT_TONE.raw("VCF FREQ") == INIT_TONE.raw("VCA LEVEL") == 127
    assert INIT_TONE.raw("MIX DCO2") == INIT_TONE.raw("MIX ENV") == INIT_TONE.raw("VCF RES") == 0
    assert Tone.init("MINE").name == "MINE"
    assert Tone.init("MINE").values == INIT_TONE.values


@pytest.mark.parametrize("values", [b"", bytes(47), bytes(49), bytes(47) + b"\x80"])
def test_values_that_are_no_tone(values: bytes) -> None:
    with pytest.raises(ToneError):
        Tone(values)


@pytest.mark.parametrize("name_bytes", [b"", b"SHORT", bytes(11), b"NINE BYTE\xff"])
def test_name_bytes_that_are_no_name(name_bytes: bytes) -> None:
    with pytest.raises(ToneError):
        Tone(INIT_TONE.values, name_bytes)


@pytest.mark.parametrize("name", ["Zoë", "A\nB", "\x01", "日本"])
def test_names_the_instrument_cannot_hold(name: str) -> None:
    with pytest.raises(ToneError, match="printable ASCII"):
        INIT_TONE.named(name)


@pytest.mark.parametrize("key", ["NO SUCH", "PORTA TIME", 0xB0, 0x7F, ""])
def test_no_such_tone_parameter(key: int | str) -> None:
    with pytest.raises(ToneError):
        INIT_TONE.raw(key)


@pytest.mark.parametrize("shape", [(48,), (2, 47), (1, 49), (1, 1, 48)])
def test_arrays_that_are_no_batch(shape: tuple[int, ...]) -> None:
    with pytest.raises(ToneError, match="shape"):
        from_batch(np.zeros(shape, np.uint8))


def test_a_batch_with_a_value_over_127_is_refused() -> None:
    with pytest.raises(ToneError, match="VCF FREQ is 128"):
        from_batch(np.where(np.arange(48) == 0x17, 128, 0).astype(np.uint8)[None])


def test_no_tones_are_a_batch_too() -> None:
    assert to_batch([]).shape == (0, 48)
    assert from_batch(np.zeros((0, 48), np.uint8)) == []


# What is wrong with the file, and a word the message must hold.
Change = Callable[[dict[str, Any]], object]


def _parameters(**changes: object) -> Change:
    renamed = {name.replace("_", " "): value for name, value in changes.items()}
    return lambda data: data | {"parameters": data["parameters"] | renamed}


def _without(name: str) -> Change:
    return lambda data: data | {"parameters": {k: v for k, v in data["parameters"].items() if k != name}}


BAD: dict[str, tuple[Change, str]] = {
    "a list": (lambda data: [data], "format"),
    "a number": (lambda data: 7, "format"),
    "null": (lambda data: None, "format"),
    "another format": (lambda data: data | {"format": "jx.patch"}, "format"),
    "no format": (lambda data: {k: v for k, v in data.items() if k != "format"}, "format"),
    "a later version": (lambda data: data | {"version": 2}, "version 2"),
    "no version": (lambda data: {k: v for k, v in data.items() if k != "version"}, "version None"),
    "no parameters": (lambda data: {k: v for k, v in data.items() if k != "parameters"}, "parameters"),
    "parameters a list": (lambda data: data | {"parameters": [1] * 48}, "parameters"),
    "one missing": (_without("LFO RATE"), "missing: LFO RATE"),
    "unknown name": (_parameters(CUTOFF=64), "CUTOFF"),
    "a performance parameter": (_parameters(PORTA_TIME=1), "PORTA TIME"),
    "one twice": (lambda data: data | {"parameters": data["parameters"] | {"lfo_rate": 3}}, "LFO RATE"),
    "too high": (_parameters(VCF_FREQ=128), "VCF FREQ is 128"),
    "negative": (_parameters(VCF_FREQ=-1), "VCF FREQ is -1"),
    "huge": (_parameters(VCF_FREQ=10**30), "VCF FREQ"),
    "float": (_parameters(VCF_FREQ=64.0), "VCF FREQ is 64.0"),
    "not a number": (_parameters(VCF_FREQ=float("nan")), "VCF FREQ is nan"),
    "bool": (_parameters(VCF_FREQ=True), "VCF FREQ is True"),
    "null value": (_parameters(VCF_FREQ=None), "VCF FREQ is None"),
    "nested": (_parameters(VCF_FREQ=[64]), "VCF FREQ"),
    "a number as text": (_parameters(VCF_FREQ="64"), "VCF FREQ is '64'"),
    "unknown label": (_parameters(DCO1_WF="sine"), "noise, square, pulse, sawtooth"),
    "name a number": (lambda data: data | {"name": 5}, "name is 5"),
    "name not ASCII": (lambda data: data | {"name": "Zoë"}, "ASCII"),
    "name bytes too few": (lambda data: data | {"name_hex": "41"}, "10 bytes"),
    "name bytes over 127": (lambda data: data | {"name_hex": "ff" * 10}, "10 bytes"),
    "name bytes no hex": (lambda data: data | {"name_hex": "zz"}, "name_hex"),
    "name bytes a number": (lambda data: data | {"name_hex": 5}, "name_hex"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_json_says_what_is_wrong_and_where(case: str, tmp_path: Path) -> None:
    change, word = BAD[case]
    path = tmp_path / "bad.json"
    path.write_text(json.dumps(change(INIT_TONE.to_json())), "utf-8")
    with pytest.raises(ToneError) as caught:
        read_tone(path)
    assert word in caught.value.message
    assert caught.value.message.startswith(str(path))
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    "content",
    [b"", b"RIFF\x00\x00WAVE", b"\xff\xfe\x00", b'{"format": ', b"[" * 100_000, b"9" * 10_000],
    ids=["empty", "a WAV", "not UTF-8", "cut short", "nested too deep", "number too long"],
)
def test_files_that_are_not_json(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "bad.json"
    path.write_bytes(content)
    with pytest.raises(ToneError, match=r"not JSON|JSON nested|not a text file"):
        read_tone(path)


def test_a_missing_file_names_itself_and_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(ToneError, match="no such file") as caught:
        read_tone(tmp_path / "none.json")
    assert "jx tone random" in caught.value.hint


def test_a_folder_is_not_a_tone(tmp_path: Path) -> None:
    with pytest.raises(ToneError, match="a folder, not a file"):
        read_tone(tmp_path)


def test_labels_and_a_byte_order_mark_are_accepted(tmp_path: Path) -> None:
    data = INIT_TONE.to_json()
    data["parameters"] |= {"DCO1 WF": "square", "DCO2 TUNE": "+7"}
    path = tmp_path / "tone.json"
    path.write_text(json.dumps(data), "utf-8-sig")
    assert read_tone(path).raw("DCO1 WF") == 32
    assert read_tone(path).raw("DCO2 TUNE") == 97


def test_a_tone_survives_its_file(tmp_path: Path) -> None:
    tone = Tone(bytes(range(48)), b"SPLIT\x01\x02 .-")
    write_tone(tone, tmp_path / "tone.json")
    assert read_tone(tmp_path / "tone.json") == tone
    assert json.loads((tmp_path / "tone.json").read_text("utf-8"))["name"] == "SPLIT12 .-"


@given(st.binary(min_size=59, max_size=59).map(lambda data: bytes(byte & 0x7F for byte in data)))
def test_a_record_is_name_byte_10_and_values(record: bytes) -> None:
    """The order of a SysEx message (jx_hardware.md 4.5): parameter 11 is $80."""
    tone = Tone.from_record(record)
    assert (tone.name_bytes, tone.byte_10, tone.values) == (record[:10], record[10], record[11:])
    assert tone.record == record
    assert Tone.from_json(json.loads(json.dumps(tone.to_json()))) == tone


def test_byte_10_stands_in_a_file_only_when_it_is_not_the_usual_one() -> None:
    assert INIT_TONE.byte_10 == 0x20
    assert "byte_10" not in INIT_TONE.to_json()
    assert Tone(INIT_TONE.values, byte_10=7).to_json()["byte_10"] == 7


@pytest.mark.parametrize("byte", [128, -1, True, "7", None, 1.5])
def test_a_byte_10_that_cannot_be_is_refused(byte: object) -> None:
    with pytest.raises(ToneError, match="byte"):
        Tone.from_json(INIT_TONE.to_json() | {"byte_10": byte})


def test_a_record_of_another_size_is_refused() -> None:
    with pytest.raises(ToneError, match="59 bytes, not 58"):
        Tone.from_record(bytes(58))


def test_at_a_prompt_a_tone_says_what_it_is() -> None:
    assert repr(Tone.init("PLAIN")) == (
        "<Tone 'PLAIN': DCO1 8' sawtooth, VCF FREQ 127, VCF RES 0, ENV2 0-0-127-0, CHORUS off>"
    )
    both = {"MIX DCO2": 90, "DCO2 RANGE": "16'", "DCO2 WF": "pulse", "VCF FREQ": 40, "CHORUS": "2"}
    said = repr(Tone.init().with_values(both))
    assert "DCO1 8' sawtooth, DCO2 16' pulse, VCF FREQ 40" in said
    assert said.endswith("CHORUS 2>")
    assert "\x1b" not in repr(Tone(bytes(48), b"\x1b[31mRED  "))
