"""A sound card behind a PortAudio that is not there."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from jxctl.audio import capture
from jxctl.errors import DeviceError


class FakeStream:
    """A PortAudio stream; ``deliver`` is its thread. ``opened``: the last one."""

    opened: FakeStream

    def __init__(self, **options: Any) -> None:
        if options["device"] == "none such":
            raise ValueError("No input device matching 'none such'")
        if options["samplerate"] > 96000:
            raise FakePortAudioError("Invalid sample rate")
        self.options = options
        self.state = "new"
        FakeStream.opened = self

    def start(self) -> None:
        self.state = "started"

    def close(self) -> None:
        self.state = "closed"

    def deliver(self, samples: list[float], overflow: bool = False, underflow: bool = False) -> None:
        # Channel k carries the samples, raised by k.
        block = np.array(samples, dtype=np.float32)[:, None] + np.arange(self.options["channels"])
        flags = SimpleNamespace(input_overflow=overflow, input_underflow=underflow)
        self.options["callback"](block, len(block), None, flags)
        # PortAudio uses the same memory again for the next block.
        block[:] = 9


class FakePortAudioError(Exception):
    pass


@pytest.fixture
def portaudio(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two devices, of which one can be recorded from."""
    devices = [{"name": "Speakers", "max_input_channels": 0}, {"name": "Scarlett", "max_input_channels": 2}]
    module = ModuleType("sounddevice")
    module.InputStream = FakeStream  # type: ignore[attr-defined]
    module.PortAudioError = FakePortAudioError  # type: ignore[attr-defined]

    def query_devices(device: int | str | None = None, kind: str | None = None) -> Any:
        if kind is None:
            return devices
        if device == "none such":
            raise ValueError("No input device matching 'none such'")
        return devices[1]

    module.query_devices = query_devices  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "sounddevice", module)


@pytest.mark.usefixtures("portaudio")
def test_blocks_are_joined_without_a_gap() -> None:
    with capture.open_input("Scar", 8000) as card:
        stream = FakeStream.opened
        assert stream.options["device"] == "Scar"
        assert stream.options["samplerate"] == 8000
        assert stream.options["channels"] == 2, "the other one is watched"
        assert stream.state == "started"
        stream.deliver([1, 2, 3])
        stream.deliver([4, 5])
        assert card.listen(2 / 8000).tolist() == [1, 2]
        assert card.listen(3 / 8000).tolist() == [3, 4, 5]
        assert card.dropouts == 0
    assert stream.state == "closed"


@pytest.mark.usefixtures("portaudio")
def test_catching_up_forgets_what_was_not_heard() -> None:
    card = capture.open_input("1", 8000)
    assert FakeStream.opened.options["device"] == 1
    FakeStream.opened.deliver([1, 2, 3])
    card.listen(1 / 8000)
    FakeStream.opened.deliver([4, 5])
    card.catch_up()
    FakeStream.opened.deliver([6])
    assert card.listen(1 / 8000).tolist() == [6]


@pytest.mark.usefixtures("portaudio")
def test_lost_audio_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capture, "_QUEUED_BLOCKS", 2)
    card = capture.open_input("default", 8000)
    assert FakeStream.opened.options["device"] is None
    FakeStream.opened.deliver([1])
    FakeStream.opened.deliver([2], overflow=True)
    assert card.dropouts == 1
    FakeStream.opened.deliver([3])
    assert card.dropouts == 2, "a block that found no room is lost too"
    card.listen(2 / 8000)
    FakeStream.opened.deliver([0], underflow=True)
    assert card.dropouts == 3, "zeros in place of samples are a loss"


@pytest.mark.usefixtures("portaudio")
def test_another_channel_of_the_device_can_be_recorded() -> None:
    card = capture.open_input("Scar", 8000, channel=2)
    FakeStream.opened.deliver([1, 2])
    assert card.listen(2 / 8000).tolist() == [2, 3]
    assert card.name == "Scarlett"


@pytest.mark.usefixtures("portaudio")
def test_every_channel_is_watched() -> None:
    """Channel k of the stream carries the samples, raised by k."""
    card = capture.open_input("Scar", 8000)
    assert isinstance(card, capture.Channels)
    assert card.channel == 1
    FakeStream.opened.deliver([-0.5, 0.25])
    assert card.peaks_dbfs() == pytest.approx([-6.0206, 1.9382], abs=1e-3)
    assert card.peaks_dbfs() == [-200.0, -200.0], "since it was last asked"


@pytest.mark.usefixtures("portaudio")
def test_a_device_that_opens_no_more_than_is_recorded_is_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    class Narrow(FakeStream):
        def __init__(self, **options: Any) -> None:
            if options["channels"] > 1:
                raise FakePortAudioError("Invalid number of channels")
            super().__init__(**options)

    monkeypatch.setattr(sys.modules["sounddevice"], "InputStream", Narrow)
    card = capture.open_input("Scar", 8000)
    FakeStream.opened.deliver([1, 2])
    assert card.listen(2 / 8000).tolist() == [1, 2]
    with pytest.raises(DeviceError, match="number of channels"):
        capture.open_input("Scar", 8000, channel=2)


@pytest.mark.usefixtures("portaudio")
def test_a_device_that_goes_silent_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capture, "_PATIENCE_S", 0.01)
    card = capture.open_input("default", 8000)
    FakeStream.opened.deliver([1, 2])
    with pytest.raises(DeviceError, match="delivered nothing"):
        card.listen(3 / 8000)


@pytest.mark.usefixtures("portaudio")
@pytest.mark.parametrize(
    ("device", "rate", "reason"), [("none such", 8000, "No input"), ("1", 192000, "rate")]
)
def test_a_device_that_does_not_open_lists_those_there_are(device: str, rate: int, reason: str) -> None:
    with pytest.raises(DeviceError, match=reason) as caught:
        capture.open_input(device, rate)
    assert caught.value.exit_code == 3
    assert "1: Scarlett" in caught.value.hint
    assert "Speakers" not in caught.value.hint


def test_without_portaudio_it_says_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sounddevice.py").write_text("raise OSError('PortAudio library not found')\n")
    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(DeviceError, match="PortAudio library not found") as caught:
        capture.open_input("default")
    assert "libportaudio2" in caught.value.hint
