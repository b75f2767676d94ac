"""Each source of the library in the same fields, with the mark whether its citation was found so again."""

from __future__ import annotations

import re

import pytest

from estim.cli import main
from estim.protocols.sources import CONFIRMED, key_of, sources
from tests.support import protocols

LIBRARY = protocols()


@pytest.mark.parametrize("name", LIBRARY)
def test_each_citation_has_its_source_and_says_what_the_source_says(name: str) -> None:
    for item in LIBRARY[name].evidence:
        source = sources()[key_of(item)]
        first = source.authors.split(" ")[0].rstrip(",")
        assert first in item.citation, (first, item.citation)
        for field in (source.year, source.volume, source.pages):
            assert field in item.citation, (field, item.citation)


def test_every_source_has_the_same_fields_and_a_mark_and_is_cited() -> None:
    cited = {key_of(item) for protocol in LIBRARY.values() for item in protocol.evidence}
    assert set(sources()) == cited
    for source in sources().values():
        assert source.confirmed in CONFIRMED
        assert source.journal or source.authors
        assert re.fullmatch(r"(?:19|20)\d\d|", source.year)
        if source.confirmed == "whole":
            assert source.authors, source.key
            assert source.journal, source.key
            assert source.year, source.key
            assert source.volume, source.key
            assert source.pages, source.key
    assert sum(source.confirmed == "whole" for source in sources().values()) >= 14


def test_the_mark_is_shown_where_the_source_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["protocols", "evidence", "low-back-pain-multifidus"]) == 0
    said = capsys.readouterr().out
    assert CONFIRMED["whole"] in said
    assert CONFIRMED["no"] in said
