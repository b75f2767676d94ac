"""A console that nobody touches draws nothing anew: an idle station costs next to no processor."""

from __future__ import annotations

from collections import Counter

import pytest
from textual.widget import Widget

from estim.console.draft import Stage
from estim.console.picture import LIVELY_S, STILL_S, Picture

from .conftest import Bench, Make, settle
from .pictured import hold, replaced, snapshot


def test_the_same_with_other_ages_stands_and_anything_else_does_not() -> None:
    picture, now_s = Picture(), 100.0
    picture.heard(snapshot(), now_s)
    picture.drawn(now_s)
    picture.heard(replaced(snapshot(), n=2, now_us=61_000_000, lease_us=(1, 2, 3, 4)), now_s + 0.1)
    assert picture.stands(now_s + 0.1, closed=False)
    assert not picture.stands(now_s + 0.1, closed=True)  # output may be on
    assert not picture.stands(now_s + STILL_S, closed=False)  # the time of day goes on
    picture.touched(now_s + 0.2)
    assert not picture.stands(now_s + 0.2 + LIVELY_S / 2, closed=False)
    picture.heard(replaced(snapshot(), n=3, battery_percent=12), now_s + 0.3)
    assert not Picture().stands(now_s, closed=False)
    picture.drawn(now_s + 3.0)
    picture.heard(hold(), now_s + 3.1)
    assert not picture.stands(now_s + 3.1, closed=False)


def test_the_age_of_the_last_word_goes_on_while_nothing_is_heard() -> None:
    picture = Picture()
    assert picture.silent_s(5.0) == 0.0
    picture.heard(snapshot(), 5.0)
    picture.heard(snapshot(), 6.4)
    assert picture.silent_s(6.4) == pytest.approx(1.4)
    picture.heard(None, 6.5)
    assert picture.silent_s(6.5) == pytest.approx(1.5)


STAGES = (Stage.PLAN, Stage.ASSESSMENT, Stage.SCREENING, Stage.PADS, Stage.DEVICE, Stage.LEVELS, Stage.TREAT)


async def _drawn_anew(b: Bench, monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """What ten pictures without any change have drawn."""
    for _ in range(4):
        await b.look()
    anew: Counter[str] = Counter()
    really = Widget.refresh

    def refresh(self: Widget, *regions: object, **how: object) -> Widget:
        anew[f"{self!r}"[:60]] += 1
        return really(self, *regions, **how)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(Widget, "refresh", refresh)
        for _ in range(10):
            b.app.draw()
            await settle(b.app)
    return anew


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_what_did_not_change_is_not_drawn_anew(
    bench: Make, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    async with bench(size=size) as b:
        assert await _drawn_anew(b, monkeypatch) == {}, "sign-in"
        await b.sign_in()
        assert await _drawn_anew(b, monkeypatch) == {}, "home"
        await b.jump(Stage.TREAT)
        for stage in STAGES:
            b.app.go(stage)
            await b.look()
            assert await _drawn_anew(b, monkeypatch) == {}, stage
