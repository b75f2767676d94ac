"""A device with a fault plan around it: what happens to its bytes, to itself and to its electrodes. Sans-IO.

It is a `SimulatedDevice` like the one inside, so fronts and tests use it the same way.
"""

from __future__ import annotations

from collections.abc import Callable

from firmware_sim.devices.interface import DeviceEvent, Pulse, SimulatedDevice
from firmware_sim.devices.load_port import Load, OpenLoad, ResistiveLoad
from firmware_sim.faults import BODY, DEVICE, HOST, Fault, FaultPlan, FaultyWire

_LOAD_OHM = {"dry": 3_000, "low-current": 9_000}


class FaultyDevice:
    """Applies a plan to a device.

    Args:
        device: the one that suffers.
        plan: faults of wire, device and body, by the device's clock.
        seed: of the flipped bits and the garbage.

    Raises:
        ValueError: a fault of the host, which no device can play, or a channel that the device does not have.
    """

    def __init__(self, device: SimulatedDevice, plan: FaultPlan, *, seed: int = 0) -> None:
        for fault in plan.faults:
            if fault.kind in HOST:
                raise ValueError(f"{fault.kind} happens in the host: `estim rehearse --faults` plays it")
            if fault.kind in BODY and not 1 <= fault.channel <= device.channels:
                raise ValueError(f"{fault.kind}: channel {fault.channel}; a {device.model} has 1..{device.channels}")
        self.model, self.channels = device.model, device.channels
        self.applied: list[tuple[int, str]] = []
        self._device, self._plan = device, plan
        self._up, self._down = FaultyWire(plan, 2 * seed), FaultyWire(plan, 2 * seed + 1)
        self._up.applied = self._down.applied = self.applied
        self._to_device: list[tuple[int, bytes]] = []
        self._to_host: list[tuple[int, bytes]] = []
        self._loads: dict[int, Load] = {channel: ResistiveLoad() for channel in range(1, device.channels + 1)}
        times = [(fault.at_us, True, fault) for fault in plan.faults]
        times += [(fault.end_us, False, fault) for fault in plan.faults if fault.for_us]
        self._changes = sorted(times, key=lambda change: change[0])
        self._now_us = 0

    @property
    def on_pulse(self) -> Callable[[Pulse], None]:
        """Who hears of each pulse."""
        return self._device.on_pulse

    @on_pulse.setter
    def on_pulse(self, listener: Callable[[Pulse], None]) -> None:
        self._device.on_pulse = listener

    @property
    def unplugged(self) -> bool:
        """The port is gone from the host for now."""
        return self._plan.active("vanish", self._now_us)

    def set_load(self, channel: int, load: Load) -> None:
        """Hang a load on a channel; one that a fault has put there stays until the fault is over."""
        self._loads[channel] = load
        self._place(channel, self._now_us)

    def inject(self, event: DeviceEvent, now_us: int) -> None:
        """Something happens to the device, beside the plan."""
        self.advance(now_us)
        self._device.inject(event, now_us)

    def receive(self, data: bytes, now_us: int) -> None:
        """Bytes from the host, as far as they arrive."""
        self.advance(now_us)
        _queue(self._to_device, self._up.take(data, now_us), now_us)
        self.advance(now_us)

    def data_to_send(self) -> list[bytes]:
        """Frames whose time has come."""
        self._collect(self._now_us)
        due = [data for at_us, data in self._to_host if at_us <= self._now_us]
        del self._to_host[: len(due)]
        return due

    def advance(self, now_us: int) -> None:
        """Everything up to `now_us` in its order: changes of the plan first, then bytes that arrive."""
        while True:
            change_us = self._changes[0][0] if self._changes else None
            byte_us = self._to_device[0][0] if self._to_device else None
            next_us = min((at for at in (change_us, byte_us) if at is not None), default=None)
            if next_us is None or next_us > now_us:
                break
            self._now_us = max(self._now_us, next_us)
            self._device.advance(self._now_us)
            self._collect(self._now_us)
            if change_us == next_us:
                _, begins, fault = self._changes.pop(0)
                self._change(fault, begins=begins)
            else:
                self._device.receive(self._to_device.pop(0)[1], self._now_us)
                self._collect(self._now_us)
        self._now_us = max(self._now_us, now_us)
        self._device.advance(now_us)
        self._collect(now_us)

    def next_deadline_us(self) -> int | None:
        """The device's own, the plan's, or a byte that is on its way."""
        due = [self._device.next_deadline_us()]
        due += [times[0][0] for times in (self._changes, self._to_device, self._to_host) if times]
        return min((at for at in due if at is not None), default=None)

    def _collect(self, now_us: int) -> None:
        for frame in self._device.data_to_send():
            _queue(self._to_host, self._down.take(frame, now_us), now_us)

    def _change(self, fault: Fault, *, begins: bool) -> None:
        if fault.kind in BODY:
            self._place(fault.channel, self._now_us)
        elif fault.kind in DEVICE:
            self._device_fault(fault, begins=begins)
        else:
            return  # of the wire: it looks at the plan itself
        self.applied.append((self._now_us, fault.kind if begins else f"{fault.kind} over"))

    def _device_fault(self, fault: Fault, *, begins: bool) -> None:
        if fault.kind == "restart":
            if begins:
                self._device.inject(DeviceEvent("restart"), self._now_us)
        elif fault.kind == "hang":
            self._device.inject(DeviceEvent("hang" if begins else "resume"), self._now_us)
        else:
            value = fault.size if fault.kind == "refuse" else 1
            self._device.inject(DeviceEvent(fault.kind, value if begins else 0), self._now_us)

    def _place(self, channel: int, now_us: int) -> None:
        load = self._loads[channel]
        for fault in self._plan.faults:
            lasts = fault.active(now_us) or (fault.at_us <= now_us and not fault.for_us)
            if fault.kind in BODY and fault.channel == channel and lasts:
                load = OpenLoad() if fault.kind == "lead-off" else ResistiveLoad(_LOAD_OHM[fault.kind])
        self._device.set_load(channel, load)


def _queue(waiting: list[tuple[int, bytes]], pieces: list[tuple[int, bytes]], now_us: int) -> None:
    """Bytes of one direction never overtake each other."""
    for delay_us, piece in pieces:
        at_us = now_us + delay_us
        waiting.append((max(at_us, waiting[-1][0]) if waiting else at_us, piece))
