"""The console of Windows' Python: its keys typed, its screen read, over the pipes that a browser's tab has.

Wine draws a console of its own for a terminal and takes escape sequences for letters, so what stands there is not what
Windows shows. From Textual on everything here is the product's: sign-in, levels, therapy, looking on, stop, take-over.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import time
from pathlib import Path

from tests.system import therapist
from tests.system.terminal import KEYS, Hands, Picture
from tools.windows.blows import BOUND_MS, BUSY_MS, SESSION_S, last_us, processes, verified
from tools.windows.run import words_of

COLUMNS, ROWS = 100, 30
GREETING = b"__GANGLION__\n"  # what Textual's driver for a browser says first
HEAD = 5  # D or M, and the length of what follows: 4 bytes, the highest first


class Screen(Hands):
    """One console under Windows' Python."""

    patience_s = SESSION_S

    def __init__(self, cache: Path, home: Path, *arguments: str) -> None:
        settings = {
            "ESTIM_HOME": str(home), "TEXTUAL_DRIVER": "textual.drivers.web_driver:WebDriver",
            "COLUMNS": str(COLUMNS), "ROWS": str(ROWS), "LANG": "C.UTF-8",
        }  # fmt: skip
        self.process = subprocess.Popen(
            words_of(cache, ["-m", "estim", "console", *arguments], settings),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self.picture = Picture(COLUMNS, ROWS)
        self._rest = b""
        _OPEN.add(self)

    def look(self, seconds: float = 0.0) -> None:
        """Take in what is drawn within `seconds`; other screens are read as well, or their consoles would stand."""
        until = time.monotonic() + seconds
        while True:
            outs = {one.process.stdout: one for one in _OPEN if one.process.stdout is not None}
            drawn = select.select(list(outs), [], [], max(0.0, until - time.monotonic()))[0]
            for out in drawn:
                data = os.read(out.fileno(), 65536)
                if data:
                    outs[out].take(data)
                else:
                    _OPEN.discard(outs[out])
            if not drawn or time.monotonic() > until or self not in _OPEN:
                return

    def take(self, data: bytes) -> None:
        """What was drawn, in packets as they come."""
        data = self._rest + data
        if not data.startswith((b"D", b"M", b"P")):  # what Python says before
            before, found, data = data.partition(GREETING)
            if not found:
                self._rest = before
                return
        while len(data) >= HEAD and len(data) >= (end := HEAD + int.from_bytes(data[1:HEAD], "big")):
            if data[:1] == b"D":
                self.picture.feed(data[HEAD:end])
            data = data[end:]
        self._rest = data

    def press(self, *keys: str) -> None:
        """One after the other, as a browser sends them."""
        for key in keys:
            typed = KEYS.get(key) or key.encode()
            if self.process.stdin is not None:
                self.process.stdin.write(b"D" + len(typed).to_bytes(4, "big") + typed)
                self.process.stdin.flush()
            self.look(0.05)

    def end(self) -> None:
        """By force."""
        _OPEN.discard(self)
        self.process.kill()
        self.process.communicate()


_OPEN: set[Screen] = set()  # screens that are looked at


def console(cache: Path, home: Path, pictures: Path) -> list[str]:
    """A console walked to its therapy, one that looks on, its controller ended by force; what is wrong with it.

    What each screen shows is written as text into `pictures`.
    """
    home.mkdir(parents=True)
    pictures.mkdir(parents=True, exist_ok=True)
    pulses = home / "pulses.csv"
    therapist.own_protocol(home)
    simulator = subprocess.Popen(
        words_of(cache, ["-m", "firmware_sim", "p24", "--tcp", "0", "--pulses", str(pulses)], {}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
    )
    screens: list[Screen] = []

    def shown(one: Screen, name: str) -> None:
        (pictures / f"{name}.txt").write_text(one.picture.text + "\n", encoding="utf-8")

    try:
        device = json.loads(simulator.stdout.readline() if simulator.stdout is not None else b"{}")["device"]
        own = Screen(cache, home, "--device", f"sim+p24:{device}")
        screens.append(own)
        own.sees("Who works here?")
        shown(own, "1-sign-in")
        therapist.to_therapy(own)
        shown(own, "2-therapy")
        other = Screen(cache, home, "--observe")
        screens.append(other)
        other.sees("OBSERVER")
        other.sees("STIM ON", "RUNNING")
        shown(other, "3-looking-on")
        other.end()
        own.sees("STIM ON")  # somebody who leaves ends nothing
        wrong = _controller_ends(home, pulses, own)
        shown(own, "4-taken-over")
        print(f"console: therapy, looked on, controller ended by force; record: {verified(home)}", flush=True)
        return wrong
    except AssertionError as error:  # with what its screen shows
        return [f"console: {error}"]
    finally:
        for one in screens:
            one.end()
        simulator.kill()
        simulator.communicate()


def _controller_ends(home: Path, pulses: Path, own: Screen) -> list[str]:
    pids = processes("estim.controller", str(home))
    if not pids:
        return ["console: its controller is not found"]
    own.look(0.3)
    age_us = min(_age_us(pulses) for _ in range(40))
    at_us = time.monotonic_ns() // 1_000 - age_us
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    own.sees("this console has stopped the stimulator itself")
    own.look(2.0)
    after_ms = max(0, last_us(pulses) - at_us) / 1_000
    print(f"console: last pulse {after_ms:.0f} ms after its controller was ended", flush=True)
    return [] if after_ms <= BOUND_MS["controller"] + BUSY_MS else [f"console: output went on for {after_ms:.0f} ms"]


def _age_us(pulses: Path) -> int:
    """Our clock minus the device's, as far as the last pulse tells."""
    time.sleep(0.01)
    return time.monotonic_ns() // 1_000 - last_us(pulses)
