"""Sound without the hardware: an exact, fast simulator of the Super-JX sound board."""

from simulator.synth import SAMPLE_RATE, Profile, empty, jacobian, load_profile, render

__all__ = ["SAMPLE_RATE", "Profile", "empty", "jacobian", "load_profile", "render"]
