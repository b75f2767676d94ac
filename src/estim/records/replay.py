"""A session's runs, replayed from its lines: what each channel was given, and when. For summaries and plots."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from estim.record_lines import events as lines
from estim.record_lines import kinds
from estim.record_lines.rows import DoseRow
from estim.records.chain import Entry
from estim.records.verify import RECORD_LAG_US

# L27 counts frequencies above 15 Hz; 1 s / 15 Hz.
SLOW_PERIOD_US = 66_666
# A record that breaks off with output on counts it until the record's lag and the slowest device's own timer
# (P24, RehaMove3: 2 s) have run out.
BROKEN_US = RECORD_LAG_US + 2_000_000


@dataclass(slots=True)
class ChannelDose:
    """What one channel was given for one purpose.

    Attributes:
        dose: the last dose line's row; sums since the session began.
        pending: output was acknowledged that no dose line speaks of: a record that broke off.
        on_us, fast_on_us: from the commands; the second one above 15 Hz alone.
        fast_period_us: the longest period above 15 Hz that was asked for: what an unacknowledged pulse counts as.
        sent_pulses, sent_charge_pc: what the acknowledged commands amount to, for records without a dose line.
        points: (session time, µA) of each change.
    """

    dose: Mapping[str, int] = field(default_factory=dict)
    pending: bool = False
    on_us: int = 0
    fast_on_us: int = 0
    fast_period_us: int = 0
    peak_ua: int = 0
    sent_pulses: int = 0
    sent_charge_pc: int = 0
    points: list[tuple[int, int]] = field(default_factory=list)

    @property
    def total_on_us(self) -> int:
        """The dose line's, or what the commands amount to where the record broke off before it."""
        return self.on_us if self.pending or not self.dose else int(self.dose["on_us"])

    @property
    def motor_on_us(self) -> int:
        """On time above 15 Hz, from the dose where it speaks of all; unacknowledged pulses count too."""
        if self.pending or not self.dose:
            return self.fast_on_us
        pulses, unknown = int(self.dose["pulses"]), int(self.dose["unacknowledged_pulses"])
        on_us = int(self.dose["on_us"])
        if pulses and self.fast_on_us == self.on_us:
            return on_us * (pulses + unknown) // pulses
        return self.fast_on_us + unknown * self.fast_period_us


