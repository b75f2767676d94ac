"""`estim course`: one person's course of care: begin, enter, look, pass a gate, print, end."""

from __future__ import annotations

import argparse
import datetime
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from estim.cli.output import home_of, print_json
from estim.platform.files import put_whole, trouble
from estim.safety.errors import brief, quoted

if TYPE_CHECKING:
    from estim.desk.care import CareDesk
    from estim.desk.discharge import Report


def add_parsers(commands: Any, home: argparse.ArgumentParser) -> None:
    """The actions of `estim course`."""
    actions = commands.add_parser("course")
    course = actions.add_subparsers(dest="action", required=True, metavar="ACTION")
    person = argparse.ArgumentParser(add_help=False)
    person.add_argument("--patient", required=True, help="pseudonym")
    person.add_argument("--operator", default="operator", help="who enters or prints")
    person.add_argument("--day", metavar="YYYY-MM-DD", help="the day that is spoken of; else today")
    person.add_argument("--simulated", action="store_true", help="practice: lies apart from real people")
    both = [home, person]
    begin = course.add_parser("begin", parents=both, help="begin a course by a plan")
    begin.add_argument("plan", metavar="PLAN", help="a template, an own plan, or a file")
    begin.add_argument("--side", required=True, choices=("left", "right", "both", "none"), help="the treated side")
    note = course.add_parser(
        "note", parents=both, help="an entry: assessment, goal, consent, drill, treatment, event …"
    )
    note.add_argument(
        "kind", metavar="KIND", help="assessment, not-possible, goal, goal-score, check, visit, missed, …"
    )
    note.add_argument("fields", nargs="*", metavar="KEY=VALUE", help="what is entered; values may be JSON")
    course.add_parser("show", parents=both, help="where the course stands: phase, gates, measures, goals")
    course.add_parser("today", parents=both, help="what is due today, the first first")
    course.add_parser("calendar", parents=both, help="weeks: planned, attended, missed")
    gate = course.add_parser("gate", parents=both, help="a person passes the gate of the present phase")
    gate.add_argument("--reason", default="", help="needed where a criterion is not met")
    leaflet = course.add_parser("leaflet", parents=both, help="what the patient takes home, with a diary sheet")
    leaflet.add_argument("-o", "--output", required=True, metavar="FILE", help="ends with .html or .pdf")
    leaflet.add_argument("--language", default="en", help="en or de")
    leaflet.add_argument("--large", action="store_true", help="large type")
    diary = course.add_parser("diary", parents=both, help="a diary sheet that came back, as CSV")
    diary.add_argument("file", metavar="FILE", help="columns: day, drill, done, pain, pain_next_morning, …")
    discharge = course.add_parser("discharge", parents=both, help="summary of the course, or a letter to the referrer")
    discharge.add_argument(
        "-o", "--output", required=True, metavar="FILE", help="ends with .html, .pdf or .json (FHIR)"
    )
    discharge.add_argument("--letter", metavar="TO", help="a letter to this person instead")
    discharge.add_argument("--language", default="en", choices=("en", "de"), help="of the paper: en or de")


def _desk(given: argparse.Namespace) -> CareDesk:
    from estim.desk.care import CareDesk

    return CareDesk(home_of(given), given.patient, given.simulated, given.operator)


def _day(given: argparse.Namespace) -> datetime.date:
    from estim.records.dates import plain_day
    from estim.safety.errors import UsageError

    if given.day is None:
        return datetime.date.today()
    try:
        return plain_day(given.day)
    except ValueError:
        raise UsageError(f"--day {quoted(given.day)}: a date as 2026-05-31") from None


def _fields(words: list[str]) -> dict[str, Any]:
    from estim.safety.errors import UsageError

    found: dict[str, Any] = {}
    for word in words:
        key, equals, text = word.partition("=")
        if not equals or not key:
            raise UsageError(f"{quoted(word)}: write KEY=VALUE")
        if key in found:
            both = f"{brief(str(found[key]))} and {brief(text)}"
            raise UsageError(f"{brief(key)} is given twice: {both}; an entry holds it once")
        try:
            found[key] = json.loads(text) if text.startswith(("{", "[")) or text in {"true", "false"} else text
        except ValueError:
            raise UsageError(f"{quoted(word)}: not JSON") from None
    return found


def begin(given: argparse.Namespace) -> int:
    """Begin a course."""
    entry = _desk(given).begin(given.plan, given.side, day=_day(given))
    return _said(given, entry.kind, dict(entry.fields))


def note(given: argparse.Namespace) -> int:
    """One entry."""
    from estim.desk.care_entries import FIELDS
    from estim.safety.errors import UsageError

    try:
        entry = _desk(given).note(given.kind, _fields(given.fields), day=_day(given))
    except UsageError as error:
        if given.fields or given.kind not in FIELDS:
            raise
        raise UsageError(f"{error}; {given.kind} holds {', '.join((*FIELDS[given.kind], 'note'))}") from None
    return _said(given, entry.kind, dict(entry.fields))


def _said(given: argparse.Namespace, kind: str, fields: dict[str, Any]) -> int:
    if given.json:
        print_json({"entered": kind, "patient": given.patient, "fields": fields})
    else:
        print(f"{given.patient}: {kind} entered")
    return 0


