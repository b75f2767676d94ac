"""A console on a real terminal driver, over the scripted session, telling on a pipe; `b` makes its UI loop busy."""

from __future__ import annotations

import os
import sys
import time
from typing import ClassVar

from estim.console.app import EstimConsole
from estim.console.draft import Stage
from tests.console.fake_session import FakeSession

BUSY_S = 1.0


class TellingSession(FakeSession):
    """Says on the pipe when a stop was asked for."""

    def __init__(self, pipe: int) -> None:
        super().__init__()
        self._pipe = pipe

    def stop(self, source: str) -> int:
        os.write(self._pipe, f"stop {source}\n".encode())
        return super().stop(source)

    def heartbeat(self) -> None:
        super().heartbeat()
        self.advance(0.05)


class BusyConsole(EstimConsole):
    """Runs from its first picture on, and can be held up."""

    BINDINGS: ClassVar = [("b", "busy", "Busy")]

    def __init__(self, session: TellingSession, pipe: int) -> None:
        super().__init__(session)
        self._pipe = pipe

    def on_ready(self) -> None:
        self.go(Stage.RUN)
        self.set_timer(0.3, lambda: os.write(self._pipe, b"ready\n"))

    def action_busy(self) -> None:
        os.write(self._pipe, b"busy\n")
        time.sleep(BUSY_S)  # the UI loop stands: no handler, no heartbeat, no picture
        os.write(self._pipe, b"idle\n")


def main() -> None:
    pipe = int(sys.argv[1])
    session = TellingSession(pipe)
    session.configured()
    app = BusyConsole(session, pipe)
    if sys.argv[2] == "running":
        session.phase, session.output = type(session.phase).RUNNING, type(session.output).ON
    app.run()


if __name__ == "__main__":
    main()
