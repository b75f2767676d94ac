"""Packets of ScienceMode3/4 (RehaMove3, P24): numbers, points, update and status data. Pure.

All values big-endian. A point is `duration(12) current(10) reserved(10)`, current raw = 2·mA + 300 (0.5 mA a step), so
an all-zero field means -150 mA: nothing is ever sent that was not decoded again and compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from estim.safety.commands import SetOutput
from estim.safety.errors import InterlockTripped
from estim.safety.waveform import Point, pulse_points

LL_STOP, ML_INIT, ML_UPDATE, ML_STOP, ML_DATA = 4, 30, 32, 34, 36
GET_VERSION_MAIN, GET_DEVICE_ID, GET_BATTERY, GET_STATUS, GET_EXTENDED_VERSION = 50, 52, 54, 62, 68
GENERAL_ERROR, UNKNOWN_COMMAND = 66, 67
STATUS_NONE, STATUS_LOW, STATUS_MID, STATUS_RUNNING = 0, 1, 2, 3
HIGH_VOLTAGE_UNUSED, HIGH_VOLTAGE_OFF = 0, 1
SELECTION_RM3, SELECTION_P24 = 2, 4
TRANSFER_ERROR, NOT_INITIALISED = 1, 7
POINTS_MAX, POINT_US_MIN, POINT_US_MAX = 16, 10, 4_095
CURRENT_MAX_UA = 130_000  # rated, both devices; the field holds ±150 mA and more
CURRENT_STEP_UA, CURRENT_ZERO_RAW = 500, 300

RESULTS = {
    0: "ok",
    1: "transfer error (checksum or length)",
    2: "parameter error (a bad value, or too few)",
    3: "protocol version error",
    4: "stimulation controller timeout",
    5: "EMG timeout",
    6: "EMG register error",
    7: "not initialised, or another level is active",
    8: "high voltage error",
    9: "demultiplexer timeout",
    10: "electrode error",
    11: "unknown command",
    12: "demultiplexer parameter error",
    13: "demultiplexer not initialised",
    14: "demultiplexer transfer error",
    15: "demultiplexer: unknown acknowledgement",
    16: "pulse timeout: a pulse did not fit its period",
    17: "fuel gauge error",
    18: "live signal error",
    19: "file timeout",
    20: "file not found",
    21: "busy",
    22: "file error",
    23: "flash erase error",
    24: "flash write error",
    25: "unknown controller",
    26: "firmware too large",
    27: "fuel gauge not programmed",
    28: "low current: less flowed than was asked for",
}


def result_text(code: int) -> str:
    """What a result code means (wire document 2.7)."""
    return RESULTS.get(code, f"result {code}, which the wire document does not know")


def encode_points(points: Sequence[Point]) -> bytes:
    """Points as 4 bytes each; a gap longer than 4095 µs becomes several points.

    Raises:
        InterlockTripped: a current off the 0.5 mA grid or above 130 mA, a point shorter than the 10 µs that the device
            plays at least, more than 16 points.
    """
    encoded = bytearray()
    count = 0
    for current_ua, duration_us in points:
        if current_ua % CURRENT_STEP_UA:
            raise InterlockTripped("grid", f"{current_ua} µA is not on the wire's grid of {CURRENT_STEP_UA} µA")
        if not -CURRENT_MAX_UA <= current_ua <= CURRENT_MAX_UA:
            raise InterlockTripped("L1", "current of a point", asked=current_ua, allowed=CURRENT_MAX_UA)
        if duration_us < POINT_US_MIN:
            raise InterlockTripped("grid", "length of a point", asked=duration_us, allowed=POINT_US_MIN)
        left = duration_us
        while left > 0:
            part = min(left, POINT_US_MAX)
            if 0 < left - part < POINT_US_MIN:
                part -= POINT_US_MIN
            encoded += (part << 20 | (current_ua // CURRENT_STEP_UA + CURRENT_ZERO_RAW) << 10).to_bytes(4, "big")
            left -= part
            count += 1
    if count > POINTS_MAX:
        raise InterlockTripped("burst", f"{count} points, the wire has {POINTS_MAX}")
    return bytes(encoded)


def decode_points(data: bytes) -> tuple[Point, ...]:
    """The inverse of `encode_points`."""
    words = (int.from_bytes(data[at : at + 4], "big") for at in range(0, len(data), 4))
    return tuple((((word >> 10 & 0x3FF) - CURRENT_ZERO_RAW) * CURRENT_STEP_UA, word >> 20) for word in words)


def encode_update(command: SetOutput, *, channels: int, quarter_ms: bool) -> bytes:
    """Data of Ml_update: exactly the channels that carry current, in ascending order; all others stop.

    Args:
        channels: how many the device has; a bit above them means something else (RehaMove3: soft start).
        quarter_ms: the device knows the 0.25 ms grid (P24); else 0.5 ms.

    Raises:
        InterlockTripped: a value off the wire's grid, or what was encoded does not decode to what was asked.
    """
    mask = last = 0
    body = bytearray()
    for output in command.channels:
        if not last < output.channel <= channels:
            raise InterlockTripped("command", f"channel {output.channel} after {last}: 1 to {channels}, ascending")
        last = output.channel
        if output.amplitude_ua:
            mask |= 1 << output.channel - 1
            points = encode_points(pulse_points(output))
            body.append((len(points) // 4 - 1) << 4)
            body += _encode_period(output.period_us, quarter_ms=quarter_ms)
            body += points
    data = bytes((mask,)) + bytes(body)
    _check_back(command, data)
    return data


def _encode_period(period_us: int, *, quarter_ms: bool) -> bytes:
    """`raw << 1 | x4`: the 0.25 ms grid where it reaches, else the 0.5 ms grid."""
    if period_us % 500 == 0 and 0 < period_us // 500 <= 32_766:
        return (period_us // 500 << 1).to_bytes(2, "big")
    if quarter_ms and period_us % 250 == 0 and 0 < period_us // 250 <= 32_767:
        return (period_us // 250 << 1 | 1).to_bytes(2, "big")
    raise InterlockTripped("grid", f"a period of {period_us} µs can't be coded")


def decode_update(data: bytes) -> dict[int, tuple[int, int, tuple[Point, ...]]]:
    """Channel → (period in µs, ramp, points) of Ml_update data."""
    channels: dict[int, tuple[int, int, tuple[Point, ...]]] = {}
    at = 1
    for bit in range(8):
        if data[0] >> bit & 1:
            count = (data[at] >> 4) + 1
            raw = data[at + 1] << 8 | data[at + 2]
            period_us = (raw >> 1) * (250 if raw & 1 else 500)
            channels[bit + 1] = (period_us, data[at] & 0x0F, decode_points(data[at + 3 : at + 3 + 4 * count]))
            at += 3 + 4 * count
    return channels


def _check_back(command: SetOutput, data: bytes) -> None:
    """What is about to be sent must decode to what was admitted (kernel rule 2: encode, decode, compare)."""
    decoded = decode_update(data)
    asked = {output.channel: output for output in command.channels if output.amplitude_ua}
    if decoded.keys() != asked.keys():
        raise InterlockTripped("encode", f"channels {sorted(asked)} were encoded as {sorted(decoded)}")
    for channel, output in asked.items():
        period_us, ramp, points = decoded[channel]
        if ramp or period_us != output.period_us or _merge(points) != _merge(pulse_points(output)):
            raise InterlockTripped("encode", f"channel {channel} does not decode to what was asked")


def _merge(points: Sequence[Point]) -> list[Point]:
    """Neighbouring points of no current joined, since a long gap takes several."""
    merged: list[Point] = []
    for current_ua, duration_us in points:
        if merged and current_ua == merged[-1][0] == 0:
            merged[-1] = (0, merged[-1][1] + duration_us)
        else:
            merged.append((current_ua, duration_us))
    return merged


@dataclass(frozen=True, slots=True)
class CurrentData:
    """Answer to Ml_get_current_data: what pulses, and which channel has which error.

    Attributes:
        running: something pulses.
        active: which channels; None where the selection does not tell (RehaMove3).
        errors: channel → 1 electrode, 2 pulse timeout, 3 low current.
    """

    result: int
    running: bool
    active: tuple[int, ...] | None
    errors: dict[int, int]


def decode_current_data(data: bytes, selection: int) -> CurrentData | None:
    """Ml_get_current_data_ack of selection 4 (P24) or 2 (RehaMove3); None if these bytes are no such answer."""
    if selection == SELECTION_P24:
        if len(data) != 7 or data[1] != selection:
            return None
        active = tuple(bit + 1 for bit in range(8) if data[2] >> bit & 1)
        if not any(data[3:]):
            return CurrentData(data[0], bool(active), active, {})
        nibbles = [data[3 + index // 2] >> (4 * (index % 2)) & 0x0F for index in range(8)]
        errors = {index + 1: nibble for index, nibble in enumerate(nibbles) if nibble}
        return CurrentData(data[0], bool(active), active, errors)
    if len(data) != 3 or data[1] != selection:
        return None
    return CurrentData(data[0], bool(data[2] & 0x10), None, {bit + 1: 1 for bit in range(4) if data[2] >> bit & 1})


@dataclass(frozen=True, slots=True)
class Version:
    """Firmware and ScienceMode version, of Get_extended_version_ack (P24) or Get_version_main_ack (RehaMove3)."""

    firmware: tuple[int, int, int]
    protocol: tuple[int, int, int]

    def __str__(self) -> str:
        return f"{'.'.join(map(str, self.firmware))} (ScienceMode {'.'.join(map(str, self.protocol))})"


def decode_version(data: bytes) -> Version | None:
    """The version in an answer of either kind; None if there is none."""
    if len(data) not in {7, 13} or data[0]:
        return None
    return Version((data[1], data[2], data[3]), (data[4], data[5], data[6]))


@dataclass(frozen=True, slots=True)
class Status:
    """Get_stim_status_ack: the open level (`STATUS_NONE` ...), and whether the high voltage is off."""

    level: int
    voltage_off: bool

    @property
    def is_idle(self) -> bool:
        """No level is open and no high voltage is there."""
        return self.level == STATUS_NONE and self.voltage_off


def decode_status(data: bytes) -> Status | None:
    """The status in an answer; None if there is none, or one that the wire document does not know."""
    if len(data) != 3 or data[0] or data[1] > STATUS_RUNNING:
        return None
    return Status(data[1], data[2] in {HIGH_VOLTAGE_UNUSED, HIGH_VOLTAGE_OFF})