def _status_json(status: Any) -> dict[str, Any]:
    return {
        "plan": status.plan.id,
        "version": status.plan.version,
        "began": status.began.isoformat(),
        "side": status.side,
        "phase": status.plan.phase[status.phase].name,
        "phase_number": status.phase + 1,
        "phases": len(status.plan.phase),
        "gate_open": status.gate_open,
        "gates": [{"words": gate.criterion.words, "state": gate.state, "value": gate.value} for gate in status.gates],
        "stops": [{"words": stop.criterion.words, "state": stop.state, "value": stop.value} for stop in status.stops],
        "baseline_missing": list(status.baseline_missing),
        "goals": [goal.words for goal in status.goals],
        "concerns": list(status.concerns),
        "consent": status.consent,
        "ended": status.ended,
        "due": [{"kind": due.kind, "what": due.what, "why": due.why} for due in status.due],
    }


def show(given: argparse.Namespace) -> int:
    """Where the course stands."""
    desk = _desk(given)
    status = desk.status(_day(given))
    if given.json:
        print_json(_status_json(status))
        return 0
    print(f"{given.patient}: {status.plan.title}, {status.side}, since {status.began}")
    print(f"Phase {status.phase + 1} of {len(status.plan.phase)}: {status.plan.phase[status.phase].name}")
    for gate in status.gates:
        print(f"  gate: {gate.words}")
    for stop in status.stops:
        print(f"  stop: {stop.words}")
    for goal in status.goals:
        print(f"  goal: {goal.words} by {goal.by}")
    for words in status.concerns:
        print(f"  worry: {words}")
    print(f"Baseline missing: {', '.join(status.baseline_missing) or 'nothing'}")
    return 0


def today(given: argparse.Namespace) -> int:
    """What is due today."""
    status = _desk(given).status(_day(given))
    if given.json:
        print_json({"patient": given.patient, "day": status.today.isoformat(), "due": _status_json(status)["due"]})
        return 0
    for due in status.due:
        print(f"{due.kind:11} {due.what} ({due.why})")
    if not status.due:
        print("nothing is due today")
    return 0


def calendar(given: argparse.Namespace) -> int:
    """Week by week."""
    from estim.care.course import calendar as weeks_of

    desk = _desk(given)
    weeks = weeks_of(desk.plan(), desk.entries(), _day(given))
    if given.json:
        rows = [
            {
                "week": week.number,
                "monday": week.monday.isoformat(),
                "planned": week.planned,
                "attended": [day.isoformat() for day in week.attended],
                "missed": [{"day": day.isoformat(), "reason": reason} for day, reason in week.missed],
            }
            for week in weeks
        ]
        print_json({"patient": given.patient, "weeks": rows})
        return 0
    for week in weeks:
        days = " ".join(f"{day:%a}" for day in week.attended) or "-"
        missed = "; ".join(f"missed {day:%a}: {reason}" for day, reason in week.missed)
        share = f"{len(week.attended)} of {week.planned}"
        print(f"week {week.number:2} from {week.monday}: {share}  {days}  {missed}".rstrip())
    return 0


def gate(given: argparse.Namespace) -> int:
    """Pass the gate."""
    entry = _desk(given).pass_gate(reason=given.reason, day=_day(given))
    return _said(given, entry.kind, dict(entry.fields))


def leaflet(given: argparse.Namespace) -> int:
    """Print what the patient takes home."""
    from estim.desk.leaflet import leaflet as made

    desk, day = _desk(given), _day(given)
    paper = made(
        desk.status(day), desk.home, language=given.language, who=given.operator, today=day, simulated=given.simulated
    )
    paper.write(Path(given.output), large=given.large)
    desk.made("leaflet", {"language": given.language, "version": desk.plan().version}, day=day)
    return _written(given)


def diary(given: argparse.Namespace) -> int:
    """Take a diary sheet in."""
    number = _desk(given).diary(Path(given.file))
    if given.json:
        print_json({"entered": number, "patient": given.patient})
    else:
        print(f"{given.patient}: {number} lines of the diary entered")
    return 0


def discharge(given: argparse.Namespace) -> int:
    """The summary, the letter, or FHIR."""
    from estim.desk.course_fhir import course_bundle
    from estim.desk.discharge_papers import letter, summary
    from estim.records.fhir import to_text
    from estim.records.fhir_r4 import as_r4
    from estim.safety.errors import UsageError

    made, path = _report(given), Path(given.output)
    if path.suffix == ".json":
        try:
            put_whole(path, to_text(as_r4(course_bundle(made))).encode("utf-8"))
        except OSError as error:
            raise UsageError(f"{path}: {trouble(error)}") from None
    elif given.letter is not None:
        if not given.letter.strip():
            raise UsageError("--letter needs a name: whom the letter is for")
        letter(made, who=given.operator, to=given.letter, language=given.language).write(path)
    else:
        summary(made, who=given.operator, language=given.language).write(path)
    return _written(given)


def _report(given: argparse.Namespace) -> Report:
    from estim.desk.discharge import report
    from estim.records.past_course import courses

    desk, day = _desk(given), _day(given)
    noon = datetime.datetime.combine(day, datetime.time(12)).astimezone()
    sessions = courses(desk.home, given.patient, simulated=given.simulated, now_ms=int(noon.timestamp() * 1000))
    return report(given.patient, desk.status(day), desk.entries(), sessions, simulated=given.simulated)


def _written(given: argparse.Namespace) -> int:
    if given.json:
        print_json({"file": given.output, "patient": given.patient})
    else:
        print(given.output)
    return 0


COMMANDS = {
    "course_begin": begin,
    "course_note": note,
    "course_show": show,
    "course_today": today,
    "course_calendar": calendar,
    "course_gate": gate,
    "course_leaflet": leaflet,
    "course_diary": diary,
    "course_discharge": discharge,
}
