"""Fill the tables in the documents from the code that holds them.

::

    python -m tools.docs.generate            # rewrite what differs (make docs)
    python -m tools.docs.generate --check    # only say what differs; exit code 4 if anything does

A table stands between ``<!-- generated: NAME ... -->`` and ``<!-- end -->`` in README.md, docs/*.md or
firmware_notes/*.md. NAME is a function of `BLOCKS`; words after it are its arguments, such as the
groups of parameters or the first letters of the laws to show.
"""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Callable
from pathlib import Path

from jxctl._files import write_atomically
from jxctl.dataset import summary
from jxctl.errors import UsageError, VerificationError
from jxctl.protocol import bus
from jxctl.protocol.parameters import FIRST_ID, LAST_ID, PARAMETERS, Parameter
from tools.docs import laws, sysex
from tools.markdown import table
from tools.terminal import in_words

ROOT = Path(__file__).resolve().parents[2]

_BLOCK = re.compile(r"^<!-- generated: (.*?) -->\n(.*?)^<!-- end -->$", re.MULTILINE | re.DOTALL)
_MARK = re.compile(r"^<!-- (generated:.*|end) -->$", re.MULTILINE)


def parameters(*groups: str) -> str:
    """The rows of the parameter table; only of some groups where ``groups`` names any."""
    known = {p.group for p in PARAMETERS}
    if unknown := sorted(set(groups) - known):
        raise UsageError(f"no group is called {', '.join(unknown)}", f"groups: {', '.join(sorted(known))}")
    rows = [
        (
            p.group, f"`{p.id:02X}`", p.name, str(p.sysex or ""), "yes" if p.pg800 else "", _positions(p),
            p.evidence, p.note,
        )
        for p in PARAMETERS
        if p.group in groups or not groups
    ]  # fmt: skip
    return table(("group", "id", "name", "SysEx", "PG-800", "values", "evidence", "note"), rows)


def _positions(p: Parameter) -> str:
    """A switch's labels with the first raw value of each, or the range of a level."""
    if p.kind == "level":
        return "0-127"
    if p.positions > 4:
        return f"{p.positions} positions from {p.labels[0]} to {p.labels[-1]}"
    return ", ".join(f"{start}: {label}" for start, label in zip(p.starts, p.labels, strict=True))


def tune() -> str:
    """The 25 bins of DCO TUNE."""
    p = next(p for p in PARAMETERS if p.name == "DCO1 TUNE")
    last = (*(start - 1 for start in p.starts[1:]), 127)
    cells = [f"{label}: {a}-{b}" for label, a, b in zip(p.labels, p.starts, last, strict=True)]
    return "semitones: raw values. " + ", ".join(cells) + "\n"


def parameter_evidence() -> str:
    """How many parameters are known how."""
    rows = [
        (kind, str(sum(p.evidence == kind and p.is_tone for p in PARAMETERS)),
         str(sum(p.evidence == kind and not p.is_tone for p in PARAMETERS)))
        for kind in laws.EVIDENCE
    ]  # fmt: skip
    return table(("evidence", "tone parameters", "performance parameters"), rows)


def bus_messages() -> str:
    """The messages of the bus: their forms, lengths and times, and an example of each."""
    selects = "".join(f"`{byte:02X}` {name}, " for name, byte in bus.SELECT.items()).removesuffix(", ")
    last = bus.VOICES - 1
    kinds: tuple[tuple[str, str, bus.Message], ...] = (
        ("select board", selects, bus.SelectBoard("lower")),
        ("parameter", f"`{FIRST_ID:02X}`-`{LAST_ID:02X}` value", bus.SetParameter(0x97, 0x40)),
        ("voice on", _voices(bus.VOICE_ON, last), bus.VoiceOn(0, 72, 116)),
        ("voice off", _voices(bus.VOICE_OFF, last), bus.VoiceOff(0, 72)),
        ("forward", f"`{bus.FORWARD:02X}` bytes for MIDI OUT", bus.Forward(b"\xc0\x00")),
    )
    byte_ms = 1000 * 10 / bus.BAUD
    rows = []
    for name, form, example in kinds:
        size = len(example.encoded())
        length = "open" if isinstance(example, bus.Forward) else str(size)
        hexadecimal = f"`{example.encoded().hex(' ').upper()}`"
        rows.append((name, form, length, f"{size * byte_ms:.2f} ms", hexadecimal, str(example)))
    return table(("message", "form", "bytes", "example takes", "example", "means"), rows)


