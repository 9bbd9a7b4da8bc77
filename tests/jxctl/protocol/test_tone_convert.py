"""What stock and V4 tones have in common, and what is lost between them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jxctl.protocol.parameters import TONE_PARAMETERS
from jxctl.protocol.sysex.vecoven4 import TONE_BITS
from jxctl.protocol.tone import INIT_TONE, Tone
from jxctl.protocol.vecoven_tone import ToneV4, from_stock, to_stock


def sevens(size: int) -> st.SearchStrategy[bytes]:
    """Bytes of 0 to 127."""
    return st.binary(min_size=size, max_size=size).map(lambda data: bytes(byte & 0x7F for byte in data))


stock_tones = st.builds(Tone, sevens(48), sevens(10), st.integers(0, 127))
v4_tones = st.builds(ToneV4, sevens(101), st.one_of(st.just(b""), sevens(77)))


@given(stock_tones)
def test_a_stock_tone_in_v4_terms_and_back_is_the_same_sound(tone: Tone) -> None:
    v4, lost = from_stock(tone)
    again, lost_again = to_stock(v4)
    assert lost_again == []
    assert (again.name_bytes, again.byte_10) == (tone.name_bytes, tone.byte_10)
    unsaid = {"AFTER VIB", "AFTER BRI", "AFTER VOL", "UNKNOWN AE"}
    for p in TONE_PARAMETERS:
        if p.name not in unsaid:
            assert p.position(tone.raw(p.id)) == p.position(again.raw(p.id)) if p.kind == "switch" else True
            assert p.kind == "switch" or tone.raw(p.id) == again.raw(p.id)
    # What V4 has no place for is said, by name, unless it is what to_stock puts there.
    assert {words.rsplit(" ", 1)[0] for words in lost} == {n for n in unsaid if tone.raw(n) != 127}


@given(stock_tones)
def test_a_converted_tone_fits_a_bulk_record(tone: Tone) -> None:
    values = from_stock(tone)[0].values
    assert TONE_BITS.dropped(values) == []


@given(v4_tones)
def test_any_v4_tone_becomes_some_stock_tone(tone: ToneV4) -> None:
    stock, lost = to_stock(tone)
    assert stock.name_bytes == tone.name_bytes
    assert all(isinstance(words, str) and words for words in lost)


def test_a_gate_becomes_an_envelope_that_only_switches() -> None:
    """As the factory tones in a V4 bank have it: ENV-2 with levels of 127 and times of 0."""
    v4, _ = from_stock(INIT_TONE.with_values({"VCA MODE": "gate"}))
    assert v4.label("VCA SOURCE") == "ENV-2"
    assert [v4.raw(f"ENV2 {part}") for part in ("T1", "L1", "T2", "L2", "T3", "L3", "T4")] == [0, 127] * 3 + [
        0
    ]
    assert to_stock(v4)[0].label("VCA MODE") == "gate"
    slow = v4.with_values({"ENV2 T1": 40})
    assert to_stock(slow)[1] == ["VCA SOURCE ENV-2"]


@pytest.mark.parametrize(
    ("changes", "lost"),
    [
        ({"DCO1 WF": "pulse", "PWM1 WIDTH": 10}, ["PWM1 WIDTH 10"]),
        ({"DCO1 WF": "square", "PWM1 WIDTH": 10}, []),
        ({"VCF LFO2": 9}, ["VCF LFO2 9"]),
        ({"DCO1 LFO": 9, "DCO1 LFO SOURCE": "LFO-2"}, ["DCO1 LFO SOURCE LFO-2"]),
        ({"DCO1 LFO": 0, "DCO1 LFO SOURCE": "LFO-2"}, []),
        ({"VCF SOURCE": "ENV-1", "VCF ENV": 5}, ["VCF SOURCE ENV-1"]),
        ({"VCF SOURCE": "ENV-1", "VCF ENV": 0}, []),
        ({"ENV3 KEY": "loop 1"}, ["ENV3 KEY loop 1"]),
        ({"LFO1 WF": "saw up", "VCF LFO1": 3}, ["LFO1 WF saw up"]),
        ({"DCO2 ENV": 5, "DCO2 SOURCE": "ENV-4"}, ["DCO2 SOURCE ENV-4"]),
        ({"VCA SOURCE": "ENV-3"}, ["VCA SOURCE ENV-3"]),
    ],
)
def test_what_a_stock_tone_cannot_say_is_said_in_words(
    changes: dict[str, int | str], lost: list[str]
) -> None:
    assert to_stock(from_stock(INIT_TONE)[0].with_values(changes))[1] == lost
