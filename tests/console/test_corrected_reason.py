"""A wrong digit for why it was stopped or ended: it is corrected before the signature, and the record keeps both."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from estim.console.corrected import said_last
from estim.console.draft import Stage
from estim.console.ending import ending_of
from estim.console.home_reading import read_sessions
from estim.console.language import load
from estim.session import events
from estim.session.state import Phase

from .conftest import Bench, Make
from .test_home_view import session


def _said(b: Bench) -> list[tuple[str, dict[str, Any]]]:
    notes = [one for one in b.session.requests if isinstance(one, events.Note)]
    return [(one.kind, dict(one.fields)) for one in notes if {"stopped", "ended_for"} & set(one.fields)]


def _level_ua(b: Bench) -> int:
    return b._view().channels[0].level_ua


async def _stopped_for(b: Bench, digit: str) -> None:
    await b.press("space")
    await b.look(1.0)
    await b.press(digit)
    await b.look(0.2)


@pytest.mark.parametrize("language", ["en", "de"])
async def test_the_reason_of_a_stop_is_corrected_and_the_record_keeps_both(bench: Make, language: str) -> None:
    async with bench(say=(say := load(language))) as b:
        await b.running()
        await _stopped_for(b, "3")
        assert say("ask.said-short") in b.text
        await b.press("r")
        assert say("ask.corrected", reason=say.of("reason", "wrong-contraction")) in b.text
        await b.press("4")
        await b.look(0.2)
        assert _said(b) == [
            ("reason", {"stopped": "wrong-contraction"}),
            ("reason", {"stopped": "skin", "instead_of": "wrong-contraction"}),
        ]
        assert say.of("reason", "skin") in b.text
        assert say.of("reason", "wrong-contraction") not in b.text
        assert b.next.startswith("→ Y"), "the skin is looked at, as if it had been said at first"


async def test_corrected_to_a_pain_it_goes_on_lower_and_once_alone(bench: Make) -> None:
    async with bench() as b:
        await b.running()
        hurt_ua = _level_ua(b)
        await _stopped_for(b, "5")
        assert _level_ua(b) == hurt_ua
        await b.press("r", "2")
        await b.look(0.2)
        lower_ua = _level_ua(b)
        assert 0 < lower_ua <= hurt_ua * 80 // 100
        assert b.next == "→ F2 opens the stimulator at 0 mA; levels are a fifth lower" or b.next.startswith("→ Y")
        await b.press("r", "7")  # and back and forth: what was heeded is not heeded again, what went down stays down
        await b.look(0.2)
        assert _level_ua(b) == lower_ua
        assert "A pain was said first: ch1 lowered to" in b.text
        await b.press("r", "2")
        await b.look(0.2)
        assert _level_ua(b) == lower_ua
        assert "Since it hurt" in b.text
        assert [kind for kind, _ in _said(b)] == ["reason", "reason", "reason", "note"]
        assert b.app.draft.stops == ["pain"]


async def test_the_same_reason_again_writes_nothing(bench: Make) -> None:
    async with bench() as b:
        await b.running()
        await _stopped_for(b, "3")
        await b.press("r", "3")
        assert len(_said(b)) == 1
        await b.press("r", "f7")
        assert len(_said(b)) == 1
        assert "Why was it really?" not in b.text


async def test_it_is_corrected_on_the_last_page_too(bench: Make) -> None:
    async with bench() as b:
        await b.running()
        await _stopped_for(b, "7")
        await b.follow(lambda: b.phase is Phase.RUNNING)
        await b.look(2.0)
        await b.press("e", "1")
        await b.look(1.0)
        await b.follow(lambda: b.at("outcome"))
        assert "fatigue" in b.text
        await b.press("r")
        assert "So far: fatigue" in b.text
        await b.press("4")
        await b.look(0.2)
        assert _said(b)[-1] == ("reason", {"stopped": "pain", "instead_of": "fatigue"})
        assert "pain or discomfort" in b.text
        assert "→ 0 no discomfort" not in b.text, "where it hurt that is never proposed"
        await b.press("r", "2")
        assert _said(b)[-1] == ("reason", {"ended_for": "short-of-time", "instead_of": "pain"})
        assert b.app.draft.stops == ["mistake"]


def test_the_next_visit_hears_what_was_said_in_the_end(tmp_path: Path) -> None:
    said: list[tuple[str, dict[str, object]]] = [
        ("reason", {"stopped": "electrode"}),
        ("reason", {"stopped": "mistake"}),
        ("reason", {"stopped": "pain", "instead_of": "mistake"}),
        ("request", {"what": "end-early", "reason": "pain"}),
        ("reason", {"ended_for": "fatigue", "instead_of": "pain"}),
    ]
    session(tmp_path, "20261101T0800", "P-1", more=said)
    assert read_sessions(tmp_path, "2026-11-28")[0][0].last_stops == ("electrode", "pain")


@pytest.mark.parametrize(
    ("said", "stops"),
    [
        ([{"ended_for": "skin"}, {"ended_for": "short-of-time", "instead_of": "skin"}], ("skin",)),
        ([{"ended_for": "skin"}, {"stopped": "pain", "instead_of": "skin"}], ("skin", "pain")),
        (
            [
                {"ended_for": "skin"},
                {"stopped": "pain", "instead_of": "skin"},
                {"ended_for": "skin", "instead_of": "pain"},
                {"ended_for": "other", "instead_of": "skin"},
            ],
            ("skin",),
        ),
        (
            [{"ended_for": "skin", "stopped": "skin"}, {"ended_for": "other", "instead_of": "skin"}],
            ("skin",),
        ),
        (
            [{"ended_for": "skin"}, "RUNNING", {"stopped": "skin"}, {"stopped": "pain", "instead_of": "skin"}],
            ("skin", "pain"),
        ),
    ],
)
def test_a_stop_stays_a_word_where_the_ending_of_the_same_name_is_corrected(
    tmp_path: Path, said: list[Any], stops: tuple[str, ...]
) -> None:
    lines: list[tuple[str, dict[str, object]]] = [("reason", {"stopped": "skin"})]
    lines += [("phase", {"after": one}) if isinstance(one, str) else ("reason", one) for one in said]
    session(tmp_path, "20261101T0800", "P-1", more=lines)
    assert read_sessions(tmp_path, "2026-11-28")[0][0].last_stops == stops


@pytest.mark.parametrize(("digit", "stops"), [("2", ("patient-asked",)), ("4", ("patient-asked", "pain"))])
async def test_a_treatment_that_is_ended_while_leaving_is_ended_early_at_home_too(
    bench: Make, tmp_path: Path, digit: str, stops: tuple[str, ...]
) -> None:
    """As the page that is signed says it; home and the next visit said that it was stopped."""
    async with bench() as b:
        await b.running()
        await b.look(12.0)
        await _stopped_for(b, "1")
        await b.press("ctrl+q", "e", digit)
        await b.look(0.5)
        assert b.at("outcome")
        assert "ENDED EARLY after" in b.text
        said = _said(b)
    end = ("end", {"outcome": "stopped", "contractions": 1})
    session(tmp_path, "20261101T0800", "P-1", more=[*said, end])
    record = tmp_path / "20261101T0800" / "record.jsonl"
    record.write_text("\n".join(record.read_text().splitlines()[:-1]) + "\n")  # that it was completed
    (known,), (one,) = read_sessions(tmp_path, "2026-11-28")
    assert (one.ending, known.last_stops) == ("early", stops)


async def test_ended_for_the_skin_under_pads_and_gone_on_after_all_they_are_looked_at_first(bench: Make) -> None:
    """After current: the next line was to open the stimulator at once."""
    async with bench() as b:
        await b.jump(Stage.LEVELS)
        await b.follow(lambda: b.phase is Phase.RUNNING)
        await b.raise_by(2)
        await b.press("ctrl+q")
        await b.look(1.0)
        await b.press("e", "3")
        assert "not treated: skin" in b.text
        await b.press("f7")
        await b.look(0.2)
        assert b.next == "→ Y yes, the pads lie as placed"


@pytest.mark.parametrize("between", ["r", "e", "k", "h", "f1", "ctrl+q"])
async def test_no_question_stands_twice_and_none_is_left_with_what_was_said_before(bench: Make, between: str) -> None:
    async with bench() as b:
        await b.running()
        await _stopped_for(b, "3")
        await b.press("r", between, "r")
        assert b.text.count("Why was it really?") == 1, b.text
        await b.press("2")
        await b.look(0.2)
        await b.press("f7") if b.app.questions else None
        assert "Why was it really?" not in b.text, "that was asked of what is corrected by now"
        assert said_last(b.app.draft) == "pain"


@pytest.mark.parametrize("over", [["ctrl+q"], ["ctrl+q", "e"]])
@pytest.mark.parametrize("digit", "12345678")
async def test_no_digit_answers_why_it_was_stopped_while_something_else_is_asked(
    bench: Make, over: list[str], digit: str
) -> None:
    """All but 1 were offered under *Leaving*; an 8 under *End for today*, which has seven answers, was the stop's."""
    async with bench() as b:
        await b.running()
        await b.look(12.0)
        await b.press("space")
        await b.look(0.5)
        assert b.app.draft.asks_why
        await b.press(*over)
        assert over[-1] == "e" or "2 pain" not in b.text.splitlines()[-1], b.text
        await b.press(digit)
        assert b.app.draft.stop_reason == ""
        if over[-1] != "e" or digit == "8":
            await b.press(*(["f7"] * len(over)), "2")
            assert b.app.draft.stop_reason == "pain", "asked as before once nothing else is"


