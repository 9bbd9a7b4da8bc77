"""The table of sweeps: for each parameter, what it should do to the sound, and by how much at least.

A row names a parameter, the values it takes in turn, what is measured, and by how much at least the
measure must rise from each value to the next. Rows of a switch list its positions in the order in which
the measure rises. A row plays one note, or two where their difference counts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from hearing import (
    brightness,
    brightnesses,
    cents,
    flatness,
    levels,
    loudness,
    off_grid_db,
    part,
    partial_db,
    pitch,
    regularity,
    seconds_at_half,
    seconds_until,
    squareness,
    turns,
    vibrato_cents,
    width,
)

Sounds = list[np.ndarray]
Measure = Callable[[Sounds], float]
Ear = Callable[[np.ndarray], float]
Changes = dict[str, int | str]


@dataclass(frozen=True)
class Sweep:
    """``measure`` of what is played must rise by ``least`` from each of ``values`` to the next.

    ``base``: the tone, as changes of the plain one. ``registers``: performance registers, for what only a
    board can do. ``plays``: (note, velocity) of each sound; with ``stereo`` the sounds are left and right;
    with ``from_note`` the voice played that note before.
    """

    name: str
    values: tuple[int | str, ...]
    measure: Measure
    least: float
    base: Changes = field(default_factory=dict)
    plays: tuple[tuple[int, int], ...] = ((57, 100),)
    gate_s: float = 10.0
    seconds: float = 1.0
    stereo: bool = False
    registers: Changes | None = None
    from_note: int | None = None

    def __str__(self) -> str:
        return f"{self.name} {self.values[0]}..{self.values[-1]}"


def of(ear: Ear, start_s: float = 0.0, end_s: float = 100.0) -> Measure:
    """What an ear says of a stretch of the first sound."""
    return lambda sounds: ear(part(sounds[0], start_s, end_s))


def over(track: Callable[[np.ndarray], np.ndarray], summary: Ear, start_s: float = 0.0) -> Measure:
    """A number from a track of the first sound."""
    return lambda sounds: summary(track(part(sounds[0], start_s, 100.0)))


def rise(ear: Ear, early: tuple[float, float], late: tuple[float, float]) -> Measure:
    """How much greater a measure is in the second stretch than in the first."""
    return lambda sounds: ear(part(sounds[0], *late)) - ear(part(sounds[0], *early))


def more(ear: Ear) -> Measure:
    """How much greater a measure is for the second sound than for the first."""
    return lambda sounds: ear(sounds[1]) - ear(sounds[0])


def shorter(ear: Ear) -> Measure:
    """By how many halvings a time is shorter for the second sound than for the first."""
    return lambda sounds: float(np.log2(ear(sounds[0]) / ear(sounds[1])))


def bend(audio: np.ndarray) -> float:
    """How far in cents the pitch is up at the start, against the end."""
    track = cents(audio)
    return float(np.median(track[2:5]) - np.median(track[-10:]))


def arrival(track: np.ndarray) -> float:
    """When a track has come to where it goes."""
    return seconds_until(track, 0.95)


def spread(track: np.ndarray) -> float:
    """From the smallest to the largest."""
    return float(np.ptp(track))


def counters_hz(note: int) -> float:
    """Frequency that the counters give a note at 8'."""
    return 8e6 / (4 * round(8e6 / (4 * 440 * 2 ** ((note - 69) / 12))))


A3 = counters_hz(57)


def strange(audio: np.ndarray) -> float:
    """What is no partial of A3, in dB of the whole."""
    return off_grid_db(audio, A3)


