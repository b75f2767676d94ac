"""Many sessions looked at side by side: every verdict is as it is one after the other."""

from __future__ import annotations

import datetime
import os
from pathlib import Path

import pytest

from estim.records.home import Home
from estim.records.side_by_side import side_by_side
from estim.records.verify import SessionVerdict
from estim.records.verify_home import verify_home
from tests.records.build import NOON, session


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """18 sessions: good, broken off, one changed, one cut."""
    home = Home(tmp_path_factory.mktemp("many") / "home")
    for number in range(18):
        end = ("completed", "fault", "broken")[number % 3]
        session(home, f"K-{number}", at=NOON + number * datetime.timedelta(hours=1), end=end, simulated=False)
    folders = sorted(path for path in home.records(simulated=False).iterdir() if path.is_dir())
    for folder, change in ((folders[3], _changed), (folders[7], _cut)):
        (folder / "record.jsonl").write_bytes(change((folder / "record.jsonl").read_bytes()))
    return home


def _changed(data: bytes) -> bytes:
    return data.replace(b'"pulses":4500', b'"pulses":4501')


def _cut(data: bytes) -> bytes:
    return data[:-1]


@pytest.mark.parametrize("deep", [False, True])
def test_the_verdicts_are_those_of_one_after_the_other(home: Home, *, deep: bool) -> None:
    told: list[tuple[int, int]] = []
    alone = verify_home(home.root, deep=deep)
    assert verify_home(home.root, deep=deep, jobs=3, progress=lambda *at: told.append(at)) == alone
    assert told == [(done, 18) for done in range(1, 19)]
    assert sum(not verdict.ok for verdict in alone) == 8


class _Dying:
    """A look whose process is killed at one of the sessions."""

    def __init__(self) -> None:
        self._parent = os.getpid()

    def __call__(self, folder: Path) -> SessionVerdict:
        if folder.name == "5" and os.getpid() != self._parent:
            os._exit(9)
        return SessionVerdict(path=str(folder), ok=True)


def test_a_process_that_is_killed_loses_no_session(tmp_path: Path) -> None:
    folders = [tmp_path / str(number) for number in range(20)]
    verdicts = list(side_by_side(_Dying(), folders, 2, processes=True))
    assert [verdict.path for verdict in verdicts] == [str(folder) for folder in folders]
