"""Which notes isolate which law: the table of experiments, and the plan of takes that follows from it.

An experiment is a row: its name, the laws that it decides, how its takes are measured, how far such a number
scatters, and its takes. Takes are plain tones that differ in one parameter, played on keys that the
instrument has. What a law needs to be heard is set to full, so that it depends on few others.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from estimator.calibration import measurements, notes
from estimator.calibration.measurements import LOW_PASSES, Heard
from estimator.calibration.notes import Note, swept
from estimator.calibration.signals import Floats
from jxctl.recording.plan import PlannedTake

FEWEST = 0.5
"""Share of an experiment's takes that must be there for its laws to be fitted."""


@dataclass(frozen=True)
class Experiment:
    """A row of the table. ``scatter``: standard deviation of a measured number on a good bench, a first
    guess; what the residuals show replaces it. ``feels``: what of a sound the measurement notices: its
    ``pitch``, ``gain``, colour (``cutoff``, ``resonance``, ``pulse_width``), ``envelope`` times, or a law
    by its name."""

    name: str
    laws: tuple[str, ...]
    measure: Callable[[Heard], Floats]
    scatter: float
    feels: frozenset[str]
    notes: tuple[Note, ...] = field(repr=False)

    @property
    def fewest(self) -> int:
        """So many of its takes must be there for its laws to be fitted."""
        return max(1, math.ceil(FEWEST * len(self.notes)))


_PITCH = frozenset({"pitch"})


_MOVED = frozenset({"chorus", "gain"})
_LOOP = frozenset({"tick"})
_SWING: frozenset[str] = frozenset()
_RATE, _DEPTH = frozenset({"lfo_rate"}), frozenset({"dco_lfo"})
_LEVEL = frozenset({"gain"})
_SHAPE = frozenset({"gain", "envelope"})
_COLOUR = frozenset({"vcf_lowest", "vcf_highest", "cutoff", "resonance", "gain", "pulse_width"})

