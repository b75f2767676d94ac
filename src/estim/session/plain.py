"""Plain JSON values without floats, as they stand in a record. Pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from estim.record_lines.rows import CommandRow
from estim.safety.commands import ChannelOutput, SetOutput


def plain(value: object) -> Any:
    """`value` as JSON values without floats: dataclasses become objects, tuples lists, floats text of full
    precision.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if isinstance(value, bool | int | str) or value is None:
        return value
    if isinstance(value, float):
        return int(value) if value.is_integer() else repr(value)
    return str(value)


def output_rows(output: SetOutput) -> list[CommandRow]:
    """A command's channels, as its line has them."""
    return [_row(channel) for channel in output.channels]


def _row(channel: ChannelOutput) -> CommandRow:
    row: CommandRow = {
        "channel": channel.channel,
        "amplitude_ua": channel.amplitude_ua,
        "pulse_width_us": channel.pulse_width_us,
        "interphase_us": channel.interphase_us,
        "period_us": channel.period_us,
    }
    if channel.burst_pulses > 1:
        row["burst_pulses"] = channel.burst_pulses
    return row
