"""What a capture says about a step: each figure with its uncertainty, its limit and a verdict. Pure.

A limit is kept only with the uncertainty added: else a figure is undecided, never passed. The limits are judgement
(they are tighter than the ±20 % of IEC 60601-2-10) and no statement of conformity.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from estim.desk.qualify.steps import BenchStep
from estim.desk.qualify.waveform import Capture, SeenPulse

AMPLITUDE, AMPLITUDE_MIN_MA, OVER = 0.10, 1.0, 0.05
WIDTH, WIDTH_MIN_US = 0.02, 2.0
RATE = 0.01
USUAL_JITTER_US = 270.0  # of half of all periods where a host times them: a line whose delay wanders by 0.9 ms
BALANCE, BALANCE_FROM_MA, BALANCE_MIN_PC = 0.01, 20.0, 100_000.0
DC_ON_UA, DC_IDLE_UA, ZERO_MA = 50.0, 10.0, 0.2
STOP_MS = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One judged quantity."""

    step: str
    channel: int
    name: str
    asked: float
    measured: float
    uncertainty: float
    limit: str
    unit: str
    verdict: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A step's figures, and by how much its current was above what was asked (a factor less one)."""

    figures: tuple[Figure, ...]
    over: float = 0.0
    stop_ms: float | None = None


def judge(step: BenchStep, capture: Capture, pulses: Sequence[SeenPulse]) -> Judged:
    """All figures of one step."""
    if step.kind == "ramp":
        return Judged(figures=tuple(_ramp(step, capture, pulses)))
    if step.kind == "zero":
        return Judged(figures=tuple(_zero(step, capture, pulses)))
    if not pulses:
        return Judged(figures=(figure(step, "pulses", 1, 0, 0, "at least one", "", ok=False),))
    asked_ua = step.amplitude_ma * 1_000
    i1, u_i = statistics.median(p.i1_ua for p in pulses), statistics.median(p.u_i_ua for p in pulses)
    stops = list(_stop(step, capture, pulses)) if step.kind == "stop" else []
    figures = [
        *_amplitude(step, pulses, asked_ua),
        *(_width(step, pulses) if step.kind == "width" else ()),
        *(_rate(step, pulses) if step.kind == "rate" else ()),
        *_balance(step, capture, pulses),
        *stops,
    ]
    return Judged(
        figures=tuple(figures), over=max(0.0, (i1 - u_i) / asked_ua - 1) if asked_ua else 0.0,
        stop_ms=stops[0].measured if stops else None,
    )  # fmt: skip


def _within(error: float, uncertainty: float, limit: float) -> str:
    """Pass with the uncertainty added, fail with it taken off, else undecided."""
    if abs(error) + uncertainty <= limit:
        return "pass"
    return "fail" if abs(error) - uncertainty > limit else "undecided"


def figure(
    step: BenchStep, name: str, asked: float, measured: float, uncertainty: float, limit: str, unit: str, *,
    ok: bool | None = None, error: float = 0.0, bound: float = 0.0,
) -> Figure:  # fmt: skip
    """One judged quantity: right or wrong (`ok`), or an error held against its bound, the uncertainty added."""
    verdict = _within(error, uncertainty, bound) if ok is None else "pass" if ok else "fail"
    return Figure(
        step=step.id, channel=step.channel, name=name, asked=asked, measured=measured, uncertainty=uncertainty,
        limit=limit, unit=unit, verdict=verdict,
    )  # fmt: skip


def _zero(step: BenchStep, capture: Capture, pulses: Sequence[SeenPulse]) -> Iterator[Figure]:
    mean_ua, u_ua = _mean(capture)
    yield figure(step, "pulses at 0 mA", 0, len(pulses), 0, f"none above {ZERO_MA} mA", "", ok=not pulses)
    yield figure(step, "d.c.", 0, mean_ua, u_ua, f"≤ {DC_IDLE_UA:g}", "µA", error=mean_ua, bound=DC_IDLE_UA)


def _mean(capture: Capture) -> tuple[float, float]:
    """Mean of the samples at rest, and how well it is known."""
    rest = statistics.median(capture.i_ua)
    calm = [value for value in capture.i_ua if abs(value - rest) < 4 * (capture.step_ua or 1.0)]
    spread = statistics.pstdev(calm) if len(calm) > 1 else 0.0
    return statistics.fmean(calm), 2 * spread / len(calm) ** 0.5 + capture.step_ua / len(calm) ** 0.5


def _amplitude(step: BenchStep, pulses: Sequence[SeenPulse], asked_ua: float) -> Iterator[Figure]:
    bound = max(AMPLITUDE * asked_ua, AMPLITUDE_MIN_MA * 1_000)
    for name, values in (("I1", [p.i1_ua for p in pulses]), ("I2", [-p.i2_ua for p in pulses])):
        measured, u = statistics.median(values), statistics.median(p.u_i_ua for p in pulses)
        limit = f"±{bound / 1_000:g}"
        yield figure(step, name, asked_ua / 1e3, measured / 1e3, u / 1e3, limit, "mA",
                      error=(measured - asked_ua) / 1e3, bound=bound / 1e3)  # fmt: skip
    measured, u = statistics.median(p.i1_ua for p in pulses), statistics.median(p.u_i_ua for p in pulses)
    over = max(0.0, measured - asked_ua)
    bound = max(OVER * asked_ua, 2 * u)  # below some mA the instrument, not the device, would decide
    limit = f"≤ {bound / 1e3:.3g}"
    yield figure(step, "over-delivery", 0, over / 1e3, u / 1e3, limit, "mA", error=over / 1e3, bound=bound / 1e3)


