"""Signing in and signing: who it is, and what the home knows of the patient, join the request; the PIN ends here."""

from __future__ import annotations

import datetime
import time
from dataclasses import replace

from estim.records.home import Home
from estim.records.operators import MEANINGS, Doorkeeper, Operator, load_operators
from estim.records.patients import load_patients
from estim.records.today import minutes_today
from estim.safety.errors import Problem, RecordError
from estim.session.events import Sign, SignIn


class Reception:
    """One controller's reception.

    A home without operators takes a typed name as a claim. With operators, a real session needs a therapist's PIN; a
    simulated one takes a PIN and does without: practice and scripts have none, and the record says so.
    """

    def __init__(self, home: Home, *, simulated: bool) -> None:
        self._home = home
        self._simulated = simulated
        self._doorkeeper = Doorkeeper()

    def sign_in(self, request: SignIn) -> SignIn:
        """The request with the wall time, today's minutes (L27), the patient's flags and who signs in; what a front
        sent in their place is replaced.

        Raises:
            RecordError: not let in; or records or patients' file can't be read, so that what limits need is unknown.
        """
        operator = self._admit(request.operator, request.pin, ("therapist",))
        patient_id = request.patient_id.strip()
        patient = load_patients(self._home.patients).get(patient_id)
        return replace(
            request,
            utc=_utc(),
            minutes_today=minutes_today(self._home, patient_id, simulated=self._simulated),
            patient_flags=patient.flags if patient is not None else (),
            authenticated=operator is not None,
            pin="",
        )

    def sign(self, request: Sign) -> Sign:
        """The request with the wall time, the printed name and whether a PIN stood behind it.

        Raises:
            RecordError: not let in, or not in this role.
        """
        operator = self._admit(request.operator, request.pin, MEANINGS.get(request.meaning, ("therapist",)))
        name = operator.name if operator is not None else ""
        return replace(request, utc=_utc(), name=name, authenticated=operator is not None, pin="")

    def _admit(self, name: str, pin: str, roles: tuple[str, ...]) -> Operator | None:
        known = load_operators(self._home.operators)
        if not known or (self._simulated and not pin):
            return None
        if not pin:
            raise RecordError(f"operator {name.strip()}: this station asks for a PIN")
        return self._doorkeeper.admit(known, name.strip(), pin, roles, time.monotonic())


def _utc() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")


def refused(error: RecordError, key: str) -> Problem:
    """Why not."""
    return Problem(severity="refuse", key=key, message=str(error), rule="session")
