"""A protocol in words and in one line of drawing, for the screen where it is chosen. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from estim.console.language import ENGLISH, Words
from estim.protocols.schema import Protocol
from estim.protocols.schema_phase import PhaseSpec
from estim.protocols.search import all_words, has_words


def matches(protocol: Protocol, text: str, say: Words = ENGLISH) -> bool:
    """Each word of `text` begins a word of title, goal, conditions, indication, muscles or id (tens: no extension), or
    of what the screen calls conditions, goal, muscles and regions.
    """
    return not text or has_words(f"{all_words(protocol)} {_on_the_screen(protocol, say)}", text)


def _on_the_screen(protocol: Protocol, say: Words) -> str:
    words = [say.of("goal", protocol.goal)]
    for name in protocol.conditions:
        words += [say.of("condition", name), say.of("condition-also", name)]
    for channel in protocol.channel:
        words += [say.muscle(channel.muscle), say.of("region", channel.region)]
    return " ".join(words)


def nearest_first(protocols: Mapping[str, Protocol], text: str, say: Words = ENGLISH) -> list[str]:
    """Those that match, by their names in `protocols`: first where the title itself has each word."""
    found = [name for name, protocol in protocols.items() if matches(protocol, text, say)]
    return sorted(found, key=lambda name: not has_words(protocols[name].title, text))


def detail_lines(
    protocol: Protocol, *, week: int, columns: int, drawn: tuple[str, ...] = (), say: Words = ENGLISH
) -> tuple[str, ...]:
    """What a therapist wants to know before she chooses.

    Args:
        drawn: the preview and what has changed, set between the summary and the details.
    """
    conditions = ", ".join(say.of("condition", each) for each in protocol.conditions)
    lines = [
        protocol.title,
        protocol.indication,
        say("protocol.goal", goal=say.of("goal", protocol.goal), conditions=conditions),
        say("protocol.basis", basis=say.of("basis", protocol.basis)),
        "",
    ]
    for phase in protocol.phase:
        lines.append(phase_line(phase, say))
        if not drawn:
            lines.append(f"   {cycle_plot(phase, columns - 4, say)}")
    lines += [
        *drawn,
        say("protocol.position", position=protocol.position),
        say("protocol.cue", cue=protocol.cue, response=protocol.expected_response),
        dose_line(protocol, week, say),
    ]
    lines += [
        say(
            "protocol.channel",
            name=channel.name,
            muscle=say.short_muscle(channel.muscle),
            region=say.of("region", channel.region),
            rule=say.of("rule", channel.amplitude_rule),
            low=f"{channel.plausible_ma[0]:g}",
            high=f"{channel.plausible_ma[1]:g}",
        )
        for channel in protocol.channel
    ]
    lines += [say("protocol.not-with", text=text) for text in protocol.contraindications]
    lines += [say("protocol.stop-on", text=say.heard(text)) for text in protocol.stop_criteria]
    lines += [
        say("protocol.evidence", text=f"{item.citation}{f' doi:{item.doi}' if item.doi else ''}: {item.effect or ''}")
        for item in protocol.evidence
    ]
    return tuple(lines)


def dose_line(protocol: Protocol, week: int, say: Words = ENGLISH) -> str:
    """How often, for how long, and the week of today."""
    days, weeks = protocol.dose.days_per_week, protocol.dose.weeks
    days_words = "-".join(f"{day:g}" for day in days) if isinstance(days, tuple) else f"{days:g}"
    weeks_words = "-".join(str(each) for each in weeks) if isinstance(weeks, tuple) else str(weeks)
    return say("protocol.dose", times=protocol.dose.sessions_per_day, days=days_words, weeks=weeks_words, week=week)


def phase_line(phase: PhaseSpec, say: Words = ENGLISH) -> str:
    """`work: 50 Hz, 250 µs, 15 s on, 45 s off, 15 contractions`."""
    parts = [f"{phase.frequency_hz:g} Hz", f"{phase.pulse_width_us:g} µs"]
    if phase.on_s is not None and phase.off_s is not None:
        parts.append(say("phase-line.on-off", on=f"{phase.on_s:g}", off=f"{phase.off_s:g}"))
    if phase.contractions is not None:
        sets = f"{phase.sets} × " if (phase.sets or 1) > 1 else ""
        parts.append(sets + say("phase-line.contractions", count=phase.contractions))
    elif phase.duration_s is not None:
        parts.append(f"{phase.duration_s / 60:g} min")
    return f"{say.of('phase-name', phase.name)} ({say.of('mode', phase.mode)}): {', '.join(parts)}"


def cycle_plot(phase: PhaseSpec, columns: int, say: Words = ENGLISH) -> str:
    """One cycle drawn to scale: `╱` rising, `━` held, `╲` falling, `·` rest."""
    if phase.on_s is None or phase.off_s is None:
        return "━" * columns if phase.mode == "continuous" else f"╱━━━╲ {say('phase-line.trigger')}"
    total_s = phase.on_s + phase.off_s
    cells = []
    for index in range(columns):
        at_s = (index + 0.5) * total_s / columns
        if at_s < phase.ramp_up_s:
            cells.append("╱")
        elif at_s < phase.on_s - phase.ramp_down_s:
            cells.append("━")
        elif at_s < phase.on_s:
            cells.append("╲")
        else:
            cells.append("·")
    return "".join(cells)
