"""After a session on the command line: what it came to, from the last snapshot and the record itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from estim.controller.interface import Takeover
from estim.controller.script import ScriptedTherapist
from estim.controller.setup_from import Said
from estim.record_lines.events import Dose, End
from estim.record_lines.kinds import Bend
from estim.records.segment import segments
from estim.records.verify import verify_session
from estim.safety.errors import Problem
from estim.session.snapshot import Snapshot


def report_run(
    snapshot: Snapshot | None, person: ScriptedTherapist, said: Said, *, takeover: Takeover | None
) -> dict[str, Any]:
    """The document of DESIGN 9 for `run`. Numbers come from the record, not from the screen."""
    path = snapshot.record_path if snapshot is not None else ""
    lines = _lines(Path(path)) if path else []
    end: dict[str, Any] = next((line["fields"] for line in reversed(lines) if line["kind"] == End.KIND), {})
    doses = {line["fields"]["purpose"]: line["fields"]["channels"] for line in lines if line["kind"] == Dose.KIND}
    names = {view.channel: view.name for view in (snapshot.channels if snapshot is not None else ())}
    outcome = person.outcome or str(end.get("outcome", "stopped"))
    if takeover is not None:
        outcome = "uncertain" if takeover.output != "OFF" else "fault"
    problems: list[Any] = [p.to_json() if isinstance(p, Problem) else p for p in person.refused]
    return {
        "outcome": outcome,
        "simulated": snapshot.simulated if snapshot is not None else False,
        "protocol": snapshot.protocol_id if snapshot is not None and snapshot.protocol_id else person.source,
        "record": path or None,
        "record_verified": bool(path) and verify_session(Path(path)).ok,
        "contractions": end.get("contractions", 0),
        "channels": [_row(dose, names) for dose in doses.get("therapy", [])],
        "titration": [_row(dose, names) for dose in doses.get("titration", [])],
        "low_rate": [_row(dose, names) for dose in doses.get("low-rate", [])],
        "bends": [line["fields"] for line in lines if line["kind"] == Bend.KIND],
        "problems": [*problems, *(note.to_json() for note in said.notes)],
        "word_head": snapshot.word_head if snapshot is not None else "",
        "simulated_s": snapshot.now_us / 1_000_000 if snapshot is not None else 0.0,
        "wall_s": snapshot.now_us / 1_000_000 if snapshot is not None else 0.0,
    }


def _lines(folder: Path) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = []
    for path in segments(folder):
        for raw in path.read_bytes().splitlines():
            try:
                lines.append(json.loads(raw))
            except ValueError:
                break
    return lines


def _row(dose: dict[str, int], names: dict[int, str]) -> dict[str, Any]:
    return {
        "name": names.get(dose["channel"], ""),
        "channel": dose["channel"],
        "peak_ma": dose["peak_ua"] / 1_000,
        "pulses": dose["pulses"],
        "charge_pc": dose["charge_pc"],
        "charge_uc": dose["charge_pc"] / 1_000_000,
        "on_s": dose["on_us"] / 1_000_000,
        "basis": "acknowledged",
        "unacknowledged_pulses": dose["unacknowledged_pulses"],
    }