EXPERIMENTS: tuple[Experiment, ...] = (
    Experiment("control loop", ("tick",), measurements.tick, 0.003, _LOOP, tuple(notes.tick())),
    Experiment(
        "settling", ("cv_slew",), measurements.slew, 0.03, frozenset({"cv_slew"}), tuple(notes.slew())
    ),
    Experiment("ranges", ("dco_range",), measurements.tuning, 0.002, _PITCH, tuple(notes.ranges())),
    Experiment("tuning", ("dco_tune",), measurements.tuning, 0.002, _PITCH, tuple(notes.tunes())),
    Experiment("fine tuning", ("dco_ftune",), measurements.tuning, 0.002, _PITCH, tuple(notes.fine())),
    Experiment(
        "mixer levels", ("voice_gain", "mix_level"), measurements.level, 0.03, _LEVEL, tuple(notes.mixer())
    ),
    Experiment(
        "VCA levels",
        ("vca_level",),
        measurements.level,
        0.03,
        _LEVEL,
        swept("VCA", notes.SQUARE, "VCA LEVEL", (8, 16, 32, 48, 64, 80, 96, 112, 127), gate_s=0.4),
    ),
    Experiment("dynamics", ("dynamics",), measurements.level, 0.05, _LEVEL, tuple(notes.dynamics())),
    Experiment("pulse", ("dco_pulse_width",), measurements.spectrum, 0.3, _COLOUR, tuple(notes.pulses())),
    Experiment(
        "filter",
        ("vcf_cutoff", "vcf_damping", "vcf_fixed_damping"),
        measurements.spectrum,
        0.3,
        _COLOUR,
        tuple(notes.filter()),
    ),
    Experiment("high-pass", ("hpf_corner",), measurements.spectrum, 0.2, _COLOUR, tuple(notes.corners())),
    Experiment("attack", ("env_attack",), measurements.growth, 0.01, _SHAPE, tuple(notes.attacks())),
    Experiment("decay", ("env_decay",), measurements.growth, 0.01, _SHAPE, tuple(notes.decays())),
    Experiment(
        "sustain",
        ("env_sustain",),
        measurements.growth,
        0.01,
        _SHAPE,
        swept(
            "SUS", {**notes.CARRIER, "ENV2 DECY": 40}, "ENV2 SUS", (16, 32, 48, 64, 80, 96, 112, 127), 84, 0.6
        ),
    ),
    Experiment("release", ("env_release",), measurements.fading, 0.01, _SHAPE, tuple(notes.releases())),
    Experiment(
        "envelope key follow",
        ("env_key", "env_key_lowest"),
        measurements.growth,
        0.01,
        _SHAPE,
        tuple(notes.env_keys()),
    ),
    Experiment(
        "mixer envelope", ("mix_env",), measurements.level, 0.05, _LEVEL, tuple(notes.mixer_envelope())
    ),
    Experiment(
        "envelope into pitch",
        ("dco_env",),
        measurements.bend,
        0.003,
        _PITCH,
        swept(
            "DCOENV", {**notes.SQUARE, **notes.HELD}, "DCO1 ENV", (16, 32, 48, 64, 80, 96, 112, 127), 60, 0.5
        ),
    ),
    Experiment("LFO rate", ("lfo_rate",), measurements.swing_rate, 0.005, _RATE, tuple(notes.rates())),
    Experiment(
        "LFO into pitch",
        ("dco_lfo",),
        measurements.swing,
        0.005,
        _DEPTH,
        swept("DCOLFO", notes.PITCH_LFO, "DCO1 LFO", (24, 40, 56, 72, 88, 104, 127), 72, 1.5),
    ),
    Experiment(
        "LFO wave",
        (),
        measurements.swing_shape,
        0.003,
        _SWING,
        swept("WAVE", {**notes.PITCH_LFO, "LFO WF": "triangle"}, "LFO RATE", (72, 80), 72, 3.0),
    ),
    Experiment(
        "LFO delay", ("lfo_delay", "lfo_fade"), measurements.swing_growth, 0.05, _SWING, tuple(notes.delays())
    ),
    Experiment(
        "envelope into cutoff",
        ("vcf_env",),
        measurements.early_spectrum,
        0.3,
        _COLOUR,
        tuple(notes.envelope_depth()),
    ),
    Experiment(
        "LFO into cutoff",
        ("vcf_lfo",),
        measurements.swung_spectrum,
        0.5,
        _COLOUR,
        tuple(notes.filter_swing()),
    ),
    Experiment(
        "couplings",
        ("dco_xmod",),
        measurements.fine_spectrum,
        0.5,
        frozenset({"gain"}),
        tuple(notes.couplings()),
    ),
    Experiment(
        "chorus",
        ("chorus_rate", "chorus_shortest", "chorus_longest", "chorus_wet", *LOW_PASSES),
        measurements.chorus_motion,
        0.02,
        _MOVED,
        tuple(notes.chorus()),
    ),
    Experiment(
        "cutoff limits",
        ("vcf_lowest", "vcf_highest"),
        measurements.early_spectrum,
        0.3,
        _COLOUR,
        tuple(notes.limits()),
    ),
    Experiment(
        "key follow", ("vcf_key", "vcf_key_centre"), measurements.spectrum, 0.3, _COLOUR, tuple(notes.keys())
    ),
)
"""In the order in which laws build on each other."""


class CalibrationPlan:
    """All takes of `EXPERIMENTS` in order, by index: what `jxctl.recording.recorder` records."""

    def __init__(self, experiments: tuple[Experiment, ...] = EXPERIMENTS) -> None:
        self.experiments = experiments
        self._notes = [(e, note) for e in experiments for note in e.notes]

    def __len__(self) -> int:
        return len(self._notes)

    def __getitem__(self, index: int, /) -> PlannedTake:
        _, note = self._notes[index]
        return PlannedTake(index, note.tone, note.note, note.velocity, note.gate_s, note.gate_s + note.tail_s)

    def experiment(self, index: int) -> Experiment:
        """The experiment that a take belongs to."""
        return self._notes[index][0]

    @property
    def seconds(self) -> float:
        """Of sound, at most."""
        return sum(note.gate_s + note.tail_s for _, note in self._notes)
