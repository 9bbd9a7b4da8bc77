"""How the voices of a board lie apart, and how one of them drifts: what belongs to no law."""

from __future__ import annotations

import math

from simulator.synth.profile import Profile

KINDS: dict[str, tuple[float, float]] = {
    "cutoff": (0.02, 0.01), "resonance": (0.02, 0.01), "gain": (0.02, 0.01), "pulse_width": (0.003, 0.003),
    "envelope": (0.005, 0.01),
}  # fmt: skip
"""How voices differ: standard deviation to begin with, and step for a derivative."""
_TIMES = tuple((f"env_{stage}", end) for stage in ("attack", "decay", "release") for end in ("low", "high"))
MOVES: dict[str, dict[tuple[str, str], float]] = {
    "cutoff": {("vcf_cutoff", "low"): math.log(2), ("vcf_cutoff", "high"): math.log(2)},
    "resonance": {("vcf_damping", "low"): 1.0, ("vcf_damping", "high"): 1.0},
    "gain": {("voice_gain", "value"): 1.0},
    "pulse_width": {("dco_pulse_width", "value"): 1.0},
    "envelope": dict.fromkeys(_TIMES, 1.0),
}
"""Parts of laws that a voice which is off by 1 seems to have moved, each by so much on its axis."""
DRIFT, SWELL = "drift", "swell"
"""What one take has for itself: its cutoff (octaves) and its level (share) may have drifted."""
STARTS = {kind: start for kind, (start, _) in KINDS.items()} | {DRIFT: 0.003, SWELL: 0.001}
"""Standard deviations to begin with."""


def shifted(profile: Profile, kind: str, amount: float) -> Profile:
    """A board all of whose voices are off by ``amount`` (octaves, shares, cycles)."""
    laws = profile.laws
    match kind:
        case "cutoff":
            return profile.replace(vcf_cutoff=laws["vcf_cutoff"].values * 2.0**amount)
        case "resonance":
            return profile.replace(vcf_damping=laws["vcf_damping"].values * (1 + amount))
        case "gain":
            return profile.replace(voice_gain=laws["voice_gain"].values * (1 + amount))
        case "pulse_width":
            return profile.replace(dco_pulse_width=laws["dco_pulse_width"].values + amount)
    times = ("env_attack", "env_decay", "env_release")
    return profile.replace(**{law: laws[law].values * (1 + amount) for law in times})