SINE: Changes = {"VCF_FREQ": 50, "VCF_KEY": 106}
"""Filtered until pitch can be read from zero crossings."""
NOISE: Changes = {"DCO1_WF": "noise", "VCF_FREQ": 70}
SWELL: Changes = {**NOISE, "VCF_ENV": 60, "ENV1_SUS": 0, "ENV1_DECY": 70}
SECOND: Changes = {"MIX_DCO1": 0, "MIX_DCO2": 127}
FADE: Changes = {**SECOND, "MIX_ENV": 127, "ENV1_SUS": 0, "ENV1_DECY": 70}
BEND: Changes = {**SINE, "DCO1_ENV": 60, "ENV1_SUS": 0, "ENV1_DECY": 70}
WOBBLE: Changes = {**SINE, "DCO1_LFO": 40, "LFO_RATE": 94}
SLOW: Changes = {**WOBBLE, "LFO_RATE": 60}
TWO_ENVELOPES: Changes = {"ENV1_DECY": 50, "ENV2_DECY": 90, "ENV1_SUS": 0, "ENV2_SUS": 0, "VCA_MODE": "gate"}
SOFT_AND_LOUD = ((57, 50), (57, 127))
LOW_AND_HIGH = ((36, 100), (96, 100))
EARLY, LATE = (0.03, 0.13), (0.8, 1.0)
DYNA = ("off", "1", "2", "3")
KEY = ("off", "1", "2", "3")


def _lfo_period(raw: int) -> float:
    """superjx: 0.1 to 20 Hz, exponential."""
    return float(1 / (0.1 * 200 ** (raw / 127)))


def _dco(k: int) -> list[Sweep]:
    """The rows that both DCOs have."""
    alone: Changes = SECOND if k == 2 else {}
    bent = {name.replace("DCO1_", f"DCO{k}_"): value for name, value in BEND.items()}
    wobbling = {name.replace("DCO1_", f"DCO{k}_"): value for name, value in WOBBLE.items()}
    second = of(lambda audio: partial_db(audio, A3, 2), 0.1)
    return [
        Sweep(f"DCO{k} RANGE", ("16'", "8'", "4'", "2'"), of(pitch), 11.9, {**SINE, **alone}),
        Sweep(f"DCO{k} WF", ("square", "sawtooth", "pulse"), second, 2, alone),
        Sweep(f"DCO{k} WF", ("sawtooth", "noise"), of(flatness), 0.3, alone),
        Sweep(f"DCO{k} TUNE", ("-12", "-5", "0", "+7", "+12"), of(pitch), 4.9, {**SINE, **alone}),
        Sweep(f"DCO{k} LFO", (0, 30, 60, 90), of(vibrato_cents), 40, {**wobbling, **alone}),
        Sweep(f"DCO{k} ENV", (0, 40, 80), of(bend), 200, {**bent, **alone}),
    ]


def _envelope(k: int) -> list[Sweep]:
    """ENV-1 is heard as it bends the pitch, ENV-2 as it opens the VCA."""
    track = cents if k == 1 else levels
    full = {**BEND, "ENV1_SUS": 127} if k == 1 else {}
    falling: Changes = BEND if k == 1 else {"ENV2_SUS": 0}
    late = of(pitch, 0.7) if k == 1 else of(loudness, 0.7)
    steady: Changes = {**full, f"ENV{k}_DECY": 50}
    # The sound itself must last longer than what is heard of the release of ENV-1.
    released: Changes = {**full, "ENV2_REL": 100} if k == 1 else {}
    return [
        Sweep(f"ENV{k} ATT", (40, 70, 90), over(track, arrival), 0.1, full, seconds=2),
        Sweep(f"ENV{k} DECY", (50, 70, 90), over(track, seconds_at_half), 0.05, falling),
        Sweep(f"ENV{k} SUS", (16, 40, 80, 127), late, 1.5, steady),
        Sweep(f"ENV{k} REL", (40, 70, 90), over(track, seconds_at_half, 0.3), 0.05, released, gate_s=0.3),
        Sweep(
            f"ENV{k} KEY", KEY, shorter(lambda audio: arrival(track(audio))), 0.6,
            {**full, f"ENV{k}_ATT": 95}, LOW_AND_HIGH, seconds=1.5,
        ),
    ]  # fmt: skip


