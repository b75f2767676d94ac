"""A session on a real device: a person types lines."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from estim.controller.interface import Answer, ConfigureFrom, SessionClient
from estim.desk.script import stopped_first
from estim.lines.front import LOOK_S, Front
from estim.lines.keyboard import Keyboard, says_stop
from estim.protocols.setup import Setup
from estim.safety.schedule import Purpose
from estim.session import events, screening
from estim.session.snapshot import Snapshot
from estim.session.state import Phase

HELP = """\
  yes WHAT        confirm what is asked (identity, pads, stop-control, skin, ...)
  arm | start     the two steps to output         stop        off, at once (an empty line does the same)
  + NAME | - NAME one step up or down             cut         all channels down by 20 %
  mark NAME sensory|motor|max-tolerated|twitch    next        this channel is done
  pause | resume                                  twitch | levels | therapy   what to configure
  seen CODE       an alarm was seen               reset WHY   leave a fault
  why REASON      it was stopped: pain takes a fifth off every level, skin or electrode ask for another look; or
                  patient-asked, wrong-contraction, unwell, mistake, other; said again it corrects
  note TEXT       into the record                 sign MEANING   performed (unsaid), witnessed or reviewed:
                                                  ends the session and seals its record
"""

STOP_REASONS = ("patient-asked", "pain", "wrong-contraction", "skin", "electrode", "unwell", "mistake", "other")
PURPOSES: Mapping[str, Purpose] = MappingProxyType({"twitch": "low-rate", "levels": "titration", "therapy": "therapy"})


class Left(Exception):
    """Input ended, or somebody asked for the end."""


def refusal_of(answer: Answer) -> list[str]:
    """Why it was refused, if it was; what a stop overtook was stopped, and is not said to be wrong."""
    if stopped_first(answer):
        return ["stopped: output is going off"]
    return [] if answer.accepted else [f"refused: {each['key']}: {each['message']}" for each in answer.problems]


@dataclass(slots=True, kw_only=True)
class Person:
    """One session that somebody types.

    Args:
        pins: this station asks for PINs.
        say: prints a line.

    Attributes:
        refused, noted: why nobody was let in, and what was said at sign-in, as `Problem.to_json()` documents.
    """

    client: SessionClient
    source: str
    setup: Setup
    operator: str
    say: Callable[[str], None]
    pins: bool = False
    keyboard: Keyboard = field(default_factory=Keyboard)
    refused: tuple[Mapping[str, Any], ...] = ()
    noted: tuple[Mapping[str, Any], ...] = ()
    _why: list[str] = field(default_factory=list)

    def run(self) -> None:
        """Until the session is signed, input ends, or the controller is lost; the client is closed then."""
        front = Front(self.client, self.say, drill=self.setup.drill)
        self.say = front.say
        try:
            with contextlib.suppress(Left):
                self._play(front)
        finally:
            front.close()
            self.keyboard.close()
            last = self.client.snapshot
            if last is not None and last.word_head:
                self.say(f"signed; record {last.record_path}\nhead: {last.word_head}")

    def _play(self, front: Front) -> None:
        self._wait_ready(front)
        pin = self._pin(front)
        self._sign_in(front, pin)
        answers = self._screen(front)
        self.client.send(events.Screen(id=self.client.next_id(), answers=answers))
        self._configure("titration")
        self.say(HELP)
        signed = -1
        for snapshot in self._looks(front):
            for answer in self.client.poll():
                front.heard(answer.id)
                if answer.accepted and answer.id == signed:
                    return
                for line in refusal_of(answer):
                    self.say(f"  {line}")
            for line in self.keyboard.lines():
                request = self._line(line, snapshot, front)
                if request is not None:
                    self.client.send(request)
                if isinstance(request, events.Sign):
                    signed = request.id
                    front.signs(signed)

    def _looks(self, front: Front) -> Iterator[Snapshot | None]:
        """One round of the loop after the other, each with what is to be seen; beats and stops go on in all of them.

        Raises:
            Left: it is over.
        """
        while not front.over():
            front.stopped()
            if front.leaving:
                raise Left
            if still_s := front.beat():
                self.say(f"stopped: this program stood still for {still_s:.1f} s")
            snapshot = self.client.snapshot
            if snapshot is not None:
                front.tell(snapshot)
            self.keyboard.wait(LOOK_S)
            if self.keyboard.stops():
                self.client.stop("line")
            yield snapshot
            if self.keyboard.ended:
                self.client.stop("line")
                raise Left
        raise Left

    def _wait_ready(self, front: Front) -> None:
        for snapshot in self._looks(front):
            if snapshot is not None and snapshot.phase is not Phase.DISCONNECTED:
                return

    def _ask(self, front: Front, question: str) -> str:
        """A line that is the answer to a question; the loop goes on meanwhile, also where the terminal takes none."""
        front.say(question)
        for _ in self._looks(front):
            for line in self.keyboard.lines():
                return line
        raise Left

    def _sign_in(self, front: Front, pin: str) -> None:
        """Before the first question: what the door says of the clock and of this patient is said, and asked.

        Raises:
            Left: not let in, so that nothing that follows could count; or what was said is not as it should be.
        """
        request = events.SignIn(
            id=self.client.next_id(), operator=self.operator, patient_id=self.setup.patient_id, pin=pin
        )
        self.client.send(request)
        answer = self._answer(front, request.id)
        for problem in answer.problems:
            mark = "!" if answer.accepted else f"refused: {problem['key']}:"
            self.say(f"  {mark} {problem['message']}")
        if not answer.accepted:
            self.refused = answer.problems
            raise Left
        self.noted = answer.problems
        if self.noted and not self._agreed(front, "Was that seen, and shall this session go on? [yes/no] "):
            raise Left

    def _answer(self, front: Front, number: int) -> Answer:
        for _ in self._looks(front):
            for answer in self.client.poll():
                if answer.id == number:
                    return answer
        raise Left

    def _agreed(self, front: Front, question: str) -> bool:
        while True:
            said = self._ask(front, question).strip().lower()
            if said in {"yes", "y", "no", "n"}:
                return said[0] == "y"

    def _screen(self, front: Front) -> dict[str, bool | str]:
        answers: dict[str, bool | str] = {}
        for question in screening.asked_one_by_one(first_session=self.setup.session == 1):
            answers[question.id] = self._agreed(front, f"{question.text} [yes/no] ")
        return answers

    def _pin(self, front: Front) -> str:
        if not self.pins:
            return ""
        with self.keyboard.unseen():
            return self._ask(front, f"PIN of {self.operator}: ")

    def _sign(self, number: int, snapshot: Snapshot | None, meaning: str, front: Front) -> events.Request:
        """A PIN is asked for only where nothing runs: what is typed while output may be on is for the session."""
        idle = snapshot is not None and snapshot.phase in {Phase.READY, Phase.CONFIGURED, Phase.FAULT}
        pin = self._pin(front) if idle else ""
        return events.Sign(id=number, operator=self.operator, meaning=meaning, pin=pin)

    def _configure(self, purpose: Purpose) -> None:
        self.client.send(
            ConfigureFrom(
                id=self.client.next_id(),
                source=self.source,
                setup=self.setup,
                purpose=purpose,
            )
        )

    def _line(self, line: str, snapshot: Snapshot | None, front: Front) -> events.Request | None:
        """One typed line; an empty one is a stop, since that is what a hand hits first."""
        word, _, rest = line.strip().partition(" ")
        if not word or word.casefold() == "s":
            self.client.stop("line")
            return None
        request = self._request(word, rest.strip(), snapshot, front)
        if request is None and (purpose := PURPOSES.get(word)) is not None:
            self._configure(purpose)
        elif request is None and says_stop(line):  # no command at all, and the word is in it: `please stop`
            self.client.stop("line")
        elif request is None:
            self.say(HELP)
        return request

    def _because(self, number: int, reason: str) -> events.Note | None:
        """Why it was stopped; said again before it goes on, it corrects what was said, and is heeded once."""
        if reason not in STOP_REASONS:
            return None
        fields = {"stopped": reason, **({"instead_of": self._why[-1]} if self._why else {})}
        heeded = reason in self._why
        self._why.append(reason)
        return events.Note(id=number, kind="note" if heeded else "reason", fields=fields)

    def _request(self, word: str, rest: str, snapshot: Snapshot | None, front: Front) -> events.Request | None:
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
            "sign": lambda: self._sign(number, snapshot, rest or "performed", front),
        }
        if word in {"start", "resume"}:
            self._why.clear()  # what it was stopped for is over
        if word in simple:
            return simple[word]()
        if word == "why":
            return self._because(number, rest.casefold())
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
