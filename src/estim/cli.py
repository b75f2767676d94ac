"""The command line: parses, starts processes, prints. Everything heavy is imported inside the command that needs it."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from estim.controller.setup_from import Said
    from estim.drivers.address import Address
    from estim.protocols.schema import Protocol
    from estim.records.home import Home

EXIT_REFUSED, EXIT_USAGE, EXIT_DEVICE = 1, 2, 3
DEFAULT_DEVICE = "sim://p24"
DESCRIPTION = "Open session controller for neuromuscular electrical stimulation, with a byte-exact simulator."


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    top = argparse.ArgumentParser(prog="estim", description=DESCRIPTION)
    top.add_argument("--version", action="version", version="estim 0.1.0")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    home = argparse.ArgumentParser(add_help=False)
    home.add_argument("--home", help="records, patients, own protocols, site limits, keys (or ESTIM_HOME)")
    home.add_argument("--json", action="store_true", help="one JSON document on standard output, nothing else")

    console = commands.add_parser("console", parents=[home], help="the therapist's screen")
    console.add_argument("--device", default=DEFAULT_DEVICE, help="port, socket://host:port or sim://MODEL")

    session = argparse.ArgumentParser(add_help=False)
    session.add_argument("protocol", help="a library name, an own protocol's name, or a file")
    session.add_argument("--level", action="append", default=[], metavar="NAME=mA")
    session.add_argument(
        "--motor", action="append", default=[], metavar="NAME=mA", help="motor mark (sensory channels)"
    )
    session.add_argument("--pad", action="append", default=[], metavar="NAME=7.6x12.7", help="size of both pads in cm")
    session.add_argument("--region", action="append", default=[], metavar="NAME=REGION")
    session.add_argument("--side", default="left", choices=("left", "right"), help="the treated side")
    session.add_argument("--week", type=int, default=1)
    session.add_argument("--session", type=int, default=1)

    run = commands.add_parser("run", parents=[home, session], help="one session, line by line")
    run.add_argument("--patient", required=True, help="pseudonym")
    run.add_argument("--operator", default="operator", help="pseudonym")
    run.add_argument("--device", default=DEFAULT_DEVICE)
    run.add_argument("--yes", action="store_true", help="confirm what is asked; refused on a real device")

    rehearse = commands.add_parser("rehearse", parents=[home, session], help="one session in simulated time")
    rehearse.add_argument("--patient", default="rehearsal", help="pseudonym")
    rehearse.add_argument("--device-model", default="p24")
    rehearse.add_argument("--seed", type=int, default=0)
    rehearse.add_argument("--pulses", metavar="FILE", help="every pulse as a CSV row")

    protocols = commands.add_parser("protocols", help="the protocol files").add_subparsers(
        dest="action", required=True, metavar="ACTION"
    )
    protocols.add_parser("list", parents=[home], help="all protocols")
    show = protocols.add_parser("show", parents=[home], help="one protocol")
    show.add_argument("protocol")
    check = protocols.add_parser("check", parents=[home], help="every violation in these files")
    check.add_argument("files", nargs="+", metavar="FILE")
    check.add_argument("--device-model", default="p24")
    protocols.add_parser("schema", help="the JSON Schema of a protocol file")

    limits = commands.add_parser("limits", parents=[home], help="the limits in force, with sources")
    limits.add_argument("--site", metavar="FILE", help="a site file to look at instead of the installed one")

    commands.add_parser("devices", parents=[home], help="ports, and what could be there").add_argument(
        "--probe", action="store_true", help="ask each port who is there"
    )

    records = commands.add_parser("records", help="the records of sessions").add_subparsers(
        dest="action", required=True, metavar="ACTION"
    )
    records.add_parser("list", parents=[home], help="all sessions")
    for action, text in (("show", "one session's lines"), ("verify", "is it what was written")):
        sub = records.add_parser(action, parents=[home], help=text)
        sub.add_argument(
            "path", nargs="*" if action == "verify" else None, help="a session's folder or a records folder"
        )
        if action == "verify":
            sub.add_argument("--key", action="append", default=[], metavar="HEX", help="a public key to trust")
    return top


def main(arguments: list[str] | None = None) -> int:
    """Run one command; the exit code is DESIGN 9's."""
    given = parser().parse_args(arguments)
    name = f"{given.command}_{given.action}" if getattr(given, "action", None) else given.command
    from estim.safety.errors import EstimError, LinkLost, ProtocolError, SetupError, SiteFileError, UsageError

    try:
        return int(COMMANDS[name](given))
    except UsageError as error:
        print(f"estim: {error}", file=sys.stderr)
        return EXIT_USAGE
    except LinkLost as error:
        print(f"estim: {error}", file=sys.stderr)
        return EXIT_DEVICE
    except (ProtocolError, SetupError, SiteFileError) as error:
        if getattr(given, "json", False):
            print_json(
                {"outcome": "refused", "ok": False, "problems": [problem.to_json() for problem in error.problems]}
            )
        else:
            print(error, file=sys.stderr)
        return EXIT_REFUSED
    except EstimError as error:
        print(f"estim: {error}", file=sys.stderr)
        return EXIT_REFUSED
    except BrokenPipeError:
        return 0


