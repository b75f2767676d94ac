"""A therapist's hands: the whole way of a session on a real console, by keys, looking at the screen as she would."""

from __future__ import annotations

from pathlib import Path

from tests.support import sample
from tests.system.terminal import Tty

TITLE = "A short one for trying out"


def own_protocol(home: Path, text: str = "") -> None:
    """The sample among the site's own protocols, with contractions of 15 s unless `text` is another one."""
    (home / "protocols").mkdir(parents=True, exist_ok=True)
    long = text or sample("on_s = 2\noff_s = 2", "on_s = 15\noff_s = 15")
    (home / "protocols" / "short.toml").write_text(long, encoding="utf-8")


def sign_in(tty: Tty, patient: str = "P-017") -> None:
    tty.sees("[Patient]")
    tty.sees("IDLE")
    tty.type("PT1")
    tty.press("enter")
    tty.type(patient)
    tty.press("f8")
    tty.sees("[Protocol]")


def choose(tty: Tty, words: str = "short one") -> None:
    tty.type(words)
    tty.look(0.3)
    tty.press("f8")
    tty.sees("[Screening]")


def screen(tty: Tty) -> None:
    """First session: a no to each question."""
    for _ in range(40):
        tty.press("n")
    tty.press("f8")
    tty.sees("[Pads]")


def place(tty: Tty) -> None:
    tty.press("l", "k")
    tty.sees("How is it?")
    tty.press("1", "f8")
    tty.sees("[Device]")


def try_device(tty: Tty) -> None:
    """Checks confirmed, the stop tried at 0 mA, no patient's switch."""
    confirm(tty)
    tty.press("f2")
    tty.sees("Press SPACE now")
    tty.press("space")
    tty.sees("ms after the key")
    tty.press("n", "f8")
    tty.sees("[Levels]")


def confirm(tty: Tty) -> None:
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


def _asks(tty: Tty) -> bool:
    return "treated all the same" in tty.picture.text or "Who?" in tty.picture.text


def find_levels(tty: Tty, *, steps: int = 3) -> None:
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


def start_therapy(tty: Tty) -> None:
    """Through the checks to the first therapeutic contraction."""
    confirm(tty)
    tty.press("f2")
    tty.sees("F9 starts, SPACE")
    tty.press("f9")
    tty.sees("STIM ON", seconds=60)


def to_therapy(tty: Tty) -> None:
    sign_in(tty)
    choose(tty)
    screen(tty)
    place(tty)
    try_device(tty)
    find_levels(tty)
    start_therapy(tty)
