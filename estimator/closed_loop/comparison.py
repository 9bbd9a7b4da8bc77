"""Comparing a board with the simulator for one tone (`jx check`): how far apart, and in which block.

The tone is played at a few notes and velocities and rendered at the same. What is compared are direct
measures of one note, block by block (`MEASURES`): pitch, envelope, brightness, low end, modulation. Each is a
number with a unit, a threshold and a sentence; a measure that a sound does not have (a release without a key
that goes up, a pitch of noise) is left out. Where a tone is partly chance (noise, a random LFO), two renders
with other seeds say how much, and so much is allowed on top.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from estimator.closed_loop.player import BoardPlay
from estimator.inference.note_detection import Played, Recording
from jxctl.audio.analysis import (
    hz_to_mel,
    mel_to_hz,
    parabolic_peak,
    peak_dbfs,
    rms_dbfs,
    rms_envelope,
)
from jxctl.protocol.tone import Tone, to_batch
from jxctl.recording.rig import Rig
from simulator.features import RANKING, SAMPLE_RATE, log_mel, log_mel_distance
from simulator.synth import Profile, load_profile, render

Measured = dict[str, float]
"""Values by the name of the measure, a key of `MEASURES`."""

_HOP_S = 0.005
_WINDOW_S = 0.02
_FLOOR_DB = -60.0
_EDGE_DB = -40.0
_QUIETEST_DBFS = -180.0
"""Digital silence counts as this quiet, dBFS (chosen)."""
_FFT = 1 << 17
_PARTIALS = 12
_NEAR_CENTS = 45.0
_APART_HZ = 6.0
NOISE_DB = 50.0
"""A sound less far above the noise floor is told: what lies below it cannot be compared."""
DYNAMICS_DB = 1.5
"""How far loudness may follow velocity otherwise (chosen)."""
TAIL_S = 1.5
"""Seconds that are heard after the key (chosen)."""


@dataclass(frozen=True)
class Row:
    """A measure: its ``block``, ``what`` it is in words, ``unit`` of a difference and how much is
    ``allowed``;
    ``ratio``: differences are per cent, ``octaves``: logarithms of ratios, else plain. ``least``: a
    difference of the values themselves that is none. ``more``, ``less``: words; ``shows``: a value,
    formatted."""

    block: str
    what: str
    unit: str
    allowed: float
    kind: str
    more: str
    less: str
    shows: Callable[[float], str]
    least: float = 0.0
    digits: int = 1

    def off(self, ours: float, theirs: float) -> float:
        """How much ``ours`` is more than ``theirs``, in the unit."""
        if self.kind == "plain":
            return ours - theirs
        ratio = max(ours, 1e-6) / max(theirs, 1e-6)
        return float(np.log2(ratio)) if self.kind == "octaves" else 100 * (ratio - 1)

    def shown(self, value: float) -> str:
        """A value in words."""
        return self.shows(value)


def _seconds(value: float) -> str:
    return f"{1000 * value:.0f} ms" if value < 2 else f"{value:.2f} s"


def _hertz(value: float) -> str:
    return f"{value:.0f} Hz" if value >= 100 else f"{value:.2f} Hz"


def _db(value: float) -> str:
    return f"{value:.1f} dB"


def _cents(value: float) -> str:
    return f"{value:+.1f} cents from its nominal pitch"


_ENV, _EDGE = "VCA envelope", "the upper edge of the spectrum"
_LOW = "the fundamental beside the harmonics above it"
_TIME = ("longer", "shorter", _seconds, 0.012)
_OCTAVES = ("higher", "lower", _hertz, 0.0, 2)
_RATE, _DEPTH = ("faster", "slower", _hertz, 0.2), ("deeper", "shallower", _db, 0.7)
_AT_END = "the level at the end of the key, under the peak,"
MEASURES: dict[str, Row] = {
    "dco1 pitch": Row("DCO-1", "the pitch of DCO-1", "cents", 3.0, "plain", "higher", "lower", _cents),
    "dco2 pitch": Row("DCO-2", "the pitch of DCO-2", "cents", 3.0, "plain", "higher", "lower", _cents),
    "attack": Row(_ENV, "the attack (10 to 90 %)", "%", 12.0, "ratio", *_TIME),
    "decay": Row(_ENV, "the decay (to half of its fall)", "%", 12.0, "ratio", *_TIME),
    "sustain": Row(_ENV, _AT_END, "dB", 1.5, "plain", "higher", "lower", _db),
    "release": Row(_ENV, "the release (to -20 dB)", "%", 12.0, "ratio", *_TIME),
    "edge": Row("VCF", f"{_EDGE} (-40 dB)", "octaves", 0.08, "octaves", *_OCTAVES),
    "edge at first": Row("VCF", f"{_EDGE} at the beginning", "octaves", 0.12, "octaves", *_OCTAVES),
    "low end": Row("HPF", _LOW, "dB", 1.5, "plain", "stronger", "weaker", _db),
    "modulation rate": Row("LFO", "the rate of the modulation", "%", 8.0, "ratio", *_RATE),
    "modulation depth": Row("LFO", "the depth of the modulation", "%", 25.0, "ratio", *_DEPTH),
    "chorus rate": Row("chorus", "the rate of the chorus", "%", 15.0, "ratio", *_RATE),
    "chorus depth": Row("chorus", "the depth of the chorus", "%", 30.0, "ratio", *_DEPTH),
}  # fmt: skip
"""Every measure by its name. Thresholds are choices: about what a player would begin to notice."""


def measure(audio: NDArray[np.float32], played: Played, tone: Tone) -> Measured:
    """The measures of one note, float32[samples] at 44.1 kHz from the key on; ``tone`` says what to look
    for."""
    found: Measured = {}
    if np.abs(audio).max() < 1e-5:
        return found
    _envelope(audio, played.gate_s, found)
    _pitches(audio, played, tone, found)
    bands = log_mel(audio[None])[0]
    _spectrum(bands, played, found)
    _modulation(bands, played.gate_s, tone, found)
    return found


def _envelope(audio: NDArray[np.float32], gate_s: float, found: Measured) -> None:
    level = rms_envelope(audio, round(_WINDOW_S * SAMPLE_RATE), round(_HOP_S * SAMPLE_RATE))
    up = min(round(gate_s / _HOP_S), len(level) - 1)
    held = level[: up + 1]
    peak = float(held.max())
    if peak <= 0:
        return
    top = int(np.argmax(held >= 0.9 * peak))
    found["attack"] = (_crossing(held[: top + 1], 0.9 * peak) - _crossing(held, 0.1 * peak)) * _HOP_S
    ended = float(held[-5:].mean())
    found["sustain"] = max(20 * float(np.log10(max(ended, 1e-9) / peak)), _FLOOR_DB)
    if found["sustain"] < -4:
        goal = peak * 10 ** (found["sustain"] / 40)
        found["decay"] = _crossing(-held[top:], -goal) * _HOP_S
    tail = level[up:]
    if ended > peak * 10 ** (_EDGE_DB / 20) and tail[-1] < 0.1 * ended:
        found["release"] = _crossing(-tail, -0.1 * ended) * _HOP_S


def _crossing(curve: NDArray[np.float64], goal: float) -> float:
    """Where a curve first reaches a value, in steps, between them in proportion."""
    k = int(np.argmax(curve >= goal))
    if k == 0:
        return 0.0
    return k - 1 + float((goal - curve[k - 1]) / max(curve[k] - curve[k - 1], 1e-12))


def _pitches(audio: NDArray[np.float32], played: Played, tone: Tone, found: Measured) -> None:
    """How far the partials of each oscillator lie from where they should: the median of those that stand
    clear of the other's. Left out where sync, x-mod, noise or a moving pitch make partials of their own."""
    if tone.label("DCO XMOD") != "off":
        return
    profile = load_profile("superjx")  # of nominal pitches: what is compared is how far off both are
    hz: dict[int, float] = {}
    for k in (1, 2):
        if tone.raw(f"MIX DCO{k}") < 20 or tone.label(f"DCO{k} WF") == "noise":
            continue
        if tone.raw(f"DCO{k} LFO") > 8 or tone.raw(f"DCO{k} ENV") > 8:
            return
        names = (f"DCO{k} RANGE", f"DCO{k} TUNE")
        semitones = sum(float(profile.table(name)[tone.raw(name)]) for name in names)
        if k == 2:
            semitones += float(profile.table("DCO2 FTUNE")[tone.raw("DCO2 FTUNE")]) / 100
        hz[k] = 440 * 2 ** ((played.note - 69 + semitones) / 12)
    first = round(0.1 * SAMPLE_RATE)
    part = audio[first : max(first + 1, round(played.gate_s * SAMPLE_RATE))]
    if len(part) < 0.3 * SAMPLE_RATE:
        return
    spectrum = np.abs(np.fft.rfft(part * np.blackman(len(part)), max(_FFT, 1 << len(part).bit_length())))
    bin_hz = SAMPLE_RATE / (2 * (len(spectrum) - 1))
    loud = spectrum.max() * 10 ** (-50 / 20)
    for k, own in hz.items():
        others = [m * f for j, f in hz.items() if j != k for m in range(1, 65)]
        offs = []
        for m in range(1, _PARTIALS + 1):
            nominal = m * own
            clear = min((abs(nominal - other) for other in others), default=np.inf)
            if clear < _APART_HZ or nominal > 8000:
                continue
            reach = min(nominal * (2 ** (_NEAR_CENTS / 1200) - 1), 0.6 * clear)
            low, high = int((nominal - reach) / bin_hz), int((nominal + reach) / bin_hz) + 2
            at = low + int(np.argmax(spectrum[low:high]))
            if spectrum[at] < loud or at in (low, high - 1):
                continue
            at_hz = (at + parabolic_peak(np.log(spectrum[at - 1 : at + 2] + 1e-12))) * bin_hz
            offs.append(1200 * float(np.log2(at_hz / nominal)))
        if offs:
            found[f"dco{k} pitch"] = float(np.median(offs))


