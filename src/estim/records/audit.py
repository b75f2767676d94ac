"""The audit: what a verified record says is held against the rules of the session, by code that shares none with them.

`verify` answers whether the lines are those that were written. This answers whether what they say was right: nothing
was sent above an authorisation that was written before it, above the cleared cap, or outside a run; numbers, times and
the dose add up (`recount`); the output was off at the end. Reads lines only; pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from estim.record_lines import events as lines
from estim.record_lines import kinds
from estim.record_lines.shape import UNFIT, odd, why
from estim.records.chain import Entry
from estim.records.recount import Recount

# Phases in which no current may flow (docs/states.md). PAUSED and STOPPING are left out: their fall takes up to 0.3 s.
SILENT = frozenset({"DISCONNECTED", "READY", "CONFIGURED", "FAULT"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line that breaks a rule.

    Attributes:
        n: number of the line.
        rule: authorise | cap | phase | dose | sequence | contractions | time | end | stray | shape.
        message: what is wrong, with the numbers.
    """

    n: int
    rule: str
    message: str

    def to_json(self) -> dict[str, Any]:
        """For `--json`."""
        return {"n": self.n, "rule": self.rule, "message": self.message}


@dataclass(slots=True)
class _Authorisation:
    number: int
    from_us: int
    until_us: int
    peaks: dict[int, tuple[int, int]]  # channel → peak_ua, pulse_width_us
    ended_us: int | None = None
    lowered: list[tuple[int, int, int]] = field(default_factory=list)  # from_us, channel, level_ua

    def allows_ua(self, channel: int, sent_us: int, pulse_width_us: int) -> int:
        """The most that it allows on a channel at a time; 0 where it doesn't hold."""
        ended = self.ended_us is not None and sent_us > self.ended_us
        if ended or not self.from_us <= sent_us <= self.until_us or channel not in self.peaks:
            return 0
        peak_ua, width_us = self.peaks[channel]
        if pulse_width_us > width_us:
            return 0
        levels = [level for at, lowered, level in self.lowered if lowered == channel and sent_us > at]
        return min([peak_ua, *levels])


@dataclass(slots=True)
class _Replay:
    findings: list[Finding] = field(default_factory=list)
    authorisations: list[_Authorisation] = field(default_factory=list)
    caps_ua: dict[int, int] = field(default_factory=dict)
    phases: list[tuple[int, str]] = field(default_factory=list)
    # (purpose, channel) → highest µA, highest pC since the session began, as the doses are sums since then
    most: dict[tuple[str, int], tuple[int, int]] = field(default_factory=dict)
    purpose: str = "therapy"
    output: str = "OFF"
    end: Entry | None = None

    def find(self, n: int, rule: str, message: str) -> None:
        self.findings.append(Finding(n=n, rule=rule, message=message))


def audit(entries: Iterable[Entry]) -> tuple[Finding, ...]:
    """Replay the lines of one session.

    Args:
        entries: lines that `chain.read` found right.

    Returns:
        What breaks a rule, in the order of the lines; nothing if all is well. A line whose fields have not the shape
        of its kind is a finding too.
    """
    replay = _Replay()
    recount: Recount | None = Recount(replay.find)
    handlers: Mapping[str, Callable[[_Replay, Entry], None]] = {
        kinds.SetupLine.KIND: _setup,
        kinds.Authorise.KIND: _authorise,
        kinds.RaiseDropped.KIND: _dropped,
        kinds.Lowered.KIND: _lowered,
        lines.PhaseTurn.KIND: _phase,
        lines.Output.KIND: _output,
        lines.Command.KIND: _command,
        lines.Unanswered.KIND: _command,
        lines.Dose.KIND: _dose,
        lines.Noise.KIND: _noise,
        lines.End.KIND: _end,
    }
    for entry in entries:
        said = odd(entry.kind, entry.fields)
        try:
            if not said and (handler := handlers.get(entry.kind)) is not None:
                handler(replay, entry)
            if not said and recount is not None:
                recount.take(entry)
        except UNFIT as error:
            said = why((entry,), error).removeprefix(f"line {entry.n}, ")
        if said:
            replay.find(entry.n, "shape", said)
            recount = None  # sums without this line would be nobody's
    return tuple(replay.findings)


def _setup(replay: _Replay, entry: Entry) -> None:
    replay.caps_ua = {int(channel): int(cap) for channel, cap in entry.fields["caps_ua"].items()}
    replay.purpose = str(entry.fields.get("purpose", "therapy"))
    _end_all(replay, entry.t_us)


def _end_all(replay: _Replay, at_us: int) -> None:
    for one in replay.authorisations:
        if one.ended_us is None:
            one.ended_us = at_us


