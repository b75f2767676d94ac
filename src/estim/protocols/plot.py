"""A schedule drawn as text: of each phase one cycle (a row a channel) and one pulse, then the session. Pure."""

from __future__ import annotations

from estim.protocols.plot_pulse import draw_pulse, draw_second, pulse_words
from estim.safety.schedule import PhasePlan, Schedule, Window

LEVELS = " ▁▂▃▄▅▆▇█"
WIDTH_MIN, WIDTH_MAX = 20, 400
SAMPLES = 24  # of a column of the session's envelope
_US = 1_000_000


def plot(schedule: Schedule, *, width: int = 72) -> str:
    """One cycle of every phase and the whole session.

    Heights are shares of each channel's own level, for a level already held: the first contraction at a new level
    ramps for longer (L17a).

    Args:
        width: columns of the drawing, 20 to 400.

    Raises:
        ValueError: `width` lies outside.
    """
    if not WIDTH_MIN <= width <= WIDTH_MAX:
        raise ValueError(f"width {width}: {WIDTH_MIN} to {WIDTH_MAX} columns")
    lines = [f"{schedule.protocol_title} ({schedule.model}, week {schedule.week}, session {schedule.session})"]
    for phase in schedule.phases:
        lines += ["", heading(phase), *_cycle(schedule, phase, width), *_pulses(schedule, phase, width)]
    return "\n".join([*lines, "", *_session(schedule, width)]) + "\n"


def share(window: Window, since_us: int) -> float:
    """The share of its channel's level that a window plays so long after it opened, from 0 to 1."""
    if not 0 <= since_us < window.on_us:
        return 0.0
    rise = since_us / window.ramp_up_us if window.ramp_up_us else 1.0
    fall = (window.on_us - since_us) / window.ramp_down_us if window.ramp_down_us else 1.0
    return min(1.0, rise, fall) * window.intensity_permille / 1000


def session_us(phase: PhasePlan) -> int | None:
    """How long a phase lasts, rests between sets included; None where contractions wait for a trigger."""
    if phase.cycle_us:
        return phase.sets * phase.cycles * phase.cycle_us + (phase.sets - 1) * phase.set_rest_us
    return phase.duration_us or None


def _seconds(time_us: int) -> str:
    return f"{time_us / _US:g} s" if time_us < 120 * _US else f"{time_us / 60 / _US:.3g} min"


def heading(phase: PhasePlan) -> str:
    """Name, mode, relation and extent of a phase in one line."""
    words = [phase.name, phase.mode]
    if len(phase.windows) > 1:
        words.append(phase.relation)
    if phase.trigger is not None:
        words.append(f"opened by {phase.trigger.source}, at most {_seconds(phase.trigger.max_on_us)} on")
    elif phase.mode == "timed":
        sets = f"{phase.sets} sets of " if phase.sets > 1 else ""
        words.append(f"{sets}{phase.cycles} × {_seconds(phase.cycle_us)}")
        if phase.sets > 1:
            words.append(f"{_seconds(phase.set_rest_us)} between sets")
    return ", ".join(words)


def span_us(phase: PhasePlan) -> int:
    """What one drawing shows: a cycle, or one window of a triggered phase at its longest."""
    if phase.cycle_us:
        return phase.cycle_us
    return max(window.offset_us + (window.max_on_us or window.on_us) for window in phase.windows)


