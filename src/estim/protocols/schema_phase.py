"""The part of the schema that says what is played: phases, their pulses, times and triggers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from estim.protocols.schema_base import NUMBER_MAX, Strict, exactly, rule
from estim.protocols.schema_pattern import Follows, Lead, PulsePoint, TrainSpec, balanced

Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Degrees = Annotated[float, Field(ge=0, le=360)]
Share = Annotated[float, Field(gt=0, ge=0.001, le=1)]  # a device plays thousandths


def _one_line(name: str) -> str:
    if "\n" in name or "\t" in name:
        raise rule("text", "a name stands on one line of the screen, without tabs")
    return name


Name = Annotated[str, Field(min_length=1, max_length=60), AfterValidator(_one_line)]
WAVEFORMS = ("symmetric-biphasic", "asymmetric-balanced-biphasic", "points")
Effort = Literal["relax", "join", "try-first", "task", "free"]
TRIGGERED = frozenset({"triggered", "emg-triggered"})
EMG_KEYS = ("threshold_uv", "debounce_ms", "blanking_ms", "lockout_s", "rearm_percent")


class Burst(Strict):
    """Several pulses at the place of one: doublet or triplet."""

    pulses: Annotated[int, Field(ge=2, le=3)]
    interval_us: Annotated[int, Field(gt=0)]


class TriggerSpec(Strict):
    """When a window opens and closes."""

    source: Literal["key", "switch", "sensor", "crank", "emg"]
    on: str | None = None
    off: str | None = None
    hold: bool = False
    max_on_s: Positive
    min_on_s: NotNegative = 0
    extend_s: NotNegative = 0
    refractory_s: NotNegative = 0
    threshold_uv: Annotated[int, Field(gt=0)] | None = None
    debounce_ms: NotNegative | None = None
    blanking_ms: NotNegative | None = None
    lockout_s: NotNegative | None = None
    rearm_percent: Annotated[int, Field(gt=0, le=100)] | None = None
    emg_side: Literal["treated", "other"] | None = None
    cadence_rpm: Annotated[int, Field(gt=0)] | None = None
    lead_ms: Lead | None = None
    lead_limit_deg: Annotated[int, Field(ge=0, le=120)] | None = None

    def broken(self) -> Iterator[ValueError]:
        """What a source needs and what it has no use for."""
        if self.emg_side is not None and self.source != "emg":
            yield rule("trigger", "emg_side goes with source = 'emg' only", at="emg_side")
        if self.hold and self.source == "emg" and self.emg_side != "other":
            yield rule(
                "trigger",
                "hold = true with emg needs emg_side = 'other': a muscle is not heard while it is stimulated",
                at="hold",
            )
        if self.hold and self.source not in {"switch", "sensor", "emg"}:
            yield rule(
                "trigger",
                "hold = true goes with switch, sensor or the other side's emg: a terminal does not tell when a key is "
                "let go",
                at="hold",
            )
        given = {key for key in EMG_KEYS if getattr(self, key) is not None}
        missing = [key for key in EMG_KEYS if key not in given]
        if self.source == "emg" and missing:
            words = f"emg needs {', '.join(EMG_KEYS[:-1])} and {EMG_KEYS[-1]}; missing: {', '.join(missing)}"
            yield rule("trigger", words, at=missing[0])
        for key in EMG_KEYS if self.source != "emg" else ():
            if key in given:
                yield rule("trigger", f"{key} goes with emg only, not with {self.source!r}", at=key)
        if (self.source == "crank") != (self.cadence_rpm is not None):
            yield rule("trigger", "cadence_rpm goes with crank, and crank needs it", at="cadence_rpm")
        for key in ("lead_ms", "lead_limit_deg"):
            if getattr(self, key) is not None and (self.source != "crank" or self.lead_ms is None):
                yield rule("trigger", f"{key} goes with source = 'crank' and lead_ms", at=key)
        if self.min_on_s > self.max_on_s:
            yield rule(
                "trigger", f"min_on_s = {self.min_on_s:g} is longer than max_on_s = {self.max_on_s:g}", at="min_on_s"
            )
        if self.source in {"switch", "sensor"} and not self.on:
            yield rule("trigger", f"source = {self.source!r} needs the name of the event that switches on", at="on")


class PhaseChannel(Strict):
    """What one channel does differently in this phase."""

    name: Name
    frequency_hz: Positive | None = None
    pulse_width_us: Positive | None = None
    intensity: Share | None = None
    delay_s: NotNegative | None = None
    on_s: Positive | None = None
    trigger_on: str | None = None
    trigger_off: str | None = None
    max_on_s: Positive | None = None
    crank_deg: tuple[Degrees, Degrees] | None = None
    skip: Annotated[int, Field(ge=0, le=7)] | None = None
    follows: Follows | None = None

    def broken(self) -> Iterator[ValueError]:
        """What a channel of a phase can't have together."""
        if self.skip is not None and self.frequency_hz is not None:
            yield rule("skip", f"channel {self.name!r}: give skip or frequency_hz, not both", at="skip")
        own = (
            "frequency_hz",
            "intensity",
            "delay_s",
            "on_s",
            "trigger_on",
            "trigger_off",
            "max_on_s",
            "crank_deg",
            "skip",
        )
        for key in own if self.follows is not None else ():
            if getattr(self, key) is not None:
                yield rule("follows", f"channel {self.name!r} has the times of the one it follows: no {key}", at=key)
        if self.crank_deg is not None and self.crank_deg[0] % 360 == self.crank_deg[1] % 360:
            yield rule(
                "crank",
                f"crank_deg: a window from {self.crank_deg[0]:g}° to {self.crank_deg[1]:g}° never ends",
                at="crank_deg",
            )


