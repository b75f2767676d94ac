"""The screening: Y or N to each question, nothing preset; what an answer blocks is said at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding
from textual.content import Content
from textual.widgets import Static

from estim.console.dialogs import WordDialog
from estim.console.draft import Stage
from estim.console.screening_items import Item, action_words, make_form, previous_words, question_words
from estim.console.stage import StageScreen, hint
from estim.controller.interface import Answer
from estim.session.events import Screen as ScreenRequest
from estim.session.screening import GROUPS, QUESTIONS, judge
from estim.session.snapshot import Snapshot

FRAME_ROWS = 7  # banner, trail, heading, keys
DETAIL_ROWS = 8  # the current question in full, what a yes leads to


class ScreeningScreen(StageScreen):
    """Grouped; full at the first session, afterwards re-confirmed group by group."""

    STAGE = Stage.SCREENING
    BINDINGS: ClassVar[list[Any]] = [
        Binding("y", "say(True)", "Yes", show=False),
        Binding("n", "say(False)", "No", show=False),
        Binding("up", "move(-1)", "Up", show=False),
        Binding("down", "move(1)", "Down", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._drawn: tuple[Any, ...] = ()

    def compose_body(self) -> ComposeResult:
        """The questions, and what the current one leads to."""
        yield Static(id="questions")
        yield Static(id="question-detail")

    def begin(self) -> None:
        """Take up where it was left."""
        draft = self.console.draft
        self.form = make_form(
            first_session=draft.first_session,
            previous=draft.previous_answers,
            answers=draft.answers,
            session=draft.session,
        )
        super().begin()

    def show_stage(self, snapshot: Snapshot | None) -> None:  # noqa: ARG002
        """Draw when something changed, not with every snapshot."""
        state = (self.form.at, tuple((i.answer, i.where, i.reason) for i in self.form.items), self.size)
        if state != self._drawn:
            self._drawn = state
            self._redraw()

    def _redraw(self) -> None:
        rows = max(4, self.size.height - FRAME_ROWS - DETAIL_ROWS)
        first = max(0, min(self.form.at - rows // 2, len(self.form.items) - rows))
        lines: list[Content] = [
            Content.styled(
                self.say(
                    "screening.head",
                    group=self._group(self.form.current.group),
                    done=self.form.answered,
                    all=len(self.form.items),
                ),
                "bold",
            )
        ]
        lines += [self._line(index, item) for index, item in enumerate(self.form.items)][first : first + rows]
        self.query_one("#questions", Static).update(Content("\n").join(lines))
        self.query_one("#question-detail", Static).update(Content(self._detail(self.form.current)))

    def _line(self, index: int, item: Item) -> Content:
        cursor = "▶" if index == self.form.at else " "
        width = 6
        if item.question is None:
            words = self.say("screening.same") if item.answer else "?"
            previous = previous_words(item.group, self.form.previous, self.say)
            text = self.say("screening.last-time", group=self._group(item.group), previous=previous)
        else:
            words = {None: "?", True: self.say("screening.yes"), False: self.say("screening.no")}[item.answer]
            text = f"{item.question.id} {question_words(item.question, self.say)}"
        said = f"[{words:^{width}}]"
        width = max(40, self.size.width - 16)
        shown = text if len(text) <= width else text[: width - 1] + "…"
        return Content.styled(f" {cursor} {said} {shown}", "bold" if index == self.form.at else "")

    def _group(self, group: str) -> str:
        return self.say(f"group.{group}") if self.say.has(f"group.{group}") else dict(GROUPS)[group]

    def _detail(self, item: Item) -> str:
        say = self.say
        if item.question is None:
            questions = [question_words(question, say) for question in QUESTIONS if question.group == item.group]
            return "\n".join(["", say("screening.group"), *questions])
        question = item.question
        lines = [
            "",
            f"{question.id} {question_words(question, say)}",
            say(
                "screening.a-yes", action=action_words(question, say), kind=say(f"kind.{question.kind}"),
                scope=say(f"scope.{question.scope}"), rationale=question.rationale,
            ),
        ]  # fmt: skip
        if item.answer:
            reason = say("screening.reason", reason=item.reason) if item.reason else ""
            lines.append(say("screening.where", where=item.where or say("screening.everywhere")) + reason)
            found = judge(self.form.answers(), self.console.draft.sites())
            lines += [f"→ {problem.message}" for problem in found if problem.rule == question.id]
        return "\n".join(lines)

    def hints(self, snapshot: Snapshot | None) -> Sequence[tuple[str, str]]:  # noqa: ARG002
        """Two keys answer."""
        return (("Y", "hint.yes"), ("N", "hint.no"), ("↑↓", "hint.move"), hint("next"), hint("back"))

    def action_move(self, step: int) -> None:
        """Cursor."""
        self.form.move(step)
        self.show_stage(self.console.snapshot)

    def action_say(self, value: bool) -> None:  # noqa: FBT001  # the answer itself
        """Answer; a yes asks where, and why it is treated all the same."""
        item = self.form.current
        self.form.answer(value)
        self._keep()
        if value and item.question is not None:
            if item.question.scope in {"limb", "site"}:
                self._ask_where(item)
            else:
                self._ask_reason(item)
        self.show_stage(self.console.snapshot)

    def _ask_where(self, item: Item) -> None:
        def said(word: str | None) -> None:
            item.where = word or ""
            self._keep()
            self._ask_reason(item)

        asked = question_words(item.question, self.say) if item.question else ""
        title = self.say("screening.ask-where", question=asked)
        self.app.push_screen(WordDialog(title, "screening.where-example"), said)

    def _ask_reason(self, item: Item) -> None:
        question = item.question
        if (
            question is None
            or question.kind == "information"
            or (question.kind == "absolute" and question.id not in _AGREED)
        ):
            return

        def said(word: str | None) -> None:
            item.reason = word or ""
            self._keep()
            self.show_stage(self.console.snapshot)

        asked, action = question_words(question, self.say), action_words(question, self.say)
        self.app.push_screen(WordDialog(self.say("screening.ask-reason", question=asked, action=action)), said)

    def _keep(self) -> None:
        self.console.draft.answers = self.form.answers()

    def action_next(self) -> None:
        """To the controller, which judges and records them."""
        if not self.form.complete:
            missing = len(self.form.items) - self.form.answered
            self.refuse("refuse.unanswered", count=missing)
            self.form.at = next(index for index, item in enumerate(self.form.items) if item.answer is None)
            self.show_stage(self.console.snapshot)
            return
        console = self.console
        console.send(ScreenRequest(id=console.next_id(), answers=console.draft.answers), self._judged)

    def _judged(self, answer: Answer) -> None:
        if answer.accepted:
            self.console.draft.screened = True
            self.console.go(Stage.PADS)
        else:
            self.show_problems(answer.problems)


_AGREED = frozenset({"S05", "S06"})  # absolute at the site, by agreement elsewhere
