"""A voice of the sound board written once more, plainly, in float64: the judge of the kernel.

Nothing of `simulator` is used. `plain_control` has the laws and the control frames; the audio loop here goes
one sample at a time with an array of one number for each tone.

What both sides share is what the simulator's documents state: phase is a 32-bit integer; a step is
replaced by the integral of the cubic B-spline around it, its distance measured with the present step of the
phase; three taps undo the droop; filters are trapezoidal; their coefficients are taken at the middle of
every 16 samples of a tick; voltages slew in a straight line. Noise and the random LFO are left out.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from plain_control import Laws, control_frame, position

RATE = 44100
CHUNK = 16
TIE = 2.0**-16  # samples: a reset that is closer to a step counts as the later one
DROOP = 0.2225
HIGHEST_STEP, HIGHEST_CUTOFF = 0.45, 0.4535
NOISE, SQUARE, PULSE, SAWTOOTH = range(4)


# --- oscillators ---------------------------------------------------------------------------------


def smoothing(samples: np.ndarray) -> np.ndarray:
    """Smoothed less plain unit step, ``samples`` after it (negative: before it).

    The smoothed step is the integral of the cubic B-spline from -2 to 2, so what is left of it x samples
    away is ((2 - x)+^4 - 4 (1 - x)+^4) / 24.
    """
    away = np.abs(samples)
    far, near = np.maximum(2 - away, 0) ** 2, np.maximum(1 - away, 0) ** 2
    left = (far**2 - 4 * near**2) / 24
    return np.where(samples >= 0, -left, left)


def centred(phase: np.ndarray) -> np.ndarray:
    """A phase in cycles brought to -1/2 up to 1/2."""
    return phase - np.floor(phase + 0.5)


def ramp(phase: np.ndarray) -> np.ndarray:
    """The plain sawtooth, -1 to 1, down at whole cycles."""
    return 2 * (phase - np.floor(phase)) - 1


class Dco:
    """One DCO of every tone.

    A sawtooth steps at phase zero; a pulse is a sawtooth taken from a later one, so it steps there and, the
    other way, at its edge, a width later.
    """

    def __init__(self, waves: np.ndarray, width: float) -> None:
        self.square = (waves == SQUARE) | (waves == PULSE)
        self.width = np.where(waves == PULSE, width, 0.5)
        self.edge_at = np.floor(self.width * 2.0**32).astype(np.int64)
        self.phase = np.zeros(len(waves), np.int64)  # 2**-32 cycles, -2**31 up to 2**31
        self.natural = np.where(self.square, 2.0, -2.0)  # the step at phase zero
        self.height = self.natural.copy()  # of the last step at phase zero, a reset's too
        # Where the last reset cut the wave off, from its two steps, and how high they had been.
        self.cut = self.edge_cut = self.zero_owes = self.edge_owes = np.zeros(len(waves))
        self.last = np.zeros(len(waves))

    def plain(self, phase: np.ndarray) -> np.ndarray:
        """The wave without smoothing: a sawtooth, or the difference of two, which is a pulse."""
        return np.where(self.square, ramp(phase - self.width) - ramp(phase), ramp(phase))

    def advance(self, increment: np.ndarray) -> np.ndarray:
        """Move on; where the phase passed zero."""
        before = self.phase
        self.phase = (before + increment + 2**31) % 2**32 - 2**31
        return (before < 0) & (self.phase >= 0)

    @property
    def cycles(self) -> np.ndarray:
        """The phase in cycles, -1/2 to 1/2."""
        return self.phase / 2.0**32

    @property
    def from_edge(self) -> np.ndarray:
        """How far the phase is from the other edge of a pulse, in cycles, -1/2 to 1/2."""
        return ((self.phase - self.edge_at + 2**31) % 2**32 - 2**31) / 2.0**32

    def restart(self, hit: np.ndarray, since: np.ndarray, step: np.ndarray) -> None:
        """Where ``hit``, the phase was set to zero ``since`` samples ago."""
        cut = centred(self.cycles - step * (since - TIE))
        drop = self.plain(np.zeros(1)) - self.plain(cut)
        edge_cut = centred(cut - self.width)
        self.zero_owes = np.where(hit, self.height * (cut >= 0), self.zero_owes)
        self.edge_owes = np.where(hit, -2.0 * self.square * (edge_cut >= 0), self.edge_owes)
        self.cut, self.edge_cut = np.where(hit, cut, self.cut), np.where(hit, edge_cut, self.edge_cut)
        self.height = np.where(hit, drop, self.height)
        self.phase = np.where(hit, np.trunc(step * since * 2.0**32).astype(np.int64), self.phase)

    def sample(self, step: np.ndarray, reset_in: np.ndarray, reset_ago: np.ndarray) -> np.ndarray:
        """The band-limited wave.

        ``reset_in``, ``reset_ago``: samples until the other DCO resets this one and since it did so, or
        infinity. Steps before a reset still reach the two samples after it.
        """
        p, q = self.cycles, self.from_edge
        reset_in = reset_in + TIE
        # What a reset will forestall is not smoothed in advance.
        zero = np.where(p >= 0, self.height, np.where(reset_in < -p / step, 0, self.natural))
        edge = np.where((q < 0) & (reset_in < -q / step), 0, -2.0) * self.square
        wave = self.plain(p) + zero * smoothing(p / step) + edge * smoothing(q / step)
        # Far ahead of it the smoothing is nothing, so any large number will do for infinity.
        soon = np.minimum(reset_in, 100)
        drop = self.plain(np.zeros(1)) - self.plain(centred(p + step * soon))
        owed = self.zero_owes * smoothing(self.cut / step + reset_ago)
        owed += self.edge_owes * smoothing(self.edge_cut / step + reset_ago)
        return np.asarray(wave + drop * smoothing(TIE - soon) + owed)


# --- the audio loop ------------------------------------------------------------------------------


class Section:
    """Eq. 4.7 by the trapezoidal rule: two integrators, in the form of Zavalishin's state variable filter."""

    def __init__(self, count: int) -> None:
        self.band = self.low = np.zeros(count)

    def __call__(self, signal: np.ndarray, g: np.ndarray, damping: np.ndarray) -> np.ndarray:
        """One sample; ``g`` is tan(pi cutoff / rate)."""
        high = (signal - self.low - (g + 2 * damping) * self.band) / (1 + g * (g + 2 * damping))
        band = self.band + g * high
        low = self.low + g * band
        self.band, self.low = band + g * high, low + g * band
        return low


