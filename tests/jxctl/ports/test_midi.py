"""``midi:`` ports: choosing among names with a RtMidi made of names, and real RtMidi over JACK."""

from __future__ import annotations

import os
import sys
import types
from typing import Any

import pytest
from jack_server import jack  # noqa: F401  (a fixture)

from jxctl import ports
from jxctl.errors import DeviceError, UsageError
from jxctl.ports import ReceivingPort, open_port, rtmidi2
from jxctl.ports.midi import MidiPort, listening_url, virtual_url
from jxctl.ports.midi_systems import systems
from jxctl.ports.rtmidi2 import NO_JACK

NOTE = b"\x90\x3c\x64"


class FakeRtMidi(types.ModuleType):
    """RtMidi with the systems and names of the test: {system: (outputs, inputs)}; None does not run."""

    def __init__(self, names: dict[str, tuple[list[str], list[str]] | None]) -> None:
        super().__init__("rtmidi")
        self.names = names
        self.systems = list(names)
        self.opened: list[tuple[str, str, str]] = []
        self.sent: list[bytes] = []
        self.inputs: list[Any] = []
        self.alive = 0
        fake = self

        class Client:
            kind = ""

            def __init__(self, system: int, name: str) -> None:
                self.system, self.name = fake.systems[system], name
                if fake.names[self.system] is None:
                    os.write(2, b"a library complains\n")
                    raise OSError("not running")
                fake.alive += 1

            def get_ports(self) -> list[str]:
                names = fake.names[self.system]
                assert names is not None
                return names[0 if self.kind == "out" else 1]

            def open_port(self, index: int, name: str) -> None:
                fake.opened.append((self.kind, self.system, self.get_ports()[index]))

            def open_virtual_port(self, name: str) -> None:
                if self.system == "winmm":
                    raise NotImplementedError
                fake.opened.append((self.kind, self.system, f"{self.name}:{name}"))

            def close_port(self) -> None:
                pass

            def delete(self) -> None:
                fake.alive -= 1

        class MidiOut(Client):
            kind = "out"

            def send_message(self, message: bytes) -> None:
                fake.sent.append(bytes(message))

        class MidiIn(Client):
            kind = "in"

            def ignore_types(self, sysex: bool, timing: bool, active_sense: bool) -> None:
                self.ignored = (sysex, timing, active_sense)

            def set_callback(self, callback: Any) -> None:
                self.callback = callback
                fake.inputs.append(self)

        self.MidiIn, self.MidiOut = MidiIn, MidiOut

    def get_compiled_api(self) -> list[int]:
        return list(range(len(self.systems)))

    def get_api_name(self, system: int) -> str:
        return self.systems[system]


