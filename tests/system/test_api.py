"""Sessions from a script in real time: whoever falls silent, dies or is killed leaves no output behind."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from estim import api
from estim.records.verify import verify_session
from tests.system.conftest import PATIENCE_S

ROOT = Path(__file__).parents[2]
WORLDS = ROOT / "tests" / "data" / "worlds.toml"
SCRIPT = """
import os, sys, time
from estim import api
with api.session({source!r}, patient="p1", levels={{"quadriceps": 2}}, home={home!r}) as s:
    s.start()
    for state in s.states():
        if state.output == "ON":
            print("on", flush=True)
            {act}
"""


def ends(folder: Path) -> list[dict[str, object]]:
    """The end lines of the home's one record."""
    (record,) = folder.glob("records/simulated/*/record.jsonl")
    found = [json.loads(line) for line in record.read_bytes().splitlines()]
    return [line["fields"] for line in found if line["kind"] == "end"]


def test_a_loop_that_stands_still_has_no_output_and_is_told(tmp_path: Path) -> None:
    with api.session(WORLDS, patient="p1", levels={"quadriceps": 2}, home=tmp_path) as s:
        s.start()
        assert s.wait(lambda state: state.output == "ON", 20)
        time.sleep(2)
        with pytest.raises(api.Stopped, match="silent") as stopped:
            next(s.states())
        assert stopped.value.cause == "console-silent"
        assert s.state.output == "OFF"
    assert s.result is not None
    assert (s.result.outcome, s.result.verified) == ("stopped", True)


def test_an_event_loop_that_another_task_holds_keeps_no_output_alive(tmp_path: Path) -> None:
    async def main() -> None:
        async with api.asession(WORLDS, patient="p1", levels={"quadriceps": 2}, home=tmp_path) as s:
            sessions.append(s)
            s.start()
            async for state in s.states():
                if state.output == "ON":
                    asyncio.get_running_loop().call_soon(time.sleep, 2)

    sessions: list[api.AsyncSession] = []
    with pytest.raises(api.Stopped, match="silent"):
        asyncio.run(main())
    result = sessions[0].result
    assert result is not None
    assert (result.outcome, result.verified) == ("stopped", True)
    assert [end["output"] for end in ends(tmp_path)] == ["OFF"]


@pytest.mark.parametrize("act", ["os._exit(1)", "os.kill(os.getpid(), 15)"])
def test_a_script_that_dies_ends_its_output(tmp_path: Path, act: str) -> None:
    script = SCRIPT.format(source=str(WORLDS), home=str(tmp_path), act=act)
    died = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert died.stdout.startswith("on")
    assert died.returncode not in {0, -signal.SIGTERM}
    (folder,) = (tmp_path / "records" / "simulated").glob("*/record.jsonl")
    until = time.monotonic() + 10
    while not (verdict := verify_session(folder.parent)).sealed and time.monotonic() < until:
        time.sleep(0.1)
    assert verdict.ok
    assert [end["output"] for end in ends(tmp_path)] == ["OFF"]
