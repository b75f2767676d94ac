"""A driver and a device (scripted or simulated) on a wire with delay and faults, in simulated time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Protocol, TypeVar

from estim.drivers.interface import Driver
from estim.safety.commands import ChannelOutput, Command, OutputOff, SetOutput
from estim.safety.interlock import _TOKEN, Admitted
from estim.safety.reports import DriverReport
from estim.safety.units import MicroAmp, Micros

R = TypeVar("R")


class Device(Protocol):
    """What both scripted and simulated devices offer."""

    def receive(self, data: bytes, now_us: int) -> None: ...

    def data_to_send(self) -> list[bytes]: ...

    def advance(self, now_us: int) -> None: ...

    def next_deadline_us(self) -> int | None: ...


def admit(command: Command, now_us: int) -> Admitted:
    return Admitted(command, now_us, _TOKEN)


def pulse(channel: int, amplitude_ma: float, *, period_us: int = 20_000, width_us: int = 250) -> ChannelOutput:
    return ChannelOutput(
        channel=channel,
        amplitude_ua=MicroAmp(int(amplitude_ma * 1_000)),
        pulse_width_us=Micros(width_us),
        interphase_us=Micros(100),
        period_us=Micros(period_us),
    )


def output(*channels: ChannelOutput) -> SetOutput:
    return SetOutput(channels=channels)


class WireBench:
    """Plays both sides. Everything that the driver reported is in `reports`, with its time."""

    def __init__(self, driver: Driver, device: Device, *, delay_us: int = 500) -> None:
        self.driver = driver
        self.device = device
        self.delay_us = delay_us
        self.now_us = 1_000_000
        self.reports: list[tuple[int, DriverReport]] = []
        self.sent: list[tuple[int, bytes]] = []
        self.to_device: Callable[[bytes], bytes] = lambda data: data
        self.to_host: Callable[[bytes], bytes] = lambda data: data
        self.poll_us: int | None = None
        self._polled_us = self._stuck = 0
        self._down: deque[tuple[int, bytes]] = deque()
        self._up: deque[tuple[int, bytes]] = deque()

    def connect(self) -> None:
        self.driver.connect(self.now_us)

    def submit(self, command: Command) -> int:
        seq = self.driver.submit(admit(command, self.now_us), self.now_us)
        self._pump()
        return seq

    def off(self) -> int:
        return self.submit(OutputOff(reason="stop-key"))

    def prepare(self, *channels: int, period_us: int = 20_000) -> None:
        self.driver.prepare(channels, Micros(period_us), self.now_us)
        self._pump()

    def status(self) -> None:
        self.driver.request_status(self.now_us)
        self._pump()

    def of(self, kind: type[R]) -> list[R]:
        return [report for _, report in self.reports if isinstance(report, kind)]

    def last(self, kind: type[R]) -> R:
        return self.of(kind)[-1]

    def wait(self, kind: type[R], *, limit_us: int = 6_000_000) -> R:
        """Until a new report of this kind has come."""
        count = len(self.of(kind))
        end_us = self.now_us + limit_us
        while len(self.of(kind)) == count:
            if self.now_us >= end_us:
                raise AssertionError(f"no {kind.__name__} within {limit_us} µs; came: {self.reports}")
            self._step(end_us)
        return self.last(kind)

    def run(self, us: int) -> None:
        end_us = self.now_us + us
        while self.now_us < end_us:
            self._step(end_us)
        self.device.advance(self.now_us)

    def forget(self) -> None:
        self.reports.clear()
        self.sent.clear()

    def _step(self, end_us: int) -> None:
        self._pump()
        self.device.advance(self.now_us)
        self._collect()  # what a test made the device say
        due = [end_us]
        due += [queue[0][0] for queue in (self._down, self._up) if queue]
        driver_us, device_us = self.driver.next_deadline_us(), self.device.next_deadline_us()
        if driver_us is not None:
            due.append(driver_us)
        if device_us is not None and device_us > self.now_us:  # it was advanced to now already
            due.append(device_us)
        if self.poll_us is not None:
            due.append(self._polled_us + self.poll_us)
        before_us, self.now_us = self.now_us, max(self.now_us, min(due))
        self._stuck = self._stuck + 1 if self.now_us == before_us else 0
        assert self._stuck < 1_000, "a deadline in the past that nothing answers"
        self.device.advance(self.now_us)
        self._collect()
        while self._down and self._down[0][0] <= self.now_us:
            self.device.receive(self._down.popleft()[1], self.now_us)
            self._collect()
        while self._up and self._up[0][0] <= self.now_us:
            self._note(self.driver.receive_data(self._up.popleft()[1], self.now_us))
        due_us = self.driver.next_deadline_us()
        if due_us is not None and self.now_us >= due_us:
            self._note(self.driver.tick(self.now_us))
        if self.poll_us is not None and self.now_us - self._polled_us >= self.poll_us:
            self._polled_us = self.now_us
            self.driver.request_status(self.now_us)
        self._pump()

    def _collect(self) -> None:
        for frame in self.device.data_to_send():
            data = self.to_host(frame)
            if data:
                self._up.append((self.now_us + self.delay_us, data))

    def _pump(self) -> None:
        while data := self.driver.data_to_send(self.now_us):
            self.sent.append((self.now_us, data))
            data = self.to_device(data)
            if data:
                self._down.append((self.now_us + self.delay_us, data))

    def _note(self, reports: tuple[DriverReport, ...]) -> None:
        self.reports += [(self.now_us, report) for report in reports]
