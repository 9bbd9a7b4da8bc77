"""Every name of the front door says what it takes, what it gives, and shows it; the examples run."""

from __future__ import annotations

import doctest
import inspect
import sys
from pathlib import Path

import pytest

import superjx

ROOT = Path(__file__).resolve().parents[2]
NAMES = sorted(name for name in superjx.__all__ if callable(getattr(superjx, name)))


def test_most_names_are_looked_at() -> None:
    assert len(NAMES) > 50


@pytest.mark.parametrize("name", NAMES)
def test_it_says_what_it_takes_and_gives(name: str) -> None:
    thing = getattr(superjx, name)
    text = inspect.getdoc(thing) or ""
    assert "\nExamples:\n" in text
    if inspect.isclass(thing):
        assert "\nArgs:\n" in text or "\nAttributes:\n" in text
        return
    signature = inspect.signature(thing)
    if signature.parameters:
        told = text[text.index("\nArgs:\n") : text.index("\nReturns:\n")]
        assert [p for p in signature.parameters if f" {p}: " not in told and f" {p}, " not in told] == []
    assert "\nReturns:\n" in text


@pytest.mark.parametrize("name", NAMES)
def test_its_example_runs(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    thing = getattr(superjx, name)
    names = dict(vars(sys.modules[thing.__module__])) | {"Tone": superjx.Tone, "render": superjx.render}
    test = doctest.DocTestParser().get_doctest(inspect.getdoc(thing) or "", names, name, None, None)
    assert test.examples
    said: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.IGNORE_EXCEPTION_DETAIL)
    runner.run(test, out=said.append)
    assert not said, "".join(said)