@dataclass(slots=True)
class Replay:
    """All runs of a session.

    Attributes:
        setups: the setup lines' fields, in order.
        given: (purpose, channel) → what it got.
        levels_ua: channel → the level in force at the end of the last therapy.
        running_us: time in RUNNING, by purpose.
    """

    setups: list[Mapping[str, Any]] = field(default_factory=list)
    given: dict[tuple[str, int], ChannelDose] = field(default_factory=dict)
    levels_ua: dict[int, int] = field(default_factory=dict)
    running_us: dict[str, int] = field(default_factory=dict)
    _on: dict[int, tuple[int, Mapping[str, int]]] = field(default_factory=dict)  # channel → since, command's row
    _due_us: dict[int, int] = field(default_factory=dict)  # channel → when its next pulse is due, while it is on
    _since_us: int | None = None

    @property
    def purpose(self) -> str:
        """Of the present run."""
        return str(self.setups[-1]["purpose"]) if self.setups else ""

    def channel(self, number: int, purpose: str | None = None) -> ChannelDose:
        """The account of a channel."""
        return self.given.setdefault((self.purpose if purpose is None else purpose, number), ChannelDose())

    def take(self, entry: Entry) -> None:
        """One line."""
        fields = entry.fields
        if entry.kind == kinds.SetupLine.KIND:
            self._silence(entry.t_us)
            self.setups.append(fields)
            if fields["purpose"] == "therapy":
                self.levels_ua = {row["channel"]: row["level_ua"] for row in fields["schedule"]["channels"]}
        elif entry.kind == lines.Command.KIND:
            self._command(fields["sent_us"], fields["channels"])
        elif entry.kind == lines.Unanswered.KIND:
            self._asked(fields["channels"])
        elif entry.kind in {kinds.Raised.KIND, kinds.Lowered.KIND} and self.purpose == "therapy":
            self.levels_ua[fields["channel"]] = fields["level_ua"]
        elif entry.kind == lines.Output.KIND and fields.get("state") == "OFF":
            self._silence(entry.t_us)
        elif entry.kind == lines.TakeOver.KIND and fields.get("output") == "OFF":
            self._silence(entry.t_us + int(fields.get("took_ms", 0)) * 1_000)
        elif entry.kind == lines.Dose.KIND and fields.get("basis") != "commands":  # a take-over's is made from these
            for row in fields["channels"]:
                given = self.channel(row["channel"], str(fields["purpose"]))
                given.dose, given.pending = row, False
        elif entry.kind == lines.PhaseTurn.KIND:
            self._phase(str(fields.get("after")), entry.t_us)

    def _phase(self, after: str, t_us: int) -> None:
        if self._since_us is not None and after != "RUNNING":
            self.running_us[self.purpose] = self.running_us.get(self.purpose, 0) + t_us - self._since_us
            self._since_us = None
        elif after == "RUNNING" and self._since_us is None:
            self._since_us = t_us

    def _command(self, sent_us: int, rows: Sequence[Mapping[str, int]]) -> None:
        """A command is the whole output: what it does not name is off."""
        now = {row["channel"]: row for row in rows if row["amplitude_ua"] > 0}
        for channel in [channel for channel in self._on if channel not in now]:
            self.channel(channel).points.append((sent_us, 0))
        self._stop_clocks(sent_us)
        self._due_us = {channel: due_us for channel, due_us in self._due_us.items() if channel in now}
        self._asked(rows)
        for channel, row in now.items():
            given = self.channel(channel)
            given.pending = True
            given.peak_ua = max(given.peak_ua, row["amplitude_ua"])
            given.points.append((sent_us, row["amplitude_ua"]))
            self._on[channel] = (sent_us, row)

    def _asked(self, rows: Iterable[Mapping[str, int]]) -> None:
        for row in rows:
            if row["period_us"] <= SLOW_PERIOD_US:
                given = self.channel(row["channel"])
                given.fast_period_us = max(given.fast_period_us, row["period_us"])

    def _stop_clocks(self, at_us: int) -> None:
        for channel, (since_us, row) in self._on.items():
            given = self.channel(channel)
            on_us, period_us = max(0, at_us - since_us), row["period_us"]
            # One at once, then one a period, or a burst; a command in between changes what comes and not when.
            due_us = min(max(self._due_us.get(channel, since_us), since_us), since_us + period_us)
            places = max(0, -(-(at_us - due_us) // period_us))
            self._due_us[channel] = due_us + places * period_us
            pulses = places * row.get("burst_pulses", 1)
            given.on_us += on_us
            given.sent_pulses += pulses
            given.sent_charge_pc += pulses * row["amplitude_ua"] * row["pulse_width_us"]
            if period_us <= SLOW_PERIOD_US:
                given.fast_on_us += on_us
        self._on.clear()

    def _silence(self, at_us: int) -> None:
        for channel in self._on:
            self.channel(channel).points.append((at_us, 0))
        self._stop_clocks(at_us)
        self._due_us.clear()

    def end(self, t_us: int, silent_us: int) -> None:
        """The record's last line, and when what was still on had ended at the latest."""
        self._silence(silent_us)
        self._phase("", t_us)

    def dose_rows(self, purpose: str) -> list[DoseRow]:
        """What the acknowledged commands of one purpose amount to, in the shape of a dose line."""
        return [
            {"channel": channel, "pulses": one.sent_pulses, "charge_pc": one.sent_charge_pc, "on_us": one.on_us,
             "peak_ua": one.peak_ua, "unacknowledged_pulses": 0}
            for (of, channel), one in sorted(self.given.items())
            if of == purpose
        ]  # fmt: skip


def replay(entries: Iterable[Entry], *, silent_us: int | None = None) -> Replay:
    """Replay the lines of a session.

    Args:
        silent_us: when output was seen to have ended; None lets what is still on at the last line go on until the
            record's lag and the device's own timer had run out.

    Raises:
        LookupError, TypeError, ValueError, AttributeError, ArithmeticError (`UNFIT`): a line has not the shape of its
            kind.
    """
    whole = Replay()
    last_us = 0
    for entry in entries:
        whole.take(entry)
        last_us = entry.t_us
    whole.end(last_us, last_us + BROKEN_US if silent_us is None else silent_us)
    return whole
