"""Which notes isolate which law: the table of experiments, and the plan of takes that follows from it.

An experiment is a row: its name, the laws that it decides, how its takes are measured, how far such a number
scatters, and its notes: plain tones that differ in one parameter, played on keys that the instrument has.
What a law needs to be heard is set to full, so that it depends on few others.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from estimator.calibration import measurements
from estimator.calibration.measurements import LOW_PASSES, Heard
from jxctl.protocol.bus import VOICES
from jxctl.protocol.tone import INIT_TONE, Tone
from jxctl.recording.plan import PlannedTake
from simulator.synth.profile import FloatArray as Floats

Changes = dict[str, int | str]
"""Of parameters, by name."""

TAIL_S = 0.3
"""Of recording after a key goes up, where nothing else is wanted (chosen)."""
LONGEST_S = 6.5
"""For which a slow envelope is listened to at most (chosen)."""
FEWEST = 0.5
"""Share of an experiment's takes that must be there for its laws to be fitted (chosen)."""
FALLS = (
    (16, 0.3),
    (32, 0.3),
    (48, 0.4),
    (64, 0.8),
    (80, 2.0),
    (96, 5.0),
    (112, LONGEST_S),
    (127, LONGEST_S),
)
"""Times of decay and release by raw value, with for how long they are listened to, seconds (chosen)."""

GATED: Changes = {"VCA MODE": "gate"}
SQUARE: Changes = {"DCO1 WF": "square", **GATED}
LOW: Changes = {"DCO1 RANGE": "16'", **GATED}
HELD: Changes = {"ENV1 ATT": 0, "ENV1 DECY": 127, "ENV1 SUS": 127}
CARRIER: Changes = {"DCO1 WF": "square", "VCA MODE": "ENV-2", "ENV2 ATT": 0, "ENV2 SUS": 127, "ENV2 REL": 0}
PITCH_LFO: Changes = {**SQUARE, "LFO WF": "square", "DCO1 LFO": 72, "LFO RATE": 80}


@dataclass(frozen=True)
class Note:
    """A take to be played: a tone, a key, and ``tail_s`` of recording after the key goes up."""

    tone: Tone
    note: int = 60
    velocity: int = 100
    gate_s: float = 0.8
    tail_s: float = TAIL_S


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


# The notes of each experiment.


def plain(name: str, *changes: Changes) -> Tone:
    """The init tone with ``changes``, one after the other, under a name."""
    tone = INIT_TONE
    for each in changes:
        tone = tone.with_values(each)
    return tone.named(name)


def swept(
    name: str, base: Changes, parameter: str, raws: tuple[int, ...], note: int = 60, gate_s: float = 0.8
) -> tuple[Note, ...]:
    """One parameter at several values on one tone."""
    return tuple(Note(plain(f"{name} {raw}", base, {parameter: raw}), note, gate_s=gate_s) for raw in raws)


def tick() -> Iterator[Note]:
    """Falling pitches, whose steps show how long the control loop takes."""
    base = {**SQUARE, "DCO1 ENV": 88, "ENV1 DECY": 92, "ENV1 SUS": 0}
    yield Note(plain("TICK A", base), 84, gate_s=1.5)
    yield Note(plain("TICK B", base, {"DCO1 ENV": 108, "ENV1 DECY": 100}), 79, gate_s=1.5)


def slew() -> Iterator[Note]:
    """High notes that begin at once: how fast a control voltage arrives."""
    for note in (84, 86, 89):
        yield Note(plain(f"SLEW {note}", SQUARE, {"DCO1 RANGE": "2'"}), note, gate_s=0.4)


def ranges() -> Iterator[Note]:
    """Each RANGE on three keys. Counters divide by whole numbers, so that each key is off by itself."""
    for position, notes in (
        ("16'", (72, 67, 77)),
        ("8'", (60, 55, 65)),
        ("4'", (60, 53, 64)),
        ("2'", (48, 43, 52)),
    ):
        for note in notes:
            yield Note(plain(f"RANGE {position[:2]}", SQUARE, {"DCO1 RANGE": position}), note, gate_s=0.4)


