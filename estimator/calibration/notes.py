"""The notes of each experiment: plain tones that differ in one parameter, on keys that the instrument has."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from jxctl.protocol.bus import VOICES
from jxctl.protocol.tone import INIT_TONE, Tone

Changes = dict[str, int | str]
TAIL_S = 0.3


@dataclass(frozen=True)
class Note:
    """A take to be played: a tone, a key, and ``tail_s`` of recording after the key goes up."""

    tone: Tone
    note: int = 60
    velocity: int = 100
    gate_s: float = 0.8
    tail_s: float = TAIL_S


GATED: Changes = {"VCA MODE": "gate"}
SQUARE: Changes = {"DCO1 WF": "square", **GATED}
LOW: Changes = {"DCO1 RANGE": "16'", **GATED}
HELD: Changes = {"ENV1 ATT": 0, "ENV1 DECY": 127, "ENV1 SUS": 127}
CARRIER: Changes = {"DCO1 WF": "square", "VCA MODE": "ENV-2", "ENV2 ATT": 0, "ENV2 SUS": 127, "ENV2 REL": 0}
PITCH_LFO: Changes = {**SQUARE, "LFO WF": "square", "DCO1 LFO": 72, "LFO RATE": 80}
LONGEST_S = 6.5


def plain(name: str, *changes: Changes) -> Tone:
    """The init tone with ``changes``, one after the other, under a name."""
    tone = INIT_TONE
    for each in changes:
        tone = tone.with_values(each)
    return tone.named(name)


def swept(
    name: str, base: Changes, parameter: str, raws: tuple[int, ...], note: int = 60, gate_s: float = 0.8
) -> tuple[Note, ...]:
    """One parameter at several values on one tone."""
    return tuple(Note(plain(f"{name} {raw}", base, {parameter: raw}), note, gate_s=gate_s) for raw in raws)


def tick() -> Iterator[Note]:
    """Falling pitches, whose steps show how long the control loop takes."""
    base = {**SQUARE, "DCO1 ENV": 88, "ENV1 DECY": 92, "ENV1 SUS": 0}
    yield Note(plain("TICK A", base), 84, gate_s=1.5)
    yield Note(plain("TICK B", base, {"DCO1 ENV": 108, "ENV1 DECY": 100}), 79, gate_s=1.5)


def slew() -> Iterator[Note]:
    """High notes that begin at once: how fast a control voltage arrives."""
    for note in (84, 86, 89):
        yield Note(plain(f"SLEW {note}", SQUARE, {"DCO1 RANGE": "2'"}), note, gate_s=0.4)


def ranges() -> Iterator[Note]:
    """Each RANGE on three keys. Counters divide by whole numbers, so that each key is off by itself."""
    for position, notes in (
        ("16'", (72, 67, 77)),
        ("8'", (60, 55, 65)),
        ("4'", (60, 53, 64)),
        ("2'", (48, 43, 52)),
    ):
        for note in notes:
            yield Note(plain(f"RANGE {position[:2]}", SQUARE, {"DCO1 RANGE": position}), note, gate_s=0.4)


def tunes() -> Iterator[Note]:
    """All 25 positions of TUNE on one key, which no range is played on."""
    for position in range(25):
        label = f"{position - 12:+d}" if position != 12 else "0"
        yield Note(plain(f"TUNE {label}", SQUARE, {"DCO1 TUNE": label}), 62, gate_s=0.35)


def fine() -> Iterator[Note]:
    """DCO-2 alone, at nine values of FTUNE, each on another key."""
    base: Changes = {**GATED, "DCO2 WF": "square", "MIX DCO1": 0, "MIX DCO2": 127}
    keys = (54, 56, 57, 58, 59, 61, 63, 64, 66)
    for raw, note in zip((0, 16, 32, 48, 64, 80, 96, 112, 127), keys, strict=True):
        yield Note(plain(f"FINE {raw}", base, {"DCO2 FTUNE": raw}), note, gate_s=0.4)


def dynamics() -> Iterator[Note]:
    """Velocities through each DYNA curve of the VCA, and past it."""
    for velocity in (1, 64, 127):
        yield Note(plain("DYNA OFF", SQUARE), 60, velocity, 0.4)
    for position in ("1", "2", "3"):
        for velocity in (1, 16, 32, 48, 64, 80, 95, 111, 127):
            tone = plain(f"DYNA {position}", SQUARE, {"VCA DYNA": position})
            yield Note(tone, 60, velocity, 0.4)


def pulses() -> Iterator[Note]:
    """A pulse through an open filter, as often as a board has voices: each has a width of its own."""
    for _ in range(VOICES):
        yield Note(plain("PULSE", LOW, {"DCO1 WF": "pulse"}), 36)


def filter() -> Iterator[Note]:
    """A low square wave through the VCF at many cutoffs and resonances."""
    yield from swept(
        "CUT", LOW, "VCF FREQ", (0, 8, 16, 24, 32, 40, 48, 56, 64, 72, 80, 88, 96, 104, 112, 120, 127), 36
    )
    yield from swept("RES", {**LOW, "VCF FREQ": 72}, "VCF RES", (16, 32, 48, 64, 80, 96, 112, 127), 36)
    yield from swept("RESLOW", {**LOW, "VCF FREQ": 48}, "VCF RES", (48, 96), 36)


def corners() -> Iterator[Note]:
    """Each position of the HPF, on a dark and a bright tone."""
    for position in ("0", "1", "2", "3"):
        yield Note(plain(f"HPF {position}", LOW, {"HPF FREQ": position}), 36)
        yield Note(plain(f"HPF {position}", LOW, {"HPF FREQ": position, "VCF FREQ": 100}), 48)


def limits() -> Iterator[Note]:
    """The filter driven below its lowest and above its highest cutoff."""
    low = {**LOW, **HELD, "VCF FREQ": 0, "VCF ENV": 100, "VCF MODE": "ENV-1 inverted"}
    high = {**LOW, **HELD, "VCF FREQ": 127, "VCF ENV": 127}
    yield Note(plain("LOWEST", low), 36)
    yield Note(plain("LOWEST", low), 40)
    yield Note(plain("HIGHEST", high), 36)
    yield Note(plain("HIGHEST", high), 43)


def envelope_depth() -> Iterator[Note]:
    """Cutoff moved by a held envelope, up and inverted."""
    base = {**LOW, **HELD, "VCF FREQ": 24, "VCF MODE": "ENV-1"}
    yield from swept("VCFENV", base, "VCF ENV", (12, 24, 36, 48, 60, 72, 84), 36, 0.7)
    yield from swept(
        "VCFINV", {**base, "VCF FREQ": 88, "VCF MODE": "ENV-1 inverted"}, "VCF ENV", (24, 48), 36, 0.7
    )


def keys() -> Iterator[Note]:
    """VCF KEY at four values, at both ends of the keyboard."""
    for raw in (0, 53, 106, 127):
        for note in (36, 84):
            yield Note(plain(f"KEY {raw}", LOW, {"VCF FREQ": 64, "VCF KEY": raw}), note)


def filter_swing() -> Iterator[Note]:
    """Cutoff moved by a square LFO, at seven depths."""
    base = {**LOW, "VCF FREQ": 60, "LFO WF": "square", "LFO RATE": 62}
    yield from swept("VCFLFO", base, "VCF LFO", (16, 32, 48, 64, 80, 104, 127), 36, 2.0)


def rates() -> Iterator[Note]:
    """Pitch moved by a square LFO, long enough to count its periods."""
    for raw, gate_s in (
        (0, 16.0),
        (20, 10.0),
        (40, 6.0),
        (60, 4.0),
        (80, 3.0),
        (100, 2.5),
        (114, 2.0),
        (127, 2.0),
    ):
        yield Note(plain(f"RATE {raw}", PITCH_LFO, {"LFO RATE": raw}), 72, gate_s=gate_s)


def delays() -> Iterator[Note]:
    """A fast LFO behind five delays, held until it has faded in."""
    for raw, gate_s in ((24, 0.8), (48, 1.8), (72, 3.5), (96, 6.0), (127, 9.5)):
        yield Note(plain(f"DELAY {raw}", PITCH_LFO, {"LFO RATE": 112, "LFO DELAY": raw}), 84, gate_s=gate_s)


def attacks() -> Iterator[Note]:
    """ENV-2 rising on the VCA, short keys for short attacks."""
    for raw, gate_s in (
        (24, 0.3),
        (40, 0.3),
        (56, 0.4),
        (72, 0.7),
        (88, 1.6),
        (104, 4.0),
        (116, LONGEST_S),
        (127, LONGEST_S),
    ):
        yield Note(plain(f"ATT {raw}", CARRIER, {"ENV2 ATT": raw}), 84, gate_s=gate_s)


FALLS = (
    (16, 0.3),
    (32, 0.3),
    (48, 0.4),
    (64, 0.8),
    (80, 2.0),
    (96, 5.0),
    (112, LONGEST_S),
    (127, LONGEST_S),
)


def decays() -> Iterator[Note]:
    """ENV-2 falling to nothing while the key is held."""
    for raw, gate_s in FALLS:
        yield Note(plain(f"DECY {raw}", CARRIER, {"ENV2 DECY": raw, "ENV2 SUS": 0}), 84, gate_s=gate_s)


def releases() -> Iterator[Note]:
    """ENV-2 falling after the key went up."""
    for raw, tail_s in FALLS:
        yield Note(
            plain(f"REL {raw}", CARRIER, {"ENV2 REL": raw, "ENV2 DECY": 0}), 84, gate_s=0.3, tail_s=tail_s
        )


def env_keys() -> Iterator[Note]:
    """Each ENV KEY on a low, a middle and a high key."""
    for position in ("1", "2", "3"):
        for note in (36, 60, 96):
            tone = plain(f"ENVKEY {position}", CARRIER, {
                "ENV2 DECY": 80, "ENV2 SUS": 0, "ENV2 KEY": position, "DCO1 RANGE": "4'",
            })  # fmt: skip
            yield Note(tone, note, gate_s=1.6)


def mixer() -> Iterator[Note]:
    """One oscillator at nine levels of the mixer."""
    for raw in (8, 16, 32, 48, 64, 80, 96, 112, 127):
        yield Note(plain(f"MIX {raw}", SQUARE, {"MIX DCO1": raw}), 60, gate_s=0.4)


def mixer_envelope() -> Iterator[Note]:
    """DCO-2 under an envelope that is at rest: what MIX ENV takes away."""
    base: Changes = {
        **GATED, "DCO2 WF": "square", "MIX DCO1": 0, "MIX DCO2": 127, "MIX MODE": "ENV-1",
        "ENV1 DECY": 0, "ENV1 SUS": 0,
    }  # fmt: skip
    yield from swept("MIXENV", base, "MIX ENV", (0, 16, 32, 48, 64, 80, 96, 112), gate_s=0.5)
    yield from swept(
        "MIXENV1",
        {**base, "MIX DCO1": 127, "MIX DCO2": 0, "DCO1 WF": "square"},
        "MIX ENV",
        (0, 80),
        gate_s=0.5,
    )


def couplings() -> Iterator[Note]:
    """Sync and x-mod at four intervals, each oscillator heard alone."""
    base: Changes = {**GATED, "DCO1 WF": "sawtooth", "DCO2 WF": "sawtooth"}
    intervals: tuple[Changes, ...] = ({}, {"DCO2 RANGE": "4'"}, {"DCO2 TUNE": "+7"}, {"DCO2 TUNE": "-5"})
    for position in ("sync 1", "sync 2", "x-mod"):
        for number, interval in enumerate(intervals):
            for heard, other in (("DCO1", "DCO2"), ("DCO2", "DCO1")):
                mix: Changes = {f"MIX {heard}": 127, f"MIX {other}": 0}
                if position == "sync 1" and number in (0, 3):
                    continue
                tone = plain(
                    f"{position[:5]}{number}{heard[-1]}", base, interval, mix, {"DCO XMOD": position}
                )
                yield Note(tone, 60, gate_s=0.8)


def chorus() -> Iterator[Note]:
    """Steady notes through both choruses, longer than a period of their modulation."""
    for position in ("1", "2"):
        for note, gate_s in ((48, 9.0), (42, 7.0)):
            yield Note(plain(f"CHORUS {position}", GATED, {"CHORUS": position}), note, gate_s=gate_s)
