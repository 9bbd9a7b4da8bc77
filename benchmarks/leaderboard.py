"""Put ``leaderboard.md`` together from its sections.

::

    python -m benchmarks.leaderboard            # writes results/leaderboard.md
    python -m benchmarks.leaderboard --check    # fails where it is not what the sections say

`benchmarks.tones` writes the first section, `benchmarks.leaderboard26` the others: what a GPU trained at the
larger budget, and every entry at one that two cores can afford. ``make leaderboard`` runs all of it but the
former.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks.files import RESULTS, write

SECTIONS = ("tones.md", "thesis26_262144/thesis26.md", "thesis26.md")
HEAD = """# Leaderboard

Estimators of tones on one open synth. Every section says what was learnt from, what was judged on, and
the command that makes it. Put together by `python -m benchmarks.leaderboard`; do not edit.
"""


def composed(folder: Path) -> str:
    """The whole text from the sections in ``folder``; a missing section is named as missing."""
    parts = [HEAD]
    for name in SECTIONS:
        path = folder / name
        parts.append(path.read_text() if path.exists() else f"*No {name} yet.*\n")
    return "\n".join(part.strip() + "\n" for part in parts)


def main() -> None:
    """Write or check."""
    parser = argparse.ArgumentParser(description="Put results/leaderboard.md together.")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--folder", type=Path, default=RESULTS)
    options = parser.parse_args()
    path, text = options.folder / "leaderboard.md", composed(options.folder)
    if not options.check:
        write(path, text)
    elif not path.exists() or path.read_text() != text:
        print(f"{path} is not what its sections say; run python -m benchmarks.leaderboard", file=sys.stderr)
        raise SystemExit(1)


if __name__ == "__main__":
    main()
