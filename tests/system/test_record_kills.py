"""Records survive their writer: the kill campaign, with a small count."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.system.conftest import PATIENCE_S


@pytest.mark.skipif(sys.platform == "win32", reason="forks")
def test_nothing_acknowledged_is_lost_when_the_writer_is_killed() -> None:
    script = Path(__file__).with_name("record_kills.py")
    done = subprocess.run(
        [sys.executable, str(script), "--kills", "15"], capture_output=True, text=True, check=False, timeout=PATIENCE_S
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "15 kills" in done.stdout
    assert " 0 wrong" in done.stdout
