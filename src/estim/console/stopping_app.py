"""The part of the console that stops: the gate before every key, the terminal's pulse, the ways out.

The UI loop beats ten times a second (`SessionClient.heartbeat`) from the same queue that keys go through: if that queue
is stuck, the heartbeat is too, and the controller stops the device.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from textual import events
from textual.app import App
from textual.driver import Driver
from textual.screen import Screen

from estim.console import collector
from estim.console.frame import Banner, Frame
from estim.console.presses import Arrival
from estim.console.stop_gate import StopGate, StopPressed
from estim.console.terminal import ALIVE_ASK, Ear, KeyPress, hearing_driver
from estim.console.themes import SIGNAL_COLOURS
from estim.console.way_out import WayOut
from estim.controller.interface import SessionClient
from estim.safety.reports import OutputState
from estim.session.snapshot import Snapshot
from estim.session.state import Phase

LOOK_S = 0.1  # screens are drawn 10 times a second: more is nothing for the eye and work for the UI loop
HEARTBEAT_S = 0.1  # whoever is held up for 0.6 s has 0.3 s left on a busy machine
TIDY_S = 1.0
ALIVE_S = 0.5  # how often the terminal is asked whether it lives, while output may be on
PASTE_OFF, PASTE_ON = "\x1b[?2004l", "\x1b[?2004h"
EXIT_DONE, EXIT_DEVICE, EXIT_UNCERTAIN = 0, 3, 4


class StoppingApp(App[int]):
    """An application whose first duty is the stop; what stands on it is `EstimConsole`'s.

    Args:
        client: the controller, as `controller.client` holds it.
        look_s: seconds between two pictures.
        clock: seconds, for presses.
    """

    def __init__(self, client: SessionClient, *, look_s: float, clock: Callable[[], float]) -> None:
        self.client = client
        self.gate = StopGate(client, self._gate_changed, held=self.stop_needs_a_question)
        self.ear = Ear(self.gate)
        super().__init__()
        self._way_out = WayOut(
            client, leave=self._leave_from_outside, exit_code=self.exit_code, silent=self._terminal_silent
        )
        self.snapshot: Snapshot | None = None
        self.stop_sent = False  # until the device confirms
        self._clock = clock
        self._look_s = look_s
        self._ui_loop: asyncio.AbstractEventLoop | None = None
        self._asked_s: float | None = None

    @property
    def rows(self) -> int:
        """Rows of the whole terminal."""
        return self.size.height

    def clock(self) -> float:
        """Seconds, as the presses are timed."""
        return self._clock()

    # -- what stands on it ------------------------------------------------------------------------------------------

    def look(self) -> None:
        """Take in what the controller said, and draw it."""
        raise NotImplementedError

    def draw(self) -> None:
        """Draw."""
        raise NotImplementedError

    def clear(self) -> None:
        """Nothing lies over the session any more."""
        raise NotImplementedError

    def stopped_by(self, key: str) -> None:
        """A stop key stopped, or a click on the banner ("")."""

    def pressed(self, key: str, text: str | None, arrival: Arrival) -> None:
        """A key that is no stop."""
        raise NotImplementedError

    def pressed_over(self, key: str) -> bool:  # noqa: ARG002
        """A key that is no stop while a list lies over the session. True: something was done with it."""
        return False

    def pasted(self) -> None:
        """Text that nobody typed."""
        raise NotImplementedError

    async def begin(self) -> None:
        """The first picture."""
        raise NotImplementedError

    # -- the stop ---------------------------------------------------------------------------------------------------

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """The signal colours, for themes that are not ours: changing the theme must never break a screen."""
        return dict(SIGNAL_COLOURS)

    def get_driver_class(self) -> type[Driver]:
        """Whatever Textual chose, with our ear in its input thread."""
        return hearing_driver(super().get_driver_class(), self.ear)

    def stop_needs_a_question(self) -> bool:
        """Never, where the therapist herself is; see `observer`."""
        return False

    async def on_event(self, event: events.Event) -> None:
        """Every key comes by here, ahead of everything else: stop first, then what it does."""
        if isinstance(event, events.Key) and not event.is_forwarded:
            if self.gate.press(event.key):
                self.on_stop_pressed()
                return
            if isinstance(self.screen, Frame):
                arrival = event.arrival if isinstance(event, KeyPress) else Arrival(self.clock())
                self.pressed(event.key, event.character, arrival)
                return
            if self.pressed_over(event.key):
                return
        if isinstance(event, events.Paste):
            self.pasted()
            return  # text that nobody typed does nothing, in fields as well
        if isinstance(event, events.MouseDown) and self._is_gone(event):
            return
        await super().on_event(event)

    def _is_gone(self, event: events.MouseDown) -> bool:
        """What was pressed was just taken away and is still on the screen: Textual would ask for its parent and die."""
        pressed, _ = self.screen.get_widget_and_offset_at(event.x, event.y)
        return pressed is not None and pressed.parent is None and pressed is not self.screen

    def on_stop_pressed(self, _: StopPressed | None = None) -> None:
        """The stop is on its way already; show it. What lies over the session goes away."""
        self.stop_sent = True
        self.stopped_by(self.gate.pressed_key)
        self.clear()
        self.draw()

    def on_banner_clicked(self, _: Banner.Clicked | None = None) -> None:
        """A click on the banner stops as well, while output may be on."""
        if self.gate.closed:
            self.client.stop("console")
            self.gate.unexplained, self.gate.pressed_key = True, ""
            self.on_stop_pressed()

    def _gate_changed(self) -> None:
        """No bracketed paste while closed, and no garbage collection in the way."""
        closed = self.gate.closed
        if self._driver is not None:
            self._driver.write(PASTE_OFF if closed else PASTE_ON)
            self._driver.flush()
        if closed:
            collector.hush()
        else:
            collector.wake()

    def _ask_terminal(self) -> None:
        """Ask the terminal whether it lives: one that stands shows nothing and passes on no stop."""
        if self._driver is None or self._driver.is_headless:
            return
        if self.gate.closed or not self.ear.answered:
            if self._asked_s is None or self.ear.heard_s >= self._asked_s:
                self._asked_s = time.monotonic()
            self._driver.write(ALIVE_ASK)
            self._driver.flush()
        else:
            self._asked_s = None

    def _terminal_silent(self) -> bool:
        """It answered at the start, and has said nothing for 1 s after it was asked, while output may be on."""
        asked_s = self._asked_s
        if asked_s is None or not self.ear.answered or not self.gate.closed:
            return False
        return self.ear.heard_s < asked_s and time.monotonic() - asked_s > 1.0

    # -- life -------------------------------------------------------------------------------------------------------

    def get_default_screen(self) -> Screen[Any]:
        """The frame, for all of the way."""
        return Frame(self.draw)

    def on_mount(self) -> None:
        """First stage, the timers, the signals."""
        self._gate_changed()
        self.client.heartbeat()
        self.call_after_refresh(self.begin)
        if self._look_s <= HEARTBEAT_S:
            self.set_interval(self._look_s, self._beat)
        else:
            self.set_interval(HEARTBEAT_S, self.client.heartbeat)
            self.set_interval(self._look_s, self.look)
        self.set_interval(TIDY_S, collector.tidy)
        self.set_interval(ALIVE_S, self._ask_terminal)
        self._ask_terminal()
        self._ui_loop = asyncio.get_running_loop()
        self._way_out.watch()

    def _beat(self) -> None:
        """One timer for both: each costs the loop a turn."""
        self.client.heartbeat()
        self.look()

    def on_unmount(self) -> None:
        """Leave the interpreter as it was."""
        collector.rest()
        self._way_out.left(drawn=self._driver is not None and not self._driver.is_headless)

    def given_back(self) -> None:
        """`run` has returned."""
        self._way_out.given_back()

    def _leave_from_outside(self) -> None:
        """The terminal is gone or a signal came; called from another thread, the stop is on its way already."""
        if self._ui_loop is not None:
            self._ui_loop.call_soon_threadsafe(self._leave_when_off)

    def _leave_when_off(self, looks: int = 12) -> None:
        """Leave once the device says off; after a bit more than the second that this may take (L25) all the same."""
        self.look()
        if self.gate.closed and not self.gate.never_out and looks > 0:
            self.set_timer(LOOK_S, partial(self._leave_when_off, looks - 1))
        else:
            self.exit(self.exit_code())

    def action_help_quit(self) -> None:
        """Ctrl+C asks the same question as leaving."""
        self.call_later(self.action_quit)

    def action_suspend_process(self) -> None:
        """A suspended console can't stop anything: only while output is off."""
        if not self.gate.closed:
            super().action_suspend_process()

    def exit_code(self) -> int:
        """0 done, 3 device or link failure, 4 output uncertain."""
        takeover, snapshot = self.client.takeover, self.snapshot
        output = takeover.output if takeover is not None else snapshot.output if snapshot is not None else None
        if takeover is None and self.gate.never_out:
            return EXIT_DEVICE
        if output != OutputState.OFF:
            return EXIT_UNCERTAIN
        if takeover is not None or (snapshot is not None and snapshot.phase is Phase.FAULT):
            return EXIT_DEVICE
        return EXIT_DONE
