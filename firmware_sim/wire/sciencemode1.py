"""ScienceMode 1 (RehaStim 1, MotionStim 8) as the device sees it: commands out of bytes, one answer byte each.

The first byte of a command has bit 7 set and all others have it clear, so there is no escape, no length and no end: a
byte with bit 7 begins a new command, and an unfinished one is dropped.
"""

from __future__ import annotations

from dataclasses import dataclass

INIT, UPDATE, STOP, SINGLE = 0, 1, 2, 3  # bits 6 and 5 of the first byte, bits 7 and 6 of the answer
LENGTHS = {INIT: 6, STOP: 1, SINGLE: 4}


@dataclass(frozen=True, slots=True)
class Command:
    """A whole command: its number, the check in its first byte, that byte's last two bits, and the bytes behind it."""

    kind: int
    check: int
    rest: bytes


@dataclass(frozen=True, slots=True)
class ListInit:
    """A channel list. Times in units of 0.5 ms, as on the wire."""

    channels: tuple[int, ...]
    low: frozenset[int]
    factor: int
    group: int
    main: int
    total: int  # what the check is made of


@dataclass(frozen=True, slots=True)
class Train:
    """What a channel plays in a pass: 0 single, 1 doublet, 2 triplet."""

    mode: int
    width_us: int
    current_ma: int


def answer(kind: int, *, ok: bool) -> bytes:
    """The one byte that the device says."""
    return bytes((kind << 6 | ok,))


class Reader:
    """Cuts the incoming bytes into commands.

    Attributes:
        channels: how many channels an update is for: those of the list; 0 while there is none.
    """

    def __init__(self) -> None:
        self.channels = 0
        self._begun = bytearray()

    def take(self, byte: int) -> Command | None:
        """One byte; the command that it completes."""
        if byte & 0x80:
            self._begun = bytearray((byte,))
        elif self._begun:
            self._begun.append(byte)
        else:
            return None  # outside any command
        first = self._begun[0]
        kind = first >> 5 & 3
        if len(self._begun) < LENGTHS.get(kind, 1 + 3 * self.channels):
            return None
        rest, self._begun = bytes(self._begun[1:]), bytearray()
        return Command(kind, first >> 2 & 7 if kind == INIT else first & 31, bytes((first & 3,)) + rest)


def read_init(command: Command, *, x_in_sum: bool = False) -> ListInit | None:
    """The list of an init command; None where its check or a value is wrong.

    Args:
        x_in_sum: count the two bits without a meaning into the check, as one public client does.
    """
    head, (b2, b3, b4, b5, b6) = command.rest[0], command.rest[1:]
    factor = head << 1 | b2 >> 6
    active = (b2 & 0x3F) << 2 | b3 >> 5
    low = (b3 & 0x1F) << 3 | b4 >> 4
    extra = b4 >> 2 & 3
    group = (b4 & 3) << 3 | b5 >> 4
    main = (b5 & 0x0F) << 7 | b6
    total = factor + active + low + group + main + (extra if x_in_sum else 0)
    if total % 8 != command.check or not active:
        return None
    channels = tuple(bit + 1 for bit in range(8) if active >> bit & 1)
    slow = frozenset(bit + 1 for bit in range(8) if low & active & 1 << bit)
    return ListInit(channels, slow, factor, group, main, total)


def read_update(command: Command, channels: tuple[int, ...]) -> dict[int, Train] | None:
    """Channel to train; None where there is no list, or the check or a value is wrong."""
    trains = {
        channel: _train(command.rest[at], command.rest[at + 1], command.rest[at + 2])
        for channel, at in zip(channels, range(1, len(command.rest), 3), strict=True)
    }
    total = sum(train.mode + train.width_us + train.current_ma for train in trains.values())
    good = all(train.mode < 3 and _playable(train.width_us) for train in trains.values())
    return trains if trains and good and total % 32 == command.check else None


def read_single(command: Command) -> tuple[int, Train] | None:
    """Channel and pulse of a single pulse command; None where its check or its width is wrong."""
    number = command.rest[1] >> 4 & 7
    train = _train(command.rest[1] & 3, command.rest[2], command.rest[3])
    if (number + train.width_us + train.current_ma) % 32 != command.check or not _playable(train.width_us):
        return None
    return number + 1, train


def _train(first: int, second: int, third: int) -> Train:
    return Train(first >> 5 & 3, (first & 3) << 7 | second, third)


def _playable(width_us: int) -> bool:
    """0, or 10 to 500 µs: one table of the document says 20, the others 10."""
    return width_us == 0 or 10 <= width_us <= 500
