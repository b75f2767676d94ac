"""The kernel: what judging costs, beside what is judged and beside the time it has. `python bench/kernel.py`."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from bench.timing import best  # noqa: E402
from estim.drivers.p24 import PROFILE  # noqa: E402
from estim.safety.commands import ChannelOutput, SetOutput  # noqa: E402
from estim.safety.interlock import Interlock  # noqa: E402
from estim.safety.units import MicroAmp  # noqa: E402
from estim.safety.verdict import clear  # noqa: E402
from estim.session.effects import AuthorisedPeak  # noqa: E402
from tests.safety.build import BOTH, TRUSTED, channel, schedule, window  # noqa: E402

COMMANDS = 5_000
PERIOD_US = 20_000


def commands(channels: int) -> list[SetOutput]:
    """Saw teeth of 20 rising pulses and one at zero on all channels, so that every command is a change."""
    trains = [window(number) for number in range(1, channels + 1)]
    made = []
    for number in range(COMMANDS):
        amplitude = MicroAmp(number % 21 * 1_000)
        outputs = [
            ChannelOutput(
                channel=train.channel,
                amplitude_ua=amplitude,
                pulse_width_us=train.pulse_width_us,
                interphase_us=train.interphase_us,
                period_us=train.period_us,
            )
            for train in trains
        ]
        made.append(SetOutput(channels=tuple(outputs)))
    return made


def admit_cost(channels: int) -> tuple[float, float]:
    """Seconds for one admission, and for making the same command anew (the bare object, without any judging)."""
    plans = [channel(number, ma=20) for number in range(1, channels + 1)]
    cleared = clear(schedule(plans), BOTH, PROFILE, TRUSTED)
    sent = commands(channels)

    def admit() -> None:
        interlock = Interlock(cleared)
        peaks = [
            AuthorisedPeak(channel=plan.channel, peak_ua=20_000, pulse_width_us=250, period_us=PERIOD_US)
            for plan in plans
        ]
        interlock.authorise(1, peaks, COMMANDS * PERIOD_US, 0)
        interlock.grant(1, 0)
        for number, command in enumerate(sent):
            now_us = number * PERIOD_US
            interlock.admit(command, now_us).consume(now_us)

    def make() -> None:
        for command in sent:
            SetOutput(channels=tuple(replace(output) for output in command.channels))

    return best(admit) / COMMANDS, best(make) / COMMANDS


def main() -> None:
    """Print the ratios."""
    print("| channels | admit, µs | share of a 20 ms period | ratio to building the command |")
    print("|---|---|---|---|")
    for channels in (1, 4, 8):
        admit_s, make_s = admit_cost(channels)
        share = admit_s / (PERIOD_US / 1e6)
        print(f"| {channels} | {admit_s * 1e6:.1f} | {share:.3%} | {admit_s / make_s:.2f} |")
    plans = [channel(number, ma=20) for number in range(1, 9)]
    plan = schedule(plans)
    once_s = best(lambda: clear(plan, BOTH, PROFILE, TRUSTED))
    print(f"clear(), 8 channels, one phase: {once_s * 1e3:.1f} ms, {once_s / admit_cost(8)[0]:.0f} admissions")


if __name__ == "__main__":
    main()
