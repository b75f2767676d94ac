"""`estim help`: everything that the program has a name for is told of, by that name."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from estim.care.drills import drills
from estim.care.measures import measures
from estim.cli import main, parser
from estim.desk.result import EXIT_CODES
from estim.drivers.models import MODELS
from estim.handbook.pages import pages
from estim.handbook.topics import Book
from estim.protocols.muscles import muscles
from estim.protocols.schema_json import json_schema
from estim.record_lines.table import KINDS
from estim.safety.limits_table import TABLE
from tests.turns import of_this_turn


@pytest.fixture(scope="module")
def book() -> Book:
    return Book(pages(parser()))


def commands(of: argparse.ArgumentParser, words: tuple[str, ...] = ()) -> Iterator[str]:
    inner = [action for action in of._actions if isinstance(action, argparse._SubParsersAction)]
    for action in inner:
        for name, command in action.choices.items():
            yield from commands(command, (*words, name))
    if not inner:
        yield " ".join(words)


def protocol_keys() -> set[str]:
    schema = json_schema()
    tables = [schema, *schema["$defs"].values()]
    return {key for table in tables for key in table.get("properties", ())}


NAMED = {
    "limits": sorted({row.rule for row in TABLE} | {row.key for row in TABLE}),
    "commands": sorted(commands(parser())),
    "protocol keys": sorted(protocol_keys()),
    "record lines": sorted(KINDS),
    "devices": sorted(MODELS),
    "measures": sorted(measures()),
    "exercises": sorted(drills()),
    "muscles": sorted(muscles()),
    "outcomes": sorted(EXIT_CODES),
}


def test_a_heading_is_told_without_its_address(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["help", "L5"]) == 0
    assert capsys.readouterr().out.splitlines()[0] == "## L5"


@pytest.mark.parametrize("kind", NAMED)
def test_whatever_has_a_name_is_told_of(book: Book, kind: str) -> None:
    untold = [name for name in of_this_turn(NAMED[kind], 3) if not book.find(name)[0]]
    assert not untold


def test_a_limit_is_shown_with_its_source(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["help", "L5"]) == 0
    said = capsys.readouterr().out
    assert "50" in said
    assert "IEC 60601-2-10" in said
    assert "[SAFETY.md#limits]" in said


def test_the_address_that_is_shown_can_be_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["help", "reference/limits.md#l5"]) == 0
    assert "rms current" in capsys.readouterr().out


def test_a_muscle_is_found_by_what_people_call_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["help", "quads"]) == 0
    assert "quadriceps femoris" in capsys.readouterr().out


def test_what_nobody_wrote_of_is_refused_with_what_is_near(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["help", "freqency_hz"]) == 1
    said = capsys.readouterr()
    assert "frequency_hz" in said.err
    assert not said.out


@pytest.mark.parametrize(("topic", "spoken_of"), [("nope", True), ("eemed", False), ("freq", True), ("L99", False)])
def test_what_is_only_spoken_of_is_no_topic(topic: str, spoken_of: bool, capsys: pytest.CaptureFixture[str]) -> None:
    """The exit code of `nope` was 0, since a page says `NoPerson`; letters within a word are no find."""
    assert main(["help", topic]) == 1
    said = capsys.readouterr()
    assert f"no topic {topic!r}" in said.err
    assert ("spoken of in:\n  estim help" in said.err) == spoken_of
    assert not said.out
    assert main(["help", topic, "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["found"], bool(found["near"])) == ([], spoken_of)


def test_nothing_is_near_to_nonsense(book: Book) -> None:
    assert book.nearest("§§§") == []


def test_json_holds_the_text(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["help", "lease", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert [row["page"] for row in said["found"]] == ["glossary.md"]
    assert "fresh" in said["found"][0]["text"]


def test_without_a_topic_the_pages_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["help"]) == 0
    assert "practice.md" in capsys.readouterr().out


def test_a_refusal_by_a_limit_names_the_topic_that_explains_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["rehearse", "knee-replacement-quadriceps-early", "--level", "quadriceps=140", "--home", str(tmp_path)]
    assert main(asked) == 1
    said = capsys.readouterr().err
    assert "(L1 [" in said
    assert said.splitlines()[-1].strip() == "more: `estim help L1`"
    assert main(["help", "L1"]) == 0
