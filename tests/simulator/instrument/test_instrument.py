"""The whole virtual synth: MIDI in, sound and MIDI out; and the port in front of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from jxctl.errors import DeviceError, UsageError
from jxctl.ports import AudiblePort, ReceivingPort, open_port
from jxctl.protocol.bank import Bank
from jxctl.protocol.bus import decode
from jxctl.protocol.patch import Patch
from jxctl.protocol.registers import tones_in
from jxctl.protocol.tone import INIT_TONE
from simulator.instrument.instrument import Instrument
from simulator.instrument.memory import Memory

RATE = 22050
NOTE_ON, NOTE_OFF = b"\x90\x39\x64", b"\x80\x39\x00"  # note 57, A3


def memory(**values: int | str) -> Memory:
    """Tone 0 an octave above tone 1, both played by patch 0."""
    patch = Patch.init().with_tones(0, 1)
    patch = patch.with_values({name.replace("_", " "): value for name, value in values.items()})
    tones = {0: INIT_TONE.with_values({"DCO1 RANGE": "4'"}), 1: INIT_TONE}
    return Memory("mks70", Bank("mks70", {0: patch}, tones))


def instrument(**values: int | str) -> Instrument:
    return Instrument("mks70", sample_rate=RATE, memory=memory(**values))


def level_at(sound: np.ndarray, hertz: float) -> float:
    """Amplitude of the strongest partial of both outputs within 3 Hz."""
    sound = sound.mean(axis=0)
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound)))) * 4 / len(sound)
    bins = np.fft.rfftfreq(len(sound), 1 / RATE)
    return float(spectrum[np.abs(bins - hertz) < 3].max())


def test_a_note_sounds_at_its_pitch_and_ends() -> None:
    synth = Instrument("jx8p", sample_rate=RATE)
    assert not synth.render(2000).any()
    synth.receive_midi(NOTE_ON)
    held = synth.render(RATE)
    assert held.shape == (2, RATE)
    assert held.dtype == np.float32
    assert level_at(held, 220) > 10 * level_at(held, 165)
    synth.receive_midi(NOTE_OFF)
    synth.render(RATE)
    assert not synth.render(2000).any()


def test_dual_plays_both_tones() -> None:
    synth = instrument(KEY_MODE="dual")
    synth.receive_midi(NOTE_ON)
    both = synth.render(RATE)
    whole = instrument(KEY_MODE="whole upper")
    whole.receive_midi(NOTE_ON)
    upper = whole.render(RATE)
    assert level_at(both, 220) > 10 * level_at(upper, 220)  # the lower tone, an octave down
    assert level_at(upper, 440) > 10 * level_at(upper, 220)


def test_twelve_notes_sound_at_once_in_a_whole_mode() -> None:
    synth = instrument(KEY_MODE="whole lower")
    notes = [45 + 2 * k for k in range(12)]
    for note in notes:
        synth.receive_midi(bytes((0x90, note, 100)))
    sound = synth.render(RATE)
    quiet = level_at(sound, 440 * 2 ** ((44 - 69) / 12))
    for note in notes:
        assert level_at(sound, 440 * 2 ** ((note - 69) / 12)) > 5 * quiet


def test_the_sound_is_the_sum_of_the_boards_and_repeats_exactly() -> None:
    first, second = instrument(KEY_MODE="dual"), instrument(KEY_MODE="dual")
    for synth in (first, second):
        synth.receive_midi(NOTE_ON)
    whole = first.render(5000)
    parts = [second.boards[0].render(5000), second.boards[1].render(5000)]
    assert parts[0].any()
    assert parts[1].any()
    assert np.array_equal(whole, parts[0] + parts[1])


def test_sysex_changes_the_sound() -> None:
    synth = instrument(KEY_MODE="whole upper")
    synth.receive_midi(NOTE_ON)
    before = level_at(synth.render(RATE), 440)
    synth.receive_midi(bytes.fromhex("F0 41 36 00 24 20 01 29 00 F7"))  # VCA level 0
    synth.render(2000)
    assert level_at(synth.render(RATE), 440) < before / 100


def test_midi_out_has_what_is_forwarded_and_nothing_else() -> None:
    synth = instrument()
    assert synth.send() == b""
    synth.receive_midi(NOTE_ON + b"\xb0\x01\x40")
    assert synth.send() == b""
    synth.receive_midi(b"\xc0\x02")
    sent = synth.send()
    assert sent.startswith(bytes.fromhex("C0 02 F0 41 34 00 24 30 01 02 00 F7 F0 41 35"))
    assert sent.endswith(b"\xf7")
    assert synth.send() == b""


def test_a_bank_goes_in_and_comes_out_unchanged(shared: Path) -> None:
    data = (shared / "data/captures/mks70_bulk_bank.syx").read_bytes()
    synth = Instrument("mks70", silent=True)
    synth.receive_midi(data)
    synth.panel_dump()
    assert synth.send() == data


def test_a_jx10_sends_and_takes_its_cartridge() -> None:
    content = bytes(k % 251 for k in range(8192))
    giver = Instrument("jx10", silent=True, memory=Memory("jx10", cartridge=content))
    taker = Instrument("jx10", silent=True)
    giver.panel_dump()
    sent = giver.send()
    assert sent == bytes.fromhex("F0 41 40 00 24 00 F7")  # an announcement without a name, and its checksum
    messages = 0
    while sent:
        # Every tenth message is damaged on the way: a data bit that its checksum does not know of.
        messages += 1
        damaged = (
            sent[:7] + bytes((sent[7] ^ 1,)) + sent[8:] if messages % 10 == 0 and len(sent) > 9 else sent
        )
        taker.receive_midi(damaged)
        giver.receive_midi(taker.send())
        sent = giver.send()
    assert messages > 66  # 64 blocks, one message before and one after, and what was sent again
    kept = taker.assigner.memory.cartridge
    assert kept is not None
    assert kept.content == content
    # Editing over SysEx is nothing a stock JX-10 knows (4.3).
    before = taker.assigner.buffer
    taker.receive_midi(bytes.fromhex("F0 41 36 00 24 20 01 22 10 F7"))
    assert taker.assigner.buffer == before


def test_a_cartridge_transfer_that_breaks_off_can_start_again() -> None:
    taker = Instrument("jx10", silent=True)
    announce = bytes.fromhex("F0 41 40 00 24 00 F7")
    block = bytes.fromhex("F0 41 42 00 24") + bytes(256) + bytes.fromhex("00 F7")
    for message in (announce, block, announce, *[block] * 16, bytes.fromhex("F0 41 45 00 24 F7")):
        taker.receive_midi(message)
        assert taker.send() == bytes.fromhex("F0 41 43 00 24 F7")
    kept = taker.assigner.memory.cartridge
    assert kept is not None
    assert kept.content == bytes(2048)
    taker.receive_midi(block)
    assert taker.send() == b""


def test_a_cartridge_has_one_of_two_sizes_and_a_slot() -> None:
    for content in (b"", bytes(2047)):
        with pytest.raises(UsageError):
            Memory("jx10", cartridge=content)
    with pytest.raises(UsageError, match="no cartridge slot"):
        Memory("mks70", cartridge=bytes(2048))


def test_the_tap_sees_the_bus() -> None:
    bus = bytearray()
    Instrument("mks70", memory=memory(KEY_MODE="dual"), tap=bus.extend, silent=True)
    tones = tones_in(decode(bytes(bus))[0])
    assert tones["upper"].label("DCO1 RANGE") == "4'"
    assert tones["lower"].label("DCO1 RANGE") == "8'"


def test_a_silent_instrument_says_so() -> None:
    with pytest.raises(UsageError, match="without sound boards"):
        Instrument("jx8p", silent=True).render(10)


@pytest.mark.parametrize(
    "url", ["sim:?model=mks70&sample_rate=22050&channel=3", "spy:sim:?model=mks70&sample_rate=22050"]
)
def test_the_port(url: str) -> None:
    with open_port(url) as port:
        assert isinstance(port, ReceivingPort)
        assert isinstance(port, AudiblePort)
        assert port.language == "midi"
        assert port.sample_rate == RATE
        port.write(b"\x92\x39\x64")
        assert port.listen(0.2).any()
        assert port.receive(10) == b""  # at once: time passes only in listen
        port.write(b"\xc2\x01")
        # The number it forwards is on its own channel, the first one when it listens to all.
        assert port.receive(0) in (b"\xc2\x01", b"\xc0\x01")
        assert port.receive(0)[:3] == bytes.fromhex("F0 41 34")
        with pytest.raises(UsageError, match="no complete MIDI message"):
            port.write(b"\xf1\x9e\x00")
    with pytest.raises(DeviceError):
        port.write(NOTE_ON)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("sim:?model=juno", "juno"),
        ("sim:?model=", "no virtual"),
        ("sim:?model=mks70&board=lower", "all its boards"),
        ("sim:?channel=1", "bare board"),
        ("sim:?model=mks70&channel=0", "1 to 16"),
        ("sim:?model=mks70&channel=17", "1 to 16"),
        ("sim:?model=mks70&profile=nonsense", "nonsense"),
    ],
)
def test_options_of_the_port(url: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        open_port(url)
