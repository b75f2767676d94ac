"""One command in flight: numbering, waiting, time-outs, and off ahead of everything. Shared by all drivers. Pure."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass


@dataclass(slots=True)
class Call:
    """A command for the wire.

    Attributes:
        kind: what it is for, in the driver's own words (`update`, `status`, ...).
        command, data: number and data.
        seq: number of the submitted command it carries, 0 for none.
        packet: number given when it went out.
        sent_us: when it went out.
    """

    kind: str
    command: int
    data: bytes = b""
    seq: int = 0
    packet: int = -1
    sent_us: int = 0


class Exchange:
    """The queue towards the device.

    Args:
        answer_us: how long an answer may take.
        packets: packet numbers count modulo this.
    """

    def __init__(self, *, answer_us: int, packets: int, first_packet: int = 0) -> None:
        self.answer_us = answer_us
        self._packets = packets
        self._packet = first_packet
        self.waiting: deque[Call] = deque()
        self.flying: Call | None = None

    def put(self, call: Call) -> None:
        """At the end of the queue."""
        self.waiting.append(call)

    def replace_update(self, call: Call) -> int:
        """A newer whole output takes the place of one that still waits; gives that one's number, 0 if there was
        none.
        """
        for index, waiting in enumerate(self.waiting):
            if waiting.kind == call.kind:
                self.waiting[index] = call
                return waiting.seq
        self.waiting.append(call)
        return 0

    def interrupt(self, call: Call) -> list[int]:
        """`call` goes next, whatever waits or flies; gives the numbers of the commands that were dropped."""
        dropped = [waiting.seq for waiting in self.waiting if waiting.seq]
        if self.flying is not None and self.flying.seq and self.flying.kind == "update":
            dropped.append(self.flying.seq)
        self.waiting.clear()
        self.waiting.append(call)
        self.flying = None
        return dropped

    def next_out(self, now_us: int) -> Call | None:
        """The call to send now; None while an answer is awaited or nothing waits."""
        if self.flying is not None or not self.waiting:
            return None
        call = self.waiting.popleft()
        call.packet, call.sent_us = self._packet, now_us
        self._packet = (self._packet + 1) % self._packets
        self.flying = call
        return call

    def answered(self, packet: int, command: int) -> Call | None:
        """The call that this answer belongs to; None for an answer to nothing that flies (late, or from before)."""
        call = self.flying
        if call is None or call.packet != packet or call.command + 1 != command:
            return None
        self.flying = None
        return call

    def overdue(self, now_us: int) -> Call | None:
        """The call whose answer did not come in time; it flies no longer."""
        call = self.flying
        if call is not None and now_us - call.sent_us >= self.answer_us:
            self.flying = None
            return call
        return None

    def deadline_us(self) -> int | None:
        """When the answer that is awaited is overdue."""
        return self.flying.sent_us + self.answer_us if self.flying is not None else None
