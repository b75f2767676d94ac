"""`rehearse --worlds N` and `--world`: campaigns of worlds, one world again, and what is left of it when shrunk."""

from __future__ import annotations

import argparse
import sys
import time
from typing import TYPE_CHECKING, Any

from estim.cli.output import EXIT_REFUSED, print_json
from estim.cli.speaking import say

if TYPE_CHECKING:
    from estim.desk.setup_from import Said
    from estim.records.home import Home
    from estim.rehearsal import RehearsalPlan
    from estim.safety.limits import Limits

TELL_EVERY_S = 5.0  # progress into a file; a terminal gets each 25th world


def check_words(given: argparse.Namespace) -> None:
    """Words that would change nothing are refused: who plays faults of a file in worlds has not played them.

    Raises:
        UsageError: they go with worlds and none is asked for, or they are of one session alone.
    """
    from estim.safety.errors import UsageError

    if given.world and given.worlds is not None:
        raise UsageError("--world is one world, --worlds N are many: leave one of them out")
    if (given.shrink or given.only is not None) and not given.world:
        raise UsageError("--shrink and --only are for one world: --world --seed N")
    if not given.world and given.worlds is None:
        if given.around:
            raise UsageError("--around goes with --worlds N or --world")
        if given.jobs is not None:
            raise UsageError("--jobs goes with --worlds N")
        return
    if given.faults is not None:
        raise UsageError("--faults goes with one session; a world draws its own from --seed")
    if given.pulses is not None:
        raise UsageError("--pulses goes with one session; worlds write none")


def worlds(given: argparse.Namespace, said: Said, limits: Limits, home: Home) -> int:
    """Many worlds, or one again."""
    from estim.records.door import flags_of
    from estim.rehearsal import RehearsalPlan

    plan = RehearsalPlan(
        source=given.protocol,
        setup=said.setup,
        levels_ua=said.levels_ua,
        motor_ua=said.motor_ua,
        model=given.device_model,
        limits=limits,
        own=home.protocols,
        patient_profile=given.patient_profile,
        patient_flags=flags_of(home, given.patient),
    )
    if given.shrink or given.only is not None:
        return _one(given, plan)
    return _many(given, plan, 1 if given.world else given.worlds)


def _replay(given: argparse.Namespace) -> str:
    """All that makes the session what it is, so that the line plays the same world; `{seed}` stands in it."""
    from estim.platform.extras import for_a_shell

    words = ["estim", "rehearse", given.protocol]
    for name in ("level", "motor", "pad", "region", "measure"):
        words += [part for word in getattr(given, name) for part in (f"--{name}", word)]
    for name in ("side", "week", "session", "cadence", "patient", "patient-profile", "home"):
        word = getattr(given, name.replace("-", "_"))
        if word not in (None, "") and (name, word) != ("patient", "rehearsal"):
            words += [f"--{name}", str(word)]
    words += ["--device-model", given.device_model, "--world", *(["--around"] if given.around else [])]
    return " ".join(map(for_a_shell, words)).replace("{", "{{").replace("}", "}}") + " --seed {seed}"


def _many(given: argparse.Namespace, plan: RehearsalPlan, count: int) -> int:
    from estim.rehearsal.campaign import campaign

    began = told = time.monotonic()

    def progress(done: int, broken: int) -> None:
        nonlocal told
        if given.json or (sys.stderr.isatty() and done % 25) or (not sys.stderr.isatty() and _soon(told)):
            return
        told = time.monotonic()
        pace = (told - began) / done
        text = f"{done} of {count} worlds, {broken} broken, {pace * (count - done):.0f} s to go"
        print(f"\r{text}" if sys.stderr.isatty() else text, end="" if sys.stderr.isatty() else "\n", file=sys.stderr)

    report = campaign(
        plan, worlds=count, first_seed=given.seed, jobs=given.jobs or 1, replay=_replay(given), around=given.around,
        progress=progress,
    )  # fmt: skip
    if given.json:
        print_json(report)
    else:
        _print(report, plan.model)
    untried = not report["pulses"] and set(report["outcomes"]) == {"refused"}
    if untried:
        say(f"each of {count} worlds was refused before its first pulse: nothing was put to the test")
    return EXIT_REFUSED if untried or report["broken"] or report["lost"] else 0


def _soon(told: float) -> bool:
    return time.monotonic() - told < TELL_EVERY_S


def _print(report: dict[str, Any], model: str) -> None:
    ratio = report["simulated_s"] / max(report["wall_s"], 1e-9)
    print(
        f"{model}: {report['worlds']} worlds from seed {report['first_seed']}, {report['simulated_s'] / 3600:.1f} h"
        f" simulated in {report['wall_s']:.1f} s ({ratio:.0f} times real time), {report['pulses']} pulses"
    )
    print("  outcomes: " + ", ".join(f"{outcome} {number}" for outcome, number in report["outcomes"].items()))
    print("  runs ended: " + ", ".join(f"{cause} {number}" for cause, number in report["endings"].items()))
    print("  longest output after its cause, in ms:")
    print("    " + ", ".join(f"{cause} {after:g}" for cause, after in report["worst_ms"].items()))
    if damaged := report["pulses_of_damaged_bytes"]:
        print(f"  pulses that the device made out of damaged bytes: {damaged} (SAFETY.md, H55)")
    print(f"  broken: {len({entry['seed'] for entry in report['broken']})} worlds")
    for entry in report["broken"]:
        print(f"  BROKEN {entry['invariant']}: {entry['text']}\n    {entry['replay']}")

    for entry in report["lost"]:
        print(f"  LOST: {entry['reason']}\n    {entry['replay']}")


def _one(given: argparse.Namespace, plan: RehearsalPlan) -> int:
    """One world, some of it, or what is left when everything that is not needed is left out."""
    from estim.rehearsal.campaign import Story, play_story, shrink

    story = Story.from_seed(given.seed, around=given.around)
    if given.only is not None:
        story = story.only(tuple(part for part in given.only.split(",") if part))
    parts, verdict = shrink(plan, story) if given.shrink else (story.parts, play_story(plan, story))
    left = story.only(parts)
    replay = f"{_replay(given).format(seed=given.seed)} --only {_named(given, parts)}"
    if given.json:
        print_json({"seed": given.seed, "parts": list(parts), "told": left.told(), "broken": verdict.broken,
                    "outcome": verdict.outcome, "replay": replay})  # fmt: skip
    else:
        print("\n".join(left.told()))
        for name, text in verdict.broken.items():
            print(f"BROKEN {name}: {text}")
        print(replay if verdict.broken else f"nothing is broken in world {given.seed}")
    return EXIT_REFUSED if verdict.broken else 0


def _named(given: argparse.Namespace, parts: tuple[str, ...]) -> str:
    """The parts by the names that the whole world gives them; a world that was cut already has names of its own."""
    from estim.rehearsal.campaign import MOODS

    if given.only is None:
        return ",".join(parts) or '""'
    whole = [part for part in given.only.split(",") if part]
    numbered = {kind: [part for part in whole if part.startswith(kind)] for kind in "fw"}
    names = [part if part in MOODS else numbered[part[0]][int(part[1:])] for part in parts]
    return ",".join(names) or '""'
