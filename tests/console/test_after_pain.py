"""After a stop that has a reason: what the next line leads to, and what a press on it brings."""

from __future__ import annotations

import pytest

from estim.console.comfort import Felt
from estim.console.draft import Stage
from estim.console.language import load
from estim.session import events
from estim.session.state import Cycle, Phase

from .conftest import Bench, Make
from .pictured import snapshot, view


async def _stopped_for(b: Bench, digit: str) -> None:
    await b.press("space")
    await b.look(1.0)
    assert "Why was it stopped?" in b.text
    await b.press(digit)
    await b.look(0.2)


def _level_ua(b: Bench) -> int:
    return b._view().channels[0].level_ua


def _reasons(b: Bench) -> list[object]:
    """What went into the record as a reason."""
    notes = [one for one in b.session.requests if isinstance(one, events.Note) and one.kind == "reason"]
    return [dict(one.fields) for one in notes]


async def test_after_pain_the_named_keys_lead_to_a_fifth_less(bench: Make) -> None:
    async with bench() as b:
        await b.running()
        hurt_ua = _level_ua(b)
        await _stopped_for(b, "2")
        assert 0 < _level_ua(b) <= hurt_ua * 80 // 100
        lower = f"{_level_ua(b) / 1000:.1f} mA"
        assert f"ch1 lowered to {lower}" in b.text
        assert b.next == "→ F2 opens the stimulator at 0 mA; levels are a fifth lower"
        await b.follow(lambda: b.phase is Phase.RUNNING)
        b.session.room(type="walk", walks=True)
        highest_ua = 0
        for _ in range(40):
            await b.look(0.1)
            highest_ua = max(highest_ua, b._view().channels[0].sent_ua)
        assert 0 < highest_ua <= _level_ua(b)
        assert f"{_level_ua(b) / 1000:.1f} mA" == lower
        assert not b.next.startswith("→ +"), "back up goes whoever wants to, unasked"
        assert b.next == "· nothing to press: it plays by itself; F asks how it feels, Space stops"


async def test_while_levels_are_found_nothing_is_said_of_levels_that_are_lower(bench: Make) -> None:
    """They are found from 0 mA: there is no level yet that could be a fifth lower."""
    async with bench() as b:
        await b.seek()
        await b.look(2.0)
        await _stopped_for(b, "2")
        assert b.next == "→ F2 opens the stimulator at 0 mA"


async def test_who_felt_unwell_is_led_to_the_outcome_and_going_on_says_why(bench: Make) -> None:
    async with bench() as b:
        await b.running()
        await _stopped_for(b, "6")
        assert b.next.endswith("on to the outcome and the signature")
        await b.press("f2")
        assert b.phase.value == "CONFIGURED", "nothing is opened before somebody said why"
        assert "Felt unwell: why does it go on?" in b.text
        await b.press("1")
        await b.look(1.0)
        assert b.phase is Phase.ARMED
        assert _reasons(b) == [{"stopped": "unwell"}, {"goes_on": "well-again"}]


async def test_who_felt_unwell_and_said_a_pain_is_led_to_the_outcome_first(bench: Make) -> None:
    async with bench() as b:
        await b.running()
        await b.press("f", "t")
        await _stopped_for(b, "6")
        assert b.next.endswith("on to the outcome and the signature")
        assert "0 -20 %" in b.text, "what hurt can still be taken down"


@pytest.mark.parametrize("who", ["patient", "observer"])
async def test_whoever_else_stops_it_is_asked_why(bench: Make, who: str) -> None:
    """A patient who pressed the switch for pain was led straight back to the level that hurt."""
    async with bench() as b:
        await b.running()
        hurt_ua = _level_ua(b)
        if who == "patient":
            b.session.room(type="switch", pressed=True)
        else:
            b.session.stop("observer PT2")
        await b.look(1.0)
        assert "Why was it stopped?" in b.text
        await b.press("a", "2")
        await b.look(0.2)
        assert _reasons(b) == [{"stopped": "pain"}]
        assert 0 < _level_ua(b) <= hurt_ua * 80 // 100


