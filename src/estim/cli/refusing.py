"""How every command refuses: one line with `estim:` before it, with `--json` a document too; long words in part."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from estim.cli.output import EXIT_DEVICE, print_json
from estim.cli.speaking import finish, say
from estim.platform.terminals import nowhere

if TYPE_CHECKING:
    from estim.safety.errors import Problem

NAME_MAX = 255  # of a file's name, on any system


class WrongWords(Exception):
    """Words that no command has: the usage, and what is wrong."""


class Parser(argparse.ArgumentParser):
    """Says what is wrong as every other refusal is said."""

    def error(self, message: str) -> NoReturn:
        """Raise it."""
        raise WrongWords(self.format_usage(), message)

    def _print_message(self, message: str, file: Any = None) -> None:
        """Help that can't be printed is said to be lost like all else; argparse would be silent."""
        if message:
            (file or sys.stderr).write(message)

    def _get_values(self, action: argparse.Action, arg_strings: list[str]) -> Any:
        if action.option_strings and arg_strings == ["--"]:  # `--week=--`: argparse would take it for an empty list
            self.error(f"argument {'/'.join(action.option_strings)}: '--' is no value")
        return super()._get_values(action, arg_strings)


def nothing_played(
    outcome: str, problems: Sequence[Problem], words: list[str], given: argparse.Namespace | None = None
) -> dict[str, Any]:
    """The document of a refusal. One of a session has each key of a session's own: who reads `record` or `channels`
    finds that there is none.

    Args:
        given: what the words were understood as; None: they were not.
    """
    document: dict[str, Any] = {"outcome": outcome, "ok": False, "problems": [each.to_json() for each in problems]}
    if not {"run", "rehearse"} & set(words[:1]) or any(word.startswith("--world") for word in words):
        return document
    device = "sim://" if words[0] == "rehearse" else str(getattr(given, "device", ""))
    return document | {
        "simulated": True if device.startswith(("sim://", "sim+")) else None,  # a port was not asked who is there
        "protocol": getattr(given, "protocol", None),
        "record": None,
        "record_verified": False,
        "contractions": 0,
        "channels": [],
        "titration": [],
        "bends": [],
        "simulated_s": 0.0,
        "wall_s": 0.0,
    }


def refused(message: str, code: int, words: list[str], *, rule: str, given: argparse.Namespace | None = None) -> int:
    """One line for a person; with `--json` also the document that a program reads, whatever went wrong."""
    from estim.safety.errors import Problem

    message = repeated(message, words)
    say(message)
    if "--json" in words:
        outcome = "fault" if code == EXIT_DEVICE else "refused"
        problem = Problem(severity="refuse", key="", message=message, rule=rule)
        try:
            print_json(nothing_played(outcome, [problem], words, given))
            finish()
        except BrokenPipeError:
            nowhere()
        except OSError as error:  # also said where nothing is left to catch it
            say(f"standard output: {error.strerror or error}")
            nowhere()
    return code


def repeated(text: str, words: list[str]) -> str:
    """A refusal that repeats a word of the command line whole, as a file's name is, repeats none of thousands of
    letters: no name of a file is so long.
    """
    from estim.safety.errors import brief

    parts = {part for word in words for part in (word, word.partition("=")[2]) if len(repr(part)) > NAME_MAX}
    for part in sorted(parts, key=len, reverse=True):
        text = text.replace(part, brief(part)).replace(repr(part)[1:-1], repr(brief(part))[1:-1])
    return text
