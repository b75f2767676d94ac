"""The screening questions, made from the table that the session asks and judges by."""

from __future__ import annotations

from estim.handbook.tables import table
from estim.session.screening_questions import FOLLOW_UP, QUESTIONS


def page() -> str:
    """One heading for each question: what is asked, what a yes does, why, and where that comes from."""
    lines = [
        "# Screening questions",
        "",
        "Made from the table that a session asks by. A refusal or a warning names the question (`S05`); how the",
        "answers are given is in [the console](../console.md).",
        "",
    ]
    for question in (*QUESTIONS, FOLLOW_UP):
        lines += [f"## {question.id} {{#{question.id.lower()}}}", "", question.text, ""]
        lines += table(
            ("", ""),
            (
                ("then", question.action),
                ("why", question.rationale),
                ("holds for", question.scope),
                ("source", question.source),
            ),
        )
    return "\n".join(lines)
