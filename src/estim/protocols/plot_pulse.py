"""One pulse drawn as text: both phases to scale in width and height, with what it carries. Pure."""

from __future__ import annotations

from estim.safety.schedule import Window

ROWS = 3  # above and below the line, each


def pulse_points(window: Window) -> tuple[tuple[int, float], ...]:
    """Corners of one pulse (of one burst): time from its begin in µs, current as a share of the first phase's.

    The second phase carries the first one's charge back: width × ratio, height ÷ ratio (L12).
    """
    points: list[tuple[int, float]] = []
    if window.shape:
        return tuple(corner for number in range(window.burst_pulses) for corner in _free(window, number))
    for number in range(window.burst_pulses):
        begin = number * window.burst_interval_us
        first_end = begin + window.pulse_width_us
        second = first_end + window.interphase_us
        second_end = second + window.pulse_width_us * window.phase_ratio
        low = -1.0 / window.phase_ratio
        points += [
            (begin, 0.0), (begin, 1.0), (first_end, 1.0), (first_end, 0.0),
            (second, 0.0), (second, low), (second_end, low), (second_end, 0.0),
        ]  # fmt: skip
    return tuple(points)


def _free(window: Window, number: int) -> list[tuple[int, float]]:
    at_us = number * window.burst_interval_us
    corners: list[tuple[int, float]] = [(at_us, 0.0)]
    for duration_us, permille in window.shape:
        corners += [(at_us, permille / 1000), (at_us + duration_us, permille / 1000)]
        at_us += duration_us
    return [*corners, (at_us, 0.0)]


def height_at(window: Window, at_us: float) -> float:
    """The current at a time since the pulse began, as a share of the first phase's."""
    for number in range(window.burst_pulses):
        since = at_us - number * window.burst_interval_us
        if window.shape:
            before = 0
            for duration_us, permille in window.shape:
                if before <= since < before + duration_us:
                    return permille / 1000
                before += duration_us
            continue
        second = window.pulse_width_us + window.interphase_us
        if 0 <= since < window.pulse_width_us:
            return 1.0
        if second <= since < second + window.pulse_width_us * window.phase_ratio:
            return -1.0 / window.phase_ratio
    return 0.0


def pulse_words(window: Window) -> str:
    """`250 µs, 100 µs pause, 250 µs back; every 20 ms`."""
    back_us = window.pulse_width_us * window.phase_ratio
    pause = f"{window.interphase_us} µs pause, " if window.interphase_us else ""
    words = f"{window.pulse_width_us} µs, {pause}{back_us} µs back"
    if window.shape:
        words = ", ".join(f"{us} µs at {permille / 10:g} %" for us, permille in window.shape)
    elif window.phase_ratio > 1:
        words += f" at 1/{window.phase_ratio} of the current"
    if window.burst_pulses > 1:
        words += f"; {window.burst_pulses} of them {window.burst_interval_us / 1000:g} ms apart"
    return f"{words}; every {window.period_us / 1000:g} ms{train_words(window)}; net charge 0"


def train_words(window: Window) -> str:
    """`; the first one 2 pulses 5 ms apart`; "" for a constant train."""
    train = window.train
    if train is None:
        return ""
    if train.then_period_us:
        return f", from {train.after_us / 1_000_000:g} s on every {train.then_period_us / 1000:g} ms"
    first = "first one" if train.times == 1 else f"first {train.times}"
    again = f", again every {train.repeat_us / 1_000_000:g} s" if train.repeat_us else ""
    return f"; the {first} {train.burst_pulses} pulses {train.burst_interval_us / 1000:g} ms apart{again}"


def first_second_us(window: Window) -> list[int]:
    """When pulses of the first second of a contraction fall, each of a burst by itself."""
    train, times, at_us, number = window.train, [], 0, 0
    while at_us < min(1_000_000, window.on_us):
        pulses, apart, period = window.burst_pulses, window.burst_interval_us, window.period_us
        if train is not None and train.times:
            every = -(-train.repeat_us // period) if train.repeat_us else 1 << 40
            if number % every < train.times:
                pulses, apart = train.burst_pulses, train.burst_interval_us
        if train is not None and train.then_period_us and number >= -(-train.after_us // window.period_us):
            period = train.then_period_us
        times += [at_us + one * apart for one in range(pulses)]
        at_us, number = at_us + period, number + 1
    return times


def draw_second(window: Window, *, width: int) -> str:
    """The pulses of the first second in one row: `|` one, a digit where several fall into a column."""
    columns = [0] * width
    for at_us in first_second_us(window):
        if at_us < 1_000_000:
            columns[at_us * width // 1_000_000] += 1
    return "".join(" " if not count else "|" if count == 1 else str(min(9, count)) for count in columns)


def draw_pulse(window: Window, *, width: int) -> list[str]:
    """The pulse in `2 × ROWS + 1` rows of `width` columns, the zero line in the middle."""
    end_us = pulse_points(window)[-1][0]
    span_us = end_us * 1.1
    columns = [height_at(window, (column + 0.5) * span_us / width - 0.05 * end_us) for column in range(width)]
    rows = []
    for row in range(ROWS, -ROWS - 1, -1):
        if row == 0:
            rows.append("".join("─" if height == 0 else "█" for height in columns))
        elif row > 0:
            rows.append("".join("█" if height * ROWS >= row - 0.5 else " " for height in columns))
        else:
            rows.append("".join("█" if height * ROWS <= row + 0.5 else " " for height in columns))
    return [row.rstrip() for row in rows]
