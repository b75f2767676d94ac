"""Rows that stand inside lines. Pure."""

from __future__ import annotations

from typing import Annotated, TypedDict


class _Burst(TypedDict, total=False):
    burst_pulses: Annotated[int, "pulses at the place of one; left out where it is one"]


class CommandRow(_Burst):
    """One channel of a command. A command is the whole output: a channel that it does not name is off."""

    channel: Annotated[int, "device channel, from 1"]
    amplitude_ua: Annotated[int, "current of a phase of the pulse"]
    pulse_width_us: Annotated[int, "duration of one phase"]
    interphase_us: Annotated[int, "gap between both phases"]
    period_us: Annotated[int, "from pulse to pulse"]


class PeakRow(TypedDict):
    """The most that one channel may be given under an authorisation."""

    channel: Annotated[int, "device channel, from 1"]
    peak_ua: Annotated[int, "highest current"]
    pulse_width_us: Annotated[int, "longest phase"]
    period_us: Annotated[int, "shortest time from pulse to pulse"]


class _Evoked(TypedDict, total=False):
    evoked_percent_mvic: Annotated[int, "highest share of the MVIC that was measured in it; left out where nothing was"]


class ReachedRow(_Evoked):
    """How far one channel's contraction came."""

    channel: Annotated[int, "device channel, from 1"]
    peak_ua: Annotated[int, "highest current of this contraction"]
    level_ua: Annotated[int, "what it should have reached: the channel's level, times the phase's intensity"]


class _Proved(TypedDict, total=False):
    pulses_shown: Annotated[int, "at least, even if the device did not do what it acknowledged: its status showed them"]
    pulses_least: Annotated[int, "at least, if the device did what it acknowledged; a take-over does not say"]
    pulses_most: Annotated[int, "and at most"]
    charge_shown_pc: Annotated[int, "first phases of pulses_shown, each as low as any commanded in its run"]
    charge_least_pc: Annotated[int, "sum of first phases as commanded, at least"]
    charge_most_pc: Annotated[int, "and at most"]


class DoseRow(_Proved):
    """What one channel was given for one purpose since the session began."""

    channel: Annotated[int, "device channel, from 1"]
    pulses: Annotated[int, "pulses of acknowledged commands"]
    charge_pc: Annotated[int, "sum of their first phases"]
    on_us: Annotated[int, "time with current, ramps included"]
    peak_ua: Annotated[int, "highest current"]
    unacknowledged_pulses: Annotated[int, "pulses of commands that were never acknowledged"]


class DeviceRow(TypedDict):
    """The stimulator of a session."""

    model: Annotated[str, "p24, rehamove3, rehastim2, ..."]
    title: Annotated[str, "the maker's name for it"]
    id: Annotated[str, "its own number; empty where it does not tell"]
    firmware: Annotated[str, "as it tells; empty where it does not"]
    intended_use: Annotated[str, "the maker's own word on use in people"]
    profile: Annotated[dict[str, object], "what it can do, see DeviceProfile"]


class ProblemRow(TypedDict):
    """Why something was refused, reduced or changed."""

    severity: Annotated[str, "refuse, warn or info"]
    key: Annotated[str, "place in the input"]
    message: Annotated[str, "one sentence for a person"]
    line: Annotated[int | None, "line of the file, null where there is none"]
    asked: Annotated[int | str | bool | None, "what was asked"]
    allowed: Annotated[int | str | bool | None, "what is allowed"]
    unit: Annotated[str, "of both"]
    layer: Annotated[str, "which layer of limits says so, or schema"]
    rule: Annotated[str, "the limit's number, or the rule's name"]
    source: Annotated[str, "where the number comes from"]


class SegmentRow(TypedDict):
    """One segment's file, as its seal signs it."""

    bytes: Annotated[int, "how many; of the last segment those before the seal's line"]
    sha256: Annotated[str, "of these bytes"]
