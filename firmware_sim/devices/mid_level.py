"""P24 and RehaMove3: the state machine, timers and answers that both share. Sans-IO. What differs is in their files.

States are the values of Get_stim_status: 0 none, 1 low level, 2 mid level initialised, 3 mid level running.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import ClassVar

from firmware_sim.devices.interface import DeviceEvent, Pulse
from firmware_sim.devices.load_port import Load
from firmware_sim.devices.low_level import (
    HV_150,
    HV_OFF,
    NOT_INITIALISED,
    OK,
    PARAMETER,
    QUEUE_MAX,
    LowLevel,
    read_points,
)
from firmware_sim.devices.options import Options
from firmware_sim.devices.output_stage import OutputStage, Points
from firmware_sim.wire.sciencemode34 import Frame, Reader, Unreadable, build

KEEP_ALIVE_US = 2_000_000
TRANSFER, ELECTRODE, UNKNOWN, PULSE_TIMEOUT, LOW_CURRENT = 1, 10, 11, 16, 28
NIBBLES = {"electrode": 1, "pulse-timeout": 2, "low-current": 3}


class MidLevelDevice(LowLevel):
    """A P24 or RehaMove3 made of software.

    Args:
        seed: makes the device id, so that two simulators differ.
        options: `device_id=P240012345` stands for a real device in tests of what real devices demand;
            `receive_buffer=maker` cuts frames as the maker's library does; and the model's own.
    """

    model = ""
    channels = 8
    step_ua = 500
    timer_us = KEEP_ALIVE_US
    tells_of_leads = True
    plays_each_once = False
    overhead_us = 60
    current_limit_ua = 130_000
    detect_from_ua = 15_000  # electrodes are judged by pulses from here on
    test_pulse = False  # a small pulse before each one tells the electrodes at any amplitude
    quarter_ms = True  # the flag in a period means quarters of a millisecond
    chooses_voltage = False  # Ll_init may choose 30 to 150 V
    checks_steps = True  # an update with a point that goes to the next in a way that nobody knows is refused
    measures = True  # low level answers with samples if asked to, and too little current is an error
    answer_sizes: ClassVar[dict[int, int]] = {52: 11, 62: 3, 68: 13, 2: 3, 36: 7}  # bytes that clients index blindly

    def __init__(self, *, seed: int = 0, options: Mapping[str, str] | None = None) -> None:
        self.on_pulse: Callable[[Pulse], None] = lambda _pulse: None
        given = Options(self.model, options)
        self._id = given.text("device_id", f"SIM{seed % 10_000_000:07d}", longest=10).ljust(10)
        self._reader = Reader(restarts=given.restarts())
        self._set_own(given)
        given.finish()
        self._out: list[bytes] = []
        self._stage = OutputStage(
            self.channels,
            overhead_us=self.overhead_us,
            detect_from_ua=self.detect_from_ua,
            test_pulse=self.test_pulse,
            low_current=self.measures,
        )
        self._stage.on_pulse = self._pulse
        self._state = 0
        self._voltage = HV_OFF
        self._stop_all = True
        self._errors = [0] * self.channels
        self._fed_us = 0
        self._hung = False
        self._queue = deque()
        self._held = deque()
        self._measure = 0
        self._refuse = 0
        self._served: dict[int, Callable[[Frame, int], None]] | None = None
        self._ignores: dict[str, bool] = {}
        self.restarts = 0

    def _pulse(self, pulse: Pulse) -> None:
        self.on_pulse(pulse)  # looked up at each pulse: who listens may change

    # -- time -------------------------------------------------------------------------------------------------------

    def set_load(self, channel: int, load: Load) -> None:
        """Hang a load on a channel."""
        self._stage.loads[channel] = load

    def advance(self, now_us: int) -> None:
        """Pulses up to the keep-alive's end and no further."""
        self._run_queue(now_us)
        limit = now_us
        if self._state == 3:
            limit = min(now_us, self._fed_us + KEEP_ALIVE_US)
        while failed := self._stage.advance(limit):
            for channel, error in failed:
                self._channel_failed(channel, error)
        if self._state == 3 and now_us - self._fed_us > KEEP_ALIVE_US:
            self._stage.stop_all()  # output pauses; the level and the high voltage stay, nothing is said
            self._state = 2

    def _channel_failed(self, channel: int, error: str) -> None:
        self._errors[channel - 1] = NIBBLES[error]
        if self._stop_all:
            self._stage.stop_all()
        else:
            self._stage.stop(channel)

    def next_deadline_us(self) -> int | None:
        """The next pulse, or the keep-alive's end."""
        due = [at for at in (self._stage.next_us(), self._queue_due_us()) if at is not None]
        if self._state == 3:
            due.append(self._fed_us + KEEP_ALIVE_US + 1)
        return min(due, default=None)

    def inject(self, event: DeviceEvent, now_us: int) -> None:
        """Restart | hang | resume | refuse (the next `value` commands get result 21, busy)."""
        self.advance(now_us)
        if event.kind == "restart":
            self._restart()
        elif event.kind == "hang":
            self._hung = True
        elif event.kind == "resume":
            self._hung = False
        elif event.kind == "refuse":
            self._refuse = event.value
        elif event.kind in {"ignore-stop", "ignore-update"}:
            self._ignores[event.kind] = bool(event.value)
        else:
            raise ValueError(f"a {self.model} knows no event {event.kind!r}")

    def _restart(self) -> None:
        self._stage.stop_all()
        self._queue.clear()
        self._held.clear()
        self._state, self._voltage = 0, HV_OFF
        self._errors = [0] * self.channels
        self.restarts += 1

    # -- bytes ------------------------------------------------------------------------------------------------------

    def data_to_send(self) -> list[bytes]:
        """Answers, each one frame."""
        out, self._out = self._out, []
        return out

    def receive(self, data: bytes, now_us: int) -> None:
        """Take bytes from the host."""
        self.advance(now_us)
        for item in self._reader.feed(data):
            if self._hung:
                continue
            if self._held or len(self._queue) >= QUEUE_MAX:
                self._held.append(item)
            else:
                self._take(item, now_us)

    def _take(self, item: Frame | Unreadable, now_us: int) -> None:
        if isinstance(item, Unreadable):
            self._out.append(build(0, 66, bytes((TRANSFER,))))
        else:
            self._answer(item, now_us)

    def _ack(self, frame: Frame, result: int, rest: bytes = b"") -> None:
        size = self.answer_sizes.get(frame.command, 1)
        data = (bytes((result,)) + rest).ljust(size, b"\0")
        if frame.command == 36 and not rest:
            data = bytes((result,)) + (frame.data[:1] or b"\0").ljust(size - 1, b"\0")
        if frame.command == 52 and result:
            data = bytes((result,)) + self._id.encode("ascii")
        self._out.append(build(frame.packet, frame.command + 1, data))

    def _answer(self, frame: Frame, now_us: int) -> None:
        if self._served is None:
            self._served = self._handlers()
        handler = self._served.get(frame.command)
        if handler is None:
            if frame.intact:
                self._out.append(build(frame.packet, 67, bytes((UNKNOWN,))))
            else:
                self._out.append(build(frame.packet, 66, bytes((TRANSFER,))))
        elif not frame.intact:
            self._ack(frame, TRANSFER)
        elif self._refuse:
            self._refuse -= 1
            self._ack(frame, 21)
        else:
            handler(frame, now_us)

    def _handlers(self) -> dict[int, Callable[[Frame, int], None]]:
        handlers: dict[int, Callable[[Frame, int], None]] = {
            0: self._ll_init,
            2: self._ll_config,
            4: self._ll_stop,
            30: self._ml_init,
            32: self._ml_update,
            34: self._ml_stop,
            36: self._ml_data,
            52: self._device_id,
            58: self._reset,
            62: self._stim_status,
        }
        return handlers | self._own_handlers()

    def _set_own(self, given: Options) -> None:
        """Take the options that only this model has."""

    def _own_handlers(self) -> dict[int, Callable[[Frame, int], None]]:
        """Commands that only this model has."""
        return {}

    # -- mid level --------------------------------------------------------------------------------------------------

    def _ml_init(self, frame: Frame, now_us: int) -> None:
        if self._state == 1:
            self._ack(frame, NOT_INITIALISED)
            return
        if not frame.data:
            self._ack(frame, PARAMETER)
            return
        self._stage.stop_all()
        self._stop_all = bool(frame.data[0] & 1)
        self._errors = [0] * self.channels
        self._state, self._voltage, self._fed_us = 2, HV_150, now_us
        self._ack(frame, OK)

    def _ml_update(self, frame: Frame, now_us: int) -> None:
        if self._state < 2:
            self._ack(frame, NOT_INITIALISED)
            return
        lanes = self._read_update(frame.data)
        if lanes is None:
            self._ack(frame, PARAMETER)
            return
        if self._ignores.get("ignore-update"):
            self._fed_us = now_us
            self._ack(frame, OK)
            return
        for channel in range(1, self.channels + 1):
            if channel in lanes:
                period_us, ramp, points = lanes[channel]
                if channel not in self._stage.lanes:
                    self._errors[channel - 1] = 0
                self._stage.start(channel, points, period_us, ramp, now_us)
            else:
                self._stage.stop(channel)
        self._fed_us = now_us
        self._state = 3 if lanes else 2
        self._ack(frame, OK)
        self.advance(now_us)

    def _read_update(self, data: bytes) -> dict[int, tuple[int, int, Points]] | None:
        """Channel → (period, ramp, points); None where a value is not allowed or bytes are missing."""
        if not data:
            return None
        lanes: dict[int, tuple[int, int, Points]] = {}
        at, load = 1, Fraction(0)
        for bit in range(self.channels):
            if not data[0] >> bit & 1:
                continue
            head = data[at : at + 3]
            if len(head) < 3:
                return None
            count, ramp = (head[0] >> 4) + 1, head[0] & 0x0F
            raw = head[1] << 8 | head[2]
            period_us = (raw >> 1) * (250 if raw & 1 and self.quarter_ms else 500)
            points = read_points(data[at + 3 :], count, self.current_limit_ua, checks_steps=self.checks_steps)
            if points is None or not 0 < period_us <= 16_383_000:
                return None
            at += 3 + 4 * count
            load += Fraction(1_000 * (sum(duration for _, duration in points) + self.overhead_us), period_us)
            lanes[bit + 1] = (period_us, ramp, points)
        return None if load > 999 else lanes  # in thousandths: the pulses need all of the source's time

    def _ml_stop(self, frame: Frame, now_us: int) -> None:  # noqa: ARG002
        if self._state == 1:
            self._ack(frame, NOT_INITIALISED)
            return
        if not self._ignores.get("ignore-stop"):
            self._stage.stop_all()
            self._state, self._voltage = 0, HV_OFF
        self._ack(frame, OK)

    def _ml_data(self, frame: Frame, now_us: int) -> None:
        if self._state < 2 or not frame.data:
            self._ack(frame, NOT_INITIALISED if frame.data else PARAMETER)
            return
        if self._state == 3 or self._stage.lanes:
            self._fed_us = now_us
        self._answer_data(frame)

    def _answer_data(self, frame: Frame) -> None:
        selection = frame.data[0]
        running = 0x10 if self._stage.lanes else 0
        errors = [1 if nibble == NIBBLES["electrode"] else 0 for nibble in self._errors]
        low = running | sum(bit << index for index, bit in enumerate(errors[:4]))
        high = running | sum(bit << index for index, bit in enumerate(errors[4:]))
        if selection == 4:
            active = sum(1 << channel - 1 for channel in self._stage.lanes)
            eight = (*self._errors, *[0] * (8 - self.channels))  # the answer has room for them
            nibbles = bytes(eight[2 * i] | eight[2 * i + 1] << 4 for i in range(4))
            failed = [number for number in self._errors if number]
            result = OK
            if failed and self._stop_all:
                result = {1: ELECTRODE, 2: PULSE_TIMEOUT, 3: LOW_CURRENT}[failed[0]]
            self._ack(frame, result, bytes((4, active)) + nibbles)
        elif selection in {2, 3}:
            rest = bytes((selection, low)) if selection == 2 else bytes((selection, low, high))
            self._out.append(build(frame.packet, 37, bytes((OK,)) + rest))
        else:
            self._out.append(build(frame.packet, 37, bytes((OK, selection))))

    # -- general ----------------------------------------------------------------------------------------------------

    def _device_id(self, frame: Frame, now_us: int) -> None:  # noqa: ARG002
        self._ack(frame, OK, self._id.encode("ascii"))

    def _stim_status(self, frame: Frame, now_us: int) -> None:  # noqa: ARG002
        self._ack(frame, OK, bytes((self._state, self._voltage)))

    def _reset(self, frame: Frame, now_us: int) -> None:  # noqa: ARG002
        self._restart()
        self._ack(frame, OK)
