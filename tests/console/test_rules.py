"""Session rules that the console carries (docs/console.md lists all of them with their tests)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from textual.widgets import Input, OptionList

from estim.console.draft import Stage
from estim.console.home_view import EmptyHome, PastPatient
from estim.controller.interface import ConfigureFrom
from estim.protocols import library
from estim.protocols.loader import load
from estim.session import arming, events, screening
from tests.session.desk import Desk

from .conftest import Bench, Make

ROOT = Path(__file__).parents[2]


def test_every_rule_names_tests_that_exist() -> None:
    page = (ROOT / "docs" / "console.md").read_text(encoding="utf-8")
    table = page[page.index("## Session rules and their tests") :]
    named: list[tuple[str, str]] = []
    for row in table.splitlines():
        path = ""
        for word in re.findall(r"`([^`]+)`", row):
            if word.startswith("tests/"):
                path, _, test = word.partition("::")
                assert (ROOT / path).exists(), word
                named.append((path, test))
            elif word.startswith("test_"):
                named.append((path, word))
    assert len(named) > 40
    for path, test in named:
        if test:
            assert f"def {test}(" in (ROOT / path).read_text(encoding="utf-8"), f"{path}::{test}"


async def test_standing_wants_its_support_named(bench: Make) -> None:
    async with bench() as b:
        await b.jump()
        b.session.wants = ("support",)
        await b.look()
        await b.press("y")
        assert "support" not in b.session.confirmed
        await b.press(*"harness", "enter")
        assert b.session.confirmed["support"] == "harness"


def test_a_screening_is_valid_for_an_hour() -> None:
    assert arming.SCREENING_VALID_US == screening.VALID_US == 3600 * 1_000_000
    desk = Desk()
    desk.therapy()
    assert "screening" not in desk.look().wants
    desk.ask(events.Stop)
    desk.let_pass(0.2)
    desk.let_pass(screening.VALID_US / 1e6)
    assert desk.look().wants[0] == "screening"


async def to_pads_of(b: Bench, name: str) -> None:
    await b.sign_in()
    b.app.draft.choose(name, load(library.path(name)))
    b.app.draft.answers = screening.scripted_answers()
    b.app.draft.answers.pop("R48")
    b.app.go(Stage.SCREENING)
    await b.look()
    await b.press("f8")


async def test_an_mvic_is_measured_or_estimated_and_goes_into_the_setup(bench: Make) -> None:
    name = next(
        name
        for name in library.names()
        if any(channel.amplitude_rule == "percent-mvic" for channel in load(library.path(name)).channel)
    )
    async with bench() as b:
        await to_pads_of(b, name)
        assert "MVIC: not known" in b.text("#placement")
        await b.press("v")
        assert "MVIC: measured" in b.text("#placement")
        await b.press("v")
        for _ in b.app.draft.channels:
            await b.press("l", "b", "down")
        await b.press("k", "1", "f8")
        configured = [request for request in b.session.requests if isinstance(request, ConfigureFrom)]
        assert configured[-1].setup.mvic == "estimated"


async def test_an_adverse_event_is_recorded(bench: Make) -> None:
    async with bench() as b:
        await b.jump(Stage.OUTCOME)
        await b.press("1", "tab", "0", "tab", "0")
        b.app.screen.query_one("#event", Input).value = "dizzy, sat down"
        await b.press("f8")
        notes = [dict(request.fields) for request in b.session.requests if isinstance(request, events.Note)]
        assert {"adverse_event": "dizzy, sat down"} in notes


@pytest.mark.parametrize("sessions", [3, 40])
async def test_the_week_of_last_time_stands_and_is_never_moved_by_itself(bench: Make, sessions: int) -> None:
    name = "knee-replacement-quadriceps-early"
    known = PastPatient(
        id="P-017", sessions=sessions, last_protocol_id=name, last_week=2, last_session=sessions, last_version="0.9.0"
    )
    async with bench(home_view=EmptyHome(known=(known,)), size=(120, 60)) as b:
        await b.sign_in()
        b.app.screen.query_one("#search", Input).value = "early after total knee"
        await b.look()
        assert b.app.draft.week == 2
        shown = b.text("#details")
        assert "now week 2" in shown
        assert "the file was version 0.9.0" in shown
        assert f"By {sessions} sessions attended it would be week {1 + sessions // 14}" in shown
        await b.press("right")
        assert b.app.draft.week == 3


async def test_arrows_choose_while_the_search_field_has_the_cursor(bench: Make) -> None:
    async with bench() as b:
        await b.sign_in()
        b.app.screen.query_one("#search", Input).value = "quadriceps"
        await b.look()
        listed = b.app.screen.query_one(OptionList)
        assert listed.highlighted == 0
        await b.press("down", "down", "up")
        assert listed.highlighted == 1
        assert b.app.screen.focused is b.app.screen.query_one("#search")


@pytest.mark.parametrize("name", ["Maria Schmidt", "P/17", "-x", "x" * 41])
async def test_a_patient_has_a_pseudonym_and_no_name(bench: Make, name: str) -> None:
    async with bench() as b:
        b.app.screen.query_one("#operator", Input).value = "PT1"
        b.app.screen.query_one("#patient", Input).value = name[:41]
        b.app.screen.query_one("#patient", Input).max_length = 50
        b.app.screen.query_one("#patient", Input).value = name
        await b.press("f8")
        assert "a pseudonym, never a name" in b.text("#problems")
        assert not any(isinstance(request, events.SignIn) for request in b.session.requests)


async def test_what_the_device_has_acknowledged_is_marked(bench: Make) -> None:
    async with bench() as b:
        await b.running()
        assert "23.0 mA✓" in b.text("#channels")
        b.session.acknowledged = False
        await b.look()
        assert "23.0 mA…" in b.text("#channels")
