"""One registry: what stands in `estim.drivers.models` is driven, simulated, tested and documented, or this fails."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from estim.drivers.models import MODELS
from firmware_sim.devices import MODELS as SIMULATED
from firmware_sim.devices import make_device, step_ua, timer_us
from tests.drivers.table import CASES, TESTED_ALONE

from .stops import causes_of, table

ROOT = Path(__file__).parents[2]
DRIVERS_MD = (ROOT / "docs" / "drivers.md").read_text(encoding="utf-8")
# Whoever stands above the drivers asks the profile, not the name.
ABOVE = ("console", "controller", "desk", "lines", "protocols", "records", "rehearsal", "safety", "session")


def test_every_model_has_its_simulated_device_and_the_other_way_round() -> None:
    assert set(MODELS) == set(SIMULATED)


@pytest.mark.parametrize("name", MODELS)
def test_profile_and_simulated_device_agree_although_each_was_written_apart(name: str) -> None:
    profile = MODELS[name].profile
    assert profile.model == name
    assert profile.channels == len(profile.leads) == make_device(name).channels
    assert len({(lead.colour, lead.plug, lead.side) for lead in profile.leads}) == profile.channels
    assert profile.amplitude_step_ua == step_ua(name)
    assert profile.watchdog_us == timer_us(name)
    assert profile.poll_us < profile.watchdog_us or not profile.has_timer
    assert profile.intended_use
    assert profile.source


def test_every_driver_has_a_suite_on_a_scripted_device() -> None:
    assert {case.model for case in CASES} | set(TESTED_ALONE) == set(MODELS)
    for file in TESTED_ALONE.values():
        assert (ROOT / file).exists()


def test_the_table_of_stops_in_the_docs_is_what_is_measured_now() -> None:
    made = [line for line in table().splitlines() if line.startswith(tuple(f"| {name} |" for name in MODELS))]
    assert len(made) == sum(len(causes_of(name)) for name in MODELS)
    assert [line for line in made if line not in DRIVERS_MD] == []


@pytest.mark.parametrize("name", MODELS)
def test_the_docs_name_every_model(name: str) -> None:
    model = MODELS[name]
    assert f"| {model.profile.title} |" in DRIVERS_MD
    assert f"`{name}:`" in DRIVERS_MD


def asked_by_name(source: str, names: set[str]) -> list[int]:
    """Lines of comparisons, `in` tests and `match` cases with a model's name."""
    found = []
    for node in ast.walk(ast.parse(source)):
        parts = [node.left, *node.comparators] if isinstance(node, ast.Compare) else []
        parts += [node.value] if isinstance(node, ast.MatchValue) else []
        parts += [key for key in node.keys if key is not None] if isinstance(node, ast.Dict) else []
        for part in parts:
            inside = {value.value for value in ast.walk(part) if isinstance(value, ast.Constant)}
            if inside & names:
                found.append(part.lineno)
    return found


def test_nobody_above_the_drivers_asks_for_a_model_by_name() -> None:
    sources = [
        path
        for path in (ROOT / "src" / "estim").rglob("*.py")
        if path.relative_to(ROOT / "src/estim").parts[0] in ABOVE
    ]
    assert len(sources) > 100
    found = {str(path): asked_by_name(path.read_text(encoding="utf-8"), set(MODELS)) for path in sources}
    assert {path: lines for path, lines in found.items() if lines} == {}
    assert asked_by_name('if "p24" in name:\n    pass\n', {"p24"}) == [1]
    assert asked_by_name('STEP = {"p24": 1}\n', {"p24"}) == [1]


def test_no_test_keeps_a_list_of_models_of_its_own() -> None:
    listed = re.compile(r"""["']p24["'],\s*["']rehamove3["']""")
    kept = [
        str(p)
        for folder in ("tests", "bench", "src")
        for p in (ROOT / folder).rglob("*.py")
        if listed.search(p.read_text(encoding="utf-8"))
    ]
    assert [path for path in kept if not path.endswith("firmware/test_devices.py")] == []
