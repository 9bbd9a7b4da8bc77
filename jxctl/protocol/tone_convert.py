"""What a stock tone and a V4 tone have in common, and what is lost between them.

The stock envelopes become ENV-3 and ENV-4, the stock LFO becomes LFO-1, and a stock VCA gate
becomes ENV-2 as a plain on and off: so are the factory tones in a V4 bank (captured:
`vecoven_v4_bulk_bank.syx`; that the firmware meant them so is inferred). Pulse width $40 is the
width of a tone without PWM (captured in 48 of 50 tones).
"""

from __future__ import annotations

from jxctl.protocol.parameters import parameter
from jxctl.protocol.tone import Tone
from jxctl.protocol.tone_v4 import ToneV4

_SAME = (
    "DCO1 RANGE", "DCO1 WF", "DCO1 TUNE", "DCO1 LFO", "DCO1 ENV",
    "DCO2 RANGE", "DCO2 WF", "DCO XMOD", "DCO2 TUNE", "DCO2 FTUNE", "DCO2 LFO", "DCO2 ENV",
    "MIX DCO1", "MIX DCO2", "MIX ENV", "MIX DYNA", "HPF FREQ",
    "VCF FREQ", "VCF RES", "VCF ENV", "VCF KEY", "VCF DYNA", "VCA LEVEL", "VCA DYNA", "CHORUS",
)  # fmt: skip

# Stock name to V4 name, where the raw values mean the same.
_RENAMED = {
    "VCF LFO": "VCF LFO1",
    "LFO DELAY": "LFO1 DELAY",
    "LFO RATE": "LFO1 RATE",
    **{f"ENV{n} {part}": f"ENV{n + 2} {part}" for n in (1, 2) for part in ("ATT", "DECY", "SUS", "REL")},
}

# V4 source to the stock modes it serves; DCO DYNA and DCO MODE of a stock tone hold for both DCOs.
_MODES = {
    "DCO1 SOURCE": "DCO MODE",
    "DCO2 SOURCE": "DCO MODE",
    "MIX SOURCE": "MIX MODE",
    "VCF SOURCE": "VCF MODE",
}
_STOCK_OF = {
    "ENV-3": "ENV-1",
    "ENV-3 inverted": "ENV-1 inverted",
    "ENV-4": "ENV-2",
    "ENV-4 inverted": "ENV-2 inverted",
}
_V4_OF = {stock: v4 for v4, stock in _STOCK_OF.items()}
_LFO_WAVE = {"random": "random", "square": "square", "triangle": "sine"}

_SWITCH_AND_HOLD: dict[str, int | str] = {
    f"ENV2 {part}": 127 if part[0] == "L" else 0 for part in ("T1", "L1", "T2", "L2", "T3", "L3", "T4")
}
# Written by factory tones where V4 has nothing (jx_hardware.md 2.3, 4.5).
_UNSAID = ("AFTER VIB", "AFTER BRI", "AFTER VOL", "UNKNOWN AE")
_UNSAID_RAW = 127


def from_stock(tone: Tone) -> tuple[ToneV4, list[str]]:
    """A stock tone in V4's terms, and what V4 cannot say, in words.

    Switches are written at the start of their bin, for V4 keeps only their position.
    """
    changes: dict[str, int | str] = {"UNKNOWN 10": tone.byte_10, "PWM1 WIDTH": 64, "PWM2 WIDTH": 64}
    for name in _SAME:
        changes[name] = _bin_start(tone, name)
    for stock, v4 in _RENAMED.items():
        changes[v4] = tone.raw(stock)
    for v4, stock in _MODES.items():
        changes[v4] = _V4_OF[tone.label(stock)]
    for dco in ("DCO1", "DCO2"):
        changes[f"{dco} DYNA"] = _bin_start(tone, "DCO DYNA")
        changes[f"{dco} LFO SOURCE"] = "LFO-1"
    for n in (1, 2):
        changes[f"ENV{n + 2} KEY"] = tone.label(f"ENV{n} KEY")
    changes |= {"LFO1 WF": _LFO_WAVE[tone.label("LFO WF")], "LFO1 SYNC": "on"} | _SWITCH_AND_HOLD
    changes["VCA SOURCE"] = "ENV-2" if tone.label("VCA MODE") == "gate" else "ENV-4"
    blank = ToneV4(tone.name_bytes + bytes(91))
    lost = [f"{name} {tone.raw(name)}" for name in _UNSAID if tone.raw(name) != _UNSAID_RAW]
    return blank.with_values(changes), lost


