"""Audio outputs: what PortAudio is asked for and answers, with a PortAudio made of numbers."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from jxctl.audio import playback
from jxctl.audio.playback import open_output, output_devices
from jxctl.errors import DeviceError

DEVICES = [
    {"name": "Scarlett", "max_output_channels": 4, "default_samplerate": 48000.0, "hostapi": 0},
    {"name": "Microphone", "max_output_channels": 0, "default_samplerate": 44100.0, "hostapi": 0},
    {"name": "One", "max_output_channels": 1, "default_samplerate": 44100.0, "hostapi": 0},
]


class FakePortAudioError(Exception):
    pass


class FakeStream:
    """Asks for blocks when the test says so."""

    opened: FakeStream

    def __init__(self, **options: Any) -> None:
        if options["samplerate"] > 96000:
            raise FakePortAudioError("Error opening OutputStream: Invalid sample rate [PaErrorCode -9997]")
        self.options = options
        self.latency = 0.012
        self.active = False
        self.closed = False
        FakeStream.opened = self

    def start(self) -> None:
        self.active = True

    def close(self) -> None:
        self.closed = True

    def ask(self, samples: int, underflow: bool = False) -> np.ndarray:
        out = np.full((samples, self.options["channels"]), 7, np.float32)
        self.options["callback"](out, samples, None, SimpleNamespace(output_underflow=underflow))
        return out


@pytest.fixture
def portaudio(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("sounddevice")

    def query(device: int | str | None = None, kind: str | None = None) -> Any:
        if kind is None:
            return [dict(found, index=n) for n, found in enumerate(DEVICES)]
        if isinstance(device, str):
            fits = [n for n, found in enumerate(DEVICES) if device.lower() in str(found["name"]).lower()]
            if len(fits) != 1:
                raise ValueError(f"No output device matching {device!r}\n\nmany lines")
            device = fits[0]
        return dict(DEVICES[device or 0], index=device or 0)

    module.OutputStream = FakeStream  # type: ignore[attr-defined]
    module.PortAudioError = FakePortAudioError  # type: ignore[attr-defined]
    module.query_devices = query  # type: ignore[attr-defined]
    module.query_hostapis = lambda: [{"name": "ALSA"}]  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "sounddevice", module)


def ramp(out: np.ndarray, underrun: bool) -> None:
    out[:, 0] = np.arange(len(out))
    out[:, 1] = 100 if underrun else -1


@pytest.mark.usefixtures("portaudio")
def test_blocks_are_what_was_filled_in() -> None:
    with open_output("scar", block=64) as output:
        stream = FakeStream.opened
        assert (output.name, output.sample_rate, output.block, output.latency_s) == (
            "Scarlett",
            48000,
            64,
            0.012,
        )
        asked = {
            name: stream.options[name] for name in ("device", "samplerate", "channels", "blocksize", "dtype")
        }
        assert asked == {"device": 0, "samplerate": 48000, "channels": 2, "blocksize": 64, "dtype": "float32"}
        assert not stream.active
        output.start(ramp)
        output.check()
        assert stream.ask(4).tolist() == [[0, -1], [1, -1], [2, -1], [3, -1]]
        assert stream.ask(1, underflow=True).tolist() == [[0, 100]]
    assert stream.closed


@pytest.mark.usefixtures("portaudio")
def test_one_channel_gets_the_mean() -> None:
    output = open_output("2", sample_rate=44100)
    output.start(ramp)
    assert FakeStream.opened.options["channels"] == 1
    assert FakeStream.opened.ask(3).tolist() == [[-0.5], [0.0], [0.5]]


@pytest.mark.usefixtures("portaudio")
@pytest.mark.parametrize(
    ("device", "rate", "said"),
    [("nosuch", None, "'nosuch'"), ("mic", 192000, "Invalid"), ("0", 192000, "Invalid sample rate")],
)
def test_what_cannot_be_opened_lists_the_outputs(device: str, rate: int | None, said: str) -> None:
    with pytest.raises(DeviceError, match=said) as error:
        open_output(device, rate)
    assert error.value.exit_code == 3
    assert "0: Scarlett; 2: One" in error.value.hint
    assert "\n" not in error.value.message


@pytest.mark.usefixtures("portaudio")
def test_a_refused_rate_names_the_right_one() -> None:
    with pytest.raises(DeviceError, match="192000 Hz") as error:
        open_output("Scarlett", 192000)
    assert "48000 Hz" in error.value.hint


@pytest.mark.usefixtures("portaudio")
def test_an_unplugged_device_is_an_error_and_is_not_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """PortAudio aborts the program when it closes a stream of a JACK server that has died."""
    output = open_output()
    output.start(ramp)
    FakeStream.opened.active = False
    with pytest.raises(DeviceError, match="'Scarlett' went away"):
        output.check()
    output.close()
    assert not FakeStream.opened.closed


@pytest.mark.usefixtures("portaudio")
def test_a_device_that_asks_for_nothing_has_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    output = open_output()
    output.start(ramp)
    monkeypatch.setattr(playback, "PATIENCE_S", -1.0)
    with pytest.raises(DeviceError, match="went away"):
        output.check()


@pytest.mark.usefixtures("portaudio")
def test_what_goes_wrong_while_filling_is_silent_and_told_later() -> None:
    def broken(out: np.ndarray, underrun: bool) -> None:
        out[:] = 1
        raise ValueError("a bug")

    output = open_output()
    output.start(broken)
    for _ in range(2):
        assert not FakeStream.opened.ask(8).any()
    with pytest.raises(ValueError, match="a bug"):
        output.check()


@pytest.mark.usefixtures("portaudio")
def test_a_number_that_no_device_can_have() -> None:
    with pytest.raises(DeviceError, match="there is no audio output"):
        open_output("9" * 5000)


@pytest.mark.usefixtures("portaudio")
def test_outputs_are_listed() -> None:
    assert output_devices() == [
        {
            "number": 0,
            "name": "Scarlett",
            "system": "ALSA",
            "channels": 4,
            "sample_rate": 48000,
            "default": True,
        },
        {"number": 2, "name": "One", "system": "ALSA", "channels": 1, "sample_rate": 44100, "default": False},
    ]


def test_without_portaudio_it_says_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sounddevice.py").write_text("raise OSError('PortAudio library not found')\n")
    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(DeviceError, match="PortAudio library not found") as caught:
        open_output()
    assert "libportaudio2" in caught.value.hint
