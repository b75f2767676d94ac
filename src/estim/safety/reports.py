"""Reports: what a device or the room said, in words that no longer depend on any wire. Drivers make them from bytes."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Literal

from estim.safety.units import Micros


class OutputState(enum.StrEnum):
    """Whether current may flow. Only the device's own status makes it OFF; unknown is UNCERTAIN, never OFF."""

    OFF = "OFF"
    ON = "ON"
    UNCERTAIN = "UNCERTAIN"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identified:
    """The device said who it is and that it is idle. `device_id` is "" where the wire has none (RehaStim2)."""

    model: str
    device_id: str
    firmware: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """Ready to take `SetOutput`: the stimulation level is initialised and no channel is on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListsPlayed:
    """How many lists a device that plays each but once has answered since it was opened: a host that was held up asks
    for fewer than its period says.

    Attributes:
        least: answers to requests that were made.
        most: with the answers to nothing that was asked, as a request that arrived twice has them.
    """

    least: int
    most: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledged:
    """The device accepted the command that `Driver.submit` numbered `seq`. It says accepted, never delivered.

    Attributes:
        seq: number that `submit` gave; OutputOff is acknowledged as well.
        round_trip_us: from the bytes being handed out to the answer.
        lists: how many the device had played before it, where it plays one for each request.
    """

    seq: int
    round_trip_us: Micros
    lists: ListsPlayed | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Superseded:
    """The command `seq` was never sent: a newer one took its place before the wire was free."""

    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceStatus:
    """What the device itself says of its output, read from a status answer.

    Attributes:
        output_on: the device is stimulating (True), is idle with its stimulation level left (False).
        level_open: the stimulation level is initialised, so that output could follow.
        active_channels: channels that pulse right now, where the wire tells, else None.
        lists: how many it has played so far, where it plays one for each request.
    """

    output_on: bool
    level_open: bool
    active_channels: tuple[int, ...] | None = None
    lists: ListsPlayed | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelFault:
    """A channel's own error. `channel` is None where the device can't tell which."""

    channel: int | None
    kind: Literal["electrode", "pulse-timeout", "low-current"]
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceFault:
    """The device refused a command or failed. `code` is its own number, `text` what that means."""

    code: int
    text: str
    seq: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceLost:
    """The device can't be relied on any more: no answer in time, restarted, its watchdog ended the output, nonsense.

    `output_ended` is True only where the device itself said that its output is over (RehaStim2's unsolicited Init).
    """

    reason: str
    output_ended: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkDown:
    """The link is gone: end of file, an error, a stalled write."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Battery:
    """Charge of a battery-powered device, in per cent."""

    percent: int
    millivolt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    """Bytes that were no valid frame. Counted and recorded; enough of them in a row make a DeviceLost.

    Attributes:
        pulses_most, charge_most_pc: what the device may have played on any one channel, if it is the device's answer to
            a command that nobody gave.
    """

    count: int
    text: str
    pulses_most: int = 0
    charge_most_pc: int = 0


DriverReport = (
    Identified
    | Prepared
    | Acknowledged
    | Superseded
    | DeviceStatus
    | ChannelFault
    | DeviceFault
    | DeviceLost
    | LinkDown
    | Battery
    | Noise
)


@dataclass(frozen=True, slots=True, kw_only=True)
class EmgSamples:
    """A batch of surface EMG.

    Attributes:
        t0_us: time of the first sample on the source's clock.
        rate_hz: samples a second.
        samples_uv: microvolts, rounded to integers.
    """

    t0_us: Micros
    rate_hz: int
    samples_uv: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientSwitch:
    """The patient's own switch. Pressed means stop unless the protocol makes it the trigger."""

    pressed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientSays:
    """Words of the (virtual) patient: `sensation` is none | sensory | motor | strong | limit | pain."""

    sensation: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PracticeState:
    """What the virtual muscle does, for practice and teaching; never present with a real device."""

    channel: int
    force_n: int
    force_percent: int
    fatigue_percent: int
    comfort: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EvokedForce:
    """What a dynamometer or load cell measures on the limb, as a share of its maximum voluntary contraction (MVIC).

    Attributes:
        channel: device channel, from 1, whose muscle pulls.
        percent_mvic: 0 to 200 percent.
    """

    channel: int
    percent_mvic: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorEvent:
    """A named event from a foot switch, crank or other sensor, e.g. `heel-off`."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CrankAngle:
    """Where a crank stands, in whole degrees from 0 to 359; often enough that no window is jumped over."""

    deg: int


RoomReport = EmgSamples | PatientSwitch | PatientSays | PracticeState | EvokedForce | SensorEvent | CrankAngle
Report = DriverReport | RoomReport
