"""The side channel: JSON lines to and from a simulated room (or a bridge to sensors). Never needed by a driver."""

from __future__ import annotations

import json
import re
from typing import Any

from estim.drivers.socket_link import SocketLink
from estim.safety.errors import LinkLost, UsageError
from estim.safety.reports import EmgSamples, PatientSays, PatientSwitch, PracticeState, Report, SensorEvent
from estim.safety.units import Micros

_URL = re.compile(r"^socket://([^:/]+):(\d+)$")
_TAIL_MAX = 1 << 20


class SideChannel:
    """A room at `socket://host:port`. A room that goes away says nothing more; it is not part of the lease.

    Raises:
        UsageError: not such an address.
        LinkLost: nobody answers there.
    """

    def __init__(self, url: str) -> None:
        match = _URL.match(url)
        if match is None:
            raise UsageError(f"side channel {url!r}: socket://host:port")
        self._link: SocketLink | None = SocketLink(match[1], int(match[2]))
        self._tail = b""

    def poll(self) -> list[Report]:
        """What came in; lines that mean nothing are left out."""
        if self._link is None:
            return []
        try:
            data = self._link.read()
        except LinkLost:
            self._link.close()
            self._link = None
            return []
        if not data:
            return []
        *lines, self._tail = (self._tail + data).split(b"\n")
        self._tail = b"" if len(self._tail) > _TAIL_MAX else self._tail
        reports = (_report(line) for line in lines)
        return [report for report in reports if report is not None]

    def send(self, message: object) -> None:
        """A message for the room."""
        if self._link is not None:
            try:
                self._link.write(json.dumps(message).encode("utf-8") + b"\n")
            except LinkLost:
                self._link.close()
                self._link = None


def _report(line: bytes) -> Report | None:
    try:
        message: dict[str, Any] = json.loads(line)
        kind = message["type"]
        if kind == "emg":
            return EmgSamples(
                t0_us=Micros(int(message["t0_us"])),
                rate_hz=int(message["rate_hz"]),
                samples_uv=tuple(int(value) for value in message["samples_uv"]),
            )
        if kind == "patient-switch":
            return PatientSwitch(pressed=bool(message["pressed"]))
        if kind == "says":
            return PatientSays(sensation=str(message["sensation"]), text=str(message["text"]))
        if kind == "sensor":
            return SensorEvent(name=str(message["name"]))
        if kind == "practice":
            return PracticeState(
                channel=int(message["channel"]),
                force_n=int(message["force_n"]),
                force_percent=int(message["force_percent"]),
                fatigue_percent=int(message["fatigue"]),
                comfort=int(message["comfort"]),
            )
    except (ValueError, KeyError, TypeError):
        return None
    return None
