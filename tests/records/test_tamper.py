"""No change of a sealed record or of the master chain goes unseen, and the first bad line is named."""

from __future__ import annotations

import datetime
from pathlib import Path

from estim.records.home import Home
from estim.records.verify_home import verify_home
from tests.records.build import NOON, session
from tests.records.tamper import campaign, master_campaign

# A prime, so that with the bit that turns with it every part of a line and every bit is met; `bench/records.py
# --tamper` tries all.
STEP = 13


def test_every_change_of_a_record_is_found_and_named(tmp_path: Path) -> None:
    table = campaign(session(Home(tmp_path), simulated=False), step=STEP)
    assert {way: row.missed for way, row in table.items() if row.missed} == {}
    assert {way: row.elsewhere for way, row in table.items() if row.elsewhere} == {}
    assert sum(row.tried for row in table.values()) > 1_000
    assert all(verdict.ok for verdict in verify_home(tmp_path))


def test_every_change_of_the_master_chain_and_of_whole_sessions_is_found(tmp_path: Path) -> None:
    home = Home(tmp_path)
    session(home, "K-2", at=NOON - datetime.timedelta(days=1), simulated=False)
    table = master_campaign(session(home, simulated=False), step=STEP)
    assert {way: row.missed for way, row in table.items() if row.missed} == {}
    assert sum(row.tried for row in table.values()) > 100
    assert all(verdict.ok for verdict in verify_home(tmp_path))
