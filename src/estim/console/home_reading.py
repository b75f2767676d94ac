"""What past sessions say, read line by line from their records without checking seals (`estim records verify` does)."""

from __future__ import annotations

import contextlib
import datetime
import json
import re
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from estim.console.past import OpenSession, PastPatient, PastSession
from estim.platform.files import no_device
from estim.records.master import home_of_records
from estim.records.personal import opened
from estim.records.segment import segments
from estim.records.spacing import Past

RECENT = 6  # sessions of one patient that can still matter for the pause between two: up to four a day
SESSIONS_READ = 400  # the latest ones: enough for a year of a busy therapist, read in about a second
_KINDS = (
    "header", "screening", "setup", "note", "outcome", "end", "levels", "signature", "accepted", "request", "take-over",
    "output", "contraction", "dose", "reason", "phase",
)  # fmt: skip
_AS_BEFORE = re.compile(
    r"(?: \((?:today|[0-9]{4}-[0-9]{2}-[0-9]{2})\))+$"
)  # a reason that was taken over says when it was given
_WANTED = tuple(f'"kind":"{kind}"'.encode() for kind in _KINDS)


@dataclass(slots=True)
class _Reading:
    """One record, line after line."""

    folder: str
    patient: str = ""
    utc: str = ""
    answers: dict[str, Any] | None = None
    schedule: dict[str, Any] = field(default_factory=dict)
    setup: dict[str, Any] = field(default_factory=dict)
    pads: set[str] = field(default_factory=set)
    marks: dict[int, dict[str, int]] = field(default_factory=dict)
    stops: list[str] = field(default_factory=list)
    discomfort: str = ""
    skin: str = ""
    warnings: str = ""
    warned: set[str] = field(default_factory=set)
    contractions: int = 0
    ended: dict[str, Any] | None = None
    signed_by: str = ""
    left: str = ""
    left_by: str = ""
    taken_over: bool = False
    signs: str = ""
    consent: str = ""
    pulses: bool = False
    sha256: str = ""
    last_us: int = 0
    began_us: int = 0  # the controller's clock at sign-in: it goes on from session to session
    event: str = ""
    early: bool = False
    ended_for: str = ""  # why it was ended, as it was said last; of what goes on again nothing
    ending_stops: bool = False  # that word is among the stops
    head: str = ""
    on: bool = False
    left_us: int | None = None
    stopped_ms: int | None = None

    def take(self, kind: str, fields: dict[str, Any]) -> None:
        """One line, at `last_us`."""
        match kind:
            case "header":
                self.patient, self.utc = str(fields["patient"]), str(fields["utc"])
                self.began_us = self.last_us
            case "screening" if not fields.get("scripted"):
                self.answers = dict(fields["answers"])
            case "setup":
                self.schedule, self.setup = fields["schedule"], fields.get("setup", {})
                self.sha256 = str(fields.get("protocol_sha256", ""))
                self.warned |= {str(text) for text in fields.get("warnings", ())}
            case "note" if fields.get("instead_of"):
                self._said_why(fields)
            case "note":
                self.pads |= {str(label) for label in fields.get("pads", {}).values()}
                self._hurts(fields)
                self.event = str(fields.get("adverse_event") or self.event)
                self.signs = str(fields.get("signs_session", self.signs))
                self.consent = str(fields.get("consent", self.consent))
                self.left_by = str(fields.get("left_by", self.left_by))
            case "outcome":
                self.skin = str(fields.get("skin", ""))
                self._hurts(fields)
            case "reason":
                self._said_why(fields)
            case "levels":
                self.marks.setdefault(int(fields["channel"]), {})[str(fields["mark"])] = int(fields["level_ua"])
            case "accepted" if fields.get("what") == "warnings":
                self.warnings = _AS_BEFORE.sub("", str(fields.get("value", "")))  # from when it was is not why
            case "contraction" if fields.get("purpose") == "therapy" and fields.get("whole"):
                self.contractions += 1
            case "request":
                self.left = str(fields.get("source") or "") if fields.get("what") == "leave" else self.left
                self.early = self.early or fields.get("what") == "end-early"
                if fields.get("what") == "end-early":
                    self.ended_for = str(fields.get("reason", ""))
                    self.ending_stops = self.ended_for == "pain"
                if fields.get("what") in {"pause", "end-early"} and fields.get("reason") == "pain":
                    self.stops.append("pain")  # as a stop for it: the levels went down
                if fields.get("what") == "leave" and self.on and self.left_us is None:
                    self.left_us = self.last_us
            case "phase" if fields.get("after") == "RUNNING":
                self.ended_for = ""
            case "take-over":
                self.taken_over = True
                if self.on and fields.get("output") == "OFF":
                    self.stopped_ms = int(fields["took_ms"])
            case "output":
                self.on = fields["state"] != "OFF"
                if self.left_us is not None and not self.on and self.stopped_ms is None:
                    self.stopped_ms = (self.last_us - self.left_us) // 1000
            case "end":
                self.ended = fields
            case "dose" if fields.get("purpose") == "therapy":
                self.pulses = self.pulses or any(one.get("pulses") for one in fields.get("channels", ()))
            case "signature":
                self.signed_by = str(fields.get("operator", ""))

    def _said_why(self, fields: dict[str, Any]) -> None:
        """Why it was stopped or ended; a correction takes the place of what was said before. An ending is among the
        stops only where it was said as one.
        """
        before, stopped = str(fields.get("instead_of", "")), str(fields.get("stopped", ""))
        of_the_end = "ended_for" in fields or (before and before == self.ended_for)
        drops = not of_the_end or self.ending_stops or before == "pain"
        if of_the_end:
            self.ended_for, self.ending_stops = str(fields.get("ended_for", stopped)), bool(stopped)
        if drops and before in self.stops:
            del self.stops[len(self.stops) - 1 - self.stops[::-1].index(before)]
        if stopped:
            self.stops.append(stopped)

    def _hurts(self, fields: dict[str, Any]) -> None:
        """The most that was entered, in treatment or after it."""
        said = str(fields.get("discomfort", ""))
        if said.isdecimal() and int(said) >= int(self.discomfort or 0):
            self.discomfort = said

    @property
    def given(self) -> int:
        """Contractions of treatment."""
        if self.ended is not None and self.ended.get("contractions") is not None:
            return int(self.ended["contractions"])
        return self.contractions

    @property
    def ending(self) -> str:
        """As `ending.ENDINGS` has it."""
        outcome = str((self.ended or {}).get("outcome", "stopped"))
        if outcome == "uncertain" or (self.taken_over and str((self.ended or {}).get("output", "OFF")) != "OFF"):
            return "uncertain"
        if self.schedule.get("purpose") != "therapy" and not self.given:
            return "not-treated"
        if not self.given:
            return "before-first"
        if outcome == "completed":
            return "early" if self.early and not 0 < self.planned * 95 <= self.given * 100 else "completed"
        return "fault" if outcome == "fault" else "early" if self.early or self.ended_for else "stopped"

    @property
    def planned(self) -> int:
        """Contractions of the plan, 0 where none are counted out beforehand."""
        if self.schedule.get("purpose") != "therapy":
            return 0
        phases = self.schedule.get("phases", ())
        return sum(int(phase.get("cycles") or 0) * int(phase.get("sets") or 0) for phase in phases)

    def session(self) -> PastSession:
        """What the list of records shows."""
        how = ""
        if not self.signed_by:
            by_hand = "quit" if self.left_by and self.ending != "uncertain" else "killed"
            how = (
                "taken-over" if self.taken_over else "torn" if self.ended is None else by_hand if self.left else "left"
            )
        level = max((ua for marks in self.marks.values() for ua in marks.values()), default=0)
        day, _, clock = self.utc.partition("T")
        return PastSession(
            folder=self.folder,
            patient_id=self.patient,
            day=day,
            time=clock[:5],
            ending=self.ending,
            protocol=str(self.schedule.get("protocol_title", "")),
            contractions=self.given,
            planned=self.planned,
            stopped_ms=self.stopped_ms,
            signed_by=self.signed_by,
            how=how,
            head=self.head,
            level_words=f"{level / 1000:.1f} mA" if level else "",
            stops=tuple(self.stops),
            discomfort=self.discomfort,
        )

    def patient_now(self, known: PastPatient | None, today: str) -> PastPatient:
        """What is known of the patient with this session."""
        day = self.utc[:10]
        patient = replace(
            known or PastPatient(id=self.patient),
            last_day=day,
            last_ending=self.ending,
            last_contractions=self.given,
            skin_blocked="",
            due=day != today,
        )
        if self.consent or self.given:
            patient = replace(patient, consented=self.consent != "refused")
        if self.answers is not None:
            patient = replace(patient, answers=self.answers)
        if self.skin[:1] in {"2", "3"}:
            patient = replace(patient, skin_blocked=f"{self.skin} ({self.schedule.get('protocol_title', '')})")
        if self.given or self.stops or self.event or self.discomfort.strip("0"):
            patient = replace(
                patient, last_stops=tuple(self.stops), last_discomfort=self.discomfort, last_event=self.event
            )
        if not self.schedule:
            return patient
        channels = {int(one["channel"]): one for one in self.schedule.get("channels", ())}
        marks = {
            str(channels[number]["name"]): {**found, "level": int(channels[number].get("level_ua") or 0)}
            for number, found in self.marks.items()
            if number in channels
        }
        sides = {str(one.get("side", "")) for one in channels.values()}
        if self.pulses and self.utc:  # a rehearsal has no day: nothing is spaced from it
            patient = replace(patient, recent=self._recent(patient.recent))
        patient = replace(
            patient,
            marks=marks or patient.marks,
            last_protocol=str(self.schedule.get("protocol_title", "")),
            last_protocol_id=str(self.schedule.get("protocol_id", "")),
            last_version=str(self.schedule.get("protocol_version", "")),
            last_week=int(self.schedule.get("week", 1)),
            warnings_reason=self.warnings or patient.warnings_reason,
            warnings_read=frozenset(self.warned) if self.warnings else patient.warnings_read,
            side=sides.pop() if len(sides) == 1 else patient.side,
        )
        if not self.given:  # prepared, but no visit: nothing of the dose counts
            return patient
        uses = {**patient.pad_uses, **{label: patient.pad_uses.get(label, 0) + 1 for label in self.pads}}
        return replace(
            patient,
            sessions=patient.sessions + 1,
            pad_uses=uses,
            last_session=int(self.schedule.get("session", 1)),
        )

    def _recent(self, before: tuple[Past, ...]) -> tuple[Past, ...]:
        began = datetime.datetime.fromisoformat(self.utc)
        this = Past(
            protocol=str(self.schedule.get("protocol_id", "")),
            protocol_sha256=self.sha256,
            began=began,
            ended=began + datetime.timedelta(microseconds=self.last_us - self.began_us),
        )
        return (*before, this)[-RECENT:]


