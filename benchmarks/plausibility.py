"""Whether real tones sound as their names say under a profile: times and vibrato by class of instrument.

::

    python -m benchmarks.plausibility TABLE.csv                        # profile superjx, a table of results
    python -m benchmarks.plausibility TABLE.csv --profile thesis --json
    python -m benchmarks.plausibility TABLE.csv --keep "old laws"      # also into results/plausibility.*

A programmer set a marimba's decay so that it sounded like a marimba: where a class as a whole does not, the
laws of a profile are wrong. Tones are sorted by name (`RULES`), played in the register of their class
(`NOTES`) with velocity 100 and without chorus, and measured on the sound (`attack`, `decay`, `release`); rate
and depth of a vibrato are read from the laws, since two oscillators that differ leave no one pitch to track.
The figure of a class is the median over its tones, of a tone the median over its notes.

`FIGURES` holds what published sources say of such sounds. A range is the geometric middle of what they state,
halved and doubled (`around`), so no wider than a factor of 4; the rate of a vibrato is narrower. Sources that
lie more than a factor of 4 apart, or tell nothing that can be measured here, give no range (`LEFT_OUT`).
**Laws are chosen on the first four classes; the last four judge** (`CLASSES`).

Also counted: tones that are silent at some or all notes from 36 to 84, and plain pairs of oscillators in a
dissonant interval (`intervals`), which tells about the laws of RANGE, TUNE and FTUNE.
"""

from __future__ import annotations

import argparse
import json
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.files import RESULTS, write, write_json
from benchmarks.machine import describe
from jxctl.audio.analysis import rms_envelope
from jxctl.protocol.parameters import BY_NAME
from simulator.prior import read_table
from simulator.synth import SAMPLE_RATE, Profile, load_profile, render
from tools.markdown import table as markdown_table
from tools.markdown import wrapped
from tools.terminal import in_words

FORMAT = "jx-plausibility"
VERSION = 1

CLASSES = {
    "strings": "chosen on", "brass": "chosen on", "mallets": "chosen on", "pianos": "chosen on",
    "pads": "judges", "organs": "judges", "basses": "judges", "bells": "judges",
}  # fmt: skip
"""Classes, and whether laws are chosen on them or judged by them."""

RULES = {
    "strings": r"STRI?NG|STRGS?\b|STNGS|ENSEMBLE|\bBOW\b",
    "brass": r"BRASS|BRAS\b|\bBRS\b|HORN|TRUMPET|TROMBONE|\bTUBA\b",
    "mallets": r"MARIMBA|XYLO|KALIMBA|MALLET|LOG-?DRUM",
    "pianos": r"PIANO",
    "pads": r"PADS?\b|PAD\d|CHOIR",
    "organs": r"ORGA?N(?!IC)|HAMMOND",
    "basses": r"BASS(?!OON)|BASS?\d*\b|\bBSS",
    "bells": r"BELL|CHIMES?\b|GLOCK",
}
"""What a name contains, in capitals. Strings are sections: a solo violin is another class."""
EXCEPT = {
    "strings": r"PLUCK|PIZZ|LEAD|SOLO",
    "brass": r"CAR ?HORN|TRUCK ?HORN|FOG ?HORN",
    "basses": r"VIOL",
    "pianos": r"TOY|\bE[/. -]|\bEL(EC)?\b",
    "bells": r"COW",
}
"""What it does not: other ways of playing, signals, toys and electric pianos."""

NOTES = {
    "strings": (55, 62, 69), "brass": (50, 57, 64), "mallets": (55, 60, 65), "pianos": (48, 60, 72),
    "pads": (48, 60, 72), "organs": (60, 72, 84), "basses": (36, 40, 43), "bells": (60, 67, 72),
}  # fmt: skip
"""Notes played, in the register of each class (chosen)."""

