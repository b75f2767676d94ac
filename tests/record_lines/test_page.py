"""docs/record-format.md: its tables are those of the code, and its worked example is right."""

from __future__ import annotations

import hashlib
import json
import re

from estim.record_lines.schema import fields_of
from estim.record_lines.table import KINDS
from tests.record_lines.page import PAGE, renewed
from tests.records.vectors import ROOT, STATION

TEXT = PAGE.read_text(encoding="utf-8")


def test_the_tables_are_those_of_the_code() -> None:
    assert renewed(TEXT) == TEXT, "python -m tests.record_lines.page renews them"


def test_every_field_of_every_kind_has_a_line_with_a_meaning() -> None:
    for kind in KINDS.values():
        for said in fields_of(kind):
            assert re.search(rf"^\| `{said.name}` \|.*\w.* \|$", TEXT, re.MULTILINE), said.name
    assert "| – |" not in TEXT.split("## 10.")[0]


def test_the_worked_example_is_right() -> None:
    lines = (ROOT / "good-short" / "record.jsonl").read_bytes().splitlines(keepends=True)
    example = TEXT.split("## 12.")[1]
    first, second = (line.strip().encode("utf-8") for line in example.splitlines() if line.startswith("    {"))
    assert f"these {len(first)} bytes" in example
    assert hashlib.sha256(first).hexdigest() in example
    assert json.loads(lines[0])["hash"] == hashlib.sha256(first).hexdigest()
    signature = json.loads(lines[1])["fields"]["signature"]
    assert STATION.sign(b"estim checkpoint 1\n" + second).hex() == signature
    assert signature in example
    before = b"".join(lines[:-1])
    assert f"the {len(before)} bytes" in example
    assert hashlib.sha256(before).hexdigest() in example
    assert json.loads(lines[-1])["hash"] in example
    assert len(b"estim checkpoint 1\n") == 19
