"""The side channel: JSON lines to and from a simulated room (or a bridge to sensors). Never needed by a driver.

```
room → us   {"type": "emg", "t0_us", "rate_hz", "samples_uv": [..]}      {"type": "patient-switch", "pressed"}
            {"type": "says", "sensation", "text"}                        {"type": "sensor", "name"}
            {"type": "practice", "channel", "force_n", "force_percent", "fatigue", "comfort"}
            {"type": "crank", "deg"}           {"type": "evoked", "channel", "percent_mvic"}
us → room   {"type": "pad", ...}  {"type": "effort", ...}
```
It never waits: what does not go out at once goes later, and a room that takes nothing any more is let go.
"""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from estim.drivers.socket_link import SocketLink
from estim.protocols.unseen import shown
from estim.safety.errors import LinkLost, UsageError, quoted
from estim.safety.reports import (
    CrankAngle,
    EmgSamples,
    EvokedForce,
    Noise,
    PatientSays,
    PatientSwitch,
    PracticeState,
    Report,
    SensorEvent,
)
from estim.safety.units import Micros

_URL = re.compile(r"^socket://([^:/]+):([0-9]{1,5})$")
_SWITCH = re.compile(rb'"type"\s*:\s*"patient-switch')
LINE_MAX = 1 << 16
PORT_MAX = 65_535
OUT_MAX = 1 << 16
READS_MAX = 16  # of 4 kB in one turn, so that a flood can't hold up the loop
SAMPLES_MAX = 10_000
PRESSES_MAX = 1_000
TEXT_MAX = 200  # letters of what a patient says
MICROS_MAX = (1 << 53) - 1  # what a record can hold
UV_MAX, RATE_HZ_MAX, CHANNEL_MAX, NUMBER_MAX = 1_000_000_000, 1_000_000, 64, 1_000_000_000
PERCENT_MVIC_MAX = 200  # a muscle pulls no harder than that: a larger number is a wrong unit


# So many of a kind in a second change something for a session; more change nothing (EMG comes in batches, a crank
# turns at most 200 times a minute in steps of 20 ms). A press of the patient's switch is a stop and is never left out.
RATE_MAX: Mapping[type[Report], int] = MappingProxyType(
    {
        EmgSamples: 100,
        PracticeState: 50,
        EvokedForce: 100,
        PatientSays: 2,
        CrankAngle: 100,
        SensorEvent: 50,
        PatientSwitch: 20,
    }
)
WINDOW_S = 1.0


