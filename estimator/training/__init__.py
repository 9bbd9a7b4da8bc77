"""Training the network on simulated and recorded sounds."""
