"""The judge of real-time bounds: a defect fails it, a pause of the machine does not."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass

import pytest

from tests.system.machine import BUSY_MS, TRIES, Probe, Timed, keeps


@dataclass(frozen=True, slots=True)
class Paused:
    """A machine that stood still for so long, whenever one asks."""

    ms: float = 0.0

    def held_up_ms(self, began_s: float, ended_s: float) -> float:
        assert ended_s >= began_s
        return self.ms


@pytest.mark.parametrize(
    ("took_ms", "pause_ms", "struck"),
    [
        ((12,), 0, 1),
        ((100,), 0, 1),
        ((549, 12), 0, 2),  # a pause that nobody saw
        ((180,), 90, 1),  # one that was seen
        ((450, 450, 90), 90, 3),
    ],
)
def test_one_of_three_has_to_keep_the_bound(took_ms: tuple[float, ...], pause_ms: float, struck: int) -> None:
    seen: list[int] = []
    times = iter(took_ms)

    def strike(number: int) -> Timed:
        seen.append(number)
        return Timed(next(times), 0.0)

    keeps(100, strike, machine=Paused(pause_ms))
    assert seen == list(range(struck))


@pytest.mark.parametrize(("took_ms", "pause_ms"), [(510, 0), (101, 0), (200, 90), (100 + BUSY_MS + 1, 30_000)])
def test_a_defect_shows_each_time(took_ms: float, pause_ms: float) -> None:
    times = iter([took_ms] * TRIES)
    with pytest.raises(AssertionError, match=f"not within 100 ms: {took_ms} ms"):
        keeps(100, lambda _: Timed(next(times), 0.0), machine=Paused(pause_ms))
    assert next(times, None) is None


def test_what_has_to_be_true_each_time_is_asked_once() -> None:
    def strike(_number: int) -> Timed:
        raise AssertionError("the record does not verify")

    with pytest.raises(AssertionError, match="record"):
        keeps(100, strike, machine=Paused())


def test_a_pause_of_an_ordinary_process_is_measured() -> None:
    probe = Probe()
    try:
        probe.held_up_ms(0.0, time.monotonic())
        began = time.monotonic()
        os.kill(probe.process.pid, signal.SIGSTOP)
        time.sleep(0.3)
        os.kill(probe.process.pid, signal.SIGCONT)
        ended = time.monotonic()
        assert probe.held_up_ms(began, ended) > 280
        assert probe.held_up_ms(0.0, 0.001) == 0.0, "before it was there"
    finally:
        probe.close()
