"""Whether `[provenance]` speaks of what the file has: a slip in a key would leave a number without its source. Pure."""

from __future__ import annotations

import difflib

from estim.protocols.schema import Channel, Electrode, Protocol
from estim.protocols.schema_course import Dose
from estim.protocols.schema_phase import Burst, PhaseChannel, PhaseSpec, TriggerSpec
from estim.safety.errors import Problem, quoted

FIELDS = frozenset(Protocol.model_fields) | {
    name
    for model in (PhaseSpec, PhaseChannel, Channel, Electrode, TriggerSpec, Burst, Dose)
    for name in model.model_fields
}
NUMBERS = ("frequency_hz", "pulse_width_us", "on_s", "off_s", "ramp_up_s", "ramp_down_s", "contractions", "duration_s")


def check_provenance(protocol: Protocol) -> list[Problem]:
    """Keys that name nothing are warned of; numbers without a source are said."""
    found = []
    for key in protocol.provenance:
        wrong = _stray(key, protocol)
        if wrong:
            found.append(Problem(severity="warn", key=f"provenance.{key}", message=wrong, asked=key, rule="provenance"))
    nowhere = [key for key, sourced in protocol.marks.items() if sourced.mark == "read" and not sourced.where]
    if nowhere:
        words = (
            f'read, and not said where: {", ".join(nowhere)}; write {{ mark = "read", source = 1, where = "table 2" }}'
        )
        found.append(Problem(severity="info", key="provenance", message=words, rule="provenance-where"))
    without = [phase.name for phase in protocol.phase if phase.effort is None]
    if without:
        at = [phase.name for phase in protocol.phase].index(without[0])
        words = (
            f"it is not said what the patient does in {', '.join(without)}: effort = relax, join, try-first, task or "
            "free; join is taken"
        )
        found.append(Problem(severity="info", key=f"phase[{at}].effort", message=words, rule="effort"))
    said = {key.rpartition(".")[2] for key in protocol.provenance}
    missing = [
        name
        for name in NUMBERS
        if name not in said
        and any(getattr(phase, name) is not None and _given(phase, name) for phase in protocol.phase)
    ]
    if missing:
        words = f"it is not said where {', '.join(missing)} come from: read, recalled, convention or not-stated"
        found.append(Problem(severity="info", key="provenance", message=words, rule="provenance"))
    return found


def _given(phase: PhaseSpec, name: str) -> bool:
    """Somebody wrote this number: the width of a pulse of points is worked out."""
    return getattr(phase, name) is not None and not (name == "pulse_width_us" and phase.point)


def _stray(key: str, protocol: Protocol) -> str:
    """What is wrong with one key; "" if nothing is."""
    *place, field = key.split(".")
    if place and place[0] == "phase" and len(place) > 1:
        name = ".".join(place[1:])
        names = [phase.name for phase in protocol.phase]
        if name not in names and not any(name.startswith(f"{known}.") for known in names):
            return f"there is no phase {quoted(name)}; there are {', '.join(names)}"
    if field in FIELDS:
        return ""
    near = difflib.get_close_matches(field, sorted(FIELDS), n=1)
    return f"{quoted(field)} is no key of the file" + (f"; did you mean {quoted(near[0])}?" if near else "")