def _spectrum(bands: NDArray[np.float32], played: Played, found: Measured) -> None:
    """Upper edge and low end of the spectrum while the key is down; ``bands``: float32[bands, frames], dB."""
    frames = max(3, round(played.gate_s * 100))
    hz = _band_hz()
    power = 10 ** (bands[:, :frames] / 10)
    loudness = power.sum(axis=0)
    begins = int(np.argmax(loudness > 0.25 * loudness.max()))
    for name, part in (("edge", slice(begins, frames)), ("edge at first", slice(begins, begins + 8))):
        shape = 10 * np.log10(power[:, part].mean(axis=1) + 1e-12)
        shape -= shape.max()
        above = np.flatnonzero(shape > _EDGE_DB)
        k = int(above[-1])
        if k + 1 < len(hz):
            share = float((shape[k] - _EDGE_DB) / max(shape[k] - shape[k + 1], 1e-6))
            found[name] = float(hz[k] * (hz[k + 1] / hz[k]) ** min(share, 1.0))
    shape = power[:, begins:frames].mean(axis=1)
    lowest = 440 * 2 ** ((played.note - 69) / 12)
    low, above_it = hz < 1.4 * lowest, (hz >= 1.4 * lowest) & (hz < 6 * lowest)
    if shape[low].sum() > 1e-5 * shape.sum() and shape[above_it].sum() > 1e-5 * shape.sum():
        found["low end"] = 10 * float(np.log10(shape[low].sum() / shape[above_it].sum()))


