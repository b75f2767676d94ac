"""A bench with a scripted device of each model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from estim.drivers.models import MODELS
from estim.safety.reports import Acknowledged, DeviceStatus, Identified, Prepared

from .scripted import ScriptedMidLevel, ScriptedRehaStim2
from .wire_bench import WireBench, output, pulse

AnyDevice = ScriptedMidLevel | ScriptedRehaStim2


@dataclass(frozen=True)
class Case:
    model: str
    device: Callable[[], AnyDevice]
    update: int
    stop: int
    status: int


CASES = [
    Case("p24", lambda: ScriptedMidLevel(4), 32, 34, 62),
    Case("rehamove3", lambda: ScriptedMidLevel(3), 32, 34, 62),
    Case("rehastim2", ScriptedRehaStim2, 32, 34, 10),
]


MID_LEVEL = [one for one in CASES if isinstance(one.device(), ScriptedMidLevel)]


def case(model: str) -> Case:
    """The case of one model."""
    return next(one for one in CASES if one.model == model)


# Models whose wire has nothing to script in common with these, and the file of their own suite.
TESTED_ALONE = {"rehastim1": "tests/drivers/test_rehastim1.py"}


class Table(WireBench):
    """A bench with its case and its scripted device."""

    def __init__(self, case: Case, *, delay_us: int = 500) -> None:
        self.case = case
        self.stim = case.device()
        super().__init__(MODELS[case.model].make(), self.stim, delay_us=delay_us)

    def ready(self) -> Table:
        self.connect()
        self.wait(Identified)
        self.forget()
        return self

    def on(self, amplitude_ma: float = 20) -> Table:
        """Prepared, and channel 1 pulsing."""
        self.poll_us = 250_000
        self.ready().prepare(1, 2)
        self.wait(Prepared)
        self.submit(output(pulse(1, amplitude_ma)))
        self.wait(Acknowledged)
        assert 1 in self.stim.running
        self.forget()
        return self

    def is_off(self) -> bool:
        return any(not status.output_on and not status.level_open for status in self.of(DeviceStatus))
