"""What is heard beside the stimulator: a simulated room, a bridge to sensors, an EMG stream; several at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Protocol

from estim.drivers.lsl import LslStream, check_lsl
from estim.drivers.side import SideChannel, check_side
from estim.safety.errors import UsageError, quoted
from estim.safety.reports import Report


class RoomPort(Protocol):
    """Says what happened, takes what is done; never waits."""

    def poll(self) -> Sequence[Report]:
        """What came in."""

    def send(self, message: object) -> None:
        """A message for the room."""

    def close(self) -> None:
        """Leave it. May be called twice."""


OPENERS: Mapping[str, Callable[[str], RoomPort]] = MappingProxyType({"socket": SideChannel, "lsl": LslStream})


class RoomPorts:
    """Several rooms as one."""

    def __init__(self, rooms: Sequence[RoomPort]) -> None:
        self._rooms = tuple(rooms)

    def poll(self) -> list[Report]:
        """What came in from any of them."""
        return [report for room in self._rooms for report in room.poll()]

    def send(self, message: object) -> None:
        """A message for all of them."""
        for room in self._rooms:
            room.send(message)

    def close(self) -> None:
        """Leave all of them."""
        for room in self._rooms:
            room.close()


def check_rooms(urls: str) -> None:
    """What can be known without opening anything.

    Raises:
        UsageError: not such an address, or what it needs is not installed.
    """
    for url in urls.split():
        kind = url.partition("://")[0]
        if kind not in OPENERS:
            raise UsageError(f"{quoted(url)}: socket://host:port, or lsl://NAME")
        if kind == "lsl":
            check_lsl(url)
        else:
            check_side(url)


def open_room(urls: str) -> RoomPort | None:
    """The rooms at these addresses, separated by spaces: `socket://host:port`, `lsl://NAME`; None for none.

    Raises:
        UsageError: not such an address, or what it needs is not installed.
        LinkLost: nobody answers there.
    """
    check_rooms(urls)
    rooms = [OPENERS[url.partition("://")[0]](url) for url in urls.split()]
    return rooms[0] if len(rooms) == 1 else RoomPorts(rooms) if rooms else None
