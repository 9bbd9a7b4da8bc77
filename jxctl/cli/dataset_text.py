"""What ``jx dataset`` says, as data and as text."""

from __future__ import annotations

from typing import Any

from jxctl.dataset.schema import FIELDS
from jxctl.dataset.summary import RIG, Info
from jxctl.dataset.verify import Drift, Verified

_MOST_DRIFTS = 8
_NULLS = [field.null for field in FIELDS]


def checked(
    folder: str, seen: Verified, findings: list[str], drifts: list[Drift]
) -> tuple[dict[str, Any], str]:
    """The result of a check, for programs and for people."""
    data = {
        "folder": folder,
        "takes": seen.takes,
        "findings": seen.findings,
        "found": findings,
        "verdicts": seen.verdicts,
        "same_sound": seen.same_sound,
        "loudest_dbfs": seen.loudest_dbfs,
        "loudest_floor_dbfs": seen.loudest_floor_dbfs,
        "drift": [_drift_data(drift) for drift in drifts],
    }
    found = "sound" if not seen.findings else f"{seen.findings} findings"
    lines = [f"{folder}: {seen.takes} takes, {found}"]
    if seen.takes:
        lines.append(f"verdicts: {_counted(seen.verdicts)}")
    if seen.loudest_dbfs is not None:
        lines.append(f"loudest take: {seen.loudest_dbfs:.1f} dBFS")
    if seen.loudest_floor_dbfs is not None:
        lines.append(f"highest noise floor: {seen.loudest_floor_dbfs:.1f} dBFS")
    if seen.same_sound:
        lines.append(f"{seen.same_sound} takes are bit for bit like an earlier one (no noise floor)")
    lines += [_drift_text(drift) for drift in drifts[:_MOST_DRIFTS]]
    if seen.findings:
        lines.append("restore the files from a copy, or delete the rows of those takes and record them again")
    return data, "\n".join(lines)


def described(folder: str, found: Info) -> str:
    """What a set holds, for people."""
    used = sum(used for _, used, _ in found.coverage())
    of = sum(of for _, _, of in found.coverage())
    lines = [
        f"{folder}: {found.takes} takes, {found.trusted} trusted, {found.seconds / 3600:.3g} hours of sound",
        f"tones: {found.tones}   takes of the reference tone: {found.references}",
        f"verdicts: {_counted(found.counts['verdict'])}",
        f"sample rate: {', '.join(found.counts['sample_rate'])} Hz",
        f"notes: {_few(found.counts['note'])}   velocities: {_few(found.counts['velocity'])}",
        f"parameter values that occur: {used} of {of} (--json: each parameter)",
    ]
    lines += [
        f"{name}: {_counted(found.counts[name])}" for name in RIG if set(found.counts[name]) - set(_NULLS)
    ]
    if found.first_at is not None:
        lines.append(f"recorded: {found.first_at} to {found.last_at} (UTC)")
    if found.unreadable:
        lines.append(f"{found.unreadable} files could not be read: jx dataset check {folder}")
    return "\n".join(lines)


def _drift_data(drift: Drift) -> dict[str, Any]:
    return {
        "tone": drift.tone,
        "note": drift.note,
        "velocity": drift.velocity,
        "gate_s": drift.gate_s,
        "reference": drift.reference,
        "level_db": drift.level_db,
        "cents": drift.cents,
        "spectrum_db": drift.spectrum_db,
        "takes": [
            {"index": take.index, "hours": take.hours, "level_db": take.level_db, "cents": take.cents,
             "spectrum_db": take.spectrum_db}
            for take in drift.takes
        ],
    }  # fmt: skip


def _drift_text(drift: Drift) -> str:
    what = "reference tone" if drift.reference else f"repeated tone {drift.tone[:8]}..."
    low, high = drift.level_db
    cents = "no pitch" if drift.cents is None else f"{drift.cents[0]:+.1f} to {drift.cents[1]:+.1f} cents"
    return (
        f"drift of the {what}, note {drift.note}, velocity {drift.velocity}, {len(drift.takes)} takes: "
        f"level {low:+.2f} to {high:+.2f} dB, {cents}, spectrum up to {drift.spectrum_db:.2f} dB"
    )


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {value}" for value, count in sorted(counts.items(), key=lambda item: -item[1]))


def _few(counts: dict[str, int]) -> str:
    values = sorted(counts, key=lambda value: (not value.isdecimal(), int(value) if value.isdecimal() else 0))
    return ", ".join(values) if len(values) <= 6 else f"{len(values)} from {values[0]} to {values[-1]}"
