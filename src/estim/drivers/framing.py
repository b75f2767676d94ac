"""Framing: bytes ↔ frames of the two wire families. One escape-aware expression cuts the stream.

Family 3/4 (P24, RehaMove3): `F0 | 81 len 81 len | 81 crc 81 crc | stuffed body | 0F`, CRC-16/XMODEM over the stuffed
body.
Family 2 (RehaStim2): `F0 | 81 crc | 81 len | stuffed body | 0F`, CRC-8 (polynomial 07) over the stuffed body.
In both an escaped byte is `81` followed by the byte XOR 55, and a byte after 81 is data whatever it looks like.
"""

from __future__ import annotations

import binascii
import re
from dataclasses import dataclass

# All that may follow a start, up to the next unescaped start or stop; possessive, so that no byte is tried twice.
_BODY = re.compile(rb"(?:[^\xf0\x0f\x81]++|\x81[\x00-\xff])*+")
_SPECIAL = re.compile(rb"[\xf0\x0f\x81]")
_ESCAPE = re.compile(rb"\x81([\x00-\xff])")
_XOR = bytes(byte ^ 0x55 for byte in range(256))


def _crc8_of(byte: int) -> int:
    for _ in range(8):
        byte = (byte << 1 ^ 0x07 if byte & 0x80 else byte << 1) & 0xFF
    return byte


_CRC8 = bytes(_crc8_of(byte) for byte in range(256))
START, ESCAPE = 0xF0, 0x81
FRAME_MAX = 1_200  # longer ones are dropped (wire document 2.1)


@dataclass(frozen=True, slots=True)
class WireFrame:
    """A frame whose length and checksum are right: packet number, command number, command data."""

    packet: int
    command: int
    data: bytes


@dataclass(frozen=True, slots=True)
class BadFrame:
    """Bytes between start and stop that are no valid frame, and why."""

    raw: bytes
    reason: str


def stuff(body: bytes) -> bytes:
    """`body` with F0, 0F and 81 escaped."""
    return _SPECIAL.sub(lambda match: b"\x81" + match[0].translate(_XOR), body)


def unstuff(body: bytes) -> bytes:
    """The inverse; any byte after 81 is data."""
    return _ESCAPE.sub(lambda match: match[1].translate(_XOR), body)


def crc8(data: bytes) -> int:
    """CRC-8, polynomial 07, initial value 0, no reflection: 0xF4 for b"123456789"."""
    crc = 0
    for byte in data:
        crc = _CRC8[crc ^ byte]
    return crc


def crc16(data: bytes) -> int:
    """CRC-16/XMODEM: 0x31C3 for b"123456789"."""
    return binascii.crc_hqx(data, 0)


class Framer:
    """Common part: cut the stream, keep an unfinished tail, count what was thrown away.

    An unescaped start begins anew; bytes outside a frame are dropped; so is what has no end within 1200 bytes. Noise
    may end in an escape, which makes the start of the good frame behind it look like data: where what stands between
    start and stop is no frame, each start within it is tried with the same stop. The same good frames come out however
    the bytes are split, and each byte is looked at a bounded number of times, whatever the bytes.

    Attributes:
        dropped: bytes outside any frame, of frames that began anew, and of frames without an end.
    """

    def __init__(self) -> None:
        self._tail = b""
        self._seen = 0  # of the tail: no frame ends before, and no escape is cut there; it is not looked at again
        self.dropped = 0

    def feed(self, data: bytes) -> list[WireFrame | BadFrame]:
        """Take bytes from the link; gives every frame that is complete, good or bad, in order."""
        stream, seen = self._tail + data, self._seen
        frames: list[WireFrame | BadFrame] = []
        at, size, self._seen = 0, len(stream), 0
        while (start := stream.find(START, at)) >= 0:
            self.dropped += start - at
            matched = _BODY.match(stream, max(start + 1, seen))
            stop = matched.end() if matched is not None else start + 1
            if stop >= size or stream[stop] == ESCAPE:  # unfinished; keep what may still become a frame
                at = start if size - start < FRAME_MAX else _start_from(stream, size - FRAME_MAX + 1)
                self.dropped += at - start
                self._seen = max(0, stop - at)  # a later start stands behind an escape: the same bytes follow it
                break
            if stream[stop] == START:
                self.dropped += stop - start
                at = stop
                continue
            at = stop + 1
            begun = start if at - start <= FRAME_MAX else _start_from(stream, at - FRAME_MAX, at)
            self.dropped += begun - start
            if begun < at:
                frames.append(self._best(stream, begun, at))
        else:
            self.dropped += size - at
            at = size
        self._tail = stream[at:]
        return frames

    @property
    def pending(self) -> int:
        """Bytes of an unfinished frame that are kept, less than 1200."""
        return len(self._tail)

    def _best(self, stream: bytes, start: int, end: int) -> WireFrame | BadFrame:
        """The frame that ends before `end`: from `start`, or from a start behind an escape within it."""
        whole = self._decode(stream[start:end])
        if isinstance(whole, WireFrame):
            return whole
        inner = start
        while (inner := stream.find(START, inner + 1, end)) >= 0:
            if stream[inner + 1] == ESCAPE:
                frame = self._decode(stream[inner:end])
                if isinstance(frame, WireFrame):
                    self.dropped += inner - start
                    return frame
        return whole

    def _decode(self, raw: bytes) -> WireFrame | BadFrame:
        raise NotImplementedError


