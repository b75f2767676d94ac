"""Muscle: force of a pulse train by the Ding-Wexler-Binder-Macleod models, with fatigue. SI units (s, N), pulse by
pulse.

Between pulses the calcium filter is exact (two numbers hold the whole history) and force is a scalar linear equation
with known
coefficients, stepped by the classical fourth-order rule. Fatigue is one state, the "force debt" phi' = -phi/tfat + F,
from
which A, tau1 and Km follow (the three published equations are one).

Parameter sets: Ding 2003 (able-bodied quadriceps), Ding 2007 (pulse width, SCI quadriceps), Hmed 2018 (current on
    calcium).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
STEP_S = 0.001
SILENT_N = 1e-9  # below this force only fatigue moves, and that has a closed form


@dataclass(frozen=True, slots=True)
class Parameters:
    """One parameter set. a: N/s, times in s, fatigue: aa 1/s², ak 1/(s N), at 1/N."""

    a: float
    tauc: float
    tau1: float
    tau2: float
    km: float
    r0_off: float = 1.04
    aa: float = -0.4
    ak: float = 1.9e-5
    at: float = 2.1e-5
    tfat: float = 127.0
    pd0: float = 0.000131405
    pdt: float = 0.000194138
    ar: float = 0.586
    bs: float = 0.026
    i_s: float = 63.1
    cr: float = 0.833


SETS: dict[str, Parameters] = {
    "ding2003": Parameters(a=3009.0, tauc=0.020, tau1=0.050957, tau2=0.060, km=0.103),
    "ding2007": Parameters(a=4920.0, tauc=0.011, tau1=0.060601, tau2=0.001, km=0.137),
    "hmed2018": Parameters(a=3009.0, tauc=0.020, tau1=0.050957, tau2=0.060, km=0.103),
}


def width_share(parameters: Parameters, width_us: float) -> float:
    """Share of the fibres that a pulse of this width recruits (Ding 2007); 0 at and below the threshold width."""
    return max(0.0, 1.0 - math.exp(-(width_us * 1e-6 - parameters.pd0) / parameters.pdt))


def current_share(parameters: Parameters, current_ma: float) -> float:
    """Calcium that a pulse of this current releases (Hmed 2018); 0 at and below the threshold current."""
    return max(0.0, parameters.ar * (math.tanh(parameters.bs * (current_ma - parameters.i_s)) + parameters.cr))


class Fibre:
    """One muscle as one fibre: advanced pulse by pulse.

    Attributes:
        force_n: now.
        debt_ns: phi, the force debt; 0 without fatigue.
    """

    __slots__ = ("_fatigues", "_last_us", "_p", "calcium", "debt_ns", "drive", "force_n", "share", "trace")

    def __init__(self, parameters: Parameters, *, fatigue: bool = False) -> None:
        self._p = parameters
        self._fatigues = fatigue
        self._last_us: float | None = None
        self.drive = 0.0  # E
        self.calcium = 0.0  # CN
        self.force_n = 0.0
        self.debt_ns = 0.0
        self.share = 1.0  # g
        self.trace: list[tuple[float, float, float, float]] | None = None  # (t, F, F', F'') of each step's begin

    def _rates(self) -> tuple[float, float, float]:
        """A, tau1, Km with the present fatigue."""
        p, debt = self._p, self.debt_ns
        if not self._fatigues or debt == 0.0:
            return p.a, p.tau1, p.km
        return max(0.0, p.a + p.aa * debt), p.tau1 + p.at * debt, p.km + p.ak * debt

    def pulse(self, t_s: float, *, release: float = 1.0, share: float = 1.0) -> None:
        """A pulse at `t_s`, to which the fibre was advanced before; `release` scales calcium, `share` force."""
        if release <= 0.0 or share <= 0.0:
            return
        p = self._p
        ratio = 1.0
        if self._last_us is not None:
            ratio += (p.km + p.r0_off - 1.0) * math.exp(-(t_s - self._last_us) / p.tauc)
        self.drive += release * ratio
        self._last_us = t_s
        self.share = share

    def advance(self, from_s: float, to_s: float) -> None:
        """Let time pass without pulses."""
        p = self._p
        t_s = from_s
        while to_s - t_s > 1e-12:
            if self.force_n < SILENT_N and self.drive < 1e-12 and self.calcium < 1e-12:
                self.debt_ns *= math.exp(-(to_s - t_s) / p.tfat)
                if self.trace is not None:
                    self.trace.append((t_s, self.force_n, 0.0, 0.0))
                return
            steps = max(1, math.ceil((to_s - t_s) / STEP_S - 1e-9))
            h = (to_s - t_s) / steps if steps == 1 or (to_s - t_s) < 2 * STEP_S else STEP_S
            self._step(t_s, h)
            t_s += h

    def _step(self, t_s: float, h: float) -> None:
        p = self._p
        a, tau1, km = self._rates()
        a *= self.share
        half = math.exp(-h / (2 * p.tauc))
        drive, calcium, force = self.drive, self.calcium, self.force_n
        middle = (calcium + drive * h / (2 * p.tauc)) * half
        end = (calcium + drive * h / p.tauc) * half * half

        m0, m1, m2 = calcium / (km + calcium), middle / (km + middle), end / (km + end)
        d0, d1, d2 = tau1 + p.tau2 * m0, tau1 + p.tau2 * m1, tau1 + p.tau2 * m2
        k1 = a * m0 - force / d0
        k2 = a * m1 - (force + h / 2 * k1) / d1
        k3 = a * m1 - (force + h / 2 * k2) / d1
        k4 = a * m2 - (force + h * k3) / d2
        after = force + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        if self.trace is not None:
            self.trace.append((t_s, force, k1, a * m2 - after / d2))
        if self._fatigues:
            decay = math.exp(-h / p.tfat)
            mean = (force + 4 * (force + after) / 2 + after) / 6 + h * (k1 - (a * m2 - after / d2)) / 12
            self.debt_ns = self.debt_ns * decay + mean * p.tfat * (1 - decay)
        self.drive, self.calcium, self.force_n = drive * half * half, end, after


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
    _times: Array
    _force: Array
    _left: Array
    _right: Array

    def at(self, times_s: ArrayLike) -> Array:
        """Force in N at each time; 0 before the first pulse, the last value after the end."""
        times = np.asarray(times_s, dtype=np.float64)
        index = np.clip(np.searchsorted(self._times, times, side="right") - 1, 0, len(self._times) - 2)
        t0, t1 = self._times[index], self._times[index + 1]
        h = np.maximum(t1 - t0, 1e-15)
        x = np.clip((times - t0) / h, 0.0, 1.0)
        f0, f1, d0, d1 = self._force[index], self._force[index + 1], self._left[index] * h, self._right[index] * h
        value = (
            f0 * (1 + 2 * x) * (1 - x) ** 2 + d0 * x * (1 - x) ** 2 + f1 * x * x * (3 - 2 * x) + d1 * x * x * (x - 1)
        )
        return np.asarray(np.where(times < self._times[0], 0.0, value), dtype=np.float64)


def force_trace(
    parameters: str,
    pulse_times_s: Sequence[float],
    t_end_s: float,
    widths_us: Sequence[float] | None = None,
    currents_ma: Sequence[float] | None = None,
    fatigue: bool = False,  # noqa: FBT001, FBT002 - the contract's signature
) -> ForceTrace:
    """Force of a pulse train from rest.

    Args:
        parameters: ding2003 | ding2007 | hmed2018. Widths act with ding2007, currents with hmed2018.
        pulse_times_s: ascending, N of them.
        t_end_s: end of the trace.
        widths_us, currents_ma: one for each pulse, where the set uses them.
        fatigue: with the force debt.

    Raises:
        ValueError: an unknown set, times that don't ascend, or a list of another length.
    """
    if parameters not in SETS:
        raise ValueError(f"no parameter set {parameters!r}; there are {', '.join(SETS)}")
    times = [float(t) for t in pulse_times_s]
    if any(b < a for a, b in itertools.pairwise(times)) or (times and times[0] < 0):
        raise ValueError("pulse_times_s must ascend and not be negative")
    for name, values in (("widths_us", widths_us), ("currents_ma", currents_ma)):
        if values is not None and len(values) != len(times):
            raise ValueError(f"{name} has {len(values)} entries for {len(times)} pulses")
    p = replace(SETS[parameters])
    fibre = Fibre(p, fatigue=fatigue)
    fibre.trace = []
    now = 0.0
    for index, t_s in enumerate(times):
        if t_s > t_end_s:
            break
        fibre.advance(now, t_s)
        now = t_s
        share = width_share(p, widths_us[index]) if widths_us is not None and parameters == "ding2007" else 1.0
        release = current_share(p, currents_ma[index]) if currents_ma is not None and parameters == "hmed2018" else 1.0
        fibre.pulse(t_s, release=release, share=share)
    fibre.advance(now, t_end_s)
    return _trace(fibre, t_end_s)


def _trace(fibre: Fibre, t_end_s: float) -> ForceTrace:
    rows = fibre.trace or [(0.0, 0.0, 0.0, 0.0)]
    times = np.array([row[0] for row in rows] + [t_end_s])
    force = np.array([row[1] for row in rows] + [fibre.force_n])
    left = np.array([row[2] for row in rows] + [0.0])
    right = np.array([row[3] for row in rows] + [0.0])
    h = np.diff(times)
    impulse = float(np.sum(h * (force[:-1] + force[1:]) / 2 + h * h * (left[:-1] - right[:-1]) / 12))
    trace = ForceTrace(0.0, 0.0, impulse, times, force, left, right)
    top = int(np.argmax(force))
    fine = np.linspace(times[max(0, top - 1)], times[min(len(times) - 1, top + 1)], 201)
    values = trace.at(fine)
    best = int(np.argmax(values))
    return ForceTrace(float(values[best]), float(fine[best]), impulse, times, force, left, right)
