"""What a scripted session stands on: a controller process in real time, or a world in simulated time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from estim.controller.interface import Answer, Takeover
from estim.desk.result import Seen
from estim.session.events import Request
from estim.session.snapshot import Snapshot


class Front(Protocol):
    """The other end of a session's requests. Nothing here is called by any thread but the script's own."""

    simulated: bool
    real_time: bool  # its time passes by itself
    pace_s: float  # how long one turn waits at most

    @property
    def snapshot(self) -> Snapshot | None:
        """The latest picture."""

    @property
    def age_s(self) -> float:
        """How old that picture is."""

    @property
    def takeover(self) -> Takeover | None:
        """Set once the controller was lost."""

    @property
    def fatal(self) -> str:
        """Why the controller could not begin; "" while it can."""

    def next_id(self) -> int:
        """A fresh request number."""

    def send(self, request: Request) -> None:
        """Hand a request over."""

    def poll(self) -> tuple[Answer, ...]:
        """Answers since the last call."""

    def stop(self, source: str) -> None:
        """Off, ahead of everything."""

    def beat(self) -> None:
        """The script's loop is alive."""

    def wait(self, seconds: float) -> None:
        """Let time pass."""

    def hear(self, message: Mapping[str, object]) -> None:
        """What a sensor of the script says, as a line of the side channel."""

    def now_s(self) -> float:
        """Monotonic time of the script's own clock."""

    def keys(self) -> str:
        """What was typed; stop keys have already stopped."""

    def ask_person(self, question: str, beat: Callable[[], None]) -> str:
        """One line from a person at the terminal, while `beat` goes on.

        Raises:
            NeedsAPerson: there is nobody.
        """

    def close(self) -> None:
        """End it: off, sealed; bounded in time."""

    def seen(self, source: str) -> Seen:
        """What is known of the session for its result, after `close`."""
