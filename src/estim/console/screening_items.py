"""The screening form's own logic: which items are asked, what a key does, what goes to the controller. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
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
    also: Question | None = None  # asked in the same breath: a no is a no to both, a yes opens them
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
        if item.also is not None and value:
            self._part(item)
            return
        item.answer = value
        if not value:
            item.where = item.reason = ""
        following = [*range(self.at + 1, len(self.items)), *range(self.at)]
        self.at = next((index for index in following if self.items[index].answer is None), self.at)

    def _open(self, item: Item) -> None:
        questions = [question for question in QUESTIONS if question.group in TOGETHER[item.group]]
        opened = [Item(kind="question", group=item.group, question=question) for question in questions]
        self.items[self.at : self.at + 1] = opened

    def _part(self, item: Item) -> None:
        both = [each for each in (item.question, item.also) if each is not None]
        self.items[self.at : self.at + 1] = [Item(kind="question", group=item.group, question=each) for each in both]

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
                if item.also is not None:
                    changed[item.also.id] = item.answer
        unchanged = [
            group for item in self.items if item.kind == "group" and item.answer for group in TOGETHER[item.group]
        ]
        return screening.reconfirmed(self.previous, unchanged, changed)


# What is confirmed together from the second visit on: one press for what a person takes in at one look.
TOGETHER: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"general": ("heart", "general"), "sites": ("sites", "circulation", "skin"), "movement": ("movement", "nerve")}
)


def make_form(
    *, first_session: bool, previous: Mapping[str, bool | str], answers: Mapping[str, bool | str], session: int
) -> Form:
    """The form of this session: every question the first time, later groups with their previous answers in view.

    `answers` are those already given in this session, so that the stage can be come back to.
    """
    full = first_session or not previous
    items: list[Item] = []
    groups = [group for group, _ in GROUPS] if full else ["today", *TOGETHER]
    for group in groups:
        if full or group == "today":
            asked = [question for question in QUESTIONS if question.group == group and question.kind != "gate"]
            if group == "today" and session >= 2:
                asked.append(FOLLOW_UP)
            if not full:
                items += _together([_restored(question, answers) for question in asked])
            else:
                items += [_restored(question, answers) for question in asked]
        else:
            inside = [question for question in QUESTIONS if question.group in TOGETHER[group]]
            if any(question.id not in previous for question in inside):  # never answered: nothing to confirm
                items += [_restored(question, answers) for question in inside]
                continue
            given = all(question.id in answers for question in inside)
            items.append(Item(kind="group", group=group, answer=True if given else None))
    form = Form(items=items, previous=previous)
    form.at = next((index for index, item in enumerate(items) if item.answer is None), 0)
    return form


def _together(items: list[Item]) -> list[Item]:
    """From the second visit on the last two of today are asked in one breath (fever, alcohol; bath, car)."""
    first = next((item for item in items if item.question is not None and item.question.id == "S28"), None)
    second = next((item for item in items if item.question is not None and item.question.id == "S29"), None)
    if first is None or second is None or first.answer or second.answer:
        return items
    first.also = second.question
    return [item for item in items if item is not second]


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


def reasons_of(question: Question) -> tuple[str, ...]:
    """The reasons that fit a yes to it and one digit each may say; anything else is written.

    By agreement alone where its action asks who agreed; another place helps only where the place is what it is about;
    and of today's state nobody knows that it was tolerated before.
    """
    return _REASONS.get(question.id, _REASONS_BY_SCOPE.get(question.scope, _REASONS_BY_SCOPE["whole"]))


_REASONS_BY_SCOPE: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "site": ("doctor-agreed", "away-from-pads", "tolerated-before"),
        "limb": ("doctor-agreed", "tolerated-before"),
        "whole": ("doctor-agreed", "tolerated-before"),
    }
)
_REASONS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "S05": ("doctor-agreed",),
        "S06": ("doctor-agreed",),
        "S17": ("doctor-agreed", "away-from-pads"),
        "S23": ("doctor-agreed", "away-from-pads"),
        "S28": ("doctor-agreed", "slight-and-clear"),
        "R48": ("doctor-agreed", "gone-and-seen"),
    }
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
        if question.group in TOGETHER.get(group, (group,)) and previous.get(question.id) is True:
            where = previous.get(f"{question.id}.where", "")
            reason = previous.get(f"{question.id}.reason", "")
            words = question_words(question, say)
            said.append(" ".join(part for part in (words, say("screening.yes"), str(where), str(reason)) if part))
    return "; ".join(said) if said else say("screening.all-no")
