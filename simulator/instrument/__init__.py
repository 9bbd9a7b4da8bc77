"""The virtual instrument around the engine: bus bytes or MIDI in, audio out."""
