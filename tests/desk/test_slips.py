"""Numbers of the command line in another unit: the message names the option and what was probably meant."""

from __future__ import annotations

import pytest

from estim.cli import main


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--level", "quadriceps=30000"), "30000 µA are 30 mA"),
        (("--level", "quadriceps=-5"), "above 0 and at most 1000"),
        (("--level", "quadriceps=30", "--pad", "quadriceps=76x127"), "as mm it is 7.6x12.7"),
        (("--level", "quadriceps=30", "--measure", "quadriceps-index=82:up:hand"), "left or right, not 'up'"),
        (("--level", "quadriceps=30", "--measure", "quadriceps-index=1", "--measure", "quadriceps-index=2"), "twice"),
        (("--level", "quadriceps=30", "--score", "pain=2"), "--drill ID"),
        (("--level", "quadriceps=30", "--drill", "quadset"), "near: quad-set"),
        (("--level", "quadriceps=30", "--drill", "quad-set", "--score", "pain=11"), "0 to 10"),
        (("--level", "quadriceps=30", "--day", "2026-05-31"), "go with --course"),
    ],
)
def test_a_slip_on_the_command_line(words: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rehearse", "knee-replacement-quadriceps-early", *words]) == 2
    assert said in capsys.readouterr().err
