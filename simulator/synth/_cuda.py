"""The same voices on an NVIDIA GPU, through numba-cuda: a warp is a group, a thread a lane.

The functions of a voice are those of `simulator.synth._kernel`, compiled for the other processor; the lane
array lies in shared memory. A GPU may fuse a product and a sum that the CPU rounds one by one, so samples
agree within a tolerance and not to the bit; x-mod, which feeds back, lets differences grow. Without the
chorus and the noise floor.

Needs ``pip install "numba-cuda[cu12]"`` and a GPU. On an H200 it agrees with the CPU (``pytest
tests/simulator/synth/test_cuda.py``: 80 dB under the sound, with x-mod 60 dB over 21 ms); how fast it is
there has not been measured. Elsewhere the tests compile it to PTX where NVIDIA's compiler is installed, and
run its code thread by thread on the CPU.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numba import cuda, float32
from numpy.typing import ArrayLike, NDArray

from jxctl.errors import UsageError
from simulator.synth import _lanes, _oscillators, voices
from simulator.synth._filters import filtered, set_filters
from simulator.synth._kernel import CHUNK, end_tick, load, mixed, set_tick, store
from simulator.synth._lanes import ONE, F, at
from simulator.synth.profile import Profile
from simulator.synth.render import SAMPLE_RATE, Batch

_TILE = _lanes.LANES + 1  # samples a row, so that a column does not meet the same memory bank
_TILES, _LANE_ARRAY = _lanes.LANES * _TILE, _lanes.LANES * _lanes.SLOTS


def missing() -> str | None:
    """Why there is nothing to run on, or None."""
    try:
        return None if cuda.is_available() else "no CUDA driver, or no GPU"
    except Exception as error:  # numba raises what the driver's loader raises
        return str(error)


def voices_on_gpu(
    tones: np.ndarray,
    notes: ArrayLike = 60,
    velocities: ArrayLike = 100,
    gates_s: ArrayLike = 1.0,
    seconds: float = 2.0,
    *,
    profile: str | Path | Profile = "superjx",
    sample_rate: int = SAMPLE_RATE,
    seed: ArrayLike = 0,
) -> Any:
    """`simulator.synth.render` without chorus and noise floor, on the GPU: float32[N, samples] in its memory.

    The result has the CUDA array interface: ``torch.as_tensor`` takes it as it is, ``copy_to_host`` gives
    NumPy. Raises `UsageError` where there is no GPU and as `simulator.synth.render` does.
    """
    reason = missing()
    if reason:
        raise UsageError(f"cannot render on a GPU: {reason}", "use simulator.synth.render, which needs none")
    batch = Batch.of(tones, notes, velocities, gates_s, seconds, profile, sample_rate, seed)
    out = cuda.device_array((len(batch.tones), batch.samples), np.float32)
    if len(batch.tones):
        launch = upload(batch)
        launch(out)
    return out


def upload(batch: Batch) -> Callable[[Any], None]:
    """Control frames and voice constants of a batch, computed here and copied to the GPU's memory.

    Args:
        batch: What to render; at least one tone.

    Returns:
        A function of ``out``, float32[N, samples] in the GPU's memory, that starts the kernel and returns at
        once. It may be called once: the kernel moves the state that was copied.
    """
    ready = batch.prepare()
    members, kinds = _groups(ready.constants)
    inputs = (
        members, kinds, ready.frames.increments, ready.frames.levels, ready.frames.edges, ready.constants,
        ready.noise, ready.state.phases, ready.state.memory,
    )  # fmt: skip
    copied = [cuda.to_device(array) for array in inputs]
    slew = max(batch.profile.constant("cv_slew") * batch.sample_rate, 1.0)

    def launch(out: Any) -> None:
        _run[len(members), _lanes.LANES](*copied, out, F(1.0 / slew), float(batch.sample_rate))

    return launch


def _groups(constants: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Voices of each block, int64[G, LANES], and how their oscillators run, int64[G]."""
    groups = voices.groups(voices.kinds(constants[:, _lanes.SYNC12 : _lanes.FM21 + 1]))
    kinds = [np.full(len(members), kind) for kind, members in groups]
    return np.concatenate([members for _, members in groups]), np.concatenate(kinds)


def run_kernel(
    groups: Any, kinds: Any, increments: Any, levels: Any, edges: Any, constants: Any, seeds: Any,
    phases: Any, state: Any, out: Any, inverse_slew: Any, rate: Any,
) -> None:  # fmt: skip
    """One block, one group: as `simulator.synth._kernel.run`, from the first sample, a row a voice."""
    w = cuda.shared.array(_LANE_ARRAY, float32)
    tile = cuda.shared.array(_TILES, float32)
    k = cuda.threadIdx.x
    group = cuda.blockIdx.x
    kind = kinds[group]
    voice = max(groups[group, k], 0)
    load(w, k, voice, constants, seeds, phases, state, rate)
    total = out.shape[1]
    tick, now = 0, 0
    while now < total:
        set_tick(w, k, voice, increments, levels, tick)
        begin, end = edges[tick], min(edges[tick + 1], total)
        filter_at = F(-1)
        while now < end:
            offset = now - begin
            chunk_way = min(F(offset // CHUNK * CHUNK + CHUNK // 2) * inverse_slew, ONE)
            if chunk_way != filter_at:
                set_filters(w, k, chunk_way)
                filter_at = chunk_way
            way = min(F(offset + 1) * inverse_slew, ONE)
            if kind == _lanes.PLAIN:
                dco1, dco2 = _oscillators.plain(w, k)
            elif kind == _lanes.BENT:
                dco1, dco2 = _oscillators.bent(w, k)
            elif kind == _lanes.SYNCED:
                dco1, dco2 = _oscillators.synced(w, k)
            else:
                dco1, dco2 = _oscillators.mutual(w, k)
            w[at(_lanes.SIGNAL, k)] = mixed(w, k, dco1, dco2, way, now)
            row = now % _lanes.LANES
            tile[row * _TILE + k] = filtered(w, k, way)
            now += 1
            if row == _lanes.LANES - 1 or now == total:
                # Turned, so that neighbouring threads write neighbouring samples.
                cuda.syncthreads()
                for lane in range(_lanes.LANES):
                    target = groups[group, lane]
                    if target >= 0 and k <= row:
                        out[target, now - 1 - row + k] = tile[k * _TILE + lane]
                cuda.syncthreads()
        if now == edges[tick + 1]:
            end_tick(w, k)
            tick += 1
    if groups[group, k] >= 0:
        store(w, k, voice, constants, phases, state)


_run = cuda.jit(run_kernel)