def _mode(name: str, measure: Measure, least: float, base: Changes) -> list[Sweep]:
    """A MODE switch: inverted or not with either envelope, and the fast one or the slow one."""
    base = {**base, **TWO_ENVELOPES}
    return [
        Sweep(name, ("ENV-1 inverted", "ENV-1"), measure, least, {**base, "ENV1_DECY": 70}),
        Sweep(name, ("ENV-2 inverted", "ENV-2"), measure, least, {**base, "ENV2_DECY": 70}),
    ]


TONE_SWEEPS: tuple[Sweep, ...] = (
    *_dco(1),
    *_dco(2),
    Sweep("DCO2 FTUNE", (0, 32, 64, 96, 127), of(pitch), 0.2, {**SINE, **SECOND}),
    Sweep("DCO XMOD", ("off", "sync 1"), of(lambda a: -strange(a)), 20, {**SECOND, "DCO2_TUNE": "+7"}),
    Sweep("DCO XMOD", ("sync 1", "sync 2"), of(strange), 10, {"DCO2_TUNE": "+7"}),
    Sweep("DCO XMOD", ("off", "x-mod"), of(strange), 10, {"DCO2_TUNE": "+7"}),
    Sweep("DCO DYNA", DYNA, more(bend), 40, BEND, SOFT_AND_LOUD),
    *_mode("DCO MODE", of(bend), 500, BEND),
    Sweep("DCO MODE", ("ENV-1", "ENV-2"), over(cents, seconds_at_half), 0.2, {**BEND, **TWO_ENVELOPES}),
    Sweep("MIX DCO1", (16, 32, 64, 127), of(loudness), 5.5),
    Sweep("MIX DCO2", (16, 32, 64, 127), of(loudness), 5.5, SECOND),
    Sweep("MIX ENV", (0, 40, 80, 120), rise(loudness, LATE, EARLY), 1.5, FADE),
    Sweep("MIX DYNA", DYNA, of(loudness, 0.7), 1, FADE, ((57, 64),)),
    *_mode("MIX MODE", rise(loudness, LATE, EARLY), 20, FADE),
    Sweep("MIX MODE", ("ENV-1", "ENV-2"), over(levels, seconds_at_half), 0.2, {**FADE, **TWO_ENVELOPES}),
    Sweep(
        "HPF FREQ", ("0", "1", "2", "3"), of(lambda a: partial_db(a, counters_hz(33), 10), 0.1), 3,
        plays=((33, 100),),
    ),
    Sweep("VCF FREQ", (30, 50, 70, 90, 110), of(brightness), 0.8, NOISE),
    Sweep("VCF RES", (0, 40, 80, 120), of(lambda a: partial_db(a, A3, 8), 0.1), 4, {"VCF_FREQ": 84}),
    Sweep("VCF LFO", (0, 20, 40, 60), over(brightnesses, spread), 0.6, {**NOISE, "LFO_RATE": 60}),
    Sweep("VCF ENV", (0, 20, 40, 60), rise(brightness, LATE, EARLY), 0.6, {**SWELL, "VCF_FREQ": 50}),
    Sweep("VCF KEY", (0, 53, 106), more(brightness), 1.5, {**NOISE, "VCF_FREQ": 50}, LOW_AND_HIGH),
    Sweep(
        "VCF DYNA", DYNA, more(lambda a: brightness(part(a, *EARLY))), 0.25, {**SWELL, "VCF_FREQ": 50},
        SOFT_AND_LOUD,
    ),
    *_mode("VCF MODE", rise(brightness, LATE, EARLY), 2, {**SWELL, "VCF_FREQ": 80}),
    Sweep("VCF MODE", ("ENV-1", "ENV-2"), of(brightness, 0.3, 0.5), 1, {**SWELL, **TWO_ENVELOPES}),
    Sweep("VCA LEVEL", (16, 32, 64, 127), of(loudness), 5.5),
    Sweep("VCA DYNA", DYNA, more(loudness), 2, plays=SOFT_AND_LOUD),
    Sweep("VCA MODE", ("ENV-2", "gate"), of(loudness, 0.01, 0.1), 6, {"ENV2_ATT": 90}),
    Sweep("CHORUS", ("off", "1"), lambda sounds: width(*sounds), 0.1, stereo=True, seconds=3),
    Sweep("CHORUS", ("off", "2"), lambda sounds: width(*sounds), 0.1, stereo=True, seconds=3),
    Sweep(
        "CHORUS", ("off", "1", "2"), over(levels, turns), 1, {**SINE, "VCF_FREQ": 60}, ((81, 100),),
        seconds=4, stereo=True,
    ),
    Sweep("LFO WF", ("triangle", "square"), over(cents, squareness), 0.2, SLOW, seconds=2),
    Sweep(
        "LFO WF", ("random", "square"), over(cents, lambda t: regularity(t, _lfo_period(60))), 0.5,
        SLOW, seconds=6,
    ),
    Sweep("LFO DELAY", (0, 50, 80), over(cents, lambda t: seconds_until(t, 0.5)), 0.3, WOBBLE, seconds=3),
    Sweep("LFO RATE", (60, 80, 100, 120), over(cents, turns), 1, WOBBLE, seconds=3),
    *_envelope(1),
    *_envelope(2),
)  # fmt: skip

