"""Choosing the protocol: search, what it is for, what it rests on, what it plays, week of the course."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Container, VerticalScroll
from textual.content import Content
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from estim.console.draft import Stage, source_name
from estim.console.preview import changes_since, preview_lines, suggested_week
from estim.console.protocol_words import detail_lines, nearest_first
from estim.console.stage import StageScreen, hint
from estim.protocols import library
from estim.protocols.loader import load
from estim.protocols.schema import Protocol
from estim.safety.errors import EstimError
from estim.session.snapshot import Snapshot


class ProtocolScreen(StageScreen):
    """The library and the site's own files; one that can't be read is listed with its reason."""

    STAGE = Stage.PROTOCOL
    LONG = "#details-box"
    BINDINGS: ClassVar[list[Any]] = [
        # Ahead of the search field, where they would only move its cursor.
        Binding("left", "week(-1)", "Week -", show=False, priority=True),
        Binding("right", "week(1)", "Week +", show=False, priority=True),
        Binding("up", "choose(-1)", "Up", show=False, priority=True),
        Binding("down", "choose(1)", "Down", show=False, priority=True),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._protocols: dict[str, Protocol] = {}
        self._broken: dict[str, str] = {}
        self._source = ""

    def compose_body(self) -> ComposeResult:
        """Search line, list, details."""
        yield Input(placeholder=self.say("protocol.search"), id="search", compact=True)
        with Container(id="choice"):
            yield OptionList(id="protocols")
            with VerticalScroll(id="details-box", can_focus=False):
                yield Static(id="details")

    def begin(self) -> None:
        """Read the files: a few dozen, some milliseconds each, while output is off."""
        super().begin()
        sources = [(name, library.path(name)) for name in library.names()]
        sources += [(path, Path(path)) for path in self.console.home_view.own_protocols()]
        for source, path in sources:
            try:
                self._protocols[source] = load(path)
            except (EstimError, OSError) as error:
                self._broken[source] = str(error).splitlines()[0]
        past = self.console.past_patient(self.console.draft.patient_id)
        self._source = self.console.draft.source or (past.assigned or past.last_protocol_id if past is not None else "")
        self._list("")
        self.query_one("#search").focus()

    def _list(self, text: str) -> None:
        listed = self.query_one(OptionList)
        listed.clear_options()
        for source in nearest_first(self._protocols, text):
            protocol = self._protocols[source]
            basis = "" if protocol.basis == "published" else f"  ({self.say.of('basis-short', protocol.basis)})"
            listed.add_option(Option(Content(f"{protocol.title}{basis}"), id=source))
        for source, reason in self._broken.items():
            listed.add_option(Option(Content(f"✖ {source_name(source)}: {reason}"), disabled=True))
        shown = [option.id for option in listed.options if option.id is not None]
        if shown:
            # What is typed leads to the nearest one; without a word the one that was chosen before stays chosen.
            listed.highlighted = shown.index(self._source) if self._source in shown and not text else 0
        self.query_one("#details", Static).update(Content("" if shown else self.say("protocol.none")))

    def on_input_changed(self, event: Input.Changed) -> None:
        """Narrow the list."""
        self._list(event.value)

    def on_input_submitted(self) -> None:
        """Enter goes to the list."""
        self.query_one(OptionList).focus()

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """Show what it is."""
        if event.option.id is not None:
            self._source = event.option.id
            self._details()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Enter on the list only chooses; F8 goes on."""
        if event.option.id is not None:
            self._source = event.option.id
            self._details()

    def _details(self) -> None:
        protocol = self._protocols.get(self._source)
        if protocol is None:
            return
        box = self.query_one("#details-box")
        columns = max(40, box.size.width - 4)
        drawn = self._drawn(protocol, columns)
        lines = detail_lines(protocol, week=self.console.draft.week, columns=columns, drawn=drawn, say=self.say)
        self.query_one("#details", Static).update(Content.assemble((f"{lines[0]}\n", "bold"), "\n".join(lines[1:])))
        box.scroll_home(animate=False)

    def _drawn(self, protocol: Protocol, columns: int) -> tuple[str, ...]:
        """The preview of today, and what it plays otherwise than last time."""
        draft, snapshot = self.console.draft, self.console.snapshot
        if protocol.basis == "reference-only":
            return ()
        session = draft.sessions_before + 1
        model = snapshot.model if snapshot is not None else ""
        lines = preview_lines(protocol, model=model, week=draft.week, session=session, columns=columns, say=self.say)
        past = self.console.past_patient(draft.patient_id)
        if past is None or past.last_protocol_id != protocol.id:
            return (*lines, "")
        last = (past.last_week, past.last_session, past.last_version)
        changed = changes_since(protocol, last=last, week=draft.week, session=session, say=self.say)
        suggested = self.say("protocol.suggested", week=suggested_week(protocol, past.sessions), count=past.sessions)
        return (*lines, "", *changed, suggested)

    def action_week(self, step: int) -> None:
        """The week of the course is the therapist's word; it is never moved by itself."""
        draft = self.console.draft
        draft.week = max(1, min(52, draft.week + step))
        self._details()

    def action_choose(self, step: int) -> None:
        """One line up or down in the list, wherever the cursor stands."""
        listed = self.query_one(OptionList)
        known = [index for index, option in enumerate(listed.options) if not option.disabled]
        if known:
            at = known.index(listed.highlighted) if listed.highlighted in known else 0
            listed.highlighted = known[max(0, min(len(known) - 1, at + step))]

    def hints(self, snapshot: Snapshot | None) -> Sequence[tuple[str, str]]:  # noqa: ARG002
        """Choose, week, on."""
        return (
            ("↑↓", "hint.choose"),
            ("←→", self.say("hint.week", week=self.console.draft.week)),
            hint("next"),
            hint("back"),
        )

    def action_next(self) -> None:
        """Take it, if it may be played at all."""
        protocol = self._protocols.get(self._source)
        if protocol is None:
            self.refuse("refuse.protocol")
            return
        if protocol.basis == "reference-only":
            self.refuse("refuse.reading-only", title=protocol.title)
            return
        draft = self.console.draft
        if self._source != draft.source:
            draft.choose(self._source, protocol)
        self.console.go(Stage.SCREENING)
