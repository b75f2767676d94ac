"""What the discharge summary says of contractions: those that a sensor or a key opens have no number planned."""

from __future__ import annotations

import pytest

from estim.care.words import word
from estim.desk.discharge_papers import of_planned


@pytest.mark.parametrize(
    ("language", "given", "planned", "said"),
    [("en", 574, 0, "574"), ("en", 30, 60, "30 of 60"), ("en", 0, 60, "0 of 60"), ("de", 574, 0, "574")],
)
def test_given_of_planned(language: str, given: int, planned: int, said: str) -> None:
    assert of_planned(given, planned, lambda key, *of: word(f"d-{key}", language).format(*of)) == said