def _cycle(schedule: Schedule, phase: PhasePlan, width: int) -> list[str]:
    names = {window.channel: schedule.channel(window.channel).name for window in phase.windows}
    room = max(len(name) for name in names.values())
    wide_us = max(1, span_us(phase))
    rows = []
    for window in phase.windows:
        bars = "".join(
            _bar(window, wide_us * column // width, wide_us * (column + 1) // width) for column in range(width)
        )
        pulse = f"{_US / window.period_us:.4g} Hz {window.pulse_width_us} µs"
        rows.append(f"{names[window.channel]:>{room}} │{bars}│ {pulse}")
    end = _seconds(wide_us)
    return [*rows, f"{'':>{room}} 0{end:>{width + 1}}"]


def _bar(window: Window, from_us: int, to_us: int) -> str:
    """The height in the middle of a column; output that a column only touches is drawn all the same."""
    height = share(window, (from_us + to_us) // 2 - window.offset_us)
    touches = from_us < window.offset_us + window.on_us and window.offset_us < to_us
    return LEVELS[max(round(height * (len(LEVELS) - 1)), 1 if touches else 0)]


def _pulses(schedule: Schedule, phase: PhasePlan, width: int) -> list[str]:
    """One pulse of each kind that the phase has."""
    kinds = {pulse_words(window): window for window in reversed(phase.windows)}
    lines: list[str] = []
    for words, window in kinds.items():
        lines += [f"one pulse: {words}", *draw_pulse(window, width=min(width, 60))]
    if any(window.train or window.shape or window.follows or window.burst_pulses > 1 for window in phase.windows) or (
        len({window.period_us for window in phase.windows}) > 1
    ):
        lines += _first_second(schedule, phase, width)
    return lines


def _first_second(schedule: Schedule, phase: PhasePlan, width: int) -> list[str]:
    """The first second of one contraction, pulse by pulse."""
    names = {window.channel: schedule.channel(window.channel).name for window in phase.windows}
    room = max(len(name) for name in names.values())
    rows = ["first second of a contraction, pulse by pulse:"]
    for window in phase.windows:
        row = f"{names[window.channel]:>{room}} ┊{draw_second(window, width=width)}┊"
        if window.follows is not None:
            most = f", at most {window.follows.at_most_ua / 1000:g} mA" if window.follows.at_most_ua else ""
            leader = schedule.channel(window.follows.channel).name
            row += f" {window.follows.share_permille / 10:g} % of {leader}{most}, never above its own level"
        rows.append(row)
    return rows


def _session(schedule: Schedule, width: int) -> list[str]:
    """The envelope of the whole session, and its phases as long as they last; a wait for triggers has no length."""
    lengths = [session_us(phase) for phase in schedule.phases]
    total_us = sum(length or 0 for length in lengths)
    if not total_us:
        return ["session: as long as its triggers take"]
    line, envelope, done_us = "", "", 0
    for number, (phase, length) in enumerate(zip(schedule.phases, lengths, strict=True), start=1):
        begin_us, done_us = done_us, done_us + (length or 0)
        until = max(0, width * done_us // total_us)
        for column in range(len(line), until):
            from_us, to_us = total_us * column // width, total_us * (column + 1) // width
            envelope += _highest(phase, from_us - begin_us, to_us - begin_us)
        line += str(number % 10) * (until - len(line))
    waits = "" if all(lengths) else ", and what waits for triggers"
    legend = "   ".join(
        f"{number} {phase.name} {_seconds(length) if length else 'by trigger'}"
        for number, (phase, length) in enumerate(zip(schedule.phases, lengths, strict=True), start=1)
    )
    return [f"session {_seconds(total_us)}{waits}", f"│{envelope}│", f"│{line}│", legend]


def _highest(phase: PhasePlan, from_us: int, to_us: int) -> str:
    """The greatest share that any channel of a phase plays in this time; `?` where triggers decide."""
    if phase.trigger is not None or not phase.cycle_us:
        return "?"
    set_us = phase.cycles * phase.cycle_us + phase.set_rest_us
    highest = 0.0
    for sample in range(SAMPLES):
        since_us = (from_us + (to_us - from_us) * sample // SAMPLES) % set_us
        if since_us < phase.cycles * phase.cycle_us:
            at_us = since_us % phase.cycle_us
            highest = max(highest, *(share(window, at_us - window.offset_us) for window in phase.windows))
    return LEVELS[round(highest * (len(LEVELS) - 1))]
