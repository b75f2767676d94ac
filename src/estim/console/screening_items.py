"""The screening form's own logic: which items are asked, what a key does, what goes to the controller. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from estim.console.language import ENGLISH, Words
from estim.session import screening
from estim.session.screening import FOLLOW_UP, GROUPS, QUESTIONS, Question


@dataclass(slots=True, kw_only=True)
class Item:
    """One line to answer: a question, or a group of them whose previous answers are confirmed together."""

    kind: Literal["question", "group"]
    group: str
    question: Question | None = None
    answer: bool | None = None  # of a question: yes/no; of a group: True = unchanged; nothing is preset
    where: str = ""
    reason: str = ""


@dataclass(slots=True, kw_only=True)
class Form:
    """All items, and where the cursor stands."""

    items: list[Item]
    previous: Mapping[str, bool | str] = field(default_factory=dict)
    at: int = 0

    @property
    def current(self) -> Item:
        """The item under the cursor."""
        return self.items[self.at]

    @property
    def complete(self) -> bool:
        """Every item has an answer."""
        return all(item.answer is not None for item in self.items)

    @property
    def answered(self) -> int:
        """How many have one."""
        return sum(item.answer is not None for item in self.items)

    def move(self, step: int) -> None:
        """Cursor up or down."""
        self.at = max(0, min(len(self.items) - 1, self.at + step))

    def answer(self, value: bool) -> None:  # noqa: FBT001  # the answer itself
        """Answer the current item and go to the next one without an answer; a group's "no" opens its questions."""
        item = self.current
        if item.kind == "group" and not value:
            self._open(item)
            return
        item.answer = value
        if not value:
            item.where = item.reason = ""
        following = [*range(self.at + 1, len(self.items)), *range(self.at)]
        self.at = next((index for index in following if self.items[index].answer is None), self.at)

    def _open(self, item: Item) -> None:
        questions = [question for question in QUESTIONS if question.group == item.group]
        opened = [Item(kind="question", group=item.group, question=question) for question in questions]
        self.items[self.at : self.at + 1] = opened

    def answers(self) -> dict[str, bool | str]:
        """All answers as the controller takes them; unconfirmed groups bring nothing."""
        changed: dict[str, bool | str] = {}
        for item in self.items:
            if item.question is not None and item.answer is not None:
                changed[item.question.id] = item.answer
                if item.where:
                    changed[f"{item.question.id}.where"] = item.where
                if item.reason:
                    changed[f"{item.question.id}.reason"] = item.reason
        unchanged = [item.group for item in self.items if item.kind == "group" and item.answer]
        return screening.reconfirmed(self.previous, unchanged, changed)


def make_form(
    *, first_session: bool, previous: Mapping[str, bool | str], answers: Mapping[str, bool | str], session: int
) -> Form:
    """The form of this session: every question the first time, later groups with their previous answers in view.

    `answers` are those already given in this session, so that the stage can be come back to.
    """
    full = first_session or not previous
    items: list[Item] = []
    for group, _ in GROUPS:
        if full or group == "today":
            asked = [question for question in QUESTIONS if question.group == group and question.kind != "gate"]
            if group == "today" and session >= 2:
                asked.append(FOLLOW_UP)
            items += [_restored(question, answers) for question in asked]
        else:
            known = all(question.id in answers for question in QUESTIONS if question.group == group)
            items.append(Item(kind="group", group=group, answer=True if known else None))
    form = Form(items=items, previous=previous)
    form.at = next((index for index, item in enumerate(items) if item.answer is None), 0)
    return form


def _restored(question: Question, answers: Mapping[str, bool | str]) -> Item:
    given = answers.get(question.id)
    return Item(
        kind="question",
        group=question.group,
        question=question,
        answer=given if isinstance(given, bool) else None,
        where=str(answers.get(f"{question.id}.where", "")),
        reason=str(answers.get(f"{question.id}.reason", "")),
    )


def question_words(question: Question, say: Words = ENGLISH) -> str:
    """The question in the language chosen; English is the evidence table's own wording."""
    return say(f"question.{question.id}") if say.has(f"question.{question.id}") else question.text


def action_words(question: Question, say: Words = ENGLISH) -> str:
    """What a yes leads to."""
    return say(f"question-action.{question.id}") if say.has(f"question-action.{question.id}") else question.action


def previous_words(group: str, previous: Mapping[str, bool | str], say: Words = ENGLISH) -> str:
    """What was answered last time in this group: every yes with its place and reason, or that all were no."""
    said = []
    for question in QUESTIONS:
        if question.group == group and previous.get(question.id) is True:
            where = previous.get(f"{question.id}.where", "")
            reason = previous.get(f"{question.id}.reason", "")
            words = question_words(question, say)
            said.append(" ".join(part for part in (words, say("screening.yes"), str(where), str(reason)) if part))
    return "; ".join(said) if said else say("screening.all-no")