PRESSED: Changes = {"AFTERTOUCH": 127, "AFTER VIB SW": "on", "AFTER BRI SW": "on", "AFTER VOL SW": "on"}
BENT: Changes = {"BENDER": 127, "BENDER POLARITY": "up", "BEND RANGE": "7"}
OFF_ON = ("off", "on")
_VIBRATO: Changes = {**SINE, "LFO_RATE": 94, "AFTER_VIB": 127}
_GLIDE = over(cents, lambda track: seconds_until(track, 0.9))

BOARD_SWEEPS: tuple[Sweep, ...] = (
    Sweep("AFTER VIB", (0, 64, 127), of(vibrato_cents), 20, _VIBRATO, registers=PRESSED),
    Sweep("AFTER BRI", (0, 64, 127), of(brightness), 0.5, NOISE, registers=PRESSED),
    Sweep("AFTER VOL", (0, 64, 127), of(loudness), 1, registers=PRESSED),
    Sweep("AFTERTOUCH", (0, 64, 127), of(loudness), 1, {"AFTER_VOL": 127}, registers=PRESSED),
    Sweep("AFTER VIB SW", OFF_ON, of(vibrato_cents), 20, _VIBRATO, registers=PRESSED),
    Sweep("AFTER BRI SW", OFF_ON, of(brightness), 0.5, {**NOISE, "AFTER_BRI": 127}, registers=PRESSED),
    Sweep("AFTER VOL SW", OFF_ON, of(loudness), 1, {"AFTER_VOL": 127}, registers=PRESSED),
    Sweep("MODULATION", (0, 64, 127), of(vibrato_cents), 20, {**SINE, "LFO_RATE": 94}, registers={}),
    Sweep("MIDI VOL", (16, 32, 64, 127), of(loudness), 5.5, registers={}),
    Sweep("BENDER", (0, 64, 127), of(pitch), 3, SINE, registers=BENT),
    Sweep("BEND RANGE", ("2", "3", "4", "7"), of(pitch), 0.9, SINE, registers=BENT),
    Sweep("BENDER POLARITY", ("down", "up"), of(pitch), 13, SINE, registers=BENT),
    Sweep("MASTER TUNE1", (0, 50, 127), of(pitch), 0.1, SINE, registers={}),
    Sweep("MASTER TUNE2", (0, 50, 127), of(pitch), 0.1, {**SINE, **SECOND}, registers={}),
    Sweep(
        "PORTA TIME", (20, 60, 90), _GLIDE, 0.1, SINE, registers={"PORTA SW": "on"}, from_note=45, seconds=2
    ),
    Sweep(
        "PORTA SW", ("on", "off"), of(pitch, 0.05, 0.2), 6, SINE, registers={"PORTA TIME": 60}, from_note=45
    ),
    Sweep("HOLD SW", OFF_ON, of(loudness, 0.5), 60, gate_s=0.2, registers={}),
    Sweep("SILENCE", ("on", "off"), of(loudness, 0.5), 60, registers={}),
)
