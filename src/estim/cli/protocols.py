"""`protocols …`: find, read, check, draw and write protocol files."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from estim.cli.evidence import evidence
from estim.cli.output import EXIT_REFUSED, columns, explained, fitted, home_of, model_of, print_json, whole_number
from estim.cli.protocol_list import listed
from estim.cli.protocol_table import table
from estim.platform.files import make_new, put_whole, trouble
from estim.safety.errors import quoted

if TYPE_CHECKING:
    from estim.protocols.schema import Protocol
    from estim.safety.schedule import Schedule

GOALS = ("strength", "endurance", "disuse", "re-education", "function", "spasticity", "pain", "circulation")
BESIDE_A_BAR = 24  # columns: " │", "│ ", and a rate and width as "33.33 Hz 1000 µs"
BASES = ("published", "partial", "recalled", "convention", "reference-only")


def add_parsers(protocols: Any, home: argparse.ArgumentParser) -> None:
    """The actions of `estim protocols`."""
    find = protocols.add_parser("list", parents=[home], help="all protocols, or those that are looked for")
    find.add_argument("words", nargs="*", metavar="WORD", help="each begins a word of id, title, indication, muscles …")
    find.add_argument("--condition", default="", help='e.g. stroke, "knee replacement", falls')
    find.add_argument("--muscle", default="", help='e.g. "tibialis anterior", quads, calf')
    find.add_argument("--goal", default="", choices=("", *GOALS), metavar="GOAL", help=", ".join(GOALS))
    find.add_argument("--basis", default="", choices=("", *BASES), metavar="BASIS", help=", ".join(BASES))
    find.add_argument("--channels", metavar="N", help="exactly N, or a range as 1-4")
    find.add_argument("--runnable-on", "--device", dest="runnable_on", metavar="MODEL", help="this device plays it")
    show = protocols.add_parser("show", parents=[home], help="one protocol, to read")
    show.add_argument("protocol", metavar="ID", help="a library name, an own protocol's name, or a file")
    _course(show)
    show.add_argument("--toml", action="store_true", help="the file itself")
    plot = protocols.add_parser("plot", parents=[home], help="one protocol drawn: session, one cycle, one pulse")
    plot.add_argument("protocol", metavar="ID", help="a library name, an own protocol's name, or a file")
    _course(plot)
    plot.add_argument("--cadence", type=whole_number, metavar="N", help="turns of a crank, or steps, a minute")
    plot.add_argument("--svg", metavar="FILE", help="write a drawing instead of printing one")
    plot.add_argument(
        "--width", type=whole_number, metavar="COLUMNS", help="of the drawing; 72, or what the terminal has room for"
    )
    plot.add_argument(
        "--device", "--device-model", dest="device_model", default="p24", metavar="MODEL", help="on whose grid"
    )
    behind = protocols.add_parser("evidence", parents=[home], help="what stands behind each number of one protocol")
    behind.add_argument("protocol", metavar="ID", help="a library or own protocol")
    new = protocols.add_parser("new", parents=[home], help="a new file of your own, to write on")
    new.add_argument("id", metavar="ID", help="small letters, digits and hyphens, e.g. calf-after-cast")
    new.add_argument("--from", dest="based_on", metavar="ID", help="start from this protocol instead of the template")
    new.add_argument("--muscle", metavar="NAME", help="fills region, pads and places from the vocabulary")
    new.add_argument("--title", default="", help="what it is called")
    check = protocols.add_parser("check", parents=[home], help="every violation, for all files or those named")
    check.add_argument("files", nargs="*", metavar="FILE|ID", help="none: the library and your own")
    check.add_argument(
        "--device", "--device-model", dest="device_model", default="p24", metavar="MODEL", help="on whose grid"
    )
    check.add_argument("--cadence", type=whole_number, metavar="N", help="turns of a crank, or steps, a minute")
    table = protocols.add_parser("table", parents=[home], help="protocol × device: exact, rounded, refused")
    table.add_argument("protocols", nargs="*", metavar="ID", help="none: all")
    protocols.add_parser("schema", help="the JSON Schema of a protocol file")


def _course(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--week", type=whole_number, help="as it is played in this week of the course")
    parser.add_argument("--session", type=whole_number, help="as it is played in this session of the course")


def _resolved(given: argparse.Namespace, protocol: Protocol) -> Protocol | None:
    """As played in the week and session that were named; None if neither was."""
    from pydantic import ValidationError

    from estim.protocols.resolve import resolve
    from estim.safety.errors import Problem, SetupError, UsageError

    if given.week is None and given.session is None:
        return None
    week, session = _moment(given)
    if week < 1 or session < 1:
        raise UsageError("--week and --session count from 1")
    try:
        return resolve(protocol, week=week, session=session)
    except ValidationError as error:
        words = "; ".join(entry["msg"] for entry in error.errors())
    except ValueError as error:
        words = str(error)
    raise SetupError([Problem(severity="refuse", key="--week", message=words, asked=week, rule="course")])


def _moment(given: argparse.Namespace) -> tuple[int, int]:
    """Week and session. A week from the second on is not the first session."""
    week = 1 if given.week is None else given.week
    return week, (1 if week == 1 else 2) if given.session is None else given.session


def _load(given: argparse.Namespace) -> tuple[Path, Protocol]:
    from estim.protocols.catalogue import find
    from estim.protocols.loader import load

    path = find(given.protocol, own=home_of(given).protocols)
    return path, load(path)


def show(given: argparse.Namespace) -> int:
    """One protocol, to read."""
    from estim.protocols.describe import describe

    path, protocol = _load(given)
    resolved = _resolved(given, protocol)
    if given.json:
        print_json((resolved or protocol).model_dump(mode="json", by_alias=True, exclude_none=True))
    elif given.toml:
        print(path.read_text(encoding="utf-8"), end="")
    else:
        week, session = _moment(given)
        text = describe(protocol, resolved=resolved, week=week, session=session)
        print("\n".join(map(fitted, text.splitlines())))
    return 0


def plot(given: argparse.Namespace) -> int:
    """One protocol, drawn."""
    from estim.protocols.plot import plot as draw
    from estim.protocols.plot_svg import to_svg
    from estim.safety.errors import UsageError

    _, protocol = _load(given)
    schedule = _compiled(given, protocol)
    room = max(len(channel.name) for channel in schedule.channels) + BESIDE_A_BAR
    fits = max(20, min(72, columns() - room))
    try:
        drawn = draw(schedule, width=fits if given.width is None else given.width)
    except ValueError as error:
        raise UsageError(f"--width: {error}") from None
    if given.svg:
        try:
            put_whole(Path(given.svg), to_svg(schedule).encode("utf-8"))
        except OSError as error:
            raise UsageError(f"--svg {given.svg}: {trouble(error)}") from None
    if given.json:
        print_json({"protocol": protocol.id, "svg": given.svg, "text": drawn})
    elif given.svg:
        print(f"{given.svg}: {protocol.title}")
    else:
        print(drawn, end="")
    return 0


def _compiled(given: argparse.Namespace, protocol: Protocol) -> Schedule:
    """The schedule that is drawn: levels are open, so all heights are shares of them."""
    from estim.desk.checking import compiled_for

    resolved = _resolved(given, protocol) or protocol
    week, session = _moment(given)
    return compiled_for(
        resolved, model_of(given.device_model, "--device"), week=week, session=session, cadence=given.cadence
    )


def new(given: argparse.Namespace) -> int:
    """A new own file; nothing that exists is overwritten."""
    from estim.protocols.authoring import new_protocol
    from estim.protocols.catalogue import entries, find, id_clash
    from estim.protocols.file_names import is_a_device_on_windows
    from estim.safety.errors import Problem, ProtocolError, RecordError, UsageError

    if is_a_device_on_windows(given.id):
        raise UsageError(f"id {given.id}: Windows keeps this name for a device; take another one")
    own = home_of(given).protocols
    for entry in entries(own):
        if given.id in {entry.name, entry.protocol.id if entry.protocol else entry.name}:
            raise ProtocolError([id_clash(given.id, str(entry.path) if entry.own else "a protocol of the library")])
    based_on = find(given.based_on, own=own).read_text(encoding="utf-8") if given.based_on is not None else None
    try:
        text = new_protocol(given.id, title=given.title, based_on=based_on, muscle=given.muscle)
    except ProtocolError as error:
        if any(problem.key == "id" for problem in error.problems):
            raise UsageError(
                f"id {quoted(given.id)}: small letters, digits and hyphens, e.g. calf-after-cast"
            ) from None
        raise
    except ValueError as error:
        key = "--muscle" if given.muscle is not None else "id"
        raise ProtocolError([Problem(severity="refuse", key=key, message=str(error), rule="file")]) from None
    path = own / f"{given.id}.toml"
    try:
        own.mkdir(parents=True, exist_ok=True)
        make_new(path, text.encode("utf-8"))
    except OSError as error:
        raise RecordError(f"{path}: {trouble(error)}") from None
    if given.json:
        print_json({"id": given.id, "file": str(path)})
    else:
        print(path)
        if given.based_on:
            print(f"basis, evidence and sources are those of {given.based_on}: mend them with the numbers")
        print(f"put your numbers in, then: estim protocols check {given.id}")
    return 0


def check(given: argparse.Namespace) -> int:
    """Every violation in these files."""
    from estim.desk.checking import check_file, refused_entry
    from estim.protocols.catalogue import entries, find
    from estim.records.site import limits_in_force
    from estim.safety.errors import ProtocolError

    home = home_of(given)
    model = model_of(given.device_model, "--device")
    limits = limits_in_force(home)
    files = []
    for name in given.files or [str(entry.path) for entry in entries(home.protocols)]:
        try:
            files.append(
                check_file(
                    find(name, own=home.protocols), limits, model=model, own=home.protocols, cadence=given.cadence
                )
            )
        except ProtocolError as error:
            files.append(refused_entry(name, error))
    ok = all(entry["ok"] for entry in files)
    if given.json:
        print_json({"ok": ok, "files": files})
    else:
        for entry in files:
            state = "ok" if entry["ok"] else "REFUSED"
            print(f"{entry['file']}: {state}{'' if entry['runnable'] else ' (not runnable)'}")
            for problem in entry["problems"]:
                line = f"line {problem['line']}: " if problem["line"] else ""
                tail = " ".join(part for part in (problem["rule"], f"[{problem['layer']}]", problem["source"]) if part)
                print(f"  {problem['severity']}: {line}{problem['key']}: {problem['message']} ({tail})")
        runnable, refused = sum(entry["runnable"] for entry in files), sum(not entry["ok"] for entry in files)
        more = explained(each["rule"] for one in files for each in one["problems"] if each["severity"] == "refuse")
        print(f"{len(files)} checked for the {model}: {runnable} runnable, {refused} refused{more}")
    return 0 if ok else EXIT_REFUSED


def schema(given: argparse.Namespace) -> int:  # noqa: ARG001
    """The JSON Schema."""
    from estim.protocols.schema_json import json_schema

    print_json(json_schema())
    return 0


COMMANDS = {
    "protocols_list": listed,
    "protocols_show": show,
    "protocols_plot": plot,
    "protocols_new": new,
    "protocols_check": check,
    "protocols_evidence": evidence,
    "protocols_table": table,
    "protocols_schema": schema,
}
