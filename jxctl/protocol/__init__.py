"""What the instrument says on its wires: parameters, tones, patches, bus bytes, MIDI and SysEx. No I/O."""
