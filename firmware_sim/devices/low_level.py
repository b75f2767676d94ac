"""Low level of P24 and RehaMove3: one point list a command, played as soon as the one source is free and acknowledged
when it has been played. Part of `mid_level.MidLevelDevice`.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from firmware_sim.devices.output_stage import OutputStage, Points
from firmware_sim.wire.sciencemode34 import Frame, Unreadable

OK, PARAMETER, NOT_INITIALISED = 0, 2, 7
RESULTS = {"electrode": 10, "pulse-timeout": 16, "low-current": 28}
HV_OFF, HV_150 = 1, 6
QUEUE_MAX = 10  # commands that wait for their turn; while they do, nothing more is read
SAMPLES = 128
RAIL_CV = 15_000  # 150 V in units of 0.01 V


@dataclass(slots=True)
class _Queued:
    """A point list that waits, or that is being played until `done_us`."""

    frame: Frame
    channel: int
    points: Points
    at_us: int
    done_us: int | None = None
    error: str = ""


def read_points(data: bytes, count: int, limit_ua: int, *, checks_steps: bool) -> Points | None:
    """`count` points of 4 bytes; None where bytes are missing or a current is beyond the limit.

    Args:
        checks_steps: bits 6 and 5 say how to go from point to point: 0 and 1 (linear, played as steps), no others.
    """
    if len(data) < 4 * count:
        return None
    points: list[tuple[int, int]] = []
    for index in range(count):
        word = int.from_bytes(data[4 * index : 4 * index + 4], "big")
        current = ((word >> 10 & 0x3FF) - 300) * 500
        if abs(current) > limit_ua or (checks_steps and word >> 5 & 3 > 1):
            return None
        points.append((current, max(10, word >> 20)))
    return tuple(points)


class LowLevel:
    """The low-level commands; state and output stage are the device's."""

    channels: int
    current_limit_ua: int
    chooses_voltage: bool
    measures: bool
    _state: int
    _voltage: int
    _stage: OutputStage
    _queue: deque[_Queued]
    _held: deque[Frame | Unreadable]
    _measure: int

    def _take(self, item: Frame | Unreadable, now_us: int) -> None:
        raise NotImplementedError

    def _ack(self, frame: Frame, result: int, rest: bytes = b"") -> None:
        raise NotImplementedError

    def _ll_init(self, frame: Frame, now_us: int) -> None:  # noqa: ARG002
        if self._state >= 2:
            self._ack(frame, NOT_INITIALISED)
            return
        chosen = frame.data[0] >> 1 & 7 if frame.data else 7
        measure = frame.data[0] >> 4 & 7 if frame.data and self.measures else 0
        if chosen == 7 or measure > 3:  # no such voltage or measurement, or no byte at all
            self._ack(frame, PARAMETER)
            return
        self._drop_queue()
        self._state, self._measure = 1, measure
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
        points = read_points(frame.data[1:], (first & 0x0F) + 1, self.current_limit_ua, checks_steps=False)
        if points is None:
            self._ack(frame, PARAMETER, where)
            return
        self._queue.append(_Queued(frame, channel, points, now_us))
        self._run_queue(now_us)

    def _run_queue(self, now_us: int) -> None:
        """Play and acknowledge what is due, in order; read on when there is room again."""
        while self._queue:
            first = self._queue[0]
            if first.done_us is None:
                begin_us = max(first.at_us, self._stage.free_us)
                if begin_us > now_us:
                    return
                first.error = self._stage.play_once(first.channel, first.points, begin_us)
                length = sum(duration for _, duration in first.points)
                first.done_us = begin_us if first.error == "electrode" else begin_us + length
            if first.done_us > now_us:
                return
            self._queue.popleft()
            where = self._where(first.frame.data[0], failed=bool(first.error))
            if self._measure and not first.error:
                where = where[:1] + self._measured(first)
            self._ack(first.frame, RESULTS[first.error] if first.error else OK, where)
            while self._held and len(self._queue) < QUEUE_MAX:
                self._take(self._held.popleft(), first.done_us)

    def _queue_due_us(self) -> int | None:
        if not self._queue:
            return None
        first = self._queue[0]
        return max(first.at_us, self._stage.free_us) if first.done_us is None else first.done_us

    def _drop_queue(self) -> None:
        """What was not played is not going to be: said with 7, so that nobody waits for it."""
        queue, self._queue = self._queue, deque()
        for entry in queue:
            played = entry.done_us is not None and not entry.error
            self._ack(entry.frame, OK if played else NOT_INITIALISED, self._where(entry.frame.data[0]))

    def _measured(self, entry: _Queued) -> bytes:
        """Type, sampling time in µs and 128 samples in hundredths of mA or V, each without its sign."""
        load = self._stage.loads[entry.channel]
        length = sum(duration for _, duration in entry.points)
        step_us = max(1, -(-length // SAMPLES))
        ohm = load.test_ohm(entry.at_us)
        samples: list[int] = []
        end_us = 0
        for current, duration in entry.points:
            end_us += duration
            flown_ua = load.deliver(abs(current), duration, 0, entry.at_us)
            value = {1: flown_ua // 10, 2: min(RAIL_CV, flown_ua * ohm // 10_000), 3: RAIL_CV}[self._measure]
            while len(samples) * step_us < end_us and len(samples) < SAMPLES:
                samples.append(value)
        samples += [RAIL_CV if self._measure == 3 else 0] * (SAMPLES - len(samples))
        head = bytes((self._measure,)) + step_us.to_bytes(2, "big")
        return head + b"".join(sample.to_bytes(2, "big") for sample in samples)

    def _ll_stop(self, frame: Frame, now_us: int) -> None:  # noqa: ARG002
        if self._state >= 2:
            self._ack(frame, NOT_INITIALISED)
            return
        self._drop_queue()
        self._state, self._voltage = 0, HV_OFF
        self._ack(frame, OK)
