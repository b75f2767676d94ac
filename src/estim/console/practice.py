"""Practice: what can be made to happen in the simulated room, to learn its handling. Never with a real device."""

from __future__ import annotations

from estim.console.language import ENGLISH, Words
from estim.session.snapshot import Snapshot

_PADS = ("lift", "dry", "place")


def room_actions(snapshot: Snapshot | None, say: Words = ENGLISH) -> tuple[tuple[str, str, dict[str, object]], ...]:
    """(title, explanation, message for the room) of each thing that can happen; nothing beside a real device."""
    if snapshot is None or not snapshot.simulated:
        return ()
    pads = tuple(
        (
            say(f"practice.{what}", channel=view.channel),
            say("practice.place-of", muscle=view.muscle, side=say.of("side", view.side)),
            {"type": "pad", "channel": view.channel, "do": what},
        )
        for view in snapshot.channels
        for what in _PADS
    )
    switch: tuple[str, str, dict[str, object]] = (
        say("practice.switch"), say("practice.room"), {"type": "switch", "pressed": True},
    )  # fmt: skip
    return (*pads, switch)
