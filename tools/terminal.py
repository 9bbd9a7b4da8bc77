"""How programs beside the packages talk and end: on stderr, in words, with an exit code, as ``jx`` does."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from jxctl.cli.progress import Bar
from jxctl.errors import JxError


def say(text: str) -> None:
    """Talk to the person, on stderr."""
    print(text, file=sys.stderr)


def progress(description: str, total: float) -> Bar:
    """A bar on stderr, as a context manager: ``with progress("tones", 9) as advance: advance(1, "note")``."""
    return Bar(description, total)


@contextmanager
def in_words(interrupted: str = "") -> Iterator[None]:
    """A `JxError` within becomes its message and next step on stderr, and its exit code. Ctrl-C ends with 130
    after saying ``interrupted``; without these words it is passed on."""
    try:
        yield
    except JxError as error:
        print(f"{error.message}\n    {error.hint}".rstrip(), file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        if not interrupted:
            raise
        print(interrupted, file=sys.stderr)
        sys.exit(130)
