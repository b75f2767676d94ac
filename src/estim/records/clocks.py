"""What this computer's clocks say: wall time, time since boot with sleep counted, and which boot it is."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from estim.platform.clocks import boot_us

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")  # Linux; elsewhere the moment of the boot stands for it


@cache
def boot_id() -> str:
    """Which boot this is; "" where the system does not tell."""
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""


def now_stamp() -> dict[str, object]:
    """For a line of a chain."""
    zone = datetime.datetime.now().astimezone().strftime("%z")
    utc = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
    return {"utc": utc, "boot_us": boot_us(), "boot_id": boot_id(), "zone": zone}


def moment_of(stamp: Mapping[str, Any]) -> datetime.datetime | None:
    """The wall time that a line says; None where it says none."""
    try:
        moment = datetime.datetime.fromisoformat(str(stamp["utc"]))
    except (KeyError, ValueError):
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=datetime.UTC)


def as_of_now(
    stamp: Mapping[str, Any], now: datetime.datetime, *, now_boot_us: int, now_boot_id: str
) -> datetime.datetime | None:
    """When a line of this same boot was written, by the present wall clock; None for another boot's.

    Time since boot can't be set by anybody: a wall clock that was put right since then moves the line along.
    """
    said = stamp.get("boot_us")
    if not now_boot_id or stamp.get("boot_id") != now_boot_id or type(said) is not int or said > now_boot_us:
        return None
    return now - datetime.timedelta(microseconds=now_boot_us - said)


def offset_of(zone: object) -> datetime.timedelta | None:
    """How far a zone as `now_stamp` writes it lies from UTC; None where it is none."""
    try:
        return datetime.datetime.strptime(str(zone), "%z").utcoffset()
    except ValueError:
        return None


def day_began(now: datetime.datetime, zone: object = "") -> datetime.datetime:
    """When the calendar day began: in the present zone, and in the one in which a session was written, whichever is
    earlier. A session counts until both have a new day: whoever sets another time zone has no fresh day by that.
    """
    here = now.replace(hour=0, minute=0, second=0, microsecond=0)
    offset = offset_of(zone)
    if offset is None:
        return here
    there = now.astimezone(datetime.timezone(offset)).replace(hour=0, minute=0, second=0, microsecond=0)
    return min(here, there)


def milliseconds(utc: str) -> int:
    """Milliseconds since 1970 of an ISO 8601 time; 0 where it is none."""
    try:
        moment = datetime.datetime.fromisoformat(utc)
    except ValueError:
        return 0
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=datetime.UTC)
    return int(moment.timestamp() * 1_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """The present moment, by each of this computer's clocks."""

    now: datetime.datetime
    boot_us: int
    boot_id: str

    @classmethod
    def system(cls, now: datetime.datetime | None = None) -> Clock:
        """As the system has it; of a moment that is given nobody knows which boot it belongs to."""
        if now is not None:
            return cls(now=now, boot_us=0, boot_id="")
        return cls(now=datetime.datetime.now().astimezone(), boot_us=boot_us(), boot_id=boot_id())

    @property
    def midnight(self) -> datetime.datetime:
        """The beginning of the station's calendar day."""
        return day_began(self.now)
