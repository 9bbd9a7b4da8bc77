"""``jx doctor``: what is missing on this machine, and how to install it."""

from __future__ import annotations

from typing import Annotated

import typer

from jxctl.cli.common import Shown, command, say


def register(app: typer.Typer) -> None:
    """Add ``jx doctor``."""
    command(app, "doctor")(doctor)


def doctor(
    compile_all: Annotated[
        bool, typer.Option("--compile", help="Compile all that any command needs, ahead of its first use.")
    ] = False,
) -> Shown:
    """Show what this machine has of what jx needs, and what to type to get the rest.

    Nothing is opened, installed or changed, but for what --compile puts into the cache. Ends with exit code 1
    when rendering does not work, or guessing where it is installed; without hardware, MIDI or sound cards jx
    still works with the virtual board.
    """
    from jxctl.doctor import compile_everything, core_works, examine, system

    if compile_all:
        compile_everything()
    say("looking (a few seconds)")
    findings = examine()
    works = core_works(findings)
    data = {
        "system": system(),
        "core_works": works,
        "findings": [finding.to_json() for finding in findings],
    }
    width = max(len(finding.what) for finding in findings)
    lines = []
    for finding in findings:
        lines.append(f"{finding.state:8} {finding.what:{width}}  {finding.said}  ({finding.needed_for})")
        if finding.fix:
            lines.append(f"{'':8} {'':{width}}  -> {finding.fix}")
    wrong = sum(finding.state != "ok" for finding in findings)
    network = next((finding for finding in findings if finding.what == "network"), None)
    what = (
        "rendering"
        if network and network.state == "missing" and not network.core
        else "rendering and guessing"
    )
    core = "works" if works else "DOES NOT WORK"
    lines.append(f"{what}: {core}; {wrong} of {len(findings)} lines need a look")
    return Shown(data, "\n".join(lines), exit_code=0 if works else 1)
