"""What was held since output was last off, and what a contraction that was too short for its ramp came to. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from estim.safety.schedule import Shape, Window

PulseKey = tuple[int, int, int, int, int, int, int, Shape]  # a channel and all that tells a pulse from others


def pulse_of(window: Window) -> PulseKey:
    """What a window is held at: its pulse, of two rates the faster, which levels are found at."""
    return (
        window.channel, window.shortest_us, window.pulse_width_us, window.interphase_us, window.phase_ratio,
        window.burst_pulses, window.burst_interval_us, window.shape,
    )  # fmt: skip


class Held:
    """Pulse → the amplitude that was held at it (L17b), or led to.

    Args:
        proven_ua: what today's titration held.
    """

    def __init__(self, proven_ua: Mapping[PulseKey, int]) -> None:
        self._held_ua = dict(proven_ua)
        self._led_ua: dict[PulseKey, int] = {}

    def note(self, window: Window, peak_ua: int, *, held: bool) -> None:
        """A contraction came to `peak_ua`; one that the window was too short for is led to."""
        reached, pulse = self._held_ua if held else self._led_ua, pulse_of(window)
        reached[pulse] = max(reached.get(pulse, 0), peak_ua)

    def is_held(self, window: Window, target_ua: int) -> bool:
        """This much was held."""
        return self._held_ua.get(pulse_of(window), 0) >= target_ua

    def came(self, window: Window, target_ua: int) -> bool:
        """This much was played, held or not."""
        return self.is_held(window, target_ua) or self.led_ua(window) >= target_ua

    def led_ua(self, window: Window) -> int:
        """How far contractions came that were too short for their ramp."""
        return self._led_ua.get(pulse_of(window), 0)

    def proven_ua(self) -> dict[PulseKey, int]:
        """What was held."""
        return dict(self._held_ua)

    def lose(self) -> None:
        """Output is off: the long ramp again."""
        self._held_ua.clear()
        self._led_ua.clear()
