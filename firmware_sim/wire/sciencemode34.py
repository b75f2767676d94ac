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
# One escape-aware expression: a byte after 81 is data whatever it looks like; an unescaped F0 begins anew.
_FRAME = re.compile(rb"\xf0((?:\x81.|[^\xf0\x0f\x81])*)\x0f", re.DOTALL)
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
    """Cuts the incoming stream into frames; a START within a frame begins it anew; noise between frames is dropped."""

    def __init__(self) -> None:
        self._pending = b""

    def feed(self, data: bytes) -> list[Frame | Unreadable]:
        """Take `data`, give every frame that is complete."""
        stream = self._pending + data
        found: list[Frame | Unreadable] = []
        end = 0
        for match in _FRAME.finditer(stream):
            end = match.end()
            if end - match.start() <= MAX_FRAME:
                found.append(self._open(match[1]))
        rest = stream[end:]
        start = rest.find(b"\xf0")
        self._pending = rest[start:] if start >= 0 and len(rest) - start <= MAX_FRAME else b""
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
