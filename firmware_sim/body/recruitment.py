"""Which part of a muscle a pulse reaches: thresholds follow Weiss over width and are log-normal over fibres.

r(I, pw) = Phi(ln(I / ((1 + c/pw) x50)) / sigma), one law for current and width; c = 460 µs is the chronaxie of motor
axons (Mogyoros 1996, median nerve at the wrist), sigma 0.40 fits both Ding 2007's widths and Hmed 2018's currents.
"""

from __future__ import annotations

import math
import random
from bisect import bisect_right
from dataclasses import replace
from statistics import NormalDist

from firmware_sim.body.muscle import Fibre, Parameters

MOTOR_US, SENSORY_US, PAIN_US = 460.0, 665.0, 800.0  # chronaxies: motor, cutaneous sensory (both Mogyoros 1996), pain
JITTER_MAX = 5.0  # standard deviations; further out is one pulse in two million
WOBBLES = 4_093  # a prime, and
COUNT_STEP = 31  # a step that shares no factor with it: each pool meets each value
WAITING_MAX = 20_000  # pulses that nobody has asked about yet: 6 min at 50 Hz, some 3 MB
TABLE_US = 300.0  # the width at which the threshold tables are given


def at_table_width(current_ma: float, width_us: float, chronaxie_us: float) -> float:
    """The current that would do the same at 300 µs, in mA."""
    return current_ma * (1 + chronaxie_us / TABLE_US) / (1 + chronaxie_us / width_us)


def recruited(half_ma: float, spread: float, current_ma: float, width_us: float) -> float:
    """Share of the fibres that fire, 0 to 1; `half_ma` recruits half of them at 300 µs."""
    if current_ma <= 0 or width_us <= 0:
        return 0.0
    return NormalDist().cdf(math.log(at_table_width(current_ma, width_us, MOTOR_US) / half_ma) / spread)


class Pools:
    """A muscle as equal pools of fibres with thresholds of their own: raising the current recruits fresh ones.

    Scale covariance makes each pool a small muscle (A/K, aK·K, aT·K) that tires as the whole would.

    Args:
        jitter: relative, per pulse and pool; smooths the steps of few pools. 0 for reference results.
    """

    def __init__(
        self,
        parameters: Parameters,
        *,
        half_ma: float,
        spread: float,
        count: int = 12,
        fatigue: bool = True,
        jitter: float = 0.0,
        seed: int = 0,
    ) -> None:
        small = replace(parameters, a=parameters.a / count, ak=parameters.ak * count, at=parameters.at * count)
        normal = NormalDist()
        self._thresholds_ma = [half_ma * math.exp(spread * normal.inv_cdf((k + 0.5) / count)) for k in range(count)]
        self._fibres = [Fibre(small, fatigue=fatigue) for _ in range(count)]
        self._wobbles: list[float] = []
        self._drawn = 0
        self._whole = parameters
        self._jitter = jitter
        self._random = random.Random(seed)
        self._waiting: list[tuple[int, list[Fibre]]] = []
        self._now_us = self._until_us = 0

    def pulse(self, t_us: int, current_ma: float, width_us: float) -> float:
        """A pulse; returns the share of pools that fired. What it does to the force is worked out when that is read."""
        felt_ma = at_table_width(current_ma, width_us, MOTOR_US) * (1 + 1e-12)
        span = self._jitter * JITTER_MAX
        surely = bisect_right(self._thresholds_ma, felt_ma * (1 - span))
        perhaps = bisect_right(self._thresholds_ma, felt_ma * (1 + span))
        fired = self._fibres[:surely]
        if perhaps > surely:
            wobbles = self._wobbles or self._draw()
            self._drawn = (self._drawn + COUNT_STEP) % len(wobbles)
            fired += [
                self._fibres[k]
                for k in range(surely, perhaps)
                if felt_ma * wobbles[self._drawn - k] >= self._thresholds_ma[k]
            ]
        self._waiting.append((t_us, fired))
        if len(self._waiting) > WAITING_MAX:
            self._settle()
        return len(fired) / len(self._fibres)

    def _draw(self) -> list[float]:
        """Jitter for some thousand pulses, over and over: drawn for each pulse it took longer than all else of it."""
        for _ in range(WOBBLES):
            gauss = max(-JITTER_MAX, min(JITTER_MAX, self._random.gauss(0.0, 1.0)))
            self._wobbles.append(1 + self._jitter * gauss)
        return self._wobbles

    def advance(self, now_us: int) -> None:
        """Let time pass."""
        self._until_us = max(self._until_us, now_us)

    def _settle(self) -> None:
        """Play what happened since into the fibres."""
        for t_us, fired in self._waiting:
            self._pass(t_us)
            for fibre in fired:
                fibre.pulse(t_us / 1e6)
        self._waiting.clear()
        self._pass(self._until_us)

    def _pass(self, now_us: int) -> None:
        if now_us > self._now_us:
            for fibre in self._fibres:
                fibre.advance(self._now_us / 1e6, now_us / 1e6)
            self._now_us = now_us

    @property
    def force_n(self) -> float:
        """Force of all pools now, in N."""
        self._settle()
        return sum(fibre.force_n for fibre in self._fibres)

    @property
    def lost(self) -> float:
        """Share of the force scaling A that fatigue took, over the whole muscle; 0 to 1."""
        self._settle()
        debt_ns = sum(fibre.debt_ns for fibre in self._fibres)
        return min(1.0, max(0.0, -self._whole.aa * debt_ns / self._whole.a))