@pytest.fixture
def rtmidi(monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    """Put a fake in RtMidi's place: ``rtmidi(alsa=(outputs, inputs), jack=None)``."""

    def install(**names: tuple[list[str], list[str]] | None) -> FakeRtMidi:
        fake = FakeRtMidi(names)
        monkeypatch.setitem(sys.modules, "rtmidi", fake)
        return fake

    return install


TWO = ["MKS-70 MIDI 1", "Other MKS-80"]


def test_part_of_a_name_in_any_case_opens_both_directions(rtmidi) -> None:  # type: ignore[no-untyped-def]
    fake = rtmidi(alsa=(TWO, TWO))
    with open_port("midi:mks-7?model=mks70") as port:
        assert isinstance(port, MidiPort)
        assert (port.language, port.model, port.output, port.input) == ("midi", "mks70", TWO[0], TWO[0])
        assert fake.opened == [("out", "alsa", TWO[0]), ("in", "alsa", TWO[0])]
        port.write(NOTE + b"\xf0" + bytes(20000) + b"\xf7")
        assert fake.sent == [NOTE, b"\xf0" + bytes(20000) + b"\xf7"]
        assert fake.inputs[0].ignored == (False, True, True)  # SysEx is not ignored
        fake.inputs[0].callback(([0xF0, 0x41, 0xF7], 0.1), None)
        fake.inputs[0].callback(([0x90, 0x3C, 0x64], 0.1), None)
        assert [port.receive(0) for _ in range(3)] == [b"\xf0\x41\xf7", NOTE, b""]
    assert fake.alive == 0
    port.close()
    for act in (lambda: port.write(NOTE), lambda: port.receive(0)):
        with pytest.raises(DeviceError, match="closed"):
            act()


def test_a_whole_name_wins_over_a_longer_one(rtmidi) -> None:  # type: ignore[no-untyped-def]
    rtmidi(alsa=(["synth", "synth 2"], []))
    with open_port("midi:SYNTH") as port:
        assert isinstance(port, MidiPort)
        assert port.output == "synth"


def test_the_first_system_with_the_name_is_used_or_the_one_asked_for(rtmidi) -> None:  # type: ignore[no-untyped-def]
    fake = rtmidi(alsa=(["through"], []), jack=(["synth"], []), core=(["synth"], []))
    open_port("midi:synth").close()
    open_port("midi:synth?api=core").close()
    assert [opened[1] for opened in fake.opened] == ["jack", "core"]


def test_another_input_and_none(rtmidi) -> None:  # type: ignore[no-untyped-def]
    rtmidi(alsa=(["synth in"], ["keys", "synth out"]))
    with open_port("midi:synth in?in=synth OUT") as port:
        assert isinstance(port, MidiPort)
        assert port.input == "synth out"
    with open_port("midi:synth in") as port:
        assert isinstance(port, ReceivingPort)
        port.write(NOTE)
        with pytest.raises(DeviceError, match="nothing can be received"):
            port.receive(0)


@pytest.mark.parametrize(
    ("url", "kind", "said"),
    [
        ("midi:mks", DeviceError, "fits 2 MIDI outputs: 'MKS-70 MIDI 1', 'Other MKS-80'"),
        ("midi:juno", DeviceError, "the outputs are 'MKS-70 MIDI 1', 'Other MKS-80'"),
        ("midi:mks-70?in=juno", DeviceError, "the inputs are 'keys'"),
        ("midi:", DeviceError, "names no port"),
        ("midi:?api=alsa", DeviceError, "names no port"),
        ("midi:mks-70?api=core", UsageError, "no MIDI system 'core'"),
        ("midi:mks-70?colour=red", UsageError, "colour"),
        ("midi:mks-70?model=", UsageError, "model"),
        ("midi:mks-70?model", UsageError, "options"),
        ("midi:mks-70?virtual=0", UsageError, "virtual"),
        ("midi:mks-70?api=jack", DeviceError, "no MIDI system is running here (tried jack)"),
    ],
)
def test_what_cannot_be_opened(rtmidi, url: str, kind: type[DeviceError], said: str) -> None:  # type: ignore[no-untyped-def]
    fake = rtmidi(alsa=(TWO, ["keys"]), jack=None)
    with pytest.raises(kind) as caught:
        open_port(url)
    assert said in caught.value.message
    assert caught.value.hint
    assert fake.alive == 0


def test_a_machine_without_midi(rtmidi, capfd: pytest.CaptureFixture[str]) -> None:  # type: ignore[no-untyped-def]
    rtmidi(alsa=None, jack=None)
    with pytest.raises(DeviceError, match="tried alsa, jack") as caught:
        open_port("midi:MKS-70")
    assert "serial:" in caught.value.hint
    assert not [port for port in ports.available() if port.url.startswith("midi:")]
    assert capfd.readouterr().err == ""  # what the libraries say there helps nobody


def test_rtmidi_that_cannot_be_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rtmidi", None)
    monkeypatch.setitem(sys.modules, "rtmidi2", None)
    with pytest.raises(DeviceError, match="cannot be loaded"):
        open_port("midi:MKS-70")
    assert ports.available()


def test_available_ports_open_by_their_url(rtmidi) -> None:  # type: ignore[no-untyped-def]
    odd = "100% odd? [name]: in/out"
    rtmidi(alsa=([odd, "100% od"], []))
    urls = [port.url for port in ports.available() if port.url.startswith("midi:")]
    with open_port(urls[0]) as port:
        assert isinstance(port, MidiPort)
        assert port.output == odd


def test_an_output_that_goes_away(rtmidi) -> None:  # type: ignore[no-untyped-def]
    fake = rtmidi(alsa=(TWO, []))
    with open_port("midi:mks-70") as port:
        fake.names["alsa"] = ([], [])
        with pytest.raises(DeviceError, match="went away"):
            port.write(NOTE)
    assert fake.sent == []


@pytest.mark.parametrize("left", [([], []), (TWO, []), ([], TWO)])
def test_an_input_that_goes_away(rtmidi, left: tuple[list[str], list[str]]) -> None:  # type: ignore[no-untyped-def]
    fake = rtmidi(alsa=(TWO, TWO))
    with open_port("midi:mks-70") as port:
        assert isinstance(port, ReceivingPort)
        assert port.receive(0) == b""
        fake.inputs[0].callback(([0x90, 0x3C, 0x64], 0.1), None)
        fake.names["alsa"] = left
        assert port.receive(0) == NOTE  # what had come before still counts
        with pytest.raises(DeviceError, match="went away"):
            port.receive(0)


@pytest.mark.parametrize("data", [b"\xf1\x9e\x00", b"\x90\x3c", b"\x3c", b"\xf0\x41"])
def test_bytes_that_are_no_midi_are_refused_whole(rtmidi, data: bytes) -> None:  # type: ignore[no-untyped-def]
    fake = rtmidi(alsa=(TWO, []))
    with open_port("midi:mks-70") as port, pytest.raises(UsageError) as caught:
        port.write(NOTE + data)
    assert "serial:" in caught.value.hint
    assert fake.sent == []


def test_no_virtual_ports_on_windows(rtmidi) -> None:  # type: ignore[no-untyped-def]
    fake = rtmidi(winmm=([], []))
    with pytest.raises(DeviceError, match="Windows"):
        open_port("midi:synth?virtual=1")
    assert fake.alive == 0


def test_a_keyboard_without_an_output_is_listened_to(rtmidi) -> None:  # type: ignore[no-untyped-def]
    fake = rtmidi(alsa=(["synth"], ["synth", "Keystation 49"]))
    with open_port("midi:keystation?listen=1") as port:
        assert isinstance(port, MidiPort)
        assert (port.input, port.output) == ("Keystation 49", "")
        assert fake.opened == [("in", "alsa", "Keystation 49")]
        fake.inputs[0].callback(([0x90, 0x3C, 0x64], 0.1), None)
        assert [port.receive(0) for _ in range(2)] == [NOTE, b""]
        with pytest.raises(DeviceError, match="only listens"):
            port.write(NOTE)
        fake.names["alsa"] = (["synth"], ["synth"])
        with pytest.raises(DeviceError, match="'Keystation 49' went away"):
            port.receive(0)
    assert fake.alive == 0
    with pytest.raises(DeviceError, match="closed"):
        port.receive(0)


@pytest.mark.parametrize(
    ("url", "kind", "said"),
    [
        ("midi:juno?listen=1", DeviceError, "no MIDI input has 'juno' in its name; the inputs are 'keys'"),
        ("midi:mks?listen=1", DeviceError, "no MIDI input"),
        ("midi:keys?listen=yes", UsageError, "listen"),
    ],
)
def test_what_cannot_be_listened_to(rtmidi, url: str, kind: type[DeviceError], said: str) -> None:  # type: ignore[no-untyped-def]
    fake = rtmidi(alsa=(TWO, ["keys"]), jack=None)
    with pytest.raises(kind) as caught:
        open_port(url)
    assert said in caught.value.message
    assert caught.value.hint
    assert fake.alive == 0


@pytest.fixture(params=["rtmidi", "rtmidi2"])
def binding(request: pytest.FixtureRequest, jack: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    """Each Python module of RtMidi in turn. rtmidi2's wheels carry the JACK of an older protocol: .ci/run
    builds it for the one that is here."""
    pytest.importorskip(request.param, reason=f"{request.param} is not installed")
    if request.param == "rtmidi2":
        monkeypatch.setitem(sys.modules, "rtmidi", None)
        # The newest release with source, 1.4, crashes where ALSA has no sequencer.
        monkeypatch.setattr(rtmidi2, "_SYSTEMS", {"linux": {"jack": "API_UNIX_JACK"}})
    try:
        systems("jack").client("out", "jack", "jx test").delete()
    except DeviceError as error:
        if NO_JACK not in error.message:
            raise
        pytest.skip(NO_JACK)


@pytest.mark.usefixtures("binding")
def test_real_rtmidi_carries_every_byte_both_ways() -> None:
    with (
        open_port("midi:jx test synth?virtual=1&api=jack") as synth,
        open_port("midi:JX TEST syn?api=jack") as port,
    ):
        assert isinstance(synth, ReceivingPort)
        assert isinstance(port, ReceivingPort)
        everything = [NOTE, b"\xf0\x41" + bytes(range(128)) * 40 + b"\xf7", b"\xc0\x05", b"\xe0\x00\x40"]
        for message in everything:
            port.write(message)
        assert [synth.receive(10) for _ in everything] == everything
        synth.write(b"\xf0\x41\x42\xf7")
        assert port.receive(10) == b"\xf0\x41\x42\xf7"
        assert port.receive(0) == b""
        with pytest.raises(UsageError, match="more than JACK takes"):
            port.write(b"\xf0" + bytes(20000) + b"\xf7")
    with pytest.raises(DeviceError, match="no MIDI output"):
        open_port("midi:jx test synth?api=jack")


@pytest.mark.usefixtures("binding")
def test_real_rtmidi_says_what_is_there() -> None:
    with open_port("midi:jx listed?virtual=1&api=jack") as synth:
        assert any("jx listed" in port.url for port in ports.available())
        with pytest.raises(DeviceError, match="'jx listed:in'"):
            open_port("midi:nobody has this name?api=jack")
        with open_port("midi:jx listed?api=jack") as port:
            synth.close()
            with pytest.raises(DeviceError, match="went away"):
                port.write(NOTE)


def test_urls_of_new_ports_and_of_inputs() -> None:
    assert virtual_url("my synth?", "jack") == "midi:my%20synth%3F?virtual=1&api=jack"
    assert listening_url("Keys (1)") == "midi:Keys (1)?listen=1"
    assert listening_url("midi:Keys?api=jack") == "midi:Keys?api=jack&listen=1"
    assert listening_url("what?", "alsa") == "midi:what%3F?listen=1&api=alsa"
