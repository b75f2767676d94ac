"""Plan: what is done today. Nothing is chosen that nobody chose, and what a limit will refuse is refused here."""

from __future__ import annotations

import datetime
import functools
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.content import Content

from estim.console.before import asks_mvic, refusals, too_soon
from estim.console.command import Command
from estim.console.contract import Console
from estim.console.draft import Stage, source_name
from estim.console.drawing import short_title
from estim.console.pane import Field, Pane
from estim.console.panel import Panel
from estim.console.presses import Kind
from estim.console.preview import changes_since, preview_lines, suggested_week
from estim.console.protocol_words import detail_lines, nearest_first
from estim.console.stages.early import EarlyPane
from estim.platform.files import trouble
from estim.protocols import library
from estim.protocols.loader import load
from estim.protocols.schema import Protocol
from estim.safety.errors import EstimError
from estim.session.snapshot import Snapshot

# The nine conditions that a digit chooses, in the order of their protocols' number in the library.
CONDITIONS = (
    "stroke",
    "post-surgery",
    "ligament-repair",
    "fracture-disuse",
    "multiple-sclerosis",
    "spasticity",
    "balance-older",
    "athletes",
    "gait",
)
WEEK_MAX = 52
ROOM_FROM = 34  # rows, as the style sheet's `-tall`
DRAWN_FROM = 56  # columns; narrower panels have one cycle in a line


