"""ScienceMode2 framing (RehaStim2) as the device sees it."""

from __future__ import annotations

import re
from dataclasses import dataclass

STUFF, KEY = 0x81, 0x55
MAX_FRAME = 256
# What may stand within a frame, up to the next unescaped START or STOP; possessive, so that no byte is tried
# twice. A byte after 81 is data whatever it looks like.
_INNER = re.compile(rb"(?:[^\xf0\x0f\x81]++|\x81.)*+", re.DOTALL)
_INNER_TO_STOP = re.compile(rb"(?:[^\x0f\x81]++|\x81.)*+", re.DOTALL)
_ESCAPED = re.compile(rb"\x81(.)", re.DOTALL)
_TO_ESCAPE = re.compile(rb"[\xf0\x0f\x81]")
_HEADER = 4  # 81 CC 81 LL


def checksum(data: bytes) -> int:
    """CRC-8 with polynomial 07, as CRC-8/SMBUS."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1) & 0xFF ^ (0x07 if crc & 0x80 else 0)
    return crc


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame as received. `intact` is False when its length or checksum does not fit what arrived."""

    packet: int
    command: int
    data: bytes
    intact: bool


def build(packet: int, command: int, data: bytes = b"") -> bytes:
    """A frame from the device."""
    body = _TO_ESCAPE.sub(lambda match: bytes((STUFF, match[0][0] ^ KEY)), bytes((packet, command)) + data)
    return b"\xf0" + bytes((STUFF, checksum(body) ^ KEY, STUFF, len(body) ^ KEY)) + body + b"\x0f"


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

    def feed(self, data: bytes) -> list[Frame]:
        """Take `data`, give every frame that is complete."""
        stream, at = self._pending + data, 0
        seen, self._seen = self._seen, 0
        found: list[Frame] = []
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
            frame = self._open(stream[start + 1 : stop])
            if frame is not None:
                found.append(frame)
        self._pending = b""
        return found

    @staticmethod
    def _open(inner: bytes) -> Frame | None:
        header, body = inner[:_HEADER], inner[_HEADER:]
        if len(header) < _HEADER or header[0] != STUFF or header[2] != STUFF:
            return None
        plain = _ESCAPED.sub(lambda match: bytes((match[1][0] ^ KEY,)), body)
        if len(plain) < 2:  # packet number and command
            return None
        intact = header[1] ^ KEY == checksum(body) and header[3] ^ KEY == len(body)
        return Frame(plain[0], plain[1], plain[2:], intact)
