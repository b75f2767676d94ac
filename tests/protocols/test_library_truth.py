"""The library is read at the bedside: each text stands alone, each source can be found, each read number says where."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from estim.cli import main
from estim.protocols import library, muscles
from estim.protocols.schema import Protocol
from tests.support import protocols

PROTOCOLS = protocols()
EACH = pytest.mark.parametrize("name", library.names())
LEANING = re.compile(
    r"\bas (above|below|right|left|channel \d|(the )?other|in|[a-z]+-[a-z-]+|\w+ protocol)\b|\bsame as\b|\bmirror\b"
    r"|\b(tka|tha|pfps|cai|lbp|rsi)-[a-z-]+\b",
    re.IGNORECASE,
)
REPUBLISHERS = (
    "scribd", "studylib", "mafiadoc", "fdocuments", "vdocuments", "bohrium", "tomesphere", "dntb.gov", "growkudos",
    "ichgcp", "readbyqxmd", "ebusca", "mendeley", "spinalflowyoga", "scirp", "docobook",
)  # fmt: skip
AGAINST = (  # guidance that speaks against a file stands in the file
    "stroke-tibialis-anterior-spasticity", "spasticity-tens-with-exercise", "knee-osteoarthritis-quadriceps",
    "low-back-pain-multifidus", "tens-conventional-pain", "tens-acupuncture-like-pain",
)  # fmt: skip


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from texts(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from texts(each)


def document(protocol: Protocol) -> dict[str, Any]:
    return protocol.model_dump(exclude={"id", "provenance", "evidence"}, exclude_none=True)


@EACH
def test_no_text_leans_on_another_file_or_channel(name: str) -> None:
    assert [text for text in texts(document(PROTOCOLS[name])) if LEANING.search(text)] == []


@EACH
def test_no_text_names_another_file_by_its_id(name: str) -> None:
    """An id says nothing to whoever has the page in hand: what is meant stands there in words."""
    ids = "|".join(re.escape(each) for each in library.names() if "-" in each)
    assert [text for text in texts(document(PROTOCOLS[name])) if re.search(rf"(?<![\w-])({ids})(?![\w-])", text)] == []


@EACH
def test_every_source_has_author_year_and_a_locator_and_no_republisher(name: str) -> None:
    for item in PROTOCOLS[name].evidence:
        assert re.search(r"\b(19|20)\d\d\b", item.citation), item.citation
        author = re.match(
            r"(van der |University of )?[A-ZÁ-Ž][\w'’-]+( [A-Z]{1,3})?(,| et al|\.| [A-Z(])", item.citation
        )
        assert author, item.citation
        assert item.doi or item.url or re.search(r"\d{1,4}(\(\d+\))?:\w?\d+|CD\d{6}", item.citation), item.citation
        assert not any(host in (item.url or "") for host in REPUBLISHERS), item.url
        assert " " not in (item.url or "")


@EACH
def test_what_was_read_says_where_and_counts_are_no_better_than_their_rhythm(name: str) -> None:
    marks = PROTOCOLS[name].marks
    for key, sourced in marks.items():
        if sourced.mark == "read":
            assert sourced.source, key
            assert sourced.where, key
    if "contractions" in marks and marks["contractions"].mark == "read" and "on_s" in marks:
        assert marks["on_s"].mark == "read"


@EACH
def test_every_phase_says_what_the_patient_does(name: str) -> None:
    protocol = PROTOCOLS[name]
    assert all(phase.effort for phase in protocol.phase)
    relaxed = [phase for phase in protocol.phase if phase.effort == "relax"]
    if protocol.cue.lower().startswith("relax"):
        assert relaxed
    for phase in protocol.phase:
        if phase.trigger is not None and phase.trigger.source == "emg":
            assert phase.effort == ("task" if phase.trigger.emg_side == "other" else "try-first")


@pytest.mark.parametrize("name", AGAINST)
def test_guidance_that_speaks_against_a_file_stands_in_it(name: str) -> None:
    against = [item for item in PROTOCOLS[name].evidence if item.stance == "against"]
    assert against
    assert all(item.kind == "guideline" and item.effect for item in against)


def test_nothing_claims_that_nothing_was_published() -> None:
    for protocol in PROTOCOLS.values():
        assert not any("no published values" in text for text in texts(document(protocol)))


@EACH
def test_muscle_and_channel_say_one_thing(name: str) -> None:
    for channel in PROTOCOLS[name].channel:
        said = muscles.side_in(channel.name)
        assert not said or said == channel.side


@EACH
def test_what_stands_behind_each_number_is_printed(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["protocols", "evidence", name]) == 0
    text = capsys.readouterr().out
    flat = " ".join(text.split())
    for key, sourced in PROTOCOLS[name].marks.items():
        assert f"{key} = " in text
        assert sourced.mark in text
    for number, item in enumerate(PROTOCOLS[name].evidence, start=1):
        assert f"{number}. {' '.join(item.citation.split())}" in flat
    assert "Protocol(" not in text
    assert "None" not in text