VELOCITY = 100
HELD_S = 6.0
"""Key down while an attack is measured, in s (chosen)."""
KEY_UP_S = {"mallets": 0.2, "pianos": 0.2, "bells": 0.2}
"""When the key goes up for a release, in s (chosen): early where the sound falls by itself."""
KEY_UP_ELSE_S = 1.0
"""The same for sounds that hold (chosen)."""
RELEASED_S = 6.0
"""Listened after the key went up, in s (chosen)."""
DECAY_S = 12.0
"""Key down while a decay is measured, in s (chosen): what has not fallen until then counts as infinite."""
LOW_SUSTAIN = 12
"""Raw ENV-2 sustain up to which a tone decays, of 127 (chosen: 20 dB under the top)."""
ATTACK_DB, FALL_DB = -6.0, -20.0
PERIODS = 2
"""Periods of the note in a window of the envelope (chosen): one of an oscillator an octave lower."""
HOP_S = 0.001
"""Step of the envelope in s (chosen)."""
BEFORE_S = 0.05
"""The level that a release starts from is the mean over this time before the key goes up, in s (chosen)."""
FADED_DB = -40.0
"""A tone this far under its peak when the key goes up has no release to measure (chosen)."""
VIBRATO_MOST = 16
"""Raw LFO depth up to which a triangle is taken for a vibrato, not an effect (chosen)."""

REGISTER = tuple(range(36, 85, 12))
"""Notes at which tones are checked for silence."""
SILENT = 1e-4
"""Largest sample of a silent tone, of full scale (chosen: -80 dBFS)."""
REGISTER_S = 2.0
"""Key down while silence is checked, in s (chosen)."""

CONSONANT = {
    "unison, octave": (0, 12), "fourth, fifth": (5, 7), "third, sixth": (3, 4, 8, 9),
}  # fmt: skip
"""Semitones within an octave that are consonant."""
MISTUNED = 0.35
"""Semitones that an interval may be off and still count as such (chosen: a chorus of 35 cents)."""

WIDEST = 4.0
"""Largest ratio of a range's ends."""


@dataclass(frozen=True)
class Source:
    """A publication."""

    author: str
    title: str
    year: str
    url: str

    def cite(self) -> str:
        """The source as a line of text."""
        return f"{self.author}, {self.title}, {self.year}, {self.url}"


SOURCES = {
    "battersby": Source(
        "P. Battersby",
        "Virtual Playing Orchestra: 1st Violin Section, Sustain (SFZ, after the Sonatina Orchestra)",
        "n.d.",
        "http://virtualplaying.com",
    ),
    "amsynth": Source(
        "N. Dowell and others", "amsynth, factory bank (time = value cubed s; straight lines)", "2001-2022",
        "https://github.com/amsynth/amsynth/blob/master/data/banks/amsynth_factory.bank",
    ),
    "helm": Source(
        "M. Tytel and others",
        "Helm, factory presets (time = value squared s; attack straight, else -48 dB in it)",
        "2013-2017",
        "https://github.com/mtytel/helm",
    ),
    "reid25": Source(
        "G. Reid", "Synth Secrets 25: Synthesizing Brass Instruments", "2001",
        "https://www.soundonsound.com/techniques/synthesizing-brass-instruments",
    ),
    "reid26": Source(
        "G. Reid", "Synth Secrets 26: Brass Synthesis on a Minimoog", "2001",
        "http://www.soundonsound.com/sos/jun01/articles/synthsecrets.pt26.asp",
    ),
    "reid49": Source(
        "G. Reid", "Synth Secrets 49: Practical Bowed-string Synthesis", "2003",
        "http://www.soundonsound.com/sos/May03/articles/synthsecrets49.asp",
    ),
    "small": Source(
        "A. M. Small, after C. E. Seashore", "The pitch vibrato (of violinists), summary", "n.d.",
        "https://digitalesammlungen.uni-weimar.de/viewer/fulltext/lit16068/228/",
    ),
    "dave": Source(
        "Dave", "Synthetic brass on a monosynth", "n.d.", "http://www.dave40.co.uk/1/VwSlAr.php?id=27"
    ),
    "hill": Source(
        "H. Hill, S. Errede", "Exponential Time Decay Constants of Marimba Bars (Yamaha YM-5100A)", "n.d.",
        "https://fdocuments.net/document/exponential-time-decay-constants-of-marimba-bars-exponential-time-"
        "decay-constants.html",
    ),
    "martin": Source(
        "D. W. Martin", "Decay Rates of Piano Tones, J. Acoust. Soc. Am. 19 (abstract, quoted there)", "1947",
        "https://freshhoot.com/hoots/82353",
    ),
    "kinwie": Source(
        "kinwie", "Issue for ampeg_release_oncc133 (Maestro Concert Grand, SFZ)", "2020",
        "https://github.com/sfzlab/sfztest/blob/master/docs/Issue-for-ampeg_release_oncc133.md",
    ),
    "risset": Source(
        "J.-C. Risset", "additive bell of 11 partials, as given in R. Drape's stsc3, help of FSinOsc", "n.d.",
        "https://github.com/rd--/stsc3/blob/master/help/ugen/FSinOsc.help.sl",
    ),
}  # fmt: skip
"""Publications that the ranges rest on: figures that they state, nothing of their programs or data."""