def tunes() -> Iterator[Note]:
    """All 25 positions of TUNE on one key, which no range is played on."""
    for position in range(25):
        label = f"{position - 12:+d}" if position != 12 else "0"
        yield Note(plain(f"TUNE {label}", SQUARE, {"DCO1 TUNE": label}), 62, gate_s=0.35)


def fine() -> Iterator[Note]:
    """DCO-2 alone, at nine values of FTUNE, each on another key."""
    base: Changes = {**GATED, "DCO2 WF": "square", "MIX DCO1": 0, "MIX DCO2": 127}
    keys = (54, 56, 57, 58, 59, 61, 63, 64, 66)
    for raw, note in zip((0, 16, 32, 48, 64, 80, 96, 112, 127), keys, strict=True):
        yield Note(plain(f"FINE {raw}", base, {"DCO2 FTUNE": raw}), note, gate_s=0.4)


def dynamics() -> Iterator[Note]:
    """Velocities through each DYNA curve of the VCA, and past it."""
    for velocity in (1, 64, 127):
        yield Note(plain("DYNA OFF", SQUARE), 60, velocity, 0.4)
    for position in ("1", "2", "3"):
        for velocity in (1, 16, 32, 48, 64, 80, 95, 111, 127):
            tone = plain(f"DYNA {position}", SQUARE, {"VCA DYNA": position})
            yield Note(tone, 60, velocity, 0.4)


def pulses() -> Iterator[Note]:
    """A pulse through an open filter, as often as a board has voices: each has a width of its own."""
    for _ in range(VOICES):
        yield Note(plain("PULSE", LOW, {"DCO1 WF": "pulse"}), 36)


def filter() -> Iterator[Note]:
    """A low square wave through the VCF at many cutoffs and resonances."""
    yield from swept(
        "CUT", LOW, "VCF FREQ", (0, 8, 16, 24, 32, 40, 48, 56, 64, 72, 80, 88, 96, 104, 112, 120, 127), 36
    )
    yield from swept("RES", {**LOW, "VCF FREQ": 72}, "VCF RES", (16, 32, 48, 64, 80, 96, 112, 127), 36)
    yield from swept("RESLOW", {**LOW, "VCF FREQ": 48}, "VCF RES", (48, 96), 36)


def corners() -> Iterator[Note]:
    """Each position of the HPF, on a dark and a bright tone."""
    for position in ("0", "1", "2", "3"):
        yield Note(plain(f"HPF {position}", LOW, {"HPF FREQ": position}), 36)
        yield Note(plain(f"HPF {position}", LOW, {"HPF FREQ": position, "VCF FREQ": 100}), 48)


def limits() -> Iterator[Note]:
    """The filter driven below its lowest and above its highest cutoff."""
    low = {**LOW, **HELD, "VCF FREQ": 0, "VCF ENV": 100, "VCF MODE": "ENV-1 inverted"}
    high = {**LOW, **HELD, "VCF FREQ": 127, "VCF ENV": 127}
    yield Note(plain("LOWEST", low), 36)
    yield Note(plain("LOWEST", low), 40)
    yield Note(plain("HIGHEST", high), 36)
    yield Note(plain("HIGHEST", high), 43)


def envelope_depth() -> Iterator[Note]:
    """Cutoff moved by a held envelope, up and inverted."""
    base = {**LOW, **HELD, "VCF FREQ": 24, "VCF MODE": "ENV-1"}
    yield from swept("VCFENV", base, "VCF ENV", (12, 24, 36, 48, 60, 72, 84), 36, 0.7)
    yield from swept(
        "VCFINV", {**base, "VCF FREQ": 88, "VCF MODE": "ENV-1 inverted"}, "VCF ENV", (24, 48), 36, 0.7
    )


