"""Figures of what makes the sound: DCOs, mixer, filters, VCA, chorus. Each function draws one group."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from simulator.synth import SAMPLE_RATE
from tools.docs.figures import listening as hear
from tools.docs.figures.drawing import in_hertz, lines, named, over_note, shades, stacked
from tools.docs.figures.listening import HZ_A1, SINE, Values, db, play, play_at

BENT: Values = {**SINE, "DCO1 ENV": 60}
SECOND: Values = {"MIX DCO1": 0, "MIX DCO2": 127}


def dco_1(axes: Sequence[Axes]) -> None:
    """Waves, and pitch moved by ENV and LFO."""
    waves = ("noise", "square", "pulse", "sawtooth")
    stacked(axes[0], play(*({"DCO1 WF": wave} for wave in waves)), waves, 0.5, 12)
    named(axes[0], "DCO1 WF, A3 (220 Hz)", "time (ms)", "")
    depths = (0, 30, 60, 90)
    bent = play(*({**SINE, "DCO1 ENV": raw, "ENV1 SUS": 0, "ENV1 DECY": 70} for raw in depths), seconds=1)
    lines(axes[1], [over_note(hear.pitch(sound)) for sound in bent], depths, "DCO1 ENV")
    named(axes[1], "pitch under a decaying ENV-1", "time (s)", "semitones from the note")
    swung = play(*({**SINE, "DCO1 LFO": raw, "LFO RATE": 90} for raw in depths), seconds=1)
    lines(axes[2], [over_note(hear.pitch(sound)) for sound in swung], depths, "DCO1 LFO")
    named(axes[2], "pitch under the LFO, rate 90", "time (s)", "semitones from the note")


def dco_2(axes: Sequence[Axes]) -> None:
    """Couplings, their spectra, and detuning."""
    modes = ("off", "sync 1", "sync 2", "x-mod")
    sounds = play(*({**SECOND, "DCO XMOD": mode, "DCO2 TUNE": "+7"} for mode in modes))
    stacked(axes[0], sounds, modes, 0.5, 14)
    named(axes[0], "DCO XMOD: DCO-2, seven semitones up", "time (ms)", "")
    half = SAMPLE_RATE // 2
    spectra = [db(np.abs(np.fft.rfft(s[half : 2 * half] * np.blackman(half)))) for s in sounds]
    hz = np.fft.rfftfreq(half, 1 / SAMPLE_RATE)
    seen = hz < 2500
    for k, (spectrum, colour) in enumerate(zip(spectra, shades(4), strict=True)):
        axes[1].plot(hz[seen], np.maximum(spectrum[seen] - spectrum.max(), -60) - 70 * k, color=colour)
    axes[1].set_yticks([-70 * k - 30 for k in range(4)], modes)
    named(axes[1], "their spectra, 60 dB each", "frequency (Hz)", "")
    fine = (64, 68, 72, 80)
    both = play(*({**SINE, "MIX DCO2": 127, "DCO2 FTUNE": raw} for raw in fine), seconds=3)
    lines(axes[2], [hear.level(sound) for sound in both], fine, "DCO2 FTUNE")
    named(axes[2], "both DCOs together beat", "time (s)", "level (RMS)")


def dco(axes: Sequence[Axes]) -> None:
    """Dynamics and routing of the pitch's envelope."""
    velocities = np.arange(1, 128, 6)
    base = {**BENT, "ENV1 SUS": 127}
    for position, colour in zip(("off", "1", "2", "3"), shades(4), strict=True):
        sounds = play_at(velocities, {**base, "DCO DYNA": position}, 0.5)
        bend = [np.median(over_note(hear.pitch(sound))[1][-20:]) for sound in sounds]
        axes[0].plot(velocities, bend, color=colour, label=position)
    axes[0].legend(title="DCO DYNA")
    named(axes[0], "bend by a full ENV-1, depth 60", "velocity", "semitones from the note")
    modes = ("ENV-1", "ENV-2", "ENV-2 inverted", "ENV-1 inverted")
    shape: Values = {
        "ENV1 SUS": 0,
        "ENV1 DECY": 60,
        "ENV2 SUS": 60,
        "ENV2 ATT": 70,
        "ENV2 DECY": 75,
        "VCA MODE": "gate",
    }
    sounds = play(*({**BENT, **shape, "DCO MODE": mode} for mode in modes), seconds=1.5)
    lines(axes[1], [over_note(hear.pitch(sound)) for sound in sounds], modes, "DCO MODE")
    named(axes[1], "routing and polarity", "time (s)", "semitones from the note")


def mixer(axes: Sequence[Axes]) -> None:
    """Level of DCO-2 under its envelope, and dynamics."""
    shape: Values = {**SECOND, "ENV1 SUS": 0, "ENV1 DECY": 75}
    depths = (0, 40, 80, 127)
    sounds = play(*({**shape, "MIX ENV": raw} for raw in depths), seconds=1.2)
    lines(axes[0], [hear.level(sound) for sound in sounds], depths, "MIX ENV")
    named(axes[0], "DCO-2 under a decaying ENV-1", "time (s)", "level (RMS)")
    modes = ("ENV-1", "ENV-1 inverted")
    sounds = play(*({**shape, "MIX ENV": 127, "MIX MODE": mode} for mode in modes), seconds=1.2)
    lines(axes[1], [hear.level(sound) for sound in sounds], modes, "MIX MODE")
    named(axes[1], "polarity, depth 127", "time (s)", "level (RMS)")
    velocities = np.arange(1, 128, 6)
    for position, colour in zip(("off", "1", "2", "3"), shades(4), strict=True):
        base: Values = {**SECOND, "MIX ENV": 127, "ENV1 SUS": 0, "ENV1 DECY": 0, "MIX DYNA": position}
        sounds = play_at(velocities, base, 0.4)
        axes[2].plot(
            velocities, [hear.level(s)[1][-10:].mean() for s in sounds], color=colour, label=position
        )
    axes[2].legend(title="MIX DYNA")
    named(axes[2], "what ENV-1 at zero leaves, depth 127", "velocity", "level (RMS)")


