"""Where things lie: the columns of a voice's arrays, and the slots of the kernel's lane array.

The lane array is one flat float32 array of slots, each `LANES` voices wide: state first, then constants,
then what the kernel derives from them. One array with offsets known to the compiler is what lets LLVM see
that lanes do not depend on each other; several arrays would need checks that it gives up on.
"""

from __future__ import annotations

from typing import Any

import numba

# No reordering (results must not depend on the surroundings), but fused multiply-add.
FAST = {"contract", "nsz"}
inline = numba.njit(forceinline=True, error_model="numpy", fastmath=FAST)

LANES = 16

# Rows of the levels in a control frame, which slew.
MIX1, MIX2, CUTOFF, GAIN = range(4)
LEVELS = 4

# Columns of `constants`, one row a voice.
(SAW1, EDGE1, NOISE1, WIDTH1, SAW2, EDGE2, NOISE2, WIDTH2) = range(8)
(FIXED_DAMPING, DAMPING, POLES4, HPF_HZ, SYNC12, SYNC21, FM12, FM21) = range(8, 16)
CONSTANTS = 16

# Columns of `state`, one row a voice: what a voice remembers between calls.
(HEIGHT1, HEIGHT2, LAST1, LAST2, BEFORE1, BEFORE2) = range(6)
(A_BAND, A_LOW, B_BAND, B_LOW, HIGH, PREVIOUS) = range(6, 12)
STATE = PREVIOUS + LEVELS

# Slots of the lane array that are neither state nor constants.
WA1, WB1, WA2, WB2, START1, START2 = range(STATE + CONSTANTS, STATE + CONSTANTS + 6)
STEP1, STEP2 = range(STATE + CONSTANTS + 6, STATE + CONSTANTS + 8)
TARGET = STATE + CONSTANTS + 8
A1, A2, A3, B1, B2, B3, HIGH_PASS = range(TARGET + LEVELS, TARGET + LEVELS + 7)
# Slots that hold 32-bit integers, bit for bit.
PHASE1, PHASE2, INCREMENT1, INCREMENT2, EDGE_AT1, EDGE_AT2, SEED = range(HIGH_PASS + 1, HIGH_PASS + 8)
OUT = HIGH_PASS + 8
SLOTS = OUT + 1

# Ways to run the oscillators, the cheaper first: see `simulator.oscillators`.
UNSYNCED, SYNCED = range(2)


@inline
def at(slot: Any, lane: Any) -> Any:
    """Index of a lane's value in the lane array."""
    return slot * LANES + lane
