"""Tables of rows: labels, values by name, and the mistakes that cannot be made."""

from __future__ import annotations

import pytest

from jxctl.errors import ToneError
from jxctl.protocol.rows import Row, Table

TABLE = Table(
    "lamp",
    (
        Row(0, "NAME 1", "character"),
        Row(1, "BRIGHTNESS"),
        Row(2, "COLOUR", "bins", ("red", "green"), (0, 64)),
        Row(3, "MODE", "choice", ("off", "on"), (0, 4)),
        Row(4, "TILT", "signed"),
    ),
)


@pytest.mark.parametrize(
    ("name", "raw", "label"),
    [
        ("BRIGHTNESS", 77, "77"), ("COLOUR", 63, "red"), ("COLOUR", 64, "green"), ("COLOUR", 127, "green"),
        ("MODE", 4, "on"), ("MODE", 3, "3"), ("TILT", 0, "0"), ("TILT", 24, "+24"), ("TILT", 104, "-24"),
        ("TILT", 127, "-1"),
    ],
)  # fmt: skip
def test_labels(name: str, raw: int, label: str) -> None:
    assert TABLE.row(name).label(raw) == label


def test_values_by_label_or_number_leave_the_others_alone() -> None:
    assert TABLE.changed(b"A\1\2\3\4", {"colour": "green", "MODE": "on"}) == b"A\1\x40\4\4"
    assert TABLE.changed(b"A\1\2\3\4", {"MODE": 9}) == b"A\1\2\x09\4"


@pytest.mark.parametrize("value", ["blue", 128, -1, True, None, 1.5])
def test_a_value_that_cannot_be_is_refused(value: object) -> None:
    with pytest.raises(ToneError, match="expected one of red, green, or 0 to 127"):
        TABLE.changed(bytes(5), {"COLOUR": value})


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(ToneError, match="a lamp has no value 'HEAT'") as caught:
        TABLE.row("HEAT")
    assert caught.value.hint == "it has BRIGHTNESS, COLOUR, MODE, TILT"


def test_json_leaves_the_name_out_and_demands_the_rest() -> None:
    assert TABLE.to_json(b"A\1\2\3\4") == {"BRIGHTNESS": 1, "COLOUR": 2, "MODE": 3, "TILT": 4}
    assert TABLE.from_json({"BRIGHTNESS": 1, "COLOUR": 2, "MODE": 3, "TILT": 4}, b"A") == b"A\1\2\3\4"
    with pytest.raises(ToneError, match="values missing in the lamp: COLOUR, TILT"):
        TABLE.from_json({"BRIGHTNESS": 1, "MODE": 3})


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ((Row(1, "A"),), "without gap"),
        ((Row(0, "A"), Row(1, "A")), "unique"),
        ((Row(0, "A", "bins", ("x",), ()),), "do not match"),
        ((Row(0, "A", "bins", ("x", "y"), (5, 0)),), "do not match"),
        ((Row(0, "A", "bins", ("x", "y"), (1, 5)),), "start at 0"),
    ],
)
def test_a_table_with_a_mistake_cannot_be_made(rows: tuple[Row, ...], said: str) -> None:
    with pytest.raises(AssertionError, match=said):
        Table("lamp", rows)
