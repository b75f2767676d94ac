"""The diagrams of the pages are drawn from what they show, stand on a page, and say in words what they are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from estim.session.state import TABLE, Phase
from tools import diagrams

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.mark.parametrize("name", diagrams.DIAGRAMS)
def test_the_kept_picture_is_what_the_code_draws(name: str) -> None:
    kept = (diagrams.PICTURES / name).read_text("utf-8")
    assert diagrams.DIAGRAMS[name]() == kept
    assert 'role="img" aria-label="' in kept
    assert any(f"](pictures/{name})" in page.read_text("utf-8") for page in DOCS.glob("*.md"))


def test_every_way_of_the_states_table_is_in_its_picture() -> None:
    said = diagrams.states()
    labels = {word for label in re.findall(r">([^<>]+)</text>", said) for word in label.split(", ")}
    assert {phase.value for phase in Phase} <= labels
    own = {turn.value for (phase, turn), target in TABLE.items() if target is not phase and target is not Phase.FAULT}
    assert own <= labels
    assert "from every state: fail" in labels


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md")), ids=lambda page: str(page.relative_to(DOCS)))
def test_every_picture_of_a_page_says_in_words_what_it_shows(page: Path) -> None:
    for said, target in re.findall(r"!\[([^\]]*)\]\(([^)]+)\)", page.read_text("utf-8")):
        assert len(said.split()) >= 3, (page.name, target)
