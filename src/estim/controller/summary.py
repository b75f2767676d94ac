"""What a session came to, as `run` and `rehearse` print it. Therapy alone counts; the titration stands apart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from estim.safety.schedule import Purpose
from estim.session.core import Core
from estim.session.facts import Account


class Measured(Protocol):
    """One channel's sums as something outside measured them (the simulator's monitor)."""

    pulses: int
    charge_pc: int
    net_pc: int
    peak_ua: int


def channels_json(core: Core, purpose: Purpose, measured: Mapping[int, Measured] | None) -> list[dict[str, Any]]:
    """One object a channel: measured numbers where something measured them, acknowledged ones beside or else."""
    if core.cleared is None:
        return []
    rows: list[dict[str, Any]] = []
    for channel in core.cleared.schedule.channels:
        account = core.accounts.get((purpose, channel.channel), Account())
        row: dict[str, Any] = {"name": channel.name, "channel": channel.channel}
        seen = measured.get(channel.channel) if measured is not None else None
        if measured is not None:
            row |= _numbers(seen.pulses, seen.charge_pc, seen.peak_ua) if seen is not None else _numbers(0, 0, 0)
            row["net_pc"] = seen.net_pc if seen is not None else 0
            row["basis"] = "measured"
            row["acknowledged"] = _numbers(account.pulses, account.charge_pc, account.peak_ua)
        else:
            row |= _numbers(account.pulses, account.charge_pc, account.peak_ua)
            row["basis"] = "acknowledged"
        row["on_s"] = account.on_us / 1_000_000
        row["unacknowledged_pulses"] = account.unacknowledged_pulses
        rows.append(row)
    return rows


def _numbers(pulses: int, charge_pc: int, peak_ua: int) -> dict[str, Any]:
    return {
        "pulses": pulses,
        "charge_pc": charge_pc,
        "charge_uc": charge_pc / 1_000_000,
        "peak_ma": peak_ua / 1_000,
    }


def agrees(rows: list[dict[str, Any]]) -> bool:
    """What the device acknowledged is exactly what was measured, on every channel."""
    return all(
        row["acknowledged"]["charge_pc"] == row["charge_pc"] and row["acknowledged"]["pulses"] == row["pulses"]
        for row in rows
        if "acknowledged" in row
    )
