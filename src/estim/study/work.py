"""One run, on whatever machine: from its description to its row. No wall time, no host, no path goes into a row."""

from __future__ import annotations

import functools
import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from estim.desk.preflight import preflight
from estim.desk.setup_from import Said, SetupWords, setup_from
from estim.drivers.address import Address
from estim.protocols.catalogue import load_runnable
from estim.rehearsal.campaign import play_world
from estim.rehearsal.plan import RehearsalPlan
from estim.rehearsal.playing import rehearse
from estim.safety.errors import EstimError, Problem
from estim.safety.limits import ABSOLUTE, DEFAULT
from estim.study.plan import Run


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """A run that was done: its row, its record where one was asked for, how long it took."""

    row: dict[str, Any]
    record: bytes
    wall_s: float
    worker: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A run, and which records are wanted: all | broken | none."""

    run: Run
    records: str


def do(work: Work) -> Done:
    """Play it. What a limit or a device forbids is a row as well."""
    run, began = work.run, time.perf_counter()
    row: dict[str, Any] = {
        "run": run.number, "kind": run.kind, "protocol": run.source.name, "patient_profile": run.patient_profile,
        "level_ma": dict(run.levels_ma), "device_model": run.device_model, "seed": run.seed,
    }  # fmt: skip
    if run.motor_ma:
        row["motor_ma"] = dict(run.motor_ma)
    record = b""
    try:
        plan = _plan(run)
        more, record = _world(plan, run.seed) if run.kind == "world" else _session(plan)
    except EstimError as error:
        problems = getattr(error, "problems", ()) or [
            Problem(severity="refuse", key="", message=str(error), rule="refused")
        ]
        more = {"outcome": "refused", "problems": [problem.to_json() for problem in problems]}
    keep = work.records == "all" or (work.records == "broken" and _broken(more))
    return Done(row=row | more, record=record if keep else b"", wall_s=time.perf_counter() - began, worker=os.getpid())


def _broken(more: dict[str, Any]) -> bool:
    return bool(more.get("broken")) or more["outcome"] in {"fault", "uncertain"}


def _plan(run: Run) -> RehearsalPlan:
    source = run.source.name if not run.source.text else _written(run)
    words = SetupWords(
        patient="study",
        levels=tuple(f"{name}={value}" for name, value in run.levels_ma),
        motor=tuple(f"{name}={value}" for name, value in run.motor_ma),
        side=run.side,
        week=run.week,
        session=run.session,
    )
    said = _said(source, run.source.sha256, words, run.device_model)
    return RehearsalPlan(
        source=source, setup=said.setup, levels_ua=dict(said.levels_ua), motor_ua=dict(said.motor_ua),
        model=run.device_model, seed=run.seed, limits=ABSOLUTE & DEFAULT, patient_profile=run.patient_profile,
        notes=said.notes,
    )  # fmt: skip


@functools.lru_cache(maxsize=256)
def _said(source: str, _sha256: str, words: SetupWords, model: str) -> Said:
    """What is the same for all seeds; worked out once in each worker."""
    protocol, _ = load_runnable(source)
    named: Said = setup_from(protocol, words, simulated=True)
    return preflight(protocol, named, Address(model=model, url="", simulated=True))


def _written(run: Run) -> str:
    """The study's own protocol as a file of this machine."""
    folder = Path(tempfile.gettempdir()) / f"estim-study-{os.getuid() if hasattr(os, 'getuid') else 'here'}"
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / f"{run.source.sha256[:24]}.toml"
    if not path.exists() or path.read_text("utf-8") != run.source.text:
        half = path.with_suffix(f".{os.getpid()}")
        half.write_text(run.source.text, "utf-8", newline="\n")
        half.replace(path)
    return str(path)


def _session(plan: RehearsalPlan) -> tuple[dict[str, Any], bytes]:
    done = rehearse(plan)
    said = done.report
    kept = ("outcome", "contractions", "channels", "titration", "bends", "problems", "simulated_s", "word_head")
    return {key: said[key] for key in kept} | {"alarms": said.get("alarms", [])}, done.data


def _world(plan: RehearsalPlan, seed: int) -> tuple[dict[str, Any], bytes]:
    verdict = play_world(plan, seed)
    return {
        "outcome": verdict.outcome,
        "broken": dict(sorted(verdict.broken.items())),
        "causes": list(verdict.causes),
        "worst_ms": {cause: after / 1000 for cause, after in sorted(verdict.worst_us.items())},
        "pulses": verdict.pulses,
        "simulated_s": verdict.simulated_us / 1e6,
        "problems": [],
    }, b""
