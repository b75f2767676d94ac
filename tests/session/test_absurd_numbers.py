"""Numbers that no sane sender gives, in every numeric field of every event: nothing is raised, and nothing rises."""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from estim.safety.commands import SetOutput
from estim.session import engine, events
from estim.session.state import Phase
from tests.session.desk import Desk

WHOLE = (0, -1, -400, 1 << 31, 1 << 63, -(1 << 63), 10**30)
BROKEN = (0.0, -1.0, 1e308, -1e308, math.nan, math.inf, -math.inf)
NOT_HERE = {events.Configure}  # its numbers are the protocol's and the setup's: the compiler judges them


def titration() -> Desk:
    desk = Desk()
    desk.sign_in()
    assert desk.configure("titration").accepted
    assert desk.arm().accepted
    assert desk.ask(events.Start).accepted
    desk.let_pass(1)
    return desk


def therapy() -> Desk:
    desk = Desk()
    desk.therapy()
    desk.hold()
    return desk


STAGES: Mapping[str, Callable[[], Desk]] = {"connected": Desk, "finding levels": titration, "in therapy": therapy}


def plausible(kind: Any) -> Any:
    """Something of this type."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in {typing.Union, types.UnionType}:
        return plausible(next(one for one in arguments if one is not types.NoneType))
    if origin is typing.Literal:
        return arguments[0]
    if origin is tuple:
        return ()
    if origin is not None and issubclass(origin, Mapping):
        return {}
    if hasattr(kind, "__supertype__"):
        return plausible(kind.__supertype__)
    if dataclasses.is_dataclass(kind):
        return typing.cast("Any", kind)(**{name: plausible(hint) for name, hint in typing.get_type_hints(kind).items()})
    return {bool: True, int: 1, float: 1.0, str: "x"}[kind]


def numbers(kind: Any) -> tuple[Any, ...]:
    """What to put into a field of this type: () if it holds no number."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if hasattr(kind, "__supertype__"):
        return numbers(kind.__supertype__)
    if origin in {typing.Union, types.UnionType}:
        return tuple(value for one in arguments for value in numbers(one))
    if origin is tuple and numbers(arguments[0]):
        return tuple((value,) for value in numbers(arguments[0]))
    if kind is int:
        return WHOLE
    return BROKEN if kind is float else ()


def absurd() -> list[tuple[str, Any]]:
    """Every event with one number that makes no sense, by a name."""
    made = []
    for kind in engine._HANDLERS:
        if kind in NOT_HERE:
            continue
        hints = typing.get_type_hints(kind)
        fields = [field.name for field in dataclasses.fields(kind) if field.init]
        sane = {name: plausible(hints[name]) for name in fields}
        for name in fields:
            made += [
                (f"{kind.__name__}.{name}={value}", kind(**{**sane, name: value})) for value in numbers(hints[name])
            ]
    return made


ABSURD = absurd()


def test_every_event_with_a_number_is_among_them() -> None:
    assert len(ABSURD) > 250
    named = {name.split("=")[0] for name, _ in ABSURD}
    assert {"Lower.percent", "Lower.channel", "Raise.snapshot_n", "ClockJumped.late_us", "Durable.n"} <= named
    assert {"Granted.n", "Acknowledged.seq", "CrankAngle.deg", "Battery.percent"} <= named


def highest(desk: Desk) -> dict[int, int]:
    """Device channel → the most that was ever commanded."""
    most: dict[int, int] = {}
    for command in desk.sent():
        for output in command.channels if isinstance(command, SetOutput) else ():
            most[output.channel] = max(most.get(output.channel, 0), output.amplitude_ua)
    return most


@pytest.mark.parametrize("stage", STAGES)
def test_no_number_raises_anything(stage: str) -> None:
    make = STAGES[stage]
    desk = make()
    before = highest(desk)
    for name, event in ABSURD:
        if desk.phase is not Phase.RUNNING and stage != "connected":
            desk = make()
            before = highest(desk)
        desk.step(event)
        desk.step(events.Tick())
        desk.look()
        desk.let_pass(0.1)
        after = highest(desk)
        assert all(after[channel] <= before.get(channel, 0) for channel in after), f"{name} raised {before} to {after}"
