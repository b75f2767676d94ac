"""Effects: what a step of the engine wants done. The runner does them in order; the engine itself touches nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from estim.record_lines.base import Line
from estim.safety.commands import OutputOff, SetOutput
from estim.safety.errors import Problem
from estim.safety.rises import Rise
from estim.safety.units import Micros
from estim.safety.verdict import ClearedSchedule


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorisedPeak:
    """The most that one channel may be given under an authorisation."""

    channel: int
    peak_ua: int
    pulse_width_us: int
    period_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Connect:
    """Ask the device who it is and make it idle."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Install:
    """From now on the interlock judges by this schedule; None: by none, only off passes."""

    cleared: ClearedSchedule | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepare:
    """Open the stimulation level for these channels.

    Attributes:
        period_us: the shortest of their periods.
        slow: (channel, period in µs) of those whose period is longer.
    """

    channels: tuple[int, ...]
    period_us: Micros
    slow: tuple[tuple[int, Micros], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Send:
    """Give this command to interlock and driver, now. `command_n` counts the engine's commands."""

    command: SetOutput | OutputOff
    command_n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestStatus:
    """Ask the device for its status; also its keep-alive, so it is an effect of a good step and of nothing else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorise:
    """Write this authorisation durably; when it is durable, the interlock's ceiling rises to it.

    Attributes:
        rise: the step of a level that comes with it; None: nothing rises above the levels as they are.
    """

    n: int
    peaks: tuple[AuthorisedPeak, ...]
    reason: str
    contractions: tuple[int, int]
    until_us: Micros
    rise: Rise | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Revoke:
    """All authorisations end (stop, pause, fault, change of phase)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LowerCeiling:
    """The interlock's ceiling of one channel falls to `peak_ua` at once, its level to `level_ua`."""

    channel: int
    peak_ua: int
    level_ua: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """A line for the record."""

    line: Line

    @property
    def kind(self) -> str:
        """Its kind."""
        return self.line.KIND

    @property
    def fields(self) -> Mapping[str, Any]:
        """What it says, as the record has it."""
        return self.line.to_fields()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """The answer to a request: accepted, or refused with every reason."""

    id: int
    accepted: bool
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ToRoom:
    """A message for the side channel."""

    message: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenRecord:
    """A session begins: make its record; the header is the next Log."""

    patient_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseRecord:
    """The session is over: seal the record."""


Effect = (
    Connect
    | Install
    | Prepare
    | Send
    | RequestStatus
    | Authorise
    | Revoke
    | LowerCeiling
    | Log
    | Reply
    | ToRoom
    | OpenRecord
    | CloseRecord
)