def print_json(document: object) -> None:
    """One document."""
    print(json.dumps(document, indent=2, ensure_ascii=False))


def _home(given: argparse.Namespace) -> Home:
    from estim.records.home import find_home

    return find_home(given.home)


def _said(given: argparse.Namespace, home: Home, *, simulated: bool) -> tuple[Protocol, Said]:
    from estim.controller.loading import load_runnable
    from estim.controller.setup_from import Words, setup_from

    protocol, _ = load_runnable(given.protocol, own=home.protocols)
    words = Words(
        patient=given.patient,
        levels=tuple(given.level),
        motor=tuple(given.motor),
        pads=tuple(given.pad),
        regions=tuple(given.region),
        side=given.side,
        week=given.week,
        session=given.session,
    )
    return protocol, setup_from(protocol, words, simulated=simulated)


# -- sessions
# -----------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _device(text: str, home: Home) -> Iterator[tuple[Address, str]]:
    """The address and side channel of `--device`; `sim://` becomes a simulator process here and nowhere else."""
    from estim.controller.simulator import Simulator
    from estim.drivers.address import parse_address

    if not text.startswith("sim://"):
        yield parse_address(text), ""
        return
    simulator = Simulator(text, logs=home.logs)
    try:
        yield simulator.address, simulator.side
    finally:
        simulator.close()


def console(given: argparse.Namespace) -> int:
    """The therapist's screen."""
    from estim.console.app import run_console
    from estim.controller.client import ControllerClient

    home = _home(given)
    with _device(given.device, home) as (address, side):
        client = ControllerClient(address, home.root, side=side)
        try:
            return run_console(client, home=home)
        finally:
            client.close()


def run(given: argparse.Namespace) -> int:
    """One session, line by line."""
    from estim.controller.client import ControllerClient
    from estim.controller.script import ScriptedTherapist
    from estim.lines import Person, play
    from estim.safety.errors import UsageError

    home = _home(given)
    with _device(given.device, home) as (address, side):
        address = _ask_whether_simulated(address)
        if given.yes and not address.simulated:
            raise _refused("--yes", "every step is confirmed by a person on a real device; --yes is for simulated ones")
        protocol, said = _said(given, home, simulated=address.simulated)
        _check_before(protocol, said, address)
        if not address.simulated and not sys.stdin.isatty():
            raise UsageError("a session on a real device needs a person at a terminal")
        client = ControllerClient(address, home.root, side=side)
        try:
            if not address.simulated:
                typed = Person(
                    client=client,
                    source=given.protocol,
                    setup=said.setup,
                    operator=given.operator,
                    say=print,
                    ask=input,
                )
                return typed.run()
            person = ScriptedTherapist(
                source=given.protocol,
                setup=said.setup,
                levels_ua=said.levels_ua,
                motor_ua=said.motor_ua,
                next_id=client.next_id,
                operator=given.operator,
            )
            say = (lambda text: print(text, file=sys.stderr)) if given.json else print
            code = play(client, person, say=say)
        finally:
            client.close()
    return _report_run(given, client, person, said, code)


def _ask_whether_simulated(address: Address) -> Address:
    """A simulator says so by its id; a port that is not `sim://` is asked before anything else is decided."""
    from estim.drivers.asking import ask_identity

    if address.simulated:
        return address
    identity = ask_identity(address)
    return type(address)(address.model, address.url, identity.device_id.startswith("SIM"))


def _check_before(protocol: Protocol, said: Said, address: Address) -> None:
    """Everything that can be refused without a device is refused before one is touched."""
    from estim.controller.preflight import preflight

    preflight(protocol, said, address)


def _refused(key: str, message: str) -> Exception:
    from estim.safety.errors import Problem, SetupError

    return SetupError([Problem(severity="refuse", key=key, message=message, rule="session")])


def _report_run(given: argparse.Namespace, client: Any, person: Any, said: Said, code: int) -> int:
    from estim.controller.after import report_run

    report = report_run(client.snapshot, person, said, takeover=client.takeover)
    if given.json:
        print_json(report)
    else:
        _print_report(report)
    return code if code else EXIT_REFUSED if report["outcome"] == "refused" or not report["record_verified"] else 0


