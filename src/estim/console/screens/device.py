"""The stimulator before anything flows: who it is, whether its stop works, who can stop beside the therapist."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding
from textual.content import Content
from textual.widgets import Static

from estim.console.coach import coached
from estim.console.device_checks import cable_lines, device_checks
from estim.console.draft import Stage
from estim.console.screens.live import LIVE, LiveScreen
from estim.console.stage import hint
from estim.session.events import Acknowledge
from estim.session.snapshot import Snapshot
from estim.session.state import Phase

SWITCH_ALARM = "patient-stop"


class DeviceScreen(LiveScreen):
    """The stop is tried on the open stimulator at 0 mA: key, controller, device and its own word, all of the way."""

    STAGE = Stage.DEVICE
    TESTS_STOP = True
    PURPOSE = "titration"
    BINDINGS: ClassVar[list[Any]] = [Binding("n", "no_switch", "No switch", show=False)]

    def __init__(self) -> None:
        super().__init__()
        self._armed = False

    def compose_body(self) -> ComposeResult:
        """Self-test, stop test, switch; then the checks that arming asks for."""
        yield Static(id="self-test")
        yield Static(id="checks")
        yield Static(id="device-next")

    def show_stage(self, snapshot: Snapshot | None) -> None:
        """All lines, from one snapshot."""
        if snapshot is None:
            return
        self._watch(snapshot)
        draft, say = self.console.draft, self.say
        lines = [(check.ok, check.words) for check in device_checks(snapshot, say)]
        stop = say("self.stop-open")
        if draft.stop_test_ms is not None:
            stop = say("self.stop-done", ms=draft.stop_test_ms)
        elif snapshot.phase is Phase.ARMED:
            stop = say("self.stop-now" if snapshot.level_open else "self.stop-wait")
        lines += [
            (draft.stop_test_ms is not None, stop),
            (bool(draft.switch), say(f"self.switch-{draft.switch or 'open'}")),
        ]
        shown = [Content.styled(say("self.title"), "bold"), Content(say("self.use", use=snapshot.intended_use))]
        shown += [Content.styled(f" {'✓' if ok else '·'} {words}", "" if ok else "bold") for ok, words in lines]
        shown += [Content.styled(line, "dim") for line in cable_lines(snapshot, say)]
        self.query_one("#self-test", Static).update(Content("\n").join(shown))
        live = snapshot.phase in LIVE
        checks = self.query_one("#checks", Static)
        checks.display = (bool(snapshot.wants) and not live) or coached(snapshot)
        checks.update(self.checks(snapshot))
        ready = self._missing(snapshot) == ""
        self.query_one("#device-next", Static).update(Content(f" {say('self.ready')}" if ready else ""))

    def how_to_go_on(self, snapshot: Snapshot) -> str:  # noqa: ARG002
        """To the stop test."""
        return f" {self.say('self.then')}"

    def hints(self, snapshot: Snapshot | None) -> Sequence[tuple[str, str]]:
        """The next thing to do here first."""
        if snapshot is None or snapshot.phase in LIVE:
            return ()
        if snapshot.phase is Phase.FAULT:
            return (hint("reset"), hint("back"))
        first = (hint("confirm"),) if snapshot.wants else (hint("arm", "hint.stop-test"),)
        switch = () if self.console.draft.switch else (("N", "hint.no-switch"),)
        return (*first, *switch, hint("next"), hint("back"))

    def _watch(self, snapshot: Snapshot) -> None:
        """Was armed, a stop key was pressed, and the device itself has said off since: the stop works."""
        console, draft = self.console, self.console.draft
        if snapshot.phase is Phase.ARMED:
            self._armed = True
        elif self._armed and snapshot.phase is Phase.CONFIGURED and not console.gate.closed:
            self._armed = False
            if console.gate.unexplained and console.gate.pressed_s is not None:
                console.gate.unexplained = False
                draft.stop_test_ms = round((time.monotonic() - console.gate.pressed_s) * 1000)
                self._note({"stop_test_ms": draft.stop_test_ms})
        pressed = any(alarm.code == SWITCH_ALARM and not alarm.acknowledged for alarm in snapshot.alarms)
        if pressed and draft.switch != "tested":
            draft.switch = "tested"
            self._note({"patient_switch": "tested"})
            console.send(Acknowledge(id=console.next_id(), code=SWITCH_ALARM))

    def _note(self, fields: dict[str, object]) -> None:
        self.console.note(fields)

    def _missing(self, snapshot: Snapshot) -> str:
        draft = self.console.draft
        if not all(check.ok for check in device_checks(snapshot, self.say)):
            return "refuse.self-test"
        if draft.stop_test_ms is None:
            return "refuse.stop-test"
        return "" if draft.switch else "refuse.switch"

    def action_no_switch(self) -> None:
        """The patient has no switch; who can stop beside the therapist was said with the checks."""
        if not self.console.draft.switch:
            self.console.draft.switch = "none"
            self._note({"patient_switch": "none"})
            self.show(self.console.snapshot)

    def action_start(self) -> None:
        """Nothing begins here."""
        self.refuse("refuse.start-here")

    def action_next(self) -> None:
        """On to the levels, once all of it was seen to work."""
        snapshot = self.console.snapshot
        if snapshot is None or snapshot.phase in LIVE:
            self.refuse("refuse.running")
        elif missing := self._missing(snapshot):
            self.refuse(missing)
        else:
            self.console.go(Stage.LEVELS)

    def action_back(self) -> None:
        """Only with output off."""
        snapshot = self.console.snapshot
        if snapshot is not None and snapshot.phase in LIVE:
            self.refuse("refuse.running")
        else:
            self.console.go_back()
