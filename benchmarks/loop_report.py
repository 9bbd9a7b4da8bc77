"""The page of `benchmarks.loop`: medians over tones, by measure."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.summary import interval
from tools.markdown import table

MEASURES = ("any moment", "target's moment", "over the noise")


def summary(rows: list[dict[str, Any]], asked: dict[str, Any]) -> dict[str, Any]:
    """Medians over the tones that sound, with intervals."""
    heard = [row for row in rows if not row.get("silent")]
    found: dict[str, Any] = {"asked": asked, "tones": len(heard), "silent": len(rows) - len(heard)}

    def middle(values: Any) -> dict[str, float]:
        array = np.array(list(values), float)
        low, high = interval(array, np.median, 10_000, 0)
        return {"median": float(np.median(array)), "low": low, "high": high}

    found["measures"] = {
        measure: {
            **{when: middle(row[when][measure] for row in heard) for when in ("before", "after", "truth")},
            "ratio": middle(ratio(row, measure) for row in heard),
            "worse": sum(row["after"][measure] > row["before"][measure] + 2 * row["noise_db"] + 0.02
                         for row in heard),
        }
        for measure in MEASURES
    }  # fmt: skip
    for key in ("simulated_db", "takes", "loop_s", "loop_cpu_s"):
        found[key] = middle(row[key] for row in heard)
    return found


def ratio(row: dict[str, Any], measure: str) -> float:
    """How many times nearer the loop came; less than 0.05 dB counts as that."""
    return float(row["before"][measure] / max(row["after"][measure], 0.05))


def page(found: dict[str, Any]) -> str:
    """The page."""
    asked = found["asked"]
    lines = [
        "# The closed loop on unknown virtual boards", "",
        f"{found['tones']} real tones, a board each (`benchmarks/virtual_boards.py`: laws up to "
        f"{asked['most']:.0%} off, voices that differ, drift, noise, some with another filter order);",
        f"guess of {asked['renders']} renders in the "
        f"{'calibrated' if asked.get('calibrated') else 'default'} simulator, then at most "
        f"{asked['takes']} takes. Seed {asked['seed']}, table `{asked['table']}`"
        + (f" without {asked['without']}" if asked.get("without") else "") + ",",
        f"commit {asked['commit']}, {asked['machine']}. Medians with 95 % intervals (bootstrap over tones); "
        "what the measures are: `benchmarks/loop.py`.", "",
    ]  # fmt: skip

    def cell(value: dict[str, float]) -> str:
        return f"{value['median']:.2f} ({value['low']:.2f}-{value['high']:.2f})"

    heading = ("log-mel distance on the board, dB", "open loop", "closed loop", "ratio", "true tone again",
               "worse")  # fmt: skip
    rows = [
        (measure, *(cell(of[key]) for key in ("before", "after", "ratio", "truth")), str(of["worse"]))
        for measure, of in found["measures"].items()
    ]
    lines += table(heading, rows, "lrrrrr").splitlines()
    lines += [
        "", "The ratio of each tone, then the median. *Worse*: tones that got worse by more than the noise. "
        f"Silent on their board, and left out: {found['silent']}.",
        f"In the simulator the guess is {cell(found['simulated_db'])} dB from its target. "
        f"Takes used: {cell(found['takes'])}; loop {cell(found['loop_cpu_s'])} CPU seconds "
        "without the playing on a real board.",
    ]  # fmt: skip
    return "\n".join(lines) + "\n"
