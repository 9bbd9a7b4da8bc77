"""Ports: URLs, and a real serial device (a pseudo-terminal) at the other end."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
import pytest
import serial

import jxctl.ports.serial
from jxctl import ports
from jxctl.errors import DeviceError
from jxctl.ports import AudiblePort, Port, open_port
from jxctl.ports.spy import AudibleSpyPort, SpyPort

needs_pty = pytest.mark.skipif(not hasattr(os, "openpty"), reason="this system has no pseudo-terminals")


@pytest.fixture
def pty():  # type: ignore[no-untyped-def]
    """(controller file descriptor, path of the device)."""
    import tty

    controller, device = os.openpty()
    tty.setraw(device)
    yield controller, os.ttyname(device)
    os.close(controller)
    os.close(device)


@needs_pty
def test_serial_bytes_arrive_unchanged(pty: tuple[int, str]) -> None:
    controller, device = pty
    data = bytes(range(256))
    with open_port(f"serial:{device}") as port:
        assert port.url == f"serial:{device}"
        port.write(data)
        assert os.read(controller, 1000) == data
        port.close()  # and again by the context manager: harmless


@needs_pty
def test_serial_asks_for_the_rate_of_the_bus(pty: tuple[int, str], monkeypatch: pytest.MonkeyPatch) -> None:
    real, asked = serial.serial_for_url, {}

    def record(device: str, **options: object) -> object:
        asked.update(options)
        opened = real(device, **options)
        asked["frame"] = (opened.bytesize, opened.parity, opened.stopbits)
        return opened

    monkeypatch.setattr(serial, "serial_for_url", record)
    open_port(f"serial:{pty[1]}").close()
    assert asked["baudrate"] == 31250
    assert asked["frame"] == (8, "N", 1)


@needs_pty
def test_serial_port_in_use(pty: tuple[int, str]) -> None:
    with open_port(f"serial:{pty[1]}"), pytest.raises(DeviceError, match="in use"):
        open_port(f"serial:{pty[1]}")


@needs_pty
def test_serial_unplugged_while_sending() -> None:
    controller, device = os.openpty()
    with open_port(f"serial:{os.ttyname(device)}") as port:
        os.close(device)
        port.write(b"\xf1")
        os.close(controller)
        with pytest.raises(DeviceError, match="went away"):
            port.write(b"\xf1")


@needs_pty
def test_serial_that_takes_no_bytes(pty: tuple[int, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jxctl.ports.serial, "STUCK_S", 0.05)
    with open_port(f"serial:{pty[1]}") as port, pytest.raises(DeviceError, match="taken no bytes"):
        port.write(bytes(1_000_000))


def test_serial_handlers_of_pyserial_work() -> None:
    with open_port("serial:loop://") as port:
        port.write(b"\xf1\x80\x60")


@pytest.mark.parametrize(
    ("failure", "said"),
    [
        (serial.SerialException(errno.EACCES, "x"), "no permission"),
        (ValueError("Failed to set custom baud rate (31250): 5"), "31250 baud"),
        (serial.SerialException("could not open port: FileNotFoundError(2)"), "there is no serial port"),
        (serial.SerialException("something else"), "something else"),
    ],
)  # fmt: skip
def test_serial_failures_that_need_other_hardware(
    failure: Exception, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise failure

    monkeypatch.setattr(serial, "serial_for_url", fail)
    with pytest.raises(DeviceError, match=said) as caught:
        open_port("serial:/dev/x")
    assert caught.value.hint


@pytest.mark.parametrize(
    ("url", "said", "hint"),
    [
        ("serial:/dev/no-such-device", "no serial port /dev/no-such-device", "jx ports"),
        ("serial:", "names no device", "/dev/ttyUSB0"),
        ("serial:nothing://x", "cannot open", "jx ports"),
        ("/dev/ttyUSB0", "not a port", '"serial:/dev/ttyUSB0"'),
        ("COM3", "not a port", '"serial:COM3"'),
        ("sim", "not a port", '"sim:"'),
        ("midi", "not a port", '"midi:"'),
        ("midi:nothing is called this", "no MIDI", ""),
        ("usb:1", "usb:1", "serial:/dev/ttyUSB0"),
        ("", "not a port", "sim:"),
        ("spy:", "needs a port", "spy:sim:"),
        ("spy:usb:1", "usb:1", "serial:"),
    ],
)
def test_urls_that_cannot_be_opened(url: str, said: str, hint: str) -> None:
    with pytest.raises(DeviceError) as caught:
        open_port(url)
    assert said in caught.value.message
    assert hint in caught.value.hint


def test_a_file_is_not_a_serial_port(tmp_path: Path) -> None:
    file = tmp_path / "tone.json"
    file.write_bytes(b"{}")
    with pytest.raises(DeviceError):
        open_port(f"serial:{file}")
    assert file.read_bytes() == b"{}"


class Memory(AudiblePort):
    """Keeps what is written; sounds like a ramp."""

    url = "memory:"
    sample_rate = 100

    def __init__(self) -> None:
        self.written = b""
        self.closed = False

    def write(self, data: bytes) -> None:
        self.written += data

    def listen(self, seconds: float) -> np.ndarray:
        return np.arange(round(seconds * self.sample_rate), dtype=np.float32)

    def close(self) -> None:
        self.closed = True


def test_spy_passes_bytes_on_and_prints_them(capsys: pytest.CaptureFixture[str]) -> None:
    inner = Memory()
    with SpyPort("spy:memory:", inner) as spy:
        spy.write(bytes.fromhex("F1 80"))
        assert inner.written == bytes.fromhex("F1 80")
        spy.write(bytes.fromhex("60 55 F5 90"))
    assert inner.written == bytes.fromhex("F1 80 60 55 F5 90")
    assert inner.closed
    out, err = capsys.readouterr()
    assert out == ""
    lines = [line.split(maxsplit=1) for line in err.splitlines()]
    assert [(line[0], " ".join(line[1].split())) for line in lines] == [
        ("0", "F1 select lower"),
        ("1", "80 60 DCO1 RANGE = 96 (2')"),
        ("spy:", "1 bytes belong to no message"),
        ("4", "F5 90 forward to MIDI OUT: 90"),
    ]


def test_spy_lets_sound_through(monkeypatch: pytest.MonkeyPatch) -> None:
    inner = Memory()
    monkeypatch.setattr("jxctl.ports.spy.open_port", lambda url: inner)
    with open_port("spy:memory:") as spy:
        assert isinstance(spy, AudibleSpyPort)
        assert spy.sample_rate == 100
        assert spy.listen(0.05).tolist() == [0, 1, 2, 3, 4]


def test_spy_of_a_mute_port_is_mute() -> None:
    with open_port("spy:serial:loop://") as spy:
        assert not isinstance(spy, AudiblePort)


def test_available_lists_the_virtual_board_and_found_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    from serial.tools import list_ports
    from serial.tools.list_ports_common import ListPortInfo

    device = ListPortInfo("/dev/ttyUSB7", skip_link_detection=True)
    device.description = "FT232R"
    monkeypatch.setattr(list_ports, "comports", lambda: [device])
    monkeypatch.setattr("jxctl.ports.midi.midi_ports", lambda: [("alsa", "MKS-70 MIDI 1")])
    found = ports.available()
    assert [(port.url, port.description) for port in found] == [
        ("serial:/dev/ttyUSB7", "FT232R"),
        ("midi:MKS-70 MIDI 1", "MIDI output (alsa)"),
        ("sim:", "the virtual board"),
        ("sim:?model=mks70", "the virtual synth, which takes MIDI"),
    ]


def test_every_scheme_has_a_module_that_opens_ports() -> None:
    import importlib

    for module, form in ports.SCHEMES.values():
        assert callable(importlib.import_module(module).open)
        assert ":" in form
    assert issubclass(SpyPort, Port)
