"""What several tests need: the sample protocol, a setup for it, and one rehearsal."""

from __future__ import annotations

import os
import time
from functools import cache
from pathlib import Path

import pytest

from estim.console.draft import Stage
from estim.desk.setup_from import SetupWords, setup_from
from estim.protocols import library
from estim.protocols.loader import load
from estim.protocols.schema import Protocol
from estim.records.writer import RecordWriter
from estim.rehearsal import RehearsalPlan
from estim.rehearsal.world import World
from estim.safety.limits import ABSOLUTE, DEFAULT
from firmware_sim.devices.interface import Pulse

DATA = Path(__file__).parent / "data"
SHORT = DATA / "short.toml"
LIMITS = ABSOLUTE & DEFAULT
PLACE_OF = {stage: f"{n}/{len(Stage)}" for n, stage in enumerate(Stage, start=1)}  # as a stage's title begins
CRANK = """\
[phase.trigger]
source = "crank"
max_on_s = 2
cadence_rpm = 20
[[phase.channel]]
name = "quadriceps"
crank_deg = [300, 30]
"""
TRIAL = """schema = 1
id = "short"
title = "Active against sham"
blocks = [2, 4]
per_stratum = 10
sessions = 1
[strata]
site = ["a", "b"]
[[arm]]
id = "active"
protocol = "{folder}/{active}.toml"
[[arm]]
id = "sham"
protocol = "{folder}/{sham}.toml"
sham = "sub-threshold"
[reported]
who = "physiotherapists"
"""


@cache
def protocols() -> dict[str, Protocol]:
    """The library, read once in a process (half a second of each worker); nobody can change a protocol."""
    return {name: load(library.path(name)) for name in library.names()}


def runnable() -> list[str]:
    """Names of the protocols that can be played."""
    return [name for name, protocol in protocols().items() if protocol.runnable]


def sample(text_from: str = "", text_to: str = "") -> str:
    """The sample protocol's text, with one thing changed."""
    text = SHORT.read_text(encoding="utf-8")
    if text_from and text_from not in text:
        raise ValueError(f"{text_from!r} is not in the sample")
    return text.replace(text_from, text_to)


def crank_sample(duration_s: int) -> str:
    """The sample protocol's text, played where a crank at 20 turns a minute stands between 300° and 30°."""
    text = sample("on_s = 2\noff_s = 2\n").replace('mode = "timed"', 'mode = "triggered"')
    text = text.replace("ramp_up_s = 0.5\nramp_down_s = 0.3\n", "ramp_up_s = 0.2\nramp_down_s = 0.1\n")
    return text.replace("contractions = 3\n", f"duration_s = {duration_s}\n{CRANK}")


def plan(source: str | Path = SHORT, *, level_ma: float = 10, name: str = "quadriceps", seed: int = 0) -> RehearsalPlan:
    """A rehearsal of a one-channel protocol."""
    from estim.protocols.catalogue import find

    protocol = load(find(str(source)))
    said = setup_from(protocol, SetupWords(patient="test", levels=(f"{name}={level_ma}",)), simulated=True)
    return RehearsalPlan(
        source=str(source),
        setup=said.setup,
        levels_ua=said.levels_ua,
        motor_ua=said.motor_ua,
        limits=LIMITS,
        seed=seed,
    )


def settle(writer: RecordWriter) -> None:
    """Until the disk has taken every line, or failed."""
    until = time.monotonic() + 60
    while writer.poll(0).oldest_pending_since_us is not None and writer.poll(0).failed is None:
        if time.monotonic() > until:
            raise TimeoutError("the disk takes nothing")
        writer._ended.wait(0.001)


def trial_text(folder: Path, *, active: str, sham: str) -> str:
    """A trial of two arms and two sites: the names of both arms' protocols in `folder`."""
    return TRIAL.format(folder=folder.as_posix(), active=active, sham=sham)


def put_between(page: Path, begin: str, end: str, made: str) -> None:
    """Write what a command made between its two marks of a page.

    Raises:
        ValueError: the page has not both marks, in this order: nothing is written.
    """
    text = page.read_text(encoding="utf-8")
    before, began, rest = text.partition(begin)
    _, ended, after = rest.partition(end)
    if not began or not ended:
        raise ValueError(f"{page.name} has no {begin!r} … {end!r}")
    page.write_text(f"{before}{begin}\n{made}{end}{after}", encoding="utf-8")


def made_in(world: World) -> dict[tuple[str, int], list[int]]:
    """Play `world`; gives (purpose, channel) → [pulses, charge in pC] of what the simulated output stage made."""
    out: dict[tuple[str, int], list[int]] = {}
    see = world.device.on_pulse

    def spy(pulse: Pulse) -> None:
        sums = out.setdefault((world.purpose, pulse.channel), [0, 0])
        sums[0] += 1
        sums[1] += pulse.phase1_pc
        see(pulse)

    world.device.on_pulse = spy
    world.run()
    return out


def linked(link: Path, target: Path) -> None:
    """A link, which need not lead anywhere. Skips where the system makes none, though it says so (Wine)."""
    link.symlink_to(target)
    if not os.path.lexists(link):
        pytest.skip("this system makes no links")
