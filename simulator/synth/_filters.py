"""The filters and the amplifier of a voice, one sample at a time: VCF, HPF, VCA.

**VCF.** Two two-pole sections, of which a profile may use one. Trapezoidal: the bilinear transform of
thesis eq. 4.7 with the cutoff prewarped, stable under modulation. **HPF.** One pole, trapezoidal too.
"""

from __future__ import annotations

from typing import Any

from simulator.synth import _lanes
from simulator.synth._compiling import inline
from simulator.synth._lanes import HALF, ONE, TWO, at, fma

HIGHEST_CUTOFF = 0.4535
"""The highest cutoff as a share of the sample rate: 20 kHz at 44.1 kHz."""


@inline
def filtered(w: Any, k: Any, way: Any) -> Any:
    """The sample in the signal slot behind the VCA; ``way`` is how far its gain has come, 0 to 1."""
    signal = w[at(_lanes.SIGNAL, k)]
    low_pass = _section(w, k, _lanes.A_BAND, _lanes.A_LOW, _lanes.A1, signal)
    signal = fma(w[at(_lanes.STATE + _lanes.POLES4, k)], low_pass - signal, signal)
    signal = _section(w, k, _lanes.B_BAND, _lanes.B_LOW, _lanes.B1, signal)

    held, share = w[at(_lanes.HIGH, k)], w[at(_lanes.HIGH_PASS, k)]
    rest = signal - held
    under = fma(rest, share, held)
    w[at(_lanes.HIGH, k)] = fma(rest, share, under)
    gain = fma(w[at(_lanes.TARGET + _lanes.GAIN, k)], way, w[at(_lanes.PREVIOUS + _lanes.GAIN, k)])
    return (signal - under) * gain


@inline
def _section(w: Any, k: Any, band_slot: int, low_slot: int, first: int, signal: Any) -> Any:
    """One sample of a two-pole low-pass; ``first`` is the first of its three coefficients.

    The trapezoidal state-variable form. With a = 1 / (1 + g (g + 2 damping)), the coefficients are
    2 a - 1, 2 a g and 2 a g g, so that they move the states directly.
    """
    band, low = w[at(band_slot, k)], w[at(low_slot, k)]
    c1, c2, c3 = w[at(first, k)], w[at(first + 1, k)], w[at(first + 2, k)]
    error = signal - low
    change = fma(c2, band, c3 * error)
    w[at(band_slot, k)] = fma(c1, band, c2 * error)
    w[at(low_slot, k)] = low + change
    return fma(HALF, change, low)


@inline
def set_filters(w: Any, k: Any, way: Any) -> None:
    """Coefficients of both sections for the point of its way that the cutoff has reached."""
    g = fma(w[at(_lanes.TARGET + _lanes.CUTOFF, k)], way, w[at(_lanes.PREVIOUS + _lanes.CUTOFF, k)])
    for section in range(2):
        damping = w[at(_lanes.STATE + _lanes.FIXED_DAMPING + section, k)]
        a = TWO / fma(g, fma(TWO, damping, g), ONE)
        first = _lanes.A1 + 3 * section
        w[at(first, k)], w[at(first + 1, k)], w[at(first + 2, k)] = a - ONE, a * g, a * g * g
