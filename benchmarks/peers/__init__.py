"""Other synths, each in its own environment, measured by the same clock as jx.

::

    python -m benchmarks.peers.setup       # once: makes .peers/NAME for each peer
    python -m benchmarks.render

A peer is a program of its own (``run_NAME.py``), because its imports need versions that jx does not:
the exact ones are in ``NAME.txt``. It speaks the lines of `benchmarks.peers.protocol`.
"""
