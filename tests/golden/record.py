"""Record the goldens anew, and say which hashes changed: ``python -m tests.golden.record [GROUP ...]``.

``--check`` writes nothing. ``--commit`` names what they are recorded at (default: the commit checked out).
"""

from __future__ import annotations

import argparse
import os
import subprocess
import time
from pathlib import Path

from .groups import GROUPS
from .machine import differing, machine
from .store import HASHES, SAMPLES, Golden, changes, groups_of

ROOT = Path(__file__).resolve().parents[2]


def main() -> None:
    """Record the groups whose names begin as asked; all if none is named."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("groups", nargs="*")
    parser.add_argument("--check", action="store_true", help="write nothing")
    parser.add_argument("--commit", default="")
    options = parser.parse_args()
    shared = Path(os.environ.get("JX_SHARED") or ROOT.parent / "shared")
    before, here = Golden.load(), machine()
    if before.about:
        for line in differing(before.about["machine"], here):
            print(f"another machine than recorded: {line}")
    now = Golden({"commit": options.commit or _commit(), "machine": here})
    asked = groups_of(GROUPS, options.groups)
    for name in GROUPS:
        if name in asked:
            began = time.perf_counter()
            now.take(name, GROUPS[name](shared))
            print(f"{name}: {len(now.hashes[name])} results, {time.perf_counter() - began:.1f} s", flush=True)
        elif name in before.hashes:
            now.hashes[name], now.samples[name] = before.hashes[name], before.samples[name]
    said = changes(before, now)
    for line in said:
        print(line)
    print(f"{len(said)} hashes changed")
    if not options.check:
        now.save()
        print(f"written: {HASHES.stat().st_size} and {SAMPLES.stat().st_size} bytes")


def _commit() -> str:
    asked = ["git", "describe", "--always", "--abbrev=7", "--exclude=*"]
    said = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=True)
    return said.stdout.strip()


if __name__ == "__main__":
    main()
