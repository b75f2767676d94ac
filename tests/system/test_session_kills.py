"""Each kind of blow to a running session once; `make kills` strikes as often as it is told. And disks that fail."""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from pathlib import Path

import pytest

from estim.records.chain import read
from estim.records.verify import verify_session
from tests.system.conftest import PATIENCE_S, environment, wait_until
from tests.system.machine import Timed, keeps
from tests.system.running import Session, begin, end, until_pulsing
from tests.system.session_kills import BLOWS, bound_ms, strike
from tests.turns import of_this_turn

ELSEWHERE = {"front SIGTERM", "front SIGHUP"}  # test_sessions.py
DAILY = ["controller SIGKILL", "front SIGKILL", "front's pipe closed"]

FSYNC = """
import errno, os, pathlib
right = os.fsync, os.fdatasync
def failing(which):
    def sync(fd):
        if pathlib.Path(os.environ["ESTIM_TEST_FSYNC"]).exists():
            raise OSError(errno.EIO, "Input/output error")
        return which(fd)
    return sync
os.fsync, os.fdatasync = map(failing, right)
"""


@pytest.mark.hazard("H01", "H03")
@pytest.mark.parametrize(
    "kind", [*DAILY, *of_this_turn([kind for kind in BLOWS if kind not in ELSEWHERE and kind not in DAILY], 3)]
)
def test_a_blow_ends_output_and_leaves_a_record_that_verifies(tmp_path: Path, kind: str) -> None:
    def one(number: int) -> Timed:
        blow = strike(tmp_path / str(number), kind, seed=1 + number)
        assert blow.verified == ""
        assert not blow.resumed
        assert blow.true, blow
        return blow.timed

    keeps(bound_ms(kind), one)


def lines_of(session: Session) -> str:
    (folder,) = session.records()
    return (folder / "record.jsonl").read_text(encoding="utf-8")


@pytest.mark.hazard("H34")
def test_a_disk_that_is_full_stops_the_output(tmp_path: Path) -> None:
    """The record may grow by 1 kB, then writing fails (EFBIG); the stop needs no disk."""
    session = begin(tmp_path / "home")
    try:
        until_pulsing(session, session.pulses.fresh)
        room = len(lines_of(session)) + 1_000
        resource.prlimit(session.controller, resource.RLIMIT_FSIZE, (room, room))
        session.front.wait(PATIENCE_S)
        last_us, written = session.pulses.last_us(), lines_of(session)
        time.sleep(0.5)
        assert session.pulses.last_us() == last_us
        assert 0 < last_us < 60_000_000
        assert len(written) <= room
        (folder,) = session.records()
        reading = read((folder / "record.jsonl").read_bytes())
        assert reading.first_bad is None or reading.torn
        assert not verify_session(folder).sealed
        assert session.front.returncode == 3
    finally:
        end(session)


@pytest.mark.hazard("H34")
def test_an_fsync_that_fails_stops_the_output_and_is_not_tried_again(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(FSYNC, encoding="utf-8")
    path = ":".join([str(tmp_path), *sys.path[:2]])

    def one(number: int) -> Timed:
        flag = tmp_path / f"fails-{number}"
        session = begin(tmp_path / str(number), env={"PYTHONPATH": path, "ESTIM_TEST_FSYNC": str(flag)})
        try:
            until_pulsing(session, session.pulses.fresh)
            at_us, since_s = session.pulses.now_us(), time.monotonic()
            flag.touch()
            time.sleep(1.5)
            flag.unlink()  # it works again: that changes nothing
            session.front.wait(PATIENCE_S)
            (folder,) = session.records()
            assert not verify_session(folder).sealed
            assert read((folder / "record.jsonl").read_bytes()).first_bad is None
            return Timed((session.pulses.last_us() - at_us) / 1_000, since_s)
        finally:
            end(session)

    keeps(200 + 100, one)  # lines are synced every 200 ms


@pytest.mark.hazard("H29")
def test_a_second_host_on_the_port_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    session = begin(tmp_path / "home")
    try:
        until_pulsing(session, session.pulses.fresh)
        device = f"sim+p24:{tmp_path / 'home' / 'p24'}"
        words = ["run", str(tmp_path / "home" / "long.toml"), "--patient", "p2", "--level", "quadriceps=3"]
        second = subprocess.run(
            [sys.executable, "-m", "estim", *words, "--device", device],
            env=environment(tmp_path / "second"),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PATIENCE_S,
            check=False,
        )
        assert second.returncode == 3
        assert b"in use" in second.stdout + second.stderr
        assert session.front.poll() is None
        wait_until(session.pulses.fresh, what="it still stimulates")
        assert '"FAULT"' not in lines_of(session)
    finally:
        end(session)
