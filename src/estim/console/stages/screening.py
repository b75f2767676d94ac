"""The screening: one press, one answer; nothing preset; what a yes means stands beside the question."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import ClassVar

from textual.app import ComposeResult
from textual.content import Content

from estim.console.command import Command
from estim.console.contract import Console
from estim.console.draft import Stage
from estim.console.language import Words
from estim.console.pane import Pane
from estim.console.panel import Panel
from estim.console.screening_items import (
    TOGETHER,
    Item,
    action_words,
    make_form,
    previous_words,
    question_words,
    reasons_of,
)
from estim.console.stages.beside import show_atlas
from estim.console.stages.end_today import end_today
from estim.console.stages.words import WordPane
from estim.controller.interface import Answer
from estim.session.events import Screen as ScreenRequest
from estim.session.screening import GROUPS, QUESTIONS, judge
from estim.session.snapshot import Snapshot

WHERE = ("left leg", "right leg", "left arm", "right arm", "trunk", "")
_AGREED = frozenset({"S05", "S06"})  # absolute at the site, by agreement elsewhere


class ScreeningPane(Pane):
    """Y, N or U, each for one question; the next one is marked after it was painted."""

    NAME: ClassVar[str] = "screening"

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        draft = console.draft
        self.form = make_form(
            first_session=draft.first_session,
            previous=draft.previous_answers,
            answers=draft.answers,
            session=draft.session,
        )
        self._asks = ""  # "where" or "why" of the yes that was just said
        self._yes: Item | None = None  # counts once all about it is said
        self._sent = self._refused = self._blocked = self._told = False

    def compose(self) -> ComposeResult:
        """Questions left, what a yes means right."""
        yield Panel(self.numbered("screening.title"), id="questions")
        yield Panel(self.say("screening.means"), id="meaning")
        yield Panel(self.say("pads.atlas"), id="atlas-beside")

    def show(self, snapshot: Snapshot | None) -> None:  # noqa: ARG002
        """The list, and the marked one in large."""
        form, panel = self.form, self.panel("questions")
        panel.title(self.numbered("screening.progress", done=form.answered, all=len(form.items)))
        lines = [self._line(item, marked=index == form.at) for index, item in enumerate(form.items)]
        panel.lines(lines)
        panel.see(panel.rows_of(lines[: form.at]), panel.rows_of(lines[: form.at + 1]) - 1)
        meaning = self.panel("meaning")
        meaning.title(self._heading(form.current))
        meaning.put(Content(self._detail(form.current)))
        show_atlas(self.console, self.panel("atlas-beside"))

    def _line(self, item: Item, *, marked: bool) -> Content:
        if item.question is None:
            answer = self.say("screening.same") if item.answer else "·"
            text = self.say("screening.nothing-new", group=group_words(item.group, self.say))
        else:
            said = True if item is self._yes else item.answer
            answer = {None: "·", True: self.say("screening.yes"), False: self.say("screening.no")}[said]
            text = f"{item.question.id} {question_words(item.question, self.say)}"
            if item.also is not None:
                text += f" {item.also.id} {question_words(item.also, self.say)}"
        return Content.styled(f"{'▸' if marked else ' '} {answer:<5} {text}", "bold" if marked else "")

    def _heading(self, item: Item) -> str:
        name = item.question.id if item.question is not None else group_words(item.group, self.say)
        return self.say("screening.a-yes-to", name=name)

    def _detail(self, item: Item) -> str:
        say = self.say
        if item.question is None:
            inside = [q for q in QUESTIONS if q.group in TOGETHER[item.group] and q.kind != "gate"]
            previous = say("screening.last-time", previous=previous_words(item.group, self.form.previous, say))
            return "\n".join(
                [previous, say("screening.group"), "", *(f"{q.id} {question_words(q, say)}" for q in inside)]
            )
        question = item.question
        lines = [
            question_words(question, say),
            "",
            action_words(question, say) + ".",
            say("screening.blocks", scope=say(f"scope.{question.scope}"), kind=say(f"kind.{question.kind}")),
        ]
        last = self.form.previous.get(question.id)
        if isinstance(last, bool):
            answer = say("screening.yes" if last else "screening.no")
            lines.append(say("screening.last-answer", answer=answer, day=self.console.draft.last_day or "–"))
        if self._asks:
            lines = [*self._choices(), "", *lines]
        elif item.answer:
            found = judge(self.form.answers(), self.console.draft.sites())
            lines += [f"→ {say.heard(problem.message)}" for problem in found if problem.rule == question.id]
        else:
            lines += ["", say("screening.held")]
        return "\n".join(lines)

    def _choices(self) -> list[str]:
        group, names = ("where", WHERE) if self._asks == "where" else ("why-all-the-same", self._reasons())
        lines = [self.say(f"screening.ask-{self._asks}")]
        lines += [f" {n} {self.say(_key(group, name))}" for n, name in enumerate(names, 1)]
        return lines

    def commands(self) -> Sequence[Command]:
        """The answers; ↑ goes back to change one."""
        say, item = self.say, self.form.current
        back = self.does("back", self._back, label=say("hint.back"))
        if self._asks:
            return (*self._following(), back)
        if self.form.complete:
            refusal = say("refuse.opening") if self._sent else ""
            stands = (self._refused or self._blocked) and not self._sent
            go_on = partial(self.console.go, Stage.PADS) if self._blocked else self._send
            done = self.does("next", go_on, says="" if stands else say("screening.done"), refusal=refusal)
            ends = say("screening.blocked-says" if self._blocked else "screening.end-says")
            end = (end_today(self, says=ends),) if stands else ()
            return (*end, done, *self._answers(item, says=False), *self.move(self._move), back)
        return (*self._answers(item, says=True), *self.move(self._move), back)

    def _answers(self, item: Item, *, says: bool) -> Sequence[Command]:
        say = self.say
        if item.question is None:
            same = self.does(
                "confirm",
                partial(self._say, answer=True),
                label=say("screening.same"),
                says=say("screening.same-says") if says else "",
            )
            return (same, self.does("no", partial(self._say, answer=False), label=say("screening.new")))
        name = item.question.id + (f", {item.also.id}" if item.also is not None else "")
        no = self.does(
            "no",
            partial(self._say, answer=False),
            label=say("hint.no"),
            says=say("screening.no-says", name=name) if says else "",
            refusal=say("screening.no-surplus", name=name) if self._told and item.answer else "",
        )
        yes = self.does("confirm", partial(self._say, answer=True), label=say("hint.yes"))
        return (no, yes, self.does("unsure", partial(self._say, answer=True), label=say("screening.unsure")))

    def _following(self) -> Sequence[Command]:
        say = self.say
        if self._asks == "where":
            return [
                self.digit(
                    str(n),
                    partial(self._where, name),
                    label=say(_key("where", name)),
                    says=say("screening.where-says") if n == 1 else "",
                )
                for n, name in enumerate(WHERE, start=1)
            ]
        names = self._reasons()
        others = ", ".join([*(str(n) for n in range(2, len(names) + 1)), "W"])
        reasons = [
            self.digit(
                str(n),
                partial(self._why, say(f"why-all-the-same.{name}")),
                label=say(f"why-all-the-same.{name}"),
                says=say("screening.why-says", others=others) if n == 1 else "",
            )
            for n, name in enumerate(names, start=1)
        ]
        words = self.digit(
            "w", lambda: self.console.ask(WordPane(self.console, "ask.why", self._why)), label=say("hint.words")
        )
        return (*reasons, words, self.digit("0", partial(self._why, ""), label=say("screening.no-reason")))

    # -- what they do -----------------------------------------------------------------------------------------------

    def _move(self, step: int) -> None:
        self._told = False
        self.form.move(step)

    def _back(self) -> None:
        if self._asks == "why" and self._asks_where():
            self._asks = "where"
        elif self._asks:  # a yes of which half is said is none yet, and is asked again
            self._asks, self._yes = "", None
        elif self.form.at > 0 and self.form.answered < len(self.form.items):
            self.form.move(-1)
        else:
            self.console.go(Stage.PLAN)

    def _say(self, *, answer: bool) -> None:
        item = self.form.current
        if answer and item.question is not None and item.also is None:
            item.answer, item.where, item.reason, self._yes = None, "", "", item
            self._keep()
            self._asks = "where" if self._asks_where() else "why" if self._needs_reason(item) else ""
            if not self._asks:
                self._asked()
            return
        self.form.answer(answer)
        self._keep()
        if self.form.complete:
            self._send()

    def _asks_where(self) -> bool:
        question = self._yes.question if self._yes is not None else None
        return question is not None and question.scope in {"limb", "site"}

    def _reasons(self) -> tuple[str, ...]:
        """Those that fit the yes that was just said."""
        question = self._yes.question if self._yes is not None else None
        return reasons_of(question) if question is not None else ()

    @staticmethod
    def _needs_reason(item: Item) -> bool:
        question = item.question
        return question is not None and (question.kind == "relative" or question.id in _AGREED)

    def _where(self, name: str) -> None:
        if self._yes is not None:
            self._yes.where = name
            self._asks = "why" if self._needs_reason(self._yes) else ""
        if not self._asks:
            self._asked()

    def _why(self, reason: str) -> None:
        if self._yes is not None:
            self._yes.reason = reason
        self._asked()

    def _asked(self) -> None:
        """All about this yes is said: the next question without an answer."""
        if self._yes is not None:
            self._yes.answer = True
            self._keep()
        self._asks, self._yes = "", None
        form = self.form
        form.at = next((index for index, item in enumerate(form.items) if item.answer is None), form.at)
        if form.complete:
            self._send()

    def _keep(self) -> None:
        self.console.draft.answers = self.form.answers()
        self._refused = self._blocked = self._told = False

    def _send(self) -> None:
        """To the controller, which judges and records them."""
        self._sent = True
        console = self.console
        console.send(ScreenRequest(id=console.next_id(), answers=console.draft.answers), self._judged)

    def _judged(self, answer: Answer) -> None:
        self._sent = False
        problems = list(answer.problems)
        if answer.accepted:
            draft = self.console.draft
            draft.screened = True
            # It is recorded, and the controller will load no such channel: said before a pad lies on that limb.
            found = judge(draft.answers, draft.sites())
            problems = [dict(one.to_json()) for one in found if one.severity == "refuse"]
        if not problems:
            self.console.go(Stage.PADS)
            return
        self._refused, self._blocked = not answer.accepted, answer.accepted
        rules = [problem.get("rule") for problem in problems]
        told = (n for n, one in enumerate(self.form.items) if one.question is not None and one.question.id in rules)
        self.form.at = next(told, self.form.at)
        self._told = True
        self.console.problems(problems)


def _key(group: str, name: str) -> str:
    return f"{group}.{(name or 'everywhere').replace(' ', '-')}"


def group_words(group: str, say: Words) -> str:
    """What is asked about together."""
    if say.has(f"group-together.{group}"):
        return say(f"group-together.{group}")
    return say(f"group.{group}") if say.has(f"group.{group}") else dict(GROUPS)[group]
