"""The wire of a rehearsal: bytes take time, and a fault plan may have its way with them."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable

from estim.safety.errors import LinkLost
from firmware_sim.devices.interface import SimulatedDevice
from firmware_sim.faults import FaultPlan, FaultyWire

NEVER_US = 1 << 62
TAKES = 0.5  # share of the answers that a second opener gets


class SimulatedLink:
    """A wire with delay: bytes written now reach the device later, and its answers come back later still."""

    def __init__(self, device: SimulatedDevice, delays: random.Random) -> None:
        self._device = device
        self._delays = delays
        self.to_device: deque[tuple[int, bytes]] = deque()
        self.to_host: deque[tuple[int, bytes]] = deque()
        self.now_us = 0

    def write(self, data: bytes) -> None:
        """Bytes for the device, 0.2 to 0.9 ms later, never before those written earlier."""
        at_us = self.now_us + self._delays.randint(200, 900)
        if self.to_device:
            at_us = max(at_us, self.to_device[-1][0])
        self.to_device.append((at_us, data))

    def read(self) -> bytes:
        """Answers that have arrived."""
        data = b""
        while self.to_host and self.to_host[0][0] <= self.now_us:
            data += self.to_host.popleft()[1]
        return data

    def reaches_device_us(self) -> int:
        """When the next bytes reach the device; without any, later than all else."""
        return self.to_device[0][0] if self.to_device else NEVER_US

    def deliver(self) -> None:
        """Bytes that reach the device now, and its answers onto their way back."""
        while self.to_device and self.to_device[0][0] <= self.now_us:
            at_us, data = self.to_device.popleft()
            self._device.receive(data, at_us)
            for answer in self._device.data_to_send():
                self.answer(answer, at_us)

    def answer(self, data: bytes, at_us: int) -> None:
        """An answer that the device gives at `at_us`, onto its way back."""
        back_us = at_us + self._delays.randint(200, 900)
        if self.to_host:
            back_us = max(back_us, self.to_host[-1][0])
        self.to_host.append((back_us, data))

    def fileno(self) -> int:
        """No file."""
        return -1

    def close(self) -> None:
        """Nothing more comes or goes."""
        self.to_device.clear()
        self.to_host.clear()


class FaultyLink(SimulatedLink):
    """The simulated wire under a fault plan."""

    def __init__(
        self,
        device: SimulatedDevice,
        delays: random.Random,
        plan: FaultPlan,
        seen: Callable[[bytes, int], None] = lambda _data, _now_us: None,
        arrives: Callable[[bytes, int, bool], None] = lambda _piece, _at_us, _whole: None,
    ) -> None:
        super().__init__(device, delays)
        self._seen = seen  # what the host writes, before anything happens to it
        self._arrives = arrives  # what reaches the device, when, and whether that is as it was written
        self._plan = plan
        self._out = FaultyWire(plan, delays.getrandbits(32))
        self._back = FaultyWire(plan, delays.getrandbits(32))
        self._thief = random.Random(len(plan.faults))  # of a second opener, who reads away what is not his

    def write(self, data: bytes) -> None:
        """Bytes for the device, if they get there."""
        if self._plan.active("vanish", self.now_us):
            raise LinkLost("unplugged")
        self._seen(data, self.now_us)
        for delay_us, piece in self._out.take(data, self.now_us):
            at_us = self.now_us + delay_us + self._delays.randint(200, 900)
            if self.to_device:
                at_us = max(at_us, self.to_device[-1][0])
            self.to_device.append((at_us, piece))
            self._arrives(piece, at_us, piece == data)

    def read(self) -> bytes:
        """Answers, if they come back."""
        if self._plan.active("vanish", self.now_us):
            raise LinkLost("unplugged")
        return super().read()

    def answer(self, data: bytes, at_us: int) -> None:
        """An answer on its way back, unless another program that opened the same port reads it."""
        if self._plan.active("second-opener", at_us) and self._thief.random() < TAKES:
            return
        for delay_us, piece in self._back.take(data, at_us):
            super().answer(piece, at_us + delay_us)
