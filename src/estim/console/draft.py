"""What the therapist has entered so far: kept across the stages, so each of them can be left and come back to."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from estim.console.comfort import PAIN_FROM, Hurting
from estim.protocols.schema import Protocol
from estim.protocols.setup import ChannelSetup, Setup
from estim.safety.electrodes import electrode_from_cm
from estim.safety.units import MicroAmp
from estim.session.screening import patient_facts
from estim.session.snapshot import ChannelView, Snapshot
from estim.session.state import Phase


class Stage(enum.StrEnum):
    """The way of a session, in its order."""

    HOME = "home"
    PLAN = "plan"
    ASSESSMENT = "assessment"
    SCREENING = "screening"
    PADS = "pads"
    DEVICE = "device"
    LEVELS = "levels"
    TREAT = "treat"
    OUTCOME = "outcome"


@dataclass(slots=True, kw_only=True)
class Station:
    """Who works here: stays while patients come and go.

    Attributes:
        operator: as signed in, "" before.
        pin: for the controller, which judges it at each sign-in; written nowhere.
        opened: whose sessions were opened here: a record that was sealed just now may not be read yet.
        empty_room: the stimulator is simulated, and nobody lies on its pads: nothing can happen in the room.
    """

    operator: str = ""
    pin: str = ""
    opened: set[str] = field(default_factory=set)
    empty_room: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteChoice:
    """A channel's place on the body, before any schedule exists (what `screening.judge` needs)."""

    name: str
    region: str
    side: str


