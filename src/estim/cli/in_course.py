"""`run` and `rehearse` inside a course: what is due, what is asked before output, what is entered afterwards."""

from __future__ import annotations

import argparse
import datetime
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from estim.cli.output import ask_line
from estim.cli.speaking import say
from estim.safety.errors import quoted

if TYPE_CHECKING:
    from estim.desk.course_session import CourseSession
    from estim.protocols.schema import Protocol
    from estim.records.home import Home


def add_words(session: argparse.ArgumentParser) -> None:
    """The words of `run` and `rehearse` that speak of a course."""
    session.add_argument(
        "--course", action="store_true", help="this session is the visit that is due in the patient's course"
    )
    session.add_argument(
        "--skip", default="", metavar="REASON", help="why something that is asked before output is left out"
    )
    session.add_argument(
        "--drill", default="", metavar="ID", help="the exercise whose repetitions the contractions are"
    )
    session.add_argument(
        "--score",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="of the exercise: help, pain, exertion, clean, hold_s",
    )
    session.add_argument("--day", default="", metavar="YYYY-MM-DD", help="rehearsed sessions of a course: which day")


@dataclass(slots=True)
class InCourse:
    """A session that belongs to a course; without one, nothing happens here."""

    session: CourseSession | None
    skip: str
    drill: str = ""
    scores: Mapping[str, object] = field(default_factory=dict)

    def finish(self, protocol: Protocol, document: Mapping[str, Any]) -> None:
        """Enter what it came to, unless nothing was begun."""
        from estim.desk.course_session import Given

        if self.session is not None and document["outcome"] != "refused":
            given = Given.of_document(document)
            self.session.played(protocol, given, reason=self.skip)
            if self.drill and given.contractions:
                self.session.drilled(self.drill, protocol, given, self.scores)


def begin(given: argparse.Namespace, home: Home, *, simulated: bool, asks: bool) -> InCourse:
    """Look up the course, ask for what is missing, and put week, session, side and measures into `given`.

    Args:
        asks: a person is at the terminal.

    Raises:
        SetupError, UsageError: it can't be played today, or something is asked for and neither given nor left out.
    """
    from estim.care import course
    from estim.desk.care import CareDesk
    from estim.desk.course_session import CourseSession
    from estim.desk.drill_session import scores_of
    from estim.protocols.catalogue import load_runnable
    from estim.safety.errors import UsageError

    scores = scores_of(given.score)
    if scores and not given.drill:
        raise UsageError("--score is of an exercise: --drill ID")
    if not given.course:
        if given.protocol == "due" or given.day:
            raise UsageError("`due` and --day go with --course")
        return InCourse(None, given.skip)
    from estim.records.dates import plain_day

    try:
        day = plain_day(given.day) if given.day else datetime.date.today()
    except ValueError:
        raise UsageError(f"--day {quoted(given.day)}: a date as 2026-05-31") from None
    desk = CareDesk(home, given.patient, simulated, getattr(given, "operator", "") or "rehearsal")
    session = CourseSession(desk, day)
    given.protocol = session.due(given.protocol, reason=given.skip)
    protocol, _ = load_runnable(given.protocol, own=home.protocols)
    entries = course.begun(desk.entries())
    before = sum(each.fields.get("protocol") == protocol.id for each in course.of_kind(entries, "session"))
    planned = session.planned(protocol, sessions_before=before)
    if planned.wanted:
        session.answer(planned.wanted, ask_line if asks else lambda _question: "", skip=given.skip)
        planned = session.planned(protocol, sessions_before=before)
    if given.side and planned.side and given.side != planned.side:
        raise UsageError(f"--side {given.side}: the course treats the {planned.side} side")
    given.side = given.side or planned.side or None
    given.week, given.session = given.week or planned.week, given.session or planned.session
    stated = {word.partition("=")[0] for word in given.measure}
    side = f":{planned.side}" if planned.side else ""
    given.measure += [f"{name}={value:g}{side}" for name, value in planned.known.items() if name not in stated]
    print(
        f"{given.patient}: {planned.protocol}, week {planned.week}, session {planned.session}, {planned.visit}",
        file=sys.stderr if given.json else sys.stdout,
    )
    return InCourse(session, given.skip, given.drill, scores)


def ask_measures(given: argparse.Namespace, protocol: Protocol) -> None:
    """On a real device: what the protocol decides by and nobody gave is asked for before the device is touched.

    An answer is a value, or `-` and a reason; the reason stands in the record.
    """
    from estim.care.measures import measures
    from estim.desk.course_session import asked_by
    from estim.desk.setup_from import check_measures
    from estim.safety.errors import UsageError

    stated = {word.partition("=")[0] for word in given.measure}
    for name in asked_by(protocol):
        measure = measures().get(name)
        if name in stated:
            continue
        unit = f" [{measure.unit}]" if measure is not None else ""
        question = f"{measure.name if measure else name}{unit}, today, or - REASON: "
        while (said := ask_line(question).strip()) and not said.startswith("-"):
            try:
                check_measures([*given.measure, f"{name}={said}"], protocol)
            except UsageError as error:  # a slip of the hand: nothing has begun, and all else was typed right
                say(str(error))
                continue
            given.measure.append(f"{name}={said}")
            break
        else:
            given.skip = "; ".join(
                part for part in (given.skip, f"{name}: {said[1:].strip() or 'not measured'}") if part
            )
