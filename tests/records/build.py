"""Sessions written line by line, as the engine would, for tests that read records."""

from __future__ import annotations

import datetime
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from estim.records.canonical import canonical
from estim.records.chain import Chain
from estim.records.folders import folder_name
from estim.records.home import Home
from estim.records.keys import seeded_signer, station_signer
from estim.records.simulated import SimulatedWriter
from estim.records.writer import RecordWriter

NOON = datetime.datetime(2026, 11, 21, 12, 0, tzinfo=datetime.UTC)
WINDOW = {
    "channel": 1, "period_us": 20_000, "frequency_mhz": 50_000, "pulse_width_us": 250, "interphase_us": 100,
    "on_us": 15_000_000, "ramp_up_us": 2_000_000, "first_ramp_up_us": 3_000_000, "ramp_down_us": 1_000_000,
    "intensity_permille": 1000, "offset_us": 0, "phase_ratio": 1, "max_on_us": 0, "burst_pulses": 1,
}  # fmt: skip
PHASE = {
    "name": "work", "kind": "work", "mode": "timed", "cycle_us": 60_000_000, "cycles": 6, "sets": 1, "set_rest_us": 0,
    "duration_us": 360_000_000, "relation": "together", "cue": "Relax", "trigger": None, "windows": [WINDOW],
}  # fmt: skip
SCHEDULE: dict[str, Any] = {
    "protocol_id": "p", "protocol_version": "1.0.0", "protocol_title": "P <b>", "goal": "strength", "week": 2,
    "session": 3, "purpose": "therapy",
    "channels": [
        {"channel": 1, "name": "quadriceps", "muscle": "quadriceps femoris", "side": "left", "output": "motor",
         "region": "thigh", "placement": "thigh <2>", "electrodes": ["a", "b"], "level_ua": 20_000}
    ],
    "electrodes": [{"id": pad, "width_mm": 76, "height_mm": 127, "is_round": False} for pad in "ab"],
    "phases": [PHASE],
}  # fmt: skip
HEADER: dict[str, Any] = {
    "operator": "op-1", "simulated_device": True, "minutes_today": {}, "patient_flags": [],
    "device": {"title": "P24 Science", "model": "p24", "id": "SIM0000001", "firmware": "1.2",
               "intended_use": "research", "profile": {"watchdog_us": 2_000_000}},
    "limits": [],
}  # fmt: skip
ROW = {"channel": 1, "amplitude_ua": 20_000, "pulse_width_us": 250, "interphase_us": 100, "period_us": 20_000}
DOSE = {
    "channel": 1, "peak_ua": 20_000, "pulses": 4_500, "charge_pc": 22_500_000_000, "on_us": 90_000_000,
    "unacknowledged_pulses": 0,
}  # fmt: skip


