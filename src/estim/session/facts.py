"""What a session knows of its channels and its authorisations: plain data that `Core` keeps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from estim.record_lines.rows import DoseRow
from estim.safety.schedule import Purpose
from estim.session.run import Place


@dataclass(slots=True)
class Account:
    """What one channel got in one purpose, by the device's acknowledgements."""

    pulses: int = 0
    charge_pc: int = 0
    on_us: int = 0
    peak_ua: int = 0
    unacknowledged_pulses: int = 0


@dataclass(slots=True)
class Pending:
    """An authorisation that is written and not yet durable."""

    asked_us: int
    contractions: tuple[int, int]
    until_us: int
    place: Place
    raised: dict[int, int] = field(default_factory=dict)


@dataclass(slots=True)
class Found:
    """A channel's levels of today, found by titration on these pads at this rate and width."""

    level_ua: int = 0
    sensory_ua: int | None = None
    motor_ua: int | None = None
    motor_at_us: int | None = None
    max_tolerated_ua: int | None = None
    frequency_mhz: int = 0
    pulse_width_us: int = 0


@dataclass(slots=True)
class Cover:
    """What the latest granted authorisation allows."""

    place: Place
    contractions: tuple[int, int]
    until_us: int


@dataclass(frozen=True, slots=True)
class Known:
    """What the home knew of the patient at sign-in: L27's minutes by `muscle/side`, and facts that tighten limits."""

    minutes_today: Mapping[str, int] = field(default_factory=dict)
    flags: tuple[str, ...] = ()


def dose_rows(accounts: Mapping[tuple[Purpose, int], Account], purpose: Purpose) -> list[DoseRow]:
    """The accounts of one purpose, as the record and the command line give them; sums since the session began."""
    return [
        {
            "channel": channel,
            "pulses": account.pulses,
            "charge_pc": account.charge_pc,
            "on_us": account.on_us,
            "peak_ua": account.peak_ua,
            "unacknowledged_pulses": account.unacknowledged_pulses,
        }
        for (of, channel), account in sorted(accounts.items())
        if of == purpose
    ]
