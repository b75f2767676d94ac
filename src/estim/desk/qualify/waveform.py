"""A captured waveform: CSV in, pulses with their uncertainty out. Nothing here knows what was asked for."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from estim.platform.files import trouble
from estim.safety.errors import quoted

SAMPLES_MIN = 20
HEAD_MAX = 4096  # letters of a first line
_UNITS_US = {"s": 1e6, "ms": 1e3, "us": 1.0, "µs": 1.0}


class WaveformError(Exception):
    """A file that can't be judged: which, where and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture:
    """Samples of one channel.

    Attributes:
        t_us, i_ua: times and currents. marker: the second channel, where there is one.
        lines: line of the file of each sample.
        meta: what the head of our own form says (`step`, `channel`, `instrument`, ...).
        step_ua: the converter's step. shunt_share: how well the resistor is known, as a share.
    """

    t_us: list[float]
    i_ua: list[float]
    marker: list[float]
    lines: list[int]
    meta: dict[str, str] = field(default_factory=dict)
    step_ua: float = 0.0
    shunt_share: float = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenPulse:
    """One pulse as it was captured; second phase 0 where there is none.

    Attributes:
        t_us: begin. i1_ua, i2_ua, w1_us, w2_us, gap_us: of the phases. q1_pc, q2_pc: their charges, the rest before
            taken off. u_*: uncertainty of each.
    """

    t_us: float
    i1_ua: float
    w1_us: float
    gap_us: float
    i2_ua: float
    w2_us: float
    q1_pc: float
    q2_pc: float
    u_i_ua: float
    u_w_us: float
    u_q_pc: float


def read(
    path: Path, *, shunt_ohm: float | None = None, rate_hz: float | None = None, shunt_percent: float = 1.0
) -> Capture:
    """A capture from a file: comma, semicolon or tab, decimal comma, BOM, comment and settings rows above the data.

    Args:
        shunt_ohm: where the head does not say it; None and none said: the second column is mA.
        rate_hz: samples a second, where there is no column of times.
        shunt_percent: how well that resistor is known.

    Raises:
        WaveformError: it can't be read or judged; names the line.
    """
    try:
        text = path.read_text(encoding="utf-8-sig", errors="replace")
    except OSError as error:
        raise WaveformError(f"{path}: {trouble(error)}") from None
    rows, meta, heads = _rows(text)
    if not rows:
        raise WaveformError(f"{path}: no row of numbers")
    width = 2 if rate_hz is None else 1
    shunt = float(meta.get("shunt_ohm", shunt_ohm or 0)) * float(meta.get("probe", 1) or 1)
    scale = 1e6 / shunt if shunt else 1_000.0
    named = [head.lower().replace("time", "").strip(" []()t_") for head in heads]
    unit_us = next((_UNITS_US[name] for name in named if name in _UNITS_US), 1e6)
    times: list[float] = []
    values: list[float] = []
    marker: list[float] = []
    lines: list[int] = []
    for line, row in rows:
        if len(row) < width:
            raise WaveformError(f"{path}, line {line}: {len(row)} columns where {width} are needed")
        at_us = row[0] * unit_us if rate_hz is None else len(times) * 1e6 / rate_hz
        if times and at_us < times[-1]:
            raise WaveformError(f"{path}, line {line}: the time falls, from {times[-1]:g} to {at_us:g} µs")
        times.append(at_us)
        values.append(row[width - 1])
        marker.append(row[width] if len(row) > width else 0.0)
        lines.append(line)
    full = float(meta.get("full_scale_v", 0) or 0)
    _not_clipped(path, values, lines, full)
    steps = sorted({round(abs(b - a), 9) for a, b in pairwise(values)} - {0.0})
    return Capture(
        t_us=times, i_ua=[value * scale for value in values], marker=marker, lines=lines, meta=meta,
        # Of a file with few levels the smallest difference is no step of a converter.
        step_ua=min(steps[0] if steps else 0.0, max(map(abs, values)) / 100) * scale,
        shunt_share=shunt_percent / 100,
    )  # fmt: skip


def simulated_in(folder: Path) -> str:
    """The name of a capture there that a simulated oscilloscope took, by its own head; "" where there is none."""
    for path in sorted(path for path in folder.glob("*.csv") if path.is_file()):
        try:
            with path.open(encoding="utf-8", errors="replace") as file:
                head = file.readline(HEAD_MAX)
        except OSError:  # who reads the captures says so
            continue
        if head.startswith("# estim-waveform") and "taken=simulated" in map(str.strip, head.split(";")):
            return path.name
    return ""


def _rows(text: str) -> tuple[list[tuple[int, list[float]]], dict[str, str], list[str]]:
    rows: list[tuple[int, list[float]]] = []
    meta: dict[str, str] = {}
    heads: list[str] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if line.startswith(("#", ";")):
            pairs = (part.partition("=") for part in line.strip("#; ").split(";"))
            meta |= {name.strip(): value.strip() for name, equals, value in pairs if equals}
            continue
        cells = _cells(line)
        numbers = [value for value in map(_number, cells) if value is not None]
        if len(numbers) == len(cells) and numbers:
            rows.append((number, numbers))
        elif rows and line.strip():
            raise WaveformError(f"line {number}: {quoted(line.strip())} is no row of numbers")
        else:
            heads = cells
    return rows, meta, heads


