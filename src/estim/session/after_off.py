"""What may still come after an off was sent: who was on, from when, until somebody knows better. Pure.

An off ends output when it arrives, and nobody knows when that is. So what was on goes on, in the accounts, until the
device itself says that it is idle; where it is not heard any more, until its own timer has run out, since a device that
hears us hears the off that is repeated.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass

from estim.safety.schedule import Window
from estim.safety.units import US_PER_S
from estim.safety.verdict import ClearedSchedule
from estim.session.player import WindowPlayer
from estim.session.run import Run


@dataclass(frozen=True, slots=True)
class StillOn:
    """A window that may play on.

    Attributes:
        from_us: since when nothing of it is booked.
        next_us: its next pulse from there on.
    """

    window: Window
    from_us: int
    next_us: int

    def pulses_until(self, end_us: int) -> int:
        """Pulses that may have come by `end_us`, bursts and doublets counted out."""
        if end_us < self.next_us:
            return 0
        return ((end_us - self.next_us) // self.window.shortest_us + 1) * self.window.most_pulses


@dataclass(frozen=True, slots=True)
class Doubt:
    """What the commands in flight leave open as an off goes out.

    Attributes:
        channels: those that have current by the last command that was acknowledged or by one that was not.
        since_us: when the first one went out that has no answer; None: all have.
    """

    channels: frozenset[int]
    since_us: int | None


def still_on(run: Run, doubt: Doubt, now_us: int) -> Iterable[StillOn]:
    """All windows that may play on after an off at `now_us`."""
    playing = [player for player in run.players if player.amplitude_ua]
    yield from playing_on(playing, now_us)
    channels = doubt.channels - {player.window.channel for player in playing}
    yield from _unasked(run.phase.windows, doubt, channels, now_us)


def playing_on(players: Iterable[WindowPlayer], now_us: int) -> Iterable[StillOn]:
    """Windows that end by a command of `now_us`: a pulse of theirs may fall while that is on its way."""
    for player in players:
        yield StillOn(player.window, now_us, player.next_pulse_us(now_us))


def by_itself(cleared: ClearedSchedule, doubt: Doubt, now_us: int) -> Iterable[StillOn]:
    """What a device may play that says it plays where nothing runs: the most that the plan has for the channel."""
    windows = [window for phase in cleared.schedule.phases for window in phase.windows]
    return _unasked(windows, doubt, doubt.channels, now_us)


def _unasked(windows: Sequence[Window], doubt: Doubt, channels: Set[int], now_us: int) -> Iterable[StillOn]:
    since_us = doubt.since_us if doubt.since_us is not None else now_us
    for channel in channels:
        mine = [window for window in windows if window.channel == channel]
        if mine:  # which of them is not known: the one that gives most
            window = max(mine, key=lambda one: one.most_pulses * US_PER_S // one.shortest_us)
            yield StillOn(window, since_us, since_us)
