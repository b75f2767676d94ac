"""The console's ear: the terminal's bytes as presses, in the driver's own input thread. Stops leave from here.

Textual's parser takes text and fails on bytes that are none; it also holds back what it does not understand. So the
bytes go through `controller.terminal_keys` instead: a stop is found before anything else is parsed, and nothing fails.
"""

from __future__ import annotations

import os
import selectors
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from textual import events, messages
from textual.driver import Driver
from textual.message import Message

from estim.console.presses import TOGETHER_S, Arrival
from estim.console.stop_gate import StopGate, StopPressed
from estim.controller.terminal_keys import Intake
from estim.controller.terminal_reports import Mouse, Press, TerminalReport, Token

LOOK_S = 0.05  # how often an unfinished sequence is looked at
READ_MAX = 4096
TOGETHER_MAX_S = 0.05  # a stream that never rests is handed on all the same
ALIVE = "\x1b[0n"  # the answer to ALIVE_ASK: "I am all right"
ALIVE_ASK = "\x1b[5n"


class KeyPress(events.Key):
    """A key with the time of its byte and the number of keys that came with it."""

    __slots__ = ["arrival"]

    def __init__(self, key: str, character: str | None, arrival: Arrival) -> None:
        super().__init__(key, character)
        self.arrival = arrival


KeyPress.handler_name = events.Key.handler_name  # to Textual it is a key like any other


class Ear:
    """Bytes in, messages out; stops on the way.

    Args:
        gate: gets every press, ahead of everything.
        clock: `time.monotonic`.
    """

    def __init__(self, gate: StopGate, clock: Callable[[], float] = time.monotonic) -> None:
        self.intake = Intake()
        self.heard_s = clock()
        self.answered = False  # this terminal answers a status report
        self._gate = gate
        self._clock = clock
        self._waiting: list[Token] = []
        self._since_s = 0.0

    def feed(self, data: bytes) -> list[Message]:
        """Stops at once; what else there is waits for `rest` or for a stream that goes on too long."""
        self.heard_s = now_s = self._clock()
        return self._take(self.intake.feed(data, now_s), now_s)

    def tick(self) -> list[Message]:
        """Time passed."""
        now_s = self._clock()
        return [*self._take(self.intake.tick(now_s), now_s), *self.rest()]

    def rest(self) -> list[Message]:
        """Nothing came for a moment: what waits is complete, and it is known what came together."""
        waiting, self._waiting = self._waiting, []
        keys = [token.key for token in waiting if isinstance(token, Press) and token.how != "release"]
        arrival = Arrival(self._since_s, len(keys), len(set(keys)) <= 1)
        return [message for token in waiting if (message := _message(token, arrival)) is not None]

    @property
    def waits(self) -> bool:
        """Something waits to be handed on."""
        return bool(self._waiting)

    def _take(self, tokens: Sequence[Token], now_s: float) -> list[Message]:
        stopped: list[Message] = []
        for token in tokens:
            if isinstance(token, TerminalReport) and token.text == ALIVE:
                self.answered = True
            if token.stops and self._gate.press(token.key if isinstance(token, Press) else "escape"):
                stopped.append(StopPressed())
                continue
            if not self._waiting:
                self._since_s = now_s
            self._waiting.append(token)
        if self._waiting and now_s - self._since_s >= TOGETHER_MAX_S:
            return [*stopped, *self.rest()]
        return stopped


def _message(token: Token, arrival: Arrival) -> Message | None:
    """As Textual knows it; None for what is nobody's press."""
    if isinstance(token, Press):
        if token.how == "release" or token.pasted:
            return None
        return KeyPress(token.key, token.text or None, replace(arrival, repeat=token.how == "repeat"))
    if isinstance(token, Mouse):
        return _mouse(token)
    if isinstance(token, TerminalReport) and token.text.startswith("\x1b[?2026;") and token.text[8:9] in {"1", "2"}:
        return messages.TerminalSupportsSynchronizedOutput()
    return None


def _mouse(token: Mouse) -> Message | None:
    if token.code & 64:
        kind: type[events.MouseEvent] = (events.MouseScrollUp, events.MouseScrollDown)[token.code & 1]
        button = 0
    elif token.code & 32:
        return None  # moves mean nothing here
    else:
        kind, button = (events.MouseUp if token.up else events.MouseDown), (token.code + 1) & 3
    x, y = float(token.x), float(token.y)
    held = {"shift": bool(token.code & 4), "meta": bool(token.code & 8), "ctrl": bool(token.code & 16)}
    return kind(None, x, y, 0, 0, button, held["shift"], held["meta"], held["ctrl"], screen_x=x, screen_y=y)


class TextEar:
    """The same for a driver that hands over text: what Textual's own parser would be given."""

    def __init__(self, ear: Ear) -> None:
        self._ear = ear

    def feed(self, data: str) -> list[Message]:
        """Text as it was read."""
        return [*self._ear.feed(data.encode("utf-8", "surrogateescape")), *self._ear.rest()]

    def tick(self) -> list[Message]:
        """Time passed."""
        return self._ear.tick()


def hearing_driver(base: type[Driver], ear: Ear) -> type[Driver]:
    """`base` with this ear in its input thread; the gate still looks at every key that comes another way."""

    class HearingDriver(base):  # type: ignore[misc, valid-type]  # the base is known at run time alone
        def process_message(self, message: Message) -> None:
            if isinstance(message, KeyPress):
                pass
            elif isinstance(message, events.Key) and ear._gate.press(message.key):  # noqa: SLF001  # both are one thing
                message = StopPressed()
            super().process_message(message)

    if base.__name__ == "LinuxDriver":
        HearingDriver.run_input_thread = lambda self: _listen(self, ear)
    else:
        _teach(sys.modules.get(base.__module__), ear)
        _teach(sys.modules.get("textual.drivers.win32"), ear)
    return HearingDriver


def _teach(module: Any, ear: Ear) -> None:
    """Drivers that read by other means make their parser by this name."""
    if module is not None and hasattr(module, "XTermParser"):
        module.XTermParser = lambda *_, **__: TextEar(ear)


def _listen(driver: Any, ear: Ear) -> None:
    """The input thread: stops first, then what is complete once the line has rested for a moment."""
    selector = selectors.DefaultSelector()
    selector.register(driver.fileno, selectors.EVENT_READ)
    hang_up = False
    try:
        while not driver.exit_event.is_set():
            if selector.select(TOGETHER_S if ear.waits else LOOK_S):
                try:
                    data = os.read(driver.fileno, READ_MAX)
                except OSError:
                    data = b""
                if not data:  # the other side is gone: `way_out` sees it and stops
                    hang_up = True
                    driver.exit_event.wait(LOOK_S)
                found = ear.feed(data) if data else ear.tick()
            else:
                found = ear.tick()
            for message in found:
                driver.process_message(message)
            if hang_up and driver.exit_event.wait(LOOK_S):
                break
    finally:
        selector.close()


__all__ = ["ALIVE_ASK", "Ear", "KeyPress", "TextEar", "hearing_driver"]
