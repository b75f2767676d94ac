"""Practice: what can be made to happen in the simulated room, to learn its handling. Never with a real device."""

from __future__ import annotations

from estim.session.snapshot import Snapshot

_PADS = (
    ("lift", "Practice: a pad of channel {channel} comes off"),
    ("dry", "Practice: a pad of channel {channel} dries out"),
    ("place", "Practice: the pad of channel {channel} is put back"),
)


def room_actions(snapshot: Snapshot | None) -> tuple[tuple[str, str, dict[str, object]], ...]:
    """(title, explanation, message for the room) of each thing that can happen; nothing beside a real device."""
    if snapshot is None or not snapshot.simulated:
        return ()
    return tuple(
        (
            title.format(channel=view.channel),
            f"{view.muscle} {view.side}, in the simulated room",
            {"type": "pad", "channel": view.channel, "do": what},
        )
        for view in snapshot.channels
        for what, title in _PADS
    )
