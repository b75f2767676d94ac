"""The command line: parses, starts processes, prints. Everything heavy is imported inside the command that needs it."""

from __future__ import annotations

import argparse
import errno
import importlib
import os
import sys
from collections.abc import Callable
from typing import Any, cast

from estim.cli.output import (
    EXIT_DEVICE,
    EXIT_INTERRUPTED,
    EXIT_REFUSED,
    EXIT_USAGE,
    counted,
    explained,
    print_json,
    whole_number,
)
from estim.cli.refusing import Parser, WrongWords, nothing_played, refused, repeated
from estim.cli.speaking import complain, finish, say, speak, speak_legibly
from estim.platform.files import trouble
from estim.platform.terminals import nowhere

_OF_THE_SYSTEM = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN})  # no stream's fault
FAULT = "this is a fault of estim's own"
DEFAULT_DEVICE = "sim://p24"
EMG_HELP = "EMG and sensors: lsl://STREAM (extra lsl) or socket://host:port of a bridge"
DESCRIPTION = "Open session controller for neuromuscular electrical stimulation, with a byte-exact simulator."


def _add_console(commands: Any, home: argparse.ArgumentParser) -> None:
    console = commands.add_parser("console", parents=[home])
    console.add_argument("--device", default=DEFAULT_DEVICE, help="port, socket://host:port or sim://MODEL")
    console.add_argument("--emg", default="", metavar="URL", help=EMG_HELP)
    console.add_argument(
        "--observe",
        nargs="?",
        type=whole_number,
        const=0,
        metavar="PID",
        help="look on at a running session; can only stop it",
    )
    console.add_argument(
        "--patient-screen", action="store_true", help="the patient's own screen beside a running session: the cue alone"
    )
    console.add_argument("--who", default="observer", help="with --observe: your pseudonym, for the record of a stop")
    console.add_argument("--web", action="store_true", help="practice in a browser on this machine; simulated only")
    console.add_argument("--port", type=whole_number, default=8000, help="with --web")
    console.add_argument("--web-tab", type=whole_number, help=argparse.SUPPRESS)  # how --web starts each tab
    console.add_argument("--language", metavar="CODE", help="en or de; else console.toml's, else the locale's")
    console.add_argument("--theme", metavar="NAME", help="estim-dark, -light, -contrast, -colour-blind or -mono")


