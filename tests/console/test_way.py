"""The way of a session, stage by stage, as a therapist goes it."""

from __future__ import annotations

from estim.session.state import Phase

from .conftest import Make


async def test_the_whole_way_from_sign_in_to_the_sealed_record(bench: Make) -> None:
    async with bench() as b:
        await b.running()
        assert b.session.phase is Phase.RUNNING
        await b.look(40)
        assert b.session.outcome == "completed"
