"""What a session knows, and the few acts that all of its parts share: send, off, fail, log, alarm, reply. Pure.

`engine.py` dispatches events to `requests.py` (people), `device.py` (the stimulator's reports) and `play.py` (time);
each of them works on this one `Core`.
"""

from __future__ import annotations

from collections.abc import Mapping

from estim.protocols.schema import Protocol
from estim.protocols.setup import Setup
from estim.record_lines import events as lines
from estim.record_lines.base import Line
from estim.record_lines.kinds import RaiseDropped, Refused
from estim.safety.commands import OutputOff, SetOutput
from estim.safety.errors import Problem
from estim.safety.limits import Limits
from estim.safety.profile import DeviceProfile
from estim.safety.reports import Identified, OutputState
from estim.safety.schedule import Purpose
from estim.safety.units import US_PER_S, Micros
from estim.safety.verdict import ClearedSchedule
from estim.session.alarms import Alarms
from estim.session.booking import Booking
from estim.session.effects import Authorise, Effect, Log, LowerCeiling, Reply, Revoke, Send
from estim.session.facts import Account, Cover, Found, Known, Pending, dose_rows
from estim.session.on_time import OnTime, counts
from estim.session.plain import output_rows, plain
from estim.session.player import WindowPlayer
from estim.session.run import Ended, Place, Run
from estim.session.snapshot import Practice, Signature
from estim.session.state import Phase, Turn, advance
from estim.session.trigger import Gatekeeper

STOP_VERIFY_US = 1_000_000  # L25: verified by readback within 1 s, else UNCERTAIN
OFF_REPEAT_US = 100_000


