"""V4 tones: values kept exactly, places and numbers, JSON, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jxctl.errors import ToneError
from jxctl.protocol.vecoven_tone import BY_IPR, TONE_V4, ToneV4


def sevens(size: int) -> st.SearchStrategy[bytes]:
    return st.binary(min_size=size, max_size=size).map(lambda data: bytes(byte & 0x7F for byte in data))


v4_tones = st.builds(ToneV4, sevens(101), st.one_of(st.just(b""), sevens(77)))


@given(v4_tones)
def test_json_keeps_every_byte(tone: ToneV4) -> None:
    again = ToneV4.from_json(json.loads(json.dumps(tone.to_json())))
    assert (again.values, again.rest) == (tone.values, tone.rest)


def test_places_and_numbers_are_those_of_the_documents() -> None:
    """jx_hardware.md 4.10: offsets in the message (7 before the values) and IPR numbers."""
    offsets = {
        "DCO1 TUNE": 18,
        "DCO2 TUNE": 21,
        "DCO2 FTUNE": 22,
        "PWM1 WIDTH": 25,
        "PWM2 WIDTH": 28,
        "MIX DCO1": 31,
        "VCF FREQ": 34,
        "VCF KEY": 39,
        "VCA LEVEL": 40,
        "LFO1 DELAY": 41,
        "LFO2 DELAY": 44,
        "ENV1 T1": 47,
        "ENV2 T1": 54,
        "ENV3 ATT": 61,
        "ENV4 ATT": 65,
        "DCO1 RANGE": 71,
        "DCO2 WF": 74,
        "DCO XMOD": 75,
        "MIX DYNA": 78,
        "DCO1 LFO SOURCE": 79,
        "PWM1 DYNA": 83,
        "LFO1 SYNC": 85,
        "ENV1 KEY": 87,
        "HPF FREQ": 89,
        "DCO1 SOURCE": 90,
        "VCA DYNA": 92,
        "MIX SOURCE": 93,
        "VCF SOURCE": 94,
        "VCF DYNA": 95,
        "VCA SOURCE": 96,
        "LFO1 WF": 97,
        "CHORUS": 98,
        "LFO2 WF": 99,
        "ENV3 KEY": 100,
        "PWM1 SOURCE": 102,
        "ENV4 KEY": 105,
    }
    assert {name: 7 + TONE_V4.row(name).number for name in offsets} == offsets
    numbers = {
        0x0B: "DCO1 RANGE",
        0x0C: "DCO1 WF",
        0x12: "DCO1 SOURCE",
        0x13: "DCO2 RANGE",
        0x1A: "DCO2 SOURCE",
        0x1B: "DCO XMOD",
        0x1C: "DCO2 FTUNE",
        0x1D: "HPF FREQ",
        0x1E: "CHORUS",
        0x1F: "PWM1 WIDTH",
        0x24: "PWM1 SOURCE",
        0x2A: "PWM2 SOURCE",
        0x2B: "MIX DCO1",
        0x2F: "MIX SOURCE",
        0x30: "VCF FREQ",
        0x37: "VCF SOURCE",
        0x38: "VCA LEVEL",
        0x3A: "VCA DYNA",
        0x3B: "LFO1 WF",
        0x3F: "LFO1 SYNC",
        0x40: "LFO2 WF",
        0x44: "LFO2 SYNC",
        0x45: "ENV1 T1",
        0x4C: "ENV1 KEY",
        0x54: "ENV2 KEY",
        0x55: "ENV3 ATT",
        0x59: "ENV3 KEY",
        0x5A: "ENV4 ATT",
        0x5E: "ENV4 KEY",
    }
    assert {number: BY_IPR[number].name for number in numbers} == numbers


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: ToneV4(bytes(100)), "101 values, not 100"),
        (lambda: ToneV4(bytes(100) + b"\x80"), "UNKNOWN 100 is 128"),
        (lambda: ToneV4(bytes(101), bytes(76)), "77 bytes, not 76"),
        (lambda: ToneV4(bytes(101)).with_values({"LFO1 WF": "cube"}), "random, square"),
        (lambda: ToneV4.from_json({"format": "jx.tone"}), "not a V4 tone"),
        (lambda: ToneV4.from_json({"format": "jx.tone-v4", "version": 9}), "version 9"),
        (lambda: ToneV4.from_json(ToneV4(bytes(101)).to_json() | {"rest_hex": 1}), "rest_hex is 1"),
    ],
)
def test_what_is_no_v4_tone_is_refused(make: Any, said: str) -> None:
    with pytest.raises(ToneError, match=said):
        make()
