"""The vocabulary of a record: every line that is written has a kind, nobody spells one by hand, newer ones are kept."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from estim.cli import main
from estim.record_lines.schema import fields_of, schema
from estim.record_lines.table import KINDS, line_of
from estim.records.chain import Chain, read
from estim.records.words import happened

ROOT = Path(__file__).parents[2]
READERS = sorted(
    path
    for folder in ("records", "controller", "rehearsal", "cli")
    for path in (ROOT / "src/estim" / folder).glob("*.py")
    if path.name not in {"faulty.py", "moods.py"}  # their kinds are those of faults and whims
)


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    home = tmp_path_factory.mktemp("home")
    told = ["rehearse", "knee-replacement-quadriceps-early", "--level", "quadriceps=30", "--home", str(home)]
    assert main([*told, "--faults", "seed:12"]) in {0, 1, 3, 4}
    assert main(told) == 0
    records = sorted((home / "records/simulated").glob("*/record.jsonl"))
    return [json.loads(line) for path in records for line in path.read_bytes().splitlines()]


def test_every_line_of_a_session_is_of_a_known_kind_and_fits_the_published_schema(lines: list[dict[str, Any]]) -> None:
    whole = schema()
    jsonschema.Draft202012Validator.check_schema(whole)
    validator = jsonschema.Draft202012Validator(whole)
    seen = set()
    for line in lines:
        assert line["kind"] in KINDS
        if line["kind"] not in seen:
            validator.validate(line)
        seen.add(line["kind"])
    assert seen >= {"header", "setup", "screening", "authorise", "command", "phase", "output", "dose", "end", "seal"}


def test_what_was_written_is_read_as_the_same_line(lines: list[dict[str, Any]]) -> None:
    for line in lines:
        read_back = line_of(line["kind"], line["fields"])
        assert read_back is not None
        assert read_back.to_fields() == line["fields"]


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: str(kind.KIND))
def test_every_field_has_a_meaning(kind: Any) -> None:
    assert kind.__doc__
    assert [said.name for said in fields_of(kind) if not said.text] == []


@pytest.mark.parametrize("wrong", [{"channel": "1"}, {"level_ua": 1.5}, {"level_ua": 2**53}, {"authorise": None}])
def test_a_wrong_field_does_not_fit(wrong: dict[str, Any]) -> None:
    fields = {"channel": 1, "level_ua": 2_000, "authorise": 7, **wrong}
    line = {"n": 0, "t_us": 1, "kind": "raised", "simulated": True, "fields": fields, "prev": "0" * 64}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**line, "hash": "a" * 64}, schema())


def test_a_newer_versions_kind_is_kept_and_named() -> None:
    chain = Chain(simulated=True)
    data = chain.line("header", {"format": 9}, 0) + chain.line("pressure", {"sent_kpa": 12}, 1)
    reading = read(data)
    assert reading.first_bad is None
    assert [entry.fields for entry in reading.entries] == [{"format": 9}, {"sent_kpa": 12}]
    assert line_of("pressure", {"sent_kpa": 12}) is None
    assert "pressure" in " ".join(text for _, _, text in happened(reading.entries))
    newer = json.loads(data.splitlines()[1])
    jsonschema.validate(newer, schema())


def test_a_newer_versions_field_is_no_hindrance() -> None:
    fields = {"channel": 1, "level_ua": 2_000, "authorise": 7, "why": "asked"}
    line = line_of("raised", fields)
    assert line is not None
    assert line.to_fields() == {"channel": 1, "level_ua": 2_000, "authorise": 7}


def spelled_by_hand(text: str) -> list[tuple[int, str]]:
    """Comparisons of a `kind` with a kind's name in quotes, and lines that are written by such a name."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            asks = any(
                (isinstance(side, ast.Attribute) and side.attr == "kind")
                or (isinstance(side, ast.Name) and side.id == "kind")
                for side in sides
            )
            names = [leaf.value for side in sides for leaf in ast.walk(side) if isinstance(leaf, ast.Constant)]
            found += [(node.lineno, str(name)) for name in names if asks and name in KINDS]
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and len(node.args) > 1:
            first = node.args[0]
            if node.func.attr in {"append", "log", "line"} and isinstance(first, ast.Constant):
                found += [(node.lineno, str(first.value))] if first.value in KINDS else []
    return found


@pytest.mark.parametrize("path", READERS, ids=lambda path: str(path.relative_to(ROOT)))
def test_nobody_spells_a_kind_by_hand(path: Path) -> None:
    assert spelled_by_hand(path.read_text(encoding="utf-8")) == []


def test_a_kind_that_is_spelled_by_hand_is_found() -> None:
    assert spelled_by_hand('if entry.kind == "setup":\n    record.append("output", {}, 1)') == [
        (1, "setup"),
        (2, "output"),
    ]


def test_the_schema_is_published(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["records", "schema"]) == 0
    assert json.loads(capsys.readouterr().out) == schema()
