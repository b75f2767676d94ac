"""Packets of ScienceMode2 (RehaStim2): numbers, channel list mode, answers. Pure.

Multi-byte values most significant byte first. Results are signed bytes. Times are codes of 0.5 ms.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from estim.safety.commands import ChannelOutput, SetOutput
from estim.safety.errors import InterlockTripped
from estim.safety.waveform import pulse_points

INIT, INIT_ACK, UNKNOWN_COMMAND, WATCHDOG = 1, 2, 3, 4
GET_MODE, LIST_INIT, LIST_START, LIST_STOP = 10, 30, 32, 34
STIMULATION_ERROR = 38
MODE_START, MODE_INITIALISED, MODE_STARTED = 0, 1, 2
PROTOCOL_VERSION = 1
ACCEPTED, INCOMPATIBLE = b"\x00", b"\xfb"
ERROR_SWITCH, ERROR_ELECTRODE, ERROR_MODULE = -1, -2, -3

CHANNELS = 8
CURRENT_STEP_UA, CURRENT_MAX_UA = 2_000, 130_000  # the wire's unit is 1 mA, the hardware's step 2 mA
WIDTH_MIN_US, WIDTH_MAX_US = 20, 500  # below 20 µs the firmware plays 20: width 0 is not off, current 0 is
INTERPHASE_US = 100
MAIN_MIN_US, MAIN_MAX_US = 8_000, 1_025_000  # firmware minimum 8 ms; code 2048 is 1025 ms
SLOT_US = 1_500  # every selected channel owns one, in ascending order
INTERVAL_MIN_US, INTERVAL_MAX_US = 8_000, 129_000  # of doublets and triplets; 8 ms is the firmware's minimum
FACTOR_MAX = 7  # passes that a slow channel rests
BURST_MAX = 3
SINGLE_PULSE = 0

RESULTS = {
    0: "ok",
    -1: "transfer error",
    -2: "parameter error (a bad value, or too many or too few bytes)",
    -3: "wrong mode",
    -5: "incompatible protocol version",
    -8: "busy",
}
ERRORS = {
    ERROR_SWITCH: "the emergency switch was pressed or is not plugged in",
    ERROR_ELECTRODE: "electrode error: a pad or its cable is off; the device does not say on which channel",
    ERROR_MODULE: "stimulation module error",
}


def result_text(code: int) -> str:
    """What a result means (wire document 3.2)."""
    return RESULTS.get(code, f"result {code}, which the wire document does not know")


def signed(byte: int) -> int:
    """A result byte: 0xFF is -1."""
    return byte - 256 if byte > 127 else byte


@dataclass(frozen=True, slots=True)
class ChannelList:
    """What InitChannelListMode fixes. Without channels: nothing.

    Attributes:
        channels: ascending.
        period_us: of a pass of the list, and so of every channel that is not in `low`.
        low: channels that play one pass and rest `factor` passes.
        interval_us: of doublets and triplets, the same for all.
    """

    channels: tuple[int, ...] = ()
    period_us: int = 0
    low: tuple[int, ...] = ()
    factor: int = 0
    interval_us: int = INTERVAL_MIN_US

    def period_of(self, channel: int) -> int:
        """From pulse to pulse of this channel."""
        return self.period_us * (1 + self.factor) if channel in self.low else self.period_us

    def including(self, command: SetOutput) -> ChannelList:
        """The list that `command` needs: this one, unless it has other channels, rates or spacings.

        Raises:
            InterlockTripped: two spacings, or rates that one list can't have.
        """
        playing = [output for output in command.channels if output.amplitude_ua]
        intervals = {output.burst_interval_us for output in playing if output.burst_pulses > 1}
        if len(intervals) > 1:
            raise InterlockTripped("grid", f"one spacing for all bursts, not {sorted(intervals)} µs")
        interval_us = max(intervals, default=self.interval_us)
        channels = tuple(sorted({*self.channels, *(output.channel for output in playing)}))
        if not playing or all(self.period_of(output.channel) == output.period_us for output in playing):
            return replace(self, channels=channels, interval_us=interval_us)
        periods = {output.channel: output.period_us for output in playing}
        known = {channel: self.period_of(channel) for channel in self.low if channel not in periods}
        period_us = min(periods.values())
        if any(known_us <= period_us or known_us % period_us for known_us in known.values()):
            known = {}
        return ChannelList(channels, period_us, interval_us=interval_us).slowed({**known, **periods})

    def slowed(self, periods_us: Mapping[int, int]) -> ChannelList:
        """This list with those channels slow whose period is longer than a pass; what does not fit is seen when it is
        encoded, or an output is held against it.
        """
        slow = {channel: us // self.period_us - 1 for channel, us in periods_us.items() if us != self.period_us}
        return replace(self, low=tuple(sorted(slow)), factor=max(slow.values(), default=0))


def encode_list_init(wanted: ChannelList) -> bytes:
    """Data of InitChannelListMode, continuous.

    Raises:
        InterlockTripped: a channel that the device has not, none at all, or a period, factor or spacing off its grid.
    """
    mask = 0
    for channel in (*wanted.channels, *wanted.low):
        if not 1 <= channel <= CHANNELS:
            raise InterlockTripped("command", "channel", asked=channel, allowed=CHANNELS)
        mask |= 1 << channel - 1
    shortest_us = max(MAIN_MIN_US, mask.bit_count() * SLOT_US)
    if not mask or wanted.period_us % 500 or not shortest_us <= wanted.period_us <= MAIN_MAX_US:
        allowed = f"multiples of 500 µs, {shortest_us} to {MAIN_MAX_US}"
        text = f"period {wanted.period_us} µs for {mask.bit_count()} channels can't be coded: {allowed}"
        raise InterlockTripped("grid", text)
    if not 0 <= wanted.factor <= FACTOR_MAX or bool(wanted.factor) != bool(wanted.low):
        raise InterlockTripped("grid", "slow channels", asked=wanted.factor, allowed=FACTOR_MAX)
    if wanted.interval_us % 500 or not INTERVAL_MIN_US <= wanted.interval_us <= INTERVAL_MAX_US:
        raise InterlockTripped("grid", "spacing", asked=wanted.interval_us, allowed=INTERVAL_MAX_US)
    low = sum(1 << channel - 1 for channel in wanted.low)
    code, inter = wanted.period_us // 500 - 2, wanted.interval_us // 500 - 3
    data = bytes((wanted.factor, mask, low, inter, code >> 8, code & 0xFF, 0))
    if decode_list_init(data) != wanted:
        raise InterlockTripped("encode", "the channel list does not decode to what was asked")
    return data


def decode_list_init(data: bytes) -> ChannelList:
    """The list of InitChannelListMode data."""
    channels, low = (tuple(bit + 1 for bit in range(CHANNELS) if data[at] >> bit & 1) for at in (1, 2))
    period_us = (data[4] << 8 | data[5]) * 500 + 1_000
    return ChannelList(channels, period_us, low, data[0], data[3] * 500 + 1_500)


def encode_list_start(command: SetOutput, wanted: ChannelList) -> bytes:
    """Data of StartChannelListMode: an entry for every channel that was initialised, 0 mA for those that are off.

    Args:
        wanted: what InitChannelListMode was given.

    Raises:
        InterlockTripped: a channel or period that was not initialised, a pulse that the device can't play, or what was
            encoded does not decode to what was asked.
    """
    asked: dict[int, ChannelOutput] = {}
    last = 0
    for output in command.channels:
        if output.channel <= last:
            raise InterlockTripped("command", f"channel {output.channel} after {last}: they must ascend")
        last = output.channel
        if output.amplitude_ua:
            _check(output, wanted)
            asked[output.channel] = output
    trains = {
        channel: (entry.burst_pulses - 1, int(entry.pulse_width_us), int(entry.amplitude_ua))
        if (entry := asked.get(channel)) is not None
        else (SINGLE_PULSE, WIDTH_MIN_US, 0)
        for channel in wanted.channels
    }
    data = bytearray()
    for mode, width_us, amplitude_ua in trains.values():
        data += bytes((mode, width_us >> 8, width_us & 0xFF, amplitude_ua // 1_000))
    if decode_list_start(bytes(data), wanted.channels) != trains:
        raise InterlockTripped("encode", "the output does not decode to what was asked")
    return bytes(data)


def _check(output: ChannelOutput, wanted: ChannelList) -> None:
    pulse_points(output)  # the balance, by the kernel's own sum
    where = f"channel {output.channel}: "
    if output.channel not in wanted.channels:
        raise InterlockTripped("command", f"{where}it was not initialised, only {list(wanted.channels)} were")
    period_us = wanted.period_of(output.channel)
    if output.period_us != period_us:
        raise InterlockTripped("grid", f"{where}period", asked=output.period_us, allowed=period_us)
    if output.phase_ratio != 1 or not 1 <= output.burst_pulses <= BURST_MAX:
        raise InterlockTripped("grid", f"{where}the device gives symmetric single pulses, doublets and triplets only")
    if output.burst_pulses > 1 and (
        output.burst_interval_us != wanted.interval_us or output.burst_pulses * wanted.interval_us > wanted.period_us
    ):
        raise InterlockTripped("grid", f"{where}spacing", asked=output.burst_interval_us, allowed=wanted.interval_us)
    if output.interphase_us != INTERPHASE_US:
        raise InterlockTripped("grid", f"{where}gap", asked=output.interphase_us, allowed=INTERPHASE_US)
    if not WIDTH_MIN_US <= output.pulse_width_us <= WIDTH_MAX_US:
        raise InterlockTripped("L2", f"{where}phase width", asked=output.pulse_width_us, allowed=WIDTH_MAX_US)
    if output.amplitude_ua % CURRENT_STEP_UA or not 0 < output.amplitude_ua <= CURRENT_MAX_UA:
        raise InterlockTripped("grid", f"{where}amplitude", asked=output.amplitude_ua, allowed=CURRENT_MAX_UA)


def decode_list_start(data: bytes, channels: Sequence[int]) -> dict[int, tuple[int, int, int]]:
    """Channel → (mode, pulse width in µs, amplitude in µA) of StartChannelListMode data."""
    return {
        channel: (data[at], data[at + 1] << 8 | data[at + 2], data[at + 3] * 1_000)
        for channel, at in zip(channels, range(0, len(data), 4), strict=True)
    }
