"""ScienceMode2 framing (RehaStim2) as the device sees it."""

from __future__ import annotations

import re
from dataclasses import dataclass

STUFF, KEY = 0x81, 0x55
MAX_FRAME = 256
_FRAME = re.compile(rb"\xf0((?:\x81.|[^\xf0\x0f\x81])*)\x0f", re.DOTALL)
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
    """Cuts the incoming stream into frames; bytes up to a second START are dropped."""

    def __init__(self) -> None:
        self._pending = b""

    def feed(self, data: bytes) -> list[Frame]:
        """Take `data`, give every frame that is complete and has a command."""
        stream = self._pending + data
        found: list[Frame] = []
        end = 0
        for match in _FRAME.finditer(stream):
            end = match.end()
            frame = self._open(match[1])
            if frame is not None and end - match.start() <= MAX_FRAME:
                found.append(frame)
        rest = stream[end:]
        start = rest.find(b"\xf0")
        self._pending = rest[start:] if start >= 0 and len(rest) - start <= MAX_FRAME else b""
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
