"""The network that proposes tones, its inputs and its checkpoints."""
