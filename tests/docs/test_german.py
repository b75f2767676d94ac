"""The German pages say the same as the English ones: commands, keys, terms; and no key that the console lacks."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from estim import console
from estim.console.keys import ACTIONS
from tests.system.ways import ways

DOCS = Path(__file__).resolve().parents[2] / "docs"
GERMAN = (DOCS / "de" / "erste-schritte.md").read_text("utf-8")
PRACTICE = (DOCS / "practice.md").read_text("utf-8")
CONSOLE = (DOCS / "console.md").read_text("utf-8")
KEYS = {"Leertaste": "space", "Eingabetaste": "enter", "Escape": "escape"}
COMMAND = re.compile(r"^ *(estim [a-z]+(?: [^`\n]*)?)$|`(estim [^`\n]*)`", re.MULTILINE)
KEY = re.compile(r"\b(Leertaste|Eingabetaste|Escape|F\d{1,2})\b")


def commands(text: str) -> set[str]:
    """What a page has its reader type; quotes and language left out."""
    found = {(block or inline).strip() for block, inline in COMMAND.findall(text)}
    return {re.sub(r" --language \w+", "", each).replace("'", '"') for each in found}


def pressed(text: str) -> set[str]:
    """Every key that a way of the practice session presses."""
    steps = [step for way in ways(text).values() for step in way]
    return {rest.split()[0] for word, rest in steps if word in {"press", "repeat", "hold"}}


def test_its_commands_are_those_of_the_english_page() -> None:
    german = commands(GERMAN)
    english = set().union(*(commands(page.read_text("utf-8")) for page in DOCS.glob("*.md")))
    assert {each.split()[1] for each in german} == {"console", "help"}
    assert not [each for each in german if each not in english]


def test_its_keys_are_those_that_the_practice_session_presses() -> None:
    keys = pressed(PRACTICE)
    named = {KEYS.get(key, key.lower()) for key in KEY.findall(GERMAN)}
    rows = re.findall(r"^\|[^|]+\|[^|]+\|([^|]+)\|$", GERMAN, re.MULTILINE)
    letters = {letter.lower() for row in rows for letter in re.findall(r"(?<![\w%])([A-Z])(?![\w-])", row)}
    signs = {sign for sign in "+" if any(sign in row for row in rows)}
    assert {"n", "y", "l", "r", "s", "m", "t"} <= letters
    known = keys | {key.lower() for action in ACTIONS.values() for key in action.keys} | {"escape", "f12", "f1", "plus"}
    known |= {"l"}  # the left side; the practice session takes the right one
    assert not sorted(each for each in named | letters | signs if {"+": "plus"}.get(each, each) not in known)


def test_its_words_are_the_glossarys() -> None:
    glossary = (DOCS / "glossary.md").read_text("utf-8").lower()
    rows = re.findall(
        r"^\| [^|]+ \| ([^|]+) \| [^|]+ \|$", (DOCS / "de" / "woerter.md").read_text("utf-8"), re.MULTILINE
    )
    terms = [term.strip().lower() for row in rows[1:] for term in re.split(r",| and ", row)]
    assert len(terms) > 10
    assert not [term for term in terms if term not in glossary]


def test_the_rule_it_names_and_the_three_words_for_output_are_there_in_english() -> None:
    for german, english in (("UNGEWISS", "UNCERTAIN"), ("L5", "L5")):
        assert german in GERMAN
        assert english in CONSOLE + (DOCS / "start.md").read_text("utf-8") + (DOCS / "README.md").read_text("utf-8")


def test_the_practice_session_is_the_same_in_both_languages() -> None:
    """The same keys in the same order, what is seen at the same places; tests/system/test_ways.py walks both."""
    english, german = ways(PRACTICE), ways((DOCS / "de" / "uebungssitzung.md").read_text("utf-8"))

    def keys(way: list[tuple[str, str]]) -> list[tuple[str, str]]:
        return [(word, rest.split()[0] if word in {"press", "repeat", "hold"} else "") for word, rest in way]

    assert {name: keys(way) for name, way in german.items()} == {name: keys(way) for name, way in english.items()}


def test_the_stages_are_called_as_the_practice_session_finds_them_on_the_screen() -> None:
    """Two were called otherwise, and the one with consent and measures was not told of."""
    practice = (DOCS / "de" / "uebungssitzung.md").read_text("utf-8")
    shown = list(dict.fromkeys(re.findall(r"^\| \*(\w+)\* \|", practice, re.MULTILINE)))
    (told,) = re.findall(r"^\| Abschnitt \|.*\n\|[-|]+\n((?:\|.*\n)+)", GERMAN, re.MULTILINE)
    assert [row.split("|")[1].strip() for row in told.splitlines()] == shown
    assert len(shown) == 10


# A page → the German one that says the same.
PAIRS = {
    "console.md": "konsole.md",
    "site-limits.md": "grenzen.md",
    "not-treated.md": "nicht-behandelt.md",
    "course-of-care.md": "behandlungsverlauf.md",
    "how-to/own-protocol.md": "eigenes-protokoll.md",
    "protocols.md": "protokolle.md",
    "how-to/add-a-therapist.md": "therapeutin-hinzufuegen.md",
    "how-to/replace-a-key.md": "schluessel-ersetzen.md",
}


SCREEN = re.compile(r"`([○◇◆▶▷‖■✖▲] [^`\n]+)`")  # what row 2 says: each screen in its own language


def shape(text: str) -> dict[str, list[str]]:
    """What two languages have in common: blocks as they stand, code, numbers, headings and rows."""
    text = SCREEN.sub(lambda found: f"`{found[1][0]}`", text)
    without_links = re.sub(r"\]\([^)]*\)", "]", text)
    return {
        "blocks": re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL),
        "code": sorted(re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL))),
        "numbers": sorted(re.findall(r"\d+", without_links)),
        "headings": re.findall(r"^#+ ", text, re.MULTILINE),
        "rows": re.findall(r"^\|", text, re.MULTILINE),
    }


@pytest.mark.parametrize("page", PAIRS)
def test_a_page_in_german_has_the_commands_numbers_and_rows_of_the_english_one(page: str) -> None:
    english, german = (path.read_text("utf-8") for path in (DOCS / page, DOCS / "de" / PAIRS[page]))
    assert shape(german) == shape(english)


@pytest.mark.parametrize(("page", "language"), [("console.md", "en"), ("de/konsole.md", "de")])
def test_what_row_2_says_are_the_words_of_that_language(page: str, language: str) -> None:
    said = [re.sub(r" (ch1|K1) 40\.0 mA$", "", each[2:]) for each in SCREEN.findall((DOCS / page).read_text("utf-8"))]
    words = (Path(console.__file__).parent / "language" / f"{language}.toml").read_text("utf-8")
    assert len(said) == 11
    assert not [each for each in said if f'"{each}"' not in words]
