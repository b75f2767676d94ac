"""Home: who works here, what was not finished, who comes today; and the two identifiers that open a session."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import DataTable

from estim.console import present
from estim.console.command import Command
from estim.console.contract import Console
from estim.console.draft import Stage
from estim.console.due import title_of
from estim.console.home_view import PastPatient
from estim.console.language import Words
from estim.console.pane import Field, Pane
from estim.console.panel import Panel
from estim.console.presses import Kind
from estim.console.stages.glance import glance_lines, unfinished_lines
from estim.console.stages.identity import IdentityPane
from estim.console.stages.past import CoursePane
from estim.console.stages.station import bench_words, station_lines
from estim.console.stages.unfinished import UnfinishedPane
from estim.console.stages.words import no_name
from estim.records.pseudonym import is_whole_name
from estim.records.training import OBJECTIVES
from estim.session.snapshot import Snapshot

COURSES_S = 2.0  # how often it is looked whether one began elsewhere
SHOWN_PATIENTS = 200
COLUMNS = ("patient", "due", "visits", "last", "what")
NARROW = 56  # columns of the table


class SignInPane(Pane):
    """Initials, and a PIN where this station has operators. Nothing of a session exists before."""

    NAME: ClassVar[str] = "sign-in"

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self.field = "operator"
        self._tries = 0
        self._touched = False

    def compose(self) -> ComposeResult:
        """Two lines to type on."""
        with Vertical(id="door"):  # one cell of the grid
            yield Panel(self.say("sign-in.title"), id="sign-in-words")
            yield Field(id="operator")
            if self.console.home_view.asks_pin():
                yield Field(id="pin", password=True, max_length=64)
        yield Panel(self.say("station.title"), id="station")
        yield Panel(self.say("home.glance-none"), id="way-beside")
        yield Panel(self.say("sign-in.keys-title"), id="keys-beside")

    def show(self, snapshot: Snapshot | None) -> None:
        """What is asked, and beside it what the station knows."""
        key = "sign-in.with-pin" if self.console.home_view.asks_pin() else "sign-in.text"
        lines = list(self.say.lines(key))
        if self._tries:
            lines.append(self.say("sign-in.tries", count=self._tries))
        self.panel("sign-in-words").lines(lines)
        self.panel("way-beside").lines(way_lines(self.say))
        self.panel("keys-beside").lines([*self.say.lines("sign-in.stop"), "", *self.say.lines("sign-in.keys")])
        self.panel("station").lines(
            station_lines(
                snapshot,
                self.say,
                bench=bench_words(self.console, snapshot) if snapshot else "",
                patients=self.console.past_patients(),
                opened=self.console.open_sessions(),
            )
        )
        for each in self.query(Field):
            each.title(self.say(f"sign-in.{each.id}"))
            if each.id == "operator" and not each.value and not self._touched:
                each.value = self.console.home_view.last_operator()  # records are read while somebody looks
                each.cursor_position = len(each.value)

    def typed(self, field: Field) -> None:
        """Whoever types is no longer offered anybody; the first letter replaces who was offered."""
        offered = self.console.home_view.last_operator()
        if not self._touched and field.id == "operator" and offered and field.value.startswith(offered):
            field.value = field.value.removeprefix(offered)
            field.cursor_position = len(field.value)
        self._touched = True

    def commands(self) -> Sequence[Command]:
        """Enter goes to the PIN, then lets in."""
        operator, asks = self.value("operator"), self.console.home_view.asks_pin()
        refusal = "" if operator else self.say("refuse.operator")
        if operator:
            refusal = no_name(self.say, operator)
        if is_whole_name(operator) and not asks:  # a register may have named its people otherwise, long ago
            refusal = self.say("refuse.whole-name")
        if asks and self.field == "operator":
            says = self.say("sign-in.to-pin", operator=operator)
            return (self.does("next", lambda: self.focus_on("pin"), label="", says=says, refusal=refusal),)
        if asks and not self.value("pin"):
            refusal = refusal or self.say("refuse.pin")
        says = self.say("sign-in.says", operator=operator)
        back = (self.does("back", lambda: self.focus_on("operator")),) if asks else ()
        return (self.does("next", self._enter, label=self.say("sign-in.label"), says=says, refusal=refusal), *back)

    def _lacks(self, operator: str) -> list[str]:
        """What this site asks to have been practised before a real device, and was not."""
        done = self.console.home_view.practice(operator)
        return [self.say(f"objective.{one}") for one in self.console.before_real if one not in done]

    def _enter(self) -> None:
        operator, pin = self.value("operator"), self.value("pin")
        if why := self.console.home_view.turns_away(operator, pin):
            self._tries += 1
            self.query_one("#pin", Field).value = ""
            self.console.said(f"✖ {self.say.heard(why)}")
            return
        real = self.now is not None and not self.now.simulated
        if real and (lacks := self._lacks(operator)):
            self.console.said(f"✖ {self.say('sign-in.practice-first', what=', '.join(lacks))}")
            return
        self.console.station.operator, self.console.station.pin = operator, pin
        self.console.go(Stage.HOME)


class HomePane(Pane):
    """The patients of this station; one is marked from the first picture, none is opened by typing alone."""

    NAME: ClassVar[str] = "home"

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._at = 0
        self._id = ""  # who is marked: where somebody comes in above, the mark stays with them
        self._looked_s = console.clock()
        self._search = ""
        self._listed: tuple[tuple[PastPatient, ...], int] = ((), 0)
        self._headed = ""

    def compose(self) -> ComposeResult:
        """Unfinished above, today left, the marked one right."""
        with Vertical(id="over"):  # one cell of the grid, whatever of it is shown
            yield Panel(self.say("home.unfinished"), id="unfinished")
            yield Field(id="search", max_length=40)
        table: DataTable[str] = DataTable(id="today", cursor_type="row", zebra_stripes=True)
        table.can_focus = False
        yield table
        yield Panel(self.say("home.glance"), id="glance")
        yield Panel("", id="training")

    def _patients(self) -> tuple[PastPatient, ...]:
        word = self._search.strip().lower()
        return tuple(each for each in self.console.past_patients() if word in each.id.lower())[:SHOWN_PATIENTS]

    def _marked(self) -> PastPatient | None:
        patients = self._patients()
        if not patients:
            return None
        there = [n for n, each in enumerate(patients) if each.id == self._id]
        self._at = there[0] if there else min(self._at, len(patients) - 1)
        self._id = patients[self._at].id if self._known() else ""  # while it is read the first is marked
        return patients[self._at]

    def _mark(self, row: int) -> None:
        self._at, self._id = row, ""

    def show(self, snapshot: Snapshot | None) -> None:  # noqa: ARG002
        """Draw the table where it changed; a course may have begun elsewhere."""
        if self.console.clock() - self._looked_s >= COURSES_S:
            self._looked_s = self.console.clock()
            self.console.home_view.look_at_courses()
        unfinished = self.console.open_sessions()
        panel = self.panel("unfinished")
        panel.display = bool(unfinished)
        panel.lines(unfinished_lines(unfinished, self.say, panel.columns))
        self.query_one("#search").display = self.field == "search"
        table = self.query_one(DataTable)
        patients = self._patients()
        wide = max(20, table.size.width)
        if (patients, wide) != self._listed:
            self._listed = patients, wide
            table.clear(columns=True)
            table.add_columns(*(self.say(f"home.column.{name}") for name in columns_of(wide)))
            for row in self._rows(patients, wide):
                table.add_row(*row)
        marked = self._marked()
        if marked is not None:
            table.move_cursor(row=self._at, animate=False)
        empty = self.say("home.nobody" if self._search else "home.no-patient" if self._known() else "home.reading")
        headed = self.say("home.today") if patients else empty
        if headed != self._headed:  # setting it draws the table anew, also where it is the same
            table.border_title = self._headed = headed
        glance = self.panel("glance")
        glance.title(self.say("home.glance", patient=marked.id) if marked else self.say("home.glance-none"))
        glance.lines(glance_lines(marked, self.say) if marked else self._beginning() if self._known() else ())
        self._show_training()

    def _known(self) -> bool:
        """Who was here is read, and of which kind of device: before that nobody is new."""
        return self.now is not None and self.console.home_view.read()

    def _beginning(self) -> list[str]:
        """Nobody is here yet: how one begins, and the stages that follow; these alone where a search found nobody."""
        first = [] if self._search else [*self.say.lines("home.first"), ""]
        return [*first, *way_lines(self.say)]

    def _show_training(self) -> None:
        """What this operator has practised; only larger terminals have room for it (`#training` in the style sheet)."""
        panel, operator = self.panel("training"), self.console.station.operator
        if not panel.size.height:
            return
        done = self.console.home_view.practice(operator) if operator else {}
        panel.title(self.say("objectives.of", operator=operator or "–", done=len(done), all=len(OBJECTIVES)))
        panel.lines([f"{'✓' if one in done else '·'} {self.say(f'objective.{one}')}" for one in OBJECTIVES])

    def _rows(self, patients: Sequence[PastPatient], wide: int) -> list[tuple[str, ...]]:
        """As wide as the table, whole but for the last column, whose words are a file's own."""
        names = columns_of(wide)
        rows = [tuple(word for name, word in self._row(each).items() if name in names) for each in patients]
        heads = tuple(self.say(f"home.column.{name}") for name in names)
        used = sum(max(len(row[n]) for row in (heads, *rows)) for n in range(len(names) - 1)) + 2 * len(names) + 1
        return [(*row[:-1], present.clip(row[-1], max(4, wide - used))) for row in rows]

    def _row(self, each: PastPatient) -> dict[str, str]:
        assigned = title_of(each.assigned)
        what = (assigned if each.course else "") or each.last_protocol or assigned or "–"
        side = f" {self.say.of('side', each.side)}" if each.side else ""
        due = self.say("home.due") if each.due else "–"
        words = (f"{each.id}{side}", due, str(each.sessions), each.last_day or "–", what)
        return dict(zip(COLUMNS, words, strict=True))

    def commands(self) -> Sequence[Command]:
        """Open, new, search, what was not finished."""
        marked, unfinished = self._marked(), self.console.open_sessions()
        nobody = self.say("home.nobody-key") if self._search else self.say("home.new-first")
        opens = "" if marked is not None else nobody
        says = self.say("home.opens", patient=marked.id) if marked is not None else ""
        waits = "" if self._known() else self.say("home.reading")
        new = self.does("new", self._new, says=self.say("home.new-says"), refusal=waits)
        if self.field == "search":
            take = self.does("next", self._found, label=self.say("hint.enter-word"), says=says, refusal=opens)
            back = self.does("back", self._no_search, label=self.say("hint.close"), says=self.say("home.clear"))
            return (take, *self.move(self._move), back)
        commands = [self.does("next", self._open, label=self.say("hint.open"), says=says, refusal=opens), new]
        if ended := [one for one in unfinished if one.runs is None]:
            first = self.does(
                "records",
                lambda: self.console.ask(UnfinishedPane(self.console)),
                label=self.say("home.see"),
                says=self.say("home.see-says", count=len(ended)),
            )
            commands.insert(0, first)
        commands += [*self.move(self._move), self.does("search", self._begin_search)]
        if marked is not None and marked.course is not None:  # a diary comes back also where nobody is treated
            commands.append(self.does("course", lambda: self.console.ask(CoursePane(self.console, marked.id))))
        commands.append(self.does("back", self.console.sign_out, label=self.say("home.sign-out"), kind=Kind.ACT))
        return commands

    def typed(self, field: Field) -> None:
        """Narrow the list."""
        self._search = field.value
        self._mark(0)

    def _move(self, step: int) -> None:
        self._marked()
        self._mark(max(0, min(len(self._patients()) - 1, self._at + step)))

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        """A click marks."""
        self._mark(event.cursor_row)
        self.console.draw()

    def _begin_search(self) -> None:
        self.focus_on("search")

    def _no_search(self) -> None:
        self._search = self.query_one("#search", Field).value = ""
        self.focus_on("")

    def _found(self) -> None:
        self.focus_on("")

    def _open(self) -> None:
        marked = self._marked()
        if marked is not None:
            self.console.ask(IdentityPane(self.console, marked.id))

    def _new(self) -> None:
        self.console.ask(IdentityPane(self.console, self._free_name(), new=True))

    def _free_name(self) -> str:
        """The next pseudonym that nobody has here."""
        taken = {each.id.upper() for each in self.console.past_patients()}
        taken |= {each.upper() for each in self.console.station.opened}
        return next(name for number in range(1, 10_000) if (name := f"P-{number:03d}") not in taken)


def columns_of(wide: int) -> tuple[str, ...]:
    """In 80 columns what is treated needs the room more than how often: that stands at a glance."""
    return COLUMNS if wide >= NARROW else tuple(name for name in COLUMNS if name != "visits")


def way_lines(say: Words) -> list[str]:
    """The stages of a visit."""
    return [say("way.head"), *(f"{n} {say(f'way.{stage.value}')}" for n, stage in enumerate(Stage, start=1))]


def marked_line(text: str, *, marked: bool) -> Content:
    """A line of a list, the marked one by its sign and weight."""
    return Content.styled(f"{'▸' if marked else ' '} {text}", "bold" if marked else "")
