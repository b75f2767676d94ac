"""Who is let in: a PIN is asked once, a wrong one leaves a line, and too many of them wait, whichever process asks."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from estim.platform.clocks import boot_us
from estim.records.administrators import is_pin, must_answer
from estim.records.clocks import boot_id, moment_of
from estim.records.home import Home
from estim.records.operators import LOCKED_S, WRONG_MAX, Operator, fits
from estim.records.station import enter_station, station_lines
from estim.safety.errors import RecordError

PIN_DAYS, PIN_DAYS_MAX, AGELESS = "pin-days", 3_660, 1_000_000
LET_WITH_AN_OLD_PIN = ("pin", "sign")  # a new one; and what was begun with it is signed
UNKNOWN = "unknown"  # what was typed may be a PIN in the wrong field: it is not written down


def admit(
    home: Home, known: Mapping[str, Operator], name: str, pin: str, roles: tuple[str, ...], what: str
) -> Operator:
    """The operator, if PIN and role are right.

    Args:
        what: what was asked for, for the line that a refusal leaves.

    Raises:
        RecordError: why not; an unknown operator and a wrong PIN are told alike.
    """
    asked = wait_after_guesses(home.root, name, known=name in known)
    operator = known.get(name)
    if operator is None or not operator.active or not fits(operator, pin):
        refuse_guess(home.root, name, what, known=name in known)
        raise RecordError(f"operator {name}: this operator with this PIN is not known here")
    if operator.role not in roles:
        enter_station(home.root, "sign-in-refused", operator=asked, what=what, reason=f"role {operator.role}")
        raise RecordError(f"operator {name}: {operator.role}s may not do this; needed is {' or '.join(roles)}")
    days = pin_days(station_lines(home.root))
    if days and what not in LET_WITH_AN_OLD_PIN and _age_days(operator) >= days:
        enter_station(home.root, "sign-in-refused", operator=asked, what=what, reason="the PIN is too old")
        raise RecordError(
            f"operator {name}: PINs are changed every {days} days here; set a new one: `estim operators pin {name}`"
        )
    return operator


def open_operators(home: Home, name: str, pin: str) -> None:
    """The operators' file is not to be believed: one of the administrators whom its last chained line names opens it.

    Raises:
        RecordError: the PIN is not that of an administrator; the try leaves a line, and many of them wait.
    """
    named = must_answer(home.root)
    wait_after_guesses(home.root, name, known=name in named)
    if not is_pin(home.root, name, pin):
        refuse_guess(home.root, name, "accept", known=name in named)
        raise RecordError(f"operator {name}: the PIN of an administrator of this register opens it: {', '.join(named)}")


def wait_after_guesses(home: Path, name: str, *, known: bool) -> str:
    """Who asks, as the chain has it.

    Raises:
        RecordError: too many wrong PINs: how long to wait.
    """
    asked = name if known else UNKNOWN
    left_s = _locked_s(station_lines(home), asked)
    if left_s > 0:
        raise RecordError(f"operator {name}: {WRONG_MAX} wrong PINs; next try in {left_s:.0f} s")
    return asked


def refuse_guess(home: Path, name: str, what: str, *, known: bool) -> None:
    """The line that a wrong PIN leaves."""
    asked = name if known else UNKNOWN
    enter_station(home, "sign-in-refused", operator=asked, what=what, reason="wrong operator or PIN")


def pin_days(lines: tuple[Mapping[str, Any], ...]) -> int:
    """After how many days a PIN must be changed, as the last rule says; 0 for never."""
    return next((int(e["value"]) for e in reversed(lines) if e["event"] == "rule" and e["what"] == PIN_DAYS), 0)


def _age_days(operator: Operator) -> int:
    """Since its PIN was set; one of an unknown day is as old as can be, and so is one of a day to come."""
    try:
        age = (datetime.datetime.now().astimezone().date() - datetime.date.fromisoformat(operator.pin_set)).days
    except ValueError:
        return AGELESS
    return age if age >= 0 else AGELESS


def _locked_s(lines: tuple[Mapping[str, Any], ...], asked: str) -> float:
    """How long this operator must still wait: five refusals in a row within a minute lock for a minute.

    Time since boot decides, where it is the same boot: a clock that is set opens nothing.
    """
    now, here, started = datetime.datetime.now(datetime.UTC), boot_us(), boot_id()
    ages: list[float] = []
    for entry in reversed(lines):
        if entry["event"] != "sign-in-refused" or entry.get("operator") != asked:
            continue
        moment = moment_of(entry)
        if started and entry.get("boot_id") == started:
            ages.append((here - int(entry["boot_us"])) / 1e6)
        elif moment is not None:
            ages.append(abs((now - moment).total_seconds()))
        if len(ages) == WRONG_MAX:
            return LOCKED_S - ages[0] if ages[-1] - ages[0] < LOCKED_S else 0.0
    return 0.0


def is_administrator(known: Mapping[str, Operator], operator: Operator) -> bool:
    """Whether this operator may change others. A register without any active administrator is everybody's who is in
    it: homes made before there were administrators.
    """
    return operator.administrator or not any(one.administrator and one.active for one in known.values())