@dataclass(frozen=True)
class Figure:
    """What sources say of a class: the range ``low`` to ``high``, in ``unit``, and how it follows."""

    instruments: str
    measure: str
    unit: str
    low: float
    high: float
    sources: tuple[str, ...]
    stated: str


def around(*stated: float, factor: float = 2.0) -> tuple[float, float]:
    """The geometric middle of the least and the largest of what is stated, divided and multiplied.

    Examples:
        >>> around(1.0, 4.0)
        (1.0, 4.0)
    """
    middle = math.sqrt(min(stated) * max(stated))
    return middle / factor, middle * factor


def bar_decay_s(hz: float, loss: float, fall_db: float = FALL_DB) -> float:
    """Seconds in which a struck bar falls: amplitude exp(-pi hz loss t).

    Examples:
        >>> round(bar_decay_s(261.63, 0.0045), 2)
        0.62
    """
    return -fall_db / 20 * math.log(10) / (math.pi * hz * loss)


def _figure(
    instruments: str, measure: str, unit: str, ends: tuple[float, float], sources: str, stated: str
) -> Figure:
    return Figure(instruments, measure, unit, *ends, tuple(sources.split()), stated)


FIGURES = (
    _figure(
        "strings", "attack", "s", around(0.258 / 2, 0.886 / 2), "battersby amsynth",
        "section 0.258 s at velocity 100 and Synth Strings 0.886 s, straight: half of each to -6 dB",
    ),
    _figure(
        "strings", "release", "s", around(math.sqrt(0.2 * 0.81), 0.9), "battersby amsynth",
        "section 0.9 s (-20 dB after 0.81 s if straight, 0.2 s if straight in dB to -90: their middle), "
        "Synth Strings 1 s straight",
    ),
    _figure("strings", "vibrato rate", "Hz", (5.0, 8.0), "reid49 small", "5 to 8 Hz; 6.5 Hz measured"),
    _figure(
        "strings", "vibrato depth", "cents", around(25.0), "small",
        "0.25 tone from top to bottom, measured: 25 cents to each side (soloists)",
    ),
    _figure(
        "brass", "attack", "s", around(0.050, 0.100), "reid26 dave",
        "100 ms; 100 (hard) to 200 ms (soft): half of it to -6 dB",
    ),
    _figure("brass", "vibrato rate", "Hz", around(5.0, factor=1.25), "reid25 dave", "in the region of 5 Hz"),
    _figure("brass", "vibrato depth", "cents", around(10.0), "dave", "10 cents (a soloist)"),
    _figure(
        "mallets", "decay", "s", around(bar_decay_s(261.63, 0.0045)), "hill",
        "loss factor of rosewood 0.45 %: at C4, the middle of the notes played, 0.62 s",
    ),
    _figure(
        "pianos", "decay", "s", around(20 / 1, 20 / 100), "martin",
        "1 to 100 dB/s over scale and harmonics: their middle, 10 dB/s",
    ),
    _figure(
        "pianos", "release", "s", around(0.4 * 20 / 90, 0.4 * 0.9), "kinwie",
        "0.4 s, dampers of keys 36 to 84 (straight in dB to -90, or straight)",
    ),
    _figure(
        "pads", "attack", "s", around(0.339), "helm amsynth",
        "median to -6 dB of 17 factory presets: all in the category Pad but an organ and a bass",
    ),
    _figure(
        "pads", "release", "s", around(1.216), "helm amsynth",
        "median of the same 17, to -20 dB",
    ),
    _figure(
        "organs", "attack", "s", around(0.0027, 0.005), "amsynth helm",
        "three organs 5.4 ms, two organs 10 ms, straight: half of it to -6 dB",
    ),
    _figure(
        "basses", "release", "s", around(0.037), "helm amsynth",
        "median to -20 dB of 18 factory presets in the category Bass (9 of them at Helm's default)",
    ),
    _figure(
        "bells", "decay", "s", around(2.11), "risset",
        "11 partials of up to 13 s (-60 dB): their power falls by 20 dB in 2.1 s",
    ),
)  # fmt: skip

