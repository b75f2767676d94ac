"""A session inside a course: what is due, what must be known before its first pulse, and what is entered after it.

Nothing is left out silently: what the course or the protocol's criteria ask for is measured, or left out with a reason
that stands in the course and in the session's record. Consent is never left out.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from estim.care import course
from estim.care.measures import measures
from estim.care.plan import AGE_DAYS
from estim.desk.care import CareDesk
from estim.desk.setup_from import OPPOSITE
from estim.protocols.schema import Protocol
from estim.safety.errors import Problem, SetupError, UsageError
from estim.safety.units import plain_number

TODAY_ONLY = frozenset({"mvic"})  # strength is of the day and its position; what else is asked may be two weeks old


@dataclass(frozen=True, slots=True)
class GivenChannel:
    """A channel of a session that was given: contractions that reached its level, time with current, highest peak."""

    name: str
    reached: int
    on_s: float
    peak_ma: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What a session came to, as a course keeps it, whoever played it.

    Attributes:
        record: its folder's name.
    """

    outcome: str
    contractions: int
    channels: tuple[GivenChannel, ...]
    record: str

    @classmethod
    def of_document(cls, document: Mapping[str, Any]) -> Given:
        """From what `estim run --json` says."""
        channels: Iterable[Mapping[str, Any]] = document.get("channels", ())
        return cls(
            outcome=str(document["outcome"]),
            contractions=int(document["contractions"]),
            channels=tuple(
                GivenChannel(
                    str(each["name"]), int(each.get("reached", 0)), float(each["on_s"]), float(each["peak_ma"])
                )
                for each in channels
            ),
            record=re.split(r"[/\\]", str(document.get("record") or ""))[-1],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Something to be known before the first pulse.

    Attributes:
        measure: its id. side: "" where the measure has none.
        why: who asks for it.
        unit, about: for the question.
    """

    measure: str
    side: str
    why: str
    unit: str
    about: str

    @property
    def question(self) -> str:
        """One line for whoever is asked."""
        side = f", {self.side}" if self.side else ""
        return f"{self.about}{side} [{self.unit}] ({self.why})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """What today's session inside a course is.

    Attributes:
        protocol: id to play. week, session, side: of the course, for the setup.
        known: measure → its value, for the protocol's criteria.
        wanted: what is missing.
        visit: this visit's number in its phase and how many the plan has a week, for the screen.
    """

    protocol: str
    week: int
    session: int
    side: str
    known: Mapping[str, float]
    wanted: tuple[Wanted, ...]
    visit: str


@dataclass(frozen=True, slots=True)
class CourseSession:
    """One session of `desk`'s patient on `day`."""

    desk: CareDesk
    day: datetime.date

    def due(self, name: str, *, reason: str = "") -> str:
        """The protocol that is played: `name`, or the phase's first one where that is `due`.

        Raises:
            SetupError: the course has ended, has no consent; or, without a reason, a stop of the plan is met or this
                phase does not have this protocol.
        """
        status = self.desk.status(self.day)
        phase = status.plan.phase[status.phase]
        refused = []
        if status.ended:
            refused.append(_problem("course", "this course has ended; a new one begins with `estim course begin`"))
        if not status.consent:
            refused.append(_problem("consent", "no consent stands in this course: explain it and enter the consent"))
        if name == "due" and not phase.protocols:
            refused.append(_problem("protocol", f"phase “{phase.name}” has no stimulation; name a protocol"))
        elif name != "due" and name not in phase.protocols and not reason:
            has = ", ".join(phase.protocols) or "none"
            refused.append(
                _problem(
                    "protocol",
                    f"phase “{phase.name}” of {status.plan.id} plays {has}, not {name}; with a reason (--skip TEXT) it "
                    "is played and said",
                    asked=name,
                    allowed=has,
                )
            )
        if not reason:
            refused += [
                _problem(
                    "stop",
                    f"{stop.words}: the stimulation of this course ends here; with a reason (--skip TEXT) it goes on",
                    asked=stop.value,
                )
                for stop in status.stops
                if stop.state == "met"
            ]
        if refused:
            raise SetupError(refused)
        return phase.protocols[0] if name == "due" else name

    def planned(self, protocol: Protocol, *, sessions_before: int) -> Planned:
        """Week, session, side and measures for `protocol`.

        Args:
            sessions_before: therapies with it in this course.
        """
        status = self.desk.status(self.day)
        entries = course.begun(self.desk.entries())
        side = status.side if status.side in {"left", "right"} else ""
        known: dict[str, float] = {}
        wanted = [
            each
            for name in status.baseline_missing
            if name in measures()
            for each in _wanted(name, side, "baseline of the course")
        ]
        for name in asked_by(protocol):
            found = course.values(entries, name, side=side if name in TODAY_ONLY else "")
            oldest = 0 if name in TODAY_ONLY else AGE_DAYS
            fresh = [value for day, value in found if 0 <= (self.day - day).days <= oldest]
            number = _number(fresh[-1]) if fresh else None
            excused = [
                entry
                for entry in course.of_kind(entries, "not-possible")
                if entry.fields.get("measure") in _asked_as(name) and 0 <= (self.day - entry.day).days <= oldest
            ]
            if number is not None:
                known[name] = number
            elif not excused:
                had = {(each.measure, each.side) for each in wanted}
                new = _wanted(name, side, f"{protocol.id} decides by it")
                wanted += [each for each in new if (each.measure, each.side) not in had]
        week = course.calendar(status.plan, entries, self.day)[-1]
        return Planned(
            protocol=protocol.id,
            week=max(1, (self.day - status.began).days // 7 + 1),
            session=sessions_before + 1,
            side=side,
            known=known,
            wanted=tuple(wanted),
            visit=f"{len(week.attended)} of {week.planned} visits of this week before it",
        )

    def answer(self, wanted: Sequence[Wanted], ask: Callable[[str], str], *, skip: str = "") -> None:
        """Ask for what is missing, and enter each answer: a value, or `- reason` where it is left out.

        Args:
            ask: gives the answer to a question; "" leaves it open.
            skip: the reason for all that stays open.

        Raises:
            SetupError: something stays open without a reason.
        """
        open_ones = []
        for each in wanted:
            while True:
                said = ask(f"{each.question}: ").strip()
                reason = said[1:].strip() if said.startswith("-") else "" if said else skip
                if said and not said.startswith("-"):
                    try:
                        self._enter(each, said)
                    except UsageError as error:
                        ask(f"{error}; again, or - REASON (Enter)")
                        continue
                elif reason:
                    self.desk.note("not-possible", _of(each) | {"reason": reason}, day=self.day)
                else:
                    open_ones.append(each)
                break
        if open_ones:
            raise SetupError([
                _problem(
                    f"measure.{each.measure}",
                    f"{each.question} is asked before the first pulse: `estim course note assessment "
                    f"measure={each.measure} value=…`, or --skip REASON",
                )
                for each in open_ones
            ])  # fmt: skip

    def _enter(self, wanted: Wanted, value: str) -> None:
        self.desk.note("assessment", _of(wanted) | {"value": value}, day=self.day)

    def played(self, protocol: Protocol, given: Given, *, reason: str = "") -> None:
        """Enter what a session came to: the visit of the day, and the dose that was given against the planned one."""
        entries = course.begun(self.desk.entries())
        if not any(each.day == self.day for each in course.of_kind(entries, "visit")):
            self.desk.note("visit", {}, day=self.day)
        fields: dict[str, Any] = {
            "protocol": protocol.id,
            "version": protocol.version,
            "outcome": given.outcome,
            "contractions": given.contractions,
            "planned": planned_contractions(protocol),
            "reached": min((each.reached for each in given.channels), default=0),
            "on_s": f"{max((each.on_s for each in given.channels), default=0.0):.1f}",
            "levels": {each.name: f"{each.peak_ma:g}" for each in given.channels},
            "record": given.record,
        }
        if reason:
            fields["against_plan"] = reason
        self.desk.made("session", fields, day=self.day)

    def drilled(self, drill: str, protocol: Protocol, given: Given, scores: Mapping[str, object]) -> None:
        """Enter the exercise that was done with the current: each contraction was one repetition."""
        sets = max((phase.sets or 1 for phase in protocol.phase), default=1)
        done = given.contractions
        self.desk.note(
            "drill", {"drill": drill, "sets": sets, "repetitions": done, "windows": done} | dict(scores), day=self.day
        )


def sealed_elsewhere(desk: CareDesk, protocol: Protocol, given: Given, *, day: datetime.date) -> bool:
    """Enter a session that was given and sealed outside of `run --course`: the visit of the day and its dose.

    Only into a course that runs and whose present phase has this protocol: what else a patient is given is no visit
    of it. A record is entered once.

    Returns:
        Whether it was entered.
    """
    entries = course.begun(desk.entries())
    known = {str(each.fields.get("record", "")) for each in course.of_kind(entries, "session")}
    if not entries or course.of_kind(entries, "end") or given.record in known:
        return False
    status = desk.status(day)
    if protocol.id not in status.plan.phase[status.phase].protocols:
        return False
    CourseSession(desk, day).played(protocol, given)
    return True


def planned_contractions(protocol: Protocol) -> int:
    """What the file plans for a session; 0 where triggers or time decide how many there are."""
    counted = all(phase.contractions is not None for phase in protocol.phase)
    return sum((phase.contractions or 0) * (phase.sets or 1) for phase in protocol.phase) if counted else 0


def asked_by(protocol: Protocol) -> tuple[str, ...]:
    """Measures that decide whether and how strongly this protocol is played."""
    shares = any(channel.amplitude_rule == "percent-mvic" for channel in protocol.channel)
    return tuple(dict.fromkeys([criterion.measure for criterion in protocol.criterion] + ["mvic"] * shares))


def _asked_as(name: str) -> tuple[str, ...]:
    """By which measures `name` is asked for."""
    return ("mvic", name) if name == "quadriceps-index" else (name,)


def _wanted(name: str, side: str, why: str) -> list[Wanted]:
    """What to ask for: of an index that is computed, both sides of the day."""
    if name in {"quadriceps-index", "mvic"} and side:
        name, sides = "mvic", [side, OPPOSITE[side]]
    else:
        sides = [side if name in TODAY_ONLY else ""]
    measure = measures().get(name)
    unit, about = (measure.unit, measure.name) if measure is not None else ("", name)
    if measure is not None and measure.grades:
        unit = " | ".join(measure.grades)
    return [Wanted(measure=name, side=each, why=why, unit=unit, about=about) for each in sides]


def _of(wanted: Wanted) -> dict[str, str]:
    return {"measure": wanted.measure} | ({"side": wanted.side} if wanted.side else {})


def _number(text: str) -> float | None:
    try:
        return plain_number(text.strip())
    except ValueError:
        return None


def _problem(key: str, message: str, *, asked: str = "", allowed: str = "") -> Problem:
    return Problem(
        severity="refuse", key=key, message=message, asked=asked, allowed=allowed, layer="protocol", rule="course"
    )
