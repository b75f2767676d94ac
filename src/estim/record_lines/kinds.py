"""Every kind of line that a session writes. Pure.

Integers carry their unit at the end of the name: `_us` µs, `_ms` ms, `_ua` µA, `_pc` pC, `_mhz` mHz.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from estim.protocols.setup import Setup
from estim.record_lines.base import Line
from estim.record_lines.rows import DeviceRow, PeakRow, ProblemRow
from estim.safety.schedule import Schedule

Channel = Annotated[int, "device channel, from 1"]

# -- the beginning ---------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Header(Line):
    """The first line: who treats whom, with which device, under which limits."""

    KIND: ClassVar[str] = "header"
    utc: Annotated[str, "wall time of the sign-in, ISO 8601 with offset"]
    authenticated: Annotated[bool, "a PIN stood behind the operator's name"]
    format: Annotated[int, "of the lines; a reader does not guess at one that it does not know"]
    software: Annotated[str, "program and version"]
    operator: Annotated[str, "who signed in"]
    patient: Annotated[str, "pseudonym"]
    simulated_device: Annotated[bool, "no person was stimulated"]
    device: Annotated[DeviceRow, "the stimulator"]
    minutes_today: Annotated[Mapping[str, int], "minutes of motor output today before this session, by muscle/side"]
    patient_flags: Annotated[Sequence[str], "facts of the patient's register that tighten limits"]
    limits: Annotated[Any, "the limits in force, each with its layers"]
    limits_sha256: Annotated[str, "of the limits' canonical JSON"]
    qualification: Annotated[str | None, "what a bench last said of the stimulator; absent in a rehearsal"] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Device(Line):
    """The device said who it is, after the session was opened."""

    KIND: ClassVar[str] = "device"
    model: Annotated[str, "as it answers"]
    device_id: Annotated[str, "its own number; empty where it does not tell"]
    firmware: Annotated[str, "as it tells"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Screening(Line):
    """The answers to the safety questions."""

    KIND: ClassVar[str] = "screening"
    answers: Annotated[Any, "question number → answer"]
    scripted: Annotated[bool, "a script answered, for a simulated device"]
    questionnaire: Annotated[str | None, "name of the list of questions"] = None
    version: Annotated[str | None, "its version"] = None
    language: Annotated[str | None, "in which the questions were asked, ISO 639"] = None
    sha256: Annotated[str | None, "of the questions' canonical JSON, number → text"] = None
    questions: Annotated[Mapping[str, str] | None, "question number → text, in the language of the list"] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SetupLine(Line):
    """What was decided, compiled and cleared for the coming run."""

    KIND: ClassVar[str] = "setup"
    purpose: Annotated[str, "low-rate, titration or therapy"]
    protocol_sha256: Annotated[str, "of the protocol file's bytes"]
    setup: Annotated[Mapping[str, Any], Setup, "what the therapist decided for today"]
    schedule: Annotated[Mapping[str, Any], Schedule, "what will be played"]
    caps_ua: Annotated[Mapping[str, int], "device channel → highest current that was cleared"]
    cap_reasons: Annotated[Mapping[str, str], "device channel → why not more"]
    warnings: Annotated[Sequence[str], "what the therapist was warned of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bend(Line):
    """Where the device plays something else than the protocol says."""

    KIND: ClassVar[str] = "bend"
    severity: Annotated[str, "info or warn"]
    key: Annotated[str, "place in the protocol"]
    message: Annotated[str, "one sentence for a person"]
    line: Annotated[int | None, "line of the file, null where there is none"]
    asked: Annotated[int | str | bool | None, "what the protocol asks"]
    allowed: Annotated[int | str | bool | None, "what is played"]
    unit: Annotated[str, "of both"]
    layer: Annotated[str, "which layer of limits says so, or schema"]
    rule: Annotated[str, "the limit's number, or the rule's name"]
    source: Annotated[str, "where the number comes from"]


# -- what people asked and said ---------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Request(Line):
    """Somebody asked for something that leaves no other line."""

    KIND: ClassVar[str] = "request"
    what: Annotated[str, "pause, stop, skip-phase, end-early, connect, reset-fault or leave"]
    reason: Annotated[str | None, "why, as said"] = None
    source: Annotated[str | None, "whose stop it was, or why a front left"] = None
    phase: Annotated[str | None, "the phase that is skipped"] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted(Line):
    """A check before output was confirmed."""

    KIND: ClassVar[str] = "accepted"
    what: Annotated[str, "which check"]
    value: Annotated[Any, "what was said"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused(Line):
    """A request was refused."""

    KIND: ClassVar[str] = "refused"
    request: Annotated[int, "its number, 0 for none"]
    problems: Annotated[Sequence[ProblemRow], "every reason"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WarningAccepted(Line):
    """The operator goes on in spite of a warning, with a reason."""

    KIND: ClassVar[str] = "warning-accepted"
    code: Annotated[str, "which warning"]
    reason: Annotated[str, "why, as said"]
    operator: Annotated[str, "who"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Note(Line):
    """Something noted: `text` is free text, `discomfort` 0 to 10, `felt_ua` the highest current of the contraction that
    it was felt in (between two: of the last one), `sent_ua` the currents as it was answered. Older records have
    `sent_ua` alone.
    """

    KIND: ClassVar[str] = "note"
    OPEN: ClassVar[bool] = True
    said: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason(Line):
    """Why the operator did something, as said."""

    KIND: ClassVar[str] = "reason"
    OPEN: ClassVar[bool] = True
    said: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome(Line):
    """Outcome measures: measure → value."""

    KIND: ClassVar[str] = "outcome"
    OPEN: ClassVar[bool] = True
    said: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientSays(Line):
    """Words of the virtual patient, in practice."""

    KIND: ClassVar[str] = "patient-says"
    sensation: Annotated[Any, "0 to 10, by the model"]
    text: Annotated[str, "what it says"]


# -- levels and authorisations ---------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Levels(Line):
    """A level was marked."""

    KIND: ClassVar[str] = "levels"
    channel: Channel
    mark: Annotated[str, "sensory, motor, max-tolerated, twitch or no-twitch"]
    level_ua: Annotated[int, "the level that played"]
    frequency_mhz: Annotated[int, "its rate"]
    pulse_width_us: Annotated[int, "its phase"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorise(Line):
    """What may be sent from now on; on the disk before any of it is sent."""

    KIND: ClassVar[str] = "authorise"
    authorise: Annotated[int, "number of the authorisation"]
    reason: Annotated[str, "start, next contractions, raise, ..."]
    contractions: Annotated[Sequence[int], "first and last contraction that it is for"]
    until_us: Annotated[int, "session time at which it ends"]
    channels: Annotated[Sequence[PeakRow], "the most that each channel may be given"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Raised(Line):
    """A raise took effect: its authorisation is on the disk."""

    KIND: ClassVar[str] = "raised"
    channel: Channel
    level_ua: Annotated[int, "the new level"]
    authorise: Annotated[int, "its authorisation"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lowered(Line):
    """A level fell."""

    KIND: ClassVar[str] = "lowered"
    channel: Channel
    before_ua: Annotated[int, "the level before"]
    level_ua: Annotated[int, "the new level"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RaiseDropped(Line):
    """A raise that was asked for never took effect."""

    KIND: ClassVar[str] = "raise-dropped"
    authorise: Annotated[int, "its authorisation, which holds no more"]
    reason: Annotated[str, "why"]
