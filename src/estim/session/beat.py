"""When the pulses of one contraction fall, and which of them are doublets or triplets. Pure."""

from __future__ import annotations

from typing import NamedTuple

from estim.safety.commands import ChannelOutput
from estim.safety.schedule import Window
from estim.safety.units import MicroAmp, Micros, ceil_div


class Form(NamedTuple):
    """What a pulse is besides its amplitude."""

    period_us: Micros
    burst_pulses: int
    burst_interval_us: Micros

    def told(self, window: Window, amplitude_ua: MicroAmp) -> ChannelOutput:
        """This pulse of `window` as the device is told it."""
        return ChannelOutput(
            channel=window.channel,
            amplitude_ua=amplitude_ua,
            pulse_width_us=window.pulse_width_us,
            interphase_us=window.interphase_us,
            period_us=self.period_us,
            phase_ratio=window.phase_ratio,
            burst_pulses=self.burst_pulses,
            burst_interval_us=self.burst_interval_us,
            shape=window.shape,
        )


class Beat:
    """The times of a window's pulses since the first one, and their forms.

    Attributes:
        pulses: how many the window has.
        lead_us: half of its shortest period.
    """

    __slots__ = (
        "_every",
        "_first",
        "_forms",
        "_longer",
        "_plain",
        "_silent",
        "_switch",
        "_switch_us",
        "_then",
        "_times",
        "lead_us",
        "pulses",
    )

    def __init__(self, window: Window) -> None:
        train, period_us = window.train, window.period_us
        self._plain = Form(period_us, window.burst_pulses, window.burst_interval_us)
        self._first, self._then = self._plain, self._plain
        self._times = self._every = 0
        self._switch = 1 << 40  # number of the first pulse at the second rate
        if train is not None and train.times:
            self._first = Form(period_us, train.burst_pulses, train.burst_interval_us)
            self._times, self._every = train.times, ceil_div(train.repeat_us, period_us)
        if train is not None and train.then_period_us:
            self._then = self._plain._replace(period_us=train.then_period_us)
            self._switch = ceil_div(train.after_us, period_us)
        self._forms = tuple({self._first, self._plain, self._then})
        self._switch_us = self._switch * period_us
        self._silent = self._longer = 0
        self.lead_us = min(period_us, self._then.period_us) // 2
        self.pulses = self.number_from(window.on_us)

    def played(self, first: int, told: Form, until_us: int) -> tuple[int, int, int]:
        """What came from pulse `first` to before the next at `until_us`.

        Gives:
            Pulses, bursts counted out, of a device that was told `told` (the second rate, where that came late, it does
            not play by itself); the time they took; and the most that one of the window's forms has in so much time.
        """
        last = max(first, self.number_from(until_us))
        on_us, count = self.at_us(last) - self.at_us(first), last - first
        if count and self.form(last - 1).period_us != told.period_us:
            count = ceil_div(until_us - self.at_us(first), told.period_us)
        most = max([ceil_div(on_us, form.period_us) * form.burst_pulses for form in self._forms])
        return count * told.burst_pulses, on_us, max(count * told.burst_pulses, most)

    def begins_silent(self, pulses: int) -> None:
        """So many at its beginning lie below the device's step: the first that is felt is the first."""
        self._silent = pulses

    def first_lasts_longer(self, pulses: int) -> None:
        """So many pulses longer the first ones last, where the device takes no command before the second."""
        self._longer = pulses

    def at_us(self, pulse: int) -> int:
        """When pulse number `pulse` falls."""
        if pulse <= self._switch:
            return pulse * self._plain.period_us
        return self._switch_us + (pulse - self._switch) * self._then.period_us

    def number_at(self, time_us: int) -> int:
        """The last pulse at or before this time; below 0 before the first."""
        if time_us < self._switch_us:
            return time_us // self._plain.period_us
        return self._switch + (time_us - self._switch_us) // self._then.period_us

    def number_from(self, time_us: int) -> int:
        """The first pulse at or behind this time."""
        return -self._before(-time_us)

    def _before(self, negated_us: int) -> int:
        if -negated_us <= self._switch_us:
            return negated_us // self._plain.period_us
        return -self._switch + (negated_us + self._switch_us) // self._then.period_us

    def form(self, pulse: int) -> Form:
        """What pulse number `pulse` is."""
        number = max(0, pulse - self._silent)
        here = number % self._every if self._every else number
        if self._times and here < self._times + (self._longer if here == number else 0):
            return self._first
        return self._plain if pulse < self._switch else self._then

    def next_change(self, pulse: int) -> int:
        """The first pulse behind number `pulse` whose form may differ from that of the one before it."""
        if self._times:
            number = max(0, pulse - self._silent)
            turn = number - number % self._every if self._every else 0
            begins = turn + self._every if self._every else 1 << 40
            ends = turn + self._times + (0 if turn else self._longer)
            return self._silent + (ends if number < ends else begins)
        return self._switch if pulse < self._switch else 1 << 40
