"""The synthesis engine: tones and notes in, samples out."""

from simulator.synth.jacobian import jacobian
from simulator.synth.profile import Profile, load_profile
from simulator.synth.render import SAMPLE_RATE, empty, render

__all__ = ["SAMPLE_RATE", "Profile", "empty", "jacobian", "load_profile", "render"]
