"""Low level of P24 and RehaMove3: one point list a command, played at once. Part of `mid_level.MidLevelDevice`."""

from __future__ import annotations

from firmware_sim.devices.output_stage import OutputStage, Points
from firmware_sim.wire.sciencemode34 import Frame

OK, PARAMETER, NOT_INITIALISED = 0, 2, 7
RESULTS = {"electrode": 10, "pulse-timeout": 16, "low-current": 28}
HV_OFF, HV_150 = 1, 6


def read_points(data: bytes, count: int, limit_ua: int) -> Points | None:
    """`count` points of 4 bytes; None where a current is beyond the limit. Missing bytes read as 0, which is -150
    mA.
    """
    points: list[tuple[int, int]] = []
    for index in range(count):
        word = int.from_bytes(data[4 * index : 4 * index + 4].ljust(4, b"\0"), "big")
        current = ((word >> 10 & 0x3FF) - 300) * 500
        if abs(current) > limit_ua:
            return None
        points.append((current, max(10, word >> 20)))
    return tuple(points)


class LowLevel:
    """The low-level commands; state and output stage are the device's."""

    channels: int
    current_limit_ua: int
    chooses_voltage: bool
    _state: int
    _voltage: int
    _stage: OutputStage

    def _ack(self, frame: Frame, result: int, rest: bytes = b"") -> None:
        raise NotImplementedError

    def _ll_init(self, frame: Frame, now_us: int) -> None:  # noqa: ARG002
        if self._state >= 2:
            self._ack(frame, NOT_INITIALISED)
            return
        chosen = frame.data[0] >> 1 & 7 if frame.data else 7
        if chosen == 7:  # no such voltage, or no byte at all
            self._ack(frame, PARAMETER)
            return
        self._state = 1
        self._voltage = chosen if chosen == HV_OFF or (chosen and self.chooses_voltage) else HV_150
        self._ack(frame, OK)

    def _where(self, first: int, *, failed: bool = False) -> bytes:  # noqa: ARG002
        """What Ll_channel_config_ack says after the result: connector and channel, and that nothing was measured."""
        return bytes(((first >> 4 & 1) << 4 | first >> 5 & 3, 0))

    def _ll_config(self, frame: Frame, now_us: int) -> None:
        first = frame.data[0] if frame.data else 0
        where = self._where(first)
        if self._state != 1:
            self._ack(frame, NOT_INITIALISED, where)
            return
        if not frame.data:
            self._ack(frame, PARAMETER, where)
            return
        channel = 4 * (first >> 4 & 1) + (first >> 5 & 3) + 1
        if channel > self.channels:
            self._ack(frame, PARAMETER, where)
            return
        if not first & 0x80:
            self._ack(frame, OK, where)
            return
        points = read_points(frame.data[1:], (first & 0x0F) + 1, self.current_limit_ua)
        if points is None:
            self._ack(frame, PARAMETER, where)
            return
        error = self._stage.play_once(channel, points, now_us)
        self._ack(frame, RESULTS[error] if error else OK, self._where(first, failed=bool(error)))

    def _ll_stop(self, frame: Frame, now_us: int) -> None:  # noqa: ARG002
        if self._state >= 2:
            self._ack(frame, NOT_INITIALISED)
            return
        self._state, self._voltage = 0, HV_OFF
        self._ack(frame, OK)
