"""A muscle's force as a function of time, for those who want more than its last value. Needs numpy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
EQUAL = 1e-7  # peaks closer than this, relative, are one height
_LEGENDRE, _SHARES = np.polynomial.legendre.leggauss(5)  # on [-1, 1]; the steps are integrated with the same five
_WEIGHTS = _SHARES / 2
_KNOTS = np.array((0.0, *(_LEGENDRE + 1) / 2, 1.0))  # force is known here in each step
_BASIS = np.linalg.inv(_KNOTS[:, None] ** np.arange(7))  # coefficients of the polynomial through the knots


@dataclass(frozen=True, slots=True)
class ForceTrace:
    """Force over time.

    Attributes:
        peak_n, time_of_peak_s: the greatest force and when.
        impulse_ns: force-time integral.
    """

    peak_n: float
    time_of_peak_s: float
    impulse_ns: float
    _begins: Array
    _lengths: Array
    _forces: Array  # one row a step: begin, nodes, end

    def at(self, times_s: ArrayLike) -> Array:
        """Force in N at each time; 0 before the trace, the last value after its end."""
        times = np.asarray(times_s, dtype=np.float64)
        index = np.clip(np.searchsorted(self._begins, times, side="right") - 1, 0, len(self._begins) - 1)
        x = np.clip((times - self._begins[index]) / self._lengths[index], 0.0, 1.0)
        powers = x[..., None] ** np.arange(7)
        value = np.sum((powers @ _BASIS) * self._forces[index], axis=-1)
        return np.asarray(np.where(times < self._begins[0], 0.0, value), dtype=np.float64)


def trace_of(steps: Sequence[tuple[float, ...]], t_end_s: float) -> ForceTrace:
    """The trace of these steps: begin, length, force at begin, nodes and end, in s and N."""
    rows = np.array(steps or [(0.0, max(t_end_s, 1e-9), *(0.0,) * 7)])
    begins, lengths, forces = rows[:, 0], rows[:, 1], rows[:, 2:]
    impulse_ns = float(np.sum(lengths * (forces[:, 1:6] @ _WEIGHTS)))
    # The greatest value of the polynomial through the knots: the knots alone would be low by up to 0.26 %.
    tops = forces.max(axis=1)
    near = np.flatnonzero(tops >= 0.99 * tops.max())
    x = np.linspace(0.0, 1.0, 65)
    values = forces[near] @ (x[:, None] ** np.arange(7) @ _BASIS).T
    # The ripples of a tetanus creep up to within rounding of each other: the last of them is the greatest.
    row = int(np.flatnonzero(values.max(axis=1) >= values.max() * (1 - EQUAL))[-1])
    column = int(np.argmax(values[row]))
    step, around = int(near[row]), np.linspace(x[max(0, column - 1)], x[min(64, column + 1)], 65)
    fine = (around[:, None] ** np.arange(7) @ _BASIS) @ forces[step]
    best = int(np.argmax(fine))
    time_of_peak_s = float(begins[step] + lengths[step] * around[best])
    return ForceTrace(float(fine[best]), time_of_peak_s, impulse_ns, begins, lengths, forces)
