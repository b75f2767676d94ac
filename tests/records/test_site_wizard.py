"""`estim limits propose` at a terminal asks for what is missing, and says at each question how far and why."""

from __future__ import annotations

import datetime
import io
from pathlib import Path

import pytest

from estim.cli import main
from estim.cli.site_wizard import Stopped, Wanted, Wizard
from estim.records.site import proposal, proposals

TODAY = datetime.date.today()
LAST = (TODAY + datetime.timedelta(days=60)).isoformat()


class Terminal(io.StringIO):
    """Keys that a person types, or the screen that they look at."""

    def isatty(self) -> bool:
        return True


class Person:
    """Who answers line by line, and what they were shown."""

    def __init__(self, *lines: str) -> None:
        self.lines, self.seen = list(lines), list[str]()

    def ask(self, question: str) -> str:
        self.seen.append(question)
        if not self.lines:
            raise EOFError
        return self.lines.pop(0)

    @property
    def screen(self) -> str:
        return "\n".join(self.seen)


def asked(person: Person) -> Wizard:
    return Wizard(person.ask, person.seen.append, proposals(), TODAY)


def at_a_terminal(monkeypatch: pytest.MonkeyPatch, words: list[str], *lines: str) -> str:
    """What stands on the screen after the command."""
    screen = Terminal()
    monkeypatch.setattr("sys.stdin", Terminal("".join(f"{line}\n" for line in lines)))
    monkeypatch.setattr("sys.stdout", screen)
    assert main(["limits", "propose", *words]) == 0
    return screen.getvalue()


def test_the_whole_way_writes_what_the_options_would_have(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = tmp_path / "typed.toml", tmp_path / "given.toml"
    shown = at_a_terminal(
        monkeypatch,
        [],
        "amplitude_ua",
        "110",
        "",
        "strong legs",
        "our protocol 7",
        "Anna",
        "Dr Um",
        LAST,
        str(one),
        "y",
    )
    for words in ("icu-12-6", "in mA? (shipped 100 mA, at most 130 mA; ", "Why is it wanted? (", "Signed by nobody"):
        assert words in shown
    options = ["--reason", "strong legs", "--source", "our protocol 7", "--asked-by", "Anna", "--responsible", "Dr Um"]
    given = ["--set", "amplitude_ua=110000", *options, "--until", LAST, "-o", str(other)]
    assert "?" not in at_a_terminal(monkeypatch, given)
    assert one.read_text("utf-8") == other.read_text("utf-8")


def test_what_the_options_say_is_not_asked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = str(tmp_path / "site.toml")
    shown = at_a_terminal(monkeypatch, ["icu-12-6", "--asked-by", "Anna", "-o", file], "Dr Um", LAST, "y")
    assert "Who answers for it?" in shown
    assert "Last day on which it holds?" in shown
    for said in ("What shall move?", "Why is it wanted?", "What does it rest on?", "Who asks for it?", "File for"):
        assert said not in shown
    assert 'responsible = "Dr Um"' in Path(file).read_text("utf-8")


@pytest.mark.parametrize("lines", [("",), (), ("icu-12-6", "Anna", "Dr Um", LAST, "{file}", ""), ("icu-12-6", "Anna")])
def test_nothing_is_written_before_the_file_was_agreed_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: tuple[str, ...]
) -> None:
    file = tmp_path / "site.toml"
    shown = at_a_terminal(monkeypatch, [], *(line.replace("{file}", str(file)) for line in lines))
    assert shown.endswith("nothing was written\n")
    assert list(tmp_path.iterdir()) == []


def test_no_program_is_asked(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert main(["limits", "propose"]) == 0
    assert "What shall move?" not in capsys.readouterr().out
    assert main(["limits", "propose", "icu-12-6", "-o", "nowhere.toml"]) != 0
    assert "asked-by" in capsys.readouterr().err
    monkeypatch.setattr("sys.stdin", Terminal())
    assert main(["limits", "propose", "--json"]) == 0
    assert "What shall move?" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("key", "wrong", "right", "said", "value"),
    [
        ("amplitude_ua", "131", "130", "past 130 mA, which no file passes", 130_000),
        ("amplitude_ua", "100", "60", "what is shipped", 60_000),
        ("amplitude_ua", "1e2", "110.5", "'1e2' is not a number", 110_500),
        ("amplitude_ua", "0", "90", "above 0", 90_000),
        ("amplitude_ua", "110.0001", "110", "in steps of 0.001 mA", 110_000),
        ("amplitude_ua", "", "110", "is not a number", 110_000),
        ("duty_permille", "66.66", "66.6", "in steps of 0.1 %", 666),
        ("pad_area_min_mm2", "0.5", "4", "past 1 cm²", 400),
    ],
)
def test_a_number_that_cannot_stand_is_asked_again_with_its_reason(
    key: str, wrong: str, right: str, said: str, value: int
) -> None:
    person, wanted = Person(key, wrong, right, ""), Wanted(values={})
    with pytest.raises(Stopped):
        asked(person).fill(wanted)
    assert said in person.screen
    assert wanted.values == {key: value}


def test_each_other_answer_that_cannot_stand_is_asked_again(tmp_path: Path) -> None:
    there, new = tmp_path / "there.toml", str(tmp_path / "new.toml")
    there.write_text("")
    person = Person(
        "amplitud", "?", "amplitude_ua", "110", "icu-12-6", "duty_permille", "60", "", " ", "why", "book", "Anna", "Um",
        "31 May", TODAY.isoformat(), LAST, str(there), new,
    )  # fmt: skip
    wanted = Wanted(values={})
    asked(person).fill(wanted)
    for said in ("perhaps amplitude_ua", "a few words", "'31 May': a date as", "after today", "is there already"):
        assert said in person.screen
    assert sum("duty_permille" in line for line in person.seen) >= 2  # in the table behind `?`
    assert (wanted.values, wanted.until, wanted.file) == ({"amplitude_ua": 110_000, "duty_permille": 600}, LAST, new)
    assert proposal(wanted.values, **wanted.words, today=TODAY.isoformat(), until=wanted.until)


def test_a_ready_proposal_shows_what_it_moves_and_brings_its_reason() -> None:
    person, wanted = Person("small-pads"), Wanted(values={}, words={"reason": "our own"})
    with pytest.raises(Stopped):
        asked(person).fill(wanted)
    assert "4 cm²; shipped 8 cm²" in person.screen
    assert wanted.words["reason"] == "our own"
    assert wanted.words["source"] == proposals()["small-pads"]["source"]
