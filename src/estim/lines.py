"""`estim run`: one session line by line. On a simulated device a scripted person plays it; on a real one a person
types.

The same controller process as the console's stands behind it; only the front differs.
"""

from __future__ import annotations

import select
import signal
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from estim.controller.interface import ConfigureFrom, SessionClient
from estim.desk.script import ScriptedTherapist
from estim.protocols.setup import Setup
from estim.safety.schedule import Purpose
from estim.session import events, screening
from estim.session.snapshot import Alarm, Snapshot, new_alarms
from estim.session.state import Phase

HEARTBEAT_S = 0.25
STILL_S = 1.0  # the lease of a front: whoever stood still for longer does not go on by itself
LOOK_S = 0.05

HELP = """\
  yes WHAT        confirm what is asked (identity, pads, stop-control, skin, ...)
  arm | start     the two steps to output         stop        off, at once (an empty line does the same)
  + NAME | - NAME one step up or down             cut         all channels down by 20 %
  mark NAME sensory|motor|max-tolerated|twitch    next        this channel is done
  pause | resume                                  twitch | levels | therapy   what to configure
  seen CODE       an alarm was seen               reset WHY   leave a fault
  note TEXT       into the record                 sign MEANING   performed (unsaid), witnessed or reviewed:
                                                  ends the session and seals its record
"""

PURPOSES: Mapping[str, Purpose] = MappingProxyType({"twitch": "low-rate", "levels": "titration", "therapy": "therapy"})


@dataclass(slots=True)
class Told:
    """What was printed last, so that only changes are said."""

    words: str = ""
    alarms: tuple[Alarm, ...] = ()


class StopSignals:
    """Ctrl-C, a closed terminal and a polite kill all mean stop, also where the shell made them ignored."""

    def __init__(self) -> None:
        self.caught = ""
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):
            number = getattr(signal, name, None)
            if number is not None:
                signal.signal(number, self._catch)

    def _catch(self, number: int, _frame: object) -> None:
        # Only noted here: the client's lock may be held by the very line that was interrupted.
        self.caught = signal.Signals(number).name

    def take(self) -> bool:
        """Whether one came since the last call."""
        caught, self.caught = self.caught, ""
        return bool(caught)


def nobody_reads() -> bool:
    """The reader of our output is gone. A terminal that goes says so by SIGHUP; a pipe only when it is written to."""
    try:
        number = sys.stdout.fileno()
    except (OSError, ValueError):  # a stream without a file
        return False
    if not hasattr(select, "poll"):
        return False
    poll = select.poll()
    poll.register(number, 0)  # errors and hang-ups are always told
    return any(event & select.POLLERR for _, event in poll.poll(0))


def _beat(client: SessionClient) -> None:
    """A heartbeat, for as long as somebody can read what is said."""
    if nobody_reads():
        raise BrokenPipeError("nobody reads what this session says any more")
    client.heartbeat()


def play(client: SessionClient, person: ScriptedTherapist, *, say: Callable[[str], None]) -> int:
    """A scripted session on a simulated device, in real time. Ctrl-C stops. Gives the exit code."""
    told = Told()
    signals = StopSignals()
    beat = 0.0
    while True:
        if signals.take():
            client.stop("line")
            person.halt()
            say("stopped")
        now = time.monotonic()
        if beat and now - beat > STILL_S:
            client.stop("line")
            person.halt()
            say(f"stopped: this program stood still for {now - beat:.1f} s")
        if now - beat >= HEARTBEAT_S:
            beat = now
            _beat(client)
        for answer in client.poll():
            person.replied(answer)
        snapshot = client.snapshot
        if client.takeover is not None:
            say(client.takeover.text)
            return 4 if client.takeover.output != "OFF" else 3
        if snapshot is not None:
            _tell(snapshot, told, say)
            for request in person.act(snapshot):
                client.send(request)
            if person.done:
                return _exit_code(person.outcome)
        if client.fatal:
            say(client.fatal)
            return 3
        time.sleep(LOOK_S)


def _exit_code(outcome: str) -> int:
    return {"completed": 0, "refused": 1, "fault": 3, "uncertain": 4}.get(outcome, 0)


def _tell(snapshot: Snapshot, told: Told, say: Callable[[str], None]) -> None:
    """One line a change: phase, contraction, levels, output."""
    levels = ", ".join(f"{view.name} {view.level_ua / 1000:g} mA ({view.cycle.value})" for view in snapshot.channels)
    where = f"{snapshot.plan_phase} {snapshot.contraction}/{snapshot.contractions}" if snapshot.plan_phase else ""
    mark = "SIMULATED " if snapshot.simulated else ""
    words = f"{mark}{snapshot.phase.value} output {snapshot.output.value} {where} {levels}".strip()
    if words != told.words:
        told.words = words
        say(f"{snapshot.now_us / 1e6:8.2f} s  {words}")
    for alarm in new_alarms(told.alarms, snapshot.alarms):
        say(f"  {'!' * {'high': 3, 'medium': 2}.get(alarm.priority, 1)} {alarm.text}")
    told.alarms = snapshot.alarms


