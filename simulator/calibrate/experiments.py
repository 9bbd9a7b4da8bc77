"""Which notes isolate which law: the table of experiments, and the plan of takes that follows from it.

An experiment is a row: its name, the laws that it decides, how its takes are measured, how far such a number
scatters, and its takes. Takes are plain tones that differ in one parameter, played on keys that the
instrument has. What a law needs to be heard is set to full, so that it depends on few others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from jxctl.plan import PlannedTake
from jxctl.tone import INIT_TONE, Tone
from simulator.calibrate import measures
from simulator.calibrate.measures import Heard
from simulator.calibrate.signals import Floats

Changes = dict[str, int | str]
TAIL_S = 0.3


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


GATED: Changes = {"VCA MODE": "gate"}
_SQUARE: Changes = {"DCO1 WF": "square", **GATED}
_LOW: Changes = {"DCO1 RANGE": "16'", **GATED}
_HELD: Changes = {"ENV1 ATT": 0, "ENV1 DECY": 127, "ENV1 SUS": 127}
_CARRIER: Changes = {"DCO1 WF": "square", "VCA MODE": "ENV-2", "ENV2 ATT": 0, "ENV2 SUS": 127, "ENV2 REL": 0}
_PITCH_LFO: Changes = {**_SQUARE, "LFO WF": "square", "DCO1 LFO": 72, "LFO RATE": 80}
_LONGEST_S = 6.5


def _tone(name: str, *changes: Changes) -> Tone:
    tone = INIT_TONE
    for each in changes:
        tone = tone.with_values(each)
    return tone.named(name)


def _swept(
    name: str, base: Changes, parameter: str, raws: tuple[int, ...], note: int = 60, gate_s: float = 0.8
) -> tuple[Note, ...]:
    """One parameter at several values on one tone."""
    return tuple(Note(_tone(f"{name} {raw}", base, {parameter: raw}), note, gate_s=gate_s) for raw in raws)


def _tick() -> Iterator[Note]:
    base = {**_SQUARE, "DCO1 ENV": 88, "ENV1 DECY": 92, "ENV1 SUS": 0}
    yield Note(_tone("TICK A", base), 84, gate_s=1.5)
    yield Note(_tone("TICK B", base, {"DCO1 ENV": 108, "ENV1 DECY": 100}), 79, gate_s=1.5)


def _slew() -> Iterator[Note]:
    for note in (84, 86, 89):
        yield Note(_tone(f"SLEW {note}", _SQUARE, {"DCO1 RANGE": "2'"}), note, gate_s=0.4)


def _ranges() -> Iterator[Note]:
    for position, note in (("16'", 72), ("8'", 60), ("4'", 60), ("2'", 48)):
        yield Note(_tone(f"RANGE {position[:2]}", _SQUARE, {"DCO1 RANGE": position}), note, gate_s=0.4)


def _tunes() -> Iterator[Note]:
    for position in range(25):
        label = f"{position - 12:+d}" if position != 12 else "0"
        yield Note(_tone(f"TUNE {label}", _SQUARE, {"DCO1 TUNE": label}), 60, gate_s=0.35)


def _fine() -> Iterator[Note]:
    base: Changes = {**GATED, "DCO2 WF": "square", "MIX DCO1": 0, "MIX DCO2": 127}
    yield from _swept("FINE", base, "DCO2 FTUNE", (0, 16, 32, 48, 64, 80, 96, 112, 127), gate_s=0.4)


def _dynamics() -> Iterator[Note]:
    for velocity in (1, 64, 127):
        yield Note(_tone("DYNA OFF", _SQUARE), 60, velocity, 0.4)
    for position in ("1", "2", "3"):
        for velocity in (1, 16, 32, 48, 64, 80, 95, 111, 127):
            tone = _tone(f"DYNA {position}", _SQUARE, {"VCA DYNA": position})
            yield Note(tone, 60, velocity, 0.4)


def _filter() -> Iterator[Note]:
    yield from _swept(
        "CUT", _LOW, "VCF FREQ", (0, 8, 16, 24, 32, 40, 48, 56, 64, 72, 80, 88, 96, 104, 112, 120, 127), 36
    )
    yield from _swept("RES", {**_LOW, "VCF FREQ": 72}, "VCF RES", (16, 32, 48, 64, 80, 96, 112, 127), 36)
    yield from _swept("RESLOW", {**_LOW, "VCF FREQ": 48}, "VCF RES", (48, 96), 36)


def _corners() -> Iterator[Note]:
    for position in ("0", "1", "2", "3"):
        yield Note(_tone(f"HPF {position}", _LOW, {"HPF FREQ": position}), 36)
        yield Note(_tone(f"HPF {position}", _LOW, {"HPF FREQ": position, "VCF FREQ": 100}), 48)


def _limits() -> Iterator[Note]:
    low = {**_LOW, **_HELD, "VCF FREQ": 0, "VCF ENV": 100, "VCF MODE": "ENV-1 inverted"}
    high = {**_LOW, **_HELD, "VCF FREQ": 127, "VCF ENV": 127}
    yield Note(_tone("LOWEST", low), 36)
    yield Note(_tone("LOWEST", low), 40)
    yield Note(_tone("HIGHEST", high), 36)
    yield Note(_tone("HIGHEST", high), 43)


def _envelope_depth() -> Iterator[Note]:
    base = {**_LOW, **_HELD, "VCF FREQ": 24, "VCF MODE": "ENV-1"}
    yield from _swept("VCFENV", base, "VCF ENV", (12, 24, 36, 48, 60, 72, 84), 36, 0.7)
    yield from _swept(
        "VCFINV", {**base, "VCF FREQ": 88, "VCF MODE": "ENV-1 inverted"}, "VCF ENV", (24, 48), 36, 0.7
    )


def _keys() -> Iterator[Note]:
    for raw in (0, 53, 106, 127):
        for note in (36, 84):
            yield Note(_tone(f"KEY {raw}", _LOW, {"VCF FREQ": 64, "VCF KEY": raw}), note)


def _filter_swing() -> Iterator[Note]:
    base = {**_LOW, "VCF FREQ": 60, "LFO WF": "square", "LFO RATE": 62}
    yield from _swept("VCFLFO", base, "VCF LFO", (16, 32, 48, 64, 80, 104, 127), 36, 2.0)


def _rates() -> Iterator[Note]:
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
        yield Note(_tone(f"RATE {raw}", _PITCH_LFO, {"LFO RATE": raw}), 72, gate_s=gate_s)


def _delays() -> Iterator[Note]:
    for raw, gate_s in ((24, 0.8), (48, 1.8), (72, 3.5), (96, 6.0), (127, 9.5)):
        yield Note(_tone(f"DELAY {raw}", _PITCH_LFO, {"LFO RATE": 112, "LFO DELAY": raw}), 84, gate_s=gate_s)


def _attacks() -> Iterator[Note]:
    for raw, gate_s in (
        (24, 0.3),
        (40, 0.3),
        (56, 0.4),
        (72, 0.7),
        (88, 1.6),
        (104, 4.0),
        (116, _LONGEST_S),
        (127, _LONGEST_S),
    ):
        yield Note(_tone(f"ATT {raw}", _CARRIER, {"ENV2 ATT": raw}), 84, gate_s=gate_s)


_FALLS = (
    (16, 0.3),
    (32, 0.3),
    (48, 0.4),
    (64, 0.8),
    (80, 2.0),
    (96, 5.0),
    (112, _LONGEST_S),
    (127, _LONGEST_S),
)


def _decays() -> Iterator[Note]:
    for raw, gate_s in _FALLS:
        yield Note(_tone(f"DECY {raw}", _CARRIER, {"ENV2 DECY": raw, "ENV2 SUS": 0}), 84, gate_s=gate_s)


def _releases() -> Iterator[Note]:
    for raw, tail_s in _FALLS:
        yield Note(
            _tone(f"REL {raw}", _CARRIER, {"ENV2 REL": raw, "ENV2 DECY": 0}), 84, gate_s=0.3, tail_s=tail_s
        )


def _env_keys() -> Iterator[Note]:
    for position in ("1", "2", "3"):
        for note in (36, 60, 96):
            tone = _tone(f"ENVKEY {position}", _CARRIER, {
                "ENV2 DECY": 80, "ENV2 SUS": 0, "ENV2 KEY": position, "DCO1 RANGE": "4'",
            })  # fmt: skip
            yield Note(tone, note, gate_s=1.6)


def _mixer() -> Iterator[Note]:
    for raw in (8, 16, 32, 48, 64, 80, 96, 112, 127):
        yield Note(_tone(f"MIX {raw}", _SQUARE, {"MIX DCO1": raw}), 60, gate_s=0.4)


def _mixer_envelope() -> Iterator[Note]:
    base: Changes = {
        **GATED, "DCO2 WF": "square", "MIX DCO1": 0, "MIX DCO2": 127, "MIX MODE": "ENV-1",
        "ENV1 DECY": 0, "ENV1 SUS": 0,
    }  # fmt: skip
    yield from _swept("MIXENV", base, "MIX ENV", (0, 16, 32, 48, 64, 80, 96, 112), gate_s=0.5)
    yield from _swept(
        "MIXENV1",
        {**base, "MIX DCO1": 127, "MIX DCO2": 0, "DCO1 WF": "square"},
        "MIX ENV",
        (0, 80),
        gate_s=0.5,
    )


_PITCH = frozenset({"pitch"})


def _couplings() -> Iterator[Note]:
    base: Changes = {**GATED, "DCO1 WF": "sawtooth", "DCO2 WF": "sawtooth"}
    intervals: tuple[Changes, ...] = ({}, {"DCO2 RANGE": "4'"}, {"DCO2 TUNE": "+7"}, {"DCO2 TUNE": "-5"})
    for position in ("sync 1", "sync 2", "x-mod"):
        for number, interval in enumerate(intervals):
            for heard, other in (("DCO1", "DCO2"), ("DCO2", "DCO1")):
                mix: Changes = {f"MIX {heard}": 127, f"MIX {other}": 0}
                if position == "sync 1" and number in (0, 3):
                    continue
                tone = _tone(
                    f"{position[:5]}{number}{heard[-1]}", base, interval, mix, {"DCO XMOD": position}
                )
                yield Note(tone, 60, gate_s=0.8)


def _chorus() -> Iterator[Note]:
    for position in ("1", "2"):
        for note, gate_s in ((48, 9.0), (42, 7.0)):
            yield Note(_tone(f"CHORUS {position}", GATED, {"CHORUS": position}), note, gate_s=gate_s)


_MOVED = frozenset({"chorus", "gain"})
_LOOP = frozenset({"tick"})
_SWING: frozenset[str] = frozenset()
_LEVEL = frozenset({"gain"})
_SHAPE = frozenset({"gain", "envelope"})
_COLOUR = frozenset({"vcf_lowest", "vcf_highest", "cutoff", "resonance", "gain", "pulse_width"})

EXPERIMENTS: tuple[Experiment, ...] = (
    Experiment("control loop", ("tick",), measures.tick, 0.003, _LOOP, tuple(_tick())),
    Experiment("settling", ("cv_slew",), measures.slew, 0.03, frozenset({"cv_slew"}), tuple(_slew())),
    Experiment("ranges", ("dco_range",), measures.tuning, 0.002, _PITCH, tuple(_ranges())),
    Experiment("tuning", ("dco_tune",), measures.tuning, 0.002, _PITCH, tuple(_tunes())),
    Experiment("fine tuning", ("dco_ftune",), measures.tuning, 0.002, _PITCH, tuple(_fine())),
    Experiment("mixer levels", ("voice_gain", "mix_level"), measures.level, 0.03, _LEVEL, tuple(_mixer())),
    Experiment(
        "VCA levels",
        ("vca_level",),
        measures.level,
        0.03,
        _LEVEL,
        _swept("VCA", _SQUARE, "VCA LEVEL", (8, 16, 32, 48, 64, 80, 96, 112, 127), gate_s=0.4),
    ),
    Experiment("dynamics", ("dynamics",), measures.level, 0.05, _LEVEL, tuple(_dynamics())),
    Experiment(
        "pulse",
        ("dco_pulse_width",),
        measures.spectrum,
        0.3,
        _COLOUR,
        _swept("PULSE", {**_LOW, "DCO1 WF": "pulse"}, "VCF FREQ", (104, 127), 36),
    ),
    Experiment(
        "filter",
        ("vcf_cutoff", "vcf_damping", "vcf_fixed_damping"),
        measures.spectrum,
        0.3,
        _COLOUR,
        tuple(_filter()),
    ),
    Experiment("high-pass", ("hpf_corner",), measures.spectrum, 0.2, _COLOUR, tuple(_corners())),
    Experiment("attack", ("env_attack",), measures.growth, 0.01, _SHAPE, tuple(_attacks())),
    Experiment("decay", ("env_decay",), measures.growth, 0.01, _SHAPE, tuple(_decays())),
    Experiment(
        "sustain",
        ("env_sustain",),
        measures.growth,
        0.01,
        _SHAPE,
        _swept("SUS", {**_CARRIER, "ENV2 DECY": 40}, "ENV2 SUS", (16, 32, 48, 64, 80, 96, 112, 127), 84, 0.6),
    ),
    Experiment("release", ("env_release",), measures.fading, 0.01, _SHAPE, tuple(_releases())),
    Experiment(
        "envelope key follow",
        ("env_key", "env_key_lowest"),
        measures.growth,
        0.01,
        _SHAPE,
        tuple(_env_keys()),
    ),
    Experiment("mixer envelope", ("mix_env",), measures.level, 0.05, _LEVEL, tuple(_mixer_envelope())),
    Experiment(
        "envelope into pitch",
        ("dco_env",),
        measures.bend,
        0.003,
        _PITCH,
        _swept("DCOENV", {**_SQUARE, **_HELD}, "DCO1 ENV", (16, 32, 48, 64, 80, 96, 112, 127), 60, 0.5),
    ),
    Experiment("LFO rate", ("lfo_rate",), measures.swing_rate, 0.005, _SWING, tuple(_rates())),
    Experiment(
        "LFO into pitch",
        ("dco_lfo",),
        measures.swing,
        0.005,
        _SWING,
        _swept("DCOLFO", _PITCH_LFO, "DCO1 LFO", (24, 40, 56, 72, 88, 104, 127), 72, 1.5),
    ),
    Experiment(
        "LFO wave",
        (),
        measures.swing_shape,
        0.003,
        _SWING,
        _swept("WAVE", {**_PITCH_LFO, "LFO WF": "triangle"}, "LFO RATE", (72, 80), 72, 3.0),
    ),
    Experiment("LFO delay", ("lfo_delay", "lfo_fade"), measures.swing_growth, 0.05, _SWING, tuple(_delays())),
    Experiment(
        "envelope into cutoff", ("vcf_env",), measures.early_spectrum, 0.3, _COLOUR, tuple(_envelope_depth())
    ),
    Experiment(
        "LFO into cutoff", ("vcf_lfo",), measures.swung_spectrum, 0.5, _COLOUR, tuple(_filter_swing())
    ),
    Experiment(
        "couplings", ("dco_xmod",), measures.fine_spectrum, 0.5, frozenset({"gain"}), tuple(_couplings())
    ),
    Experiment(
        "chorus",
        ("chorus_rate", "chorus_shortest", "chorus_longest", "chorus_wet", "chorus_low_pass_out"),
        measures.chorus_motion,
        0.02,
        _MOVED,
        tuple(_chorus()),
    ),
    Experiment(
        "cutoff limits",
        ("vcf_lowest", "vcf_highest"),
        measures.early_spectrum,
        0.3,
        _COLOUR,
        tuple(_limits()),
    ),
    Experiment("key follow", ("vcf_key", "vcf_key_centre"), measures.spectrum, 0.3, _COLOUR, tuple(_keys())),
)
"""In the order in which laws build on each other."""


class CalibrationPlan:
    """All takes of `EXPERIMENTS` in order, by index: what `jxctl.recorder` records."""

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
