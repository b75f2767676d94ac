"""The protocol file's schema: every key, what it may hold, and the rules between keys. Strict: unknown keys are
refused.

Whether a number is safe is not decided here but by the kernel's limits: a file that asks for 180 Hz is a valid file
that is refused by rule L4. Here a number must only be a number that can mean something (finite, above 0).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, get_args

from pydantic import Field, ValidationInfo, field_validator

from estim.protocols import muscles
from estim.protocols.schema_base import Strict, Text, exactly, rule
from estim.protocols.schema_course import (
    CHANNEL_KEYS,
    Criterion,
    Dose,
    Equivalent,
    Evidence,
    Progression,
    Provenance,
    Sourced,
    fits,
)
from estim.protocols.schema_phase import PhaseSpec
from estim.safety.errors import quoted

Slug = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=80)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 _.-]*$", max_length=60)]
SizeCm = Annotated[tuple[float, ...], Field(min_length=1, max_length=2)]
Region = Literal[
    "thigh", "shank", "foot", "buttock", "forearm", "hand", "upper-arm", "shoulder", "upper-back", "low-back",
    "any-permitted", "abdomen",
]  # fmt: skip
PLAYED_REGIONS = tuple(region for region in get_args(Region) if region not in {"any-permitted", "abdomen"})
SHOWN_ONLY = "reference-only"  # a basis: never played, so that it may hold what is refused elsewhere
Goal = Literal["strength", "endurance", "disuse", "re-education", "function", "spasticity", "pain", "circulation"]
Basis = Literal["published", "partial", "recalled", "convention", "reference-only"]
AmplitudeRule = Literal[
    "sensory", "motor-visible", "functional", "max-tolerated", "percent-mvic", "percent-motor-threshold"
]  # fmt: skip
ANY_REGION = "any-permitted"
SENSORY_RULES = frozenset({"sensory", "percent-motor-threshold"})


class Electrode(Strict):
    """A pad by itself, where pads are unequal or shared by two channels."""

    id: Name
    size_cm: SizeCm
    placement: Text

    def broken(self) -> Iterator[ValueError]:
        """A pad has a size."""
        if any(side <= 0 for side in self.size_cm):
            yield rule("size", "size_cm: sides in cm must be above 0", at="size_cm")


class Channel(Strict):
    """One muscle group that is stimulated, and how its level is found."""

    name: Name
    muscle: Text
    region: Region
    side: Literal["left", "right", "treated", "other"] = "treated"
    placement: Text
    electrode_cm: SizeCm | None = None
    electrodes: Annotated[tuple[Name, Name], Field()] | None = None
    output: Literal["motor", "sensory"] = "motor"
    amplitude_rule: AmplitudeRule
    amplitude_instruction: Text
    amplitude_target: Annotated[float, Field(gt=0, le=100)] | None = None
    without_mvic: Literal["motor-visible", "refuse"] | None = None
    amplitude_minimum: Annotated[float, Field(gt=0, le=100)] | None = None
    plausible_ma: tuple[Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)]]
    retitrate_every_s: Annotated[float, Field(gt=0)] | None = None
    optional: bool = False

    @field_validator("muscle")
    @classmethod
    def _canonical(cls, text: str, info: ValidationInfo) -> str:
        """The id of the vocabulary, whatever spelling the file has: one muscle has one account of the day (L27)."""
        try:
            return muscles.find(text).muscle.id
        except muscles.UnknownMuscleError as error:
            raise rule("muscle", str(error)) from None
        except muscles.RefusedMuscleError as error:
            if _is_shown_only(info) and error.muscle is not None:
                return error.muscle.id
            raise rule("not-treated", str(error)) from None

    @field_validator("region")
    @classmethod
    def _played(cls, region: str, info: ValidationInfo) -> str:
        """The abdomen has no limits: files that are never played may show it."""
        if region == "abdomen" and not _is_shown_only(info):
            raise rule("not-treated", muscles.refusals()["cough"].sentence())
        return region

    def broken_as_written(self, given: Mapping[str, Any]) -> Iterator[ValueError]:
        """A side in the muscle's name must be the channel's."""
        typed = given.get("muscle", "")
        named = muscles.side_in(typed) if isinstance(typed, str) else ""
        if named and named != self.side:
            yield rule(
                "side",
                f"{quoted(typed)} names the {named} side, the channel's side is {self.side!r}; "
                "a side stands in `side` alone",
                at="muscle",
            )

    def broken(self) -> Iterator[ValueError]:
        """Muscle and region, pads, rule and target of a level that contradict each other."""
        muscle = muscles.muscles().get(self.muscle)
        home = muscle.region if muscle is not None else ""
        if home and ANY_REGION not in {home, self.region} and home != self.region:
            yield rule(
                "region",
                f"{self.muscle} lies in the region {home!r}, this channel says {self.region!r}",
                at="region",
            )
        if (self.electrode_cm is None) == (self.electrodes is None):
            yield rule(
                "electrodes",
                'give either electrode_cm or electrodes = ["a", "b"], not both and not neither',
                at="electrode_cm",
            )
        if self.electrode_cm is not None and any(side <= 0 for side in self.electrode_cm):
            yield rule("size", "electrode_cm: sides in cm must be above 0", at="electrode_cm")
        if self.electrodes is not None and self.electrodes[0] == self.electrodes[1]:
            yield rule("electrodes", "a channel needs two different pads", at="electrodes")
        if (self.output == "sensory") != (self.amplitude_rule in SENSORY_RULES):
            yield rule(
                "sensory",
                f"output = {self.output!r} and amplitude_rule = {self.amplitude_rule!r} contradict: sensory output "
                f"goes "
                "with sensory or percent-motor-threshold, and these with nothing else",
                at="amplitude_rule",
            )
        if self.plausible_ma[0] > self.plausible_ma[1]:
            yield rule("plausible", "plausible_ma: the first number must not be above the second", at="plausible_ma")
        targets = {"percent-mvic", "percent-motor-threshold"}
        if self.amplitude_target is not None and self.amplitude_rule not in targets:
            yield rule(
                "target",
                "amplitude_target goes with percent-mvic or percent-motor-threshold only",
                at="amplitude_target",
            )
        if self.amplitude_rule == "percent-motor-threshold" and (self.amplitude_target or 100) > 90:
            yield rule(
                "target", "percent-motor-threshold needs an amplitude_target of at most 90 (L26)", at="amplitude_target"
            )
        if self.amplitude_rule == "percent-mvic" and self.amplitude_target is None:
            yield rule(
                "target",
                "percent-mvic needs an amplitude_target (% of the maximum voluntary contraction)",
                at="amplitude_target",
            )
        if self.without_mvic is not None and self.amplitude_rule != "percent-mvic":
            yield rule("target", "without_mvic goes with percent-mvic only", at="without_mvic")
        if self.amplitude_minimum is not None and self.amplitude_rule not in {"max-tolerated", "percent-mvic"}:
            yield rule(
                "minimum", "amplitude_minimum goes with max-tolerated or percent-mvic only", at="amplitude_minimum"
            )
        least, target = self.amplitude_minimum or 0, self.amplitude_target or 100
        if self.amplitude_rule == "percent-mvic" and least > target:
            yield rule(
                "minimum",
                f"amplitude_minimum = {least:g} is above amplitude_target = {target:g}",
                at="amplitude_target" if target <= 1 else "amplitude_minimum",  # a share was meant for per cent
            )
        if self.output == "sensory" and not 0 < (self.retitrate_every_s or 0) <= 600:
            yield rule(
                "retitrate",
                "a sensory channel needs retitrate_every_s of at most 600 (L26: marks age)",
                at="retitrate_every_s",
            )


class Protocol(Strict):
    """One treatment."""

    schema_version: Annotated[Literal[1], exactly(1), Field(alias="schema")]
    id: Slug
    version: Annotated[str, Field(pattern=r"^[0-9]+\.[0-9]+\.[0-9]+$")]
    title: Text
    goal: Goal
    goal_note: Text | None = None
    conditions: Annotated[tuple[Text, ...], Field(min_length=1)]
    indication: Text
    position: Text
    cue: Text
    expected_response: Text
    stop_criteria: Annotated[tuple[Text, ...], Field(min_length=1)]
    contraindications: tuple[Text, ...]
    basis: Basis
    weight_bearing: bool = False
    stop_control: Literal["patient", "clinician", "observer"] = "patient"
    notes: tuple[Text, ...] = ()
    equivalent: Equivalent | None = None
    evidence: Annotated[tuple[Evidence, ...], Field(min_length=1, max_length=50)]
    electrode: Annotated[tuple[Electrode, ...], Field(max_length=16)] = ()
    channel: Annotated[tuple[Channel, ...], Field(min_length=1, max_length=8)]
    phase: Annotated[tuple[PhaseSpec, ...], Field(min_length=1, max_length=50)]
    dose: Dose
    progression: Annotated[tuple[Progression, ...], Field(max_length=60)] = ()
    criterion: Annotated[tuple[Criterion, ...], Field(max_length=20)] = ()
    provenance: dict[str, Provenance]

    @property
    def not_runnable_because(self) -> str:
        """Why this file is shown and never run; "" if it may be."""
        if self.basis == SHOWN_ONLY:
            return "it is for reference only"
        for phase in self.phase:
            if phase.trigger is None or phase.trigger.source != "crank":
                continue
            given = {override.name for override in phase.channel if override.crank_deg is not None or override.follows}
            missing = [name for name in phase.channels or [c.name for c in self.channel] if name not in given]
            if missing:
                return f"crank_deg is not given for {', '.join(missing)}; a clinician fills in the crank windows"
        return ""

    @property
    def marks(self) -> Mapping[str, Sourced]:
        """`[provenance]` with each value in its long form."""
        return {
            key: value if isinstance(value, Sourced) else Sourced(mark=value) for key, value in self.provenance.items()
        }

    @property
    def runnable(self) -> bool:
        """Whether this file may be run at all."""
        return not self.not_runnable_because

    def broken(self) -> Iterator[ValueError]:
        """References that lead nowhere, names that stand twice, changes that change nothing."""
        names = [channel.name for channel in self.channel]
        yield from _unique("channel", "name", names)
        yield from _unique("phase", "name", [phase.name for phase in self.phase])
        yield from _unique("electrode", "id", [electrode.id for electrode in self.electrode])
        pads = {electrode.id for electrode in self.electrode}
        for number, channel in enumerate(self.channel):
            for pad in channel.electrodes or ():
                yield from _known(f"channel {channel.name!r}: electrode", pad, pads, f"channel[{number}].electrodes")
        for number, phase in enumerate(self.phase):
            yield from _members(f"phase[{number}]", phase, names)
        for number, step in enumerate(self.progression):
            if step.channel is not None and step.channel not in names:
                yield from _known("progression: channel", step.channel, set(names), f"progression[{number}].channel")
            else:
                yield from self._reaches(number, step)
        for key, sourced in self.marks.items():
            if sourced.source is not None and sourced.source > len(self.evidence):
                yield rule(
                    "reference",
                    f"provenance.{key}: source = {sourced.source}, the file has {len(self.evidence)} [[evidence]]",
                    at=f"provenance.{key}" if key.isidentifier() else "provenance",
                )

    def _reaches(self, index: int, step: Progression) -> Iterator[ValueError]:
        """A `set` that would change nothing, or more than its channel, is a mistake and not an intention."""
        if step.set is None:
            return
        where = f"progression[{index}].set"
        changes = step.set.model_dump(exclude_none=True)
        names = [channel.name for channel in self.channel]
        phases = [
            (phase, list(phase.channels or names))
            for phase in self.phase
            if phase.kind == "work" and (step.channel is None or step.channel in (phase.channels or names))
        ]
        for key in changes.keys() - CHANNEL_KEYS:
            reached = [(phase, members) for phase, members in phases if fits(key, phase.model_dump(), changes)]
            if not reached:
                yield rule(
                    "progression",
                    f"{where}: {key} changes nothing: no work phase of this file has it",
                    at=f"{where}.{key}",
                )
            if step.channel is None or key == "on_s":
                continue
            for phase, members in reached:
                if len(members) > 1:
                    yield rule(
                        "progression",
                        f"{where}: {key} of channel {step.channel!r} alone: phase {phase.name!r} plays others too, and "
                        "they share it; leave channel out, or give the channel a phase of its own",
                        at=f"{where}.{key}",
                    )


def _is_shown_only(info: ValidationInfo) -> bool:
    return bool(info.context and info.context.get("basis") == SHOWN_ONLY)


def _members(where: str, phase: PhaseSpec, names: list[str]) -> Iterator[ValueError]:
    """Channels that a phase names and the file does not have."""
    for name in phase.channels or ():
        yield from _known(f"phase {phase.name!r}: channel", name, set(names), f"{where}.channels")
    members = set(phase.channels or names)
    for number, override in enumerate(phase.channel):
        here = f"{where}.channel[{number}]"
        yield from _known(f"phase {phase.name!r}: channel", override.name, members, f"{here}.name")
        if override.follows is not None:
            what, leaders = f"phase {phase.name!r}: {override.name} follows", members - {override.name}
            yield from _known(what, override.follows.channel, leaders, f"{here}.follows.channel")


def _unique(what: str, key: str, names: list[str]) -> Iterator[ValueError]:
    double = sorted({name for name in names if names.count(name) > 1})
    if double:
        second = names.index(double[0], names.index(double[0]) + 1)
        yield rule("unique", f"{what} names must differ; twice: {', '.join(double)}", at=f"{what}[{second}].{key}")


def _known(what: str, name: str, known: set[str], at: str) -> Iterator[ValueError]:
    if name not in known:
        words = ", ".join(sorted(known)) or "none"
        yield rule("reference", f"{what} {name!r} does not exist; there are {words}", at=at)
