"""The section of the leaderboard about the task ``thesis26``, from the data of `benchmarks.leaderboard26`."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from tools.markdown import table

THESIS = {  # table 6.7, large data set: validation MSE
    "cnn1": 0.02933, "cnn2": 0.02874, "cnn3": 0.02811, "lstm1": 0.02618, "lstm2": 0.02643, "lstm3": 0.02671,
    "lcnn1": 0.04108, "lcnn2": 0.04109,
}  # fmt: skip
INVERSYNTH = {  # table 3, last row: mean MPR
    "FC Linear": 65.59, "FC1": 66.85, "FC2": 67.05, "FC3": 66.72, "HC": 72.8, "HC3": 75.8,
    "Conv1": 70.69, "Conv2": 75.78, "Conv3": 76.51, "Conv4": 77.35, "Conv5": 77.66, "Conv6": 77.81,
    "Conv6XL": 77.9, "ConvE2E": 76.17,
}  # fmt: skip


def markdown(report: dict[str, Any]) -> str:
    """The section, with a heading of the second level."""
    parts = [
        f"## The thesis' task: 26 parameters of one note, after {report['samples']:,} sounds",
        introduction(report),
        "### Squared error",
        errors_table(report),
        verdict(report),
        "### What can be heard of it",
        heard_text(report),
        heard_table(report),
        "### Validation error by sounds seen",
        curves_table(report),
        "### InverSynth's measures",
        ranks_table(report),
        footer(report),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def introduction(report: dict[str, Any]) -> str:
    """What was done, in a paragraph; and which entries are not there."""
    tones = min(report["tones"], report["samples"])
    missing = ", ".join(report["missing"])
    return (
        f"Every entry learnt from the same {tones:,} tones (seed 0) in the same order, "
        f"{report['samples']:,} sounds seen in batches of {report['batch']}, and is judged on "
        f"{report['validation']['tones']:,} others. An entry marked * saw fewer; its column says how many. "
        "Definitions in `estimator/papers/vecoven2020`: `task.py` (task), `fit.py` (training), `measures.py` "
        "(measures). The interval is that of 95 % over validation tones."
        + (f" Not trained at this budget: {missing}." if missing else "")
    )


def merged(report: dict[str, Any]) -> list[dict[str, Any]]:
    """Entries by name, the first seed's result with ``seeds``: the squared errors of all."""
    by_name: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for entry in report["entries"]:
        by_name[entry["entry"]].append(entry)
    return [runs[0] | {"seeds": [run["errors"]["mse"] for run in runs]} for runs in by_name.values()]


def errors_table(report: dict[str, Any]) -> str:
    """Validation and training error of every entry, best first."""
    heading = ("entry", "family", "weights", "seen", "training MSE", "validation MSE", "MAE", "thesis' MSE",
               "seconds", "on")  # fmt: skip
    rows = []
    for entry in sorted(merged(report), key=lambda one: one["errors"]["mse"]):
        mark = "" if entry["samples"] == report["samples"] else "*"
        error = entry["errors"]
        spread = (
            f" (seeds {', '.join(f'{v:.4f}' for v in entry['seeds'])})" if len(entry["seeds"]) > 1 else ""
        )
        rows.append(
            [f"{entry['entry']}{mark}", entry["family"], f"{entry['weights']:,}", f"{entry['samples']:,}",
             f"{entry['curve'][-1]['train_mse']:.4f}", f"{with_interval(error)}{spread}",
             f"{error['mae']:.3f}", str(THESIS.get(entry["entry"], "")), f"{entry['seconds']:,.0f}",
             entry.get("device", "cpu")]
        )  # fmt: skip
    for name, value in report["constants"].items():
        rows.append(
            [f"the training tones' {name}", "no network", "", "", "", with_interval(value),
             f"{value['mae']:.3f}", "", "", ""]
        )  # fmt: skip
    return table(heading, rows, "llrrrrrrrl").rstrip()


def with_interval(error: dict[str, float]) -> str:
    """A squared error and its interval."""
    return f"{error['mse']:.4f} ± {error['mse_interval']:.4f}"


def verdict(report: dict[str, Any]) -> str:
    """How far ours is under the thesis' best, on the same tones."""
    entries = [entry for entry in merged(report) if entry["samples"] == report["samples"]]
    theirs = [entry for entry in entries if entry["family"] == "thesis"]
    ours = [entry for entry in entries if entry["family"] == "ours"]
    if not theirs or not ours:
        return ""
    best = min(theirs, key=lambda one: one["errors"]["mse"])
    parts = [f"The thesis' best network here is {best['entry']}."]
    for entry in ours:
        less = 1 - entry["errors"]["mse"] / best["errors"]["mse"]
        name = entry["entry"][:1].upper() + entry["entry"][1:]
        parts.append(f"{name}: {abs(less):.0%} {'lower' if less > 0 else 'higher'}.")
    return " ".join(parts)


