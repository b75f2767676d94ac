"""What surrounds the controller of a world: a lead that the device may find in the air, lines of a front gone wrong."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator

from estim.controller.messages import Refused, decode_request, encode_request
from estim.session import events
from estim.session.events import Event
from firmware_sim.devices.load_port import OpenLoad
from firmware_sim.faults import Fault

BETWEEN_US = 40_000
ABSURD = (b"-1", b"0", b"1e309", b"999999999999", b"true", b"null", b'"2"', b"[]", b"-400", b"NaN")
_LINES = tuple(
    encode_request(request)
    for request in (
        events.Raise(id=7, channel=1, snapshot_n=3), events.Lower(id=7, percent=20), events.Start(id=7),
        events.Resume(id=7), events.Mark(id=7, channel=1, kind="motor"), events.Note(id=7, kind="note", fields={}),
        events.NextChannel(id=7), events.Arm(id=7),
    )
)  # fmt: skip


class FoundOpen(OpenLoad):
    """A lead in the air that notes when it is found."""

    def __init__(self, found: Callable[[int], None]) -> None:
        super().__init__()
        self._found = found

    def test_ohm(self, now_us: int) -> int:
        """Asked by a device that tests its electrodes."""
        self._found(now_us)
        return super().test_ohm(now_us)


def _type_of(line: bytes) -> str:
    """What a line says that it is: the `type` of one whole JSON object, "" for anything else."""
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        return ""
    return str(message.get("type", "")) if isinstance(message, dict) else ""


class OddLines:
    """Lines that no front writes, through the pipe's own reading: if they ask for anything, it is asked for.

    Args:
        invented: told of a line that is taken for what its own words do not say; a stop may be seen in anything.
    """

    def __init__(self, faults: tuple[Fault, ...], seed: int, invented: Callable[[str], object]) -> None:
        self._invented = invented
        self._spans = [fault for fault in faults if fault.kind == "odd-lines"]
        self._chance = random.Random(seed ^ 0x0DD)
        self._next_us = 0

    def heard(self, now_us: int) -> Iterator[Event]:
        """What the controller makes of the lines that came until now."""
        if now_us < self._next_us or not any(span.active(now_us) for span in self._spans):
            return
        self._next_us = now_us + BETWEEN_US
        line = self._line()
        request = decode_request(line)
        if isinstance(request, Refused):
            return
        if not isinstance(request, events.Stop) and _type_of(line) != type(request).__name__:
            self._invented(f"at {now_us / 1e6:.4f} s: {line!r} was taken for {type(request).__name__}")
        yield request

    def _line(self) -> bytes:
        chance = self._chance
        line = bytearray(chance.choice(_LINES))
        how = chance.randrange(4)
        if how == 0:
            return chance.randbytes(chance.randrange(1, 200))
        if how == 1:
            return bytes(line[: chance.randrange(1, len(line))])
        if how == 2:  # another value behind some colon
            colons = [at for at, byte in enumerate(line) if byte == ord(":")]
            at = chance.choice(colons[1:] or colons)
            end = min((line.find(stop, at) for stop in (b",", b"}") if line.find(stop, at) >= 0), default=len(line))
            return bytes(line[: at + 1] + chance.choice(ABSURD) + line[end:])
        line[chance.randrange(len(line))] = chance.randrange(256)
        return bytes(line)