def keys() -> Iterator[Note]:
    """VCF KEY at four values, at both ends of the keyboard."""
    for raw in (0, 53, 106, 127):
        for note in (36, 84):
            yield Note(plain(f"KEY {raw}", LOW, {"VCF FREQ": 64, "VCF KEY": raw}), note)


def filter_swing() -> Iterator[Note]:
    """Cutoff moved by a square LFO, at seven depths."""
    base = {**LOW, "VCF FREQ": 60, "LFO WF": "square", "LFO RATE": 62}
    yield from swept("VCFLFO", base, "VCF LFO", (16, 32, 48, 64, 80, 104, 127), 36, 2.0)


def rates() -> Iterator[Note]:
    """Pitch moved by a square LFO, long enough to count its periods."""
    for raw, gate_s in (
        (0, 16.0),
        (20, 10.0),
        (40, 6.0),
        (60, 4.0),
        (80, 3.0),
        (100, 2.5),
        (114, 2.0),
        (127, 2.0),
    ):
        yield Note(plain(f"RATE {raw}", PITCH_LFO, {"LFO RATE": raw}), 72, gate_s=gate_s)


def delays() -> Iterator[Note]:
    """A fast LFO behind five delays, held until it has faded in."""
    for raw, gate_s in ((24, 0.8), (48, 1.8), (72, 3.5), (96, 6.0), (127, 9.5)):
        yield Note(plain(f"DELAY {raw}", PITCH_LFO, {"LFO RATE": 112, "LFO DELAY": raw}), 84, gate_s=gate_s)


def attacks() -> Iterator[Note]:
    """ENV-2 rising on the VCA, short keys for short attacks."""
    for raw, gate_s in (
        (24, 0.3),
        (40, 0.3),
        (56, 0.4),
        (72, 0.7),
        (88, 1.6),
        (104, 4.0),
        (116, LONGEST_S),
        (127, LONGEST_S),
    ):
        yield Note(plain(f"ATT {raw}", CARRIER, {"ENV2 ATT": raw}), 84, gate_s=gate_s)


def decays() -> Iterator[Note]:
    """ENV-2 falling to nothing while the key is held."""
    for raw, gate_s in FALLS:
        yield Note(plain(f"DECY {raw}", CARRIER, {"ENV2 DECY": raw, "ENV2 SUS": 0}), 84, gate_s=gate_s)


def releases() -> Iterator[Note]:
    """ENV-2 falling after the key went up."""
    for raw, tail_s in FALLS:
        yield Note(
            plain(f"REL {raw}", CARRIER, {"ENV2 REL": raw, "ENV2 DECY": 0}), 84, gate_s=0.3, tail_s=tail_s
        )


def env_keys() -> Iterator[Note]:
    """Each ENV KEY on a low, a middle and a high key."""
    for position in ("1", "2", "3"):
        for note in (36, 60, 96):
            tone = plain(f"ENVKEY {position}", CARRIER, {
                "ENV2 DECY": 80, "ENV2 SUS": 0, "ENV2 KEY": position, "DCO1 RANGE": "4'",
            })  # fmt: skip
            yield Note(tone, note, gate_s=1.6)


def mixer() -> Iterator[Note]:
    """One oscillator at nine levels of the mixer."""
    for raw in (8, 16, 32, 48, 64, 80, 96, 112, 127):
        yield Note(plain(f"MIX {raw}", SQUARE, {"MIX DCO1": raw}), 60, gate_s=0.4)


