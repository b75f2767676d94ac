"""The connection to the stimulator: commands in flight, off until confirmed, what the device says of itself. Pure.

It lives as long as the engine: patients come and go, the device stays.
"""

from __future__ import annotations

from dataclasses import replace

from estim.record_lines import events as lines
from estim.safety.commands import OutputOff, SetOutput
from estim.safety.reports import DeviceStatus, Identified, ListsPlayed, OutputState
from estim.safety.units import US_PER_S
from estim.session.after_off import Doubt
from estim.session.booking import NO_ACK, LastAck
from estim.session.effects import Connect, Prepare, RequestStatus, Send
from estim.session.outbox import Outbox
from estim.session.plain import output_rows

STOP_VERIFY_US = 1_000_000  # L25: verified by readback within 1 s, else UNCERTAIN
OFF_REPEAT_US = 100_000
SETTLE_US = 300_000  # a status is held against the plan only if the last command is older than this
STATUS_LINE_US = US_PER_S  # statuses are folded to one line of the record a second


class Link:
    """One stimulator on the other side of a wire.

    Args:
        out: takes what is to be sent and written.

    Attributes:
        device: who it said it is.
        battery_percent: of a device that has one.
        output, output_since_us: what is known of its output.
        gone: nothing is heard until it is connected again.
        open: its stimulation level is open.
        command_n: the last command's number.
        answer: the highest that it acknowledged.
        off_asked_us: since when off is asked for and not confirmed; None: nothing is awaited.
        polled_us: when its status was last asked for.
    """

    def __init__(self, out: Outbox) -> None:
        self._out = out
        self.device: Identified | None = None
        self.battery_percent: int | None = None
        self.output = OutputState.UNCERTAIN  # nobody has asked the device yet: unknown is not OFF
        self.output_since_us = 0
        self.gone = False
        self.open = False
        self.command_n = 0
        self.answer = NO_ACK
        self._unanswered: dict[int, tuple[int, SetOutput]] = {}
        self._obeyed: frozenset[int] = frozenset()  # channels with current by the last command that was acknowledged
        self._disobeyed_us: int | None = None  # since when it may do what it was not told
        self._untold_us: int | None = None  # since when it goes on with what it had, since a command was never sent
        self._lost_us: int | None = None
        self._changed_us = self._idle_us = 0
        self.off_asked_us: int | None = None
        self._off_sent_us = 0
        self.polled_us = 0
        self._status_logged: tuple[int, bool | None] = (-US_PER_S, None)  # when, and whether output was on
        self._lists_logged: ListsPlayed | None = None

    @property
    def all_answered(self) -> bool:
        """Every command that was sent has been acknowledged."""
        return not self._unanswered

    @property
    def uncertain(self) -> bool:
        """Nobody knows whether output is off."""
        return self.output is OutputState.UNCERTAIN

    @property
    def off_settled(self) -> bool:
        """Off was not asked for, was confirmed, or can't be."""
        return self.off_asked_us is None or self.uncertain

    @property
    def fed_us(self) -> int:
        """When something was last sent to it: its own timer begins anew with each."""
        return max(self._changed_us, self._off_sent_us, self.polled_us)

    def doubt(self) -> Doubt:
        """What is not known of the output as an off goes out."""
        sent = self._unanswered.values()
        named = {output.channel for _, command in sent for output in command.channels if output.amplitude_ua}
        since_us = [sent_us for sent_us, _ in sent]
        since_us += [us for us in (self._disobeyed_us, self._untold_us) if us is not None]
        return Doubt(self._obeyed | named, min(since_us, default=None))

    def disobeyed(self, channels: frozenset[int]) -> None:
        """It says that it plays where it was told not to: since the last command, or since it last said that it is
        idle, nobody knows.
        """
        self._obeyed, self._disobeyed_us = self._obeyed | channels, max(self._changed_us, self._idle_us)

    @property
    def disobeys(self) -> bool:
        """It said that it plays where it was told not to, and not that it ended since: it hears us and goes on."""
        return self._disobeyed_us is not None

    def idle(self, now_us: int) -> None:
        """It says that it is idle, as it was told."""
        self._idle_us = now_us

    def ended_us(self, now_us: int, timer_us: int) -> int:
        """When what was on had ended, as off is confirmed at `now_us`: then, or when it was not heard any more and its
        own timer had run out.
        """
        return now_us if self._lost_us is None else min(now_us, self._lost_us + timer_us)

    def unanswered_us(self, now_us: int) -> int:
        """For how long the oldest command has been without an answer."""
        if not self._unanswered:
            return 0
        return now_us - min(sent_us for sent_us, _ in self._unanswered.values())

    # -- out --------------------------------------------------------------------------------------------------------

    def connect(self) -> None:
        """Ask the device who it is: stop, identify, verify idle."""
        self._out.emit(Connect())

    def prepare(self, effect: Prepare, now_us: int) -> None:
        """Have the stimulation level opened."""
        self.polled_us = now_us
        self._out.emit(effect)

    def send(self, output: SetOutput, now_us: int) -> int:
        """Send the whole output as it shall be from now on; gives the command's number."""
        if not output.is_zero and output.channels:
            self.see(OutputState.ON, now_us)
        self.command_n += 1
        self._changed_us = now_us
        self._unanswered[self.command_n] = (now_us, output)
        self._out.emit(Send(command=output, command_n=self.command_n))
        return self.command_n

    def send_off(self, reason: str, now_us: int) -> dict[int, tuple[int, SetOutput]]:
        """Off, before everything else of this step. Gives the commands that nobody will ever know to have played."""
        self.command_n += 1
        self._changed_us = now_us
        overtaken, self._unanswered = self._unanswered, {}
        self.open = False
        self.off_asked_us = self.off_asked_us if self.off_asked_us is not None else now_us
        self._off_sent_us = now_us
        self._out.emit_first(Send(command=OutputOff(reason=reason), command_n=self.command_n))
        return {n: sent for n, sent in overtaken.items() if not sent[1].is_zero}

    def repeat_off(self, now_us: int) -> None:
        """Off again, where it is not confirmed and the last one was long enough ago."""
        if self.off_asked_us is None or now_us - self._off_sent_us < OFF_REPEAT_US:
            return
        self.command_n += 1
        self._off_sent_us = now_us
        self._out.emit(Send(command=OutputOff(reason="repeat"), command_n=self.command_n))

    def poll(self, now_us: int, interval_us: int) -> None:
        """Ask for the device's status where the last time is `interval_us` ago; its keep-alive as well."""
        if now_us - self.polled_us >= interval_us:
            self.polled_us = now_us
            self._out.emit(RequestStatus())

    def due_us(self) -> int | None:
        """When off is repeated if it is not confirmed."""
        return None if self.off_asked_us is None else self._off_sent_us + OFF_REPEAT_US

    # -- in ---------------------------------------------------------------------------------------------------------

    def identified(self, report: Identified, now_us: int) -> None:
        """It said who it is, and is idle."""
        self.device, self.gone = report, False
        self.polled_us = now_us
        self.off_confirmed()

    def opened(self) -> None:
        """Its stimulation level is open."""
        self.open = True

    def acknowledged(self, number: int, round_trip_us: int, now_us: int, lists: ListsPlayed | None = None) -> None:
        """It took command `number`, and with it all older ones."""
        highest = max(self.answer.number, number)
        sent = self._unanswered.pop(number, None)
        if sent is None:  # an off went out after it: nothing waits for its answer
            self.answer = self.answer._replace(number=highest)
            return
        for older in [n for n in self._unanswered if n < number]:
            del self._unanswered[older]
        self.answer = LastAck(highest, now_us, now_us - sent[0])
        self._untold_us = None
        self._obeyed = frozenset(output.channel for output in sent[1].channels if output.amplitude_ua)
        rows = output_rows(sent[1])
        said = lines.Command(command=number, sent_us=sent[0], ack_us=round_trip_us, channels=rows)
        self._out.log(said if lists is None else replace(said, lists_least=lists.least, lists_most=lists.most))

    def superseded(self, number: int) -> None:
        """A newer command took its place: nothing was sent for it, and the device goes on with what it had."""
        sent = self._unanswered.pop(number, None)
        if sent is not None and self._untold_us is None:
            self._untold_us = sent[0]

    def status_line(self, now_us: int, report: DeviceStatus) -> None:
        """Its status into the record, once a second, and as soon as it is another; and what it had played, as soon as
        it plays no more.
        """
        lists = report.lists
        ended = lists is not None and not report.output_on and lists != self._lists_logged
        logged_us, was_on = self._status_logged
        changed = lists is None and report.output_on != was_on
        if ended or changed or now_us - logged_us >= STATUS_LINE_US:
            self._status_logged = (now_us, report.output_on)
            said = lines.Status(output_on=report.output_on, level_open=report.level_open)
            self._lists_logged = lists
            self._out.log(said if lists is None else replace(said, lists_least=lists.least, lists_most=lists.most))

    def settled(self, now_us: int) -> bool:
        """The last command is old enough, and the status was asked for after it: it can be held against the plan."""
        return now_us - self._changed_us >= SETTLE_US and self.polled_us > self._changed_us

    def off_confirmed(self) -> None:
        """Its own status, or its own timer, says that output has ended."""
        self.off_asked_us = self._disobeyed_us = self._untold_us = self._lost_us = None
        self._obeyed = frozenset()

    def off_is_late(self, now_us: int) -> bool:
        """Off was asked for 1 s ago and is not confirmed."""
        return self.off_asked_us is not None and now_us - self.off_asked_us >= STOP_VERIFY_US

    def lose(self, now_us: int) -> None:
        """Nothing is heard of it any more."""
        self.gone = True
        self._lost_us = now_us if self._lost_us is None else self._lost_us

    def charged(self, percent: int) -> None:
        """Charge of its battery."""
        self.battery_percent = percent

    def see(self, state: OutputState, now_us: int) -> bool:
        """The output's state as it is now known; True if that is news."""
        if state is self.output:
            return False
        self.output, self.output_since_us = state, now_us
        self._out.log(lines.Output(state=state.value))
        return True
