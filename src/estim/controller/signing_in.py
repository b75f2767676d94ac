"""Signing in and signing: who it is, and what the home knows of the patient, join the request; the PIN ends here."""

from __future__ import annotations

import datetime
from dataclasses import replace

from estim.records.door import InTheRoom, here, open_door
from estim.records.home import Home
from estim.records.keys import Signer, station_signer
from estim.records.operators import MEANINGS, Operator, load_operators, no_stranger_by_name
from estim.records.personal import Cover
from estim.records.pseudonym import legible_name
from estim.records.reception import admit
from estim.records.site import limits_in_force
from estim.records.spacing import Past
from estim.records.today import recent_sessions
from estim.safety.errors import Problem, RecordError
from estim.safety.limits import Limits
from estim.session.events import Sign, SignIn
from estim.version import software


class Reception:
    """One controller's reception.

    A home without operators takes a typed name as a claim. With operators, a real session needs a therapist's PIN; a
    simulated one takes a PIN and does without: practice and scripts have none, and the record says so.

    Args:
        limits: those that the engine was made with; a program that was left open over the day on which a site file
            changed or ran out signs nobody in under the old ones. None: nobody asks.
    """

    def __init__(self, home: Home, *, simulated: bool, device: str = "", limits: Limits | None = None) -> None:
        self._home = home
        self._simulated = simulated
        self._device = device
        self._limits = limits
        self._room = InTheRoom(home)
        self.recent: tuple[Past, ...] = ()
        self._signer: Signer | None = None
        self.cover: Cover | None = None  # of the patient who is signed in; practice concerns nobody

    @property
    def signer(self) -> Signer:
        """The station's key, read with the first sign-in: opening a record reads nothing.

        Raises:
            RecordError: nobody has signed in.
        """
        if self._signer is None:
            raise RecordError("nobody has signed in")
        return self._signer

    def sign_in(self, request: SignIn) -> SignIn:
        """The request with the wall time, today's minutes (L27), the patient's flags and who signs in; what a front
        sent in their place is replaced.

        Raises:
            RecordError: not let in; or records or patients' file can't be read, so that what limits need is unknown.
        """
        operator = self._admit(request.operator, request.pin, ("therapist",), "sign-in")
        self._signer = self._signer or station_signer(self._home.root)
        known = open_door(self._home, request.patient_id, simulated=self._simulated)
        if self._limits is not None and limits_in_force(self._home) != self._limits:
            raise RecordError(
                "the site's limits are no longer those that this program began with: leave it and begin anew"
            )
        self.recent = recent_sessions(self._home, request.patient_id, simulated=self._simulated)
        self._room.enter(known.person, here(self._device))
        self.cover = None if self._simulated else Cover(self._home.root, known.patient).ready()
        return replace(
            request,
            patient_id=known.patient,
            utc=_utc(),
            software=software(),
            minutes_today=known.minutes_today,
            patient_flags=known.flags,
            notes=known.notes,
            authenticated=operator is not None,
            pin="",
        )

    def sign(self, request: Sign) -> Sign:
        """The request with the wall time, the printed name and whether a PIN stood behind it.

        Raises:
            RecordError: not let in, or not in this role.
        """
        operator = self._admit(request.operator, request.pin, MEANINGS.get(request.meaning, ("therapist",)), "sign")
        name = operator.name if operator is not None else ""
        return replace(request, utc=_utc(), name=name, authenticated=operator is not None, pin="")

    def left(self) -> None:
        """The session is over: the patient may be in another one."""
        self._room.leave()

    def _admit(self, name: str, pin: str, roles: tuple[str, ...], what: str) -> Operator | None:
        legible_name("operator", name)
        known = load_operators(self._home.operators)
        no_stranger_by_name(name, known)
        if not known or (self._simulated and not pin):
            return None
        if not pin:
            raise RecordError(f"operator {name.strip()}: this station asks for a PIN")
        return admit(self._home, known, name.strip(), pin, roles, what)


def _utc() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")


def refused(error: RecordError | OSError, key: str) -> Problem:
    """Why not."""
    return Problem(severity="refuse", key=key, message=str(error), rule="session")
