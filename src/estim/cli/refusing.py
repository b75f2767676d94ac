"""How every command refuses: one line with `estim:` before it, with `--json` a document too; long words in part."""

from __future__ import annotations

import argparse
import sys
from typing import Any, NoReturn

from estim.cli.output import EXIT_DEVICE, print_json
from estim.cli.speaking import finish, say
from estim.platform.terminals import nowhere

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


def refused(message: str, code: int, words: list[str], *, rule: str) -> int:
    """One line for a person; with `--json` also the document that a program reads, whatever went wrong."""
    from estim.safety.errors import Problem

    message = repeated(message, words)
    say(message)
    if "--json" in words:
        outcome = "fault" if code == EXIT_DEVICE else "refused"
        problem = Problem(severity="refuse", key="", message=message, rule=rule)
        try:
            print_json({"outcome": outcome, "ok": False, "problems": [problem.to_json()]})
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
