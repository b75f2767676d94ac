"""What a script sees of its session."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from estim.desk import result as desk
from estim.session.snapshot import Snapshot
from estim.session.state import Cycle


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelState:
    """One channel.

    Attributes:
        level_ma: what full intensity plays now; found_ma: the level that was found in this session, None before.
        sent_ma: amplitude of the last command, 0 while off.
        share: level_ma over found_ma, 0 before it was found.
        cycle: RAMP_UP | HOLD | RAMP_DOWN | REST, as the session names it; on: a contraction plays.
        locked: "" or why one step up is not possible now.
        pulses, charge_uc: acknowledged since the session began, for this purpose (titration or therapy); what plays now
            is in it.
    """

    name: str
    number: int
    level_ma: float
    found_ma: float | None
    sent_ma: float
    share: float
    cycle: str
    on: bool
    locked: str
    pulses: int
    charge_uc: int


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """The session at one moment.

    Attributes:
        device, intended_use, battery_percent: what is plugged in, and what it is sold for.
        t_s: session clock. age_s: how old this picture was when it was handed over.
        phase: e.g. RUNNING, PAUSED. output: OFF | ON | UNCERTAIN. cause: of a stop, pause or fault.
        plan_phase, contraction, contractions: where in the plan; contractions count from 1.
        late_s: by how much the loop's last turn was later than it meant to be (`states(period_s=)`).
        force_percent: of the virtual patient's muscle, None without one. of the channel that was worked out last.
        keys: what was typed at the terminal since the last state, but for the stop keys.
        alarms: what stands, as text.
    """

    device: str
    intended_use: str
    battery_percent: int | None
    t_s: float
    age_s: float
    phase: str
    purpose: str
    output: str
    cause: str
    outcome: str
    plan_phase: str
    contraction: int
    contractions: int
    late_s: float
    force_percent: int | None
    force_n: int | None
    keys: str
    alarms: tuple[str, ...]
    channels: Mapping[str, ChannelState]
    record: str


@dataclass(frozen=True, slots=True)
class Result:
    """How the session ended.

    Attributes:
        outcome: completed | stopped | refused | fault | uncertain.
        record: the record's folder. verified: every line of it was checked after the end.
        document: what `estim run --json` prints.
    """

    outcome: str
    record: Path | None
    verified: bool
    contractions: int
    channels: tuple[Mapping[str, Any], ...]
    exit_code: int
    document: Mapping[str, Any] = field(repr=False)


def result_of(seen: desk.Seen) -> Result:
    """The desk's result, as a script gets it."""
    made = desk.result_of(seen)
    said = made.document
    return Result(
        outcome=made.outcome,
        record=Path(said["record"]) if said["record"] else None,
        verified=bool(said["record_verified"]),
        contractions=int(said["contractions"]),
        channels=tuple(said["channels"]),
        exit_code=made.exit_code,
        document=said,
    )


def state_of(snapshot: Snapshot, found_ua: Mapping[str, int], *, age_s: float, late_s: float, keys: str) -> State:
    """A snapshot in a script's words; µA become mA here."""
    practice = snapshot.practice
    channels = {}
    for view in snapshot.channels:
        found = found_ua.get(view.name)
        channels[view.name] = ChannelState(
            name=view.name,
            number=view.channel,
            level_ma=view.level_ua / 1000,
            found_ma=found / 1000 if found is not None else None,
            sent_ma=view.sent_ua / 1000,
            share=view.level_ua / found if found else 0.0,
            cycle=view.cycle.value,
            on=view.cycle in {Cycle.RAMP_UP, Cycle.HOLD, Cycle.RAMP_DOWN},
            locked=view.raise_locked,
            pulses=view.pulses,
            charge_uc=view.charge_uc,
        )
    return State(
        device=f"{snapshot.device_title} {snapshot.device_id}".strip(),
        intended_use=snapshot.intended_use,
        battery_percent=snapshot.battery_percent,
        t_s=snapshot.now_us / 1e6,
        age_s=age_s,
        phase=snapshot.phase.value,
        purpose=snapshot.purpose,
        output=snapshot.output.value,
        cause=snapshot.cause,
        outcome=snapshot.outcome,
        plan_phase=snapshot.plan_phase,
        contraction=snapshot.contraction,
        contractions=snapshot.contractions,
        late_s=late_s,
        force_percent=practice.force_percent if practice is not None else None,
        force_n=practice.force_n if practice is not None else None,
        keys=keys,
        alarms=tuple(alarm.text for alarm in snapshot.alarms if alarm.active),
        channels=channels,
        record=snapshot.record_path,
    )
