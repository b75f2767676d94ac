"""A simulated P24 behind a pty that writes down when each stop frame came out of the pty: `bench/stop_latency.py`.

`python -m tests.system.tapped_simulator FOLDER` makes in it `p24`, the pty; `pulses.csv`, as `--pulses` does; and
`stops.txt`, a line a stop frame, in µs of the machine's monotonic clock. It prints one line of JSON: the pty's name,
and when on that clock the device's own clock began.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from firmware_sim.devices import make_device
from firmware_sim.monitor import Monitor
from firmware_sim.pty_front import PtyFront
from firmware_sim.serve import Server
from firmware_sim.wire.sciencemode34 import Frame, Reader

STOP_COMMAND = 34  # Ml_stop


class TappedPty(PtyFront):
    """The simulator's own pty, looked at while it is read."""

    def __init__(self, link: str, log: Path) -> None:
        super().__init__(link)
        self._reader = Reader()
        self._log = log.open("a", buffering=1, encoding="ascii")

    def read(self) -> bytes:
        data = super().read()
        now_us = time.monotonic_ns() // 1000
        for frame in self._reader.feed(data):
            if isinstance(frame, Frame) and frame.command == STOP_COMMAND:
                self._log.write(f"{now_us}\n")
        return data


def main(folder: Path) -> None:
    with (folder / "pulses.csv").open("w", encoding="ascii") as file:
        monitor, device = Monitor(file=file), make_device("p24", seed=0, options={})
        device.on_pulse = monitor.see
        port = TappedPty(str(folder / "p24"), folder / "stops.txt")
        server = Server(device, monitor, pty=port, tcp=None, side=None, room=None, until_parent=False)
        began_us = time.monotonic_ns() // 1000 - server.now_us()
        sys.stdout.write(json.dumps({"began_us": began_us, "device": port.name}) + "\n")
        sys.stdout.flush()
        server.run()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
