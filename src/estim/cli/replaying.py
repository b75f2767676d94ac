"""`records replay`: a record's commands on the simulator again."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from estim.cli import blinding
from estim.cli.output import EXIT_REFUSED, home_of, print_json
from estim.platform.files import putting_whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from estim.records.chain import Entry
    from estim.rehearsal.replaying import Replayed

LONGEST_US = 24 * 3_600_000_000


def replay(given: argparse.Namespace) -> int:
    """0 if what comes out is what the record says, or the record itself says why not."""
    from estim.cli.past import session_folder
    from estim.records.verify import read_record
    from estim.rehearsal.replaying import replay_on_simulator
    from estim.safety.errors import RecordError

    folder = session_folder(home_of(given), given.path)
    blinding.refuse(home_of(given), folder)  # what came out tells an arm of another dose
    record = read_record(folder)
    if record.first_bad is not None and not record.torn:
        raise RecordError(f"{folder.name}: {record.reason}; only what was written is replayed")
    if endless := _endless(record.entries):
        raise RecordError(f"{folder.name}: {endless}; it is not replayed")
    if given.pulses:
        with putting_whole(Path(given.pulses)) as file:
            replayed = replay_on_simulator(record.entries, pulses=file)
    else:
        replayed = replay_on_simulator(record.entries)
    if given.json:
        print_json({"session": folder.name, **replayed.to_json()})
        return 0 if replayed.ok else EXIT_REFUSED
    for row in replayed.channels:
        print(
            f"{row['purpose']:10} channel {row['channel']}: {row['recorded_pulses']} pulses recorded, "
            f"{row['replayed_pulses']} replayed; peak {row['recorded_peak_ua'] / 1000:g} and "
            f"{row['replayed_peak_ua'] / 1000:g} mA"
        )
    for one in replayed.differences:
        at = f" at {one.at_us / 1e6:.3f} s" if one.at_us is not None else ""
        why = f" ({one.why})" if one.why else ""
        print(
            f"  differs{at}: {one.purpose}, channel {one.channel}, {one.what}: {one.recorded} and {one.replayed}{why}"
        )
    print(_sum(replayed))
    return 0 if replayed.ok else EXIT_REFUSED


def _endless(entries: Sequence[Entry]) -> str:
    """Why nobody could wait for this record to be played: a time that none of a session is; "" if it can be."""
    if not entries:
        return ""
    first_us, last_us = entries[0].t_us, entries[-1].t_us
    if last_us - first_us > LONGEST_US:
        return f"its lines are {(last_us - first_us) / 3.6e9:,.0f} h apart, and no session lasts so long"
    for entry in entries:
        sent_us = entry.fields.get("sent_us")
        if type(sent_us) is int and sent_us > last_us:
            return f"line {entry.n} says that it was sent {(sent_us - last_us) / 1e6:,.0f} s after the record's end"
    return ""


def _sum(replayed: Replayed) -> str:
    """What it comes to; where the counts are not the same and may be, why."""
    if replayed.differences:
        return f"{len(replayed.differences)} differences"
    from estim.rehearsal.replaying import PULSES_OPEN

    if all(row["recorded_pulses"] == row["replayed_pulses"] for row in replayed.channels):
        return "replayed as recorded"
    return (
        f"replayed as recorded, but for pulses at the ends of runs: at each, up to {PULSES_OPEN} depend on when a "
        "command arrived, which no record tells"
    )