def _voices(status: int, last: int) -> str:
    return f"`{status:02X}`-`{status + last:02X}` note velocity (voice 0-{last})"


def setup_checks() -> str:
    """The checks of a set-up: what each measures, its limits and their reason."""
    from jxctl.recording.setup_check import CHECKS

    def limits(least: float, most: float) -> str:
        ends = [
            f"at least {least:g}" if least > -math.inf else "",
            f"at most {most:g}" if most < math.inf else "",
        ]
        return f"{least:g} to {most:g}" if all(ends) else "".join(ends)

    rows = [(c.name, c.measured, f"{limits(c.least, c.most)} {c.unit}", c.because) for c in CHECKS]
    return table(("check", "measured", "right", "why there"), rows)


BLOCKS: dict[str, Callable[..., str]] = {
    "parameters": parameters,
    "parameter-evidence": parameter_evidence,
    "tune": tune,
    "bus": bus_messages,
    "laws": laws.both_profiles,
    "law-evidence": laws.evidence,
    "models": sysex.models,
    "sysex-forms": sysex.message_forms,
    "patch-values": sysex.patch_values,
    "v4-tone": sysex.v4_tone,
    "dataset-columns": summary.fields_table,
    "dataset-loading": summary.loading,
    "setup-checks": setup_checks,
}
"""Name of a block -> what makes its content, a Markdown text that ends with a new line."""


def filled(text: str) -> str:
    """``text`` with every block made anew. Raises `UsageError` for an unknown block or a lost mark."""

    def fill(match: re.Match[str]) -> str:
        name, *arguments = match[1].split() or [""]
        if name not in BLOCKS:
            raise UsageError(f"no block is called {name!r}", f"blocks: {', '.join(BLOCKS)}")
        return f"<!-- generated: {match[1]} -->\n\n{BLOCKS[name](*arguments)}\n<!-- end -->"

    marks = [mark[1].split(":")[0] for mark in _MARK.finditer(text)]
    if marks != ["generated", "end"] * (len(marks) // 2):
        raise UsageError("a generated block has lost its first or its last mark")
    return _BLOCK.sub(fill, text)


def documents() -> list[Path]:
    """The files that may hold generated tables."""
    found = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    return [path for path in (*found, *sorted((ROOT / "firmware_notes").glob("*.md"))) if path.exists()]


def stale(path: Path) -> str | None:
    """What the file should hold, or None where it holds that. Raises `UsageError` with its name."""
    text = path.read_text("utf-8")
    try:
        wanted = filled(text)
    except UsageError as error:
        raise UsageError(f"{path.relative_to(ROOT)}: {error.message}", error.hint) from error
    return wanted if wanted != text else None


def main() -> None:
    """Rewrite the documents, or check them."""
    parser = argparse.ArgumentParser(description="Fill the tables in the documents from the code.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a table differs")
    check = parser.parse_args().check
    with in_words():
        differing = {path: wanted for path in documents() if (wanted := stale(path)) is not None}
        for path, wanted in differing.items():
            if not check:
                write_atomically(path, wanted.encode())
            print(("differs: " if check else "wrote ") + str(path.relative_to(ROOT)))
        if check and differing:
            raise VerificationError("tables in the documents differ from the code", "make docs")


if __name__ == "__main__":
    main()
