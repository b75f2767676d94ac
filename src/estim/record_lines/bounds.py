"""At least so many pulses, at most so many: what a record proves of what came out of the device. Pure.

An acknowledgement says that a command arrived between its sending and that moment; a status says that output was on.
So each stretch of output has an earliest and a latest beginning and end, and its pulses lie between two numbers. What
nobody heard of the device while it was failing is not proved, and what was not confirmed off may have gone on until the
device's own timer ran out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from estim.record_lines import events, kinds
from estim.record_lines.stretches import Stretch, Sum, between

# Where a device has no timer of its own, output that was never confirmed off is counted so long: a session's longest.
NO_TIMER_US = 3_600_000_000
SLOWEST_TIMER_US = 2_000_000  # of the devices that have one, for records that do not say
RAMP_US = 500_000  # a device that did not obey the rest may not have obeyed the fall before it either
_ENDS = frozenset({"PAUSED", "STOPPING", "FAULT", "DISCONNECTED"})


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one channel was given in one purpose, at least and at most. Charge is the sum of first phases as commanded:
    a load that the device's voltage can't drive gets less.

    Attributes:
        pulses_shown: at least so many even of a device that acknowledges what it does not do: its own status showed
            output between two looks. Nothing of a RehaStim 1, which can't be asked.
        charge_shown_pc: of these, each as low as any that was commanded in its run.
    """

    pulses_shown: int = 0
    pulses_least: int = 0
    pulses_most: int = 0
    charge_shown_pc: int = 0
    charge_least_pc: int = 0
    charge_most_pc: int = 0


