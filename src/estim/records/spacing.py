"""Sessions of one protocol in time: the pause that its file asks for, and how many a day."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from dataclasses import dataclass

from estim.protocols.schema import Protocol
from estim.records.clocks import day_began
from estim.safety.errors import Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """A session in which this patient had therapy.

    Attributes:
        protocol_sha256: digest of the file that was played.
        began, ended: aware times of the station.
        zone: that of the station then, as its chain has it.
    """

    protocol: str
    protocol_sha256: str
    began: datetime.datetime
    ended: datetime.datetime
    zone: str = ""


def too_early(protocol: Protocol, sha256: str, past: Iterable[Past], now: datetime.datetime) -> tuple[Problem, ...]:
    """What a session of `protocol` that begins now would break; each names the hour from which it is allowed.

    A session with a changed copy of the file is another protocol; what a muscle had counts in any case (L27).
    """
    mine = [one for one in past if one.protocol == protocol.id and one.protocol_sha256 == sha256]
    if not mine:
        return ()
    found = []
    pause_h = protocol.dose.min_hours_between
    latest = max(one.ended for one in mine)
    allowed = latest + datetime.timedelta(hours=pause_h)
    if pause_h and now < allowed:
        hours = max(0.0, (now - latest).total_seconds() / 3600)  # an end that nobody wrote down is dated at its latest
        found.append(
            _problem(
                "dose.min_hours_between",
                f"{protocol.id}: the last session ended {hours:.1f} h ago, at least {pause_h:g} h lie between two; "
                f"allowed from {allowed:%Y-%m-%d %H:%M}",
                asked=round(hours, 2),
                allowed=pause_h,
                unit="h",
                rule="pause",
            )
        )
    midnight = day_began(now)
    today = sum(one.began >= day_began(now, one.zone) for one in mine)
    most = protocol.dose.sessions_per_day * protocol.dose.blocks_per_session
    if today >= most and not protocol.dose.as_needed:
        tomorrow = midnight + datetime.timedelta(days=1)
        found.append(
            _problem(
                "dose.sessions_per_day",
                f"{protocol.id}: {today} of {most} sessions of today were given; the next is allowed from "
                f"{tomorrow:%Y-%m-%d %H:%M}",
                asked=today + 1,
                allowed=most,
                unit="",
                rule="sessions-a-day",
            )
        )
    return tuple(found)


def _problem(key: str, message: str, *, asked: float, allowed: float, unit: str, rule: str) -> Problem:
    return Problem(
        severity="refuse",
        key=key,
        message=f"{message}, or now with a reason (--early TEXT)",
        asked=asked,
        allowed=allowed,
        unit=unit,
        layer="protocol",
        rule=rule,
        source="dose of the file",
    )
