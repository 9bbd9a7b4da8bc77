"""``python -m benchmarks.pitch``: jx's pYIN beside librosa's, on notes whose key is known.

Needs ``pip install librosa``, which nothing else does. 200 sums of sines of a known key (every register,
wave, vibrato, detuning, noise) and 200 renders of tones drawn from the prior, each with one key; both see
the same samples at 22.05 kHz, with the range, frames and steps of `estimator.inference.note_detection`. A
note is right when the median of its track, weighted as in note detection, is within half a semitone of the
key; for renders, whose layers may lie octaves or fifths from the key, only agreement is counted.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.files import RESULTS, write
from benchmarks.machine import describe
from estimator.inference import note_detection as detection
from jxctl.audio.pitch import track_pitch
from simulator.prior import Prior
from simulator.synth import SAMPLE_RATE, render
from tools.markdown import table as markdown_table
from tools.terminal import progress

SEMITONES = 0.5
SECONDS = 1.5
"""Of the beginning of a note that both see (chosen: as much as note detection looks at)."""


def main() -> None:
    """Measure, print a table, and keep it."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--count", type=int, default=200, help="of each kind")
    arguments.add_argument("--keep", action="store_true", help="also into results/pitch.md")
    options = arguments.parse_args()
    try:
        import librosa
    except ImportError:
        sys.exit("librosa is not installed: pip install librosa")
    rows = []
    for kind, sounds in (("sums of sines", _sines(options.count)), ("renders", _renders(options.count))):
        rows.append([kind, *_compared(kind, sounds, librosa)])
    head = ["", "notes", "jx right", "librosa right", "agree", "jx, ms each", "librosa, ms each"]
    text = markdown_table(head, rows)
    about = describe("numpy", "librosa")
    print(text)
    if options.keep:
        packages = ", ".join(f"{name} {version}" for name, version in about["packages"].items())
        foot = (f"`python -m benchmarks.pitch --count {options.count} --keep` at commit {about['commit']}: "
                f"{about['processor']}, Python {about['python']}, {packages}.")  # fmt: skip
        write(RESULTS / "pitch.md", f"# Pitch trackers\n\n{text}\n\n{foot}\n")


def _sines(count: int) -> list[tuple[np.ndarray, int | None]]:
    """Notes of the tests: audio from its onset, and its key."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "support"))
    from sounds import RATE, random_tones

    assert RATE == SAMPLE_RATE
    return [(audio[round(lead * RATE) :], note) for audio, note, lead, _ in random_tones(count, seed=11)]


def _renders(count: int) -> list[tuple[np.ndarray, int | None]]:
    """Renders of tones of the prior; None for the key, which their layers may not sound."""
    rng = np.random.default_rng(11)
    tones, notes = Prior.load().sample(count, rng), rng.integers(36, 85, count)
    audio = render(tones, notes, seconds=1.5)
    return [(one, None) for one in audio if np.abs(one).max() > 1e-3]


def _compared(kind: str, sounds: list[tuple[np.ndarray, int | None]], librosa: Any) -> list[str]:
    import soxr

    found = np.zeros((len(sounds), 2))
    seconds = np.zeros(2)
    with progress(kind, len(sounds)) as advance:
        for row, (audio, _) in zip(found, sounds, strict=True):
            y = soxr.resample(audio, SAMPLE_RATE, detection.RATE, "HQ")[: round(SECONDS * detection.RATE)]
            began = time.process_time()
            track = track_pitch(y, detection.RATE, detection.LOWEST_HZ, detection.HIGHEST_HZ)
            seconds[0] += time.process_time() - began
            began = time.process_time()
            hz, _, probability = librosa.pyin(
                y, fmin=detection.LOWEST_HZ, fmax=detection.HIGHEST_HZ, sr=detection.RATE, resolution=0.2,
                fill_na=None,
            )  # fmt: skip
            seconds[1] += time.process_time() - began
            for k, one in enumerate(((track.hz, track.probability), (hz, probability))):
                row[k] = 69 + 12 * np.log2(_weighted_median(one[0], track.power * (one[1] + 1e-6)) / 440)
            advance(1, "")
    keys = np.array([np.nan if key is None else key for _, key in sounds])
    right = np.abs(found - keys[:, None]) < SEMITONES
    same = np.abs(found[:, 0] - found[:, 1]) < SEMITONES
    shares = ["-" if np.isnan(keys).all() else f"{100 * share:.1f} %" for share in right.mean(axis=0)]
    each = [f"{1000 * one / len(sounds):.0f}" for one in seconds]
    return [str(len(sounds)), *shares, f"{100 * same.mean():.1f} %", *each]


def _weighted_median(values: np.ndarray, weights: np.ndarray) -> float:
    order = np.argsort(values)
    total = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(total, total[-1] / 2)])


if __name__ == "__main__":
    main()
