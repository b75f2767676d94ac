"""A number that is refused is refused for what is wrong with it."""

from __future__ import annotations

import datetime

import pytest

from estim.api import Refused
from estim.api.words import simulated_device
from estim.cli import main
from estim.cli.trials import _levels
from estim.desk.care_entries import _goal
from estim.desk.drill_session import scores_of
from estim.drivers.address import parse_address
from estim.drivers.lsl import check_lsl
from estim.drivers.side import SideChannel
from estim.safety.errors import UsageError

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


@pytest.mark.parametrize("option", ["--worlds", "--jobs"])
@pytest.mark.parametrize(
    ("typed", "said"),
    [("0", "a whole number from 1 on"), ("-3", "a whole number from 1 on"), ("1.5", "in the digits 0 to 9 alone")],
)
def test_what_is_counted_begins_with_one_whatever_was_typed(
    option: str, typed: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Below it stood "from 0 on", at 0 "from 1"."""
    with pytest.raises(SystemExit) as left:
        main(["rehearse", "knee-replacement-quadriceps-early", f"{option}={typed}"])
    assert left.value.code == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("text", ["²", "١", "１", "1_0", "+-1", "--1", "", "1e1"])
def test_no_reader_of_words_takes_other_digits_or_fails_of_them(text: str) -> None:
    with pytest.raises(UsageError):
        scores_of([f"hold_s={text}"])
    with pytest.raises(UsageError, match="mA"):
        _levels([f"quadriceps={text}"])
    with pytest.raises(UsageError):
        parse_address(f"socket://127.0.0.1:{text}")
    with pytest.raises(UsageError):
        SideChannel(f"socket://127.0.0.1:{text}")
    with pytest.raises(UsageError):
        check_lsl(f"lsl://EMG?channel={text or 'x'}")
    with pytest.raises(Refused):
        simulated_device(f"sim://p24?seed={text}")
    with pytest.raises(UsageError, match="five texts by level"):
        _goal({"id": "g", "levels": {text: "a"}}, datetime.date(2026, 3, 2))