def _authorise(replay: _Replay, entry: Entry) -> None:
    peaks = {row["channel"]: (row["peak_ua"], row["pulse_width_us"]) for row in entry.fields["channels"]}
    for channel, (peak_ua, _) in peaks.items():
        cap_ua = replay.caps_ua.get(channel, 0)
        if peak_ua > cap_ua:
            replay.find(entry.n, "cap", f"channel {channel}: {peak_ua} µA authorised, {cap_ua} µA cleared")
    replay.authorisations.append(_Authorisation(entry.fields["authorise"], entry.t_us, entry.fields["until_us"], peaks))
    # What can't hold any more is let go of, so that long sessions stay linear. A command's line is written when it is
    # acknowledged, at most 1 s (status age) after it was sent; 5 s is ample.
    replay.authorisations = [
        one for one in replay.authorisations
        if entry.t_us - min(one.until_us, one.until_us if one.ended_us is None else one.ended_us) < 5_000_000
    ]  # fmt: skip


def _dropped(replay: _Replay, entry: Entry) -> None:
    replay.authorisations = [one for one in replay.authorisations if one.number != entry.fields["authorise"]]


def _lowered(replay: _Replay, entry: Entry) -> None:
    for one in replay.authorisations:
        one.lowered.append((entry.t_us, entry.fields["channel"], entry.fields["level_ua"]))


def _phase(replay: _Replay, entry: Entry) -> None:
    after = str(entry.fields["after"])
    replay.phases.append((entry.t_us, after))
    if after in SILENT or after in {"PAUSED", "STOPPING"}:
        _end_all(replay, entry.t_us)


def _output(replay: _Replay, entry: Entry) -> None:
    replay.output = str(entry.fields["state"])


def _command(replay: _Replay, entry: Entry) -> None:
    sent_us = int(entry.fields["sent_us"])
    for row in entry.fields["channels"]:
        channel, amplitude_ua, width_us = row["channel"], row["amplitude_ua"], row["pulse_width_us"]
        if amplitude_ua == 0:
            continue
        charge_pc = amplitude_ua * width_us
        before = replay.most.get((replay.purpose, channel), (0, 0))
        replay.most[replay.purpose, channel] = (max(before[0], amplitude_ua), max(before[1], charge_pc))
        cap_ua = replay.caps_ua.get(channel, 0)
        if amplitude_ua > cap_ua:
            replay.find(entry.n, "cap", f"channel {channel}: {amplitude_ua} µA sent, {cap_ua} µA cleared")
        allowed_ua = max((one.allows_ua(channel, sent_us, width_us) for one in replay.authorisations), default=0)
        if amplitude_ua > allowed_ua:
            replay.find(entry.n, "authorise", f"channel {channel}: {amplitude_ua} µA sent, {allowed_ua} µA authorised")
        phase = next((name for at, name in reversed(replay.phases) if at < sent_us), "READY")
        if phase in SILENT:
            replay.find(entry.n, "phase", f"channel {channel}: {amplitude_ua} µA sent in {phase}")


def _dose(replay: _Replay, entry: Entry) -> None:
    for row in entry.fields["channels"]:
        if row["unacknowledged_pulses"]:
            continue  # what was never answered is in the dose, and no command line says that it came
        channel = row["channel"]
        most_ua, most_pc = replay.most.get((str(entry.fields.get("purpose", "therapy")), channel), (0, 0))
        if row["peak_ua"] > most_ua:
            message = f"channel {channel}: the dose's peak {row['peak_ua']} µA is above the highest command, {most_ua}"
            replay.find(entry.n, "dose", message)
        if row["charge_pc"] > row["pulses"] * most_pc:
            most = row["pulses"] * most_pc
            message = f"channel {channel}: {row['charge_pc']} pC is more than {row['pulses']} pulses can be, {most}"
            replay.find(entry.n, "dose", message)


def _noise(replay: _Replay, entry: Entry) -> None:
    if pulses := entry.fields.get("pulses_most"):
        message = (
            f"the device obeyed what nobody sent (wrong bits on the cable): pulses of any height, at most {pulses},"
            " on any channel, used or not; the bounds of the dose are the wider by them"
        )
        replay.find(entry.n, "stray", message)


def _end(replay: _Replay, entry: Entry) -> None:
    said = entry.fields.get("output", replay.output)
    if said != "OFF":
        replay.find(entry.n, "end", f"the session ended with the output {said}")
    elif replay.output != "OFF" and entry.fields.get("reason") != "take-over":
        replay.find(entry.n, "end", f"the end says OFF, the last output line says {replay.output}")
