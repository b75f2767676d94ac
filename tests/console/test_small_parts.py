"""The pure parts: lock of raises, comfort's clock, preview, what has changed, pads' uses, self-test, settings."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from estim.console import stages
from estim.console.comfort import AFTER_RISE_US, EVERY_US, ComfortClock
from estim.console.device_checks import device_checks
from estim.console.draft import Stage
from estim.console.language import load as load_words
from estim.console.pad_words import uses_line
from estim.console.preview import changes_since, preview_lines, suggested_week
from estim.console.raising import IDLE_US, RaiseLock
from estim.console.settings import parse_settings
from estim.console.stages import STAGES
from estim.drivers.models import MODELS
from estim.protocols import library
from estim.protocols.loader import load as load_protocol
from estim.protocols.schema import Protocol
from estim.safety.errors import UsageError
from estim.safety.reports import OutputState
from estim.session.state import Phase
from tests.turns import of_this_turn

from .pictured import snapshot

S = 1_000_000


def protocol(name: str) -> Protocol:
    return load_protocol(library.path(name))


# -- raises lock ----------------------------------------------------------------------------------------------------


def test_raises_lock_after_idle_seconds_in_which_a_raise_was_possible() -> None:
    lock = RaiseLock()
    for at in range(0, IDLE_US, S):
        lock.observe(at, possible=True)
        assert not lock.locked
    lock.observe(IDLE_US, possible=True)
    assert lock.locked
    lock.touch()
    assert not lock.locked


def test_rest_between_contractions_does_not_lock() -> None:
    lock = RaiseLock()
    lock.observe(0, possible=True)
    lock.observe(3 * S, possible=True)
    for at in range(4, 300):
        lock.observe(at * S, possible=False)
    lock.observe(300 * S, possible=True)  # the way from rest into the hold counts nothing either
    assert not lock.locked
    lock.observe(307 * S, possible=True)
    assert lock.locked


# -- comfort --------------------------------------------------------------------------------------------------------


def test_comfort_is_asked_on_a_schedule_and_after_a_rise() -> None:
    clock = ComfortClock()
    (view,) = snapshot().channels
    assert clock.due(snapshot(elapsed_us=EVERY_US)) == ""
    assert clock.due(snapshot(elapsed_us=EVERY_US + 1)) == "schedule"
    clock.asked(snapshot(elapsed_us=EVERY_US + 1))
    assert clock.due(snapshot(elapsed_us=EVERY_US + 2)) == ""
    risen = (dataclasses.replace(view, level_ua=view.level_ua + 1000),)
    now_us = 100 * S
    assert clock.due(snapshot(channels=risen, now_us=now_us)) == "", "the new level is felt first"
    assert clock.due(snapshot(channels=risen, now_us=now_us + AFTER_RISE_US)) == "raised"
    assert clock.due(snapshot(now_us=now_us + AFTER_RISE_US + 1)) == "", "lowered again: nothing to ask"


# -- preview --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", library.names())
def test_every_protocol_has_a_preview_or_a_reason(name: str) -> None:
    for model in MODELS:
        lines = preview_lines(protocol(name), model=model, week=1, session=1, columns=76)
        assert any("│" in line for line in lines) or lines[0].startswith("Not playable as it is: ")
        assert all(len(line) <= 120 for line in lines if "│" in line)


def test_every_word_of_a_german_preview_is_german_or_its_authors() -> None:
    """`one pulse: 250 µs … zurück at 1/2 of the current` stood on a German device page."""
    german = load_words("de")
    known = {"Hz", "µs", "ms", "min", "mA"}
    for word in german.names("plot-word"):
        known |= words_of(german(f"plot-word.{word}"))
    for name in of_this_turn(library.names(), 3):
        plan = protocol(name)
        lines = preview_lines(plan, model="p24", week=1, session=1, columns=120, say=german)
        authors = [*(each.name for each in plan.channel), *(each.name for each in plan.phase)]
        for line in lines if any("│" in line for line in lines) else ():
            bare = re.sub(r"[│┊].*[│┊]", "", line)
            for own in sorted(authors, key=len, reverse=True):
                bare = bare.replace(own, " ")
            assert words_of(bare) <= known, line


def words_of(text: str) -> set[str]:
    return set(re.findall(r"[^\W\d_]{2,}", text))


def test_without_a_device_the_preview_says_so() -> None:
    assert preview_lines(protocol(library.names()[0]), model="", week=1, session=1, columns=76) == (
        "The preview needs a connected stimulator.",
    )


def test_what_has_changed_since_last_time_is_named() -> None:
    stepped = next(
        each
        for each in map(protocol, library.names())
        if any(step.from_week is not None and step.set is not None for step in each.progression)
    )
    step = next(step for step in stepped.progression if step.from_week is not None and step.set is not None)
    assert step.from_week is not None
    before, now = step.from_week - 1, step.from_week
    changed = changes_since(stepped, last=(before, 2, stepped.version), week=now, session=3)
    assert any("→" in line for line in changed)
    assert changes_since(stepped, last=(now, 3, stepped.version), week=now, session=4)[1] == "  nothing has changed"
    other = changes_since(stepped, last=(now, 3, "0.0.1"), week=now, session=4)
    assert other[1] == f"  the file was version 0.0.1, it is {stepped.version} now"


def test_the_week_is_suggested_from_sessions_attended() -> None:
    each = protocol("knee-replacement-quadriceps-early")  # twice a day, seven days a week
    assert [suggested_week(each, attended) for attended in (0, 13, 14, 28)] == [1, 1, 2, 3]


# -- pads, device, settings -----------------------------------------------------------------------------------------


def test_a_pair_of_pads_is_counted_and_its_age_is_said() -> None:
    assert "not counted" in uses_line(None, {})
    assert uses_line("A", {}) == "Pads A: use number 1 on this patient."
    assert "look whether" not in uses_line("A", {"A": 8})
    assert "look whether" in uses_line("A", {"A": 9})
    assert "look whether" in uses_line("A", {"A": 29})
    assert "Replace" in uses_line("A", {"A": 30})


@pytest.mark.parametrize(
    ("changes", "bad"),
    [
        ({}, ""),
        ({"device_id": ""}, "it is"),
        ({"lease_us": (0, 1_000_001, 0, 0)}, "it answers"),
        ({"output": OutputState.ON}, "it says that its output is ON"),
        ({"output": OutputState.UNCERTAIN}, "it says that its output is UNCERTAIN"),
        ({"record_path": ""}, "the record"),
        ({"battery_percent": 19}, "battery 19 %"),
        ({"phase": Phase.DISCONNECTED}, "it is"),
    ],
)
def test_the_self_test_finds_what_is_wrong(changes: dict[str, object], bad: str) -> None:
    found = [check.words for check in device_checks(snapshot(**changes)) if not check.ok]
    assert len(found) == (1 if bad else 0)
    assert all(words.startswith(bad) for words in found)


@pytest.mark.parametrize("model", MODELS)
def test_the_self_test_of_each_model_asks_what_the_model_can_tell(model: str) -> None:
    """RehaStim 1 and 2 have no id: what they can not tell keeps nobody from a session."""
    profile = MODELS[model].profile
    named = "SIM1" if "id" in profile.tells else ""
    shown = device_checks(snapshot(model=model, device_title=profile.title, device_id=named))
    assert [check.words for check in shown if not check.ok] == []
    assert ("tells no id" in shown[0].words) == (not named)
    assert ("its output is OFF" in shown[2].words) == ("output" in profile.tells)


def test_settings_name_language_theme_and_keys() -> None:
    settings = parse_settings(b'language = "de"\ntheme = "estim-mono"\n[keys]\nraise = ["plus"]\n')
    assert (settings.language, settings.theme) == ("de", "estim-mono")
    assert parse_settings(b"").language == ""


def test_wrong_settings_are_refused_all_at_once() -> None:
    with pytest.raises(UsageError) as refused:
        parse_settings(b'language = "xx"\ntheme = "pink"\ncolour = 1\n')
    for word in ("language = 'xx'", "theme = 'pink'", "colour: no such setting"):
        assert word in str(refused.value)
    with pytest.raises(UsageError, match=r"console\.toml"):
        parse_settings(b"= 3")


def test_every_stage_is_in_the_table_bears_its_own_name_and_is_gone_to() -> None:
    assert list(STAGES) == list(Stage)
    assert {stage: pane.NAME for stage, pane in STAGES.items()} == {stage: stage.value for stage in Stage}
    sources = [
        path.read_text(encoding="utf-8")
        for path in Path(stages.__file__).parents[1].rglob("*.py")
        if path != Path(stages.__file__)
    ]
    named = re.compile(r"\bStage\.([A-Z]+)")  # by whoever goes there; the table and the way itself are left out
    reached = {Stage[name] for source in sources for name in named.findall(source)}
    assert reached == set(Stage)
