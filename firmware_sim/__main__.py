"""`python -m firmware_sim p24 --pty /tmp/p24`: a simulated stimulator in real time."""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import signal
import sys
from typing import Any

from firmware_sim.devices import MODELS, make_device
from firmware_sim.devices.faulty import FaultyDevice
from firmware_sim.devices.interface import SimulatedDevice
from firmware_sim.faults import BODY, DEVICE, WIRE, read_plan
from firmware_sim.fronts import TcpFront
from firmware_sim.monitor import Monitor
from firmware_sim.scope import Planted, Scope
from firmware_sim.serve import Server
from firmware_sim.words import is_whole, quoted

_OHM = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")

REAL_TIME = 8


def parse(arguments: list[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m firmware_sim", description=__doc__)
    parser.add_argument("model", choices=MODELS)
    parser.add_argument("--pty", metavar="LINK", help="open a pty and link it here")
    parser.add_argument("--tcp", metavar="PORT", type=_port, help="listen on this loopback port, 0 picks one")
    parser.add_argument("--side", metavar="PORT", type=_port, help="side channel for the room, 0 picks a port")
    parser.add_argument("--patient", metavar="NAME", help="a virtual patient on the electrodes")
    parser.add_argument("--faults", metavar="PLAN", help="a fault plan: a file, or seed:N")
    parser.add_argument("--seed", type=_seed, default=0)
    parser.add_argument("--pulses", metavar="FILE", help="write every pulse as a CSV row")
    parser.add_argument("--scope", metavar="FILE", help="write one channel as an oscilloscope across a shunt sees it")
    parser.add_argument("--shunt", metavar="OHM", type=_ohm, default=10.0, help="with --scope: the shunt")
    parser.add_argument("--scope-channel", metavar="N", type=_seed, default=1, help="with --scope: which channel")
    parser.add_argument("--scope-step", metavar="ID", default="", help="with --scope: step of the plan, for its head")
    parser.add_argument(
        "--scope-fault",
        metavar="FAULT",
        action="append",
        default=[],
        help="gain=1.2, width=+5%%, phase-lost, dc=0.3mA",
    )
    parser.add_argument("--set", metavar="NAME=VALUE", action="append", default=[], help="a device option")
    parser.add_argument("--until-parent", action="store_true", help="end after standard input does")
    return parser.parse_args(arguments)


def _seed(text: str) -> int:
    if not is_whole(text.removeprefix("-")):
        raise argparse.ArgumentTypeError(f"{quoted(text)}: a whole number of at most 18 digits")
    return int(text)


def _ohm(text: str) -> float:
    if _OHM.fullmatch(text) is None:
        raise argparse.ArgumentTypeError(f"{quoted(text)}: a number, such as 10 or 0.5")
    return float(text)


def _port(text: str) -> int:
    if not (is_whole(text) and int(text) <= 65_535):
        raise argparse.ArgumentTypeError(f"{quoted(text)}: a port is 0 to 65535; 0 picks a free one")
    return int(text)


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGTERM or Ctrl-C; 2 for a wrong command line."""
    given = parse(sys.argv[1:] if arguments is None else arguments)
    if given.pty is None and given.tcp is None:
        given.tcp = 0
    try:
        device = make_device(given.model, seed=given.seed, options=_options(given.set))
        if given.faults is not None:
            plan = read_plan(given.faults, kinds=(*WIRE, *DEVICE, *BODY))
            device = FaultyDevice(device, plan, seed=given.seed)
        planted = Planted.read(given.scope_fault)
        if given.scope and not (given.shunt > 0 and 1 <= given.scope_channel <= device.channels):
            raise ValueError(f"--shunt above 0 ohm, --scope-channel 1 to {device.channels}")
        if given.scope_fault and not given.scope:
            raise ValueError("--scope-fault needs --scope FILE")
        room = _room(given.patient, given.seed, device) if given.patient else None
    except ValueError as error:
        print(f"firmware_sim: {error}", file=sys.stderr)
        return 2
    try:
        _serve(given, device, room, planted)
    except OSError as error:  # a port that is taken, a file that can't be written; writing, unlike opening, names none
        files = " or ".join(quoted(name) for name in (given.pulses, given.scope) if name)
        named = quoted(str(error.filename)) if error.filename else files
        where = f"{named}: " if named else ""
        print(f"firmware_sim: {where}{error.strerror or error}", file=sys.stderr)
        return 2
    except ValueError as error:
        print(f"firmware_sim: {error}", file=sys.stderr)
        return 2
    return 0


def _serve(given: argparse.Namespace, device: SimulatedDevice, room: Any, planted: Planted) -> None:
    with contextlib.ExitStack() as stack:
        file = stack.enter_context(open(given.pulses, "w", encoding="ascii", newline="")) if given.pulses else None
        monitor = Monitor(file=file)

        scope = None
        if given.scope:
            trace = stack.enter_context(open(given.scope, "w", encoding="ascii", newline="\n"))
            scope = Scope(
                trace, shunt_ohm=given.shunt, channel=given.scope_channel, step=given.scope_step, planted=planted
            )
            stack.callback(scope.close)

        def seen(pulse: Any) -> None:
            monitor.see(pulse)
            if scope is not None:
                scope.see(pulse)
            if room is not None:
                room.on_pulse(pulse)

        device.on_pulse = seen
        server = Server(
            device,
            monitor,
            pty=_pty(given.pty) if given.pty is not None else None,
            tcp=TcpFront(given.tcp) if given.tcp is not None else None,
            side=TcpFront(given.side) if given.side is not None else None,
            room=room,
            until_parent=given.until_parent,
        )
        stack.callback(server.close)

        def stop(*_: object) -> None:
            server.stopped = True

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        _favour()
        server.announce()
        server.run()


def _favour() -> None:
    """A device has a processor of its own; as near to that as the system lets us come.

    Real time (round robin) at 8, below the controller's 10 and 9 (docs/decisions/processes.md): a nice value counts
    within one terminal's session alone, and a device that gets no turn beside another's work is lost after 250 ms.
    """
    if hasattr(os, "sched_setscheduler"):
        with contextlib.suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(REAL_TIME))
            return
    if hasattr(os, "setpriority"):
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, 0, -11)


def _pty(link: str) -> Any:
    """Raises ValueError where there are no pseudo-terminals."""
    try:
        from firmware_sim.pty_front import PtyFront  # noqa: PLC0415 - Windows has none
    except ImportError:
        raise ValueError("--pty: this system has no pseudo-terminals; use --tcp") from None
    return PtyFront(link)


def _options(texts: list[str]) -> dict[str, str]:
    for text in texts:
        if "=" not in text:
            raise ValueError(f"--set {quoted(text)}: write NAME=VALUE, such as --set watchdog_s=2.0")
    return dict(text.split("=", 1) for text in texts)


def _room(name: str, seed: int, device: SimulatedDevice) -> Any:
    from firmware_sim.body.room import make_room  # noqa: PLC0415 - most devices run without a body

    room = make_room(name, seed)
    for channel in range(1, device.channels + 1):
        device.set_load(channel, room.load(channel))
    return room


if __name__ == "__main__":
    sys.exit(main())
