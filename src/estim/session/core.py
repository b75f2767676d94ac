"""The core of a session: the acts that concern more than one owner: send, off, pause, stop, fail, answer. Pure.

Each piece of state has one owner, and each owner one lifetime; none of them sees another, or this:

```
standing   the phase, since when and why            as long as the engine
link       the connection to the stimulator        as long as the engine
lease      who must be heard for output to last     as long as the engine
shown      what was shown and answered              as long as the engine
sitting    one person's visit                       from a sign-in to the next one
ledger     dose and ON time of that person          with the sitting
authority  authorisations and raises                with the sitting
run        one passage through a plan               from a start to its end
```
"""

from __future__ import annotations

from estim.record_lines import events as lines
from estim.safety.errors import Problem
from estim.safety.limits import Limits
from estim.safety.profile import DeviceProfile
from estim.safety.reports import OutputState
from estim.safety.verdict import ClearedSchedule
from estim.session.after_off import by_itself, playing_on, still_on
from estim.session.alarms import Alarms
from estim.session.authority import Authority
from estim.session.contractions import Ended
from estim.session.lease import Lease
from estim.session.ledger import Ledger
from estim.session.link import Link
from estim.session.outbox import Outbox
from estim.session.plain import output_rows
from estim.session.player import WindowPlayer
from estim.session.run import Run
from estim.session.shown import Shown
from estim.session.sitting import Known, Sitting
from estim.session.standing import Standing
from estim.session.state import Phase, Turn

# A turn's bytes leave up to 250 ms after it began (a later turn is a fault, L23); they are on their way, and a device's
# timer may be a little slow.
TIMER_SLACK_US = 350_000


