"""Rises, judged a second time: who asked for this one, from which level, how long after the last (L15, L16). Pure.

The levels here move up by one thing alone: a step that was authorised in the turn in which a person pressed the key for
it, once it is durable. So no defect above can raise by a plan, by a fall, by an old key or by one key twice. They begin
at 0 mA while levels are found, and in a therapy at what this sitting has found, however the plan reads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from estim.safety.authorisation import Peak
from estim.safety.commands import ChannelOutput
from estim.safety.errors import InterlockTripped
from estim.safety.hard_bounds import RAISE_STEP_MAX_UA, RAISES_MAX_PER_S, RISE_MAX_UA_PER_S
from estim.safety.interlock_pulse import Pulse, pulse_of, pulses_of
from estim.safety.schedule import Window
from estim.safety.units import US_PER_S, ceil_div
from estim.safety.verdict import ClearedSchedule

BLOCK_UA, BLOCK_PAUSE_US = 10_000, US_PER_S  # L16: at least 1 s between blocks of 10 mA


@dataclass(frozen=True, slots=True, kw_only=True)
class Rise:
    """One step up of one channel's level.

    Attributes:
        channel: device channel.
        from_ua, to_ua: the level before and after.
    """

    channel: int
    from_ua: int
    to_ua: int


@dataclass(slots=True)
class _Lane:
    """One channel: its level, and what plays."""

    level_ua: int
    step_ua: int  # L15's, or one step of the device × phase ratio where that is more
    grid_ua: int  # one step of the device × phase ratio
    shares: dict[tuple[int, int], int]  # (period, width) → the greatest share of the level that its windows play
    least: dict[tuple[int, int], int]  # ... and the smallest
    kin: dict[Pulse, Pulse]  # pulse of a train → the one that stands for the train
    followers: tuple[int, ...]  # channels that play a share of this one's level, never more than their own
    lowered_us: int = -1  # when a fall of the level was last told
    amplitude_ua: int = 0
    pulse: Pulse | None = None
    plays: tuple[int, int] = (0, 0)  # period and width of what plays, or played last
    falls: bool = False  # its train has begun to fall, and nobody lowered the level


class Rises:
    """The levels of one cleared schedule, and what has lifted them.

    Args:
        before: of the schedule before this one in the same sitting; None: nothing is known of what was found, and a
            therapy's own levels are where it begins.

    Attributes:
        risen_us: channel → when its level last rose.
        highest_ua: channel → the most that it was given while levels were found or played.
    """

    def __init__(self, cleared: ClearedSchedule | None, before: Rises | None = None) -> None:
        self._lanes: dict[int, _Lane] = {}
        self._asked: tuple[int, int] | None = None  # channel and time of a key that was not used yet
        self._pending: dict[int, Rise] = {}
        self.risen_us: dict[int, int] = {} if before is None else before.risen_us
        self.highest_ua: dict[int, int] = {} if before is None else before.highest_ua
        self._counts = cleared is not None and cleared.schedule.purpose != "low-rate"  # levels belong to their rate
        if cleared is None:
            return
        therapy, limits = cleared.schedule.purpose == "therapy", cleared.limits
        self._pause_us = ceil_div(US_PER_S, min(RAISES_MAX_PER_S, limits["raises_per_s"].value))
        self._slope_ua = min(RISE_MAX_UA_PER_S, limits["ceiling_rise_ua_per_s"].value)
        raise_ua = min(RAISE_STEP_MAX_UA, limits["raise_step_ua"].value)
        for channel in cleared.schedule.channels:
            windows = [w for phase in cleared.schedule.phases for w in phase.windows if w.channel == channel.channel]
            ratio = max((window.phase_ratio for window in windows), default=1)
            level_ua = int(channel.level_ua) if therapy else 0
            if therapy and before is None:
                self.highest_ua[channel.channel] = level_ua
            elif therapy:
                level_ua = min(level_ua, self.highest_ua.get(channel.channel, 0))
            grid_ua = cleared.profile.amplitude_step_ua * ratio
            self._lanes[channel.channel] = _Lane(
                level_ua=level_ua,
                step_ua=max(grid_ua, raise_ua),
                grid_ua=grid_ua,
                shares=_shares(windows, max),
                least=_shares(windows, min),
                kin={pulse: min(pulses_of(w), key=lambda one: one[0]) for w in windows for pulse in pulses_of(w)},
                followers=tuple(
                    w.channel
                    for phase in cleared.schedule.phases
                    for w in phase.windows
                    if w.follows is not None and w.follows.channel == channel.channel
                ),
            )

    # -- levels -----------------------------------------------------------------------------------------------------

    def asked(self, channel: int, now_us: int) -> None:
        """A person has pressed the key that raises `channel`, in this turn."""
        self._asked = (channel, now_us)

    def write(self, n: int, peaks: Iterable[Peak], rise: Rise | None, now_us: int) -> None:
        """Authorisation `n` is asked for, with one rise or with none; the rise counts when it is granted.

        Raises:
            InterlockTripped: it lifts something that nobody asked for, by too much, from a level that does not play
                or has not come, or too soon.
        """
        if rise is not None:
            self._judge_rise(rise, now_us)
        coming = [*self._pending.values(), *([rise] if rise is not None else [])]
        for peak in peaks:
            lane = self._lanes.get(peak.channel)
            most_ua = 0
            if lane is not None:
                levels_ua = [lane.level_ua, *(one.to_ua for one in coming if one.channel == peak.channel)]
                most_ua = max(levels_ua) * lane.shares.get((peak.period_us, peak.pulse_width_us), 0) // 1000
            if peak.peak_ua > most_ua:
                text = f"channel {peak.channel}: a peak in µA that nobody raised to,"
                raise InterlockTripped("L15", text, asked=peak.peak_ua, allowed=most_ua)
        if rise is not None:
            self._asked = None  # one key, one step
            self._pending[n] = rise
            self.risen_us[rise.channel] = now_us

    def _judge_rise(self, rise: Rise, now_us: int) -> None:
        lane = self._lanes.get(rise.channel)
        if lane is None:
            raise InterlockTripped("L15", f"channel {rise.channel} is not part of the cleared schedule")
        if self._asked != (rise.channel, now_us):
            raise InterlockTripped("L15", f"nobody has pressed a key for this rise of channel {rise.channel}")
        if rise.from_ua > lane.level_ua:
            text = "a rise from a level in µA that does not play,"
            raise InterlockTripped("L15", text, asked=rise.from_ua, allowed=lane.level_ua)
        plays_ua = lane.level_ua * lane.least.get(lane.plays, 0) // 1000
        if lane.amplitude_ua + lane.grid_ua <= plays_ua:  # steps that were not felt would add up, and come at once
            text = "a rise while the last one has not come, in µA"
            raise InterlockTripped("L15", text, asked=plays_ua, allowed=lane.amplitude_ua)
        step_ua = rise.to_ua - rise.from_ua
        if not 0 < step_ua <= lane.step_ua:
            raise InterlockTripped("L15", "step of a rise in µA", asked=step_ua, allowed=lane.step_ua)
        pause_us = self._pause_us
        if rise.to_ua > self.highest_ua.get(rise.channel, 0):  # above what this person was given before
            pause_us = max(pause_us, ceil_div(step_ua * US_PER_S, self._slope_ua))
        if rise.to_ua // BLOCK_UA > rise.from_ua // BLOCK_UA:
            pause_us = max(pause_us, BLOCK_PAUSE_US)
        since_us = now_us - self.risen_us.get(rise.channel, now_us - pause_us)
        if since_us < pause_us:
            raise InterlockTripped("L16", "too soon after the last rise, in µs", asked=since_us, allowed=pause_us)

    def grant(self, n: int, now_us: int) -> None:
        """Authorisation `n` is durable: what is felt from now on is its rise."""
        rise = self._pending.pop(n, None)
        if rise is None:
            return
        lane = self._lanes[rise.channel]
        lane.level_ua, lane.falls = rise.to_ua, False
        for follower in lane.followers:
            self._lanes[follower].falls = False
        self.risen_us[rise.channel] = now_us
        if self._counts:
            self.highest_ua[rise.channel] = max(self.highest_ua.get(rise.channel, 0), rise.to_ua)

    def revoke(self) -> None:
        """Rises that are on their way are over."""
        self._pending.clear()
        self._asked = None

    def lower(self, channel: int, level_ua: int, now_us: int) -> None:
        """The level falls to `level_ua`, or a rise was dropped and it stays."""
        self._pending = {n: rise for n, rise in self._pending.items() if rise.channel != channel}
        lane = self._lanes.get(channel)
        if lane is not None:
            lane.level_ua, lane.lowered_us = min(lane.level_ua, level_ua), now_us
            for follower in lane.followers:
                self._lanes[follower].lowered_us = now_us

    # -- what plays -------------------------------------------------------------------------------------------------

    def judge(self, output: ChannelOutput) -> None:
        """A channel's amplitude rises.

        Raises:
            InterlockTripped: above what this pulse has of the level, or in a train that has begun to fall.
        """
        lane = self._lanes[output.channel]
        most_ua = lane.level_ua * lane.shares.get((output.period_us, output.pulse_width_us), 0) // 1000
        if output.amplitude_ua > most_ua:
            text = "amplitude in µA above the level,"
            raise InterlockTripped("L15", text, asked=output.amplitude_ua, allowed=most_ua)
        if lane.falls and lane.amplitude_ua and lane.pulse == lane.kin.get(pulse_of(output)):
            text = "a rise in a train that falls, from µA"
            raise InterlockTripped("L15", text, asked=output.amplitude_ua, allowed=lane.amplitude_ua)

    def note(self, channel: int, output: ChannelOutput | None, now_us: int) -> None:
        """A channel's output as it was sent; None: it is off."""
        lane = self._lanes[channel]
        amplitude_ua = output.amplitude_ua if output is not None else 0
        pulse = lane.kin.get(pulse_of(output)) if output is not None else lane.pulse
        if not amplitude_ua or not lane.amplitude_ua or pulse != lane.pulse:
            lane.falls = False
        elif amplitude_ua < lane.amplitude_ua:
            lane.falls = lane.falls or lane.lowered_us != now_us
        lane.amplitude_ua, lane.pulse = amplitude_ua, pulse
        if output is not None:
            lane.plays = (int(output.period_us), int(output.pulse_width_us))

    def off(self) -> None:
        """All output is off, and what was on its way to more is over."""
        self.revoke()
        for lane in self._lanes.values():
            lane.amplitude_ua, lane.falls = 0, False


def _shares(windows: Iterable[Window], taken: Callable[[int, int], int]) -> dict[tuple[int, int], int]:
    shares: dict[tuple[int, int], int] = {}
    for window in windows:
        for period_us, width_us, *_ in pulses_of(window):
            pulse = (int(period_us), int(width_us))
            shares[pulse] = taken(shares.get(pulse, window.intensity_permille), window.intensity_permille)
    return shares
