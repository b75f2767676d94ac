"""The course of care at the desk: what a front asks for, checked before it is written. No screens here."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from estim.care import course
from estim.care.course import Entry, Status
from estim.care.measures import index_percent
from estim.care.plan import Plan, load_plan, template, template_names
from estim.desk.care_entries import checked
from estim.desk.diary import read_diary, typed
from estim.desk.plan_kept import PLANS, check_plan, keep_plan, plan_file
from estim.protocols import library
from estim.protocols.catalogue import own_files
from estim.records import care_log
from estim.records.home import Home
from estim.safety.errors import Problem, ProtocolError, RecordError, UsageError, quoted

LONGEST = datetime.timedelta(days=3653)  # of one course: a later day is a slip of the year


@dataclass(frozen=True, slots=True)
class CareDesk:
    """One patient's course in one home.

    Attributes:
        who: the operator that entries are made by.
    """

    home: Home
    patient: str
    simulated: bool
    who: str

    def entries(self) -> tuple[Entry, ...]:
        """All entries, also of courses before this one."""
        return care_log.read(self.home, self.patient, simulated=self.simulated)

    def plan(self) -> Plan:
        """The plan of the course that runs, as it stood when it began.

        Raises:
            UsageError: no course has begun.
            RecordError: its file was changed since, and nobody said why.
        """
        begun = course.begun(self.entries())
        if not begun:
            raise UsageError(f"{self.patient}: no course has begun; `estim course begin`")
        name = str(begun[0].fields.get("plan", ""))
        if not name:
            raise RecordError(
                f"{self.patient}: the beginning of the course names no plan: put its file back from a backup"
            )
        if not self.simulated and name not in template_names():  # practice may go by a plan that is still being written
            check_plan(name, str(begun[0].fields.get("plan_sha256", "")), self.home)
        return find_plan(name, self.home)

    def status(self, today: datetime.date | None = None) -> Status:
        """Where the course stands.

        Raises:
            UsageError: no course has begun.
        """
        day = today or datetime.date.today()
        try:
            return course.status(self.plan(), self.entries(), day)
        except ValueError:
            began = course.begun(self.entries())[0].day
            raise UsageError(f"{self.patient}: on {day} no course had begun; this one began on {began}") from None

    def begin(self, plan: str, side: str, *, day: datetime.date | None = None) -> Entry:
        """Begin a course by a plan.

        Raises:
            UsageError, ProtocolError: no side, or no such plan.
        """
        if side not in {"left", "right", "both", "none"}:
            raise UsageError(f"side {quoted(side)}: left, right, both or none")
        found = find_plan(plan, self.home)
        judged = (*found.stop, *(gate for phase in found.phase for gate in phase.gate))
        compared = [each.words for each in judged if each.side is not None or each.measure == "quadriceps-index"]
        if side == "none" and compared:
            raise UsageError(f"side none: {found.id} judges the treated side ({compared[0]}): left, right or both")
        begun = course.begun(self.entries())
        if begun and not course.of_kind(begun, "end"):
            runs = f"{begun[0].fields['plan']} runs since {begun[0].day}"
            raise UsageError(f"{self.patient}: {runs}; end it first: estim course note end reason=…")
        said = {"plan": plan, "version": found.version, "title": found.title, "side": side}
        if not self.simulated and plan not in template_names():
            said |= keep_plan(plan, self.home, operator=self.who)
        return self._enter("begin", said, day)

    def made(self, kind: str, fields: Mapping[str, Any], *, day: datetime.date | None = None) -> Entry:
        """An entry that the program makes of what was done: a session, a leaflet that was printed."""
        return self._enter(kind, fields, day)

    def note(self, kind: str, fields: Mapping[str, Any], *, day: datetime.date | None = None) -> Entry:
        """An entry that a person makes, after its own check.

        Raises:
            UsageError: something in it can't be.
        """
        if kind not in course.KINDS or kind in course.MADE:
            free = [each for each in course.KINDS if each not in course.MADE]
            made = "; the program makes it of what was done" if kind in course.MADE else ""
            raise UsageError(f"{quoted(kind)}: one of {', '.join(free)}{made}")
        begun = course.begun(self.entries())
        plan = self.plan() if kind == "check" and begun else None
        said = checked(kind, fields, day=day or datetime.date.today(), plan=plan, entries=begun)
        if kind == "diary":
            said = typed(said)
            self._new_line("diary", day or datetime.date.today(), said["drill"], self._lines_had())
        entry = self._enter(kind, said, day)
        if kind == "assessment":
            self._indices(entry)
        return entry

    def pass_gate(self, *, reason: str = "", day: datetime.date | None = None) -> Entry:
        """A person passes the gate of the present phase.

        Raises:
            UsageError: a criterion is not met and no reason is given, or the course is over.
        """
        status = self.status(day)
        if status.ended:
            raise UsageError("this course has ended")
        open_ones = [gate.words for gate in status.gates if gate.state != "met"]
        if not status.gate_open and not reason.strip():
            least = status.plan.phase[status.phase].min_days
            lacks = open_ones or [f"at least {least} days in this phase"]
            raise UsageError(f"not met: {'; '.join(lacks)}. Passed against its criteria only with a reason (--reason)")
        fields = {
            "phase": status.plan.phase[status.phase].name,
            "criteria": [gate.words for gate in status.gates],
            "reason": reason.strip(),
        }
        return self._enter("gate", fields, day)

    def diary(self, path: Path) -> int:
        """Entries from a diary sheet that came back as CSV; gives how many. None is made if a line is wrong.

        Raises:
            UsageError: which line, and what is wrong there.
        """
        made = read_diary(path)
        had = self._lines_had()
        for number, day, fields in made:
            try:
                self._possible("diary", day)
            except UsageError as error:
                raise UsageError(f"{path}: line {number}: {error}") from None
            self._new_line(f"{path}: line {number}", day, str(fields["drill"]), had)
        for _, day, fields in made:
            self._enter("diary", fields, day)
        return len(made)

    def _lines_had(self) -> set[tuple[datetime.date, str]]:
        lines = course.of_kind(course.begun(self.entries()), "diary")
        return {(entry.day, str(entry.fields.get("drill"))) for entry in lines}

    def _new_line(self, where: str, day: datetime.date, drill: str, had: set[tuple[datetime.date, str]]) -> None:
        """One day has one line of an exercise; `had` grows by it."""
        if (day, drill) in had:
            raise UsageError(f"{where}: {drill} of {day} is entered already")
        had.add((day, drill))

    def _enter(self, kind: str, fields: Mapping[str, Any], day: datetime.date | None) -> Entry:
        self._possible(kind, day or datetime.date.today())
        return care_log.enter(self.home, self.patient, kind, fields, who=self.who, simulated=self.simulated, day=day)

    def _possible(self, kind: str, day: datetime.date) -> None:
        """A day that can be: not to come for a real person, not before the course, not after its end."""
        if day > datetime.date.today() and not self.simulated:
            raise UsageError(f"{kind} of {day}: that day is to come; an entry is of today or before")
        begun = course.begun(self.entries())
        if kind == "begin":
            return
        if not begun:
            raise UsageError(f"{self.patient}: no course has begun; `estim course begin`")
        if day < begun[0].day:
            raise UsageError(f"{kind} of {day}: the course began on {begun[0].day}")
        ended = course.of_kind(begun, "end")
        if ended and day > ended[-1].day and kind != "begin":
            raise UsageError(f"{kind} of {day}: the course ended on {ended[-1].day}")
        if day > begun[0].day + LONGEST:
            raise UsageError(
                f"{kind} of {day}: the course began on {begun[0].day}, over ten years before: is the year right?"
            )
        gates = [entry.day for entry in course.of_kind(begun, "gate")]
        if kind == "gate" and gates and day < gates[-1]:
            raise UsageError(f"gate of {day}: the one before it was passed on {gates[-1]}")

    def _indices(self, entry: Entry) -> None:
        """The quadriceps index is computed from both sides of one day, never typed."""
        if entry.fields.get("measure") != "mvic" or entry.fields.get("side") not in {"left", "right"}:
            return
        begun = course.begun(self.entries())
        treated = str(begun[0].fields.get("side", "")) if begun else ""
        if treated not in {"left", "right"}:
            return
        other = "left" if treated == "right" else "right"
        both = [dict(course.values(begun, "mvic", side=side)).get(entry.day) for side in (treated, other)]
        if None in both:
            return
        index = index_percent(float(str(both[0])), float(str(both[1])))
        if index is not None:
            fields = {"measure": "quadriceps-index", "value": round(index, 1), "computed": "mvic of both sides"}
            self._enter("assessment", fields, entry.day)


def find_plan(name: str, home: Home) -> Plan:
    """A plan of the library, of this site, or in a file.

    Raises:
        ProtocolError: not there, or wrong.
    """
    if name in template_names():
        return template(name)
    path = plan_file(name, home)
    if not path.is_file() and name.endswith(".toml"):
        raise ProtocolError(
            [Problem(severity="refuse", key="file", message=f"there is no file {quoted(name)}", rule="file")], path=path
        )
    if not path.is_file():
        known = ", ".join((*template_names(), *(file.stem for file in own_plans(home))))
        said = Problem(
            severity="refuse", key="plan", message=f"there is no plan {quoted(name)}; there are {known}", rule="file"
        )
        raise ProtocolError([said])
    return load_plan(path, protocols=known_protocols(home))


def own_plans(home: Home) -> tuple[Path, ...]:
    """The site's own plan files."""
    return tuple(sorted((home.root / PLANS).glob("*.toml")))


def known_protocols(home: Home) -> frozenset[str]:
    """Ids and file names of protocols that a plan may name."""
    return frozenset(library.names()) | {path.stem for path in own_files(home.protocols)}