class Core:
    """Who owns what, and what they do together."""

    def __init__(self, profile: DeviceProfile, limits: Limits, *, simulated: bool) -> None:
        self.profile, self.limits, self.simulated = profile, limits, simulated
        self.now_us = self.before_us = 0
        self.out = Outbox()
        self.standing, self.link, self.lease, self.shown = Standing(self.out), Link(self.out), Lease(), Shown(self.out)
        self.sitting = Sitting(Alarms(self.out.log))
        self.ledger = Ledger(self.out, limits, {})
        self.authority = Authority(self.out)
        self.run: Run | None = None

    @property
    def phase(self) -> Phase:
        """Where the session stands."""
        return self.standing.phase

    def begin_step(self, now_us: int) -> None:
        """Time is `now_us`."""
        if now_us > self.now_us:
            self.before_us = self.now_us
        self.now_us = now_us
        self.out.begin_step(now_us)

    def sit_down(self, operator: str, patient_id: str, known: Known) -> None:
        """Another person is in the chair: nothing that was found, answered or allowed before counts for them."""
        if self.phase is Phase.CONFIGURED:
            self.move(Turn.UNCONFIGURE, "another session")
        alarms = Alarms(self.out.log, self.sitting.alarms.of_the_device())
        self.sitting = Sitting(alarms, operator, patient_id, known)
        self.ledger = Ledger(self.out, self.limits, known.minutes_today)
        self.authority = Authority(self.out, self.authority.number)
        self.run = None

    def begin_run(self, run: Run | None) -> None:
        """What is played from now on; None: nothing."""
        self.run = run

    @property
    def playing(self) -> tuple[Run, ClearedSchedule]:
        """The run and what it plays, for those who have seen that something runs.

        Raises:
            RuntimeError: nothing does.
        """
        if self.run is None or self.sitting.cleared is None:
            raise RuntimeError("nothing runs")
        return self.run, self.sitting.cleared

    # -- answers ----------------------------------------------------------------------------------------------------

    def accept(self, request_id: int, *notes: Problem) -> None:
        """Answer a request: done; and what must be said with it."""
        self.shown.accept(request_id, notes)

    def refuse(self, request_id: int, *problems: Problem) -> None:
        """Answer a request: not done, and why."""
        self.shown.refuse(request_id, problems)

    # -- phase and output -------------------------------------------------------------------------------------------

    def move(self, turn: Turn, cause: str = "") -> None:
        """Take the turn that the table has for the present phase."""
        before = self.standing.take(turn, cause, self.now_us)
        if before is Phase.RUNNING:
            self.sitting.clock.halt(self.now_us, counts=self.sitting.purpose == "therapy")
        if turn in {Turn.ARM, Turn.RESUME}:
            self.sitting.alarms.go_on()

    def see_output(self, state: OutputState) -> None:
        """The output's state as it is now known."""
        if not self.link.see(state, self.now_us):
            return
        if state is OutputState.UNCERTAIN:
            text = f"The device does not confirm that its output is off. Make it safe: {self.profile.safe_words}."
            self.sitting.alarms.sound("output-uncertain", "high", text)
        elif state is OutputState.OFF:
            self.sitting.alarms.calm("output-uncertain")

    def send_run(self, changed: list[WindowPlayer]) -> None:
        """Send the run's present output; the windows in `changed` have a new amplitude with this command."""
        number = self.link.send(self.playing[0].output(), self.now_us)
        for player in changed:
            player.sent(number)
        ended = [player for player in changed if not player.amplitude_ua]
        self.ledger.leave(number, playing_on(ended, self.now_us), self.sitting.purpose)

    def off(self, reason: str) -> None:
        """Output off, now: the one act that asks nobody. The run keeps its place."""
        doubt = self.link.doubt()
        if self.link.off_asked_us is None and self.run is not None:
            self.ledger.doubt(still_on(self.run, doubt, self.now_us), self.sitting.purpose)
        elif self.link.off_asked_us is None and self.sitting.cleared is not None and doubt.since_us is not None:
            self.ledger.doubt(by_itself(self.sitting.cleared, doubt, self.now_us), self.sitting.purpose)
        if self.run is not None:
            self.book(self.run.off(self.now_us, self._timed_out_us()))
        self.sitting.prove({})
        overtaken = self.link.send_off(reason, self.now_us)
        self.authority.end()
        for n, (sent_us, output) in overtaken.items():  # nobody will ever know whether they played a pulse
            self.out.log(lines.Unanswered(command=n, sent_us=sent_us, channels=output_rows(output)))

    def _timed_out_us(self) -> int:
        """When the device's own timer had ended what it had, if this step comes so late; now where it comes in time."""
        if self.profile.has_timer:
            return min(self.now_us, self.link.fed_us + self.profile.watchdog_us + TIMER_SLACK_US)
        return min(self.now_us, self.before_us + TIMER_SLACK_US)  # without new lists nothing plays

    def settle(self) -> None:
        """Output has ended: what may have come between the off and now is booked."""
        self.ledger.settle(self.link.ended_us(self.now_us, self.profile.watchdog_us), self.sitting.cleared)
        if self.phase is Phase.FAULT:  # its dose was written as it failed
            self.ledger.log_dose(self.sitting.purpose)

    def stop(self, reason: str, *, outcome: str = "stopped") -> None:
        """Stop from whatever phase. In FAULT it stays FAULT; where nothing runs only the off goes out.

        Args:
            outcome: of a therapy that ends by it: stopped where somebody ends it, fault where something failed.
        """
        self.off(reason)
        if self.phase in {Phase.ARMED, Phase.RUNNING, Phase.PAUSED}:
            if self.phase is not Phase.ARMED and self.sitting.purpose == "therapy" and not self.sitting.outcome:
                run, _ = self.playing
                self.sitting.keep(run.place, run.contractions)
                self.sitting.end(outcome)
            self.move(Turn.STOP, reason)

    def pause(self, reason: str) -> None:
        """Output off and the level left; the plan's place is kept, the broken contraction is not counted."""
        self.off(reason)
        self.move(Turn.PAUSE, reason)

    def fail(self, cause: str, text: str) -> None:
        """Off and FAULT, latched until a person resets it."""
        self.off(cause)
        if self.sitting.purpose == "therapy" and self.run is not None and not self.sitting.outcome:
            self.sitting.end("fault")
        self.ledger.log_dose(self.sitting.purpose)
        self.out.log(lines.Fault(cause=cause, text=text))
        self.move(Turn.FAIL, cause)
        self.sitting.alarms.sound(cause, "high", text)
        self.sitting.found.lose_levels()  # a fault ends what was tolerated: levels are found again

    def book(self, ended: list[Ended]) -> None:
        """Book the pulses of windows that ended, and note contractions that did."""
        purpose = self.sitting.purpose
        contracted = self.ledger.take(ended, purpose, self.sitting.cleared, self.link.answer.number, self.now_us)
        if contracted and purpose == "therapy" and self.run is not None:
            self.sitting.count(self.run.contractions)
