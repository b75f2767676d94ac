"""The controller process: composition root of the child.

`python -m estim.controller --device ADDRESS [--simulated] [--side URL] --home DIR`, requests on standard input,
snapshots and answers on standard output. It ends when its parent does; output is stopped first.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import threading
from pathlib import Path

from estim.controller.loop import Controller
from estim.controller.messages import encode_fatal
from estim.drivers.address import Address
from estim.drivers.models import MODELS
from estim.platform.files import make_private, trouble
from estim.platform.handing_over import NOTHING, Giver
from estim.platform.priority import raise_priority
from estim.platform.terminals import nowhere
from estim.records.door import hold_stimulator
from estim.records.home import Home
from estim.safety.errors import EstimError

STACK_BYTES = 1 << 20  # where memory is locked, a thread's whole stack is made as it starts: 1 MB instead of 8
SWITCH_S = 0.001  # how long another thread may go on in Python while the loop waits for its turn


def main() -> int:
    """0 when all went well, 3 if the device can't be reached, 4 if output stayed uncertain."""
    parser = argparse.ArgumentParser(prog="python -m estim.controller", description=__doc__)
    parser.add_argument("--device", required=True, help="address of the device")
    parser.add_argument("--model", required=True, choices=sorted(MODELS), help="what answers there")
    parser.add_argument("--simulated", action="store_true", help="it is a simulator")
    parser.add_argument("--named", default="", help="what a person named, where that is not the address")
    parser.add_argument("--side", default="", help="addresses of rooms and sensor bridges")
    parser.add_argument("--keeper", type=int, default=NOTHING, help="open file that the port's own is handed through")
    parser.add_argument("--home", required=True, help="folder of records, patients and keys")
    given = parser.parse_args()
    make_private()
    threading.stack_size(STACK_BYTES)
    sys.setswitchinterval(SWITCH_S)
    try:
        address = Address(given.model, given.device, given.simulated, given.named)
        _held = hold_stimulator(Home(Path(given.home)), address.url, address.said)  # for as long as this process lives
        controller = Controller(address, given.side, Home(Path(given.home)), keeper=Giver(given.keeper))
    except (EstimError, OSError) as error:
        reason = str(error) if isinstance(error, EstimError) else f"{error.filename or given.home}: {trouble(error)}"
        sys.stdout.buffer.write(encode_fatal(reason))
        sys.stdout.buffer.flush()
        return 3
    had = raise_priority()
    with contextlib.suppress(OSError, ValueError):  # a log without room ends no session; its record says so itself
        sys.stderr.write(f"priority: {had}\n")
        sys.stderr.flush()
    code = controller.run()
    try:
        sys.stderr.flush()
    except (OSError, ValueError):  # left in its buffer, what a full disk did not take would make 120 of this code, and
        nowhere()  # a controller that ended well would count as lost
    return code


if __name__ == "__main__":
    sys.exit(main())
