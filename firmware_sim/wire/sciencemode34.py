"""ScienceMode3/4 framing as the device sees it: bytes in, whole frames or what was wrong with them out; answers out.

Written from the wire document alone; the driver in `estim` was written a second time, so the two can check each other.
"""

from __future__ import annotations

import binascii
import re
from dataclasses import dataclass

START, STOP, STUFF, KEY = 0xF0, 0x0F, 0x81, 0x55
MAX_FRAME = 1200
_HEADER = 8  # 81 LL 81 LL 81 CC 81 CC
# What may stand within a frame, up to the next unescaped START or STOP; possessive, so that no byte is tried
# twice. A byte after 81 is data whatever it looks like.
_INNER = re.compile(rb"(?:[^\xf0\x0f\x81]++|\x81.)*+", re.DOTALL)
_INNER_TO_STOP = re.compile(rb"(?:[^\x0f\x81]++|\x81.)*+", re.DOTALL)
_ESCAPED = re.compile(rb"\x81(.)", re.DOTALL)
_TO_ESCAPE = re.compile(rb"[\xf0\x0f\x81]")


def _unstuff(data: bytes) -> bytes:
    return _ESCAPED.sub(lambda match: bytes((match[1][0] ^ KEY,)), data) if STUFF in data else data


def _stuff(data: bytes) -> bytes:
    return _TO_ESCAPE.sub(lambda match: bytes((STUFF, match[0][0] ^ KEY)), data)


def _escaped_word(value: int) -> bytes:
    return bytes((STUFF, (value >> 8) ^ KEY, STUFF, (value & 0xFF) ^ KEY))


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame as received. `intact` is False when its length or CRC does not fit what arrived."""

    packet: int
    command: int
    data: bytes
    intact: bool


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Something between F0 and 0F that is too short to hold a command."""

    raw: bytes


def build(packet: int, command: int, data: bytes) -> bytes:
    """An answer as it goes onto the wire."""
    prefix = bytes(((packet & 0x3F) << 2 | command >> 8, command & 0xFF))
    body = _stuff(prefix + data)
    checksum = binascii.crc_hqx(body, 0)
    return b"\xf0" + _escaped_word(len(body) + 10) + _escaped_word(checksum) + body + b"\x0f"


class Reader:
    """Cuts the incoming stream into frames; noise between frames is dropped, so is a frame without an end.

    Args:
        restarts: a START within a frame begins it anew. False is the maker's receive buffer, which takes everything up
            to the next STOP for one frame and loses a good one that begins in it.
    """

    def __init__(self, *, restarts: bool = True) -> None:
        self._pending = b""
        self._seen = 0  # of what is pending: known to hold no end; not looked at again with each byte that comes
        self._inner = _INNER if restarts else _INNER_TO_STOP

    def feed(self, data: bytes) -> list[Frame | Unreadable]:
        """Take `data`, give every frame that is complete."""
        stream, at = self._pending + data, 0
        seen, self._seen = self._seen, 0
        found: list[Frame | Unreadable] = []
        while (start := stream.find(b"\xf0", at)) >= 0:
            inner = self._inner.match(stream, max(start + 1, seen), start + MAX_FRAME)
            stop = inner.end() if inner is not None else start + 1
            open_end = stop >= len(stream) or stream[stop] == STUFF
            if stop >= start + MAX_FRAME or (open_end and len(stream) - start >= MAX_FRAME):
                at = start + MAX_FRAME  # it can't become a frame any more; what begins behind it may
                continue
            if open_end:
                self._pending, self._seen = stream[start:], stop - start
                return found
            at = stop
            if stream[stop] != 0x0F:
                continue  # an unescaped START
            at = stop + 1
            found.append(self._open(stream[start + 1 : stop]))
        self._pending = b""
        return found

    @staticmethod
    def _open(inner: bytes) -> Frame | Unreadable:
        header, body = inner[:_HEADER], inner[_HEADER:]
        escaped = len(header) == _HEADER and header[0] == header[2] == header[4] == header[6] == STUFF
        plain = _unstuff(body) if escaped else _unstuff(inner)[4:]
        if len(plain) < 2:
            return Unreadable(inner)
        length = (header[1] ^ KEY) << 8 | header[3] ^ KEY if escaped else -1
        checksum = (header[5] ^ KEY) << 8 | header[7] ^ KEY if escaped else -1
        intact = length == len(inner) + 2 and checksum == binascii.crc_hqx(body, 0)
        return Frame(plain[0] >> 2, (plain[0] & 3) << 8 | plain[1], plain[2:], intact)
