"""Every cause that must end output, on driver and simulated device in simulated time: when was the last pulse, and when
did the device itself confirm that it is off. The reaction to a report is the session's: off, at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from estim.drivers.models import MODELS
from estim.safety.reports import (
    Acknowledged,
    ChannelFault,
    DeviceFault,
    DeviceLost,
    DeviceStatus,
    DriverReport,
    Identified,
    Prepared,
)
from firmware_sim.devices import make_device
from firmware_sim.devices.interface import DeviceEvent, Pulse
from firmware_sim.devices.load_port import OpenLoad, ResistiveLoad
from tests.drivers.wire_bench import WireBench, output, pulse

PAIRS = tuple(MODELS)  # a model without a simulated device fails here, it is not left out
PERIOD_US = 20_000
AMPLITUDE_MA = 20
WATCH_US = 6_000_000


class Pair(WireBench):
    """A driver and the simulated device of its model; every pulse is seen."""

    def __init__(self, model: str, *, delay_us: int = 500, options: Mapping[str, str] | None = None) -> None:
        self.simulated = make_device(model, seed=1, options=options)
        self.pulses: list[Pulse] = []
        self.simulated.on_pulse = self.pulses.append
        self.reacts = False
        super().__init__(MODELS[model].make(), self.simulated, delay_us=delay_us)

    def on(self, amplitude_ma: float = AMPLITUDE_MA) -> Pair:
        """Identified, prepared, and channel 1 pulsing for a second; the session's polls run."""
        self.connect()
        self.wait(Identified)
        self.poll_us = 250_000
        self.go(amplitude_ma)
        self.run(1_000_000)
        self.forget()
        self.reacts = True
        return self

    def go(self, amplitude_ma: float = AMPLITUDE_MA) -> None:
        """Prepared and pulsing, from whatever stood before."""
        self.prepare(1, 2, period_us=PERIOD_US)
        self.wait(Prepared)
        self.submit(output(pulse(1, amplitude_ma, period_us=PERIOD_US)))
        self.wait(Acknowledged)

    def _note(self, reports: tuple[DriverReport, ...]) -> None:
        super()._note(reports)
        if self.reacts and any(isinstance(report, DeviceLost | DeviceFault | ChannelFault) for report in reports):
            self.off()

    def confirmed_us(self) -> int | None:
        """When the device first said that it is idle, or that its output has ended."""
        off = (at for at, report in self.reports if _says_off(report))
        return next(off, None)


def _says_off(report: DriverReport) -> bool:
    if isinstance(report, DeviceLost):
        return report.output_ended
    return isinstance(report, DeviceStatus) and not report.output_on and not report.level_open


@dataclass(frozen=True)
class Stop:
    """What came of a cause; times in µs from it. `confirmed_us` None = OUTPUT UNCERTAIN."""

    model: str
    cause: str
    last_pulse_us: int
    confirmed_us: int | None


def _unplug(pair: Pair) -> None:
    pair.to_device = pair.to_host = lambda _data: b""


def _mute(pair: Pair) -> None:
    pair.to_host = lambda _data: b""


def _late(pair: Pair) -> None:
    pair.delay_us = 100_000
    pair.off()


def _controller_killed(pair: Pair) -> None:
    pair.poll_us = None
    pair.reacts = False
    _unplug(pair)


def _lying(pair: Pair) -> None:
    """Stops are acknowledged and not obeyed; where they feed the device's timer, they still do."""
    pair.simulated.inject(DeviceEvent("ignore-stop", 1), pair.now_us)
    pair.off()


def _ignore(_number: int) -> None:
    """The number of the command does not matter here."""


CAUSES: Mapping[str, Callable[[Pair], None]] = {
    "stop key": lambda pair: _ignore(pair.off()),
    "stop, answers 100 ms late": _late,
    "lead off": lambda pair: pair.simulated.set_load(1, OpenLoad()),
    "too little current": lambda pair: pair.simulated.set_load(1, ResistiveLoad(12_000)),
    "device restarted": lambda pair: pair.simulated.inject(DeviceEvent("restart"), pair.now_us),
    "device answers nothing": _mute,
    "device hangs, output goes on": lambda pair: pair.simulated.inject(DeviceEvent("hang"), pair.now_us),
    "cable to the computer unplugged": _unplug,
    "controller killed": _controller_killed,
    "stop acknowledged, not obeyed": _lying,
    "emergency switch": lambda pair: pair.simulated.inject(DeviceEvent("switch", 1), pair.now_us),
}


def causes_of(model: str) -> list[str]:
    """The causes that this model can meet."""
    profile = MODELS[model].profile
    return [cause for cause in CAUSES if cause != "emergency switch" or profile.has_stop_switch]


def play(model: str, cause: str) -> Stop:
    """Output on, then the cause; watched for six seconds."""
    pair = Pair(model).on()
    pair.run(3_000)
    began_us = pair.now_us
    pair.forget()
    CAUSES[cause](pair)
    pair.run(WATCH_US)
    last_us = max((pulse.t_us for pulse in pair.pulses), default=began_us)
    confirmed_us = pair.confirmed_us()
    return Stop(
        model,
        cause,
        max(0, last_us - began_us),
        None if confirmed_us is None else confirmed_us - began_us,
    )


def table() -> str:
    """All of it, as Markdown."""
    rows = ["| model | cause | last pulse after | OFF confirmed after |", "|---|---|---|---|"]
    for model in PAIRS:
        for cause in causes_of(model):
            stop = play(model, cause)
            confirmed = "never: OUTPUT UNCERTAIN" if stop.confirmed_us is None else f"{stop.confirmed_us / 1000:.1f} ms"
            rows.append(f"| {model} | {cause} | {stop.last_pulse_us / 1000:.1f} ms | {confirmed} |")
    return "\n".join(rows)
