"""The task ``thesis26``: 26 parameters of the simplified synth of Vecoven 2020 from a (690, 16) spectrogram.

A sound is one note of the profile ``thesis``: A4 = 440 Hz, four seconds at 44.1 kHz. An estimator is given
its spectrogram and is scored by the mean squared error of 26 numbers between 0 and 1 (the thesis' best is
0.02618, on its own sounds). Read the score as a trend: the thesis' synth is not public, and what it does not
print is assumed here (below).

**From the thesis** (section, or equation): profile ``thesis`` (4.6 to 4.9, 4.11, 4.12), 440 Hz, four seconds,
44.1 kHz, windows of 512 that overlap by half, a Hann window, shape (690, 16) (4.7.1); no key follow, no
dynamics, no envelope on the oscillators or the mixer, one envelope for the filter and one that always shapes
the amplifier (4.1, 4.7); three waves: sawtooth, square, noise (4.2); a multivariate normal with the mean and
covariance of real tones, clipped (4.7).

**Assumed.** The names of the 26 are not printed. What the text leaves standing are 27: two oscillators (wave,
range, tune, LFO depth, and fine tune of the second), two mixer levels, the filter's cutoff, resonance, LFO
and envelope depth, the amplifier's level, the LFO's wave, delay and rate, and two envelopes of four. Here the
amplifier's level is fixed, because the mixer levels scale the sound too. The key goes up after two seconds.
The spectrogram is the magnitude; its windows begin every 256 samples from the first on, and the last ones are
filled with silence (so there are 690, as ``tf.signal.stft(pad_end=True)`` gives). The first 16 of 257 bins
reach to 1.4 kHz, which is fs/32, although the thesis says fs/16; its printed shape counts here.
"""

from __future__ import annotations

import argparse
import functools
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from jxctl.protocol.parameters import parameter
from jxctl.protocol.tone import INIT_TONE
from simulator.prior import read_table
from simulator.synth import SAMPLE_RATE, render

NAMES = (
    "DCO1 RANGE", "DCO1 WF", "DCO1 TUNE", "DCO1 LFO",
    "DCO2 RANGE", "DCO2 WF", "DCO2 TUNE", "DCO2 FTUNE", "DCO2 LFO",
    "MIX DCO1", "MIX DCO2",
    "VCF FREQ", "VCF RES", "VCF LFO", "VCF ENV",
    "LFO WF", "LFO DELAY", "LFO RATE",
    "ENV1 ATT", "ENV1 DECY", "ENV1 SUS", "ENV1 REL",
    "ENV2 ATT", "ENV2 DECY", "ENV2 SUS", "ENV2 REL",
)  # fmt: skip
"""The 26 parameters, in the order of a target. ENV-1 is the filter's, ENV-2 the amplifier's."""

FIXED = INIT_TONE.with_values(
    {
        "MIX DCO1": 0,
        "VCF MODE": "ENV-1",
        "VCA MODE": "ENV-2",
        "VCA LEVEL": 127,
        "DCO XMOD": "off",
        "CHORUS": "off",
    }
)
"""What every tone of the task has besides: no sync, x-mod, chorus, high-pass, dynamics or key follow."""

WAVES = ("noise", "square", "sawtooth")
"""The thesis' waves, in the order of the JX's switch, which has a pulse between the last two."""

PROFILE = "thesis"
NOTE = 69
"""A4, 440 Hz (4.7.1)."""
SECONDS = 4.0
"""How long every sound is (4.7.1)."""
GATE_S = 2.0
"""When the key goes up; assumed."""
WINDOW = 512
"""Samples of a window (4.7.1)."""
HOP = 256
"""Samples from one window to the next (4.7.1)."""
FRAMES = 690
"""Of a spectrogram (4.7.1)."""
BINS = 16
"""Of a spectrogram, of 257 (4.7.1)."""

_SOUNDS_A_PIECE = 4
"""Sounds whose spectrogram is made at a time; measured: they stay in the cache."""
_PARAMETERS = tuple(parameter(name) for name in NAMES)
_COLUMNS = [row.column for row in _PARAMETERS]
# Raw values that a parameter can take here, in order: a target of 0 is the first, of 1 the last.
_RAWS = tuple(
    np.array(
        [row.start(row.labels.index(wave)) for wave in WAVES] if row.name.endswith("WF") and "DCO" in row.name
        else row.starts or range(128)
    )
    for row in _PARAMETERS
)  # fmt: skip


