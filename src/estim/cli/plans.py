"""`estim plans`: the plans of care: list, show, check, new."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from estim.cli.output import EXIT_REFUSED, home_of, print_json
from estim.platform.files import make_new, trouble
from estim.safety.errors import quoted


def add_parsers(commands: Any, home: argparse.ArgumentParser) -> None:
    """The actions of `estim plans`."""
    plans = commands.add_parser("plans").add_subparsers(dest="action", required=True, metavar="ACTION")
    plans.add_parser("list", parents=[home], help="the templates and your own plans")
    show = plans.add_parser("show", parents=[home], help="one plan, to read")
    show.add_argument("plan", metavar="ID", help="a template, an own plan, or a file")
    show.add_argument("--toml", action="store_true", help="the file itself")
    check = plans.add_parser("check", parents=[home], help="everything that is wrong with plans or files of exercises")
    check.add_argument("files", nargs="*", metavar="FILE|ID", help="none: the templates and your own")
    new = plans.add_parser("new", parents=[home], help="a plan of your own, from a template")
    new.add_argument("id", metavar="ID", help="small letters, digits and hyphens")
    new.add_argument("--from", dest="template", required=True, metavar="TEMPLATE", help="one of `estim plans list`")
    new.add_argument("--title", default="", help="what people read")


def listed(given: argparse.Namespace) -> int:
    """Templates, then own plans."""
    from estim.care.plan import template, template_names
    from estim.desk.care import find_plan, own_plans
    from estim.safety.errors import ProtocolError

    home = home_of(given)
    rows: list[dict[str, Any]] = []
    for name in template_names():
        rows.append(_row(template(name), own=False))
    broken: list[dict[str, Any]] = []
    for path in own_plans(home):
        try:
            rows.append(_row(find_plan(str(path), home), own=True))
        except ProtocolError as error:
            broken.append({"file": str(path), "problems": [problem.to_json() for problem in error.problems]})
    if given.json:
        print_json({"plans": rows, "broken": broken})
        return 0
    for row in rows:
        print(f"{'*' if row['own'] else ' '} {row['id']:20} {row['phases']} phases  {row['title']}")
    for bad in broken:
        print(f"! {bad['file']}: {bad['problems'][0]['message']} (`estim plans check` says all)")
    return 0


def _row(plan: Any, *, own: bool) -> dict[str, Any]:
    return {
        "id": plan.id,
        "title": plan.title,
        "version": plan.version,
        "conditions": list(plan.conditions),
        "phases": len(plan.phase),
        "own": own,
    }


def show(given: argparse.Namespace) -> int:
    """One plan, to read."""
    from estim.care.plan import template_names, template_text
    from estim.desk.care import find_plan

    home = home_of(given)
    plan = find_plan(given.plan, home)
    if given.json:
        print_json(plan.model_dump(mode="json", by_alias=True, exclude_none=True))
        return 0
    if given.toml:
        own = Path(given.plan) if given.plan.endswith(".toml") else home.root / "plans" / f"{given.plan}.toml"
        text = template_text(given.plan) if given.plan in template_names() else own.read_text(encoding="utf-8")
        print(text, end="")
        return 0
    print(f"{plan.title} ({plan.id} {plan.version}) for {', '.join(plan.conditions)}")
    print(f"Before the first pulse: {', '.join(plan.baseline)}")
    print(f"{plan.visits_per_week} visits a week, a review every {plan.review_every_days} days")
    print(f"At every visit: {'; '.join(plan.ask_every_visit)}")
    for number, phase in enumerate(plan.phase, start=1):
        least = f", at least {phase.min_days} days" if phase.min_days else ""
        print(f"\nPhase {number}, {phase.name}{least}")
        print(f"  Protocols: {', '.join(phase.protocols) or 'none'}")
        print(f"  Exercises: {', '.join(phase.drills) or 'none'}")
        print(f"  At home: {', '.join(plan.home_drills(number - 1)) or 'none'}")
        for gate in phase.gate:
            print(f"  Leave when: {gate.words} [{gate.mark}]")
        if phase.note:
            print(f"  Note: {phase.note}")
    for stop in plan.stop:
        print(f"\nStop when: {stop.words} [{stop.mark}]")
    print(f"\nSources: {'; '.join(plan.sources)}")
    return 0


def check(given: argparse.Namespace) -> int:
    """Every violation, in plans and in files of exercises."""
    from estim.care.plan import template_names
    from estim.desk.care import own_plans

    home = home_of(given)
    files = [_checked(named, home) for named in (() if given.files else template_names())]
    for named in given.files or [str(path) for path in own_plans(home)]:
        files.append(_checked(named, home))
    ok = all(entry["ok"] for entry in files)
    if given.json:
        print_json({"ok": ok, "files": files})
    else:
        for entry in files:
            print(f"{entry['file']}: {'ok' if entry['ok'] else 'REFUSED'}")
            for problem in entry["problems"]:
                line = f"line {problem['line']}: " if problem["line"] else ""
                print(f"  {line}{problem['key']}: {problem['message']} ({problem['rule']})")
        print(f"{len(files)} checked, {sum(not entry['ok'] for entry in files)} refused")
    return 0 if ok else EXIT_REFUSED


def _checked(named: str, home: Any) -> dict[str, Any]:
    from estim.care.document import parse_document
    from estim.care.drills import load_drills
    from estim.care.plan import Plan, references, template_names, template_text
    from estim.desk.care import find_plan, known_protocols
    from estim.safety.errors import ProtocolError

    try:
        path = Path(named)
        if named in template_names():
            known = known_protocols(home)
            parse_document(
                template_text(named).encode(), Plan, further=lambda plain: references(plain, protocols=known)
            )
        elif path.suffix == ".toml" and path.is_file() and b"[[drill]]" in path.read_bytes():
            load_drills(path)
        else:
            find_plan(named, home)
    except ProtocolError as error:
        return _entry(named, list(error.problems))
    return _entry(named, [])


def _entry(file: str, problems: list[Any]) -> dict[str, Any]:
    return {"file": file, "ok": not problems, "problems": [problem.to_json() for problem in problems]}


def new(given: argparse.Namespace) -> int:
    """A plan of one's own; nothing that exists is overwritten."""
    import re

    from estim.care.plan import new_plan, template_names
    from estim.protocols.file_names import is_a_device_on_windows
    from estim.safety.errors import UsageError

    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", given.id) or given.id in template_names():
        raise UsageError(f"id {quoted(given.id)}: small letters, digits and hyphens, and no template's name")
    if is_a_device_on_windows(given.id):
        raise UsageError(f"id {given.id}: Windows keeps this name for a device; take another one")
    if given.template not in template_names():
        raise UsageError(f"--from {quoted(given.template)}: one of {', '.join(template_names())}")
    folder = home_of(given).root / "plans"
    path = folder / f"{given.id}.toml"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        make_new(path, new_plan(given.template, given.id, given.title).encode("utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: {trouble(error)}") from None
    if given.json:
        print_json({"id": given.id, "file": str(path)})
    else:
        print(path)
        print(f"change it, then: estim plans check {given.id}")
    return 0


COMMANDS = {"plans_list": listed, "plans_show": show, "plans_check": check, "plans_new": new}
