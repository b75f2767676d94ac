"""Whoever looks on has no key of the session: none sends anything, and a stop asks first where the patient stands."""

from __future__ import annotations

from typing import cast

from estim.console.keys import ACTIONS
from estim.console.observer import ObserverConsole
from estim.console.presses import Arrival
from estim.console.terminal import KeyPress
from estim.controller.observing import ObserverClient
from tools.pictures import SeenSession

from .conftest import NEVER_S, Clock, make_bench, settle

LEAVES = set(ACTIONS["leave"].keys)
KEYS = sorted({key for action in ACTIONS.values() for key in action.keys} - LEAVES - {"escape"})


async def test_no_key_of_the_session_is_an_observers_and_a_stop_asks_where_the_patient_stands() -> None:
    session = SeenSession()
    async with make_bench(session=session) as b:
        await b.running()
        clock = Clock()
        app = ObserverConsole(cast("ObserverClient", session), look_s=NEVER_S, clock=clock, wall=b.app.wall)
        async with app.run_test(size=(80, 24)):

            async def press(key: str) -> None:
                clock.now_s += 1.0
                await app.on_event(KeyPress(key, key if len(key) == 1 else None, Arrival(clock.now_s)))
                await settle(app)
                app.look()
                await settle(app)

            for _ in range(3):
                app.look()
                await settle(app)
            assert "OBSERVER" in str(app.query_frame(type(app.screen_stack[0].query_one("#strip"))).render())
            asked, levels = len(session.requests), [view.level_ua for view in b._view().channels]
            for key in [*KEYS, *"123456789", "enter", "f2", "f9"]:
                await press(key)
                app.clear()
            assert len(session.requests) == asked
            assert session.stops == []
            assert [view.level_ua for view in b._view().channels] == levels
            assert app.is_running
            assert b._view().weight_bearing
            await press("space")
            assert session.stops == []
            await press("n")
            await press("space")
            await press("space")  # over the question a stop key is no answer
            assert session.stops == []
            await press("y")
            assert session.stops == ["key"]
            assert b._view().output.value == "OFF"
