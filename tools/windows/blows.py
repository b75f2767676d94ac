"""What a Windows session is put through: one that goes to its end, and one whose processes are ended by force."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tools.lock import ROOT
from tools.windows.run import words_of

PROTOCOL = ROOT / "tests" / "data" / "short.toml"
TRIES = 3
ENDED = "the session ended by itself before anybody struck"
STOOD_STILL = "this machine stood still for more than 250 ms"
SESSION_S = 120.0  # a session of 20 s, on a machine that does something else beside it
# From the blow to the last pulse, ms: who is left ends output at once; with nobody left the P24's own timer does.
BOUND_MS = {"front": 100.0, "controller": 100.0, "both": 2_000.0}
BUSY_MS = 400.0  # what a busy machine may add, as in tests/system/session_kills.py
_WORDS: dict[str, tuple[str, ...]] = {"front": ("-m estim run",), "controller": ("estim.controller",)}
_WORDS["both"] = (*_WORDS["front"], *_WORDS["controller"])


class NoTime(Exception):
    """The time that there was for all is over; what was not seen is neither right nor wrong."""


def most_s(until: float | None) -> float:
    """How long one step may be waited for, where all has to end by then.

    Raises:
        NoTime: that is now.
    """
    left = SESSION_S if until is None else min(SESSION_S, until - time.monotonic())
    if left <= 0:
        raise NoTime
    return left


def session(cache: Path, home: Path, until: float | None = None) -> list[str]:
    """A whole scripted session in real time; what is wrong with it.

    A machine that stands still for 250 ms ends a session, as it must: then another one is begun.
    """
    for number in range(TRIES):
        wrong = _session(cache, home / str(number), until)
        if STOOD_STILL not in wrong:
            break
        print(f"session: {STOOD_STILL}", flush=True)
    return [f"session: {wrong}"] if wrong else []


def _session(cache: Path, home: Path, until: float | None) -> str:
    patience_s = most_s(until)
    words = ["-m", "estim", "run", str(PROTOCOL), "--patient", "p1", "--level", "quadriceps=3", "--yes", "--json"]
    try:
        done = subprocess.run(
            words_of(cache, words, {"ESTIM_HOME": str(home)}),
            stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=patience_s,
        )  # fmt: skip
        said = json.loads(done.stdout)
    except subprocess.TimeoutExpired:
        if patience_s < SESSION_S:
            raise NoTime from None
        return f"not at its end after {SESSION_S:g} s"
    except ValueError:
        return f"exit {done.returncode}: {done.stderr.decode(errors='replace')[-600:]}"
    print(f"session: {said['outcome']}, {said['contractions']} contractions, verified: {said['record_verified']}")
    if said["outcome"] == "completed" and said["contractions"] == 3 and said["record_verified"]:
        return ""
    faults = [line for path in home.rglob("record.jsonl") for line in path.read_text("utf-8").splitlines()
              if '"kind":"fault"' in line]  # fmt: skip
    why = STOOD_STILL if any('"clock-jumped"' in line for line in faults) else f"{said['problems']} {faults}"
    return f"{said['outcome']}, {said['contractions']} contractions: {why}"


def last_us(pulses: Path) -> int:
    """Device time of the last pulse; -1 for none."""
    lines = pulses.read_bytes().splitlines() if pulses.exists() else []
    return int(lines[-1].split(b",")[0]) if len(lines) > 2 and lines[-1].count(b",") >= 7 else -1


def blow(cache: Path, home: Path, whom: str, until: float | None = None) -> list[str]:
    """End the front, the controller or both by force while it stimulates; when does the last pulse fall?"""
    for number in range(TRIES):
        wrong = _blow(cache, home / str(number), whom, until)
        if wrong != [ENDED]:
            break
        print(f"{whom}: {ENDED}", flush=True)
    return [f"{whom}: {each}" for each in wrong]


def _blow(cache: Path, home: Path, whom: str, until: float | None) -> list[str]:
    patience_s = most_s(until)
    home.mkdir(parents=True)
    pulses, file = home / "pulses.csv", home / "long.toml"
    text = PROTOCOL.read_text(encoding="utf-8").replace("on_s = 2\noff_s = 2", "on_s = 15\noff_s = 15")
    file.write_text(text, encoding="utf-8")
    simulator = subprocess.Popen(
        words_of(cache, ["-m", "firmware_sim", "p24", "--tcp", "0", "--pulses", str(pulses)], {}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
    )
    front = None
    try:
        told = simulator.stdout.readline() if simulator.stdout is not None else b""
        if not told:
            return ["the simulator does not start"]
        device = json.loads(told)["device"]
        words = ["-m", "estim", "run", str(file), "--patient", "p1", "--level", "quadriceps=3", "--yes", "--device"]
        front = subprocess.Popen(
            words_of(cache, [*words, f"sim+p24:{device}"], {"ESTIM_HOME": str(home)}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        running = front.poll
        if not wait(lambda: therapy(home) or running() is not None, patience_s):
            if patience_s < SESSION_S:
                raise NoTime
            return [f"no therapy within {SESSION_S:g} s"]
        if running() is not None:
            return [ENDED]
        return _strike(home, pulses, whom)
    finally:
        for process in (front, simulator):
            if process is not None:
                process.kill()
                process.communicate()


def _strike(home: Path, pulses: Path, whom: str) -> list[str]:
    victims = [processes(words, str(home)) for words in _WORDS[whom]]
    if not all(victims):
        return ["its process is not found"]
    ages = []  # our clock minus the device's: the least that is seen
    for _ in range(40):
        time.sleep(0.01)
        ages.append(time.monotonic_ns() // 1_000 - last_us(pulses))
    at_us = time.monotonic_ns() // 1_000 - min(ages)
    for pid in (pid for pids in victims for pid in pids):
        os.kill(pid, signal.SIGKILL)
    time.sleep(4)
    ended_us = last_us(pulses)
    time.sleep(0.5)
    after_ms = max(0, ended_us - at_us) / 1_000
    judged = verified(home)
    print(f"{whom} ended by force: last pulse {after_ms:.0f} ms after it; record: {judged}", flush=True)
    if last_us(pulses) != ended_us or after_ms > BOUND_MS[whom] + BUSY_MS:
        return [f"output went on for {after_ms:.0f} ms and more"]
    # With both gone nobody closes the record; what of it was written is whole.
    return [] if judged.startswith("ok" if whom != "both" else "incomplete") else [f"record {judged}"]


def verified(home: Path) -> str:
    """What Linux' own estim says of the last record that Windows left."""
    words = [sys.executable, "-m", "estim", "records", "verify", "--json", "--home", str(home)]
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, check=False, cwd=ROOT)
    try:
        found = json.loads(done.stdout)["sessions"][-1]
    except (ValueError, IndexError):
        return f"not one that can be read: {done.stderr.decode(errors='replace')[-300:]}"
    return f"ok, {found['ending']}" if found["ok"] else f"{found['ending']}: {found['reason']}"


def processes(words: str, home: str) -> list[int]:
    """Windows processes whose command line has these words and whose surroundings name this home."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            surroundings = (entry / "environ").read_bytes().decode(errors="replace")
        except OSError:
            continue
        if words in line and "python.exe" in line and "unshare" not in line and (home in line or home in surroundings):
            found.append(int(entry.name))
    return found


def therapy(home: Path) -> bool:
    """The contraction of therapy is on."""
    for record in (home / "records" / "simulated").glob("*/record.jsonl"):
        lines = record.read_bytes().splitlines()
        began = [number for number, line in enumerate(lines) if b'"after":"RUNNING"' in line]
        if len(began) > 1 and sum(b'"kind":"command"' in line for line in lines[began[1] :]) > 3:
            return True
    return False


def wait(true: Callable[[], bool], seconds: float) -> bool:
    """Until it is so; False if it is not within this time."""
    until = time.monotonic() + seconds
    while not true():
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True