def _cells(line: str) -> list[str]:
    """Cells of a line; a decimal comma is one where semicolons or tabs separate."""
    for separator in (";", "\t"):
        if separator in line:
            return [cell.strip().replace(",", ".") for cell in line.split(separator) if cell.strip()]
    return [cell.strip() for cell in line.split(",") if cell.strip()]


def _number(text: str) -> float | None:
    try:
        return float(text) if text.isascii() and "_" not in text else None
    except ValueError:
        return None


def _not_clipped(path: Path, values: list[float], lines: list[int], full: float) -> None:
    run = 0
    for value, line in zip(values, lines, strict=True):
        run = run + 1 if full and abs(value) >= full * 0.999 else 0
        if run >= 3:
            raise WaveformError(f"{path}, line {line}: clipped at full scale, {full:g} V: take a larger range")


def pulses(capture: Capture, path: Path, *, rising: bool = False) -> list[SeenPulse]:
    """Every pulse of a capture.

    Args:
        rising: a ramp: its lowest pulses lie at the threshold, and what is too short to be one is none.

    Raises:
        WaveformError: it begins within a pulse, a phase has fewer than 20 samples, or the offset is too large.
    """
    rest_ua = statistics.median(capture.i_ua)
    peak_ua = max(abs(value - rest_ua) for value in capture.i_ua)
    threshold_ua = max(400.0, peak_ua / 4, 3 * capture.step_ua)
    if peak_ua < threshold_ua:
        return []
    if (
        abs(rest_ua)
        > 0.05 * 1e6 * float(capture.meta.get("full_scale_v", 0) or 0) / float(capture.meta.get("shunt_ohm", 10) or 10)
        and "full_scale_v" in capture.meta
    ):
        raise WaveformError(f"{path}: an offset of {rest_ua / 1000:.2f} mA is above 5 % of full scale")
    phases = _phases(capture, rest_ua, threshold_ua)
    if rising:
        phases = [phase for phase in phases if phase[1] - phase[0] >= SAMPLES_MIN]
    if phases and phases[0][0] == 0:
        raise WaveformError(f"{path}, line {capture.lines[0]}: the capture begins within a pulse")
    found: list[SeenPulse] = []
    index = 0
    while index < len(phases):
        begin, end, sign = phases[index]
        second = phases[index + 1] if index + 1 < len(phases) else None
        if second is not None and (second[2] == sign or capture.t_us[second[0]] - capture.t_us[end] > 2_000):
            second = None
        for first, last, _ in (phases[index], *((second,) if second else ())):
            if last - first < SAMPLES_MIN:
                line = capture.lines[first]
                few = f"{last - first} samples in a phase, at least {SAMPLES_MIN} are needed"
                raise WaveformError(f"{path}, line {line}: {few}")
        found.append(_pulse(capture, (begin, end, sign), second, rest_ua))
        index += 2 if second else 1
    return found


def _phases(capture: Capture, rest_ua: float, threshold_ua: float) -> list[tuple[int, int, int]]:
    """(first sample, first sample behind it, sign) of every stretch beyond the threshold."""
    found: list[tuple[int, int, int]] = []
    begin, sign = -1, 0
    for at, value in enumerate([*capture.i_ua, rest_ua]):
        now = 0 if abs(value - rest_ua) < threshold_ua else 1 if value > rest_ua else -1
        if now != sign:
            if sign:
                found.append((begin, at, sign))
            begin, sign = at, now
    return found


def _pulse(
    capture: Capture, first: tuple[int, int, int], second: tuple[int, int, int] | None, rest_ua: float
) -> SeenPulse:
    before = [v for t, v in zip(capture.t_us[max(0, first[0] - 200) : first[0]],
                                capture.i_ua[max(0, first[0] - 200) : first[0]], strict=True)
              if t >= capture.t_us[first[0]] - 100]  # fmt: skip
    zero_ua = statistics.fmean(before) if before else rest_ua
    sample_us = capture.t_us[first[0] + 1] - capture.t_us[first[0]]
    i1, w1, q1 = _phase(capture, first, zero_ua, sample_us)
    i2, w2, q2 = _phase(capture, second, zero_ua, sample_us) if second else (0.0, 0.0, 0.0)
    gap = capture.t_us[second[0]] - capture.t_us[first[1] - 1] - sample_us if second else 0.0
    u_i = abs(i1) * capture.shunt_share + capture.step_ua / 2
    return SeenPulse(
        t_us=capture.t_us[first[0]], i1_ua=i1, w1_us=w1, gap_us=gap, i2_ua=i2, w2_us=w2, q1_pc=q1, q2_pc=q2,
        u_i_ua=u_i, u_w_us=sample_us,
        # The same resistor and zero carry both phases: what differs between them is the edge of a sample each.
        u_q_pc=abs(i1) * sample_us + capture.step_ua * (w1 + w2) / 20,
    )  # fmt: skip


def _phase(
    capture: Capture, phase: tuple[int, int, int], zero_ua: float, sample_us: float
) -> tuple[float, float, float]:
    begin, end, _ = phase
    inner = capture.i_ua[begin + (end - begin) // 5 : end - (end - begin) // 5]
    charge = sum(value - zero_ua for value in capture.i_ua[begin:end]) * sample_us
    return statistics.median(inner) - zero_ua, (end - begin) * sample_us, charge
