"""jx itself, by the same protocol as its peers.

Tones are drawn from the prior of real tones, so that sync, x-mod, noise, LFO, both envelopes and all
filter poles occur as often as in real tones; notes are random. The VCF and the HPF cannot be left out.
"""

from __future__ import annotations

from importlib.metadata import version

import numpy as np

from benchmarks.peers.protocol import Render, serve
from jxctl.protocol.parameters import parameter
from simulator.prior import Prior
from simulator.synth import SAMPLE_RATE, render

VARIANTS = {
    "full voice": "two DCOs, noise, sync, x-mod, mixer, VCF, HPF, VCA; chorus off",
    "full voice + chorus": "the same, chorus 1 on every tone",
    "uncoupled": "no tone has sync or x-mod, as the peers have none; chorus off",
    "all sync and x-mod": "every tone has both, the dearest case; chorus off",
    "new memory": "the full voice, its output in fresh memory each time, as the peers give theirs",
}
_CHORUS, _XMOD = parameter("CHORUS"), parameter("DCO XMOD")
_outputs: dict[tuple[int, int], np.ndarray] = {}


def tones_of(variant: str, batch: int) -> tuple[np.ndarray, np.ndarray]:
    """Tones, uint8[batch, 48], and notes, int[batch]; a larger batch begins with the smaller."""
    rng = np.random.default_rng(0)
    tones = Prior.load().sample(max(batch, 1024), rng)[:batch]
    notes = np.random.default_rng(1).integers(36, 85, batch)
    tones[:, _CHORUS.column] = _CHORUS.start(1 if variant.endswith("chorus") else 0)
    if variant == "uncoupled":
        tones[:, _XMOD.column] = _XMOD.start(0)
    elif variant == "all sync and x-mod":
        tones[:, _XMOD.column] = _XMOD.start(2)
    return tones, notes


def prepare(variant: str, batch: int, seconds: float) -> Render:
    """A batch of notes, two seconds held (or half of the length). All but one variant share the output."""
    tones, notes = tones_of(variant, batch)
    gate = min(2.0, seconds / 2)
    shape = (batch, round(seconds * SAMPLE_RATE))
    if shape not in _outputs:
        _outputs.clear()
        _outputs[shape] = np.empty(shape, np.float32)
    out = None if variant == "new memory" else _outputs[shape]
    return lambda: render(tones, notes, 100, gate, seconds, out=out)


if __name__ == "__main__":
    packages = ("numpy", "numba", "llvmlite", "scipy")
    serve({name: version(name) for name in packages}, VARIANTS, prepare)
