"""The GPU's version of the voices: on a GPU, through NVIDIA's compiler, and thread by thread on the CPU."""

from __future__ import annotations

import threading
from collections import defaultdict
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from measure import db, one

from simulator.synth import _cuda, _lanes, render
from simulator.synth.render import Batch

TONES = np.concatenate(
    [
        one(VCF_RES=100, HPF_FREQ="2"),
        one(DCO1_WF="noise", DCO2_WF="pulse"),
        one(DCO_XMOD="sync 1", DCO2_TUNE="+7"),
        one(DCO_XMOD="x-mod", DCO2_TUNE="+5"),
    ]
)
NOTES = [40, 60, 70, 50]
SHORT: dict[str, Any] = {"gates_s": 0.01, "seconds": 0.0213}


def error_db(audio: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """RMS of the difference under the RMS of what is expected, per sound."""
    difference = np.sqrt(np.mean((audio - expected).astype(np.float64) ** 2, axis=1))
    return np.asarray(db(difference / np.sqrt(np.mean(expected.astype(np.float64) ** 2, axis=1)) + 1e-12))


@pytest.mark.skipif(_cuda.missing() is not None, reason=f"no GPU: {_cuda.missing()}")
def test_a_gpu_agrees_with_the_cpu() -> None:
    long: dict[str, Any] = {"gates_s": 0.5, "seconds": 1.0}
    tones, notes = np.tile(TONES[:3], (20, 1)), np.tile(NOTES[:3], 20)
    heard = _cuda.voices_on_gpu(tones, notes, **long).copy_to_host()
    assert error_db(heard, render(tones, notes, **long)).max() < -80
    bent = _cuda.voices_on_gpu(TONES[3:], NOTES[3:], **SHORT).copy_to_host()
    assert error_db(bent, render(TONES[3:], NOTES[3:], **SHORT)).max() < -60


def test_it_compiles_for_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """To PTX for an H100 or H200, which takes NVIDIA's compiler and no GPU."""
    pytest.importorskip("cuda.bindings", reason='needs pip install "numba-cuda[cu12]"')
    import numba.cuda.dispatcher
    from numba import cuda, types

    device = SimpleNamespace(compute_capability=(9, 0))
    monkeypatch.setattr(numba.cuda.dispatcher, "get_current_device", lambda: device)
    f, i, n = types.float32, types.int32, types.int64
    kinds = [(n, 2), (n, 1), (i, 3), (f, 3), (n, 1), (f, 2), (i, 1), (i, 2), (f, 2), (f, 2)]
    arrays = [types.Array(kind, dimensions, "C") for kind, dimensions in kinds]
    signature = types.void(*arrays, f, types.float64)
    ptx, _ = cuda.compile(_cuda.run_kernel, signature, device=False, cc=(9, 0), output="ptx", abi="numba")
    text = ptx if isinstance(ptx, str) else ptx.decode()
    assert {"ld.shared.f32", "fma.rn.f32"} <= set(text.split())


class Block:
    """What `_cuda` uses of ``numba.cuda``, for one block whose threads are threads of the CPU."""

    def __init__(self, index: int) -> None:
        self.blockIdx = SimpleNamespace(x=index)
        self.shared = SimpleNamespace(array=self._array)
        self._own = threading.local()
        self._barrier = threading.Barrier(_lanes.LANES)
        self._arrays: dict[int, np.ndarray] = defaultdict(lambda: np.zeros(0, np.float32))
        self._lock = threading.Lock()

    @property
    def threadIdx(self) -> Any:  # noqa: N802  # CUDA's name
        return SimpleNamespace(x=self._own.index)

    def syncthreads(self) -> None:
        self._barrier.wait()

    def _array(self, size: int, _type: Any) -> np.ndarray:
        """The same memory for each thread's n-th request."""
        self._own.requests = getattr(self._own, "requests", 0) + 1
        with self._lock:
            if not self._arrays[self._own.requests].size:
                self._arrays[self._own.requests] = np.zeros(size, np.float32)
            return self._arrays[self._own.requests]

    def run(self, arguments: tuple[Any, ...]) -> None:
        failed: list[BaseException] = []

        def thread(index: int) -> None:
            self._own.index = index
            try:
                _cuda.run_kernel(*arguments)
            except BaseException as error:
                failed.append(error)
                self._barrier.abort()

        threads = [threading.Thread(target=thread, args=(index,)) for index in range(_lanes.LANES)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        if failed:
            raise failed[0]


def test_its_threads_do_what_the_cpu_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """The launch, the ticks and the writing, run as Python: here the voice is the CPU's, so to the bit."""
    batch = Batch.of(TONES, NOTES, 100, SHORT["gates_s"], SHORT["seconds"], "superjx", 44100, 0)
    ready = batch.prepare()
    members, kinds = _cuda._groups(ready.constants)
    out = np.full((len(TONES), batch.samples), np.nan, np.float32)
    arguments = (
        members, kinds, ready.frames.increments, ready.frames.levels, ready.frames.edges, ready.constants,
        ready.noise, ready.state.phases, ready.state.memory, out, np.float32(1 / 88.2), 44100.0,
    )  # fmt: skip
    for group in range(len(members)):
        block = Block(group)
        monkeypatch.setattr(_cuda, "cuda", block)
        block.run(arguments)
    assert np.array_equal(out, render(TONES, NOTES, **SHORT))
