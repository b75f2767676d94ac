"""Packets of ScienceMode2 (RehaStim2): numbers, channel list mode, answers. Pure.

Multi-byte values most significant byte first. Results are signed bytes. Times are codes of 0.5 ms.
"""

from __future__ import annotations

from collections.abc import Sequence

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
INTER_PULSE_CODE = 13  # 8 ms, the firmware's minimum; plays no part while all channels give single pulses
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


def encode_list_init(channels: Sequence[int], period_us: int) -> bytes:
    """Data of InitChannelListMode for these channels at one common period, continuous, without low-frequency channels.

    Raises:
        InterlockTripped: a channel that the device has not, none at all, or a period off its grid.
    """
    mask = 0
    for channel in channels:
        if not 1 <= channel <= CHANNELS:
            raise InterlockTripped("command", "channel", asked=channel, allowed=CHANNELS)
        mask |= 1 << channel - 1
    shortest_us = max(MAIN_MIN_US, mask.bit_count() * SLOT_US)
    if not mask or period_us % 500 or not shortest_us <= period_us <= MAIN_MAX_US:
        allowed = f"multiples of 500 µs, {shortest_us} to {MAIN_MAX_US}"
        text = f"period {period_us} µs for {mask.bit_count()} channels can't be coded: {allowed}"
        raise InterlockTripped("grid", text)
    code = period_us // 500 - 2
    data = bytes((0, mask, 0, INTER_PULSE_CODE, code >> 8, code & 0xFF, 0))
    if decode_list_init(data) != (tuple(sorted(set(channels))), period_us):
        raise InterlockTripped("encode", "the channel list does not decode to what was asked")
    return data


def decode_list_init(data: bytes) -> tuple[tuple[int, ...], int]:
    """(channels, period in µs) of InitChannelListMode data."""
    channels = tuple(bit + 1 for bit in range(CHANNELS) if data[1] >> bit & 1)
    return channels, (data[4] << 8 | data[5]) * 500 + 1_000


def encode_list_start(command: SetOutput, channels: Sequence[int], period_us: int) -> bytes:
    """Data of StartChannelListMode: an entry for every channel that was initialised, 0 mA for those that are off.

    Args:
        channels, period_us: what InitChannelListMode was given.

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
            _check(output, channels, period_us)
            asked[output.channel] = output
    data = bytearray()
    for channel in channels:
        entry = asked.get(channel)
        width_us = entry.pulse_width_us if entry is not None else WIDTH_MIN_US
        current_ua = entry.amplitude_ua if entry is not None else 0
        data += bytes((SINGLE_PULSE, width_us >> 8, width_us & 0xFF, current_ua // 1_000))
    decoded = decode_list_start(bytes(data), channels)
    for channel in channels:
        wanted = (asked[channel].pulse_width_us, asked[channel].amplitude_ua) if channel in asked else (WIDTH_MIN_US, 0)
        if decoded[channel] != (SINGLE_PULSE, *wanted):
            raise InterlockTripped("encode", f"channel {channel} does not decode to what was asked")
    return bytes(data)


def _check(output: ChannelOutput, channels: Sequence[int], period_us: int) -> None:
    pulse_points(output)  # the balance, by the kernel's own sum
    where = f"channel {output.channel}: "
    if output.channel not in channels:
        raise InterlockTripped("command", f"{where}it was not initialised, only {list(channels)} were")
    if output.period_us != period_us:
        raise InterlockTripped("grid", f"{where}one common period", asked=output.period_us, allowed=period_us)
    if output.phase_ratio != 1 or output.burst_pulses != 1:
        raise InterlockTripped("grid", f"{where}the device gives symmetric single pulses only")
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
