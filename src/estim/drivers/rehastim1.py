"""The driver of RehaStim 1 and MotionStim 8 in one-shot list mode. Sans-IO.

```
connect   stop, up to five times until answered; then three more, each answered         → Identified
prepare   stop; the list is made as the first pulse is due                               → Prepared
submit    SetOutput → init of a one-shot list where there is none, then one update a period, for as long as the
          session asks for its status                                                   → Acknowledged
          without any current: stop, so that no list is left                            → Acknowledged
          OutputOff → stop until answered, then once the question for a list            → Acknowledged, DeviceStatus
status    what the last update was answered; without output a stop                       → DeviceStatus
```
While nothing shall flow, commands of one byte alone go out, the stop and the question: the device's check is weak, and
of a longer command two wrong bits can make a pulse (SAFETY.md, H55). Of one byte none can.

The device has no timer and no status: in a continuous list it would go on without the computer. So a list is played
once for each update: whatever dies, of host, cable or session, output ends within one period. The price is that the
period is the host's: an update is never earlier than a period after the last pulse, a late one makes it longer.

An answer is one byte without a number. An answer to a stop is an acknowledged off, never a confirmed one; answers to
earlier stops that may still be on their way are waited for first.
"""

from __future__ import annotations

from collections import deque

from estim.drivers import sciencemode1 as sm
from estim.drivers.base import NOT_NOW
from estim.drivers.rehastim1_pace import LATE_US, Pace
from estim.drivers.rehastim1_profile import PROFILE
from estim.drivers.rehastim1_steps import NOBODY, PLAYED, ListsSent, PendingOff, Step, StopsSent, played, unasked
from estim.safety.commands import OutputOff
from estim.safety.errors import InterlockTripped
from estim.safety.interlock import Admitted
from estim.safety.reports import (
    Acknowledged,
    DeviceFault,
    DeviceLost,
    DeviceStatus,
    DriverReport,
    Identified,
    Noise,
    Prepared,
    Superseded,
)
from estim.safety.units import Micros

ANSWER_US = 100_000
HELLO_TRIES, HELLO_ANSWERS, NOISE_MAX = 5, 4, 8
OFF, HELLO = Step("off", sm.STOP, sm.STOP_KIND), Step("hello", sm.STOP, sm.STOP_KIND)


