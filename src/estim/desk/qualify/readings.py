"""Readings that a person types: of steps that no capture shows, and of every step where an instrument writes no file.

They stand in `readings.toml` beside the captures, one table a step. A typed current counts with 3 % of uncertainty, as
a cursor on a screen gives, unless `uncertainty_percent` says otherwise; a time with 0.5 %.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from estim.desk.qualify.judge import (
    AMPLITUDE,
    AMPLITUDE_MIN_MA,
    DC_IDLE_UA,
    DC_ON_UA,
    OVER,
    RATE,
    STOP_MS,
    WIDTH,
    WIDTH_MIN_US,
    Figure,
    Judged,
    figure,
)
from estim.desk.qualify.steps import BenchStep, PlanError, read_table
from estim.platform.files import replace_whole
from estim.safety.errors import brief

FILE = "readings.toml"
CURSOR_PERCENT, TIME_SHARE = 3.0, 0.005
OPEN_LEAD_MS = 1_000.0
Typed = float | bool
Answers = Mapping[str, Typed]


@dataclass(frozen=True, slots=True)
class Question:
    """One reading: its key, what is asked, and its unit; "" for yes or no."""

    key: str
    words: str
    unit: str = ""


_CURRENT = (Question("i1_ma", "current of the first phase", "mA"), Question("i2_ma", "of the second phase", "mA"))
QUESTIONS: Mapping[str, tuple[Question, ...]] = {
    "zero": (Question("peak_ma", "the highest current that is seen", "mA"), Question("dc_ua", "d.c. over 10 s", "µA")),
    "amplitude": _CURRENT,
    "width": (*_CURRENT, Question("w1_us", "width of the first phase", "µs"),
              Question("w2_us", "of the second phase", "µs"), Question("gap_us", "gap between them", "µs")),
    "rate": (*_CURRENT, Question("period_us", "from pulse to pulse", "µs")),
    "balance": (*_CURRENT, Question("dc_ua", "d.c. over 10 s", "µA")),
    "stop": (*_CURRENT, Question("stop_ms", "from the stop to the last pulse, worst of 10", "ms")),
    "together": (Question("least_pause_us", "from the end of one channel's pulse to the next channel's", "µs"),
                 Question("in_order", "do the channels come in the order of their numbers")),
    "ramp": (Question("worst_above_ma", "how far any pulse lies above the straight line up", "mA"),
             Question("pulses_behind", "pulses behind the end of the ramp down", "pulses")),
    "open-lead": (Question("reported", "did the screen say that a lead is off"),
                  Question("off_ms", "from pulling the lead to the last pulse", "ms")),
    "compliance": (Question("i1_ma", "current of the first phase", "mA"),
                   Question("said", "did the screen say that less flowed than was asked")),
    "restart": (Question("silent", "after the cable, or off and on: nothing until a start from 0 mA"),),
}  # fmt: skip
TYPED_MAX = 1_000_000_000
TYPED_ONLY = frozenset({"together", "open-lead", "compliance", "restart"})


def load(folder: Path) -> dict[str, dict[str, Typed]]:
    """Step → its readings; none where there is no file.

    Raises:
        PlanError: the file can't be read, or a reading is neither a number nor yes or no.
    """
    path = folder / FILE
    if not path.exists():
        return {}
    table = read_table(path)
    found: dict[str, dict[str, Typed]] = {}
    for name, answers in table.items():
        if not isinstance(answers, dict) or not all(map(_is_typed, answers.values())):
            raise PlanError(f"{path}: [{brief(name)}] holds numbers and true or false")
        found[name] = {key: one if isinstance(one, bool) else float(one) for key, one in answers.items()}
    return found


def _is_typed(one: object) -> bool:
    return isinstance(one, int | float) and abs(one) <= TYPED_MAX


def save(folder: Path, readings: Mapping[str, Answers]) -> None:
    """Write them all; what was typed before stands until all of it is on the disk."""
    lines: list[str] = []
    for name, answers in readings.items():
        lines.append(f'["{name}"]')
        for key, value in answers.items():
            lines.append(f"{key} = {str(value).lower() if isinstance(value, bool) else f'{value:g}'}")
        lines.append("")
    replace_whole(folder / FILE, "\n".join(lines).encode("utf-8"))


def missing(step: BenchStep, answers: Answers) -> list[str]:
    """Readings that this step needs and has not."""
    return [question.key for question in QUESTIONS[step.kind] if question.key not in answers]


def judge_readings(step: BenchStep, answers: Answers) -> Judged:
    """All figures of a step from what was typed."""
    share = float(answers.get("uncertainty_percent", CURSOR_PERCENT)) / 100
    figures = tuple(_FIGURES(step, answers, share))
    asked = step.amplitude_ma
    i1 = float(answers.get("i1_ma", 0.0))
    over = max(0.0, i1 * (1 - share) / asked - 1) if asked and step.kind != "compliance" else 0.0
    stop = float(answers["stop_ms"]) if step.kind == "stop" else None
    return Judged(figures=figures, over=over, stop_ms=stop)


def _FIGURES(step: BenchStep, answers: Answers, share: float) -> Iterator[Figure]:  # noqa: N802 - one table of rules
    def number(key: str) -> float:
        return float(answers[key])

    def within(name: str, key: str, asked: float, bound: float, unit: str) -> Figure:
        value = number(key)
        return figure(
            step, name, asked, value, abs(value) * share, f"±{bound:g}", unit, error=value - asked, bound=bound
        )

    def yes(name: str, key: str) -> Figure:
        return figure(step, name, 1, float(bool(answers[key])), 0, "yes", "", ok=bool(answers[key]))

    if step.kind == "zero":
        yield within("highest", "peak_ma", 0, 0.2, "mA")
        yield within("d.c.", "dc_ua", 0, DC_IDLE_UA, "µA")
    elif step.kind == "together":
        pause = number("least_pause_us")
        yield figure(step, "pause between channels", 0, pause, 0, "> 0", "µs", ok=pause > 0)
        yield yes("in order", "in_order")
    elif step.kind == "ramp":
        yield within("above the line", "worst_above_ma", 0, step.step_ma + step.amplitude_ma * OVER, "mA")
        behind = number("pulses_behind")
        yield figure(step, "pulses behind", 0, behind, 0, "0", "", ok=behind == 0)
    elif step.kind == "open-lead":
        found = (yes("reported", "reported"), within("off within", "off_ms", 0, OPEN_LEAD_MS, "ms"))
        # Below what the maker says that it can see it is noted from where on it does.
        yield from found if not step.noted else (replace(one, verdict="noted") for one in found)
    elif step.kind == "compliance":
        bound = max(AMPLITUDE * step.amplitude_ma, AMPLITUDE_MIN_MA)
        value = number("i1_ma")
        kept = abs(value - step.amplitude_ma) + value * share <= bound
        said = bool(answers["said"]) and value <= step.amplitude_ma + bound
        near = value < step.amplitude_ma <= value * (1 + share) + bound
        made = figure(
            step, "kept, or said", step.amplitude_ma, value, value * share, f"±{bound:g} or said", "mA", ok=kept or said
        )
        # Less than asked, and within the tolerance but for the reading's own: from this load on it begins to clip.
        yield replace(made, verdict="noted") if (near or step.noted) and not (kept or said) else made
    elif step.kind == "restart":
        yield yes("silent", "silent")
    else:
        yield from _of_a_capture(step, answers, share)


def _of_a_capture(step: BenchStep, answers: Answers, share: float) -> Iterator[Figure]:
    """The figures that a capture would give."""
    bound = max(AMPLITUDE * step.amplitude_ma, AMPLITUDE_MIN_MA)
    asked: dict[str, tuple[str, float, float, str]] = {
        "i1_ma": ("I1", step.amplitude_ma, bound, "mA"),
        "i2_ma": ("I2", step.amplitude_ma, bound, "mA"),
        "w1_us": ("w1", step.width_us, max(WIDTH * step.width_us, WIDTH_MIN_US), "µs"),
        "w2_us": ("w2", step.width_us, max(WIDTH * step.width_us, WIDTH_MIN_US), "µs"),
        "gap_us": ("gap", step.gap_us, max(WIDTH * step.gap_us, WIDTH_MIN_US), "µs"),
        "period_us": ("period", 1e6 / step.rate_hz, RATE * 1e6 / step.rate_hz, "µs"),
        "dc_ua": ("d.c.", 0.0, DC_ON_UA, "µA"),
        "stop_ms": ("stop", 0.0, 1_000 / step.rate_hz + STOP_MS, "ms"),
    }
    for question in QUESTIONS[step.kind]:
        name, wanted, limit, unit = asked[question.key]
        value = abs(float(answers[question.key])) if question.key == "i2_ma" else float(answers[question.key])
        known = TIME_SHARE if unit in {"µs", "ms"} else share
        yield figure(
            step, name, wanted, value, abs(value) * known, f"±{limit:g}", unit, error=value - wanted, bound=limit
        )
    over = max(0.0, float(answers["i1_ma"]) - step.amplitude_ma)
    most = OVER * step.amplitude_ma
    # A reading that is only as good as the limit decides nothing below it and everything above.
    yield figure(
        step,
        "over-delivery",
        0,
        over,
        0.0,
        f"≤ {most:.3g}",
        "mA",
        error=over,
        bound=max(most, share * step.amplitude_ma),
    )
