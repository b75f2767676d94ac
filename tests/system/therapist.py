"""A therapist's hands: the whole way of a session on a real console, by keys, looking at the screen as she would.

What the screen names as next (`→ KEY`) is pressed; the words that the tests wait for are those that a person reads.
"""

from __future__ import annotations

import contextlib
import json
import re
import time
from collections.abc import Callable
from pathlib import Path

from estim.console.draft import Stage
from estim.session.screening import scripted_answers
from tests.support import PLACE_OF, sample
from tests.system.terminal import Hands

TITLE = "A short one for trying out"
SHORT_ID = "short-one"
NAMED = {"Enter": "enter", "Space": "space", "Esc": "escape", "Tab": "tab", "↑": "up", "↓": "down", "Ctrl+Q": "ctrl+q"}
ANSWERS = {key: value for key, value in scripted_answers().items() if key != "R48"}
AGAIN_S = 0.75  # the same key counts again only after a pause


def own_protocol(home: Path, text: str = "") -> None:
    """The sample among the site's own protocols, with contractions of 15 s unless `text` is another one; and P-017, who
    was treated with it before, so that only today's questions are asked.
    """
    (home / "protocols").mkdir(parents=True, exist_ok=True)
    long = text or sample("on_s = 2\noff_s = 2", "on_s = 15\noff_s = 15")
    (home / "protocols" / "short.toml").write_text(long, encoding="utf-8")
    known_patient(home, id_of(long))


def id_of(text: str) -> str:
    found = re.search(r'^id = "([^"]+)"', text, re.MULTILINE)
    assert found is not None
    return found[1]


def known_patient(home: Path, protocol: str, patient: str = "P-017") -> None:
    """A signed session of last week, as far as the console reads it."""
    folder = home / "records" / "simulated" / f"0-past-{patient}"
    if folder.exists():
        return
    folder.mkdir(parents=True)
    schedule = {
        "protocol_id": protocol, "protocol_title": TITLE, "protocol_version": "1.0.0", "purpose": "therapy", "week": 1,
        "session": 1, "channels": [{"channel": 1, "name": "quadriceps", "side": "left", "level_ua": 20_000}],
    }  # fmt: skip
    lines = [
        ("header", {"patient": patient, "utc": "2026-11-01T08:00:00.000+00:00", "operator": "PT1"}),
        ("screening", {"answers": ANSWERS, "scripted": False}),
        ("setup", {"schedule": schedule}),
        ("signature", {"operator": "PT1"}),
        ("end", {"outcome": "completed", "output": "OFF", "contractions": 3}),
    ]
    rows = [json.dumps({"kind": kind, "fields": fields}, separators=(",", ":")) for kind, fields in lines]
    (folder / "record.jsonl").write_text("\n".join(rows) + "\n", encoding="utf-8")


def named(tty: Hands) -> str:
    """The key that the next line names, "" for none."""
    lines = [line for line in tty.picture.text.splitlines() if line.startswith(" → ")]
    if not lines:
        return ""
    key = lines[-1][3:].split(" ", 1)[0]
    return NAMED.get(key) or (key.lower() if len(key) > 1 or key.isalpha() else key)


def follow(tty: Hands, until: Callable[[str], bool], *, seconds: float = 120.0) -> None:
    """Press what the next line names until the screen says so."""
    end = time.monotonic() + seconds
    before = ""
    while not until(tty.picture.text):
        assert time.monotonic() < end, f"not within {seconds} s\n{tty.picture.text}"
        key = named(tty)
        if not key:
            tty.look(0.05)
            continue
        if key == before:
            tty.look(AGAIN_S)
            if until(tty.picture.text) or named(tty) != key:
                continue
        tty.press(key)
        before = key
        line = _next(tty)
        waited = time.monotonic() + 1.0
        while _next(tty) == line and time.monotonic() < waited:
            tty.look(0.05)


def _next(tty: Hands) -> str:
    return next((line for line in reversed(tty.picture.text.splitlines()) if line.startswith((" → ", " · "))), "")


