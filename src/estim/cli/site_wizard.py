"""`estim limits propose` at a terminal: what the options left out is asked for, each with its range and its reason.

Nothing is asked where a program reads or writes (no terminal, `--json`), and nothing is written before the whole file
was shown and agreed to. The options stay what they are: what was given is not asked again.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from estim.safety.errors import brief, quoted

if TYPE_CHECKING:
    from estim.safety.guardrail import Guardrail

FILE = "site.toml"
YES = ("y", "yes")
WORDS = {  # option → question, and why it is asked
    "reason": ("Why is it wanted?", "every later reader sees this sentence beside the limit"),
    "source": ("What does it rest on?", "a paper, a guideline, a decision of the house: so that it can be looked up"),
    "asked_by": ("Who asks for it?", "a name; whoever wants to know more asks this person"),
    "responsible": ("Who answers for it?", "a name; treats under it or has it treated, and stands in each record"),
}


@dataclass(slots=True, kw_only=True)
class Wanted:
    """A proposal as far as it is known.

    Attributes:
        values: limits that move, in the integer unit of their keys.
        words: reason, source, asked_by, responsible; "" or missing = still to be asked.
        until: last day.
        file: where it is written.
    """

    values: dict[str, int]
    words: dict[str, str] = field(default_factory=dict)
    until: str = ""
    file: str = ""


class Stopped(Exception):
    """Nobody wants to go on; nothing was written."""


class Wizard:
    """Asks until each answer can stand.

    Args:
        ask: shows a question and returns the line typed; `EOFError` where input ends.
        say: shows a line.
        ready: ready proposals by id.
        today: the day from which `until` counts.
    """

    def __init__(
        self,
        ask: Callable[[str], str],
        say: Callable[[str], None],
        ready: Mapping[str, dict[str, Any]],
        today: datetime.date,
    ) -> None:
        self._ask, self._say, self._ready, self._today = ask, say, ready, today

    def fill(self, wanted: Wanted) -> None:
        """What is missing, in the order in which a reader of the file meets it.

        Raises:
            Stopped: an empty answer where nothing moves yet.
        """
        if not wanted.values:
            self._what(wanted)
        for key, (question, why) in WORDS.items():
            if not wanted.words.get(key, "").strip():
                wanted.words[key] = self._until_right(f"{question} ({why})", _words)
        if not wanted.until:
            last = self._today + datetime.timedelta(days=_longest())
            wanted.until = self._until_right(
                f"Last day on which it holds? ({self._today + datetime.timedelta(days=1)} to {last}: "
                "a year at most, then the house asks itself again)",
                self._day,
            )
        if not wanted.file:
            wanted.file = self._until_right(
                f"File for the proposal? (a new one; two leads sign it; Enter: {FILE})", _new_file, otherwise=FILE
            )

    def agreed(self, text: str, file: str) -> bool:
        """The whole file, read before it is written.

        Raises:
            Stopped: input ended.
        """
        self._say(f"\n{text}")
        return self._line(f"Write this to {file}? Signed by nobody, it moves nothing yet. (y, Enter: no)") in YES

    def _what(self, wanted: Wanted) -> None:
        self._say("An id above takes a ready proposal; a limit's key (? lists them) moves that limit.")
        while True:
            other = "Which other limit? (its key, ?, Enter: none)"
            said = self._line(other if wanted.values else "What shall move? (Enter: nothing)")
            if not said and wanted.values:
                return
            if not said:
                raise Stopped
            if said == "?":
                self._table()
            elif said in self._ready and not wanted.values:
                self._take(said, wanted)
                return
            elif (row := _row_of(said)) is not None:
                wanted.values[row.key] = int(self._until_right(_how_far(row), partial(_moved, row)))
                self._say(f"  {row.key} = {wanted.values[row.key]}")
            else:
                self._say(f"  {quoted(said)}: {_nearest(said, self._ready)}")

    def _take(self, name: str, wanted: Wanted) -> None:
        based = self._ready[name]
        wanted.values |= based["limits"]
        for key in ("reason", "source"):
            wanted.words[key] = wanted.words.get(key, "") or str(based[key])
            self._say(f"  {key}: {wanted.words[key]}")
        for key, value in wanted.values.items():
            row = _row_of(key)
            if row is not None:
                self._say(f"  {row.rule} {row.words}: {_shown(row, value)}; shipped {_shown(row, row.default)}")

    def _table(self) -> None:
        from estim.safety.limits_table import TABLE

        for row in TABLE:
            self._say(f"  {row.key:30} {row.rule:5} {row.words}: {_range(row)}")

    def _day(self, text: str) -> str:
        from estim.records.site import last_day
        from estim.safety.errors import SiteFileError, UsageError

        try:
            last_day(text, self._today.isoformat())
        except SiteFileError as error:
            raise UsageError(error.problems[0].message) from None
        return text

    def _until_right(self, question: str, taken: Callable[[str], str], *, otherwise: str = "") -> str:
        """Ask until `taken` has nothing against the answer."""
        from estim.safety.errors import EstimError

        while True:
            try:
                return taken(self._line(question) or otherwise)
            except EstimError as error:
                self._say(f"  {error}")

    def _line(self, question: str) -> str:
        try:
            return self._ask(f"{question} ").strip()
        except EOFError:
            raise Stopped from None


def _words(text: str) -> str:
    from estim.safety.errors import UsageError

    if not text:
        raise UsageError("a few words: without them nobody can judge it later")
    return text


def _new_file(text: str) -> str:
    from estim.safety.errors import UsageError

    if Path(text).exists():
        raise UsageError(f"{text} is there already: another name")
    return text


def _moved(row: Guardrail, text: str) -> str:
    """A number in the unit that people read → the integer of the key.

    Raises:
        UsageError: no number, none that the key can hold, past the absolute bound, or what is shipped already.
    """
    from estim.safety.errors import UsageError
    from estim.safety.units import plain_number

    try:
        plain_number(text)
    except ValueError as error:
        raise UsageError(f"{error}, in {row.unit}") from None
    exact = Decimal(text) * row.scale
    if exact <= 0 or exact != int(exact):
        raise UsageError(f"{brief(text)} {row.unit}: above 0, in steps of {Decimal(1) / row.scale:f} {row.unit}")
    value = int(exact)
    if row.breaks(value, row.absolute):
        raise UsageError(f"{brief(text)} {row.unit} is past {_shown(row, row.absolute)}, which no file passes")
    if value == row.default:
        raise UsageError(f"{text} {row.unit} is what is shipped: that moves nothing")
    return str(value)


def _how_far(row: Guardrail) -> str:
    return f"{row.words}, in {row.unit}? ({_range(row)}; {row.source})"


def _range(row: Guardrail) -> str:
    bound = "at most" if row.sense == "max" else "at least"
    return f"shipped {_shown(row, row.default)}, {bound} {_shown(row, row.absolute)}"


def _shown(row: Guardrail, value: int) -> str:
    return f"{row.shown(value):g} {row.unit}"


def _row_of(key: str) -> Guardrail | None:
    from estim.safety.limits_table import BY_KEY

    return BY_KEY.get(key)


def _nearest(said: str, ready: Iterable[str]) -> str:
    from difflib import get_close_matches

    from estim.safety.limits_table import BY_KEY

    near = get_close_matches(said, [*ready, *BY_KEY], n=3, cutoff=0.4)
    return f"no ready proposal and no limit; perhaps {', '.join(near)}" if near else "no ready proposal and no limit"


def _longest() -> int:
    from estim.records.site import LONGEST_DAYS

    return LONGEST_DAYS