def heard_text(report: dict[str, Any]) -> str:
    """How much is audible, and the floor that leaves."""
    heard = report["audible"]
    least = sorted(heard["by_parameter"].items(), key=lambda pair: pair[1])[:6]
    floor = heard["floor"]
    return (
        f"In each of {heard['tones']} validation tones every parameter was set to other values and the tone "
        f"rendered. It is audible if one of them changes the sound by {heard['spectrum_db']} dB "
        f"log-mel or {heard['level_db']} dB RMS (`estimator/papers/vecoven2020/audible.py`). "
        f"{heard['share']:.0%} of the parameters are; least often "
        f"{', '.join(f'{name} ({share:.0%})' for name, share in least)}. Who knows every audible parameter "
        f"exactly still has a squared error of {floor['prior_mean']:.4f} with the prior's mean for the rest, "
        f"{floor['conditional_mean']:.4f} with what the prior expects of the rest given the audible "
        f"ones. In {heard['exchange']['share']:.0%} of the tones the oscillators can change places unheard, "
        f"which leaves {heard['exchange']['floor']:.4f} more to whoever cannot know which is which; "
        f"{heard['respelt']['share']:.0%} of the oscillators' pitches can be spelt by another RANGE and TUNE "
        f"unheard, which leaves {heard['respelt']['floor']:.4f} to who knows all else "
        "(`estimator/papers/vecoven2020/ambiguous.py`)."
    )


def heard_table(report: dict[str, Any]) -> str:
    """Squared error over audible and inaudible parameters apart."""
    entries = [(e["entry"], e["heard"]) for e in sorted(merged(report), key=lambda one: one["errors"]["mse"])]
    entries.append(("the training tones' mean", report["constants"]["mean"]["heard"]))
    heading = ("entry", "MSE of audible parameters", "of inaudible ones",
               "share of the error that is inaudible")  # fmt: skip
    rows = [
        (name, f"{split['audible']:.4f}", f"{split['inaudible']:.4f}", f"{split['share']:.0%}")
        for name, split in entries
    ]
    return table(heading, rows, "lrrr").rstrip()


def curves_table(report: dict[str, Any]) -> str:
    """Validation MSE at the points of the curves."""
    entries = merged(report)
    points = sorted({p["samples"] for e in entries for p in e["curve"] if e["samples"] == report["samples"]})
    if not points:
        return ""
    rows = []
    for entry in entries:
        values = {p["samples"]: p["validation_mse"] for p in entry["curve"]}
        rows.append([entry["entry"], *(f"{values[p]:.4f}" if p in values else "" for p in points)])
    return table(["entry", *(f"{p:,}" for p in points)], rows, "l" + "r" * len(points)).rstrip()


def ranks_table(report: dict[str, Any]) -> str:
    """MPR, top-k, MAE in classes, and how the rendered answers compare."""
    heading = ("entry", "MPR", "paper's", "top-1", "top-3", "top-5", "MAE of 16", "PCC, STFT", "PCC, FT",
               "Frobenius")  # fmt: skip
    rows = []
    for entry in sorted(merged(report), key=lambda one: one["errors"]["mse"]):
        shown, rank = entry["rendered"], entry.get("ranks")
        ranked = _ranked(rank, str(INVERSYNTH[entry["entry"]])) if rank else [""] * 6
        rows.append(
            [entry["entry"], *ranked, f"{shown['pcc_stft_mean']:.1f}", f"{shown['pcc_ft_mean']:.1f}",
             f"{shown['frobenius_mean']:.0f}"]
        )  # fmt: skip
    rows.append(["how often values occur", *_ranked(report["frequencies"], ""), "", "", ""])
    return table(heading, rows, "l" + "r" * 9).rstrip()


def _ranked(rank: dict[str, float], papers: str) -> list[str]:
    tops = [f"{rank[top]:.1%}" for top in ("top1", "top3", "top5")]
    return [f"{rank['mpr']:.2f}", papers, *tops, f"{rank['mae_classes']:.2f}"]


def footer(report: dict[str, Any]) -> str:
    """Machine, commit, cost."""
    machine, entries = report["machine"], report["entries"]
    minutes = sum(entry["seconds"] for entry in entries) / 60
    devices = ", ".join(sorted({entry.get("device", "cpu") for entry in entries}))
    torches = ", ".join(sorted({entry["made"]["packages"]["torch"] for entry in entries if entry["made"]}))
    return (
        f"{len(entries)} runs, {minutes:,.0f} minutes of training in all (wall-clock, beside other work) "
        f"on {devices}, torch {torches or machine['packages']['torch']}. Reported on {machine['processor']}, "
        f"{machine['cores']} cores, at commit {machine['commit']}. "
        "Every curve, seed and commit: [thesis26.json](thesis26.json). "
        f"`python -m benchmarks.leaderboard26 --tones {report['tones']} "
        f"--epochs {report['samples'] / report['tones']:g} --batch {report['batch']}`."
    )
