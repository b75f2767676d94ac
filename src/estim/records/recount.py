"""What the lines of a record come to, counted again: numbers in sequence, times that never fall, contractions, and each
dose held against the commands, the looks at the device and the end of output that the same record names. Pure.

The bounds of a dose have one definition (`estim.record_lines.bounds`); all else here shares nothing with the session.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from estim.record_lines import events as lines
from estim.record_lines import kinds
from estim.record_lines.bounds import BoundsOfDose
from estim.records.chain import Entry

NUMBERED = 3  # the first format whose commands, authorisations and contractions all have lines
# Off, and what a stop overtakes, take numbers and leave no line of their own: one of these stands there instead.
_EXCUSES = frozenset(
    {
        lines.PhaseTurn.KIND, lines.Unanswered.KIND, lines.Fault.KIND, lines.LeadOff.KIND, lines.DeviceFault.KIND,
        lines.Output.KIND, lines.TakeOver.KIND,
    }
)  # fmt: skip
# A command that a newer one replaced before its bytes went out has a number and no line either. While the device
# answers within SLOW_US there are few of them at a time; while it does not, any number.
REPLACED_MOST = 20
SLOW_US = 100_000
_SUMS = ("pulses", "charge_pc", "on_us", "peak_ua", "unacknowledged_pulses")
_ORDERED = (
    ("pulses_shown", "pulses_least"), ("pulses_least", "pulses_most"), ("pulses", "pulses_most"),
    ("charge_shown_pc", "charge_least_pc"), ("charge_least_pc", "charge_most_pc"), ("charge_pc", "charge_most_pc"),
)  # fmt: skip


class Recount:
    """Told of every line in order; hands what does not fit to `find`: number of the line, rule, message.

    Before format 3 there was less to count by, and nothing is said.
    """

    def __init__(self, find: Callable[[int, str, str], None]) -> None:
        self.find = find
        self._n = 0
        self._bounds = BoundsOfDose()
        self._numbered = False
        self._last_us = self._sent_us = 0
        self._began = False
        self._command = self._authorise = 0
        self._excused, self._lists = True, False
        self._answered_us = 0
        self._whole = 0
        self._sums: dict[tuple[str, int], Mapping[str, Any]] = {}

    def take(self, entry: Entry) -> None:
        """One line."""
        self._n = entry.n
        if entry.kind == kinds.Header.KIND:
            self._numbered = entry.fields.get("format", 0) >= NUMBERED
        if not self._numbered:
            return
        if self._began and entry.t_us < self._last_us:
            self.find(self._n, "time", f"{entry.t_us} µs is earlier than the line before it, {self._last_us} µs")
        self._began, self._last_us = True, entry.t_us
        fields = entry.fields
        self._bounds.take(entry.kind, fields, entry.t_us)
        if entry.kind in {lines.Command.KIND, lines.Unanswered.KIND}:
            self._of_command(entry)
        elif entry.kind == kinds.Authorise.KIND:
            number = fields["authorise"]
            if number != self._authorise + 1:
                self.find(self._n, "sequence", f"authorisation {number} follows authorisation {self._authorise}")
            self._authorise = number
        elif entry.kind == lines.Contraction.KIND:
            self._whole += bool(fields["purpose"] == "therapy" and fields["whole"])
        elif entry.kind == lines.Dose.KIND and fields.get("basis") != "commands" and not self._lists:
            self._bounds.pass_time(entry.t_us)
            for row in fields["channels"]:
                self._of_dose(fields["purpose"], row)
        elif entry.kind == lines.End.KIND:
            said = fields.get("contractions")
            if said is not None and said != self._whole:
                self.find(
                    self._n,
                    "contractions",
                    f"the end says {said} contractions of therapy, the lines before it {self._whole}",
                )
        self._excused = self._excused or entry.kind in _EXCUSES

    def _of_command(self, entry: Entry) -> None:
        # A RehaStim 1 plays what it is asked for list by list: its bounds count these, its dose the plan's pulses.
        self._lists = self._lists or entry.fields.get("lists_least") is not None
        sent_us = entry.fields["sent_us"]
        if sent_us > entry.t_us or sent_us + entry.fields.get("ack_us", 0) > entry.t_us:
            self.find(self._n, "time", f"sent at {sent_us} µs and answered, by a line of {entry.t_us} µs")
        if sent_us < self._sent_us:
            self.find(self._n, "time", f"sent at {sent_us} µs, the command before it at {self._sent_us} µs")
        self._sent_us = sent_us
        number = entry.fields["command"]
        if number <= self._command:
            self.find(self._n, "sequence", f"command {number} follows command {self._command}")
        elif number - self._command > REPLACED_MOST and not self._excused and self._answered_us < SLOW_US:
            told = f"command {number} follows command {self._command}, and nothing says what became of the rest"
            self.find(self._n, "sequence", told)
        self._answered_us = entry.fields.get("ack_us", SLOW_US)
        self._command, self._excused = max(number, self._command), entry.kind == lines.Unanswered.KIND

    def _of_dose(self, purpose: str, row: Mapping[str, Any]) -> None:
        channel = row["channel"]
        proved = self._bounds.of(purpose, channel)
        of = f"channel {channel}, {purpose}"
        unknown = row["unacknowledged_pulses"]
        if row["pulses"] > proved.pulses_most:
            self.find(
                self._n, "dose", f"{of}: {row['pulses']} pulses are more than the commands can be, {proved.pulses_most}"
            )
        if row["pulses"] + unknown < proved.pulses_shown:
            self.find(
                self._n,
                "dose",
                f"{of}: {row['pulses']} pulses are fewer than the device's status showed, {proved.pulses_shown}",
            )
        elif row["pulses"] + unknown < proved.pulses_least:
            self.find(
                self._n, "dose", f"{of}: {row['pulses']} pulses are fewer than the commands are, {proved.pulses_least}"
            )
        if row["charge_pc"] > proved.charge_most_pc:
            self.find(
                self._n,
                "dose",
                f"{of}: {row['charge_pc']} pC are more than the commands can be, {proved.charge_most_pc}",
            )
        elif not unknown and row["charge_pc"] < proved.charge_least_pc:
            self.find(
                self._n, "dose", f"{of}: {row['charge_pc']} pC are less than the commands are, {proved.charge_least_pc}"
            )
        before = self._sums.get((purpose, channel), {})
        for key in _SUMS:
            if row[key] < before.get(key, 0):
                self.find(self._n, "dose", f"{of}: {key} fell to {row[key]}, {before[key]} were booked before")
        self._sums[purpose, channel] = row
        for low, high in _ORDERED:
            if row.get(low, 0) > row.get(high, row.get(low, 0)):
                self.find(self._n, "dose", f"{of}: {low} is {row[low]}, {high} is {row[high]}")
