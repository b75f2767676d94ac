"""A schedule drawn as SVG: per phase the session's envelope, one cycle, and one pulse of each kind. Pure; text out.

No outside fonts, scripts or links: the file can be opened, printed and kept beside a record.
"""

from __future__ import annotations

from xml.sax.saxutils import escape

from estim.protocols.plot import heading, session_us, share, span_us
from estim.protocols.plot_pulse import pulse_points, pulse_words
from estim.safety.schedule import PhasePlan, Schedule, Window

WIDTH, LEFT, RIGHT = 960, 170, 30
ROW, GAP, TEXT = 44, 12, 18
PULSE_HEIGHT = 90
LABEL_MAX = 26  # characters of 12 px in the margin
_COLOURS = ("#1b6ca8", "#c2571a", "#2e7d4f", "#7b3f98", "#8a6d00", "#b0304f", "#00707a", "#555555")
_CONTRACTIONS_MAX = 400  # drawn one by one; beyond that they could not be told apart


def to_svg(schedule: Schedule) -> str:
    """The drawing of all phases, one under the other. Heights are shares of each channel's own level."""
    parts: list[str] = []
    y = 30.0
    parts.append(_text(LEFT, y, f"{schedule.protocol_title}", size=18))
    y += 22
    parts.append(
        _text(LEFT, y, f"{schedule.protocol_id} on {schedule.model}, week {schedule.week}, session {schedule.session}")
    )
    for phase in schedule.phases:
        y += 34
        parts.append(_text(LEFT, y, heading(phase), size=15))
        y = _session(parts, schedule, phase, y + GAP)
        y = _cycle(parts, schedule, phase, y + GAP)
        y = _pulses(parts, schedule, phase, y + GAP)
    height = round(y) + 30
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        f'font-family="sans-serif" font-size="12">\n<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )


def _text(x: float, y: float, text: str, *, size: int = 12, anchor: str = "start") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" fill="#222222">{escape(text)}</text>'
    )


def _label(y: float, name: str) -> str:
    """A name in the left margin, cut where the margin ends."""
    return _text(LEFT - 8, y, name if len(name) <= LABEL_MAX else f"{name[: LABEL_MAX - 1]}…", anchor="end")


def _line(points: list[tuple[float, float]], colour: str, *, filled: bool = True) -> str:
    path = " ".join(f"{x:.2f},{y:.2f}" for x, y in points)
    fill = f'fill="{colour}" fill-opacity="0.25"' if filled else 'fill="none"'
    return f'<polyline points="{path}" {fill} stroke="{colour}" stroke-width="1.5"/>'


def _axis(parts: list[str], y: float, end: str, title: str) -> None:
    right = WIDTH - RIGHT
    parts.append(f'<line x1="{LEFT}" y1="{y:.1f}" x2="{right}" y2="{y:.1f}" stroke="#888888"/>')
    parts.append(_text(LEFT, y + 15, "0"))
    parts.append(_text((LEFT + right) / 2, y + 15, title, anchor="middle"))
    parts.append(_text(right, y + 15, end, anchor="end"))


def _seconds(time_us: int) -> str:
    return f"{time_us / 1e6:g} s" if time_us < 120_000_000 else f"{time_us / 60e6:.3g} min"


def corners(window: Window) -> list[tuple[int, float]]:
    """The envelope of one window: time from its begin, share of the level."""
    top = window.intensity_permille / 1000
    rise, fall = window.ramp_up_us, window.on_us - window.ramp_down_us
    middle = [(0, top), (window.on_us, top)] if not rise and not window.ramp_down_us else [(rise, top), (fall, top)]
    if rise > fall:  # a window that never reaches its plateau
        meet = window.on_us * rise // (rise + window.ramp_down_us)
        middle = [(meet, share(window, meet))]
    return [(0, 0.0), *middle, (window.on_us, 0.0)]


def _onsets(phase: PhasePlan) -> list[int]:
    """When the cycles of a timed or continuous phase begin."""
    rest = phase.set_rest_us
    return [
        (number * phase.cycles + cycle) * phase.cycle_us + number * rest
        for number in range(phase.sets)
        for cycle in range(phase.cycles)
    ]


def _session(parts: list[str], schedule: Schedule, phase: PhasePlan, y: float) -> float:
    total = session_us(phase)
    if not total or phase.trigger is not None:
        parts.append(_text(LEFT, y + TEXT, "session: contractions come with their triggers"))
        return y + TEXT
    scale = (WIDTH - LEFT - RIGHT) / total
    onsets = _onsets(phase)
    for number, window in enumerate(phase.windows):
        base = y + ROW
        colour = _COLOURS[number % len(_COLOURS)]
        parts.append(_label(base - 4, schedule.channel(window.channel).name))
        if len(onsets) > _CONTRACTIONS_MAX:
            parts.append(_line([(LEFT, base), (LEFT, y + 6), (WIDTH - RIGHT, y + 6), (WIDTH - RIGHT, base)], colour))
        else:
            points = [
                (LEFT + (onset + window.offset_us + at) * scale, base - height * (ROW - 6))
                for onset in onsets
                for at, height in corners(window)
            ]
            parts.append(_line(points, colour))
        y = base + 4
    _axis(parts, y, _seconds(total), "session")
    return y + TEXT


def _cycle(parts: list[str], schedule: Schedule, phase: PhasePlan, y: float) -> float:
    span = max(1, span_us(phase))
    scale = (WIDTH - LEFT - RIGHT) / span
    for number, window in enumerate(phase.windows):
        base = y + ROW
        colour = _COLOURS[number % len(_COLOURS)]
        name = schedule.channel(window.channel).name
        parts.append(_label(base - 4, name))
        points = [
            (LEFT + min(span, window.offset_us + at) * scale, base - height * (ROW - 6))
            for at, height in corners(window)
        ]
        parts.append(_line(points, colour))
        y = base + 4
    _axis(parts, y, _seconds(span), "one cycle" if phase.cycle_us else "one trigger, at its longest")
    return y + TEXT


def _pulses(parts: list[str], schedule: Schedule, phase: PhasePlan, y: float) -> float:
    """One drawing for each different pulse of the phase."""
    kinds: dict[str, list[int]] = {}
    for index, window in enumerate(phase.windows):
        kinds.setdefault(pulse_words(window), []).append(index)
    for words, indexes in kinds.items():
        window = phase.windows[indexes[0]]
        points = pulse_points(window)
        room = WIDTH - LEFT - RIGHT
        scale = room * 0.9 / points[-1][0]
        zero = y + PULSE_HEIGHT / 2
        half = PULSE_HEIGHT / 2 - 6
        drawn = [(LEFT, zero), *((LEFT + room * 0.05 + at * scale, zero - share_ * half) for at, share_ in points)]
        parts.append(_line([*drawn, (WIDTH - RIGHT, zero)], _COLOURS[indexes[0] % len(_COLOURS)], filled=False))
        names = ", ".join(schedule.channel(phase.windows[index].channel).name for index in indexes)
        label = names if len(indexes) < len(phase.windows) else "one pulse"
        parts.append(_label(zero + 4, label))
        y += PULSE_HEIGHT
        parts.append(_text((LEFT + WIDTH - RIGHT) / 2, y + 12, f"one pulse: {words}", anchor="middle"))
        y += TEXT
    return y
