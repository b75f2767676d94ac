"""Schedule: what a protocol compiles to for one setup on one device. All integers on the device's own grid.

The relation between channels is already resolved: a phase is a cycle of `cycle_us`, repeated, in which each channel has
one window `[offset_us, offset_us + on_us)`. Triggered phases have no cycle: their windows open on events.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from estim.safety.electrodes import Electrode
from estim.safety.errors import Problem
from estim.safety.units import ZERO_US, MicroAmp, Micros, MilliHertz

Purpose = Literal["low-rate", "titration", "therapy"]
OutputClass = Literal["motor", "sensory"]
Mode = Literal["timed", "continuous", "triggered", "emg-triggered"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleChannel:
    """A device channel and what hangs on it.

    Attributes:
        channel: device channel, from 1.
        name, muscle, region, side, placement: as in protocol and setup. `side` is left | right.
        electrodes: both pads' ids, see `Schedule.electrodes`.
        output: motor, or sensory (earned by `motor_mark_ua`, L26).
        amplitude_rule: how the level was found.
        level_ua: the level found today, on the device's grid: what full intensity plays. 0 in a titration.
        motor_mark_ua: today's motor mark on these pads and settings; None if not found.
        plausible_ua: the protocol's plausibility band, a prompt and never a limit.
        cap_ua: a cap that the therapist set for this patient (L28), or None; in a low-rate test never above the cap
            of finding levels.
        counts_as: muscles on whose minutes of the day output counts (L27): a part fills its whole, a nerve all that
            it drives; empty: `muscle` itself.
    """

    channel: int
    name: str
    muscle: str
    region: str
    side: str
    placement: str
    electrodes: tuple[str, str]
    output: OutputClass
    amplitude_rule: str
    level_ua: MicroAmp
    motor_mark_ua: MicroAmp | None
    plausible_ua: tuple[MicroAmp, MicroAmp]
    cap_ua: MicroAmp | None = None
    counts_as: tuple[str, ...] = ()

    @property
    def day_accounts(self) -> tuple[str, ...]:
        """`muscle/side` of every account of the day that output fills (L27)."""
        return tuple(f"{muscle}/{self.side}" for muscle in self.counts_as or (self.muscle,))


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """When a triggered phase's window opens and closes (docs/decisions/protocols.md, triggers).

    EMG of the other side (`emg_side`) is heard also while this side is stimulated; with `hold` a window then lasts as
    long as that effort. Crank windows open `lead_on_us` and close `lead_off_us` earlier, at the cadence of the last
    turn, by at most `lead_limit_deg`.
    """

    source: Literal["key", "switch", "sensor", "crank", "emg"]
    on: str
    off: str
    hold: bool
    max_on_us: Micros
    min_on_us: Micros
    extend_us: Micros
    refractory_us: Micros
    threshold_uv: int | None = None
    debounce_us: Micros = ZERO_US
    blanking_us: Micros = ZERO_US
    lockout_us: Micros = ZERO_US
    rearm_percent: int = 50
    emg_side: Literal["treated", "other"] = "treated"
    cadence_rpm: int | None = None
    lead_on_us: Micros = ZERO_US
    lead_off_us: Micros = ZERO_US
    lead_limit_deg: int = 60


Shape = tuple[tuple[int, int], ...]  # of a free pulse: (duration in µs, share of the level in permille, signed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Train:
    """How the pulses of one contraction differ from one another.

    Attributes:
        burst_pulses, burst_interval_us: catch: what stands in place of a single pulse.
        times: catch: so many pulses at the beginning, and again every `repeat_us` (0: once a contraction).
        then_period_us, after_us: two rates: from so long after the first pulse on, another period; 0: one rate.
    """

    kind: Literal["catch", "two-rate"]
    burst_pulses: int = 1
    burst_interval_us: Micros = ZERO_US
    times: int = 0
    repeat_us: Micros = ZERO_US
    then_period_us: Micros = ZERO_US
    after_us: Micros = ZERO_US


@dataclass(frozen=True, slots=True, kw_only=True)
class Follow:
    """A channel that plays a share of another one's level, and never more than its own.

    Attributes:
        channel: device channel of the leader.
        share_permille: of the leader's level.
        at_most_ua: the most that it gets in whatever case; 0: its own level is the bound.
    """

    channel: int
    share_permille: int
    at_most_ua: MicroAmp

    def level_ua(self, own_ua: int, leader_ua: int) -> int:
        """The level that plays: the share, the own level or the bound, whichever is least."""
        share_ua = min(own_ua, leader_ua * self.share_permille // 1000)
        return min(share_ua, self.at_most_ua) if self.at_most_ua else share_ua


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """One channel's part in a phase: its pulse, its place in the cycle, its ramps.

    Attributes:
        channel: device channel.
        frequency_mhz: what the protocol asks; `period_us` is what the device plays (never shorter).
        intensity_permille: share of the channel's level, 1..1000.
        offset_us: start within the cycle.
        on_us: first pulse of the ramp up to the end of the last pulse's period, ramps included.
        ramp_up_us: for repeats of a level already held (L17b).
        first_ramp_up_us: for a level not yet held and after every pause, stop or fault (L17a); never shorter.
        ramp_down_us: at the end, within `on_us`.
        trigger_on, trigger_off, max_on_us, crank_deg: of a triggered window, overriding the phase's trigger.
        shape: of a free pulse; then `pulse_width_us` is the width of the rectangle that carries the same charge, and
            `phase_ratio` the multiple of the device's step in which all of its shares are whole.
        train, follows: None for a constant train, and for a channel with a level of its own.
    """

    channel: int
    frequency_mhz: MilliHertz
    period_us: Micros
    pulse_width_us: Micros
    interphase_us: Micros
    phase_ratio: int
    burst_pulses: int
    burst_interval_us: Micros
    intensity_permille: int
    offset_us: Micros
    on_us: Micros
    ramp_up_us: Micros
    first_ramp_up_us: Micros
    ramp_down_us: Micros
    trigger_on: str = ""
    trigger_off: str = ""
    max_on_us: Micros = ZERO_US
    crank_deg: tuple[int, int] | None = None
    shape: Shape = ()
    train: Train | None = None
    follows: Follow | None = None

    @property
    def shortest_us(self) -> Micros:
        """Its period, of two rates the shorter one."""
        then_us = self.train.then_period_us if self.train is not None else ZERO_US
        return min(self.period_us, then_us or self.period_us)

    @property
    def most_pulses(self) -> int:
        """That it has at the place of one: its burst, or its train's."""
        return max(self.burst_pulses, self.train.burst_pulses if self.train is not None else 1)

    @property
    def levels_of(self) -> tuple[int, ...]:
        """The device channels whose levels decide what it plays."""
        return (self.channel,) if self.follows is None else (self.channel, self.follows.channel)


