"""A front as an ordinary user runs it: `python -m tests.system.ordinary_user PORT HOME`, one line of JSON.

Another program of this user has the port open before the session begins; then the controller is killed.
"""

from __future__ import annotations

import errno
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from estim.controller.client import ControllerClient
from estim.drivers.address import Address

PATIENCE_S = 120.0


def opens(port: str) -> str:
    """ "", or why the system lets nobody in."""
    try:
        os.close(os.open(port, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK))
    except OSError as error:
        return errno.errorcode[error.errno or 0]
    return ""


def until(true: Callable[[], bool], client: ControllerClient) -> None:
    """Beating meanwhile."""
    began = time.monotonic()
    while not true():
        if time.monotonic() - began > PATIENCE_S:
            raise TimeoutError
        client.heartbeat()
        time.sleep(0.01)


def main(port: str, home: str) -> None:
    """Said on standard output."""
    beside = os.open(port, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    client = ControllerClient(Address("p24", port, simulated=True), Path(home))
    until(lambda: client.snapshot is not None and client.snapshot.phase.value == "READY", client)
    said = {"newcomer": opens(port)}
    os.kill(client.pid, signal.SIGKILL)
    until(lambda: client.takeover is not None and client.takeover.settled, client)
    taken = client.takeover
    client.close()
    said |= {"output": taken.output if taken else "", "text": taken.text if taken else "", "after": opens(port)}
    os.close(beside)
    sys.stdout.write(json.dumps(said) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
