"""One channel of a session in brief: what it was set to, what was acknowledged, which bounds are proved for it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from estim.record_lines.bounds import BoundsOfDose
from estim.records.chain import Entry


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelSummary:
    """What one channel was set to, and what the device acknowledged. Charge is the sum of first phases.

    Attributes:
        level_ua: the therapy's last level; marks are None where none was made in this session.
        motor_on_us: therapy's on time above 15 Hz (L27); finding levels stands apart, as in the dose.
        dose_recorded: False where the record broke off before a dose line: pulses and charge are then not 0 but
            unknown, peak and on time come from the acknowledged commands.
        titration_*, low_rate_*: the same of finding levels and of looking for the twitch, which stand apart from the
            dose.
        pulse_form: how the pulses differ from single, even, symmetric ones; "" where they do not.
        twitch_ua, twitch_hz: where the low-rate test showed a twitch, and its rate; no level of any other rate.
        pulses_least, pulses_most, titration_pulses_*: what the record proves, at least and at most.
        pulses_shown: at least so many even if the device did not do what it acknowledged.
        sent_*: about what the therapy's acknowledged commands amount to, for where the dose is not recorded.
    """

    channel: int
    name: str
    muscle: str
    side: str
    region: str
    output: str
    placement: str
    pads: str
    frequency_hz: str
    pulse_width_us: str
    level_ua: int
    cap_ua: int
    cap_rule: str
    sensory_ua: int | None
    motor_ua: int | None
    max_tolerated_ua: int | None
    peak_ua: int
    pulses: int
    charge_pc: int
    on_us: int
    unacknowledged_pulses: int
    motor_on_us: int
    pulse_form: str = ""
    dose_recorded: bool = True
    titration_peak_ua: int = 0
    titration_pulses: int = 0
    titration_charge_pc: int = 0
    titration_on_us: int = 0
    titration_recorded: bool = True
    low_rate_peak_ua: int = 0
    low_rate_pulses: int = 0
    low_rate_charge_pc: int = 0
    low_rate_on_us: int = 0
    low_rate_recorded: bool = True
    twitch_ua: int | None = None
    twitch_hz: float | None = None
    sent_pulses: int = 0
    sent_charge_pc: int = 0
    pulses_shown: int = 0
    pulses_least: int = 0
    pulses_most: int = 0
    titration_pulses_least: int = 0
    titration_pulses_most: int = 0

    @property
    def had_current(self) -> bool:
        """The device acknowledged current for this channel, for whatever purpose."""
        return bool(self.peak_ua or self.titration_peak_ua or self.low_rate_peak_ua)


def with_bounds(channels: Iterable[ChannelSummary], entries: Iterable[Entry]) -> tuple[ChannelSummary, ...]:
    """The channels with their bounds.

    Raises:
        KeyError, TypeError, AttributeError: a line has not the shape of its kind.
    """
    bounds = BoundsOfDose()
    for entry in entries:
        bounds.take(entry.kind, entry.fields, entry.t_us)
    made = []
    for channel in channels:
        therapy, found = (bounds.of(purpose, channel.channel) for purpose in ("therapy", "titration"))
        made.append(replace(
            channel, pulses_shown=therapy.pulses_shown, pulses_least=therapy.pulses_least,
            pulses_most=therapy.pulses_most,
            titration_pulses_least=found.pulses_least, titration_pulses_most=found.pulses_most,
        ))  # fmt: skip
    return tuple(made)
