"""`estim qualify`: does this stimulator, on this bench, do what it is told?"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from estim.cli.output import EXIT_REFUSED, decimal_number, home_of, print_json
from estim.platform.files import put_whole
from estim.safety.errors import quoted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from estim.desk.qualify.steps import BenchPlan, BenchStep


def add_parsers(commands: Any, home: argparse.ArgumentParser) -> None:
    """The actions of `estim qualify`."""
    actions = commands.add_parser("qualify").add_subparsers(dest="action", required=True, metavar="ACTION")
    plan = actions.add_parser("plan", parents=[home], help="the steps to play and capture, as TOML")
    plan.add_argument("--model", required=True, help="the stimulator's model, such as p24")
    plan.add_argument("--device-id", default="", help="its serial number, as `estim devices --probe` tells it")
    plan.add_argument("--firmware", default="", help="its firmware")
    plan.add_argument("--load", type=decimal_number, default=1_000, metavar="OHM", help="the dummy load")
    plan.add_argument(
        "--shunt", type=decimal_number, default=10, metavar="OHM", help="the resistor that is measured across"
    )
    plan.add_argument(
        "--shunt-percent",
        type=decimal_number,
        default=1,
        metavar="PERCENT",
        help="how well that resistor is known: its tolerance, or less once it was measured itself",
    )
    plan.add_argument("--channels", default="1", metavar="1,2", help="which channels")
    plan.add_argument("--operator", default="", help="who measures")
    plan.add_argument("--instrument", default="", help="the oscilloscope")
    plan.add_argument("--full", action="store_true", help="each step of the current up to 20 mA")
    play = actions.add_parser("run", parents=[home], help="step by step: what to clip and set, then judge; can go on")
    play.add_argument("plan", metavar="PLAN", help="the plan's file")
    play.add_argument("folder", metavar="FOLDER", nargs="?", help="captures and readings; default: beside the plan")
    play.add_argument("--device", default="", metavar="ADDRESS", help="sim://MODEL plays and measures by itself")
    play.add_argument("--only", default="", metavar="Q8", help="only steps whose name begins so")
    play.add_argument("--again", action="store_true", help="also steps that were measured already")
    play.add_argument(
        "--fault", action="append", default=[], metavar="FAULT", help="sim:// only: gain=1.2, phase-lost, lead-silent"
    )
    mended = actions.add_parser("repaired", parents=[home], help="a device was repaired or opened: qualify it again")
    mended.add_argument("--model", required=True, help="the stimulator's model, such as p24")
    mended.add_argument("--device-id", required=True, help="its serial number")
    mended.add_argument("--operator", default="", help="who says so")
    read = actions.add_parser("read", parents=[home], help="judge the captures of a plan; keeps the signed result")
    read.add_argument("plan", metavar="PLAN", help="the plan's file")
    read.add_argument("folder", metavar="FOLDER", help="one CSV for each step, named as the step")
    show = actions.add_parser("show", parents=[home], help="what is known of the devices of this home")
    show.add_argument("--model", default="", help="only this model")


def run(given: argparse.Namespace) -> int:
    """One action."""
    from estim.desk.qualify.steps import PlanError
    from estim.desk.qualify.waveform import WaveformError
    from estim.safety.errors import UsageError

    try:
        return {"plan": _plan, "run": _run, "read": _read, "show": _show, "repaired": _repaired}[given.action](given)
    except (PlanError, WaveformError) as error:
        raise UsageError(str(error)) from None


def _plan(given: argparse.Namespace) -> int:
    import tomllib

    from estim.desk.qualify.steps import SHUNT_MOST_PERCENT, BenchPlan, write_plan
    from estim.desk.qualify.whole import whole_plan
    from estim.drivers.models import MODELS
    from estim.safety.errors import UsageError
    from estim.safety.units import is_whole

    if given.model not in MODELS:
        raise UsageError(f"--model {quoted(given.model)}: one of {', '.join(MODELS)}")
    most = MODELS[given.model].profile.channels
    numbers = [int(text) for text in given.channels.split(",") if is_whole(text.strip())]
    if len(set(numbers)) != given.channels.count(",") + 1 or not all(1 <= number <= most for number in numbers):
        allowed = f"numbers from 1 to {most}, each once, separated by commas"
        raise UsageError(f"--channels {quoted(given.channels)}: {allowed}")
    if not (given.load > 0 and given.shunt > 0):
        raise UsageError("--load and --shunt are resistances above 0 ohm")
    if not 0 < given.shunt_percent <= SHUNT_MOST_PERCENT:
        raise UsageError(f"--shunt-percent is a tolerance above 0 and at most {SHUNT_MOST_PERCENT} %")
    plan = BenchPlan(
        model=given.model,
        device_id=given.device_id,
        firmware=given.firmware,
        load_ohm=given.load,
        shunt_ohm=given.shunt,
        shunt_percent=given.shunt_percent,
        instrument=given.instrument,
        instrument_serial="",
        calibrated="",
        operator=given.operator,
        steps=whole_plan(given.model, numbers, full=given.full),
    )
    text = write_plan(plan)
    if given.json:
        print_json(tomllib.loads(text))
    else:
        print(text, end="")
    return 0


def _read(given: argparse.Namespace) -> int:
    from dataclasses import replace

    from estim.desk.qualify.steps import read_plan
    from estim.desk.qualify.waveform import simulated_in
    from estim.records.qualification import SIMULATED

    plan = read_plan(Path(given.plan))
    name = simulated_in(Path(given.folder))
    if name and not plan.device_id.startswith(SIMULATED):
        meant = plan.device_id or f"any {plan.model}"
        print(f"{name} was simulated: kept as {SIMULATED}; nothing is said of {meant}", file=sys.stderr)
        plan = replace(plan, device_id=SIMULATED)
    return _judged(given, plan)


def _judged(given: argparse.Namespace, plan: BenchPlan) -> int:
    """Judge the captures and readings of a folder; keep and sign the result."""
    import datetime

    from estim.desk.qualify.bench import read_bench, words_of
    from estim.records.keys import station_signer
    from estim.records.qualification import as_kept, write

    home, signer = home_of(given), station_signer(home_of(given).root)
    document = read_bench(plan, Path(given.folder), datetime.datetime.now().astimezone().date())
    document = as_kept(home.root, document, public_hex=signer.public_hex)
    path = write(home.root, document, signer, operator=plan.operator)
    page = _page(document, Path(given.folder))
    if given.json:
        print_json({**document, "file": str(path), "report": page})
    else:
        print("\n".join([*words_of(document), "", f"kept and signed: {path}", f"report: {page}" if page else _NO_PDF]))
    return 0 if document["verdict"] == "pass" else EXIT_REFUSED


_NO_PDF = "no PDF: it needs the extra estim[pdf]"


def _page(document: dict[str, Any], folder: Path) -> str:
    """The report as PDF beside the captures; "" without the extra."""
    try:
        from estim.records.qualification_pdf import qualification_pdf
    except ImportError:
        return ""
    path = folder / "qualification.pdf"
    put_whole(path, qualification_pdf(document))
    return str(path)


def _run(given: argparse.Namespace) -> int:
    from estim.desk.qualify.steps import read_plan
    from estim.safety.errors import UsageError

    plan = read_plan(Path(given.plan))
    folder = Path(given.folder) if given.folder else Path(given.plan).with_suffix("")
    if given.fault and not given.device.startswith("sim://"):
        raise UsageError("--fault is for simulated stimulators: --device sim://MODEL")
    folder.mkdir(parents=True, exist_ok=True)
    steps = [step for step in plan.steps if step.id.startswith(given.only)]
    if not steps:
        raise UsageError(f"--only {quoted(given.only)}: no step of {given.plan} begins so")
    if given.device.startswith("sim://"):
        given.folder = str(folder)
        return _judged(given, _simulated(given, plan, steps, folder))
    from estim.cli.qualify_bench import guide
    from estim.desk.qualify.waveform import simulated_in

    if name := simulated_in(folder):
        raise UsageError(f"{folder}: {name} was simulated, and says nothing of a stimulator: name another folder")
    if not guide(plan, steps, folder, given):
        return EXIT_REFUSED
    given.folder = str(folder)
    return _judged(given, plan)


def _simulated(given: argparse.Namespace, plan: BenchPlan, steps: Sequence[BenchStep], folder: Path) -> BenchPlan:
    """Played in simulated time. What it finds is the simulated device's, never that of a number that the plan names."""
    from dataclasses import replace

    from estim.records.qualification import SIMULATED
    from estim.rehearsal.bench import simulate

    meant = plan.device_id
    if not meant.startswith(SIMULATED):
        plan = replace(plan, device_id="")
    plan = simulate(plan, steps, folder, given.device, given.fault, _progress)
    print(file=sys.stderr)
    if not plan.device_id.startswith(SIMULATED):  # of a model that tells no number
        plan = replace(plan, device_id=SIMULATED)
    if meant not in {"", plan.device_id}:
        print(f"simulated: kept as {plan.device_id}; nothing is said of {meant}", file=sys.stderr)
    return plan


