"""A number that is refused is refused for what is wrong with it."""

from __future__ import annotations

import pytest

from estim.cli import main

SAID = [
    ("-1", "a whole number from 0 on"),
    ("1.5", "in the digits 0 to 9 alone"),
    ("1_0", "in the digits 0 to 9 alone"),
    ("٣", "in the digits 0 to 9 alone"),
    ("", "in the digits 0 to 9 alone"),
    ("--1", "in the digits 0 to 9 alone"),
    ("9" * 19, "of at most 18 digits"),
]


@pytest.mark.parametrize(("typed", "said"), SAID)
def test_what_is_wrong_with_a_number_is_said(typed: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["rehearse", "knee-replacement-quadriceps-early", f"--seed={typed}"])
    assert left.value.code == 2
    assert said in capsys.readouterr().err
