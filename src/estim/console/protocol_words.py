"""A protocol in words and in one line of drawing, for the screen where it is chosen. Pure."""

from __future__ import annotations

import re

from estim.protocols.schema import Protocol
from estim.protocols.schema_phase import Phase

_WORD = re.compile(r"[^\W_]+")

BASIS_WORDS = {
    "published": "published: frequency, width, times and schedule were read in a source",
    "partial": "partly published: some numbers are recalled or convention",
    "recalled": "recalled from a known paper, not read again",
    "convention": "clinical convention: no trial with published parameters was found",
    "reference-only": "for reading only, never runnable",
}


def matches(protocol: Protocol, text: str) -> bool:
    """Each word of `text` begins a word of title, goal, conditions, indication, muscles or id (tens: no extension)."""
    place = " ".join(
        (
            protocol.id,
            protocol.title,
            protocol.goal,
            protocol.indication,
            *protocol.conditions,
            *(f"{channel.muscle} {channel.region}" for channel in protocol.channel),
        )
    ).lower()
    words = _WORD.findall(place)
    return all(any(word.startswith(asked) for word in words) for asked in _WORD.findall(text.lower()))


def detail_lines(protocol: Protocol, *, week: int, columns: int) -> tuple[str, ...]:
    """What a therapist wants to know before she chooses."""
    dose = protocol.dose
    days = dose.days_per_week
    days_words = "-".join(f"{day:g}" for day in days) if isinstance(days, tuple) else f"{days:g}"
    weeks_words = "-".join(str(week) for week in dose.weeks) if isinstance(dose.weeks, tuple) else str(dose.weeks)
    lines = [
        protocol.title,
        protocol.indication,
        f"Goal {protocol.goal} · for {', '.join(protocol.conditions)}",
        f"Basis {BASIS_WORDS.get(protocol.basis, protocol.basis)}",
        "",
    ]
    for phase in protocol.phase:
        lines += [phase_line(phase), f"   {cycle_plot(phase, columns - 4)}"]
    lines += [
        f"Position {protocol.position}",
        f"Tell the patient “{protocol.cue}” · expect {protocol.expected_response}",
        f"Dose {dose.sessions_per_day}× a day, {days_words} days a week, {weeks_words} weeks · now week {week}",
    ]
    lines += [
        f"{channel.name}: {channel.muscle} ({channel.region}), {channel.amplitude_rule}, "
        f"usually {channel.plausible_ma[0]:g}-{channel.plausible_ma[1]:g} mA"
        for channel in protocol.channel
    ]
    lines += [f"Not with {text}" for text in protocol.contraindications]
    lines += [f"Stop on {text}" for text in protocol.stop_criteria]
    lines += [
        f"Evidence {item.citation}{f' doi:{item.doi}' if item.doi else ''}: {item.effect or ''}"
        for item in protocol.evidence
    ]
    return tuple(lines)


def phase_line(phase: Phase) -> str:
    """`work: 50 Hz, 250 µs, 15 s on, 45 s off, 15 contractions`."""
    parts = [f"{phase.frequency_hz:g} Hz", f"{phase.pulse_width_us:g} µs"]
    if phase.on_s is not None and phase.off_s is not None:
        parts.append(f"{phase.on_s:g} s on, {phase.off_s:g} s off")
    if phase.contractions is not None:
        sets = f"{phase.sets} × " if (phase.sets or 1) > 1 else ""
        parts.append(f"{sets}{phase.contractions} contractions")
    elif phase.duration_s is not None:
        parts.append(f"{phase.duration_s / 60:g} min")
    return f"{phase.name} ({phase.mode}): {', '.join(parts)}"


def cycle_plot(phase: Phase, columns: int) -> str:
    """One cycle drawn to scale: `╱` rising, `━` held, `╲` falling, `·` rest."""
    if phase.on_s is None or phase.off_s is None:
        return "━" * columns if phase.mode == "continuous" else "╱━━━╲ at each trigger"
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