class RehaStim1Driver:
    """A RehaStim 1 or MotionStim 8, a list a period."""

    def __init__(self) -> None:
        self.profile = PROFILE
        self._reports: list[DriverReport] = []
        self._steps: deque[Step] = deque()
        self._flying: Step | None = None
        self._sent_us = self._seq = 0
        self._hello: tuple[int, int] | None = None  # tries, answers, while connecting
        self._off: PendingOff | None = None
        self._stops = StopsSent()
        self._list = sm.ChannelList()  # the one that is wanted
        self._listed = self._wants_status = False  # the device has it; the session asked how it is
        self._pace = Pace()
        self._answered_n = 0  # the last command whose update was answered
        self._lists = ListsSent()
        self._noise_n = 0

    def connect(self, now_us: int) -> None:
        """Begin: stop it, and see that it answers. Ends in `Identified` or `DeviceLost`."""
        self._hello = (0, 0)
        self._pace.asked_us = now_us
        if self._off is None:
            self._drop()
            self._steps.append(HELLO)

    def prepare(
        self, channels: tuple[int, ...], period_us: Micros, now_us: int, *, slow: tuple[tuple[int, Micros], ...] = ()
    ) -> None:
        """A list for these channels, whatever their periods are, later. Ends in `Prepared`, or DeviceFault."""
        del period_us, slow  # each update has its own time
        self._pace.asked_us = now_us
        if self._off is not None:
            self._reports.append(DeviceFault(code=NOT_NOW, text="prepare: the device has not acknowledged its stop"))
            return
        try:
            wanted = sm.list_of(channels)
            sm.encode_init(wanted)
        except InterlockTripped as error:
            self._reports.append(DeviceFault(code=NOT_NOW, text=f"prepare: {error}"))
            return
        self._list = wanted
        self._steps.append(self._leave("prepare"))

    def submit(self, admitted: Admitted, now_us: int) -> int:
        """Take an admitted command; gives its number. Raises InterlockTripped: not admitted, or not to be encoded."""
        command = admitted.consume(now_us)
        self._pace.asked_us = now_us
        if isinstance(command, OutputOff):
            self._seq += 1
            self._begin_off(now_us)
            return self._seq
        if not self._list.channels:
            raise InterlockTripped("command", "no channel list was prepared")
        if not command.is_zero:
            sm.encode_update(command, sm.list_for(command, self._list))
        self._seq += 1
        if self._off is not None:
            self._reports.append(Superseded(seq=self._seq))
            return self._seq
        if command.is_zero:
            never = self._pace.clear()
            self._count_late()
            self._steps.append(self._leave("zero", self._seq))
        else:
            never = self._pace.put(command, self._seq, now_us)
        self._reports += [Superseded(seq=seq) for seq in never]
        return self._seq

    def request_status(self, now_us: int) -> None:
        """What the device last answered, or a question that changes nothing; the session's word that it goes on."""
        self._pace.asked_us = now_us
        if self._off is not None or self._hello is not None or self._steps:
            return
        if self._pace.goes_on:
            self._wants_status = True
        else:
            self._steps.append(self._leave("rest" if self._list.channels else "idle"))

    def stop_bytes(self) -> bytes:
        """A stop; its bit 7 ends whatever was half-sent."""
        return sm.STOP

    def _leave(self, why: str, seq: int = 0) -> Step:
        """A stop: no list is left."""
        self._listed = False
        return Step(why, sm.STOP, sm.STOP_KIND, seq)

    def _relist(self, wanted: sm.ChannelList) -> None:
        if self._listed:
            self._steps.append(self._leave("leave"))
        self._list = wanted
        self._steps.append(Step("relist", sm.encode_init(wanted), sm.INIT_KIND))

    def _begin_off(self, now_us: int) -> None:
        self._drop()
        self._count_late()
        if self._off is None:
            self._stops.forget(now_us)
            self._off = PendingOff(now_us, awaits=len(self._stops) + 1)
            self._steps.append(OFF)
        self._off.add(self._seq)

    def _drop(self) -> None:
        """Nothing that waits is sent any more, and no answer but a stop's is waited for."""
        never = [*self._pace.clear(), *(step.seq for step in self._steps)]
        self._reports += [Superseded(seq=seq) for seq in never if seq]
        self._steps.clear()
        self._flying = None
        self._listed = self._wants_status = False

    def _count_late(self) -> None:
        if late := self._pace.late():
            self._reports.append(Noise(count=late, text=f"{late} updates later than {LATE_US // 1_000} ms"))

    # -- bytes out --------------------------------------------------------------------------------------------------

    def data_to_send(self, now_us: int) -> bytes:
        """The next command; a stop that is due waits for nothing, an update never comes before its time."""
        stops = bool(self._steps) and self._steps[0].why == "off"
        if self._flying is not None and not stops:
            return b""
        if not self._steps:
            return b"" if self._off is not None else self._update(now_us)
        return self._send(self._steps.popleft(), now_us)

    def _update(self, now_us: int) -> bytes:
        if reason := self._pace.ended(now_us):
            self._lose(reason)
        current = self._pace.take(now_us)
        if current is None:
            return b""
        wanted = sm.list_for(current[0], self._list)
        if wanted != self._list or not self._listed:
            self._relist(wanted)
            return self._send(self._steps.popleft(), now_us)
        self._pace.sent(now_us)
        return self._send(Step("update", sm.encode_update(current[0], wanted), sm.UPDATE_KIND, current[1]), now_us)

    def _send(self, step: Step, now_us: int) -> bytes:
        self._flying, self._sent_us = step, now_us
        if step.kind == sm.STOP_KIND:
            self._stops.sent(now_us)
        return step.data

    def next_deadline_us(self) -> int | None:
        """The next update, time-out or repeat; 0 (at once) while a report waits to be given."""
        due = [0] if self._reports else []
        if self._off is not None:
            due.append(self._off.due_us)
        if self._flying is not None:
            due.append(self._sent_us + ANSWER_US if self._pace.held else self._pace.looks_us(self._sent_us))
        elif (paced_us := self._pace.deadline_us()) is not None:
            due.append(paced_us)
        return min(due, default=None)

    def tick(self, now_us: int) -> tuple[DriverReport, ...]:
        """Time-outs: no answer, a session that asks for nothing any more, an update that is too late."""
        self._pace.look(self._sent_us, now_us)
        if self._flying is not None and now_us - self._sent_us >= ANSWER_US:
            step, self._flying = self._flying, None
            if self._off is None:
                self._unanswered(step)
        if self._off is not None and self._off.is_due(now_us):
            self._steps = deque((OFF,))
        if self._flying is None and (reason := self._pace.ended(now_us)):
            self._lose(reason)
        reports, self._reports = self._reports, []
        return tuple(reports)

    def _unanswered(self, step: Step) -> None:
        if step.why == "hello" and self._hello is not None and self._hello[0] + 1 < HELLO_TRIES:
            self._hello = (self._hello[0] + 1, self._hello[1])
            self._steps.append(step)
        else:
            self._lose(NOBODY if step.why == "hello" else f"no answer to {step.why} within {ANSWER_US // 1_000} ms")

    def _lose(self, reason: str) -> None:
        self._hello = None
        if self._off is None:
            self._drop()
        self._list = sm.ChannelList()
        self._reports.append(DeviceLost(reason=reason))

    # -- bytes in ---------------------------------------------------------------------------------------------------

    def receive_data(self, data: bytes, now_us: int) -> tuple[DriverReport, ...]:
        """What the answers mean."""
        self._stops.forget(now_us)
        for byte in data:
            self._take(byte >> 6, bool(byte & 1), now_us)
        reports, self._reports = self._reports, []
        return tuple(reports)

    def _take(self, kind: int, ok: bool, now_us: int) -> None:  # noqa: FBT001 - one bit of the byte
        stop = kind == sm.STOP_KIND
        if kind == sm.SINGLE_KIND and ok:
            self._reports.append(played())
            self._lose(PLAYED)
            return
        if stop:
            self._stops.answered()
        if ok and kind == sm.UPDATE_KIND:
            self._lists.heard(self._flying)
        if self._off is not None:
            self._take_for_off(kind, ok=ok, now_us=now_us)
            return
        step = self._flying
        if step is None or step.kind != kind or (stop and self._stops and step.why != "hello"):
            if not stop:
                self._noise_n += 1
                self._reports.append(unasked(kind, ok=ok))
                if self._noise_n == NOISE_MAX:
                    self._lose(f"{NOISE_MAX} answers in a row to nothing that was asked")
            return
        self._flying, self._noise_n = None, 0
        if not ok:
            text = f"{step.why}: answered with an error"
            self._reports.append(DeviceFault(code=kind << 6, text=text, seq=step.seq or None))
            return
        self._accepted(step, now_us)

    def _accepted(self, step: Step, now_us: int) -> None:
        match step.why:
            case "hello" if self._hello is not None:
                self._hello = (0, self._hello[1] + 1)
                if self._hello[1] < HELLO_ANSWERS:
                    self._steps.append(step)
                else:
                    self._hello = None
                    self._stops.clear()  # each of the last ones was answered, so nothing is on its way any more
                    firmware = "ScienceMode 1 (it tells no version)"
                    self._reports.append(Identified(model=self.profile.model, device_id="", firmware=firmware))
            case "prepare":
                self._reports.append(Prepared())
            case "relist":
                self._listed = True
            case "update":
                self._pace.answered(self._sent_us, now_us)
                self._acknowledge(step, now_us)
                self._lists.played += 1
                if self._wants_status:
                    self._wants_status = False
                    self._reports.append(DeviceStatus(output_on=True, level_open=True, lists=self._lists.told))
            case "zero":
                self._acknowledge(step, now_us)
            case "rest" | "idle":
                rests = step.why == "rest"
                self._reports.append(DeviceStatus(output_on=False, level_open=rests, lists=self._lists.told))

    def _acknowledge(self, step: Step, now_us: int) -> None:
        if step.seq > self._answered_n:
            self._answered_n = step.seq
            took_us = Micros(now_us - self._sent_us)
            self._reports.append(Acknowledged(seq=step.seq, round_trip_us=took_us, lists=self._lists.told))

    # -- off --------------------------------------------------------------------------------------------------------

    def _take_for_off(self, kind: int, *, ok: bool, now_us: int) -> None:
        """Answers to stops are counted until one of this off's own has come. Then, once, the question for a list: an
        error says that none is left; where it is taken, or waited on for more, one is still there, and one more stop
        ends it.
        """
        off, asked = self._off, self._flying is not None and self._flying.why == "off-check"
        if off is not None and asked and kind == sm.UPDATE_KIND and off.asks == 1:
            self._flying = None
            off.asks = 2
            if ok:
                off.again(len(self._stops), now_us)
                self._steps.append(OFF)
            else:
                self._off_done()
        elif off is not None and kind == sm.STOP_KIND and ok:
            if not off.stopped():
                return
            self._reports += [
                Acknowledged(seq=seq, round_trip_us=Micros(now_us - self._sent_us)) for seq in off.numbers
            ]
            off.numbers.clear()
            self._flying = None
            if off.asks == 0 and self._list.channels:
                off.ask(now_us + ANSWER_US)
                self._steps.append(Step("off-check", sm.ASK, sm.UPDATE_KIND))
            elif off.asks != 1:
                self._off_done()

    def _off_done(self) -> None:
        self._off = None
        self._steps.clear()
        self._flying = None
        self._list = sm.ChannelList()
        self._reports.append(DeviceStatus(output_on=False, level_open=False, lists=self._lists.told))
        if self._hello is not None:
            self._hello = (0, 0)
            self._steps.append(HELLO)
