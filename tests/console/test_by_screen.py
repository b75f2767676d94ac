"""Whole ways at the console by the keys that the screen names: new, returning, and a session in which much goes wrong.

Printed with `-s`: how many keys each takes. A key that is held counts once; a patient's steps in the simulated room are
H and a digit, which nobody presses beside a real patient.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from estim.console.draft import Stage
from tests.support import PLACE_OF

from .by_screen import Reader
from .conftest import Make, read_home
from .simulated import SimulatedSession

NEW_KEYS, RETURNING_KEYS = 60, 25


def _session(root: Path, day: int, *, patient: str = "foot-drop") -> SimulatedSession:
    when = f"2026-11-{day:02}"
    folder = root / "records" / "simulated" / f"{when.replace('-', '')}T0900-{patient}"
    return SimulatedSession(folder=folder, utc=f"{when}T09:00:00+00:00", patient=patient)


async def _to_contractions(reader: Reader) -> None:
    """From wherever one stands to the first contraction of treatment."""
    await reader.follow(PLACE_OF[Stage.TREAT])
    await reader.follow("RUNNING")
    await _walks(reader)


async def _walks(reader: Reader) -> None:
    """A person waits for the patient's step; where the patient stands, the next line says how to have one walk."""
    for _ in range(100):
        if "STIM ON" in reader.banner:
            return
        if (reader.named() or ("", ""))[0] == "H":
            await reader.step()
            for _ in range(25):  # a step of the patient takes its time
                if "STIM ON" in reader.banner:
                    return
                await reader.wait(0.2)
        await reader.wait(0.2)
    raise AssertionError(reader.text)


async def test_whole_ways_by_what_the_screen_names_alone(bench: Make, tmp_path: Path) -> None:
    """A new patient with a lost pad, a pain and a pause; the same one another day; the console killed; signed late."""
    async with bench(session=_session(tmp_path, 20), home_view=read_home(tmp_path)) as b:
        reader = Reader(b)
        await reader.sign_in()
        reader.keys = 0
        await _to_contractions(reader)
        new = reader.keys
        await reader.room("a pad of channel 1 comes off")
        await reader.until("The way back")
        reader.sees("PAUSED", "yellow plug, red lead", "21.0 (grey)")
        await reader.room("the pad of channel 1 is put back")
        await reader.follow(PLACE_OF[Stage.LEVELS])
        await _to_contractions(reader)
        await reader.choose("Feels")
        await reader.press("8")
        await reader.step()
        assert float(re.findall(r"of +(\d+\.\d)", reader.text)[0]) < 21.0, "a pain leads down"
        await reader.choose("Pause")
        await reader.until("goes on from 0 mA")
        await reader.step()
        await _walks(reader)
        await reader.choose("End")
        await reader.press("1")
        await reader.follow("first: discomfort now")  # after a pain nothing is proposed for it
        await reader.press("3")
        await reader.follow("SEALED")
        await reader.step()
        reader.sees("no patient chosen", "IDLE")
    assert new <= NEW_KEYS
    killed = _session(tmp_path, 23)
    async with bench(session=killed, home_view=read_home(tmp_path)) as b:
        reader = Reader(b)
        await reader.step()  # whoever signed last works here again
        reader.sees("P-001")
        reader.keys = 0
        await _to_contractions(reader)
        returning = reader.keys
        await reader.wait(3.0)
        killed.killed()
    told = f"new {new} keys (at most {NEW_KEYS}), returning {returning} (at most {RETURNING_KEYS})\n"
    sys.stderr.write(told)
    assert returning <= RETURNING_KEYS
    async with bench(session=_session(tmp_path, 24), home_view=read_home(tmp_path)) as b:
        reader = Reader(b)
        await reader.step()
        reader.sees("did not end")
        await reader.follow("Signed: the session of P-001")
