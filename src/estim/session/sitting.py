"""A sitting: one person in the chair, from sign-in to the next one's. Pure.

Everything that is known of that person lives here and ends here: a new sign-in makes a new object, so that nothing that
was found, answered, allowed or said before can count for somebody else.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from estim.protocols.schema import Protocol
from estim.protocols.setup import Setup
from estim.safety.reports import PracticeState
from estim.safety.schedule import Purpose
from estim.safety.verdict import ClearedSchedule
from estim.session.alarms import Alarms
from estim.session.clock import TherapyClock
from estim.session.found import FoundLevels
from estim.session.held import PulseKey
from estim.session.route import PlanPlace
from estim.session.snapshot import Practice, Signature


@dataclass(frozen=True, slots=True)
class Known:
    """What the home knew of the patient at sign-in: L27's minutes by `muscle/side`, and facts that tighten limits."""

    minutes_today: Mapping[str, int] = field(default_factory=dict)
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What was configured last.

    Attributes:
        cleared: may be armed; None once a lost device or a fault took it away.
    """

    protocol: Protocol
    protocol_sha256: str
    setup: Setup
    purpose: Purpose
    cleared: ClearedSchedule | None


@dataclass(frozen=True, slots=True)
class Kept:
    """Where a therapy was broken off, so that it can go on from there after a new arm."""

    place: PlanPlace
    contractions: int


class Sitting:
    """One person's visit.

    Args:
        operator, patient_id: pseudonyms; "" before anybody signed in.
        known: what the home knew.
        alarms: what stands of the device's as this begins.

    Attributes:
        answers, screened_us: of the screening; None: not answered, or its answers forbid output.
        loaded: the protocol and setup in hand.
        found: levels and marks.
        clock: the therapy's.
        kept: where a therapy was broken off.
        proven_ua: pulse → what the titration that has just ended held; empty after any other off.
        outcome: of the last therapy; "" while it is open.
        contractions: of the last therapy.
        practice: the virtual muscle's answer.
        signature: what closed the record.
    """

    def __init__(self, alarms: Alarms, operator: str = "", patient_id: str = "", known: Known = Known()) -> None:
        self.alarms = alarms
        self.operator, self.patient_id = operator, patient_id
        self.known = known
        self.answers: Mapping[str, bool | str] = MappingProxyType({})
        self.screened_us: int | None = None
        self._confirmed: dict[str, tuple[str, int]] = {}
        self._accepted_warnings: set[str] = set()  # crossed with a reason, once a channel and session
        self.loaded: Loaded | None = None
        self.found = FoundLevels()
        self.clock = TherapyClock()
        self.kept: Kept | None = None
        self.proven_ua: Mapping[PulseKey, int] = MappingProxyType({})
        self.outcome = ""
        self.contractions = 0
        self.practice: Practice | None = None
        self._says = ""
        self.signature: Signature | None = None

    @property
    def purpose(self) -> Purpose:
        """What is configured; finding levels where nothing is."""
        return self.loaded.purpose if self.loaded is not None else "titration"

    @property
    def cleared(self) -> ClearedSchedule | None:
        """What may be armed."""
        return self.loaded.cleared if self.loaded is not None else None

    # -- before output ----------------------------------------------------------------------------------------------

    def screen(self, answers: Mapping[str, bool | str], now_us: int, *, forbids: bool) -> None:
        """Keep the answers; where they forbid output the screening stays open."""
        self.answers, self.screened_us = answers, None if forbids else now_us

    def confirm(self, what: str, value: str, now_us: int) -> None:
        """A person confirmed `what`."""
        self._confirmed[what] = (value, now_us)

    def confirmed_us(self, what: str) -> int | None:
        """When `what` was confirmed."""
        confirmed = self._confirmed.get(what)
        return confirmed[1] if confirmed is not None else None

    def look_again(self) -> None:
        """Skin and pads are looked at anew, however short ago that was."""
        for what in ("pads", "skin"):
            self._confirmed.pop(what, None)

    def load(self, loaded: Loaded, still_confirmed: Collection[str], *, goes_on: bool) -> None:
        """Another plan is in hand. One that was broken off and is asked for again goes on; another one forgets it."""
        self.loaded = loaded
        self._confirmed = {what: value for what, value in self._confirmed.items() if what in still_confirmed}
        if not goes_on:
            self.kept = None
        if loaded.purpose == "therapy":
            if self.kept is None:
                self.clock.reset()
            self.outcome = ""
            self.contractions = self.kept.contractions if self.kept else 0

    def unload(self) -> None:
        """What was cleared may not be armed any more: a fault was left, or the device is lost."""
        if self.loaded is not None:
            self.loaded = replace(self.loaded, cleared=None)

    def accept_warning(self, code: str) -> None:
        """A person goes on above a warning."""
        self._accepted_warnings.add(code)

    def accepts(self, code: str) -> bool:
        """This warning has its reason already."""
        return code in self._accepted_warnings

    # -- a therapy --------------------------------------------------------------------------------------------------

    def begin_run(self) -> None:
        """A run begins: how the last one ended is over."""
        self._says = ""  # what was said of another current says nothing of this one
        if self.practice is not None:
            self.practice = replace(self.practice, says="")
        self.outcome = ""

    def end(self, outcome: str) -> None:
        """How the therapy ended; completed is completed, nothing is kept."""
        self.outcome = outcome
        if outcome == "completed":
            self.kept = None

    def prove(self, held_ua: Mapping[PulseKey, int]) -> None:
        """So far the levels that were found have been held."""
        self.proven_ua = held_ua

    def forget_place(self) -> None:
        """It is over: a new start begins anew."""
        self.kept = None

    def keep(self, place: PlanPlace, contractions: int) -> None:
        """Remember where a therapy was broken off."""
        self.kept = Kept(place, contractions)

    def count(self, contractions: int) -> None:
        """So many contractions of the therapy are done."""
        self.contractions = contractions

    # -- around it --------------------------------------------------------------------------------------------------

    def said(self, text: str) -> None:
        """Words of the virtual patient."""
        self._says = text

    def practise(self, report: PracticeState) -> None:
        """The virtual muscle's answer."""
        self.practice = Practice(
            channel=report.channel,
            force_n=report.force_n,
            force_percent=report.force_percent,
            fatigue_percent=report.fatigue_percent,
            comfort=report.comfort,
            says=self._says,
        )

    def sign(self, signature: Signature) -> None:
        """Somebody put a name to it."""
        self.signature = signature
