"""Events: everything that can happen to a session. Device and room reports come from `safety.reports`; here stand the
requests of people, the passing of time, and what the record and the processes say.

A request has a number `id`, unique on its connection; exactly one `Reply` effect answers it. `Stop` is answered as
well, but acts without being judged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from estim.protocols.schema import Protocol
from estim.protocols.setup import Setup
from estim.safety.reports import Report
from estim.safety.schedule import Purpose


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Somebody asks for something."""

    id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn(Request):
    """Opens the session and its record. `operator` and `patient_id` are pseudonyms; the controller fills in the rest.

    `minutes_today` are L27's, `muscle/side` → minutes; `patient_flags` are names of `PatientFacts` that are known to be
    true: they tighten limits, whatever the screening's answers say. `authenticated`: the operator's PIN was right. The
    PIN itself ends at the controller's desk: the engine never sees it. `notes`: what must be said of the station and
    this patient before anything is asked (a clock that was set, one person in two rows). `qualification`: what a bench
    last said of this stimulator, for the record; it decides nothing here.
    """

    operator: str
    patient_id: str
    utc: str = ""
    software: str = "estim"
    minutes_today: Mapping[str, int] = field(default_factory=dict)
    patient_flags: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    qualification: str = ""
    authenticated: bool = False
    pin: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Screen(Request):
    """Answers to the screening: question id → answer. Valid for 60 min."""

    answers: Mapping[str, bool | str]
    scripted: bool = False
    language: str = "en"


@dataclass(frozen=True, slots=True, kw_only=True)
class Configure(Request):
    """Load a protocol for this setup: for single twitches (`low-rate`), for finding levels (`titration`) or for
    therapy.
    """

    protocol: Protocol
    protocol_sha256: str
    setup: Setup
    purpose: Purpose


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirm(Request):
    """A person confirms something that arming or going on asks for.

    `what`: identity | pads | skin | stop-control | still-felt | support | bends | warnings. `value` is free, e.g. who
        holds the switch.
    """

    what: str
    value: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm(Request):
    """First of the two steps to output."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Start(Request):
    """Second step, within 60 s."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause(Request):
    """Output off, the plan's place kept; ends in a stop after 5 min."""

    reason: str = "operator"


@dataclass(frozen=True, slots=True, kw_only=True)
class Resume(Request):
    """Go on from 0 mA after a 3 s countdown, at the beginning of the broken contraction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop(Request):
    """Off. Valid always and everywhere. `source`: key | patient | console | line | signal | observer:NAME."""

    source: str = "key"


@dataclass(frozen=True, slots=True, kw_only=True)
class Raise(Request):
    """One step up on one channel. `snapshot_n` is the snapshot the person looked at: a stale one is refused."""

    channel: int
    snapshot_n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Lower(Request):
    """Down by `percent` of the level on one channel, or on all (None), or by one step where percent is 0."""

    channel: int | None = None
    percent: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark(Request):
    """The level that plays now is the patient's sensory, motor or maximum tolerated one (no-twitch: none up to
    here). In a low-rate test it is the one at which the twitch is seen (twitch), and no other mark is taken.
    """

    channel: int
    kind: Literal["sensory", "motor", "max-tolerated", "no-twitch", "twitch"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractionSeen(Request):
    """On a sensory channel: cut to 80 % and take that level as the motor mark (L26)."""

    channel: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NextChannel(Request):
    """While levels are found or twitches looked for: this channel is done, go on to the next."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SkipPhase(Request):
    """Leave the rest of this phase out, with a reason."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EndEarly(Request):
    """Treatment ends here, complete by the therapist's judgement, with a reason."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PressTrigger(Request):
    """The key of a key-triggered phase."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledge(Request):
    """An alarm was seen; for a warning of a level that is the reason to go on above it, in one key."""

    code: str
    reason: str = "needed and tolerated"


@dataclass(frozen=True, slots=True, kw_only=True)
class ResetFault(Request):
    """Leave FAULT; the output must be confirmed OFF and the reason is recorded."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Note(Request):
    """Text into the record: kind is note | reason | outcome."""

    kind: str
    fields: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign(Request):
    """The operator signs: the record is closed and sealed. `meaning`: performed | witnessed | reviewed.

    The controller fills in the printed name, the wall time and whether the PIN was right.
    """

    operator: str
    comment: str = ""
    meaning: str = "performed"
    name: str = ""
    utc: str = ""
    authenticated: bool = False
    pin: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomAction(Request):
    """Something done in the (simulated) room: pad lift/dry/place, effort. Passed to the side channel."""

    message: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed; nothing else happened."""


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """The console's UI loop is alive."""


@dataclass(frozen=True, slots=True)
class ConsoleGone:
    """The console's end of the pipe is closed: its part of the dead-man."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Durable:
    """The record up to and including line `n` is on the disk; `oldest_pending_us` is the time of the oldest that is
    not.
    """

    n: int
    oldest_pending_us: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordFailed:
    """The record can't be written any more. Nothing is retried. `opening`: it could not even be begun."""

    reason: str
    opening: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockJumped:
    """A turn came more than 250 ms late, or two clocks disagree by as much: the process slept."""

    late_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Tripped:
    """The interlock refused a command that the engine made. Output is off already."""

    rule: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """The authorisation `n` is durable and the interlock's ceiling has risen to it."""

    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """SIGINT, SIGTERM, SIGHUP: stop and end."""

    name: str


Event = (
    Request
    | Tick
    | Heartbeat
    | ConsoleGone
    | Durable
    | Granted
    | RecordFailed
    | ClockJumped
    | Tripped
    | Signal
    | Report
)
