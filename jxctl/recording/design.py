"""Tones that cover every parameter, where tones drawn from a prior leave its corners empty.

A design has two parts, one after the other:

1. *Sweeps*, one parameter at a time, the rest held: every position of a switch, and levels from 0 to
   127 in steps of 16 or less. Each on a base tone in which it is heard (an LFO's rate needs a depth).
   The difference between two such takes has one cause, which is what fits a law of a profile.
2. *Latin hypercube* (McKay, Beckman and Conover 1979): in every 128 tones each level takes each of its
   128 raw values once, and each switch each of its positions equally often, in an order of its own. So
   single values are covered evenly, and what parameters do together is not left out.
"""

from __future__ import annotations

import hashlib

from jxctl.protocol.parameters import TONE_PARAMETERS, TONE_SIZE, Parameter
from jxctl.protocol.tone import INIT_TONE, Tone
from jxctl.recording.plan import DrawnTones

CUBE = 128
"""Tones of one Latin hypercube."""
_STEPS = (0, 16, 32, 48, 64, 80, 96, 112, 127)

_Changes = dict[str, int | str]
_BOTH: _Changes = {"DCO2 WF": "pulse", "MIX DCO1": 100, "MIX DCO2": 100}
_LFO: _Changes = {"VCF FREQ": 64, "VCF LFO": 64, "LFO RATE": 64}
_ENV1_TIMES: _Changes = {"ENV1 ATT": 32, "ENV1 DECY": 64, "ENV1 SUS": 32, "ENV1 REL": 64}
_ENV1: _Changes = {"VCF FREQ": 32, "VCF ENV": 100, **_ENV1_TIMES}
_ENV2: _Changes = {"ENV2 ATT": 32, "ENV2 DECY": 64, "ENV2 SUS": 64, "ENV2 REL": 64}
# What is set besides, so that a parameter is heard. By its group, or by its own name.
_HEARD: dict[str, _Changes] = {
    "DCO-1": {},
    "DCO1 LFO": {"LFO RATE": 64},
    "DCO1 ENV": {"ENV1 DECY": 64, "ENV1 SUS": 32},
    "DCO-2": _BOTH,
    "DCO2 LFO": {**_BOTH, "LFO RATE": 64},
    "DCO2 ENV": {**_BOTH, "ENV1 DECY": 64, "ENV1 SUS": 32},
    "DCO XMOD": {**_BOTH, "DCO2 TUNE": "+7"},
    "DCO": {"DCO1 ENV": 64, "ENV1 DECY": 64, "ENV1 SUS": 32, "ENV2 DECY": 96},
    "MIXER": {**_BOTH, "MIX ENV": 64, "ENV1 DECY": 64, "ENV1 SUS": 32, "ENV2 DECY": 96},
    "HPF": {},
    "VCF": {"VCF FREQ": 48, "VCF RES": 48},
    "VCF LFO": {**_LFO, "VCF LFO": 0},
    "VCF ENV": _ENV1,
    "VCF DYNA": _ENV1,
    "VCF MODE": {**_ENV1, **_ENV2},
    "VCA": _ENV2,
    "CHORUS": {},
    "LFO": _LFO,
    "ENV-1": _ENV1,
    "ENV1 REL": {**_ENV1, "ENV1 SUS": 64, "ENV2 REL": 80},
    "ENV-2": _ENV2,
    "AFTERTOUCH": {},
    "UNKNOWN": {},
}


def design(count: int, seed: int = 0) -> DrawnTones:
    """The first ``count`` tones of the design; more tones begin with the same ones."""
    swept = sweeps()

    def draw(block: int) -> list[Tone]:
        if block * CUBE >= len(swept):
            return _cube(block, seed)
        tones = swept[block * CUBE : (block + 1) * CUBE]
        # The last block of the sweeps is filled up with the first tones of a hypercube.
        return tones + _cube(block, seed)[: CUBE - len(tones)]

    return DrawnTones(count, draw, CUBE)


def sweeps() -> list[Tone]:
    """The tones of the first part: each parameter in turn, in the order of the table.

    Their names say what is swept: "97=64" is parameter $97 (VCF FREQ) at raw 64.
    """
    return [
        base_tone(p).with_values({p.name: raw}).named(f"{p.id:02X}={raw}")
        for p in TONE_PARAMETERS
        for raw in (p.starts if p.kind == "switch" else _STEPS)
    ]


def base_tone(parameter: Parameter) -> Tone:
    """The tone on which a parameter is swept: plain, with what makes the parameter heard."""
    changes = _HEARD.get(parameter.name, _HEARD[parameter.group])
    return INIT_TONE.with_values(changes)


def _cube(block: int, seed: int) -> list[Tone]:
    columns = [_column(p, block, seed) for p in TONE_PARAMETERS]
    return [
        Tone(bytes(columns[k][row] for k in range(TONE_SIZE))).named(f"LHS {block * CUBE + row}")
        for row in range(CUBE)
    ]


def _column(p: Parameter, block: int, seed: int) -> list[int]:
    """Raw values of one parameter for each tone of a cube, shuffled by hashes: the same for ever."""
    spread = [p.starts[row % p.positions] if p.kind == "switch" else row for row in range(CUBE)]
    lots = [hashlib.sha256(f"{seed} {block} {p.id} {row}".encode()).digest() for row in range(CUBE)]
    return [spread[row] for row in sorted(range(CUBE), key=lots.__getitem__)]