@dataclass(frozen=True, slots=True, kw_only=True)
class PhasePlan:
    """One phase: `sets` × `cycles` cycles of `cycle_us`, with `set_rest_us` between sets.

    `effort` is what the patient does: relax | join | try-first | task | free. It rules words and sounds, never current.
    A continuous phase is one cycle whose windows last `cycle_us`. A triggered phase lasts `duration_us` or until
    `cycles` contractions were made (0 = no count), and `cycle_us` is 0.
    """

    name: str
    kind: Literal["warm-up", "work", "cool-down"]
    mode: Mode
    relation: str
    windows: tuple[Window, ...]
    cycle_us: Micros
    cycles: int
    sets: int
    set_rest_us: Micros
    duration_us: Micros
    trigger: Trigger | None = None
    cue: str = ""
    cue_signal: str = "none"
    effort: str = "join"


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """What will be played, complete: nothing that decides about output stands anywhere else.

    Attributes:
        protocol_id, protocol_version, protocol_sha256: which file this came from (digest of its bytes).
        purpose: low-rate (single twitches that show where a pad lies), titration (finding levels) or therapy.
        model: the device model whose grid all numbers lie on.
        week, session: of the course of treatment.
        goal: the protocol's goal.
        channels: ascending by device channel.
        electrodes: every pad by id; two channels may share one.
        phases: in the order of play.
        weight_bearing: the limb carries the patient (rules for cutting differ).
        stop_control: patient | clinician | observer.
        bends: where the device plays something else than the file says (rounded rate, fallback, stretched ramp), shown
            and recorded.
    """

    protocol_id: str
    protocol_version: str
    protocol_title: str
    protocol_sha256: str
    purpose: Purpose
    model: str
    week: int
    session: int
    goal: str
    channels: tuple[ScheduleChannel, ...]
    electrodes: tuple[Electrode, ...]
    phases: tuple[PhasePlan, ...]
    weight_bearing: bool = False
    stop_control: str = "patient"
    bends: tuple[Problem, ...] = ()

    def channel(self, channel: int) -> ScheduleChannel:
        """The channel with this device number.

        Raises:
            KeyError: not part of this schedule.
        """
        for plan in self.channels:
            if plan.channel == channel:
                return plan
        raise KeyError(f"channel {channel} is not part of the schedule of {self.protocol_id}")

    def electrode(self, id: str) -> Electrode:  # noqa: A002
        """The pad with this id.

        Raises:
            KeyError: not part of this schedule.
        """
        for electrode in self.electrodes:
            if electrode.id == id:
                return electrode
        raise KeyError(f"electrode {id!r} is not part of the schedule of {self.protocol_id}")


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientFacts:
    """What limits need to know of the patient; unknown (None) counts as the tightest (L17b, L28, S27).

    Attributes:
        insensate_skin: skin under a pad can't feel.
        lesion_t6_or_above: spinal lesion at or above T6 (autonomic dysreflexia).
        child: below 18 years.
        fragile_bone: osteoporosis or a recent fracture.
        first_ever_session: never stimulated before.
    """

    insensate_skin: bool | None = None
    lesion_t6_or_above: bool | None = None
    child: bool | None = None
    fragile_bone: bool | None = None
    first_ever_session: bool | None = None

    @property
    def gentle(self) -> bool:
        """The short ramp of a repeat (L17b) is not for this patient: each contraction has the long one."""
        facts = (self.insensate_skin, self.lesion_t6_or_above, self.child, self.fragile_bone, self.first_ever_session)
        return any(fact is not False for fact in facts)
