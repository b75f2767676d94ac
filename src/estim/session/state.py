"""The session's states: one table. A pair that is not in it raises, each that is in it is made by some event (tests
explore both completely); the diagram in `docs/states.md` is made from it. A stop needs no turn where nothing runs: off
goes out from every phase, the phase stays.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from types import MappingProxyType

from estim.safety.errors import EstimError


class Phase(enum.StrEnum):
    """Where a session stands. Whether current may flow is beside it: `OutputState`."""

    DISCONNECTED = "DISCONNECTED"
    READY = "READY"  # the device is known and idle, verified
    CONFIGURED = "CONFIGURED"  # a cleared schedule is loaded
    ARMED = "ARMED"  # the stimulation level is open, no channel on; ends by itself
    RUNNING = "RUNNING"
    PAUSED = "PAUSED"  # output off and the level left, as after a stop; the plan's place is kept
    STOPPING = "STOPPING"  # off was sent and is not yet confirmed
    FAULT = "FAULT"  # latched; a person resets it, with a reason


# Somebody must stop it, or it is being stopped.
BEGUN = frozenset({Phase.ARMED, Phase.RUNNING, Phase.PAUSED, Phase.STOPPING})


class Cycle(enum.StrEnum):
    """What one channel does while RUNNING."""

    REST = "REST"
    RAMP_UP = "RAMP_UP"
    HOLD = "HOLD"
    RAMP_DOWN = "RAMP_DOWN"


class Turn(enum.StrEnum):
    """What moves a session from one phase to another."""

    IDENTIFIED = "identified"  # the device said who it is and is verified idle
    CONFIGURE = "configure"  # a schedule was cleared
    UNCONFIGURE = "unconfigure"  # another session begins: nothing of the last one is left
    ARM = "arm"
    DISARM = "disarm"  # 60 s without a start, or asked
    START = "start"
    PAUSE = "pause"
    RESUME = "resume"
    STOP = "stop"
    COMPLETE = "complete"  # the plan is played to its end
    CONFIRMED_OFF = "confirmed-off"  # the device's own status
    FAIL = "fail"
    RESET = "reset"  # by a person, with a reason, output confirmed OFF
    LOSE = "lose"  # device gone with output confirmed OFF


class IllegalTurn(EstimError):
    """A phase and a turn that the table does not have together."""


_FAIL_FROM = dict.fromkeys(Phase, Phase.FAULT)

TABLE: Mapping[tuple[Phase, Turn], Phase] = MappingProxyType(
    {
        (Phase.DISCONNECTED, Turn.IDENTIFIED): Phase.READY,
        (Phase.READY, Turn.CONFIGURE): Phase.CONFIGURED,
        (Phase.READY, Turn.LOSE): Phase.DISCONNECTED,
        (Phase.CONFIGURED, Turn.CONFIGURE): Phase.CONFIGURED,
        (Phase.CONFIGURED, Turn.UNCONFIGURE): Phase.READY,
        (Phase.CONFIGURED, Turn.ARM): Phase.ARMED,
        (Phase.CONFIGURED, Turn.LOSE): Phase.DISCONNECTED,
        (Phase.ARMED, Turn.START): Phase.RUNNING,
        (Phase.ARMED, Turn.DISARM): Phase.STOPPING,
        (Phase.ARMED, Turn.STOP): Phase.STOPPING,
        (Phase.RUNNING, Turn.PAUSE): Phase.PAUSED,
        (Phase.RUNNING, Turn.STOP): Phase.STOPPING,
        (Phase.RUNNING, Turn.COMPLETE): Phase.STOPPING,
        (Phase.PAUSED, Turn.RESUME): Phase.RUNNING,
        (Phase.PAUSED, Turn.STOP): Phase.STOPPING,
        (Phase.STOPPING, Turn.CONFIRMED_OFF): Phase.CONFIGURED,
        (Phase.FAULT, Turn.RESET): Phase.DISCONNECTED,
        **{(phase, Turn.FAIL): target for phase, target in _FAIL_FROM.items()},
    }
)


def advance(phase: Phase, turn: Turn) -> Phase:
    """The phase after `turn`.

    Raises:
        IllegalTurn: the table has no such pair; nothing changes.
    """
    try:
        return TABLE[phase, turn]
    except KeyError:
        allowed = ", ".join(sorted(known.value for at, known in TABLE if at is phase))
        raise IllegalTurn(f"{turn.value} is not possible in {phase.value}; possible: {allowed}") from None


def diagram() -> str:
    """The table as a Mermaid state diagram, for `docs/states.md`."""
    lines = ["stateDiagram-v2", "    [*] --> DISCONNECTED"]
    for (phase, turn), target in TABLE.items():
        if turn is not Turn.FAIL:
            lines.append(f"    {phase.value} --> {target.value}: {turn.value}")
    lines.append("    note right of FAULT: from every state by fail")
    return "\n".join(lines) + "\n"
