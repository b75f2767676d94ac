"""What happened while a session ran, and how it ended. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

from estim.record_lines.base import Line
from estim.record_lines.rows import CommandRow, DoseRow, ReachedRow, SegmentRow

# -- output ---------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Command(Line):
    """A command that the device acknowledged."""

    KIND: ClassVar[str] = "command"
    command: Annotated[int, "number of the command"]
    sent_us: Annotated[int, "session time at which it was sent"]
    ack_us: Annotated[int, "from sending to acknowledgement"]
    channels: Annotated[Sequence[CommandRow], "the whole output from then on"]
    lists_least: Annotated[int | None, "lists that the device had answered before it; RehaStim 1 alone, format 3"] = (
        None
    )
    lists_most: Annotated[int | None, "the same with its answers to nothing that was asked"] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unanswered(Line):
    """A command that an off overtook before its acknowledgement: it may have played pulses or have been lost."""

    KIND: ClassVar[str] = "unanswered"
    command: Annotated[int, "number of the command"]
    sent_us: Annotated[int, "session time at which it was sent"]
    channels: Annotated[Sequence[CommandRow], "the output that it asked for"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Output(Line):
    """What is known of the output."""

    KIND: ClassVar[str] = "output"
    state: Annotated[str, "OFF, ON or UNCERTAIN"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseTurn(Line):
    """The session's phase changed."""

    KIND: ClassVar[str] = "phase"
    before: Annotated[str, "the phase that was left"]
    after: Annotated[str, "the phase that was entered"]
    turn: Annotated[str, "which turn of the state table"]
    cause: Annotated[str, "why; empty where the turn says it"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Contraction(Line):
    """A contraction ended."""

    KIND: ClassVar[str] = "contraction"
    n: Annotated[int, "its number"]
    whole: Annotated[bool, "it was played to its end"]
    purpose: Annotated[str, "low-rate, titration or therapy"]
    channels: Annotated[Sequence[ReachedRow] | None, "how far each channel came"] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate(Line):
    """Windows of a triggered phase opened or closed."""

    KIND: ClassVar[str] = "gate"
    opens: Annotated[bool, "opened, or closed"]
    channels: Annotated[Sequence[int], "device channels, from 1"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Status(Line):
    """The device's own status changed."""

    KIND: ClassVar[str] = "status"
    output_on: Annotated[bool, "pulses come out"]
    level_open: Annotated[bool, "the stimulation level is open"]
    lists_least: Annotated[int | None, "lists that the device had answered by then; RehaStim 1 alone, format 3"] = None
    lists_most: Annotated[int | None, "the same with its answers to nothing that was asked"] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dose(Line):
    """What each channel was given in one purpose: once for each run, however it ended. Sums since the beginning."""

    KIND: ClassVar[str] = "dose"
    purpose: Annotated[str, "low-rate, titration or therapy"]
    channels: Annotated[Sequence[DoseRow], "each channel's account"]
    basis: Annotated[str | None, "`commands`: a take-over made it from the acknowledged commands"] = None


# -- what went wrong ---------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmLine(Line):
    """An alarm sounded."""

    KIND: ClassVar[str] = "alarm"
    code: Annotated[str, "which alarm"]
    priority: Annotated[str, "high, medium or low"]
    text: Annotated[str, "what the screen says"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmSeen(Line):
    """Somebody has seen an alarm."""

    KIND: ClassVar[str] = "alarm-seen"
    code: Annotated[str, "which alarm"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault(Line):
    """Output was ended by a fault, which holds until a person resets it."""

    KIND: ClassVar[str] = "fault"
    cause: Annotated[str, "which fault"]
    text: Annotated[str, "what the screen says"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadOff(Line):
    """The device found a fault of an electrode."""

    KIND: ClassVar[str] = "lead-off"
    channel: Annotated[int | None, "device channel, from 1; null where the device does not tell"]
    fault: Annotated[str, "electrode, timeout or low-current"]
    text: Annotated[str, "what the device says"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceFault(Line):
    """The device refused a command."""

    KIND: ClassVar[str] = "device-fault"
    code: Annotated[int, "the device's own code"]
    text: Annotated[str, "its meaning"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise(Line):
    """Bytes came that are no frame."""

    KIND: ClassVar[str] = "noise"
    count: Annotated[int, "how many"]
    text: Annotated[str, "of which kind"]
    pulses_most: Annotated[int | None, "that the device may have played on any channel: a command nobody gave"] = None
    charge_most_pc: Annotated[int | None, "sum of the first phases of these, at most"] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientSwitch(Line):
    """The patient's own switch stopped the session."""

    KIND: ClassVar[str] = "patient-switch"
    pressed: Annotated[bool, "always true"]


# -- the end ---------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature(Line):
    """A person's signature, which closes the session. The station's seal is another line."""

    KIND: ClassVar[str] = "signature"
    operator: Annotated[str, "who"]
    name: Annotated[str, "printed name; empty where the station knows none"]
    meaning: Annotated[str, "performed, witnessed or reviewed; scripted: a script's mark, nobody's signature"]
    utc: Annotated[str, "wall time, ISO 8601 with offset"]
    authenticated: Annotated[bool, "a PIN stood behind it; without one the name is a claim"]
    comment: Annotated[str, "as said"]


@dataclass(frozen=True, slots=True, kw_only=True)
class End(Line):
    """How the session ended."""

    KIND: ClassVar[str] = "end"
    outcome: Annotated[str, "completed, stopped, fault, ..."]
    output: Annotated[str, "what is known of the output: OFF, ON or UNCERTAIN"]
    contractions: Annotated[int | None, "of the therapy; a take-over does not know"] = None
    dose: Annotated[Sequence[DoseRow] | None, "of the last purpose"] = None
    reason: Annotated[str | None, "`take-over` where the front wrote this line"] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeOver(Line):
    """The controller was lost; the front stopped the device and goes on with the record, in a new segment."""

    KIND: ClassVar[str] = "take-over"
    cause: Annotated[str, "how the controller was lost"]
    output: Annotated[str, "what the front found: OFF or UNCERTAIN"]
    text: Annotated[str, "what the screen says"]
    took_ms: Annotated[int, "from the loss to the device's own word"]
    last_phase: Annotated[str, "the last phase that the front knew"]
    last_snapshot_us: Annotated[int, "session time of what it last saw"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint(Line):
    """The station signs everything before this line, and this line."""

    KIND: ClassVar[str] = "checkpoint"
    key_id: Annotated[str, "first 16 hexadecimal digits of SHA-256 over the public key"]
    public_key: Annotated[str, "Ed25519, 32 bytes in hexadecimal"]
    signature: Annotated[str, "Ed25519, 64 bytes in hexadecimal"]
    session: Annotated[str | None, "name of the session; rehearsals have none"] = None
    boot_us: Annotated[int | None, "time since the computer started, sleep counted where the system tells"] = None
    utc: Annotated[str | None, "wall time, ISO 8601 with offset"] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal(Checkpoint):
    """The last line: a checkpoint after which nothing may follow."""

    KIND: ClassVar[str] = "seal"
    segments: Annotated[Sequence[SegmentRow] | None, "each segment's file; since format 3"] = None