def read_sessions(
    records: Path, today: str, sealed: Container[str] = ()
) -> tuple[tuple[PastPatient, ...], tuple[PastSession, ...]]:
    """Patients, the latest first, and sessions, the latest first. What was signed later in another record is signed.

    Args:
        sealed: sessions of a trial whose allocation is: what they held would tell the arm, so nothing of them is shown.

    Raises:
        OSError: the folder can't be read.
    """
    known: dict[str, PastPatient] = {}
    sessions: list[PastSession] = []
    signed: dict[str, str] = {}
    if not records.is_dir():
        return (), ()
    there = (path for path in records.iterdir() if path.is_dir() and path.name not in sealed)
    folders = sorted(there, key=lambda path: path.name)
    for folder in folders[-SESSIONS_READ:]:  # names begin with the time, so later sessions come later
        reading = _Reading(folder.name)
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError, AttributeError):  # a torn one helps nobody
            for kind, fields, head, t_us in _lines(folder):
                reading.head, reading.last_us = head, t_us
                with contextlib.suppress(ValueError, KeyError, TypeError, AttributeError):  # odd, as a front may write
                    reading.take(kind, fields)
        reading.event = str(opened(home_of_records(records), reading.event))
        if not reading.patient:
            continue
        if reading.signs and reading.signed_by:
            signed[reading.signs] = reading.signed_by
            continue  # a signature of another session, not one by itself
        with contextlib.suppress(ValueError, KeyError, TypeError, AttributeError):  # nor one that says odd things
            session, before = reading.session(), known.get(reading.patient)
            patient = reading.patient_now(before, today)
            known.pop(reading.patient, None)  # the latest comes last
            known[reading.patient] = patient
            sessions.append(session)
    done = [replace(one, signed_by=signed[one.folder], how="") if one.folder in signed else one for one in sessions]
    return tuple(reversed(known.values())), tuple(reversed(done))


def unfinished(sessions: Sequence[PastSession]) -> tuple[OpenSession, ...]:
    """Those in which something was done and nobody signed; of those that still run, all."""
    return tuple(one for one in sessions if not one.signed_by and (one.ending != "not-treated" or one.how != "left"))


def _lines(folder: Path) -> Iterator[tuple[str, dict[str, Any], str, int]]:
    for path in segments(folder):
        for line in no_device(path).read_bytes().split(b"\n"):
            if any(kind in line for kind in _WANTED):
                # An unfinished last line, as a power cut leaves it; or one that is nested without end.
                with contextlib.suppress(ValueError, RecursionError):
                    entry = json.loads(line)
                    yield entry["kind"], entry["fields"], str(entry.get("hash", "")), int(entry.get("t_us", 0))
