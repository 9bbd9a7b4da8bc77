"""Results as hashes and a few samples, on disk, and compared with what was recorded.

``golden.json`` has for each result the SHA-256 over its little-endian bytes, its type and its shape.
``samples.npz`` has of each array some values at places that follow from its name, as float32, the results of
a group one after the other.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

HASHES = Path(__file__).with_name("golden.json")
SAMPLES = Path(__file__).with_name("samples.npz")
AUDIO_TOLERANCE = 1e-6
"""Of full scale: what another processor may round differently."""
STRAYS, STRAYING = 0.05, 100
"""Such a share of a group may be off by more than its tolerance, at most so many times, on another processor:
a tone at the edge of ringing, or one that modulates itself, makes more of a rounding."""
_SHOWN = 8


@dataclass(frozen=True)
class Item:
    """A result. ``samples``: how many of its values are kept. ``scale``: its full scale. ``tolerance``: how
    far, in shares of full scale, a value may be off on another processor; 0: equal to the byte there too;
    None: not compared there, because ``reason``."""

    name: str
    value: np.ndarray | bytes
    samples: int = 64
    scale: float = 1.0
    tolerance: float | None = AUDIO_TOLERANCE
    reason: str = ""


@dataclass
class Golden:
    """What was recorded: ``about`` (commit, machine), hashes by group and name, samples by group."""

    about: dict[str, Any] = field(default_factory=dict)
    hashes: dict[str, dict[str, str]] = field(default_factory=dict)
    samples: dict[str, np.ndarray] = field(default_factory=dict)

    @classmethod
    def load(cls) -> Golden:
        """What lies beside this module; nothing where nothing does."""
        if not HASHES.exists():
            return cls()
        content = json.loads(HASHES.read_text("utf-8"))
        with np.load(SAMPLES) as kept:
            return cls(content["about"], content["hashes"], {name: kept[name] for name in kept.files})

    def save(self) -> None:
        """Write both files."""
        content = {"about": self.about, "hashes": self.hashes}
        HASHES.write_text(json.dumps(content, indent=1) + "\n", "utf-8")
        np.savez_compressed(SAMPLES, **self.samples)  # type: ignore[arg-type]

    def take(self, group: str, items: Iterable[Item]) -> None:
        """Keep a group as it is now."""
        held = list(items)
        self.hashes[group] = {item.name: fingerprint(item.value) for item in held}
        self.samples[group] = np.concatenate([np.zeros(0, np.float32), *map(kept, held)])
        if len(self.hashes[group]) != len(held):
            raise ValueError(f"{group}: a name stands twice")


def fingerprint(value: np.ndarray | bytes) -> str:
    """SHA-256 over the bytes, type and shape."""
    if isinstance(value, bytes):
        return f"{hashlib.sha256(value).hexdigest()} bytes[{len(value)}]"
    ordered = np.ascontiguousarray(value, value.dtype.newbyteorder("<"))
    shape = ",".join(map(str, value.shape))
    return f"{hashlib.sha256(ordered.tobytes()).hexdigest()} {value.dtype.name}[{shape}]"


def kept(item: Item) -> np.ndarray:
    """Some values of an array, float32, at places that follow from its name and size alone."""
    if isinstance(item.value, bytes) or item.tolerance == 0 or not item.value.size:
        return np.zeros(0, np.float32)
    flat = item.value.reshape(-1)
    if flat.size <= item.samples:
        return flat.astype(np.float32)
    draw = random.Random(item.name)
    return flat[[int(draw.random() * flat.size) for _ in range(item.samples)]].astype(np.float32)


def compared(group: str, items: Iterable[Item], golden: Golden, *, exactly: bool) -> str:
    """What differs from the recorded group, in words; "" where nothing does.

    ``exactly``: by hashes, as on the machine that recorded; else by samples and tolerances.
    """
    hashes, samples = golden.hashes.get(group, {}), golden.samples.get(group, np.zeros(0))
    held = list(items)
    said = [f"not recorded: {item.name}" for item in held if item.name not in hashes]
    said += [f"recorded, not made any more: {name}" for name in hashes if name not in {i.name for i in held}]
    if said:
        return _told(group, held, said, golden, exactly)
    worst, where, at, near = 0.0, "", 0, 0
    for item in held:
        values = kept(item)
        before = samples[at : at + values.size]
        at += values.size
        was, now = hashes[item.name], fingerprint(item.value)
        if was == now or not (exactly or item.tolerance is not None):
            continue
        error = _error(values, before, item.scale)
        if not exactly and item.tolerance and was.split()[1] == now.split()[1]:
            if error <= item.tolerance:
                continue
            near += error <= STRAYING * item.tolerance
        if not error <= worst:
            worst, where = error, item.name
        limit = f", {item.tolerance:g} allowed on another processor" if item.tolerance else ""
        shapes = f"{was.split()[1]} -> {now.split()[1]}"
        off = f"samples off by {error:.3g} of full scale{limit}" if values.size else f"bytes differ, {shapes}"
        said.append(f"{item.name}: {off}")
    if not said or (len(said) == near and near <= STRAYS * len(held)):
        return ""
    if where:
        said.insert(0, f"largest error at the sparse samples: {worst:.3g} of full scale, in {where}")
    return _told(group, held, said, golden, exactly)


def _told(group: str, held: list[Item], said: list[str], golden: Golden, exactly: bool) -> str:
    """A group's differences, the first of them in full."""
    how = "hashes, on the machine that recorded them" if exactly else "sparse samples: another machine"
    differ = sum(not line.startswith("largest") for line in said)
    first = f"{group}: {differ} of {len(held)} results differ from {golden.about.get('commit')} ({how})"
    more = [f"... and {len(said) - _SHOWN} more"] if len(said) > _SHOWN else []
    return "\n".join([first, *said[:_SHOWN], *more])


def _error(now: np.ndarray, before: np.ndarray, scale: float) -> float:
    """The largest difference in shares of full scale; infinite where only one of two is a number."""
    if now.shape != before.shape:
        return float("inf")
    if not now.size:
        return 0.0
    strange = ~(np.isfinite(now) & np.isfinite(before))
    if np.any(strange & ~((now == before) | (np.isnan(now) & np.isnan(before)))):
        return float("inf")
    here, there = (np.where(strange, 0.0, values.astype(np.float64)) for values in (now, before))
    return float(np.max(np.abs(here - there))) / scale


def changes(before: Golden, now: Golden) -> list[str]:
    """Which hashes differ between two records, a line each."""
    said = []
    for group in dict.fromkeys([*before.hashes, *now.hashes]):
        old, new = before.hashes.get(group, {}), now.hashes.get(group, {})
        for name in dict.fromkeys([*old, *new]):
            if old.get(name) != new.get(name):
                was, become = (side.get(name, "nothing") for side in (old, new))
                said.append(f"{group} / {name}: {_short(was)} -> {_short(become)}")
    return said


def _short(fingerprint: str) -> str:
    digest, _, shape = fingerprint.partition(" ")
    return f"{digest[:12]} {shape}".strip()


def groups_of(named: Mapping[str, Any], asked: Iterable[str]) -> list[str]:
    """The groups whose names begin as asked; all where nothing is asked."""
    wanted = tuple(asked)
    return [name for name in named if not wanted or name.startswith(wanted)]