def mixer_envelope() -> Iterator[Note]:
    """DCO-2 under an envelope that is at rest: what MIX ENV takes away."""
    base: Changes = {
        **GATED, "DCO2 WF": "square", "MIX DCO1": 0, "MIX DCO2": 127, "MIX MODE": "ENV-1",
        "ENV1 DECY": 0, "ENV1 SUS": 0,
    }  # fmt: skip
    yield from swept("MIXENV", base, "MIX ENV", (0, 16, 32, 48, 64, 80, 96, 112), gate_s=0.5)
    yield from swept(
        "MIXENV1",
        {**base, "MIX DCO1": 127, "MIX DCO2": 0, "DCO1 WF": "square"},
        "MIX ENV",
        (0, 80),
        gate_s=0.5,
    )


def couplings() -> Iterator[Note]:
    """Sync and x-mod at four intervals, each oscillator heard alone."""
    base: Changes = {**GATED, "DCO1 WF": "sawtooth", "DCO2 WF": "sawtooth"}
    intervals: tuple[Changes, ...] = ({}, {"DCO2 RANGE": "4'"}, {"DCO2 TUNE": "+7"}, {"DCO2 TUNE": "-5"})
    for position in ("sync 1", "sync 2", "x-mod"):
        for number, interval in enumerate(intervals):
            for heard, other in (("DCO1", "DCO2"), ("DCO2", "DCO1")):
                mix: Changes = {f"MIX {heard}": 127, f"MIX {other}": 0}
                if position == "sync 1" and number in (0, 3):
                    continue
                tone = plain(
                    f"{position[:5]}{number}{heard[-1]}", base, interval, mix, {"DCO XMOD": position}
                )
                yield Note(tone, 60, gate_s=0.8)


def chorus() -> Iterator[Note]:
    """Steady notes through both choruses, longer than a period of their modulation."""
    for position in ("1", "2"):
        for note, gate_s in ((48, 9.0), (42, 7.0)):
            yield Note(plain(f"CHORUS {position}", GATED, {"CHORUS": position}), note, gate_s=gate_s)


# What their measurements notice, and the table.

_PITCH = frozenset({"pitch"})
_MOVED = frozenset({"chorus", "gain"})
_LOOP = frozenset({"tick"})
_SWING: frozenset[str] = frozenset()
_RATE = frozenset({"lfo_rate"})
_DEPTH = frozenset({"dco_lfo"})
_LEVEL = frozenset({"gain"})
_SHAPE = frozenset({"gain", "envelope"})
_COLOUR = frozenset({"vcf_lowest", "vcf_highest", "cutoff", "resonance", "gain", "pulse_width"})

