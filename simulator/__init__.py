"""Sound without the hardware: an exact, fast simulator of the Super-JX sound board."""

from simulator.compiling import announce
from simulator.jacobian import jacobian
from simulator.profile import Profile, load_profile
from simulator.render import SAMPLE_RATE, empty, render

__all__ = ["SAMPLE_RATE", "Profile", "empty", "jacobian", "load_profile", "render"]

announce()