async def test_a_calm_treatment_says_that_nothing_is_to_be_pressed(bench: Make) -> None:
    """For minutes it said to wait for the stimulator; or, at the strongest that is tolerated, to raise."""
    async with bench(size=(80, 24)) as b:
        await b.running()
        seen = set()
        for _ in range(40):
            await b.look(0.2)
            assert b._view().channels[0].level_ua == b._view().channels[0].max_tolerated_ua
            seen.add(b.next)
        assert all(not each.startswith("→ +") and "the stimulator answers" not in each for each in seen), seen
        assert "· nothing to press: it plays by itself; F asks how it feels, Space stops" in seen
        await b.press("minus")
        seen.clear()
        for _ in range(40):
            await b.look(0.2)
            seen.add(b.next)
        assert "→ + raises channel 1 by one step" in seen, "below the strongest that was found"


async def test_after_a_stop_for_the_skin_it_is_looked_at_first(bench: Make) -> None:
    async with bench() as b:
        await b.running()
        await _stopped_for(b, "4")
        assert b.next.startswith("→ Y")
        assert "skin" in b.next


async def test_a_pain_that_was_said_is_answered_before_it_goes_on(bench: Make) -> None:
    async with bench() as b:
        await b.running()
        await b.press("f", "t", "space")
        await b.look(1.0)
        await b.press("1")
        await b.look(0.2)
        assert b.next == "→ 0 takes all channels down by a fifth: it hurt"
        level_ua = _level_ua(b)
        await b.press("0")
        await b.look(0.2)
        assert _level_ua(b) < level_ua
        assert b.next.startswith("→ F2")


@pytest.mark.parametrize("language", ["en", "de"])
async def test_the_way_on_stands_there_in_one_line(bench: Make, language: str) -> None:
    async with bench(say=(say := load(language))) as b:
        await b.running()
        await b.press("space")
        await b.look(1.0)
        await b.press("2")
        await b.look(0.2)
        assert say("live.arm-lower-says") in "\n".join(b.lines())
        assert say("treat.lower-now").split(":")[0] in b.text


@pytest.mark.parametrize(
    ("language", "stopped", "highest"),
    [
        ("en", "stopped: pain or discomfort", "discomfort up to 10 of 10"),
        ("de", "gestoppt: Schmerz oder Unbehagen", "Unbehagen bis 10 von 10"),
    ],
)
async def test_whoever_signs_reads_what_hurt_and_nobody_proposes_that_nothing_does(
    bench: Make, language: str, stopped: str, highest: str
) -> None:
    async with bench(say=(say := load(language))) as b:
        await b.running()
        await b.press("f", "t", "f", "3", "space")
        await b.look(1.0)
        await b.press("2", "enter")
        await b.look(0.3)
        assert b.at("outcome"), b.text
        assert say.of("reason", "pain") in b.text
        assert stopped not in b.text, "the ending says it already"
        b.app.draft.end_reason = "fatigue"  # it went on, and something else ended it
        await b.look(0.1)
        assert say.of("reason", "fatigue") in b.text
        assert stopped in b.text
        assert highest in b.text
        assert "→ 0" not in b.text, b.next
        await b.press("0")
        assert f"✓ {say('outcome.discomfort')}" in b.text


async def test_where_nothing_was_said_none_is_proposed_as_ever(bench: Make) -> None:
    async with bench() as b:
        await b.jump(Stage.OUTCOME)
        assert b.next.startswith("→ 0 no discomfort now"), b.next
        assert "discomfort up to" not in b.text


async def test_a_discomfort_belongs_to_the_contraction_it_was_felt_in(bench: Make) -> None:
    """T was pressed while the current already went down: the record had 13 mA for a contraction of 21."""
    async with bench() as b:
        await b.running()
        highest_ua = 0
        for _ in range(200):
            await b.look(0.05)
            (one,) = b._view().channels
            highest_ua = max(highest_ua, one.sent_ua)
            if one.cycle is Cycle.RAMP_DOWN and 0 < one.sent_ua < highest_ua:
                break
        await b.press("f", "t")
        (note,) = [one for one in b.session.requests if isinstance(one, events.Note) and "felt_ua" in one.fields]
        assert note.fields["felt_ua"] == {"1": highest_ua}
        assert note.fields["sent_ua"] != note.fields["felt_ua"]


