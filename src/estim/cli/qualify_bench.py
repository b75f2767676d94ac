"""`estim qualify run`: a person at a bench is guided through the steps."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from estim.desk.qualify import readings
from estim.desk.qualify.protocol import BENCH, protocol_file
from estim.desk.qualify.steps import BenchPlan, BenchStep

SAFE = "no person"


def guide(plan: BenchPlan, steps: Sequence[BenchStep], folder: Path, given: argparse.Namespace) -> bool:
    """Step by step: what to clip and set, then the capture's file or typed readings; False if it was left early.

    What was measured before stays, so that a bench can be left and gone on with.
    """
    typed = readings.load(folder)
    say(f"{plan.model} {plan.device_id}: {len(steps)} steps; captures and readings in {folder}")
    say(f"Before each step: no person on any channel, every pad cable off the bench's people. Type: {SAFE}")
    for number, step in enumerate(steps, start=1):
        done = step.id in typed or (folder / f"{step.id}.csv").exists()
        if done and not given.again:
            continue
        say(f"\n{number} of {len(steps)}  {step.id}: {step.words}")
        _say_how(plan, step, folder, given.device)
        answer = _answer(f"{SAFE}? (q leaves) ")
        while answer not in {SAFE, "q"}:
            answer = _answer(f"type {SAFE!r} once nobody is connected, or q: ")
        if answer == "q" or not _taken(step, folder, typed):
            say("left; the same command goes on from here")
            return False
        readings.save(folder, typed)
    return True


def say(text: str) -> None:
    """A line for the person at the bench, to standard error: standard output holds the result alone."""
    print(text, file=sys.stderr)


def _say_how(plan: BenchPlan, step: BenchStep, folder: Path, device: str) -> None:
    """Channel, load and command."""
    ohm = step.load_ohm or plan.load_ohm
    say(f"  clip: channel {step.channel} alone, {ohm:g} ohm, across the {plan.shunt_ohm:g} ohm; one clip at a time")
    if step.kind == "zero":
        return
    file = protocol_file(step, folder, 1)
    address = device or f"{plan.model}:PORT"
    say(f"  in a second terminal: estim run {file} --device {address} --patient {BENCH}")
    say(f"  raise load1 to {step.amplitude_ma:g} mA there, then press single on the oscilloscope; F12 stops, as ever")


def _taken(step: BenchStep, folder: Path, typed: dict[str, dict[str, readings.Typed]]) -> bool:
    """Its capture is there, or its readings were typed; False to leave."""
    path = folder / f"{step.id}.csv"
    while True:
        if step.kind not in readings.TYPED_ONLY:
            answer = _answer(f"Enter: the capture is saved as {path.name}; t: type readings; s: later; q: leave: ")
            if answer in {"s", "q"}:
                return answer == "s"
            if answer == "" and path.exists():
                return True
            if answer == "":
                say(f"  there is no {path}")
            if answer != "t":
                continue
        found = _readings(step)
        if found is None:
            return False
        typed[step.id] = found
        return True


def _readings(step: BenchStep) -> dict[str, readings.Typed] | None:
    found: dict[str, readings.Typed] = {}
    for question in readings.QUESTIONS[step.kind]:
        while question.key not in found:
            unit = f" [{question.unit}]" if question.unit else " [yes or no]"
            answer = _answer(f"  {question.words}{unit}: ").replace(",", ".").lower()
            if answer == "q":
                return None
            if not question.unit and answer in {"yes", "y", "no", "n"}:
                found[question.key] = answer.startswith("y")
            elif question.unit:
                try:
                    found[question.key] = float(answer)
                except ValueError:
                    print(f"  a number in {question.unit}, or q to leave", file=sys.stderr)
    return found


def _answer(words: str) -> str:
    """A typed line; the end of input leaves."""
    print(words, end="", file=sys.stderr, flush=True)
    line = sys.stdin.readline()
    return line.strip() if line else "q"
