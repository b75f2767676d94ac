"""How long each channel was on: in the last five minutes (L20), in this session (L21b), on each muscle (L27). Pure.

Only motor output above 15 Hz counts: below that contractions don't fuse and the limits on time don't apply.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

from estim.safety.limits_table import FUSED_MHZ
from estim.safety.schedule import ScheduleChannel, Window

DUTY_WINDOW_US = 300_000_000  # L20: over 5 minutes


def counts(channel: ScheduleChannel, window: Window) -> bool:
    """Whether L19 to L21 and L27 speak of this window."""
    return channel.output == "motor" and window.frequency_mhz > FUSED_MHZ


class OnTime:
    """The ON time of one patient's session. ON = from the first pulse of the ramp to the end of the last period."""

    def __init__(self) -> None:
        self._spans: dict[int, deque[tuple[int, int]]] = {}
        self._total_us: dict[int, int] = {}
        self._muscle_us: dict[str, int] = {}
        self._before_plan_us: dict[int, int] = {}
        self._before_plan_muscle_us: dict[str, int] = {}

    def note(self, channel: ScheduleChannel, begin_us: int, end_us: int, *, therapy: bool) -> None:
        """`channel` was on from `begin_us` to `end_us`; finding levels counts for the five minutes alone."""
        if end_us <= begin_us:
            return
        self._spans.setdefault(channel.channel, deque()).append((begin_us, end_us))
        if not therapy:
            return
        self._total_us[channel.channel] = self.total_us(channel.channel) + end_us - begin_us
        for muscle in channel.day_accounts:  # two channels on one muscle add: more than the truth, never less
            self._muscle_us[muscle] = self._muscle_us.get(muscle, 0) + end_us - begin_us

    def had_us(self, channel: int, from_us: int) -> int:
        """ON time of device channel `channel` since `from_us`; what lies before is forgotten."""
        spans = self._spans.get(channel)
        if spans is None:
            return 0
        while spans and spans[0][1] <= from_us:
            spans.popleft()
        return sum(end_us - max(begin_us, from_us) for begin_us, end_us in spans)

    def total_us(self, channel: int) -> int:
        """ON time of device channel `channel` in this session (L21b)."""
        return self._total_us.get(channel, 0)

    def ready_us(self, channel: int, on_us: int, permille: int, now_us: int) -> int:
        """The earliest time from `now_us` on at which `on_us` more may begin without passing `permille` of 5 min.

        What lies in the five minutes that end with the new output must not pass the share by itself: so a cycle with
        exactly this duty always fits, whatever 5 min hold of it.
        """
        allowed_us = permille * DUTY_WINDOW_US // 1000
        excess_us = self.had_us(channel, now_us + on_us - DUTY_WINDOW_US) - allowed_us
        from_us = now_us + on_us - DUTY_WINDOW_US
        for begin_us, end_us in self._spans.get(channel, ()):
            if excess_us <= 0:
                break
            leaves_us = min(excess_us, end_us - max(begin_us, from_us))
            excess_us -= leaves_us
            from_us = max(begin_us, from_us) + leaves_us
        return max(now_us, from_us - on_us + DUTY_WINDOW_US)

    def begin_plan(self) -> None:
        """A new plan is loaded: what was had so far lies before it."""
        self._before_plan_us = dict(self._total_us)
        self._before_plan_muscle_us = dict(self._muscle_us)

    def total_of_session(self) -> tuple[Mapping[int, int], Mapping[str, int]]:
        """Device channel → ON time, and `muscle/side` → ON time, of the session so far."""
        return self._total_us, self._muscle_us

    def total_before_plan(self) -> tuple[Mapping[int, int], Mapping[str, int]]:
        """As `total_of_session`, up to where the present plan began."""
        return self._before_plan_us, self._before_plan_muscle_us