@dataclass(slots=True, kw_only=True)
class Person:
    """A session on a real device: a person types lines.

    Args:
        ask: prints a question and gives the answer (for the screening).
        secret: the same without showing what is typed; None where this station knows no operators.
    """

    client: SessionClient
    source: str
    setup: Setup
    operator: str
    say: Callable[[str], None]
    ask: Callable[[str], str]
    secret: Callable[[str], str] | None = None

    def run(self) -> int:
        """Until the session is signed, input ends, or the device is lost."""
        told = Told()
        pin = self._pin()
        answers = self._screen()
        signals = StopSignals()
        self._wait_ready(told)
        self.client.send(
            events.SignIn(id=self.client.next_id(), operator=self.operator, patient_id=self.setup.patient_id, pin=pin)
        )
        self.client.send(events.Screen(id=self.client.next_id(), answers=answers))
        self._configure("titration")
        self.say(HELP)
        beat = 0.0
        while True:
            if signals.take():
                self.client.stop("line")
            now = time.monotonic()
            if now - beat >= HEARTBEAT_S:
                beat = now
                _beat(self.client)
            for answer in self.client.poll():
                if not answer.accepted:
                    for problem in answer.problems:
                        self.say(f"  refused: {problem['key']}: {problem['message']}")
            if self.client.takeover is not None:
                self.say(self.client.takeover.text)
                return 4 if self.client.takeover.output != "OFF" else 3
            snapshot = self.client.snapshot
            if snapshot is not None:
                _tell(snapshot, told, self.say)
                if snapshot.word_head:
                    self.say(f"signed; record {snapshot.record_path}\nhead: {snapshot.word_head}")
                    return _exit_code(snapshot.outcome)
            if select.select((sys.stdin,), (), (), LOOK_S)[0]:
                line = sys.stdin.readline()
                if not line:
                    self.client.stop("line")
                    return 0
                self._line(line.strip(), snapshot)

    def _wait_ready(self, told: Told) -> None:
        while (snapshot := self.client.snapshot) is None or snapshot.phase is Phase.DISCONNECTED:
            if self.client.takeover is not None or self.client.fatal:
                return
            if snapshot is not None:
                _tell(snapshot, told, self.say)
            _beat(self.client)
            time.sleep(LOOK_S)

    def _screen(self) -> dict[str, bool | str]:
        answers: dict[str, bool | str] = {}
        for question in screening.asked_one_by_one(first_session=self.setup.session == 1):
            while True:
                said = self.ask(f"{question.text} [yes/no] ").strip().lower()
                if said in {"yes", "y", "no", "n"}:
                    answers[question.id] = said[0] == "y"
                    break
        return answers

    def _pin(self) -> str:
        return self.secret(f"PIN of {self.operator}: ") if self.secret is not None else ""

    def _sign(self, number: int, snapshot: Snapshot | None, meaning: str) -> events.Request:
        """Nothing is asked while output may be on: it would hold up the heartbeat."""
        idle = snapshot is not None and snapshot.phase in {Phase.READY, Phase.CONFIGURED, Phase.FAULT}
        return events.Sign(id=number, operator=self.operator, meaning=meaning, pin=self._pin() if idle else "")

    def _configure(self, purpose: Purpose) -> None:
        self.client.send(
            ConfigureFrom(
                id=self.client.next_id(),
                source=self.source,
                setup=self.setup,
                purpose=purpose,
            )
        )

    def _line(self, line: str, snapshot: Snapshot | None) -> None:
        """One typed line; an empty one is a stop, since that is what a hand hits first."""
        word, _, rest = line.partition(" ")
        if not word or word in {"stop", "s"}:
            self.client.stop("line")
            return
        request = self._request(word, rest.strip(), snapshot)
        if request is not None:
            self.client.send(request)
        elif (purpose := PURPOSES.get(word)) is not None:
            self._configure(purpose)
        else:
            self.say(HELP)

    def _request(self, word: str, rest: str, snapshot: Snapshot | None) -> events.Request | None:
        number = self.client.next_id()
        name = rest.split(" ", maxsplit=1)[0]
        channel = next((view.channel for view in (snapshot.channels if snapshot else ()) if view.name == name), None)
        simple: dict[str, Callable[[], events.Request]] = {
            "arm": lambda: events.Arm(id=number),
            "start": lambda: events.Start(id=number),
            "pause": lambda: events.Pause(id=number),
            "resume": lambda: events.Resume(id=number),
            "next": lambda: events.NextChannel(id=number),
            "cut": lambda: events.Lower(id=number, percent=20),
            "yes": lambda: events.Confirm(id=number, what=rest, value=self.operator),
            "seen": lambda: events.Acknowledge(id=number, code=rest),
            "reset": lambda: events.ResetFault(id=number, reason=rest),
            "note": lambda: events.Note(id=number, kind="note", fields={"text": rest}),
            "sign": lambda: self._sign(number, snapshot, rest or "performed"),
        }
        if word in simple:
            return simple[word]()
        if channel is None or snapshot is None:
            return None
        if word == "+":
            return events.Raise(id=number, channel=channel, snapshot_n=snapshot.n)
        if word == "-":
            return events.Lower(id=number, channel=channel)
        kind = rest.rsplit(" ", maxsplit=1)[-1]
        if word == "mark" and kind in {"sensory", "motor", "max-tolerated", "no-twitch", "twitch"}:
            return events.Mark(id=number, channel=channel, kind=kind)  # type: ignore[arg-type]
        return None
