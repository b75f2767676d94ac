"""A session by hand on a device that counts as a real one: `estim run` on a terminal, a person's lines, a simulator."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.support import sample
from tests.system.conftest import PATIENCE_S, environment
from tests.system.machine import TRIES, EndedBefore
from tests.system.running import Pulses
from tests.system.terminal import ROOT

REAL = "device_id=P240012345"
CHECKS = ("identity", "pads", "skin", "stop-control", "warnings", "support", "bends", "red-button")
STOOD_STILL = re.compile(rb"was held up for \d+ ms|this program stood still")
NAMELESS = frozenset({"rehastim1", "rehastim2"})  # they say no id, so each counts as a real one


class TypedSession:
    """The front on a terminal of its own; `heard` is all that it printed."""

    def __init__(self, home: Path, *, on_s: int = 15, model: str = "p24", env: dict[str, str] | None = None) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self.home = home
        self.pulses = Pulses(home / "pulses.csv")
        command = [
            sys.executable, "-m", "firmware_sim", model, "--pulses", str(home / "pulses.csv"), "--pty",
            str(home / model), *([] if model in NAMELESS else ["--set", REAL]),
        ]  # fmt: skip
        self.simulator = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT)
        assert self.simulator.stdout is not None
        device = json.loads(self.simulator.stdout.readline())["device"]
        file = home / "long.toml"
        file.write_text(sample("on_s = 2\noff_s = 2", f"on_s = {on_s}\noff_s = {on_s}"), encoding="utf-8")
        words = [
            "run", str(file), "--patient", "P-1", "--operator", "PT1", "--device", f"{model}:{device}", "--pad",
            "quadriceps=7.6x12.7",
        ]  # fmt: skip
        run = [sys.executable, "-m", "estim", *words]
        surroundings = {**environment(home), "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "src")))}
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.execve(sys.executable, run, {**surroundings, **(env or {})})  # noqa: S606
        os.set_blocking(self.terminal, False)
        self.first = "2 mA" if model in NAMELESS else "1 mA"  # the first step of its grid
        self.heard = b""
        self.on_its_way = False  # see `reached`
        self.code: int | None = None

    @property
    def listens(self) -> bool:
        """It has a handler of its own for a polite kill: before that the system ends it, whatever it was to do."""
        caught = re.search(r"SigCgt:\s*([0-9a-f]+)", Path(f"/proc/{self.pid}/status").read_text("ascii"))
        assert caught is not None
        return bool(int(caught[1], 16) >> (signal.SIGTERM - 1) & 1)

    def look(self) -> None:
        """Take in what was printed, and whether it has ended."""
        self.pulses.look()
        with contextlib.suppress(OSError):
            while self.terminal >= 0 and (data := os.read(self.terminal, 65_536)):
                self.heard += data
        if self.code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.code = os.waitstatus_to_exitcode(status)

    def until(self, true: Callable[[], bool], what: str, *, seconds: float = 90) -> None:
        """Go on looking.

        Raises:
            TimeoutError: it does not come.
            EndedBefore: nor will it, since the machine stood still while the session was on its way (`reached`).
        """
        end = time.monotonic() + seconds
        while not true():
            self.look()
            if self.on_its_way and STOOD_STILL.search(self.heard):
                raise EndedBefore(self.heard[-3_000:].decode(errors="replace"))
            if time.monotonic() > end:
                raise TimeoutError(f"{what}:\n{self.heard[-3_000:].decode(errors='replace')}")
            time.sleep(0.002)

    def hear(self, word: str, *, seconds: float = 90) -> None:
        """Until `word` was printed since the last call, then forget what came before it."""
        found: list[re.Match[bytes]] = []

        def heard() -> bool:
            found[:] = [match] if (match := re.search(re.escape(word.encode()), self.heard)) else []
            return bool(found)

        self.until(heard, word, seconds=seconds)
        self.heard = self.heard[found[0].end() :]

    def type(self, text: str | bytes) -> None:
        """Keys, as they are."""
        os.write(self.terminal, text if isinstance(text, bytes) else text.encode())

    def start(self) -> None:
        """Start; on a busy machine the device's answer may be yet to come, and then it is asked again."""
        while True:
            self.type("start\n")
            self.until(lambda: b"RUNNING" in self.heard or b"not ready yet" in self.heard, "an answer to start")
            if b"RUNNING" in self.heard:
                return
            self.heard = self.heard.replace(b"not ready yet", b"")

    def to_output(self) -> None:
        """Screening, checks, start; output is on in titration when this returns."""
        while b"yes WHAT" not in self.heard:
            self.until(lambda: b"[yes/no] " in self.heard or b"yes WHAT" in self.heard, "a question")
            if b"[yes/no] " in self.heard:
                self.heard = self.heard.partition(b"[yes/no] ")[2]
                self.type("no\n")
        for what in CHECKS:
            self.type(f"yes {what}\n")
        self.type("arm\n")
        self.hear("ARMED")
        self.start()
        self.hear("HOLD")
        self.type("+ quadriceps\n")
        self.hear(self.first)
        self.until(self.pulses.fresh, "pulses")

    def close(self) -> None:
        """Give everything back."""
        self.on_its_way = False  # from here on nothing is waited for but its end
        self.look()
        if self.code is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            self.until(lambda: self.code is not None, "its end")
        if self.terminal >= 0:
            os.close(self.terminal)
        self.simulator.kill()
        self.simulator.wait(PATIENCE_S)
        assert self.simulator.stdout is not None
        self.simulator.stdout.close()


def reached(begin: Callable[[int], TypedSession], go: Callable[[TypedSession], object]) -> TypedSession:
    """A session that `go` has led to where it is wanted. The caller closes it.

    A machine that stands still for 250 ms ends a session, as it must: then it is begun again, `TRIES` times in all.

    Raises:
        EndedBefore: each ended so.
    """
    said = ""
    for number in range(TRIES):
        one = begin(number)
        one.on_its_way = True
        try:
            go(one)
        except EndedBefore as error:
            said = str(error)
            one.close()
        except BaseException:
            one.close()
            raise
        else:
            one.on_its_way = False
            return one
    raise EndedBefore(said)