def _start_from(stream: bytes, at: int, end: int | None = None) -> int:
    """The first start at or behind `at`; `end`, or the stream's length, if there is none."""
    end = len(stream) if end is None else end
    found = stream.find(START, at, end)
    return end if found < 0 else found


class ScienceMode34Framer(Framer):
    """Frames of P24 and RehaMove3."""

    def _decode(self, raw: bytes) -> WireFrame | BadFrame:
        if len(raw) < 12 or not raw[1] == raw[3] == raw[5] == raw[7] == 0x81:
            return BadFrame(raw[:32], "no header")
        length = (raw[2] ^ 0x55) << 8 | raw[4] ^ 0x55
        if length != len(raw):
            return BadFrame(raw[:32], f"length field {length}, {len(raw)} bytes came")
        crc = (raw[6] ^ 0x55) << 8 | raw[8] ^ 0x55
        stuffed = raw[9:-1]
        if crc != crc16(stuffed):
            return BadFrame(raw[:32], f"checksum {crc:04X}, it should be {crc16(stuffed):04X}")
        body = unstuff(stuffed)
        if len(body) < 2:
            return BadFrame(raw[:32], "no command")
        prefix = body[0] << 8 | body[1]
        return WireFrame(prefix >> 10, prefix & 0x3FF, body[2:])


class ScienceMode2Framer(Framer):
    """Frames of RehaStim2."""

    def _decode(self, raw: bytes) -> WireFrame | BadFrame:
        if len(raw) < 8 or not raw[1] == raw[3] == 0x81:
            return BadFrame(raw[:32], "no header")
        stuffed = raw[5:-1]
        if raw[4] ^ 0x55 != len(stuffed):
            return BadFrame(raw[:32], f"length field {raw[4] ^ 0x55}, {len(stuffed)} bytes came")
        if raw[2] ^ 0x55 != crc8(stuffed):
            return BadFrame(raw[:32], f"checksum {raw[2] ^ 0x55:02X}, it should be {crc8(stuffed):02X}")
        body = unstuff(stuffed)
        if len(body) < 2:
            return BadFrame(raw[:32], "no command")
        return WireFrame(body[0], body[1], body[2:])


def encode34(packet: int, command: int, data: bytes = b"") -> bytes:
    """A frame of family 3/4.

    Raises:
        ValueError: packet not in 0..63, command not in 0..1023, or the frame would be longer than 1200 bytes.
    """
    if not 0 <= packet <= 63 or not 0 <= command <= 1023:
        raise ValueError(f"packet {packet} must be 0 to 63, command {command} 0 to 1023")
    stuffed = stuff((packet << 10 | command).to_bytes(2, "big") + data)
    length, crc = len(stuffed) + 10, crc16(stuffed)
    if length > FRAME_MAX:
        raise ValueError(f"a frame of {length} bytes is longer than {FRAME_MAX}")
    header = bytes((length >> 8, length & 0xFF, crc >> 8, crc & 0xFF)).translate(_XOR)
    return b"\xf0\x81%c\x81%c\x81%c\x81%c%b\x0f" % (header[0], header[1], header[2], header[3], stuffed)


def encode2(packet: int, command: int, data: bytes = b"") -> bytes:
    """A frame of family 2.

    Raises:
        ValueError: packet or command not in 0..255, or more than 255 stuffed bytes.
    """
    if not 0 <= packet <= 255 or not 0 <= command <= 255:
        raise ValueError(f"packet {packet} and command {command} must be 0 to 255")
    stuffed = stuff(bytes((packet, command)) + data)
    if len(stuffed) > 255:
        raise ValueError(f"{len(stuffed)} bytes do not fit into one frame")
    header = bytes((crc8(stuffed), len(stuffed))).translate(_XOR)
    return b"\xf0\x81%c\x81%c%b\x0f" % (header[0], header[1], stuffed)
