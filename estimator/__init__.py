"""Audio in, tones out: prior, features, network, search."""
