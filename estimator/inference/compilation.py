"""Compiling, ahead of a search, all that it will call: on a machine's first use, before torch is loaded."""

from __future__ import annotations

from pathlib import Path

from simulator.features import distance, mel
from simulator.synth.compilation import Compilation
from simulator.synth.profile import Profile, load_profile
from simulator.synth.render import loops


def compile_search(profile: str | Path | Profile = "superjx") -> Compilation:
    """Start to compile the loops that a search with a profile calls; `Compilation.wait` before it begins.

    Raises `ProfileError` for a profile that cannot be used.
    """
    wanted = [*loops(load_profile(profile)), mel.compiled, distance.compiled]
    return Compilation(wanted, background=True)
