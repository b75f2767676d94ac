"""What a session came to: made in one way for `run`, `rehearse` and the Python interface.

The console has no result: its last page shows the session's own last picture, and who asks later reads the record.

Numbers come from the record, never from a screen. Therapy alone counts; titration and low-rate test stand apart.
"""

from __future__ import annotations

import time
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from estim.controller.interface import Takeover
from estim.record_lines.bounds import BoundsOfDose
from estim.record_lines.events import Contraction, Dose, End
from estim.record_lines.kinds import Bend, SetupLine
from estim.records.canonical import decode
from estim.records.master import home_of_records
from estim.records.personal import opened
from estim.records.segment import read_segment, segments
from estim.records.verify import verify_session
from estim.safety.errors import Problem
from estim.session.contractions import REACHED_PERMILLE
from estim.session.snapshot import Alarm

EXIT_CODES: Mapping[str, int] = {"completed": 0, "stopped": 0, "refused": 1, "fault": 3, "uncertain": 4}


class Measured(Protocol):
    """One channel's sums as something outside measured them (the simulator's monitor)."""

    pulses: int
    charge_pc: int
    net_pc: int
    peak_ua: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What whoever drove a session knows of it beside its record.

    Attributes:
        source: the protocol as it was asked for.
        folder: the record's; None where there is none, or where `data` holds it in memory.
        data: the record's bytes where no folder has them.
        refused: problems of the request that ended the script; notes: what else there is to say of the words.
        session_us: session time at its end.
        fatal: why the controller could not begin its work.
        output: as last seen.
        alarms: as last seen.
        began: `time.perf_counter()` at the session's first event.
        measured: purpose → channel → sums, where something outside measured them.
    """

    source: str
    simulated: bool
    began: float
    folder: Path | None = None
    data: bytes = b""
    word_head: str = ""
    session_us: int = 0
    refused: Sequence[Problem | Mapping[str, Any]] = ()
    notes: Sequence[Problem | Mapping[str, Any]] = ()
    takeover: Takeover | None = None
    fatal: str = ""
    output: str = "OFF"
    alarms: Sequence[Alarm] = ()
    measured: Mapping[str, Mapping[int, Measured]] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """How a session went.

    Attributes:
        outcome: completed | stopped | refused | fault | uncertain; the exit code follows from it.
        document: what `run --json` and `rehearse --json` print.
    """

    outcome: str
    document: dict[str, Any]

    @property
    def exit_code(self) -> int:
        """0 done, 1 refused, stopped before any pulse of treatment or not verified, 3 device or link, 4 uncertain."""
        if code := EXIT_CODES[self.outcome]:
            return code
        given = self.document["contractions"] or any(
            row["pulses"] or row["unacknowledged_pulses"] for row in self.document["channels"]
        )
        nothing_done = self.outcome == "stopped" and not given
        unproved = self.document["record"] is not None and not self.document["record_verified"]
        return int(nothing_done or unproved)


@dataclass(slots=True)
class _Lines:
    """What a result is made of: a few lines as they are, and what all of them prove of the dose."""

    setups: dict[str, Mapping[str, Any]] = field(default_factory=dict)  # purpose → the last one's fields
    doses: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    reached: dict[tuple[str, int], list[int]] = field(default_factory=dict)  # purpose, channel → ‰ of each contraction
    evoked: dict[tuple[str, int], list[int]] = field(default_factory=dict)  # the same → % of the MVIC, where measured
    bends: list[Mapping[str, Any]] = field(default_factory=list)
    end: Mapping[str, Any] = field(default_factory=dict)
    whole: int = 0  # contractions of therapy that were played to their end
    purpose: str = ""
    bounds: BoundsOfDose = field(default_factory=BoundsOfDose)

    @property
    def contractions(self) -> int:
        """As the end says; of one that does not (a take-over's, none), as the lines before it."""
        said = self.end.get("contractions")
        return self.whole if said is None else int(said)

    def take(self, raw: bytes) -> None:
        """One line; a torn one says nothing."""
        try:
            line = decode(raw, closer=False)
            kind, fields = line["kind"], line["fields"]
            self.bounds.take(kind, fields, line["t_us"])
        except (ValueError, KeyError, TypeError, AttributeError):
            return
        if kind == SetupLine.KIND:
            self.purpose = fields["purpose"]
            self.setups[self.purpose] = fields
            self.bends.clear()
        elif kind == Bend.KIND:
            self.bends.append(fields)
        elif kind == Contraction.KIND:
            self.whole += bool(fields["purpose"] == "therapy" and fields["whole"])
            for row in fields.get("channels") or ():
                permille = row["peak_ua"] * 1000 // row["level_ua"] if row["level_ua"] else 1000
                self.reached.setdefault((fields["purpose"], row["channel"]), []).append(permille)
                if "evoked_percent_mvic" in row:
                    self.evoked.setdefault((fields["purpose"], row["channel"]), []).append(row["evoked_percent_mvic"])
        elif kind == Dose.KIND:
            self.doses[fields["purpose"]] = fields
        elif kind == End.KIND:
            self.end = fields


def result_of(seen: Seen) -> Result:
    """The document of `run` and `rehearse`; the record is verified here, and `wall_s` ends after that."""
    lines = _read(seen)
    outcome = _outcome(seen, lines)
    verdict = verify_session(seen.folder) if seen.folder is not None else None
    channels = _rows(lines, "therapy", seen.measured) if lines.purpose == "therapy" else []
    setup = lines.setups.get(lines.purpose, {})
    home = home_of_records(seen.folder.absolute().parent) if seen.folder is not None else None
    document: dict[str, Any] = {
        "outcome": outcome,
        "simulated": seen.simulated,
        "protocol": setup.get("schedule", {}).get("protocol_id") or seen.source,
        "record": str(seen.folder) if seen.folder is not None else None,
        "record_verified": verdict is not None and verdict.ok,
        "record_reason": verdict.reason if verdict is not None else "",
        "contractions": lines.contractions,
        "channels": channels,
        "titration": _rows(lines, "titration", seen.measured),
        "low_rate": _rows(lines, "low-rate", seen.measured),
        "bends": opened(home, lines.bends),
        "problems": [dict(p) if isinstance(p, Mapping) else p.to_json() for p in (*seen.refused, *seen.notes)],
        "word_head": seen.word_head,
        "simulated_s": seen.session_us / 1_000_000,
    }
    if seen.measured is not None:
        document["dose_agrees"] = _agrees(channels)
        document["problems"] += [
            problem.to_json()
            for purpose, rows in (("therapy", channels), ("titration", document["titration"]))
            for problem in _disagreements(purpose, rows)
        ]
    if seen.folder is not None and not segments(seen.folder):
        gone = f"the record's folder {seen.folder} is gone: it was removed, or the disk or share that holds it"
        document["problems"].append(Problem(severity="refuse", key="record", message=gone, rule="record").to_json())
    if outcome in {"fault", "uncertain"}:
        document["problems"] += _why(seen, said={problem["message"] for problem in document["problems"]})
    document["wall_s"] = time.perf_counter() - seen.began
    return Result(outcome=outcome, document=document)


def _why(seen: Seen, *, said: Container[str]) -> list[dict[str, object]]:
    """What went wrong, for whoever reads nothing but this document: that no session could begin, that the controller
    was lost, what was alarmed of.
    """
    told = [Problem(severity="refuse", key="device", message=seen.fatal, rule="link")] if seen.fatal else []
    if seen.takeover is not None and seen.takeover.text:
        text = seen.takeover.text
        told.append(Problem(severity="warn", key="controller", message=text, rule="session"))
    told += [
        Problem(severity="warn", key=f"alarm.{alarm.code}", message=alarm.text, rule="session")
        for alarm in seen.alarms
        if alarm.priority in {"high", "medium"}
    ]
    return [problem.to_json() for problem in told if problem.message not in said]


def _outcome(seen: Seen, lines: _Lines) -> str:
    """What was known of the output last comes before all else; then a fault, what was refused, the record's own end.

    Whoever is refused since the stimulator is gone has not asked for too much.
    """
    if seen.takeover is not None:
        return seen.takeover.outcome
    if "UNCERTAIN" in {lines.end.get("output"), seen.output}:
        return "uncertain"
    if seen.fatal or (seen.folder is not None and not lines.setups and not segments(seen.folder)):
        return "fault"  # it never began, or its record is gone
    refused = seen.refused and lines.end.get("outcome") != "fault"
    if refused and not lines.contractions:  # who was refused behind a treatment was treated
        return "refused"
    return str(lines.end.get("outcome") or ("fault" if seen.folder is not None and not lines.end else "stopped"))


def _read(seen: Seen) -> _Lines:
    """All lines; what their commands prove of the dose needs each."""
    lines = _Lines()
    parts = [read_segment(path) for path in segments(seen.folder)] if seen.folder is not None else [seen.data]
    for part in parts:
        for raw in part.splitlines():
            lines.take(raw)
    return lines


def _rows(lines: _Lines, purpose: str, measured: Mapping[str, Mapping[int, Measured]] | None) -> list[dict[str, Any]]:
    """One object a channel: measured numbers where something measured them, acknowledged ones beside or else."""
    if purpose not in lines.setups:
        return []
    dose = lines.doses.get(purpose, {})
    given = {row["channel"]: row for row in dose.get("channels", ())}
    rows: list[dict[str, Any]] = []
    for channel in lines.setups[purpose]["schedule"]["channels"]:
        number = channel["channel"]
        account = given.get(number, {})
        said = _numbers(*(account.get(key, 0) for key in ("pulses", "charge_pc", "peak_ua")))
        row: dict[str, Any] = {"name": channel["name"], "channel": number}
        if measured is None:
            row |= said | {"basis": dose.get("basis", "acknowledged")}
        else:
            out = measured.get(purpose, {}).get(number)
            row |= _numbers(out.pulses, out.charge_pc, out.peak_ua) if out is not None else _numbers(0, 0, 0)
            row |= {"net_pc": out.net_pc if out is not None else 0, "basis": "measured", "acknowledged": said}
        row["on_s"] = account.get("on_us", 0) / 1_000_000
        row["unacknowledged_pulses"] = account.get("unacknowledged_pulses", 0)
        row |= _reached(lines.reached.get((purpose, number), ()))
        row["evoked_percent_mvic"] = _evoked(lines.evoked.get((purpose, number), ()))
        bounds = lines.bounds.of(purpose, number)
        row |= {
            "pulses_shown": bounds.pulses_shown,
            "pulses_least": bounds.pulses_least,
            "pulses_most": bounds.pulses_most,
            "charge_uc_shown": bounds.charge_shown_pc / 1_000_000,
            "charge_uc_least": bounds.charge_least_pc / 1_000_000,
            "charge_uc_most": bounds.charge_most_pc / 1_000_000,
        }
        rows.append(row)
    return rows


def _reached(permilles: Sequence[int]) -> dict[str, Any]:
    """How many contractions were played to their end, how many reached 95 % of the level, and how far they came."""
    worst, mean = (min(permilles), sum(permilles) // len(permilles)) if permilles else (0, 0)
    return {
        "contractions": len(permilles),
        "reached": sum(permille >= REACHED_PERMILLE for permille in permilles),
        "reached_percent": {"worst": worst / 10, "mean": mean / 10},
    }


def _evoked(percents: Sequence[int]) -> dict[str, Any] | None:
    """Of so many contractions the evoked share of the MVIC was measured; None where of none."""
    if not percents:
        return None
    return {
        "measured": len(percents),
        "least": min(percents),
        "most": max(percents),
        "mean": sum(percents) // len(percents),
    }


def _numbers(pulses: int, charge_pc: int, peak_ua: int) -> dict[str, Any]:
    return {"pulses": pulses, "charge_pc": charge_pc, "charge_uc": charge_pc / 1_000_000, "peak_ma": peak_ua / 1_000}


def _agrees(rows: list[dict[str, Any]]) -> bool:
    """What the device acknowledged is exactly what was measured, on every channel."""
    return all(row["acknowledged"][key] == row[key] for row in rows for key in ("charge_pc", "pulses"))


def _disagreements(purpose: str, rows: list[dict[str, Any]]) -> Iterator[Problem]:
    """Where what came out is not what was acknowledged: each channel with the numbers, and whether the record allows
    for it.
    """
    for row in rows:
        made, least, most = row["pulses"], row["pulses_least"], row["pulses_most"]
        said = row["acknowledged"]["pulses"]
        if made == said and row["charge_pc"] == row["acknowledged"]["charge_pc"]:
            continue
        proved = f"the record proves at least {least} and at most {most}"
        if not least <= made <= most:
            proved += f": the device did not do what it acknowledged (its own status showed {row['pulses_shown']})"
        yield Problem(
            severity="info" if least <= made <= most else "warn", key=f"{purpose}.{row['name']}.pulses", asked=made,
            allowed=f"{least} to {most}", rule="dose",
            message=f"{purpose}, channel {row['channel']}: {made} pulses came out, {said} were acknowledged; {proved}",
        )  # fmt: skip
