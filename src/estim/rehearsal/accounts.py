"""The record against what came out: it verifies, explains every microcoulomb, and nothing acknowledged is missing.

Works on the record's lines and on the pulses alone. The lines are played again (`replayed`) by a device of a few lines:
a command acts from its answer on, a train begins with the command that enables it. What that leaves open is the time
between sending and answering.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from estim.record_lines import events as lines
from estim.record_lines import kinds
from estim.records.chain import Entry
from firmware_sim.devices.interface import Pulse
from firmware_sim.faults import BODY, DEVICE, WIRE, Fault

AFTER_US = 3_000_000  # how long after a fault of wire, device or pads both may differ: the longest timer and a second
EDGE_US = 1_500  # channels share one source, bytes take time


@dataclass(slots=True)
class Told:
    """What people were told, for the comparison: kind of request → how many were accepted."""

    accepted: Counter[str] = field(default_factory=Counter)


LINES: Mapping[str, tuple[str, str, tuple[str, ...]]] = {  # accepted request → kind of its line, field, its values
    "Lower": ("lowered", "", ()),
    "Pause": ("request", "what", ("pause",)),
    "Stop": ("request", "what", ("stop",)),
    "EndEarly": ("request", "what", ("end-early",)),
    "SkipPhase": ("request", "what", ("skip-phase",)),
    "Mark": ("levels", "", ()),
    "Raise": ("authorise", "reason", ("raise",)),
    "Note": ("note", "", ()),
    "ResetFault": ("request", "what", ("reset-fault", "connect")),
    "Confirm": ("accepted", "", ()),
    "Screen": ("screening", "", ()),
    "Sign": ("signature", "", ()),
}


def missing(entries: Sequence[Entry], heard: Told) -> str:
    """An acknowledged request that the record does not know; "" if there is none."""
    for kind, count in heard.accepted.items():
        if kind not in LINES:
            continue
        line, key, values = LINES[kind]
        written = sum(entry.kind == line and (not key or entry.fields.get(key) in values) for entry in entries)
        if written < count:
            return f"{count} × {kind} were accepted, the record has {written} {line} lines for them"
    return ""


def off_and_pulsing(entries: Iterable[Entry], pulses: Sequence[Pulse], burst_us: int) -> str:
    """A pulse while the record says that off was confirmed; "" if there is none.

    Args:
        burst_us: so long a burst goes on that had begun before.
    """
    times = [pulse.t_us for pulse in pulses if pulse.peak_ua]
    since_us: int | None = None
    for entry in entries:
        state = entry.fields.get("state") if entry.kind == lines.Output.KIND else None
        ends = state in {"ON", "UNCERTAIN"} or entry.kind == lines.End.KIND
        if since_us is not None and ends:
            found = bisect_right(times, since_us + burst_us)
            if found < len(times) and times[found] < entry.t_us:
                return f"a pulse at {times[found] / 1e6:.4f} s; off was confirmed at {since_us / 1e6:.4f} s"
            since_us = None
        if state == "OFF":
            since_us = entry.t_us
    return ""


@dataclass(slots=True)
class _Lane:
    """What one channel plays by the record: pulses, or bursts of so many, at `base_us` + n × period."""

    amplitude_ua: int = 0
    pulse_width_us: int = 0
    period_us: int = 1
    base_us: int = 0
    counted: int = 0
    burst: int = 1

    @property
    def charge_pc(self) -> int:
        """Of one of them."""
        return self.amplitude_ua * self.pulse_width_us * self.burst


@dataclass(slots=True)
class ReplayedCharge:
    """Charge per channel: what the lines say, and how much of it hangs on when exactly a command arrived."""

    charge_pc: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    open_pc: dict[int, int] = field(default_factory=lambda: defaultdict(int))


def replayed(entries: Iterable[Entry], burst_us: int = 0) -> ReplayedCharge:
    """Play the record's commands again.

    Args:
        burst_us: from the first pulse of a burst to its last: a device may take a command between them.
    """
    result = ReplayedCharge()
    lanes: dict[int, _Lane] = {}
    for entry in entries:
        if entry.kind == lines.Command.KIND:
            ack_us = int(entry.fields["ack_us"])
            at_us = entry.t_us - ack_us // 2
            wanted = {int(output["channel"]): output for output in entry.fields["channels"]}
            for number in {*lanes, *wanted}:
                _until(result, number, lanes, at_us, ack_us // 2 + EDGE_US, wanted.get(number), burst_us)
        elif entry.kind == lines.Unanswered.KIND:
            for row in entry.fields["channels"]:  # one pulse of it, or none
                before_ua = lanes[row["channel"]].amplitude_ua if row["channel"] in lanes else 0
                charge_pc = abs(row["amplitude_ua"] - before_ua) * row["pulse_width_us"]
                result.open_pc[row["channel"]] += charge_pc * row.get("burst_pulses", 1)
        elif _ends_a_run(entry):
            for number in list(lanes):
                _until(result, number, lanes, entry.t_us, EDGE_US, None, burst_us)
    return result


def _until(
    result: ReplayedCharge,
    number: int,
    lanes: dict[int, _Lane],
    at_us: int,
    edge_us: int,
    output: Mapping[str, int] | None,
    burst_us: int,
) -> None:
    """Count one channel's pulses before `at_us`, then let it play `output`."""
    lane = lanes.get(number)
    after_ua = int(output["amplitude_ua"]) if output is not None else 0
    burst = int(output.get("burst_pulses", 1)) if output is not None else 1
    if lane is not None:
        passed = max(lane.counted, -(-(at_us - lane.base_us) // lane.period_us))
        result.charge_pc[number] += (passed - lane.counted) * lane.charge_pc
        lane.counted = passed
        to_next_us = lane.base_us + passed * lane.period_us - at_us
        if lane.burst > 1 and lane.period_us - to_next_us <= burst_us + edge_us:  # the rest of it came, or did not
            result.open_pc[number] += lane.charge_pc * (lane.burst - 1) // lane.burst
        if to_next_us <= edge_us or lane.period_us - to_next_us <= edge_us:
            result.open_pc[number] += abs(lane.charge_pc - after_ua * lane.pulse_width_us * burst)
    if not after_ua or output is None:
        lanes.pop(number, None)
        return
    period_us = int(output["period_us"])
    if lane is None:
        lanes[number] = _Lane(after_ua, int(output["pulse_width_us"]), period_us, at_us, 0, burst)
        return
    lane.amplitude_ua, lane.burst = after_ua, burst
    if period_us != lane.period_us:  # a train's second rate, from the next pulse on
        lane.base_us += lane.counted * lane.period_us
        lane.period_us, lane.counted = period_us, 0


def unexplained(entries: Sequence[Entry], pulses: Sequence[Pulse], faults: Sequence[Fault], burst_us: int = 0) -> str:
    """Charge at the electrode that the record's commands do not account for, or the reverse; "" if it all adds up."""
    lines = replayed(entries, burst_us)
    measured: dict[int, int] = defaultdict(int)
    for pulse in pulses:
        measured[pulse.channel] += pulse.phase1_pc
    rooms, largest = _rooms(entries, pulses, faults), _largest(entries, pulses)
    unacknowledged: Counter[int] = (
        Counter()
    )  # a command that an off overtook has no line of its own, its pulses are counted
    for row in _dose(entries).values():
        unacknowledged[row["channel"]] += row["unacknowledged_pulses"]
    for number in {*measured, *lines.charge_pc}:
        said_pc, open_pc = lines.charge_pc[number], lines.open_pc[number] + rooms.get(number, 0)
        open_pc += unacknowledged[number] * largest[number]
        if abs(measured[number] - said_pc) > open_pc:
            return (
                f"channel {number}: {measured[number] / 1e6:.3f} µC came out, the record's commands give"
                f" {said_pc / 1e6:.3f} µC, at most {open_pc / 1e6:.3f} µC are open"
            )
    return ""


def _ends_a_run(entry: Entry) -> bool:
    return (
        entry.kind == lines.PhaseTurn.KIND
        and entry.fields["before"] == "RUNNING"
        and entry.fields["after"] != "RUNNING"
    )


def _dose(entries: Iterable[Entry]) -> dict[tuple[str, int], Mapping[str, int]]:
    """The last word of the record on each purpose and channel."""
    dose: dict[tuple[str, int], Mapping[str, int]] = {}
    purpose = "titration"
    for entry in entries:
        purpose = (
            str(entry.fields.get("purpose", purpose))
            if entry.kind in {kinds.SetupLine.KIND, lines.Dose.KIND, lines.End.KIND}
            else purpose
        )
        if entry.kind in {lines.Dose.KIND, lines.End.KIND}:
            for row in entry.fields["channels"] if entry.kind == lines.Dose.KIND else entry.fields["dose"]:
                dose[purpose, row["channel"]] = row
    return dose


def _largest(entries: Iterable[Entry], pulses: Sequence[Pulse]) -> dict[int, int]:
    """Channel → the greatest charge of a pulse, that flowed or that a command asked for."""
    largest: dict[int, int] = defaultdict(int)
    for pulse in pulses:
        largest[pulse.channel] = max(largest[pulse.channel], abs(pulse.phase1_pc))
    for entry in entries:
        for row in entry.fields["channels"] if entry.kind == lines.Command.KIND else ():
            largest[row["channel"]] = max(
                largest[row["channel"]], row["amplitude_ua"] * row["pulse_width_us"] * row.get("burst_pulses", 1)
            )
    return largest


def _rooms(entries: Sequence[Entry], pulses: Sequence[Pulse], faults: Sequence[Fault]) -> dict[int, int]:
    """What faults leave open, per channel: their time and `AFTER_US`, at the greatest charge, the shortest period.

    A device that acknowledges an update and does nothing plays on what it had, up to the next that it takes: a whole
    contraction, where the last step of a ramp was ignored.
    """
    told_us = [entry.t_us for entry in entries if entry.kind == lines.Command.KIND]
    open_us = 0
    for fault in faults:
        if fault.kind not in {*WIRE, *DEVICE, *BODY, *_LEAVE_OPEN}:
            continue
        over_us = fault.end_us
        if fault.kind == "ignore-update":
            over_us = next((at_us for at_us in told_us if at_us > over_us), max([over_us, *told_us]))
        open_us += over_us - fault.at_us + AFTER_US
    if not open_us:
        return {}
    rows = [row for entry in entries if entry.kind == lines.Command.KIND for row in entry.fields["channels"]]
    period_us = min((int(row["period_us"]) for row in rows), default=open_us)
    return {number: charge * (open_us // period_us + 1) for number, charge in _largest(entries, pulses).items()}


_LEAVE_OPEN = frozenset({"late-turn", "suspend", "stutter", "second-opener"})


def dose_differs(
    entries: Sequence[Entry], measured: Mapping[tuple[str, int], int], faults: Sequence[Fault], pulses: Sequence[Pulse]
) -> str:
    """The record's dose against the electrode's, per purpose and channel; "" where they agree.

    An off in the middle of a contraction leaves one pulse open, a pulse that was not acknowledged its own charge, and
    faults what `_rooms` says.
    """
    dose = _dose(entries)
    offs = sum(_ends_a_run(entry) for entry in entries)
    rooms, largest = _rooms(entries, pulses, faults), _largest(entries, pulses)
    for place in {*dose, *measured}:
        row = dose.get(place, {})
        open_pc = rooms.get(place[1], 0) + (offs + row.get("unacknowledged_pulses", 0)) * largest[place[1]]
        came_pc, said_pc = measured.get(place, 0), row.get("charge_pc", 0)
        if abs(came_pc - said_pc) > open_pc:
            return (
                f"{place[0]} on channel {place[1]}: {came_pc / 1e6:.3f} µC came out, the record's dose is"
                f" {said_pc / 1e6:.3f} µC, at most {open_pc / 1e6:.3f} µC are open"
            )
    return ""


def hidden(entries: Sequence[Entry], faults: Sequence[Fault]) -> bool:
    """Whether the device hid what it gave, so that nobody could book it.

    It acknowledges updates that it does not take; or it is lost while it is deaf to stops: each stop that is repeated
    feeds its timer, and no answer says so.
    """
    losses = {"device-lost", "link-lost"}
    lost_us = [e.t_us for e in entries if e.kind == lines.Fault.KIND and e.fields["cause"] in losses]
    return any(
        fault.kind == "ignore-update"
        or (fault.kind == "ignore-stop" and any(fault.at_us - AFTER_US < at_us < fault.end_us for at_us in lost_us))
        for fault in faults
    )


def booked_less(
    entries: Sequence[Entry],
    made: Mapping[tuple[str, int], int],
    measured: Mapping[tuple[str, int], int],
    doubled: Mapping[int, int],
) -> str:
    """Pulses that came out and that the record books nowhere, per purpose and channel; "" where none is missing.

    Booked are pulses that were acknowledged and those that may have come. More may be booked than came, never less:
    the minutes of the day and the next session's limits are made of it.

    Args:
        made: purpose and channel → pulses with current.
        measured: the same → their charge.
        doubled: channel → pulses that the wire doubled where a device plays each piece: nobody can know of them.
    """
    dose = _dose(entries)
    for place, pulses in made.items():
        row = dose.get(place, {})
        booked = row.get("pulses", 0) + row.get("unacknowledged_pulses", 0)
        if pulses - doubled.get(place[1], 0) > booked:
            return f"{place[0]} on channel {place[1]}: {pulses} pulses came out, {booked} are booked"
        if not doubled and measured[place] > row.get("charge_most_pc", 0):
            most_uc = row.get("charge_most_pc", 0) / 1e6
            return f"{place[0]} on channel {place[1]}: {measured[place] / 1e6:.3f} µC came out, at most {most_uc:.3f}"
    return ""
