"""Pictures of the console's rarer moments, to be looked at: pause, fault, uncertain, each effort, practice, course.

python -m tools.console_moments FOLDER

Written at 80 × 24, 120 × 40 and 200 × 60, each beside the patient's screen where the patient has a word. Drawn by the
console over the real engine, driver and simulator in simulated time, as tools.pictures does.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

from estim.console.draft import Stage
from estim.console.patient_screen import PatientConsole
from estim.controller.observing import ObserverClient
from estim.safety.reports import DeviceLost, OutputState
from estim.session.state import Cycle, Phase
from tests.console.conftest import NEVER_S, Bench, Clock, make_bench
from tests.console.every_stage import SIZES, known_home, resize
from tools.pictures import LEVEL_MA, SeenSession, drawn, walking

EFFORTS = {
    "relax": ("acl-quadriceps-isometric-flexed", ""),
    "join": ("ankle-instability-peroneus-longus", ""),
    "try-first": ("stroke-wrist-emg-triggered", "stroke"),
    "task": ("stroke-foot-drop-peroneal", ""),
}
MOST_BYTES = 200_000  # nothing loads these


@asynccontextmanager
async def _bench(patient: str = "foot-drop") -> AsyncIterator[Bench]:
    async with make_bench(size=SIZES[0], session=SeenSession(patient=patient), home_view=known_home()) as b:
        yield b


async def _write(b: Bench, folder: Path, name: str, *, patients: bool = False) -> None:
    for size in SIZES:
        await resize(b, size)
        file = folder / f"{name}-{size[0]}x{size[1]}.svg"
        file.write_text(drawn(b.app, most=MOST_BYTES), encoding="utf-8", newline="\n")
        if patients:
            seen = cast("ObserverClient", b.session)
            app = PatientConsole(seen, look_s=NEVER_S, clock=Clock(), wall=b.app.wall)
            async with app.run_test(size=size) as pilot:
                for _ in range(2):
                    app.look()
                    app.draw()
                    await pilot.pause()
                other = folder / f"{name}-patient-{size[0]}x{size[1]}.svg"
                other.write_text(drawn(app, most=MOST_BYTES), encoding="utf-8", newline="\n")
    await resize(b, SIZES[0])


async def _broken(folder: Path) -> None:
    async with _bench() as b:
        await walking(b, 6.0)
        await b.press("p")
        await b.look(1.5)
        await _write(b, folder, "pause", patients=True)
        await b.press("f9")
        await b.look(6.0)
        b.session.world.extra.append(DeviceLost(reason="no answer", output_ended=True))
        await b.look(1.5)
        await _write(b, folder, "fault", patients=True)
    async with _bench() as b:
        await walking(b, 6.0)
        b.session.overlay |= {"phase": Phase.FAULT, "output": OutputState.UNCERTAIN, "cause": "link-lost"}
        await b.look(0.2)
        await _write(b, folder, "uncertain")


async def _pages(folder: Path) -> None:
    async with _bench() as b:
        await b.sign_in()
        await b.press("f3")
        await b.look(0.2)
        await _write(b, folder, "practice")
        await b.press("f3", "enter", "y", "f5")
        await b.look(0.2)
        await _write(b, folder, "course")


async def _effort(folder: Path, effort: str, protocol: str, patient: str) -> None:
    async with _bench(patient or "foot-drop") as b:
        await b.jump(Stage.TREAT, protocol=protocol, level_ma=LEVEL_MA if effort == "task" else 6)
        await b.press("f2")
        await b.look(1.0)
        await b.press("f9")
        b.session.room(type="walk", walks=True)
        for _ in range(600):
            await b.look(0.1)
            snapshot = b._view()
            held = any(one.cycle is Cycle.HOLD for one in snapshot.channels)
            if snapshot.waits_for == "emg" if effort == "try-first" else held:
                break
        await _write(b, folder, f"effort-{effort}", patients=True)


def main() -> int:
    """Write them all."""
    parser = argparse.ArgumentParser(prog="python -m tools.console_moments", description=__doc__)
    parser.add_argument("folder", type=Path, help="where to write")
    folder: Path = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    asyncio.run(_broken(folder))
    asyncio.run(_pages(folder))
    for effort, (protocol, patient) in EFFORTS.items():
        asyncio.run(_effort(folder, effort, protocol, patient))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
