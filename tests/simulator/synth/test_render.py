"""What can be rendered: a tone, several, raw values of any integer type; anything else is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from jxctl.errors import UsageError
from jxctl.protocol.bank import Bank
from jxctl.protocol.tone import Tone
from jxctl.protocol.vecoven_tone import from_stock
from simulator.synth import render

A, B = Tone.init("A"), Tone.init("B").with_values({"VCF FREQ": 60, "CHORUS": "1"})
RAW = np.array([list(A.values), list(B.values)], np.uint8)
V4 = from_stock(A)[0]
SHORT: dict[str, Any] = {"seconds": 0.05}


@pytest.fixture(scope="module")
def expected() -> np.ndarray:
    """Both tones, from their bytes."""
    sound = render(RAW, [48, 60], **SHORT)
    assert np.abs(sound).max(axis=1).min() > 0.01
    return sound


@pytest.mark.parametrize(
    "tones",
    [
        [A, B],
        (A, B),
        (tone for tone in (A, B)),
        Bank("mks70", tones={3: A, 9: B}).tones.values(),
        [list(A.values), list(B.values)],
        [tuple(A.values), np.array(list(B.values))],
        *(RAW.astype(kind) for kind in ("i1", "i2", ">i2", "u2", "i4", "u4", ">u4", "i8", "u8")),
        np.asfortranarray(RAW),
        np.repeat(RAW, 2, axis=0)[::2],
        np.repeat(RAW.astype(np.int64), 3, axis=1)[:, ::3],
    ],
    ids=lambda tones: f"{type(tones).__name__} {getattr(tones, 'dtype', '')}",
)
def test_every_form_of_two_tones_sounds_the_same(tones: Any, expected: np.ndarray) -> None:
    assert np.array_equal(render(tones, [48, 60], **SHORT), expected)


@pytest.mark.parametrize("tone", [B, [B], RAW[1], RAW[1:].astype(np.int16), list(B.values), B.values])
def test_every_form_of_one_tone_sounds_the_same(tone: Any, expected: np.ndarray) -> None:
    sound = render(tone, 60, **SHORT)
    assert sound.shape == (1, 2205)
    assert np.array_equal(sound[0], expected[1])


def test_what_is_given_is_left_as_it_was() -> None:
    given = RAW.astype(np.int32)
    render(given, **SHORT)
    assert np.array_equal(given, RAW)


@pytest.mark.parametrize("nothing", [[], (), np.zeros((0, 48), np.uint8), np.zeros((0, 48), np.int64)])
def test_no_tones_give_no_sounds(nothing: Any) -> None:
    assert render(nothing, **SHORT).shape == (0, 2205)


def with_value(kind: str, value: int) -> np.ndarray:
    """Raw values of two tones, one of them wrong."""
    tones = RAW.astype(kind)
    tones[1, 7] = value
    return tones


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (with_value("u1", 128), "raw value 128"),
        (with_value("i1", -1), "raw value -1"),
        (with_value("i8", 256), "raw value 256"),  # as a byte it would be 0
        (with_value("i8", -256), "raw value -256"),
        (with_value("u8", 2**63), f"raw value {2**63}"),
        (RAW.astype(np.float32), "not float32[2, 48]"),
        (RAW.astype(bool), "not bool[2, 48]"),
        (RAW[:, :47], "not uint8[2, 47]"),
        (RAW[None], "not uint8[1, 2, 48]"),
        ([[1, 2], [3]], "rows of different lengths"),
        ([A, RAW[1]], "not ndarray"),
        ([A, None], "not NoneType"),
        (V4, "not ToneV4"),
        ([A, V4], "not ToneV4"),
        ("tone.json", "integers[N, 48]"),
        (None, "integers[N, 48]"),
        ([2**70] * 48, "integers[N, 48]"),
    ],
)  # fmt: skip
def test_anything_else_is_refused(wrong: Any, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        render(wrong, **SHORT)
    assert said in caught.value.message


def test_how_a_tone_of_v4_can_be_rendered_is_said() -> None:
    with pytest.raises(UsageError) as caught:
        render(V4, **SHORT)
    assert "to_stock" in caught.value.hint
