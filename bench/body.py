"""The body: cost and error of a pulse beside scipy's DOP853 in the same run; the reference is DOP853 at rtol 1e-11.

python bench/body.py    Markdown table: train, method, µs a pulse, greatest error of the peak, times slower

Needs scipy; without it the muscle's own cost is printed. Both integrate force and fatigue over the same pulses.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT)]

from firmware_sim.body.muscle import SETS, Fibre, force_trace  # noqa: E402
from firmware_sim.body.patients import draw  # noqa: E402
from firmware_sim.body.recruitment import Pools  # noqa: E402

RATES_HZ = (12.5, 33, 50, 80)
SECONDS = 2.0
POOLS = 12


def best(run: Callable[[], Any], times: int = 3) -> tuple[float, Any]:
    """Shortest of several runs in seconds, and the result."""
    spans, result = [], None
    for _ in range(times):
        began = time.perf_counter()
        result = run()
        spans.append(time.perf_counter() - began)
    return min(spans), result


def collocated(pulses: list[float]) -> list[float]:
    """Force before each pulse, as a room runs the muscle."""
    fibre, now, out = Fibre(SETS["ding2003"], fatigue=True), 0.0, []
    for at in pulses:
        fibre.advance(now, at)
        out.append(fibre.force_n)
        fibre.pulse(at)
        now = at
    return out


def dop853(pulses: list[float], rtol: float) -> list[float]:
    """The same from the published equations, one solve_ivp a pulse."""
    from scipy.integrate import solve_ivp

    p = SETS["ding2003"]
    drive, state, now, out, last = 0.0, [0.0, 0.0, p.a, p.tau1, p.km], 0.0, [], -math.inf

    def rhs(t: float, y: Any) -> list[float]:
        calcium, force, a, tau1, km = y
        m = calcium / (km + calcium)
        return [
            (drive * math.exp(-(t - now) / p.tauc) - calcium) / p.tauc,
            a * m - force / (tau1 + p.tau2 * m),
            (p.a - a) / p.tfat + p.aa * force,
            (p.tau1 - tau1) / p.tfat + p.at * force,
            (p.km - km) / p.tfat + p.ak * force,
        ]

    for at in pulses:
        if at > now:
            state = list(solve_ivp(rhs, (now, at), state, method="DOP853", rtol=rtol, atol=rtol).y[:, -1])
            drive *= math.exp(-(at - now) / p.tauc)
        out.append(float(state[1]))
        drive += 1 + (p.km + p.r0_off - 1) * math.exp(-(at - last) / p.tauc)
        last = now = at
    return out


def pooled(pulses: list[float]) -> float:
    """The same train in twelve pools."""
    pools = Pools(draw("able", 1).muscle, half_ma=10.0, spread=0.4, count=POOLS)
    for at in pulses:
        pools.pulse(round(at * 1e6), 60.0, 300)
    return pools.force_n


def row(hz: float, method: str, span_s: float, count: int, error: float | None, ratio: float | None) -> None:
    error_text = "" if error is None else f"{error:.0e}"
    ratio_text = "" if ratio is None else f"{ratio:.1f}"
    print(f"| {hz:g} | {method} | {1e6 * span_s / count:.1f} | {error_text} | {ratio_text} |")


def main() -> None:
    try:
        import scipy
    except ImportError:
        scipy = None
        print("scipy is not installed: no comparison\n")
    print("| Hz | method | µs a pulse | error of force / peak | times the cost |\n|---|---|---|---|---|")
    for hz in RATES_HZ:
        pulses = [k / hz for k in range(round(hz * SECONDS))]
        own_s, own = best(lambda pulses=pulses: collocated(pulses))  # type: ignore[misc]
        reference = dop853(pulses, 1e-11) if scipy else own

        def error(values: list[float], reference: list[float] = reference) -> float:
            return float(np.max(np.abs(np.subtract(values, reference)))) / max(reference)

        row(hz, "collocation, 5 nodes", own_s, len(pulses), error(own) if scipy else None, 1.0)
        for rtol in (1e-4, 1e-6, 1e-8) if scipy else ():
            span_s, values = best(lambda rtol=rtol, pulses=pulses: dop853(pulses, rtol), 1)  # type: ignore[misc]
            row(hz, f"DOP853, rtol {rtol:.0e}", span_s, len(pulses), error(values), span_s / own_s)
        span_s, _ = best(lambda pulses=pulses: force_trace("ding2003", pulses, SECONDS, fatigue=True))  # type: ignore[misc]
        row(hz, "force_trace, read anywhere", span_s, len(pulses), None, span_s / own_s)
        span_s, _ = best(lambda pulses=pulses: pooled(pulses), 1)  # type: ignore[misc]
        row(hz, f"{POOLS} pools, all firing", span_s, len(pulses), None, span_s / own_s)


if __name__ == "__main__":
    main()
