"""What panes know of the application that they stand in; `app.EstimConsole` is one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from estim.console.draft import Draft, Stage, Station
from estim.console.happened import Happened
from estim.console.home_view import HomeView, OpenSession, PastPatient
from estim.console.language import Words
from estim.console.objectives import Objectives
from estim.console.presses import Judge
from estim.console.stop_gate import StopGate
from estim.controller.interface import Answer, SessionClient
from estim.session.events import Request
from estim.session.snapshot import Snapshot


class Console(Protocol):
    """One session as its panes see it: what was entered, what the controller said last, how to ask for something."""

    client: SessionClient
    gate: StopGate
    draft: Draft
    station: Station
    home_view: HomeView
    happened: Happened
    objectives: Objectives
    before_real: Sequence[str]
    judge: Judge
    keymap: dict[str, tuple[str, ...]]
    key_names: dict[str, str]
    say: Words
    snapshot: Snapshot | None
    stop_sent: bool

    @property
    def setup_us(self) -> int | None:
        """Time since sign-in, up to the first therapeutic contraction."""

    @property
    def questions(self) -> Sequence[Any]:
        """What lies over the stage, the topmost last."""

    def clock(self) -> float:
        """Seconds, as the presses are timed."""

    def draw(self) -> None:
        """Draw the frame and what stands in it, now."""

    def said(self, text: str) -> None:
        """Say it over the next line; stays until the next key that does something."""

    def problems(self, problems: Sequence[dict[str, Any]]) -> None:
        """Say why the controller refused something."""

    def ask(self, question: Any) -> None:
        """Put a question over the stage."""

    def close(self, question: Any) -> None:
        """Take it away again; nothing where it is gone already."""

    def send(self, request: Request, then: Callable[[Answer], Any] | None = None) -> None:
        """Hand a request over."""

    def next_id(self) -> int:
        """A number for the next request."""

    def note(self, fields: dict[str, object], *, kind: str = "note") -> None:
        """Words for the record."""

    def past_patients(self) -> tuple[PastPatient, ...]:
        """Who was treated here before."""

    def past_patient(self, patient_id: str) -> PastPatient | None:
        """One of them."""

    @property
    def stage(self) -> str:
        """The name of what stands under all questions."""

    @property
    def silent_s(self) -> float:
        """How old the last snapshot is."""

    @property
    def rows(self) -> int:
        """Rows of the whole terminal."""

    def open_sessions(self) -> tuple[OpenSession, ...]:
        """Sessions of this home that did not end with a signature."""

    def sign_out(self) -> None:
        """Somebody else works here."""

    def open_room(self) -> None:
        """What can happen in the simulated room."""

    def leave(self) -> None:
        """Stop, wait for off, ask, and leave."""

    def chosen_channel(self) -> int:
        """The device channel that keys act on."""

    def go(self, stage: Stage) -> None:
        """Show this stage."""

    def next_patient(self) -> None:
        """Forget the patient in one act, and go home."""