class RateCap:
    """Lets of each kind of message through what is useful, and counts the rest.

    Args:
        clock: seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._since = clock()
        self._seen: Counter[type[Report]] = Counter()
        self._left_out: Counter[type[Report]] = Counter()

    def let_in(self, reports: list[Report]) -> list[Report]:
        """Those that count; once a second, one report of how many were left out."""
        kept: list[Report] = []
        if self._clock() - self._since > WINDOW_S:
            self._since = self._clock()
            self._seen.clear()
            if self._left_out:
                told = ", ".join(f"{number} of {kind.__name__}" for kind, number in self._left_out.items())
                kept.append(Noise(count=0, text=f"a bridge talks too fast; left out: {told}"))
                self._left_out.clear()
        for report in reports:
            kind = type(report)
            self._seen[kind] += 1
            pressed = isinstance(report, PatientSwitch) and report.pressed
            if self._seen[kind] <= RATE_MAX.get(kind, 50) or (pressed and self._seen[kind] < PRESSES_MAX):
                kept.append(report)
            else:
                self._left_out[kind] += 1
        return kept


def check_side(url: str) -> tuple[str, int]:
    """Host and port of a bridge's address.

    Raises:
        UsageError: it is none.
    """
    match = _URL.match(url)
    if match is None or int(match[2]) > PORT_MAX:
        raise UsageError(f"side channel {quoted(url)}: socket://host:port, the port from 0 to {PORT_MAX}")
    return match[1], int(match[2])


class SideChannel:
    """A room at `socket://host:port`. A room that goes away says nothing more; it is not part of the lease.

    Attributes:
        ignored: lines that meant nothing.

    Raises:
        UsageError: not such an address.
        LinkLost: nobody answers there.
    """

    def __init__(self, url: str) -> None:
        self._link: SocketLink | None = SocketLink(*check_side(url))
        self._tail = b""
        self._out = b""
        self.ignored = 0
        self._cap = RateCap()

    @property
    def is_open(self) -> bool:
        """The room is still there."""
        return self._link is not None

    def poll(self) -> list[Report]:
        """What came in; lines that mean nothing are counted and left out."""
        self._flush()
        reports: list[Report] = []
        for _ in range(READS_MAX):
            data = self._read()
            if not data:
                break
            *lines, self._tail = (self._tail + data).split(b"\n")
            if len(self._tail) > LINE_MAX:
                lines.append(self._tail)
                self._tail = b""
            for line in lines:
                report = parse_line(line)
                if report is None:
                    self.ignored += 1
                else:
                    reports.append(report)
        return self._cap.let_in(reports)

    def send(self, message: object) -> None:
        """A message for the room."""
        line = json.dumps(message).encode("utf-8") + b"\n"
        if len(self._out) + len(line) > OUT_MAX:
            self.close()  # it has not read for a long time
        self._out += line
        self._flush()

    def close(self) -> None:
        """Leave the room. May be called twice."""
        if self._link is not None:
            self._link.close()
            self._link = None

    def _read(self) -> bytes:
        if self._link is None:
            return b""
        try:
            return self._link.read()
        except LinkLost:
            self.close()
            return b""

    def _flush(self) -> None:
        if self._link is None:
            self._out = b""
        elif self._out:
            try:
                self._out = self._out[self._link.offer(self._out) :]
            except LinkLost:
                self.close()


def _emg(message: dict[str, Any]) -> EmgSamples:
    samples = message["samples_uv"]
    if not isinstance(samples, list) or len(samples) > SAMPLES_MAX:
        raise ValueError("samples_uv")
    values_uv = tuple(int(_number(value)) for value in samples)
    if values_uv and not -UV_MAX <= min(values_uv) <= max(values_uv) <= UV_MAX:
        raise ValueError("samples_uv")
    return EmgSamples(
        t0_us=Micros(_whole(message, "t0_us", -MICROS_MAX, MICROS_MAX)),
        rate_hz=_whole(message, "rate_hz", 1, RATE_HZ_MAX),
        samples_uv=values_uv,
    )


def _practice(message: dict[str, Any]) -> PracticeState:
    return PracticeState(
        channel=_whole(message, "channel", 1, CHANNEL_MAX),
        force_n=_whole(message, "force_n"),
        force_percent=_whole(message, "force_percent"),
        fatigue_percent=_whole(message, "fatigue"),
        comfort=_whole(message, "comfort"),
    )


def _evoked(message: dict[str, Any]) -> EvokedForce:
    percent = round(_number(message["percent_mvic"]))
    if not 0 <= percent <= PERCENT_MVIC_MAX:
        raise ValueError("percent_mvic")
    return EvokedForce(channel=_whole(message, "channel", 1, CHANNEL_MAX), percent_mvic=percent)


_MAKERS: Mapping[str, Callable[[dict[str, Any]], Report]] = MappingProxyType(
    {
        "emg": _emg,
        "practice": _practice,
        "evoked": _evoked,
        "says": lambda message: PatientSays(sensation=_text(message, "sensation"), text=_text(message, "text")),
        "crank": lambda message: CrankAngle(deg=int(_number(message["deg"])) % 360),
        "sensor": lambda message: SensorEvent(name=_text(message, "name")),
    }
)


def _number(value: object) -> float:
    """A number of the message, and no word or truth that Python would take for one."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{str(value)[:40]!r} is no number")
    return value


def _whole(message: dict[str, Any], key: str, low: int = -NUMBER_MAX, high: int = NUMBER_MAX) -> int:
    number = int(_number(message[key]))
    if not low <= number <= high:
        raise ValueError(key)
    return number


def _text(message: dict[str, Any], key: str) -> str:
    return shown(str(message[key])[:TEXT_MAX])


def _is_pressed(line: bytes) -> bool:
    """A line of the patient's switch is a press, whatever is wrong with it, but where it says that it was let go."""
    try:
        return json.loads(line)["pressed"] not in {False}
    except (ValueError, KeyError, TypeError, RecursionError):
        return True


def parse_line(line: bytes) -> Report | None:
    """The report in one line; None if it is none."""
    if _SWITCH.search(line):
        return PatientSwitch(pressed=_is_pressed(line))
    try:
        message = json.loads(line)
        if message["type"] == "patient-switch":  # spelled in another way that JSON allows
            return PatientSwitch(pressed=_is_pressed(line))
        return _MAKERS[message["type"]](message)
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return None
