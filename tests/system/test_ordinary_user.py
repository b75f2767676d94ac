"""What the system lets root do and nobody else: these tests see a session as an ordinary user has it."""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.system.conftest import ROOT, RunningSimulator

CAP_SYS_ADMIN, PR_CAPBSET_DROP, PR_CAPBSET_READ = 21, 24, 23


def ordinary() -> None:
    """Root passes every lock on a terminal: not so the program that this process becomes."""
    if os.geteuid() == 0:
        ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, CAP_SYS_ADMIN, 0, 0, 0)


@pytest.mark.hazard("H29")
@pytest.mark.skipif(sys.platform != "linux", reason="exclusive use against root's children is Linux's")
def test_an_ordinary_users_take_over_finds_no_door_shut(
    tmp_path: Path, simulator: Callable[..., RunningSimulator]
) -> None:
    """Exclusive use outlives a killed controller for as long as another program has the port open: a take-over that
    opened it anew was told that it is in use, for ever, and ended UNCERTAIN.
    """
    port = simulator("--pty", str(tmp_path / "p24")).device
    given = subprocess.run(
        [sys.executable, "-m", "tests.system.ordinary_user", port, str(tmp_path / "home")],
        preexec_fn=ordinary,
        capture_output=True,
        cwd=ROOT,
        check=False,
        timeout=300,
    )
    assert given.returncode == 0, given.stderr.decode()
    said = json.loads(given.stdout)
    assert said["newcomer"] == "EBUSY", "nobody else gets in while a session has the port"
    assert said["output"] == "OFF", said["text"]
    assert said["after"] == "", "and it is given back"
