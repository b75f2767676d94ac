"""Before the first pulse: a share of the MVIC needs today's MVIC, entered here with its range."""

from __future__ import annotations

import pytest

from estim.console.before import asks_mvic
from estim.console.draft import Stage
from estim.console.language import load

from .conftest import Bench, Make

SHARE = "athlete-quadriceps-maximal-strength"


async def test_a_protocol_that_plays_a_share_of_the_mvic_asks_for_it(bench: Make) -> None:
    async with bench(size=(120, 40)) as b:
        await b.jump(Stage.ASSESSMENT, protocol=SHARE)
        assert asks_mvic(b.app.draft)
        assert "MVIC torque, 0 to 1000 N·m" in b.text
        await b.press("m")
        await b.type("0")
        await b.press("enter")
        assert "more than 0" in b.said
        assert b.app.draft.mvic is None
        await b.press("ctrl+u")
        await b.type("2000")
        await b.press("enter")
        assert "1000" in b.said
        assert b.app.draft.mvic is None
        await b.press("ctrl+u")
        await b.type("182")
        await b.press("enter")
        assert b.app.draft.mvic == "measured"
        assert b.app.draft.setup(simulated=True).mvic == "measured"
        assert b.at("screening")
        notes = [request for request in b.session.requests if "measured_before" in getattr(request, "fields", {})]
        assert notes[-1].fields == {"measured_before": {"mvic": "182"}}  # type: ignore[attr-defined]


async def test_others_are_not_asked_for_it_and_not_today_leaves_it_open(bench: Make) -> None:
    async with bench() as b:
        await b.jump(Stage.ASSESSMENT)
        assert "MVIC" not in b.text
    async with bench() as b:
        await b.jump(Stage.ASSESSMENT, protocol=SHARE)
        await b.press("1")
        assert b.app.draft.mvic is None
        assert b.at("screening")


async def _measures(b: Bench, value: str) -> None:
    await b.press("m")
    await b.press("ctrl+u")
    await b.type(value)
    await b.press("enter")


def _right(b: Bench) -> str:
    """The right half of a narrow screen, its lines joined."""
    return " ".join(" ".join(line[39:].split()) for line in b.lines())


@pytest.mark.parametrize("language", ["en", "de"])
async def test_a_measure_that_ends_the_course_leads_back_and_can_be_corrected(bench: Make, language: str) -> None:
    """The next line gave "no time" as the reason why nothing was measured, then 29 questions, then the refusal."""
    say = load(language)
    async with bench(size=(80, 24), say=say) as b:
        await b.jump(Stage.ASSESSMENT, protocol="knee-replacement-quadriceps-early")
        await _measures(b, "85")
        why = {"en": "the course has reached its aim", "de": "der Behandlungsplan hat sein Ziel erreicht"}[language]
        assert why in _right(b)
        assert b.next.startswith("→ F7")
        await b.press("1")
        assert b.at("assessment"), "nobody says that nothing was measured"
        await b.press("f7")
        assert b.at("plan")
        await b.press("enter", "r")
        assert b.at("assessment"), "chosen once more it is refused where the value can be corrected"
        assert why in _right(b)
        await _measures(b, "58")
        assert b.at("screening")
        assert b.app.draft.measured == {"quadriceps-index": 58}


@pytest.mark.parametrize("language", ["en", "de"])
async def test_a_value_out_of_range_is_said_once_and_in_the_screens_language(bench: Make, language: str) -> None:
    async with bench(size=(80, 24), say=load(language)) as b:
        await b.jump(Stage.ASSESSMENT, protocol="knee-replacement-quadriceps-early")
        await _measures(b, "999")
        told = {
            "en": "✖ not taken: Quadriceps index: 0 to 150 %",
            "de": "✖ nicht übernommen: Quadrizeps-Index: 0 bis 150 %",
        }
        assert b.said == told[language]
        await b.press("ctrl+u")
        await b.type("abc")
        await b.press("enter")
        assert b.said == told[language]
        assert b.app.draft.measured == {}
