"""In a turn, an off is on the wire before the record signs anything."""

from __future__ import annotations

from collections.abc import Mapping

from estim.rehearsal import RehearsalPlan
from estim.rehearsal.world import World
from estim.session import events
from estim.session.state import Phase
from tests.support import plan


class Watched(World):
    """A world that notes in which order bytes went out and signatures were made."""

    def __init__(self, made: RehearsalPlan) -> None:
        super().__init__(made)
        self.order: list[str] = []
        write = self.link.write

        def seen(data: bytes) -> None:
            self.order.append("bytes")
            write(data)

        self.link.write = seen  # type: ignore[method-assign]


def test_an_off_does_not_wait_for_a_signature() -> None:
    world = Watched(plan())
    while world.engine.phase is not Phase.RUNNING:
        world.run_until(world.now_us + 100_000)
    record = world.record
    assert record is not None
    poll, append = record.poll, record.append

    def polled(now_us: int) -> object:
        before = record._chain.n
        status = poll(now_us)
        if record._chain.n > before:
            world.order.append("signature")
        return status

    def appended(kind: str, fields: Mapping[str, object], now_us: int, *, durable: bool = False) -> int:
        if kind == "phase" and fields["after"] == "PAUSED":
            world.order.append("pause")
        return append(kind, fields, now_us, durable=durable)

    record.poll, record.append = polled, appended  # type: ignore[method-assign, assignment]
    world.order.clear()
    world.runner.turn([events.Pause(id=9_999)])
    assert world.order.index("pause") < world.order.index("bytes") < world.order.index("signature")
