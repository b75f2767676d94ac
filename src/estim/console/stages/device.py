"""The stimulator before anything flows: who it is, who can stop it, whether the stop works. Each its own press."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from typing import ClassVar

from textual.app import ComposeResult
from textual.content import Content

from estim.console.command import Command
from estim.console.contract import Console
from estim.console.device_checks import cable_lines, device_checks
from estim.console.draft import Stage
from estim.console.panel import Panel
from estim.console.stages.beside import show_atlas, show_plays
from estim.console.stages.checking import CheckingPane
from estim.console.stages.station import bench_words, unit_lines
from estim.session.events import Acknowledge
from estim.session.snapshot import Snapshot
from estim.session.state import BEGUN, Phase

SWITCH_ALARM = "patient-stop"


class DevicePane(CheckingPane):
    """The stop is tried on the open stimulator at 0 mA: key, controller, device and its own word, all of the way."""

    NAME: ClassVar[str] = "device"

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._armed = False

    def compose(self) -> ComposeResult:
        """What the machine sees left, what a person answers right."""
        yield Panel(self.numbered("self.title"), id="self-test")
        yield Panel(self.say("checks.title"), id="checks")
        yield Panel(self.say("pads.atlas"), id="atlas-beside")
        yield Panel(self.say("plan.plays"), id="plays-beside")
        yield Panel(self.say("unit.title"), id="unit-beside")

    def show(self, snapshot: Snapshot | None) -> None:
        """All lines, from one snapshot."""
        if snapshot is None:
            return
        self._watch(snapshot)
        self.answer_as_before(snapshot)
        draft, say = self.console.draft, self.say
        lines: list[Content | str] = [
            Content.styled(f"{'✓' if check.ok else '✖'} {check.words}", "" if check.ok else "bold")
            for check in device_checks(snapshot, say)
        ]
        stop = say("self.stop-open")
        if draft.stop_test_ms is not None:
            stop = say("self.stop-done", ms=draft.stop_test_ms)
        elif snapshot.phase is Phase.ARMED:
            stop = say("self.stop-now" if snapshot.level_open else "self.stop-wait")
        tested = draft.stop_test_ms is not None
        lines.append(Content.styled(f"{'✓' if tested else '·'} {stop}", "" if tested else "bold"))
        if self._needs_switch():
            mark, text = ("✓", "self.switch-tested") if draft.switch else ("·", "self.switch-open")
            lines.append(f"{mark} {say(text)}")
        lines += ["", *cable_lines(snapshot, say), "", say("self.use", use=say.heard(snapshot.intended_use))]
        bench = bench_words(self.console, snapshot)
        if bench:
            lines.append(say("self.use", use=bench))
        self.panel("self-test").lines(lines)
        self.panel("checks").lines(self.check_lines(snapshot))
        show_atlas(self.console, self.panel("atlas-beside"))
        show_plays(self.console, self.panel("plays-beside"))
        self.panel("unit-beside").lines(unit_lines(snapshot, say, bench=bench))

    def _needs_switch(self) -> bool:
        """The patient holds a switch: then it is pressed once before it is needed."""
        return self.console.draft.stop_holder == "patient"

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
                console.note({"stop_test_ms": draft.stop_test_ms})
        pressed = any(alarm.code == SWITCH_ALARM and not alarm.acknowledged for alarm in snapshot.alarms)
        if pressed and draft.switch != "tested":
            draft.switch = "tested"
            console.note({"patient_switch": "tested"})
            console.send(Acknowledge(id=console.next_id(), code=SWITCH_ALARM))
        if self._done(snapshot) and snapshot.phase is Phase.CONFIGURED and not console.gate.closed:
            console.go(Stage.LEVELS)  # nothing is left to do here
            console.said(self.say("self.stop-done", ms=draft.stop_test_ms))

    def _done(self, snapshot: Snapshot) -> bool:
        return not self.missing(snapshot) and self.console.draft.stop_test_ms is not None

    def missing(self, snapshot: Snapshot) -> str:
        """What must be said or seen first, "" for nothing."""
        if not all(check.ok for check in device_checks(snapshot, self.say)):
            return self.say("refuse.self-test")
        if open_check := self.open_check(snapshot):
            return self.say("refuse.check", check=self.check_name(open_check), key=self.check_key(open_check))
        if self._needs_switch() and not self.console.draft.switch:
            return self.say("refuse.switch")
        return ""

    def commands(self) -> Sequence[Command]:
        """The checks one by one, then the stop test."""
        snapshot, say = self.now, self.say
        back = self.does("back", partial(self.console.go, Stage.PADS), label=say("hint.back"))
        if snapshot is None:
            return (back,)
        if snapshot.phase is Phase.ARMED:
            waits = "" if snapshot.level_open else say("self.stop-wait")
            return (Command(keys=("space",), act=lambda: None, says=say("self.stop-says"), refusal=waits),)
        if snapshot.phase in BEGUN:
            return ()
        if snapshot.phase in {Phase.FAULT, Phase.DISCONNECTED}:
            return (*self.reset_commands(snapshot), back)
        if (where := self.back_for(snapshot)) is not None:
            return where
        asked = self.check_commands(snapshot)
        again = self.console.draft.stop_test_ms is not None
        arm = self.does(
            "arm",
            self.arm,
            label=say("hint.stop-test"),
            says="" if again else say("self.arm-says"),
            refusal=self.missing(snapshot),
        )
        if again:
            on = self.does(
                "next", partial(self.console.go, Stage.LEVELS), says=say("self.ready"), refusal=self.missing(snapshot)
            )
            return (*asked, on, arm, back)
        return (*asked, arm, back)
