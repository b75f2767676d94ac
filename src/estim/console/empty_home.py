"""A console without a home: nothing is read, and what would be written stays in this object."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from estim.console.care_notes import CareNote, Entering
from estim.console.home_reading import unfinished
from estim.console.past import OpenSession, PastPatient, PastSession
from estim.console.visits import Visit
from estim.records.course import Course


@dataclass(frozen=True, slots=True)
class EmptyHome:
    """No home: every patient is new, but for those named."""

    known: tuple[PastPatient, ...] = ()
    past: tuple[Course, ...] = ()
    past_sessions: tuple[PastSession, ...] = ()
    done: list[tuple[str, str]] = field(default_factory=list)
    visits: dict[str, Visit] = field(default_factory=dict)
    late: list[str] = field(default_factory=list)
    entered: list[CareNote] = field(default_factory=list)

    def patients(self, *, simulated: bool) -> tuple[PastPatient, ...]:  # noqa: ARG002
        """The ones that were given."""
        return self.known

    def courses(self, patient_id: str, *, simulated: bool) -> tuple[Course, ...] | None:
        """Those that were given."""
        return tuple(one for one in self.past if (one.patient, one.simulated) == (patient_id, simulated))

    def sessions(self, *, simulated: bool) -> tuple[PastSession, ...]:  # noqa: ARG002
        """Those that were given."""
        return self.past_sessions

    def open_sessions(self, *, simulated: bool) -> tuple[OpenSession, ...]:  # noqa: ARG002
        """Of those, the unsigned ones."""
        return unfinished(self.past_sessions)

    def read(self) -> bool:
        """There is nothing to read."""
        return True

    def look_again(self) -> None:
        """There is nothing to read."""

    def look_at_courses(self) -> None:
        """There is none."""

    def last_operator(self) -> str:
        """Nobody."""
        return ""

    def turns_away(self, operator: str, pin: str) -> str:  # noqa: ARG002
        """Everybody is let in."""
        return ""

    def own_protocols(self) -> tuple[str, ...]:
        """None."""
        return ()

    def own_folder(self) -> Path | None:
        """There is none."""
        return None

    def practice(self, operator: str) -> Mapping[str, str]:
        """What was met since this object was made."""
        return {one: "" for who, one in self.done if who == operator}

    def practised(self, operator: str, objective: str, session: str) -> None:  # noqa: ARG002
        """Kept in this object alone."""
        self.done.append((operator, objective))

    def given(self, visit: Visit) -> None:
        """Kept in this object alone."""
        self.visits[visit.given.record] = visit

    def signed_later(self, folder: str, *, simulated: bool, operator: str) -> None:  # noqa: ARG002
        """Kept in this object alone."""
        self.late.append(folder)

    def enter(self, note: CareNote) -> Entering:
        """Kept in this object alone."""
        self.entered.append(note)
        return Entering(done=True)

    def asks_pin(self) -> bool:
        """Nobody is known."""
        return False

    def qualified(self, model: str, device_id: str, *, simulated: bool) -> str:  # noqa: ARG002
        """Never on a bench."""
        return ""

    def printed_name(self, operator: str) -> str:  # noqa: ARG002
        """Nobody's."""
        return ""
