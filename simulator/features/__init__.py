"""Log-mel features and the distance between sounds: definition and computation in one place."""
