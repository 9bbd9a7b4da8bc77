"""Figures of what moves the sound: LFO, envelopes, pressure and the other registers of a performance."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from jxctl.protocol import bus
from tools.docs.figures import listening as hear
from tools.docs.figures.drawing import A3, apart, in_hertz, lines, named, over_note
from tools.docs.figures.listening import SINE, Values, perform, play, register

PRESSED = [register(f"AFTER {name} SW", "on") for name in ("VIB", "BRI", "VOL")]
STRIKE = bus.VoiceOn(0, A3, 100)


def lfo(axes: Sequence[Axes]) -> None:
    """Waves, rates and delay, as vibrato."""
    base: Values = {**SINE, "DCO1 LFO": 40}

    def tracks(*changes: Values) -> list[tuple[np.ndarray, np.ndarray]]:
        return [
            over_note(hear.pitch(sound)) for sound in play(*({**base, **c} for c in changes), seconds=2.5)
        ]

    waves, rates, delays = ("triangle", "square", "random"), (50, 75, 100), (0, 40, 70)
    shapes: list[Values] = [{"LFO RATE": 65, "LFO WF": wave} for wave in waves]
    apart(axes[0], tracks(*shapes), waves)
    named(axes[0], "LFO WF, as vibrato of 119 cents", "time (s)", "300 cents apart")
    apart(axes[1], tracks(*({"LFO RATE": raw} for raw in rates)), rates)
    named(axes[1], "LFO RATE", "time (s)", "raw value (300 cents apart)")
    apart(axes[2], tracks(*({"LFO RATE": 100, "LFO DELAY": raw} for raw in delays)), delays)
    named(axes[2], "LFO DELAY, rate 100", "time (s)", "raw value (300 cents apart)")


def env_1(axes: Sequence[Axes]) -> None:
    """ENV-1 as it bends the pitch by eight semitones."""
    base: Values = {**SINE, "DCO1 ENV": 60, "ENV2 REL": 127}

    def tracks(*changes: Values, gate_s: float = 60.0) -> list[tuple[np.ndarray, np.ndarray]]:
        sounds = play(*({**base, **c} for c in changes), gate_s=gate_s, seconds=2)
        return [over_note(hear.pitch(sound)) for sound in sounds]

    attacks, decays, releases = (50, 70, 80, 90), (50, 70, 80, 90), (40, 60, 75, 90)
    lines(axes[0], tracks(*({"ENV1 ATT": raw} for raw in attacks)), attacks, "ENV1 ATT")
    lines(axes[1], tracks(*({"ENV1 DECY": raw, "ENV1 SUS": 40} for raw in decays)), decays, "ENV1 DECY")
    lines(axes[2], tracks(*({"ENV1 REL": raw} for raw in releases), gate_s=0.5), releases, "ENV1 REL")
    for axis, title in zip(axes, ("attack", "decay to sustain 40", "release, key up at 0.5 s"), strict=True):
        named(axis, title, "time (s)", "pitch (semitones from the note)" if axis is axes[0] else "")
        axis.set_ylim(bottom=0)


def env_2(axes: Sequence[Axes]) -> None:
    """ENV-2 as it opens the VCA, and its key follow."""

    def tracks(*changes: Values, gate_s: float = 60.0, note: int = A3) -> list[tuple[np.ndarray, np.ndarray]]:
        return [hear.level(sound) for sound in play(*changes, gate_s=gate_s, seconds=2, note=note)]

    attacks, decays, releases, keys = (
        (50, 70, 80, 90),
        (50, 70, 80, 90),
        (40, 60, 75, 90),
        ("off", "1", "2", "3"),
    )
    lines(axes[0], tracks(*({"ENV2 ATT": raw} for raw in attacks)), attacks, "ENV2 ATT")
    lines(axes[1], tracks(*({"ENV2 DECY": raw, "ENV2 SUS": 40} for raw in decays)), decays, "ENV2 DECY")
    lines(axes[2], tracks(*({"ENV2 REL": raw} for raw in releases), gate_s=0.5), releases, "ENV2 REL")
    followed: list[Values] = [{"ENV2 ATT": 90, "ENV2 KEY": key} for key in keys]
    lines(axes[3], tracks(*followed, note=84), keys, "ENV2 KEY")
    titles = ("attack", "decay to sustain 40", "release, key up at 0.5 s", "attack 90, three octaves up")
    for axis, title in zip(axes, titles, strict=True):
        named(axis, title, "time (s)", "level (RMS)" if axis is axes[0] else "")
        axis.set_ylim(bottom=0)


def aftertouch(axes: Sequence[Axes]) -> None:
    """What growing pressure does through the three depths of a tone."""
    steps = np.arange(0, 128, 4)
    pressing = [(2.0 * k / len(steps), register("AFTERTOUCH", int(raw))) for k, raw in enumerate(steps)]
    depths = (0, 64, 127)

    def pressed(name: str, **tone: int | str) -> list[np.ndarray]:
        base = {key.replace("_", " "): value for key, value in tone.items()}
        events = [(0.0, message) for message in (*PRESSED, STRIKE)]
        return [perform({**base, name: raw}, [*events, *pressing], 2.0) for raw in depths]

    sounds = pressed("AFTER VIB", VCF_FREQ=50, VCF_KEY=106, LFO_RATE=90)
    apart(axes[0], [over_note(hear.pitch(sound)) for sound in sounds], depths)
    named(
        axes[0],
        "AFTER VIB: vibrato, rate 90",
        "time (s), pressure rising to 127",
        "raw value (300 cents apart)",
    )
    sounds = pressed("AFTER BRI", DCO1_WF="noise", VCF_FREQ=60)
    lines(axes[1], [hear.brightness(sound) for sound in sounds], depths, "AFTER BRI")
    axes[1].set(yscale="log")
    in_hertz(axes[1].yaxis)
    named(axes[1], "brightness of noise", "time (s), pressure rising to 127", "centre of the spectrum (Hz)")
    lines(axes[2], [hear.level(sound) for sound in pressed("AFTER VOL")], depths, "AFTER VOL")
    named(axes[2], "volume", "time (s), pressure rising to 127", "level (RMS)")


def performance(axes: Sequence[Axes]) -> None:
    """Bender, portamento and modulation on a running board."""
    ranges = ("2", "3", "4", "7")
    there_and_back = [*range(0, 128, 4), *range(124, -1, -4)]
    bending = [(0.2 + 0.02 * k, register("BENDER", raw)) for k, raw in enumerate(there_and_back)]
    bent = [
        perform(SINE, [(0.0, register("BEND RANGE", label)), (0.0, register("BENDER POLARITY", "up")),
                       (0.0, STRIKE), *bending], 1.7)
        for label in ranges
    ]  # fmt: skip
    lines(axes[0], [over_note(hear.pitch(sound)) for sound in bent], ranges, "BEND RANGE")
    named(axes[0], "bender up and back", "time (s)", "semitones from the note")
    glides = (0, 40, 70, 90)
    keys = [(0.0, STRIKE), (0.3, bus.VoiceOn(0, A3 + 12, 100)), (1.6, bus.VoiceOn(0, A3 + 5, 100))]
    slid = [
        perform(SINE, [(0.0, register("PORTA SW", "on")), (0.0, register("PORTA TIME", raw)), *keys], 2.6)
        for raw in glides
    ]
    lines(axes[1], [over_note(hear.pitch(sound)) for sound in slid], glides, "PORTA TIME")
    named(axes[1], "portamento", "time (s)", "semitones from A3")
    wheels = (0, 64, 127)
    waved = [
        perform({**SINE, "LFO RATE": 80}, [(0.0, STRIKE), (0.5, register("MODULATION", raw))], 2.0)
        for raw in wheels
    ]
    apart(axes[2], [over_note(hear.pitch(sound)) for sound in waved], wheels)
    named(axes[2], "MODULATION, from 0.5 s", "time (s)", "raw value (300 cents apart)")
