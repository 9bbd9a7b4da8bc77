"""Talk to a Roland Super-JX sound board: parameters, tones, wire formats, ports, recording."""

__version__ = "0.1.0"
