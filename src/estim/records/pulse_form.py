"""How the pulses of a channel differ from single, even, symmetric ones, in words, from a record's own plan."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

Plan = Mapping[str, Any]


def rates_mhz(window: Plan) -> set[int]:
    """Every rate of the plan: what the protocol asks for, and of a train of two rates the other one as it is played."""
    asked_mhz, then_us = window["frequency_mhz"], (window.get("train") or {}).get("then_period_us")
    if not then_us:
        return {asked_mhz}
    played = sorted(
        (1_000_000_000 // each for each in (window["period_us"], then_us)), key=lambda f: abs(f - asked_mhz)
    )
    return {asked_mhz, played[1]}


def form_words(windows: Iterable[Plan]) -> str:
    """`2 pulses 8 ms apart in place of each`; "" where all are single, even and symmetric."""
    return "; ".join(dict.fromkeys(word for window in windows for word in (*_train(window), *_shape(window))))


def rate_words(window: Plan) -> str:
    """The rate, and what is not even about it."""
    return "; ".join((f"{window['frequency_mhz'] / 1_000:g}", *_train(window)))


def width_words(window: Plan) -> str:
    """The width of a phase, and what is not symmetric about the pulse."""
    return "; ".join((str(window["pulse_width_us"]), *_shape(window)))


def _train(window: Plan) -> list[str]:
    words, train = [], window.get("train") or {}
    if window.get("burst_pulses", 1) > 1:
        words.append(f"{_burst(window)} in place of each")
    if train.get("then_period_us"):
        before, then = (1_000_000 / each for each in (window["period_us"], train["then_period_us"]))
        words.append(f"{before:.4g} Hz, from {train['after_us'] / 1e6:g} s on {then:.4g} Hz")
    elif train.get("times"):
        first = "first one" if train["times"] == 1 else f"first {train['times']}"
        again = f", again every {train['repeat_us'] / 1e6:g} s" if train.get("repeat_us") else ""
        words.append(f"{_burst(train)} in place of the {first}{again}")
    return words


def _burst(said: Plan) -> str:
    return f"{said['burst_pulses']} pulses {said['burst_interval_us'] / 1_000:g} ms apart"


def _shape(window: Plan) -> list[str]:
    if window.get("shape"):
        return [" ".join(f"{us} µs at {permille / 10:g} %" for us, permille in window["shape"])]
    ratio = window.get("phase_ratio", 1)
    back_us = window["pulse_width_us"] * ratio
    return [f"second phase {back_us} µs at 1/{ratio} of the current"] if ratio > 1 else []
