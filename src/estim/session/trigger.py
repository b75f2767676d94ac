"""Triggers: when a triggered phase's windows open and close. Pure; times and samples are arguments.

A gate opens by a key, a switch, a named sensor event or the muscle's own EMG; it closes by its event, by release, or
at the latest after `max_on_us`. A governor withholds a gate that would bring a channel's ON time above its share of
five minutes (L20) or above the session's (L21b): the running gate finishes, the next one waits. Never cut mid-swing.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from estim.safety.reports import EmgSamples
from estim.safety.schedule import PhasePlan, Trigger, Window
from estim.session.cadence import Cadence

ENVELOPE_S = 0.1  # rectified mean over 100 ms (50 to 200 ms are usual)
SETTLED_US = 500_000  # after five times that, what it began with has left it to less than 1 %
EMG_LOST_US = 200_000  # an effort that is not heard for so long (four batches) holds nothing open


@dataclass(frozen=True, slots=True)
class Move:
    """One window opens or closes."""

    opens: bool
    window: Window


@dataclass(slots=True)
class EmgDetector:
    """Effort from EMG: rectified mean above the threshold for the debounce time; armed again only after it fell well
    below.

    While the muscle is stimulated, and for the lock-out after it, nothing counts: what is seen then is artefact and
    M-wave. The other side's muscle is not stimulated, and goes on being heard.
    """

    trigger: Trigger
    _level: float = math.inf  # unknown counts as effort: it must be seen to fall first
    _above_us: int | None = None
    _armed: bool = False
    _deaf_until_us: int = 0
    _heard_us: int = 0  # since it began to listen
    _peak: float = 0.0

    @property
    def level_uv(self) -> int | None:
        """The rectified mean; None until it has been heard for long enough to be one."""
        return round(self._level) if self._heard_us >= SETTLED_US else None

    @property
    def peak_uv(self) -> int:
        """The highest of `level_uv` since it last began to listen, in µV."""
        return round(self._peak)

    @property
    def holds(self) -> bool:
        """The effort that began goes on."""
        return self._level * 100 >= (self.trigger.threshold_uv or 0) * self.trigger.rearm_percent

    def deafen(self, until_us: int) -> None:
        """Nothing counts before `until_us`; the effort must fall and rise anew."""
        self._deaf_until_us = max(self._deaf_until_us, until_us)
        self._armed, self._above_us = False, None
        self._level, self._heard_us = math.inf, 0

    def listens(self, now_us: int) -> bool:
        """What comes now counts."""
        return now_us >= self._deaf_until_us

    def hear(self, samples: EmgSamples, arrived_us: int) -> bool:
        """Take a batch whose last sample is as old as `arrived_us`; True when an effort begins."""
        threshold = self.trigger.threshold_uv or 0
        step_us = 1_000_000 // max(1, samples.rate_hz)
        share = min(1.0, 1 / max(1.0, samples.rate_hz * ENVELOPE_S))
        first_us = arrived_us - step_us * len(samples.samples_uv)
        for index, value in enumerate(samples.samples_uv):
            at_us = first_us + step_us * (index + 1)
            if at_us < self._deaf_until_us:
                self._level = math.inf
                continue
            if math.isinf(self._level):
                self._level, self._heard_us, self._peak = 4.0 * threshold, 0, 0.0
            self._heard_us += step_us
            self._level += share * (abs(value) - self._level)
            self._peak = max(self._peak, self._level) if self._heard_us >= SETTLED_US else 0.0
            if self._level * 100 < threshold * self.trigger.rearm_percent:
                self._armed, self._above_us = True, None
            elif self._level < threshold:
                self._above_us = None
            elif self._armed:
                if self._above_us is None:
                    self._above_us = at_us
                if at_us - self._above_us >= self.trigger.debounce_us:
                    self._armed, self._above_us = False, None
                    return True
        return False


@dataclass(slots=True)
class Gatekeeper:
    """Decides for one triggered phase which windows open and close.

    Args:
        phase: triggered.
        governor: says which rule withholds a window that would open now; "" if none does.
    """

    phase: PhasePlan
    governor: Callable[[Window, int], str]
    withheld: str = ""  # the rule by which the governor did not let a gate open
    _closed_us: dict[int, int] = field(default_factory=dict)
    _opened_us: dict[int, int] = field(default_factory=dict)
    _inside: dict[int, bool] = field(default_factory=dict)
    _close_at_us: dict[int, int] = field(default_factory=dict)
    _letting_go: set[int] = field(default_factory=set)  # channels whose effort is over, and that close by their time
    emg: EmgDetector | None = None
    _cadence: Cadence = field(default_factory=Cadence)

    def __post_init__(self) -> None:
        if self.phase.trigger is not None and self.phase.trigger.source == "emg":
            self.emg = EmgDetector(self.phase.trigger)

    @property
    def trigger(self) -> Trigger:
        """The phase's trigger; `Gatekeeper` is made for phases that have one."""
        if self.phase.trigger is None:
            raise ValueError(f"phase {self.phase.name!r} has no trigger")
        return self.phase.trigger

    def press(self, now_us: int) -> list[Move]:
        """The key, or the switch goes down: all windows open, or none while one of them still plays or rests."""
        if not all(self._may_open(window, now_us) for window in self.phase.windows):
            return []
        return [move for window in self.phase.windows for move in self._open(window, now_us)]

    def release(self, now_us: int) -> list[Move]:
        """The switch goes up: closes what is held open."""
        if not self.trigger.hold:
            return []
        return [move for window in self.phase.windows for move in self._ask_close(window, now_us)]

    def sensor(self, name: str, now_us: int) -> list[Move]:
        """A named event."""
        moves: list[Move] = []
        for window in self.phase.windows:
            if name == (window.trigger_off or self.trigger.off):
                moves += self._ask_close(window, now_us)
            if name == (window.trigger_on or self.trigger.on):
                moves += self._open(window, now_us)
        return moves

    def crank(self, deg: int, now_us: int) -> list[Move]:
        """The crank stands at `deg`: windows open as it comes into them and close as it leaves them.

        Where it stood before is not known at first, and a window that closed by itself must be left before it may open
        again: a crank that stands still never keeps a muscle on.
        """
        moves: list[Move] = []
        self._cadence.see(deg, now_us)
        if self._cadence.reversed:
            return [move for window in self.phase.windows for move in self._ask_close(window, now_us)]
        for window in self.phase.windows:
            if window.crank_deg is None:
                continue
            begin, end = self.in_force_deg(window)
            inside = (deg - begin) % 360 < (end - begin) % 360
            was_inside = self._inside.get(window.channel, True)
            self._inside[window.channel] = inside
            if inside and not was_inside:
                moves += self._open(window, now_us)
            elif was_inside and not inside:
                moves += self._ask_close(window, now_us)
        return moves

    def in_force_deg(self, window: Window) -> tuple[int, int]:
        """The crank angles between which `window` is open at the cadence of the last turn: earlier by the lead, since
        force begins and ends later than the pulses.
        """
        begin, end = window.crank_deg or (0, 0)
        on, off = (
            self._cadence.lead_deg(lead_us, self.trigger.lead_limit_deg)
            for lead_us in (self.trigger.lead_on_us, self.trigger.lead_off_us)
        )
        if (end - begin) % 360 <= off - on:  # the lead of the end would pass the beginning
            off = on
        return (begin - on) % 360, (end - off) % 360

    def hear(self, samples: EmgSamples, now_us: int) -> list[Move]:
        """EMG: an effort opens all windows."""
        if self.emg is None:
            return []
        moves = self.press(now_us) if self.emg.hear(samples, now_us) else []
        return moves + (self._follow(self.emg, now_us) if self.trigger.hold else [])

    def _follow(self, emg: EmgDetector, now_us: int) -> list[Move]:
        """Windows that last as long as the other side's effort: they close when it ends, or is heard no more."""
        moves = []
        for window in self.phase.windows:
            channel = window.channel
            if channel not in self._opened_us:
                continue
            if emg.holds:
                self._letting_go.discard(channel)
                self._close_at_us[channel] = now_us + EMG_LOST_US
            elif channel not in self._letting_go:
                self._letting_go.add(channel)
                self._close_at_us.pop(channel, None)
                moves += self._ask_close(window, now_us)
        return moves

    def waits_for(self, now_us: int) -> str:
        """What would open a window now: emg | key | switch | sensor; "" while refractory or deaf."""
        source = self.trigger.source
        if self.emg is not None and not self.emg.listens(now_us):
            return ""
        refractory = [self._refractory(window, now_us) for window in self.phase.windows]
        if source in {"sensor", "crank"}:  # each window has its own event
            return "" if all(refractory) else "sensor"
        return "" if any(refractory) else source

    def due(self, now_us: int) -> list[Move]:
        """Windows whose extension after the closing event is over."""
        over = [channel for channel, at_us in self._close_at_us.items() if now_us >= at_us]
        for channel in over:
            del self._close_at_us[channel]
        return [Move(False, window) for window in self.phase.windows if window.channel in over]  # noqa: FBT003

    def next_due_us(self) -> int | None:
        """When `due` has something."""
        return min(self._close_at_us.values(), default=None)

    def ended(self, window: Window, now_us: int) -> None:
        """A window's output is over."""
        self._opened_us.pop(window.channel, None)
        self._closed_us[window.channel] = now_us
        self._close_at_us.pop(window.channel, None)
        self._letting_go.discard(window.channel)
        if self.emg is not None:
            self.emg.deafen(now_us + max(self.trigger.lockout_us, self.trigger.blanking_us))

    def take_withheld(self) -> str:
        """The rule by which a gate was withheld since this was last asked; "" if none was."""
        withheld, self.withheld = self.withheld, ""
        return withheld

    def _may_open(self, window: Window, now_us: int) -> bool:
        """Not open, not in its refractory time, and within its share of the last five minutes."""
        if window.channel in self._opened_us or self._refractory(window, now_us):
            return False
        rule = self.governor(window, now_us)
        self.withheld = rule or self.withheld
        return not rule

    def _refractory(self, window: Window, now_us: int) -> bool:
        closed_us = self._closed_us.get(window.channel)
        return closed_us is not None and now_us - closed_us < self.trigger.refractory_us

    def _open(self, window: Window, now_us: int) -> list[Move]:
        if window.channel in self._opened_us:
            self._close_at_us.pop(window.channel, None)  # it was about to close and is wanted again
            return []
        if not self._may_open(window, now_us):
            return []
        self._opened_us[window.channel] = now_us
        if self.emg is not None and self.trigger.emg_side == "treated":
            self.emg.deafen(now_us + window.offset_us + window.max_on_us)
        return [Move(True, window)]  # noqa: FBT003

    def _ask_close(self, window: Window, now_us: int) -> list[Move]:
        begun_us = self._opened_us.get(window.channel)
        if begun_us is None:
            return []
        at_us = max(now_us + self.trigger.extend_us, begun_us + self.trigger.min_on_us)
        if at_us > now_us:
            self._close_at_us[window.channel] = at_us
            return []
        return [Move(False, window)]  # noqa: FBT003