@dataclass(frozen=True)
class Normal:
    """A multivariate normal over targets: ``mean`` float64[26], ``covariance`` float64[26, 26]."""

    mean: NDArray[np.float64]
    covariance: NDArray[np.float64]

    @classmethod
    def load(cls) -> Normal:
        """The one that comes with jx, fitted to real tones."""
        return _shipped()

    @classmethod
    def fit(cls, tones: np.ndarray) -> Normal:
        """Mean and covariance of real tones, uint8[N, 48], as the task can express them."""
        values = targets_of(simplified(tones))
        return cls(values.mean(axis=0, dtype=np.float64), np.cov(values, rowvar=False, dtype=np.float64))

    def sample(self, count: int, rng: np.random.Generator) -> NDArray[np.float64]:
        """Draws, float64[count, 26], clipped to 0 to 1."""
        spread, directions = np.linalg.eigh(self.covariance)
        factor = directions * np.sqrt(np.maximum(spread, 0))
        return np.clip(self.mean + rng.standard_normal((count, len(self.mean))) @ factor.T, 0, 1)

    def conditional(
        self, target: NDArray[np.float64], unknown: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Mean, float64[K], and covariance, float64[K, K], of the K parameters ``unknown`` (places) where the
        others are as in a ``target``, float64[26]; clipping is left out of account."""
        known = np.setdiff1d(np.arange(len(self.mean)), unknown)
        within = self.covariance[np.ix_(known, known)] + 1e-6 * np.eye(len(known))
        across = self.covariance[np.ix_(unknown, known)]
        slope = np.linalg.solve(within, across.T).T
        mean = self.mean[unknown] + slope @ (target[known] - self.mean[known])
        return mean, self.covariance[np.ix_(unknown, unknown)] - slope @ across.T


def sample(count: int, rng: np.random.Generator) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Draw tones, uint8[count, 48], and their targets, float32[count, 26].

    A target says what the tone holds: a draw is rounded to the nearest raw value or switch position first.
    The same generator state gives the same tones, and fewer of them give the first of more.
    """
    tones = tones_of(Normal.load().sample(count, rng))
    return tones, targets_of(tones)


def targets_of(tones: np.ndarray) -> NDArray[np.float32]:
    """Targets, float32[N, 26], 0 to 1, of tones, uint8[N, 48]: raw / 127, or position / (positions - 1).

    A pulse counts as a square.
    """
    tones = np.asarray(tones)
    out = np.empty((len(tones), len(NAMES)), np.float32)
    for k, (column, raws) in enumerate(zip(_COLUMNS, _RAWS, strict=True)):
        out[:, k] = (np.searchsorted(raws, tones[:, column], side="right") - 1) / (len(raws) - 1)
    return out


def tones_of(targets: np.ndarray) -> NDArray[np.uint8]:
    """Tones, uint8[N, 48], nearest to targets, float[N, 26]; what lies outside 0 to 1 is clipped."""
    targets = np.clip(np.asarray(targets, np.float64), 0, 1)
    tones = np.tile(np.frombuffer(FIXED.values, np.uint8), (len(targets), 1))
    for k, (column, raws) in enumerate(zip(_COLUMNS, _RAWS, strict=True)):
        tones[:, column] = raws[np.rint(targets[:, k] * (len(raws) - 1)).astype(np.int64)]
    return tones


def simplified(tones: np.ndarray) -> NDArray[np.uint8]:
    """Real tones, uint8[N, 48], as the thesis' synth would hold them.

    The envelope that VCF MODE selects becomes ENV-1, ENV-2 stays the amplifier's, a pulse becomes a square.
    """
    tones = np.array(tones, np.uint8)
    by_env2 = np.array(parameter("VCF MODE").classes)[tones[:, parameter("VCF MODE").column]] < 2
    for stage in ("ATT", "DECY", "SUS", "REL"):
        first, second = parameter(f"ENV1 {stage}").column, parameter(f"ENV2 {stage}").column
        tones[:, first] = np.where(by_env2, tones[:, second], tones[:, first])
    return tones_of(targets_of(tones))


def play(
    tones: np.ndarray, *, seed: int = 0, threads: int | None = None, out: NDArray[np.float32] | None = None
) -> NDArray[np.float32]:
    """The task's sound of tones, float32[N, 176400]. ``seed`` keys the noise; see
    `simulator.synth.render`."""
    return render(
        tones, NOTE, 100, GATE_S, SECONDS, profile=PROFILE, seed=seed, threads=threads, out=out
    )  # fmt: skip


def spectrogram(audio: np.ndarray | torch.Tensor) -> NDArray[np.float32]:
    """Magnitudes, float32[N, 690, 16], of sounds, float32[N, samples], cut or filled to four seconds.

    Frame k is samples 256 k to 256 k + 511 through a Hann window; bin j is at 86 j Hz. Nothing is scaled: a
    sine of amplitude 1 in the middle of a bin gives 128.
    """
    audio = torch.as_tensor(audio, dtype=torch.float32)
    samples = min(audio.shape[1], round(SECONDS * SAMPLE_RATE))
    hops = torch.zeros((_SOUNDS_A_PIECE, FRAMES + 1, HOP))
    out = torch.empty((len(audio), FRAMES, BINS))
    # In pieces that stay in the cache. A window is two hops; each is multiplied once by what both places use.
    for first in range(0, len(audio), _SOUNDS_A_PIECE):
        part = audio[first : first + _SOUNDS_A_PIECE, :samples]
        hops.view(_SOUNDS_A_PIECE, -1)[: len(part), :samples] = part
        products = (hops.view(-1, HOP) @ _basis()).view(_SOUNDS_A_PIECE, FRAMES + 1, 2, 2 * BINS)[: len(part)]
        both = (products[:, :-1, 0] + products[:, 1:, 1]).square_()
        torch.add(both[..., :BINS], both[..., BINS:], out=out[first : first + len(part)])
    return out.sqrt_().numpy()


def score(predicted: np.ndarray, targets: np.ndarray) -> dict[str, float]:
    """Mean squared error of predictions, float[N, 26]: of each parameter by name, and of all as ``all``.

    Predictions are clipped to 0 to 1 first.
    """
    error = np.square(np.clip(predicted, 0, 1).astype(np.float64) - targets).mean(axis=0)
    return {"all": float(error.mean())} | dict(zip(NAMES, map(float, error), strict=True))


@functools.cache
def _basis() -> torch.Tensor:
    """Windowed cosines and sines of the 16 bins, float32[256, 2 halves * 32]."""
    n = np.arange(WINDOW)
    turns = np.exp(-2j * np.pi * np.outer(n, np.arange(BINS)) / WINDOW)
    turns *= (0.5 - 0.5 * np.cos(2 * np.pi * n / WINDOW))[:, None]
    parts = np.concatenate((turns.real, turns.imag), axis=1).reshape(2, HOP, 2 * BINS)
    return torch.from_numpy(np.concatenate(parts, axis=1).astype(np.float32))


@functools.cache
def _shipped() -> Normal:
    with (
        (resources.files("estimator.papers.vecoven2020") / "thesis26.npz").open("rb") as file,
        np.load(file) as data,
    ):
        return Normal(data["mean"].astype(np.float64), data["covariance"].astype(np.float64))


def main() -> None:
    """Fit the shipped mean and covariance to a table of tones."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("table", type=Path)
    parser.add_argument("--hold-out", default="", help="origin of the tones to leave out")
    parser.add_argument("-o", "--output", type=Path, required=True)
    options = parser.parse_args()
    tones, _, origins = read_table(options.table)
    kept = np.array([origin != options.hold_out for origin in origins])
    normal = Normal.fit(tones[kept])
    np.savez_compressed(
        options.output, mean=normal.mean.astype(np.float32), covariance=normal.covariance.astype(np.float32)
    )
    print(f"fitted to {kept.sum()} tones, {len(kept) - kept.sum()} held out; {len(NAMES)} parameters")


if __name__ == "__main__":
    main()
