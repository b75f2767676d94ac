"""`estim qualify`: does this stimulator, on this bench, do what it is told?"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from estim.cli.output import EXIT_REFUSED, decimal_number, home_of, print_json


def add(commands: Any, home: argparse.ArgumentParser) -> None:
    """The actions of `estim qualify`."""
    actions = commands.add_parser("qualify", help="acceptance of a stimulator on a dummy load").add_subparsers(
        dest="action", required=True, metavar="ACTION"
    )
    plan = actions.add_parser("plan", parents=[home], help="the steps to play and capture, as TOML")
    plan.add_argument("--model", required=True, help="the stimulator's model, such as p24")
    plan.add_argument("--device-id", default="", help="its serial number, as `estim devices --probe` tells it")
    plan.add_argument("--firmware", default="", help="its firmware")
    plan.add_argument("--load", type=decimal_number, default=1_000, metavar="OHM", help="the dummy load")
    plan.add_argument(
        "--shunt", type=decimal_number, default=10, metavar="OHM", help="the resistor that is measured across"
    )
    plan.add_argument("--channels", default="1", metavar="1,2", help="which channels")
    plan.add_argument("--operator", default="", help="who measures")
    plan.add_argument("--instrument", default="", help="the oscilloscope")
    plan.add_argument("--full", action="store_true", help="each step of the current up to 20 mA")
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
        return {"plan": _plan, "read": _read, "show": _show}[given.action](given)
    except (PlanError, WaveformError) as error:
        raise UsageError(str(error)) from None


def _plan(given: argparse.Namespace) -> int:
    import tomllib

    from estim.desk.qualify.steps import BenchPlan, steps_for, write_plan
    from estim.drivers.models import MODELS
    from estim.safety.errors import UsageError

    if given.model not in MODELS:
        raise UsageError(f"--model {given.model!r}: one of {', '.join(MODELS)}")
    profile = MODELS[given.model].profile
    numbers = [int(text) for text in given.channels.split(",") if text.strip().isascii() and text.strip().isdigit()]
    if len(numbers) != given.channels.count(",") + 1 or not all(1 <= number <= profile.channels for number in numbers):
        raise UsageError(f"--channels {given.channels!r}: numbers from 1 to {profile.channels}, separated by commas")
    if not (given.load > 0 and given.shunt > 0):
        raise UsageError("--load and --shunt are resistances above 0 ohm")
    fixed, step_ua = profile.interphase_fixed_us, profile.amplitude_step_ua
    most = profile.amplitude_max_ua / 1_000
    steps = steps_for(numbers, step_ma=step_ua / 1_000, most_ma=most, fixed_gap_us=fixed, full=given.full)
    steps = [step for step in steps if step.amplitude_ma * 1_000 % step_ua == 0 and _playable(step.width_us, profile)]
    plan = BenchPlan(
        model=given.model,
        device_id=given.device_id,
        firmware=given.firmware,
        load_ohm=given.load,
        shunt_ohm=given.shunt,
        instrument=given.instrument,
        instrument_serial="",
        calibrated="",
        operator=given.operator,
        steps=tuple(steps),
    )
    text = write_plan(plan)
    if given.json:
        print_json(tomllib.loads(text))
    else:
        print(text, end="")
    return 0


def _playable(width_us: int, profile: Any) -> bool:
    return bool(profile.pulse_width_min_us <= width_us <= profile.pulse_width_max_us)


def _read(given: argparse.Namespace) -> int:
    import datetime

    from estim.desk.qualify.bench import read_bench, words_of
    from estim.desk.qualify.steps import read_plan
    from estim.records.keys import station_signer
    from estim.records.qualification import write

    home = home_of(given)
    plan = read_plan(Path(given.plan))
    document = read_bench(plan, Path(given.folder), datetime.datetime.now().astimezone().date())
    path = write(home.root, document, station_signer(home.root), operator=plan.operator)
    if given.json:
        print_json({**document, "file": str(path)})
    else:
        print("\n".join([*words_of(document), "", f"kept and signed: {path}"]))
    return 0 if document["verdict"] == "pass" else EXIT_REFUSED


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


COMMANDS = {f"qualify_{action}": run for action in ("plan", "read", "show")}
