"""The interlock's own count of ON time, apart from the engine's: L20 over five minutes, L21b over the session. Pure."""

from __future__ import annotations

from estim.safety.limits import Limits
from estim.safety.limits_table import FUSED_MHZ
from estim.safety.schedule import OutputClass, Window
from estim.safety.units import US_PER_S

DUTY_WINDOW_US = 300 * US_PER_S
DUTY_MAX_PERMILLE = 750
SESSION_ON_MAX_US = 3_600 * US_PER_S


def fuses(period_us: int) -> bool:
    """Above 15 Hz contractions fuse; below, the limits on ON time don't speak (L19 to L21)."""
    return period_us * FUSED_MHZ < 1_000_000_000


class OnBounds:
    """The share of five minutes and the time of a session that one channel may be on."""

    def __init__(self, limits: Limits, output: OutputClass, windows: tuple[Window, ...]) -> None:
        triggered = any(window.max_on_us for window in windows)
        permille = min(DUTY_MAX_PERMILLE, limits["duty_triggered_permille" if triggered else "duty_permille"].value)
        self.counts = output == "motor" and any(window.frequency_mhz > FUSED_MHZ for window in windows)
        self.in_window_us = permille * DUTY_WINDOW_US // 1000
        self.in_session_us = min(SESSION_ON_MAX_US, limits["motor_on_us"].value)


class OnLedger:
    """When each channel was on; goes on from schedule to schedule of one session."""

    def __init__(self) -> None:
        self._spans: dict[int, list[tuple[int, int]]] = {}
        self._total_us: dict[int, int] = {}

    def note(self, channel: int, begin_us: int, end_us: int, *, therapy: bool) -> None:
        """Device channel `channel` was on from `begin_us` to `end_us`; only therapy counts for the session (L21b)."""
        spans = self._spans.setdefault(channel, [])
        spans.append((begin_us, end_us))
        while spans[0][1] < end_us - DUTY_WINDOW_US:
            spans.pop(0)
        if therapy:
            self._total_us[channel] = self._total_us.get(channel, 0) + end_us - begin_us

    def had_us(self, channel: int, from_us: int) -> int:
        """ON time of `channel` since `from_us`."""
        return sum(max(0, end_us - max(begin_us, from_us)) for begin_us, end_us in self._spans.get(channel, ()))

    def total_us(self, channel: int) -> int:
        """ON time of `channel` in therapies of this session."""
        return self._total_us.get(channel, 0)
