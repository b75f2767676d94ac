"""What the commands print, and the words that they share."""

from __future__ import annotations

import argparse
import json
import re
import shutil
import sys
import textwrap
from typing import TYPE_CHECKING, Any

from estim.safety.errors import quoted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from estim.desk.result import Result
    from estim.desk.setup_from import Said
    from estim.protocols.schema import Protocol
    from estim.records.home import Home

LIMIT = re.compile(r"L\d+[ab]?")  # as the table of limits names them
DIGITS_MAX = 18
DAYS_MAX = 36_525
DECIMAL_MAX = 1_000_000_000
EXIT_REFUSED, EXIT_USAGE, EXIT_DEVICE, EXIT_INTERRUPTED = 1, 2, 3, 130


def columns() -> int:
    """How wide a line may be: the terminal's columns; without one, no bound."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else 1 << 30


def fitted(line: str, *, indent: int = 6) -> str:
    """The line as it is, or on a narrower terminal broken between its words, the rest set in by `indent`: a terminal
    breaks wherever its last column is, and 1000 µs in the table of limits were 100 and a 0 below it.
    """
    wide = columns()
    if len(line) <= wide:
        return line
    return textwrap.fill(
        line, max(wide, 2 * indent), subsequent_indent=" " * indent, break_long_words=False, break_on_hyphens=False
    )


def print_json(document: object) -> None:
    """One document: UTF-8, or plain ASCII with escapes where the output is of another kind."""
    from estim.cli.speaking import is_utf8, legible, speak_documents

    speak_documents()
    text = json.dumps(document, indent=2, ensure_ascii=not is_utf8())
    if legible(text) != text:  # what nobody can see, in the document's own way of writing it
        text = "".join(
            letter if legible(letter) == letter else json.dumps(letter, ensure_ascii=True)[1:-1] for letter in text
        )
    print(text)


def decimal_number(text: str) -> float:
    """A number as it stands on a command line: digits, at most one point.

    Raises:
        ArgumentTypeError: anything else.
    """
    from estim.safety.units import plain_number

    try:
        number = float(plain_number(text))
    except ValueError:
        words = "a number, in digits, with at most one point between them"
        raise argparse.ArgumentTypeError(f"{quoted(text)}: {words}") from None
    if number < 0:
        raise argparse.ArgumentTypeError(f"{quoted(text)}: not below 0")
    if number > DECIMAL_MAX:
        raise argparse.ArgumentTypeError(f"{quoted(text)}: at most {DECIMAL_MAX}")
    return number


def whole_number(text: str) -> int:
    """For a parser: digits alone; `1_0` and the digits of another script are no numbers here.

    Raises:
        ArgumentTypeError: anything else; says what of it is wrong.
    """
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()):
        raise argparse.ArgumentTypeError(f"{quoted(text)}: not a whole number in the digits 0 to 9 alone")
    if text != digits:
        raise argparse.ArgumentTypeError(f"{quoted(text)}: a whole number from 0 on")
    if len(digits) > DIGITS_MAX:
        raise argparse.ArgumentTypeError(f"{quoted(text[:DIGITS_MAX])}…: a whole number of at most {DIGITS_MAX} digits")
    return int(text)


def counted(text: str) -> int:
    """A whole number of things that there is at least one of.

    Raises:
        ArgumentTypeError: anything else.
    """
    if re.fullmatch(r"-[0-9]+|0+", text, re.ASCII):
        raise argparse.ArgumentTypeError(f"{quoted(text)}: a whole number from 1 on")
    return whole_number(text)


def days(text: str) -> int:
    """A whole number of days, of which a hundred years have so many.

    Raises:
        ArgumentTypeError: anything else.
    """
    number = whole_number(text)
    if number > DAYS_MAX:
        raise argparse.ArgumentTypeError(f"{text}: at most {DAYS_MAX} days")
    return number


def explained(rules: Iterable[str]) -> str:
    """Where a person reads on: the limits that refuse or warn, as topics of the handbook; "" where none does."""
    limits = list(dict.fromkeys(rule for rule in rules if LIMIT.fullmatch(rule)))
    return f"\n  more: {', '.join(f'`estim help {rule}`' for rule in limits[:3])}" if limits else ""


def ask_line(question: str) -> str:
    """A line that a person types before anything is begun; "" where input ends."""
    try:
        return input(question)
    except EOFError:
        return ""


def home_of(given: argparse.Namespace) -> Home:
    """The home folder that the command names. What the command makes from now on is its user's alone.

    Raises:
        RecordError: none is known, or what is named can't be a folder.
    """
    from estim.platform.files import make_private
    from estim.records.home import NOWHERE, find_home

    make_private()
    return find_home(given.home, otherwise=NOWHERE if without_home(given) else None)


def without_home(given: argparse.Namespace) -> bool:
    """Does this command do its work for somebody who has no home folder at all (a container, a service)?"""
    if given.command in {"limits", "devices", "safety", "doctor", "protocols"}:
        return True
    return (given.command, getattr(given, "action", "")) in {("records", "schema"), ("clinic", "schema")}


def said_of(given: argparse.Namespace, home: Home, *, simulated: bool) -> tuple[Protocol, Said]:
    """The protocol that the command names, and the setup that its words describe."""
    from estim.desk.setup_from import SetupWords, setup_from
    from estim.protocols.catalogue import load_runnable

    protocol, _ = load_runnable(given.protocol, own=home.protocols)
    words = SetupWords(
        patient=given.patient,
        levels=tuple(given.level),
        motor=tuple(given.motor),
        pads=tuple(given.pad),
        regions=tuple(given.region),
        measures=tuple(given.measure),
        early=given.early,
        cadence=given.cadence,
        side=given.side or "left",
        week=1 if given.week is None else given.week,
        session=1 if given.session is None else given.session,
        left_out=given.skip,
        drill=given.drill,
    )
    return protocol, setup_from(protocol, words, simulated=simulated)


def print_report(report: dict[str, Any]) -> None:
    """A session's report for a person."""
    from estim.platform.extras import for_a_shell

    print(f"{report['protocol']}: {report['outcome']}, {report['contractions']} contractions" + (
        " (simulated)" if report["simulated"] else ""
    ))  # fmt: skip
    for row in report["channels"]:
        print(
            f"  {row['name']}: {row['pulses']} pulses, {row['charge_uc']:.3f} µC of first phases, "
            f"peak {row['peak_ma']:g} mA, {row['on_s']:.1f} s on ({row['basis']})"
        )
    for problem in [*report["bends"], *report["problems"]]:
        print(f"  {problem['severity']}: {problem['key']}: {problem['message']}")
    told = {problem["message"] for problem in report["problems"]}
    for text in report.get("alarms", ()):
        if text not in told:
            print(f"  alarm: {text}")
    for fault in report.get("faults", ()):
        print(f"  fault planned: {_fault_words(fault)}")
    if report.get("faults") == []:
        print("  fault planned: none (this seed drew none)")
    if report["record"]:
        print(f"  record {report['record']}: {'verified' if report['record_verified'] else 'NOT VERIFIED'}")
        if report.get("word_head"):
            print(f"  head: {report['word_head']}")
        print(f"  on paper: estim records report {for_a_shell(report['record'])}")
    print(f"  {report['simulated_s']:.0f} s of session in {report['wall_s']:.2f} s")


