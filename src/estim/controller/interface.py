"""What a front (console, lines) holds of a session: requests in, snapshots and replies out. No current ever passes
here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from estim.protocols.setup import Setup
from estim.safety.schedule import Purpose
from estim.session.events import Request
from estim.session.snapshot import Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigureFrom(Request):
    """Load a protocol by library name or path, and configure it: the controller reads the file and clears it itself."""

    source: str
    setup: Setup
    purpose: Purpose


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The answer to request `id`; `problems` are `Problem.to_json()` documents."""

    id: int
    accepted: bool
    problems: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Takeover:
    """The controller was gone and the client stopped the device itself.

    Attributes:
        cause: `eof` | `silent` | `stuck`.
        output: OFF if the device's own status says so, else UNCERTAIN.
        text: for the screen: what was seen, what to pull, when the device's own timer will have run out.
        settled: nothing more will be known; until then it is being found out.
    """

    cause: str
    output: str
    text: str
    settled: bool = True

    @property
    def outcome(self) -> str:
        """What the session came to."""
        return "fault" if self.output == "OFF" else "uncertain"


class SessionClient(Protocol):
    """A running controller, as its parent process holds it. All methods return at once; `stop` may be called from any
    thread.
    """

    @property
    def snapshot(self) -> Snapshot | None:
        """The latest snapshot, None before the first."""

    @property
    def takeover(self) -> Takeover | None:
        """Set as soon as the controller was lost; again with what was found, until it is `settled`."""

    @property
    def fatal(self) -> str:
        """Why the controller could not begin its work; "" while it can."""

    def next_id(self) -> int:
        """A fresh request number."""

    def send(self, request: Request) -> None:
        """Hand over a request; a full pipe counts as a controller that does not answer."""

    def stop(self, source: str) -> int:
        """Send a stop ahead of everything; gives the request's number. Thread-safe, never blocks, may be repeated."""

    def heartbeat(self) -> None:
        """The UI loop is alive; call at 4 Hz from that loop and from nowhere else."""

    def poll(self) -> tuple[Answer, ...]:
        """Answers that arrived since the last call; updates `snapshot`."""

    def close(self) -> None:
        """Stop, sign off, end the controller; bounded in time."""