def sign_in(tty: Hands, patient: str = "P-017") -> None:
    tty.sees("Who works here?")
    tty.sees("IDLE")
    tty.look(0.3)
    tty.type("PT1")
    tty.sees("signs in as PT1")
    words = ("takes a new patient", "opens P-")
    for _ in range(3):  # keys that a busy console reads all at once do nothing: a person presses Enter again
        tty.look(0.3)
        if "signs in as PT1" in tty.picture.text:
            tty.press("enter")
        with contextlib.suppress(AssertionError):
            tty.sees(*words, seconds=tty.patience_s / 4)
            break
    tty.sees(*words)
    tty.look(0.5)
    if patient in tty.picture.text:
        tty.press("/")
        tty.look(0.3)
        tty.type(patient)
        tty.sees(f"opens {patient}")
        follow(tty, lambda text: "Two identifiers" in text)
    else:
        tty.press("n")
        tty.sees("Two identifiers")
        tty.look(0.3)
        tty.press("t")
        tty.look(0.3)
        tty.type(patient)
        tty.sees(f"takes {patient}")
        tty.press("enter")
    # Where drawing is slow, the line that names Y may have been there, and followed, before the words above it.
    tty.sees("two identifiers were read back", PLACE_OF[Stage.PLAN], PLACE_OF[Stage.SCREENING])
    tty.look(0.2)
    if "two identifiers were read back" in tty.picture.text:
        tty.press("y")
    tty.sees(PLACE_OF[Stage.PLAN], PLACE_OF[Stage.SCREENING])


def choose(tty: Hands, words: str = "short one", side: str = "l") -> None:
    """For a patient without a plan; one with a plan is at the questions already."""
    if PLACE_OF[Stage.SCREENING] in tty.picture.text:
        return
    tty.look(0.3)
    tty.press("/")
    tty.look(0.3)
    tty.type(words)
    tty.sees("→ Enter marks")
    after = ("side is treated", PLACE_OF[Stage.ASSESSMENT], PLACE_OF[Stage.SCREENING])
    follow(tty, lambda text: any(words in text for words in after))
    if "side is treated" in tty.picture.text:
        tty.look(0.2)
        tty.press(side)
    follow(tty, lambda text: PLACE_OF[Stage.SCREENING] in text)


def screen(tty: Hands) -> None:
    """A no to each question, nothing new to each group."""
    follow(tty, lambda text: PLACE_OF[Stage.PADS] in text)


def place(tty: Hands) -> None:
    follow(tty, lambda text: PLACE_OF[Stage.DEVICE] in text)


def try_device(tty: Hands) -> None:
    """Checks confirmed, the stop tried at 0 mA."""
    follow(tty, lambda text: PLACE_OF[Stage.LEVELS] in text)


def find_levels(tty: Hands, *, steps: int = 3) -> None:
    follow(tty, lambda text: "→ + " in text)
    for _ in range(steps):
        tty.sees("→ + ")
        tty.press("+")
        tty.look(0.7)
    tty.press("t")
    tty.sees(PLACE_OF[Stage.TREAT])


def start_therapy(tty: Hands) -> None:
    """Through the last look to the first therapeutic contraction."""
    follow(tty, lambda text: "STIM ON" in text or "RUNNING" in text)
    tty.sees("STIM ON")


def to_therapy(tty: Hands, patient: str = "P-017") -> None:
    sign_in(tty, patient)
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
    found: list[tuple[int, int]] = []

    def shown() -> bool:  # a picture that is just being drawn may lack it
        line = re.search(r"PRACTICE ch\d (\d+) N · fatigue (\d+) %", tty.picture.text)
        found.extend([(int(line[1]), int(line[2]))] if line else [])
        return bool(found)

    tty.wait(shown, what="the practice line")
    return found[0]


def ask_for_levels(tty: Hands, *, seconds: float = 120.0) -> list[tuple[str, str]]:
    """One step at a time; what the patient says decides each mark. Gives the marks with the words they rest on."""
    follow(tty, lambda text: "→ + " in text)
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
        elif "→ + " in tty.picture.text:
            level = _level(tty)
            tty.press("+")
            tty.wait(lambda level=level: _level(tty) != level or "→ + " not in tty.picture.text, what="a step")  # type: ignore[misc]
    tty.sees(PLACE_OF[Stage.TREAT])
    return found


def _level(tty: Hands) -> str:
    shown = re.search(r"([\d.]+) mA asked", tty.picture.text)
    return shown[1] if shown else ""


def in_the_room(tty: Hands, what: str) -> None:
    """Have something happen beside the simulated device: H, and the digit that stands before `what`."""
    tty.press("h")
    tty.sees("In the simulated room")
    tty.look(0.2)
    row = re.compile(rf"(\d)  [^\n]*{re.escape(what)}")  # its head may be drawn before its rows are
    tty.wait(lambda: row.search(tty.picture.text) is not None, what=what)
    digit = row.search(tty.picture.text)
    assert digit is not None
    tty.press(digit[1])
    tty.wait(lambda: "In the simulated room" not in tty.picture.text, what="the room is left")


def end_and_sign(tty: Hands) -> None:
    """Outcome and signature of a treatment that is over."""
    follow(tty, lambda text: "SEALED" in text)
