"""What operators have practised: which objective, on which day, in which simulated session. Kept with the operator.

Each is a signed line of the station's chain; the console judges it by what was done and never by what somebody ticks.
It is evidence of practice, no examination.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from estim.records.home import Home
from estim.records.station import enter_station, station_lines
from estim.safety.errors import RecordError

# In the order in which they are learnt. Training is the barrier that those who use stimulation name first.
OBJECTIVES = (
    "stop-space", "stop-f12", "stop-escape", "find-levels", "pad-lost", "pain", "pause", "emg", "crash", "two-patients",
)  # fmt: skip


def met(home: Home) -> Mapping[str, Mapping[str, str]]:
    """Operator → objective → the day on which it was first met.

    Raises:
        RecordError: the station's chain was changed or can't be read.
    """
    found: dict[str, dict[str, str]] = {}
    for line in station_lines(home.root):
        if line["event"] == "practised" and line["objective"] in OBJECTIVES:
            found.setdefault(str(line["operator"]), {}).setdefault(str(line["objective"]), str(line["utc"])[:10])
    return found


def enter(home: Home, operator: str, objective: str, session: str) -> None:
    """One objective was met; a second time adds nothing.

    Args:
        session: the simulated record in which it was done.

    Raises:
        RecordError: it can't be written, or the chain is not whole.
    """
    if objective not in met(home).get(operator, {}):
        enter_station(home.root, "practised", operator=operator, objective=objective, session=session)


def lacking(home: Home, operator: str, asked: Sequence[str]) -> tuple[str, ...]:
    """Those of `asked` that this operator has not met, in their order; all of them where nobody can read the chain."""
    try:
        done = met(home).get(operator, {})
    except RecordError:
        done = {}
    return tuple(one for one in asked if one not in done)