def _modulation(bands: NDArray[np.float32], gate_s: float, tone: Tone, found: Measured) -> None:
    """Rate and depth of what comes back while the key is down: the spectrum of the bands' levels over
    time."""
    part = bands[:, 20 : round(gate_s * 100)]
    if part.shape[1] < 60:
        return
    part = part[part.mean(axis=1) > _FLOOR_DB + 10]
    if not len(part):
        return
    t = np.linspace(-1, 1, part.shape[1])
    basis = np.stack([np.ones_like(t), t, t**2, t**3], axis=1)
    flat = part.T - basis @ np.linalg.lstsq(basis, part.T, rcond=None)[0]
    size = 4096
    spectrum = np.abs(np.fft.rfft(flat * np.hanning(len(t))[:, None], size, axis=0)) * 4 / len(t)
    rates = np.arange(len(spectrum)) * 100 / size
    mean = np.sqrt(np.mean(np.square(spectrum), axis=1))
    span = (rates > 2.5 / (len(t) / 100)) & (rates < 20)
    k = int(np.argmax(np.where(span, mean, 0)))
    if mean[k] < 1.0:
        return
    lfo = any(tone.raw(name) for name in ("DCO1 LFO", "DCO2 LFO", "VCF LFO"))
    kind = "chorus" if tone.label("CHORUS") != "off" and not lfo else "modulation"
    found[f"{kind} rate"], found[f"{kind} depth"] = float(rates[k]), float(mean[k])


