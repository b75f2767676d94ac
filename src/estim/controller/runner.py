"""The only loop body: events → engine → record, interlock, driver, link. The same for real time and for rehearsals.

In every turn: stop first, then what came in, then bytes in, then one step of the engine each, its effects in order,
bytes out. Nothing in here waits. The order authorise → durable → grant → admit → submit is kept here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from estim.controller.recording import Recording
from estim.drivers.interface import Driver
from estim.drivers.link import ByteLink
from estim.drivers.room import RoomPort
from estim.record_lines.base import Line
from estim.record_lines.kinds import Authorise as AuthoriseLine
from estim.records.sink import RecordSink
from estim.safety.commands import OutputOff
from estim.safety.errors import InterlockTripped, LinkLost
from estim.safety.interlock import Interlock
from estim.safety.reports import Acknowledged, DeviceFault, LinkDown, Report, Superseded
from estim.session import effects, events
from estim.session.effects import Effect, Reply
from estim.session.engine import SessionEngine
from estim.session.events import Event
from estim.session.snapshot import Snapshot

_STOPS = (events.Stop, events.ConsoleGone, events.Signal, events.ClockJumped)


class Runner:
    """One controller: engine, interlock, driver, link and record.

    Args:
        clock: session time in µs.
        open_record: makes the record of a new session for a patient's pseudonym.
        room: the side channel, if there is one.
        reconnect: a new driver on a newly opened link, after the last one was lost; raises LinkLost.
    """

    def __init__(
        self,
        engine: SessionEngine,
        driver: Driver,
        link: ByteLink,
        *,
        clock: Callable[[], int],
        open_record: Callable[[str], RecordSink],
        room: RoomPort | None = None,
        reconnect: Callable[[], tuple[Driver, ByteLink]] | None = None,
    ) -> None:
        self.engine = engine
        self.driver = driver
        self.link: ByteLink | None = link
        self.recording = Recording(open_record)
        self.on_purpose: Callable[[str], None] = lambda _purpose: None
        self._clock = clock
        self._room = room
        self._reconnect = reconnect
        self._interlock = Interlock(None)
        self._commands: dict[int, int] = {}  # driver's number → engine's number

    def take_replies(self) -> list[Reply]:
        """The answers since the last call."""
        said, self.recording.answers = self.recording.answers, []
        return said

    def start(self) -> None:
        """Ask the device who it is."""
        now_us = self._clock()
        self._do(self.engine.start(now_us), now_us)
        self._write(now_us)

    def turn(self, incoming: Sequence[Event]) -> int | None:
        """One pass; gives when the next one is due at the latest (session time), None if only an event can matter."""
        now_us = self._clock()
        for event in incoming:
            if isinstance(event, _STOPS):
                self._step(event, now_us)
        self._write(now_us)  # a stop is on its way before anything else is looked at
        for event in incoming:
            if not isinstance(event, _STOPS):
                self._step(event, now_us)
        self._read(now_us)
        self._write(now_us)  # an off that somebody asked for never waits for a signature in the record
        self._watch_record(now_us)
        overdue = self._interlock.overdue(now_us)
        if overdue:
            self._trip(InterlockTripped("L19", overdue), now_us)
        self._step(events.Tick(), now_us)  # who was silent is judged now that all that had come in was heard
        self._write(now_us)
        due = [at for at in (self.engine.next_deadline_us(), self.driver.next_deadline_us()) if at is not None]
        return min(due, default=None)

    def snapshot(self) -> Snapshot:
        """The session as a screen shows it."""
        now_us = self._clock()
        return self.engine.snapshot(
            now_us,
            record_path=self.recording.path,
            record_durable=self.recording.pending_us is None,
            word_head=self.recording.word_head,
            head=self.recording.head,
        )

    # -- in ---------------------------------------------------------------------------------------------------------

    def _step(self, event: Event, now_us: int) -> None:
        if isinstance(event, events.Raise):  # the interlock hears of the key from here, not from the engine
            self._interlock.asked(event.channel, now_us)
        self._do(self.engine.step(event, now_us), now_us)

    def _read(self, now_us: int) -> None:
        reports: list[Report] = []
        if self.link is not None:
            try:
                data = self.link.read()
            except LinkLost as error:
                self._lose_link(str(error), now_us)
            else:
                if data:
                    reports += self.driver.receive_data(data, now_us)
        due_us = self.driver.next_deadline_us()
        if due_us is not None and now_us >= due_us:
            reports += self.driver.tick(now_us)
        if self._room is not None:
            reports += self._room.poll()
        for report in reports:
            self._step(self._translate(report), now_us)

    def _translate(self, report: Report) -> Report:
        """The engine counts its own commands; the driver's numbers end here."""
        if isinstance(report, Acknowledged):
            n = self._commands.pop(report.seq, 0)
            return Acknowledged(seq=n, round_trip_us=report.round_trip_us, lists=report.lists)
        if isinstance(report, Superseded):
            return Superseded(seq=self._commands.pop(report.seq, 0))
        if isinstance(report, DeviceFault) and report.seq is not None:
            return DeviceFault(code=report.code, text=report.text, seq=self._commands.pop(report.seq, 0))
        return report

    def _lose_link(self, reason: str, now_us: int) -> None:
        if self.link is not None:
            self.link.close()
            self.link = None
            self._step(LinkDown(reason=reason), now_us)

    def _watch_record(self, now_us: int) -> None:
        found, granted = self.recording.look(now_us)
        for event in found:
            self._step(event, now_us)
        for n in granted:
            self._interlock.grant(n, now_us)
            self._step(events.Granted(n=n), now_us)

    # -- out --------------------------------------------------------------------------------------------------------

    def _do(self, todo: Sequence[Effect], now_us: int) -> None:
        for effect in todo:
            if isinstance(effect, effects.Send):
                self._send(effect, now_us)
            elif isinstance(effect, effects.Log):
                self._append(effect.line, now_us)
            elif isinstance(effect, effects.RequestStatus):
                self.driver.request_status(now_us)
            elif isinstance(effect, effects.Authorise):
                self._authorise(effect, now_us)
            elif isinstance(effect, effects.Reply):
                self.recording.reply(effect, todo)
            else:
                self._do_rare(effect, now_us)

    def _do_rare(self, effect: Effect, now_us: int) -> None:
        if isinstance(effect, effects.Revoke):
            self._interlock.revoke()
            self.recording.revoke()
        elif isinstance(effect, effects.LowerCeiling):
            self._interlock.lower(effect.channel, effect.peak_ua, effect.level_ua, now_us)
        elif isinstance(effect, effects.Install):
            self._interlock = Interlock(effect.cleared, self._interlock)
            if effect.cleared is not None:
                self.on_purpose(effect.cleared.schedule.purpose)
        elif isinstance(effect, effects.Prepare):
            self.driver.prepare(effect.channels, effect.period_us, now_us, slow=effect.slow)
        elif isinstance(effect, effects.Connect):
            self._connect(now_us)
        elif isinstance(effect, effects.ToRoom):
            if self._room is not None:
                self._room.send(effect.message)
        elif isinstance(effect, effects.OpenRecord):
            self._open(effect.patient_id, now_us)
        elif isinstance(effect, effects.CloseRecord):
            self.recording.seal(now_us)

    def _connect(self, now_us: int) -> None:
        """Ask the device who it is; over a new link where the last one was lost."""
        if self.link is None and self._reconnect is not None:
            try:
                self.driver, self.link = self._reconnect()
            except LinkLost as error:
                self._step(LinkDown(reason=str(error)), now_us)
                return
            self._commands.clear()
        if self.link is not None:
            self.driver.connect(now_us)

    def _send(self, effect: effects.Send, now_us: int) -> None:
        try:
            admitted = self._interlock.admit(effect.command, now_us)
            self._commands[self.driver.submit(admitted, now_us)] = effect.command_n
        except InterlockTripped as error:
            self._trip(error, now_us)
            return
        if isinstance(effect.command, OutputOff):
            self._commands = dict(list(self._commands.items())[-1:])

    def _trip(self, error: InterlockTripped, now_us: int) -> None:
        """Off in this same turn, then FAULT, then the line in the record. Never: skip this command."""
        self.driver.submit(self._interlock.admit(OutputOff(reason="interlock"), now_us), now_us)
        self._write(now_us)
        self._step(events.Tripped(rule=error.rule, text=str(error)), now_us)

    def _authorise(self, effect: effects.Authorise, now_us: int) -> None:
        try:
            self._interlock.authorise(effect.n, effect.peaks, effect.until_us, now_us, effect.rise)
        except InterlockTripped as error:
            self._trip(error, now_us)
            return
        written = AuthoriseLine(
            authorise=effect.n,
            reason=effect.reason,
            contractions=list(effect.contractions),
            until_us=effect.until_us,
            channels=[
                {
                    "channel": peak.channel,
                    "peak_ua": peak.peak_ua,
                    "pulse_width_us": peak.pulse_width_us,
                    "period_us": peak.period_us,
                }
                for peak in effect.peaks
            ],
        )
        line = self._append(written, now_us, durable=True)
        if line is not None:
            self.recording.authorised(effect.n, line)

    def _append(self, line: Line, now_us: int, *, durable: bool = False) -> int | None:
        number, found = self.recording.append(line, now_us, durable=durable)
        for event in found:
            self._step(event, now_us)
        return number

    def _open(self, patient_id: str, now_us: int) -> None:
        self._interlock = Interlock(None)  # another patient: the count of ON time begins anew
        for event in self.recording.open(patient_id):
            self._step(event, now_us)

    def _write(self, now_us: int) -> None:
        if self.link is None:
            return
        try:
            while data := self.driver.data_to_send(now_us):
                self.link.write(data)
        except LinkLost as error:
            self._lose_link(str(error), now_us)
