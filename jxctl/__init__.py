"""Talk to a Roland Super-JX sound board: parameters, tones, wire formats, ports, recording."""

from jxctl._version import __version__

__all__ = ["__version__"]
