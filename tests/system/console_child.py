"""A console on a real terminal driver, over a session in simulated time, telling on a pipe; `b` holds its UI up."""

from __future__ import annotations

import os
import sys
import time

from estim.console.app import EstimConsole
from estim.console.presses import Arrival
from estim.safety.reports import OutputState
from estim.session.state import Phase
from tests.console.simulated import SimulatedSession

BUSY_S = 1.0


class TellingSession(SimulatedSession):
    """Says on the pipe when a stop was asked for; what it shows ends with the stop."""

    def __init__(self, pipe: int) -> None:
        super().__init__()
        self._pipe = pipe

    def stop(self, source: str) -> int:
        os.write(self._pipe, f"stop {source}\n".encode())
        self.overlay.clear()
        return self.next_id()  # from the input thread: the world is the UI loop's

    def heartbeat(self) -> None:
        super().heartbeat()
        self.advance(0.05)


class BusyConsole(EstimConsole):
    """Can be held up."""

    def __init__(self, session: TellingSession, pipe: int) -> None:
        super().__init__(session)
        self._pipe = pipe

    def on_ready(self) -> None:
        self.set_timer(0.5, lambda: os.write(self._pipe, b"ready\n"))

    def pressed(self, key: str, text: str | None, arrival: Arrival) -> None:
        if key != "b":
            super().pressed(key, text, arrival)
            return
        os.write(self._pipe, b"busy\n")
        time.sleep(BUSY_S)  # the UI loop stands: no handler, no heartbeat, no picture
        os.write(self._pipe, b"idle\n")


def main() -> None:
    pipe = int(sys.argv[1])
    session = TellingSession(pipe)
    if sys.argv[2] == "running":
        session.overlay |= {"phase": Phase.RUNNING, "output": OutputState.ON}
    BusyConsole(session, pipe).run()


if __name__ == "__main__":
    main()
