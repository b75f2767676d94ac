"""A bench plan is typed by a technician: what is wrong with it is said by key, and it names no file elsewhere."""

from __future__ import annotations

import dataclasses
import tomllib
from pathlib import Path

import pytest

from estim.desk.qualify.readings import FILE, load
from estim.desk.qualify.steps import PlanError, read_plan, write_plan
from tests.qualify.test_bench import PLAN

TEXT = write_plan(dataclasses.replace(PLAN, steps=PLAN.steps[:1]))
STEP = PLAN.steps[0]
WRONG = [
    ('model = "p24"', 'model = "p25"', "model 'p25': one of"),
    ('model = "p24"', "model = 24", "model 24: a text"),
    ('operator = "', 'operator = "\\u001b', r"operator '\\x1b"),
    ("load_ohm = ", "load_ohm = nan #", "load_ohm = nan: a number from 0"),
    ("load_ohm = ", "load_ohm = inf #", "load_ohm = inf: a number from 0"),
    ("load_ohm = ", "load_ohm = true #", "load_ohm = True: a number from 0"),
    ("shunt_percent = ", "shunt_percent = 0 #", "above 0 and at most 5"),
    ("schema = 1", "schema = 1\ncolour = 3", "unknown key 'colour'"),
    ("schema = 1", f"schema = 1\n{'x' * 5_000} = 3", "unknown key 'xxx"),
    ("schema = 1", f"schema = {'9' * 5_000}", "thousands of digits"),
    ("schema = 1", f"schema = {'[' * 5_000}", "nested deeper"),
    ("schema = 1", "schema = 1\ncaf\udce9 = 1", "not UTF-8 text"),
    ("[[step]]", "[step]", r"under \[\[step\]\]"),
    ("channel = ", "channel = 1.5 #", "channel 1.5: a whole number"),
    ("channel = ", 'channel = "1" #', "channel = '1': a number"),
    ("channel = ", "chanel = ", "unknown key 'chanel'"),
    ('kind = "', 'kind = "un', "kind 'un"),
    ('\nid = "', '\nid = "../../', r"id '../../.*such as Q2-20mA-ch1"),
    ('\nid = "', '\nid = "a:', "letters, digits, points and hyphens"),
]


@pytest.mark.parametrize(("was", "now", "says"), WRONG, ids=[now[:30] for _, now, _ in WRONG])
def test_what_is_wrong_with_a_plan_is_said(was: str, now: str, says: str, tmp_path: Path) -> None:
    file = tmp_path / "plan.toml"
    assert was in TEXT
    file.write_bytes(TEXT.replace(was, now, 1).encode("utf-8", "surrogateescape"))
    with pytest.raises(PlanError, match=says) as refused:
        read_plan(file)
    assert len(str(refused.value)) < 500


@pytest.mark.parametrize("name", ['DS1054 "lab"', "a\\b", "#", "é 你 😀"])
def test_any_name_comes_back_from_a_plan(name: str, tmp_path: Path) -> None:
    file = tmp_path / "plan.toml"
    plan = dataclasses.replace(PLAN, instrument=name)
    file.write_text(write_plan(plan), encoding="utf-8")
    assert tomllib.loads(file.read_text(encoding="utf-8"))["instrument"] == name
    assert read_plan(file) == plan


@pytest.mark.parametrize("text", ["a = 1", '[a]\nb = "c"', "[a]\nb = inf", "[a]\nb = [1]", f"[a]\nb = {'[' * 5_000}"])
def test_readings_are_numbers_or_yes_and_no(text: str, tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(text, encoding="utf-8")
    with pytest.raises(PlanError):
        load(tmp_path)
