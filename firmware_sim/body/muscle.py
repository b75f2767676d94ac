"""Muscle: force of a pulse train by the Ding-Wexler-Binder-Macleod models, with fatigue. SI units (s, N).

Between pulses the calcium filter is exact: two numbers hold the whole history. Force is then a scalar linear equation
F' = a(t) - k(t) F with known a and k, so each step is an integral, taken by collocation at five Gauss-Legendre nodes
(2e-6 of the peak against DOP853 at rtol 1e-11). How long a step may be follows from where m = CN / (Km + CN) has its
nearest singularity. Fatigue is one state, the "force debt" phi' = -phi/tfat + F, from which A, tau1 and Km follow (the
three published equations are one). R0 stays at its value at rest; following Km(t) changes peaks by less than 0.25 %.

Parameter sets: Ding 2003 (able-bodied quadriceps), Ding 2007 (pulse width, quadriceps after spinal cord injury) and
Hmed 2018 (current, acting on calcium), all as the public package cocofest has them. The fatigue constants were
identified with Ding 2003 alone: with Ding 2007 they make force rise (tau2 is 1 ms there, so the growth of tau1 outruns
the loss of A). `force_trace` computes what is asked, a patient's muscle never uses that pair.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from firmware_sim.body.force_trace import ForceTrace

SILENT_N = 1e-9  # below this force only fatigue moves, and that has a closed form
LONGEST_TAUC = 2.5  # longest step in units of tauc: m has poles pi tauc off the real axis
POLE_SHARE = 2.0  # longest step in units of the distance to the pole on the real axis
TRACED = 0.25  # a trace that will be read between the nodes takes steps this much shorter


# Gauss-Legendre with five nodes on [0, 1], written out so that a simulated patient needs no numpy: nodes, weights, and
# the integral of each node's polynomial up to each node (`tests/body/test_body.py` works them out again).
X0, X1, X2, X3, X4 = (
    0.04691007703066802,
    0.23076534494715845,
    0.5,
    0.7692346550528415,
    0.9530899229693319,
)
V0, V1, V2, V3, V4 = (
    0.11846344252809464,
    0.23931433524968315,
    0.28444444444444433,
    0.23931433524968315,
    0.11846344252809464,
)
A0, A1, A2, A3, A4 = (
    0.05923172126404731,
    -0.01957036435907612,
    0.011254400818643028,
    -0.005593793660812235,
    0.0015881129678660083,
)
B0, B1, B2, B3, B4 = (
    0.12815100567004525,
    0.11965716762484165,
    -0.024592114619642155,
    0.01031828067068345,
    -0.0027689943987695555,
)
C0, C1, C2, C3, C4 = (
    0.11377628800422455,
    0.26000465168064174,
    0.14222222222222222,
    -0.020690316430957773,
    0.004687154523870247,
)
D0, D1, D2, D3, D4 = (
    0.12123243692686275,
    0.22899605457900254,
    0.30903655906408256,
    0.11965716762484506,
    -0.009687563141950902,
)
E0, E1, E2, E3, E4 = (
    0.1168753295602265,
    0.24490812891049968,
    0.2731900436257951,
    0.25888469960876487,
    0.05923172126404688,
)


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
        drive, calcium: E and CN. `force_n` now, `share` g of the last pulse.
        debt_ns: phi, the force debt in N s; 0 without fatigue.
        peak_n: greatest force at a node since the reader set it back (low by at most 0.3 %, in a twitch).
        trace: None, or a list that gets (t, h, force at begin, five nodes and end) of every step.
    """

    __slots__ = ("_fatigues", "_last_s", "_p", "calcium", "debt_ns", "drive", "force_n", "peak_n", "share", "trace")

    def __init__(self, parameters: Parameters, *, fatigue: bool = False) -> None:
        self._p = parameters
        self._fatigues = fatigue
        self._last_s: float | None = None
        self.drive = 0.0
        self.calcium = 0.0
        self.force_n = 0.0
        self.debt_ns = 0.0
        self.peak_n = 0.0
        self.share = 1.0
        self.trace: list[tuple[float, ...]] | None = None

    def pulse(self, t_s: float, *, release: float = 1.0, share: float = 1.0) -> None:
        """A pulse at `t_s`, to which the fibre was advanced before; `release` scales calcium, `share` force.

        What recruits nothing is not a pulse: it leaves no trace in the next one's doublet factor.
        """
        if release <= 0.0 or share <= 0.0:
            return
        p = self._p
        ratio = 1.0
        if self._last_s is not None:
            ratio += (p.km + p.r0_off - 1.0) * math.exp(-(t_s - self._last_s) / p.tauc)
        self.drive += release * ratio
        self._last_s = t_s
        self.share = share

    def advance(self, from_s: float, to_s: float) -> None:
        """Let time pass without pulses."""
        p = self._p
        left_s = to_s - from_s
        while left_s > 1e-12:
            if self.force_n < SILENT_N and self.drive < 1e-12 and self.calcium < 1e-12:
                self.debt_ns *= math.exp(-left_s / p.tfat)
                self.drive = self.calcium = self.force_n = 0.0
                if self.trace is not None:
                    self.trace.append((to_s - left_s, left_s, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0))
                return
            pole = POLE_SHARE * p.tauc * (p.km + self.calcium) / max(self.drive - self.calcium, 1e-3)
            longest_s = min(pole, LONGEST_TAUC * p.tauc) * (1.0 if self.trace is None else TRACED)
            step_s = left_s if left_s <= longest_s else left_s / 2 if left_s < 2 * longest_s else longest_s
            self._step(to_s - left_s, step_s)
            left_s -= step_s

    def _step(self, t_s: float, h: float) -> None:
        """One step by collocation; e^K and its inverse at the nodes carry the linear equation's own decay."""
        p, exp = self._p, math.exp
        drive, calcium, force, debt = self.drive, self.calcium, self.force_n, self.debt_ns
        a, tau1, km, tau2 = p.a, p.tau1, p.km, p.tau2
        if self._fatigues:
            middle = debt + h / 2 * (force - debt / p.tfat)
            a, tau1, km = max(0.0, a + p.aa * middle), tau1 + p.at * middle, km + p.ak * middle
        s = h / p.tauc
        rise = drive * s
        c0, c1 = (calcium + rise * X0) * exp(-s * X0), (calcium + rise * X1) * exp(-s * X1)
        c2, c3 = (calcium + rise * X2) * exp(-s * X2), (calcium + rise * X3) * exp(-s * X3)
        c4 = (calcium + rise * X4) * exp(-s * X4)
        m0, m1, m2, m3, m4 = c0 / (km + c0), c1 / (km + c1), c2 / (km + c2), c3 / (km + c3), c4 / (km + c4)
        k0, k1, k2 = h / (tau1 + tau2 * m0), h / (tau1 + tau2 * m1), h / (tau1 + tau2 * m2)
        k3, k4 = h / (tau1 + tau2 * m3), h / (tau1 + tau2 * m4)
        e0 = exp(A0 * k0 + A1 * k1 + A2 * k2 + A3 * k3 + A4 * k4)
        e1 = exp(B0 * k0 + B1 * k1 + B2 * k2 + B3 * k3 + B4 * k4)
        e2 = exp(C0 * k0 + C1 * k1 + C2 * k2 + C3 * k3 + C4 * k4)
        e3 = exp(D0 * k0 + D1 * k1 + D2 * k2 + D3 * k3 + D4 * k4)
        e4 = exp(E0 * k0 + E1 * k1 + E2 * k2 + E3 * k3 + E4 * k4)
        pull = h * a * self.share
        a0, a1, a2, a3, a4 = pull * m0 * e0, pull * m1 * e1, pull * m2 * e2, pull * m3 * e3, pull * m4 * e4
        f0 = (force + A0 * a0 + A1 * a1 + A2 * a2 + A3 * a3 + A4 * a4) / e0
        f1 = (force + B0 * a0 + B1 * a1 + B2 * a2 + B3 * a3 + B4 * a4) / e1
        f2 = (force + C0 * a0 + C1 * a1 + C2 * a2 + C3 * a3 + C4 * a4) / e2
        f3 = (force + D0 * a0 + D1 * a1 + D2 * a2 + D3 * a3 + D4 * a4) / e3
        f4 = (force + E0 * a0 + E1 * a1 + E2 * a2 + E3 * a3 + E4 * a4) / e4
        decay = exp(-(V0 * k0 + V1 * k1 + V2 * k2 + V3 * k3 + V4 * k4))
        end = decay * (force + V0 * a0 + V1 * a1 + V2 * a2 + V3 * a3 + V4 * a4)
        if self._fatigues:
            impulse = h * (V0 * f0 + V1 * f1 + V2 * f2 + V3 * f3 + V4 * f4)
            self.debt_ns = (debt * exp(-h / (2 * p.tfat)) + impulse) * exp(-h / (2 * p.tfat))
        if self.trace is not None:
            self.trace.append((t_s, h, force, f0, f1, f2, f3, f4, end))
        self.peak_n = max(self.peak_n, f0, f1, f2, f3, f4, end)
        gone = exp(-s)
        self.drive, self.calcium, self.force_n = drive * gone, (calcium + rise) * gone, end


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
    p = SETS[parameters]
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
    try:
        from firmware_sim.body.force_trace import trace_of  # noqa: PLC0415 - with numpy, for those who ask for traces
    except ImportError as error:
        raise ImportError("force_trace needs numpy: python -m pip install 'numpy>=2'") from error

    return trace_of(fibre.trace, t_end_s)
