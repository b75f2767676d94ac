"""The front's side: whom it takes for lost, and whom not."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from estim.controller import client
from estim.controller.client import SILENT_S, ControllerClient
from estim.controller.interface import Takeover
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


class TakenOver:
    """A take-over that knows all at once."""

    def __init__(self, *_: object, say: Callable[[Takeover], None], **__: object) -> None:
        self.run = lambda: say(Takeover(cause="silent", output="UNCERTAIN", text="lost"))


def test_a_controller_that_no_kill_ends_is_not_waited_for_once_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Frozen beside a dead disk it kept the front for 2 s more: 8.6 s until its end, of 8 s promised."""
    speaks = "import sys, time\nsys.stdout.buffer.write(b'{}\\n')\nsys.stdout.flush()\ntime.sleep(600)"
    child = subprocess.Popen([sys.executable, "-c", speaks], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    waits: list[float] = []

    def waited(_child: object, wait_s: float) -> bool:
        waits.append(wait_s)
        return False

    monkeypatch.setattr(client, "start_module", lambda *_, **__: child)
    monkeypatch.setattr(client, "TakingOver", TakenOver)
    monkeypatch.setattr(client, "wait_until_gone", waited)
    one = ControllerClient(Address("p24", "socket://127.0.0.1:1", simulated=True), tmp_path)
    one._thread.join()
    assert one.takeover is not None
    one.close()
    child.wait()
    assert sum(waits) < SILENT_S
