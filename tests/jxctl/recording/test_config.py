"""Bench files: what is read, what is refused and with which words, and what wins over what."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jxctl.errors import UsageError
from jxctl.recording.config import KEYS, RigFile, load_rig, settle, to_toml, write_rig

FULL = """\
# our bench
port = "midi:MKS-70?model=mks70"
model = "mks70"
channel = 2
audio = "USB Audio"
audio_channel = 3
sample_rate = 48000
gain = "12 o'clock"
gain_db = -3
unit = "no. 123456"
rom = "1.08"
powered_on = 2026-05-01T09:30:00+02:00
"""


def written(folder: Path, text: str) -> Path:
    (folder / "bench.toml").write_text(text, "utf-8")
    return folder / "bench.toml"


def test_every_key_is_read(tmp_path: Path) -> None:
    assert load_rig(written(tmp_path, FULL)) == RigFile(
        port="midi:MKS-70?model=mks70",
        model="mks70",
        channel=2,
        audio="USB Audio",
        audio_channel=3,
        sample_rate=48000,
        gain="12 o'clock",
        gain_db=-3.0,
        unit="no. 123456",
        rom="1.08",
        powered_on=datetime(2026, 5, 1, 9, 30, tzinfo=timezone(timedelta(hours=2))),
    )


@pytest.mark.parametrize("text", ["", "# nothing\n", "\ufeff# from an editor that marks its files\n"])
def test_what_is_not_said_is_unknown(tmp_path: Path, text: str) -> None:
    rig = load_rig(written(tmp_path, text))
    assert set(rig.to_json().values()) == {None}
    assert rig.minutes_on() is None


def test_an_input_may_be_a_number(tmp_path: Path) -> None:
    assert load_rig(written(tmp_path, "audio = 3")).audio == "3"


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ('port = "sim:"\nprot = "sim:"', "line 2: a bench file has no key 'prot'", "did you mean 'port'?"),
        ("[synth]\nport = 'sim:'", "line 1: a bench file has no key 'synth'", "keys are port, model"),
        ("\nchannel = 17", "line 2: channel is 17; expected a number from 1 to 16", "MIDI channel"),
        ("channel = 0", "expected a number from 1 to 16", ""),
        ("channel = true", "line 1: channel is True", ""),
        ("channel = '2'", "channel is '2'", ""),
        ("sample_rate = 44100.0", "sample_rate is 44100.0", "Hz"),
        ("audio_channel = -1", "audio_channel is -1", ""),
        ("audio = -1", "audio is -1", "jx doctor"),
        ("gain_db = nan", "gain_db is nan", "dB"),
        ("gain_db = inf", "gain_db is inf; expected a number from -200 to 200", ""),
        ("gain_db = 2026-05-01T09:30:00", "gain_db is 2026-05-01T09:30:00", ""),
        ("port = 5", "line 1: port is 5; expected a line of text", "jx ports"),
        ("port = 'COM3'", "'COM3' is no port", "midi:NAME"),
        ("gain = ''", "gain is ''", ""),
        ('gain = """two\nlines"""', "gain is 'two\\nlines'", ""),
        ("rom = [1, 2]", "rom is [1, 2]", ""),
        ("model = 'mks80'", "line 1: there is no model 'mks80'", "models are jx8p"),
        ("powered_on = 2026-05-01", "powered_on is", "expected a date and a time"),
        ("powered_on = 'yesterday'", "powered_on is 'yesterday'", "2026-05-01T09:30:00"),
        ("port = sim:", "line 1", "audio = "),
        ("port = 'sim:'\nport = 'sim:'", "line 2", ""),
        ("\x00", "not TOML", ""),
    ],
)
def test_what_is_wrong_is_named_with_its_line(tmp_path: Path, text: str, message: str, hint: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(UsageError) as caught:
        load_rig(path)
    assert message in caught.value.message + caught.value.hint
    assert hint in caught.value.message + caught.value.hint
    assert str(path) in caught.value.message


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file") as caught:
        load_rig(tmp_path / "none.toml")
    assert "jx rig init" in caught.value.hint
    with pytest.raises(UsageError, match="a folder, not a file"):
        load_rig(tmp_path)
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="not a text file"):
        load_rig(tmp_path / "binary")
    with pytest.raises(UsageError, match="over 100000 bytes"):
        load_rig(written(tmp_path, "#" * 200_000))


def test_flag_beats_environment_beats_file(tmp_path: Path) -> None:
    path = written(tmp_path, FULL)
    environment = {
        "JX_PORT": "sim:",
        "JX_CHANNEL": "5",
        "JX_GAIN": " ",
        "JX_POWERED_ON": "2026-05-02T10:00:00Z",
    }
    rig = settle(path, {"channel": 7, "rom": "1.06", "audio": None}, environment)
    assert (rig.channel, rig.rom) == (7, "1.06")
    assert (rig.port, rig.powered_on) == ("sim:", datetime(2026, 5, 2, 10, tzinfo=UTC))
    assert (rig.audio, rig.gain, rig.sample_rate) == ("USB Audio", "12 o'clock", 48000)
    assert settle(None, {}, {}) == RigFile()
    assert settle(None, {}, {"JX_RIG": str(path)}) == load_rig(path)
    assert settle(None, {"sample_rate": "96000"}, {}).sample_rate == 96000


@pytest.mark.parametrize(
    ("given", "environment", "message"),
    [
        ({}, {"JX_CHANNEL": "17"}, "JX_CHANNEL: channel is 17"),
        ({}, {"JX_CHANNEL": "two"}, "JX_CHANNEL: channel is 'two'"),
        ({"audio_channel": 0}, {}, "--audio-channel: audio_channel is 0"),
        ({"port": "COM3"}, {"JX_PORT": "sim:"}, "--port: 'COM3' is no port"),
        ({}, {"JX_POWERED_ON": "noon"}, "JX_POWERED_ON: powered_on is 'noon'"),
        ({"prot": "sim:"}, {}, "--prot: a bench file has no key"),
    ],
)
def test_a_wrong_value_is_named_where_it_came_from(
    given: dict[str, Any], environment: dict[str, str], message: str
) -> None:
    with pytest.raises(UsageError) as caught:
        settle(None, given, environment)
    assert message in caught.value.message


def test_minutes_since_power_on() -> None:
    on = datetime(2026, 5, 1, 9, 30, tzinfo=UTC)
    rig = RigFile(powered_on=on)
    assert rig.minutes_on(on + timedelta(minutes=90)) == 90
    # The summer time of another place does not matter.
    assert rig.minutes_on(datetime(2026, 5, 1, 11, 31, tzinfo=timezone(timedelta(hours=2)))) == 1
    assert rig.minutes_on(on - timedelta(seconds=30)) == 0
    with pytest.raises(UsageError, match="in the future"):
        rig.minutes_on(on - timedelta(minutes=2))


def test_now_is_a_time() -> None:
    rig = settle(None, {"powered_on": "now"}, {})
    minutes = rig.minutes_on()
    assert minutes is not None
    assert 0 <= minutes < 5


def test_a_time_without_an_offset_is_this_machines(tmp_path: Path) -> None:
    rig = load_rig(written(tmp_path, "powered_on = 2026-05-01T09:30:00"))
    assert rig.powered_on == datetime(2026, 5, 1, 9, 30).astimezone()


def test_an_empty_rig_is_a_form_to_fill_in() -> None:
    form = to_toml(RigFile())
    assert tomllib.loads(form) == {}
    assert [line for line in form.splitlines() if line.endswith(" =")] == [f"# {name} =" for name in KEYS]


@given(
    st.builds(
        RigFile,
        port=st.none() | st.just("spy:sim:"),
        model=st.none() | st.just("board"),
        channel=st.none() | st.integers(1, 16),
        gain_db=st.none() | st.floats(-200, 200),
        audio=st.none() | st.text(min_size=1, max_size=20).filter(lambda s: s.strip() and s.isprintable()),
        gain=st.none() | st.text("'\"\\#=[ü]", min_size=1),
        powered_on=st.none() | st.datetimes(timezones=st.just(UTC)),
    )
)
def test_what_is_written_is_read_again(tmp_path_factory: pytest.TempPathFactory, rig: RigFile) -> None:
    path = tmp_path_factory.mktemp("rig") / "bench.toml"
    write_rig(rig, path)
    assert load_rig(path) == rig
