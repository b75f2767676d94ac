"""A protocol in a therapist's words: what it is for, where pads go, how the level is found, what is played. Pure."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

from estim.protocols.course import past_weeks
from estim.protocols.muscles import name_of
from estim.protocols.schema import Channel, Protocol
from estim.protocols.schema_course import Dose, Progression
from estim.protocols.schema_pattern import TrainSpec
from estim.protocols.schema_phase import PhaseChannel, PhaseSpec, TriggerSpec

WIDTH = 100
BASIS = {
    "published": "published: frequency, width, times and schedule were read in a source",
    "partial": "partly published: the rest is recalled or convention, field by field below",
    "recalled": "recalled from a known paper, not read again",
    "convention": "clinical convention: no trial with published parameters was found",
    "reference-only": "for reading only: it is never run",
}
RULES = {
    "sensory": "strong comfortable tingling, below any contraction",
    "motor-visible": "a visible contraction",
    "functional": "the movement that is wanted",
    "max-tolerated": "the most that is tolerated",
    "percent-mvic": "a share of the maximum voluntary contraction",
    "percent-motor-threshold": "a share of the motor threshold, below any contraction",
}
RELATIONS = {
    "together": "all channels together",
    "alternating": "the channels in turn, spread evenly over the cycle",
    "sequenced": "one channel after the other",
    "overlapping": "each channel starts by its own delay and may overlap the one before",
    "interleaved": "all channels together, their pulses between one another",
}
SOURCES = {
    "read": "read in a source",
    "recalled": "recalled",
    "convention": "convention",
    "derived": "derived from other fields",
    "not-stated": "not stated",
}
STANCES = {"supports": "supports", "mixed": "is divided about", "against": "speaks against"}
EFFORTS = {
    "relax": "the patient relaxes and lets it work",
    "join": "the patient pulls with the current",
    "try-first": "the patient tries first, the current follows",
    "task": "the current goes with a task",
    "free": "nothing is asked of the patient",
}


def describe(protocol: Protocol, *, resolved: Protocol | None = None, week: int = 1, session: int = 1) -> str:
    """The whole protocol.

    Args:
        resolved: as it is played in `week` and `session`; None shows the file as it stands.
    """
    played = resolved or protocol
    lines = [protocol.title, "=" * len(protocol.title), f"{protocol.id}  version {protocol.version}"]
    if protocol.not_runnable_because:
        lines += ["", *_wrapped("NOT RUNNABLE", protocol.not_runnable_because)]
    lines += [
        "",
        *_wrapped("For", protocol.indication),
        *_wrapped("Conditions", ", ".join(protocol.conditions)),
        *_wrapped("Goal", protocol.goal + (f": {protocol.goal_note}" if protocol.goal_note else "")),
        *_wrapped("Basis", BASIS[protocol.basis]),
    ]
    if protocol.equivalent is not None:
        lines += _wrapped("Stands for", " ".join((protocol.equivalent.of, protocol.equivalent.note)).strip())
    lines += _listed("Not with", protocol.contraindications)
    lines += _listed("Stop on", protocol.stop_criteria)
    lines += ["", *_wrapped("Position", protocol.position), *_wrapped("Say", f"“{protocol.cue}”")]
    lines += _wrapped("Expect", protocol.expected_response)
    if protocol.weight_bearing:
        lines += _wrapped("Take care", "the limb carries the patient: harness or a second person, confirmed at arming")
    lines += _wrapped("Stop in the hand of", f"the {protocol.stop_control}")
    for channel in played.channel:
        lines += ["", *_channel(channel, protocol)]
    if resolved is not None:
        past = past_weeks(protocol, week)
        lines += ["", f"Played in week {week}, session {session}{f' ({past})' if past else ''}:"]
    for number, phase in enumerate(played.phase, start=1):
        lines += ["", *_phase(number, phase)]
    lines += ["", *_wrapped("Dose", dose_words(protocol.dose))]
    lines += _course(protocol, week=week if resolved is not None else None, session=session)
    lines += _listed("Note", protocol.notes)
    lines += ["", *_evidence(protocol), "", *_provenance(protocol)]
    return "\n".join(lines) + "\n"


def _wrapped(label: str, text: str) -> list[str]:
    head = f"{label}: "
    return textwrap.wrap(head + text, WIDTH, subsequent_indent=" " * min(len(head), 14)) or [head]


def _listed(label: str, items: Iterable[str]) -> list[str]:
    return [line for item in items for line in _wrapped(label, item)]


def _channel(channel: Channel, protocol: Protocol) -> list[str]:
    low, high = channel.plausible_ma
    level = RULES[channel.amplitude_rule]
    if channel.amplitude_target is not None:
        level += f", {channel.amplitude_target:g} %"
    if channel.amplitude_minimum is not None:
        level += f", at least {channel.amplitude_minimum:g} % of the maximum voluntary contraction"
    head = f"Channel {channel.name}: {name_of(channel.muscle)}, {_side(channel.side)}, {channel.region}"
    lines = textwrap.wrap(head + (", may be left out" if channel.optional else ""), WIDTH, subsequent_indent=" " * 4)
    indent = [
        *_wrapped("Pads", f"{channel.placement} ({pads_words(channel, protocol)})"),
        *_wrapped("Level", f"{level}. {channel.amplitude_instruction}"),
        f"Usually {low:g} to {high:g} mA; outside this you are asked, nothing is refused",
    ]
    if channel.output == "sensory":
        indent.append("Sensory: stays below today's motor mark")
    if channel.retitrate_every_s is not None:
        indent.append(f"Ask and find the level again every {duration_words(channel.retitrate_every_s)}")
    return [*lines, *(f"  {line}" for line in indent)]


def _side(side: str) -> str:
    return {"treated": "treated side", "other": "other side"}.get(side, side)


def pads_words(channel: Channel, protocol: Protocol) -> str:
    """`two pads of 7.6 × 12.7 cm`."""
    if channel.electrode_cm is not None:
        return f"two pads of {size_words(channel.electrode_cm)}"
    pads = {pad.id: pad for pad in protocol.electrode}
    return " and ".join(f"{pad} {size_words(pads[pad].size_cm)}" for pad in channel.electrodes or ())


def size_words(size_cm: tuple[float, ...]) -> str:
    """`7.6 × 12.7 cm`, or `round, 3.2 cm`."""
    return f"round, {size_cm[0]:g} cm" if len(size_cm) == 1 else f"{size_cm[0]:g} × {size_cm[1]:g} cm"


def duration_words(seconds: float) -> str:
    """`45 s`, `15 min`."""
    return f"{seconds:g} s" if seconds < 120 else f"{seconds / 60:.4g} min"


def _phase(number: int, phase: PhaseSpec) -> list[str]:
    head = f"Phase {number}, {phase.name} ({phase.kind}, {phase.mode})"
    if phase.channels is not None:
        head += f", {', '.join(phase.channels)} only"
    weeks = _when(phase.from_week, phase.to_week, "week")
    sessions = _when(phase.from_session, phase.to_session, "session")
    head += "".join(f", {words}" for words in (weeks, sessions) if words)
    lines = textwrap.wrap(head, WIDTH, subsequent_indent=" " * 4)
    lines += [f"  {line}" for line in _wrapped("Pulse", pulse_words(phase))]
    lines += [f"  {line}" for line in _wrapped("Rhythm", rhythm_words(phase))]
    if phase.effort is not None:
        lines += [f"  {line}" for line in _wrapped("Effort", EFFORTS[phase.effort])]
    if phase.relation is not None:
        lines += [f"  {line}" for line in _wrapped("Channels", RELATIONS[phase.relation])]
    if phase.trigger is not None:
        lines += [f"  {line}" for line in _wrapped("Trigger", trigger_words(phase.trigger))]
    if phase.intensity != 1:
        lines.append(f"  Intensity: {phase.intensity * 100:g} % of the level")
    return lines + [f"  {line}" for override in phase.channel for line in _override(override)]


def pulse_words(phase: PhaseSpec) -> str:
    """`20 Hz, 250 µs a phase, symmetric-biphasic, 2 pulses 8 ms apart at the place of one`."""
    pulse = f"{phase.frequency_hz:g} Hz, {phase.pulse_width_us:g} µs a phase, {phase.waveform}"
    if phase.phase_ratio is not None:
        pulse += f" (second phase {phase.phase_ratio} times as long and as much lower)"
    if phase.interphase_us:
        pulse += f", {phase.interphase_us} µs between the phases"
    if phase.burst is not None:
        pulse += f", {phase.burst.pulses} pulses {phase.burst.interval_us / 1000:g} ms apart at the place of one"
    if phase.point:
        pulse = (
            f"{phase.frequency_hz:g} Hz, {phase.pulse_width_us:g} µs a phase by its charge, a shape of its own: "
            + ", ".join(f"{point.us} µs at {point.share * 100:g} %" for point in phase.point)
        )
    if phase.train is not None and (train := train_words(phase.train)):
        pulse += f"; {train}"
    return pulse


def train_words(train: TrainSpec) -> str:
    """`each contraction begins with 1 doublet 5 ms apart`; "" for a constant train."""
    if train.first is not None:
        kind = "doublet" if train.first.pulses == 2 else "triplet"
        many = f"{train.first.times} {kind}{'s' * (train.first.times > 1)}"
        again = f", and has them again every {train.repeat_every_s:g} s" if train.repeat_every_s else ""
        return f"each contraction begins with {many}, pulses {train.first.interval_us / 1000:g} ms apart{again}"
    return f"from {train.after_s:g} s on {train.then_hz:g} Hz" if train.then_hz is not None else ""


def _when(first: int | None, last: int | None, unit: str) -> str:
    if first is None and last is None:
        return ""
    if last is None:
        return f"from {unit} {first} on"
    return f"{unit}s {first or 1} to {last}" if first != last else f"{unit} {last}"


def rhythm_words(phase: PhaseSpec) -> str:
    """`15 s on (3 s up, 1 s down, within), 45 s off, 15 contractions`."""
    within = "within the on time" if phase.ramp_within_on else "added to the on time"
    ramps = f"ramps {phase.ramp_up_s:g} s up, {phase.ramp_down_s:g} s down"
    if phase.on_s is not None:
        parts = [f"{phase.on_s:g} s on, {phase.off_s:g} s off, {ramps} {within}"]
    else:
        parts = [
            {"continuous": "without pause", "triggered": "at each trigger"}.get(phase.mode, "at each effort"),
            ramps,
        ]
    if phase.contractions is not None:
        sets = f"{phase.sets} sets of " if (phase.sets or 1) > 1 else ""
        parts.append(f"{sets}{phase.contractions} contractions")
        if sets:
            parts.append(f"{duration_words(phase.set_rest_s or 0)} rest between sets")
    elif phase.duration_s is not None:
        parts.append(f"for {duration_words(phase.duration_s)}")
    return ", ".join(parts)


def trigger_words(trigger: TriggerSpec) -> str:
    """Who opens and closes the gate, and its bounds."""
    other = trigger.emg_side == "other"
    effort = "an effort of the same muscle on the other side" if other else "the muscle's own effort"
    opened = {"key": "a key", "emg": effort, "crank": "the crank's angle"}.get(
        trigger.source, f"{trigger.source} “{trigger.on}”"
    )
    parts = [f"begins on {opened}"]
    if trigger.off and trigger.off != "timeout":
        parts.append(f"ends on “{trigger.off}”")
    parts.append(f"at most {trigger.max_on_s:g} s on")
    if trigger.hold:
        parts.append("held as long as that effort lasts" if other else "held as long as the switch is")
    for value, words in (
        (trigger.min_on_s, "at least {:g} s on"),
        (trigger.extend_s, "goes on for {:g} s after its end"),
        (trigger.refractory_s, "then deaf for {:g} s"),
        (trigger.lockout_s, f"EMG not heard {'' if other else 'while it plays and '}for {{:g}} s after it"),
        (trigger.threshold_uv, "threshold {:g} µV"),
        (trigger.debounce_ms, "for {:g} ms"),
        (trigger.rearm_percent, "armed again below {:g} % of it"),
        (trigger.blanking_ms, "{:g} ms blanked after each pulse"),
        (trigger.cadence_rpm, "at {:g} turns a minute"),
    ):
        if value:
            parts.append(words.format(value))
    if trigger.lead_ms is not None:
        parts.append(f"windows open {trigger.lead_ms.on:g} ms and close {trigger.lead_ms.off:g} ms earlier")
    return ", ".join(parts)


def _override(channel: PhaseChannel) -> list[str]:
    words = {
        "frequency_hz": "{:g} Hz", "pulse_width_us": "{:g} µs", "intensity": "intensity {:g}",
        "delay_s": "{:g} s later", "on_s": "{:g} s on", "max_on_s": "at most {:g} s on",
        "trigger_on": "begins on “{}”", "trigger_off": "ends on “{}”",
    }  # fmt: skip
    given = [text.format(value) for key, text in words.items() if (value := getattr(channel, key)) is not None]
    if channel.skip:
        given.append(f"one period played, {channel.skip} skipped")
    if channel.follows is not None:
        most = f", at most {channel.follows.at_most_ma:g} mA" if channel.follows.at_most_ma else ""
        given.append(f"{channel.follows.share * 100:g} % of {channel.follows.channel}{most}, never above its own level")
    if channel.crank_deg is not None:
        given.append(f"crank {channel.crank_deg[0]:g}° to {channel.crank_deg[1]:g}°")
    return _wrapped(channel.name, ", ".join(given)) if given else []


def _some(count: str, unit: str) -> str:
    return f"{count} {unit}" if count == "1" else f"{count} {unit}s"


def dose_words(dose: Dose) -> str:
    """`2 sessions a day, 7 days a week, 6 weeks`."""
    days = dose.days_per_week
    days_words = f"{days[0]:g} to {days[1]:g}" if isinstance(days, tuple) else f"{days:g}"
    weeks = f"{dose.weeks[0]} to {dose.weeks[1]}" if isinstance(dose.weeks, tuple) else f"{dose.weeks}"
    parts = [
        f"{_count(dose.sessions_per_day, 'session')} a day, {_some(days_words, 'day')} a week, {_some(weeks, 'week')}"
    ]
    if dose.blocks_per_session > 1:
        parts.append(f"each session in {dose.blocks_per_session} blocks with a look at the skin between")
    if dose.as_needed:
        parts.append("as needed")
    if dose.min_hours_between:
        parts.append(f"at least {dose.min_hours_between:g} h between")
    if dose.first_session_fraction < 1:
        parts.append(f"the first session {dose.first_session_fraction * 100:g} % as long")
    return "; ".join(parts)


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def _course(protocol: Protocol, *, week: int | None, session: int) -> list[str]:
    lines = []
    for step in protocol.progression:
        reached = week is not None and (
            (step.from_week is not None and week >= step.from_week)
            or (step.from_session is not None and session >= step.from_session)
        )
        unit, number = ("week", step.from_week) if step.from_week is not None else ("session", step.from_session)
        label = f"From {unit} {number}{' (reached)' if reached else ''}"
        lines += _wrapped(label, step_words(step))
    for criterion in protocol.criterion:
        bound = (
            f"at least {criterion.at_least:g}" if criterion.at_least is not None else f"at most {criterion.at_most:g}"
        )
        lines += _wrapped(criterion.action.capitalize(), f"when {criterion.measure} is {bound}")
    return lines


def step_words(step: Progression) -> str:
    """What a progression changes, and its note."""
    changes = step.set.model_dump(exclude_none=True) if step.set is not None else {}
    parts = [
        f"{key} = {value:g}" if isinstance(value, float | int) else f"{key} = {value}" for key, value in changes.items()
    ]
    where = f"{step.channel}: " if step.channel is not None else ""
    return where + "; ".join([*([", ".join(parts)] if parts else []), *([step.note] if step.note else [])])


def _evidence(protocol: Protocol) -> list[str]:
    lines = []
    for item in protocol.evidence:
        where = f" doi:{item.doi}" if item.doi else f" {item.url}" if item.url else ""
        lines += _wrapped("Evidence", f"{item.citation}{where}{f'. {item.effect}' if item.effect else ''}")
    for number, item in enumerate(protocol.evidence, start=1):
        if item.stance in {"against", "mixed"}:
            lines += _wrapped(
                "Take note", f"source {number} {STANCES[item.stance]} this treatment: {item.effect or ''}"
            )
    return lines


def _provenance(protocol: Protocol) -> list[str]:
    lines = []
    for source, words in SOURCES.items():
        keys = [key for key, sourced in protocol.marks.items() if sourced.mark == source]
        if keys:
            lines += _wrapped(f"Numbers {words}", ", ".join(sorted(keys)))
    return lines
