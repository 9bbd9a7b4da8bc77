"""What a rig plays on: the bytes that are sent, and what is said about them."""

from __future__ import annotations

import pytest

from jxctl.errors import UsageError
from jxctl.ports import Port, pacing
from jxctl.ports.client import Synth
from jxctl.protocol.models import model
from jxctl.protocol.patch import Patch
from jxctl.protocol.sysex import PatchData, ToneData, decode
from jxctl.protocol.tone import INIT_TONE
from jxctl.recording.player import BoardPlayer, MidiPlayer


class Listed(Port):
    """Keeps what is written, message by message."""

    url = "listed:"
    language = "midi"

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.sent.append(data)

    def close(self) -> None:
        pass


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses between messages have tests of their own."""
    monkeypatch.setattr(pacing.Pacer, "wait", lambda self: None)


TONE = INIT_TONE.with_values({"VCF FREQ": 77}).named("PLAYED")


@pytest.mark.parametrize(("name", "groups"), [("mks70", [1]), ("jx8p", [1]), ("vecoven3", [1])])
def test_a_synth_gets_a_plain_patch_once_and_every_tone(name: str, groups: list[int]) -> None:
    port = Listed()
    player = MidiPlayer(port, model(name), channel=4)
    assert port.sent == [], "nothing is sent before it is asked for"
    assert player.patch_hex is None
    for tone in (TONE, INIT_TONE):
        player.load(tone)
    first, *tones = [decode(message).messages[0] for message in port.sent]
    assert isinstance(first, PatchData)
    plain = Patch.init_jx8p() if name == "jx8p" else Patch.init()
    assert first.patch == plain
    assert player.patch_hex == port.sent[0].hex()
    held = [message for message in tones if isinstance(message, ToneData)]
    assert [(m.tone, m.group, m.channel) for m in held] == [(TONE, 1, 4), (INIT_TONE, 1, 4)]
    assert (player.board, player.voice, player.model) == (None, None, name)


def test_notes_go_to_the_channel(monkeypatch: pytest.MonkeyPatch) -> None:
    port = Listed()
    player = MidiPlayer(port, model("mks70"), channel=2)
    player.note_on(60, 99)
    player.note_off(60)
    player.silence()
    # MIDI 1.0: note on 9n, note off 8n, all notes off is controller 123.
    assert port.sent == [bytes((0x92, 60, 99)), bytes((0x82, 60, 64)), bytes((0xB2, 123, 0))]


@pytest.mark.parametrize(("name", "word"), [("jx10", "cannot take"), ("board", "no MIDI")])
def test_a_model_that_takes_no_tones_is_refused_before_anything_is_sent(name: str, word: str) -> None:
    port = Listed()
    with pytest.raises(UsageError, match=word) as caught:
        MidiPlayer(port, model(name))
    assert caught.value.hint
    assert port.sent == []


def test_a_board_is_told_its_voice_and_says_what_else_was_sent() -> None:
    port = Listed()
    player = BoardPlayer(Synth(port), "upper")
    assert player.patch_hex is None, "nothing was sent yet"
    player.load(TONE)
    player.note_on(60, 99)
    assert port.sent[-1][-3:] == bytes((0xC0, 60, 99))
    assert (player.board, player.voice, player.model) == ("upper", 0, "board")
    assert player.patch_hex == "b500b000b700b800b900ba00b67fbb00bd00b432be32"
