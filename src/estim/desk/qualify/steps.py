"""The steps of a qualification: what is set on the bench, and what is judged in it. A plan is a TOML file of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from estim.drivers.models import MODELS
from estim.protocols.lines import basic_string
from estim.protocols.loader import decoded, read_file, read_toml
from estim.safety.errors import ProtocolError, quoted

AMPLITUDES_MA = (2, 4, 10, 20, 50, 80, 100)
WIDTHS_US = (50, 100, 250, 400, 500)
RATES_HZ = (20, 35, 50, 100)
FULL_TO_MA = 20
RAMP_MA, RAMP_S, RAMP_HOLD_S = 40.0, 2.0, 4.0
OPEN_MA = (5.0, 10.0, 14.0, 16.0, 20.0, 50.0)
PULL_WITHIN_S = 4.0  # a lead or a cable is pulled while it plays: in a second nobody does
COMPLIANCE_MA, COMPLIANCE_OHM = (50.0, 100.0), (1_000.0, 2_000.0, 3_300.0)
SHUNT_MOST_PERCENT = 5  # beyond it no limit of a qualification could be kept
KINDS = (
    "zero", "amplitude", "width", "rate", "balance", "together", "ramp", "open-lead", "compliance", "stop", "restart",
)  # fmt: skip


OHM_MAX, STEP_MAX, TEXT_MAX = 1_000_000, 100_000, 200
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+-]{0,59}")


class PlanError(Exception):
    """A plan that can't be used: key, value and what is allowed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchStep:
    """One capture.

    Attributes:
        id: `Q2-20mA-ch1`, also the name of its CSV.
        kind: what is judged.
        ramp_s: from 0 to the current. step_ma: of the device. load_ohm: where it is not the plan's; 0: it is. noted:
            what is seen is kept, and fails nothing. jitter_us: how far a period may lie off.
    """

    id: str
    kind: str
    channel: int
    amplitude_ma: float = 0.0
    width_us: int = 250
    gap_us: int = 100
    rate_hz: float = 40.0
    seconds: float = 1.0
    ramp_s: float = 1.0
    step_ma: float = 0.5
    load_ohm: float = 0.0
    noted: bool = False
    jitter_us: float = 100.0

    @property
    def words(self) -> str:
        """What to do."""
        if self.kind == "zero":
            return f"channel {self.channel}: armed at 0 mA, {self.seconds:g} s"
        more = {
            "together": "; then the same on the channels beside it, all at once",
            "ramp": f"; the whole way from 0 in {self.ramp_s:g} s, and down",
            "open-lead": "; pull one lead of the load while it plays",
            "compliance": f"; into {self.load_ohm:g} ohm",
            "restart": "; pull the cable and put it back; then switch the device off and on",
        }.get(self.kind, "")
        stop = "; then the stop key, marker or count of pulses beyond it" if self.kind == "stop" else ""
        return (
            f"channel {self.channel}: {self.amplitude_ma:g} mA, {self.width_us} µs, {self.rate_hz:g} Hz, gap "
            f"{self.gap_us} µs, {self.seconds:g} s{more}{stop}"
        )


def steps_for(
    channels: Iterable[int],
    *,
    step_ma: float,
    most_ma: float,
    fixed_gap_us: int | None,
    full: bool,
    lead_off_ma: float | None = None,
) -> list[BenchStep]:
    """All steps for these channels of a device with this grid."""
    found: list[BenchStep] = []
    gaps = (0, 100) if fixed_gap_us is None else (fixed_gap_us,)
    amplitudes = [float(ma) for ma in AMPLITUDES_MA if ma <= most_ma]
    if full:
        count = round(FULL_TO_MA / step_ma)
        amplitudes = sorted({*amplitudes, *(number * step_ma for number in range(1, count + 1))})
    for channel in channels:

        def add(name: str, kind: str, channel: int = channel, **values: object) -> None:
            found.append(BenchStep(id=f"{name}-ch{channel}", kind=kind, channel=channel, **values))  # type: ignore[arg-type]

        add("Q1-zero", "zero", seconds=10.0)
        for ma in amplitudes:
            add(f"Q2-{ma:g}mA", "amplitude", amplitude_ma=float(ma), gap_us=gaps[-1])
        for us in WIDTHS_US:
            for gap in gaps:
                add(f"Q3-{us}us-gap{gap}", "width", amplitude_ma=20.0, width_us=us, gap_us=gap)
        for hz in RATES_HZ:
            add(f"Q4-{hz:g}Hz", "rate", amplitude_ma=20.0, rate_hz=float(hz), seconds=10.0, gap_us=gaps[-1])
        for ma in (20.0, 80.0):
            add(f"Q5-{ma:g}mA", "balance", amplitude_ma=ma, seconds=10.0, gap_us=gaps[-1])
        _more(add, step_ma=step_ma, most_ma=most_ma, gap_us=gaps[-1], lead_off_ma=lead_off_ma)
        add("Q10-stop", "stop", amplitude_ma=20.0, rate_hz=100.0, gap_us=gaps[-1])
        add("Q11-restart", "restart", amplitude_ma=20.0, gap_us=gaps[-1], seconds=PULL_WITHIN_S)
    return found