def to_stock(v4: ToneV4) -> tuple[Tone, list[str]]:
    """A V4 tone as the nearest stock tone, and what of it a stock tone cannot say, in words."""
    lost: list[str] = []
    changes: dict[str, int | str] = {name: v4.raw(name) for name in _SAME}
    changes |= {stock: v4.raw(name) for stock, name in _RENAMED.items()}
    changes |= dict.fromkeys(_UNSAID, _UNSAID_RAW)
    for n in (1, 2):
        changes[f"ENV{n} KEY"] = _or_lost(v4, f"ENV{n + 2} KEY", ("off", "1", "2", "3"), "off", lost)
    wave = {v4_label: stock for stock, v4_label in _LFO_WAVE.items()}
    changes["LFO WF"] = wave.get(v4.label("LFO1 WF"), "triangle")
    if v4.label("LFO1 WF") not in wave and _uses_lfo1(v4):
        lost.append(_said(v4, "LFO1 WF"))
    for source, mode in reversed(_MODES.items()):
        changes[mode] = _STOCK_OF.get(v4.label(source), "ENV-1")
        if v4.label(source) not in _STOCK_OF and v4.raw(_depth(source)):
            lost.append(_said(v4, source))
    changes["DCO DYNA"] = v4.label("DCO1 DYNA")
    lost += _vca(v4, changes) + _two_dcos(v4) + _lfo(v4) + _pwm(v4)
    if v4.raw("LFO1 CROSS") and _uses_lfo1(v4):
        lost.append(_said(v4, "LFO1 CROSS"))
    stock = Tone(bytes(48), v4.name_bytes, v4.raw("UNKNOWN 10"))
    return stock.with_values(changes), lost


def _bin_start(tone: Tone, name: str) -> int:
    # Tune keeps all seven bits in V4; other switches keep the position alone.
    p = parameter(name)
    switch = p.kind == "switch" and not name.endswith("TUNE")
    return p.start(tone.position(name)) if switch else tone.raw(name)


def _said(v4: ToneV4, name: str) -> str:
    return f"{name} {v4.label(name)}"


def _or_lost(v4: ToneV4, name: str, allowed: tuple[str, ...], otherwise: str, lost: list[str]) -> str:
    if v4.label(name) in allowed:
        return v4.label(name)
    lost.append(_said(v4, name))
    return otherwise


def _depth(source: str) -> str:
    return source.replace("SOURCE", "ENV")


def _vca(v4: ToneV4, changes: dict[str, int | str]) -> list[str]:
    source = v4.label("VCA SOURCE")
    on_and_off = all(v4.raw(name) == raw for name, raw in _SWITCH_AND_HOLD.items())
    changes["VCA MODE"] = "gate" if source == "ENV-2" and on_and_off else "ENV-2"
    exact = source == "ENV-4" or changes["VCA MODE"] == "gate"
    return [] if exact else [_said(v4, "VCA SOURCE")]


def _two_dcos(v4: ToneV4) -> list[str]:
    """A stock tone has one dynamics switch and one envelope mode for both DCOs; DCO-1's are taken."""
    lost = []
    for name, first in (("DCO2 DYNA", "DCO1 DYNA"), ("DCO2 SOURCE", "DCO1 SOURCE")):
        if v4.label(name) != v4.label(first) and v4.raw("DCO2 ENV"):
            lost.append(_said(v4, name))
    return lost


def _uses_lfo1(v4: ToneV4) -> bool:
    return any(v4.raw(name) for name in ("DCO1 LFO", "DCO2 LFO", "VCF LFO1"))


def _lfo(v4: ToneV4) -> list[str]:
    lost = [
        _said(v4, f"{dco} LFO SOURCE")
        for dco in ("DCO1", "DCO2")
        if v4.raw(f"{dco} LFO") and v4.label(f"{dco} LFO SOURCE") != "LFO-1"
    ]
    return lost + ([_said(v4, "VCF LFO2")] if v4.raw("VCF LFO2") else [])


def _pwm(v4: ToneV4) -> list[str]:
    """Pulse width is heard only where the waveform is a pulse."""
    neutral = {"WIDTH": 64, "ENV": 0, "LFO": 0}
    return [
        _said(v4, f"PWM{n} {part}")
        for n in (1, 2)
        for part, raw in neutral.items()
        if v4.label(f"DCO{n} WF") == "pulse" and v4.raw(f"PWM{n} {part}") != raw
    ]