def _band_hz() -> NDArray[np.float64]:
    """Centres of the mel bands (HTK scale), Hz."""
    low, high = hz_to_mel(RANKING.low_hz), hz_to_mel(RANKING.high_hz)
    return mel_to_hz(np.linspace(low, high, RANKING.bands + 2)[1:-1])


@dataclass(frozen=True)
class Finding:
    """One measure at one note. ``off``: how much the board has more than the simulator, in ``unit``;
    ``allowed``: how much either way is no difference. ``board``, ``simulator``: the values themselves."""

    block: str
    measure: str
    unit: str
    note: int
    velocity: int
    board: float
    simulator: float
    off: float
    allowed: float
    sentence: str

    @property
    def differs(self) -> bool:
        """Whether it is more than is allowed."""
        return abs(self.off) > self.allowed

    @property
    def severity(self) -> float:
        """Multiples of what is allowed."""
        return abs(self.off) / self.allowed


@dataclass(frozen=True)
class Checked:
    """``distances``: log-mel L1 in dB at every (note, velocity); ``chance_db``: how far two renders of the
    same note lie apart by chance; ``findings``: everything measured, the largest difference first."""

    distances: dict[tuple[int, int], float]
    chance_db: float
    findings: list[Finding]

    @property
    def differing(self) -> list[Finding]:
        """The worst finding of each measure that differs."""
        worst: dict[tuple[str, str], Finding] = {}
        for finding in self.findings:
            if finding.differs:
                worst.setdefault((finding.block, finding.measure), finding)
        return list(worst.values())

    @property
    def blocks(self) -> list[str]:
        """The blocks that differ, the worst first."""
        return list(dict.fromkeys(finding.block for finding in self.differing))

    @property
    def distance_db(self) -> float:
        """The mean distance."""
        return float(np.mean(list(self.distances.values())))

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "distance_db": round(self.distance_db, 3),
            "chance_db": round(self.chance_db, 3),
            "notes": [
                {"note": n, "velocity": v, "distance_db": round(d, 3)} for (n, v), d in self.distances.items()
            ],
            "blocks": self.blocks,
            "differs": [asdict(finding) for finding in self.differing],
            "measured": [asdict(finding) | {"differs": finding.differs} for finding in self.findings],
        }