LEFT_OUT = {
    "brass release": "one source, of a solo trumpet: 30 ms, \"more for tutti\" without a number",
    "organs release": "factory organs of two synths: 5 and 37 ms, a factor of 8; of pipes no number found",
    "basses attack": "sources state 0 to 5 ms, shorter than a period of the notes played",
    "basses decay": "H. Fleischer's decay times of electric basses were not readable",
    "pads, organs, basses, bells vibrato": "no source found",
    "mallets, pianos, bells attack": "struck: shorter than a period or a tick",
    "mallets, bells release": "no damper, or no number found",
}  # fmt: skip
"""Figures without a range, and why."""


def instruments(name: str) -> str | None:
    """The class of a tone by its name; None where no rule fits, or more than one.

    Examples:
        >>> instruments("FRENCHORNS"), instruments("BRASSBASS"), instruments("TICK 3")
        ('brass', None, None)
    """
    upper = name.upper()
    found = [
        kind
        for kind, rule in RULES.items()
        if re.search(rule, upper) and not re.search(EXCEPT.get(kind, r"(?!)"), upper)
    ]
    return found[0] if len(found) == 1 else None


def envelope(audio: NDArray[np.float32], note: int, sample_rate: int = SAMPLE_RATE) -> NDArray[np.float64]:
    """RMS of a note, one value each `HOP_S`, from the key's going down; windows of `PERIODS` of the note.

    Windows that reach over the end are left out: a part of a period is louder or quieter than a whole one.
    """
    hz = 440 * 2 ** ((note - 69) / 12)
    window, hop = round(PERIODS * sample_rate / hz), round(HOP_S * sample_rate)
    levels = rms_envelope(audio, window, hop)
    return levels[: max(1, (len(audio) - window // 2) // hop)]


def attack(levels: NDArray[np.float64]) -> float:
    """Seconds from key down until the envelope of a held note first is 6 dB under its peak; nan if silent."""
    peak = levels.max(initial=0.0)
    return _crossing(levels, peak * _gain(ATTACK_DB), rising=True) if peak > 0 else math.nan


def decay(levels: NDArray[np.float64]) -> float:
    """Seconds from the peak of a held note until 20 dB under it: inf if never, nan if silent."""
    peak = levels.max(initial=0.0)
    if peak <= 0:
        return math.nan
    return _crossing(levels[int(levels.argmax()) :], peak * _gain(FALL_DB), rising=False)


def release(levels: NDArray[np.float64], key_up_s: float) -> float:
    """Seconds from key up until 20 dB under the level there: inf if never, nan where nothing sounds then."""
    up = round(key_up_s / HOP_S)
    before = levels[max(0, up - round(BEFORE_S / HOP_S)) : up]
    start = math.sqrt(float(np.mean(np.square(before)))) if before.size else 0.0
    if start <= levels.max(initial=0.0) * _gain(FADED_DB):
        return math.nan
    return _crossing(levels[up:], start * _gain(FALL_DB), rising=False)


def _gain(db: float) -> float:
    return float(10 ** (db / 20))


def _crossing(levels: NDArray[np.float64], level: float, rising: bool) -> float:
    """Seconds until a level is first reached, straight between two values; inf if never."""
    there = np.flatnonzero(levels >= level if rising else levels <= level)
    if not there.size:
        return math.inf
    k = int(there[0])
    if k == 0:
        return 0.0
    return float(k - (levels[k] - level) / (levels[k] - levels[k - 1])) * HOP_S


def vibrato(tones: NDArray[np.uint8], profile: Profile) -> NDArray[np.float64]:
    """Rate in Hz and depth in cents to each side, by the laws: float64[N, 2]; nan for what has no vibrato.

    A vibrato is a triangle at a raw depth of 1 to `VIBRATO_MOST` on the oscillator that swings more.
    """
    raw = tones[:, [BY_NAME[f"DCO{k} LFO"].column for k in (1, 2)]]
    rate = profile.physical(tones, "LFO RATE")
    depth = np.maximum(*(profile.physical(tones, f"DCO{k} LFO") for k in (1, 2)))
    most = raw.max(axis=1)
    swings = (most >= 1) & (most <= VIBRATO_MOST) & (_positions(tones, "LFO WF") == 2)
    return np.where(swings[:, None], np.stack([rate, depth], axis=1), math.nan)


def intervals(tones: NDArray[np.uint8], profile: Profile) -> dict[str, int]:
    """Plain pairs of oscillators: how many there are, and how many in each kind of interval.

    Plain: no sync, no x-mod, neither oscillator noise, both in the mix. The interval is by RANGE, TUNE and
    FTUNE, octaves left out; dissonant is what lies over `MISTUNED` from every consonant one.
    """
    plain = _positions(tones, "DCO XMOD") == 0
    for k in (1, 2):
        plain &= _positions(tones, f"DCO{k} WF") != 0
        plain &= tones[:, BY_NAME[f"MIX DCO{k}"].column] > 0
    some = tones[plain]
    pitch = [profile.physical(some, f"DCO{k} RANGE") + profile.physical(some, f"DCO{k} TUNE") for k in (1, 2)]
    interval = np.abs(pitch[1] + profile.physical(some, "DCO2 FTUNE") / 100 - pitch[0]) % 12
    counts = {"pairs": len(some)}
    for name, semitones in CONSONANT.items():
        counts[name] = int(np.any([np.abs(interval - s) <= MISTUNED for s in semitones], axis=0).sum())
    return counts | {"dissonant": len(some) - sum(counts[name] for name in CONSONANT)}


def _positions(tones: NDArray[np.uint8], name: str) -> NDArray[np.int64]:
    row = BY_NAME[name]
    return np.array(row.classes)[tones[:, row.column]]


def silences(tones: NDArray[np.uint8], profile: Profile, seed: int = 0) -> tuple[NDArray[np.bool_], int]:
    """Which tones are silent at all notes of `REGISTER`, bool[N], and how many are at some."""
    peaks = np.stack(
        [
            np.abs(
                render(tones, note, VELOCITY, REGISTER_S, REGISTER_S + 0.5, profile=profile, seed=seed)
            ).max(axis=1)
            for note in REGISTER
        ]
    )
    quiet = peaks < SILENT
    return np.asarray(quiet.all(axis=0)), int(quiet.any(axis=0).sum())


def times(tones: NDArray[np.uint8], kind: str, profile: Profile, seed: int = 0) -> dict[str, NDArray[Any]]:
    """Attack, release and decay of tones as a class is played: float64[N] each, the medians over the notes.

    Decay is nan for tones that hold (`LOW_SUSTAIN`, or a gate for the VCA). Chorus is off.
    """
    dry = tones.copy()
    dry[:, BY_NAME["CHORUS"].column] = 0
    falls = (dry[:, BY_NAME["ENV2 SUS"].column] <= LOW_SUSTAIN) & (_positions(dry, "VCA MODE") == 1)
    up_s = KEY_UP_S.get(kind, KEY_UP_ELSE_S)
    shape = (len(NOTES[kind]), len(dry))
    found = {name: np.full(shape, math.nan) for name in ("attack", "release", "decay")}
    for n, note in enumerate(NOTES[kind]):
        played: dict[str, Any] = {"profile": profile, "seed": seed}
        for k, audio in enumerate(render(dry, note, VELOCITY, HELD_S, HELD_S, **played)):
            found["attack"][n, k] = attack(envelope(audio, note))
        for k, audio in enumerate(render(dry, note, VELOCITY, up_s, up_s + RELEASED_S, **played)):
            found["release"][n, k] = release(envelope(audio, note), up_s)
        for k in np.flatnonzero(falls).tolist():
            audio = render(dry[k], note, VELOCITY, DECAY_S, DECAY_S, **played)[0]
            found["decay"][n, k] = decay(envelope(audio, note))
    return {name: _medians(values) for name, values in found.items()}


def _medians(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Medians over the first axis of what is a number; nan where nothing is."""
    return np.array([_percentiles(column)[1] for column in values.T])


def _percentiles(values: NDArray[np.float64]) -> tuple[float, float, float]:
    """Quartiles and median of what is a number, of the values themselves where one is infinite."""
    kept = np.sort(values[~np.isnan(values)])
    if not kept.size:
        return math.nan, math.nan, math.nan
    low, middle, high = (
        float(np.percentile(kept, share, method="linear" if np.isfinite(kept).all() else "lower"))
        for share in (25, 50, 75)
    )
    return low, middle, high


def measure(table: Path, profile: str = "superjx", seed: int = 0) -> dict[str, Any]:
    """All results of a table of tones under a profile, as plain data.

    Raises `ToneError` for what is no table of tones, `ProfileError` for what is no profile.
    """
    board = load_profile(profile)
    tones, names, _ = read_table(table)
    kinds = [instruments(name) for name in names]
    rows, everyone = [], vibrato(tones, board)
    for kind in CLASSES:
        members = np.array([k for k, found in enumerate(kinds) if found == kind], np.int64)
        values: dict[str, NDArray[np.float64]] = {}
        if members.size:
            values = times(tones[members], kind, board, seed)
            values["vibrato rate"], values["vibrato depth"] = everyone[members].T
        for figure in FIGURES:
            if figure.instruments == kind:
                rows.append(_row(figure, values.get(figure.measure, np.zeros(0))))
    silent, partly = silences(tones, board, seed)
    counted = intervals(tones, board)
    pairs = max(counted["pairs"], 1)
    return {
        "format": FORMAT, "version": VERSION, "profile": profile, "seed": seed, "table": table.name,
        "tones": len(tones), "classes": {kind: kinds.count(kind) for kind in CLASSES},
        "figures": rows, "verdicts": _verdicts(rows),
        "silent": {"everywhere": int(silent.sum()), "somewhere": partly, "notes": list(REGISTER)},
        "intervals": counted | {"dissonant share": round(counted["dissonant"] / pairs, 4)},
        "machine": describe("numpy", "numba"),
    }  # fmt: skip


def _row(figure: Figure, values: NDArray[np.float64]) -> dict[str, Any]:
    low, middle, high = _percentiles(values)
    return {
        "class": figure.instruments, "role": CLASSES[figure.instruments], "measure": figure.measure,
        "unit": figure.unit, "from": "laws" if figure.measure.startswith("vibrato") else "sound",
        "n": int((~np.isnan(values)).sum()),
        "median": _plain(middle), "quartiles": [_plain(low), _plain(high)],
        "range": [_plain(figure.low), _plain(figure.high)],
        "inside": None if math.isnan(middle) else bool(figure.low <= middle <= figure.high),
        "sources": list(figure.sources), "stated": figure.stated,
    }  # fmt: skip


def _plain(value: float) -> float | str | None:
    """A number for JSON, to four digits; inf as a word."""
    if math.isnan(value):
        return None
    return "inf" if math.isinf(value) else float(f"{value:.4g}")


def _verdicts(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Classes of which every measured median is inside, and single figures."""
    judged = {kind: [r["inside"] for r in rows if r["class"] == kind] for kind in CLASSES}
    known = {kind: [i for i in inside if i is not None] for kind, inside in judged.items()}
    return {
        "classes inside": [kind for kind, inside in known.items() if inside and all(inside)],
        "classes outside": [kind for kind, inside in known.items() if inside and not all(inside)],
        "figures inside": sum(sum(inside) for inside in known.values()),
        "figures": sum(len(inside) for inside in known.values()),
    }


def _number(value: float | str | None) -> str:
    return "-" if value is None else str(value) if isinstance(value, str) else f"{value:.3g}"


def text(run: dict[str, Any]) -> str:
    """A run as a Markdown table and the counts below it."""
    rows = []
    for r in run["figures"]:
        low, high = (_number(v) for v in r["range"])
        q1, q3 = (_number(v) for v in r["quartiles"])
        inside = {True: "yes", False: "**no**", None: "-"}[r["inside"]]
        role = {"chosen on": "chosen on it", "judges": "judged by it"}[r["role"]]
        rows.append(
            [
                r["class"], role, f"{r['measure']}, {r['unit']} ({r['from']})", str(r["n"]),
                _number(r["median"]), f"{q1} to {q3}", f"{low} to {high}", inside, ", ".join(r["sources"]),
            ]
        )  # fmt: skip
    heading = ["class", "laws are", "measure", "n", "median", "quartiles", "range", "inside", "sources"]
    verdicts, silent, counted = run["verdicts"], run["silent"], run["intervals"]
    whole = verdicts["classes inside"]
    lines = [
        f"* Inside: {verdicts['figures inside']} of {verdicts['figures']} figures; all figures of "
        f"{len(whole)} of {len(whole) + len(verdicts['classes outside'])} classes"
        + (f" ({', '.join(whole)})." if whole else "."),
        f"* Silent at all notes {REGISTER[0]} to {REGISTER[-1]}: {silent['everywhere']} of {run['tones']} "
        f"tones; at some of them: {silent['somewhere']}.",
        f"* Dissonant: {counted['dissonant']} of {counted['pairs']} plain pairs of oscillators, "
        f"{counted['dissonant share']:.0%} (unison or octave {counted['unison, octave']}, fourth or fifth "
        f"{counted['fourth, fifth']}, third or sixth {counted['third, sixth']}).",
    ]
    return markdown_table(heading, rows, "lllrrllll") + "\n" + "\n".join(lines)


def page(runs: list[dict[str, Any]]) -> str:
    """``plausibility.md``: every kept run, the newest first, then what the ranges rest on."""
    parts = [
        "# Do real tones sound as their names say?",
        "Made by `python -m benchmarks.plausibility TABLE.csv --keep LABEL`; what is measured is said in "
        "`benchmarks/plausibility.py`. Laws are chosen on strings, brass, mallets and pianos; pads, organs, "
        "basses and bells judge them.",
    ]
    for run in reversed(runs):
        machine = run["machine"]
        parts += [
            f"## {run['label']}",
            f"Profile `{run['profile']}`, `{run['table']}` ({run['tones']} tones), seed {run['seed']}, "
            f"commit {machine['commit']}; {machine['processor']}, {machine['cores']} cores, Python "
            f"{machine['python']}, "
            + ", ".join(f"{name} {number}" for name, number in machine["packages"].items())
            + f". `python -m benchmarks.plausibility {run['table']} --profile {run['profile']} --keep "
            f'"{run["label"]}"`',
            text(run),
        ]
    parts += [
        "## What the ranges rest on",
        "\n".join(f"* {f.instruments}, {f.measure} ({', '.join(f.sources)}): {f.stated}." for f in FIGURES),
        "\n".join(f"* **{key}**: {source.cite()}" for key, source in SOURCES.items()),
        "## No range",
        "\n".join(f"* {what}: {why}." for what, why in LEFT_OUT.items()),
    ]
    return "\n\n".join(parts) + "\n"


def keep(run: dict[str, Any], label: str, folder: Path = RESULTS) -> None:
    """Add a run to ``plausibility.json``, in place of one with the same label, and write the page anew."""
    path = folder / "plausibility.json"
    runs = json.loads(path.read_text("utf-8"))["runs"] if path.exists() else []
    runs = [other for other in runs if other["label"] != label] + [{"label": label, **run}]
    write_json(path, {"format": FORMAT, "version": VERSION, "runs": runs})
    write(folder / "plausibility.md", wrapped(page(runs)))


def main() -> None:
    """Compare classes of real tones, rendered by a profile, with what sources say of such sounds."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("table", type=Path, help="CSV of tones: name, and a column a parameter")
    parser.add_argument("--profile", default="superjx", help="name, or a TOML file")
    parser.add_argument("--seed", type=int, default=0, help="of noise and of the random LFO")
    parser.add_argument("--keep", metavar="LABEL", default="", help="also into results/plausibility.*")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with in_words():
        run = measure(options.table, options.profile, options.seed)
        if options.keep:
            keep(run, options.keep)
    print(json.dumps(run, indent=2) if options.json else text(run))


if __name__ == "__main__":
    main()
