"""The command-line page, made from the parser, so that no command and no option can be missing."""

from __future__ import annotations

import argparse
from collections.abc import Iterator


def page(parser: argparse.ArgumentParser) -> str:
    """The whole command line as Markdown: a heading for each command, a table of its options.

    Raises:
        ValueError: an option or a command has no word of help; every one must say what it does.
    """
    lines = [
        "# Command line",
        "",
        "Made from the program's own parser. `--json` prints one document on standard output and nothing else.",
        "Exit codes: 0 done, 1 refused or found wrong, 2 bad usage, 3 device or link failure, 4 output uncertain.",
        "",
    ]
    for words, command, about in _commands(parser, (parser.prog,), ""):
        lines += [f"## {' '.join(words)}", ""]
        if about:
            lines += [about[0].upper() + about[1:] + ".", ""]
        rows = [row for action in command._actions if (row := _row(action, words))]
        if rows:
            lines += ["| argument | what it is | default |", "|---|---|---|", *rows, ""]
    return "\n".join(lines)


def _commands(
    parser: argparse.ArgumentParser, words: tuple[str, ...], about: str
) -> Iterator[tuple[tuple[str, ...], argparse.ArgumentParser, str]]:
    inner = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    if not inner or (words and any(_row(action, words) for action in parser._actions)):  # `limits` is one by itself too
        yield words, parser, about
    for action in inner:
        helps = {choice.dest: choice.help for choice in action._choices_actions}
        for name, command in action.choices.items():
            if name not in helps:
                raise ValueError(f"{' '.join((*words, name))} has no help")
            yield from _commands(command, (*words, name), helps[name] or "")


def _row(action: argparse.Action, words: tuple[str, ...]) -> str:
    if action.help is argparse.SUPPRESS or isinstance(action, argparse._HelpAction | argparse._SubParsersAction):
        return ""
    names = ", ".join(action.option_strings) or action.dest
    if not action.help:
        raise ValueError(f"{' '.join(words)} {names} has no help")
    value = "" if action.nargs == 0 else str(action.metavar or "|".join(map(str, action.choices or ())) or "")
    if not value and action.option_strings and action.nargs != 0:
        value = action.dest.upper()
    shown = f"`{names}{' ' + value if value and action.option_strings else ''}`".replace("|", "\\|")
    unset = action.default in (None, "", False, argparse.SUPPRESS) or action.default == []
    default = "required" if action.required and action.option_strings else "" if unset else f"`{action.default}`"
    text = action.help % {"default": action.default, "prog": "estim"} if "%(" in action.help else action.help
    return f"| {shown} | {text.replace('%%', '%').replace('|', chr(92) + '|')} | {default} |"
