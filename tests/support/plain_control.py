"""The control loop of a board written once more, plainly: laws and control frames in scalar Python.

Nothing of `simulator` is used: laws are read from the profile's TOML file, and a frame is worked out for one
tone and one tick at a time from thesis eq. 4.6, 4.11 and 4.12. The random LFO is left out.
"""

from __future__ import annotations

import math
import tomllib
from pathlib import Path
from typing import Any

import numpy as np

from jxctl.protocol.parameters import parameter

PROFILES = Path(__file__).parents[2] / "simulator" / "profiles"


class Laws:
    """The laws of a shipped profile, applied to one tone."""

    def __init__(self, profile: str) -> None:
        data = tomllib.loads((PROFILES / f"{profile}.toml").read_text("utf-8"))
        self.laws: dict[str, dict[str, Any]] = data["laws"]
        if "base" in data:
            base = tomllib.loads((PROFILES / f"{data['base']}.toml").read_text("utf-8"))
            self.laws = base["laws"] | self.laws

    def word(self, law: str) -> Any:
        """The value of a constant or of a choice."""
        return self.laws[law]["value"]

    def of(self, tone: np.ndarray, name: str, law: str = "") -> Any:
        """What a parameter of a tone means: a number, or a row of them."""
        row = parameter(name)
        raw = int(tone[row.column])
        entry = self.laws[law or row.law]
        x = raw / 127
        match entry["form"]:
            case "linear":
                return entry["low"] + (entry["high"] - entry["low"]) * x
            case "exponential":
                return entry["low"] * (entry["high"] / entry["low"]) ** x
            case "power":
                return entry["low"] + (entry["high"] - entry["low"]) * x ** entry["exponent"]
            case "table":
                return float(np.interp(raw, entry["raw"], entry["value"]))
            case "positions":
                return entry["values"][row.position(raw)]
        raise AssertionError(entry["form"])

    def dynamics(self, tone: np.ndarray, name: str, velocity: int) -> float:
        """Factor of a DYNA switch: straight lines through the points of its curve."""
        curve = self.of(tone, name)
        return float(np.interp(velocity / 127 * (len(curve) - 1), range(len(curve)), curve))


def position(tone: np.ndarray, name: str) -> int:
    """Position of a switch."""
    row = parameter(name)
    return row.position(int(tone[row.column]))


def envelope(times: tuple[float, float, float, float], age: float, held_for: float) -> float:
    """Eq. 4.11: attack, decay, sustain level, release; ``age`` s after the key went down."""
    attack, decay, sustain, release = times

    def held(x: float) -> float:
        if x < attack:
            return math.pow(x / attack, 1 / 3)
        left = 1 - min((x - attack) / decay, 1.0)
        return left**3 * (1 - sustain) + sustain

    if age <= held_for:
        return held(age)
    return held(held_for) * (1 - min((age - held_for) / release, 1.0)) ** 3


def lfo(laws: Laws, tone: np.ndarray, age: float) -> float:
    """Square or the smooth wave, -1 to 1, from the key's start; it fades in after its delay."""
    phase = age * laws.of(tone, "LFO RATE") % 1
    if position(tone, "LFO WF") == 1:
        wave = 1.0 if phase < 0.5 else -1.0
    elif laws.word("lfo_wave3") == "sine":
        wave = math.sin(2 * math.pi * phase)
    else:
        wave = 2 / math.pi * math.asin(math.sin(2 * math.pi * phase))
    delay = laws.of(tone, "LFO DELAY")
    if delay == 0:
        return wave
    return wave * min(max((age - delay) / (delay * laws.word("lfo_fade")), 0.0), 1.0)


def control_frame(
    laws: Laws, tone: np.ndarray, note: int, velocity: int, gate_ticks: int, tick: int
) -> tuple[float, float, float, float, float, float]:
    """Hz of both DCOs, gains of the mixer, cutoff in Hz and gain of the VCA at the end of a tick."""
    age, held_for = (tick + 1) * laws.word("tick"), gate_ticks * laws.word("tick")
    keys = (note - laws.word("env_key_lowest")) / laws.word("env_key_span")
    levels = {}
    for name in ("ENV1", "ENV2"):
        shorter = 2 ** (-laws.of(tone, f"{name} KEY") * keys)
        attack, decay, release = (
            laws.of(tone, f"{name} {stage}") * shorter for stage in ("ATT", "DECY", "REL")
        )
        levels[name] = envelope((attack, decay, laws.of(tone, f"{name} SUS"), release), age, held_for)
    swing = lfo(laws, tone, age)

    def routed(switch: str) -> tuple[float, int]:
        which = position(tone, switch)
        return levels["ENV1" if which >= 2 else "ENV2"], 1 if which % 2 else -1

    level, sign = routed("DCO MODE")
    bend = sign * level * laws.dynamics(tone, "DCO DYNA", velocity)
    hz = []
    for name in ("DCO1", "DCO2"):
        cents = laws.of(tone, f"{name} ENV") * bend + laws.of(tone, f"{name} LFO") * swing
        semitones = note + laws.of(tone, f"{name} RANGE") + laws.of(tone, f"{name} TUNE") + cents / 100
        clock = laws.word("dco_clock") / laws.of(tone, f"{name} RANGE", "dco_prescale")
        divider = min(max(round(clock / (440 * 2 ** ((semitones - 69) / 12))), 2), 65535)
        fine = laws.of(tone, "DCO2 FTUNE") if name == "DCO2" else 0
        hz.append(clock * 2 ** (fine / 1200) / divider)

    level, sign = routed("MIX MODE")
    opening = level if sign > 0 else 1 - level
    depth = laws.of(tone, "MIX ENV") * laws.dynamics(tone, "MIX DYNA", velocity)
    mix1, mix2 = laws.of(tone, "MIX DCO1"), laws.of(tone, "MIX DCO2")
    if laws.word("mixer") == "crossfade":
        mix1, mix2 = (mix * (1 - depth + depth * x) for mix, x in ((mix1, opening), (mix2, 1 - opening)))
    else:
        mix2 *= 1 - depth + depth * opening

    level, sign = routed("VCF MODE")
    octaves = laws.of(tone, "VCF KEY") * (note - laws.word("vcf_key_centre")) / 12
    octaves += laws.of(tone, "VCF ENV") * sign * level * laws.dynamics(tone, "VCF DYNA", velocity)
    octaves += laws.of(tone, "VCF LFO") * swing
    cutoff = laws.of(tone, "VCF FREQ") * 2**octaves
    cutoff = min(max(cutoff, laws.word("vcf_lowest")), laws.word("vcf_highest"))

    shape = levels["ENV2"] if position(tone, "VCA MODE") == 1 else float(tick < gate_ticks)
    gain = laws.of(tone, "VCA LEVEL") * laws.dynamics(tone, "VCA DYNA", velocity) * shape
    return hz[0], hz[1], mix1, mix2, cutoff, gain * laws.word("voice_gain")
