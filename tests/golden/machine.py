"""What decides, beside the code, which bits come out: the processor as libraries see it, and versions."""

from __future__ import annotations

import platform
from importlib import metadata
from pathlib import Path
from typing import Any

LIBRARIES = (
    "numpy", "scipy", "numba", "llvmlite", "torch", "soxr", "soundfile", "mido", "safetensors",
)  # fmt: skip
VECTORS = (
    "sse4_2", "avx", "avx2", "fma", "avx512f", "avx512dq", "avx512bw", "avx512vl", "avx512_fp16", "amx_tile",
)  # fmt: skip


def machine() -> dict[str, Any]:
    """The key: where two are equal, results must be equal to the byte."""
    import llvmlite.binding
    import numba
    import scipy.linalg  # brings a linear algebra of its own
    import threadpoolctl
    import torch
    from numpy._core._multiarray_umath import __cpu_features__

    del scipy
    model, flags = _processor()
    pools = {(pool["internal_api"], pool.get("architecture", "")) for pool in threadpoolctl.threadpool_info()}
    return {
        "cpu": model,
        "vectors": [name for name in VECTORS if name in flags],
        "compiled for": numba.config.CPU_NAME or llvmlite.binding.get_host_cpu_name(),
        "compiled with": numba.config.CPU_FEATURES or "all",
        "numpy vectors": sorted(name for name, there in __cpu_features__.items() if there),
        "linear algebra": sorted(f"{api} {name}".strip() for api, name in pools if api != "openmp"),
        "torch vectors": torch.backends.cpu.get_cpu_capability(),
        "python": ".".join(platform.python_version_tuple()[:2]),
        "libraries": {name: metadata.version(name) for name in LIBRARIES},
    }


def _processor() -> tuple[str, set[str]]:
    """Model with family and stepping, and its flags."""
    known: dict[str, str] = {}
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().split("\n\n")[0].splitlines():
            name, _, value = line.partition(":")
            known[name.strip()] = value.strip()
    numbers = "/".join(known.get(name, "?") for name in ("cpu family", "model", "stepping"))
    return f"{known.get('model name', platform.processor())} ({numbers})", set(known.get("flags", "").split())


def differing(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    """In which points two machines differ, in words."""
    said = []
    for name in sorted({*one, *other}):
        before, now = one.get(name), other.get(name)
        if isinstance(before, dict) and isinstance(now, dict):
            said += differing(before, now)
        elif before != now:
            said.append(f"{name}: {before} -> {now}")
    return said