@dataclass(slots=True, kw_only=True)
class Draft:
    """One patient's session as entered in this console; a new object for each patient. Nothing here is delivered: the
    controller judges all of it again.
    """

    patient_id: str = ""
    signed_in: bool = False
    sessions_before: int = 0
    source: str = ""
    protocol: Protocol | None = None
    week: int = 1
    session: int = 1
    side: str = ""
    previous_answers: dict[str, bool | str] = field(default_factory=dict)
    answers: dict[str, bool | str] = field(default_factory=dict)
    screened: bool = False
    consent: bool = False
    assessed: bool = False
    channels: dict[str, ChannelSetup] = field(default_factory=dict)
    levels_taken: bool = False
    mvic: str | None = None
    measured: dict[str, float] = field(default_factory=dict)  # today, for the file's criteria
    left_out: str = ""  # why nothing was measured that was asked for
    early_reason: str = ""  # why it is treated before the time that its file asks for
    pad_labels: dict[str, str] = field(default_factory=dict)  # channel → what is written on its pair of pads
    skin: dict[str, str] = field(default_factory=dict)  # channel → how it was before the pads covered it
    lie_as_drawn: set[str] = field(default_factory=set)
    skin_reviewed_by: str = ""
    stop_holder: str = ""
    support: str = ""
    warnings_reason: str = ""
    warnings_read: frozenset[str] = frozenset()  # of the last session: with this reason they were accepted then
    warnings_today: frozenset[str] = frozenset()  # read in this session, with the reason above
    stop_test_ms: int | None = None
    switch: str = ""  # "tested" once it was pressed
    last_marks: dict[str, dict[str, int]] = field(default_factory=dict)  # channel → kind → µA, of the last session
    last_day: str = ""
    signed_in_us: int | None = None
    first_contraction_us: int | None = None
    drill: str = ""  # the exercise whose repetitions the contractions are
    stop_reason: str = ""
    stopped_for: str = ""  # the last stop, until output begins again
    asks_why: bool = False  # the last stop has no reason yet; asked on each stage with output until somebody says one
    asks_of_therapy: bool = False  # it is how the therapy ended
    stops: list[str] = field(default_factory=list)  # why, each time
    reasons_said: list[str] = field(default_factory=list)  # of the last stop or early end: corrected ones as well
    discomfort: int | None = None  # the highest that was entered while output ran
    hurting: Hurting = field(default_factory=Hurting)
    felt_ua: dict[str, int] = field(default_factory=dict)  # what flowed before the last stop
    end_reason: str = ""
    came_from: Stage | None = None  # to the outcome: going back leads there
    therapy_began: bool = False
    flowed: bool = False  # any current at all, also while levels were found
    in_room_us: int | None = None  # when something was last made to happen in the simulated room
    entered: dict[str, str] = field(default_factory=dict)  # of the outcome page, kept when it is left
    written: dict[str, str] = field(default_factory=dict)  # of it in the record, where the seal was refused

    @property
    def hurt(self) -> bool:
        """It was stopped for pain today, or a pain was said."""
        return "pain" in self.stops or (self.discomfort or 0) >= PAIN_FROM

    def time_setup(self, snapshot: Snapshot) -> int | None:
        """Whole seconds from sign-in to the first current of treatment, once, as it comes: the users' own yardstick."""
        if self.signed_in_us is None or self.first_contraction_us is not None:
            return None
        if snapshot.purpose != "therapy" or not any(view.sent_ua > 0 for view in snapshot.channels):
            return None
        self.first_contraction_us = snapshot.now_us
        return (snapshot.now_us - self.signed_in_us) // 1_000_000

    def setup_us(self, snapshot: Snapshot | None) -> int | None:
        """Time since sign-in, up to the first therapeutic contraction; None before."""
        if self.signed_in_us is None or snapshot is None:
            return None
        end = self.first_contraction_us
        return (snapshot.now_us if end is None else end) - self.signed_in_us

    @property
    def first_session(self) -> bool:
        """This patient was never asked from here: every question, one by one."""
        return not self.previous_answers

    def choose(self, source: str, protocol: Protocol) -> None:
        """Take this protocol: channels get what the protocol says, levels of another one are forgotten."""
        self.source, self.protocol = source, protocol
        self.levels_taken, self.early_reason, self.drill = False, "", ""
        self.hurting.forget()
        self.session = self.sessions_before + 1
        self.skin, self.lie_as_drawn, self.stop_test_ms = {}, set(), None
        self.channels = {
            channel.name: ChannelSetup(
                name=channel.name,
                channel=number,
                side=self._side_of(channel.side),
                region=None,
            )
            for number, channel in enumerate(protocol.channel, start=1)
        }

    def _side_of(self, asked: str | None) -> str:
        """The side of a channel: as the protocol has it, or by the treated side."""
        if asked in {"left", "right"}:
            return str(asked)
        other = {"left": "right", "right": "left"}.get(self.side, "")
        return other if asked == "other" else self.side

    def asks_side(self) -> bool:
        """The protocol leaves the side to today."""
        return self.protocol is not None and any(one.side not in {"left", "right"} for one in self.protocol.channel)

    def choose_side(self, side: str) -> None:
        """The treated side: what was found on the other one does not hold."""
        self.side = side
        sides = {} if self.protocol is None else {one.name: one.side for one in self.protocol.channel}
        for name, setup in list(self.channels.items()):
            self.place(replace(setup, side=self._side_of(sides.get(name))))

    def place(self, changed: ChannelSetup) -> None:
        """Another place or other pads: what was found on the old ones does not hold any more."""
        before = self.channels.get(changed.name)
        if before is not None and before != changed:
            self.levels_taken = False
            self.hurting.forget(changed.channel)
            changed = replace(
                changed,
                sensory_ua=None,
                motor_ua=None,
                max_tolerated_ua=None,
                level_ua=None,
                level_frequency_mhz=None,
                level_pulse_width_us=None,
            )
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

    def watch(self, snapshot: Snapshot) -> None:
        """Whether anything flowed, whether treatment began, and the pseudonym in its one written form."""
        if self.signed_in and snapshot.patient_id:
            self.patient_id = snapshot.patient_id  # in its one written form
        self.flowed = self.flowed or any(view.sent_ua > 0 for view in snapshot.channels)
        if snapshot.purpose != "therapy":
            return
        self.therapy_began = self.therapy_began or snapshot.phase is Phase.RUNNING

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
            measures=tuple(sorted(self.measured.items())),
            left_out=self.left_out,
            early_reason=self.early_reason,
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
