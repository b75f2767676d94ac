"""What `make mutants` asks of its survivors: a reason for each, and one that is about this very mutant."""

from __future__ import annotations

from tests.safety.survivors import REASONS, explained, unexplained

TEXT = """\
| Mutants | Line | Why they may live |
|---|---|---|
| `kernel.x_cap__mutmut_*` | `if level <= cap:` | a tie |
"""
FOUND = [
    ("kernel.x_cap__mutmut_7", "survived"),
    ("kernel.x_cap__mutmut_8", "timeout"),
    ("kernel.x_dose__mutmut_1", "no tests"),
]


def test_a_reason_is_for_one_line_of_one_function() -> None:
    rows = explained(TEXT)
    assert rows == [("kernel.x_cap__mutmut_*", "if level <= cap:")]
    lines = {"kernel.x_cap__mutmut_7": "if level <= cap:", "kernel.x_dose__mutmut_1": "if level <= cap:"}
    assert unexplained(FOUND, rows, lines.__getitem__) == [("kernel.x_dose__mutmut_1", "if level <= cap:")]
    lines["kernel.x_cap__mutmut_7"] = "if level > cap:"
    assert unexplained(FOUND[:2], rows, lines.__getitem__) == [("kernel.x_cap__mutmut_7", "if level > cap:")]


def test_every_row_of_the_table_is_read() -> None:
    text = REASONS.read_text(encoding="utf-8")
    assert len(explained(text)) == sum(line.startswith("| `") for line in text.splitlines())
