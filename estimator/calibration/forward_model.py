"""The board as calibration models it: values of open parts in, what every take should measure out."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from estimator.calibration import uncertainty
from estimator.calibration.measurements import STEPPED, STRAIGHT_CENTS, Heard, bend, swing_rate, tuning
from estimator.calibration.parametrization import Form, Part
from estimator.calibration.samples import Sample
from jxctl.protocol.parameters import TONE_SIZE
from simulator.synth import voices
from simulator.synth._lanes import LANES
from simulator.synth.control import Voicing
from simulator.synth.profile import FloatArray as Floats
from simulator.synth.profile import Profile, law_values
from simulator.synth.render import Batch, render

COMMON = ("tick", "cv_slew", "vcf_lowest", "vcf_highest")
"""Laws that act on every voice, and of which no record of one shows where."""
_NOTICED_AS = {
    **dict.fromkeys(("dco_range", "dco_tune", "dco_ftune"), "pitch"),
    **dict.fromkeys(("voice_gain", "mix_level", "mix_env", "vca_level", "dynamics"), "gain"),
    **dict.fromkeys(("vcf_cutoff", "vcf_damping", "vcf_fixed_damping", "vcf_lfo", "vcf_env", "vcf_key",
                     "vcf_key_centre", "hpf_corner"), "cutoff"),
    **{law: law for law in (*COMMON, "lfo_rate", "dco_lfo")},
}  # fmt: skip
"""Which of `Experiment.feels` a measurement must have to notice a law. Rate and depth of the LFO change other
measurements as well, but only by where its steps fall between turns of the control loop, which says nothing
of the law."""

_HISSES = 9
"""How often noise is drawn, to see how far a measurement scatters by it."""
_OF_FEW = float(np.sqrt((_HISSES - 1) / (_HISSES - 3)))
"""Standard deviation of Student's t: a scatter that so few draws tell is often too small, and what is left by
that would be taken for the scatter of all."""

Key = tuple[str, str]
"""Law and name of a part."""


@dataclass(frozen=True, eq=False)
class Rendered:
    """Renders of some samples, by their place in the model, and what they measure."""

    audio: dict[int, NDArray[np.float32]]
    measured: dict[int, Floats]


class Model:
    """Samples, and the profile that is fitted to them.

    ``base``: what is not fitted. ``forms``: of the laws that are.
    """

    def __init__(self, samples: Sequence[Sample], base: Profile, forms: Mapping[str, Form]) -> None:
        self.samples = list(samples)
        self.base = base
        self.forms = forms
        self.tones = np.array([sample.tone for sample in samples], np.uint8).reshape(-1, TONE_SIZE)
        self.data = [sample.experiment.measure(sample.heard) for sample in samples]
        self.voices = np.array([sample.voice for sample in samples])
        self.coarse = self._coarse()
        # Every take has its own noise floor; the same hiss each time, so that no derivative sees it.
        longest = max((len(sample.heard.audio) for sample in samples), default=0)
        self.hiss = _hiss(0, longest)

    def on(self, base: Profile) -> Model:
        """The same samples on another base."""
        other = copy.copy(self)
        other.base = base
        return other

    def start(self) -> dict[Key, float]:
        """Values of all parts as ``base`` has them."""
        return {(part.law, part.name): part.start for form in self.forms.values() for part in form.parts}

    def parts(self, laws: Sequence[str]) -> list[Part]:
        """The parts of some laws."""
        return [part for law in laws for part in self.forms[law].parts]

    def profile(self, values: Mapping[Key, float], only: Sequence[str] | None = None) -> Profile:
        """The profile for these values."""
        changed = {}
        for law in self.forms if only is None else only:
            form = self.forms[law]
            own = {part.name: values[law, part.name] for part in form.parts}
            changed[law] = law_values(form.entry(own, self.base))
        if "tick" in changed and "cv_slew" in changed:
            changed["cv_slew"] = np.minimum(changed["cv_slew"], changed["tick"])
        return self.base.replace(**changed)

    def rendered(self, profile: Profile, places: Sequence[int], before: Rendered | None = None) -> Rendered:
        """Render samples and measure them. Those that sound as ``before`` are not measured again."""
        audio: dict[int, NDArray[np.float32]] = {}
        measured: dict[int, Floats] = {}
        quiet = profile.replace(noise_floor=-200.0)
        smooth = quiet.replace(divider_stepping="off")
        for group in self._groups(places):
            some = [self.samples[place] for place in group]
            pitched = some[0].experiment.measure in STEPPED
            rate = some[0].heard.rate
            size = max(len(sample.heard.audio) for sample in some)
            sound = render(
                self.tones[group],
                [sample.heard.note for sample in some],
                [sample.velocity for sample in some],
                [sample.heard.gate_s for sample in some],
                size / rate,
                profile=smooth if pitched else quiet, sample_rate=rate, threads=1,
            )  # fmt: skip
            for place, sample, row in zip(group, some, sound, strict=True):
                own = row[: len(sample.heard.audio)]
                own += np.float32(sample.heard.noise_rms) * self.hiss[: own.size]
                if before is not None and np.array_equal(own, before.audio[place]):
                    continue
                audio[place] = own
                heard = sample.heard
                asked = Heard(own, rate, heard.note, heard.gate_s, heard.noise_rms)
                measured[place] = sample.experiment.measure(asked)
        return Rendered(audio, measured)

    def louder(self, places: Sequence[int], before: Rendered, gain: float) -> Rendered:
        """Renders made louder by a factor, which need not be rendered again, measured."""
        audio = {place: before.audio[place] * np.float32(gain) for place in places}
        measured = {}
        for place in places:
            sample = self.samples[place]
            heard = sample.heard
            asked = Heard(audio[place], heard.rate, heard.note, heard.gate_s, heard.noise_rms)
            measured[place] = sample.experiment.measure(asked)
        return Rendered(audio, measured)

    def noise(self, before: Rendered) -> Rendered:
        """Standard deviation of what renders measure under other noise of the same level, as in the recording
        and in the render. Stands in ``measured``."""
        others = [_hiss(seed, len(self.hiss)) for seed in range(1, _HISSES)]
        found = {}
        for place, audio in before.audio.items():
            sample = self.samples[place]
            heard = sample.heard
            rows = [before.measured[place]]
            for other in others:
                change = np.float32(heard.noise_rms) * (other - self.hiss)[: audio.size]
                asked = Heard(audio + change, heard.rate, heard.note, heard.gate_s, heard.noise_rms)
                rows.append(sample.experiment.measure(asked))
            found[place] = np.nan_to_num(uncertainty.scattered(np.stack(rows))) * np.sqrt(2) * _OF_FEW
        return Rendered({}, found)

    def records(self, profile: Profile) -> tuple[NDArray[np.void], NDArray[np.float32]]:
        """What of a profile reaches the voices: to see which samples a change can concern at all."""
        batch = Batch.of(
            self.tones,
            [sample.heard.note for sample in self.samples],
            [sample.velocity for sample in self.samples],
            [sample.heard.gate_s for sample in self.samples],
            1.0, profile, self.samples[0].heard.rate, 0,
        )  # fmt: skip
        voicing = Voicing(batch.tones, batch.notes, profile)
        return voicing.voices, voices.constants(voicing, batch.sample_rate)

    def concerned(
        self, law: str, before: tuple[NDArray[np.void], NDArray[np.float32]], profile: Profile
    ) -> NDArray[np.bool_]:
        """Which samples a changed law may change."""
        needed = _NOTICED_AS.get(law)
        noticed = np.array([needed is None or needed in sample.experiment.feels for sample in self.samples])
        if law in COMMON:
            return noticed
        record, constants = self.records(profile)
        return np.asarray(noticed & ((record != before[0]) | np.any(constants != before[1], axis=1)))

    def _coarse(self) -> Floats:
        """By how much (standard deviation, in its own unit) each reading is off because something moves by
        whole steps: it tells the law to within a step, and anywhere in it. 0 for all others.

        A counter divides by whole numbers; takes of such pitches are rendered with any frequency, as if there
        were no steps: else a fit would take the width of a step for certainty. An LFO is looked at once in a
        turn of the control loop, so that each of its changes comes up to a turn late.
        """
        found = np.zeros(len(self.samples))
        if not self.samples:
            return found
        records = self.records(self.base)[0]
        stepping = self.base.choice("divider_stepping") != "off"
        for n, sample in enumerate(self.samples):
            heard, measure = sample.heard, sample.experiment.measure
            measured = float(np.nan_to_num(self.data[n][0]))
            if measure is swing_rate:
                half_s = 0.5 * np.exp(-measured)
                changes = max(2, int((heard.gate_s - 0.04) / half_s))
                # Of the slope of a line through so many points, each anywhere in a turn.
                turn_s = self.base.constant("tick") / half_s
                # In the recording, and in the render.
                found[n] = turn_s * np.sqrt(2 / (changes * (changes**2 - 1)))
            elif measure in STEPPED and stepping:
                moved, slope = _cents(measure, measured)
                clock = records[n]["clock1" if records[n]["mix1"] > 0 else "clock2"]
                hz = 440 * 2 ** ((heard.note - 69) / 12 + moved / 1200)
                off = 1200 / np.log(2) * hz / clock / np.sqrt(12)
                found[n] = off * slope
        return found

    def _groups(self, places: Sequence[int]) -> list[list[int]]:
        """Those that are rendered together: as many as the kernel takes side by side, of similar length."""
        samples = self.samples
        groups = []
        kinds = {
            place: (samples[place].heard.rate, samples[place].experiment.measure in STEPPED)
            for place in places
        }
        for kind in sorted(set(kinds.values())):
            own = [place for place in places if kinds[place] == kind]
            own.sort(key=lambda place: -samples[place].seconds)
            groups += [own[first : first + LANES] for first in range(0, len(own), LANES)]
        return groups


def _cents(measure: Callable[[Heard], Floats], measured: float) -> tuple[float, float]:
    """What a measurement of `STEPPED` says in cents, and how it changes by each."""
    if measure is tuning:
        return 100 * measured, 0.01
    if measure is bend:
        return STRAIGHT_CENTS * float(np.sinh(measured)), 1 / (STRAIGHT_CENTS * float(np.cosh(measured)))
    moved = float(np.exp(min(measured, 9.0)))
    return moved, 1 / moved


def _hiss(seed: int, size: int) -> NDArray[np.float32]:
    return np.random.default_rng(seed).standard_normal(size).astype(np.float32)