async def test_leaving_is_asked_once_whatever_was_asked_over_it(bench: Make) -> None:
    async with bench() as b:
        await b.running()
        await b.press("ctrl+q", "e", "ctrl+q")
        assert b.text.count("Q leaves now, F7 stays") == 1, b.text
        assert b.next == "→ Q leaves now"
        await b.press("e", "f7")
        assert b.next == "→ Q leaves now"
        await b.press("f7")
        assert not b.app.questions


async def test_nothing_is_corrected_where_nothing_was_said_or_all_is_signed(bench: Make) -> None:
    async with bench() as b:
        await b.jump(Stage.TREAT)
        assert "Other reason" not in b.text
        await b.press("r")
        assert not b.app.questions
        await b.running()
        assert "Other reason" not in b.text, "while it runs"


async def test_what_the_record_calls_stopped_no_page_calls_completed(bench: Make) -> None:
    """Space with all but the last contraction given, then the end: the page, and its note in the record, said completed
    where the record's own end, and home, say stopped.
    """
    async with bench() as b:
        await b.running(protocol="tests/data/worlds.toml")
        while b.app.snapshot is None or b.app.snapshot.given < 21:
            await b.look(1.0)
        await b.press("space")
        await b.look(1.0)
        await b.press("1", "ctrl+q")
        await b.look(0.5)
        await b.press("e", "2")
        await b.look(0.5)
        assert b.at("outcome"), b.text
        assert "ENDED EARLY after 21 of 22" in b.text, b.text
        assert b.app.snapshot is not None
        assert ending_of(b.app.snapshot, b.app.draft) == "early"
