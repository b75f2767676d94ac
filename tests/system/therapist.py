"""A therapist's hands: the whole way of a session on a real console, by keys, looking at the screen as she would."""

from __future__ import annotations

import re
import time
from pathlib import Path

from tests.support import sample
from tests.system.terminal import Hands

TITLE = "A short one for trying out"


def own_protocol(home: Path, text: str = "") -> None:
    """The sample among the site's own protocols, with contractions of 15 s unless `text` is another one."""
    (home / "protocols").mkdir(parents=True, exist_ok=True)
    long = text or sample("on_s = 2\noff_s = 2", "on_s = 15\noff_s = 15")
    (home / "protocols" / "short.toml").write_text(long, encoding="utf-8")


def sign_in(tty: Hands, patient: str = "P-017") -> None:
    tty.sees("[Patient]")
    tty.sees("IDLE")
    tty.type("PT1")
    tty.press("enter")
    tty.look(0.3)  # the cursor goes to the next field
    tty.type(patient)
    tty.sees(f"NEW patient {patient}", f"KNOWN patient {patient}")
    tty.press("f8")
    tty.sees("[Protocol]")


def choose(tty: Hands, words: str = "short one") -> None:
    tty.type(words)
    tty.look(0.3)
    tty.press("f8")
    tty.sees("[Screening]")


def screen(tty: Hands) -> None:
    """First session: a no to each question."""
    for _ in range(40):
        tty.press("n")
    tty.press("f8")
    tty.sees("[Pads]")


def place(tty: Hands) -> None:
    tty.press("l", "k")
    tty.sees("How is it?")
    tty.press("1")
    tty.sees("Skin before: normal")
    tty.press("f8")
    tty.sees("[Device]")


def try_device(tty: Hands) -> None:
    """Checks confirmed, the stop tried at 0 mA, no patient's switch."""
    confirm(tty)
    tty.press("f2")
    tty.sees("Press SPACE now")
    tty.press("space")
    tty.sees("ms after the key")
    tty.press("n")
    tty.sees("All of it works")
    tty.press("f8")
    tty.sees("[Levels]")


def confirm(tty: Hands) -> None:
    """Each check that is asked for, read and confirmed."""
    tty.sees("Before output")
    tty.look(0.5)
    for _ in range(12):
        text = tty.picture.text
        left = text.count("[ ]")
        if not left:
            return
        tty.press("y")
        tty.wait(lambda left=left: _asks(tty) or tty.picture.text.count("[ ]") < left, what="the check is taken")  # type: ignore[misc]
        if "treated all the same" in tty.picture.text:
            tty.press("1")
        elif "Who?" in tty.picture.text:
            tty.type("patient")
            tty.press("enter")
        else:
            continue
        tty.wait(lambda left=left: not _asks(tty) and tty.picture.text.count("[ ]") < left, what="it is taken")  # type: ignore[misc]


def _asks(tty: Hands) -> bool:
    return "treated all the same" in tty.picture.text or "Who?" in tty.picture.text


def find_levels(tty: Hands, *, steps: int = 3) -> None:
    tty.press("f2")
    tty.sees("F9 starts, SPACE")
    tty.press("f9")
    for _ in range(steps):
        tty.sees("+ raises", seconds=60)
        tty.press("+")
        tty.look(0.7)
    tty.press("t", "n")
    tty.sees("All levels are found", seconds=60)
    tty.press("f8")
    tty.sees("[Treat]")


def start_therapy(tty: Hands) -> None:
    """Through the checks to the first therapeutic contraction."""
    confirm(tty)
    tty.press("f2")
    tty.sees("F9 starts, SPACE")
    tty.press("f9")
    tty.sees("STIM ON", seconds=60)


def to_therapy(tty: Hands) -> None:
    sign_in(tty)
    choose(tty)
    screen(tty)
    place(tty)
    try_device(tty)
    find_levels(tty)
    start_therapy(tty)


def heard(tty: Hands) -> str:
    """What the simulated patient said last, as the practice line quotes it."""
    said = re.findall("“([^”]*)”", tty.picture.text)
    return said[-1] if said else ""


def practice(tty: Hands) -> tuple[int, int]:
    """Force in N and fatigue in percent, from the practice line."""
    tty.look(0.05)
    line = re.search(r"ch\d (\d+) N .*fatigue (\d+) %", tty.picture.text)
    return (int(line[1]), int(line[2])) if line else (0, 0)


def ask_for_levels(tty: Hands, *, seconds: float = 120.0) -> list[tuple[str, str]]:
    """One step at a time; what the patient says decides each mark. Gives the marks with the words they rest on."""
    tty.press("f2")
    tty.sees("F9 starts, SPACE")
    tty.press("f9")
    marks = {"tingling": "s", "moves": "m", "strong": "t"}
    found: list[tuple[str, str]] = []
    until = time.monotonic() + seconds
    while "t" not in (key for key, _ in found):
        assert time.monotonic() < until, f"the patient never called it strong\n{tty.picture.text}"
        tty.look(0.05)
        said = heard(tty)
        key = next((key for word, key in marks.items() if word in said), "")
        if key and key not in (known for known, _ in found):
            tty.press(key)
            found.append((key, said))
        elif "+ raises" in tty.picture.text:
            level = _level(tty)
            tty.press("+")
            tty.wait(lambda level=level: _level(tty) != level or "+ raises" not in tty.picture.text, what="a step")  # type: ignore[misc]
    tty.press("n")
    tty.sees("All levels are found", seconds=60)
    return found


def _level(tty: Hands) -> str:
    shown = re.search(r"level ([\d.]+)", tty.picture.text)
    return shown[1] if shown else ""


def in_the_room(tty: Hands, what: str) -> None:
    """Have something happen beside the simulated device: H, and the digit that stands before `what`."""
    tty.press("h")
    tty.sees("In the simulated room")
    line = next(line for line in tty.picture.text.splitlines() if what in line)
    digit = re.search(r"(\d)  Practice", line)
    assert digit is not None, line
    tty.press(digit[1])


def end_and_sign(tty: Hands) -> None:
    """Outcome and signature of a treatment that is over."""
    tty.press("f8")
    tty.sees("[Outcome]")
    tty.press("3", "tab", "2", "tab", "0")
    tty.look(0.3)
    tty.press("f8")
    tty.sees("[Sign]")
    tty.press("f8")
    tty.sees("1  performed")
    tty.press("1")
    tty.sees("SEALED")
