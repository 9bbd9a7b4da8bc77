"""Sound without the hardware: an exact, fast simulator of the Super-JX sound board."""

from simulator.profile import Profile, load_profile
from simulator.render import SAMPLE_RATE, render

__all__ = ["SAMPLE_RATE", "Profile", "load_profile", "render"]