class _Version(argparse.Action):
    """Asks git only when it is asked itself."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from estim.version import software

        print(software())
        parser.exit()


def _top() -> tuple[argparse.ArgumentParser, _Commands, argparse.ArgumentParser]:
    """The command line without its commands: the parser, what takes commands, and the words that each of them has."""
    top = Parser(prog="estim", description=DESCRIPTION)
    top.add_argument("--version", action=_Version, nargs=0, help="release, commit and whether it was changed")
    commands = _Commands(top.add_subparsers(dest="command", required=True, metavar="COMMAND"))
    home = argparse.ArgumentParser(add_help=False)
    home.add_argument("--home", help="records, patients, own protocols, site limits, keys (or ESTIM_HOME)")
    home.add_argument("--json", action="store_true", help="one JSON document on standard output, nothing else")
    return top, commands, home


def _add_protocols(commands: Any, home: argparse.ArgumentParser) -> None:
    from estim.cli import protocols

    actions = commands.add_parser("protocols").add_subparsers(dest="action", required=True, metavar="ACTION")
    protocols.add_parsers(actions, home)


# Which module of this package does a command, by its first word, in the order of the help, and what the help says of
# it. People wait for a command: nothing of the others is loaded for it, and for the help of all nothing of any.
MODULES = {
    "console": ("sessions", "the therapist's screen"),
    "study": ("studies", "many rehearsals: sweeps over protocols, levels, patients, devices, seeds"),
    "trial": ("trials", "controlled trials: sealed allocation, blinding, tables for the report"),
    "stream": ("streams", "a running session as Lab Streaming Layer markers"),
    "run": ("sessions", "one session, line by line"),
    "rehearse": ("sessions", "one session in simulated time"),
    "protocols": ("protocols", "the protocol files"),
    "limits": ("site_limits", "the limits in force, with sources"),
    "devices": ("tables", "ports, and what could be there"),
    "safety": ("tables", "SAFETY.md: limits, hazards, what this program is not"),
    "help": ("handbook", "what the handbook says of a topic"),
    "doctor": ("doctor", "is this machine fit, and what cures it where not"),
    "plans": ("plans", "plans of care: phases with gates, protocols, exercises"),
    "qualify": ("qualify", "acceptance of a stimulator on a dummy load"),
    "course": ("course", "a course of care: assessment, goals, gates, home, discharge"),
    "records": ("records", "the records of sessions"),
    "operators": ("operators", "who may sign in at this station"),
    "clinic": ("clinic", "records of many stations in one database"),
}


def _module(name: str) -> Any:
    return importlib.import_module(f"estim.cli.{name}")


def _function(command: str, action: str) -> Callable[[argparse.Namespace], int]:
    """What does the command: of those with actions by their names together, of the others a function of its name."""
    module = _module("tables" if (command, action) == ("limits", "") else MODULES[command][0])
    if command == "help":
        return lambda given: int(module.show(given, parser()))
    found = module.COMMANDS[f"{command}_{action}"] if action else getattr(module, command)
    return cast("Callable[[argparse.Namespace], int]", found)


def _add_run(commands: Any, home: argparse.ArgumentParser) -> None:
    run = commands.add_parser("run", parents=[home, _session_words()])
    run.add_argument("--patient", required=True, help="pseudonym")
    run.add_argument("--operator", default="operator", help="pseudonym")
    run.add_argument("--device", default=DEFAULT_DEVICE, help="port, socket://host:port or sim://MODEL")
    run.add_argument("--emg", default="", metavar="URL", help=EMG_HELP)
    run.add_argument("--yes", action="store_true", help="confirm what is asked; refused on a real device")


def _add_rehearse(commands: Any, home: argparse.ArgumentParser) -> None:
    rehearse = commands.add_parser("rehearse", parents=[home, _session_words()])
    rehearse.add_argument("--patient", default="rehearsal", help="pseudonym")
    rehearse.add_argument("--device-model", default="p24", metavar="MODEL", help="the simulated stimulator")
    rehearse.add_argument(
        "--patient-profile",
        default="",
        metavar="NAME",
        help="a virtual patient who feels and speaks",
    )
    rehearse.add_argument("--seed", type=whole_number, default=0, metavar="N", help="the same seed repeats all chance")
    rehearse.add_argument("--pulses", metavar="FILE", help="every pulse as a CSV row")
    rehearse.add_argument("--faults", metavar="PLAN", help="a fault plan's file, or seed:N")
    rehearse.add_argument("--world", action="store_true", help="one world: the faults and moods of --seed")
    rehearse.add_argument("--worlds", type=counted, metavar="N", help="N worlds from --seed on")
    rehearse.add_argument("--around", action="store_true", help="in worlds: also slow disks, held-up fronts, odd lines")
    rehearse.add_argument("--jobs", type=counted, metavar="J", help="with --worlds: processes at once")
    rehearse.add_argument("--shrink", action="store_true", help="with --world: the few faults and acts that it takes")
    rehearse.add_argument("--only", metavar="PARTS", help="with --world: these of its faults and acts, such as f0,w2")


def _add_limits(commands: Any, home: argparse.ArgumentParser) -> None:
    from estim.cli import site_limits

    limits = commands.add_parser("limits", parents=[home])
    site_limits.add_parsers(limits, home)
    limits.add_argument("--site", metavar="FILE", help="a site file to look at instead of the installed one")


def _add_devices(commands: Any, home: argparse.ArgumentParser) -> None:
    commands.add_parser("devices", parents=[home]).add_argument(
        "--probe", action="store_true", help="ask each port who is there"
    )


def _add_safety(commands: Any, home: argparse.ArgumentParser) -> None:
    commands.add_parser("safety", parents=[home])


# Those whose words stand here; the others' stand in their modules.
HERE = {
    "console": _add_console,
    "run": _add_run,
    "rehearse": _add_rehearse,
    "protocols": _add_protocols,
    "limits": _add_limits,
    "devices": _add_devices,
    "safety": _add_safety,
}


class _Commands:
    """Takes the parsers of commands; each has its word of help from MODULES."""

    def __init__(self, takes: Any) -> None:
        self._takes = takes

    def add_parser(self, name: str, **words: Any) -> argparse.ArgumentParser:
        """One more."""
        return cast("argparse.ArgumentParser", self._takes.add_parser(name, help=MODULES[name][1], **words))


def parser(command: str = "") -> argparse.ArgumentParser:
    """The whole command line, or the part of it that this first word needs."""
    top, commands, home = _top()
    for name in [command] if command in MODULES else MODULES:
        add = HERE.get(name) or _module(MODULES[name][0]).add_parsers
        add(commands, home)
    return top


def _parser_for(words: list[str]) -> argparse.ArgumentParser:
    """What these words need: a command's own part, or, where they name none, the names of all and no words of any."""
    if any(word in MODULES for word in words):
        return parser(words[0])
    top, commands, _ = _top()
    for name in MODULES:
        commands.add_parser(name)
    return top


