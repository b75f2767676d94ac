"""Commands of ScienceMode 1 (RehaStim 1, MotionStim 8): channel lists, updates, stop, answers. Pure.

The first byte of a command has bit 7 set, all others have it clear. Times are codes of 0.5 ms. The check in the first
byte (mod 8 of a list, mod 32 of an update) does not see the weights 8 and 32 and above: a wrong bit there plays, so
what is encoded is decoded again here, and the cable is kept short.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from estim.safety.commands import ChannelOutput, SetOutput
from estim.safety.errors import InterlockTripped
from estim.safety.waveform import pulse_points

STOP = b"\xc0"
ASK = b"\xa0"  # the first byte of an update with nothing in it: an error without a list, a wait for more with one
INIT_KIND, UPDATE_KIND, STOP_KIND, SINGLE_KIND = range(4)  # bits 7 and 6 of an answer
CHANNELS = 8
CURRENT_STEP_UA, CURRENT_MAX_UA = 2_000, 126_000  # the field goes to 127 mA; what is done with odd values is not said
WIDTH_MIN_US, WIDTH_MAX_US = 20, 500
INTERPHASE_US = 100
SLOT_US = 1_500  # each channel of a list owns one, in its module
SPACING_MIN_US, SPACING_MAX_US = 1_500, 17_000
MODULE = 4  # channels 1 to 4, and 5 to 8 side by side with them


@dataclass(frozen=True, slots=True)
class ChannelList:
    """What init fixes for a one-shot list: channels, ascending, and the spacing of doublets and triplets."""

    channels: tuple[int, ...] = ()
    spacing_us: int = SPACING_MIN_US


def list_of(channels: Sequence[int], burst_interval_us: int = 0) -> ChannelList:
    """The list for these channels: 1.5 ms of spacing for each of all channels, as the one public library demands,
    unless a burst names its own.
    """
    chosen = tuple(sorted(set(channels)))
    return ChannelList(chosen, burst_interval_us or min(SPACING_MAX_US, SLOT_US * max(1, len(chosen))))


def list_for(command: SetOutput, now: ChannelList) -> ChannelList:
    """The list that `command` needs: the present one, unless it has other channels or another spacing of its bursts.

    Raises:
        InterlockTripped: two spacings.
    """
    playing = [output for output in command.channels if output.amplitude_ua]
    intervals = {output.burst_interval_us for output in playing if output.burst_pulses > 1}
    if len(intervals) > 1:
        raise InterlockTripped("grid", f"one spacing for all bursts, not {sorted(intervals)} µs")
    channels = {*now.channels, *(output.channel for output in playing)}
    if not intervals and channels == set(now.channels):
        return now
    return list_of(tuple(channels), max(intervals, default=0))


def encode_init(wanted: ChannelList) -> bytes:
    """Init of a one-shot list: main time 0, so that each update plays it once and nothing goes on by itself.

    Raises:
        InterlockTripped: a channel that the device has not, none at all, or a spacing that can't be coded.
    """
    active = 0
    for channel in wanted.channels:
        if not 1 <= channel <= CHANNELS:
            raise InterlockTripped("command", "channel", asked=channel, allowed=CHANNELS)
        active |= 1 << channel - 1
    shortest_us = max(SPACING_MIN_US, SLOT_US * _most_on_a_module(wanted.channels))
    if not active or wanted.spacing_us % 500 or not shortest_us <= wanted.spacing_us <= SPACING_MAX_US:
        allowed = f"multiples of 500 µs, {shortest_us} to {SPACING_MAX_US}"
        raise InterlockTripped(
            "grid", f"spacing {wanted.spacing_us} µs for {wanted.channels} can't be coded: {allowed}"
        )
    group = (wanted.spacing_us - SPACING_MIN_US) // 500
    check = (active + group) % 8
    data = bytes((0x80 | check << 2, active >> 2, (active & 3) << 5, group >> 3, (group & 7) << 4, 0))
    if decode_init(data) != wanted:
        raise InterlockTripped("encode", "the channel list does not decode to what was asked")
    return data


def decode_init(data: bytes) -> ChannelList | None:
    """The one-shot list of an init command; None where it is none."""
    if len(data) != 6 or data[0] >> 5 != 4 or any(byte & 0x80 for byte in data[1:]):
        return None
    active, group = (data[1] & 0x3F) << 2 | data[2] >> 5, (data[3] & 3) << 3 | data[4] >> 4
    skips, low = (data[0] & 3) << 1 | data[1] >> 6, (data[2] & 0x1F) << 3 | data[3] >> 4
    main = (data[4] & 0x0F) << 7 | data[5]
    if skips or low or main or (active + group) % 8 != data[0] >> 2 & 7:
        return None
    return ChannelList(tuple(bit + 1 for bit in range(CHANNELS) if active >> bit & 1), SPACING_MIN_US + 500 * group)


def encode_update(command: SetOutput | None, wanted: ChannelList) -> bytes:
    """An update: an entry for every channel of the list, width 0 and 0 mA for those that are off.

    Args:
        command: None asks for nothing on any channel.

    Raises:
        InterlockTripped: a channel that is not in the list, a pulse that the device can't play, or what was encoded
            does not decode to what was asked.
    """
    asked: dict[int, ChannelOutput] = {}
    for output in command.channels if command is not None else ():
        if asked and output.channel <= max(asked):
            raise InterlockTripped("command", f"channel {output.channel}: they must ascend")
        if output.amplitude_ua:
            check(output, wanted)
            asked[output.channel] = output
    trains = {
        channel: (entry.burst_pulses - 1, entry.pulse_width_us, entry.amplitude_ua // 1_000)
        if (entry := asked.get(channel)) is not None
        else (0, 0, 0)
        for channel in wanted.channels
    }
    data = bytearray((0xA0 | sum(map(sum, trains.values())) % 32,))
    for mode, width_us, current_ma in trains.values():
        data += bytes((mode << 5 | width_us >> 7, width_us & 0x7F, current_ma))
    if decode_update(bytes(data), wanted.channels) != trains:
        raise InterlockTripped("encode", "the update does not decode to what was asked")
    return bytes(data)


def decode_update(data: bytes, channels: Sequence[int]) -> dict[int, tuple[int, int, int]] | None:
    """Channel → (mode, pulse width in µs, current in mA); None where it is no update of these channels."""
    if len(data) != 1 + 3 * len(channels) or data[0] >> 5 != 5 or any(byte & 0x80 for byte in data[1:]):
        return None
    trains = {
        channel: (data[at] >> 5, (data[at] & 3) << 7 | data[at + 1], data[at + 2])
        for channel, at in zip(channels, range(1, len(data), 3), strict=True)
    }
    return trains if sum(map(sum, trains.values())) % 32 == data[0] & 0x1F else None


def check(output: ChannelOutput, wanted: ChannelList) -> None:
    """That the device can play this pulse exactly.

    Raises:
        InterlockTripped: it can't.
    """
    pulse_points(output)  # the balance, by the kernel's own sum
    where = f"channel {output.channel}: "
    if output.channel not in wanted.channels or not 1 <= output.channel <= CHANNELS:
        raise InterlockTripped("command", f"{where}it is not in the list of {list(wanted.channels)}")
    if output.phase_ratio != 1 or not 1 <= output.burst_pulses <= 3:
        raise InterlockTripped("grid", f"{where}the device gives symmetric single pulses, doublets and triplets only")
    if output.burst_pulses > 1 and output.burst_interval_us != wanted.spacing_us:
        raise InterlockTripped("grid", f"{where}spacing", asked=output.burst_interval_us, allowed=wanted.spacing_us)
    if output.interphase_us != INTERPHASE_US:
        raise InterlockTripped("grid", f"{where}gap", asked=output.interphase_us, allowed=INTERPHASE_US)
    if not WIDTH_MIN_US <= output.pulse_width_us <= WIDTH_MAX_US:
        raise InterlockTripped("L2", f"{where}phase width", asked=output.pulse_width_us, allowed=WIDTH_MAX_US)
    if output.amplitude_ua % CURRENT_STEP_UA or not 0 < output.amplitude_ua <= CURRENT_MAX_UA:
        raise InterlockTripped("grid", f"{where}amplitude", asked=output.amplitude_ua, allowed=CURRENT_MAX_UA)
    needs_us = (
        output.burst_pulses * wanted.spacing_us + SLOT_US
        if output.burst_pulses > 1
        else SLOT_US * (_most_on_a_module(wanted.channels) + 1)
    )
    if output.period_us % 500 or output.period_us < needs_us:
        raise InterlockTripped("grid", f"{where}period", asked=output.period_us, allowed=needs_us)


def _most_on_a_module(channels: Sequence[int]) -> int:
    first = sum(channel <= MODULE for channel in channels)
    return max(first, len(channels) - first)