class PlanPane(Pane):
    """The library and the site's own files, by condition or by any word; week and side of today."""

    NAME: ClassVar[str] = "plan"

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._protocols: dict[str, Protocol] = {}
        self._broken: dict[str, str] = {}
        self._search = self._condition = ""
        self._answers: dict[tuple[str, str], list[str]] = {}  # what was found for the present words
        self._at = 0
        draft = console.draft
        self._touched = bool(draft.source)  # nobody has chosen anything before
        self._asking_side = False
        self._shown = ""
        self._read()
        if draft.source in self._protocols:
            self._at = self._found().index(draft.source)

    def _read(self) -> None:
        """The library once a process; the site's own files each time."""
        self._protocols = dict(_library())
        for path in self.console.home_view.own_protocols():
            try:
                self._protocols[path] = load(Path(path))
            except EstimError as error:
                self._broken[path] = str(error).splitlines()[0]
            except OSError as error:
                self._broken[path] = f"{path}: {trouble(error)}"

    def _found(self) -> list[str]:
        """Looked up once: each picture and each key asks several times, and the whole library takes 5 ms."""
        asked = (self._search, self._condition)
        if asked not in self._answers:
            self._answers = {asked: self._look_up()}
        return self._answers[asked]

    def _look_up(self) -> list[str]:
        known = nearest_first(self._protocols, self._search, self.say)
        if not self._condition:
            return known
        found = [one for one in known if self._condition in self._protocols[one].conditions]
        return sorted(found, key=lambda one: not one.startswith(self._condition))

    def _marked(self) -> str:
        found = self._found()
        return found[min(self._at, len(found) - 1)] if found and self._touched else ""

    def compose(self) -> ComposeResult:
        """List left, what it plays right."""
        yield Field(id="search", value="", max_length=60)
        yield Panel(self.numbered("plan.title"), id="protocols")
        yield Panel(self.say("plan.plays"), id="plays")

    def show(self, snapshot: Snapshot | None) -> None:  # noqa: ARG002
        """The list, and the marked one in full."""
        searched = self.field == "search"
        self.query_one("#search").display = searched
        self.set_class(searched, "-searched")
        found, marked, listed = self._found(), self._marked(), self.panel("protocols")
        lines: list[Content | str] = list(self._head(len(found)))
        first = len(lines)
        for source in found:
            protocol = self._protocols[source]
            basis = "" if protocol.basis == "published" else f" ({self.say.of('basis-short', protocol.basis)})"
            mark = "▸" if source == marked else " "
            lines.append(Content.styled(f"{mark} {protocol.title}{basis}", "bold reverse" if source == marked else ""))
        lines += [f"✖ {source_name(source)}: {reason}" for source, reason in self._broken.items()]
        listed.lines(lines)
        if marked:
            at = first + found.index(marked)
            listed.see(listed.rows_of(lines[:at]), listed.rows_of(lines[: at + 1]) - 1)
        plays = self.panel("plays")
        if marked != self._shown:
            self._shown = marked
            plays.scroll_home(animate=False)
        plays.lines(self._details(marked, plays.columns) if marked else self._what_each_brings())

    def _head(self, count: int) -> list[str]:
        say, draft = self.say, self.console.draft
        side = say.of("side", draft.side) if draft.side else say("plan.side-open")
        lines = [say("plan.today", week=draft.week, side=side)]
        if self._search or self._condition:
            word = self._search or say.of("condition", self._condition)
            lines.append(say("plan.match", word=word, count=count, rest=len(self._protocols) - count))
        if not count:
            lines.append(say("plan.none"))
        elif not self._touched:
            named = (f"{n} {say.of('condition', name)}".replace(" ", "\u00a0") for n, name in enumerate(CONDITIONS, 1))
            lines.append(" ".join(named))  # a digit and its word stay together
        return [*lines, ""]

    def _what_each_brings(self) -> list[Content | str]:
        """Nothing is marked: what each digit brings, where there is room for it."""
        lines: list[Content | str] = [self.say("plan.nothing-marked")]
        if self.console.rows < ROOM_FROM or self._search or self._condition:
            return lines
        for n, name in enumerate(CONDITIONS, 1):
            titles = [short_title(one.title) for one in self._protocols.values() if name in one.conditions]
            lines += ["", Content.styled(f"{n} {self.say.of('condition', name)}", "bold"), f"  {' · '.join(titles)}"]
        return lines

    def _details(self, source: str, columns: int) -> list[str]:
        protocol, draft = self._protocols[source], self.console.draft
        model = self.now.model if self.now is not None else ""
        session, drawn = draft.sessions_before + 1, []
        if protocol.basis != "reference-only" and columns >= DRAWN_FROM:
            drawn = list(
                preview_lines(protocol, model=model, week=draft.week, session=session, columns=columns, say=self.say)
            )
            past = self.console.past_patient(draft.patient_id)
            if past is not None and past.last_protocol_id == protocol.id:
                last = (past.last_week, past.last_session, past.last_version)
                drawn += ["", *changes_since(protocol, last=last, week=draft.week, session=session, say=self.say)]
                week = suggested_week(protocol, past.sessions)
                drawn.append(self.say("protocol.suggested", week=week, count=past.sessions))
        return list(detail_lines(protocol, week=draft.week, columns=columns, drawn=tuple(drawn), say=self.say))

    def typed(self, field: Field) -> None:
        """Search at once: what is marked is what was searched for."""
        self._search, self._condition, self._at, self._touched = field.value.strip(), "", 0, bool(field.value.strip())

    def commands(self) -> Sequence[Command]:
        """Take it, then the side; search, condition, week."""
        say, draft, marked = self.say, self.console.draft, self._marked()
        if self._asking_side:
            return self._sides()
        protocol = self._protocols.get(marked)
        says = say("plan.takes", title=protocol.title) if protocol is not None else ""
        refusal = "" if protocol is not None else say("plan.nothing-found" if not self._found() else "plan.touch")
        if protocol is not None and protocol.basis == "reference-only":
            refusal = say("refuse.reading-only", title=protocol.title)
        take = self.does("next", self._take, says=says, refusal=refusal)
        if self.field == "search":
            keep = self.does(
                "next",
                lambda: self.focus_on(""),
                label=say("hint.enter-word"),
                refusal=refusal,
                says=say("plan.search-done", title=protocol.title) if protocol is not None else "",
            )
            clear = Command(keys=("ctrl+u",), act=self._clear, label=say("plan.clear"), says=say("plan.clear"))
            return (keep, *self.move(self._move), self.does("back", self._clear, label=say("plan.clear")), clear)
        conditions = [
            self.digit(
                str(n),
                partial(self._by_condition, name),
                label=say("plan.by-condition") if n == 1 else "",
                says="" if self._touched else say.of("condition", name),
            )
            for n, name in enumerate(CONDITIONS, start=1)
        ]
        weeks = [
            Command(
                keys=("left",), act=partial(self._week, -1), label=say("hint.week", week=draft.week), kind=Kind.MOVE
            ),
            Command(keys=("right",), act=partial(self._week, 1), kind=Kind.MOVE),
        ]
        sides = [self.digit(key, partial(self._side, side), label="") for key, side in (("l", "left"), ("r", "right"))]
        letters = [Command(keys=(each,), act=partial(self._type, each), kind=Kind.FREE) for each in _LETTERS]
        clear = Command(keys=("ctrl+u",), act=self._clear)
        return (
            take,
            *conditions,
            self.does("search", partial(self._type, "")),
            *self.move(self._move),
            *weeks,
            *sides,
            self.does("back", self._back, label=say("hint.back")),
            clear,
            *letters,
        )

    def _sides(self) -> Sequence[Command]:
        say = self.say
        known = self.console.draft.side
        first = ("l", "left") if known == "left" else ("r", "right")
        other = ("r", "right") if known == "left" else ("l", "left")
        commands = [
            self.digit(key, partial(self._side, side), label=say.of("side", side), says=say(f"plan.side.{side}"))
            for key, side in (first, other)
        ]
        return (*commands, self.does("back", self._no_side, label=say("hint.back")))

    # -- what they do -----------------------------------------------------------------------------------------------

    def _type(self, first: str) -> None:
        self.focus_on("search")
        if first:
            field = self.query_one("#search", Field)
            field.insert_text_at_cursor(first)
            self.typed(field)

    def _clear(self) -> None:
        self._search = self.query_one("#search", Field).value = ""
        self._at, self._touched, self._condition = 0, False, ""
        self.focus_on("")

    def _by_condition(self, name: str) -> None:
        self._condition, self._search, self._at, self._touched = name, "", 0, True

    def _move(self, step: int) -> None:
        self._at = max(0, min(len(self._found()) - 1, self._at + (step if self._touched else 0)))
        self._touched = True

    def _week(self, step: int) -> None:
        draft = self.console.draft
        draft.week = max(1, min(WEEK_MAX, draft.week + step))

    def _back(self) -> None:
        """Nothing was answered yet: another patient may have been meant."""
        self.console.said(self.say("plan.back"))

    def _no_side(self) -> None:
        self._asking_side = False

    def _take(self) -> None:
        draft, source = self.console.draft, self._marked()
        if source != draft.source:
            draft.choose(source, self._protocols[source])
        if draft.asks_side():
            self._asking_side = True
        else:
            self._go_on()

    def _side(self, side: str) -> None:
        self.console.draft.choose_side(side)
        if self._asking_side:
            self._asking_side = False
            self._go_on()

    def _go_on(self) -> None:
        """What will be refused once all is prepared is refused now."""
        go_on(self.console)


