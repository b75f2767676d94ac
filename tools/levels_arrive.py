"""Does the level that was found arrive? Each protocol of the library in rehearsal, walked and ridden at three cadences.

    python -m tools.levels_arrive [ID …]

One line a protocol, channel and cadence: contractions, the worst share of the level from the third on, and whether
`check` said so beforehand. Exit code 1 where a level does not arrive and nothing said so.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator

from estim.desk.checking import check_protocol
from estim.desk.preflight import preflight
from estim.desk.setup_from import SetupWords, moves, setup_from
from estim.drivers.address import Address
from estim.protocols import library
from estim.protocols.catalogue import load_runnable
from estim.protocols.schema import Protocol
from estim.rehearsal import RehearsalPlan, rehearse
from estim.safety.errors import EstimError
from estim.safety.limits import ABSOLUTE, DEFAULT

LIMITS = ABSOLUTE & DEFAULT
STEPS, TURNS = (40, 60, 100), (20, 40, 60)
LEVEL_MA, SENSORY_MA = 30, 8
THIRD = 2  # the first two may lead to the level (L17a)
ENOUGH = 0.95


def cadences(protocol: Protocol) -> tuple[int | None, ...]:
    """Three of them where somebody moves."""
    if not moves(protocol):
        return (None,)
    crank = any(phase.trigger is not None and phase.trigger.source == "crank" for phase in protocol.phase)
    return TURNS if crank else STEPS


def shares(name: str, protocol: Protocol, cadence: int | None) -> Iterator[tuple[str, int, float]]:
    """Channel, contractions, the worst share of the level from the third on; nothing where there are fewer."""
    levels = tuple(
        f"{channel.name}={SENSORY_MA if channel.output == 'sensory' else LEVEL_MA}" for channel in protocol.channel
    )
    regions = tuple(f"{channel.name}=low-back" for channel in protocol.channel if channel.region == "any-permitted")
    said = setup_from(
        protocol, SetupWords(patient="levels", levels=levels, regions=regions, cadence=cadence), simulated=True
    )
    said = preflight(protocol, said, Address(model="p24", url="", simulated=True), limits=LIMITS)
    done = rehearse(
        RehearsalPlan(source=name, setup=said.setup, levels_ua=said.levels_ua, motor_ua=said.motor_ua, limits=LIMITS)
    )
    names = {each.channel: each.name for each in said.setup.channels}
    found: dict[str, list[float]] = {}
    for line in map(json.loads, done.data.splitlines()):
        if line["kind"] == "contraction" and line["fields"]["purpose"] == "therapy":
            for row in line["fields"]["channels"]:
                found.setdefault(names[row["channel"]], []).append(row["peak_ua"] / (row["level_ua"] or 1))
    for channel, peaks in found.items():
        if len(peaks) > THIRD:
            yield channel, len(peaks), min(peaks[THIRD:])


def main(names: list[str]) -> int:
    """The table."""
    unsaid = 0
    print(f"{'protocol':44} {'channel':26} {'cadence':>7} {'n':>5} {'worst':>6}  said")
    for name in names or library.names():
        try:
            protocol, _ = load_runnable(name)
        except EstimError:
            continue
        for cadence in cadences(protocol):
            told = check_protocol(protocol, LIMITS, model="p24", cadence=cadence)
            said = {each.message.partition(":")[0] for each in told if "% of the level is reached" in each.message}
            try:
                rows = list(shares(name, protocol, cadence))
            except EstimError as error:
                print(f"{name:44} not played: {str(error)[:80]}")
                continue
            for channel, count, worst in rows:
                unsaid += worst < ENOUGH and channel not in said
                mark = "foretold" if channel in said else "" if worst >= ENOUGH else "UNSAID"
                print(f"{name:44} {channel:26} {cadence or '-':>7} {count:>5} {worst:>6.1%}  {mark}", flush=True)
    print(f"{unsaid} not reached and not said")
    return int(unsaid > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
