"""What the console knows of patients and sessions before this one. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from estim.console.due import CourseToday
from estim.records.door import Elsewhere
from estim.records.spacing import Past


@dataclass(frozen=True, slots=True, kw_only=True)
class PastPatient:
    """What the console needs of a patient it has treated before.

    Attributes:
        id: pseudonym.
        second_identifier: what is read back beside the pseudonym, e.g. year of birth; "" if none is kept.
        sessions: how many were attended: with at least one contraction of treatment.
        last_protocol, last_day: of the latest one, "" for none.
        answers: the latest screening's answers, for the re-confirmation.
        last_protocol_id, last_version, last_week, last_session: of it; week 0 for none.
        last_ending, last_contractions, last_stops, last_discomfort: how it ended, why it was stopped on the way, the
            most discomfort of all that was entered; of the latest in which anything was given or such was said.
        last_event: the adverse event that was told of it, in its own words; "" for none.
        pad_uses: label of a pair of pads → sessions in which it was used on this patient.
        marks: channel → kind of mark, and `level` → µA, of the latest session: to look near, never to play.
        condition, side, assigned, assigned_week: as the patients' file has it, else of the latest session.
        skin_blocked: what the skin was graded if 2 or 3 at the end of the last session, in words; "" if not.
        warnings_reason: why the warnings of this course were accepted the last time; `warnings_read` are they.
        minutes_today: muscle/side → minutes of motor output that today's sessions gave.
        course: of care, and what of it is due today; None without one.
        consented: to this course, and has not taken it back since; None where the records do not say.
        recent: sessions of the last days in which pulses of treatment came, as their files space them.
    """

    id: str
    second_identifier: str = ""
    sessions: int = 0
    last_protocol: str = ""
    last_day: str = ""
    answers: Mapping[str, bool | str] = field(default_factory=dict)
    last_protocol_id: str = ""
    last_version: str = ""
    last_week: int = 0
    last_session: int = 0
    last_ending: str = ""
    last_contractions: int = 0
    last_stops: tuple[str, ...] = ()
    last_discomfort: str = ""
    last_event: str = ""
    pad_uses: Mapping[str, int] = field(default_factory=dict)
    marks: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    condition: str = ""
    side: str = ""
    assigned: str = ""
    assigned_week: int = 0
    skin_blocked: str = ""
    warnings_reason: str = ""
    warnings_read: frozenset[str] = frozenset()
    minutes_today: Mapping[str, int] = field(default_factory=dict)
    due: bool = False
    consented: bool | None = None
    course: CourseToday | None = None
    recent: tuple[Past, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PastSession:
    """One session of this home.

    Attributes:
        folder: its name.
        ending: one of `ending.ENDINGS`; contractions given, of `planned` (0 where a sensor decides how many come).
        how: for one without a signature: `left`, `killed`, `taken-over`, `torn`, `running`; "" for a signed one.
        runs: where and since when, for one that another process plays now.
        stopped_ms: how long after front or controller was lost the device said off, None where nothing flowed.
        head: the record's head as far as it was read.
        level_words: the highest level marked, in mA; "" for none.
    """

    folder: str
    patient_id: str
    day: str
    time: str
    protocol: str = ""
    ending: str = "not-treated"
    contractions: int = 0
    planned: int = 0
    signed_by: str = ""
    how: str = ""
    stopped_ms: int | None = None
    head: str = ""
    level_words: str = ""
    stops: tuple[str, ...] = ()
    discomfort: str = ""
    runs: Elsewhere | None = None


OpenSession = PastSession
