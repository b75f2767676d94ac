"""Numbers on the command line are digits: what Python also takes for one is refused, with the reason."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from estim.cli import main, parser
from estim.safety.units import plain_number
from tests.support import SHORT


@pytest.mark.parametrize(
    "text", ["1_0", "1e1", "١٠", "nan", "inf", "0x10", " 10", "10 ", "+10", "1.2.3", "", "1,5", "½"]
)
def test_what_is_no_number_is_refused(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="not a number"):
        plain_number(text)
    assert main(["rehearse", str(SHORT), "--level", f"quadriceps={text}"]) in {1, 2}
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--week", "--session", "--seed", "--worlds"])
@pytest.mark.parametrize("text", ["1_0", "١", "1e1", "-1", "1.0"])
def test_what_is_no_whole_number_is_refused(option: str, text: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["rehearse", str(SHORT), "--level", "quadriceps=10", option, text])
    assert ended.value.code == 2


@pytest.mark.parametrize("digits", ["9" * 5_000, "²", "١", "1_0"])
@pytest.mark.parametrize(
    "words",
    [["records", "retention", "--keep", "real={}"], ["qualify", "plan", "--model", "p24", "--channels", "{}"]],
)
def test_numbers_within_words_are_digits_and_few(
    words: list[str], digits: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Five thousand digits ended by a fault: Python takes 4,300."""
    home = ["--home", str(tmp_path)] if words[0] == "records" else []
    with contextlib.suppress(SystemExit):
        assert main([*(word.format(digits) for word in words), *home]) == 2
    assert "fault" not in capsys.readouterr().err


def test_a_number_is_a_number() -> None:
    assert [plain_number(text) for text in ("0", "10", "7.5", "-3", "12.0")] == [0, 10, 7.5, -3, 12]


def options(of: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    for action in of._actions:
        yield action
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                yield from options(below)


def test_no_option_of_any_command_takes_what_python_takes_for_a_number() -> None:
    taking = [action.type for action in options(parser()) if callable(action.type)]
    assert len(taking) > 10
    for read in taking:
        for text in ("1_0", "١٠", "1e1", "nan", "-1"):
            with pytest.raises((ValueError, argparse.ArgumentTypeError)):
                read(text)
