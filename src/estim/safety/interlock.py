"""The interlock: every command is judged again, by other code than the verdict's, on the integers that will be encoded.

`Interlock.admit` is the only maker of `Admitted`, which is used in the turn that made it or is void. `OutputOff` always
passes. There is no way to weaken a check: what trips is a defect, so output goes off and the session faults. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import isqrt

from estim.safety.authorisation import Authorisations, Peak
from estim.safety.commands import ChannelOutput, Command, OutputOff, SetOutput
from estim.safety.errors import InterlockTripped
from estim.safety.hard_bounds import (
    AREA_CREDIT_MM2,
    DENSITY_MAX_UA_PER_CM2,
    PERIOD_MIN_US,
    PULSE_WIDTH_US,
    RMS_TOTAL_MAX_UA,
    ChannelBounds,
    channel_bounds,
)
from estim.safety.interlock_pulse import Pulse, judge_shape, kin_of, largest_owed, pulse_of, pulses_of
from estim.safety.on_ledger import DUTY_WINDOW_US, OnBounds, OnLedger, fuses
from estim.safety.ramp import SLOPE_UA_PER_S, step_bound_ua
from estim.safety.rises import Rise, Rises
from estim.safety.units import US_PER_S
from estim.safety.verdict import ClearedSchedule

_TOKEN = object()

ON_SLACK_US = US_PER_S  # how much longer than planned a channel may be on before that is a defect


class Admitted:
    """A command that the interlock let pass at `at_us`, for use in that turn and once."""

    __slots__ = ("_used", "at_us", "command")

    def __init__(self, command: Command, at_us: int, token: object) -> None:
        if token is not _TOKEN:
            raise InterlockTripped("kernel", "only Interlock.admit() admits a command")
        self.command = command
        self.at_us = at_us
        self._used = False

    def consume(self, now_us: int) -> Command:
        """The command, for the driver that sends it now.

        Raises:
            InterlockTripped: it was admitted in another turn, or used already.
        """
        if self._used or now_us != self.at_us:
            raise InterlockTripped("kernel", f"a command admitted at {self.at_us} µs was to be used at {now_us} µs")
        self._used = True
        return self.command


@dataclass(slots=True)
class _Channel:
    """What was last sent on a channel, and what that allows next."""

    caps_ua: Mapping[Pulse, int]  # pulse → cap, at the share of the level that its windows play
    bounds: ChannelBounds
    step_ua: int
    pads: tuple[str, str]
    area_mm2: int
    on_max_us: int
    on: OnBounds
    amplitude_ua: int = 0
    sent_us: int = 0
    ramp_from_us: int | None = None  # since when the channel is on
    highest_ua: int = 0  # in the present window
    held_ua: dict[Pulse, int] = field(default_factory=dict)  # by pulse: played in a window since output was off
    shape: frozenset[Pulse] = frozenset()  # what the present window is held at: several while it may be one of several
    kin: Mapping[Pulse, frozenset[Pulse]] = field(default_factory=dict)  # pulse → what its windows are held at


class Interlock:
    """Stands between engine and driver. Without a cleared schedule nothing but off passes.

    Args:
        cleared: what may be played.
        before: the interlock of the schedule before this one in the same session: its count of ON time goes on.
    """

    def __init__(self, cleared: ClearedSchedule | None, before: Interlock | None = None) -> None:
        self._cleared = cleared
        self._authorised = Authorisations()
        self.rises: Rises = Rises(cleared, before.rises if before is not None else None)
        self._channels: dict[int, _Channel] = {}
        self._areas: Mapping[str, int] = {}
        self._gentle = True
        self.on_time: OnLedger = before.on_time if before is not None else OnLedger()
        # What the titration that has just ended held, by channel and pulse: the long ramp was there already.
        self.proven_ua: dict[int, dict[Pulse, int]] = {}
        self._therapy = cleared is not None and cleared.schedule.purpose == "therapy"
        self._titrates = cleared is not None and cleared.schedule.purpose == "titration"
        self._rms_total_ua, self._pad_density = RMS_TOTAL_MAX_UA, DENSITY_MAX_UA_PER_CM2
        if cleared is None:
            return
        self._rms_total_ua = min(self._rms_total_ua, cleared.limits["rms_total_ua"].value)
        self._pad_density = min(self._pad_density, cleared.limits["density_ua_per_cm2"].value)
        schedule = cleared.schedule
        self._gentle = cleared.patient.gentle
        self._areas = {pad.id: min(pad.area_mm2, AREA_CREDIT_MM2) for pad in schedule.electrodes}
        for channel in schedule.channels:
            windows = tuple(w for phase in schedule.phases for w in phase.windows if w.channel == channel.channel)
            caps_ua: dict[Pulse, int] = {}
            for window in windows:
                share_ua = cleared.caps_ua.get(channel.channel, 0) * window.intensity_permille // 1000
                for pulse in pulses_of(window):
                    caps_ua[pulse] = max(caps_ua.get(pulse, 0), share_ua)
            self._channels[channel.channel] = _Channel(
                caps_ua=caps_ua,
                bounds=channel_bounds(cleared.limits, channel.output),
                step_ua=cleared.profile.amplitude_step_ua,
                pads=channel.electrodes,
                area_mm2=min(self._areas[pad] for pad in channel.electrodes),
                on_max_us=max((window.on_us for window in windows), default=0) + ON_SLACK_US,
                on=OnBounds(cleared.limits, channel.output, windows),
                kin=kin_of(windows),
            )
            if before is not None and self._therapy:
                self._channels[channel.channel].held_ua.update(before.proven_ua.get(channel.channel, {}))

    # -- authorisations ---------------------------------------------------------------------------------------------

    def asked(self, channel: int, now_us: int) -> None:
        """A person has pressed the key that raises `channel`: told by who reads keys, not by who answers them."""
        self.rises.asked(channel, now_us)

    def authorise(self, n: int, peaks: Iterable[Peak], until_us: int, now_us: int, rise: Rise | None = None) -> None:
        """Remember authorisation `n` as written; it counts when it is granted.

        Raises:
            InterlockTripped: a peak above the levels, a rise unasked for, too large or too soon (L15, L16).
        """
        peaks = tuple(peaks)
        self.rises.write(n, peaks, rise, now_us)
        self._authorised.write(n, peaks, until_us)

    def grant(self, n: int, now_us: int) -> None:
        """Authorisation `n` is durable: from now on it is the ceiling. Unknown or revoked numbers change nothing."""
        self._authorised.grant(n)
        self.rises.grant(n, now_us)

    def revoke(self) -> None:
        """No authorisation counts any more, written ones neither (stop, pause, fault, change of phase)."""
        self._authorised.revoke()
        self.rises.revoke()

    def lower(self, channel: int, peak_ua: int, level_ua: int, now_us: int) -> None:
        """The ceiling of one channel falls at once, in what is granted and in what is written; its level too."""
        self._authorised.lower(channel, peak_ua)
        self.rises.lower(channel, level_ua, now_us)

    # -- judging ----------------------------------------------------------------------------------------------------

    def admit(self, command: Command, now_us: int) -> Admitted:
        """Let `command` pass, for this turn.

        Raises:
            InterlockTripped: with rule, number asked and number allowed. The caller sends `OutputOff` in this turn.
        """
        if isinstance(command, OutputOff):
            self._all_off(now_us, proven=command.reason == "end" and self._titrates)
            return Admitted(command, now_us, _TOKEN)
        if self._cleared is None:
            raise InterlockTripped("kernel", "no schedule is cleared, only off can be sent")
        self._judge(command, now_us)
        self._note(command, now_us)
        return Admitted(command, now_us, _TOKEN)

    def overdue(self, now_us: int) -> str:
        """What plays longer than it may: than its window lasts, or than it is authorised; "" if nothing does. Looked at
        in every turn.
        """
        for number, channel in self._channels.items():
            if channel.ramp_from_us is not None and now_us - channel.ramp_from_us > channel.on_max_us:
                return f"channel {number} is on since {(now_us - channel.ramp_from_us) // 1000} ms"
            if channel.amplitude_ua and not self._authorised.in_force(now_us - ON_SLACK_US):
                return f"channel {number} is on and no authorisation is in force"
        return ""

    def _judge(self, command: SetOutput, now_us: int) -> None:
        numbers = [output.channel for output in command.channels]
        if numbers != sorted(set(numbers)):
            raise InterlockTripped("command", f"channels {numbers} are not ascending and unique")
        for output in command.channels:
            channel = self._channels.get(output.channel)
            if channel is None:
                raise InterlockTripped("command", f"channel {output.channel} is not part of the cleared schedule")
            if output.amplitude_ua:
                self._judge_pulse(output, channel)
                if output.amplitude_ua > channel.amplitude_ua:
                    self._judge_rise(output, channel, now_us)
        self._judge_together(command)

    def _judge_pulse(self, output: ChannelOutput, channel: _Channel) -> None:
        amplitude, bounds = output.amplitude_ua, channel.bounds
        if type(amplitude) is not int or not 0 < amplitude <= bounds.amplitude_ua:
            raise InterlockTripped("L1", "amplitude in µA", asked=amplitude, allowed=bounds.amplitude_ua)
        grid_ua = channel.step_ua * output.phase_ratio
        if amplitude % grid_ua:
            raise InterlockTripped("grid", f"{amplitude} µA is not on the grid of {grid_ua} µA")
        cap_ua = channel.caps_ua.get(pulse_of(output))
        if cap_ua is None:
            raise InterlockTripped("schedule", f"channel {output.channel}: this pulse is not in the cleared schedule")
        width, period = output.pulse_width_us, output.period_us
        if output.shape:
            judge_shape(output)
        elif not PULSE_WIDTH_US[0] <= width <= PULSE_WIDTH_US[1]:
            raise InterlockTripped("L2", "phase width in µs", asked=width, allowed=PULSE_WIDTH_US[1])
        if period < PERIOD_MIN_US * output.burst_pulses:
            raise InterlockTripped("L4", "period in µs", asked=period, allowed=PERIOD_MIN_US * output.burst_pulses)
        if amplitude > cap_ua:
            raise InterlockTripped("cap", "amplitude in µA, above the channel's cap,", asked=amplitude, allowed=cap_ua)
        charge = -(-amplitude * largest_owed(output.shape) // 1000) if output.shape else amplitude * width
        if charge > bounds.charge_pc:
            raise InterlockTripped("L10", "charge per phase in pC", asked=charge, allowed=bounds.charge_pc)
        if charge * 100 > bounds.charge_density_pc_per_cm2 * channel.area_mm2:
            asked = charge * 100 // channel.area_mm2
            allowed = bounds.charge_density_pc_per_cm2
            raise InterlockTripped("L11", "charge density in pC/cm²", asked=asked, allowed=allowed)
        square = self._square_per_period(output)
        if square > bounds.rms_ua * bounds.rms_ua * period:
            raise InterlockTripped("L5", "rms current in µA", asked=isqrt(square // period), allowed=bounds.rms_ua)
        if square * 10_000 > (bounds.density_ua_per_cm2 * channel.area_mm2) ** 2 * period:
            asked = isqrt(square // period) * 100 // channel.area_mm2
            raise InterlockTripped("L7", "current density in µA/cm²", asked=asked, allowed=bounds.density_ua_per_cm2)

    @staticmethod
    def _square_per_period(output: ChannelOutput) -> int:
        """Sum of i²·t of one period in µA²·µs; the balancing phase has 1/ratio of the first one's, rounded up."""
        if output.shape:
            squares = sum(duration_us * permille**2 for duration_us, permille in output.shape)
            return -(-(output.amplitude_ua**2) * squares // 1_000_000) * output.burst_pulses
        first = output.amplitude_ua * output.amplitude_ua * output.pulse_width_us
        return (first + -(-first // output.phase_ratio)) * output.burst_pulses

    def _judge_rise(self, output: ChannelOutput, channel: _Channel, now_us: int) -> None:
        asked, allowed = output.amplitude_ua, self._authorised.peak_ua(output.channel)
        if not self._authorised.in_force(now_us):
            raise InterlockTripped("authorise", "none is in force: amplitude in µA", asked=asked, allowed=0)
        if asked > allowed:
            raise InterlockTripped("authorise", "amplitude in µA", asked=asked, allowed=allowed)
        self.rises.judge(output)
        if channel.ramp_from_us is None and channel.on.counts and fuses(output.period_us):
            self._judge_duty(output.channel, channel, now_us)
        kin = channel.kin[pulse_of(output)]
        held_ua = 0 if self._gentle else max(channel.held_ua.get(pulse, 0) for pulse in kin)
        first = asked > held_ua
        bound_ua = step_bound_ua(allowed, channel.step_ua * output.phase_ratio, first=first)
        rise_ua = asked - channel.amplitude_ua
        if rise_ua > bound_ua:
            raise InterlockTripped("L17", "rise from pulse to pulse in µA", asked=rise_ua, allowed=bound_ua)
        period, since_us = output.period_us, now_us - channel.sent_us
        if channel.amplitude_ua and since_us < period // 2:
            raise InterlockTripped("L17", "two rises in one period, µs apart", asked=since_us, allowed=period)
        if channel.ramp_from_us is not None and first:
            ramp_us = now_us - channel.ramp_from_us + 2 * period
            slope_ua = held_ua + bound_ua + SLOPE_UA_PER_S * ramp_us // US_PER_S
            if asked > slope_ua:
                raise InterlockTripped("L17", "too steep: amplitude in µA", asked=asked, allowed=slope_ua)

    def _judge_duty(self, number: int, channel: _Channel, now_us: int) -> None:
        """When a channel begins: what lies in the five minutes before must not pass the share by itself (L20), nor what
        the session had its time (L21b).
        """
        had_us = self.on_time.had_us(number, now_us + channel.on_max_us - DUTY_WINDOW_US)
        if had_us > channel.on.in_window_us + ON_SLACK_US:
            raise InterlockTripped("L20", "ON time in 5 min, µs", asked=had_us, allowed=channel.on.in_window_us)
        total_us = self.on_time.total_us(number)
        if self._therapy and total_us > channel.on.in_session_us + ON_SLACK_US:
            raise InterlockTripped(
                "L21b", "ON time in the session, µs", asked=total_us, allowed=channel.on.in_session_us
            )

    def _judge_together(self, command: SetOutput) -> None:
        playing = [output for output in command.channels if output.amplitude_ua]
        if len(playing) < 2:
            return
        total = 0
        pads: dict[str, int] = {}
        for output in playing:
            mean_square = -(-self._square_per_period(output) // output.period_us)
            total += mean_square
            for pad in set(self._channels[output.channel].pads):
                pads[pad] = pads.get(pad, 0) + mean_square
        if total > self._rms_total_ua * self._rms_total_ua:
            raise InterlockTripped(
                "L6", "rms current of all channels in µA", asked=isqrt(total), allowed=self._rms_total_ua
            )
        for pad, square in pads.items():
            if square * 10_000 > (self._pad_density * self._areas[pad]) ** 2:
                asked = isqrt(square) * 100 // self._areas[pad]
                raise InterlockTripped("L7", f"µA/cm² on pad {pad}", asked=asked, allowed=self._pad_density)

    # -- what was sent ----------------------------------------------------------------------------------------------

    def _note(self, command: SetOutput, now_us: int) -> None:
        named = {output.channel: output for output in command.channels}
        for number, channel in self._channels.items():
            output = named.get(number)
            amplitude = output.amplitude_ua if output is not None else 0
            self.rises.note(number, output, now_us)
            if amplitude == 0:
                self._note_on(number, channel, now_us)
                self._note_held(channel)
                channel.ramp_from_us, channel.highest_ua = None, 0
            elif channel.ramp_from_us is None:
                channel.ramp_from_us = now_us
            channel.highest_ua = max(channel.highest_ua, amplitude)
            if output is not None and amplitude:
                kin = channel.kin[pulse_of(output)]
                channel.shape = channel.shape & kin or kin
            if amplitude != channel.amplitude_ua:
                channel.amplitude_ua, channel.sent_us = amplitude, now_us

    def _note_on(self, number: int, channel: _Channel, now_us: int) -> None:
        fused = bool(channel.shape) and fuses(max(channel.shape)[0])
        if channel.ramp_from_us is not None and channel.on.counts and fused:
            self.on_time.note(number, channel.ramp_from_us, now_us, therapy=self._therapy)

    @staticmethod
    def _note_held(channel: _Channel) -> None:
        """The window is over, and the most of it was held: at the slower rate, where it may have been one of two."""
        if channel.shape:
            pulse = max(channel.shape)
            channel.held_ua[pulse] = max(channel.held_ua.get(pulse, 0), channel.highest_ua)
        channel.shape = frozenset()

    def _all_off(self, now_us: int, *, proven: bool) -> None:
        self._authorised.revoke()  # whoever goes on after an off asks anew
        self.rises.off()
        played = any(channel.amplitude_ua for channel in self._channels.values())
        if played and not proven:
            self.proven_ua.clear()
        for number, channel in self._channels.items():
            self._note_on(number, channel, now_us)
            self._note_held(channel)
            if proven:
                self.proven_ua.setdefault(number, {}).update(channel.held_ua)
            channel.amplitude_ua, channel.sent_us = 0, now_us
            channel.ramp_from_us, channel.highest_ua = None, 0
            channel.held_ua.clear()  # every way back to output begins with the long ramp
