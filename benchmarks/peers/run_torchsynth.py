"""torchsynth's default Voice (1.0.2: two oscillators, noise, two LFOs, six envelopes; it has no filter).

As its documentation uses it on a CPU: gradients off, all of torch's threads. Parameters are drawn
before the clock starts. ``reproducible`` is off, since on it takes only batches that are multiples of 32.
"""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from benchmarks.peers.protocol import Render, serve

VARIANTS = {"voice": "its Voice; no filter exists, no chorus exists"}


def prepare(variant: str, batch: int, seconds: float) -> Render:
    """A batch of voices with random parameters."""
    import torch
    from torchsynth.config import SynthConfig
    from torchsynth.synth import Voice

    torch.manual_seed(0)
    voice = Voice(SynthConfig(batch_size=batch, buffer_size_seconds=seconds, reproducible=False))
    voice.randomize()

    def render() -> Any:
        return voice()[0]

    return render


if __name__ == "__main__":
    packages = ("torchsynth", "torch", "pytorch-lightning", "numpy")
    serve({name: version(name) for name in packages}, VARIANTS, prepare)