def control_frames(
    laws: Laws, tones: np.ndarray, notes: np.ndarray, velocities: np.ndarray, gates_s: np.ndarray, ticks: int
) -> np.ndarray:
    """`control_frame` of every tone and tick: float64[ticks, 6, N]."""
    gates = [math.ceil(gate / laws.word("tick") - 1e-9) for gate in gates_s]
    voices = list(zip(tones, notes, velocities, gates, strict=True))
    frames = [[control_frame(laws, *voice, tick) for voice in voices] for tick in range(ticks)]
    return np.array(frames).transpose(0, 2, 1)


def targets(frame: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A control frame at the sample rate: increments of both phases, and mixer, filter and VCA to go to."""
    share = frame[:2] / RATE
    mix1, mix2, cutoff, gain = frame[2:]
    mix1, mix2 = np.where(share[0] < HIGHEST_STEP, mix1, 0), np.where(share[1] < HIGHEST_STEP, mix2, 0)
    increments = np.rint(np.minimum(share, HIGHEST_STEP) * 2.0**32).astype(np.int64)
    g = np.tan(np.pi * np.minimum(cutoff / RATE, HIGHEST_CUTOFF))
    return increments, np.array([mix1, mix2, g, gain])


def render_plainly(
    tones: np.ndarray, notes: np.ndarray, velocities: np.ndarray, gates_s: np.ndarray, seconds: float,
    profile: str = "superjx", single: np.ndarray | None = None,
) -> np.ndarray:  # fmt: skip
    """What `simulator.synth.render` should return, float64[N, samples], at 44.1 kHz, without chorus.

    ``single``, bool[N], rounds what the DCOs of some tones give each other, and nothing else, to single
    precision: a tone that this changes audibly is chaotic, and no two implementations of it can agree.
    """

    def rounded(x: np.ndarray) -> np.ndarray:
        return x if single is None else np.where(single, x.astype(np.float32), x)

    laws = Laws(profile)
    samples, tick_samples = round(seconds * RATE), round(laws.word("tick") * RATE)
    frames = control_frames(laws, tones, notes, velocities, gates_s, -(-samples // tick_samples))
    waves = [np.array([position(tone, f"DCO{k} WF") for tone in tones]) for k in (1, 2)]
    assert not any((wave == NOISE).any() for wave in waves), "the plain voice has no noise"
    dcos = [Dco(wave, laws.word("dco_pulse_width")) for wave in waves]
    sync12, sync21, fm12, fm21 = np.array([laws.of(tone, "DCO XMOD") for tone in tones], float).T
    damping = np.array([laws.of(tone, "VCF RES") for tone in tones])
    corner = np.tan(np.pi * np.array([laws.of(tone, "HPF FREQ") for tone in tones]) / RATE)
    four_poles = laws.word("vcf_poles") == 4
    first, second = Section(len(tones)), Section(len(tones))
    held = np.zeros(len(tones))
    older = before = np.zeros(len(tones))
    slew = max(laws.word("cv_slew") * RATE, 1.0)

    increments, goal = targets(frames[0])
    start = goal.copy()
    start[3] = 0
    out = np.empty((samples, len(tones)))
    for n in range(samples):
        into = n % tick_samples
        if into == 0 and n > 0:
            start = goal
            increments, goal = targets(frames[n // tick_samples])
        mix1, mix2, _, gain = start + (goal - start) * min((into + 1) / slew, 1)
        if into % CHUNK == 0:
            g = start[2] + (goal[2] - start[2]) * min((into + CHUNK // 2) / slew, 1)

        steps, wrapped = [], []
        for dco, depth, other in ((0, fm21, 1), (1, fm12, 0)):
            step = increments[dco] / 2.0**32
            bent = rounded(np.minimum(step * np.maximum(1 + depth * dcos[other].last, 0.05), 0.49))
            steps.append(np.where(depth != 0, bent, step))
        for dco in (0, 1):
            more = np.trunc((steps[dco] - increments[dco] / 2.0**32) * 2.0**32).astype(np.int64)
            wrapped.append(dcos[dco].advance(increments[dco] + more))
        reset_times = resets(dcos, steps, wrapped, sync12, sync21, rounded)
        waves_now = [
            dco.sample(step, *when) for dco, step, when in zip(dcos, steps, reset_times, strict=True)
        ]
        for dco, wave in zip(dcos, waves_now, strict=True):
            dco.last = wave

        mixed = mix1 * waves_now[0] + mix2 * waves_now[1]
        signal = before + DROOP * (2 * before - mixed - older)
        older, before = before, mixed
        if four_poles:
            signal = first(signal, g, np.full(len(tones), laws.word("vcf_fixed_damping")))
        signal = second(signal, g, damping)
        under = (held + corner * signal) / (1 + corner)
        held = 2 * under - held
        out[n] = (signal - under) * gain
    return out.T


def resets(
    dcos: list[Dco],
    steps: list[np.ndarray],
    wrapped: list[np.ndarray],
    sync12: np.ndarray,
    sync21: np.ndarray,
    rounded: Callable[[np.ndarray], np.ndarray],
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Carry out the resets of this sample.

    For each DCO: samples until its next reset and since its last, infinity where none is near.
    """
    since = [rounded(dco.cycles / step) for dco, step in zip(dcos, steps, strict=True)]
    when = []
    for led, leader, sync in ((0, 1, sync21), (1, 0, sync12)):
        dco = dcos[led]
        dco.height = np.where(wrapped[led], dco.natural, dco.height)
        dco.restart((sync != 0) & wrapped[leader], since[leader], steps[led])
        ahead = np.where((sync != 0) & (since[leader] < 0), -since[leader], np.inf)
        ago = np.where((sync != 0) & (since[leader] >= 0), since[leader], np.inf)
        when.append((ahead, ago))
    return when
