"""Setup: what the therapist decides for this patient today. The protocol says how; the setup says where and how
much.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from estim.safety.schedule import PatientFacts
from estim.safety.units import MicroAmp


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelSetup:
    """One protocol channel on this patient.

    Attributes:
        name: the protocol's channel name.
        channel: device channel that it is plugged into, from 1.
        side: left | right.
        region: needed where the protocol says `any-permitted`, else None.
        pads_cm: size of each pad as used, `(7.6, 12.7)` or `(3.2,)`; None = the protocol's own (simulated devices
            only).
        sensory_ua, motor_ua, max_tolerated_ua: marks found today on these pads in this position; None = not found.
        level_ua: what full intensity plays: the mark that the protocol's amplitude rule asks for, as the therapist
            set it.
        level_frequency_mhz, level_pulse_width_us: the settings at which the level was found.
        cap_ua: a cap for this patient (L28), e.g. from the other limb.
        included: False leaves an `optional` channel out.
    """

    name: str
    channel: int
    side: str
    region: str | None = None
    pads_cm: tuple[tuple[float, ...], tuple[float, ...]] | None = None
    sensory_ua: MicroAmp | None = None
    motor_ua: MicroAmp | None = None
    max_tolerated_ua: MicroAmp | None = None
    level_ua: MicroAmp | None = None
    level_frequency_mhz: int | None = None
    level_pulse_width_us: int | None = None
    cap_ua: MicroAmp | None = None
    included: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What was measured today before output: value and unit, the side, and by what (device, or hand)."""

    name: str
    value: str
    unit: str
    side: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """Everything about today that a schedule depends on.

    Attributes:
        patient_id: pseudonym.
        channels: one for each of the protocol's channels.
        week, session: of the course of treatment, from 1, confirmed by the therapist.
        patient: facts that limits need.
        mvic: `measured` | `estimated` | None; percent-mvic without a measurement is played as motor-visible, or
            refused if the file asks.
        measures: name and value of what was measured today, for the protocol's criteria (`quadriceps-index`, 82).
        measured: the same with unit, side and by what, for the record.
        drill: the exercise that the contractions are the repetitions of; "" for none.
        left_out: why something that the course or a criterion asks for was not measured.
        simulated: pads may default to the protocol's.
        cadence_per_min: today's turns of a crank, or steps; None: the file's turns, and steps that nobody stated.
        early_reason: why a session begins before the pause of its file is over, or beyond its sessions of a day.
    """

    patient_id: str
    channels: tuple[ChannelSetup, ...]
    week: int = 1
    session: int = 1
    patient: PatientFacts = field(default_factory=PatientFacts)
    mvic: str | None = None
    measures: tuple[tuple[str, float], ...] = ()
    measured: tuple[Measured, ...] = ()
    left_out: str = ""
    drill: str = ""
    simulated: bool = False
    early_reason: str = ""
    cadence_per_min: int | None = None

    def channel(self, name: str) -> ChannelSetup | None:
        """The setup of the protocol channel `name`, or None."""
        return next((channel for channel in self.channels if channel.name == name), None)
