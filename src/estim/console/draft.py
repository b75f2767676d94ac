"""What the therapist has entered so far: kept across the stages, so each of them can be left and come back to."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from estim.protocols.schema import Protocol
from estim.protocols.setup import ChannelSetup, Setup
from estim.safety.electrodes import electrode_from_cm
from estim.safety.units import MicroAmp
from estim.session.screening import patient_facts
from estim.session.snapshot import ChannelView


class Stage(enum.StrEnum):
    """The way of a session, in its order; the words of the trail."""

    PATIENT = "Patient"
    PROTOCOL = "Protocol"
    SCREENING = "Screening"
    PADS = "Pads"
    DEVICE = "Device"
    LEVELS = "Levels"
    RUN = "Treat"
    OUTCOME = "Outcome"
    SIGN = "Sign"


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteChoice:
    """A channel's place on the body, before any schedule exists (what `screening.judge` needs)."""

    name: str
    region: str
    side: str


@dataclass(slots=True, kw_only=True)
class Draft:
    """The session as entered in this console. Nothing here is delivered: the controller judges all of it again."""

    operator: str = ""
    patient_id: str = ""
    signed_in: bool = False
    sessions_before: int = 0
    source: str = ""
    protocol: Protocol | None = None
    week: int = 1
    session: int = 1
    previous_answers: dict[str, bool | str] = field(default_factory=dict)
    answers: dict[str, bool | str] = field(default_factory=dict)
    screened: bool = False
    channels: dict[str, ChannelSetup] = field(default_factory=dict)
    levels_taken: bool = False
    mvic: str | None = None
    pad_labels: dict[str, str] = field(default_factory=dict)  # channel → what is written on its pair of pads
    skin_before: str = ""
    skin_reviewed_by: str = ""
    stop_test_ms: int | None = None
    switch: str = ""  # "tested", "none" where the patient has none, "" before either was said
    signed_in_us: int | None = None
    first_contraction_us: int | None = None
    stop_reason: str = ""

    @property
    def first_session(self) -> bool:
        """This patient was never treated from here."""
        return self.sessions_before == 0

    def choose(self, source: str, protocol: Protocol) -> None:
        """Take this protocol: channels get what the protocol says, levels of another one are forgotten."""
        self.source, self.protocol = source, protocol
        self.levels_taken = False
        self.session = self.sessions_before + 1
        self.channels = {
            channel.name: ChannelSetup(
                name=channel.name,
                channel=number,
                side=channel.side if channel.side in {"left", "right"} else "",
                region=None,
            )
            for number, channel in enumerate(protocol.channel, start=1)
        }

    def place(self, changed: ChannelSetup) -> None:
        """Another place or other pads: what was found on the old ones does not hold any more."""
        before = self.channels.get(changed.name)
        if before is not None and before != changed:
            self.levels_taken = False
            changed = replace(
                changed, sensory_ua=None, motor_ua=None, max_tolerated_ua=None, level_ua=None,
                level_frequency_mhz=None, level_pulse_width_us=None,
            )  # fmt: skip
        self.channels[changed.name] = changed

    def take_levels(self, views: Iterable[ChannelView]) -> None:
        """Levels as the session found them, from its last snapshot."""
        for view in views:
            known = self.channels.get(view.name)
            if known is None or not view.level_ua:
                continue
            self.channels[view.name] = replace(
                known,
                sensory_ua=_ua(view.sensory_ua),
                motor_ua=_ua(view.motor_ua),
                max_tolerated_ua=_ua(view.max_tolerated_ua),
                level_ua=MicroAmp(view.level_ua),
                level_frequency_mhz=view.frequency_mhz,
                level_pulse_width_us=view.pulse_width_us,
            )
            self.levels_taken = True

    def sites(self) -> tuple[SiteChoice, ...]:
        """Where the included channels go."""
        if self.protocol is None:
            return ()
        regions = {channel.name: channel.region for channel in self.protocol.channel}
        return tuple(
            SiteChoice(name=setup.name, region=setup.region or regions[setup.name], side=setup.side)
            for setup in self.channels.values()
            if setup.included
        )

    def setup(self, *, simulated: bool) -> Setup:
        """Everything about today, for `ConfigureFrom`."""
        return Setup(
            patient_id=self.patient_id,
            channels=tuple(self.channels.values()),
            week=self.week,
            session=self.session,
            patient=patient_facts(self.answers, self.sites()),
            mvic=self.mvic,
            simulated=simulated,
        )


def _ua(value: int | None) -> MicroAmp | None:
    return None if value is None else MicroAmp(value)


def pad_area_cm2(size_cm: tuple[float, ...]) -> float:
    """Area of a pad from its sides or diameter.

    Raises:
        ValueError: no size.
    """
    return electrode_from_cm("pad", size_cm).area_mm2 / 100


def source_name(source: str) -> str:
    """A protocol's source as it is shown: the library's name, or the file's."""
    return Path(source).name if "/" in source or "\\" in source else source
