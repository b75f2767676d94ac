"""A whole qualification: each step's capture found, read and judged, and the document that is signed."""

from __future__ import annotations

import datetime
import hashlib
from dataclasses import asdict
from pathlib import Path
from typing import Any

from estim.desk.qualify import readings
from estim.desk.qualify.judge import Figure, Judged, judge
from estim.desk.qualify.steps import BenchPlan, BenchStep
from estim.desk.qualify.waveform import WaveformError, pulses, read
from estim.desk.qualify.whole import left_out
from estim.records.qualification import figure_words, refused_words, steps_words, unplanned

VALID_DAYS = 365  # judgement; also ends with another firmware
_SAID = (
    *("model", "device_id", "firmware", "operator", "instrument", "instrument_serial", "calibrated"),
    *("load_ohm", "shunt_ohm", "shunt_percent"),
)


def read_bench(plan: BenchPlan, folder: Path, today: datetime.date) -> dict[str, Any]:
    """What the captures in `folder` say about every step of the plan.

    Raises:
        WaveformError: the folder can't be read. PlanError: a model or channel that there is none of.
    """
    if not folder.is_dir():
        raise WaveformError(f"{folder} is no folder of captures")
    figures: list[Figure] = []
    problems: list[str] = []
    files: dict[str, str] = {}
    over = 0.0
    stops: list[float] = []
    typed = readings.load(folder)
    if typed:
        files[readings.FILE] = hashlib.sha256((folder / readings.FILE).read_bytes()).hexdigest()
    done: list[str] = []
    for step in plan.steps:
        path = folder / f"{step.id}.csv"
        try:
            judged = _judged(step, path, plan, typed.get(step.id, {}))
        except WaveformError as error:
            problems.append(f"{step.id}: {error}")
            continue
        if path.exists():
            files[path.name] = hashlib.sha256(path.read_bytes()).hexdigest()
        figures += judged.figures
        done.append(step.id)
        over = max(over, judged.over)
        stops += [judged.stop_ms] if judged.stop_ms is not None else []
    whole, missing = left_out(plan, done)
    return {
        "schema": 1,
        **{name: getattr(plan, name) for name in _SAID},
        "taken": today.isoformat(),
        "until": (today + datetime.timedelta(days=VALID_DAYS)).isoformat(),
        "verdict": _verdict(figures, problems),
        "over": over,
        "stop_ms": max(stops) if stops else None,
        "steps": {"judged": len(done), "whole": whole, "missing": missing},
        "figures": [asdict(figure) for figure in figures],
        "problems": problems,
        "files": files,
    }


def _verdict(figures: list[Figure], problems: list[str]) -> str:
    verdicts = {figure.verdict for figure in figures}
    if "fail" in verdicts:
        return "fail"
    return "undecided" if problems or not figures or "undecided" in verdicts else "pass"


def _judged(step: BenchStep, path: Path, plan: BenchPlan, typed: readings.Answers) -> Judged:
    if typed:
        if lacking := readings.missing(step, typed):
            raise WaveformError(f"{readings.FILE} has no {', '.join(lacking)}")
        return readings.judge_readings(step, typed)
    if step.kind in readings.TYPED_ONLY:
        raise WaveformError("nobody said what was seen")
    if not path.exists():
        raise WaveformError(f"no capture {path.name}, and no reading was typed")
    capture = read(path, shunt_ohm=plan.shunt_ohm, shunt_percent=plan.shunt_percent)
    for name, wanted in (("step", step.id.rpartition("-ch")[0]), ("channel", str(step.channel))):
        said = capture.meta.get(name, "")
        if said and said != wanted:
            raise WaveformError(f"{path}: its head says {name} {said}, this step is {name} {wanted}")
    return judge(step, capture, pulses(capture, path, rising=step.kind == "ramp"))


def words_of(document: dict[str, Any]) -> list[str]:
    """The report as lines of text."""
    d = {name: document[name] or "-" for name in _SAID}
    lines = [
        f"Qualification of {d['model']}, id {d['device_id']}, firmware {d['firmware']}",
        f"{document['taken']}, by {d['operator']}; {d['instrument']}, serial {d['instrument_serial']}, calibrated"
        f" {d['calibrated']}; load {document['load_ohm']:g} ohm, shunt {document['shunt_ohm']:g} ohm ±"
        f"{document['shunt_percent']:g} %",
        f"VERDICT: {document['verdict'].upper()}{steps_words(document)}, worst over-delivery "
        f"+{document['over']:.1%}, valid until {document['until']}",
        *refused_words(document),
        "No statement of conformity with a norm. A limit is kept only with the uncertainty added.",
        "",
        f"{'step':20} {'figure':14} {'asked':>11} {'measured':>13} {'±':>8} {'limit':>14}  verdict",
    ]
    lines += [
        f"{f['step']:20} {f['name']:14} {figure_words(f['asked'], f['unit']):>11} "
        f"{figure_words(f['measured'], f['unit']):>13} {figure_words(f['uncertainty'], digits=2):>8} "
        f"{f['limit'] + ' ' + f['unit']:>14}  {f['verdict']}"
        for f in document["figures"]
    ]
    lines += [f"not judged: {problem}" for problem in document["problems"]]
    return [*lines, *unplanned(document)]