class BoundsOfDose:
    """Told of every line in order, or of those of KINDS; says at any time what each channel was given."""

    KINDS = frozenset(
        {
            events.Command.KIND, events.Status.KIND, events.Unanswered.KIND, events.LeadOff.KIND, events.Fault.KIND,
            events.PhaseTurn.KIND, events.Output.KIND, events.TakeOver.KIND, events.Noise.KIND, kinds.SetupLine.KIND,
            kinds.Header.KIND,
        }
    )  # fmt: skip

    def __init__(self) -> None:
        self._sums: dict[tuple[str, int], Sum] = {}
        self._on: dict[int, Stretch] = {}
        self._highest_ua: dict[tuple[str, int], int] = {}
        self._purpose = ""
        self._bursts: dict[tuple[int, int, int], int] = {}
        self._seen_us = 0  # the device was last known to do what it was told
        self._looked_us = 0  # it was last asked how it is while output was on, and knew of no lead that is off
        self._unlooked: dict[tuple[str, int], list[int]] = {}  # least pulses and charge that were booked since then
        self._ended: dict[int, tuple[Stretch, int]] = {}  # what a rest ended, and since when that may not hold
        self._off_us: int | None = None  # off was sent, and is not confirmed yet
        self._sure_us = 0  # up to here the output that was on is proved
        self._timer_us = SLOWEST_TIMER_US
        self._now_us = 0
        self._lists: tuple[int, int] | None = None  # that the device has played, as far as was told
        self._unheard: int | None = None  # these are all but for so many; None: it may have gone on since
        self._looked_lists = 0
        self._cut = True  # a stop went out behind the last of them, and may have come before its pulse
        self._stray: dict[str, tuple[int, int]] = {}  # purpose → pulses and charge of commands that nobody gave

    def take(self, kind: str, fields: Mapping[str, Any], t_us: int) -> None:
        """Count one line of the record, in the record's order."""
        self._now_us = t_us
        if fields.get("lists_least") is not None and kind in {events.Command.KIND, events.Status.KIND}:
            self._lists = (int(fields["lists_least"]), int(fields["lists_most"]))
            self._unheard = 0 if kind == events.Command.KIND else None if fields["output_on"] else 1
        if kind == events.Command.KIND:
            self._command(fields, t_us)
        elif kind == events.Status.KIND:
            if fields["output_on"]:
                self._show(t_us)
                self._seen_us = self._looked_us = t_us
                self._looked_lists = self._lists[0] if self._lists is not None else 0
                self._unlooked.clear()
            elif self._off_us is None:  # after an off it is what was asked for
                self._not_yet(t_us)
        elif kind == events.Unanswered.KIND:
            self._unanswered(fields)
        elif kind == events.LeadOff.KIND:
            self._doubt()
        elif kind == events.Noise.KIND:
            self._strayed(fields.get("pulses_most") or 0, fields.get("charge_most_pc") or 0)
        elif kind == events.Fault.KIND:
            self._disobeyed(str(fields.get("cause", "")))
        elif kind == events.PhaseTurn.KIND:
            if fields["before"] == "RUNNING" and fields["after"] in _ENDS:
                self._end(t_us, sure=fields["after"] != "FAULT")
        elif kind == events.Output.KIND:
            if fields["state"] == "OFF":
                self._close(t_us)
        elif kind == events.TakeOver.KIND:
            self._end(t_us, sure=False)
            if fields.get("output") == "OFF":
                self._close(t_us + int(fields.get("took_ms", 0)) * 1_000)
            self._lists = None  # another controller would count anew
        elif kind == kinds.SetupLine.KIND:
            self._setup(fields, t_us)
        elif kind == kinds.Header.KIND:
            timer_us = fields.get("device", {}).get("profile", {}).get("watchdog_us")
            if type(timer_us) is int:
                self._timer_us = timer_us or NO_TIMER_US

    def pass_time(self, t_us: int) -> None:
        """Nothing was written since; what is on went on."""
        self._now_us = t_us

    def of(self, purpose: str, channel: int) -> Bounds:
        """What it was given so far; what is on now counts from what is proved to what may still come. A channel that
        nobody used has bounds too: a pulse that nobody asked for may have come on any.
        """
        total = self._sums.get((purpose, channel), Sum())
        stray, stray_pc = self._stray.get(purpose, (0, 0))
        pulses = [total.pulses[0], total.pulses[1] + stray]
        charge_pc = [total.charge_pc[0], total.charge_pc[1] + stray_pc]
        shown, shown_pc = total.shown, total.shown_pc
        one = self._on.get(channel)
        if one is not None and purpose == self._purpose:
            least, most, least_pc, most_pc = self._count(one, self._end_us())
            pulses = [pulses[0] + least, pulses[1] + most]
            charge_pc = [charge_pc[0] + least_pc, charge_pc[1] + most_pc]
            shown, shown_pc = shown + one.shown, shown_pc + one.shown_pc
        return Bounds(
            min(shown, pulses[0]), pulses[0], pulses[1], min(shown_pc, charge_pc[0]), charge_pc[0], charge_pc[1]
        )

    def channels(self) -> dict[tuple[str, int], Bounds]:
        """(purpose, channel) → what it was given, for all that had current."""
        known = {*self._sums, *((self._purpose, channel) for channel in self._on)}
        return {key: self.of(*key) for key in sorted(known)}

    # -- what lines mean --------------------------------------------------------------------------------------------

    def _setup(self, fields: Mapping[str, Any], t_us: int) -> None:
        if self._on:
            self._end(t_us, sure=True)
            self._close(t_us)
        self._purpose = str(fields.get("purpose", ""))
        for phase in fields.get("schedule", {}).get("phases", ()):
            for window in phase["windows"]:
                key = (window["channel"], window["pulse_width_us"], window["period_us"])
                self._bursts[key] = int(window.get("burst_pulses", 1))

    def _command(self, fields: Mapping[str, Any], t_us: int) -> None:
        """A command is the whole output from a moment between its sending and its acknowledgement on."""
        when = (int(fields["sent_us"]), t_us)
        wanted = {row["channel"]: row for row in fields["channels"] if row["amplitude_ua"] > 0}
        self._cut = wanted.keys() != self._on.keys()
        for channel in list(self._on):
            before, row = self._on[channel], wanted.get(channel)
            goes_on = row is not None and row["period_us"] == before.period_us
            self._book(channel, before, when, run_ends=not goes_on)
            if row is not None:
                run_from_us = before.run_from_us if goes_on else when
                self._on[channel] = self._stretch(row, when, run_from_us)
                if goes_on:
                    self._on[channel].shown_us = before.shown_us
                    self._on[channel].floor_ua = min(before.floor_ua, row["amplitude_ua"])
            else:
                del self._on[channel]
                self._ended[channel] = (before, when[0])
        for channel, row in wanted.items():
            self._ended.pop(channel, None)
            if channel not in self._on:
                self._on[channel] = self._stretch(row, when, when)
        self._seen_us, self._off_us, self._unheard, self._cut = t_us, None, None, True

    def _stretch(self, row: Mapping[str, int], when: tuple[int, int], run_from_us: tuple[int, int]) -> Stretch:
        key = (row["channel"], row["pulse_width_us"], row["period_us"])
        ua = row["amplitude_ua"]
        mine = (self._purpose, row["channel"])
        self._highest_ua[mine] = max(ua, self._highest_ua.get(mine, 0))
        base = self._bursts.get(key, 1)
        burst = row.get("burst_pulses") or base
        lists = self._lists if when[1] == self._now_us else None
        return Stretch(ua, ua, row["pulse_width_us"], row["period_us"], burst, base, when, run_from_us, lists, ua)

    def _unanswered(self, fields: Mapping[str, Any]) -> None:
        """It may have been obeyed from its sending on, or not at all."""
        sent_us = int(fields["sent_us"])
        for row in fields["channels"]:
            ua, channel = row["amplitude_ua"], row["channel"]
            one = self._on.get(channel)
            if one is not None:
                one.low_ua, one.high_ua = min(one.low_ua, ua), max(one.high_ua, ua)
            elif ua:
                never = (sent_us, 1 << 62)
                self._on[channel] = self._stretch(row, never, never)

    def _strayed(self, pulses: int, charge_pc: int) -> None:
        """The device answered to what nobody asked for: on which channel it played, and how high, it does not say."""
        before = self._stray.get(self._purpose, (0, 0))
        self._stray[self._purpose] = (before[0] + pulses, before[1] + charge_pc)

    def _show(self, t_us: int) -> None:
        """The device says that pulses come out: of which run, where those that are on began one after the other, it
        does not say.
        """
        if len({one.run_from_us for one in self._on.values()}) == 1:
            for one in self._on.values():
                if one.lists is None:
                    one.shown_us = (one.shown_us[0] if one.shown_us is not None else t_us, t_us)

    def _not_yet(self, t_us: int) -> None:
        """The device acknowledged output and says that it has none: what it did until now is not proved."""
        for one in self._on.values():
            if one.lists is not None:
                continue  # such a device is only asked once it was stopped
            one.from_us = (one.from_us[0], max(one.from_us[1], t_us))
            one.run_from_us = (one.run_from_us[0], max(one.run_from_us[1], t_us))

    def _disobeyed(self, cause: str) -> None:
        """The device said that it goes on where a rest was acknowledged: how long it did nobody knows."""
        if cause == "device-on":
            for channel, (one, since_us) in self._ended.items():
                never = (since_us - RAMP_US, 1 << 62)
                high_ua = self._highest_ua.get((self._purpose, channel), one.high_ua)
                self._on.setdefault(
                    channel, replace(one, high_ua=high_ua, from_us=never, run_from_us=never, lists=None)
                )

    def _doubt(self) -> None:
        """A lead is off, and an acknowledgement doesn't say since when: what came after the last look is not proved."""
        for key, (pulses, charge_pc) in self._unlooked.items():
            self._sums[key].pulses[0] -= pulses
            self._sums[key].charge_pc[0] -= charge_pc
        self._unlooked.clear()
        self._sure_us = min(self._looked_us, self._now_us)
        self._off_us = self._off_us if self._off_us is not None else self._now_us

    def _end(self, t_us: int, *, sure: bool) -> None:
        """Off was sent."""
        if not self._on or self._off_us is not None:
            return
        self._off_us = t_us
        self._sure_us = t_us if sure else min(self._seen_us, t_us)

    def _end_us(self) -> tuple[int, int]:
        if self._off_us is None:
            return self._seen_us, self._now_us + self._timer_us
        return self._sure_us, max(self._now_us, self._off_us) + self._timer_us

    def _close(self, t_us: int) -> None:
        """Off is confirmed."""
        sure_us = self._sure_us if self._off_us is not None else self._seen_us
        for channel, one in self._on.items():
            self._book(channel, one, (min(sure_us, t_us), t_us), run_ends=True)
        self._on.clear()
        self._ended.clear()
        self._off_us = None

    def _book(self, channel: int, one: Stretch, end_us: tuple[int, int], *, run_ends: bool) -> None:
        total = self._sums.setdefault((self._purpose, channel), Sum())
        least, most, least_pc, most_pc = self._count(one, end_us)
        looked, looked_pc = self._looked(one)
        unlooked = self._unlooked.setdefault((self._purpose, channel), [0, 0])
        total.charge_pc[0] += least_pc
        unlooked[1] += max(0, least_pc - looked_pc)
        total.charge_pc[1] += most_pc
        if run_ends:
            total.shown += one.shown
            total.shown_pc += one.shown_pc
        if run_ends or one.lists is not None:
            total.pulses[0] += least
            unlooked[0] += max(0, least - looked)
            total.pulses[1] += most
        elif one.burst != one.base:  # the run that goes on will count each of these as one plain pulse
            least_here, most_here = between(one.from_us, end_us, one.period_us)
            total.pulses[0] += least_here * (one.burst - one.base)
            unlooked[0] += least_here * (one.burst - one.base)
            total.pulses[1] += most_here * (one.burst - one.base)

    def _count(self, one: Stretch, end_us: tuple[int, int]) -> tuple[int, int, int, int]:
        """Pulses of the run up to its end, and the charge of its last stretch, each at least and at most. Where lists
        are counted, pulses of the last stretch as well.
        """
        if one.lists is not None and self._lists is not None:
            return self._counted(one, one.lists, self._lists, end_us)
        least, most = between(one.run_from_us, end_us, one.period_us)
        least_here, most_here = between(one.from_us, end_us, one.period_us)
        return (
            least * one.base + least_here * (one.burst - one.base),
            most * one.base + most_here * (one.burst - one.base),
            least_here * one.burst * one.low_ua * one.width_us,
            most_here * one.burst * one.high_ua * one.width_us,
        )

    def _counted(
        self, one: Stretch, begin: tuple[int, int], end: tuple[int, int], end_us: tuple[int, int]
    ) -> tuple[int, int, int, int]:
        """By what the device played. The answer to an off's last list may not have come; where none is known to be the
        last, the clock says how many there may be: it plays none before its period has passed, but for a request that
        came twice. What came twice may have been counted after a change of amplitude.
        """
        least, most = max(0, end[0] - begin[0] - self._cut), end[1] - begin[1] + (end[1] > end[0])
        if self._unheard is None:
            twice = end[1] - end[0] - begin[1] + begin[0]
            most = max(most, between(one.from_us, end_us, one.period_us)[1] + twice)
        least, most = least * one.burst, (most + (self._unheard or 0)) * one.burst
        return least, most, least * one.low_ua * one.width_us, most * one.high_ua * one.width_us

    def _looked(self, one: Stretch) -> tuple[int, int]:
        """Pulses and charge that were proved when the device was last asked how it is."""
        if one.lists is not None:
            pulses = max(0, self._looked_lists - one.lists[0]) * one.burst
            return pulses, pulses * one.low_ua * one.width_us
        looked, _, looked_pc, _ = self._count(one, (self._looked_us, self._looked_us))
        return looked, looked_pc
