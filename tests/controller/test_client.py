"""The front's side: whom it takes for lost, and whom not."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from estim.controller import client
from estim.controller.client import SILENT_S, ControllerClient
from estim.controller.messages import encode_fatal
from estim.drivers.address import Address

LINGERS = f"""
import sys, time
sys.stdout.buffer.write({encode_fatal("the port is in use")!r})
sys.stdout.flush()
time.sleep(600)
"""


def test_a_controller_that_could_not_begin_is_never_taken_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine it took more than half a second to end: a take-over of the port that somebody else has."""

    def started(_module: str, _arguments: Sequence[str], **_: object) -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-c", LINGERS], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    monkeypatch.setattr(client, "start_module", started)
    one = ControllerClient(Address("p24", "socket://127.0.0.1:1", simulated=True), tmp_path)
    one._thread.join()
    one._child.poll()
    assert one.fatal == "the port is in use"
    assert one._child.returncode is None, f"it still lives, and may for longer than {SILENT_S} s"
    one.close()
    assert one.takeover is None
    assert one._child.wait() != 0
