"""A session in a coroutine: the same session, with the opening task's loop for its lease."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from estim import api

PROTOCOL = "knee-replacement-quadriceps-early"


@pytest.fixture
def session(tmp_path: Path) -> api.AsyncSession:
    """A rehearsed one with a level of 20 mA."""
    made = api.rehearse(PROTOCOL, patient="p1", device="sim://p24?seed=3", levels={"quadriceps": 20}, home=tmp_path)
    return api.AsyncSession(made)


def test_it_is_the_session_of_a_plain_loop_to_the_byte_and_other_tasks_run(
    session: api.AsyncSession, tmp_path: Path
) -> None:
    turns = 0

    def other() -> None:
        nonlocal turns
        turns += 1
        if session.result is None:
            asyncio.get_running_loop().call_soon(other)

    async def main() -> None:
        asyncio.get_running_loop().call_soon(other)
        async with session as s:
            s.start()
            async for state in s.states():
                s.set_share("quadriceps", 0.5 if state.contraction > 3 else 1.0)

    asyncio.run(main())
    plain = api.rehearse(
        PROTOCOL, patient="p1", device="sim://p24?seed=3", levels={"quadriceps": 20}, home=tmp_path / "2"
    )
    with plain as s:
        s.start()
        for state in s.states():
            s.set_share("quadriceps", 0.5 if state.contraction > 3 else 1.0)
    assert session.result is not None
    assert plain.result is not None
    assert (session.result.outcome, session.result.verified) == ("completed", True)
    assert session.result.channels == plain.result.channels
    assert turns > 1_000


def test_another_task_may_look_and_stop_and_nothing_else(session: api.AsyncSession) -> None:
    said: list[str] = []

    async def helper(s: api.AsyncSession) -> None:
        assert s.state.phase
        acts: tuple[Callable[[], object], ...] = (lambda: s.set_share("quadriceps", 0.1), s.pause, s.start)
        for act in acts:
            with pytest.raises(api.Refused) as refused:
                act()
            said.append(str(refused.value))
        with pytest.raises(api.Refused, match="task that opened it"):
            await anext(s.states())
        with pytest.raises(api.Refused, match="task that opened it"):
            await s.wait()
        s.stop()

    async def main() -> None:
        async with session as s:
            s.start()
            await s.wait(lambda state: state.output == "ON")
            await asyncio.create_task(helper(s))
            assert s.state.output == "OFF"

    asyncio.run(main())
    assert len(said) == 3
    assert all("the task that opened it" in each for each in said)
    assert session.result is not None
    assert (session.result.outcome, session.result.verified) == ("stopped", True)


def test_a_task_that_awaits_something_else_has_no_output_and_is_told(session: api.AsyncSession) -> None:
    async def main() -> None:
        async with session as s:
            s.start()
            await s.wait(lambda state: state.output == "ON")
            s._front.wait(3.0)  # as `await queue.get()` does: time passes, and nobody says that the loop lives
            async for _ in s.states():
                pass

    with pytest.raises(api.Stopped, match="silent"):
        asyncio.run(main())
    assert session.result is not None
    assert session.result.outcome == "stopped"


def test_a_task_that_is_cancelled_leaves_no_output_and_a_sealed_record(session: api.AsyncSession) -> None:
    async def main() -> None:
        async with session as s:
            s.start()
            async for state in s.states():
                if state.output == "ON":
                    task = asyncio.current_task()
                    assert task is not None
                    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(main())
    assert session.result is not None
    assert (session.result.outcome, session.result.verified) == ("stopped", True)


def test_what_belongs_to_the_other_kind_of_block_is_refused(session: api.AsyncSession, tmp_path: Path) -> None:
    with pytest.raises(api.Refused, match="async with"), session:
        pass
    with pytest.raises(api.NeedsAPerson):
        api.asession(PROTOCOL, patient="p1", device="/dev/ttyACM0", levels={"quadriceps": 20}, home=tmp_path)
    with pytest.raises(api.Refused, match="140"):
        api.asession(PROTOCOL, patient="p1", levels={"quadriceps": 140}, home=tmp_path)