def _fault_words(fault: dict[str, Any]) -> str:
    """`lead-off, channel 1, at 40 s for 3 s`."""
    channel = f", channel {fault['channel']}" if fault["channel"] is not None else ""
    size = f", size {fault['size']}" if fault["size"] is not None else ""
    lasts = f" for {fault['for_s']:.3g} s" if fault["for_s"] else ""
    reached = "" if fault["reached"] else " (the session had ended before)"
    return f"{fault['kind']}{channel}{size} at {round(fault['at_s'], 3):g} s{lasts}{reached}"


def print_result(given: argparse.Namespace, result: Result, *, lost: int = 0) -> int:
    """The exit code tells how it went, whether anybody reads the rest or not: a reader who has gone is nobody's fault.
    What could not be written is said, and ends with `lost` what ended well.
    """
    from estim.cli.speaking import say
    from estim.platform.terminals import nowhere

    try:
        if given.json:
            print_json(result.document)
        else:
            print_report(result.document)
        print(end="", flush=True)
    except BrokenPipeError:
        nowhere()
    except OSError as error:
        say(f"standard output: {error.strerror or error}")
        nowhere()
        return result.exit_code or lost
    return result.exit_code


def model_of(name: str, option: str) -> str:
    """A device model by its name.

    Raises:
        UsageError: there is none; names the option.
    """
    from estim.drivers.models import MODELS
    from estim.safety.errors import UsageError

    if name not in MODELS:
        raise UsageError(f"{option} {quoted(name)}: one of {', '.join(MODELS)}")
    return name
