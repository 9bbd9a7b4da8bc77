"""Results equal those recorded: to the byte on the machine that recorded them, within tolerances elsewhere.

See README.md beside this file.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from golden.groups import GROUPS
from golden.machine import differing, machine
from golden.store import HASHES, SAMPLES, Golden, Item, changes, compared

LARGEST_BYTES = 1_500_000


@pytest.fixture(scope="module")
def golden() -> Golden:
    return Golden.load()


@pytest.fixture(scope="module")
def exactly(golden: Golden) -> bool:
    """Whether this is the machine, with the libraries, that recorded."""
    return not differing(golden.about["machine"], machine())


@pytest.mark.parametrize("group", GROUPS)
def test_results_are_those_recorded(group: str, golden: Golden, exactly: bool, shared: Path) -> None:
    said = compared(group, GROUPS[group](shared), golden, exactly=exactly)
    again = (
        "if that is meant: python -m tests.golden.record, and say in the commit which hashes change and why"
    )
    assert not said, f"{said}\n{again}"


def test_hashes_were_compared(golden: Golden) -> None:
    """Elsewhere it is skipped, and says what is different there."""
    if said := differing(golden.about["machine"], machine()):
        pytest.skip(f"samples and tolerances instead of hashes: {'; '.join(said)}")


def test_what_is_recorded_is_what_is_made_and_small(golden: Golden) -> None:
    assert set(golden.hashes) == set(golden.samples) == set(GROUPS)
    assert HASHES.stat().st_size + SAMPLES.stat().st_size < LARGEST_BYTES


def small(value: float = 0.5, tolerance: float | None = 1e-6) -> list[Item]:
    """Two results, of which the second can be moved."""
    return [Item("one", np.arange(5.0)), Item("two", np.full((2, 100), value), tolerance=tolerance)]


@pytest.fixture
def kept() -> Golden:
    golden = Golden({"commit": "abcdef0"})
    golden.take("a group", small())
    return golden


def test_the_same_is_the_same(kept: Golden) -> None:
    assert compared("a group", small(), kept, exactly=True) == ""
    assert compared("a group", small(), kept, exactly=False) == ""


def test_a_bit_counts_where_it_was_recorded_and_a_millionth_elsewhere(kept: Golden) -> None:
    bit = small(np.nextafter(0.5, 1))
    assert "1 of 2 results differ from abcdef0" in compared("a group", bit, kept, exactly=True)
    assert compared("a group", bit, kept, exactly=False) == ""
    off = compared("a group", small(0.500003), kept, exactly=False)
    assert "two: samples off by 2.98e-06 of full scale, 1e-06 allowed" in off
    assert "largest error at the sparse samples: 2.98e-06 of full scale, in two" in off


def test_few_may_stray_elsewhere_and_not_far() -> None:
    def sounds(*moved: float) -> list[Item]:
        return [Item(f"{k}", np.full(9, moved[k] if k < len(moved) else 0.0)) for k in range(40)]

    golden = Golden()
    golden.take("a", sounds())
    assert compared("a", sounds(3e-5, 9e-5), golden, exactly=False) == ""
    assert "3 of 40" in compared("a", sounds(3e-5, 3e-5, 3e-5), golden, exactly=False)
    assert "1 of 40" in compared("a", sounds(2e-4), golden, exactly=False)
    assert "2 of 40" in compared("a", sounds(3e-5, 9e-5), golden, exactly=True)


def test_what_is_no_number_any_more_is_told(kept: Golden) -> None:
    for exactly in (True, False):
        assert "off by inf" in compared("a group", small(np.nan), kept, exactly=exactly)


def test_another_shape_a_missing_and_a_new_result_are_told(kept: Golden) -> None:
    one, two = small()
    longer = Item("two", np.full((2, 101), 0.5))
    assert "two:" in compared("a group", [one, longer], kept, exactly=False)
    assert "recorded, not made any more: two" in compared("a group", [one], kept, exactly=True)
    three = Item("three", b"")
    assert "not recorded: three" in compared("a group", [one, two, three], kept, exactly=True)


def test_bytes_are_equal_everywhere_and_some_results_only_where_recorded() -> None:
    golden = Golden()
    golden.take("a", [Item("bytes", b"abc", tolerance=0), Item("guess", np.arange(9), tolerance=None)])
    other = [Item("bytes", b"abd", tolerance=0), Item("guess", np.arange(9)[::-1], tolerance=None)]
    assert "bytes: bytes differ" in compared("a", other, golden, exactly=False)
    assert "guess" not in compared("a", other, golden, exactly=False)
    assert "2 of 2" in compared("a", other, golden, exactly=True)


def test_changed_hashes_are_listed(kept: Golden) -> None:
    now = Golden()
    now.take("a group", [small(0.6)[1], Item("three", b"")])
    names = [line.split(":")[0] for line in changes(kept, now)]
    assert names == ["a group / one", "a group / two", "a group / three"]