def rehearse(given: argparse.Namespace) -> int:
    """One session in simulated time."""
    import datetime

    from estim.controller.preflight import preflight
    from estim.controller.site import limits_in_force
    from estim.drivers.address import Address
    from estim.drivers.models import MODELS
    from estim.records.verify import verify_session
    from estim.rehearsal import Plan
    from estim.rehearsal import rehearse as play_through
    from estim.safety.errors import UsageError

    home = _home(given)
    if given.device_model not in MODELS:
        raise UsageError(f"--device-model {given.device_model!r}: one of {', '.join(MODELS)}")
    protocol, said = _said(given, home, simulated=True)
    preflight(protocol, said, Address(given.device_model, "", True))
    moment = datetime.datetime.now(datetime.UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    folder = home.records(simulated=True) / f"{moment}-{given.patient}"
    with contextlib.ExitStack() as stack:
        pulses = stack.enter_context(open(given.pulses, "w", encoding="ascii")) if given.pulses else None
        done = play_through(
            Plan(
                source=given.protocol,
                setup=said.setup,
                levels_ua=said.levels_ua,
                motor_ua=said.motor_ua,
                model=given.device_model,
                seed=given.seed,
                limits=limits_in_force(home),
                folder=folder,
                own=home.protocols,
                pulses=pulses,
            )
        )
    report = done.report
    if report["record"]:
        verdict = verify_session(folder)
        report["record_verified"] = verdict.ok
        report["record_reason"] = verdict.reason
    report["problems"] += [note.to_json() for note in said.notes]
    if given.json:
        print_json(report)
    else:
        _print_report(report)
    bad = report["outcome"] == "refused" or not report["record_verified"]
    codes = {"fault": EXIT_DEVICE, "uncertain": 4}
    return EXIT_REFUSED if bad else codes.get(report["outcome"], 0)


def _print_report(report: dict[str, Any]) -> None:
    print(f"{report['protocol']}: {report['outcome']}, {report['contractions']} contractions" + (
        " (simulated)" if report["simulated"] else ""
    ))  # fmt: skip
    for row in report["channels"]:
        print(
            f"  {row['name']}: {row['pulses']} pulses, {row['charge_uc']:.3f} µC of first phases, "
            f"peak {row['peak_ma']:g} mA, {row['on_s']:.1f} s on ({row['basis']})"
        )
    for problem in [*report["bends"], *report["problems"]]:
        print(f"  {problem['severity']}: {problem['key']}: {problem['message']}")
    if report["record"]:
        print(f"  record {report['record']}: {'verified' if report['record_verified'] else 'NOT VERIFIED'}")
        if report.get("word_head"):
            print(f"  head: {report['word_head']}")
    print(f"  {report['simulated_s']:.0f} s of session in {report['wall_s']:.2f} s")


# -- protocols, limits, devices, records
# --------------------------------------------------------------------------------


def protocols_list(given: argparse.Namespace) -> int:
    """All protocols."""
    from estim.protocols import library
    from estim.protocols.loader import load

    home = _home(given)
    files = [(name, library.path(name)) for name in library.names()]
    files += [(file.stem, file) for file in sorted(home.protocols.glob("*.toml"))]
    rows = []
    for name, path in files:
        protocol = load(path)
        rows.append(
            {
                "id": name,
                "title": protocol.title,
                "goal": protocol.goal,
                "conditions": list(protocol.conditions),
                "basis": protocol.basis,
                "channels": len(protocol.channel),
                "runnable": protocol.runnable,
            }
        )
    if given.json:
        print_json({"protocols": rows})
        return 0
    for row in rows:
        print(f"{row['id']:44} {row['goal']:13} {row['basis']:15} {row['title']}")
    return 0


def protocols_show(given: argparse.Namespace) -> int:
    """One protocol."""
    from estim.controller.loading import find
    from estim.protocols.loader import load

    path = find(given.protocol, own=_home(given).protocols)
    protocol = load(path)
    if given.json:
        print_json(protocol.model_dump(mode="json", by_alias=True, exclude_none=True))
    else:
        print(path.read_text(encoding="utf-8"), end="")
    return 0


def protocols_check(given: argparse.Namespace) -> int:
    """Every violation in these files."""
    from estim.controller.checking import check_file
    from estim.controller.site import limits_in_force
    from estim.drivers.models import MODELS
    from estim.safety.errors import UsageError

    if given.device_model not in MODELS:
        raise UsageError(f"--device-model {given.device_model!r}: one of {', '.join(MODELS)}")
    limits = limits_in_force(_home(given))
    files = [check_file(Path(name), limits, model=given.device_model) for name in given.files]
    ok = all(entry["ok"] for entry in files)
    if given.json:
        print_json({"ok": ok, "files": files})
    else:
        for entry in files:
            print(
                f"{entry['file']}: {'ok' if entry['ok'] else 'REFUSED'}{'' if entry['runnable'] else ' (not runnable)'}"
            )
            for problem in entry["problems"]:
                line = f"line {problem['line']}: " if problem["line"] else ""
                tail = " ".join(part for part in (problem["rule"], f"[{problem['layer']}]", problem["source"]) if part)
                print(f"  {problem['severity']}: {line}{problem['key']}: {problem['message']} ({tail})")
    return 0 if ok else EXIT_REFUSED


def protocols_schema(given: argparse.Namespace) -> int:  # noqa: ARG001
    """The JSON Schema."""
    from estim.protocols.schema import json_schema

    print_json(json_schema())
    return 0


def limits(given: argparse.Namespace) -> int:
    """The table in force."""
    from estim.controller.site import limits_in_force

    table = limits_in_force(_home(given), site_file=Path(given.site) if given.site else None)
    rows = table.to_json()
    if given.json:
        print_json({"limits": rows})
        return 0
    print(f"{'rule':6}{'quantity':44}{'in force':>12} {'unit':8}{'absolute':>10}  {'layer':9}{'mark':11} source")
    for row in rows:
        word = "≤" if row["sense"] == "max" else "≥"
        print(
            f"{row['rule']:6}{row['quantity']:44}{word}{row['in_force'] / row['scale']:>11g} {row['unit']:8}"
            f"{row['absolute'] / row['scale']:>10g}  {row['layer']:9}{row['mark']:11} {row['source']}"
        )
    return 0


def devices(given: argparse.Namespace) -> int:
    """Ports, and what could be there."""
    from estim.drivers.discovery import list_devices

    rows = list_devices(probe=given.probe)
    if given.json:
        print_json({"devices": rows})
    elif not rows:
        print("no serial port; sim://p24 is always there")
    else:
        for row in rows:
            print("  ".join(str(value) for value in row.values() if value))
    return 0


def records_list(given: argparse.Namespace) -> int:
    """All sessions of this home."""
    from estim.records.verify import verify_home

    rows = [verdict.to_json() for verdict in verify_home(_home(given).root)]
    if given.json:
        print_json({"sessions": rows})
    else:
        for row in rows:
            print(
                f"{'ok ' if row['ok'] else 'BAD'} {row['ending']:10} {row['outcome']:10} {row['records']:6} "
                f"{row['path']}"
            )
    return 0


def records_show(given: argparse.Namespace) -> int:
    """One session's lines."""
    from estim.records.segment import segments
    from estim.safety.errors import RecordError

    found = segments(Path(given.path))
    if not found:
        raise RecordError(f"{given.path}: there is no record.jsonl")
    entries = [json.loads(line) for path in found for line in path.read_bytes().splitlines() if line.endswith(b"}")]
    if given.json:
        print_json({"path": given.path, "lines": entries})
    else:
        for entry in entries:
            said = json.dumps(entry["fields"], ensure_ascii=False)
            print(f"{entry['n']:6} {entry['t_us'] / 1e6:10.3f} s {entry['kind']:12} {said[:160]}")
    return 0


def records_verify(given: argparse.Namespace) -> int:
    """0 only for records that were closed in order or honestly taken over."""
    import hashlib

    from estim.records.keys import known_keys
    from estim.records.verify import verify_folder, verify_home

    home = _home(given)
    keys = {hashlib.sha256(bytes.fromhex(key)).hexdigest()[:16]: key for key in given.key} or known_keys(home.root)
    if given.path:
        verdicts = [verdict for path in given.path for verdict in verify_folder(Path(path), keys=keys)]
    else:
        verdicts = verify_home(home.root)
    ok = bool(verdicts) and all(verdict.ok for verdict in verdicts)
    if given.json:
        print_json({"ok": ok, "sessions": [verdict.to_json() for verdict in verdicts]})
    else:
        for verdict in verdicts:
            bad = "" if verdict.first_bad is None else f", first bad record {verdict.first_bad}"
            state = "verified" if verdict.ok else "NOT VERIFIED"
            reason = f": {verdict.reason}" if verdict.reason else ""
            print(f"{verdict.path}: {state}, {verdict.records} records, {verdict.ending}{bad}{reason}")
        if not verdicts:
            print("no record found")
    return 0 if ok else EXIT_REFUSED


COMMANDS = {
    "console": console,
    "run": run,
    "rehearse": rehearse,
    "protocols_list": protocols_list,
    "protocols_show": protocols_show,
    "protocols_check": protocols_check,
    "protocols_schema": protocols_schema,
    "limits": limits,
    "devices": devices,
    "records_list": records_list,
    "records_show": records_show,
    "records_verify": records_verify,
}

if __name__ == "__main__":
    sys.exit(main())
