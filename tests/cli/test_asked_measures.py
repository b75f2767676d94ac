"""What a protocol decides by is asked for at a real device's terminal, and a slip of the hand is asked again."""

from __future__ import annotations

import argparse
import io

import pytest

from estim.cli.in_course import ask_measures
from estim.protocols.catalogue import load_runnable


@pytest.mark.parametrize(
    ("typed", "measured", "skipped"),
    [
        ("75\n", ["quadriceps-index=75"], ""),
        ("help\n7 5\n82,5\n75\n", ["quadriceps-index=75"], ""),
        ("x\n- no dynamometer\n", [], "quadriceps-index: no dynamometer"),
        ("x\n", [], "quadriceps-index: not measured"),  # the input ended
    ],
)
def test_a_slip_of_the_hand_is_asked_again(
    typed: str,
    measured: list[str],
    skipped: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It ended the program, with all that had been typed."""
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    given = argparse.Namespace(measure=[], skip="")
    ask_measures(given, load_runnable("knee-replacement-quadriceps-early")[0])
    assert (given.measure, given.skip) == (measured, skipped)
    said = capsys.readouterr()
    wrong = sum(line not in {"75"} and not line.startswith("-") for line in typed.splitlines())
    assert said.err.count("not a number") == wrong
    assert said.out.count("Quadriceps index") == len(typed.splitlines()) + (not measured and "-" not in typed)