def body(patient: str, utc: str, *, end: str = "completed") -> list[tuple[str, dict[str, Any], int]]:
    """A therapy with 90 s of output. `end`: completed | fault | broken (while output is on) | none (header alone)."""
    setup = {"week": 2, "session": 3, "patient": {"child": False, "fragile_bone": True}}
    lines: list[tuple[str, dict[str, Any], int]] = [("header", {**HEADER, "patient": patient, "utc": utc}, 0)]
    if end == "none":
        return lines
    lines += [
        ("setup", {"purpose": "therapy", "schedule": SCHEDULE, "setup": setup, "protocol_sha256": "ab" * 32,
                   "caps_ua": {"1": 40_000}, "cap_reasons": {"1": "L1"}, "warnings": ["mind <that>"]}, 1),
        ("bend", {"message": "70 Hz is played as 69.9 Hz"}, 1),
        ("phase", {"before": "ARMED", "after": "RUNNING", "turn": "start", "cause": ""}, 2),
        ("authorise", {"authorise": 1, "channels": [{"channel": 1, "peak_ua": 20_000, "pulse_width_us": 250,
                       "period_us": 20_000}], "until_us": 99_000_000}, 3),
        ("output", {"state": "ON"}, 900_000),
        ("command", {"sent_us": 1_000_000, "channels": [ROW]}, 1_000_500),
        ("levels", {"channel": 1, "mark": "max-tolerated", "level_ua": 20_000}, 2_000_000),
        ("note", {"discomfort": 3, "sent_ua": {"1": 20_000}}, 60_000_000),
    ]  # fmt: skip
    if end == "broken":
        return [*lines, ("alarm", {"code": "x", "priority": "low", "text": "Ü"}, 91_000_000)]
    lines += [("command", {"sent_us": 91_000_000, "channels": []}, 91_000_500)]
    after = {"before": "RUNNING", "after": "STOPPING", "turn": "complete", "cause": "completed"}
    if end == "fault":
        after = {"before": "RUNNING", "after": "FAULT", "turn": "fail", "cause": "link-lost"}
    lines += [("dose", {"purpose": "therapy", "channels": [DOSE]}, 91_500_000)]
    if end == "fault":
        lines += [("fault", {"cause": "link-lost", "text": "text <script>x</script>"}, 91_500_000)]
    lines += [
        ("phase", after, 91_500_000),
        ("output", {"state": "OFF"}, 91_600_000),
        ("outcome", {"discomfort": "3", "pain": "2", "skin": "0 normal", "mvic": "120"}, 92_000_000),
        (
            "signature",
            {
                "operator": "op-1",
                "name": "Petra O.",
                "comment": "well done",
                "meaning": "performed",
                "utc": "2026-11-21T12:01:32.500+00:00",
                "authenticated": True,
            },
            92_500_000,
        ),
        ("end", {"outcome": end, "contractions": 6, "output": "OFF", "dose": [DOSE]}, 93_000_000),
    ]
    return lines


def session(
    home: Home,
    patient: str = "K-1",
    *,
    at: datetime.datetime = NOON,
    end: str = "completed",
    simulated: bool = True,
    began_us: int = 0,
) -> Path:
    """A session's folder under `home`. `began_us`: the controller's clock at sign-in; it goes on between sessions."""
    folder = home.records(simulated=simulated) / folder_name(at, patient)
    lines = body(patient, at.isoformat(timespec="milliseconds"), end=end)
    lines = [(kind, _moved(fields, began_us), t_us + began_us) for kind, fields, t_us in lines]
    if not simulated:
        writer = RecordWriter(folder, Chain(simulated=False), station_signer(home.root))
        for kind, fields, t_us in lines:
            writer.append(kind, fields, t_us)
            writer.poll(t_us)
        if end in {"broken", "none"}:
            writer.break_off()
        else:
            writer.close(93_000_000 + began_us)
        return folder
    model = SimulatedWriter(folder, signer=seeded_signer(1))
    for kind, fields, t_us in lines:
        model.append(kind, fields, t_us)
        model.poll(t_us)
    if end in {"broken", "none"}:
        folder.mkdir(parents=True)
        (folder / "record.jsonl").write_bytes(model.data)
    else:
        model.close(93_000_000 + began_us)
    return folder


def _moved(fields: dict[str, Any], by_us: int) -> dict[str, Any]:
    """What a line says of the controller's clock, later by so much."""
    return {key: value + by_us if key in {"sent_us", "until_us"} else value for key, value in fields.items()}


def forged(chain: Path, number: int, change: Callable[[dict[str, Any]], object]) -> None:
    """A line changed by somebody without a key: it and all behind it fit their hashes again, and no signature."""
    prev, made = "0" * 64, []
    for raw in chain.read_bytes().splitlines():
        entry = json.loads(raw)
        if entry["n"] == number:
            change(entry)
        entry["prev"] = prev
        said = {key: value for key, value in entry.items() if key not in {"hash", "signature"}}
        prev = entry["hash"] = hashlib.sha256(canonical(said)).hexdigest()
        made.append(canonical(entry) + b"\n")
    chain.write_bytes(b"".join(made))
