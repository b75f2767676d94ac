"""The page after treatment, from outside: an event needs its words, nothing is signed before all is answered."""

from __future__ import annotations

from estim.console.draft import Stage
from estim.session.events import Note, Sign

from .conftest import Bench, Make


def _notes(b: Bench, key: str) -> list[object]:
    return [one.fields[key] for one in b.session.requests if isinstance(one, Note) and key in one.fields]


async def _answered(b: Bench) -> None:
    """Discomfort, pain and skin: the event is asked next."""
    await b.jump(Stage.OUTCOME)
    await b.press("2", "3", "1")
    assert "▸ adverse event?" in b.text, b.text


async def test_an_adverse_event_is_no_yes_without_its_words(bench: Make) -> None:
    async with bench() as b:
        await _answered(b)
        await b.press("y")
        assert "What happened, where, what was done?" in b.text, b.text
        await b.press("enter")
        assert "nothing is typed yet; Esc leaves without" in b.text, b.text
        await b.press("escape")
        assert "▸ adverse event?  [ ]" in b.text, b.text
        await b.press("f8")
        assert "first: adverse event?" in b.text, b.text
        assert not [one for one in b.session.requests if isinstance(one, Sign)]


async def test_the_words_of_an_event_stand_on_the_page_and_go_into_the_record_once(bench: Make) -> None:
    async with bench() as b:
        await _answered(b)
        await b.press("y")
        await b.type("red skin")
        await b.press("enter")
        assert "✓ adverse event?  [YES]" in b.text, b.text
        assert "event: red skin" in b.text
        assert not _notes(b, "adverse_event"), "nothing is written before it is sealed"
        await b.press("1", "f8")
        assert _notes(b, "adverse_event") == ["red skin"]
        await b.press("f8")
        assert _notes(b, "adverse_event") == ["red skin"]


async def test_nothing_is_signed_before_all_is_answered_and_its_meaning_is_said(bench: Make) -> None:
    async with bench() as b:
        await b.jump(Stage.OUTCOME)
        for key, first in (("2", "discomfort"), ("3", "pain"), ("1", "skin"), ("n", "adverse")):
            await b.press("f8")
            assert f"first: {first}" in b.said, (first, b.said)
            await b.press(key)
        await b.press("f8")
        assert not [one for one in b.session.requests if isinstance(one, Sign)], b.text
        assert b.next.startswith("→ 1 signs as: I gave this treatment"), b.next
        await b.press("2", "f8")
        (sign,) = [one for one in b.session.requests if isinstance(one, Sign)]
        assert (sign.operator, sign.meaning) == ("PT1", "witnessed")


async def test_what_was_answered_can_be_changed_until_it_is_sealed(bench: Make) -> None:
    async with bench() as b:
        await _answered(b)
        await b.press("up", "up", "5")
        assert "✓ pain of the condition, 0-10  [5]" in b.text, b.text
        assert "✓ skin under the pads  [normal]" in b.text
