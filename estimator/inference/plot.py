"""The picture of a guess: target and guess side by side, spectrograms above, envelopes below."""

from __future__ import annotations

import io

import numpy as np

from jxctl.audio.analysis import hz_to_mel, rms_frames
from simulator.features import FLOOR_DB, RANKING, SAMPLE_RATE, log_mel

_TICKS_HZ = (100, 300, 1000, 3000, 10000)


def plot_guess(target: np.ndarray, guess: np.ndarray, title: str) -> bytes:
    """PNG bytes of two sounds, float32[samples] at 44.1 kHz."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(2, 2, figsize=(11, 6.5), sharex=True, sharey="row", layout="constrained")
    for column, (name, sound) in enumerate((("target", target), ("guess", guess))):
        seconds = len(sound) / SAMPLE_RATE
        mel = log_mel(np.asarray(sound, np.float32)[None])[0]
        image = axes[0, column].imshow(
            mel, origin="lower", aspect="auto", extent=(0, seconds, 0, RANKING.bands), vmin=-FLOOR_DB, vmax=0,
            cmap="magma",
        )  # fmt: skip
        axes[0, column].set_title(name)
        time, level = _envelope_db(sound)
        axes[1, column].plot(time, level, linewidth=1, color="tab:orange" if column else "tab:blue")
        axes[1, column].set(xlabel="time (s)", ylim=(-FLOOR_DB, 3))
        axes[1, column].grid(alpha=0.3)
    axes[0, 0].set(ylabel="frequency (Hz, mel scale)")
    axes[0, 0].set_yticks([_band(hz) for hz in _TICKS_HZ], [f"{hz:,}" for hz in _TICKS_HZ])
    axes[1, 0].set(ylabel="level (dB under its peak)")
    figure.colorbar(image, ax=axes[0, :], label="dB under the loudest cell")
    figure.suptitle(title)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=100)
    plt.close(figure)
    return buffer.getvalue()


def _envelope_db(sound: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """RMS over 10 ms, relative to the highest."""
    rms = rms_frames(sound, RANKING.hop, RANKING.hop)
    level = 20 * np.log10(np.maximum(rms / max(rms.max(), 1e-12), 1e-6))
    return np.arange(len(rms)) * RANKING.hop / SAMPLE_RATE, level


def _band(hz: float) -> float:
    """Where a frequency lies on the axis of mel bands."""
    mel = [hz_to_mel(f) for f in (RANKING.low_hz, hz, RANKING.high_hz)]
    return float((mel[1] - mel[0]) / (mel[2] - mel[0]) * RANKING.bands)
