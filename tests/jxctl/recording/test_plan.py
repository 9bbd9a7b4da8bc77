"""Plans: which take an index is, and that it stays so."""

from __future__ import annotations

import tracemalloc
from itertools import product
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jxctl.errors import UsageError
from jxctl.protocol.tone import INIT_TONE, Tone
from jxctl.recording.plan import DrawnTones, Plan, PlannedTake


def numbered(count: int) -> list[Tone]:
    return [INIT_TONE.with_values({"DCO1 LFO": k % 128, "DCO1 ENV": k // 128}) for k in range(count)]


def test_a_plan_is_every_tone_at_every_note_velocity_and_gate() -> None:
    tones = numbered(2)
    plan = Plan(tones, [60, 72], [50, 100], [0.5, 1.0], 2.0)
    assert len(plan) == 16
    assert [take.index for take in plan] == list(range(16))
    assert [(take.tone, take.note, take.velocity, take.gate_s) for take in plan] == list(
        product(tones, [60, 72], [50, 100], [0.5, 1.0])
    )
    assert {(take.max_seconds, take.reference) for take in plan} == {(2.0, False)}
    assert plan.mean_gate_s == 0.75


@pytest.mark.parametrize("index", [-1, 2])
def test_beyond_the_plan_there_is_nothing(index: int) -> None:
    plan = Plan(numbered(2), [60], [100])
    with pytest.raises(IndexError):
        plan[index]


@given(st.integers(1, 30), st.integers(1, 4), st.integers(1, 12))
@settings(max_examples=40)
def test_the_reference_comes_first_and_after_every_so_many(tones: int, notes: int, every: int) -> None:
    reference = INIT_TONE.with_values({"VCA LEVEL": 1})
    some = numbered(tones)
    plan = Plan(some, list(range(40, 40 + notes)), [100], reference=reference, every=every)
    takes = list(plan)
    assert len(takes) == len(plan)
    others = [(take.tone, take.note) for take in takes if not take.reference]
    assert others == list(product(some, range(40, 40 + notes))), "nothing is left out for it"
    places = [take.index for take in takes if take.reference]
    assert places == list(range(0, len(takes), every + 1))
    assert not takes[-1].reference, "no reference without a take after it"
    assert {(take.tone, take.note, take.velocity) for take in takes if take.reference} == {
        (reference, 60, 100)
    }


@given(st.integers(1, 20), st.integers(1, 6), st.integers(0, 3))
@settings(max_examples=40)
def test_more_tones_make_a_longer_plan_that_begins_the_same(count: int, per_tone: int, seed: int) -> None:
    def plan(tones: int) -> Plan:
        asked: dict[str, Any] = {"per_tone": per_tone, "reference": INIT_TONE, "every": 7, "seed": seed}
        return Plan(numbered(tones), [36, 60], [40, 80, 127], **asked)

    short, long = list(plan(count)), list(plan(count + 5))
    assert long[: len(short)] == short


def test_a_choice_per_tone_is_of_the_combinations_and_differs_from_tone_to_tone() -> None:
    plan = Plan(numbered(50), [36, 48, 60, 72], [40, 80, 127], [0.2, 1.0], per_tone=3, seed=5)
    assert len(plan) == 150
    chosen = [
        {(take.note, take.velocity, take.gate_s) for take in plan if take.tone == tone}
        for tone in numbered(50)
    ]
    assert {len(one) for one in chosen} == {3}, "three different ones each"
    assert len({frozenset(one) for one in chosen}) > 30
    assert set().union(*chosen) == set(product([36, 48, 60, 72], [40, 80, 127], [0.2, 1.0]))
    again = Plan(numbered(50), [36, 48, 60, 72], [40, 80, 127], [0.2, 1.0], per_tone=3, seed=5)
    assert list(again) == list(plan)
    other = Plan(numbered(50), [36, 48, 60, 72], [40, 80, 127], [0.2, 1.0], per_tone=3, seed=6)
    assert list(other) != list(plan)


def test_the_choice_of_a_seed_never_changes() -> None:
    # Data sets hold takes by index: these are written down, not computed.
    plan = Plan(numbered(2), [36, 48, 60], [40, 127], per_tone=2, seed=1)
    assert [(take.note, take.velocity) for take in plan] == [(48, 40), (48, 127), (48, 127), (60, 40)]


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        ({"tones": []}, "at least one"),
        ({"notes": []}, "at least one"),
        ({"notes": [128]}, "128"),
        ({"notes": [60, 60]}, "twice"),
        ({"velocities": [0]}, "velocity is 0"),
        ({"gates_s": [9.0]}, "9 s does not fit"),
        ({"per_tone": 0}, "0 notes per tone"),
        ({"per_tone": 2}, "2 notes per tone of 1"),
        ({"every": 0, "reference": INIT_TONE}, "every 0"),
        ({"tones": [INIT_TONE] * 100_001, "notes": range(128)}, "12800128 takes"),
    ],
)
def test_a_plan_that_cannot_be_played_is_refused(wrong: dict[str, Any], word: str) -> None:
    asked: dict[str, Any] = {"tones": numbered(1), "notes": [60], "velocities": [100]}
    with pytest.raises(UsageError, match=word):
        Plan(**(asked | wrong))


@pytest.mark.parametrize("wrong", [{"note": 128}, {"velocity": 0}, {"gate_s": 9.0}])
def test_a_take_that_cannot_be_played_is_refused(fakes: ModuleType, wrong: dict[str, Any]) -> None:
    asked = {"index": 0, "tone": INIT_TONE, "note": 60, "velocity": 9, "gate_s": 1}
    with pytest.raises(UsageError):
        PlannedTake(**(asked | wrong))


def test_drawn_tones_are_drawn_when_needed_and_always_the_same() -> None:
    drawn: list[int] = []

    def draw(block: int) -> list[Tone]:
        drawn.append(block)
        return numbered(1000)[block * 10 : block * 10 + 10]

    tones = DrawnTones(995, draw, 10)
    assert len(tones) == 995
    assert tones[994] == numbered(1000)[994]
    assert [tones[k] for k in range(30)] == numbered(30)
    assert drawn == [99, 0, 1, 2]
    with pytest.raises(IndexError):
        tones[995]


def test_a_long_plan_takes_no_memory() -> None:
    tracemalloc.start()
    plan = Plan(DrawnTones(1_000_000, lambda block: numbered(256), 256), [60], [100], per_tone=1)
    seen = sum(1 for take in (plan[k] for k in range(0, 1_000_000, 997)) if take.tone)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (len(plan), seen) == (1_000_000, 1004)
    assert peak < 3_000_000, "bytes: a few blocks of tones, not a million takes"
