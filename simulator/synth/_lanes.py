"""Where things lie: the columns of a voice's arrays, and the slots of the kernel's lane array.

The lane array is one flat float32 array of slots, each `LANES` voices wide: state first, then constants,
then what the kernel derives from them. One array with offsets known to the compiler is what lets LLVM see
that lanes do not depend on each other; several arrays would need checks that it gives up on.
"""

from __future__ import annotations

from typing import Any

from simulator.synth._compiling import inline

# Two vectors of sixteen: while one waits for its last result, the processor works on the other.
LANES = 32

# Rows of the levels in a control frame, which slew.
MIX1, MIX2, CUTOFF, GAIN = range(4)
LEVELS = 4

# Columns of `constants`, one row a voice.
(SAW1, EDGE1, NOISE1, WIDTH1, SAW2, EDGE2, NOISE2, WIDTH2) = range(8)
(FIXED_DAMPING, DAMPING, POLES4, HPF_HZ, SYNC12, SYNC21, FM12, FM21) = range(8, 16)
CONSTANTS = 16

# Columns of `state`, one row a voice: what a voice remembers between calls.
(HEIGHT1, HEIGHT2, CUT1, CUT2, OWED1, OWED2, OWED_EDGE1, OWED_EDGE2) = range(8)
(LAST1, LAST2, BEFORE1, BEFORE2, A_BAND, A_LOW, B_BAND, B_LOW, HIGH, PREVIOUS) = range(8, 18)
STATE = PREVIOUS + LEVELS

# Slots of the lane array that are neither state nor constants.
WA1, WB1, WA2, WB2 = range(STATE + CONSTANTS, STATE + CONSTANTS + 4)
START1, START2, STEP1, STEP2 = range(WB2 + 1, WB2 + 5)
NEAR1, FAR1, NEAR2, FAR2 = range(STEP2 + 1, STEP2 + 5)
TARGET = FAR2 + 1
A1, A2, A3, B1, B2, B3, HIGH_PASS = range(TARGET + LEVELS, TARGET + LEVELS + 7)
# Slots that hold 32-bit integers, bit for bit.
PHASE1, PHASE2, INCREMENT1, INCREMENT2, EDGE_AT1, EDGE_AT2, SEED = range(HIGH_PASS + 1, HIGH_PASS + 8)
# The sample on its way from one stage to the next.
SIGNAL, TURNED = HIGH_PASS + 8, HIGH_PASS + 9
SLOTS = TURNED + 1

# Ways to run the oscillators, the cheaper first: see `simulator.synth._oscillators`. Each can do what those
# before it can, to the bit.
PLAIN, BENT, SYNCED, MUTUAL = range(4)


@inline
def at(slot: Any, lane: Any) -> Any:
    """Index of a lane's value in the lane array."""
    return slot * LANES + lane