def _width(step: BenchStep, pulses: Sequence[SeenPulse]) -> Iterator[Figure]:
    u = statistics.median(p.u_w_us for p in pulses)
    for name, asked, values in (
        ("w1", step.width_us, [p.w1_us for p in pulses]), ("w2", step.width_us, [p.w2_us for p in pulses]),
        ("gap", step.gap_us, [p.gap_us for p in pulses]),
    ):  # fmt: skip
        measured, bound = statistics.median(values), max(WIDTH * asked, WIDTH_MIN_US)
        yield figure(step, name, asked, measured, u, f"±{bound:g}", "µs", error=measured - asked, bound=bound)


def _rate(step: BenchStep, pulses: Sequence[SeenPulse]) -> Iterator[Figure]:
    asked_us = 1e6 / step.rate_hz
    periods = [b.t_us - a.t_us for a, b in pairwise(pulses)]
    if not periods:
        yield figure(step, "pulses", 2, len(pulses), 0, "at least two", "", ok=False)
        return
    median = statistics.median(periods)
    error, bound = median - asked_us, RATE * asked_us
    yield figure(step, "period", asked_us, median, 1.0, f"±{RATE:.0%}", "µs", error=error, bound=bound)
    widest = max(abs(period - median) for period in periods)
    yield figure(step, "jitter", 0, widest, 1.0, f"≤ {step.jitter_us:g}", "µs", error=widest, bound=step.jitter_us)
    if step.jitter_us > USUAL_JITTER_US:  # a host that is late now and then is not a device that never keeps its time
        usual = statistics.median(abs(period - median) for period in periods)
        bound = USUAL_JITTER_US
        yield figure(step, "usual jitter", 0, usual, 1.0, f"≤ {bound:g}", "µs", error=usual, bound=bound)


def _balance(step: BenchStep, capture: Capture, pulses: Sequence[SeenPulse]) -> Iterator[Figure]:
    net, q1 = statistics.median(p.q1_pc + p.q2_pc for p in pulses), statistics.median(p.q1_pc for p in pulses)
    u = statistics.median(p.u_q_pc for p in pulses) / len(pulses) ** 0.5
    bound = BALANCE * abs(q1) if step.amplitude_ma >= BALANCE_FROM_MA else BALANCE_MIN_PC
    limit = f"≤ {bound / 1e6:.3g}"
    yield figure(step, "Q1 + Q2", 0, net / 1e6, u / 1e6, limit, "µC", error=net / 1e6, bound=bound / 1e6)
    mean_ua, u_ua = _mean(capture)
    apart_us = [after.t_us - before.t_us for before, after in pairwise(pulses)]
    if apart_us:  # what each pulse leaves flows as well, once a period
        mean_ua += net / statistics.median(apart_us)
        u_ua += u / statistics.median(apart_us)
    yield figure(step, "d.c.", 0, mean_ua, u_ua, f"≤ {DC_ON_UA:g}", "µA", error=mean_ua, bound=DC_ON_UA)


def _ramp(step: BenchStep, capture: Capture, pulses: Sequence[SeenPulse]) -> Iterator[Figure]:
    """No pulse lies above the straight line up by more than one step; none comes behind the end of the ramp down."""
    if not pulses:
        yield figure(step, "pulses", 1, 0, 0, "at least one", "", ok=False)
        return
    begin_us, begin_ua, above, u = pulses[0].t_us, pulses[0].i1_ua, 0.0, 0.0  # the first ones are too low to be seen
    for pulse in pulses:
        line_ua = begin_ua + (pulse.t_us - begin_us) / (step.ramp_s * 1e6) * step.amplitude_ma * 1e3
        line_ua = min(line_ua, step.amplitude_ma * 1e3)
        above, u = max((above, u), (pulse.i1_ua - line_ua, pulse.u_i_ua))
    bound = step.step_ma + OVER * step.amplitude_ma
    yield figure(step, "above the line", 0, above / 1e3, u / 1e3, f"≤ {bound:g}", "mA", error=above / 1e3, bound=bound)
    yield from _stop(step, capture, pulses)


def _stop(step: BenchStep, capture: Capture, pulses: Sequence[SeenPulse]) -> Iterator[Figure]:
    """From the marker to the last pulse; without a marker nothing is known."""
    up = next((t for t, level in zip(capture.t_us, capture.marker, strict=True) if level > 1.0), None)
    if up is None:
        yield Figure(step=step.id, channel=step.channel, name="stop", asked=0, measured=0, uncertainty=0,
                     limit="a marker is needed", unit="ms", verdict="undecided")  # fmt: skip
        return
    late_ms = max(0.0, (pulses[-1].t_us - up) / 1_000)
    bound = 1_000 / step.rate_hz + STOP_MS
    yield figure(step, "stop", 0, late_ms, 0.01, f"≤ {bound:g}", "ms", error=late_ms, bound=bound)