class Core:
    """The session's data. Only the modules of this package change it."""

    def __init__(self, profile: DeviceProfile, limits: Limits, *, simulated: bool) -> None:
        self.profile = profile
        self.limits = limits
        self.simulated = simulated
        self.now_us = 0
        self.effects: list[Effect] = []
        # where it stands
        self.phase = Phase.DISCONNECTED
        self.output = OutputState.UNCERTAIN  # nobody has asked the device yet: unknown is not OFF
        self.output_since_us = 0
        self.cause = self.outcome = ""
        self.alarms = Alarms(self.log)
        # who and what
        self.device: Identified | None = None
        self.battery_percent: int | None = None
        self.operator = self.patient_id = ""
        self.recording = False
        self.signature: Signature | None = None
        self.screened_us: int | None = None
        self.link_gone = False  # nothing is heard until it is connected again
        self.screening: Mapping[str, bool | str] = {}
        self.confirmed: dict[str, tuple[str, int]] = {}
        self.protocol: Protocol | None = None
        self.protocol_sha256 = ""
        self.setup: Setup | None = None
        self.cleared: ClearedSchedule | None = None
        self.purpose: Purpose = "titration"
        self.found: dict[str, Found] = {}
        self.twitch_ua: dict[str, int] = {}  # seen in the low-rate test, never played again
        self.known = Known()
        self.on_time = OnTime()  # of this patient in this session
        self.accepted_warnings: set[str] = set()  # crossed with a reason, once a channel and session
        # the run
        self.run: Run | None = None
        self.contractions_done = 0  # of the last therapy
        self.kept: tuple[Place, int] | None = None  # place and contractions of a therapy that ended before its end
        self.gatekeeper: Gatekeeper | None = None
        self.prepared = False
        self.armed_us = self.paused_us = 0
        self.pause_after_gate = ""
        self.running_since_us: int | None = None
        self.elapsed_before_us = 0
        self.hold_since_us: int | None = None
        self.accounts: dict[tuple[Purpose, int], Account] = {}
        self.dose_due = False  # a run began and its dose is not in the record yet
        # authorisations and raises
        self.authorise_n = 0
        self.pending: dict[int, Pending] = {}
        self.cover: Cover | None = None
        self.raised_us: dict[int, int] = {}
        # commands
        self.command_n = self.acknowledged_n = 0
        self.unanswered: dict[int, tuple[int, SetOutput]] = {}
        self.changed_us = 0
        self.off_asked_us: int | None = None
        self.off_sent_us = 0
        # freshness: what the lease hangs on
        self.status_us = 0
        self.status_asked_us = 0
        self.status_logged_us = -US_PER_S
        self.heartbeat_us = 0
        self.woke_us: int | None = None  # the console's first heartbeat after it had stood still
        self.record_pending_us: int | None = None
        # for the screen
        self.answered = self.snapshot_n = 0
        self.snapshot_times: dict[int, int] = {}
        self.practice: Practice | None = None
        self.says = ""

    def forget_patient(self) -> None:
        """Another person is in the chair: nothing that was found, answered or allowed before counts for them."""
        if self.phase is Phase.CONFIGURED:
            self.move(Turn.UNCONFIGURE, "another session")
        self.screened_us, self.screening = None, {}
        self.confirmed, self.found, self.twitch_ua, self.accounts = {}, {}, {}, {}
        self.protocol = self.setup = self.cleared = self.run = self.kept = self.gatekeeper = None
        self.protocol_sha256, self.purpose = "", "titration"
        self.outcome, self.contractions_done, self.elapsed_before_us, self.dose_due = "", 0, 0, False
        self.on_time, self.accepted_warnings, self.raised_us = OnTime(), set(), {}
        self.alarms.forget_patient()

    @property
    def playing(self) -> tuple[Run, ClearedSchedule]:
        """The run and what it plays, for those who have seen that something runs.

        Raises:
            RuntimeError: nothing does.
        """
        if self.run is None or self.cleared is None:
            raise RuntimeError("nothing runs")
        return self.run, self.cleared

    # -- effects ----------------------------------------------------------------------------------------------------

    def emit(self, effect: Effect) -> None:
        """Have `effect` done at the end of this step."""
        self.effects.append(effect)

    def log(self, line: Line) -> None:
        """A line for the record; before sign-in there is none and nothing to record."""
        if self.recording:
            self.emit(Log(line=line))

    def accept(self, request_id: int) -> None:
        """Answer a request: done."""
        self.answered = max(self.answered, request_id)
        self.emit(Reply(id=request_id, accepted=True))

    def refuse(self, request_id: int, *problems: Problem) -> None:
        """Answer a request: not done, and why."""
        self.answered = max(self.answered, request_id)
        self.log(Refused(request=request_id, problems=[plain(problem) for problem in problems]))
        self.emit(Reply(id=request_id, accepted=False, problems=problems))

    # -- phase and output -------------------------------------------------------------------------------------------

    def move(self, turn: Turn, cause: str = "") -> None:
        """Take the turn that the table has for the present phase."""
        before, self.phase = self.phase, advance(self.phase, turn)
        self.cause = cause
        if before is Phase.RUNNING and self.running_since_us is not None:
            if self.purpose == "therapy":  # finding a lost level again in the middle of it is none
                self.elapsed_before_us += self.now_us - self.running_since_us
            self.running_since_us = None
        self.log(lines.Phase(before=before.value, after=self.phase.value, turn=turn.value, cause=cause))
        if turn in {Turn.ARM, Turn.RESUME}:
            self.alarms.go_on()

    def see_output(self, state: OutputState) -> None:
        """The output's state as it is now known."""
        if state is self.output:
            return
        self.output = state
        self.output_since_us = self.now_us
        self.log(lines.Output(state=state.value))
        if state is OutputState.UNCERTAIN:
            self.alarms.sound(
                "output-uncertain",
                "high",
                f"The device does not confirm that its output is off. Pull the {self.profile.cable}.",
            )
        elif state is OutputState.OFF:
            self.alarms.calm("output-uncertain")

    def send(self, output: SetOutput) -> None:
        """The whole output as it shall be from now on."""
        self.command_n += 1
        self.changed_us = self.now_us
        self.unanswered[self.command_n] = (self.now_us, output)
        if not output.is_zero and output.channels:
            self.see_output(OutputState.ON)
        self.emit(Send(command=output, command_n=self.command_n))

    def send_run(self, changed: list[WindowPlayer]) -> None:
        """Send the run's present output; the windows in `changed` have a new amplitude with this command."""
        self.send(self.playing[0].output())
        for player in changed:
            player.sent_n = self.command_n

    def off(self, reason: str) -> None:
        """Output off, now: the one act that asks nobody. The run keeps its place."""
        if self.run is not None:
            ended = self.run.drop_output(self.now_us)
            self.book(ended)
            if self.gatekeeper is not None:
                for item in ended:
                    self.gatekeeper.ended(item.player.window, self.now_us)
        self.command_n += 1
        self.changed_us = self.now_us
        overtaken, self.unanswered = self.unanswered, {}
        self.pending.clear()
        self.cover = None
        self.prepared = False
        self.hold_since_us = None
        self.pause_after_gate = ""
        self.off_asked_us = self.off_asked_us if self.off_asked_us is not None else self.now_us
        self.off_sent_us = self.now_us
        # Off goes out before anything is written about it.
        self.effects.insert(0, Send(command=OutputOff(reason=reason), command_n=self.command_n))
        self.emit(Revoke())
        for n, (sent_us, output) in overtaken.items():  # nobody will ever know whether they played a pulse
            if not output.is_zero:
                self.log(lines.Unanswered(command=n, sent_us=sent_us, channels=output_rows(output)))

    def repeat_off(self) -> None:
        """Off again, while it is not confirmed."""
        self.command_n += 1
        self.off_sent_us = self.now_us
        self.emit(Send(command=OutputOff(reason="repeat"), command_n=self.command_n))

    def stop(self, reason: str, *, outcome: str = "stopped") -> None:
        """Stop from whatever phase. In FAULT it stays FAULT; where nothing runs only the off goes out."""
        self.off(reason)
        if self.phase in {Phase.ARMED, Phase.RUNNING, Phase.PAUSED}:
            if self.phase is not Phase.ARMED and self.purpose == "therapy" and not self.outcome:
                self.keep_place()
                self.outcome = outcome
            self.move(Turn.STOP, reason)

    def fail(self, cause: str, text: str) -> None:
        """Off and FAULT, latched until a person resets it."""
        self.off(cause)
        if self.purpose == "therapy" and self.run is not None and not self.outcome:
            self.outcome = "fault"
        self.log_dose()
        self.log(lines.Fault(cause=cause, text=text))
        self.move(Turn.FAIL, cause)
        self.alarms.sound(cause, "high", text)
        self.found.clear()  # a fault ends what was tolerated: levels are found again

    def keep_place(self) -> None:
        """Remember where a therapy was broken off, so that it can go on from there after a new arm."""
        run, _ = self.playing
        self.kept = (run.place, run.contractions)

    def elapsed_us(self) -> int:
        """Therapy clock: time RUNNING, pauses left out."""
        running = self.now_us - self.running_since_us if self.running_since_us is not None else 0
        return self.elapsed_before_us + running

    # -- authorisation ----------------------------------------------------------------------------------------------

    def authorise(self, reason: str, raised: dict[int, int] | None = None) -> None:
        """Ask for what the next contractions need; it counts once it is durable."""
        run, _ = self.playing
        self.authorise_n += 1
        contractions, until_us = run.cover(self.now_us)
        wanted = {channel: level for pending in self.pending.values() for channel, level in pending.raised.items()}
        wanted.update(raised or {})  # the latest durable one is the ceiling: it must hold raises that are on their way
        self.pending[self.authorise_n] = Pending(
            asked_us=self.now_us,
            contractions=contractions,
            until_us=until_us,
            place=run.place,
            raised=dict(raised or {}),
        )
        self.emit(
            Authorise(
                n=self.authorise_n,
                peaks=run.peaks(wanted),
                reason=reason,
                contractions=contractions,
                until_us=Micros(until_us),
            )
        )

    def lower_ceiling(self, channel: int) -> None:
        """A fall, or a raise that is dropped, lowers what the interlock allows at once: to what plays at most now."""
        for peak in self.run.peaks() if self.run is not None else ():
            if peak.channel == channel:
                self.emit(LowerCeiling(channel=channel, peak_ua=peak.peak_ua))

    def drop_raises(self, reason: str, asked_before_us: int | None = None) -> int:
        """Forget raises that are not durable yet; never applied late. Gives how many."""
        dropped = 0
        for n, pending in list(self.pending.items()):
            if not pending.raised or (asked_before_us is not None and pending.asked_us >= asked_before_us):
                continue
            del self.pending[n]
            dropped += 1
            self.log(RaiseDropped(authorise=n, reason=reason))
            for channel in pending.raised:
                self.lower_ceiling(channel)
        return dropped

    # -- dose -------------------------------------------------------------------------------------------------------

    def book(self, ended: list[Ended]) -> None:
        """Book the pulses of windows that ended, and note contractions that did."""
        for item in ended:
            window = item.player.window
            if item.player.bookings and self.cleared is not None:
                scheduled = self.cleared.schedule.channel(window.channel)
                if counts(scheduled, window):
                    self.on_time.note(scheduled, item.player.onset_us, self.now_us, therapy=self.purpose == "therapy")
            self.book_pulses(window.channel, item.player.bookings, window.pulse_width_us)
            item.player.bookings = []
            if item.contraction is not None:
                self.log(lines.Contraction(n=item.contraction, whole=item.whole, purpose=self.purpose))
                if self.purpose == "therapy" and self.run is not None:
                    self.contractions_done = self.run.contractions

    def log_dose(self) -> None:
        """Once for each run, however it ended: what the record's reader must not have to guess after a fault."""
        if self.dose_due:
            self.dose_due = False
            self.log(lines.Dose(purpose=self.purpose, channels=dose_rows(self.accounts, self.purpose)))

    def book_pulses(self, channel: int, bookings: list[Booking], pulse_width_us: int) -> None:
        """Add pulses to a channel's account."""
        account = self.accounts.setdefault((self.purpose, channel), Account())
        for pulses, amplitude_ua, sent_n, on_us in bookings:
            if sent_n > self.acknowledged_n:
                account.unacknowledged_pulses += pulses
                continue
            account.pulses += pulses
            account.charge_pc += pulses * amplitude_ua * pulse_width_us
            account.on_us += on_us
            account.peak_ua = max(account.peak_ua, amplitude_ua)