EXPERIMENTS: tuple[Experiment, ...] = (
    Experiment("control loop", ("tick",), measurements.tick, 0.003, _LOOP, tuple(tick())),
    Experiment("settling", ("cv_slew",), measurements.slew, 0.03, frozenset({"cv_slew"}), tuple(slew())),
    Experiment("ranges", ("dco_range",), measurements.tuning, 0.002, _PITCH, tuple(ranges())),
    Experiment("tuning", ("dco_tune",), measurements.tuning, 0.002, _PITCH, tuple(tunes())),
    Experiment("fine tuning", ("dco_ftune",), measurements.tuning, 0.002, _PITCH, tuple(fine())),
    Experiment("mixer levels", ("voice_gain", "mix_level"), measurements.level, 0.03, _LEVEL, tuple(mixer())),
    Experiment(
        "VCA levels",
        ("vca_level",),
        measurements.level,
        0.03,
        _LEVEL,
        swept("VCA", SQUARE, "VCA LEVEL", (8, 16, 32, 48, 64, 80, 96, 112, 127), gate_s=0.4),
    ),
    Experiment("dynamics", ("dynamics",), measurements.level, 0.05, _LEVEL, tuple(dynamics())),
    Experiment("pulse", ("dco_pulse_width",), measurements.spectrum, 0.3, _COLOUR, tuple(pulses())),
    Experiment(
        "filter",
        ("vcf_cutoff", "vcf_damping", "vcf_fixed_damping"),
        measurements.spectrum,
        0.3,
        _COLOUR,
        tuple(filter()),
    ),
    Experiment("high-pass", ("hpf_corner",), measurements.spectrum, 0.2, _COLOUR, tuple(corners())),
    Experiment("attack", ("env_attack",), measurements.growth, 0.01, _SHAPE, tuple(attacks())),
    Experiment("decay", ("env_decay",), measurements.growth, 0.01, _SHAPE, tuple(decays())),
    Experiment(
        "sustain",
        ("env_sustain",),
        measurements.growth,
        0.01,
        _SHAPE,
        swept("SUS", {**CARRIER, "ENV2 DECY": 40}, "ENV2 SUS", (16, 32, 48, 64, 80, 96, 112, 127), 84, 0.6),
    ),
    Experiment("release", ("env_release",), measurements.fading, 0.01, _SHAPE, tuple(releases())),
    Experiment(
        "envelope key follow",
        ("env_key", "env_key_lowest"),
        measurements.growth,
        0.01,
        _SHAPE,
        tuple(env_keys()),
    ),
    Experiment("mixer envelope", ("mix_env",), measurements.level, 0.05, _LEVEL, tuple(mixer_envelope())),
    Experiment(
        "envelope into pitch",
        ("dco_env",),
        measurements.bend,
        0.003,
        _PITCH,
        swept("DCOENV", {**SQUARE, **HELD}, "DCO1 ENV", (16, 32, 48, 64, 80, 96, 112, 127), 60, 0.5),
    ),
    Experiment("LFO rate", ("lfo_rate",), measurements.swing_rate, 0.005, _RATE, tuple(rates())),
    Experiment(
        "LFO into pitch",
        ("dco_lfo",),
        measurements.swing,
        0.005,
        _DEPTH,
        swept("DCOLFO", PITCH_LFO, "DCO1 LFO", (24, 40, 56, 72, 88, 104, 127), 72, 1.5),
    ),
    Experiment(
        "LFO wave",
        (),
        measurements.swing_shape,
        0.003,
        _SWING,
        swept("WAVE", {**PITCH_LFO, "LFO WF": "triangle"}, "LFO RATE", (72, 80), 72, 3.0),
    ),
    Experiment(
        "LFO delay", ("lfo_delay", "lfo_fade"), measurements.swing_growth, 0.05, _SWING, tuple(delays())
    ),
    Experiment(
        "envelope into cutoff",
        ("vcf_env",),
        measurements.early_spectrum,
        0.3,
        _COLOUR,
        tuple(envelope_depth()),
    ),
    Experiment(
        "LFO into cutoff",
        ("vcf_lfo",),
        measurements.swung_spectrum,
        0.5,
        _COLOUR,
        tuple(filter_swing()),
    ),
    Experiment(
        "couplings",
        ("dco_xmod",),
        measurements.fine_spectrum,
        0.5,
        frozenset({"gain"}),
        tuple(couplings()),
    ),
    Experiment(
        "chorus",
        ("chorus_rate", "chorus_shortest", "chorus_longest", "chorus_wet", *LOW_PASSES),
        measurements.chorus_motion,
        0.02,
        _MOVED,
        tuple(chorus()),
    ),
    Experiment(
        "cutoff limits",
        ("vcf_lowest", "vcf_highest"),
        measurements.early_spectrum,
        0.3,
        _COLOUR,
        tuple(limits()),
    ),
    Experiment(
        "key follow", ("vcf_key", "vcf_key_centre"), measurements.spectrum, 0.3, _COLOUR, tuple(keys())
    ),
)
"""In the order in which laws build on each other."""


class CalibrationPlan:
    """All takes of a calibration in order, by index: what `jxctl.recording.recorder` records.

    Args:
        experiments: whose takes.

    Examples:
        >>> plan = CalibrationPlan()
        >>> plan[0].index, plan.experiment(0) == plan.experiments[0], plan.seconds > 60
        (0, True, True)
    """

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
