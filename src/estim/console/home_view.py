"""Patients and past sessions, read-only: the one place where the console touches the home directory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class PastPatient:
    """What the console needs of a patient it has treated before.

    Attributes:
        id: pseudonym.
        second_identifier: what is read back beside the pseudonym, e.g. year of birth; "" if none is kept.
        sessions: how many were attended.
        last_protocol, last_day: of the latest one, "" for none.
        answers: the latest screening's answers, for the re-confirmation.
        skin_blocked: a site whose skin was graded 2 or 3 at the end of the last session, in words; "" if none.
    """

    id: str
    second_identifier: str = ""
    sessions: int = 0
    last_protocol: str = ""
    last_day: str = ""
    answers: Mapping[str, bool | str] = field(default_factory=dict)
    skin_blocked: str = ""


class HomeView(Protocol):
    """What the console reads at home. Calls are short; errors are shown as an empty answer with a reason."""

    def patients(self) -> tuple[PastPatient, ...]:
        """Everybody who was treated here, the latest first."""

    def patient(self, patient_id: str) -> PastPatient | None:
        """This one, or None for a new patient."""

    def own_protocols(self) -> tuple[str, ...]:
        """Paths of the site's own protocol files."""


@dataclass(frozen=True, slots=True)
class EmptyHome:
    """No home: every patient is new."""

    known: tuple[PastPatient, ...] = ()

    def patients(self) -> tuple[PastPatient, ...]:
        """The ones that were given."""
        return self.known

    def patient(self, patient_id: str) -> PastPatient | None:
        """By pseudonym."""
        return next((patient for patient in self.known if patient.id == patient_id), None)

    def own_protocols(self) -> tuple[str, ...]:
        """None."""
        return ()
