"""The page of the leaderboard over whole tones, from its numbers."""

from __future__ import annotations

from typing import Any

from tools.markdown import table

DEFINITIONS = """\
* **log-mel**: what candidates are ranked by: mean absolute difference of log-mel spectrograms (128 mel bands
  30 Hz to 16 kHz, 2048-point frames every 10 ms, levels matched by RMS, dB, floor 80 dB under the target's
  peak), over the cells where either sounds. Median over tones, with the central 95 % of 2,000 bootstrap
  resamples; mean; quartiles.
* **elsewhere**: the same at another note, velocity and gate, which nobody heard; median.
* **MSS**, **wMFCC**, **envelope**: `estimator/inference/metrics.py`; medians. dB; MFCC units; share of the
  mean level.
* **levels**, **switches**: mean absolute error in raw steps, and share right, over parameters that can be
  heard in the true tone at its note (changed, rendered, and heard to differ by over 0.1 dB).
* **s**: median seconds a tone; for retrieval a tone's share of its pool.
"""


def markdown(result: dict[str, Any]) -> str:
    """The whole page."""
    settings, machine = result["settings"], result["machine"]
    what = f"{settings['table']}" + (f", origin {settings['origin']}" if settings["origin"] else "")
    notes = ", ".join(f"{n} (velocity {v}, {g:g} s)" for n, v, g in settings["played"])
    lines = [
        "# Finding whole tones", "",
        f"Tones of {what}, each rendered for 2.5 s at one of the notes {notes}; found again from audio, "
        "note, velocity and gate. Sorted by log-mel.", "",
    ]  # fmt: skip
    order = sorted(result["entries"], key=lambda e: e["log_mel"]["median"])
    heading = ("entry", "renders a tone", "tones", "log-mel, dB", "mean", "quartiles", "elsewhere", "MSS",
               "wMFCC", "envelope", "levels", "switches", "s")  # fmt: skip
    rows = [_cells(e, result["present_weights"]) for e in order]
    lines += table(heading, rows, "l" + "r" * 12).splitlines()
    if result["silent"]:
        lines += ["", f"Silent at their note, left out: {', '.join(result['silent'])}."]
    lines += [
        "",
        "By group of the panel: mean absolute level error, raw steps / share of right switches.",
        "",
    ]
    lines += _groups(order)
    calibrated = [e for e in order if "coverage" in e]
    if calibrated:
        e = min(calibrated, key=lambda e: float(e["renders"]))
        lines += ["", "The network's distributions: " + ", ".join(
            f"the central {name} % cover {c['mean']:.0%} of audible levels"
            for name, c in e["coverage"].items()
        ) + f"; expected calibration error {e['ece']:.3f} (weights {e['weights']})."]  # fmt: skip
        follows = [f"{n} {f['sure']:.0%}, {f['right']:.0%}" for n, f in e["follows"].items() if "sure" in f]
        lines += ["", "What one note can hardly tell; how sure the network is, how often it is right: "
                  + "; ".join(follows) + "."]  # fmt: skip
    lines += ["", DEFINITIONS]
    training = ", ".join(f"{k} {v}" for k, v in result["training"].items() if not isinstance(v, dict))
    lines += [
        f"Seed {settings['seed']}; {machine['processor']}, {machine['cores']} cores, shared with other work; "
        f"commit {machine['commit']}. Present weights {result['present_weights']}"
        + (f": {training}." if training else "."),
    ]
    return "\n".join(lines) + "\n"


def _cells(e: dict[str, Any], present: str) -> list[str]:
    name = e["entry"] + ("" if not e["weights"] or e["weights"] == present else f" (weights {e['weights']})")
    m = e["log_mel"]
    low, high = m["median_ci"]

    def median(measure: str, form: str) -> str:
        return form.format(e[measure]["median"]) if measure in e else ""

    def overall(measure: str, form: str) -> str:
        return form.format(e[measure]["all"]["mean"]) if "all" in e[measure] else ""

    return [
        name, f"{e['renders']:,}", str(e["tones"]), f"**{m['median']:.2f}** ({low:.2f} to {high:.2f})",
        f"{m['mean']:.2f}", f"{m['quartiles'][0]:.2f} to {m['quartiles'][1]:.2f}",
        median("elsewhere", "{:.2f}"),
        median("multi_scale", "{:.2f}"), median("warped_mfcc", "{:.2f}"), median("envelope", "{:.3f}"),
        overall("level_error", "{:.1f}"), overall("switch_accuracy", "{:.0%}"), f"{e.get('seconds', 0):.1f}",
    ]  # fmt: skip


def _groups(order: list[dict[str, Any]]) -> list[str]:
    groups = sorted(
        {g for e in order for what in ("level_error", "switch_accuracy") for g in e[what]} - {"all"}
    )
    rows = []
    for e in order:
        cells = []
        for group in groups:
            level, switch = e["level_error"].get(group), e["switch_accuracy"].get(group)
            left = f"{level['mean']:.0f}" if level and level["mean"] is not None else "-"
            right = f"{switch['mean']:.0%}" if switch and switch["mean"] is not None else "-"
            cells.append(f"{left} / {right}")
        rows.append([e["entry"], *cells])
    return table(["entry", *groups], rows, "l" + "r" * len(groups)).splitlines()
