"""The device stage and the new questions of the pads' stage, by keys."""

from __future__ import annotations

from estim.console.app import EstimConsole
from estim.console.draft import Stage
from estim.console.home_view import EmptyHome, PastPatient
from estim.console.language import load
from estim.console.screens.device import DeviceScreen
from estim.console.screens.levels import LevelsScreen
from estim.console.screens.pads import PadsScreen
from estim.session import events
from estim.session.snapshot import Alarm
from estim.session.state import Phase

from .conftest import NEVER_S, Bench, Make
from .fake_session import FakeSession


def notes(b: Bench) -> list[dict[str, object]]:
    return [dict(request.fields) for request in b.session.requests if isinstance(request, events.Note)]


async def test_the_stop_is_tried_at_0_ma_and_its_time_is_recorded(bench: Make) -> None:
    async with bench() as b:
        await b.to_device()
        await b.press("f8")
        assert "try the stop first" in b.text("#problems")
        await b.confirm_all()
        await b.press("f2")
        assert "Press SPACE now" in b.text("#self-test")
        assert b.session.phase is Phase.ARMED
        assert "SPACE stops: the stop test" in b.text("#banner")
        await b.press("f9")
        assert "nothing is started here" in b.text("#problems")
        assert not any(isinstance(request, events.Start) for request in b.session.requests)
        await b.press("space")
        assert b.session.stops == ["key"]
        await b.look(0.2)
        assert isinstance(b.app.screen, DeviceScreen), "a test is no stop that must be explained"
        assert "ms after the key" in b.text("#self-test")
        assert any("stop_test_ms" in fields for fields in notes(b))
        await b.press("f8")
        assert "let the patient press" in b.text("#problems")
        await b.press("n", "f8")
        assert isinstance(b.app.screen, LevelsScreen)


async def test_an_armed_stage_that_ended_without_a_key_is_no_test(bench: Make) -> None:
    async with bench() as b:
        await b.to_device()
        await b.confirm_all()
        await b.press("f2")
        b.session.stop("time")
        await b.look(0.2)
        assert b.app.draft.stop_test_ms is None
        assert "F2 opens" in b.text("#self-test")


async def test_the_patients_switch_is_seen_to_work(bench: Make) -> None:
    async with bench() as b:
        await b.to_device()
        b.session.alarms["patient-stop"] = Alarm(code="patient-stop", priority="medium", text="pressed")
        await b.look()
        assert "pressed, and it stopped" in b.text("#self-test")
        assert {"patient_switch": "tested"} in notes(b)
        assert b.session.alarms["patient-stop"].acknowledged


async def test_a_press_that_was_seen_before_is_no_test(bench: Make) -> None:
    """Found: an alarm that was left of the patient before counted as a switch that works."""
    async with bench() as b:
        left = Alarm(code="patient-stop", priority="medium", text="pressed", acknowledged=True)
        b.session.alarms["patient-stop"] = left
        await b.to_device()
        await b.look()
        assert {"patient_switch": "tested"} not in notes(b)
        assert "pressed, and it stopped" not in b.text("#self-test")


async def test_nothing_is_left_while_the_stimulator_is_open(bench: Make) -> None:
    async with bench() as b:
        await b.to_device()
        await b.confirm_all()
        await b.press("f2", "f7")
        assert isinstance(b.app.screen, DeviceScreen)
        await b.press("f8")
        assert isinstance(b.app.screen, DeviceScreen)


async def test_skin_is_looked_at_before_the_pads_cover_it(bench: Make) -> None:
    async with bench() as b:
        await b.to_pads()
        await b.press("l", "f8")
        assert "look at the skin" in b.text("#problems")
        await b.press("k", "3", "f8")
        assert isinstance(b.app.screen, PadsScreen)
        assert "Leave this site alone" in b.text("#problems")
        await b.press("k", "2", "u", *"A1", "enter", "f8")
        assert isinstance(b.app.screen, DeviceScreen)
        expected = {"skin_before": "1 redness, gone within the hour", "pads": {"quadriceps": "A1"}}
        assert expected in notes(b)


async def test_a_burn_of_last_time_blocks_until_it_was_reviewed(bench: Make) -> None:
    known = PastPatient(id="P-017", skin_blocked="3 blister or burn (Quadriceps)", pad_uses={"A1": 4})
    async with bench(home_view=EmptyHome(known=(known,))) as b:
        await b.to_pads()
        await b.press("l", "k", "1", "f8")
        assert "who has reviewed it" in b.text("#problems")
        await b.press("w", *"DrW", "enter", "u", *"A1", "enter")
        assert "use number 5" in b.text("#placement")
        await b.press("f8")
        assert isinstance(b.app.screen, DeviceScreen)
        assert any(fields.get("skin_reviewed_by") == "DrW" for fields in notes(b))


async def test_an_idle_hand_locks_raises_and_lowering_unlocks(bench: Make) -> None:
    async with bench() as b:
        await b.running()
        b.app.screen._lock.locked = True  # type: ignore[attr-defined]  # ten seconds of hold: longer than the fake's
        await b.look()
        assert "+ is locked" in b.text("#live-note")
        before = len(b.session.requests)
        await b.press("plus")
        assert len(b.session.requests) == before
        await b.press("minus", "1")
        await b.press("plus")
        assert isinstance(b.session.requests[-1], events.Raise)


async def test_german_speaks_german_on_every_stage() -> None:
    session = FakeSession()
    app = EstimConsole(session, say=load("de"), look_s=NEVER_S)
    english = {
        text.lower()
        for key, value in load("en")._table.items()
        for text in ([value] if isinstance(value, str) else value)
        if "{" not in text and len(text) > 14 and load("de")(key) != text
    }
    async with app.run_test(size=(120, 40)) as pilot:
        b = Bench(app, pilot, session)
        await pilot.pause()
        await b.look()
        for stage in Stage:
            await b.jump(stage)
            shown = b.text().lower()
            assert "leertaste" in shown
            assert [text for text in english if text in shown] == [], stage
        await b.press("f1")
        shown = b.text().lower()
        assert "stoppt sofort" in shown
        assert [text for text in english if text in shown] == []
