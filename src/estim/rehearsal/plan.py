"""What to rehearse."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from estim.protocols.setup import Setup
from estim.safety.errors import Problem
from estim.safety.limits import Limits


@dataclass(slots=True, kw_only=True)
class RehearsalPlan:
    """What to rehearse.

    Attributes:
        folder: where the record goes; None keeps it in memory.
        pulses: gets every pulse as a CSV row.
        limits: absolute & site.
        patient_profile: the virtual patient on the electrodes; "" is a plain resistor.
        patient_flags: what the register knows of the patient that tightens limits, as at the door of a session.
        notes: what there is to say of the words that the plan was made from.
    """

    source: str
    setup: Setup
    levels_ua: dict[str, int]
    motor_ua: dict[str, int]
    model: str = "p24"
    seed: int = 0
    limits: Limits
    folder: Path | None = None
    own: Path | None = None
    pulses: TextIO | None = None
    patient_profile: str = ""
    patient_flags: tuple[str, ...] = ()
    notes: tuple[Problem, ...] = ()
