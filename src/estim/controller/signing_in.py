"""Signing in: what the home knows of a patient joins the request, so that limits can hold it against the session."""

from __future__ import annotations

import datetime
from dataclasses import replace

from estim.records.home import Home
from estim.records.patients import load_patients
from estim.records.today import minutes_today
from estim.safety.errors import Problem, RecordError
from estim.session.events import SignIn


def with_what_is_known(request: SignIn, home: Home, *, simulated: bool) -> SignIn:
    """The request with the wall time, today's minutes (L27) and the patient's flags; what a front sent is replaced.

    Raises:
        RecordError: records or patients' file can't be read.
    """
    patient_id = request.patient_id.strip()
    patient = load_patients(home.patients).get(patient_id)
    return replace(
        request,
        utc=datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds"),
        minutes_today=minutes_today(home, patient_id, simulated=simulated),
        patient_flags=patient.flags if patient is not None else (),
    )


def unknown(error: RecordError) -> Problem:
    """Why nobody can sign in."""
    return Problem(severity="refuse", key="sign-in", message=str(error), layer="patient", rule="L27")
