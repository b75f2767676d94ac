"""The output stage of P24 and RehaMove3: one current source that serves all channels in turn, each in its own
period.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from firmware_sim.devices.interface import Pulse
from firmware_sim.devices.load_port import Load, ResistiveLoad

OPEN_OHM, SHORT_OHM = 10_000, 50  # a lead in the air, pads that touch; skin and pads stay well between
LOW_PERCENT = 90  # less of the current than this is "low current" (estimate: 90 to 95 %)

Points = tuple[tuple[int, int], ...]  # (current in µA, duration in µs)


@dataclass(frozen=True, slots=True)
class _Part:
    """A pulse within a pattern: a phase, perhaps a gap and the phase of the other sign."""

    offset_us: int
    first_ua: int
    width_us: int
    gap_us: int
    second: Points


def split(points: Points) -> tuple[_Part, ...]:
    """A point list as pulses: each begins with a current and takes along what follows of the other sign."""
    parts: list[_Part] = []
    index, at_us = 0, 0
    while index < len(points):
        current, width = points[index]
        if current == 0:
            at_us += width
            index += 1
            continue
        offset = at_us
        at_us += width
        index += 1
        gap, ahead = 0, index
        while ahead < len(points) and points[ahead][0] == 0:
            gap += points[ahead][1]
            ahead += 1
        second: list[tuple[int, int]] = []
        owed = current * width
        while ahead < len(points) and points[ahead][0] * current < 0 and owed * current > 0:
            second.append(points[ahead])
            owed += points[ahead][0] * points[ahead][1]
            ahead += 1
        if second:
            at_us += gap + sum(duration for _, duration in second)
            index = ahead
        parts.append(_Part(offset, current, width, gap if second else 0, tuple(second)))
    return tuple(parts)


@dataclass(slots=True)
class Lane:
    """One channel's train."""

    points: Points
    parts: tuple[_Part, ...]
    length_us: int
    period_us: int
    next_us: int
    ramp: int = 0  # patterns with a lower, rising current that are still to come
    ramp_steps: int = 0
    peak_ua: int = 0

    def play(self, points: Points) -> None:
        """New points from the next pulse on."""
        self.points, self.parts = points, split(points)
        self.length_us = sum(duration for _, duration in points)
        self.peak_ua = max((abs(current) for current, _ in points), default=0)


class OutputStage:
    """Plays lanes against loads; tells `on_pulse` each pulse and `on_error` each channel that failed."""

    def __init__(
        self, channels: int, *, overhead_us: int, detect_from_ua: int, test_pulse: bool, low_current: bool
    ) -> None:
        self.lanes: dict[int, Lane] = {}
        self.loads: dict[int, Load] = {number: ResistiveLoad() for number in range(1, channels + 1)}
        self.on_pulse: Callable[[Pulse], None] = lambda _pulse: None
        self._overhead_us = overhead_us
        self._detect_from_ua = detect_from_ua
        self._test_pulse = test_pulse
        self._low_current = low_current
        self.free_us = 0  # when the one source is free again

    def start(self, channel: int, points: Points, period_us: int, ramp: int, now_us: int) -> None:
        """Enable a channel, or give a running one new points from its next pulse on."""
        known = self.lanes.get(channel)
        if known is not None:
            if known.points != points:
                known.play(points)
            known.period_us = period_us
            return
        self.lanes[channel] = lane = Lane((), (), 0, period_us, now_us, ramp, ramp)
        lane.play(points)

    def stop(self, channel: int) -> None:
        """Disable a channel."""
        self.lanes.pop(channel, None)

    def stop_all(self) -> None:
        """Disable everything."""
        self.lanes.clear()

    def next_us(self) -> int | None:
        """When the next pulse begins; later than its period says where the source is still busy."""
        due = min((lane.next_us for lane in self.lanes.values()), default=None)
        return None if due is None else max(due, self.free_us)

    def advance(self, now_us: int) -> list[tuple[int, str]]:
        """Play all pulses due up to and including `now_us`; gives (channel, error) of the first that failed, if any."""
        while self.lanes:
            if len(self.lanes) == 1:
                ((channel, lane),) = self.lanes.items()
            else:
                channel, lane = min(self.lanes.items(), key=lambda item: (item[1].next_us, item[0]))
            if lane.next_us > now_us:
                break
            begin_us = max(lane.next_us, self.free_us)
            if begin_us >= lane.next_us + lane.period_us:
                return [(channel, "pulse-timeout")]
            if begin_us > now_us:
                break  # the source is busy beyond now; this pulse falls later
            error = self._play(channel, lane, begin_us)
            if error != "electrode":
                self.free_us = begin_us + lane.length_us + self._overhead_us
            if error:
                return [(channel, error)]
            lane.next_us += lane.period_us
        return []

    def play_once(self, channel: int, points: Points, now_us: int) -> str:
        """Low level: one list, now (or when the source is free); gives the error or ""."""
        begin_us = max(now_us, self.free_us)
        lane = Lane((), (), 0, 1, begin_us)
        lane.play(points)
        error = self._play(channel, lane, begin_us)
        if error != "electrode":
            self.free_us = begin_us + lane.length_us + self._overhead_us
        return error

    def _play(self, channel: int, lane: Lane, begin_us: int) -> str:
        load, detect_from_ua = self.loads[channel], self._detect_from_ua
        peak = lane.peak_ua
        numerator, denominator = 1, 1
        if lane.ramp:
            numerator, denominator = lane.ramp_steps - lane.ramp + 1, lane.ramp_steps + 1
            lane.ramp -= 1
        tested = peak and (self._test_pulse or peak * numerator // denominator >= detect_from_ua)
        if tested and not SHORT_OHM <= load.test_ohm(begin_us) <= OPEN_OHM:
            return "electrode"
        error = ""
        for part in lane.parts:
            sign = 1 if part.first_ua >= 0 else -1
            asked = abs(part.first_ua) * numerator // denominator  # toward zero on both sides: what balanced, balances
            at_us, width_us, gap_us = begin_us + part.offset_us, part.width_us, part.gap_us
            first = load.deliver(asked, width_us, gap_us, at_us)
            if self._low_current and asked >= detect_from_ua and 100 * first < LOW_PERCENT * asked:
                error = "low-current"
            charge, highest = 0, first
            for current, duration in part.second:
                asked = abs(current) * numerator // denominator
                back = load.deliver(asked, duration, 0, at_us + width_us + gap_us)
                charge -= sign * back * duration
                highest = max(highest, back)
            self.on_pulse(Pulse(at_us, channel, sign * first * width_us, charge, width_us, gap_us, highest))
        return error
