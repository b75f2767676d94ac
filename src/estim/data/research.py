"""What a de-identified table keeps of a record's lines: nothing that people typed, or that names somebody."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from estim.record_lines import events as lines
from estim.record_lines import kinds
from estim.records.personal import TYPED_RULES

Fields = Mapping[str, Any]


def _only(*keys: str) -> Callable[[Fields], dict[str, Any]]:
    return lambda said: {key: said[key] for key in keys if key in said}


def _bend(said: Fields) -> Fields:
    """Why somebody left something out, or began early, is theirs; what the device rounds is nobody's."""
    return _only("severity", "key", "rule", "layer")(said) if said.get("rule") in TYPED_RULES else said


def _setup(said: Fields) -> Fields:
    own = {key: value for key, value in said.get("setup", {}).items() if key not in _OF_SETUP}
    own["measured"] = [_only("name", "value", "unit", "side")(one) for one in said.get("setup", {}).get("measured", ())]
    schedule = {**said.get("schedule", {})}
    schedule["bends"] = [_bend(one) for one in schedule.get("bends", ())]
    return {**said, "setup": own, "schedule": schedule, "warnings": []}


def _refused(said: Fields) -> Fields:
    return {"problems": [_only("severity", "key", "rule", "layer")(one) for one in said.get("problems", ())]}


_OF_SETUP = frozenset({"patient_id", "early_reason", "left_out", "measured"})
_KEPT: Mapping[str, Callable[[Fields], Fields]] = {
    kinds.SetupLine.KIND: _setup,
    kinds.Bend.KIND: _bend,
    kinds.Refused.KIND: _refused,
    kinds.Request.KIND: _only("what", "source", "phase"),
    kinds.Accepted.KIND: _only("what"),
    kinds.WarningAccepted.KIND: _only("code"),
}
# Made by the program, out of numbers, names of the protocol and words of its own.
_WHOLE = frozenset(
    {
        kinds.Screening.KIND, kinds.Levels.KIND, kinds.Authorise.KIND, kinds.Raised.KIND, kinds.Lowered.KIND,
        kinds.RaiseDropped.KIND, kinds.PatientSays.KIND, lines.Output.KIND, lines.PhaseTurn.KIND, lines.Gate.KIND,
        lines.Status.KIND, lines.Dose.KIND, lines.AlarmLine.KIND, lines.AlarmSeen.KIND, lines.Fault.KIND,
        lines.LeadOff.KIND, lines.DeviceFault.KIND, lines.Noise.KIND, lines.PatientSwitch.KIND, lines.End.KIND,
    }
)  # fmt: skip


def for_research(kind: str, said: Fields) -> Fields:
    """What a line's fields keep; of a kind that stands in no list here, nothing."""
    if kind in _WHOLE:
        return said
    keep = _KEPT.get(kind)
    return keep(said) if keep is not None else {}
