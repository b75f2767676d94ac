"""The simulated stimulators, by model name."""

from __future__ import annotations

from collections.abc import Mapping

from firmware_sim.devices.interface import SimulatedDevice
from firmware_sim.devices.p24 import P24

MODELS: tuple[str, ...] = ("p24",)


def make_device(model: str, *, seed: int = 0, options: Mapping[str, str] | None = None) -> SimulatedDevice:
    """A device of this model.

    Raises:
        ValueError: unknown model or option, naming those that exist.
    """
    if model == "p24":
        return P24(seed=seed, options=options)
    raise ValueError(f"no simulated device {model!r}; there are {', '.join(MODELS)}")