def hpf(axes: Sequence[Axes]) -> None:
    """Response of the four positions."""
    sounds = play(*({"HPF FREQ": position} for position in ("0", "1", "2", "3")), note=33, seconds=3)
    hz = HZ_A1
    every = [harmonics(sound, hz) for sound in sounds]
    place = hz * np.arange(1, len(every[0]) + 1)
    lines(axes[0], [(place, db(one / every[0])) for one in every], ("0", "1", "2", "3"), "HPF FREQ")
    axes[0].set(xscale="log", ylim=(-24, 3))
    in_hertz(axes[0].xaxis)
    named(axes[0], "high-pass, from the partials of A1", "frequency (Hz)", "gain (dB)")


def harmonics(sound: np.ndarray, hz: float, highest_hz: float = 12000) -> np.ndarray:
    """Partials of the sound's second second up to 12 kHz."""
    return hear.harmonics(sound[SAMPLE_RATE : 2 * SAMPLE_RATE + 1], hz, int(highest_hz / hz))


def vcf(axes: Sequence[Axes]) -> None:
    """Response over cutoff and resonance, and the envelope in the spectrum."""
    hz = HZ_A1
    series = 0.25 * 2 / (np.pi * np.arange(1, int(12000 / hz) + 1))  # of a sawtooth at the voice's gain
    place = hz * np.arange(1, len(series) + 1)
    cutoffs, resonances = (40, 60, 80, 100, 120), (0, 40, 80, 120)
    sounds = play(*({"VCF FREQ": raw} for raw in cutoffs), note=33, seconds=3)
    lines(axes[0], [(place, db(harmonics(s, hz) / series)) for s in sounds], cutoffs, "VCF FREQ")
    named(axes[0], "low-pass, resonance 0", "frequency (Hz)", "gain (dB)")
    sounds = play(*({"VCF FREQ": 80, "VCF RES": raw} for raw in resonances), note=33, seconds=3)
    lines(axes[1], [(place, db(harmonics(s, hz) / series)) for s in sounds], resonances, "VCF RES")
    named(axes[1], "resonance, cutoff 80", "frequency (Hz)", "gain (dB)")
    for axis in axes[:2]:
        axis.set(xscale="log", ylim=(-60, 25))
        in_hertz(axis.xaxis)
    depths = (0, 20, 40)
    shape: Values = {"DCO1 WF": "noise", "VCF FREQ": 65, "ENV1 SUS": 0, "ENV1 DECY": 80}
    sounds = play(*({**shape, "VCF ENV": raw} for raw in depths), seconds=1.5)
    lines(axes[2], [hear.brightness(s) for s in sounds], depths, "VCF ENV")
    axes[2].set(yscale="log")
    in_hertz(axes[2].yaxis)
    named(axes[2], "noise under a decaying ENV-1", "time (s)", "centre of the spectrum (Hz)")


def vca(axes: Sequence[Axes]) -> None:
    """Level, modes and dynamics."""
    levels = np.arange(0, 128, 6)
    sounds = play(*({"VCA LEVEL": int(raw)} for raw in levels), seconds=0.5)
    axes[0].plot(levels, [hear.level(s)[1][-20:].mean() for s in sounds], color=shades(1)[0])
    named(axes[0], "VCA LEVEL", "raw value", "level (RMS)")
    modes = ("ENV-2", "gate")
    shape: Values = {"ENV2 ATT": 75, "ENV2 DECY": 70, "ENV2 SUS": 70, "ENV2 REL": 75}
    sounds = play(*({**shape, "VCA MODE": mode} for mode in modes), gate_s=1.0, seconds=2)
    lines(axes[1], [hear.level(sound) for sound in sounds], modes, "VCA MODE")
    named(axes[1], "modes; the key goes up at 1 s", "time (s)", "level (RMS)")
    velocities = np.arange(1, 128, 6)
    for position, colour in zip(("off", "1", "2", "3"), shades(4), strict=True):
        sounds = play_at(velocities, {"VCA DYNA": position}, 0.3)
        axes[2].plot(
            velocities, [hear.level(s)[1][-10:].mean() for s in sounds], color=colour, label=position
        )
    axes[2].legend(title="VCA DYNA")
    named(axes[2], "dynamics", "velocity", "level (RMS)")


def chorus(axes: Sequence[Axes]) -> None:
    """The moving comb on noise, left and right."""
    for k, position in enumerate(("1", "2")):
        both = hear.play_stereo({"DCO1 WF": "noise", "CHORUS": position}, 4.0)
        for side, name in enumerate(("left", "right")):
            axis = axes[2 * k + side]
            size = 2048
            frames = np.lib.stride_tricks.sliding_window_view(both[side], size)[::882] * np.hanning(size)
            power = np.abs(np.fft.rfft(frames)[:, :60]) ** 2
            smooth = np.stack([np.convolve(row, np.ones(5) / 5, "same") for row in power.T])
            axis.imshow(
                10 * np.log10(smooth / np.median(smooth) + 1e-6), vmin=-12, vmax=6, interpolation="nearest",
                aspect="auto", origin="lower", extent=(0, 4, 0, 60 * SAMPLE_RATE / size),
            )  # fmt: skip
            axis.grid(visible=False)
            named(axis, f"CHORUS {position}, {name}", "time (s)", "frequency (Hz)" if k + side == 0 else "")
