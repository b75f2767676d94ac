"""The same session in a coroutine: `async for state in s.states()` gives the event loop away between two pictures.

It is no second engine: each call is the session's own, made by the task that opened it. What waits for the plan
(`states`, `wait`) lets other tasks run; what waits for the controller's answer (`start`, `stop`, leaving the block)
holds the event loop for so long. The lease is that task's own loop: an event loop that stands still, or a task that
awaits something else for 1 s, has no output any more.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from types import TracebackType
from typing import Any, NoReturn, Self

from estim.api import words
from estim.api.errors import Refused
from estim.api.session import STATES_S, Session
from estim.api.state import State


class AsyncSession(Session):
    """A session for `async with`; `api.asession` makes it, or `AsyncSession(api.rehearse(...))` in simulated time."""

    def __init__(self, session: Session) -> None:
        super().__init__(session.wanted, session._open_front)  # noqa: SLF001 - the same session, driven by a task
        self._task: asyncio.Task[Any] | None = None

    def __enter__(self) -> NoReturn:
        """Not this way."""
        raise Refused("this session is for a coroutine: `async with`; api.session() is the one for `with`")

    async def __aenter__(self) -> Self:
        self._task = _task()
        return super().__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, where)

    def _own(self) -> None:
        super()._own()
        if _task() is not self._task:
            raise Refused("a session belongs to the task that opened it: its loop is what keeps output alive")

    async def states(  # type: ignore[override]
        self, timeout_s: float | None = None, *, period_s: float = STATES_S
    ) -> AsyncIterator[State]:
        """The session's pictures, at least four a second, until it has ended (or `timeout_s` has passed).

        Raises:
            Stopped: somebody or something else stopped it. Fault, Uncertain. Refused: a period below 5 ms.
        """
        for step in self._steps(timeout_s, period_s):
            if isinstance(step, State):
                yield step
            elif self._front.real_time:
                await asyncio.sleep(step)
                self.alive()  # another task may have held the event loop for longer than the lease
                self.turn(0.0)
            else:
                self.turn(step)
                await asyncio.sleep(0)

    async def wait(  # type: ignore[override]
        self, until: Callable[[State], object] | None = None, timeout_s: float | None = None
    ) -> bool:
        """Go on until `until(state)` is true or the session has ended; whether it came true (or ended)."""
        words.called("until", until)
        async for state in self.states(timeout_s):
            if until is not None and until(state):
                return True
        return until is None and self._over


def _task() -> asyncio.Task[Any] | None:
    """The running task; None in a callback, and where no event loop runs."""
    try:
        return asyncio.current_task()
    except RuntimeError:
        return None
