"""rtmidi2 by python-rtmidi's names: with a fake that complains as RtMidi does; over JACK in test_midi.py."""

from __future__ import annotations

import gc
import os
import sys
import types
import weakref
from typing import Any

import pytest

from jxctl.errors import DeviceError
from jxctl.ports import open_port
from jxctl.ports import rtmidi2 as binding
from jxctl.ports.midi_systems import systems

ALSA, JACK, WINMM = 2, 3, 4


class FakeRtMidi2(types.ModuleType):
    """Names, and for each system what RtMidi prints while a client is made."""

    API_LINUX_ALSA, API_UNIX_JACK, API_MACOSX_CORE, API_WINDOWS_MM = ALSA, JACK, 1, WINMM

    def __init__(self, ports: list[str], printed: dict[int, str]) -> None:
        super().__init__("rtmidi2")
        self.sent: list[bytes] = []
        self.opened: list[Any] = []
        self.clients: list[weakref.ref[Any]] = []
        fake = self

        class Client:
            def __init__(self, api: int) -> None:
                os.write(2, printed.get(api, "").encode())
                self.api, self.ports, self.callback = api, ports, None
                fake.clients.append(weakref.ref(self))

            def open_port(self, index: int) -> None:
                fake.opened.append(index)

            def open_virtual_port(self, name: str) -> None:
                fake.opened.append(name)

            def close_port(self) -> None:
                pass

        class MidiOut(Client):
            def __init__(self, clientname: str, api: int) -> None:
                super().__init__(api)

            def send_raw(self, *message: int) -> None:
                fake.sent.append(bytes(message))

        class MidiIn(Client):
            def __init__(self, clientname: str, queuesize: int, api: int) -> None:
                super().__init__(api)

            def ignore_types(self, midi_sysex: bool, midi_time: bool, midi_sense: bool) -> None:
                self.ignored = (midi_sysex, midi_time, midi_sense)

        self.MidiIn, self.MidiOut = MidiIn, MidiOut


@pytest.fixture
def rtmidi2(monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    """A fake rtmidi2 on a machine that has no python-rtmidi."""

    def install(ports: list[str], platform: str = "linux", **printed: str) -> FakeRtMidi2:
        numbers = {"alsa": ALSA, "jack": JACK, "winmm": WINMM}
        fake = FakeRtMidi2(ports, {numbers[name]: text for name, text in printed.items()})
        monkeypatch.setitem(sys.modules, "rtmidi", None)
        monkeypatch.setitem(sys.modules, "rtmidi2", fake)
        monkeypatch.setattr(sys, "platform", platform)
        return fake

    return install


def test_a_port_both_ways(rtmidi2) -> None:  # type: ignore[no-untyped-def]
    fake = rtmidi2(["MKS-70"])
    with open_port("midi:mks-70?api=alsa") as port:
        port.write(b"\x90\x3c\x64\xf0\x41\xf7")
        assert fake.sent == [b"\x90\x3c\x64", b"\xf0\x41\xf7"]
        client = fake.clients[-1]()
        assert client.ignored == (False, True, True)
        client.callback([0x90, 0x3C, 0x64], 0.1)
        assert port.receive(0) == b"\x90\x3c\x64"
        del client
    assert fake.opened == [0, 0]
    gc.collect()
    assert not [one for one in fake.clients if one() is not None]  # the system knows of none any more


@pytest.mark.parametrize(
    ("printed", "said"),
    [
        ("\nMidiOutJack::initialize: JACK server not running?\n", "server not running"),
        (
            "JACK protocol mismatch 8\nMidiOutJack::initialize: JACK server not running?",
            "version of JACK",
        ),
        ("RtMidiOut: no compiled support for specified API argument!", "no compiled support"),
    ],
)
def test_a_system_that_is_down_is_told_from_what_is_printed(
    rtmidi2,
    printed: str,
    said: str,
    capfd: pytest.CaptureFixture[str],  # type: ignore[no-untyped-def]
) -> None:
    rtmidi2(["MKS-70"], jack=printed)
    found = systems("jack")
    with pytest.raises(DeviceError, match="not running here") as caught:
        found.client("out", "jack", "jx")
    assert said in caught.value.message
    assert found.names("out", "jack") == []
    assert systems("alsa").names("in", "alsa") == ["MKS-70"]
    assert capfd.readouterr().err == ""


def test_systems_of_each_platform(rtmidi2) -> None:  # type: ignore[no-untyped-def]
    for platform, names in {"linux": ["alsa", "jack"], "darwin": ["core"], "win32": ["winmm"]}.items():
        rtmidi2([], platform)
        assert [binding.get_api_name(number) for number in binding.get_compiled_api()] == names
        assert list(systems(None)) == names


def test_no_virtual_ports_on_windows(rtmidi2) -> None:  # type: ignore[no-untyped-def]
    fake = rtmidi2([], "win32")
    with pytest.raises(DeviceError, match="Windows has no virtual MIDI ports"):
        open_port("midi:synth?virtual=1")
    assert fake.opened == []


def test_without_any_binding_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rtmidi", None)
    monkeypatch.setitem(sys.modules, "rtmidi2", None)
    with pytest.raises(DeviceError, match="cannot be loaded") as caught:
        open_port("midi:MKS-70")
    assert "superjx[midi]" in caught.value.hint
