"""What a record proves of each channel's dose: at least so many pulses, at most so many."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from estim.record_lines.bounds import BoundsOfDose
from estim.records.chain import Entry

if TYPE_CHECKING:
    from estim.records.summary import ChannelSummary


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
            channel, pulses_least=therapy.pulses_least, pulses_most=therapy.pulses_most,
            titration_pulses_least=found.pulses_least, titration_pulses_most=found.pulses_most,
        ))  # fmt: skip
    return tuple(made)
