"""A protocol for one week and session of the course: progressions applied, phases of other weeks left out. Pure."""

from __future__ import annotations

from typing import Any

from estim.protocols.schema import Protocol
from estim.protocols.schema_course import CHANNEL_KEYS, fits

FIRST_EVER_FRACTION = 0.5  # S27, L28: a first-ever session at the maximum tolerated level is at most half as long


def resolve(protocol: Protocol, *, week: int = 1, session: int = 1, first_ever: bool = False) -> Protocol:
    """`protocol` as it is played in this week and session; the result is checked whole again.

    Args:
        first_ever: the patient was never stimulated before (S27).

    Raises:
        pydantic.ValidationError: a progression makes the protocol invalid.
        ValueError: no phase is left for this week and session.
    """
    document = protocol.model_dump(by_alias=True, exclude_none=True, exclude_unset=True)
    for step in sorted(protocol.progression, key=lambda step: (step.from_session or 0, step.from_week or 0)):
        reached = step.from_week is not None and week >= step.from_week
        reached = reached or (step.from_session is not None and session >= step.from_session)
        if reached and step.set is not None:
            _apply(document, step.channel, step.set.model_dump(exclude_none=True))
    document["phase"] = [phase for phase in document["phase"] if _now(phase, week, session)]
    if not document["phase"]:
        raise ValueError(f"{protocol.id} plays nothing in week {week}, session {session}")
    _shorten(document, protocol, session=session, first_ever=first_ever)
    document.pop("progression", None)  # judged with the file as it stands: not every phase is there every week
    made = Protocol.model_validate(document, context={"basis": protocol.basis})
    return made.model_copy(update={"progression": protocol.progression}) if protocol.progression else made


def _apply(document: dict[str, Any], channel: str | None, changes: dict[str, Any]) -> None:
    """One progression's `set`: of one channel it changes what is that channel's own, and nothing of the others."""
    own = {key: value for key, value in changes.items() if key in CHANNEL_KEYS}
    for entry in document["channel"]:
        if entry["name"] == channel:
            entry.update(own)
    names = [entry["name"] for entry in document["channel"]]
    for phase in document["phase"]:
        members = phase.get("channels", names)
        if phase["kind"] != "work" or (channel is not None and channel not in members):
            continue
        timing = {key: value for key, value in changes.items() if key not in CHANNEL_KEYS and fits(key, phase, changes)}
        if channel is not None and len(members) > 1:
            if "on_s" in timing:
                _override(phase, channel)["on_s"] = timing["on_s"]
            continue
        if "on_s" in timing and channel is not None:
            _override(phase, channel).pop("on_s", None)  # the phase's own on time is the channel's again
        if "cadence_rpm" in timing:
            phase["trigger"] = {**phase["trigger"], "cadence_rpm": timing.pop("cadence_rpm")}
        if "contractions" in timing:
            phase.pop("duration_s", None)
        if "duration_s" in timing:
            for key in ("contractions", "sets", "set_rest_s"):
                phase.pop(key, None)
        phase.update(timing)


def _override(phase: dict[str, Any], channel: str) -> dict[str, Any]:
    """The phase's block about this channel; a new one if it has none."""
    blocks: list[dict[str, Any]] = list(phase.get("channel", ()))
    for block in blocks:
        if block["name"] == channel:
            return block
    blocks.append({"name": channel})
    phase["channel"] = blocks
    return blocks[-1]


def _now(phase: dict[str, Any], week: int, session: int) -> bool:
    weeks = phase.get("from_week", 1) <= week <= phase.get("to_week", week)
    return bool(weeks and phase.get("from_session", 1) <= session <= phase.get("to_session", session))


def _shorten(document: dict[str, Any], protocol: Protocol, *, session: int, first_ever: bool) -> None:
    """The first session is shorter in contractions or time, rounded down, at least one; never lower in amplitude."""
    fraction = protocol.dose.first_session_fraction if session == 1 else 1.0
    strong = any(channel.amplitude_rule in {"max-tolerated", "percent-mvic"} for channel in protocol.channel)
    if first_ever and strong:
        fraction = min(fraction, FIRST_EVER_FRACTION)
    if fraction >= 1:
        return
    for phase in document["phase"]:
        if "contractions" in phase:
            phase["contractions"] = max(1, int(phase["contractions"] * fraction))
        elif "duration_s" in phase:
            phase["duration_s"] = float(max(1, int(phase["duration_s"] * fraction)))
