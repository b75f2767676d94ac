"""No change of a sealed record or of the master chain goes unseen, and the first bad line is named."""

from __future__ import annotations

import datetime
from pathlib import Path

from estim.records.home import Home
from estim.records.verify_home import verify_home
from tests.records.build import NOON, session
from tests.records.tamper import campaign

# A prime, so that with the bit that turns with it every part of a line and every bit is met; `bench/records.py
# --tamper` tries all.
STEP = 13


def test_every_change_is_found_and_named(tmp_path: Path) -> None:
    home = Home(tmp_path)
    session(home, "K-2", at=NOON - datetime.timedelta(days=1), simulated=False)
    folder = session(home, simulated=False)
    table = campaign(folder, step=STEP)
    assert {way: row.missed for way, row in table.items() if row.missed} == {}
    assert {way: row.elsewhere for way, row in table.items() if row.elsewhere} == {}
    assert sum(row.tried for row in table.values()) > 1_200
    assert all(verdict.ok for verdict in verify_home(tmp_path))
