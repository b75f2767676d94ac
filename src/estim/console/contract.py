"""What stages, dialogs and widgets know of the application that they stand in; `app.EstimConsole` is one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Protocol

from textual.screen import Screen

from estim.console.draft import Draft, Stage
from estim.console.happened import Happened
from estim.console.home_view import HomeView, PastPatient
from estim.console.language import Words
from estim.console.stop_gate import StopGate
from estim.controller.interface import Answer, SessionClient
from estim.session.events import Request
from estim.session.snapshot import Snapshot


class Console(Protocol):
    """One session as its stages see it: what was entered, what the controller said last, how to ask for something."""

    ROLE: ClassVar[str]
    client: SessionClient
    gate: StopGate
    draft: Draft
    home_view: HomeView
    happened: Happened
    say: Words
    key_names: dict[str, str]
    snapshot: Snapshot | None
    stop_sent: bool

    @property
    def setup_us(self) -> int | None:
        """Time since sign-in, up to the first therapeutic contraction."""

    @property
    def screen(self) -> Screen[Any]:
        """What is on top."""

    def push_screen(self, screen: Any, callback: Any = None) -> Any:
        """Lay a dialog over the stage."""

    def next_id(self) -> int:
        """A number for the next request."""

    def send(self, request: Request, then: Callable[[Answer], Any] | None = None) -> None:
        """Hand a request over."""

    def note(self, fields: dict[str, object], *, kind: str = "note") -> None:
        """Words for the record."""

    def acknowledge(self) -> None:
        """The topmost alarm was read."""

    def past_patients(self) -> tuple[PastPatient, ...]:
        """Who was treated here before."""

    def past_patient(self, patient_id: str) -> PastPatient | None:
        """One of them."""

    def go(self, stage: Stage) -> None:
        """Show this stage."""

    def go_back(self) -> None:
        """The stage before."""