def _more(add: Callable[..., None], *, step_ma: float, most_ma: float, gap_us: int, lead_off_ma: float | None) -> None:
    """What needs a hand on the bench, or more than one channel."""
    add("Q6-together", "together", amplitude_ma=20.0, gap_us=gap_us)
    ramp = {"amplitude_ma": RAMP_MA, "seconds": RAMP_HOLD_S, "ramp_s": RAMP_S, "step_ma": step_ma}
    add("Q7-ramp", "ramp", gap_us=gap_us, **ramp)
    for ma in OPEN_MA:
        if ma * 1_000 % round(step_ma * 1_000) == 0:
            noted = lead_off_ma is None or ma < lead_off_ma
            add(f"Q8-open-{ma:g}mA", "open-lead", amplitude_ma=ma, gap_us=gap_us, seconds=PULL_WITHIN_S, noted=noted)
    for ma in (ma for ma in COMPLIANCE_MA if ma <= most_ma):
        for ohm in COMPLIANCE_OHM:
            add(f"Q9-{ma:g}mA-{ohm:g}ohm", "compliance", amplitude_ma=ma, load_ohm=ohm, gap_us=gap_us)


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchPlan:
    """What is qualified, with what, by whom.

    Attributes:
        shunt_percent: how well the resistor is known that is measured across: its tolerance, or what measured it.
    """

    model: str
    device_id: str
    firmware: str
    load_ohm: float
    shunt_ohm: float
    instrument: str
    instrument_serial: str
    calibrated: str
    operator: str
    steps: tuple[BenchStep, ...]
    shunt_percent: float = 1.0


_HEAD = ("model", "device_id", "firmware", "instrument", "instrument_serial", "calibrated", "operator")


def write_plan(plan: BenchPlan) -> str:
    """The plan as TOML."""
    lines = [
        "# estim qualify: a dummy load on every channel, no person on any. Fill in what is empty, capture each",
        "# step into a folder, then: estim qualify read THIS-FILE FOLDER",
        "schema = 1",
    ]
    lines += [f"{name} = {basic_string(getattr(plan, name))}" for name in _HEAD]
    lines += [f"load_ohm = {plan.load_ohm:g}", f"shunt_ohm = {plan.shunt_ohm:g}"]
    lines += [f"shunt_percent = {plan.shunt_percent:g}"]
    for step in plan.steps:
        lines += ["", f"# {step.words}; as {step.id}.csv", "[[step]]"]
        lines += [f'id = "{step.id}"', f'kind = "{step.kind}"', f"channel = {step.channel}"]
        lines += [f"amplitude_ma = {step.amplitude_ma:g}", f"width_us = {step.width_us}", f"gap_us = {step.gap_us}"]
        lines += [f"rate_hz = {step.rate_hz:g}", f"seconds = {step.seconds:g}"]
        if step.kind == "ramp":
            lines += [f"ramp_s = {step.ramp_s:g}", f"step_ma = {step.step_ma:g}"]
        if step.kind == "rate":
            lines += [f"jitter_us = {step.jitter_us:g}"]
        if step.noted:
            lines += ["noted = true"]
        if step.load_ohm:
            lines += [f"load_ohm = {step.load_ohm:g}"]
    return "\n".join(lines) + "\n"


