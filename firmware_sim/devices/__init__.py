"""The simulated stimulators, by model name."""

from __future__ import annotations

from collections.abc import Mapping

from firmware_sim.devices.interface import SimulatedDevice
from firmware_sim.devices.p24 import P24
from firmware_sim.devices.rehamove3 import RehaMove3
from firmware_sim.devices.rehastim1 import RehaStim1
from firmware_sim.devices.rehastim2 import RehaStim2
from firmware_sim.words import quoted

_KINDS: tuple[type[P24 | RehaMove3 | RehaStim2 | RehaStim1], ...] = (P24, RehaMove3, RehaStim2, RehaStim1)
_DEVICES = {device.model: device for device in _KINDS}
MODELS: tuple[str, ...] = tuple(_DEVICES)


def step_ua(model: str) -> int:
    """The finest step of this device's current."""
    return _DEVICES[model].step_ua


def timer_us(model: str) -> int:
    """After how long without a word from the host this device ends its output by itself."""
    return _DEVICES[model].timer_us


def tells_of_leads(model: str) -> bool:
    """Whether this device finds a lead that is off and says so."""
    return _DEVICES[model].tells_of_leads


def plays_each_once(model: str) -> bool:
    """Whether this device is played list by list here: each command once, none by itself."""
    return _DEVICES[model].plays_each_once


def make_device(model: str, *, seed: int = 0, options: Mapping[str, str] | None = None) -> SimulatedDevice:
    """A device of this model.

    Raises:
        ValueError: unknown model or option, naming those that exist.
    """
    if model not in _DEVICES:
        raise ValueError(f"no simulated device {quoted(model)}; there are {', '.join(MODELS)}")
    return _DEVICES[model](seed=seed, options=options)
