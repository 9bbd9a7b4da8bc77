"""The page of the render benchmark, from its numbers: ``results/render.md`` out of ``render.json``.

::

    python -m benchmarks.report            # writes the page anew from the numbers that are there
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from benchmarks.files import RESULTS, write
from tools.markdown import table, wrapped

HEADLINE = "full voice"


def markdown(measured: Mapping[str, Any]) -> str:
    """The whole page."""
    parts = [_head(measured), _table(measured), _against_peers(measured), _what(measured)]
    parts += [_cost(measured), _memory(measured), _limit(measured), _foot(measured)]
    return wrapped("\n\n".join(filter(None, parts)))


def _head(measured: Mapping[str, Any]) -> str:
    return (
        "# How fast the simulator renders\n\n"
        f"Multiples of real time: seconds of sound a second, in voices of {measured['seconds']:g} s at "
        f"{measured['sample_rate'] / 1000:g} kHz. All synths in one run, taking turns, each with all cores, "
        "warm; a render is over when its last sample is in memory. Best of up to "
        f"{measured['rounds']} rounds, and the median in brackets."
    )


def _batches(measured: Mapping[str, Any]) -> list[str]:
    return list(next(iter(measured["results"]["jx"].values())))


def _table(measured: Mapping[str, Any]) -> str:
    batches = _batches(measured)
    rows, notes = [], []
    for name, variants in measured["results"].items():
        for variant, by_batch in variants.items():
            cells = []
            for batch in batches:
                entry = by_batch[batch]
                if "best" in entry:
                    cells.append(f"{entry['best']:,.0f} ({entry['median']:,.0f})")
                else:
                    cells.append("skipped")
                    notes.append(f"{name}, {variant}, batch {batch} skipped: {entry['skipped']}.")
            rows.append([f"{name}: {variant}", *cells])
    for name, reason in measured["not_measured"].items():
        rows.append([name, f"not measured: {reason}", *[""] * (len(batches) - 1)])
    lines = _by_batch(batches, rows)
    return "\n".join([*lines, *([""] if notes else []), *(f"* {note}" for note in notes)])


def _by_batch(batches: list[str], rows: list[list[str]]) -> list[str]:
    heading = ["synth", *(f"batch {batch}" for batch in batches)]
    return table(heading, rows, "l" + "r" * len(batches)).splitlines()


def _largest(by_batch: Mapping[str, Any], key: str) -> tuple[str, float]:
    """Batch and value of the best figure; an empty batch where there is none."""
    figures = [(batch, entry[key]) for batch, entry in by_batch.items() if "best" in entry]
    return max(figures, key=lambda figure: figure[1], default=("", 0.0))


def _against_peers(measured: Mapping[str, Any]) -> str:
    results = measured["results"]
    own = {key: _largest(results["jx"][HEADLINE], key) for key in ("best", "median")}
    lines = []
    for name, variants in results.items():
        if name == "jx":
            continue
        for variant, by_batch in variants.items():
            ratios = []
            for key in ("best", "median"):
                batch, figure = _largest(by_batch, key)
                if batch:
                    ratios.append(f"{own[key][1] / figure:.0f} times by the {key} (its batch {batch})")
            common = [
                f"{results['jx'][HEADLINE][batch]['median'] / entry['median']:.0f} at {batch}"
                for batch, entry in by_batch.items()
                if "best" in entry and "best" in results["jx"][HEADLINE][batch]
            ]
            if ratios:
                lines.append(
                    f"* {name}, {variant}: jx is {', '.join(ratios)}, each at the batch that suits it best. "
                    f"At equal batches, medians: {', '.join(common)}."
                )
    return (
        "\n".join(["## jx against the others", "", f"jx: {HEADLINE}, chorus off.", "", *lines])
        if lines
        else ""
    )


def _what(measured: Mapping[str, Any]) -> str:
    lines = ["## What each one renders", ""]
    for name, said in measured["about"].items():
        lines += [f"* {name}: *{variant}*: {text}." for variant, text in said["variants"].items()]
    return "\n".join(lines)


def _cost(measured: Mapping[str, Any]) -> str:
    lines = ["## Cost over batch, length and notes", ""]
    for variant, fit in measured["over_batch"].items():
        lines.append(
            f"* Batch, *{variant}*: {fit['fixed'] * 1e3:.1f} ms + {fit['each'] * 1e3:.3f} ms a voice from 16 "
            f"voices on; the worst point is {fit['worst_error']:.0%} off that line."
        )
    length = measured["over_length"]
    fit = length["line"]
    lines.append(
        f"* Length, *{HEADLINE}*, batch 128, {', '.join(length['times_s'])} s: {fit['fixed'] * 1e3:.1f} ms "
        f"+ {fit['each'] * 1e3:.1f} ms a second of sound; the worst point is {fit['worst_error']:.0%} off "
        "that line."
    )
    shares = [f"{held}: {share:.1%}" for held, share in measured["over_notes"].items()]
    start = measured["first_call"]
    lines.append(
        f"* The first call ever compiles: {start['compiles_s']:.1f} s; in a later process it loads what was "
        f"compiled: {start['loads_s']:.2f} s."
    )
    lines.append(f"* A running instrument in blocks of 256 samples, share of one core: {'; '.join(shares)}.")
    return "\n".join(lines)


def _memory(measured: Mapping[str, Any]) -> str:
    batches = _batches(measured)
    rows = []
    for name, variants in measured["results"].items():
        variant, by_batch = next(iter(variants.items()))
        peaks = [by_batch[batch].get("peak_bytes") for batch in batches]
        cells = [f"{peak / 1e6:,.0f}" if peak else "-" for peak in peaks]
        rows.append([f"{name}: {variant}", *cells])
    size = measured["seconds"] * measured["sample_rate"] * 4 / 1e6
    lines = [
        "## Largest memory of the program while it renders, in MB",
        "",
        *_by_batch(batches, rows),
        "",
        f"The output itself takes {size:.2f} MB a voice; the interpreter and its libraries are counted.",
    ]
    return "\n".join(lines)


def _limit(measured: Mapping[str, Any]) -> str:
    found = measured["limit"]
    title = "## Distance from a computed limit"
    if not found["loops"]:
        return f"{title}\n\nNot computed: {found.get('why_not', 'nothing was measured')}."
    clock, peak = found["clock_hz"], next(iter(found["loops"].values()))["peak"]
    heading = ("voice", "operations a sample", "of the peak", "cycles for 16 voices",
               "vector instructions in them")  # fmt: skip
    rows = [
        (variant, f"{loop['operations_a_sample']:.0f}", f"{loop['share']:.0%}",
         f"{loop['cycles_of_16']:.0f}", f"{loop['vector_instructions_of_16']:.0f}")
        for variant, loop in found["loops"].items()
    ]  # fmt: skip
    lines = [
        title,
        "",
        f"Peak: {found['cores']} cores * {clock / 1e9:.2f} GHz (measured) * 16 lanes * 2 fused units * 2 "
        f"operations = {peak / 1e9:,.0f} billion operations a second. Operations are counted in the machine "
        "code of the audio loop (`benchmarks/limit.py` says how); control frames and copying count as none.",
        "",
        *table(heading, rows, "lrrrr").splitlines(),
        "",
        "The cycles are the whole render's, the control frames included. The rest of the instructions is "
        "integer work (phases, noise), comparisons, loads and stores.",
    ]
    return "\n".join(lines)


def _foot(measured: Mapping[str, Any]) -> str:
    machine = measured["machine"]
    versions = [f"{name} {number}" for name, number in machine["packages"].items()]
    lines = [
        "## Measured on",
        "",
        f"`python -m benchmarks.render --runs {measured['rounds']}` at commit {machine['commit']}: "
        f"{machine['processor']}, {machine['cores']} cores, Python {machine['python']}, "
        f"{', '.join(versions)}.",
        "",
    ]
    for name, said in measured["about"].items():
        if name != "jx":
            lines.append(
                f"* {name}: " + ", ".join(f"{p} {number}" for p, number in said["versions"].items()) + "."
            )
    lines.append("* Raw times of every round: `benchmarks/results/render.json`.")
    return "\n".join(lines)


def main() -> None:
    """Write the page from render.json."""
    measured = json.loads((RESULTS / "render.json").read_text("utf-8"))
    write(RESULTS / "render.md", markdown(measured))


if __name__ == "__main__":
    main()
