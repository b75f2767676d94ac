"""Invariants of what a person and a durable record allowed: at the electrode, without the plan.

Nothing above the ceiling of the latest durable authorisation; no pulse of a shape that was not cleared; every train
begins at zero and rises in the steps and at the speed that L17a and L17b allow; nobody gets more than one step above
the most that he has had, at L15's and L16's pace.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from estim.rehearsal.stopping import OBEY_US, fallen_by_us
from estim.rehearsal.written import Written
from firmware_sim.devices import plays_each_once, step_ua
from firmware_sim.devices.interface import Pulse
from firmware_sim.faults import Fault

FIRST_UA, FIRST_PERCENT, FIRST_US = 2_000, 10, 300_000  # L17a, absolute
REPEAT_UA, REPEAT_PERCENT, REPEAT_US = 4_000, 25, 100_000  # L17b, absolute
SLOPE_UA_PER_S = 200_000  # L17a
RAISE_UA, RAISE_UA_PER_S = 1_000, 5_000  # L15, L16
SHARE_US = 2_500  # one source serves all channels in turn
SECOND_US = 1_000_000
GAP_PERIODS = 3
LATE_TURN_US = 250_000  # L23
SEEN_US = 500_000  # a status twice a second
_FOR_EVER_US = 1 << 60
LIE_ON_US = 20_000_000  # L19: an update that is ignored may leave a contraction on for as long as one may last

Shape = tuple[int, int, int, int]  # width, gap, period, pulses in a burst


@dataclass(slots=True)
class _Channel:
    ceiling_ua: int = 0
    fell_us: int = 0
    fell_from_ua: int = 0
    last_us: int = -(10**12)
    asked_us: int = -(10**12)  # when the last pulse was asked for, where each is; else `last_us`
    last_ua: int = 0
    begun_us: int = 0
    begun_ua: int = 0
    peak_ua: int = 0  # of the present train
    held_ua: int = 0  # played by a whole train since output was last off
    broken_off: bool = False  # the present train was ended by an off
    reached: bool = False  # the present train has been at its ceiling
    highest_ua: int = 0  # that this session has given
    rises: deque[tuple[int, int]] = field(default_factory=deque)  # of `highest_ua`
    blind_until_us: int = -1  # what flows until then is not what was asked: its pads are not as they should be
    lied: bool = False  # the device kept an old output; whatever it does next is its own

    def fall(self, now_us: int) -> None:
        """The ceiling falls; what is on its way to the higher one may still play (`fallen_by_us`)."""
        soon = now_us - self.fell_us <= SECOND_US
        self.fell_from_ua = max(self.ceiling_ua, self.fell_from_ua if soon else 0)
        self.fell_us = now_us


class Lawful:
    """Give it what the record says and every pulse.

    Attributes:
        shapes: device channel → pulses that were cleared.
        written: of a device that plays each list once: what the host wrote; else None.
        lying: the device acknowledges updates and ignores them.
    """

    def __init__(self, broken: dict[str, str], model: str, faults: Sequence[Fault]) -> None:
        self.shapes: dict[int, frozenset[Shape]] = {}
        self.period_us: dict[int, tuple[int, int]] = {}  # shortest, longest
        self.lying = False
        self._broken = broken
        self._model = model
        self._step_ua = step_ua(model)
        self.written = Written(faults) if plays_each_once(model) else None
        self._faults = faults
        self._channels: dict[int, _Channel] = {}

    def _channel(self, number: int) -> _Channel:
        return self._channels.setdefault(number, _Channel())

    # -- what the record says -----------------------------------------------------------------------------------------

    def granted(self, peaks: dict[int, int], now_us: int) -> None:
        """An authorisation is durable."""
        for number, peak_ua in peaks.items():
            channel = self._channel(number)
            if peak_ua < channel.ceiling_ua:
                channel.fall(now_us)
            channel.ceiling_ua = peak_ua

    def lowered(self, number: int, level_ua: int, now_us: int) -> None:
        """A level fell."""
        channel = self._channel(number)
        if level_ua < channel.ceiling_ua:
            channel.fall(now_us)
            channel.ceiling_ua = level_ua

    def returned(self, *, found: bool) -> None:
        """Output ended, whyever: the way back is the long ramp from zero, but for levels that were just `found`."""
        for channel in self._channels.values():
            channel.held_ua = max(channel.held_ua, channel.peak_ua) if found else 0
            channel.broken_off = True

    def forgotten(self) -> None:
        """A fault: what was tolerated does not count any more."""
        for channel in self._channels.values():
            channel.highest_ua = 0

    def pads_changed(self, number: int, now_us: int, *, right: bool) -> None:
        """A pad came off or dried, or is as it should be again: seen at the device's next status at the latest."""
        channel = self._channel(number)
        channel.blind_until_us = now_us + SEEN_US if right else _FOR_EVER_US
        if (
            right
        ):  # what was raised meanwhile nobody felt, and a device that plays nothing into an open lead showed none
            channel.highest_ua = max(channel.highest_ua, channel.ceiling_ua)

    def lied(self) -> None:
        """The device begins to do what it is told again, wherever that is by now."""
        self.lying = False
        for channel in self._channels.values():
            channel.lied = True
            channel.highest_ua = max(channel.highest_ua, channel.ceiling_ua)

    def cleared(self, shapes: dict[int, frozenset[Shape]]) -> None:
        """A schedule was cleared: pulses of these shapes may come."""
        self.shapes = shapes
        periods = {number: [shape[2] for shape in known] for number, known in shapes.items() if known}
        self.period_us = {number: (min(known), max(known)) for number, known in periods.items()}

    # -- what flows ---------------------------------------------------------------------------------------------------

    def see(self, pulse: Pulse) -> None:
        """One pulse left the output stage."""
        channel = self._channel(pulse.channel)
        shortest_us, period_us = self.period_us.get(pulse.channel, (SECOND_US, SECOND_US))
        late_us = LATE_TURN_US if self.written else 0  # each pulse waits for the host, which may be so late
        asked_us = self._asked_us(pulse)
        if self.written is not None and self.written.doubled:
            self._below_the_ceiling(channel, pulse, period_us)
            return  # as its twin: no other height, and no part of the train's time
        begins = asked_us - channel.asked_us > max(GAP_PERIODS * period_us, late_us + period_us)
        if begins:
            if not channel.broken_off:
                channel.held_ua = max(channel.held_ua, channel.peak_ua)
            channel.begun_us, channel.begun_ua, channel.peak_ua = pulse.t_us, pulse.peak_ua, 0
            channel.reached = channel.broken_off = False
        blind = pulse.t_us <= channel.blind_until_us
        self._shape(pulse, SECOND_US if blind else pulse.t_us - channel.last_us, shortest_us)
        self._below_the_ceiling(channel, pulse, period_us)
        before_ua = 0 if begins else channel.last_ua
        if self.lying:
            channel.lied = True
        elif channel.lied and (begins or pulse.peak_ua != channel.last_ua):
            channel.lied = False  # this is the first that it did as told
            before_ua = pulse.peak_ua
            channel.begun_us, channel.begun_ua = pulse.t_us, pulse.peak_ua
            channel.highest_ua = max(channel.highest_ua, min(pulse.peak_ua, channel.ceiling_ua))
        if blind:
            channel.highest_ua = max(channel.highest_ua, channel.ceiling_ua)
            channel.begun_us, channel.begun_ua = pulse.t_us, pulse.peak_ua
            channel.reached = True  # nobody can say when this train came to its level
        elif pulse.peak_ua > before_ua and not channel.lied:
            self._rise(channel, pulse, before_ua, period_us)
        channel.last_us, channel.asked_us, channel.last_ua = pulse.t_us, asked_us, pulse.peak_ua
        channel.peak_ua = max(channel.peak_ua, pulse.peak_ua)

    def _asked_us(self, pulse: Pulse) -> int:
        """When this pulse was asked for: where each is, when its list was written; else as it flows."""
        if self.written is None:
            return pulse.t_us
        if (asked_us := self.written.asked_us(pulse)) is None:
            self._say("list", pulse, f"{pulse.peak_ua} µA, and no list that was written is left for it")
            return pulse.t_us
        return asked_us

    def _shape(self, pulse: Pulse, gap_us: int, period_us: int) -> None:
        known = self.shapes.get(pulse.channel, frozenset())
        if (pulse.pulse_width_us, pulse.interphase_us) not in {(shape[0], shape[1]) for shape in known}:
            self._say("shape", pulse, f"{pulse.pulse_width_us} µs, gap {pulse.interphase_us} µs was not cleared")
        elif gap_us < period_us - SHARE_US and all(shape[3] == 1 for shape in known):
            self._say("period", pulse, f"{gap_us} µs after the pulse before, cleared {period_us} µs")

    def _below_the_ceiling(self, channel: _Channel, pulse: Pulse, period_us: int) -> None:
        if pulse.peak_ua <= channel.ceiling_ua:
            return
        falls = pulse.peak_ua <= channel.last_ua
        by_us = fallen_by_us(channel.fell_us, self._model, self._faults) + 2 * period_us + OBEY_US
        for fault in self._faults:
            if fault.kind == "ignore-update" and fault.at_us <= by_us and channel.fell_us <= fault.end_us:
                by_us = max(by_us, fault.end_us + LIE_ON_US)
        if not falls:
            by_us -= period_us  # a rise that was sent before the fall, for the pulse that was next
        if pulse.t_us > by_us:
            self._say("ceiling", pulse, f"{pulse.peak_ua} µA, allowed {channel.ceiling_ua}")

    def _rise(self, channel: _Channel, pulse: Pulse, before_ua: int, period_us: int) -> None:
        level_ua = max(channel.ceiling_ua, channel.peak_ua)
        if pulse.peak_ua > channel.ceiling_ua:
            level_ua = max(level_ua, channel.fell_from_ua)  # sent before the fall: a step of the ramp to that level
        first = channel.held_ua < pulse.peak_ua  # as far as was held before the short ramp leads
        least_ua, percent, shortest_us = (
            (FIRST_UA, FIRST_PERCENT, FIRST_US) if first else (REPEAT_UA, REPEAT_PERCENT, REPEAT_US)
        )
        bound_ua = max(least_ua, self._step_ua, level_ua * percent // 100)
        rise_ua = pulse.peak_ua - before_ua
        if rise_ua > bound_ua:
            self._say("slew", pulse, f"from {before_ua} to {pulse.peak_ua} µA, at most {bound_ua} a pulse")
        since_us = pulse.t_us - channel.begun_us
        grown_ua = pulse.peak_ua - channel.begun_ua
        slope_ua = SLOPE_UA_PER_S * (since_us + 2 * period_us) // SECOND_US
        if first and grown_ua > channel.held_ua + bound_ua + slope_ua:
            self._say("slope", pulse, f"{grown_ua} µA within {since_us} µs")
        if not channel.reached and pulse.peak_ua >= level_ua:
            channel.reached = True
            new_ua = max(0, pulse.peak_ua - channel.held_ua) if first else pulse.peak_ua
            quick = (since_us + 2 * period_us) * pulse.peak_ua < shortest_us * min(grown_ua, new_ua)
            if quick and grown_ua > self._step_ua:  # one device step is a raise by hand, or the least there is
                self._say("ramp", pulse, f"at {pulse.peak_ua} µA {since_us} µs after the first pulse")
        if pulse.peak_ua > channel.highest_ua:
            self._higher(channel, pulse)

    def _higher(self, channel: _Channel, pulse: Pulse) -> None:
        rise_ua = pulse.peak_ua - channel.highest_ua
        channel.highest_ua = pulse.peak_ua
        channel.rises.append((pulse.t_us, rise_ua))
        while channel.rises[0][0] <= pulse.t_us - SECOND_US:
            channel.rises.popleft()
        raise_ua = max(RAISE_UA, self._step_ua)
        if rise_ua > raise_ua:
            self._say("raise", pulse, f"{rise_ua} µA above the most that was ever given, at most {raise_ua} at once")
        if sum(rise for _, rise in channel.rises) > RAISE_UA_PER_S:
            self._say("raise-rate", pulse, "more than 5 mA within a second above the most that was ever given")

    def _say(self, name: str, pulse: Pulse, text: str) -> None:
        self._broken.setdefault(name, f"channel {pulse.channel} at {pulse.t_us / 1e6:.4f} s: {text}")
