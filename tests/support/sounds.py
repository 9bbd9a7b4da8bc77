"""Notes and noises whose every property is known because they are made here: plain sums of sines."""

from __future__ import annotations

import numpy as np

RATE = 44100
WAVES = ("sawtooth", "square", "pulse")


def hz_of(note: float) -> float:
    return float(440 * 2 ** ((note - 69) / 12))


def harmonics(phase: np.ndarray, hz: float, wave: str = "sawtooth", cutoff_hz: float = 16000) -> np.ndarray:
    """A band-limited wave as the sum of its harmonics, through a gentle low-pass."""
    out = np.zeros_like(phase)
    for k in range(1, int(18000 / hz) + 1):
        strength = {
            "sawtooth": 1 / k,
            "square": (k % 2) / k,
            "pulse": np.sin(np.pi * k * 0.2) / k,
        }[wave]
        strength /= np.sqrt(1 + (k * hz / cutoff_hz) ** 4)
        if abs(strength) > 1e-4:
            out += strength * np.sin(k * phase)
    return out


def tone(
    note: float,
    hold_s: float = 0.8,
    *,
    wave: str = "sawtooth",
    lead_s: float = 0.3,
    attack_s: float = 0.005,
    decay_s: float = 0.2,
    sustain: float = 1.0,
    release_s: float = 0.15,
    release: str = "exponential",
    vibrato_cents: float = 0.0,
    detune_cents: float = 0.0,
    cutoff_hz: float = 16000,
    noise_db: float | None = None,
    seed: int = 0,
) -> np.ndarray:
    """One note with ADSR: silence, attack, decay, sustain, release, silence. float64[samples]."""
    rng = np.random.default_rng(seed)
    t = np.arange(round((lead_s + hold_s + release_s + 0.3) * RATE)) / RATE - lead_s
    level = np.interp(t, [0, attack_s], [0, 1])
    falling = t > attack_s
    level[falling] = sustain + (1 - sustain) * np.exp(-5 * (t[falling] - attack_s) / decay_s)
    u = np.clip((t - hold_s) / release_s, 0, 1)
    shape = {"exponential": np.exp(-6 * u) * (u < 1), "linear": 1 - u, "cubic": (1 - u) ** 3, "cut": u <= 0}
    level *= shape[release]
    audio = np.zeros(len(t))
    for detune in (-detune_cents / 2, detune_cents / 2) if detune_cents else (0.0,):
        hz = hz_of(note + detune / 100) * 2 ** (vibrato_cents * np.sin(2 * np.pi * 5.5 * t) / 1200)
        audio += harmonics(
            2 * np.pi * np.cumsum(hz) / RATE + rng.uniform(0, 6.28), hz_of(note), wave, cutoff_hz
        )
    audio *= level
    audio *= 0.5 / np.abs(audio).max()
    if noise_db is not None:
        power = np.mean(audio[(t > 0) & (t < hold_s)] ** 2)
        audio += rng.standard_normal(len(audio)) * np.sqrt(power * 10 ** (noise_db / 10))
    return audio


def random_tones(count: int, seed: int) -> list[tuple[np.ndarray, int, float, float]]:
    """Audio, note, onset and gate of notes over the whole range of what a player may record."""
    rng = np.random.default_rng(seed)
    made = []
    for index in range(count):
        note, hold, lead = int(rng.integers(28, 101)), rng.uniform(0.2, 1.2), rng.uniform(0.05, 0.4)
        audio = tone(
            note,
            hold,
            lead_s=lead,
            wave=str(rng.choice(WAVES)),
            attack_s=10 ** rng.uniform(-3, -1.3),
            decay_s=10 ** rng.uniform(-1, 0),
            sustain=float(rng.choice([0.3, 0.6, 1.0])),
            release_s=10 ** rng.uniform(-1.5, -0.3),
            release=str(rng.choice(["exponential", "linear", "cubic"])),
            vibrato_cents=float(rng.choice([0, rng.uniform(5, 40)])),
            detune_cents=float(rng.choice([0, rng.uniform(2, 15)])),
            cutoff_hz=hz_of(note) * 2 ** rng.uniform(0.5, 6),
            noise_db=float(rng.choice([-100, -60, -40, -20, -10])),
            seed=index,
        )
        made.append((audio, note, lead, hold))
    return made


def coloured_noise(kind: str, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    spectrum = np.fft.rfft(rng.standard_normal(RATE))
    hz = np.fft.rfftfreq(RATE, 1 / RATE)
    shape = {
        "white": np.ones_like(hz),
        "pink": 1 / np.sqrt(np.maximum(hz, 20)),
        "dull": 1 / (1 + (hz / 800) ** 4),
        "band": np.exp(-((np.log2(np.maximum(hz, 1) / 1500) / 0.7) ** 2)),
    }[kind]
    noise = np.fft.irfft(spectrum * shape)
    return np.asarray(0.5 * noise / np.abs(noise).max())
