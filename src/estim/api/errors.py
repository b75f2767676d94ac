"""What a script can be told. Every text says what was asked and what is allowed.

SessionError
├─ Refused        nothing was done; output goes on as it was. `.problems` as in `--json`
│  ├─ AboveFound     more than the level that was found in this session. `.channel .asked_ma .found_ma .rule`
│  ├─ TooFast        the next step up has to wait (L15, L16, L17). `.channel`
│  ├─ Stale          what the script saw is older than 1 s
│  └─ NeedsAPerson   only a person may do this: on a real device, or where a stop wants a reason
├─ Stopped        output is off and confirmed. `.cause`: who or what stopped it
├─ Fault          the device, the link or the controller failed; output is off and confirmed. `.cause`
└─ Uncertain      output could not be confirmed off. `.cable`: what to unplug or press
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from estim.platform.files import trouble
from estim.safety.errors import Problem


class SessionError(Exception):
    """Something about a session that its script must know. It goes through pickle: a pool's worker may raise it."""

    def __reduce__(self) -> tuple[Any, ...]:
        """By its text and what stands in it, whatever its class is made with."""
        return _again, (type(self), self.args), self.__dict__


def _again(kind: type[SessionError], words: tuple[object, ...]) -> SessionError:
    made = kind.__new__(kind)
    made.args = words
    return made


class Refused(SessionError):
    """Nothing was done.

    Attributes:
        problems: one document a reason, as `--json` prints them.
    """

    def __init__(self, message: str, problems: Sequence[Mapping[str, Any]] = ()) -> None:
        super().__init__(message)
        self.problems = [dict(problem) for problem in problems] or [
            Problem(severity="refuse", key="session", message=message, rule="session").to_json()
        ]


class AboveFound(Refused):
    """More was asked than the level that was found.

    Attributes:
        channel: its name. asked_ma, found_ma: in mA peak. rule: L16, or the limit that caps the level.
    """

    def __init__(self, channel: str, asked_ma: float, found_ma: float, rule: str = "L16") -> None:
        text = (
            f"{channel}: {asked_ma:.12g} mA was asked for, {found_ma:g} mA is the level that was found in this session "
            f"({rule}). Nothing was changed"
        )
        problem = Problem(
            severity="refuse",
            key=f"level.{channel}",
            message=text,
            asked=asked_ma,
            allowed=found_ma,
            unit="mA",
            layer="patient",
            rule=rule,
        )
        super().__init__(text, [problem.to_json()])
        self.channel, self.asked_ma, self.found_ma, self.rule = channel, asked_ma, found_ma, rule


class TooFast(Refused):
    """The next step up has to wait."""

    def __init__(self, channel: str, why: str, problems: Sequence[Mapping[str, Any]] = ()) -> None:
        super().__init__(f"{channel}: no step up now: {why}", problems)
        self.channel = channel


class Stale(Refused):
    """A raise on a picture older than 1 s."""


class NeedsAPerson(Refused):
    """Only a person may do this."""


class Stopped(SessionError):
    """The session was stopped by somebody or something else than the script's own `stop()`; output is off.

    Attributes:
        cause: e.g. `console-silent` (the script's loop stood still), `stop-patient`, `stop-key`.
    """

    def __init__(self, message: str, cause: str) -> None:
        super().__init__(message)
        self.cause = cause


class Fault(SessionError):
    """The device, its link or the controller failed; output is off and confirmed.

    Attributes:
        cause: the engine's word for it.
    """

    def __init__(self, message: str, cause: str) -> None:
        super().__init__(message)
        self.cause = cause


class Uncertain(SessionError):
    """Output could not be confirmed off: pull the cable, then look at the patient.

    Attributes:
        cause: the engine's word for it. cable: what to unplug or press, in order.
    """

    def __init__(self, message: str, cause: str, cable: str) -> None:
        super().__init__(message)
        self.cause, self.cable = cause, cable


def not_kept(error: OSError) -> Refused:
    """A home that can't be written to."""
    where = f"{error.filename}: " if error.filename else ""
    return Refused(f"{where}the session can't be kept there: {trouble(error)}")
