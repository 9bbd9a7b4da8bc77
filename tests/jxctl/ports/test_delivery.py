"""A file into what is behind a port: what is prepared, what is sent, and a note."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from jxctl.errors import UsageError
from jxctl.library.files import encoded
from jxctl.ports import Port, open_port, pacing
from jxctl.ports.client import MidiKeys, Synth, play_note
from jxctl.ports.delivery import ALL, Delivery, deliver
from jxctl.protocol.bank import Bank
from jxctl.protocol.sysex import ToneData, decode
from jxctl.protocol.tone import INIT_TONE, write_tone


class Listed(Port):
    """Keeps what is written, write by write."""

    url = "listed:"

    def __init__(self, language: str = "midi") -> None:
        self.language = language  # type: ignore[assignment]
        self.sent: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.sent.append(data)

    def close(self) -> None:
        pass


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pacing.Pacer, "wait", lambda self: None)


@pytest.fixture
def tone(tmp_path: Path) -> Path:
    path = tmp_path / "tone.json"
    write_tone(INIT_TONE.named("SENT"), path)
    return path


@pytest.fixture
def bank(tmp_path: Path) -> Path:
    path = tmp_path / "bank.json"
    held = Bank("mks70", {}, {0: INIT_TONE.named("ONE"), 1: INIT_TONE.named("TWO")})
    path.write_bytes(encoded(held, "json"))
    return path


def test_tone_goes_into_the_edit_buffer_and_its_note_is_played(tone: Path) -> None:
    port = Listed()
    steps: list[int] = []
    shipment = deliver(port, tone, "mks70", steps.append, channel=2)
    (sent,) = decode(b"".join(port.sent)).messages
    assert isinstance(sent, ToneData)
    assert (sent.tone.name, sent.channel, sum(steps), shipment.overwrites) == ("SENT", 2, 1, "")
    port.sent.clear()
    assert play_note(shipment.keys, port, 60, 99, gate_s=0) is None
    assert [data.hex() for data in port.sent] == ["923c63", "823c40"]


def test_nothing_is_sent_before_send(bank: Path) -> None:
    port = Listed()
    shipment = Delivery(bank, "mks70", write=ALL).prepare(port)
    assert port.sent == []
    assert shipment.warnings() == ["overwrites tones 1-2 in the memory of the MKS-70 (1.08)"]
    shipment.send()
    assert len(port.sent) == shipment.steps == shipment.to_json()["messages"]


def test_memory_is_overwritten_only_when_asked_for(bank: Path) -> None:
    port = Listed()
    with pytest.raises(UsageError, match="this overwrites tones 1-2") as caught:
        deliver(port, bank, "mks70")
    assert "--write all" in caught.value.hint
    with pytest.raises(UsageError, match="what is behind listed:"):
        deliver(port, bank)
    assert port.sent == []


def test_bare_board_takes_one_tone_of_a_bank(bank: Path) -> None:
    port = Listed("bus")
    deliver(port, bank, slot=2, board="upper")
    expected = Listed("bus")
    board = Synth(expected)
    board.wake()
    board.load(INIT_TONE.named("TWO"), "upper")
    assert port.sent == expected.sent
    with pytest.raises(UsageError, match="no memory"):
        deliver(port, bank, slot=2, write="1")


def test_note_of_a_virtual_board_comes_back_with_its_tail(tone: Path) -> None:
    with open_port("sim:?seed=1") as port:
        shipment = deliver(port, tone)
        sound = play_note(shipment.keys, port, 57, gate_s=0.1, tail_s=0.05)
    assert sound is not None
    assert sound.shape == (round(0.1 * 44100) + round(0.05 * 44100),)
    assert np.abs(sound).max() > 0.01


def test_key_goes_up_when_its_note_is_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(seconds: float) -> None:
        raise KeyboardInterrupt

    port = Listed()
    monkeypatch.setattr("jxctl.ports.client.time.sleep", interrupted)
    with pytest.raises(KeyboardInterrupt):
        play_note(MidiKeys(port, 15), port, 60)
    assert port.sent[-1] == bytes.fromhex("8F 3C 40")


@pytest.mark.parametrize(("note", "velocity"), [(128, 100), (-1, 100), (60, 0), (60, 128)])
def test_notes_that_there_are_not_press_nothing(note: int, velocity: int) -> None:
    port = Listed()
    with pytest.raises(UsageError):
        play_note(MidiKeys(port), port, note, velocity)
    assert port.sent == []
