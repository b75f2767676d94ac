"""Words: the same keys and placeholders in each language, and nothing on a screen that stands in no file."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from estim.console import language
from estim.console.draft import Stage
from estim.console.keys import ACTIONS
from estim.console.language import ENGLISH, LANGUAGES, Words, chosen, load, placeholders
from estim.safety.errors import UsageError

CONSOLE = Path(__file__).parents[2] / "src" / "estim" / "console"
# Calls whose first text is a key of the language files.
SPEAKING = {"say", "lines", "refuse", "hint", "WordDialog", "ReasonDialog", "Binding"}


def tables() -> dict[str, dict[str, tuple[str, ...]]]:
    return {
        name: {key: (text,) if isinstance(text, str) else text for key, text in load(name)._table.items()}
        for name in LANGUAGES
    }


@pytest.mark.parametrize("name", [name for name in LANGUAGES if name != "en"])
def test_each_language_has_the_same_keys_and_placeholders(name: str) -> None:
    english, other = tables()["en"], tables()[name]
    assert set(other) == set(english) | {key for key in other if key.startswith(("question", "group."))}
    for key, lines in english.items():
        asked = frozenset().union(*(placeholders(line) for line in lines))
        given = frozenset().union(*(placeholders(line) for line in other[key]))
        assert given == asked, key
        if len(lines) > 1:
            assert len(other[key]) == len(lines), key


def test_a_translation_knows_every_screening_question() -> None:
    from estim.session.screening_questions import FOLLOW_UP, QUESTIONS
    from estim.session.screening_terms import GROUPS

    for name in LANGUAGES:
        if name != "en":
            words = load(name)
            for question in (*QUESTIONS, FOLLOW_UP):
                assert words.has(f"question.{question.id}"), question.id
                assert words.has(f"question-action.{question.id}"), question.id
            assert all(words.has(f"group.{group}") for group, _ in GROUPS)
            known = {question.id for question in (*QUESTIONS, FOLLOW_UP)}
            assert {key.split(".")[1] for key in tables()[name] if key.startswith("question")} == known


def spoken(path: Path) -> list[str]:
    """The keys that a module names in plain text."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            if (
                name in {"say", "lines", "refuse"}
                and node.args
                and isinstance(node.args[0], ast.Constant)
                and isinstance(node.args[0].value, str)
            ):
                found.append(node.args[0].value)
    return found


@pytest.mark.parametrize("path", sorted(CONSOLE.rglob("*.py")), ids=lambda path: str(path.relative_to(CONSOLE)))
def test_every_key_that_is_spoken_is_there(path: Path) -> None:
    assert [key for key in spoken(path) if not ENGLISH.has(key)] == []


def test_every_action_has_its_words() -> None:
    for action in ACTIONS.values():
        assert ENGLISH.has(f"action.{action.id}.label")


def test_every_stage_has_its_words_in_the_way_of_a_visit() -> None:
    assert [stage for stage in Stage if not ENGLISH.has(f"way.{stage.value}")] == []


@pytest.mark.parametrize("path", sorted(CONSOLE.rglob("*.py")), ids=lambda path: str(path.relative_to(CONSOLE)))
def test_no_sentence_stands_in_the_code(path: Path) -> None:
    """Three words in a row are a sentence for a person; errors for the shell and CSS are not the screen's."""
    module = ast.parse(path.read_text(encoding="utf-8"))
    allowed: set[int] = set()
    for node in ast.walk(module):
        if isinstance(node, ast.Raise | ast.JoinedStr) or (
            isinstance(node, ast.Call) and getattr(node.func, "id", "") in {"Problem", "UsageError"}
        ):
            allowed |= {id(inner) for inner in ast.walk(node)} if not isinstance(node, ast.JoinedStr) else set()
        if isinstance(node, ast.Expr):
            allowed |= {
                id(inner) for inner in ast.walk(node) if isinstance(inner, ast.Constant) and inner is node.value
            }
    texts = [
        node.value
        for node in ast.walk(module)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in allowed
    ]
    sentences = [text for text in texts if sum(word.isalpha() and len(word) > 1 for word in text.split()) >= 3]
    assert [
        text for text in sentences if path.name not in {"keys.py", "bigtext.py", "settings.py", "doctor.py", "web.py"}
    ] == []


def test_a_missing_word_or_field_never_fails_a_screen() -> None:
    words = Words("xx", {"a": "{there} and {not_there}", "b": "{", "c": ("one", "{two}")})
    assert words("a", there=1) == "{there} and {not_there}"
    assert words("b") == "{"
    assert words("no.such.key") == "no.such.key"
    assert words.lines("c", two=2) == ("one", "2")
    assert words.of("cause", "never-heard") == "never-heard"


@pytest.mark.parametrize(
    ("given", "configured", "environment", "expected"),
    [
        ("de", None, {}, "de"),
        (None, "de", {"LANG": "en_GB.UTF-8"}, "de"),
        (None, None, {"LANG": "de_AT.UTF-8"}, "de"),
        (None, None, {"LC_ALL": "de_DE", "LANG": "en_GB"}, "de"),
        (None, None, {"LANG": "fr_FR.UTF-8"}, "en"),
        (None, None, {"LANG": "C.UTF-8"}, "en"),
        (None, None, {}, "en"),
    ],
)
def test_the_language_comes_from_command_line_config_or_locale(
    given: str | None, configured: str | None, environment: dict[str, str], expected: str
) -> None:
    assert chosen(given, configured, environment) == expected


@pytest.mark.parametrize("named", [("xx", None), (None, "xx")])
def test_a_language_that_is_not_there_is_refused(named: tuple[str | None, str | None]) -> None:
    with pytest.raises(UsageError, match="one of en, de"):
        chosen(*named, {})
    with pytest.raises(UsageError):
        language.load("xx")
