"""The signature at close: it says what it means, whose it is and when; the head as words and as a code to scan."""

from __future__ import annotations

import segno
from textual.widgets import Input

from estim.console.app import EstimConsole
from estim.console.dialogs import QrDialog, ReasonDialog
from estim.console.draft import Stage
from estim.console.home_view import EmptyHome
from estim.records.operators import MEANINGS
from estim.records.qr import qr_lines
from estim.session import events

from .conftest import NEVER_S, Bench, Make
from .fake_session import HEAD, FakeSession
from .test_pictures import text_of

DOTS = {"█": (False, False), " ": (True, True), "▀": (False, True), "▄": (True, False)}


def signs(b: Bench) -> list[events.Sign]:
    return [request for request in b.session.requests if isinstance(request, events.Sign)]


def decoded(lines: tuple[str, ...] | list[str]) -> list[list[bool]]:
    """Dark dots of a code drawn in half blocks."""
    rows: list[list[bool]] = []
    for line in lines:
        rows += [[DOTS[glyph][half] for glyph in line] for half in (0, 1)]
    return rows


async def test_the_meaning_is_asked_each_time_and_nothing_is_preset(bench: Make) -> None:
    async with bench() as b:
        await b.jump(Stage.SIGN)
        await b.press("f8")
        assert isinstance(b.app.screen, ReasonDialog)
        assert "PT1 signs this record" in b.text()
        for meaning in MEANINGS:
            assert f"{meaning}: I" in b.text("#reasons")
        assert signs(b) == []
        await b.press("f7")
        assert signs(b) == []
        await b.press("f8", "enter")
        assert signs(b) == []
        await b.press("3")
        (sign,) = signs(b)
        assert (sign.operator, sign.meaning) == ("PT1", "reviewed")


async def test_a_witness_signs_with_an_own_name_and_pin(bench: Make) -> None:
    class Home(EmptyHome):
        def asks_pin(self) -> bool:
            return True

        def printed_name(self, operator: str) -> str:
            return {"OB-2": "Olga Brandt"}.get(operator, "")

    async with bench(home_view=Home()) as b:
        await b.jump(Stage.SIGN)
        b.app.screen.query_one("#signer", Input).value = "OB-2"
        b.app.screen.query_one("#pin", Input).value = "secret 8"
        b.app.screen.query_one("#comment", Input).value = "calm throughout"
        await b.press("f8")
        assert "OB-2 (Olga Brandt) signs this record" in b.text()
        await b.press("2")
        (sign,) = signs(b)
        assert (sign.operator, sign.meaning, sign.pin, sign.comment) == (
            "OB-2", "witnessed", "secret 8", "calm throughout",
        )  # fmt: skip
        shown = b.text("#sealed")
        assert "Signed by OB-2, 2026-11-21 11:40:12 UTC, with PIN" in shown
        assert "witnessed: I was there and saw it" in shown
        assert "amber-river-seven-lantern" in shown


async def test_nobody_signs_nothing(bench: Make) -> None:
    async with bench() as b:
        await b.jump(Stage.SIGN)
        b.app.screen.query_one("#signer", Input).value = "  "
        await b.press("f8")
        assert "somebody must sign" in b.text("#problems")
        assert signs(b) == []


async def test_a_typed_name_is_said_to_be_a_claim(bench: Make) -> None:
    async with bench() as b:
        await b.jump(Stage.SIGN)
        await b.press("f8", "1")
        assert "without a PIN (the name is a claim)" in b.text("#sealed")


def test_the_code_is_the_heads_with_a_quiet_zone_and_small_enough() -> None:
    lines = qr_lines(HEAD)
    assert (len(lines), {len(line) for line in lines}) == (19, {37})
    code = segno.make(HEAD.upper(), error="m", micro=False)
    assert code.mode == "alphanumeric"
    assert code.error in {"M", "Q", "H"}  # segno takes a better level where it costs no dots
    dots = decoded(lines)
    assert [row[2:-2] for row in dots[2:35]] == [[bool(dot) for dot in row] for row in code.matrix]
    quiet = [dots[0], dots[1], dots[35], dots[36], *([row[0], row[1], row[-2], row[-1]] for row in dots)]
    assert not any(dot for row in quiet for dot in row)
    assert qr_lines(HEAD.replace("0", "1")) != lines


async def test_on_a_small_screen_one_key_shows_the_code_whole_with_its_words(bench: Make) -> None:
    async with bench() as b:
        await b.jump(Stage.SIGN)
        assert "QR" not in b.text("#keys")
        await b.press("f6")  # nothing is sealed yet
        assert not isinstance(b.app.screen, QrDialog)
        await b.press("f8", "1")
        assert "QR code" in b.text("#keys")
        await b.press("f6")
        assert isinstance(b.app.screen, QrDialog)
        shown = text_of(b)
        lines = list(qr_lines(HEAD))
        top = next(row for row, text in enumerate(shown) if text.startswith(lines[0]))
        assert [shown[top + row].ljust(37)[:37] for row in range(len(lines))] == lines
        assert "amber-river-seven-lantern" in b.text("#qr-words")
        await b.press("f6")
        assert not isinstance(b.app.screen, QrDialog)


async def test_on_a_larger_one_it_stands_below(bench: Make) -> None:
    async with bench(size=(120, 40)) as b:
        await b.jump(Stage.SIGN)
        await b.press("f8", "1")
        await b.look()
        shown = "\n".join(text_of(b))
        assert all(line.rstrip() in shown for line in qr_lines(HEAD))
        assert "QR code" not in b.text("#keys")


async def test_it_is_black_on_white_in_every_theme() -> None:
    for theme in ("estim-mono", "estim-light", "estim-contrast", "ansi-dark"):
        app = EstimConsole(FakeSession(), theme=theme, look_s=NEVER_S)
        async with app.run_test(size=(80, 24)) as pilot:
            b = Bench(app, pilot, app.client)  # type: ignore[arg-type]
            await pilot.pause()
            await b.jump(Stage.SIGN)
            await b.press("f8", "1", "f6")
            strip = next(s for s in app.screen._compositor.render_strips() if s.text.startswith("█" * 37))
            style = next(segment.style for segment in strip if segment.text.startswith("█"))
            assert style is not None
            assert style.color is not None
            assert style.bgcolor is not None
            assert tuple(style.color.get_truecolor()) == (255, 255, 255), theme
            assert tuple(style.bgcolor.get_truecolor()) == (0, 0, 0), theme