def _session_words() -> argparse.ArgumentParser:
    """The words that describe a session, for `run` and `rehearse`."""
    session = argparse.ArgumentParser(add_help=False)
    session.add_argument("protocol", help="a library name, an own protocol's name, a file, or `due` with --course")
    session.add_argument(
        "--level", action="append", default=[], metavar="NAME=mA", help="simulated only: the level that is found"
    )
    session.add_argument(
        "--motor", action="append", default=[], metavar="NAME=mA", help="motor mark (sensory channels)"
    )
    session.add_argument("--pad", action="append", default=[], metavar="NAME=7.6x12.7", help="size of both pads in cm")
    session.add_argument(
        "--region", action="append", default=[], metavar="NAME=REGION", help="where any-permitted lies"
    )
    session.add_argument("--early", default="", metavar="REASON", help="before the pause of the file is over: why")
    session.add_argument(
        "--measure", action="append", default=[], metavar="NAME=VALUE[:SIDE[:BY WHAT]]", help="for its criteria"
    )
    session.add_argument("--cadence", type=whole_number, metavar="N", help="turns of the crank, or steps, a minute")
    session.add_argument("--side", choices=("left", "right"), help="the treated side; else the course's, or left")
    session.add_argument("--week", type=whole_number, metavar="N", help="week of the course, from 1")
    session.add_argument("--session", type=whole_number, metavar="N", help="session of the course, from 1")
    from estim.cli import in_course

    in_course.add_words(session)
    return session


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns its exit code. Whatever happens, a person reads one line and no traceback."""
    speak()
    words = sys.argv[1:] if arguments is None else arguments
    try:
        return _run(_parsed(words), words)
    except BrokenPipeError:  # who read the output has gone: `estim limits | head`
        nowhere()
        return 0
    except KeyboardInterrupt:
        say("interrupted")
        return EXIT_INTERRUPTED
    except OSError as error:
        named = " -> ".join(str(path) for path in (error.filename, error.filename2) if path)
        where = "this computer" if error.errno in _OF_THE_SYSTEM else "standard output"
        if named:
            return refused(f"{named}: {trouble(error)}", EXIT_REFUSED, words, rule="file")
        say(f"{where}: {error.strerror or error}")
        nowhere()
        return EXIT_REFUSED
    except UnicodeEncodeError as error:
        if not any(_half(letter) for letter in error.object):
            raise
        bad = "".join(f"\\x{ord(letter) - 0xDC00:02x}" if _half(letter) else letter for letter in error.object[:60])
        text = f"{bad}: a byte that is no letter in this system's encoding; please write it anew"
        return refused(text, EXIT_USAGE, words, rule="usage")
    except Exception as error:  # a fault of estim's own: said in one line, its place only to those who look for it
        if os.environ.get("ESTIM_DEBUG"):
            raise
        text = f"{FAULT}: {type(error).__name__}: {error} (ESTIM_DEBUG=1 shows where)"
        return refused(text, EXIT_REFUSED, words, rule="fault")


def _half(letter: str) -> bool:
    """Stands for a byte of the command line that is no letter, as Python hands it over."""
    return "\udc80" <= letter <= "\udcff"


def _parsed(words: list[str]) -> argparse.Namespace:
    """The words of a command line. Help and version are printed here, and may find nobody who reads them."""
    try:
        return _parser_for(words).parse_args(words)
    except WrongWords as wrong:
        usage, message = wrong.args
        complain(usage.rstrip())
        raise SystemExit(refused(message, EXIT_USAGE, words, rule="usage")) from None
    except SystemExit:
        finish()
        raise


def _run(given: argparse.Namespace, words: list[str]) -> int:
    """One command and what it refuses, said.

    Raises:
        OSError: nothing can be printed, or a file that the command has no own words for.
    """
    from estim.safety.errors import EstimError, LinkLost, ProtocolError, SetupError, SiteFileError, UsageError

    if given.command != "console":
        speak_legibly()
    if getattr(given, "json", False):  # however it was shortened
        words = [*words, "--json"]
    try:
        code = int(_function(given.command, getattr(given, "action", None) or "")(given))
    except UsageError as error:
        return refused(str(error), EXIT_USAGE, words, rule="usage", given=given)
    except LinkLost as error:
        return refused(str(error), EXIT_DEVICE, words, rule="link", given=given)
    except (ProtocolError, SetupError, SiteFileError) as error:
        code = EXIT_REFUSED
        if "--json" in words:
            document = nothing_played("refused", error.problems, words, given)
            print_json(document | ({"file": str(error.path)} if error.path is not None else {}))
        else:
            more = explained(one.rule for one in error.problems if one.severity != "info")
            lines = "\n  ".join(repeated(str(error), words).splitlines())
            complain(f"estim: {lines}{more}")
    except EstimError as error:
        return refused(str(error), EXIT_REFUSED, words, rule="refused", given=given)
    finish()
    return code
