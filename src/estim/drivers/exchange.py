"""One command in flight: numbering, waiting, time-outs, late answers, and off ahead of everything. Shared by all
drivers. Pure.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

LATE_US = 2_000_000  # an answer that comes later than this belongs to nothing any more


@dataclass(slots=True)
class Call:
    """A command for the wire.

    Attributes:
        kind: what it is for, in the driver's own words (`update`, `status`, ...).
        command, data: number and data.
        seq: number of the submitted command it carries, or of the off that it serves; 0 for none.
        is_output: it sets the whole output, so that a newer one takes its place while it waits.
        has_answer: the device answers it (RehaStim2's InitAck and Watchdog are never answered).
        retries: how often it may be asked again when its answer came damaged, or not while connecting; questions alone.
        then: calls that follow it at once when it was accepted, before anything else.
        packet: number given when it went out.
        sent_us: when it went out.
        late: its answer came after something else had been sent.
        falls: an output in which a channel gets less than the device was told last.
        overtaken: a fall went ahead of it.
    """

    kind: str
    command: int
    data: bytes = b""
    seq: int = 0
    is_output: bool = False
    has_answer: bool = True
    retries: int = 0
    then: tuple[Call, ...] = ()
    packet: int = -1
    sent_us: int = 0
    late: bool = False
    falls: bool = False
    overtaken: bool = False


class Exchange:
    """The queue towards the device.

    Args:
        answer_us: how long an answer may take.
        packets: packet numbers count modulo this.
    """

    def __init__(self, *, answer_us: int, packets: int) -> None:
        self.answer_us = answer_us
        self._packets = packets
        self._packet = 0
        self._waiting: deque[Call] = deque()
        self._left: dict[int, Call] = {}  # sent and no longer waited for, by packet number
        self.flying: Call | None = None

    def put(self, call: Call) -> None:
        """At the end of the queue."""
        self._waiting.append(call)

    def put_first(self, call: Call) -> None:
        """Before all that waits."""
        self._waiting.appendleft(call)

    def put_question(self, call: Call) -> None:
        """Before all that waits but a fall."""
        call.overtaken = bool(self._waiting) and self._waiting[0].falls
        self._waiting.insert(int(call.overtaken), call)

    def put_output(self, call: Call) -> int:
        """A newer whole output takes the place of one that still waits; gives that one's number, 0 if there was none.

        Where it falls it also goes ahead of the questions right before it, of each once, so that none waits for ever.
        One that takes the place of a fall falls too: the device has not heard of that one.
        """
        replaced, place = 0, len(self._waiting)
        for index, waiting in enumerate(self._waiting):
            if waiting.is_output:
                replaced, place = waiting.seq, index
                call.falls = call.falls or waiting.falls
                del self._waiting[index]
                break
        while call.falls and place and (before := self._waiting[place - 1]).retries and not before.overtaken:
            before.overtaken = True
            place -= 1
        self._waiting.insert(place, call)
        return replaced

    @property
    def next_kind(self) -> str:
        """Kind of the call that goes out next; "" if none waits."""
        return self._waiting[0].kind if self._waiting else ""

    def is_waiting(self, kind: str) -> bool:
        """Whether a call of this kind waits or flies."""
        flying = self.flying
        return (flying is not None and flying.kind == kind) or any(call.kind == kind for call in self._waiting)

    def clear(self) -> list[int]:
        """Drop what waits and wait for nothing; gives the numbers of the outputs that were never sent."""
        dropped = [call.seq for call in self._waiting if call.is_output]
        self._waiting.clear()
        self._leave()
        return dropped

    def interrupt(self, call: Call) -> list[int]:
        """`call` goes next, whatever waits or flies; gives the numbers of the outputs that were never sent."""
        dropped = self.clear()
        self._waiting.append(call)
        return dropped

    def _leave(self) -> None:
        if self.flying is not None:
            self._left[self.flying.packet] = self.flying
            self.flying = None

    def next_out(self, now_us: int) -> Call | None:
        """The call to send now; None while an answer is awaited or nothing waits."""
        if self.flying is not None or not self._waiting:
            return None
        call = self._waiting.popleft()
        if call.packet < 0:  # an answer to the device keeps the device's number
            call.packet = self._packet
            self._packet = (self._packet + 1) % self._packets
        call.sent_us = now_us
        if call.has_answer:
            self._left.pop(call.packet, None)
            self.flying = call
        return call

    def answered(self, packet: int, command: int, now_us: int) -> Call | None:
        """The call that this answer belongs to (all devices answer `n` with `n + 1`); None for an answer to nothing."""
        call = self.flying
        if call is not None and call.packet == packet and call.command + 1 == command:
            self.flying = None
            return call
        left = self._left.get(packet)
        if left is not None and left.command + 1 == command and now_us - left.sent_us < LATE_US:
            del self._left[packet]
            left.late = True
            return left
        return None

    def failed(self) -> Call | None:
        """The call that a general error belongs to: whatever flies."""
        call, self.flying = self.flying, None
        return call

    def ask_again(self) -> bool:
        """The answer that is awaited came damaged: ask again if this is a question that may be."""
        call = self.flying
        return call is not None and self.repeat(call)

    def repeat(self, call: Call) -> bool:
        """Ask this question once more, under a new number, if it may be asked again."""
        if call.retries <= 0:
            return False
        self._leave()
        self._waiting.appendleft(Call(call.kind, call.command, call.data, retries=call.retries - 1))
        return True

    def overdue(self, now_us: int) -> Call | None:
        """The call whose answer did not come in time; it is waited for no longer."""
        call = self.flying
        if call is not None and now_us - call.sent_us >= self.answer_us:
            self._leave()
            return call
        return None

    def deadline_us(self) -> int | None:
        """When the answer that is awaited is overdue."""
        return self.flying.sent_us + self.answer_us if self.flying is not None else None
