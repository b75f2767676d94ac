"""Before the first pulse: a share of the MVIC needs today's MVIC, entered here with its range."""

from __future__ import annotations

from estim.console.before import asks_mvic
from estim.console.draft import Stage

from .conftest import Make

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
