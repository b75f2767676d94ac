"""Snapshot: the session as a screen shows it. Complete in itself; any of them may be lost when a terminal is slow."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from estim.safety.reports import OutputState
from estim.session.state import Cycle, Phase


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """One alarm, latched until acknowledged and its cause gone.

    Attributes:
        code: e.g. `lead-off`, `record-failed`, `output-uncertain`.
        priority: high | medium | low | info.
        text: what it is and what to do.
        acknowledged: a person has seen it.
        active: the cause still stands.
    """

    code: str
    priority: str
    text: str
    acknowledged: bool = False
    active: bool = True

    @property
    def calls(self) -> bool:
        """It waits for somebody, and its cause stands."""
        return self.active and not self.acknowledged


def new_alarms(before: Sequence[Alarm], after: Sequence[Alarm]) -> list[Alarm]:
    """Those that were raised between two pictures, also where the same had stood there before and was over or seen."""
    known, calling = {alarm.code for alarm in before}, {(alarm.code, alarm.text) for alarm in before if alarm.calls}
    return [
        alarm for alarm in after if alarm.code not in known or (alarm.calls and (alarm.code, alarm.text) not in calling)
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelView:
    """One channel on the screen.

    Attributes:
        level_ua: what full intensity plays now; `target_ua` is this phase's share of it.
        sent_ua: last amplitude handed to the device; 0 while off.
        cap_ua: the most that limits allow, and `cap_rule` which one binds.
        raise_step_ua: what one raise adds.
        raise_locked: "" or why one step up is not possible now.
        peak_ua: the highest amplitude whose pulses the device acknowledged, in this purpose.
        pulses, charge_uc: acknowledged since the session began, in this purpose, with what plays now.
        density_ua_per_cm2: of the level.
        remaining_us: of this channel's current ON or OFF time; where an event ends it, the longest that it may last.
        turn_us: until the patient's word changes: to the ramp down, in it to the rest; None where an event decides.
        twitch_ua: where the low-rate test showed a twitch; no level of any other rate.
        contractions, reached: played to their end, and those of at least 95 % of the level; the worst and mean share of
            the level in percent.
        evoked_percent_mvic: the share of the maximum voluntary contraction that is measured: the highest of the
            contraction that plays, else of the last one; None where nothing measures it.
        found: its level is known; a lost pad, a long pause or a fault takes it away.
        lead_off_known: False while the amplitude is below what the device can check.
    """

    name: str
    channel: int
    muscle: str
    side: str
    output: str
    cycle: Cycle
    level_ua: int
    target_ua: int
    sent_ua: int
    cap_ua: int
    cap_rule: str
    plausible_ua: tuple[int, int]
    sensory_ua: int | None
    motor_ua: int | None
    max_tolerated_ua: int | None
    raise_step_ua: int
    raise_locked: str
    frequency_mhz: int
    pulse_width_us: int
    pulses: int
    charge_uc: int
    density_ua_per_cm2: int
    on_us: int
    remaining_us: int
    lead_off_known: bool = True
    found: bool = True
    twitch_ua: int | None = None
    contractions: int = 0
    reached: int = 0
    reached_percent_worst: int = 0
    reached_percent_mean: int = 0
    peak_ua: int = 0
    turn_us: int | None = 0
    evoked_percent_mvic: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Practice:
    """The virtual muscle's answer (simulated devices only)."""

    channel: int
    force_n: int
    force_percent: int
    fatigue_percent: int
    comfort: int
    says: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """The signature that closed the record.

    Attributes:
        operator, name: who, as signed in and as printed ("" where this station knows no names).
        meaning: performed | witnessed | reviewed.
        utc: when, by the controller's clock.
        authenticated: a PIN stood behind it; without one the name is a claim.
    """

    operator: str
    name: str
    meaning: str
    utc: str
    authenticated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The whole session at one moment.

    Attributes:
        n: rises by one with each change; a Raise names the one it was made on.
        now_us: session clock.
        answered: the highest request number answered so far; a stop gate opens only on its own request's or a later
            one.
        phase, purpose, output: see `session.state` and `safety.reports`.
        output_since_us: since when.
        cause: of a fault, pause or refusal of output; "" if none.
        plan_*: where in the plan: phase name and index, set, contraction (from 1; 0 before the first) and their totals.
        given: contractions of the therapy that were given so far. effort: what the patient does in this phase.
        cue_signal: none | audio: the protocol asks for a sound at each of the patient's words.
        reached: those of them in which every channel came to at least 95 % of its level; the worst and the mean share
            of the level in percent, by each contraction's weakest channel.
        waits_for: what would begin the next contraction now (emg | key | switch | sensor); "" where nothing is waited
            for: a plan by the clock, a contraction that plays, a refractory time.
        emg_uv: the muscle's own activity, rectified mean over 100 ms; None while it is not heard (during stimulation,
            in the lock-out, or without a source). emg_threshold_uv: what an effort must pass; 0 where nothing waits for
            one. emg_peak_uv: the highest of this try. emg_side: treated | other, whose muscle is heard; "" if none is.
        countdown_us: until the next onset, or until output may begin after start/resume; None if nothing is due.
        elapsed_us, total_us: therapy clock (pauses excluded).
        wants: what a person must still confirm before the next step: identity, pads, skin, screening, ...
        record_path, record_durable, word_head, head: the record and, once sealed, its head in words and in hex.
        signature: what closed it, None while it is open.
        bends: where what plays differs from the file, as far as a person must have read it.
        identified: a stimulator has said who it is since this controller began; before that nothing can be put out.
        lease_us: ages of loop turn, device status, console heartbeat, record.
        level_open: the device's stimulation level is open, so a start is possible.
        acknowledged: the device has acknowledged the last output that was sent.
        weight_bearing: the limb carries the patient: a stop takes the support away.
        watchdog_us: after how long the device's own timer ends output; 0 where it has none.
        make_safe: what to do when output is uncertain; off_word: OFF, or OFF (acknowledged) where the device can't be
            asked.
    """

    n: int
    now_us: int
    answered: int
    phase: Phase
    purpose: str
    output: OutputState
    output_since_us: int
    cause: str
    simulated: bool
    model: str
    device_id: str
    device_title: str
    intended_use: str
    battery_percent: int | None
    protocol_id: str
    protocol_title: str
    patient_id: str
    operator: str
    plan_phase: str
    plan_phase_index: int
    plan_phases: int
    plan_set: int
    plan_sets: int
    contraction: int
    contractions: int
    countdown_us: int | None
    elapsed_us: int
    total_us: int
    cue: str
    channels: tuple[ChannelView, ...]
    alarms: tuple[Alarm, ...]
    wants: tuple[str, ...]
    warnings: tuple[str, ...]
    record_path: str
    record_durable: bool
    word_head: str
    lease_us: tuple[int, int, int, int]
    watchdog_us: int
    make_safe: str
    off_word: str
    given: int = 0
    reached: int = 0
    reached_percent_worst: int = 0
    reached_percent_mean: int = 0
    effort: str = ""
    cue_signal: str = "none"
    waits_for: str = ""
    emg_uv: int | None = None
    emg_threshold_uv: int = 0
    emg_peak_uv: int = 0
    emg_side: str = ""
    titration_channel: int | None = None
    practice: Practice | None = None
    outcome: str = ""
    level_open: bool = False
    weight_bearing: bool = False
    acknowledged: bool = True
    head: str = ""
    signature: Signature | None = None
    bends: tuple[str, ...] = ()
    identified: bool = True

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values for the pipe."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """The snapshot that `to_json` described.

        Raises:
            TypeError, KeyError, ValueError: not a snapshot's JSON.
        """
        values = dict(data)
        values["phase"] = Phase(values["phase"])
        values["output"] = OutputState(values["output"])
        values["channels"] = tuple(
            ChannelView(**{**channel, "cycle": Cycle(channel["cycle"]), "plausible_ua": tuple(channel["plausible_ua"])})
            for channel in values["channels"]
        )
        values["alarms"] = tuple(Alarm(**alarm) for alarm in values["alarms"])
        for key in ("wants", "warnings", "lease_us", "bends"):
            values[key] = tuple(values.get(key, ()))
        if values.get("practice") is not None:
            values["practice"] = Practice(**values["practice"])
        if values.get("signature") is not None:
            values["signature"] = Signature(**values["signature"])
        return cls(**values)
