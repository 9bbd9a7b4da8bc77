"""Tables and paragraphs of pages, against what they look like."""

from __future__ import annotations

from tools.markdown import table, wrapped


def test_a_table_rules_its_columns_and_escapes_bars() -> None:
    assert table(("a", "b"), [("x|y", "1"), ("", "2")], "lr") == (
        "| a | b |\n| --- | ---: |\n| x\\|y | 1 |\n|  | 2 |\n"
    )
    assert table(("a", "b"), []) == "| a | b |\n| --- | --- |\n"


def test_paragraphs_and_items_are_wrapped_and_tables_are_not() -> None:
    words = " ".join(["word"] * 30)
    lines = wrapped(f"# {words}\n* {words}\n| {words} |").splitlines()
    assert lines[0] == f"# {words}"
    assert lines[-1] == f"| {words} |"
    assert len(lines) == 4
    assert lines[2].startswith("  word")
    assert max(map(len, lines[1:3])) <= 110