def check_board(
    rig: Rig,
    tone: Tone,
    profile: Profile,
    notes: Sequence[int],
    velocities: Sequence[int],
    gate_s: float = 1.5,
) -> Checked:
    """Play and compare ``tone`` at all notes and velocities, keys held for ``gate_s`` seconds.

    Raises what `jxctl.recording.rig.Rig.take` raises, and `VerificationError` when nothing at all is heard.
    """
    blank = np.zeros(round((gate_s + TAIL_S) * SAMPLE_RATE), np.float32)
    asked = [Played(note, velocity, gate_s) for note in notes for velocity in velocities]
    board = BoardPlay(rig, [Recording(blank, played) for played in asked], tone.values)
    takes = board.takes_of(tone)
    distances, chances, findings = {}, [], []
    loudness: dict[tuple[int, int], tuple[float, float]] = {}
    for played, (take, heard) in zip(asked, takes, strict=True):
        key = (played.note, played.velocity)
        rendered, again = _rendered(tone, played, profile, len(blank))
        distances[key] = float(log_mel_distance(heard.audio[None], rendered)[0])
        chances.append(float(log_mel_distance(again[None], rendered)[0]))
        values = [measure(audio, played, tone) for audio in (heard.audio, rendered, again)]
        findings += _compared(played, *values)
        loudness[key] = (rms_dbfs(heard.audio, _QUIETEST_DBFS), rms_dbfs(rendered, _QUIETEST_DBFS))
        if take.noise_floor_dbfs is not None:
            findings.append(_noise(played, peak_dbfs(heard.audio) - take.noise_floor_dbfs))
    findings += _dynamics(loudness, notes, velocities)
    findings.sort(key=lambda finding: -finding.severity)
    return Checked(distances, float(np.mean(chances)), findings)


def _rendered(tone: Tone, played: Played, profile: Profile, samples: int) -> NDArray[np.float32]:
    """Two renders, with the seeds 0 and 1."""
    batch = np.repeat(to_batch([tone]), 2, axis=0)
    return render(
        batch, played.note, played.velocity, played.gate_s, samples / SAMPLE_RATE,
        profile=profile, seed=[0, 1],
    )  # fmt: skip


def _compared(played: Played, board: Measured, simulator: Measured, again: Measured) -> list[Finding]:
    out = []
    for name, row in MEASURES.items():
        ours, theirs = board.get(name), simulator.get(name)
        if ours is None or theirs is None:
            continue
        off = row.off(ours, theirs)
        repeated = again.get(name)
        chance = 0.0 if repeated is None else abs(row.off(repeated, theirs))
        if row.least and abs(ours - theirs) < row.least:
            off = 0.0
        direction = row.more if off > 0 else row.less
        where = f"note {played.note}, velocity {played.velocity}"
        sentence = (
            f"{row.what} of the board is {abs(off):.{row.digits}f} {row.unit} {direction} "
            "than the simulator's "
            f"({row.shown(ours)}, not {row.shown(theirs)}; {where})"
        )
        out.append(
            Finding(row.block, name, row.unit, played.note, played.velocity, float(ours), float(theirs),
                    float(off), row.allowed + chance, sentence)
        )  # fmt: skip
    return out


def _noise(played: Played, above_db: float) -> Finding:
    sentence = f"the noise floor is only {above_db:.0f} dB under the sound (note {played.note})"
    # Nothing above the threshold is off, however quiet the floor.
    off = max(0.0, NOISE_DB - above_db) + (1.0 if above_db < NOISE_DB else 0.0)
    return Finding("noise floor", "signal to noise", "dB", played.note, played.velocity, above_db, NOISE_DB,
                   off, 1.0, sentence)  # fmt: skip


def _dynamics(
    loudness: dict[tuple[int, int], tuple[float, float]], notes: Sequence[int], velocities: Sequence[int]
) -> list[Finding]:
    """How loudness follows velocity, at each note, from the softest to the hardest."""
    soft, hard = min(velocities), max(velocities)
    out = []
    for note in notes if hard > soft else ():
        (soft_b, soft_s), (hard_b, hard_s) = loudness[note, soft], loudness[note, hard]
        off = (hard_b - soft_b) - (hard_s - soft_s)
        sentence = (
            f"from velocity {soft} to {hard} the board gets {hard_b - soft_b:.1f} dB louder, the simulator "
            f"{hard_s - soft_s:.1f} dB (note {note})"
        )
        out.append(Finding("dynamics", "dynamics", "dB", note, hard, hard_b - soft_b, hard_s - soft_s, off,
                           DYNAMICS_DB, sentence))  # fmt: skip
    return out