def read_plan(path: Path) -> BenchPlan:
    """A plan from its file.

    Raises:
        PlanError: it can't be read, or a key is missing, unknown, of another kind or out of range.
    """
    table = read_table(path)
    known = {*_HEAD, "schema", "load_ohm", "shunt_ohm", "step"}
    if unknown := sorted(set(table) - known - {"shunt_percent"}):
        raise PlanError(
            f"{path}: unknown key {quoted(unknown[0])}; there are {', '.join(sorted(known | {'shunt_percent'}))}"
        )
    if missing := sorted(known - set(table)):
        raise PlanError(f"{path}: the key {quoted(missing[0])} is missing")
    try:
        said = {name: _text(name, table[name], least=0) for name in _HEAD}
        ohms = {name: _number(name, table[name], OHM_MAX) for name in ("load_ohm", "shunt_ohm")}
        shunt_percent = _number("shunt_percent", table.get("shunt_percent", 1.0), SHUNT_MOST_PERCENT)
        steps = tuple(_step(number, each) for number, each in enumerate(_entries(table["step"]), start=1))
    except ValueError as error:
        raise PlanError(f"{path}: {error}") from None
    if said["model"] not in MODELS:
        raise PlanError(f"{path}: model {quoted(said['model'])}: one of {', '.join(MODELS)}")
    if not all(ohms.values()) or not steps:
        raise PlanError(f"{path}: steps of {', '.join(KINDS)}, and loads above 0 ohm")
    if not shunt_percent:
        raise PlanError(f"{path}: shunt_percent = {shunt_percent:g}: above 0 and at most {SHUNT_MOST_PERCENT}")
    return BenchPlan(steps=steps, shunt_percent=shunt_percent, **ohms, **said)  # type: ignore[arg-type]


def read_table(path: Path) -> dict[str, Any]:
    """The tables of a TOML file of the bench.

    Raises:
        PlanError: it can't be read.
    """
    try:
        return read_toml(decoded(read_file(path), path), path)
    except ProtocolError as error:
        raise PlanError("; ".join([f"{path}: {each.message}" for each in error.problems])) from None


def _entries(value: object) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise ValueError("each step stands under [[step]]")
    return value


def _step(number: int, each: dict[str, Any]) -> BenchStep:
    here = f"step {number}"
    kinds = {field.name: field.type for field in fields(BenchStep)}
    if unknown := sorted(each.keys() - kinds.keys()):
        raise ValueError(f"{here}: unknown key {quoted(unknown[0])}; there are {', '.join(kinds)}")
    if missing := [name for name in ("id", "kind", "channel") if name not in each]:
        raise ValueError(f"{here}: the key {missing[0]!r} is missing")
    found: dict[str, Any] = {}
    for name, value in each.items():
        at = f"{here}: {name}"
        if kinds[name] == "str":
            found[name] = _text(at, value, least=1)
        elif kinds[name] == "bool":
            if not isinstance(value, bool):
                raise ValueError(f"{at} {quoted(value)}: true or false")
            found[name] = value
        else:
            found[name] = _number(at, value, STEP_MAX)
            if kinds[name] == "int" and type(value) is not int:
                raise ValueError(f"{at} {quoted(value)}: a whole number")
            found[name] = value if kinds[name] == "int" else found[name]
    if found["kind"] not in KINDS:
        raise ValueError(f"{here}: kind {quoted(found['kind'])}: steps of {', '.join(KINDS)}")
    if not _ID.fullmatch(found["id"]):  # it is a file's name too
        raise ValueError(f"{here}: id {quoted(found['id'])}: letters, digits, points and hyphens, such as Q2-20mA-ch1")
    return BenchStep(**found)


def _text(name: str, value: object, *, least: int) -> str:
    if not isinstance(value, str) or not least <= len(value) <= TEXT_MAX or not value.isprintable():
        raise ValueError(f"{name} {quoted(value)}: a text of {least} to {TEXT_MAX} letters")
    return value


def _number(name: str, value: object, most: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
        raise ValueError(f"{name} = {quoted(value)}: a number from 0 to {most:g}")
    return float(value)