def go_on(console: Console) -> None:
    """From the plan: what will be refused once all is prepared is refused now, what is too early needs a reason."""
    draft = console.draft
    past = console.past_patient(draft.patient_id)
    if reasons := refusals(draft, console.snapshot, past, console.say):
        console.said("✖ " + "\n ✖ ".join(reasons[:3]))
        if draft.measured and draft.consent:  # a value of today may be the reason, and may have been mistyped
            console.go(Stage.ASSESSMENT)
        return
    now = datetime.datetime.now().astimezone()
    if early := too_soon(draft, past, console.say, now, console.home_view.own_folder()):
        console.ask(EarlyPane(console, early, partial(_because, console)))
        return
    measures = not draft.consent or (asks_mvic(draft) and not draft.mvic)
    console.go(Stage.ASSESSMENT if measures else Stage.SCREENING)


def _because(console: Console, reason: str) -> None:
    console.draft.early_reason = console.say.of("reason", reason)
    go_on(console)


_LETTERS = tuple(letter for letter in "abcdefghijkmnopqstuvwxyz")  # all but L and R: they are sides


@functools.cache
def _library() -> Mapping[str, Protocol]:
    """A few dozen files, some milliseconds each, while output is off."""
    return {name: load(library.path(name)) for name in library.names()}