def _progress(text: str) -> None:
    print(f"\r{text:40}", end="", file=sys.stderr, flush=True)


def _repaired(given: argparse.Namespace) -> int:
    import datetime

    from estim.records.keys import station_signer
    from estim.records.qualification import repaired

    home, today = home_of(given), datetime.datetime.now().astimezone().date()
    path = repaired(home.root, given.model, given.device_id, today, station_signer(home.root), operator=given.operator)
    said = f"{given.model} {given.device_id}: repaired {today}, not qualified until it was measured again"
    if given.json:
        print_json({"ok": True, "text": said, "file": str(path)})
    else:
        print(said)
    return 0


def _show(given: argparse.Namespace) -> int:
    import datetime

    from estim.records.keys import station_signer
    from estim.records.qualification import every

    home = home_of(given)
    today = datetime.datetime.now().astimezone().date()
    found = {
        name: each
        for name, each in every(home.root, public_hex=station_signer(home.root).public_hex).items()
        if name.startswith(given.model)
    }
    if given.json:
        rows = [{"device": name, "words": each.words(today), "refused": each.refusal} for name, each in found.items()]
        print_json({"devices": rows})
        return 0
    for name, each in found.items():
        print(f"{name}: {each.words(today)}" + (f"\n  REFUSED: {each.refusal}" if each.refusal else ""))
    if not found:
        print("no stimulator was qualified here")
    return 0


COMMANDS = {f"qualify_{action}": run for action in ("plan", "run", "read", "show", "repaired")}
