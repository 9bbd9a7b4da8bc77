"""What every command shares: ``--json``, error messages, exit codes, progress on stderr.

A command is a function that returns `Shown`: data for programs and something for people. `command`
registers it with a ``--json`` option of its own, so that no command handles output itself.
"""

from __future__ import annotations

import errno
import functools
import inspect
import io
import json
import logging
import os
import sys
import typing
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, NoReturn

import typer

from jxctl._extras import missing
from jxctl.errors import EXIT_INTERRUPTED, JxError

JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON on stdout.")]


@dataclass(frozen=True, slots=True)
class Shown:
    """A command's result: ``data`` (JSON-ready) and ``text`` (a string or a rich renderable).

    ``exit_code``: 0, unless what is shown is itself bad news.
    """

    data: Any
    text: Any
    exit_code: int = 0


def command(app: typer.Typer, name: str) -> Callable[[Callable[..., Shown]], Callable[..., Shown]]:
    """Register a function as a command: ``--json`` is added, its result printed."""

    def register(function: Callable[..., Shown]) -> Callable[..., Shown]:
        @functools.wraps(function)
        def wrapper(*args: Any, **options: Any) -> None:
            as_json = options.pop("as_json")
            shown = function(*args, **options)
            _print(shown, as_json)
            if shown.exit_code:
                raise typer.Exit(shown.exit_code)

        signature = inspect.signature(function)
        hints = typing.get_type_hints(function, include_extras=True)
        parameters = [p.replace(annotation=hints[p.name]) for p in signature.parameters.values()]
        option = inspect.Parameter(
            "as_json", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=JsonOption
        )
        del wrapper.__wrapped__  # typer must see the signature below
        wrapper.__signature__ = signature.replace(  # type: ignore[attr-defined]
            parameters=[*parameters, option], return_annotation=None
        )
        wrapper.__annotations__ = {**hints, "as_json": JsonOption, "return": None}
        app.command(name)(wrapper)
        return function

    return register


def run(app: typer.Typer) -> NoReturn:
    """Run the application; turn every expected error into a message and an exit code."""
    _prepare_streams()
    _pass_on_logs()
    try:
        code = app(standalone_mode=False, prog_name="jx") or 0
        sys.stdout.flush()
    except JxError as error:
        _complain(error.message, error.hint)
        code = error.exit_code
    except KeyboardInterrupt:
        code = EXIT_INTERRUPTED
    except ModuleNotFoundError as error:
        absent = missing(error, "this command")
        if absent is None:
            raise
        _complain(absent.message, absent.hint)
        code = absent.exit_code
    except OSError as error:
        # Help text is printed by rich, past `_print`.
        if error.errno not in (errno.EPIPE, errno.ENOSPC):
            raise
        _discard_stdout()
        code = 0 if error.errno == errno.EPIPE else 1
        if code:
            _complain(f"cannot write: {error.strerror}", "check free space")
    except Exception as error:
        code = _from_click(error)
    # typer turns Ctrl-C inside a command into this code before it gets here.
    if code == EXIT_INTERRUPTED:
        _complain("interrupted", "")
    sys.exit(code)


def _prepare_streams() -> None:
    """Output that was closed goes nowhere, and a name that cannot be printed is shown escaped."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: PTH123, SIM115
        elif isinstance(stream := getattr(sys, name), io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="backslashreplace")


def progress(description: str, total: float | None = None) -> Any:
    """A rich progress bar on stderr, as a context manager.

    ``with progress("Training", 100) as advance: advance(1, "loss 0.3")``.
    """
    from jxctl.cli.progress import Bar

    return Bar(description, total)


def say(text: str) -> None:
    """Talk to the person, on stderr."""
    print(text, file=sys.stderr)


class _Said(logging.Handler):
    """Says what is logged; on a terminal, a bar from the start to the end of a compilation."""

    def __init__(self) -> None:
        super().__init__()
        self._bar: Any = None

    def emit(self, record: logging.LogRecord) -> None:
        compilation = getattr(record, "compilation", None)
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
        say(record.getMessage())
        if compilation is not None and compilation.left_s and sys.stderr.isatty():
            from jxctl.cli.progress import Countdown

            self._bar = Countdown("compiling", lambda: compilation.left_s)


def _pass_on_logs() -> None:
    """What the simulator logs (that it compiles, the first time) goes to the person."""
    simulator = logging.getLogger("simulator")
    simulator.setLevel(logging.INFO)
    simulator.addHandler(_Said())


def _print(shown: Shown, as_json: bool) -> None:
    try:
        _write(shown, as_json)
    except BrokenPipeError:
        # The reader of stdout has what it wanted (`jx tone show x | head`); not a failure.
        _discard_stdout()
    except OSError as error:
        _discard_stdout()
        raise JxError(f"cannot write the result: {error.strerror}", "check free space") from error


def _discard_stdout() -> None:
    """Let the interpreter's last flush go nowhere, instead of failing once more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _write(shown: Shown, as_json: bool) -> None:
    if as_json:
        json.dump(shown.data, sys.stdout, indent=2)
        print()
    elif isinstance(shown.text, str):
        if shown.text:
            print(shown.text)
    elif shown.text is not None:
        from rich.console import Console

        # No markup: names and paths may hold brackets. Captured, because rich would end the program
        # with 1 when the reader has gone.
        console = Console(markup=False, emoji=False)
        with console.capture() as drawn:
            console.print(shown.text)
        sys.stdout.write(drawn.get())
    sys.stdout.flush()


def _complain(message: str, hint: str) -> None:
    if "--json" in sys.argv:
        print(json.dumps({"error": message, "hint": hint}), file=sys.stderr)
        return
    say(f"jx: {message}")
    if hint:
        say(f"    {hint}")


def _from_click(error: Exception) -> int:
    """Exit code of a mistake on the command line; anything else is a bug and is raised."""
    # typer carries its own copy of click; what both have in common is the shape of the error.
    if hasattr(error, "exit_code") and hasattr(error, "format_message"):
        context = getattr(error, "ctx", None)
        path = context.command_path if context else "jx"
        # `jx` alone has shown its help already and has nothing to add.
        if message := error.format_message():
            _complain(message, f"{path} --help lists what it takes")
        return int(error.exit_code)
    if type(error).__name__ in ("Exit",):
        return int(getattr(error, "exit_code", 0))
    if type(error).__name__ == "Abort":
        return EXIT_INTERRUPTED
    raise error
