"""One window of one channel, pulse by pulse: when the next amplitude is due and what it is. Pure.

Updates are aligned to the device's own pulses. A stimulator starts a channel with a pulse at once, then one every
period; an update acts on the next pulse. So the command that enables the channel is sent at the pulse's time, and every
later one half a period before the pulse it is for: a jitter of less than half a period on the link changes no pulse,
and the number of pulses at each amplitude, hence the charge, is exact.

A rise that is late never comes at once: a pulse takes of it what L17a allows, for the rest the ramp is as much longer.
A fall goes by the clock.
"""

from __future__ import annotations

from estim.safety.commands import ChannelOutput
from estim.safety.ramp import ramp_down_amplitude_ua, shortest_ramp_us, step_bound_ua
from estim.safety.schedule import Window
from estim.safety.units import MicroAmp, ceil_div, floor_to_step
from estim.session.beat import Beat, Form
from estim.session.booking import NO_ACK, Booking, LastAck
from estim.session.ramp_up import led_ramp
from estim.session.state import Cycle

CLOSE_AHEAD_US = 10_000  # ten times what a command takes on the slowest wire; too short to be felt


class WindowPlayer:
    """Plays `window` at `level_ua` (the channel's full level) from `onset_us`.

    Args:
        step_ua: the device's amplitude step × phase ratio.
        spaced: the device plays on a grid of its own, all channels together (RehaStim2, RehaStim 1).
        first_alone: it takes no command before its second pulse (RehaStim2), so the first form lasts a pulse longer.
        pass_us: the shortest period beside it on such a device: half of that before its pulse a change goes out, so
            that no pulse of a faster channel falls together with it; 0 where the window's own does.
        first: the level was not yet held since the last stop, pause or fault: the long ramp (L17a).
        led_ua: what the contraction before reached of it, where that was too short for the whole ramp: as far as that
            the short ramp (L17b) leads, and the long one's slope from there on.
    """

    __slots__ = (
        "_base_us", "_beat", "_before_ua", "_changed_us", "_counted", "_down", "_first_alone", "_form", "_joined",
        "_k_next", "_late", "_lead_us", "_pulses", "_raised_ua", "_spaced", "_step_ua", "_up", "amplitude_next_ua",
        "amplitude_ua", "bookings", "contraction", "ended", "first", "level_ua", "peak_ua", "reached_hold", "sent_n",
        "started_us", "target_ua", "window",
    )  # fmt: skip

    def __init__(
        self,
        window: Window,
        level_ua: int,
        step_ua: int,
        onset_us: int,
        *,
        first: bool,
        contraction: int = 0,
        spaced: bool = False,
        first_alone: bool = False,
        pass_us: int = 0,
        led_ua: int = 0,
    ) -> None:
        self.window = window
        self.first = first
        self.contraction = contraction
        self.level_ua = level_ua
        self._step_ua = step_ua
        self._base_us = onset_us  # when pulse 0 falls
        self._beat = Beat(window)
        self._form: Form = self._beat.form(0)  # of the pulses that play now
        self._pulses = self._beat.pulses
        target_ua = level_ua * window.intensity_permille // 1000
        self._up = led_ramp(
            window, target_ua, step_ua, pulses=self._ramp_pulses(level_ua), led_ua=led_ua if first else 0
        )
        self._down = window.ramp_down_us // self._beat.form(self._pulses - 1).period_us
        self._joined = False  # its pulses fall with those of a channel that already plays
        self._spaced, self._first_alone = spaced, first_alone
        self._lead_us = pass_us // 2 or self._beat.lead_us
        self.started_us = -(1 << 60)  # when its first command went out at the time of its first pulse
        self._raised_ua = 0  # its level rose while it played, the last time by so much
        self._late = 0  # pulses by which the ramp up lags behind the clock
        self._counted = 0  # pulses whose charge was booked
        self.amplitude_ua = MicroAmp(0)  # what the device was last told
        self.peak_ua = MicroAmp(0)  # the most that it was told: a level that came too late to be played was not held
        self.target_ua = self._target()
        if window.train:
            self._beat.begins_silent(next((k for k in range(self._up.pulses) if self._planned(k)), 0))
        self.ended = False
        self.reached_hold = False
        self.sent_n = 0  # the command that set the present amplitude
        self.bookings: list[Booking] = []  # pulses that are over; whoever keeps the dose takes them away
        self._changed_us = -(1 << 60)  # when its amplitude last changed
        self._before_ua = MicroAmp(0)  # what it was before
        self._k_next = 0
        self.amplitude_next_ua = MicroAmp(0)
        self._look_ahead(0)

    @property
    def onset_us(self) -> int:
        """When pulse 0 falls."""
        return self._base_us

    def next_pulse_us(self, now_us: int) -> int:
        """When its next pulse falls: one that falls now is it."""
        return self._base_us + self._beat.at_us(max(0, self._beat.number_from(now_us - self._base_us)))

    def join(self, running: WindowPlayer | None) -> None:
        """On a device with one grid for all channels: begin with the pulses of one that already plays, if one does. Its
        first command then goes out half a period before its first pulse, as every later one; such a device takes one
        command a period, so one that would follow a start too soon waits for a pulse.
        """
        self._joined = running is not None
        if running is None:
            return
        period_us = self.window.period_us
        self._base_us += (running.onset_us - self._base_us) % period_us
        if self._base_us + self._k_next * period_us - self._lead_us < running.started_us + period_us:
            self._base_us += period_us

    def _ramp_pulses(self, level_ua: int) -> int:
        """Pulses of the ramp up: the plan's, or more where today's level on this device's grid needs more (L17)."""
        window = self.window
        planned_us = window.first_ramp_up_us if self.first else window.ramp_up_us
        target_ua = level_ua * window.intensity_permille // 1000
        needed_us = shortest_ramp_us(target_ua, window.period_us, self._step_ua, planned_us, first=self.first)
        return max(1, ceil_div(needed_us, window.period_us))

    def _target(self) -> MicroAmp:
        return MicroAmp(floor_to_step(self.level_ua * self.window.intensity_permille // 1000, self._step_ua))

    def _planned(self, pulse: int) -> MicroAmp:
        """Amplitude of pulse number `pulse`."""
        if pulse >= self._pulses:
            return MicroAmp(0)
        rising = pulse - self._late
        amplitude = self.target_ua
        if rising < self._up.pulses:
            amplitude = self._up.amplitude_ua(self.target_ua, max(0, rising))
        left = self._pulses - pulse
        if left <= self._down:
            amplitude = min(amplitude, ramp_down_amplitude_ua(self.target_ua, left, self._down, self._step_ua))
        return amplitude

    def _reachable(self, pulse: int) -> MicroAmp:
        """What pulse number `pulse` gets: the plan, or less where a level that rose within the ramp would make its own
        step and the ramp's into one (L17a: a new level). In the ramp down it counts from the next contraction. From
        then on no pulse exceeds the one before by more than that raise, late turns or not: it is felt as one (L15).
        """
        planned = self._planned(pulse)
        if not self._raised_ua or planned <= self.amplitude_ua:
            return planned
        if self._pulses - pulse <= self._down:
            return self.amplitude_ua
        return MicroAmp(min(planned, floor_to_step(self.amplitude_ua + self._most_at_once_ua(), self._step_ua)))

    def _look_ahead(self, pulse: int) -> None:
        """Find the first pulse from `pulse` on whose amplitude differs from the present one."""
        while pulse < self._pulses:
            hold_from, down_from = self._up.pulses + self._late, self._pulses - self._down
            same = not self.amplitude_ua or self._beat.form(pulse) == self._form
            if same and self.amplitude_ua == self.target_ua and hold_from <= pulse < down_from:
                pulse = min(down_from, self._beat.next_change(pulse)) if self.amplitude_ua else down_from
                continue
            amplitude = self._reachable(pulse)
            if amplitude != self.amplitude_ua or not same:
                self._k_next, self.amplitude_next_ua = pulse, amplitude
                return
            if amplitude == self.target_ua == 0 and pulse >= hold_from:
                break
            pulse += 1
        self._k_next, self.amplitude_next_ua = self._pulses, MicroAmp(0)

    def due_us(self) -> int:
        """When the next command for this window must go out."""
        at_us = self._base_us + self._beat.at_us(self._k_next)
        begins = self.amplitude_ua == 0 and self._k_next < self._pulses and not self._joined
        return at_us if begins else at_us - self._lead_us

    def turn(self, now_us: int, *, unanswered_us: int = 0, answer: LastAck = NO_ACK) -> bool:
        """Take what is due at `now_us`; True if the amplitude changed (then send).

        A rise waits for whole periods while a command has been unanswered for `unanswered_us`, half a period or more:
        commands that overtake one another would merge ramp steps into one jump (L17); so would two in half a period.
        """
        if self.ended or now_us < self.due_us():
            self._note_hold(now_us)
            return False
        late_us, half_us = now_us - self.due_us(), self._lead_us
        rises = 0 < self.amplitude_ua < self.amplitude_next_ua
        if rises:
            late_us += half_us  # the pulse that it was for may be over: the next one takes it
        missed = self._beat.number_at(self._beat.at_us(self._k_next) + late_us) - self._k_next
        lagged, pulse = self._late + missed, self._k_next + missed
        if missed and self.amplitude_next_ua > self.amplitude_ua:
            self._lag(pulse, missed)
        amplitude = self._reachable(pulse)
        most_ua = max(amplitude, self.amplitude_next_ua)
        if rises and (unanswered_us >= half_us or self._would_merge(most_ua, now_us, answer)):
            self._late = lagged + 1
            form = self._beat.form(pulse)
            fewer = form.burst_pulses < self._form.burst_pulses  # a doublet is over, whether the ramp may go on or not
            if fewer:
                self.book(now_us)
                self._form = form
            self._look_ahead(pulse + 1)
            return fewer
        if amplitude == 0 and pulse >= self._pulses:
            self.ended = True
        form = self._beat.form(pulse)
        changed = amplitude != self.amplitude_ua or (amplitude > 0 and form != self._form)
        if changed:
            self.book(now_us)
        if changed and self.amplitude_ua == 0 and not self._joined:
            # The device begins its own grid with this command: pulse `pulse` falls now.
            self._base_us = now_us - self._beat.at_us(pulse)
            self._counted = pulse
            if self._spaced:  # the next rise may follow after a whole period: too late for the second pulse
                self.started_us = now_us
                self._late += 1
                self._beat.first_lasts_longer(int(self._first_alone))
        if amplitude != self.amplitude_ua:
            self._changed_us, self._before_ua = now_us, self.amplitude_ua
        self.amplitude_ua, self._form = amplitude, form
        self.peak_ua = max(self.peak_ua, amplitude)
        self._look_ahead(pulse + 1)
        self._note_hold(now_us)
        return changed

    def _lag(self, pulse: int, missed: int) -> None:
        """The ramp is as much longer as what was missed is more than may come with one pulse (L17a)."""
        lagged, begins = self._late + missed, not self.amplitude_ua  # it begins as planned, however late
        most_ua = self.amplitude_ua + step_bound_ua(self.target_ua, self._step_ua, first=True)
        while self._late < lagged and (begins or self._planned(pulse) > most_ua):
            self._late += 1

    def _would_merge(self, amplitude_ua: int, now_us: int, answer: LastAck) -> bool:
        """Whether a rise to `amplitude_ua` could come in one pulse with the change before it, and be too much with it.

        A device that takes an update a period after it was sent plays on a grid of its own: no pulse is sure to lie
        between two updates less than one and a half periods apart there. One answered late counts from its answer: a
        late turn's bytes leave up to 250 ms after it began; then a whole period surely holds a pulse.
        """
        since_us, period_us = now_us - self._changed_us, self._form.period_us
        if since_us < period_us // 2:
            return True
        apart_us = period_us * 3 // 2 if self._spaced else 0
        if answer.took_us >= self._lead_us:
            since_us = min(since_us, now_us - answer.at_us)
            apart_us = max(apart_us, period_us)
        both_ua = amplitude_ua - min(self._before_ua, self.amplitude_ua)
        return since_us < apart_us and both_ua > self._most_at_once_ua()

    def _most_at_once_ua(self) -> int:
        """By how much one pulse of this ramp may exceed the one before it: one raise is felt as one (L15, L17)."""
        bound_ua = step_bound_ua(self.target_ua, self._step_ua, first=self.first or self._raised_ua > 0)
        return min(bound_ua, self._raised_ua) if self._raised_ua else bound_ua

    def _note_hold(self, now_us: int) -> None:
        if not self.reached_hold and self.cycle(now_us) is Cycle.HOLD:
            self.reached_hold = True

    def cycle(self, now_us: int) -> Cycle:
        """Where in its window the channel is."""
        pulse = self._beat.number_at(now_us - self._base_us)
        if self.ended or pulse < 0 or pulse >= self._pulses:
            return Cycle.REST
        if pulse < self._up.pulses + self._late - 1:
            return Cycle.RAMP_UP
        return Cycle.RAMP_DOWN if pulse >= self._pulses - self._down else Cycle.HOLD

    def remaining_us(self, now_us: int) -> int:
        """Until the window ends."""
        return max(0, self._base_us + self._beat.at_us(self._pulses) - now_us)

    def turn_us(self, now_us: int) -> int:
        """Until the patient's word changes: to the ramp down while it rises or holds, to the end while it falls."""
        pulse = self._pulses if self.cycle(now_us) is Cycle.RAMP_DOWN else max(0, self._pulses - self._down)
        return max(0, self._base_us + self._beat.at_us(pulse) - now_us)

    def set_level(self, level_ua: int, now_us: int) -> bool:
        """Play at another level from the next pulse on; True if a command must go out for a fall at once."""
        rises, was_ua = level_ua > self.level_ua, self.target_ua
        self.level_ua = level_ua
        self.target_ua = self._target()
        if rises:
            self._raised_ua = max(self._step_ua, self.target_ua - was_ua)
        pulse = max(0, self._beat.number_from(now_us - self._base_us))
        if pulse >= self._pulses:
            return False  # its last pulse was played; the command that ends it is still to come and must not be lost
        self._catch_none_up(pulse)
        amplitude = self._planned(pulse)
        if amplitude < self.amplitude_ua:
            self.book(now_us)
            self._changed_us, self._before_ua = now_us, self.amplitude_ua
            self.amplitude_ua, self._form = amplitude, self._beat.form(pulse)
            self._look_ahead(pulse + 1)
            return True
        if self.amplitude_ua:  # a rise keeps its half period before the pulse
            pulse = max(0, self._beat.number_from(now_us - self._base_us + self._lead_us))
        self._look_ahead(pulse)
        return False

    def _catch_none_up(self, pulse: int) -> None:
        """A rise that came to no pulse: the ramp goes on, or begins, from there."""
        if self.amplitude_ua < self.amplitude_next_ua:
            self._late += max(0, pulse - self._k_next)

    def close(self, now_us: int) -> None:
        """The gate closes: ramp down over as many pulses as the plan's ramp has; what is still silent never begins.

        It begins with the next pulse that a command surely reaches in time: one that fell on the wire would be counted
        at the lower amplitude and played at the higher.
        """
        if self.amplitude_ua == 0:
            self.ended = True
            return
        ahead_us = min(self._form.period_us // 2, CLOSE_AHEAD_US)
        pulse = max(0, self._beat.number_from(now_us + ahead_us - self._base_us))
        self._pulses = min(self._pulses, pulse + self._down)
        self._catch_none_up(pulse)
        self._look_ahead(pulse)

    def end(self, now_us: int) -> None:
        """Off now; the caller sends it."""
        self.book(now_us)
        self.ended = True
        self.amplitude_ua = MicroAmp(0)

    def book(self, until_us: int) -> None:
        """Note the pulses that fell before `until_us`, also beyond the plan: a device goes on until it is told."""
        self.bookings = self.so_far(until_us)
        self._counted = max(self._counted, self._beat.number_from(until_us - self._base_us))

    def so_far(self, now_us: int) -> list[Booking]:
        """What is noted, and what fell since, for whoever looks on while it plays."""
        pulses, on_us, most = self._beat.played(self._counted, self._form, now_us - self._base_us)
        new = Booking(pulses, self.amplitude_ua, self.sent_n, on_us, most)
        return [*self.bookings, new] if pulses and self.amplitude_ua else self.bookings

    def take_bookings(self) -> list[Booking]:
        """The pulses that are over, for whoever keeps the dose."""
        taken, self.bookings = self.bookings, []
        return taken

    def sent(self, command_n: int) -> None:
        """The present amplitude went out with this command."""
        self.sent_n = command_n

    def output(self) -> ChannelOutput:
        """The present amplitude as the device is told it."""
        return self._form.told(self.window, self.amplitude_ua)