def test_what_is_felt_is_the_last_contraction_until_a_new_one_is_held() -> None:
    felt = Felt()
    seen = [
        (Cycle.RAMP_UP, 5_000, 21_000, 5_000),
        (Cycle.HOLD, 21_000, 21_000, 21_000),
        (Cycle.RAMP_DOWN, 13_000, 21_000, 21_000),
        (Cycle.REST, 0, 21_000, 21_000),
        (Cycle.REST, 0, 16_500, 21_000),
        (Cycle.RAMP_UP, 4_000, 16_500, 21_000),
        (Cycle.HOLD, 16_500, 16_500, 16_500),
        (Cycle.HOLD, 16_500, 13_000, 13_000),
        (Cycle.HOLD, 13_000, 13_000, 13_000),
        (Cycle.RAMP_DOWN, 2_000, 13_000, 13_000),
    ]
    for n, (cycle, sent_ua, level_ua, felt_ua) in enumerate(seen):
        one = view(1, cycle=cycle, sent_ua=sent_ua, level_ua=level_ua)
        felt.observe(snapshot(channels=(one,)))
        assert felt.highest_ua == {"1": felt_ua}, n


async def _found_and_stopped(b: Bench) -> int:
    """All levels are found and it was stopped while they were; gives the level that played."""
    await b.to(Stage.LEVELS)
    while b.phase is not Phase.RUNNING or b._view().channels[0].level_ua < 6_000:
        await b.follow_one()
    for kind in ("motor", "max-tolerated"):
        b.session.send(events.Mark(id=b.session.next_id(), channel=b._view().channels[0].channel, kind=kind))
        await b.look(0.1)
    await b.press("space")
    await b.look(1.0)
    assert "Why was it stopped?" in b.text
    return 6_000


async def test_a_stop_while_levels_are_found_is_asked_about_on_the_next_page_too(bench: Make) -> None:
    """Enter led on to treatment at the level that had hurt, and the question was gone."""
    async with bench() as b:
        hurt_ua = await _found_and_stopped(b)
        await b.press("enter")
        await b.look(1.0)
        assert b.at("treat")
        assert _level_ua(b) == hurt_ua
        assert "Why was it stopped?" in b.text
        await b.press("2")
        await b.look(0.3)
        assert _reasons(b) == [{"stopped": "pain"}]
        assert _level_ua(b) <= hurt_ua * 80 // 100
        assert f"ch1 lowered to {_level_ua(b) / 1000:.1f} mA" in b.text
        await b.follow(lambda: b.phase is Phase.RUNNING)
        assert _level_ua(b) <= hurt_ua * 80 // 100


async def test_a_digit_is_the_reason_as_long_as_the_page_asks_for_one(bench: Make) -> None:
    """Old checks are asked for as well: 2 was pain on the page, and who holds the stop came into the record."""
    async with bench() as b:
        await b.running()
        for _ in range(63):
            await b.look(10)
        await b.press("space")
        await b.look(1.0)
        assert "stop-control" in b._view().wants
        for _ in range(8):
            if b._view().wants[0] == "stop-control":
                break
            await b.press("y")
        assert b.next == "→ 1 patient asked, or the digit of what it was"
        await b.press("f2")
        assert "first: why it was stopped" in b.said
        before = len(b.session.requests)
        await b.press("2")
        await b.look(0.3)
        assert _reasons(b) == [{"stopped": "pain"}]
        assert not any(isinstance(one, events.Confirm) for one in b.session.requests[before:])
        assert b.next == "→ 1 the stop is held by: therapist"
        await b.press("2")
        assert "stop-control" not in b._view().wants


async def test_whoever_ended_it_for_pain_reads_how_low_it_would_go_on(bench: Make) -> None:
    async with bench() as b:
        await b.running()
        hurt_ua = _level_ua(b)
        await b.press("e", "4")
        await b.look(1.0)
        assert b.next.endswith("on to the outcome and the signature")
        assert _level_ua(b) <= hurt_ua * 80 // 100
        assert f"ch1 lowered to {_level_ua(b) / 1000:.1f} mA" in b.text
        await b.press("f2")
        await b.look(1.0)
        await b.press("f9")
        await b.look(1.0)
        assert b.phase is Phase.RUNNING
        assert not b.next.startswith("→ +"), "it hurt today"
        assert _level_ua(b) <= hurt_ua * 80 // 100


async def test_a_pain_that_a_stop_overtook_is_the_reason_of_that_stop(bench: Make) -> None:
    async with bench() as b:
        await b.running()
        hurt_ua = _level_ua(b)
        await b.press("e")
        b.session.send(events.Stop(id=b.session.next_id(), source="patient-switch"))  # and before that is seen
        await b.send("4")
        await b.look(1.0)
        assert {"stopped": "pain"} in _reasons(b)
        assert _level_ua(b) <= hurt_ua * 80 // 100
        assert "Why was it stopped?" not in b.text
        assert "ENDED EARLY" not in b.text