class PhaseSpec(Strict):
    """Warm-up, work or cool-down: a pulse and its rhythm."""

    name: Name
    kind: Literal["warm-up", "work", "cool-down"]
    mode: Literal["timed", "continuous", "triggered", "emg-triggered"]
    channels: Annotated[tuple[Name, ...], Field(min_length=1)] | None = None
    from_week: Annotated[int, Field(ge=1)] | None = None
    to_week: Annotated[int, Field(ge=1)] | None = None
    from_session: Annotated[int, Field(ge=1)] | None = None
    to_session: Annotated[int, Field(ge=1)] | None = None
    relation: Literal["together", "alternating", "sequenced", "overlapping", "interleaved"] | None = None
    waveform: Literal["symmetric-biphasic", "asymmetric-balanced-biphasic", "points"]
    point: tuple[PulsePoint, ...] = ()
    interpulse_balance: Literal["within"] | None = None
    phase_ratio: Annotated[Literal[2, 4], exactly(2, 4)] | None = None
    waveform_fallback: Literal["symmetric-biphasic"] | None = None
    frequency_hz: Positive
    pulse_width_us: Positive
    interphase_us: Annotated[int, Field(ge=0)] = 0
    burst: Burst | None = None
    train: TrainSpec | None = None
    on_s: Positive | None = None
    off_s: NotNegative | None = None
    ramp_up_s: NotNegative
    ramp_down_s: NotNegative
    ramp_within_on: bool = True
    contractions: Annotated[int, Field(ge=1)] | None = None
    duration_s: Positive | None = None
    sets: Annotated[int, Field(ge=1)] | None = None
    set_rest_s: NotNegative | None = None
    intensity: Share = 1.0
    cue_signal: Literal["none", "audio"] | None = None
    effort: Effort | None = None
    trigger: TriggerSpec | None = None
    channel: tuple[PhaseChannel, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _width_of_points(cls, given: Any) -> Any:
        """Points have no width of their own: what is taken in its place carries the same charge."""
        if not isinstance(given, dict) or given.get("waveform") != "points" or "pulse_width_us" in given:
            return given
        points = given.get("point")
        rows = [row for row in points if isinstance(row, dict)] if isinstance(points, list | tuple) else []
        try:
            width_us = sum(row["us"] * row["share"] for row in rows if row["share"] > 0)
        except (KeyError, TypeError):
            width_us = 1.0  # what is wrong with the points is said at the points
        return {**given, "pulse_width_us": float(width_us) if 0 < width_us < NUMBER_MAX else 1.0}

    def broken(self) -> Iterator[ValueError]:
        """Shapes, times, sets, triggers that contradict each other."""
        yield from self._pattern()
        if (self.waveform == WAVEFORMS[1]) != (self.phase_ratio is not None):
            yield rule(
                "phase-ratio", f"phase_ratio (2 or 4) goes with {WAVEFORMS[1]}, and that needs it", at="phase_ratio"
            )
        if self.waveform_fallback is not None and self.waveform == WAVEFORMS[0]:
            yield rule("fallback", "a symmetric pulse needs no waveform_fallback", at="waveform_fallback")
        if (self.mode in TRIGGERED) != (self.trigger is not None):
            yield rule(
                "trigger",
                f"mode = {self.mode!r}: [phase.trigger] goes with triggered modes, which need it",
                at="trigger",
            )
        yield from self._times()
        if self.trigger is not None and (self.mode == "emg-triggered") != (self.trigger.source == "emg"):
            yield rule("trigger", 'source = "emg" and mode = "emg-triggered" go together', at="mode")
        if (self.sets or 1) > 1 and self.set_rest_s is None:
            yield rule("sets", "several sets need set_rest_s", at="set_rest_s")
        if self.sets is not None and self.contractions is None and self.duration_s is not None:
            yield rule("sets", "sets need contractions: so many a set", at="sets")
        yield from self._relations()
        for unit, first, last in (
            ("week", self.from_week, self.to_week),
            ("session", self.from_session, self.to_session),
        ):
            if first is not None and last is not None and first > last:
                yield rule("weeks", f"from_{unit} = {first} is after to_{unit} = {last}", at=f"from_{unit}")

    def _pattern(self) -> Iterator[ValueError]:
        """Free shapes, trains and followers."""
        if (self.waveform == "points") != bool(self.point):
            yield rule("points", 'waveform = "points" and [[phase.point]] go together', at="point")
        if self.interpulse_balance is not None and not self.point:
            yield rule("points", 'interpulse_balance goes with waveform = "points"', at="interpulse_balance")
        if self.point:
            try:
                width_us: float = balanced(self.point)
            except ValueError as error:
                yield error
                width_us = self.pulse_width_us
            if abs(self.pulse_width_us - width_us) > 1e-6 or any(one.pulse_width_us for one in self.channel):
                yield rule("points", "points have widths of their own: leave pulse_width_us out", at="pulse_width_us")
        if self.train is not None and self.burst is not None and self.train.kind != "constant":
            yield rule("train", "give either burst (every pulse) or [phase.train], not both", at="train")
        if (
            self.train is not None
            and self.train.kind == "two-rate"
            and any(one.skip or one.frequency_hz for one in self.channel)
        ):
            yield rule("train", "two rates go with one rhythm for all channels: no frequency_hz or skip", at="train")
        if self.train is not None and self.train.kind == "two-rate" and self.mode in TRIGGERED:
            yield rule(
                "train", "two rates go with timed and continuous phases: a trigger may end one early", at="train"
            )
        leaders = {one.name for one in self.channel if one.follows is None}
        for number, one in enumerate(self.channel):
            if one.follows is None:
                continue
            if self.relation not in {None, "together"}:
                yield rule("follows", f"channel {one.name!r} follows another: they play together", at="relation")
            if one.follows.channel == one.name or (
                one.follows.channel not in leaders and any(one.follows.channel == other.name for other in self.channel)
            ):
                yield rule(
                    "follows",
                    f"channel {one.name!r} must follow one that follows nobody, and not itself",
                    at=f"channel[{number}].follows",
                )

    def _relations(self) -> Iterator[ValueError]:
        """What only some modes have."""
        if self.mode == "continuous" and self.relation not in {None, "together", "interleaved"}:
            yield rule(
                "relation",
                f"relation = {self.relation!r} needs on and off times; this phase is continuous",
                at="relation",
            )
        if self.mode in TRIGGERED and self.relation == "alternating":
            yield rule(
                "relation",
                "channels that alternate need on and off times; this phase waits for triggers",
                at="relation",
            )
        if self.mode in TRIGGERED and self.trigger is None:
            return  # said already, and what its channels may have hangs on it
        source = self.trigger.source if self.trigger is not None else ""
        for number, override in enumerate(self.channel):
            for keys, fits, words in (
                (("on_s",), self.mode == "timed", "a timed phase"),
                (("max_on_s",), self.mode in TRIGGERED, "a triggered phase"),
                (("trigger_on", "trigger_off"), source in {"sensor", "switch"}, "a sensor or switch"),
                (("crank_deg",), source == "crank", "source = 'crank'"),
            ):
                for key in keys:
                    if getattr(override, key) is not None and not fits:
                        yield rule(
                            "channel-key",
                            f"channel {override.name!r}: {key} goes with {words} only",
                            at=f"channel[{number}].{key}",
                        )

    def _times(self) -> Iterator[ValueError]:
        timed = self.mode == "timed"
        if timed != (self.on_s is not None) or timed != (self.off_s is not None):
            missing = "off_s" if self.off_s is None else "on_s"
            at = missing if timed else "on_s" if self.on_s is not None else "off_s"
            yield rule("on-off", "on_s and off_s are needed for timed phases and mean nothing in others", at=at)
        if (self.contractions is None) == (self.duration_s is None):
            at = "duration_s" if self.contractions is not None else "contractions"
            yield rule("extent", "give either contractions or duration_s", at=at)
        if self.mode == "continuous" and self.duration_s is None and self.contractions is not None:
            yield rule("extent", "a continuous phase needs duration_s", at="duration_s")
        ramps = self.ramp_up_s + self.ramp_down_s
        longer = "ramp_up_s" if self.ramp_up_s >= self.ramp_down_s else "ramp_down_s"
        for number, override in enumerate(self.channel):
            if timed and self.ramp_within_on and override.on_s is not None and ramps >= override.on_s:
                yield rule(
                    "ramps",
                    f"channel {override.name!r}: ramps of {ramps:g} s in all leave nothing of its on time of "
                    f"{override.on_s:g} s",
                    at=longer if ramps >= (self.on_s or 0) else f"channel[{number}].on_s",
                )
        if timed and self.ramp_within_on and self.on_s is not None and ramps >= self.on_s:
            yield rule(
                "ramps",
                f"ramps of {self.ramp_up_s:g} s and {self.ramp_down_s:g} s leave nothing of an on time of "
                f"{self.on_s:g} s",
                at=longer,
            )
