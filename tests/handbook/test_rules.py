"""Each rule that a message can name has an anchor on a page, and no page tells of a rule that there is not."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest

from estim.cli import main, parser
from estim.handbook.pages import pages
from estim.protocols import course
from estim.safety.limits_table import TABLE
from estim.session.screening_questions import FOLLOW_UP, QUESTIONS

SOURCE = Path(__file__).resolve().parents[2] / "src" / "estim"
FIRST = {"InterlockTripped", "rule"}  # calls whose first word is the rule
SPOKEN_OF = {"L18", "L21", "L22", "L23", "L24", "L25"}  # SAFETY.md names them; no message does by itself
# Says with `rule=` what is none: the rule of an amplitude, the words of the console.
OTHER_WORDS = {"console/protocol_words.py", "console/widgets.py"}


def words(of: ast.expr) -> Iterator[str]:
    """What an expression may be, where it is written out."""
    if isinstance(of, ast.Constant) and isinstance(of.value, str) and re.fullmatch(r"[\w-]+", of.value):
        yield of.value
    elif isinstance(of, ast.IfExp):
        yield from words(of.body)
        yield from words(of.orelse)


def named_in(text: str) -> Iterator[str]:
    """Every rule that a module writes out."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            yield from (word for each in node.keywords if each.arg == "rule" for word in words(each.value))
            if called in FIRST and node.args:
                yield from words(node.args[0])
            if called == "find" and len(node.args) == 3:  # the audit's
                yield from words(node.args[1])
        elif isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if isinstance(key, ast.Constant) and key.value == "rule":
                    yield from words(value)
        elif isinstance(node, ast.FunctionDef):
            for argument, default in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True):
                if argument.arg == "rule" and default is not None:
                    yield from words(default)


def rules() -> set[str]:
    """All of the program's."""
    found = {course.LEFT_OUT, course.UNJUDGED}
    found |= {row.rule for row in TABLE} | {question.id for question in (*QUESTIONS, FOLLOW_UP)}
    for module in SOURCE.rglob("*.py"):
        if module.relative_to(SOURCE).as_posix() not in OTHER_WORDS:
            found |= set(named_in(module.read_text("utf-8")))
    return found


def anchored() -> set[str]:
    """Those that have a heading of their own, with the name as its anchor."""
    texts = pages(parser())
    found: set[str] = set()
    for page in ("rules.md", "reference/limits.md", "reference/screening.md"):
        headings = re.findall(r"^##+ (\S+) \{#([\w-]+)\}$", texts[PurePosixPath(page)], re.MULTILINE)
        assert [anchor for _, anchor in headings] == [name.lower() for name, _ in headings]
        found |= {name for name, _ in headings}
    return found


def test_every_rule_that_a_message_names_has_an_anchor_and_no_other() -> None:
    assert anchored() == rules() | SPOKEN_OF


def test_the_reader_of_rules_finds_each_way_of_naming_one() -> None:
    text = 'def f(*, rule: str = "a"): g(rule="b" if x else "c"); InterlockTripped("d"); rule("e"); h.find(1, "f", "")'
    text += '; i(**{"rule": "g"})'
    assert set(named_in(text)) == set("abcdefg")


@pytest.mark.parametrize("rule", ["L12", "unknown-key", "S05"])
def test_a_rule_is_a_topic(rule: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["help", rule]) == 0
    assert f"#{rule.lower()}]" in capsys.readouterr().out
