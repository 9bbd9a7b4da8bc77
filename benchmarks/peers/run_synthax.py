"""SynthAX's default Voice (0.2.2: as torchsynth's, with no filter), and the same through its low-pass.

As its documentation uses it: compiled by ``jax.jit``, parameters by ``init``, on the CPU. Its own timing
loop does not wait for the device; here every render is waited for.
"""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from benchmarks.peers.protocol import Render, serve

VARIANTS = {
    "voice": "its Voice; no filter, no chorus exists",
    "voice + low-pass": "its Voice through its one-pole LPF, the only filter it has",
}
SAMPLE_RATE = 44100


def prepare(variant: str, batch: int, seconds: float) -> Render:
    """A batch of voices with random parameters, compiled."""
    import jax
    import jax.numpy as jnp
    from synthax.config import SynthConfig
    from synthax.modules.filters import LPF
    from synthax.synth import Voice

    config = SynthConfig(batch_size=batch, sample_rate=SAMPLE_RATE, buffer_size_seconds=seconds)
    voice = Voice(config)
    parameters = jax.jit(voice.init)(jax.random.PRNGKey(0))
    low_pass = LPF(config=config)
    # A cutoff that moves: a filter in a synth is never still.
    cutoff = jnp.tile(jnp.geomspace(8000.0, 200.0, round(seconds * SAMPLE_RATE)), (batch, 1))

    def filtered(parameters: Any, cutoff: Any) -> Any:
        return low_pass.apply({}, voice.apply(parameters), cutoff)

    if variant == "voice":
        plain = jax.jit(voice.apply)
        return lambda: jax.block_until_ready(plain(parameters))
    both = jax.jit(filtered)
    return lambda: jax.block_until_ready(both(parameters, cutoff))


if __name__ == "__main__":
    packages = ("synthax", "jax", "jaxlib", "flax", "numpy")
    serve({name: version(name) for name in packages}, VARIANTS, prepare)
