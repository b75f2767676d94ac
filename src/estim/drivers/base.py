"""What all drivers share: one command in flight, off that is repeated until the device's own status confirms it,
time-outs, noise. Sans-IO; the devices' own words are in the subclasses.

Off: `OutputOff` drops all that waits, its stop goes out at once, again every 30 ms until acknowledged; then the device
is asked for its status, stop and question by turns, until the status says idle. Nothing ends this but that answer.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from estim.drivers.exchange import Call, Exchange
from estim.drivers.framing import BadFrame, Framer, WireFrame
from estim.safety.commands import OutputOff, SetOutput
from estim.safety.interlock import Admitted
from estim.safety.profile import DeviceProfile
from estim.safety.reports import Acknowledged, DeviceFault, DeviceLost, DeviceStatus, DriverReport, Noise, Superseded
from estim.safety.units import Micros

ANSWER_US = 250_000  # answers take up to 40 ms (P24, RehaMove3) or 100 ms (RehaStim2), wire document 2.4 and 3.3
OFF_REPEAT_US = 30_000  # docs/decisions/take-over.md
# Before the first frame after connecting and before a take-over's stop: ends a frame that was left half-sent. Twice,
# since behind a cut that ends in an escape the first is data; a receiver that begins anew at each start needs neither.
LEAD = b"\x0f\x0f"
NOISE_MAX = 8  # bad frames in a row after which the device is not believed any more
QUESTION_RETRIES = 2
NOT_NOW = -100  # our own code, outside both families' results
OFF_NUMBERS_MAX = 63  # OutputOff commands that are remembered while none is acknowledged


@dataclass(frozen=True, slots=True)
class Got:
    """An answer: the call it belongs to, its frame, when it came, and where its meaning goes."""

    call: Call
    frame: WireFrame
    now_us: int
    reports: list[DriverReport]

    @property
    def result(self) -> int:
        """The first byte, signed; an answer without any counts as a transfer error."""
        if not self.frame.data:
            return 1
        first = self.frame.data[0]
        return first - 256 if first > 127 else first

    def acknowledge(self, seq: int) -> None:
        """Say that the device accepted command `seq`."""
        self.reports.append(Acknowledged(seq=seq, round_trip_us=Micros(self.now_us - self.call.sent_us)))


@dataclass(slots=True)
class Off:
    """An off that the device has not confirmed yet.

    Attributes:
        number: of the first OutputOff; answers to an earlier off count for nothing.
        unacknowledged: numbers of the OutputOff commands that it stands for.
        since_us: since when it is tried.
        due_us: when stop or question go out again.
        stopped: a stop was acknowledged since the last one was sent, so it is the question's turn.
    """

    number: int
    since_us: int
    due_us: int
    unacknowledged: list[int] = field(default_factory=list)
    stopped: bool = False


class BaseDriver:
    """The part of `Driver` that is the same for every stimulator.

    Subclasses make calls and understand answers: the methods at the end that are not implemented here.
    """

    def __init__(self, profile: DeviceProfile, framer: Framer, *, packets: int, connect_us: int) -> None:
        self.profile = profile
        self._framer = framer
        self._exchange = Exchange(answer_us=ANSWER_US, packets=packets)
        self._connect_us = connect_us
        self._connect_until_us: int | None = None
        self._seq = 0
        self._told_ua: dict[int, int] = {}  # channel → amplitude of the last output that was asked for
        self._off: Off | None = None
        self._bad = 0
        self._dropped = 0
        self._reports: list[DriverReport] = []  # made by a submit, given with the next answer or tick
        self._lead = LEAD

    # -- what is asked of it ----------------------------------------------------------------------------------------

    def connect(self, now_us: int) -> None:
        """Begin: stop, ask who the device is, see that it is idle. Ends in `Identified` or `DeviceLost`.

        An off that is under way goes on as it is, stop after stop; who the device is is asked once it is confirmed.
        """
        self._connect_until_us = now_us + self._connect_us
        self._bad = 0
        self._lead = LEAD
        if self._off is None:
            self._reports += [Superseded(seq=seq) for seq in self._exchange.clear()]
            self._begin(now_us)

    def prepare(
        self,
        channels: tuple[int, ...],
        period_us: Micros,
        now_us: int,  # noqa: ARG002
        *,
        slow: tuple[tuple[int, Micros], ...] = (),
    ) -> None:
        """Open the stimulation level. Ends in `Prepared`, or DeviceFault: not possible, or an off is unconfirmed."""
        if self._off is not None:
            self._reports.append(DeviceFault(code=NOT_NOW, text="prepare: the device has not confirmed that it is off"))
        else:
            self._prepare(channels, period_us, slow)

    def submit(self, admitted: Admitted, now_us: int) -> int:
        """Queue an admitted command; gives its number.

        Raises:
            InterlockTripped: not admitted in this turn, or it can't be encoded exactly.
        """
        command = admitted.consume(now_us)
        if isinstance(command, OutputOff):
            self._seq += 1
            self._submit_off(now_us)
            return self._seq
        call = self._output_call(command, self._seq + 1)
        self._seq += 1
        if self._off is not None:  # off comes first; whoever wants output again prepares again
            self._reports.append(Superseded(seq=self._seq))
            return self._seq
        call.falls = self._falls(command)
        replaced = self._exchange.put_output(call)
        if replaced:
            self._reports.append(Superseded(seq=replaced))
        return self._seq

    def _falls(self, command: SetOutput) -> bool:
        """Whether any channel gets less than it was told last."""
        before, self._told_ua = self._told_ua, {output.channel: output.amplitude_ua for output in command.channels}
        return any(self._told_ua.get(channel, 0) < amplitude_ua for channel, amplitude_ua in before.items())

    def _submit_off(self, now_us: int) -> None:
        self._told_ua = {}
        if self._off is None:
            self._off = Off(self._seq, now_us, now_us + OFF_REPEAT_US, [self._seq])
            self._send_for_off(self._off_call())
        else:  # one that is under way already goes on, so that repeating never delays it
            self._off.unacknowledged = [*self._off.unacknowledged[-OFF_NUMBERS_MAX:], self._seq]

    def _send_for_off(self, call: Call) -> None:
        call.seq = self._off.number if self._off is not None else 0
        self._reports += [Superseded(seq=seq) for seq in self._exchange.interrupt(call)]

    # -- bytes out --------------------------------------------------------------------------------------------------

    def data_to_send(self, now_us: int) -> bytes:
        """The next frame, unless an answer is awaited; an off is always first and waits for none."""
        call = self._exchange.next_out(now_us)
        if call is None:
            return b""
        lead, self._lead = self._lead, b""
        return lead + self._encode(call)

    def next_deadline_us(self) -> int | None:
        """The next time-out; 0 (at once) while a report waits to be given."""
        if self._reports:
            return 0
        due_us = self._off.due_us if self._off is not None else self._exchange.deadline_us()
        if self._connect_until_us is None:
            return due_us
        return self._connect_until_us if due_us is None else min(due_us, self._connect_until_us)

    def tick(self, now_us: int) -> tuple[DriverReport, ...]:
        """Time-outs: an off is repeated for ever, anything else that stays unanswered means that the device is lost."""
        reports, self._reports = self._reports, []
        off = self._off
        if off is not None:
            if now_us >= off.due_us:
                self._repeat_off(off, now_us)
        else:
            overdue = self._exchange.overdue(now_us)
            if overdue is not None and not self._asked_again(overdue):
                self._lose(f"no answer to {overdue.kind} within {ANSWER_US // 1000} ms", reports)
        if self._connect_until_us is not None and now_us >= self._connect_until_us:
            self._lose(f"it was not identified and idle within {self._connect_us / 1e6:g} s", reports)
        return tuple(reports)

    def _asked_again(self, overdue: Call) -> bool:
        """While connecting nothing is delivered, and a busy machine or a device that starts may need a second time."""
        return self._connect_until_us is not None and self._exchange.repeat(overdue)

    def _lose(self, reason: str, reports: list[DriverReport], *, output_ended: bool = False) -> None:
        """The device can't be relied on; an off that is under way goes on."""
        self._connect_until_us = None
        if self._off is None:
            reports.extend(Superseded(seq=seq) for seq in self._exchange.clear())
        reports.append(DeviceLost(reason=reason, output_ended=output_ended))

    # -- bytes in ---------------------------------------------------------------------------------------------------

    def receive_data(self, data: bytes, now_us: int) -> tuple[DriverReport, ...]:
        """What the bytes mean."""
        reports, self._reports = self._reports, []
        for frame in self._framer.feed(data):
            if isinstance(frame, BadFrame):
                self._bad += 1
                reports.append(Noise(count=1, text=f"unreadable frame: {frame.reason}"))
                if self._bad == NOISE_MAX:
                    self._lose(f"{NOISE_MAX} unreadable frames in a row", reports)
                else:
                    self._exchange.ask_again()
            else:
                self._bad = 0
                self._take(frame, now_us, reports)
        if self._framer.dropped != self._dropped:
            count = self._framer.dropped - self._dropped
            self._dropped = self._framer.dropped
            reports.append(Noise(count=count, text=f"{count} bytes outside any frame"))
        return tuple(reports)

    # -- off --------------------------------------------------------------------------------------------------------

    def _repeat_off(self, off: Off, now_us: int) -> None:
        off.due_us = now_us + OFF_REPEAT_US
        call = self._question() if off.stopped else self._off_call()
        off.stopped = False
        self._send_for_off(call)

    def _stop_acknowledged(self, got: Got) -> None:
        """A stop was accepted; now the device must say itself that it is idle."""
        off = self._off
        if off is None or got.call.seq != off.number:
            return
        for seq in off.unacknowledged:
            got.acknowledge(seq)
        off.unacknowledged.clear()
        off.stopped = True
        if not self._exchange.is_waiting("off-status"):
            self._send_for_off(self._question())

    def _status_after_off(self, got: Got, status: DeviceStatus) -> None:
        """The answer to the question: only idle, said after this off's stop, ends it."""
        if self._off is None or got.call.seq != self._off.number:
            return
        if not status.output_on and not status.level_open:
            self._off_confirmed(got.now_us)
        got.reports.append(status)

    def _off_confirmed(self, now_us: int) -> None:
        self._exchange.clear()
        self._off = None
        if self._connect_until_us is not None:
            self._begin(now_us)

    @property
    def is_off_pending(self) -> bool:
        """An off was asked for that the device has not confirmed."""
        return self._off is not None

    # -- the device's own words -------------------------------------------------------------------------------------

    def _begin(self, now_us: int) -> None:
        """Put the calls that identify the device."""
        raise NotImplementedError

    def _prepare(self, channels: tuple[int, ...], period_us: Micros, slow: tuple[tuple[int, Micros], ...]) -> None:
        """Put the calls that open the level."""
        raise NotImplementedError

    def _output_call(self, command: SetOutput, seq: int) -> Call:
        """The call that makes the output exactly this."""
        raise NotImplementedError

    def _off_call(self) -> Call:
        """A stop."""
        raise NotImplementedError

    def _question(self) -> Call:
        """The question, of kind `off-status`, whether the device is idle."""
        raise NotImplementedError

    def _encode(self, call: Call) -> bytes:
        """The call's frame."""
        raise NotImplementedError

    def _take(self, frame: WireFrame, now_us: int, reports: list[DriverReport]) -> None:
        """Understand a good frame."""
        raise NotImplementedError
