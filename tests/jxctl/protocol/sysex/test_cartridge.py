"""Images of JX-8P cartridges."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jxctl.errors import ToneError
from jxctl.protocol.bank import Bank
from jxctl.protocol.patch import Patch
from jxctl.protocol.sysex.cartridge import is_image, read_image, write_image
from jxctl.protocol.tone import INIT_TONE


@given(st.binary(min_size=2048, max_size=2048))
@settings(max_examples=30)
def test_any_image_comes_back_byte_for_byte(image: bytes) -> None:
    bank = read_image(image, "A")
    assert list(bank.tones) == list(range(32))
    assert write_image(bank) == image
    assert write_image(Bank.from_json(bank.to_json())) == image


def test_a_tone_stands_where_the_layout_says() -> None:
    """160 bytes, then 59 a tone: name, byte 10, values (jx_hardware.md 4.8)."""
    tone = INIT_TONE.named("THIRD")
    image = write_image(Bank("jx8p", {}, {2: tone}))
    assert len(image) == 2048
    at = 160 + 2 * 59
    assert image[at : at + 59] == b"THIRD     \x20" + tone.values
    assert not any(image[:at])
    assert not any(image[at + 59 :])


def test_an_edit_leaves_every_other_byte_alone() -> None:
    image = bytes(n * 7 % 256 for n in range(2048))
    bank = read_image(image)
    tone = bank.tones[5]
    edited = Bank("jx8p", {}, {**bank.tones, 5: tone.named("NEW")}, rest=bank.rest)
    again = write_image(edited)
    apart = [n for n in range(2048) if image[n] != again[n]]
    assert apart
    assert set(apart) <= set(range(160 + 5 * 59, 160 + 5 * 59 + 10))


def test_what_is_an_image() -> None:
    assert is_image(write_image(Bank("jx8p", {}, dict.fromkeys(range(32), INIT_TONE))))
    # A user's cartridge with three tones, otherwise never written.
    few = bytearray(b"\xff" * 2048)
    record = INIT_TONE.record
    for slot in (0, 4, 31):
        few[160 + 59 * slot : 160 + 59 * (slot + 1)] = record
    assert is_image(bytes(few))
    assert not is_image(b"\xff" * 2048)
    assert not is_image(bytes(2048))
    assert not is_image(b"This is a text, not a cartridge.\n".ljust(2048))
    assert not is_image(bytes(2047))
    assert not is_image(bytes([0x1F]) * 2048)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ToneError, match="2048 bytes, not 8192"):
        read_image(bytes(8192))
    with pytest.raises(ToneError, match="mks70 does not fit"):
        write_image(Bank("mks70", {}, {0: INIT_TONE}))
    with pytest.raises(ToneError, match="no tone slot 41"):
        write_image(Bank("jx8p", {}, {40: INIT_TONE}))
    with pytest.raises(ToneError, match="keeps patches"):
        write_image(Bank("jx8p", {0: Patch.init_jx8p()}, {}))
    with pytest.raises(ToneError, match="2048 bytes, not 3"):
        write_image(Bank("jx8p", {}, {}, rest=b"abc"))
